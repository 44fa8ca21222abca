/** What may be done to a task now: buttons, and what each of them asks before. */
import { useState } from 'preact/hooks';
import type { UpgradeTaskDetail } from '../../../api-types.ts';
import { call } from '../../../api/call.ts';
import { may } from '../../../api/session.ts';
import { countText } from '../../../parts/time.tsx';
import { say } from '../../../parts/toasts.tsx';
import { causeBody, CauseDialog, type Deed } from '../cause-dialog.tsx';
import { PacingDialog } from './pacing.tsx';
import { RETRYABLE, sumsOf, t, taskName, type Counts } from './texts.ts';

type Name = 'approve' | 'reject' | 'startNow' | 'pause' | 'resume' | 'pacing' | 'retryFailed' | 'cancel';

const POSSIBLE: Readonly<Record<UpgradeTaskDetail['status'], readonly Name[]>> = {
  awaiting_approval: ['approve', 'reject', 'pacing'],
  scheduled: ['startNow', 'pause', 'pacing', 'cancel'],
  running: ['pause', 'pacing', 'retryFailed', 'cancel'],
  paused: ['resume', 'pacing', 'retryFailed', 'cancel'],
  cancelling: [],
  finished: ['retryFailed'],
  cancelled: [],
};

export function TaskControls({
  task,
  counts,
  whenDone,
}: {
  task: UpgradeTaskDetail;
  counts: Counts;
  whenDone: () => void;
}) {
  const [open, setOpen] = useState<Name | null>(null);
  if (!may('upgrade:write')) return null;
  const words = t();
  const failed = RETRYABLE.reduce((sum, status) => sum + (counts[status] ?? 0), 0);
  const names = POSSIBLE[task.status].filter((name) => name !== 'retryFailed' || failed > 0);
  const close = () => setOpen(null);
  const params = { taskId: task.id };
  const deeds: Record<Exclude<Name, 'pacing'>, Deed> = {
    approve: deed('approve', [words.ask.approve], (body) => call('approveUpgradeTask', { params, body })),
    reject: deed('reject', [words.ask.reject], (body) => call('rejectUpgradeTask', { params, body }), true),
    startNow: deed('startNow', [words.ask.startNow], (body) => call('startUpgradeTaskNow', { params, body })),
    pause: deed('pause', [words.ask.pause], (body) => call('pauseUpgradeTask', { params, body })),
    resume: deed('resume', [words.ask.resume], (body) => call('resumeUpgradeTask', { params, body })),
    retryFailed: deed('retryFailed', [words.ask.retryFailed(countText(failed))], (body) =>
      call('retryFailedDevices', { params, body }),
    ),
    cancel: deed(
      'cancel',
      [words.ask.cancel(countText(sumsOf(counts).open)), words.ask.cancelFinal],
      (body) => call('cancelUpgradeTask', { params, body }),
      true,
    ),
  };
  function deed(
    name: Exclude<Name, 'pacing'>,
    consequences: readonly string[],
    act: (body: { cause?: string }) => Promise<unknown>,
    danger = false,
  ): Deed {
    return {
      title: `${words.action[name]}: ${taskName(task)}`,
      action: words.action[name],
      consequences,
      danger,
      run: async (cause) => {
        await act(causeBody(cause));
        say(words.ask.done);
        whenDone();
      },
    };
  }
  return (
    <>
      {names.map((name) => (
        <button key={name} type="button" class={`button ${STYLE[name] ?? ''}`} onClick={() => setOpen(name)}>
          {words.action[name]}
        </button>
      ))}
      {open === 'pacing' && <PacingDialog task={task} onClose={close} whenDone={whenDone} />}
      {open !== null && open !== 'pacing' && <CauseDialog deed={deeds[open]} onClose={close} />}
    </>
  );
}
const STYLE: Partial<Record<Name, string>> = {
  approve: 'primary',
  resume: 'primary',
  cancel: 'danger',
  reject: 'danger',
};

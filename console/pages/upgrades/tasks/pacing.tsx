/** Changes how fast a task goes while it runs; somebody else's change is not overwritten. */
import { useState } from 'preact/hooks';
import type { UpgradeTaskDetail } from '../../../api-types.ts';
import { call } from '../../../api/call.ts';
import { useAction } from '../../../api/queries.ts';
import { Dialog } from '../../../parts/dialog.tsx';
import { errorAt, NumberField, TextField } from '../../../parts/fields.tsx';
import { ProblemNote } from '../../../parts/problem.tsx';
import { say } from '../../../parts/toasts.tsx';
import { t as shellTexts } from '../../../shell/texts.ts';
import { causeBody } from '../cause-dialog.tsx';
import { t } from './texts.ts';

export function PacingDialog({
  task,
  onClose,
  whenDone,
}: {
  task: UpgradeTaskDetail;
  onClose: () => void;
  whenDone: () => void;
}) {
  const { maxConcurrent: atOnce = null, ratePerMinute: rate = null } = task.options;
  const [maxConcurrent, setMaxConcurrent] = useState<number | null>(atOnce);
  const [ratePerMinute, setRatePerMinute] = useState<number | null>(rate);
  const [cause, setCause] = useState('');
  const [revision] = useState(task.revision);
  const words = t().pacing;
  const act = useAction(async () => {
    const body = {
      ...(maxConcurrent !== null && maxConcurrent !== atOnce && { maxConcurrent }),
      ...(ratePerMinute !== rate && { ratePerMinute }),
      ...causeBody(cause.trim()),
    };
    await call('changeUpgradeTaskPacing', { params: { taskId: task.id }, body }, { ifMatch: revision });
    say(t().ask.done);
    whenDone();
    onClose();
  });
  const submit = (event: Event) => {
    event.preventDefault();
    void act.run();
  };
  return (
    <Dialog title={words.title} onClose={onClose}>
      <form onSubmit={submit}>
        <NumberField
          label={words.maxConcurrent}
          min={1}
          value={maxConcurrent}
          error={errorAt(act.error, 'body.maxConcurrent')}
          onInput={setMaxConcurrent}
          required
        />
        <NumberField
          label={words.ratePerMinute}
          hint={words.ratePerMinuteHint}
          min={1}
          value={ratePerMinute}
          error={errorAt(act.error, 'body.ratePerMinute')}
          onInput={setRatePerMinute}
        />
        <TextField label={t().ask.cause} hint={t().ask.causeHint} value={cause} onInput={setCause} />
        {task.revision !== revision && <p class="note">{words.stale}</p>}
        {act.error !== null && <ProblemNote problem={act.error} />}
        <div class="row end">
          <button type="button" class="button" onClick={onClose}>
            {shellTexts().common.cancel}
          </button>
          <button type="submit" class="button primary" disabled={act.busy || maxConcurrent === null}>
            {words.save}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

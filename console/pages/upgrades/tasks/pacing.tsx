/** Changes how fast a task goes while it runs; somebody else's change is not overwritten. */
import { useState } from 'preact/hooks';
import type { UpgradeTaskDetail } from '../../../api-types.ts';
import { call } from '../../../api/call.ts';
import { useAction } from '../../../api/queries.ts';
import { FormDialog } from '../../../parts/form-dialog.tsx';
import { errorAt, NumberField, TextField } from '../../../parts/fields.tsx';
import { say } from '../../../parts/toasts.tsx';
import { AbortRules, abortRules, keyLimits, KeyLimits, type AbortDraft, type KeyLimitDraft } from '../task-rules.tsx';
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
  const [abort, setAbort] = useState<AbortDraft[]>(() =>
    (task.options.abort ?? []).map((rule) => ({ failures: 'any', ...rule })),
  );
  const [limits, setLimits] = useState<KeyLimitDraft[]>(task.options.keyLimits ?? []);
  const [touched, setTouched] = useState({ abort: false, limits: false });
  const [cause, setCause] = useState('');
  const [revision] = useState(task.revision);
  const words = t().pacing;
  const act = useAction(async () => {
    const body = {
      ...(maxConcurrent !== null && maxConcurrent !== atOnce && { maxConcurrent }),
      ...(ratePerMinute !== rate && { ratePerMinute }),
      ...(touched.abort && { abort: abortRules(abort) }),
      ...(touched.limits && { keyLimits: keyLimits(limits) }),
      ...causeBody(cause.trim()),
    };
    await call('changeUpgradeTaskPacing', { params: { taskId: task.id }, body }, { ifMatch: revision });
    say(t().ask.done);
    whenDone();
    onClose();
  });
  return (
    <FormDialog title={words.title} onClose={onClose} act={act} submit={words.save} blocked={maxConcurrent === null}>
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
      <AbortRules
        rules={abort}
        onInput={(rules) => {
          setAbort(rules);
          setTouched((each) => ({ ...each, abort: true }));
        }}
      />
      <KeyLimits
        limits={limits}
        onInput={(some) => {
          setLimits(some);
          setTouched((each) => ({ ...each, limits: true }));
        }}
      />
      <TextField label={t().ask.cause} hint={t().ask.causeHint} value={cause} onInput={setCause} />
      {task.revision !== revision && <p class="note">{words.stale}</p>}
    </FormDialog>
  );
}

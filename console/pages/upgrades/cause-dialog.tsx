/** Asks why before something is done, says what will happen, and stays open with the problem when it is refused. */
import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { useAction } from '../../api/queries.ts';
import { Dialog } from '../../parts/dialog.tsx';
import { TextField } from '../../parts/fields.tsx';
import { ProblemNote } from '../../parts/problem.tsx';
import { t as shellTexts } from '../../shell/texts.ts';
import { t } from './tasks/texts.ts';

export interface Deed {
  title: string;
  consequences?: readonly string[];
  action: string;
  danger?: boolean;
  /** Does it; what it throws is shown. */
  run: (cause: string) => Promise<unknown>;
  children?: ComponentChildren;
}

/** `{deed !== null && <CauseDialog deed={deed} onClose={() => setDeed(null)} />}` */
export function CauseDialog({ deed, onClose }: { deed: Deed; onClose: () => void }) {
  const [cause, setCause] = useState('');
  const act = useAction(async () => deed.run(cause.trim()));
  const submit = async (event: Event) => {
    event.preventDefault();
    if (await act.run()) onClose();
  };
  const { title, consequences = [], action, danger = false, children } = deed;
  return (
    <Dialog title={title} onClose={onClose}>
      <form onSubmit={(event) => void submit(event)}>
        {consequences.length === 1 ? (
          <p>{consequences[0]}</p>
        ) : (
          <ul>
            {consequences.map((each) => (
              <li key={each}>{each}</li>
            ))}
          </ul>
        )}
        {children}
        <TextField label={t().ask.cause} hint={t().ask.causeHint} value={cause} onInput={setCause} />
        {act.error !== null && <ProblemNote problem={act.error} />}
        <div class="row end">
          <button type="button" class="button" onClick={onClose}>
            {shellTexts().common.cancel}
          </button>
          <button type="submit" class={danger ? 'button danger' : 'button primary'} disabled={act.busy}>
            {action}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

/** A body with a cause, where one was given. */
export function causeBody(cause: string): { cause?: string } {
  return cause === '' ? {} : { cause };
}

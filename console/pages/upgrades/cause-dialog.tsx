/** Asks why before something is done, says what will happen, and stays open with the problem when it is refused. */
import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { useAction } from '../../api/queries.ts';
import { FormDialog } from '../../parts/form-dialog.tsx';
import { TextField } from '../../parts/fields.tsx';
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
  const act = useAction(async () => {
    await deed.run(cause.trim());
    onClose();
  });
  const { title, consequences = [], action, danger = false, children } = deed;
  return (
    <FormDialog title={title} onClose={onClose} act={act} submit={action} danger={danger}>
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
    </FormDialog>
  );
}

/** A body with a cause, where one was given. */
export function causeBody(cause: string): { cause?: string } {
  return cause === '' ? {} : { cause };
}

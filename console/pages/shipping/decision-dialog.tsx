/** Asks for a decision's note, and says what the decision does. */
import { useState } from 'preact/hooks';
import { call } from '../../api/call.ts';
import { useAction } from '../../api/queries.ts';
import { Dialog } from '../../parts/dialog.tsx';
import { errorAt, TextField } from '../../parts/fields.tsx';
import { ProblemNote } from '../../parts/problem.tsx';
import { countText } from '../../parts/time.tsx';
import { say } from '../../parts/toasts.tsx';
import { t as shellTexts } from '../../shell/texts.ts';
import type { DecisionAbout } from './attention.tsx';
import { t } from './texts.ts';

export function DecisionDialog({
  decision,
  about,
  count,
  onClose,
  onDone,
}: DecisionAbout & { onClose: () => void; onDone: () => void }) {
  const [note, setNote] = useState('');
  const { attention: words } = t().platforms;
  const isNeeded = decision === 'write_off';
  const decide = useAction(async () => {
    const given = note.trim();
    const body = { ...about, decision, ...(given !== '' && { note: given }) };
    const { decided, leftOut, unmatched } = await call('decidePlatformDevices', { body });
    const done = leftOut ? words.done(countText(decided), countText(leftOut)) : words.doneAll(countText(decided));
    say(unmatched ? `${done} ${words.unmatched(countText(unmatched))}` : done);
    onClose();
    onDone();
  });
  const submit = (event: Event) => {
    event.preventDefault();
    void decide.run();
  };
  return (
    <Dialog title={words[`title_${decision}`](countText(count))} onClose={onClose}>
      <form onSubmit={submit}>
        <p>{words[`what_${decision}`]}</p>
        <TextField
          label={words.note}
          hint={isNeeded ? words.noteRequired : words.noteHint}
          required={isNeeded}
          value={note}
          error={errorAt(decide.error, 'body.note')}
          onInput={setNote}
        />
        {decide.error !== null && <ProblemNote problem={decide.error} />}
        <div class="row end">
          <button type="button" class="button" onClick={onClose}>
            {shellTexts().common.cancel}
          </button>
          <button
            type="submit"
            class={isNeeded ? 'button danger' : 'button primary'}
            disabled={decide.busy || (isNeeded && note.trim() === '')}
          >
            {words[decision]}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

/** Asks for a decision's note, and says what the decision does. */
import { useState } from 'preact/hooks';
import { call } from '../../api/call.ts';
import { useAction } from '../../api/queries.ts';
import { FormDialog } from '../../parts/form-dialog.tsx';
import { errorAt, TextField } from '../../parts/fields.tsx';
import { countText } from '../../parts/time.tsx';
import { say } from '../../parts/toasts.tsx';
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
  return (
    <FormDialog
      title={words[`title_${decision}`](countText(count))}
      onClose={onClose}
      act={decide}
      submit={words[decision]}
      danger={isNeeded}
      blocked={isNeeded && note.trim() === ''}
    >
      <p>{words[`what_${decision}`]}</p>
      <TextField
        label={words.note}
        hint={isNeeded ? words.noteRequired : words.noteHint}
        required={isNeeded}
        value={note}
        error={errorAt(decide.error, 'body.note')}
        onInput={setNote}
      />
    </FormDialog>
  );
}

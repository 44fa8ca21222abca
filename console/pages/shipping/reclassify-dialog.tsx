/** Finds anew whose the devices of a shipment are: for when a rule was missing. */
import { useState } from 'preact/hooks';
import { call } from '../../api/call.ts';
import { useAction } from '../../api/queries.ts';
import { FormDialog } from '../../parts/form-dialog.tsx';
import { errorAt, TextField } from '../../parts/fields.tsx';
import { countText } from '../../parts/time.tsx';
import { say } from '../../parts/toasts.tsx';
import { t } from './texts.ts';

export function ReclassifyDialog({
  shipmentId,
  devices,
  onClose,
  onDone,
}: {
  shipmentId: number;
  /** How many there are. */
  devices: number;
  onClose: () => void;
  onDone: () => void;
}) {
  const [note, setNote] = useState('');
  const { reclassify: words } = t().triggers;
  const act = useAction(async () => {
    const done = await call('reclassifyDevices', { body: { shipmentId, note: note.trim() } });
    say(words.done(countText(done.devices), countText(done.changed), countText(done.matched)));
    onClose();
    onDone();
  });
  return (
    <FormDialog
      title={words.title(countText(devices))}
      onClose={onClose}
      act={act}
      submit={words.action}
      blocked={note.trim() === ''}
    >
      <p>{words.what}</p>
      <TextField
        label={words.note}
        hint={words.noteHint}
        required
        value={note}
        error={errorAt(act.error, 'body.note')}
        onInput={setNote}
      />
    </FormDialog>
  );
}

/** Finds anew whose the devices of a shipment are: for when a rule was missing. */
import { useState } from 'preact/hooks';
import { call } from '../../api/call.ts';
import { useAction } from '../../api/queries.ts';
import { Dialog } from '../../parts/dialog.tsx';
import { errorAt, TextField } from '../../parts/fields.tsx';
import { ProblemNote } from '../../parts/problem.tsx';
import { countText } from '../../parts/time.tsx';
import { say } from '../../parts/toasts.tsx';
import { t as shellTexts } from '../../shell/texts.ts';
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
  const submit = (event: Event) => {
    event.preventDefault();
    void act.run();
  };
  return (
    <Dialog title={words.title(countText(devices))} onClose={onClose}>
      <form onSubmit={submit}>
        <p>{words.what}</p>
        <TextField
          label={words.note}
          hint={words.noteHint}
          required
          value={note}
          error={errorAt(act.error, 'body.note')}
          onInput={setNote}
        />
        {act.error !== null && <ProblemNote problem={act.error} />}
        <div class="row end">
          <button type="button" class="button" onClick={onClose}>
            {shellTexts().common.cancel}
          </button>
          <button type="submit" class="button primary" disabled={act.busy || note.trim() === ''}>
            {words.action}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

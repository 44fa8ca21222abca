/** Adds a platform that is not connected. */
import { useMemo, useState } from 'preact/hooks';
import type { Platform } from '../../api-types.ts';
import { call, newIdempotencyKey } from '../../api/call.ts';
import { useAction } from '../../api/queries.ts';
import { FormDialog } from '../../parts/form-dialog.tsx';
import { errorAt, SelectField, TextField } from '../../parts/fields.tsx';
import { say } from '../../parts/toasts.tsx';
import { t } from './texts.ts';
import { fieldName } from './words.ts';

type FieldName = Platform['fields'][number]['name'];
type Ask = 'no' | 'optional' | 'required';
const FIELDS: readonly FieldName[] = ['account', 'customerName', 'model', 'expiresOn', 'remark'];

export function AddPlatform({ onClose, onAdded }: { onClose: () => void; onAdded: () => void }) {
  const [name, setName] = useState('');
  const [reading, setReading] = useState('');
  const [asks, setAsks] = useState<Partial<Record<FieldName, Ask>>>({ customerName: 'optional', remark: 'optional' });
  const { manage: words } = t().platforms;
  const fields = FIELDS.flatMap((field) => {
    const ask = asks[field] ?? 'no';
    return ask === 'no' ? [] : [{ name: field, required: ask === 'required' }];
  });
  const body = { name: name.trim(), reading: reading.trim(), fields };
  const key = useMemo(newIdempotencyKey, [JSON.stringify(body)]);
  const add = useAction(async () => {
    await call('createPlatform', { body }, { idempotencyKey: key });
    say(words.added(body.name));
    onClose();
    onAdded();
  });
  return (
    <FormDialog title={words.add} onClose={onClose} act={add} submit={words.save} blocked={name.trim() === ''}>
      <p>{words.addWhat}</p>
      <TextField label={words.name} required value={name} error={errorAt(add.error, 'body.name')} onInput={setName} />
      <TextField label={words.reading} value={reading} onInput={setReading} />
      <h3>{words.askFields}</h3>
      <div class="filters">
        {FIELDS.map((field) => (
          <SelectField<Ask>
            key={field}
            label={fieldName(field)}
            value={asks[field] ?? 'no'}
            options={(['no', 'optional', 'required'] as const).map((value) => ({
              value,
              label: words.fieldChoice[value],
            }))}
            onInput={(ask) => setAsks({ ...asks, [field]: ask === '' ? 'no' : ask })}
          />
        ))}
      </div>
    </FormDialog>
  );
}

/** Registers an equipment, or changes one. */
import { useState } from 'preact/hooks';
import type { Equipment } from '../../api-types.ts';
import { call, newIdempotencyKey } from '../../api/call.ts';
import { useAction } from '../../api/queries.ts';
import { FormDialog } from '../../parts/form-dialog.tsx';
import { CheckField, errorAt, NumberField, TextAreaField, TextField } from '../../parts/fields.tsx';
import { say } from '../../parts/toasts.tsx';
import { t as shared } from '../../shell/texts.ts';
import { t } from './texts.ts';

interface FormState {
  code: string;
  name: string;
  model: string;
  location: string;
  periodSeconds: number | null;
  /** One a line. */
  addresses: string;
  isHoldListed: boolean;
  isActive: boolean;
  remark: string;
}

export function EquipmentForm({
  equipment,
  code = '',
  onClose,
  onDone,
}: {
  /** Null: a new one. */
  equipment: Equipment | null;
  /** Of a new one, where it is known. */
  code?: string;
  onClose: () => void;
  onDone: (equipment: Equipment) => void;
}) {
  const words = t().form;
  const [form, setForm] = useState<FormState>({
    code: equipment?.code ?? code,
    name: equipment?.name ?? '',
    model: equipment?.model ?? '',
    location: equipment?.location ?? '',
    periodSeconds: equipment?.periodSeconds ?? 30,
    addresses: equipment?.allowedAddresses.join('\n') ?? '',
    isHoldListed: equipment?.isHoldListed ?? false,
    isActive: equipment?.isActive ?? true,
    remark: equipment?.remark ?? '',
  });
  const change = (part: Partial<typeof form>) => setForm((old) => ({ ...old, ...part }));
  const [idempotencyKey] = useState(newIdempotencyKey);
  const save = useAction(async () => {
    const { code: newCode, addresses, periodSeconds, ...rest } = form;
    const settings = {
      ...rest,
      periodSeconds: periodSeconds ?? 30,
      allowedAddresses: addresses.split(/[\s;,]+/).filter((each) => each !== ''),
    };
    const done =
      equipment === null
        ? await call('createEquipment', { body: { code: newCode.trim(), ...settings } }, { idempotencyKey })
        : await call(
            'updateEquipment',
            { params: { code: equipment.code }, body: settings },
            { ifMatch: equipment.revision },
          );
    say(equipment === null ? words.registered(done.code) : words.saved(done.code));
    onDone(done);
    onClose();
  });
  const { error } = save;
  return (
    <FormDialog
      title={equipment === null ? words.register : words.edit(equipment.code)}
      onClose={onClose}
      act={save}
      submit={shared().common.save}
    >
      {equipment === null && (
        <TextField
          label={words.code}
          hint={words.codeHint}
          required
          value={form.code}
          onInput={(value) => change({ code: value })}
          error={errorAt(error, 'body.code')}
        />
      )}
      <TextField
        label={words.name}
        value={form.name}
        onInput={(name) => change({ name })}
        error={errorAt(error, 'body.name')}
      />
      <div class="columns">
        <TextField
          label={words.model}
          value={form.model}
          onInput={(model) => change({ model })}
          error={errorAt(error, 'body.model')}
        />
        <TextField
          label={words.location}
          value={form.location}
          onInput={(location) => change({ location })}
          error={errorAt(error, 'body.location')}
        />
      </div>
      <NumberField
        label={words.period}
        hint={words.periodHint}
        unit="s"
        min={1}
        max={3_600}
        required
        value={form.periodSeconds}
        onInput={(periodSeconds) => change({ periodSeconds })}
        error={errorAt(error, 'body.periodSeconds')}
      />
      <TextAreaField
        label={words.addresses}
        hint={words.addressesHint}
        rows={2}
        value={form.addresses}
        onInput={(addresses) => change({ addresses })}
        error={errorAt(error, 'body.allowedAddresses')}
      />
      <CheckField label={words.hold} checked={form.isHoldListed} onInput={(isHoldListed) => change({ isHoldListed })} />
      {equipment !== null && (
        <CheckField
          label={words.active}
          hint={words.activeHint}
          checked={form.isActive}
          onInput={(isActive) => change({ isActive })}
        />
      )}
      <TextField
        label={words.remark}
        value={form.remark}
        onInput={(remark) => change({ remark })}
        error={errorAt(error, 'body.remark')}
      />
    </FormDialog>
  );
}

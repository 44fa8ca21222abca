/** Registers one device, or changes what is registered of it. */
import { useRef, useState } from 'preact/hooks';
import type { DeviceDetail } from '../../../api-types.ts';
import { ApiProblem, call, newIdempotencyKey } from '../../../api/call.ts';
import { useAction } from '../../../api/queries.ts';
import { FormDialog } from '../../../parts/form-dialog.tsx';
import { errorAt, NumberField, SelectField, TextField } from '../../../parts/fields.tsx';
import { say } from '../../../parts/toasts.tsx';
import { protocolChoices, type Protocol } from '../firmware/texts.ts';
import { t } from './texts.ts';

interface FormProps {
  /** Absent: a new one. */
  device?: DeviceDetail;
  /** What is known of a new one. */
  first?: { protocol: Protocol; identity: string };
  onClose: () => void;
  whenDone: () => void;
}

export function DeviceForm({ device, first, onClose, whenDone }: FormProps) {
  const [protocol, setProtocol] = useState<Protocol>(device?.protocol ?? first?.protocol ?? 'terminal');
  const [powerKw, setPowerKw] = useState<number | null>(device?.powerKw ?? null);
  const [fields, setFields] = useState({
    identity: device?.identity ?? first?.identity ?? '',
    imei: device?.imei ?? '',
    model: device?.model ?? '',
    productionDate: device?.productionDate ?? '',
    shipDate: device?.shipDate ?? '',
    orderNo: device?.orderNo ?? '',
    remark: device?.remark ?? '',
  });
  const sent = useRef({ text: '', key: '' });
  const words = t().form;
  const rest = () => ({
    ...(protocol === 'terminal' && { imei: fields.imei.trim() || null }),
    productionDate: fields.productionDate || null,
    shipDate: fields.shipDate || null,
    orderNo: fields.orderNo.trim(),
    remark: fields.remark.trim(),
    model: fields.model.trim(),
    ...(protocol === 'pile' && powerKw !== null && { powerKw }),
  });
  const act = useAction(async () => {
    if (device === undefined) {
      const row = { protocol, identity: fields.identity.trim(), ...rest() };
      const text = JSON.stringify(row);
      // what was corrected is another intention
      if (sent.current.text !== text) sent.current = { text, key: newIdempotencyKey() };
      const { results } = await call('registerDevices', { body: [row] }, { idempotencyKey: sent.current.key });
      const [result] = results;
      if (result?.status === 'refused') throw refusalOf(result.code, result.message);
      const name = result?.deviceId ?? fields.identity;
      say(result?.status === 'unchanged' ? words.unchanged(name) : words.saved(name));
    } else {
      await call('updateDevice', { params: { deviceId: device.id }, body: rest() }, { ifMatch: device.revision });
      say(words.changed);
    }
    whenDone();
    onClose();
  });
  const text = (
    name: keyof typeof fields,
    label: string,
    more: { hint?: string; type?: 'date'; required?: boolean } = {},
  ) => (
    <TextField
      label={label}
      value={fields[name]}
      error={errorAt(act.error, `body.${name}`)}
      onInput={(value) => setFields((old) => ({ ...old, [name]: value }))}
      {...more}
    />
  );
  return (
    <FormDialog
      title={device === undefined ? words.title : words.edit}
      onClose={onClose}
      act={act}
      submit={device === undefined ? words.save : words.change}
    >
      {device === undefined && (
        <>
          <SelectField
            label={words.protocol}
            value={protocol}
            options={protocolChoices()}
            onInput={(value) => value !== '' && setProtocol(value)}
          />
          {text('identity', words.identity[protocol], { hint: words.identityHint[protocol], required: true })}
        </>
      )}
      {protocol === 'terminal' && text('imei', words.imei)}
      {protocol === 'pile' ? (
        <>
          <SelectField
            label={words.modelPile}
            any=""
            value={fields.model}
            options={['DC', 'AC'].map((value) => ({ value, label: value }))}
            onInput={(model) => setFields((old) => ({ ...old, model }))}
          />
          <NumberField label={words.powerKw} unit="kW" min={1} value={powerKw} onInput={setPowerKw} />
        </>
      ) : (
        text('model', words.model)
      )}
      {text('productionDate', words.productionDate, { type: 'date' })}
      {text('shipDate', words.shipDate, { type: 'date', hint: words.shipDateHint })}
      {text('orderNo', words.orderNo)}
      {text('remark', words.remark)}
    </FormDialog>
  );
}

/** One refused row, as a problem of the whole form. */
function refusalOf(code: string | null, message: string | null): ApiProblem {
  return new ApiProblem({
    status: 422,
    code: code ?? 'refused',
    title: t().bulk.refused,
    detail: message ?? '',
  });
}

/** Chooses devices of the matched list: of a shipment, of a customer, or one by one. */
import { useQuery } from '../../api/queries.ts';
import { SelectField, TextAreaField, TextField } from '../../parts/fields.tsx';
import { ProblemNote } from '../../parts/problem.tsx';
import { countText } from '../../parts/time.tsx';
import { givenNumber } from './search-form.tsx';
import { t } from './texts.ts';

export interface Chosen {
  by: 'shipment' | 'customer' | 'imeis';
  shipmentId: string;
  customer: string;
  imeis: string[];
}

export function MatchedDevices({
  chosen,
  text,
  onText,
  onChange,
  error,
}: {
  chosen: Chosen;
  text: string;
  onText: (text: string) => void;
  onChange: (change: { by?: string; shipmentId?: string; customer?: string }) => void;
  error: string | undefined;
}) {
  const { create } = t().platforms;
  const { order } = t();
  const { by } = chosen;
  return (
    <>
      <SelectField<Chosen['by']>
        label={create.by}
        value={by}
        options={[
          { value: 'shipment', label: create.byShipment },
          { value: 'customer', label: create.byCustomer },
          { value: 'imeis', label: create.byImeis },
        ]}
        onInput={(value) => onChange({ by: value, customer: '' })}
      />
      {by === 'shipment' && (
        <>
          <TextField
            label={create.shipment}
            hint={create.shipmentHint}
            inputMode="numeric"
            required
            value={chosen.shipmentId}
            error={error}
            onInput={(shipmentId) => onChange({ shipmentId, customer: '' })}
          />
          <OfShipment chosen={chosen} onChange={onChange} />
        </>
      )}
      {by === 'customer' && <OfCustomer chosen={chosen} onChange={onChange} error={error} />}
      {by === 'imeis' && (
        <TextAreaField
          label={order.imeis}
          hint={`${order.imeisCount(chosen.imeis.length)} · ${create.imeisHint}`}
          required
          rows={8}
          value={text}
          error={error}
          onInput={onText}
        />
      )}
    </>
  );
}

/** What there is to ship on of a shipment, and for whom. */
function OfShipment({ chosen, onChange }: { chosen: Chosen; onChange: (change: { customer: string }) => void }) {
  const shipmentId = givenNumber(chosen.shipmentId);
  const shipment = useQuery('getShipment', shipmentId === undefined ? null : { params: { shipmentId } });
  const { create } = t().platforms;
  if (shipment.error !== null) return <ProblemNote problem={shipment.error} />;
  if (shipment.data === null || shipment.data.id !== shipmentId) return null;
  const { classified, customers } = shipment.data.sums;
  if (classified === 0) return <p class="note">{create.shipmentNone}</p>;
  const byCustomer = new Map<string, number>();
  for (const { customer, devices } of customers) byCustomer.set(customer, (byCustomer.get(customer) ?? 0) + devices);
  const names = [...byCustomer].map(([customer, devices]) => `${customer} ${countText(devices)}`);
  return (
    <>
      <p class="note">{create.shipmentHas(countText(classified), names.join(', '))}</p>
      {byCustomer.size > 1 && (
        <SelectField
          label={create.onlyCustomer}
          any
          value={chosen.customer}
          options={[...byCustomer.keys()].map((value) => ({ value, label: value }))}
          onInput={(customer) => onChange({ customer })}
        />
      )}
    </>
  );
}

function OfCustomer({
  chosen,
  onChange,
  error,
}: {
  chosen: Chosen;
  onChange: (change: { customer: string }) => void;
  error: string | undefined;
}) {
  const rules = useQuery('getClassification', {});
  const { create } = t().platforms;
  const known = new Set((rules.data?.rules ?? []).map(({ customer }) => customer));
  return (
    <>
      <TextField
        label={create.customer}
        hint={create.customerHint}
        required
        list="known-customers"
        value={chosen.customer}
        error={error}
        onInput={(customer) => onChange({ customer })}
      />
      <datalist id="known-customers">
        {[...known].map((customer) => (
          <option key={customer} value={customer} />
        ))}
      </datalist>
    </>
  );
}

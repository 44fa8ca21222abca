/** Why devices were refused and for which customers they are: counts of a plan, of a shipment, of a dry run. */
import type { ShipmentSums } from '../../api-types.ts';
import { countText } from '../../parts/time.tsx';
import { t } from './texts.ts';
import { shipmentAdvice, shipmentReason } from './words.ts';

/** Reasons with their counts and what to do; `onPick` shows the devices of one. */
export function Refusals({
  refusals,
  onPick,
}: {
  refusals: ShipmentSums['refusedBy'];
  onPick?: (reason: string) => void;
}) {
  const { one, columns } = t();
  return (
    <section>
      <h3>{one.refusedBy}</h3>
      <table class="table small">
        <thead class="visually-hidden">
          <tr>
            <th scope="col">{columns.asked}</th>
            <th scope="col">{columns.reason}</th>
          </tr>
        </thead>
        <tbody>
          {refusals.map(({ reason, devices }) => (
            <tr key={reason}>
              <td class="end">
                <b>{countText(devices)}</b>
              </td>
              <td class="wrap">
                {onPick === undefined ? (
                  shipmentReason(reason)
                ) : (
                  <button type="button" class="link" onClick={() => onPick(reason)}>
                    {shipmentReason(reason)}
                  </button>
                )}
                <br />
                <span class="muted">{shipmentAdvice(reason)}</span>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

/** Customers with the rule that fired. */
export function Customers({ customers }: { customers: ShipmentSums['customers'] }) {
  const { one, columns } = t();
  return (
    <section>
      <h3>{one.customers}</h3>
      <table class="table small">
        <thead class="visually-hidden">
          <tr>
            <th scope="col">{columns.asked}</th>
            <th scope="col">{columns.customer}</th>
            <th scope="col">{columns.rule}</th>
          </tr>
        </thead>
        <tbody>
          {customers.map(({ customer, rule, devices }) => (
            <tr key={customer + rule}>
              <td class="end">
                <b>{countText(devices)}</b>
              </td>
              <td>{customer}</td>
              <td class="muted wrap">{rule}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

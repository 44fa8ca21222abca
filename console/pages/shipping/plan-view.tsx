/** What a shipment would do, as the API judged it: sums, reasons, customers, and the devices one by one. */
import type { ComponentChildren } from 'preact';
import type { ShipmentPlan, ShipmentPlanned } from '../../api-types.ts';
import { Empty, Panel } from '../../parts/page.tsx';
import { countText } from '../../parts/time.tsx';
import { Customers, Refusals } from './outcome-lists.tsx';
import { Sum } from './sums.tsx';
import { t } from './texts.ts';
import { shipmentReason } from './words.ts';

const SHOWN = 1_000;

export function PlanView({
  plan,
  isStale = false,
  action,
}: {
  plan: ShipmentPlan;
  isStale?: boolean;
  action?: ComponentChildren;
}) {
  const { order: words, columns } = t();
  const { asked, shipped, refused, classified, unmatched } = plan;
  return (
    <Panel title={words.planTitle} actions={action}>
      {isStale ? (
        <p class="note" role="status">
          {words.stale}
        </p>
      ) : (
        <p class="muted">
          {words.planHint} {words.rules(plan.rulesRevision)}
        </p>
      )}
      {shipped === 0 && <Empty title={words.nothing} detail={words.nothingDetail} />}
      <Sum
        total={asked}
        totalLabel={columns.asked}
        parts={[
          { id: 'shipped', label: words.wouldShip, count: shipped, tone: 'good' },
          { id: 'refused', label: words.wouldRefuse, count: refused, tone: 'bad' },
        ]}
      />
      {shipped > 0 && (
        <Sum
          total={shipped}
          totalLabel={words.wouldShip}
          parts={[
            { id: 'classified', label: words.wouldMatch, count: classified, tone: 'info' },
            { id: 'unmatched', label: words.wouldNot, count: unmatched, tone: 'warn' },
          ]}
        />
      )}
      <div class="columns">
        {plan.refusedBy.length > 0 && <Refusals refusals={plan.refusedBy} />}
        {plan.customers.length > 0 && <Customers customers={plan.customers} />}
      </div>
      <PlannedList title={words.refusedList} devices={plan.refusedDevices} total={refused} />
      <PlannedList title={words.shippedList} devices={plan.shippedDevices} total={shipped} />
    </Panel>
  );
}

function PlannedList({ title, devices, total }: { title: string; devices: readonly ShipmentPlanned[]; total: number }) {
  const { columns, order: words, records } = t();
  if (devices.length === 0) return null;
  const isRefused = devices[0]!.reason !== null;
  return (
    <details class="fold">
      <summary>
        {title} ({countText(total)})
      </summary>
      {total > SHOWN && <p class="muted">{words.first(SHOWN)}</p>}
      <div class="small-scroll" role="region" aria-label={title} tabIndex={0}>
        <table class="table small">
          <thead>
            <tr>
              <th scope="col">{columns.imei}</th>
              {isRefused && <th scope="col">{columns.reason}</th>}
              <th scope="col">{columns.company}</th>
              {!isRefused && <th scope="col">{columns.customer}</th>}
            </tr>
          </thead>
          <tbody>
            {devices.map(({ imei, reason, reasonText, company, customer }, index) => (
              <tr key={`${imei}-${index}`}>
                <td class="mono">{imei}</td>
                {isRefused && <td title={reasonText ?? ''}>{reason === null ? '' : shipmentReason(reason)}</td>}
                <td>{company ?? '–'}</td>
                {!isRefused && <td>{customer ?? records.noRule}</td>}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  );
}

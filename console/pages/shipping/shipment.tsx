/** One primary shipment while it happens: sums that close, what became of each device, stop, and on to a platform. */
import { useState } from 'preact/hooks';
import type { ShipmentDetail, ShipmentDevice } from '../../api-types.ts';
import { call } from '../../api/call.ts';
import { useAction, usePages, useQuery } from '../../api/queries.ts';
import { may } from '../../api/session.ts';
import { Badge } from '../../parts/badge.tsx';
import { confirm } from '../../parts/confirm.tsx';
import { ExecutionLink } from '../../parts/links.tsx';
import { Facts, Page, Panel } from '../../parts/page.tsx';
import { ProblemNote } from '../../parts/problem.tsx';
import { DataTable, type Column } from '../../parts/table.tsx';
import { countText, Time } from '../../parts/time.tsx';
import { say } from '../../parts/toasts.tsx';
import { Link, useFilters, type PageProps } from '../../shell/router.tsx';
import { DeviceFilters, NO_DEVICE_FILTERS, NoneHere } from './device-filters.tsx';
import { Customers, Refusals } from './outcome-lists.tsx';
import { usePolling, useRefreshWhen, useShipmentNews } from './polling.ts';
import { ReclassifyDialog } from './reclassify-dialog.tsx';
import { given } from './search-form.tsx';
import { selectionText } from './shipments.tsx';
import './shipping.css';
import { Sum } from './sums.tsx';
import { t } from './texts.ts';
import { shipmentReason, shipmentStatus, toneOf } from './words.ts';

const POLL_MS = 1_500;
export function ShipmentPage({ params }: PageProps) {
  const shipmentId = Number(params['shipmentId']);
  const shipment = useQuery('getShipment', { params: { shipmentId } });
  const { data, error } = shipment;
  const isRunning = data?.status === 'running';
  usePolling(error ?? data, shipment.refresh, isRunning ? POLL_MS : null);
  useShipmentNews('shipment.finished', shipment.refresh);
  const [isReclassifying, setReclassifying] = useState(false);
  const { one } = t();
  const stop = useAction(async () => {
    const consequences = [one.stopOpen(countText(data?.sums.open ?? 0)), one.stopShipped];
    if (!(await confirm({ title: one.stopTitle(shipmentId), consequences, action: one.stop, danger: true }))) return;
    await call('stopShipment', { params: { shipmentId }, body: {} });
    say(one.stopped);
    shipment.refresh();
  });
  return (
    <Page
      title={one.title(shipmentId)}
      lead={data && selectionText(data)}
      actions={
        <>
          <Link to="/shipping/shipments" class="button quiet">
            {one.gone}
          </Link>
          {isRunning && may('shipment:write') && (
            <button type="button" class="button danger" disabled={stop.busy} onClick={() => void stop.run()}>
              {one.stop}
            </button>
          )}
          {data !== null && !isRunning && data.sums.unmatched > 0 && may('shipment:write') && (
            <button type="button" class="button" onClick={() => setReclassifying(true)}>
              {t().triggers.reclassify.action}
            </button>
          )}
          {data !== null && data.sums.classified > 0 && may('shipment:write') && (
            <Link to={`/platform-shipments/new?by=shipment&shipmentId=${shipmentId}`} class="button primary">
              {one.toPlatform}
            </Link>
          )}
        </>
      }
    >
      {stop.error !== null && <ProblemNote problem={stop.error} />}
      {error !== null && <ProblemNote problem={error} retry={shipment.refresh} />}
      {data !== null && <Sums shipment={data} />}
      {data !== null && <Devices shipment={data} />}
      {isReclassifying && data !== null && (
        <ReclassifyDialog
          shipmentId={shipmentId}
          devices={data.sums.shipped}
          onClose={() => setReclassifying(false)}
          onDone={shipment.refresh}
        />
      )}
    </Page>
  );
}

function Sums({ shipment }: { shipment: ShipmentDetail }) {
  const [filters, setFilters] = useFilters(NO_DEVICE_FILTERS);
  const { one, columns, status: names, orders, records } = t();
  const { sums, status } = shipment;
  const pick = (name: string) => () => setFilters({ status: filters.status === name ? '' : name, reason: '' });
  const parts = (['shipped', 'refused', 'open'] as const).map((id) => ({
    id,
    label: names[id],
    count: sums[id],
    tone: toneOf(id),
    onPick: pick(id),
    isPicked: filters.status === id,
  }));
  return (
    <Panel
      title={one.sums}
      actions={
        <span class="row" role="status">
          <Badge tone={toneOf(status)}>{shipmentStatus(status)}</Badge>
          {status === 'running' ? (
            <span class="muted">{one.underWay}</span>
          ) : (
            <Badge tone={sums.closes ? 'good' : 'bad'}>{sums.closes ? one.closes : one.red}</Badge>
          )}
        </span>
      }
    >
      {sums.wrong.length > 0 && (
        <div class="problem" role="alert">
          <p>{one.redDetail}</p>
          <ul>
            {sums.wrong.map((each) => (
              <li key={each}>{each}</li>
            ))}
          </ul>
        </div>
      )}
      <Sum total={sums.asked} totalLabel={columns.asked} parts={parts} />
      <Sum
        total={sums.shipped}
        totalLabel={names.shipped}
        parts={[
          { id: 'classified', label: names.classified, count: sums.classified, tone: 'info' },
          { id: 'unmatched', label: names.unmatched, count: sums.unmatched, tone: 'warn' },
        ]}
      />
      <div class="columns">
        {sums.refusedBy.length > 0 && (
          <Refusals refusals={sums.refusedBy} onPick={(reason) => setFilters({ status: 'refused', reason })} />
        )}
        {sums.customers.length > 0 && <Customers customers={sums.customers} />}
      </div>
      <Facts
        items={[
          [columns.shipDate, shipment.shipDate],
          [columns.company, shipment.company === '' ? orders.ownCompany : shipment.company],
          [columns.remark, shipment.remark === '' ? null : shipment.remark],
          [columns.createdBy, shipment.createdBy],
          [columns.createdAt, <Time key="created" at={shipment.createdAt} />],
          [columns.finishedAt, shipment.finishedAt && <Time key="finished" at={shipment.finishedAt} />],
          ...(shipment.stoppedBy === null ? [] : [[names.refused, one.stoppedBy(shipment.stoppedBy)] as const]),
          [
            records.title,
            <Link key="records" to={`/shipment-records?shipmentId=${shipment.id}`}>
              {one.records}
            </Link>,
          ],
          ['Temporal', shipment.links.temporal && <ExecutionLink key="temporal" url={shipment.links.temporal} />],
        ]}
      />
    </Panel>
  );
}

function Devices({ shipment }: { shipment: ShipmentDetail }) {
  const [filters, setFilters] = useFilters(NO_DEVICE_FILTERS);
  const { one, reasons, status: names } = t();
  const params = { shipmentId: shipment.id };
  const query = {
    status: given<ShipmentDevice['status']>(filters.status),
    reason: given<NonNullable<ShipmentDevice['reason']>>(filters.reason),
    imei: /^\d{15}$/.test(filters.imei) ? filters.imei : undefined,
  };
  const list = usePages('listShipmentDevices', { params, query });
  // The list follows the sums: it is read again when they moved, once more when the shipment has ended.
  const { shipped, refused } = shipment.sums;
  useRefreshWhen(`${shipped}/${refused}/${shipment.status}`, list.refresh);
  return (
    <Panel title={one.devices}>
      <DeviceFilters
        filters={filters}
        setFilters={setFilters}
        statuses={(['open', 'shipped', 'refused'] as const).map((value) => ({ value, label: names[value] }))}
        reasons={reasons}
      />
      <DataTable
        label={one.devices}
        list={list}
        columns={columnsOf()}
        rowKey={({ place }) => place}
        csv={{ operation: 'listShipmentDevices', params, query }}
        empty={<NoneHere words={one} showAll={() => setFilters(NO_DEVICE_FILTERS)} />}
      />
    </Panel>
  );
}

function columnsOf(): Column<ShipmentDevice>[] {
  const { columns } = t();
  return [
    {
      id: 'place',
      head: columns.place,
      align: 'end',
      width: '5rem',
      cell: ({ place }) => countText(place),
      wide: true,
    },
    {
      id: 'imei',
      head: columns.imei,
      cell: ({ imei, status }) =>
        status === 'shipped' ? <Link to={`/shipment-records/${imei}`}>{imei}</Link> : <span class="mono">{imei}</span>,
    },
    {
      id: 'status',
      head: columns.status,
      cell: ({ status }) => <Badge tone={toneOf(status)}>{shipmentStatus(status)}</Badge>,
    },
    {
      id: 'reason',
      head: columns.reason,
      cell: ({ reason, reasonText }) =>
        reason === null ? '' : <span title={reasonText ?? ''}>{reasonWords(reason, reasonText)}</span>,
    },
    { id: 'customer', head: columns.customer, cell: ({ customer }) => customer ?? '' },
    { id: 'rule', head: columns.rule, cell: ({ rule }) => rule ?? '', wide: true },
    {
      id: 'finished',
      head: columns.finishedAt,
      cell: ({ finishedAt }) => finishedAt && <Time at={finishedAt} />,
      wide: true,
    },
  ];
}

/** Our word for the reason, and what the API says beside it. */
function reasonWords(reason: string, text: string | null): string {
  return text === null ? shipmentReason(reason) : `${shipmentReason(reason)} — ${text}`;
}

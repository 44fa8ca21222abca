/** What became of each device of a secondary shipment. */
import type { PlatformShipmentDevice } from '../../api-types.ts';
import { usePages } from '../../api/queries.ts';
import { Badge } from '../../parts/badge.tsx';
import { DataTable, type Column } from '../../parts/table.tsx';
import { countText, Time } from '../../parts/time.tsx';
import { Link, useFilters } from '../../shell/router.tsx';
import { DeviceFilters, NO_DEVICE_FILTERS, NoneHere } from './device-filters.tsx';
import { useRefreshWhen } from './polling.ts';
import { given } from './search-form.tsx';
import { t } from './texts.ts';
import { platformReason, platformStatus, toneOf } from './words.ts';

/** `changed`: the sums moved, the list is read again. */
export function PlatformDevices({ shipmentId, changed }: { shipmentId: number; changed: string }) {
  const [filters, setFilters] = useFilters(NO_DEVICE_FILTERS);
  const { one, status: names, reasons } = t().platforms;
  const params = { shipmentId };
  const query = {
    status: given<PlatformShipmentDevice['status']>(filters.status),
    reason: given<NonNullable<PlatformShipmentDevice['reason']>>(filters.reason),
    imei: given(filters.imei),
  };
  const list = usePages('listPlatformShipmentDevices', { params, query });
  useRefreshWhen(changed, list.refresh);
  const statuses = ['open', 'confirmed', 'refused', 'unknown', 'not_sent', 'recorded'] as const;
  return (
    <>
      <DeviceFilters
        filters={filters}
        setFilters={setFilters}
        statuses={statuses.map((value) => ({ value, label: names[value] }))}
        reasons={reasons}
      />
      <DataTable
        label={one.devices}
        list={list}
        columns={columnsOf()}
        rowKey={({ id }) => id}
        csv={{ operation: 'listPlatformShipmentDevices', params, query }}
        empty={<NoneHere words={one} showAll={() => setFilters(NO_DEVICE_FILTERS)} />}
      />
    </>
  );
}

function columnsOf(): Column<PlatformShipmentDevice>[] {
  const { columns, platforms } = t();
  const { one, attention } = platforms;
  return [
    { id: 'imei', head: columns.imei, cell: ({ imei }) => <Link to={`/shipment-records/${imei}`}>{imei}</Link> },
    {
      id: 'status',
      head: columns.status,
      cell: ({ status }) => <Badge tone={toneOf(status)}>{platformStatus(status)}</Badge>,
    },
    {
      id: 'reason',
      head: columns.reason,
      cell: (device) => <ReasonText device={device} />,
    },
    { id: 'customer', head: columns.customer, cell: ({ customer }) => customer ?? '', wide: true },
    { id: 'seen', head: one.seen, cell: (device) => seenText(device), wide: true },
    { id: 'attempts', head: one.attempts, align: 'end', cell: ({ attempts }) => countText(attempts), wide: true },
    {
      id: 'decided',
      head: one.decided,
      cell: ({ decision, decidedBy, note }) =>
        decision && <span title={note}>{`${attention.decisions[decision]} · ${decidedBy ?? ''}`}</span>,
      wide: true,
    },
    {
      id: 'finished',
      head: columns.finishedAt,
      cell: ({ finishedAt }) => finishedAt && <Time at={finishedAt} />,
      wide: true,
    },
  ];
}

/** Our word for the reason, then code and words of the platform. */
export function ReasonText({
  device: { reason, reasonText, code, words },
}: {
  device: Pick<PlatformShipmentDevice, 'reason' | 'reasonText' | 'code' | 'words'>;
}) {
  if (reason === null) return <>{words}</>;
  const more = [code === null ? '' : String(code), words].filter((each) => each !== '').join(' ');
  return (
    <span title={reasonText ?? ''}>
      {platformReason(reason)}
      {more !== '' && ` — ${more}`}
    </span>
  );
}

/** How the platform showed it when it was last looked at. */
export function seenText({ seen }: Pick<PlatformShipmentDevice, 'seen'>): string {
  if (seen === null) return '–';
  const until = seen.account === null ? seen.expiration : (seen.expirations[seen.account] ?? seen.expiration);
  return t().platforms.one.seenAt(seen.account ?? '?', until ?? '');
}

/** Every call that was made for a secondary shipment, and every decision about it. */
import { usePages } from '../../api/queries.ts';
import { Empty } from '../../parts/page.tsx';
import { DataTable } from '../../parts/table.tsx';
import { Time } from '../../parts/time.tsx';
import { useRefreshWhen } from './polling.ts';
import { t } from './texts.ts';

export function PlatformLog({ shipmentId, changed }: { shipmentId: number; changed: string }) {
  const params = { shipmentId };
  const list = usePages('listPlatformShipmentLog', { params });
  useRefreshWhen(changed, list.refresh);
  const { one } = t().platforms;
  return (
    <DataTable
      label={one.log}
      list={list}
      rowKey={({ id }) => id}
      csv={{ operation: 'listPlatformShipmentLog', params }}
      empty={<Empty title={one.logEmpty} detail={one.logEmptyDetail} />}
      columns={[
        { id: 'at', head: one.at, cell: ({ at }) => <Time at={at} /> },
        { id: 'author', head: one.author, cell: ({ author }) => author, wide: true },
        { id: 'event', head: one.event, cell: ({ event }) => event },
        { id: 'cause', head: one.cause, cell: ({ cause }) => <span title={cause}>{cause}</span> },
        {
          id: 'details',
          head: one.details,
          cell: ({ details }) => {
            const text = detailText(details);
            return <span title={text}>{text}</span>;
          },
          wide: true,
        },
      ]}
    />
  );
}

function detailText(details: Record<string, unknown>): string {
  return Object.entries(details)
    .map(([name, value]) => `${name}: ${typeof value === 'string' ? value : JSON.stringify(value)}`)
    .join(' · ');
}

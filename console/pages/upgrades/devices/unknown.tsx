/** Devices that called and are not registered. */
import { useState } from 'preact/hooks';
import type { UnknownDevice } from '../../../api-types.ts';
import { usePages } from '../../../api/queries.ts';
import { may } from '../../../api/session.ts';
import { Empty, Page } from '../../../parts/page.tsx';
import { DataTable, type Column } from '../../../parts/table.tsx';
import { countText, Time } from '../../../parts/time.tsx';
import { Link } from '../../../shell/router.tsx';
import { protocolText, type Protocol } from '../firmware/texts.ts';
import { DeviceForm } from './form.tsx';
import { t } from './texts.ts';

export function UnknownDevicesPage() {
  const list = usePages('listUnknownDevices', {});
  const [chosen, setChosen] = useState<UnknownDevice | null>(null);
  const words = t().unknown;
  const columns: Column<UnknownDevice>[] = [
    { id: 'identity', head: words.column.identity, cell: ({ identity }) => <code>{identity}</code> },
    { id: 'kind', head: words.column.kind, cell: ({ protocol }) => protocolText(protocol) },
    {
      id: 'first',
      head: words.column.first,
      cell: ({ firstSeenAt }) => <Time at={firstSeenAt} relative />,
      wide: true,
    },
    { id: 'last', head: words.column.last, cell: ({ lastSeenAt }) => <Time at={lastSeenAt} relative /> },
    {
      id: 'contacts',
      head: words.column.contacts,
      cell: ({ contacts }) => countText(contacts),
      align: 'end',
      wide: true,
    },
    { id: 'address', head: words.column.address, cell: ({ address }) => address, wide: true },
  ];
  return (
    <Page
      title={words.title}
      lead={
        <>
          <Link to="/devices">{t().title}</Link> · {words.lead}
        </>
      }
    >
      <DataTable
        label={words.title}
        list={list}
        columns={columns}
        rowKey={({ protocol, identity }) => `${protocol}-${identity}`}
        {...(may('device:write') && {
          rowActions: (row: UnknownDevice) => (
            <button
              type="button"
              class="button small"
              aria-label={`${words.register} ${row.identity}`}
              onClick={() => setChosen(row)}
            >
              {words.register}
            </button>
          ),
        })}
        csv={{ operation: 'listUnknownDevices' }}
        empty={<Empty title={words.none} detail={words.noneAdvice} />}
      />
      {chosen !== null && (
        <DeviceForm
          first={{ protocol: chosen.protocol as Protocol, identity: chosen.identity }}
          onClose={() => setChosen(null)}
          whenDone={list.refresh}
        />
      )}
    </Page>
  );
}

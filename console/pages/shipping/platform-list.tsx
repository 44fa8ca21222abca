/** 二次出货: shipments to platforms, newest first. */
import type { PlatformShipment } from '../../api-types.ts';
import { usePages, useQuery } from '../../api/queries.ts';
import { may } from '../../api/session.ts';
import { Badge } from '../../parts/badge.tsx';
import { Empty, Page } from '../../parts/page.tsx';
import { DataTable, type Column } from '../../parts/table.tsx';
import { countText, Time } from '../../parts/time.tsx';
import { Link, useFilters } from '../../shell/router.tsx';
import { usePolling, useShipmentNews } from './polling.ts';
import { given, givenNumber, isFiltered, SearchForm } from './search-form.tsx';
import { PlatformSections } from './sections.tsx';
import './shipping.css';
import { t } from './texts.ts';
import { platformStatus, toneOf } from './words.ts';

const NO_FILTERS = { status: '', platformId: '', imei: '', createdBy: '', from: '', to: '' };
const POLL_MS = 5_000;

export function PlatformListPage() {
  const [filters, setFilters] = useFilters(NO_FILTERS);
  const query = {
    status: given<PlatformShipment['status']>(filters.status),
    platformId: givenNumber(filters.platformId),
    imei: given(filters.imei),
    createdBy: given(filters.createdBy),
    from: momentOf(filters.from, 0),
    to: momentOf(filters.to, 1),
  };
  const list = usePages('listPlatformShipments', { query });
  const isRunning = list.items.some(({ status }) => status === 'running');
  usePolling(list.error ?? list.items, list.refresh, isRunning ? POLL_MS : null);
  useShipmentNews('platform_shipment.finished', list.refresh);
  const platforms = useQuery('listPlatforms', { query: { limit: 500 } });
  const { columns, orders, search, platforms: words } = t();
  const create = may('shipment:write') && (
    <Link to="/platform-shipments/new" class="button primary">
      {words.list.new}
    </Link>
  );
  return (
    <Page title={words.list.title} lead={words.list.lead} actions={create}>
      <PlatformSections />
      <SearchForm
        filters={filters}
        onSearch={setFilters}
        fields={[
          {
            name: 'status',
            label: columns.status,
            options: (['running', 'finished', 'recorded', 'red'] as const).map((value) => ({
              value,
              label: words.status[value],
            })),
          },
          {
            name: 'platformId',
            label: words.list.platform,
            options: (platforms.data?.items ?? []).map(({ id, name }) => ({ value: String(id), label: name })),
          },
          { name: 'imei', label: columns.imei },
          { name: 'createdBy', label: orders.createdBy },
          { name: 'from', label: words.list.from, type: 'date' },
          { name: 'to', label: words.list.to, type: 'date' },
        ]}
      />
      <DataTable
        label={words.list.title}
        list={list}
        columns={columnsOf()}
        rowKey={({ id }) => id}
        csv={{ operation: 'listPlatformShipments', query }}
        empty={
          isFiltered(filters) ? (
            <Empty title={words.list.noneFits} detail={words.list.noneFitsDetail}>
              <button type="button" class="button" onClick={() => setFilters(NO_FILTERS)}>
                {search.clear}
              </button>
            </Empty>
          ) : (
            <Empty title={words.list.none} detail={words.list.noneDetail}>
              {create}
            </Empty>
          )
        }
      />
    </Page>
  );
}

function columnsOf(): Column<PlatformShipment>[] {
  const { columns, platforms: words } = t();
  return [
    {
      id: 'number',
      head: columns.number,
      cell: ({ id }) => <Link to={`/platform-shipments/${id}`}>{words.one.title(id)}</Link>,
    },
    { id: 'platform', head: words.list.platform, cell: ({ platform }) => platform },
    {
      id: 'status',
      head: columns.status,
      cell: ({ status }) => <Badge tone={toneOf(status)}>{platformStatus(status)}</Badge>,
    },
    { id: 'asked', head: columns.asked, align: 'end', cell: ({ asked }) => countText(asked) },
    { id: 'account', head: words.list.account, cell: ({ info }) => info.account ?? '–', wide: true },
    { id: 'customer', head: words.fields.customerName, cell: ({ info }) => info.customerName ?? '–', wide: true },
    { id: 'created', head: columns.createdAt, cell: ({ createdAt }) => <Time at={createdAt} relative />, wide: true },
    { id: 'by', head: columns.createdBy, cell: ({ createdBy }) => createdBy, wide: true },
  ];
}

/** The beginning of a day here, or of the one after it. */
function momentOf(day: string, daysLater: number): string | undefined {
  const at = new Date(`${day}T00:00:00`);
  if (day === '' || Number.isNaN(at.getTime())) return undefined;
  at.setDate(at.getDate() + daysLater);
  return at.toISOString();
}

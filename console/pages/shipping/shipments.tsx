/** Primary shipments, newest first. */
import type { Shipment } from '../../api-types.ts';
import { usePages } from '../../api/queries.ts';
import { may } from '../../api/session.ts';
import { Badge } from '../../parts/badge.tsx';
import { Empty, Page } from '../../parts/page.tsx';
import { DataTable, type Column } from '../../parts/table.tsx';
import { countText, Time } from '../../parts/time.tsx';
import { Link, useFilters } from '../../shell/router.tsx';
import { usePolling, useShipmentNews } from './polling.ts';
import { given, isFiltered, SearchForm } from './search-form.tsx';
import { ShippingSections } from './sections.tsx';
import './shipping.css';
import { t } from './texts.ts';
import { shipmentStatus, toneOf } from './words.ts';

const NO_FILTERS = { status: '', imei: '', order: '', carton: '', createdBy: '' };
const POLL_MS = 5_000;

export function ShipmentsPage() {
  const [filters, setFilters] = useFilters(NO_FILTERS);
  const query = {
    status: given<Shipment['status']>(filters.status),
    imei: given(filters.imei),
    order: given(filters.order),
    carton: given(filters.carton),
    createdBy: given(filters.createdBy),
  };
  const list = usePages('listShipments', { query });
  const isRunning = list.items.some(({ status }) => status === 'running');
  usePolling(list.error ?? list.items, list.refresh, isRunning ? POLL_MS : null);
  useShipmentNews('shipment.finished', list.refresh);
  const { orders, columns, find, search, status } = t();
  return (
    <Page
      title={orders.title}
      lead={orders.lead}
      actions={
        may('shipment:write') && (
          <Link to="/shipping/new" class="button primary">
            {find.ship}
          </Link>
        )
      }
    >
      <ShippingSections />
      <SearchForm
        filters={filters}
        onSearch={setFilters}
        fields={[
          {
            name: 'status',
            label: columns.status,
            options: (['running', 'finished', 'red'] as const).map((value) => ({ value, label: status[value] })),
          },
          { name: 'imei', label: columns.imei },
          { name: 'order', label: columns.order },
          { name: 'carton', label: columns.carton },
          { name: 'createdBy', label: orders.createdBy },
        ]}
      />
      <DataTable
        label={orders.title}
        list={list}
        columns={columnsOf()}
        rowKey={({ id }) => id}
        csv={{ operation: 'listShipments', query }}
        empty={
          isFiltered(filters) ? (
            <Empty title={orders.noneFits} detail={orders.noneFitsDetail}>
              <button type="button" class="button" onClick={() => setFilters(NO_FILTERS)}>
                {search.clear}
              </button>
            </Empty>
          ) : (
            <Empty title={orders.none} detail={orders.noneDetail}>
              {may('shipment:write') && (
                <Link to="/shipping" class="button primary">
                  {t().records.toFind}
                </Link>
              )}
            </Empty>
          )
        }
      />
    </Page>
  );
}

function columnsOf(): Column<Shipment>[] {
  const { columns, one, orders } = t();
  return [
    {
      id: 'number',
      head: columns.number,
      cell: ({ id }) => <Link to={`/shipping/shipments/${id}`}>{one.title(id)}</Link>,
    },
    { id: 'what', head: columns.what, cell: (shipment) => selectionText(shipment) },
    {
      id: 'status',
      head: columns.status,
      cell: ({ status }) => <Badge tone={toneOf(status)}>{shipmentStatus(status)}</Badge>,
    },
    { id: 'asked', head: columns.asked, align: 'end', cell: ({ asked }) => countText(asked) },
    { id: 'shipDate', head: columns.shipDate, cell: ({ shipDate }) => shipDate, wide: true },
    {
      id: 'company',
      head: columns.company,
      cell: ({ company }) => (company === '' ? <span class="muted">{orders.ownCompany}</span> : company),
      wide: true,
    },
    { id: 'created', head: columns.createdAt, cell: ({ createdAt }) => <Time at={createdAt} relative />, wide: true },
    { id: 'by', head: columns.createdBy, cell: ({ createdBy }) => createdBy, wide: true },
  ];
}

/** How the devices of a shipment were named. */
export function selectionText({ selection: { by, order, carton, trigger }, asked }: Shipment): string {
  const { orders } = t();
  if (by === 'order') return orders.byOrder(order ?? '');
  if (by === 'carton') return orders.byCarton(carton ?? '');
  if (by === 'trigger') return orders.byTrigger(trigger ?? 0);
  return orders.byImeis(countText(asked));
}

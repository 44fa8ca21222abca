/** 出货管理: finds devices in the MES list, however many there are, and hands them to a shipment. */
import { useState } from 'preact/hooks';
import type { MesDevice } from '../../api-types.ts';
import { usePages, useQuery } from '../../api/queries.ts';
import { may } from '../../api/session.ts';
import { Badge } from '../../parts/badge.tsx';
import { Empty, Page } from '../../parts/page.tsx';
import { ProblemNote } from '../../parts/problem.tsx';
import { DataTable, useSelection, type Column } from '../../parts/table.tsx';
import { countText, Time } from '../../parts/time.tsx';
import { Link, navigate, useFilters } from '../../shell/router.tsx';
import { keepChosen } from './chosen.ts';
import { MesDrawer } from './mes-drawer.tsx';
import { ShipmentsPage } from './shipments.tsx';
import { given, givenFlag, isFiltered, SearchForm } from './search-form.tsx';
import { ShippingSections } from './sections.tsx';
import './shipping.css';
import { t } from './texts.ts';

const NO_FILTERS = {
  imei: '',
  order: '',
  carton: '',
  model: '',
  company: '',
  sn: '',
  iccid: '',
  from: '',
  to: '',
  shipped: '',
};
type Filters = typeof NO_FILTERS;

/** Whoever may not ship may not see the MES list either: their first page is what was shipped. */
export function FindPage() {
  return may('shipment:write') ? <MesList /> : <ShipmentsPage />;
}

function MesList() {
  const [filters, setFilters] = useFilters(NO_FILTERS);
  const query = queryOf(filters);
  const list = usePages('listMesDevices', { query });
  const selection = useSelection<number>(JSON.stringify(filters));
  const [openId, setOpenId] = useState<number | null>(null);
  const words = t().find;
  const columns = t().columns;
  const picked = list.items.filter(({ id }) => selection.keys.has(id));
  const shipPicked = () => {
    keepChosen(new Set(picked.map(({ imei }) => imei)));
    navigate('/shipping/new?by=imeis');
  };
  const open = list.items.find(({ id }) => id === openId);
  return (
    <Page
      title={words.title}
      lead={words.lead}
      actions={
        <Link to="/shipping/new" class="button">
          {words.ship}
        </Link>
      }
    >
      <ShippingSections />
      <SearchForm filters={filters} onSearch={setFilters} fields={searchFields()} hint={t().search.whole} />
      <DataTable
        label={words.title}
        list={list}
        columns={columnsOf(columns, setOpenId)}
        rowKey={({ id }) => id}
        rowName={({ imei }) => imei}
        onOpen={({ id }) => setOpenId(id)}
        openKey={openId}
        selection={selection}
        selectionActions={
          <button type="button" class="button small primary" onClick={shipPicked}>
            {words.shipSelected(picked.length)}
          </button>
        }
        tools={<Whole filters={filters} />}
        csv={{ operation: 'listMesDevices', query }}
        empty={<NoDevice filters={filters} onClear={() => setFilters(NO_FILTERS)} />}
      />
      {open !== undefined && <MesDrawer device={open} onClose={() => setOpenId(null)} />}
    </Page>
  );
}

/** How many fit, and the whole order or carton when that is what was searched for. */
function Whole({ filters }: { filters: Filters }) {
  const count = useQuery('countMesDevices', { query: queryOf(filters) });
  const words = t().find;
  const { order, carton } = filters;
  return (
    <>
      {count.error === null && (
        <b data-count>
          {count.data === null
            ? words.counting
            : (count.data.isExact ? words.count : words.estimate)(countText(count.data.count))}
        </b>
      )}
      {count.error !== null && <ProblemNote problem={count.error} retry={count.refresh} />}
      {order !== '' && (
        <Link to={`/shipping/new?by=order&order=${encodeURIComponent(order)}`} class="button small">
          {words.shipOrder(order)}
        </Link>
      )}
      {carton !== '' && (
        <Link to={`/shipping/new?by=carton&carton=${encodeURIComponent(carton)}`} class="button small">
          {words.shipCarton(carton)}
        </Link>
      )}
    </>
  );
}

function NoDevice({ filters, onClear }: { filters: Filters; onClear: () => void }) {
  const words = t().find;
  if (!isFiltered(filters)) {
    return (
      <Empty title={words.emptyList} detail={words.emptyListDetail}>
        <Link to="/shipping/mes" class="button primary">
          {words.toMes}
        </Link>
      </Empty>
    );
  }
  return (
    <Empty title={words.none} detail={words.noneDetail}>
      <button type="button" class="button" onClick={onClear}>
        {t().search.clear}
      </button>
      <Link to="/shipping/mes" class="button">
        {words.toMes}
      </Link>
    </Empty>
  );
}

function columnsOf(words: ReturnType<typeof t>['columns'], onOpen: (id: number) => void): Column<MesDevice>[] {
  const search = (name: keyof Filters, value: string | null) =>
    value === null ? '–' : <Link to={`/shipping?${name}=${encodeURIComponent(value)}`}>{value}</Link>;
  return [
    {
      id: 'imei',
      head: words.imei,
      width: '11rem',
      cell: ({ id, imei }) => (
        <button type="button" class="link mono" aria-label={t().find.details(imei)} onClick={() => onOpen(id)}>
          {imei}
        </button>
      ),
    },
    { id: 'order', head: words.order, cell: ({ order }) => search('order', order) },
    { id: 'carton', head: words.carton, cell: ({ carton }) => search('carton', carton) },
    { id: 'model', head: words.model, cell: ({ model }) => model ?? '–', wide: true },
    { id: 'company', head: words.company, cell: ({ company }) => company ?? '–', wide: true },
    { id: 'tested', head: words.testTime, cell: ({ testTime }) => testTime && <Time at={testTime} />, wide: true },
    { id: 'sn', head: words.sn, cell: ({ sn }) => sn ?? '–', wide: true },
    { id: 'iccid', head: words.iccid, cell: ({ iccid }) => iccid ?? '–', wide: true },
    { id: 'shipped', head: words.shipped, cell: (device) => <Shipped device={device} /> },
  ];
}

/** Was it shipped, and by which shipment of ours. */
export function Shipped({ device: { isShipped, shipment } }: { device: MesDevice }) {
  const words = t();
  if (!isShipped) return <span class="muted">{words.find.shippedNo}</span>;
  if (shipment === null) return <Badge tone="idle">{words.find.byOther}</Badge>;
  if (shipment.id === null) return <Badge tone="good">{words.find.shippedYes}</Badge>;
  return (
    <Badge tone="good">
      <Link to={`/shipping/shipments/${shipment.id}`}>{words.one.title(shipment.id)}</Link>
    </Badge>
  );
}

function searchFields() {
  const { columns, find, search } = t();
  return [
    { name: 'imei', label: columns.imei },
    { name: 'order', label: columns.order },
    { name: 'carton', label: columns.carton },
    { name: 'model', label: columns.model },
    { name: 'company', label: columns.company },
    { name: 'sn', label: columns.sn },
    { name: 'iccid', label: columns.iccid },
    { name: 'from', label: `${columns.testTime} · ${search.from}`, type: 'date' },
    { name: 'to', label: `${columns.testTime} · ${search.to}`, type: 'date' },
    {
      name: 'shipped',
      label: columns.shipped,
      any: find.shippedAny,
      options: [
        { value: 'yes', label: find.shippedYes },
        { value: 'no', label: find.shippedNo },
      ],
    },
  ] as const;
}

function queryOf({ shipped, ...texts }: Filters) {
  const named = Object.fromEntries(Object.entries(texts).map(([name, value]) => [name, given(value)]));
  return { ...(named as Partial<Omit<Filters, 'shipped'>>), shipped: givenFlag(shipped) };
}

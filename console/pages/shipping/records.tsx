/** 出货总记录: every device that was shipped, once. */
import type { ShipmentRecord } from '../../api-types.ts';
import { usePages } from '../../api/queries.ts';
import { may } from '../../api/session.ts';
import { Badge } from '../../parts/badge.tsx';
import { Empty, Page } from '../../parts/page.tsx';
import { DataTable, useSelection, type Column } from '../../parts/table.tsx';
import { Link, navigate, useFilters } from '../../shell/router.tsx';
import { keepChosen } from './chosen.ts';
import { given, givenFlag, givenNumber, isFiltered, SearchForm } from './search-form.tsx';
import './shipping.css';
import { t } from './texts.ts';

const NO_FILTERS = {
  imei: '',
  order: '',
  carton: '',
  model: '',
  company: '',
  customer: '',
  classified: '',
  shipmentId: '',
  from: '',
  to: '',
};

export function RecordsPage() {
  const [filters, setFilters] = useFilters(NO_FILTERS);
  const query = queryOf(filters);
  const list = usePages('listShipmentRecords', { query });
  const selection = useSelection<string>(JSON.stringify(filters));
  const { records, search, one } = t();
  const matched = list.items.filter(({ imei, customer }) => customer !== null && selection.keys.has(imei));
  const sendOn = () => {
    keepChosen(matched.map(({ imei }) => imei));
    navigate('/platform-shipments/new?by=imeis');
  };
  return (
    <Page title={records.title} lead={records.lead}>
      <SearchForm filters={filters} onSearch={setFilters} fields={searchFields()} hint={search.whole} />
      <DataTable
        label={records.title}
        list={list}
        columns={columnsOf()}
        rowKey={({ imei }) => imei}
        {...(may('shipment:write') && {
          selection,
          selectionActions: (
            <button type="button" class="button small primary" disabled={matched.length === 0} onClick={sendOn}>
              {one.toPlatform}: {matched.length}
            </button>
          ),
        })}
        csv={{ operation: 'listShipmentRecords', query }}
        empty={
          isFiltered(filters) ? (
            <Empty title={records.noneFits} detail={records.noneFitsDetail}>
              <button type="button" class="button" onClick={() => setFilters(NO_FILTERS)}>
                {search.clear}
              </button>
              <ToFind />
            </Empty>
          ) : (
            <Empty title={records.none} detail={records.noneDetail}>
              <ToFind />
            </Empty>
          )
        }
      />
    </Page>
  );
}

function ToFind() {
  return may('shipment:write') ? (
    <Link to="/shipping" class="button">
      {t().records.toFind}
    </Link>
  ) : null;
}

function columnsOf(): Column<ShipmentRecord>[] {
  const { columns, records, history } = t();
  return [
    {
      id: 'imei',
      head: columns.imei,
      width: '11rem',
      cell: ({ imei }) => (
        <Link to={`/shipment-records/${imei}`} class="mono" title={history.title(imei)}>
          {imei}
        </Link>
      ),
    },
    { id: 'shipDate', head: columns.shipDate, cell: ({ shipDate }) => shipDate },
    { id: 'order', head: columns.order, cell: ({ orderNo }) => orderNo },
    { id: 'carton', head: columns.carton, cell: ({ carton }) => carton, wide: true },
    { id: 'model', head: columns.model, cell: ({ model }) => model, wide: true },
    { id: 'company', head: columns.company, cell: ({ company }) => company, wide: true },
    {
      id: 'customer',
      head: columns.customer,
      cell: ({ customer, ruleText }) =>
        customer === null ? (
          <Badge tone="warn">{records.noRule}</Badge>
        ) : (
          <span title={ruleText ?? ''}>{customer}</span>
        ),
    },
    { id: 'sn', head: columns.sn, cell: ({ sn }) => sn, wide: true },
    {
      id: 'shipment',
      head: columns.shipment,
      cell: ({ shipmentId }) => <Link to={`/shipping/shipments/${shipmentId}`}>{shipmentId}</Link>,
    },
    { id: 'by', head: history.shippedBy, cell: ({ shippedBy }) => shippedBy, wide: true },
  ];
}

function searchFields() {
  const { columns, records, search } = t();
  return [
    { name: 'imei', label: columns.imei },
    { name: 'order', label: columns.order },
    { name: 'carton', label: columns.carton },
    { name: 'model', label: columns.model },
    { name: 'company', label: columns.company },
    { name: 'customer', label: columns.customer },
    {
      name: 'classified',
      label: records.classified,
      options: [
        { value: 'yes', label: records.classifiedYes },
        { value: 'no', label: records.classifiedNo },
      ],
    },
    { name: 'shipmentId', label: records.shipmentId },
    { name: 'from', label: `${columns.shipDate} · ${search.from}`, type: 'date' },
    { name: 'to', label: `${columns.shipDate} · ${search.to}`, type: 'date' },
  ] as const;
}

function queryOf({ classified, shipmentId, ...texts }: typeof NO_FILTERS) {
  const { imei, order, carton, model, company, customer, from, to } = texts;
  return {
    imei: given(imei),
    order: given(order),
    carton: given(carton),
    model: given(model),
    company: given(company),
    customer: given(customer),
    from: given(from),
    to: given(to),
    classified: givenFlag(classified),
    shipmentId: givenNumber(shipmentId),
  };
}

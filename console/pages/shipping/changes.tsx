/** What MES changed in rows after they had come. */
import type { ComponentChildren } from 'preact';
import type { MesChange } from '../../api-types.ts';
import { usePages, type Pages } from '../../api/queries.ts';
import { Empty, Page } from '../../parts/page.tsx';
import { DataTable } from '../../parts/table.tsx';
import { Time } from '../../parts/time.tsx';
import { Link, useFilters } from '../../shell/router.tsx';
import { Differences } from './differences.tsx';
import { given, givenNumber, isFiltered, SearchForm } from './search-form.tsx';
import { ShippingSections } from './sections.tsx';
import './shipping.css';
import { t } from './texts.ts';

const NO_FILTERS = { imei: '', cycle: '' };

export function ChangesPage() {
  const [filters, setFilters] = useFilters(NO_FILTERS);
  const list = usePages('listMesChanges', {
    query: { imei: given(filters.imei), cycle: givenNumber(filters.cycle) },
  });
  const { mes, columns, search } = t();
  return (
    <Page title={mes.changesTitle} lead={mes.changesLead}>
      <ShippingSections />
      <SearchForm
        filters={filters}
        onSearch={setFilters}
        fields={[
          { name: 'imei', label: columns.imei },
          { name: 'cycle', label: mes.cycle },
        ]}
      />
      <ChangesTable
        list={list}
        empty={
          <Empty title={mes.noChanges} detail={mes.noChangesDetail}>
            {isFiltered(filters) && (
              <button type="button" class="button" onClick={() => setFilters(NO_FILTERS)}>
                {search.clear}
              </button>
            )}
          </Empty>
        }
      />
    </Page>
  );
}

export function ChangesTable({ list, empty }: { list: Pages<MesChange>; empty: ComponentChildren }) {
  const { mes, columns } = t();
  return (
    <DataTable
      label={mes.changesTitle}
      list={list}
      rowKey={({ id }) => id}
      empty={empty}
      columns={[
        { id: 'at', head: mes.at, cell: ({ at }) => <Time at={at} /> },
        {
          id: 'imei',
          head: columns.imei,
          cell: ({ imei }) => <Link to={`/shipment-records/${imei}`}>{imei}</Link>,
        },
        { id: 'table', head: mes.table, cell: ({ table }) => mes.tables[table], wide: true },
        { id: 'what', head: columns.what, cell: ({ differences }) => <Differences differences={differences} /> },
        { id: 'cycle', head: mes.cycle, align: 'end', cell: ({ cycle }) => cycle, wide: true },
      ]}
    />
  );
}

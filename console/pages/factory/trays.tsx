/** Trays: what is in each. */
import { usePages } from '../../api/queries.ts';
import { Badge } from '../../parts/badge.tsx';
import { SelectField, TextField } from '../../parts/fields.tsx';
import { Empty, Page } from '../../parts/page.tsx';
import { DataTable } from '../../parts/table.tsx';
import { Time } from '../../parts/time.tsx';
import { Link, useFilters } from '../../shell/router.tsx';
import { TrayNav } from './cell-states.tsx';
import { useFresh } from './fresh.ts';
import { t } from './tray-texts.ts';

export function TraysPage() {
  const words = t().trays;
  const [filters, setFilters] = useFilters({ search: '', contents: '', bindCode: '' });
  const query = {
    search: filters.search.trim() || undefined,
    empty: filters.contents === '' ? undefined : filters.contents === 'empty',
    bindCode: filters.bindCode.trim() || undefined,
  };
  const list = usePages('listTrays', { query });
  useFresh(list.refresh);
  const isFiltered = Object.values(query).some((value) => value !== undefined);
  return (
    <Page title={words.title} lead={words.lead}>
      <TrayNav />
      <div class="filters">
        <TextField
          label={words.search}
          type="search"
          value={filters.search}
          onInput={(search) => setFilters({ search })}
        />
        <SelectField
          label={words.contents}
          any
          value={filters.contents}
          options={[
            { value: 'filled', label: words.filled },
            { value: 'empty', label: words.empty },
          ]}
          onInput={(contents) => setFilters({ contents })}
        />
        <TextField label={words.bindCode} value={filters.bindCode} onInput={(bindCode) => setFilters({ bindCode })} />
      </div>
      <DataTable
        label={words.title}
        list={list}
        rowKey={({ barcode }) => barcode}
        csv={{ operation: 'listTrays', query }}
        empty={isFiltered ? <Empty title={words.noneFits} /> : <Empty title={words.none} detail={words.noneAdvice} />}
        columns={[
          { id: 'barcode', head: words.search, cell: (row) => <TrayLink barcode={row.barcode} /> },
          {
            id: 'cells',
            head: words.cells,
            cell: (row) => (row.cells === 0 ? <span class="muted">{words.empty}</span> : row.cells),
            align: 'end',
          },
          {
            id: 'notOk',
            head: words.notOk,
            cell: (row) => (row.notOk > 0 ? <Badge tone="bad">{row.notOk}</Badge> : '–'),
            align: 'end',
          },
          { id: 'bindCode', head: words.bindCode, cell: (row) => row.bindCode ?? '–' },
          { id: 'property', head: words.property, cell: (row) => row.property ?? '–', wide: true },
          { id: 'used', head: words.used, cell: (row) => <Time at={row.usedAt} relative /> },
        ]}
      />
    </Page>
  );
}

export function TrayLink({ barcode }: { barcode: string }) {
  return <Link to={`/trays/${encodeURIComponent(barcode)}`}>{barcode}</Link>;
}

export function CellLink({ serialNo }: { serialNo: string }) {
  return <Link to={`/cells/${encodeURIComponent(serialNo)}`}>{serialNo}</Link>;
}

/** Readings of MES and imports, each with sums that close. */
import type { MesCycle } from '../../api-types.ts';
import { usePages } from '../../api/queries.ts';
import { Badge } from '../../parts/badge.tsx';
import { SelectField } from '../../parts/fields.tsx';
import { ExecutionLink } from '../../parts/links.tsx';
import { Empty, Panel } from '../../parts/page.tsx';
import { DataTable, type Column } from '../../parts/table.tsx';
import { countText, Time } from '../../parts/time.tsx';
import { useFilters } from '../../shell/router.tsx';
import { useRefreshWhen } from './polling.ts';
import { given } from './search-form.tsx';
import { t } from './texts.ts';
import { cycleStatus, mesReason, toneOf } from './words.ts';

/** `changed`: something happened that this list should show. */
export function CyclesPanel({ changed }: { changed: string }) {
  const [filters, setFilters] = useFilters({ status: '' });
  const query = { status: given<MesCycle['status']>(filters.status) };
  const list = usePages('listMesCycles', { query });
  useRefreshWhen(changed, list.refresh);
  const { mes, columns } = t();
  return (
    <Panel title={mes.cycles}>
      <div class="filters">
        <SelectField
          label={columns.status}
          any
          value={filters.status}
          options={Object.entries(mes.status).map(([value, label]) => ({ value, label }))}
          onInput={(status) => setFilters({ status })}
        />
      </div>
      <DataTable
        label={mes.cycles}
        list={list}
        columns={columnsOf()}
        rowKey={({ id }) => id}
        csv={{ operation: 'listMesCycles', query }}
        empty={
          filters.status === '' ? (
            <Empty title={mes.noCycles} detail={mes.noCyclesDetail} />
          ) : (
            <Empty title={mes.noneOfStatus} />
          )
        }
      />
    </Panel>
  );
}

function columnsOf(): Column<MesCycle>[] {
  const { mes, columns } = t();
  return [
    { id: 'id', head: columns.number, align: 'end', cell: ({ id }) => id },
    { id: 'source', head: columns.what, cell: ({ source }) => mes.source[source] },
    {
      id: 'status',
      head: columns.status,
      cell: ({ status }) => <Badge tone={toneOf(status)}>{cycleStatus(status)}</Badge>,
    },
    ...(['seen', 'new', 'changed', 'unchanged', 'rejected'] as const).map((name): Column<MesCycle> => ({
      id: name,
      head: name === 'changed' ? mes.changedRows : mes[name],
      align: 'end',
      wide: name !== 'new',
      cell: ({ tables }) => countText(tables.reduce((sum, table) => sum + table[name], 0)),
    })),
    { id: 'started', head: mes.started, cell: ({ startedAt }) => <Time at={startedAt} relative /> },
    { id: 'by', head: mes.author, cell: ({ author }) => author, wide: true },
    { id: 'words', head: mes.words, cell: ({ words }) => <span title={words}>{words}</span>, wide: true },
    {
      id: 'temporal',
      head: 'Temporal',
      cell: ({ links }) => <ExecutionLink url={links.temporal}>→</ExecutionLink>,
      wide: true,
    },
  ];
}

/** The sums of one cycle, by table. */
export function CycleSums({ cycle }: { cycle: MesCycle }) {
  const { mes } = t();
  return (
    <>
      <p class="row">
        <b>
          {mes.source[cycle.source]} {cycle.id}
        </b>
        <Badge tone={toneOf(cycle.status)}>{cycleStatus(cycle.status)}</Badge>
        <Time at={cycle.startedAt} relative />
        <span class="muted">{cycle.words}</span>
      </p>
      {cycle.tables.length > 0 && (
        <div class="small-scroll" role="region" aria-label={mes.sums} tabIndex={0}>
          <table class="table small">
            <caption class="hint">{mes.sums}</caption>
            <thead>
              <tr>
                <th scope="col">{mes.table}</th>
                <th scope="col">{mes.seen}</th>
                <th scope="col">{mes.new}</th>
                <th scope="col">{mes.changedRows}</th>
                <th scope="col">{mes.unchanged}</th>
                <th scope="col">{mes.rejected}</th>
              </tr>
            </thead>
            <tbody>
              {cycle.tables.map(({ table, seen, new: fresh, changed, unchanged, rejected, rejectedBy }) => (
                <tr key={table}>
                  <td title={mes.tableNames[table]}>{mes.tables[table]}</td>
                  <td>{countText(seen)}</td>
                  <td>{countText(fresh)}</td>
                  <td>{countText(changed)}</td>
                  <td>{countText(unchanged)}</td>
                  <td>
                    {countText(rejected)}{' '}
                    {Object.entries(rejectedBy).map(([reason, count]) => (
                      <Badge key={reason} tone="bad">
                        {mesReason(reason)}: {countText(count)}
                      </Badge>
                    ))}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </>
  );
}

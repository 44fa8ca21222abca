/** Cells: found, imported, set to OK, NG, Rework or Hold. */
import { useState } from 'preact/hooks';
import type { ListCellsQuery } from '../../api-types.ts';
import { call, newIdempotencyKey } from '../../api/call.ts';
import { useAction, usePages } from '../../api/queries.ts';
import { may } from '../../api/session.ts';
import { confirm } from '../../parts/confirm.tsx';
import { SelectField, TextField } from '../../parts/fields.tsx';
import { Empty, Page } from '../../parts/page.tsx';
import { ProblemNote } from '../../parts/problem.tsx';
import { DataTable, useSelection } from '../../parts/table.tsx';
import { Time } from '../../parts/time.tsx';
import { say } from '../../parts/toasts.tsx';
import { useFilters } from '../../shell/router.tsx';
import { CELL_STATES, CellState, cellStateText, TrayNav } from './cell-states.tsx';
import { CsvImportDialog } from './csv-import.tsx';
import { useFresh } from './fresh.ts';
import { CellLink, TrayLink } from './trays.tsx';
import { t } from './tray-texts.ts';

const EXAMPLE = `serialNo,status,bindCode,filledAt,remark
YF-KH-A-000001,ok,M1/WO1,2024-04-10 14:16:31,
YF-KH-A-000002,hold,M1/WO1,2024-04-10 14:16:31,
`;

export function CellsPage() {
  const words = t().cells;
  const [filters, setFilters] = useFilters({ search: '', status: '', where: '', tray: '', bindCode: '' });
  const query = {
    search: filters.search.trim() || undefined,
    status: filters.status === '' ? undefined : (Number(filters.status) as ListCellsQuery['status']),
    inTray: filters.where === '' ? undefined : filters.where === 'tray',
    tray: filters.tray.trim() || undefined,
    bindCode: filters.bindCode.trim() || undefined,
  };
  const list = usePages('listCells', { query });
  useFresh(list.refresh, { everyMs: 15_000 });
  const selection = useSelection<string>(JSON.stringify(query));
  const [isImporting, setImporting] = useState(false);
  const set = useAction(async (status: number) => {
    const serialNos = [...selection.keys];
    const name = cellStateText(status);
    const consequences = status === 1 ? [words.setDetail] : [words.setDetail, words.notIntoTray];
    if (!(await confirm({ title: words.setTitle(serialNos.length, name), consequences }))) return;
    const body = serialNos.map((serialNo) => ({ serialNo, status }));
    const done = await call('registerCells', { body }, { idempotencyKey: newIdempotencyKey() });
    say(done.refused > 0 ? words.refused(done.refused) : words.done(done.rows, name));
    selection.clear();
    list.refresh();
  });
  const importButton = may('mom:write') && (
    <button type="button" class="button primary" onClick={() => setImporting(true)}>
      {words.import}
    </button>
  );
  const isFiltered = Object.values(query).some((value) => value !== undefined);
  return (
    <Page title={words.title} lead={words.lead} actions={importButton}>
      <TrayNav />
      <div class="filters">
        <TextField
          label={words.search}
          type="search"
          value={filters.search}
          onInput={(search) => setFilters({ search })}
        />
        <SelectField
          label={words.status}
          any
          value={filters.status}
          options={CELL_STATES.map((value) => ({ value: String(value), label: cellStateText(value) }))}
          onInput={(status) => setFilters({ status })}
        />
        <SelectField
          label={words.where}
          any
          value={filters.where}
          options={[
            { value: 'tray', label: words.inTray },
            { value: 'free', label: words.free },
          ]}
          onInput={(where) => setFilters({ where })}
        />
        <TextField label={words.tray} value={filters.tray} onInput={(tray) => setFilters({ tray })} />
        <TextField label={words.bindCode} value={filters.bindCode} onInput={(bindCode) => setFilters({ bindCode })} />
      </div>
      {set.error !== null && <ProblemNote problem={set.error} />}
      <DataTable
        label={words.title}
        list={list}
        rowKey={({ serialNo }) => serialNo}
        {...(may('mom:write') && { selection })}
        selectionActions={CELL_STATES.map((status) => (
          <button
            key={status}
            type="button"
            class="button small"
            disabled={set.busy}
            onClick={() => void set.run(status)}
          >
            {words.set(cellStateText(status))}
          </button>
        ))}
        csv={{ operation: 'listCells', query }}
        empty={
          isFiltered ? (
            <Empty title={words.noneFits} />
          ) : (
            <Empty title={words.none} detail={words.noneAdvice}>
              {importButton}
            </Empty>
          )
        }
        columns={[
          { id: 'serialNo', head: words.search, cell: (row) => <CellLink serialNo={row.serialNo} /> },
          { id: 'status', head: words.status, cell: (row) => <CellState status={row.status} /> },
          {
            id: 'tray',
            head: words.tray,
            cell: (row) =>
              row.tray === null ? (
                '–'
              ) : (
                <>
                  <TrayLink barcode={row.tray} /> · {row.positionNo}
                </>
              ),
          },
          { id: 'bindCode', head: words.bindCode, cell: (row) => row.bindCode },
          { id: 'filled', head: words.filled, cell: (row) => <Time at={row.filledAt} />, wide: true },
          {
            id: 'set',
            head: words.statusSet,
            cell: (row) => (
              <>
                <Time at={row.statusAt} relative /> · {row.statusBy}
              </>
            ),
            wide: true,
          },
        ]}
      />
      {isImporting && (
        <CsvImportDialog
          title={words.importTitle}
          hint={words.importHint}
          example={EXAMPLE}
          onClose={() => setImporting(false)}
          onDone={list.refresh}
          send={async (file) => {
            const {
              results,
              resultsLeftOut: _left,
              ...counts
            } = await call('importCells', { body: file }, { contentType: 'text/csv' });
            const refusals = results
              .filter(({ status }) => status === 'refused')
              .map((each) => ({ row: each.row, what: each.serialNo ?? '', why: each.message ?? '' }));
            return { ...counts, refusals, leftOut: Math.max(0, counts.refused - refusals.length) };
          }}
        />
      )}
    </Page>
  );
}

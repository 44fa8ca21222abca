/** Takes a CSV export of one of MES's tables, and says of each row that could not be taken why. */
import { useState } from 'preact/hooks';
import type { MesImportResult } from '../../api-types.ts';
import { call } from '../../api/call.ts';
import { useAction } from '../../api/queries.ts';
import { DropZone } from '../../parts/drop-zone.tsx';
import { SelectField } from '../../parts/fields.tsx';
import { Panel } from '../../parts/page.tsx';
import { ProblemNote } from '../../parts/problem.tsx';
import { countText } from '../../parts/time.tsx';
import { Link } from '../../shell/router.tsx';
import { Sum } from './sums.tsx';
import { t } from './texts.ts';
import { mesReason } from './words.ts';

type Table = 'carton' | 'sheet';

export function MesImport({ isBlocked, onImported }: { isBlocked: boolean; onImported: () => void }) {
  const [table, setTable] = useState<Table>('carton');
  const [file, setFile] = useState<string>('');
  const [result, setResult] = useState<MesImportResult | null>(null);
  const { mes } = t();
  const take = useAction(async (given: File) => {
    setResult(null);
    setFile(given.name);
    setResult(await call('importMes', { params: { table }, body: given }, { contentType: 'text/csv' }));
    onImported();
  });
  return (
    <Panel title={mes.importTitle}>
      <p class="muted">{mes.importLead}</p>
      {isBlocked ? (
        <p class="note">{mes.importBlocked}</p>
      ) : (
        <>
          <SelectField<Table>
            label={mes.importTable}
            value={table}
            disabled={take.busy}
            options={(['carton', 'sheet'] as const).map((value) => ({
              value,
              label: `${mes.tables[value]} (${mes.tableNames[value]})`,
            }))}
            onInput={(value) => setTable(value === '' ? 'carton' : value)}
          />
          <DropZone
            label={mes.importDrop}
            accept=".csv,text/csv"
            disabled={take.busy}
            onFiles={([first]) => first !== undefined && void take.run(first)}
          />
        </>
      )}
      <div aria-live="polite">
        {take.busy && <p role="status">{mes.importing(file)}</p>}
        {take.error !== null && <ProblemNote problem={take.error} />}
        {result !== null && <Result result={result} file={file} />}
      </div>
    </Panel>
  );
}

function Result({ result, file }: { result: MesImportResult; file: string }) {
  const { mes } = t();
  const rejected = result.results.filter(({ status }) => status === 'rejected');
  return (
    <div data-import-result>
      <h3>{mes.importDone(file)}</h3>
      {result.words !== '' && (
        <p class="problem" role="alert">
          {result.words}
        </p>
      )}
      <Sum
        total={result.rows}
        totalLabel={mes.seen}
        parts={[
          { id: 'new', label: mes.new, count: result.new, tone: 'good' },
          { id: 'changed', label: mes.changedRows, count: result.changed, tone: 'info' },
          { id: 'unchanged', label: mes.unchanged, count: result.unchanged, tone: 'idle' },
          { id: 'rejected', label: mes.rejected, count: result.rejected, tone: 'bad' },
        ]}
      />
      {rejected.length === 0 ? (
        <p class="row">
          {mes.allTaken}
          <Link to="/shipping" class="button small">
            {mes.importShow}
          </Link>
        </p>
      ) : (
        <>
          <h3>{mes.importRejected}</h3>
          <div class="small-scroll" role="region" aria-label={mes.importRejected} tabIndex={0}>
            <table class="table small">
              <thead>
                <tr>
                  <th scope="col">{mes.row}</th>
                  <th scope="col">{mes.key}</th>
                  <th scope="col">{mes.code}</th>
                  <th scope="col">{mes.message}</th>
                </tr>
              </thead>
              <tbody>
                {rejected.slice(0, SHOWN).map(({ row, key, code, message }) => (
                  <tr key={row}>
                    <td class="end">{row}</td>
                    <td>
                      <code>{key ?? '–'}</code>
                    </td>
                    <td>{code === null ? '' : mesReason(code)}</td>
                    <td class="wrap">{message}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
          {result.rejected > SHOWN && <p class="muted">{mes.leftOut(countText(result.rejected - SHOWN))}</p>}
        </>
      )}
    </div>
  );
}

const SHOWN = 500;

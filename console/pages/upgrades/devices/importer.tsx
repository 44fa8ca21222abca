/** Registers devices from a CSV file, and shows each row that was refused. */
import { useState } from 'preact/hooks';
import type { ImportResult } from '../../../api-types.ts';
import { call } from '../../../api/call.ts';
import { useAction } from '../../../api/queries.ts';
import { Dialog } from '../../../parts/dialog.tsx';
import { DropZone } from '../../../parts/drop-zone.tsx';
import { ProblemNote } from '../../../parts/problem.tsx';
import { countText } from '../../../parts/time.tsx';
import { t } from './texts.ts';

const EXAMPLE = `protocol,identity,imei,model,powerKw,productionDate,shipDate,orderNo,remark
terminal,6134441313,,GV2,,2025-03-01,2025-03-15,SO-2025-0017,
pile,55031412782305,,DC,120,,,,
`;
const MOST_SHOWN = 500;

export function ImportDialog({ onClose, whenDone }: { onClose: () => void; whenDone: () => void }) {
  const [result, setResult] = useState<ImportResult | null>(null);
  const act = useAction(async (file: File) => {
    setResult(null);
    setResult(await call('importDevices', { body: file }, { contentType: 'text/csv' }));
    whenDone();
  });
  const words = t().importer;
  return (
    <Dialog title={words.title} onClose={onClose} wide>
      {result === null ? (
        <>
          <p>{words.lead}</p>
          <details>
            <summary>{words.example}</summary>
            <pre class="example">{EXAMPLE}</pre>
          </details>
          <DropZone
            label={words.drop}
            accept=".csv,text/csv"
            disabled={act.busy}
            onFiles={([file]) => file !== undefined && void act.run(file)}
          />
          {act.busy && (
            <p role="status">
              <progress aria-label={words.title} /> {words.busy}
            </p>
          )}
          {act.error !== null && <ProblemNote problem={act.error} />}
        </>
      ) : (
        <Outcome result={result} onAgain={() => setResult(null)} />
      )}
    </Dialog>
  );
}

function Outcome({ result, onAgain }: { result: ImportResult; onAgain: () => void }) {
  const words = t().importer;
  const refused = result.results.filter(({ status }) => status === 'refused');
  const shown = refused.slice(0, MOST_SHOWN);
  const left = result.refused - shown.length;
  return (
    <>
      <p role="status">
        <b>{words.done}:</b> {words.rows(countText(result.rows))} · {words.created(countText(result.created))} ·{' '}
        {words.updated(countText(result.updated))} · {words.unchanged(countText(result.unchanged))} ·{' '}
        <b>{words.refused(countText(result.refused))}</b>
      </p>
      {shown.length > 0 && (
        <>
          <h3>{words.refusedTitle}</h3>
          <p class="hint">{words.refusedAdvice}</p>
          <div class="import-rows" role="region" aria-label={words.refusedTitle} tabIndex={0}>
            <table class="table">
              <thead>
                <tr>
                  <th scope="col">{words.row}</th>
                  <th scope="col">{words.why}</th>
                </tr>
              </thead>
              <tbody>
                {shown.map(({ row, deviceId, message, code }) => (
                  <tr key={row}>
                    <td>{row}</td>
                    <td class="wrap">
                      {deviceId !== null && <code>{deviceId} </code>}
                      {message ?? code}
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
          {left > 0 && <p class="hint">{words.leftOut(countText(left))}</p>}
        </>
      )}
      <p class="row end">
        <button type="button" class="button" onClick={onAgain}>
          {words.another}
        </button>
      </p>
    </>
  );
}

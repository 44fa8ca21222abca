/** A file of rows on its way in: dropped, read by the API, answered row by row. */
import { useState } from 'preact/hooks';
import { useAction } from '../../api/queries.ts';
import { Dialog } from '../../parts/dialog.tsx';
import { DropZone } from '../../parts/drop-zone.tsx';
import { ProblemNote } from '../../parts/problem.tsx';
import { t as shared } from '../../shell/texts.ts';
import { t } from './texts.ts';

export interface ImportOutcome {
  rows: number;
  created: number;
  updated: number;
  unchanged: number;
  refused: number;
  refusals: readonly { row: number; what: string; why: string }[];
  /** Rows that the answer has no room for. */
  leftOut: number;
}

/** How many refused rows are drawn; all of them are in the file that can be saved. */
const MOST_SHOWN = 500;

export function CsvImportDialog({
  title,
  hint,
  example,
  send,
  onClose,
  onDone,
}: {
  title: string;
  hint: string;
  /** Text of a file that works. */
  example: string;
  send: (file: File) => Promise<ImportOutcome>;
  onClose: () => void;
  /** Something may have changed. */
  onDone: () => void;
}) {
  const words = t().import;
  const [outcome, setOutcome] = useState<ImportOutcome | null>(null);
  const load = useAction(async (file: File) => {
    setOutcome(await send(file));
    onDone();
  });
  return (
    <Dialog title={title} onClose={onClose} wide>
      {outcome === null ? (
        <>
          <DropZone
            label={words.drop}
            hint={hint}
            accept=".csv,text/csv"
            disabled={load.busy}
            onFiles={([file]) => file !== undefined && void load.run(file)}
          />
          <p class="row">
            <button type="button" class="button small" onClick={() => saveText('example.csv', example)}>
              {words.example}
            </button>
            <span role="status">{load.busy ? words.running : ''}</span>
          </p>
          {load.error !== null && <ProblemNote problem={load.error} />}
        </>
      ) : (
        <Outcome outcome={outcome} onAnother={() => setOutcome(null)} onClose={onClose} />
      )}
    </Dialog>
  );
}

function Outcome({
  outcome,
  onAnother,
  onClose,
}: {
  outcome: ImportOutcome;
  onAnother: () => void;
  onClose: () => void;
}) {
  const words = t().import;
  const { rows, created, updated, unchanged, refused, refusals, leftOut } = outcome;
  const hidden = leftOut + Math.max(0, refusals.length - MOST_SHOWN);
  const save = () => {
    const lines = refusals.map(({ row, what, why }) => [String(row), what, why].map(quoted).join(','));
    saveText('refused.csv', ['row,code,reason', ...lines].join('\n'));
  };
  return (
    <>
      <p role="status">
        <b>{words.done}</b> {words.sums(rows, created, updated, unchanged, refused)}
      </p>
      {refused === 0 ? (
        <p>{words.allWell}</p>
      ) : (
        <div class="table-scroll" role="region" aria-label={words.refusedRows} tabIndex={0}>
          <table class="table wrapping">
            <thead>
              <tr>
                <th scope="col">{words.row}</th>
                <th scope="col">{words.what}</th>
                <th scope="col">{words.why}</th>
              </tr>
            </thead>
            <tbody>
              {refusals.slice(0, MOST_SHOWN).map(({ row, what, why }) => (
                <tr key={row}>
                  <td>{row}</td>
                  <td>{what}</td>
                  <td>{why}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {refused > 0 && hidden > 0 && <p class="muted">{words.leftOut(hidden)}</p>}
      <div class="row end">
        {refusals.length > 0 && (
          <button type="button" class="button" onClick={save}>
            {words.saveRefused}
          </button>
        )}
        <button type="button" class="button" onClick={onAnother}>
          {words.another}
        </button>
        <button type="button" class="button primary" onClick={onClose}>
          {shared().common.close}
        </button>
      </div>
    </>
  );
}

/** A field of a CSV; one that a spreadsheet would take for a formula is told to be text. */
function quoted(text: string): string {
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return `"${safe.replaceAll('"', '""')}"`;
}

/** Has the browser save a text as a file. */
function saveText(fileName: string, text: string): void {
  const address = URL.createObjectURL(new Blob(['\uFEFF', text], { type: 'text/csv;charset=utf-8' }));
  const link = document.createElement('a');
  link.href = address;
  link.download = fileName;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

/** Columns of a row of MES, before and after; short in a table, whole on a click. */
import { useState } from 'preact/hooks';
import type { MesChange } from '../../api-types.ts';
import { Dialog } from '../../parts/dialog.tsx';
import { t } from './texts.ts';

export function Differences({ differences }: { differences: MesChange['differences'] }) {
  const [isOpen, setOpen] = useState(false);
  const { mes, columns } = t();
  const [first, ...others] = differences;
  if (first === undefined) return null;
  return (
    <>
      <button type="button" class="link" onClick={() => setOpen(true)}>
        {first.column}: {first.old ?? mes.nothing} → {first.new ?? mes.nothing}
        {others.length > 0 && ` ${mes.more(others.length)}`}
      </button>
      {isOpen && (
        <Dialog title={columns.what} onClose={() => setOpen(false)} wide>
          <table class="table small">
            <thead>
              <tr>
                <th scope="col">{mes.column}</th>
                <th scope="col">{mes.old}</th>
                <th scope="col">{mes.fresh}</th>
              </tr>
            </thead>
            <tbody>
              {differences.map(({ column, old, new: fresh }) => (
                <tr key={column}>
                  <td>
                    <code>{column}</code>
                  </td>
                  <td class="wrap">{old ?? mes.nothing}</td>
                  <td class="wrap">{fresh ?? mes.nothing}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </Dialog>
      )}
    </>
  );
}

/** The results of a matrix as a table for people: a row for each step and phase, a column for each part that died. */
import type { CellResult } from './matrix.ts';
import { COMPONENTS } from './world.ts';

const SHOWN = { pass: 'pass', fail: 'FAIL', 'not reached': 'not passed' } as const;

/** The table; only rows of which something was run. */
export function tableOf(results: readonly CellResult[]): string {
  const rows = new Map<string, Map<string, string>>();
  for (const { cell, outcome } of results) {
    const { story, variant, step, detail, phase } = cell;
    const title = `${story} (${variant})  ${step}${detail === undefined ? '' : ` ${detail}`}  ${phase}`;
    const row = rows.get(title) ?? new Map<string, string>();
    rows.set(title, row.set(cell.component, SHOWN[outcome]));
  }
  const width = Math.max(...[...rows.keys()].map(({ length }) => length), 20);
  const line = (title: string, cells: readonly string[]) =>
    [title.padEnd(width), ...cells.map((text) => text.padEnd(10))].join('  ').trimEnd();
  return [
    line('step and phase', COMPONENTS),
    ...[...rows]
      .toSorted(([one], [other]) => (one < other ? -1 : 1))
      .map(([title, row]) =>
        line(
          title,
          COMPONENTS.map((component) => row.get(component) ?? '·'),
        ),
      ),
  ].join('\n');
}

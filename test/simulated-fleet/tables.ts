/** The results as people read them. */
import type { DaysVerdict } from './days.ts';
import type { Verdict } from './verdict.ts';
import type { NightsReport } from '../night/nights.ts';

/** Rows in columns; the first row is the head. */
function columns(rows: readonly (readonly (string | number)[])[]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => String(row[column]).length)));
  return rows
    .map((row) =>
      row
        .map((cell, column) =>
          typeof cell === 'number' ? String(cell).padStart(widths[column]!) : cell.padEnd(widths[column]!),
        )
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** What became of a fleet, and the verdict. Nothing in it differs from run to run of the same seed. */
export function fleetTable({ seed, devices, lines, failures, digest }: Verdict): string {
  const rows = lines.map(({ kind, devices: count, word, right }) => [
    kind,
    count,
    word,
    right,
    right === count ? 'pass' : 'FAIL',
  ]);
  const verdict = failures.length === 0 ? 'pass' : `FAIL: ${failures.length} failures`;
  return `${columns([['kind', 'devices', 'ends as', 'right', ''], ...rows])}\nseed ${seed}, ${devices} devices: ${verdict} (${digest})`;
}

/** What became of devices whose stories take days. */
export function daysTable({ seed, devices, lines, frames, failures }: DaysVerdict): string {
  const rows = lines.map(({ kind, devices: count, right }) => [kind, count, right, right === count ? 'pass' : 'FAIL']);
  const verdict = failures.length === 0 ? 'pass' : `FAIL: ${failures.length} failures`;
  return `${columns([['kind', 'devices', 'right', ''], ...rows])}\nseed ${seed}, ${devices} devices for six days, ${frames} frames: ${verdict}`;
}

/** What became of many nights. */
export function nightsTable(firstSeed: number, { nights, frames, refusals, waits, violations }: NightsReport): string {
  const rows = Object.entries(frames)
    .toSorted(([one], [other]) => one.localeCompare(other))
    .map(([frame, count]) => [frame, count]);
  return [
    columns([['frame', 'allowed'], ...rows]),
    `refused: ${refusals}; told to wait: ${waits}`,
    `${nights} nights from seed ${firstSeed} on: ${violations.length === 0 ? 'pass' : `FAIL: ${violations.length} violations`}`,
  ].join('\n');
}

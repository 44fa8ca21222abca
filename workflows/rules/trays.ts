/**
 * What may be put into a tray, taken out of it, and when its aging begins. Pure; `db/factory/trays.ts` asks while it holds the
 * locks that keep the answers true.
 */

/** SerialNoStatus of a cell (9.9). */
export const CELL = { none: 0, ok: 1, ng: 2, undefined: 3, rework: 4, hold: 5 } as const;

/** What is kept about trays. `taken_out`: a person unbound single cells. */
export const TRAY_OPERATIONS = ['bound', 'unbound', 'taken_out', 'aging'] as const;
export type TrayOperation = (typeof TRAY_OPERATIONS)[number];

/** The status equipment is told: 3 is not defined and counts as NG. */
export function toldStatus(status: number): number {
  return status === CELL.undefined ? CELL.ng : status;
}

/** A cell as the rules see it. */
export interface KnownCell {
  serialNo: string;
  status: number;
  bindCode: string;
  /** The tray it is in, and where; null: in none. */
  tray: string | null;
  positionNo: number | null;
}

/** A cell that is to be put somewhere. */
export interface Placement {
  serialNo: string;
  positionNo: number;
}

/** Why a cell, or all of them, must not be put into a tray. */
export const BINDING_FAULTS = [
  'no_cells',
  'cell_twice',
  'position_twice',
  'cell_unknown',
  'cell_ng',
  'cell_hold',
  'cell_elsewhere',
  'position_taken',
  'bind_codes_mixed',
] as const;
export type BindingFault = (typeof BINDING_FAULTS)[number];

/** What is wrong with a binding. */
export interface Refusal<Code extends string> {
  code: Code;
  message: string;
}

/** What a binding is judged by. */
export interface BindingOrder {
  tray: string;
  placements: readonly Placement[];
  /** Every cell that is named and known. */
  known: readonly KnownCell[];
  /** What the tray holds now. */
  contents: readonly KnownCell[];
  /** Cells on hold must not enter the equipment that binds. */
  isHoldListed: boolean;
}

/** What comes of a binding: the cells to put in, or everything that is wrong. */
export type Binding = { ok: true; placements: Placement[] } | { ok: false; refusals: Refusal<BindingFault>[] };

/**
 * Judges a binding as a whole: all cells or none. A cell that is at its place already is not put there again, so that
 * the same binding told anew is no fault.
 */
export function judgeBinding({ tray, placements, known, contents, isHoldListed }: BindingOrder): Binding {
  if (placements.length === 0) return refused('no_cells', 'no cells are named');
  const cells = new Map(known.map((cell) => [cell.serialNo, cell]));
  const holders = new Map(contents.map((cell) => [cell.positionNo, cell.serialNo]));
  const serials = new Set<string>();
  const positions = new Map<number, string>();
  const refusals: Refusal<BindingFault>[] = [];
  const refuse = (code: BindingFault, message: string) => void refusals.push({ code, message });
  const fresh: Placement[] = [];

  for (const { serialNo, positionNo } of placements) {
    if (serials.has(serialNo)) {
      refuse('cell_twice', `${serialNo} is named twice`);
      continue;
    }
    serials.add(serialNo);
    const neighbour = positions.get(positionNo);
    if (neighbour !== undefined) refuse('position_twice', `position ${positionNo} is for ${neighbour} and ${serialNo}`);
    positions.set(positionNo, serialNo);
    const cell = cells.get(serialNo);
    if (cell === undefined) {
      refuse('cell_unknown', `${serialNo} is unknown`);
      continue;
    }
    if (cell.tray === tray && cell.positionNo === positionNo) continue;
    if (cell.tray !== null) {
      refuse('cell_elsewhere', `${serialNo} is in tray ${cell.tray}, position ${cell.positionNo}`);
      continue;
    }
    const fault = statusFault(cell, isHoldListed);
    if (fault !== null) refusals.push(fault);
    const holder = holders.get(positionNo);
    if (holder !== undefined) refuse('position_taken', `position ${positionNo} holds ${holder}`);
    fresh.push({ serialNo, positionNo });
  }
  const named = [...serials].flatMap((serialNo) => cells.get(serialNo) ?? []);
  const codes = new Set([...contents, ...named].map(({ bindCode }) => bindCode));
  if (codes.size > 1) refuse('bind_codes_mixed', `different bind codes in one tray: ${some([...codes])}`);
  return refusals.length > 0 ? { ok: false, refusals } : { ok: true, placements: fresh };
}

/** Why the status of a cell keeps it out; rework may be trayed. */
export function statusFault(
  { serialNo, status }: Pick<KnownCell, 'serialNo' | 'status'>,
  isHoldListed: boolean,
): Refusal<'cell_ng' | 'cell_hold'> | null {
  if (status === CELL.undefined) return { code: 'cell_ng', message: undefinedWords(serialNo) };
  if (status === CELL.ng) return { code: 'cell_ng', message: `${serialNo} is NG` };
  if (status === CELL.hold && isHoldListed) {
    return { code: 'cell_hold', message: `${serialNo} is on hold and must not enter this equipment` };
  }
  return null;
}

/** What is said of a cell whose status nobody has defined. */
export function undefinedWords(serialNo: string): string {
  return `status 3 of ${serialNo} is not defined and counts as NG`;
}

/** How long something must and may rest. */
export interface AgingLimits {
  bindCode: string;
  lowerMinutes: number;
  upperMinutes: number;
}

export const AGING_FAULTS = ['tray_empty', 'cell_hold', 'no_filling_time', 'no_aging_limits'] as const;
export type AgingFault = (typeof AGING_FAULTS)[number];

/** When the aging of a tray began, and its limits. */
export type Aging =
  | { ok: true; startMs: number; lowerMinutes: number; upperMinutes: number }
  | { ok: false; refusals: Refusal<AgingFault>[] };

/** Judges the entry of a tray into aging: it has rested since the latest filling of any of its cells. */
export function judgeAging(
  contents: readonly { serialNo: string; status: number; bindCode: string; filledAtMs: number | null }[],
  settings: readonly AgingLimits[],
  isHoldListed: boolean,
): Aging {
  const [first] = contents;
  if (first === undefined) return refused('tray_empty', 'the tray is empty');
  const refusals: Refusal<AgingFault>[] = [];
  for (const { serialNo, status, filledAtMs } of contents) {
    if (filledAtMs === null) refusals.push({ code: 'no_filling_time', message: `${serialNo} has no filling time` });
    if (status === CELL.hold && isHoldListed) {
      refusals.push({ code: 'cell_hold', message: `${serialNo} is on hold and must not enter this equipment` });
    }
  }
  const limits = limitsFor(first.bindCode, settings);
  if (limits === null) {
    refusals.push({ code: 'no_aging_limits', message: `nobody has set how long ${first.bindCode} rests` });
  }
  if (limits === null || refusals.length > 0) return { ok: false, refusals };
  const startMs = contents.reduce((latest, { filledAtMs }) => Math.max(latest, filledAtMs ?? 0), -Infinity);
  return { ok: true, startMs, lowerMinutes: limits.lowerMinutes, upperMinutes: limits.upperMinutes };
}

/** The limits of a bind code: its own, those of its material (what is before the `/`), or those of everything. */
export function limitsFor(bindCode: string, settings: readonly AgingLimits[]): AgingLimits | null {
  const material = bindCode.split('/', 1)[0]!.trim();
  for (const name of [bindCode, material, '']) {
    const found = settings.find((each) => each.bindCode === name);
    if (found !== undefined) return found;
  }
  return null;
}

const SHOWN = 5;

/** What an equipment and a log line are told of refusals: the first few, and how many there are. */
export function refusalWords(refusals: readonly Refusal<string>[]): string {
  return some(refusals.map(({ message }) => message));
}

function some(words: readonly string[]): string {
  const rest = words.length - SHOWN;
  return `${words.slice(0, SHOWN).join('; ')}${rest > 0 ? `; and ${rest} more` : ''}`;
}

function refused<Code extends string>(code: Code, message: string): { ok: false; refusals: Refusal<Code>[] } {
  return { ok: false, refusals: [{ code, message }] };
}

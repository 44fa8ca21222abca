/**
 * Imports cells, some rows at a time, and says for each row what came of it. A bad row never stops the rest; what was
 * stored before the end of a broken file stays, and importing a file twice is harmless.
 */
import type { Readable } from 'node:stream';
import { Type, type Static } from 'typebox';
import { audit } from '../audit.ts';
import { csvRows, importAll } from '../http/csv-rows.ts';
import type { Actor } from '../route.ts';
import { closed, nullable } from '../schemas.ts';
import { importCells, type CellImport } from '../../db/factory/cells.ts';
import type { Db } from '../../db/index.ts';
import { CELL, undefinedWords } from '../../workflows/rules/trays.ts';

const CHUNK_ROWS = 1_000;
const MAX_ROWS = 1_000_000;
const COLUMNS = ['serialNo', 'status', 'bindCode', 'filledAt', 'remark'] as const;
const LENGTHS = { serialNo: 128, bindCode: 128, remark: 1_000 } as const;
const STATUS_WORDS: Readonly<Record<string, number>> = {
  ok: CELL.ok,
  ng: CELL.ng,
  rework: CELL.rework,
  hold: CELL.hold,
};

export const ImportedCell = closed(
  {
    row: Type.Integer({ description: 'counted from 1; the header of a CSV file is not counted' }),
    status: Type.Enum(['created', 'updated', 'unchanged', 'refused'], { type: 'string' }),
    serialNo: nullable(Type.String()),
    code: nullable(Type.String({ description: 'why it is refused' })),
    message: nullable(Type.String({ description: 'what to do about it, or what to know' })),
  },
  { title: 'ImportedCell' },
);
export type ImportedCell = Static<typeof ImportedCell>;

export interface CellCounts {
  rows: number;
  created: number;
  updated: number;
  unchanged: number;
  refused: number;
}

/** What came of some rows, in order, and of all rows up to them. */
export interface CellProgress {
  results: readonly ImportedCell[];
  counts: CellCounts;
}

/** Rows of a JSON body. */
export function importCellRows(db: Db, actor: Actor, rows: readonly unknown[]): AsyncGenerator<CellProgress> {
  const run = new CellImporter(db, actor);
  return importAll(
    run,
    rows.map((fields) => ({ fields })),
  );
}

/**
 * Rows of a CSV file while it arrives.
 *
 * @throws Problem `csv_unreadable` when nothing of it could be read: no or a wrong header
 */
export function importCellCsv(db: Db, actor: Actor, file: Readable): AsyncGenerator<CellProgress> {
  return importAll(new CellImporter(db, actor), csvRows(file, { known: COLUMNS, needed: ['serialNo'] }, MAX_ROWS));
}

class CellImporter {
  readonly #db: Db;
  readonly #actor: Actor;
  readonly #counts: CellCounts = { rows: 0, created: 0, updated: 0, unchanged: 0, refused: 0 };
  readonly #seen = new Map<string, number>();
  #chunk: (ImportedCell | { row: number; cell: CellImport })[] = [];
  #isWhole = false;

  constructor(db: Db, actor: Actor) {
    this.#db = db;
    this.#actor = actor;
  }

  get rows(): number {
    return this.#counts.rows;
  }

  get isFull(): boolean {
    return this.#chunk.length >= CHUNK_ROWS;
  }

  add(raw: unknown): void {
    const read = readCell(raw);
    if ('message' in read) return this.refuse(read.serialNo, read.code, read.message);
    const first = this.#seen.get(read.serialNo);
    if (first !== undefined) return this.refuse(read.serialNo, 'duplicate_row', `row ${first} names it already`);
    this.#counts.rows++;
    this.#seen.set(read.serialNo, this.rows);
    this.#chunk.push({ row: this.rows, cell: read });
  }

  refuse(serialNo: string | null, code: string, message: string): void {
    this.#counts.rows++;
    this.#chunk.push({ row: this.rows, status: 'refused', serialNo, code, message });
  }

  async write(): Promise<CellProgress> {
    const chunk = this.#chunk;
    this.#chunk = [];
    const cells = chunk.flatMap((entry) => ('cell' in entry ? [entry.cell] : []));
    const outcomes = cells.length === 0 ? [] : await this.#store(cells);
    let next = 0;
    const results = chunk.map((entry): ImportedCell => {
      if (!('cell' in entry)) return entry;
      const { row, cell } = entry;
      const { status, code } = outcomes[next++]!;
      return { row, status, serialNo: cell.serialNo, code, message: wordsFor(code, cell) };
    });
    for (const { status } of results) this.#counts[status]++;
    return { results, counts: { ...this.#counts } };
  }

  /** Writes the rest, and the line of the audit log that tells of the whole import. */
  async writeLast(): Promise<CellProgress> {
    const progress = await this.write();
    this.#isWhole = true;
    await this.#tell(true);
    return progress;
  }

  /** Tells the audit log of an import that was cut off, as far as it came. */
  async end(): Promise<void> {
    if (this.#isWhole || this.#counts.created + this.#counts.updated === 0) return;
    // What went wrong is on its way to the caller, and must not be hidden by what goes wrong here.
    await this.#tell(false).catch(() => {});
  }

  async #tell(isComplete: boolean): Promise<void> {
    const { requestId: id } = this.#actor.operation;
    await audit(this.#db, this.#actor, { kind: 'cell-import', id, after: { ...this.#counts, isComplete } });
  }

  #store(cells: readonly CellImport[]) {
    const { departmentId, name } = this.#actor.caller;
    return this.#db.transaction(async (tx) => {
      const outcomes = await importCells(tx, departmentId, name, cells);
      const changes = outcomes.flatMap(({ before }, index) =>
        before === null ? [] : [{ kind: 'cell', id: cells[index]!.serialNo, before, after: cells[index]! }],
      );
      await audit(tx, this.#actor, ...changes);
      return outcomes;
    });
  }
}

function wordsFor(code: string | null, { serialNo, status }: CellImport): string | null {
  if (code === 'cell_incomplete') return `${serialNo} is new and needs a bindCode`;
  if (code === 'cell_in_tray') return `${serialNo} is in a tray: its bindCode cannot change before it is taken out`;
  return status === CELL.undefined ? undefinedWords(serialNo) : null;
}

/** Reads a row. Fields that are absent, null or blank are "not given". */
function readCell(raw: unknown): CellImport | { serialNo: string | null; code: string; message: string } {
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) {
    return { serialNo: null, code: 'not_an_object', message: 'the row is not an object with fields like serialNo' };
  }
  const fields = raw as Record<string, unknown>;
  const textOf = (name: string) => {
    const value = fields[name];
    if (value === null || value === undefined) return null;
    const text = (typeof value === 'string' ? value : JSON.stringify(value)).trim();
    return text === '' ? null : text;
  };
  const serialNo = textOf('serialNo');
  const refuse = (code: string, message: string) => ({ serialNo: serialNo?.slice(0, 128) ?? null, code, message });
  if (serialNo === null) return refuse('serial_missing', 'serialNo is missing');
  for (const [name, most] of Object.entries(LENGTHS)) {
    const text = textOf(name) ?? '';
    if (text.length > most) return refuse('too_long', `${name} may have ${most} characters`);
    if (text.includes('\u0000')) return refuse('bad_character', `${name} holds a character that cannot be stored`);
  }
  const unknown = Object.keys(fields).find((name) => !(COLUMNS as readonly string[]).includes(name));
  if (unknown !== undefined) return refuse('unknown_field', `there is no field ${unknown.slice(0, 50)}`);
  const said = textOf('status')?.toLowerCase() ?? null;
  const status = said === null ? null : (STATUS_WORDS[said] ?? (/^[1-5]$/.test(said) ? Number(said) : undefined));
  if (status === undefined) return refuse('status_unknown', 'status is 1 or ok, 2 or ng, 4 or rework, 5 or hold');
  const filled = textOf('filledAt');
  const filledAt = filled === null ? null : momentOf(filled);
  if (filledAt === undefined) {
    return refuse('time_unreadable', 'filledAt is a time like 2024-04-10 14:16:31 (Beijing) or 2024-04-10T06:16:31Z');
  }
  return { serialNo, status, bindCode: textOf('bindCode'), filledAt, remark: textOf('remark') };
}

const MOMENT = /^(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2}(?::\d{2})?(?:\.\d{1,6})?) ?(Z|[+-]\d{2}:?\d{2})?$/i;

/** A moment as the database takes it; without an offset it is Beijing time, as everything in this interface. */
function momentOf(text: string): string | undefined {
  const [, day, time, offset = '+08:00'] = MOMENT.exec(text) ?? [];
  if (day === undefined || time === undefined) return undefined;
  const zone = /^[+-]\d{4}$/.test(offset) ? `${offset.slice(0, 3)}:${offset.slice(3)}` : offset.toUpperCase();
  const atMs = Date.parse(`${day}T${time}${zone}`);
  const isDay =
    !Number.isNaN(Date.parse(`${day}T00:00:00Z`)) && new Date(`${day}T00:00:00Z`).toISOString().startsWith(day);
  return Number.isNaN(atMs) || !isDay ? undefined : new Date(atMs).toISOString();
}

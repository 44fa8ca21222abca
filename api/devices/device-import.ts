/**
 * Registers many devices, some rows at a time, and says for each row what came of it. A bad row never stops the rest;
 * what was registered before the end of a broken file stays, and importing a file twice is harmless.
 */
import type { Readable } from 'node:stream';
import { Type, type Static } from 'typebox';
import { audit, differences } from '../audit.ts';
import { POWER_MISSING } from './device-protocols.ts';
import { DATES_WRONG, DEVICE_COLUMNS, readDeviceRow, REQUIRED_COLUMNS } from './device-rows.ts';
import { csvRows, importAll } from '../http/csv-rows.ts';
import type { Actor } from '../route.ts';
import { closed, nullable } from '../schemas.ts';
import type { Db } from '../../db/index.ts';
import { registerDevices, type Registration, type RegistrationResult } from '../../db/devices/registration.ts';

/** Rows written in one transaction. */
const CHUNK_ROWS = 1_000;
const MAX_ROWS = 200_000;
/** Changed devices of one import whose fields are kept in the audit log, before and after. */
const MOST_AUDITED = 10_000;

export const ImportedRow = closed(
  {
    row: Type.Integer({ description: 'counted from 1; the header of a CSV file is not counted' }),
    status: Type.Enum(['created', 'updated', 'unchanged', 'refused'], { type: 'string' }),
    deviceId: nullable(Type.String()),
    code: nullable(Type.String({ description: 'why it is refused' })),
    message: nullable(Type.String({ description: 'what to do about it' })),
  },
  { title: 'ImportedRow' },
);
export type ImportedRow = Static<typeof ImportedRow>;

/** What came of an import in all. */
export interface ImportCounts {
  rows: number;
  created: number;
  updated: number;
  unchanged: number;
  refused: number;
}

/** What came of some rows, in order, and of all rows up to them. */
export interface ImportProgress {
  results: readonly ImportedRow[];
  counts: ImportCounts;
}

/** Registers the rows of a JSON body. */
export function importRows(db: Db, actor: Actor, rows: readonly unknown[]): AsyncGenerator<ImportProgress> {
  const run = new Import(db, actor);
  return importAll(
    run,
    rows.map((fields) => ({ fields })),
  );
}

/**
 * Registers the rows of a CSV file while it arrives.
 *
 * @throws Problem `csv_unreadable` when nothing of it could be read: no or a wrong header
 */
export function importCsv(db: Db, actor: Actor, file: Readable): AsyncGenerator<ImportProgress> {
  return importAll(new Import(db, actor), csvRows(file, { known: DEVICE_COLUMNS, needed: REQUIRED_COLUMNS }, MAX_ROWS));
}

/** Collects rows, writes them in chunks, says what came of them in order. */
class Import {
  readonly #db: Db;
  readonly #actor: Actor;
  readonly #counts: ImportCounts = { rows: 0, created: 0, updated: 0, unchanged: 0, refused: 0 };
  /** Where each device and each IMEI was first named. */
  readonly #seen = new Map<string, number>();
  /** Rows since the last writing: refused already, or to be registered. */
  #chunk: (ImportedRow | { row: number; registration: Registration })[] = [];
  #audited = 0;
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
    const read = readDeviceRow(raw);
    if ('refusals' in read) {
      return this.refuse(null, read.refusals[0]!.code, read.refusals.map(({ message }) => message).join('; '));
    }
    const { registration } = read;
    const row = this.rows + 1;
    for (const name of [registration.id, ...(registration.imei === null ? [] : [`imei ${registration.imei}`])]) {
      const first = this.#seen.get(name);
      if (first !== undefined) {
        return this.refuse(
          registration.id,
          'duplicate_row',
          `row ${first} names ${name} already; keep one of the two rows`,
        );
      }
    }
    this.#seen.set(registration.id, row);
    if (registration.imei !== null) this.#seen.set(`imei ${registration.imei}`, row);
    this.#chunk.push({ row, registration });
    this.#counts.rows = row;
  }

  refuse(deviceId: string | null, code: string, message: string): void {
    this.#counts.rows++;
    this.#chunk.push({ row: this.rows, status: 'refused', deviceId, code, message });
  }

  /** Writes what was collected, with its lines in the audit log, and says what came of it. */
  async write(): Promise<ImportProgress> {
    const chunk = this.#chunk;
    this.#chunk = [];
    const registrations = chunk.flatMap((entry) => ('registration' in entry ? [entry.registration] : []));
    const outcomes = registrations.length === 0 ? [] : await this.#register(registrations);
    let next = 0;
    const results = chunk.map((entry): ImportedRow => {
      if (!('registration' in entry)) return entry;
      const { row, registration } = entry;
      const outcome = outcomes[next++]!;
      const { id: deviceId } = registration;
      if (outcome.status !== 'refused') return { row, status: outcome.status, deviceId, code: null, message: null };
      return { row, status: 'refused', deviceId, code: outcome.code, message: wordsFor(outcome, registration) };
    });
    for (const { status } of results) this.#counts[status]++;
    return { results, counts: { ...this.#counts } };
  }

  /** Writes the rest, and the line of the audit log that tells of the whole import. */
  async writeLast(): Promise<ImportProgress> {
    const progress = await this.write();
    this.#isWhole = true;
    await this.#tell({ ...this.#counts, isComplete: true });
    return progress;
  }

  /** Tells the audit log of an import that was cut off, as far as it came. */
  async end(): Promise<void> {
    const { created, updated } = this.#counts;
    if (this.#isWhole || created + updated === 0) return;
    // What went wrong is on its way to the caller, and must not be hidden by what goes wrong here.
    await this.#tell({ ...this.#counts, isComplete: false }).catch(() => {});
  }

  async #tell(after: object): Promise<void> {
    await audit(this.#db, this.#actor, { kind: 'device-import', id: this.#actor.operation.requestId, after });
  }

  async #register(registrations: readonly Registration[]): Promise<RegistrationResult[]> {
    const { departmentId, name } = this.#actor.caller;
    return this.#db.transaction(async (tx) => {
      const outcomes = await registerDevices(tx, departmentId, name, registrations);
      const changes = outcomes.flatMap((outcome, index) =>
        outcome.status === 'updated'
          ? [{ kind: 'device', id: registrations[index]!.id, ...differences(outcome.before, outcome.after) }]
          : [],
      );
      const audited = changes.slice(0, MOST_AUDITED - this.#audited);
      this.#audited += audited.length;
      await audit(tx, this.#actor, ...audited);
      return outcomes;
    });
  }
}

function wordsFor(outcome: RegistrationResult & { status: 'refused' }, { imei }: Registration): string {
  const holder = outcome.holder === undefined ? 'another device' : `the device ${outcome.holder}`;
  const words = {
    other_department:
      'this device is registered in another department; if that is wrong, let that department delete it, then register it here',
    imei_taken: `IMEI ${imei} belongs to ${holder} already; correct one of the two`,
    dates_wrong: DATES_WRONG,
    pile_incomplete: `a charging pile is registered with its model, DC or AC, and its power; ${POWER_MISSING}`,
  };
  return words[outcome.code];
}

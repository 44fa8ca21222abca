/**
 * Registers many devices, some rows at a time, and says for each row what came of it. A bad row never stops the rest;
 * what was registered before the end of a broken file stays, and importing a file twice is harmless.
 */
import type { Readable } from 'node:stream';
import { TextDecoder } from 'node:util';
import { parse } from 'csv-parse';
import { Type, type Static } from 'typebox';
import type { Caller } from './auth.ts';
import { DATES_WRONG, DEVICE_COLUMNS, readDeviceRow, REQUIRED_COLUMNS } from './device-rows.ts';
import { problem } from './problems.ts';
import { closed, nullable } from './schemas.ts';
import { registerDevices, type Registration, type RegistrationResult } from '../db/devices.ts';
import type { Db } from '../db/index.ts';

/** Rows written in one transaction. */
const CHUNK_ROWS = 1_000;
const MAX_ROWS = 200_000;
const MAX_ROW_CHARACTERS = 10_000;
const MAX_FILE_BYTES = 64 * 1024 * 1024;

const RowResult = closed(
  {
    row: Type.Integer({ description: 'counted from 1; the header of a CSV file is not counted' }),
    status: Type.Enum(['created', 'updated', 'unchanged', 'refused'], { type: 'string' }),
    deviceId: nullable(Type.String()),
    code: nullable(Type.String({ description: 'why it is refused' })),
    message: nullable(Type.String({ description: 'what to do about it' })),
  },
  { title: 'ImportedRow' },
);
type RowResult = Static<typeof RowResult>;

const COUNT = Type.Integer({ minimum: 0 });
export const ImportResult = closed(
  { rows: COUNT, created: COUNT, updated: COUNT, unchanged: COUNT, refused: COUNT, results: Type.Array(RowResult) },
  { title: 'ImportResult' },
);

/** Registers the rows of a JSON body. */
export async function importRows(
  db: Db,
  caller: Caller,
  rows: readonly unknown[],
): Promise<Static<typeof ImportResult>> {
  const run = new Import(db, caller);
  for (const row of rows) await run.add(row);
  return run.end();
}

/**
 * Registers the rows of a CSV file while it arrives.
 *
 * @throws Problem `csv_unreadable` when nothing of it could be read: no or a wrong header
 */
export async function importCsv(db: Db, caller: Caller, file: Readable): Promise<Static<typeof ImportResult>> {
  const run = new Import(db, caller);
  let header: string[] | null = null;
  try {
    for await (const record of recordsOf(file)) {
      if (header === null) header = readHeader(record);
      else if (run.rows >= MAX_ROWS) {
        run.refuse(
          null,
          'too_many_rows',
          `rows from here on were not read: a file may have ${MAX_ROWS}; send the rest in a second file`,
        );
        break;
      } else if (record.length === header.length) {
        await run.add(Object.fromEntries(header.map((name, index) => [name, record[index]])));
      } else {
        run.refuse(
          null,
          'wrong_number_of_fields',
          `the row has ${record.length} fields and the header ${header.length}; put text with commas in double quotes`,
        );
      }
    }
  } catch (error) {
    if (!isCsvError(error)) throw error;
    if (header === null) throw unreadable(`The file cannot be read as CSV: ${error.message}`, error);
    run.refuse(
      null,
      'csv_unreadable',
      `the file cannot be read from here on, and the rows after this were not imported: ${error.message}`,
    );
  } finally {
    // whatever was not read must not keep the connection from carrying the answer
    file.resume();
  }
  if (header === null) throw unreadable('The file is empty.');
  return run.end();
}

/** Collects rows, writes them in chunks, keeps the results in order. */
class Import {
  readonly #db: Db;
  readonly #caller: Caller;
  readonly #results: RowResult[] = [];
  /** Where each device and each IMEI was first named. */
  readonly #seen = new Map<string, number>();
  #pending: { registration: Registration; index: number }[] = [];

  constructor(db: Db, caller: Caller) {
    this.#db = db;
    this.#caller = caller;
  }

  get rows(): number {
    return this.#results.length;
  }

  async add(raw: unknown): Promise<void> {
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
    this.#pending.push({ registration, index: this.#results.length });
    this.#results.push({ row, status: 'unchanged', deviceId: registration.id, code: null, message: null });
    if (this.#pending.length >= CHUNK_ROWS) await this.#write();
  }

  refuse(deviceId: string | null, code: string, message: string): void {
    this.#results.push({ row: this.rows + 1, status: 'refused', deviceId, code, message });
  }

  async end(): Promise<Static<typeof ImportResult>> {
    await this.#write();
    const sums = { rows: this.rows, created: 0, updated: 0, unchanged: 0, refused: 0 };
    for (const { status } of this.#results) sums[status]++;
    return { ...sums, results: this.#results };
  }

  async #write(): Promise<void> {
    const chunk = this.#pending;
    this.#pending = [];
    const { departmentId, name } = this.#caller;
    const outcomes = await registerDevices(
      this.#db,
      departmentId,
      name,
      chunk.map(({ registration }) => registration),
    );
    chunk.forEach(({ registration, index }, position) => {
      const outcome = outcomes[position]!;
      const refusal =
        outcome.status === 'refused' ? { code: outcome.code, message: wordsFor(outcome, registration) } : {};
      this.#results[index] = { ...this.#results[index]!, status: outcome.status, ...refusal };
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
  };
  return words[outcome.code];
}

function readHeader(record: readonly string[]): string[] {
  const names = record.map((cell) => DEVICE_COLUMNS.find((name) => name.toLowerCase() === cell.toLowerCase()) ?? cell);
  const unknown = names.filter((name) => !(DEVICE_COLUMNS as readonly string[]).includes(name));
  const missing = REQUIRED_COLUMNS.filter((name) => !names.includes(name));
  const doubled = names.filter((name, index) => names.indexOf(name) < index);
  const wrong = [
    ...(missing.length > 0 ? [`the column ${missing.join(' and ')} is missing`] : []),
    ...(unknown.length > 0
      ? [`the column ${unknown.map((name) => `"${name.slice(0, 50)}"`).join(', ')} is unknown`]
      : []),
    ...(doubled.length > 0 ? [`the column ${doubled.join(', ')} is there twice`] : []),
  ];
  if (wrong.length === 0) return names;
  throw unreadable(
    `The first line must name the columns, separated by commas: ${wrong.join('; ')}. Known are ${DEVICE_COLUMNS.join(', ')}; needed are ${REQUIRED_COLUMNS.join(' and ')}.`,
  );
}

/**
 * The records of a CSV file while it arrives; what comes before an error is given out before the error. Bytes that are
 * not UTF-8 are refused instead of stored as question marks; a byte order mark is dropped.
 */
async function* recordsOf(file: Readable): AsyncGenerator<string[]> {
  const ready: string[][] = [];
  const parser = parse({
    relax_column_count: true,
    skip_empty_lines: true,
    trim: true,
    max_record_size: MAX_ROW_CHARACTERS,
    on_record: (record: string[]) => void ready.push(record),
  }).resume();
  const decoder = new TextDecoder('utf-8', { fatal: true });
  // every error also reaches the callback of the writing that caused it
  parser.on('error', () => {});
  const feed = (chunk?: Buffer) =>
    new Promise<Error | null>((resolve) => {
      const done = (error?: Error | null) => resolve(error ?? null);
      const text = decode(decoder, chunk);
      if (text instanceof Error) done(text);
      else if (chunk === undefined) parser.end(text, done);
      else parser.write(text, done);
    });
  let bytes = 0;
  for await (const chunk of file.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    const tooLarge = csvError('TOO_LARGE', `it is larger than ${MAX_FILE_BYTES} bytes; send it in parts`);
    const error = bytes > MAX_FILE_BYTES ? tooLarge : await feed(chunk);
    yield* ready.splice(0);
    if (error !== null) throw error;
  }
  const error = await feed();
  yield* ready.splice(0);
  if (error !== null) throw error;
}

function decode(decoder: TextDecoder, chunk: Buffer | undefined): string | Error {
  try {
    return decoder.decode(chunk, { stream: chunk !== undefined });
  } catch (cause) {
    return csvError('NOT_UTF8', 'it is not UTF-8; save it as "CSV UTF-8"', cause);
  }
}

/** An error like those of the parser, so that both are told in the same way. */
function csvError(code: string, message: string, cause?: unknown): Error {
  return Object.assign(new Error(message, { cause }), { code: `CSV_${code}` });
}

function isCsvError(error: unknown): error is Error {
  return error instanceof Error && String((error as { code?: unknown }).code).startsWith('CSV_');
}

function unreadable(detail: string, cause?: unknown) {
  return problem('csv_unreadable', detail, { cause });
}

/**
 * Reads a CSV file while it arrives: its header, and its records one by one. What a record means is for who imports it.
 */
import type { Readable } from 'node:stream';
import { TextDecoder } from 'node:util';
import { CsvError, parse } from 'csv-parse';
import { problem } from '../problems.ts';

const MAX_ROW_CHARACTERS = 10_000;
const MAX_FILE_BYTES = 64 * 1024 * 1024;
/** Commas and blanks do not count as characters of a row, and would make records of millions of empty cells. */
const MAX_LINE_CHARACTERS = 100_000;
/** No table has so many columns; of a row with more only so many cells are kept, which is too many for any of them. */
const MAX_CELLS = 200;

/** Columns of a table that is imported; the names are fields of what a row stands for. */
export interface CsvColumns {
  known: readonly string[];
  needed: readonly string[];
}

/** One row: its fields by name of the column, or why there are none. */
export type CsvRow = { fields: Record<string, string> } | { code: string; message: string };

/**
 * The rows of a CSV file while it arrives. A row that cannot be read does not stop the others; one that comes after
 * `maxRows`, or where the file stops being CSV, is the last.
 *
 * @throws Problem `csv_unreadable` when nothing of it could be read: no or a wrong header
 */
export async function* csvRows(file: Readable, columns: CsvColumns, maxRows: number): AsyncGenerator<CsvRow> {
  let header: string[] | null = null;
  let rows = 0;
  try {
    for await (const record of recordsOf(file)) {
      if (header === null) {
        header = readHeader(record, columns);
        continue;
      }
      rows += 1;
      if (rows > maxRows) {
        const message = `rows from here on were not read: a file may have ${maxRows}; send the rest in a second file`;
        yield { code: 'too_many_rows', message };
        return;
      }
      yield rowOf(record, header);
    }
  } catch (error) {
    if (!isCsvError(error)) throw error;
    if (header === null) throw unreadable(`The file cannot be read as CSV: ${error.message}`, error);
    const message = `the file cannot be read from here on, and the rows after this were not imported: ${error.message}`;
    yield { code: 'csv_unreadable', message };
  } finally {
    // whatever was not read must not keep the connection from carrying the answer
    file.resume();
  }
  if (header === null) throw unreadable('The file is empty.');
}

function rowOf(record: readonly string[], header: readonly string[]): CsvRow {
  if (record.length === header.length)
    return { fields: Object.fromEntries(header.map((name, index) => [name, record[index]!])) };
  return {
    code: 'wrong_number_of_fields',
    message: `the row has ${record.length} fields and the header ${header.length}; put text with commas in double quotes`,
  };
}

/** The first line of a file: names of columns, in any case and order. */
export function readHeader(record: readonly string[], { known, needed }: CsvColumns): string[] {
  const names = record.map((cell) => known.find((name) => name.toLowerCase() === cell.toLowerCase()) ?? cell);
  const unknown = names.filter((name) => !known.includes(name));
  const missing = needed.filter((name) => !names.includes(name));
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
    `The first line must name the columns, separated by commas: ${wrong.join('; ')}. Known are ${known.join(', ')}; needed ${needed.length > 1 ? 'are' : 'is'} ${needed.join(' and ')}.`,
  );
}

/**
 * The records of a CSV file while it arrives; what comes before an error is given out before the error. Bytes that are
 * not UTF-8 are refused instead of stored as question marks; a byte order mark is dropped.
 */
export async function* recordsOf(file: Readable): AsyncGenerator<string[]> {
  const ready: string[][] = [];
  const parser = parse({
    relax_column_count: true,
    skip_empty_lines: true,
    trim: true,
    max_record_size: MAX_ROW_CHARACTERS,
    on_record: (record: string[]) => void ready.push(record.length > MAX_CELLS ? record.slice(0, MAX_CELLS) : record),
  }).resume();
  const decoder = new TextDecoder('utf-8', { fatal: true });
  const lines = new LineLengths();
  // every error also reaches the callback of the writing that caused it
  parser.on('error', () => {});
  const feed = (chunk?: Buffer) =>
    new Promise<Error | null>((resolve) => {
      const done = (error?: Error | null) => resolve(error ?? null);
      const text = decode(decoder, chunk);
      if (text instanceof Error) done(text);
      else if (lines.isTooLong(text))
        done(csvError('LINE_TOO_LONG', `a line has over ${MAX_LINE_CHARACTERS} characters`));
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

/** Tells lines that are too long while they arrive in pieces. */
class LineLengths {
  /** Characters since the last line end. */
  #length = 0;

  isTooLong(text: string): boolean {
    const first = text.search(/[\r\n]/);
    if (this.#length + (first < 0 ? text.length : first) > MAX_LINE_CHARACTERS) return true;
    if (first < 0) this.#length += text.length;
    else this.#length = text.length - 1 - Math.max(text.lastIndexOf('\n'), text.lastIndexOf('\r'));
    return this.#length > MAX_LINE_CHARACTERS;
  }
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

/** True for what is wrong with the file, as opposed to the connection or the database. */
export function isCsvError(error: unknown): error is Error {
  // the parser's own codes have no common beginning
  if (error instanceof CsvError) return true;
  return error instanceof Error && String((error as { code?: unknown }).code).startsWith('CSV_');
}

export function unreadable(detail: string, cause?: unknown) {
  return problem('csv_unreadable', detail, { cause });
}

/** Who takes the rows of an import, writes them some at a time, and says what came of them. */
export interface RowImporter<Progress> {
  readonly isFull: boolean;
  add(fields: unknown): void;
  refuse(id: null, code: string, message: string): void;
  write(): Promise<Progress>;
  /** Writes the rest; the import is whole. */
  writeLast(): Promise<Progress>;
  /** Whatever happened, nothing more follows. */
  end(): Promise<void>;
}

/** Gives rows to an importer while they arrive; what came of them, as often as it writes. */
export async function* importAll<Progress>(
  run: RowImporter<Progress>,
  rows: Iterable<{ fields: unknown }> | AsyncIterable<CsvRow>,
): AsyncGenerator<Progress> {
  try {
    for await (const row of rows) {
      if ('fields' in row) run.add(row.fields);
      else run.refuse(null, row.code, row.message);
      if (run.isFull) yield await run.write();
    }
    yield await run.writeLast();
  } finally {
    await run.end();
  }
}

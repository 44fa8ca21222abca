/**
 * Reads a CSV file of devices while it arrives: its header, and its records one by one. What a record means is judged in
 * `device-rows.ts`.
 */
import type { Readable } from 'node:stream';
import { TextDecoder } from 'node:util';
import { CsvError, parse } from 'csv-parse';
import { DEVICE_COLUMNS, REQUIRED_COLUMNS } from './device-rows.ts';
import { problem } from '../problems.ts';

const MAX_ROW_CHARACTERS = 10_000;
const MAX_FILE_BYTES = 64 * 1024 * 1024;
/** Commas and blanks do not count as characters of a row, and would make records of millions of empty cells. */
const MAX_LINE_CHARACTERS = 100_000;
/** No table has so many columns; of a row with more only so many cells are kept, which is too many for any of them. */
const MAX_CELLS = 200;

/** The first line of the file: names of columns, in any case. */
export function readHeader(record: readonly string[]): string[] {
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

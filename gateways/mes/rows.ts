/**
 * What a row of MES means: text as MES has it in, a row for the copy out, or the reason why it cannot be one. The same
 * for rows read from the database and from a file.
 *
 * Blanks at both ends are dropped and empty text is nothing. Times are Beijing's wall clock. Everything else stays as
 * it is: MES's rows are MES's business, and whether a device can be shipped is judged when it is shipped.
 */
import { createHash } from 'node:crypto';
import { MES_SHAPES, type MesTableName } from './tables.ts';

/** A row for the copy; values in the order of the table's columns, times as `YYYY-MM-DD HH:MM:SS` in Beijing. */
export interface MesRow {
  key: string;
  imei: string;
  testTime: string | null;
  values: readonly (string | null)[];
  /** MD5 of the values, hex. */
  hash: string;
}

/** Why a row is not taken. */
export const MES_REJECTIONS = [
  'key_missing',
  'key_malformed',
  'imei_missing',
  'text_unreadable',
  'time_unreadable',
  'double',
] as const;
export type MesRejection = (typeof MES_REJECTIONS)[number];

export interface RejectedRow {
  /** The row's key; a hash of the row when it has none. */
  key: string;
  reason: MesRejection;
  words: string;
  /** What MES says, by column of the copy; without what nobody may see. */
  row: Record<string, string | null>;
}

export type ReadRow = { row: MesRow } | { rejected: RejectedRow };

/** Longest text of one column; MES's own are far shorter. */
const MAX_TEXT = 4_000;
/** Longest key or IMEI. */
const MAX_NAME = 64;
const BLANK_ENDS = /^\s|\s$/;

/** Reads the values of one row, as the driver or a file gives them, in the order of the table's columns. */
export function readMesRow(table: MesTableName, raw: readonly unknown[]): ReadRow {
  const { at, columns } = MES_SHAPES[table];
  const values: (string | null)[] = Array.from({ length: columns.length }, () => null);
  for (let index = 0; index < columns.length; index++) values[index] = textOf(raw[index]);
  const key = values[at.key]!;
  const refuse = (reason: MesRejection, words: string): ReadRow => ({
    rejected: rejectionOf(table, values, reason, words),
  });

  if (key === null) return refuse('key_missing', `the row has no ${columns[at.key]!.mes}`);
  if (table === 'carton' && !/^[1-9]\d{0,14}$/.test(key)) return refuse('key_malformed', 'Id is not a positive number');
  const imei = values[at.imei]!;
  if (imei === null) return refuse('imei_missing', `the row has no ${columns[at.imei]!.mes}`);
  if (imei.length > MAX_NAME || key.length > MAX_NAME)
    return refuse('text_unreadable', `an IMEI of more than ${MAX_NAME} characters is none`);
  for (let index = 0; index < values.length; index++) {
    const value = values[index]!;
    if (value === null) continue;
    if (value.length > MAX_TEXT)
      return refuse('text_unreadable', `${columns[index]!.mes} has more than ${MAX_TEXT} characters`);
    if (value.includes('\0'))
      return refuse('text_unreadable', `${columns[index]!.mes} holds a character that cannot be stored (U+0000)`);
  }
  const said = values[at.testTime]!;
  const testTime = said === null ? null : timeOf(said);
  if (testTime === undefined) return refuse('time_unreadable', `TestTime is no time: ${said?.slice(0, 40) ?? ''}`);
  values[at.testTime] = testTime;
  return { row: { key, imei, testTime, values, hash: hashOf(values) } };
}

/** A row that is refused for a reason outside of itself. */
export function rejectedDouble(table: MesTableName, { values }: MesRow, words: string): RejectedRow {
  return rejectionOf(table, values, 'double', words);
}

function rejectionOf(
  table: MesTableName,
  values: readonly (string | null)[],
  reason: MesRejection,
  words: string,
): RejectedRow {
  const { at, columns, secret } = MES_SHAPES[table];
  const hidden: readonly string[] = secret;
  const row = Object.fromEntries(
    columns.map(({ copy }, index) => [
      copy,
      hidden.includes(copy) && values[index] != null ? '(hidden)' : shown(values[index]!),
    ]),
  );
  return { key: shown(values[at.key]!)?.slice(0, MAX_NAME) ?? `row ${hashOf(values)}`, reason, words, row };
}

const shown = (value: string | null) => value?.replaceAll('\0', '\uFFFD').slice(0, 200) ?? null;

function textOf(value: unknown): string | null {
  if (typeof value === 'string') {
    const text = BLANK_ENDS.test(value) ? value.trim() : value;
    return text === '' ? null : text;
  }
  if (value === null || value === undefined) return null;
  // numbers; and bytes, which MES means as text
  const text = (Buffer.isBuffer(value) ? value.toString('utf8') : `${value as number}`).trim();
  return text === '' ? null : text;
}

const USUAL_TIME = /^[12]\d{3}-(0[1-9]|1[0-2])-(0[1-9]|1\d|2[0-8]) ([01]\d|2[0-3]):[0-5]\d:[0-5]\d$/;
const TIME = /^(\d{4})[-/](\d{1,2})[-/](\d{1,2})(?:[ T](\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d{1,6})\d*)?)?)?$/;

/** A time as MES or a spreadsheet writes it; null for MySQL's zero date, undefined for what is no time. */
export function timeOf(text: string): string | null | undefined {
  if (USUAL_TIME.test(text)) return text;
  const [, year = '', month = '', day = '', hour = '0', minute = '0', second = '0', fraction = ''] =
    TIME.exec(text) ?? [];
  if (year === '') return undefined;
  if (Number(year) === 0 && Number(month) === 0 && Number(day) === 0) return null;
  const parts = [year, month, day, hour, minute, second].map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const at = new Date(Date.UTC(parts[0], parts[1] - 1, ...(parts.slice(2) as [number])));
  at.setUTCFullYear(parts[0]);
  const isReal =
    at.getUTCMonth() === parts[1] - 1 &&
    at.getUTCDate() === parts[2] &&
    parts[3] < 24 &&
    parts[4] < 60 &&
    parts[5] < 60;
  if (!isReal || parts[0] < 1) return undefined;
  const digits = fraction.replace(/0+$/, '');
  const two = (value: number) => String(value).padStart(2, '0');
  const [, , , h, m, s] = parts;
  return `${year}-${two(parts[1])}-${two(parts[2])} ${two(h)}:${two(m)}:${two(s)}${digits === '' ? '' : `.${digits}`}`;
}

function hashOf(values: readonly (string | null)[]): string {
  // U+0000 is in no value, and null differs from every text
  return createHash('md5')
    .update(values.map((value) => value ?? '\0').join('\0\0'))
    .digest('hex');
}

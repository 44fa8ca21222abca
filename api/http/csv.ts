/**
 * Any list as a CSV file: every row, page after page, while it is read. The columns come from the schema of the list's
 * entries, so a new list needs nothing.
 *
 * Made for spreadsheets, and for programs that read RFC 4180: UTF-8 with a byte order mark, without which Excel shows
 * Chinese as noise; CR LF; moments in ISO 8601. Text that a spreadsheet would take for a formula gets an apostrophe.
 * `links` are left out: they are addresses of this API.
 */
import type { TSchema } from 'typebox';
import type { List } from './lists.ts';
import { Answer, StreamAnswer, type CheckedInput, type Route, type Services } from '../route.ts';
import { checkOf } from './validation.ts';

/** Entries read at once: enough that the database is not asked too often, little enough to hold. */
const PAGE_ROWS = 2_000;

interface Column {
  name: string;
  path: readonly string[];
}

type Page = { items: readonly unknown[]; next: string | number | null };

/** The whole list, beginning behind `after` if that is given. */
export function csvOf(each: Route, input: CheckedInput, services: Services, { item }: List): StreamAnswer {
  const name = each.path.split('/').findLast((part) => part !== '' && !part.startsWith('{'));
  const day = new Date().toISOString().slice(0, 10);
  return new StreamAnswer(rowsOf(each, input, services, columnsOf(item)), {
    type: 'text/csv; charset=utf-8; header=present',
    headers: { 'Content-Disposition': `attachment; filename="${name}-${day}.csv"` },
  });
}

async function* rowsOf(each: Route, input: CheckedInput, services: Services, columns: readonly Column[]) {
  const check = services.responseCheck === 'throw' ? checkOf(each.response, 'response', 'exact') : null;
  let text = `\uFEFF${columns.map(({ name }) => name).join(',')}\r\n`;
  let after = input.query['after'];
  for (;;) {
    const query = { ...input.query, limit: PAGE_ROWS, ...(after === undefined ? {} : { after }) };
    const result = await each.handle({ ...input, query }, services);
    const page = (result instanceof Answer ? result.body : result) as Page;
    const errors = check?.(page) ?? [];
    if (errors.length > 0)
      throw new Error(`${each.id} lists what its schema does not allow: ${JSON.stringify(errors)}`);
    for (const item of page.items) text += `${columns.map(({ path }) => cell(valueAt(item, path))).join(',')}\r\n`;
    yield text;
    if (page.next === null) return;
    after = page.next;
    text = '';
  }
}

/** One column for each field; fields of fields become `contact.address`. */
export function columnsOf(item: TSchema, path: readonly string[] = []): Column[] {
  const { properties } = objectIn(item);
  if (properties === undefined) return [{ name: path.join('.'), path }];
  return Object.entries(properties)
    .filter(([name]) => name !== 'links')
    .flatMap(([name, schema]) => columnsOf(schema, [...path, name]));
}

/** The schema itself, or what it is when it is not null. */
function objectIn(schema: TSchema): { properties?: Record<string, TSchema> } {
  const { anyOf }: { anyOf?: { type?: string }[] } = schema;
  return anyOf?.find(({ type }) => type === 'object') ?? schema;
}

function valueAt(item: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>((value, name) => (value as Record<string, unknown> | null | undefined)?.[name], item);
}

/** One cell. Lists of words are separated by semicolons, pairs become `T1=10; T3=7`, anything deeper is JSON. */
export function cell(value: unknown): string {
  if (value === null || value === undefined) return '';
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  const written = safe(typeof value === 'string' ? value : inWords(value));
  return /[",\r\n]/.test(written) ? `"${written.replaceAll('"', '""')}"` : written;
}

function inWords(value: unknown): string {
  const plain = (part: unknown) => typeof part === 'string' || typeof part === 'number' || typeof part === 'boolean';
  if (Array.isArray(value) && value.every(plain)) return value.join('; ');
  if (!Array.isArray(value) && typeof value === 'object' && value !== null && Object.values(value).every(plain)) {
    return Object.entries(value)
      .map(([name, part]) => `${name}=${String(part)}`)
      .join('; ');
  }
  return JSON.stringify(value);
}

/** What begins like a formula is one to a spreadsheet, and may do harm there. */
function safe(written: string): string {
  return /^[=+\-@\t\r\n＝＋－＠]/.test(written) ? `'${written}` : written;
}

/**
 * Reads and writes members by a layout, tolerating what PROTOCOLS 5.3 tolerates of names and values and naming each
 * repair. Total: every value gives fields or one named fault.
 */
import type { MomRejection } from './contract.ts';
import type { AnyLayout, FieldLayout, Layout } from './layouts.ts';
import { WrittenNumber } from './loose-json.ts';
import { readTime, writeTime, type TimeSettings } from './times.ts';
import { oneLine, storable } from './values.ts';

/** Characters of a code (names, barcodes, numbers of persons); longer ones are refused. */
export const CODE_LIMIT = 128;
/** Characters of other texts; longer ones are cut. */
export const TEXT_LIMIT = 4_000;
/** Entries of a list; a tray has some hundred cells at most. */
export const LIST_LIMIT = 2_000;
/** Warnings of one call; what comes after them is not listed. */
export const WARNINGS_LIMIT = 32;

/** Why fields were refused: leaves `fields.ts` only as a value of `readMembers`. */
export class FieldFault extends Error {
  readonly failure: MomRejection;
  /** For example `SerialNos[3].SerialNo`. */
  readonly field: string;
  constructor(failure: MomRejection, field: string, message: string) {
    super(message);
    this.failure = failure;
    this.field = field;
  }
}

/** What is collected while reading. */
export interface Reading {
  times: TimeSettings;
  warnings: Set<string>;
  /** A number stands where text belongs: digits may be lost already, so the text must be read again with them. */
  needsWrittenNumbers: boolean;
}

/** A layout, prepared for reading. */
interface Prepared {
  fields: readonly (readonly [string, FieldLayout])[];
  exact: ReadonlySet<string>;
  lower: ReadonlyMap<string, string>;
}
const preparedLayouts = new WeakMap<object, Prepared>();

function prepared(layout: AnyLayout): Prepared {
  let found = preparedLayouts.get(layout);
  if (found === undefined) {
    const fields = Object.entries(layout).filter(([, { wire }]) => wire !== '');
    const wires = fields.flatMap(([, { wire, instead }]) => [wire, instead ?? wire]);
    found = { fields, exact: new Set(wires), lower: new Map(wires.map((wire) => [wire.toLowerCase(), wire])) };
    preparedLayouts.set(layout, found);
  }
  return found;
}

/** The fields of a message. Throws `FieldFault`. */
export function readMembers<T>(members: object, layout: Layout<T>, reading: Reading, path = ''): T {
  const { sent } = sortMembers(members, layout, reading);
  const fields: Record<string, unknown> = {};
  for (const [key, field] of prepared(layout).fields) {
    let value = sent.get(field.wire);
    if (value == null && field.instead !== undefined && sent.get(field.instead) != null) {
      value = sent.get(field.instead);
      reading.warnings.add(`${field.instead}_for_${field.wire}`);
    }
    fields[key] = readField(value, field, reading, `${path}${field.wire}`);
  }
  return fields as T;
}

/** Members by the wire names of the layout, and those that have no place in it. */
export function sortMembers(
  members: object,
  layout: AnyLayout,
  reading: Reading,
): { sent: Map<string, unknown>; others: [string, unknown][] } {
  const { exact, lower } = prepared(layout);
  const sent = new Map<string, unknown>();
  const others: [string, unknown][] = [];
  const bent: [string, unknown, string][] = [];
  for (const [key, value] of Object.entries(members)) {
    if (exact.has(key)) {
      sent.set(key, value);
      continue;
    }
    const trimmed = key.length > CODE_LIMIT ? key : oneLine(storable(key));
    const wire = lower.get(trimmed.toLowerCase());
    if (wire === undefined) others.push([key, value]);
    else bent.push([wire, value, trimmed]);
  }
  for (const [wire, value, trimmed] of bent) {
    reading.warnings.add(`${trimmed === wire ? 'blank_in_key' : 'case_of_key'}:${wire}`);
    if (sent.has(wire))
      reading.warnings.add(`duplicate_key:${wire}`); // the clean one counts
    else sent.set(wire, value);
  }
  return { sent, others };
}

function readField(value: unknown, field: FieldLayout, reading: Reading, path: string): unknown {
  const isOptional = field.otherwise !== undefined;
  const isBlank = typeof value === 'string' && field.type !== 'text' && value.trim() === '';
  if (value == null || (isBlank && isOptional)) {
    if (isOptional) return field.otherwise;
    throw new FieldFault('missing_field', path, `required field ${path} is missing`);
  }
  const read = readValue(value, field, reading, path);
  if (read === undefined) {
    if (field.unreadable !== undefined) {
      reading.warnings.add(`unreadable:${field.wire}`);
      return field.unreadable;
    }
    throw new FieldFault('bad_field', path, `field ${path} must be ${FORMS[field.type](field)}`);
  }
  if (read !== '' || field.mayBeEmpty === true) return read;
  if (isOptional) return field.otherwise;
  throw new FieldFault('missing_field', path, `required field ${path} is empty`);
}

const FORMS: Readonly<Record<FieldLayout['type'], (field: FieldLayout) => string>> = {
  code: () => `text of at most ${CODE_LIMIT} characters`,
  text: () => 'text',
  int: ({ min = 0, max = 0 }) => `a whole number ${min}..${max}`,
  bool: () => 'true or false',
  reset: () => '"0" (raised) or "1" (cleared)',
  time: () => 'a time yyyy-MM-dd HH:mm:ss',
  list: () => 'a list of objects',
};

/** Undefined: the type does not allow it. */
function readValue(value: unknown, field: FieldLayout, reading: Reading, path: string): unknown {
  const { type } = field;
  if (type === 'list') return readList(value, field, reading, path);
  if (type === 'int') return readInt(value, field, reading);
  if (type === 'bool') return readBool(value, field, reading);
  const text = readText(value, field, reading);
  if (text === undefined || type === 'text' || type === 'code') return text;
  if (type === 'reset') {
    const isReset = readBool(text, { ...field, wire: '' }, reading);
    return isReset === undefined ? undefined : !isReset;
  }
  if (text === '') return ''; // a time that is empty is missing
  const time = readTime(text, reading.times);
  for (const warning of time?.warnings ?? []) reading.warnings.add(`${warning}:${field.wire}`);
  return time?.atMs;
}

function readList(value: unknown, { wire, items }: FieldLayout, reading: Reading, path: string): unknown {
  if (!Array.isArray(value) || items === undefined) return undefined;
  if (value.length > LIST_LIMIT) {
    throw new FieldFault('too_large', path, `${path} has more than ${LIST_LIMIT} entries`);
  }
  if (value.length === 0) reading.warnings.add(`empty_list:${wire}`);
  return value.map((item: unknown, index) => {
    const place = `${path}[${index}]`;
    if (typeof item !== 'object' || item === null || Array.isArray(item) || item instanceof WrittenNumber) {
      throw new FieldFault('bad_field', place, `${place} must be an object`);
    }
    return readMembers(item, items, reading, `${place}.`);
  });
}

function readInt(value: unknown, { wire, min = 0, max = 0 }: FieldLayout, { warnings }: Reading): number | undefined {
  let number: unknown = value instanceof WrittenNumber ? Number(value.text) : value;
  if (typeof value === 'string' && /^[+-]?\d{1,10}(?:\.0{1,6})?$/.test(value.trim())) {
    warnings.add(`text_for_number:${wire}`);
    number = Number(value);
  }
  return typeof number === 'number' && Number.isInteger(number) && number >= min && number <= max ? number : undefined;
}

function readBool(value: unknown, { wire }: FieldLayout, { warnings }: Reading): boolean | undefined {
  if (typeof value === 'boolean') return value;
  const word = typeof value === 'string' || typeof value === 'number' ? String(value).trim().toLowerCase() : '';
  const read = { true: true, 1: true, false: false, 0: false }[word];
  if (read !== undefined && wire !== '') {
    warnings.add(`${typeof value === 'string' ? 'text' : 'number'}_for_boolean:${wire}`);
  }
  return read;
}

// oxlint-disable-next-line no-control-regex -- they are what is looked for
const UNCLEAN = /[\u0000-\u001f\u007f]|^\s|\s$|\p{Surrogate}/u;

function readText(value: unknown, { wire, type }: FieldLayout, reading: Reading): string | undefined {
  const { warnings } = reading;
  let text: string;
  if (typeof value === 'string') {
    text = value;
  } else if (typeof value === 'number' || value instanceof WrittenNumber) {
    if (typeof value === 'number') reading.needsWrittenNumbers = true;
    text = value instanceof WrittenNumber ? value.text : String(value);
    warnings.add(`number_for_text:${wire}`);
  } else if (typeof value === 'boolean') {
    text = String(value).toUpperCase();
    warnings.add(`boolean_for_text:${wire}`);
  } else {
    return undefined;
  }
  if (UNCLEAN.test(text)) {
    const stored = storable(text);
    if (stored !== text) warnings.add(`unstorable_character:${wire}`);
    text = stored;
    if (type !== 'text') {
      if (/[\r\n]/.test(text.trim())) warnings.add(`line_break:${wire}`);
      else if (text.trim() !== text && type === 'code') warnings.add(`blank_around:${wire}`);
      text = type === 'time' ? text : oneLine(text);
    }
  }
  if (text.includes('\ufffd')) warnings.add(`not_utf8:${wire}`);
  if (type === 'code' && text.length > CODE_LIMIT) return undefined;
  if (text.length <= TEXT_LIMIT) return text;
  warnings.add(`cut:${wire}`);
  return storable(text.slice(0, TEXT_LIMIT));
}

/** A message as it goes over the wire, in the order of the layout. */
export function writeMembers<T>(fields: T, layout: Layout<T>): Record<string, unknown> {
  const members: Record<string, unknown> = {};
  for (const [key, field] of prepared(layout).fields) {
    members[field.wire] = writeValue((fields as Record<string, unknown>)[key] ?? null, field);
  }
  return members;
}

function writeValue(value: unknown, { type, items }: FieldLayout): unknown {
  if (value === null) return null;
  if (type === 'time') return writeTime(value as number);
  if (type === 'reset') return value === true ? '0' : '1';
  if (type === 'list' && items !== undefined) {
    return (value as object[]).map((item) => writeMembers(item, items as Layout<object>));
  }
  return value;
}

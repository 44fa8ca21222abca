/**
 * Requests and answers of the MOM interface as text: a tolerant reader (PROTOCOLS 5.3) and a writer of the clean form.
 *
 * Strict JSON comes first; what has to be repaired is named in `warnings`. Total: every text gives a message or one
 * named error, in time linear to its length.
 */
import { createHash } from 'node:crypto';
import type { MomAnswers, MomName, MomRejection, MomRequests } from './contract.ts';
import { CODE_LIMIT, FieldFault, readMembers, sortMembers, WARNINGS_LIMIT, writeMembers } from './fields.ts';
import type { Reading } from './fields.ts';
import { ANSWER_ENVELOPE, ANSWER_LAYOUTS, REQUEST_LAYOUTS } from './layouts.ts';
import type { AnswerEnvelope, AnyLayout, Layout } from './layouts.ts';
import { parseLoose, WrittenNumber } from './loose-json.ts';
import type { TimeSettings } from './times.ts';
import { oneLine, storable } from './values.ts';

/** Characters of a request; a tray of 500 cells has 40 000. */
export const REQUEST_LIMIT = 262_144;
/** Characters of an answer. */
export const ANSWER_LIMIT = 1_048_576;
/** Levels of what is kept of calls whose fields nobody has written down. */
const DATA_DEPTH = 6;

/** A body that is a JSON object, possibly after repairs. */
export interface Body {
  ok: true;
  text: string;
  members: object;
  repairs: readonly string[];
  /** Numbers are as JSON has them, not as they were written. */
  isStrict: boolean;
}

export interface Rejected {
  ok: false;
  failure: MomRejection;
  message: string;
  warnings: readonly string[];
}

/** Makes an object of a text. */
export function parseBody(text: string, limit: number = REQUEST_LIMIT): Body | Rejected {
  if (text.length > limit) {
    return { ok: false, failure: 'too_large', message: `at most ${limit} characters`, warnings: [] };
  }
  try {
    const members = JSON.parse(text) as unknown;
    return isObject(members) ? { ok: true, text, members, repairs: [], isStrict: true } : noObject();
  } catch {
    return parseRepaired(text);
  }
}

function parseRepaired(text: string): Body | Rejected {
  const loose = parseLoose(text);
  if (!loose.ok) {
    const message = `no JSON: expected ${loose.expected} at character ${loose.offset + 1}`;
    return { ok: false, failure: 'bad_json', message, warnings: [] };
  }
  const { value, repairs } = loose;
  return isObject(value) ? { ok: true, text, members: value, repairs, isStrict: false } : noObject();
}

function noObject(): Rejected {
  return { ok: false, failure: 'bad_json', message: 'the body must be a JSON object', warnings: [] };
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof WrittenNumber);
}

/** Who calls, as far as it can be read; the empty text where it cannot. */
export function identityOf({ members }: Body): { sessionId: string; equipmentCode: string } {
  const reading = newReading({ zIsUtc: false });
  const identity = { sessionId: '', equipmentCode: '' };
  for (const key of ['sessionId', 'equipmentCode'] as const) {
    try {
      identity[key] = readMembers<Record<string, string>>(members, { [key]: ANSWER_ENVELOPE[key] }, reading)[key] ?? '';
    } catch (error) {
      if (!(error instanceof FieldFault)) throw error;
    }
  }
  return identity;
}

export type ReadRequest<Name extends MomName> =
  { ok: true; request: MomRequests[Name]; warnings: readonly string[] } | Rejected;

/** Reads the fields of a request. */
export function readRequest<Name extends MomName>(name: Name, body: Body, times: TimeSettings): ReadRequest<Name> {
  const layout = REQUEST_LAYOUTS[name] as Layout<MomRequests[Name]>;
  const read = readFields(body, times, (members, reading) => {
    const request = readMembers(members, layout, reading);
    return 'data' in layout ? { ...request, data: otherMembers(members, layout, reading) } : request;
  });
  return read.ok ? { ok: true, request: read.fields, warnings: read.warnings } : read;
}

/** An answer: the envelope, and the fields of the call when it was a success. */
export interface MomAnswer<Name extends MomName> extends AnswerEnvelope {
  /** Null: the call was refused. */
  fields: MomAnswers[Name] | null;
}

export type ReadAnswer<Name extends MomName> =
  { ok: true; answer: MomAnswer<Name>; warnings: readonly string[] } | Rejected;

/** Reads an answer. */
export function readAnswer<Name extends MomName>(name: Name, text: string, times: TimeSettings): ReadAnswer<Name> {
  const body = parseBody(text, ANSWER_LIMIT);
  if (!body.ok) return body;
  const read = readFields(body, times, (members, reading) => {
    const envelope = readMembers(members, ANSWER_ENVELOPE, reading);
    const layout = ANSWER_LAYOUTS[name] as Layout<MomAnswers[Name]>;
    const isDone = envelope.resultFlag && envelope.success;
    return { ...envelope, fields: isDone ? readMembers(members, layout, reading) : null };
  });
  return read.ok ? { ok: true, answer: read.fields, warnings: read.warnings } : read;
}

function readFields<T>(
  body: Body,
  times: TimeSettings,
  read: (members: object, reading: Reading) => T,
): { ok: true; fields: T; warnings: readonly string[] } | Rejected {
  const reading = newReading(times);
  const warnings = () => [...new Set([...body.repairs, ...reading.warnings])].slice(0, WARNINGS_LIMIT);
  try {
    const fields = read(body.members, reading);
    if (!reading.needsWrittenNumbers || !body.isStrict) return { ok: true, fields, warnings: warnings() };
  } catch (error) {
    if (!(error instanceof FieldFault)) throw error;
    if (!reading.needsWrittenNumbers || !body.isStrict) {
      return { ok: false, failure: error.failure, message: error.message, warnings: warnings() };
    }
  }
  // Once more, with numbers as they were written. What strict JSON accepts has no repairs, but may be nested too deeply.
  const loose = parseRepaired(body.text);
  return loose.ok ? readFields(loose, times, read) : loose;
}

function newReading(times: TimeSettings): Reading {
  return { times, warnings: new Set(), needsWrittenNumbers: false };
}

/** What a request says besides the envelope, cleaned so that it can be stored. */
function otherMembers(members: object, layout: AnyLayout, reading: Reading): Record<string, unknown> {
  return dataOf(Object.fromEntries(sortMembers(members, layout, reading).others), 1) as Record<string, unknown>;
}

function dataOf(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return storable(value);
  if (value instanceof WrittenNumber) return value.text;
  if (typeof value !== 'object' || value === null) return value;
  if (depth > DATA_DEPTH) throw new FieldFault('bad_field', '', `more than ${DATA_DEPTH} levels`);
  if (Array.isArray(value)) return value.map((item) => dataOf(item, depth + 1));
  const entries = Object.entries(value).map(([key, item]) => {
    return [oneLine(storable(oneLine(key).slice(0, CODE_LIMIT))), dataOf(item, depth + 1)] as const;
  });
  return Object.fromEntries(entries.filter(([key]) => key.toLowerCase() !== 'password'));
}

/** A request in its clean form. */
export function writeRequest<Name extends MomName>(name: Name, request: MomRequests[Name]): string {
  const members = writeMembers(request, REQUEST_LAYOUTS[name] as Layout<MomRequests[Name]>);
  return JSON.stringify('data' in request ? { ...request.data, ...members } : members);
}

/** An answer in its clean form, as an object. */
export function answerMembers<Name extends MomName>(
  name: Name | null,
  envelope: AnswerEnvelope,
  fields: MomAnswers[Name] | null,
): Record<string, unknown> {
  const members = writeMembers(envelope, ANSWER_ENVELOPE);
  if (name === null) return members;
  const layout = ANSWER_LAYOUTS[name] as Layout<MomAnswers[Name]>;
  if (fields !== null) return Object.assign(members, writeMembers(fields, layout));
  // Software that reads a list without looking at Success first finds an empty one.
  for (const { wire, type } of Object.values(layout as AnyLayout)) members[wire] = type === 'list' ? [] : null;
  return members;
}

/** A hash of what a request says: SessionId, RequestTime and Password do not count. */
export function fingerprintOf(request: MomRequests[MomName]): string {
  const said = { ...request, sessionId: '', requestedAtMs: 0, password: '' };
  return createHash('sha256').update(JSON.stringify(said)).digest('hex').slice(0, 32);
}

/** Blanks that keys are read without. */
const BLANKS = String.raw`(?:\s|\\[nrt])*`;
const LETTERS_BETWEEN_BLANKS = 'password'.split('').join(BLANKS);
const PASSWORD = new RegExp(
  `("${BLANKS}${LETTERS_BETWEEN_BLANKS}${BLANKS}"\\s*[:：]\\s*)(?:"(?:[^"\\\\]|\\\\[\\s\\S])*"?|[^\\s,}]+)`,
  'gi',
);
const RAW_LIMIT = 4_096;

/** A body as it may be kept: passwords masked, cut, without what a database refuses. */
export function keepable(text: string): string {
  if (/\\u00[4-7]/i.test(text)) return '(not kept: letters are written as escapes, which may hide a password)';
  return storable(
    text
      .slice(0, 2 * RAW_LIMIT)
      .replace(PASSWORD, '$1"***"')
      .slice(0, RAW_LIMIT),
  );
}

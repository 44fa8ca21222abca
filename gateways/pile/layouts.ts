/**
 * The bodies of the pile frames as tables of fields (PROTOCOLS 4.1, 4.2), each read from one row and written from it.
 *
 * Reading takes every value that fits the bytes; building refuses what the platform must not send and never cuts.
 * Numbers of more than one byte have the low byte first.
 */
import { requireField, requireInteger } from '../errors.ts';
import type { PileBodies, PileFrameName } from './frames.ts';

interface Field<Name extends string, Value> {
  name: Name;
  size: number;
  read(bytes: Buffer, at: number): Value;
  /** Throws `invalid_field`. */
  write(bytes: Buffer, at: number, value: Value): void;
}

type Layout<Body> = readonly { [Name in keyof Body & string]: Field<Name, Body[Name]> }[keyof Body & string][];

const PILE_CODE = bcd('pileCode', 7);
const GUN_NO = bcd('gunNo', 1);
const TIME = clock('time');
const EXECUTE_CONTROL = number('executeControl', 1, 1, 2);

const LAYOUTS: { readonly [Name in PileFrameName]: Layout<PileBodies[Name]> } = {
  login: [
    PILE_CODE,
    number('pileType'),
    number('gunCount'),
    tenths('protocolVersion'),
    ascii('programVersion', 8),
    number('networkType'),
    bcd('sim', 10),
    number('operator'),
  ],
  loginReply: [PILE_CODE, number('loginResult', 1, 0, 1)],
  heartbeat: [PILE_CODE, GUN_NO, number('gunStatus')],
  heartbeatReply: [PILE_CODE, GUN_NO, number('heartbeatReply', 1, 0, 0)],
  timeSync: [PILE_CODE, TIME],
  timeSyncReply: [PILE_CODE, TIME],
  reboot: [PILE_CODE, EXECUTE_CONTROL],
  rebootReply: [PILE_CODE, number('setResult')],
  update: [
    PILE_CODE,
    number('pileModel', 1, 1, 2),
    number('power', 2, 1),
    ascii('serverAddress', 16, 1),
    number('serverPort', 2, 1),
    ascii('username', 16),
    ascii('password', 16),
    ascii('filePath', 32, 1),
    EXECUTE_CONTROL,
    number('downloadTimeoutMin', 1, 1),
  ],
  updateReply: [PILE_CODE, number('upgradeStatus')],
};

/** Bytes of a body. */
export function bodySize(name: PileFrameName): number {
  return fieldsOf(name).reduce((sum, { size }) => sum + size, 0);
}

/** Reads the body at `at`, whose size is known to be right. */
export function readBody<Name extends PileFrameName>(name: Name, bytes: Buffer, at: number): PileBodies[Name] {
  const body: Record<string, unknown> = {};
  for (const field of fieldsOf(name)) {
    body[field.name] = field.read(bytes, at);
    at += field.size;
  }
  return body as unknown as PileBodies[Name];
}

/** Writes the body at `at`. Throws `invalid_field`. */
export function writeBody<Name extends PileFrameName>(
  name: Name,
  body: PileBodies[Name],
  bytes: Buffer,
  at: number,
): void {
  for (const field of fieldsOf(name)) {
    field.write(bytes, at, (body as unknown as Record<string, unknown>)[field.name]);
    at += field.size;
  }
}

function fieldsOf(name: PileFrameName): readonly Field<string, unknown>[] {
  return LAYOUTS[name];
}

// ── kinds of fields ──────────────────────────────────────────────────────────────────────────────────────────────────

/** BCD, shown as hex text: a byte that is no pair of decimal digits is kept, so that an answer can repeat it. */
function bcd<Name extends string>(name: Name, size: number): Field<Name, string> {
  const pattern = new RegExp(`^[0-9A-Fa-f]{${size * 2}}$`);
  return {
    name,
    size,
    read: (bytes, at) => bytes.toString('hex', at, at + size).toUpperCase(),
    write(bytes, at, value) {
      requireField(typeof value === 'string' && pattern.test(value), name, value, `${size * 2} digits`);
      bytes.write(value, at, 'hex');
    },
  };
}

/** BIN; the bounds are for building. */
function number<Name extends string>(
  name: Name,
  size: 1 | 2 = 1,
  min = 0,
  max = size === 1 ? 0xff : 0xffff,
): Field<Name, number> {
  return {
    name,
    size,
    read: (bytes, at) => bytes.readUIntLE(at, size),
    write(bytes, at, value) {
      requireInteger(name, value, min, max);
      bytes.writeUIntLE(value, at, size);
    },
  };
}

/** A version number times ten in one byte: 0F is 1.5. */
function tenths<Name extends string>(name: Name): Field<Name, number> {
  return {
    name,
    size: 1,
    read: (bytes, at) => (bytes[at] as number) / 10,
    write(bytes, at, value) {
      const raw = Math.round(value * 10);
      requireField(raw >= 0 && raw <= 0xff && raw / 10 === value, name, value, '0.0..25.5 with one decimal');
      bytes[at] = raw;
    },
  };
}

/**
 * ASCII with 00 behind it. Text ends at the first 00: what piles leave behind that is not theirs to say. Other bytes
 * are kept one by one.
 */
function ascii<Name extends string>(name: Name, size: number, min = 0): Field<Name, string> {
  const form = `${min === 0 ? 'at most' : `${min} to`} ${size} ASCII characters`;
  return {
    name,
    size,
    read(bytes, at) {
      let end = at;
      while (end < at + size && bytes[end] !== 0) end += 1;
      return bytes.toString('latin1', at, end);
    },
    write(bytes, at, value) {
      const fits = typeof value === 'string' && value.length >= min && value.length <= size;
      requireField(fits && /^[\x20-\x7e]*$/.test(value), name, value, form);
      bytes.write(value, at, 'latin1');
    },
  };
}

/** Seven bits for the years since 2000. */
const YEAR_MAX = 2127;
const TIME_FORM = /^2[0-9]{3}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}$/;

/** CP56Time2a: a wall clock without a zone. The day of the week and the other flag bits are ignored, and sent as 0. */
function clock<Name extends string>(name: Name): Field<Name, string | null> {
  return {
    name,
    size: 7,
    read(bytes, at) {
      const milliseconds = bytes.readUInt16LE(at);
      const [minute, hour, day, month, year] = [2, 3, 4, 5, 6].map((index) => bytes[at + index] as number) as Five;
      const text =
        `${2000 + (year & 0x7f)}-${two(month & 0x0f)}-${two(day & 0x1f)}` +
        `T${two(hour & 0x1f)}:${two(minute & 0x3f)}` +
        `:${two(Math.floor(milliseconds / 1000))}.${String(milliseconds % 1000).padStart(3, '0')}`;
      return isMoment(text) ? text : null;
    },
    write(bytes, at, value) {
      const fits = typeof value === 'string' && TIME_FORM.test(value) && Number(value.slice(0, 4)) <= YEAR_MAX;
      requireField(fits && isMoment(value), name, value, 'a time like 2020-03-16T17:14:47.000');
      const [year, month, day, hour, minute, second, thousandths] = (value as string)
        .split(/[-T:.]/)
        .map(Number) as Seven;
      bytes.writeUInt16LE(second * 1000 + thousandths, at);
      bytes.set([minute, hour, day, month, year - 2000], at + 2);
    },
  };
}

type Five = [number, number, number, number, number];
type Seven = [...Five, number, number];

/** Whether the calendar has this moment: no 30th of February, no minute 61. */
function isMoment(text: string): boolean {
  const moment = new Date(`${text}Z`);
  return !Number.isNaN(moment.getTime()) && moment.toISOString() === `${text}Z`;
}

function two(value: number): string {
  return String(value).padStart(2, '0');
}

/**
 * One row of an import, judged by itself: what a person wrote becomes a registration, or a refusal that says what to do.
 */
import { PROTOCOLS, type Protocol } from '../db/schema.ts';
import type { Registration } from '../db/registration.ts';

/** Fields of a row; also the columns of a CSV file. */
export const DEVICE_COLUMNS = [
  'protocol',
  'identity',
  'imei',
  'model',
  'productionDate',
  'shipDate',
  'orderNo',
  'remark',
] as const;
export type DeviceColumn = (typeof DEVICE_COLUMNS)[number];
export const REQUIRED_COLUMNS: readonly DeviceColumn[] = ['protocol', 'identity'];

const MAX_LENGTHS: Partial<Record<DeviceColumn, number>> = { model: 100, orderNo: 100, remark: 1_000 };

/** Why a row is refused. */
export interface RowRefusal {
  code: string;
  message: string;
}

/** Reads a row. Fields that are absent, null or blank are "not given". */
export function readDeviceRow(raw: unknown): { registration: Registration } | { refusals: RowRefusal[] } {
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) {
    return {
      refusals: [{ code: 'not_an_object', message: 'the row is not an object with fields like protocol and identity' }],
    };
  }
  const refusals: RowRefusal[] = [];
  const refuse = (code: string, message: string) => void refusals.push({ code, message });
  const fields = readTexts(raw as Record<string, unknown>, refuse);

  const protocol = readProtocol(fields.protocol, refuse);
  const identity = protocol === null ? null : readIdentity(protocol, fields.identity, refuse);
  const imei = readImei(protocol, fields.imei, identity, refuse);
  const productionDate = readDate('productionDate', fields.productionDate, refuse);
  const shipDate = readDate('shipDate', fields.shipDate, refuse);
  if (productionDate !== null && shipDate !== null && shipDate <= productionDate) refuse('dates_wrong', DATES_WRONG);
  if (refusals.length > 0 || protocol === null || identity === null) return { refusals };
  const { model, orderNo, remark } = fields;
  const id = `${protocol}-${identity}`;
  return { registration: { id, protocol, identity, imei, model, productionDate, shipDate, orderNo, remark } };
}

export const DATES_WRONG = 'shipDate must be later than productionDate by at least a day; correct one of them';

/** True when `text` is `YYYY-MM-DD` and that day exists. */
export function isDay(text: string): boolean {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return false;
  const day = new Date(`${text}T00:00:00Z`);
  return !Number.isNaN(day.getTime()) && day.toISOString().startsWith(text);
}

function isImei(text: string): boolean {
  return /^\d{15}$/.test(text);
}

type Refuse = (code: string, message: string) => void;

function readTexts(raw: Record<string, unknown>, refuse: Refuse): Record<DeviceColumn, string | null> {
  for (const name of Object.keys(raw)) {
    if ((DEVICE_COLUMNS as readonly string[]).includes(name)) continue;
    refuse('unknown_field', `there is no field "${name.slice(0, 50)}"; known are ${DEVICE_COLUMNS.join(', ')}`);
  }
  const texts = DEVICE_COLUMNS.map((name): [DeviceColumn, string | null] => {
    const value = raw[name];
    if (value === undefined || value === null) return [name, null];
    if (typeof value !== 'string') {
      refuse('not_text', `${name} must be text in quotes, so that no digit is lost`);
      return [name, null];
    }
    // oxlint-disable-next-line no-control-regex -- exactly these are refused
    if (/[\u0000-\u0008\u000b-\u001f]/.test(value.trim()))
      refuse('control_character', `${name} holds a control character; remove it`);
    const most = MAX_LENGTHS[name] ?? 40;
    if (value.trim().length > most) refuse('too_long', `${name} is longer than ${most} characters; shorten it`);
    return [name, value.trim() === '' ? null : value.trim()];
  });
  return Object.fromEntries(texts) as Record<DeviceColumn, string | null>;
}

function readProtocol(value: string | null, refuse: Refuse): Protocol | null {
  const protocol = PROTOCOLS.find((name) => name === value?.toLowerCase());
  if (protocol !== undefined) return protocol;
  refuse(
    'protocol_unknown',
    `protocol ${value === null ? 'is missing' : `"${value.slice(0, 50)}" is unknown`}; write one of ${PROTOCOLS.join(', ')}`,
  );
  return null;
}

function readIdentity(protocol: Protocol, value: string | null, refuse: Refuse): string | null {
  if (protocol === 'terminal') {
    if (value !== null && /^[0-9a-fA-F]+$/.test(value) && [10, 12, 16].includes(value.length))
      return value.toUpperCase();
    refuse(
      'identity_wrong',
      `${named('identity', value)}: the SN of a terminal is 10, 12 or 16 digits 0-9 and A-F; copy it from the label`,
    );
    return null;
  }
  if (value !== null && isImei(value)) return value;
  refuse(
    'identity_wrong',
    `${named('identity', value)}: a tracker is named by its IMEI, 15 digits; spreadsheets round long numbers, so mark the column as text`,
  );
  return null;
}

/** A tracker's identity is its IMEI; any other device may have one beside its identity. */
function readImei(
  protocol: Protocol | null,
  value: string | null,
  identity: string | null,
  refuse: Refuse,
): string | null {
  if (value !== null && !isImei(value)) {
    refuse(
      'imei_wrong',
      `${named('imei', value)}: an IMEI has 15 digits; spreadsheets round long numbers, so mark the column as text`,
    );
    return null;
  }
  if (protocol !== 'ams') return value;
  if (value !== null && identity !== null && value !== identity) {
    refuse(
      'imei_wrong',
      `imei ${value} differs from the identity ${identity}, which is the IMEI of a tracker; leave imei empty`,
    );
  }
  return identity;
}

function readDate(name: DeviceColumn, value: string | null, refuse: Refuse): string | null {
  if (value === null || isDay(value)) return value;
  refuse('date_wrong', `${named(name, value)}: write the day as YYYY-MM-DD, for example 2025-03-31`);
  return null;
}

function named(name: string, value: string | null): string {
  return value === null ? `${name} is missing` : `${name} "${value.slice(0, 50)}" is wrong`;
}

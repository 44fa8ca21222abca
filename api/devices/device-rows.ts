/**
 * One row of an import, judged by itself: what a person wrote becomes a registration, or a refusal that says what to do.
 */
import { DEVICE_RULES, isImei, isPower, kindFault, PILE_MODELS, POWER_MISSING } from './device-protocols.ts';
import { PROTOCOLS, type Protocol } from '../../db/schema.ts';
import type { Registration } from '../../db/devices/registration.ts';

/** Fields of a row; also the columns of a CSV file. */
export const DEVICE_COLUMNS = [
  'protocol',
  'identity',
  'imei',
  'model',
  'powerKw',
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
  const model = protocol === 'pile' ? readPileModel(fields.model, refuse) : fields.model;
  const powerKw = readPower(protocol, fields.powerKw, refuse);
  const productionDate = readDate('productionDate', fields.productionDate, refuse);
  const shipDate = readDate('shipDate', fields.shipDate, refuse);
  if (productionDate !== null && shipDate !== null && shipDate <= productionDate) refuse('dates_wrong', DATES_WRONG);
  if (refusals.length > 0 || protocol === null || identity === null) return { refusals };
  const { orderNo, remark } = fields;
  const id = `${protocol}-${identity}`;
  return { registration: { id, protocol, identity, imei, model, powerKw, productionDate, shipDate, orderNo, remark } };
}

export const DATES_WRONG = 'shipDate must be later than productionDate by at least a day; correct one of them';

/** True when `text` is `YYYY-MM-DD` and that day exists. */
export function isDay(text: string): boolean {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return false;
  const day = new Date(`${text}T00:00:00Z`);
  return !Number.isNaN(day.getTime()) && day.toISOString().startsWith(text);
}

type Refuse = (code: string, message: string) => void;

function readTexts(raw: Record<string, unknown>, refuse: Refuse): Record<DeviceColumn, string | null> {
  for (const name of Object.keys(raw)) {
    if ((DEVICE_COLUMNS as readonly string[]).includes(name)) continue;
    refuse('unknown_field', `there is no field "${name.slice(0, 50)}"; known are ${DEVICE_COLUMNS.join(', ')}`);
  }
  const texts = DEVICE_COLUMNS.map((name): [DeviceColumn, string | null] => {
    // A power is a number, and none that any program rounds; everything else could lose digits.
    const value = name === 'powerKw' && typeof raw[name] === 'number' ? String(raw[name]) : raw[name];
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
  const { readIdentity: read, identityIs } = DEVICE_RULES[protocol];
  const identity = value === null ? null : read(value);
  if (identity === null) refuse('identity_wrong', `${named('identity', value)}: ${identityIs}`);
  return identity;
}

/** Of some devices the identity is the IMEI; any other may have one beside its identity. */
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
  if (protocol === null || !DEVICE_RULES[protocol].isNamedByImei) return value;
  if (value !== null && identity !== null && value !== identity) {
    refuse(
      'imei_wrong',
      `imei ${value} differs from the identity ${identity}, which is the IMEI of ${protocol === 'ams' ? 'a tracker' : 'a PCP device'}; leave imei empty`,
    );
  }
  return identity;
}

/** `dc` is `DC`; whether a pile has one at all is asked when it is known what is stored of it. */
function readPileModel(value: string | null, refuse: Refuse): string | null {
  const model = PILE_MODELS.find((known) => known === value?.toUpperCase()) ?? null;
  if (value !== null && model === null) {
    const fault = kindFault('pile', { model: value, powerKw: 1 });
    if (fault !== null) refuse(fault.code, fault.message);
  }
  return model;
}

function readPower(protocol: Protocol | null, value: string | null, refuse: Refuse): number | null {
  if (value === null) return null;
  const powerKw = /^\d{1,6}$/.test(value) ? Number(value) : NaN;
  if (!isPower(powerKw)) {
    refuse('power_wrong', `${named('powerKw', value)}: ${POWER_MISSING}`);
    return null;
  }
  const fault = protocol === null || protocol === 'pile' ? null : kindFault(protocol, { model: '', powerKw });
  if (fault !== null) refuse(fault.code, fault.message);
  return powerKw;
}

function readDate(name: DeviceColumn, value: string | null, refuse: Refuse): string | null {
  if (value === null || isDay(value)) return value;
  refuse('date_wrong', `${named(name, value)}: write the day as YYYY-MM-DD, for example 2025-03-31`);
  return null;
}

function named(name: string, value: string | null): string {
  return value === null ? `${name} is missing` : `${name} "${value.slice(0, 50)}" is wrong`;
}

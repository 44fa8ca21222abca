/**
 * Sessions of equipment with the MOM: what their states are and what changes them, which KeyFlags there are, and what a
 * list of process parameters must fulfil.
 */

/**
 * `never`: not heard of yet. `online`: it has called in, its first heartbeat is awaited. `suspect`: nothing for one and
 * a half periods. `offline`: nothing for three.
 */
export const SESSION_STATES = ['never', 'online', 'alive', 'suspect', 'offline'] as const;
export type SessionState = (typeof SESSION_STATES)[number];

/** What changes a state: the online call, a heartbeat, any other call; or silence. */
export const SESSION_SIGNS = ['online', 'heartbeat', 'call', 'quiet', 'silent'] as const;
export type SessionSign = (typeof SESSION_SIGNS)[number];

/** Periods without a sign of life after which an equipment is suspect, and offline. */
export const SUSPECT_PERIODS = 1.5;
export const OFFLINE_PERIODS = 3;

/** The state after a sign. Offline ends only with a good round trip: the online call or a heartbeat, each answered. */
export function nextState(state: SessionState, sign: SessionSign): SessionState {
  if (sign === 'online') return 'online';
  if (sign === 'heartbeat') return 'alive';
  if (sign === 'call') return state === 'suspect' ? 'alive' : state;
  if (sign === 'quiet') return state === 'online' || state === 'alive' ? 'suspect' : state;
  return state === 'never' ? 'never' : 'offline';
}

/** Edges of a session: what happened to it that somebody may want to hear of. */
export const SESSION_EDGES = [
  'online', // called in
  'alive', // first heartbeat, or a sign of life while suspect
  'suspect',
  'offline',
  'back', // a good round trip after being offline
  'flags', // raised, followed, or taken back
  'alarms', // raised, cleared, acknowledged
  'parameters', // set or fetched
  'settings', // somebody changed the equipment
  'unread', // a wake-up was lost and is repeated
] as const;
export type SessionEdge = (typeof SESSION_EDGES)[number];

/** Statuses that equipment reports (9.3), and what else a stretch of time can be. */
export const EQUIPMENT_STATUSES = ['Running', 'Waiting', 'Down', 'Maintenance', 'Alerting'] as const;
export type EquipmentStatus = (typeof EQUIPMENT_STATUSES)[number];

/** What a person or program may ask an equipment to do with its next heartbeat. */
export const FLAG_ACTIONS = ['material_up', 'material_down', 'water_content', 'parameters'] as const;
export type FlagAction = (typeof FLAG_ACTIONS)[number];

/** `pending` until its follow-up call arrives, or somebody takes it back. */
export const FLAG_STATUSES = ['pending', 'followed', 'cancelled'] as const;
export type FlagStatus = (typeof FLAG_STATUSES)[number];

/** What happens to an alarm. */
export const ALARM_EVENTS = ['raised', 'described', 'cleared', 'clear_unknown', 'acknowledged'] as const;
export type AlarmEvent = (typeof ALARM_EVENTS)[number];

/** Numbers as text, or nothing: the limits of a parameter. */
export interface ParameterLimits {
  targetValue: string;
  upperControlLimit: string | null;
  lowerControlLimit: string | null;
  upperSpecificationsLimit: string | null;
  lowerSpecificationsLimit: string | null;
  upperLimit: string | null;
  lowerLimit: string | null;
}

/** One thing wrong with a parameter. */
export interface ParameterFault {
  field: keyof ParameterLimits;
  message: string;
}

const NUMBER = /^[+-]?(?:\d{1,30}(?:\.\d{0,30})?|\.\d{1,30})$/;
const PAIRS = [
  ['lowerControlLimit', 'upperControlLimit', 'control'],
  ['lowerSpecificationsLimit', 'upperSpecificationsLimit', 'specification'],
  ['lowerLimit', 'upperLimit', 'plain'],
] as const;

/**
 * What is wrong with a parameter: limits that are no numbers, a lower one above the upper one, control limits outside
 * the specification, a target outside of any. A target that is a word is allowed where there are no limits.
 */
export function parameterFaults(parameter: ParameterLimits): ParameterFault[] {
  const faults: ParameterFault[] = [];
  const limit = (field: Exclude<keyof ParameterLimits, 'targetValue'>): string | null => {
    const text = parameter[field]?.trim() ?? '';
    if (text === '') return null;
    if (NUMBER.test(text)) return text;
    faults.push({ field, message: 'must be a decimal number, or empty for no limit' });
    return null;
  };
  const limits = PAIRS.map(([lower, upper, name]) => ({ lower, upper, name, low: limit(lower), high: limit(upper) }));
  for (const { lower, low, high, name } of limits) {
    if (low !== null && high !== null && compareDecimals(low, high) > 0) {
      faults.push({ field: lower, message: `the lower ${name} limit ${low} is above the upper one ${high}` });
    }
  }
  const [control, specification] = limits;
  if (isAbove(specification!.low, control!.low)) {
    faults.push({ field: 'lowerControlLimit', message: 'is below the lower specification limit' });
  }
  if (isAbove(control!.high, specification!.high)) {
    faults.push({ field: 'upperControlLimit', message: 'is above the upper specification limit' });
  }
  faults.push(...targetFaults(parameter.targetValue.trim(), limits));
  return faults;
}

function targetFaults(
  target: string,
  limits: readonly { name: string; low: string | null; high: string | null }[],
): ParameterFault[] {
  const hasLimits = limits.some(({ low, high }) => low !== null || high !== null);
  if (target === '' || !hasLimits) return [];
  if (!NUMBER.test(target)) {
    return [{ field: 'targetValue', message: 'must be a decimal number, because there are limits' }];
  }
  return limits.flatMap(({ name, low, high }): ParameterFault[] => {
    if (isAbove(low, target)) return [{ field: 'targetValue', message: `is below the lower ${name} limit ${low}` }];
    if (isAbove(target, high)) return [{ field: 'targetValue', message: `is above the upper ${name} limit ${high}` }];
    return [];
  });
}

function isAbove(one: string | null, other: string | null): boolean {
  return one !== null && other !== null && compareDecimals(one, other) > 0;
}

/** Compares decimal numbers as they are written; no digit is lost, however many there are. */
export function compareDecimals(one: string, other: string): number {
  const [a, b] = [scaled(one), scaled(other)];
  const scale = Math.max(a.scale, b.scale);
  const difference = a.digits * 10n ** BigInt(scale - a.scale) - b.digits * 10n ** BigInt(scale - b.scale);
  return difference === 0n ? 0 : difference > 0n ? 1 : -1;
}

function scaled(text: string): { digits: bigint; scale: number } {
  const [whole = '', fraction = ''] = text.trim().replace(/^\+/, '').split('.');
  const isNegative = whole.startsWith('-');
  const digits = BigInt(`${whole.replace('-', '')}${fraction}` || '0');
  return { digits: isNegative ? -digits : digits, scale: fraction.length };
}

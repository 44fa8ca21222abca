/**
 * What a secondary shipment wants of a device on a platform, and what must be done next so that it is so.
 *
 * The whole shipment follows from one idea: look, decide, write down what is about to be sent, send, look again. What
 * was sent and not answered is never sent again before the device was looked at.
 */

/** What a device's place in a shipment can be. */
export const PLATFORM_DEVICE_STATUSES = [
  'open', // under way
  'confirmed', // seen on the platform, as wanted
  'refused', // the platform, or a rule here, says no
  'unknown', // something was sent, and what came of it could not be found out
  'not_sent', // nothing was sent: time ran out, or a person stopped it
  'recorded', // for a platform that is not connected: written down, nothing is sent
] as const;
export type PlatformDeviceStatus = (typeof PLATFORM_DEVICE_STATUSES)[number];

/** What a shipment can be. */
export const PLATFORM_SHIPMENT_STATUSES = [
  'running',
  'finished', // every device has ended, and the sums close
  'recorded', // the platform is not connected
  'red', // every device has ended, and the sums do not close: a fault of the program
] as const;
export type PlatformShipmentStatus = (typeof PLATFORM_SHIPMENT_STATUSES)[number];

/** What is done next for a device. */
export const PLATFORM_STEPS = ['import', 'look', 'move', 'expire'] as const;
export type PlatformStep = (typeof PLATFORM_STEPS)[number];

/** What came of the last thing that was sent: nothing was sent, nobody knows, done, or "it is so already". */
export const PLATFORM_ANSWERS = ['none', 'doubt', 'ok', 'exists'] as const;
export type PlatformAnswer = (typeof PLATFORM_ANSWERS)[number];

/**
 * What a person may decide about a device that needs one: try it again, read first anew whose it is, or give it up.
 */
export const PLATFORM_DECISIONS = ['retry', 'reclassify', 'write_off'] as const;
export type PlatformPersonDecision = (typeof PLATFORM_DECISIONS)[number];

/** Why a device is not confirmed. */
export const PLATFORM_REASONS = {
  not_matched: 'it is not in the matched list of the department: ship it first, or classify it again',
  already_shipped: 'it has an open secondary shipment already',
  bad_imei: 'it is not an IMEI of 15 digits',
  refused_by_platform: 'the platform refuses it',
  other_account: 'it belongs to another account on the platform',
  not_visible: 'the platform said that it was done, and does not show the device',
  not_as_wanted: 'the platform said that it was done, and shows something else',
  no_answer: 'no answer came, again and again, and the device is not to be seen',
  time_over: 'the time of the shipment is over',
  stopped: 'a person stopped the shipment',
} as const;
export type PlatformReason = keyof typeof PLATFORM_REASONS;

/** How a device shall be on the platform. */
export interface WantedOnPlatform {
  account: string;
  /** As the platform writes times; null: whatever it gives. */
  expiration: string | null;
}

/** How it is; null: it is not there, or not for us. */
export interface SeenOnPlatform {
  account: string | null;
  expirations: Readonly<Record<string, string>>;
  expiration: string | null;
}

/** What has happened so far. */
export interface PlatformHistory {
  answer: PlatformAnswer;
  lastStep: PlatformStep | null;
  imports: number;
  moves: number;
  expires: number;
  /** Looks since the last thing that was sent. */
  looks: number;
}

/** What follows from a look. */
export type PlatformDecision =
  | { kind: 'confirmed' }
  | { kind: 'do'; step: 'import' | 'move' | 'expire' }
  | { kind: 'look'; afterMs: number }
  | { kind: 'refused' | 'unknown'; reason: PlatformReason; words: string };

/** The same thing is sent so often at most, before a person must look. */
export const TRIES_PER_STEP = 5;
/** What was done may take a while to be seen. */
export const LOOK_AGAIN_MS = [1_000, 2_000, 5_000, 15_000, 30_000] as const;
/** A shipment is given up so long after it was made or retried. */
export const PLATFORM_LIFE_MS = 3 * 24 * 3_600_000;
/** How long the platform is left alone when it says so. */
export const PLATFORM_PAUSE_MS = 15 * 60_000;

const LONGEST_WAIT_MS = 120_000;

/** Decides what to do about a device that was looked at; `own` is the account that the program logs in with. */
export function afterLook(
  wanted: WantedOnPlatform,
  seen: SeenOnPlatform | null,
  own: string,
  history: PlatformHistory,
): PlatformDecision {
  const { answer, imports, moves, expires } = history;
  if (seen === null) {
    if (answer === 'ok') return waitOr(history, unknown('not_visible'));
    if (answer === 'exists') return refused('other_account', 'it exists already, and is not to be seen');
    return imports < TRIES_PER_STEP ? { kind: 'do', step: 'import' } : unknown('no_answer');
  }
  if (seen.account !== wanted.account) {
    if (seen.account !== own) {
      const whose = seen.account === null ? 'the platform does not say to whom' : `to ${seen.account}`;
      return refused('other_account', `it belongs ${whose}, and not to ${wanted.account}`);
    }
    if (answer === 'ok' && history.lastStep === 'move') return waitOr(history, notAsWanted('it was not moved'));
    return moves < TRIES_PER_STEP ? { kind: 'do', step: 'move' } : notAsWanted('it was not moved');
  }
  if (wanted.expiration === null || expirationOf(seen, wanted.account) === wanted.expiration) {
    return { kind: 'confirmed' };
  }
  const still = `it ends at ${expirationOf(seen, wanted.account) ?? 'a time nobody knows'}`;
  if (answer === 'ok' && history.lastStep === 'expire') return waitOr(history, notAsWanted(still));
  return expires < TRIES_PER_STEP ? { kind: 'do', step: 'expire' } : notAsWanted(still);
}

/** How long to wait after something failed so often in a row and nothing was done; `random` is from 0 to 1. */
export function platformWaitMs(failures: number, random: number): number {
  const plainMs = Math.min(LONGEST_WAIT_MS, 1_000 * 2 ** Math.min(failures - 1, 20));
  return Math.round(plainMs * (0.5 + 0.5 * random));
}

/** Until when the account itself may use it; platforms that name no accounts say one time for all. */
function expirationOf(seen: SeenOnPlatform, account: string): string | null {
  return seen.expirations[account] ?? (Object.keys(seen.expirations).length === 0 ? seen.expiration : null);
}

function waitOr({ looks }: PlatformHistory, otherwise: PlatformDecision): PlatformDecision {
  const afterMs = LOOK_AGAIN_MS[looks];
  return afterMs === undefined ? otherwise : { kind: 'look', afterMs };
}

function refused(reason: PlatformReason, words: string): PlatformDecision {
  return { kind: 'refused', reason, words };
}

function unknown(reason: PlatformReason): PlatformDecision {
  return { kind: 'unknown', reason, words: PLATFORM_REASONS[reason] };
}

function notAsWanted(words: string): PlatformDecision {
  return { kind: 'unknown', reason: 'not_as_wanted', words };
}

// ---------------------------------------------------------------- extra shipping information

/** What a platform may ask for beside the devices. */
export const PLATFORM_FIELDS = ['account', 'customerName', 'model', 'expiresOn', 'remark'] as const;
export type PlatformField = (typeof PLATFORM_FIELDS)[number];
export type PlatformInfo = Partial<Record<PlatformField, string>>;

/** One thing a platform asks for. */
export interface AskedField {
  name: PlatformField;
  required: boolean;
}

const FORMS: Readonly<Record<PlatformField, { test: RegExp; words: string }>> = {
  account: { test: /^[\w@.-]{1,64}$/, words: 'the name of an account: letters, digits and _ @ . -' },
  customerName: { test: /^.{1,200}$/u, words: 'at most 200 characters' },
  model: { test: /^[^,]{1,64}$/u, words: 'at most 64 characters, without commas' },
  expiresOn: { test: /^\d{4}-\d\d-\d\d$/, words: 'a day as YYYY-MM-DD' },
  remark: { test: /^.{1,500}$/u, words: 'at most 500 characters on one line' },
};

/** What is wrong with the extra shipping information for a platform; nothing: it can go. `today` is YYYY-MM-DD. */
export function checkPlatformInfo(
  asked: readonly AskedField[],
  info: PlatformInfo,
  today: string,
): { field: PlatformField; message: string }[] {
  return PLATFORM_FIELDS.flatMap((field) => {
    const value = info[field]?.trim() ?? '';
    const ask = asked.find(({ name }) => name === field);
    const wrong = (message: string) => [{ field, message }];
    if (value === '') return ask?.required === true ? wrong('is required for this platform') : [];
    if (ask === undefined) return wrong('is not asked for by this platform; leave it out');
    if (!FORMS[field].test.test(value)) return wrong(`must be ${FORMS[field].words}`);
    if (field === 'expiresOn' && !isDay(value)) return wrong('is no day of the calendar');
    if (field === 'expiresOn' && value <= today) return wrong('must be a day to come');
    return [];
  });
}

function isDay(text: string): boolean {
  const atMs = Date.parse(`${text}T00:00:00Z`);
  return !Number.isNaN(atMs) && new Date(atMs).toISOString().slice(0, 10) === text;
}

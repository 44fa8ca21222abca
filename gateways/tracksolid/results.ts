/**
 * Reads what is inside Tracksolid's answers. Total: whatever comes, something sensible or nothing is read.
 */
import { plainWords } from './post.ts';
import { readPlatformTime } from './signing.ts';

/** A device as the platform knows it. */
export interface PlatformDevice {
  imei: string;
  /** The account it belongs to; null: not told. */
  account: string | null;
  /** Until when each account may use it, by account, as the platform writes times. */
  expirations: Readonly<Record<string, string>>;
  /** Until when the platform serves it at all. */
  expiration: string | null;
  model: string | null;
  importedAt: string | null;
}

/** Reads the answer to a look; null: it holds no such device. */
export function readDetail(result: unknown, imei: string): PlatformDevice | null {
  const entries = entriesOf(result);
  // An answer about one device need not repeat its IMEI; one that names another is about another.
  const entry = entries.find((each) => textIn(each, 'imei') === imei) ?? entries.find((each) => !('imei' in each));
  if (entry === undefined || Object.keys(entry).length === 0) return null;
  return {
    imei,
    account: textIn(entry, 'account'),
    expirations: readExpirations(textIn(entry, 'user_expiration') ?? textIn(entry, 'userExpiration') ?? ''),
    expiration: textIn(entry, 'expiration'),
    model: textIn(entry, 'mcType'),
    importedAt: textIn(entry, 'importTime'),
  };
}

/** `account,date|account,date`. */
function readExpirations(text: string): Record<string, string> {
  const pairs = text
    .split('|')
    .map((pair): [string, string] => {
      const at = pair.indexOf(',');
      return [pair.slice(0, Math.max(at, 0)).trim(), pair.slice(at + 1).trim()];
    })
    .filter(([account, time]) => account !== '' && readPlatformTime(time) !== null);
  return Object.fromEntries(pairs);
}

/**
 * What an answer says of each device. Answers name devices as objects with a result (`result`, `update_result`,
 * `code`) and words, or as a plain list of those that the code of the answer is about, or not at all.
 */
export function readImeiCodes(
  { code, message, result }: { code: number; message: string; result: unknown },
  imeis: readonly string[],
): Map<string, { code: number; words: string }> {
  const asked = new Set(imeis);
  const found = new Map<string, { code: number; words: string }>();
  for (const entry of listOf(result)) {
    const named = typeof entry === 'object' && entry !== null ? textIn(entry, 'imei') : plainText(entry);
    if (named === null || !asked.has(named)) continue;
    const own = ['result', 'update_result', 'code'].map((field) => textIn(entry, field)).find((text) => text !== null);
    const said = ['msg', 'update_msg', 'message'].map((field) => textIn(entry, field)).find((text) => text !== null);
    const isNumber = own !== undefined && /^-?\d{1,9}$/.test(own);
    found.set(named, { code: isNumber ? Number(own) : code, words: plainWords(said ?? message) });
  }
  return found;
}

/** The text of a field, if there is one; numbers become text. */
export function textIn(value: unknown, field: string): string | null {
  if (typeof value !== 'object' || value === null) return null;
  return plainText((value as Record<string, unknown>)[field]);
}

function plainText(value: unknown): string | null {
  if (typeof value === 'number') return String(value);
  if (typeof value !== 'string') return null;
  const text = value.trim();
  return text === '' ? null : text;
}

function entriesOf(result: unknown): Record<string, unknown>[] {
  const entries = Array.isArray(result) ? (result as unknown[]) : [result];
  return entries.filter((entry): entry is Record<string, unknown> => typeof entry === 'object' && entry !== null);
}

/** A list, also when it comes as one object, as text with commas, or as JSON in a text. */
function listOf(result: unknown): unknown[] {
  if (Array.isArray(result)) return result as unknown[];
  if (typeof result !== 'string') return result === null || result === undefined ? [] : [result];
  try {
    const parsed: unknown = JSON.parse(result);
    if (Array.isArray(parsed)) return parsed as unknown[];
  } catch {
    // plain text
  }
  return result.split(/[\s,;]+/).filter((part) => part !== '');
}

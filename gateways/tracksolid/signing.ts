/**
 * How calls to Tracksolid are signed (PROTOCOLS 7.2), and how its times are written (UTC, PROTOCOLS 7.1). Pure.
 */
import { createHash } from 'node:crypto';

/** Parameters of a call; what is null or empty is not sent and not signed. */
export type Parameters = Readonly<Record<string, string | number | boolean | null | undefined>>;

/** The parameters that are sent and signed: as text, without what is empty, and without a signature. */
export function givenParameters(parameters: Parameters): Record<string, string> {
  return Object.fromEntries(
    Object.entries(parameters)
      .filter(([name, value]) => name !== 'sign' && value !== null && value !== undefined && value !== '')
      .map(([name, value]) => [name, String(value)]),
  );
}

/** The value of `sign`: upper-case hex of MD5(secret + names and values in the order of the names + secret), UTF-8. */
export function signatureOf(secret: string, parameters: Parameters): string {
  const given = givenParameters(parameters);
  const text = Object.keys(given)
    .sort(byAscii)
    .map((name) => name + given[name])
    .join('');
  return createHash('md5')
    .update(secret + text + secret, 'utf8')
    .digest('hex')
    .toUpperCase();
}

/** Lower-case MD5, as passwords are sent. */
export function passwordMd5(password: string): string {
  return createHash('md5').update(password, 'utf8').digest('hex');
}

/** A moment as Tracksolid writes it: `2026-01-02 03:04:05`, UTC. */
export function platformTime(atMs: number): string {
  return new Date(atMs).toISOString().slice(0, 19).replace('T', ' ');
}

/** Reads such a moment; null when it is none. */
export function readPlatformTime(text: string): number | null {
  if (!/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/.test(text)) return null;
  const atMs = Date.parse(`${text.replace(' ', 'T')}Z`);
  return Number.isNaN(atMs) || platformTime(atMs) !== text ? null : atMs;
}

function byAscii(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

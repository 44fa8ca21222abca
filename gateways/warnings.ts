/**
 * Warnings of what many devices may do at the same time: one line a second per message, with the number of those that
 * were left out.
 */
import type { GatewayLog } from './devices.ts';

/** The same warning is written at most this often. */
const WARN_EVERY_MS = 1_000;

export type Warn = (fields: object, message: string) => void;

/** A function that warns through `log`. */
export function oncePerSecond(log: GatewayLog): Warn {
  const written = new Map<string, { atMs: number; since: number }>();
  return (fields, message) => {
    const nowMs = Date.now();
    const last = written.get(message);
    if (last !== undefined && nowMs - last.atMs < WARN_EVERY_MS) {
      last.since += 1;
      return;
    }
    log.warn(last === undefined || last.since === 0 ? fields : { ...fields, notWritten: last.since }, message);
    written.set(message, { atMs: nowMs, since: 0 });
  };
}

/** Waiting for a condition instead of sleeping. */
import { setTimeout as delay } from 'node:timers/promises';

/**
 * Asks `condition` until it gives something true and returns that; fails with `message` and the last answer (or error) after `deadlineMs`.
 * A condition that throws counts as not yet true.
 */
export async function waitFor<T>(
  condition: () => T | Promise<T>,
  { deadlineMs = 30_000, message = 'the condition did not come true' }: { deadlineMs?: number; message?: string } = {},
): Promise<NonNullable<T>> {
  const deadline = Date.now() + deadlineMs;
  let last: unknown;
  let cause: unknown;
  let pauseMs = 5;
  do {
    try {
      const value = await condition();
      if (value) return value;
      last = value;
      cause = undefined;
    } catch (error) {
      cause = error;
    }
    await delay(pauseMs);
    pauseMs = Math.min(pauseMs * 1.5, 100);
  } while (Date.now() < deadline);
  const seen = cause instanceof Error ? `it threw: ${cause.message}` : `its last answer was ${JSON.stringify(last)}`;
  throw new Error(`${message} (waited ${deadlineMs} ms; ${seen})`, cause === undefined ? undefined : { cause });
}

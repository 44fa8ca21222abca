/** What is left of the permitted hours when a device comes decides whether it is told, not that they are not over yet. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { HOUR, MINUTE, Records } from './records.ts';
import { repeatSend } from '../../db/upgrades/directives.ts';
import { claimFlash } from '../../db/upgrades/flashes.ts';
import { claimSend } from '../../db/upgrades/messages.ts';
import type { Window } from '../../workflows/rules/windows.ts';

let records: Records;
beforeAll(async () => {
  records = await Records.start();
});
afterAll(() => records.stop());

/** Open now, and for some hours more. */
function openWindow(): Window {
  const time = (atMs: number) => new Date(atMs).toISOString().slice(11, 16);
  return { from: time(Date.now() - HOUR), to: time(Date.now() + 4 * HOUR), zone: 'UTC' };
}

/** Moves the end of the permitted hours so near that this much of them is left. */
async function leave(offerId: number, ms: number): Promise<void> {
  await records.sql`
    update device_messages m set expires_at = now.at + make_interval(secs => ${ms / 1_000}),
      payload = jsonb_set(payload, '{latest}', jsonb_build_object(
        'startMs', (payload->'latest'->>'startMs')::float8 - gone.ms, 'installMs', (payload->'latest'->>'installMs')::float8 - gone.ms))
    from (select clock_timestamp() as at) now,
      lateral (select extract(epoch from expires_at - now.at) * 1000 - ${ms}::float8 as ms from device_messages where id = ${offerId}) gone
    where m.id = ${offerId}`;
}

const offered = (window: Window | null) => records.offered({ files: [{ sizeBytes: 102_400 }], options: { window } });

it('a device that comes late in the night is not told of a file that would not be in before its end', async () => {
  const { offerId } = await offered(openWindow());
  // 102 400 bytes take 200 seconds at the usual speed, and the flash a minute.
  await leave(offerId, 250_000);
  expect(await claimSend(records.db, offerId, 1)).toMatchObject({ claimed: false });
  await leave(offerId, 300_000);
  expect(await claimSend(records.db, offerId, 1)).toMatchObject({ claimed: true });
  await leave(offerId, 250_000);
  expect(await repeatSend(records.db, offerId, 1)).toBe(false);
});

it('a device that has begun may be told again where its file is until the end of the night', async () => {
  const { offerId } = await offered(openWindow());
  expect(await claimSend(records.db, offerId, 1)).toMatchObject({ claimed: true });
  await records.sql`update device_messages set first_request_at = clock_timestamp() where id = ${offerId}`;
  await leave(offerId, 5_000 + MINUTE);
  expect(await repeatSend(records.db, offerId, 1)).toBe(true);
});

it('a device is not told to install in the last minute, which the flash takes', async () => {
  const { offerId } = await offered(openWindow());
  await leave(offerId, MINUTE - 10_000);
  expect(await claimFlash(records.db, offerId, 1)).toBe(false);
  await leave(offerId, MINUTE + 30_000);
  expect(await claimFlash(records.db, offerId, 1)).toBe(true);
});

it('without permitted hours the offer lives until the deadline of its task', async () => {
  const { offerId } = await offered(null);
  await records.sql`update device_messages set expires_at = clock_timestamp() + interval '30 seconds' where id = ${offerId}`;
  expect(await claimSend(records.db, offerId, 1)).toMatchObject({ claimed: true });
  expect(await claimFlash(records.db, offerId, 1)).toBe(true);
});

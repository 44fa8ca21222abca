import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findOfferOwner, repeatSend } from '../../db/upgrades/directives.ts';
import { claimSend, findOpenOffer, writeFailure, writeProgress } from '../../db/upgrades/messages.ts';
import { recordTaskStatus } from '../../db/upgrades/task-changes.ts';
import { Records } from './records.ts';

let records: Records;
beforeAll(async () => {
  records = await Records.start();
});
afterAll(() => records.stop());

type Offered = Awaited<ReturnType<Records['offered']>>;
const repeat = ({ offerId }: Offered, attempt = 1) => repeatSend(records.db, offerId, attempt);

/** An offer that its device was told of. */
async function told(): Promise<Offered> {
  const offered = await records.offered();
  expect(await claimSend(records.db, offered.offerId, 1)).toMatchObject({ claimed: true });
  return offered;
}

describe('telling a device once more', () => {
  it('is not counted, and may be done as often as it asks', async () => {
    const offered = await told();
    for (let times = 0; times < 5; times += 1) expect(await repeat(offered)).toBe(true);
    expect(await findOpenOffer(records.db, offered.deviceId)).toMatchObject({ sends: 1 });
    expect((await records.events(offered)).filter((event) => event === 'offer_sent')).toHaveLength(1);
  });

  it('shows that the device is not away', async () => {
    const offered = await told();
    await records.sql`update device_upgrades set reason = 'offline' where id = ${offered.upgradeId}`;
    await repeat(offered);
    expect(await records.row(offered)).toMatchObject({ status: 'offered', reason: null });
  });

  it('is possible until the last byte, and not after it', async () => {
    const offered = await told();
    const { offerId, deviceId } = offered;
    await writeProgress(records.db, [{ offerId, deviceId, bytes: 10, finished: false }]);
    expect(await repeat(offered)).toBe(true);
    await writeProgress(records.db, [{ offerId, deviceId, bytes: 20_480, finished: true }]);
    expect(await repeat(offered)).toBe(false);
  });

  it.each([
    ['that it was never told of', 'update device_messages set sends = 0 where id = $1'],
    ['that is closed', 'update device_messages set closed_at = now() where id = $1'],
    ['that has expired', "update device_messages set expires_at = now() - interval '1 second' where id = $1"],
    [
      'for a version it does not run any more',
      "update device_versions set version = 'other' where device_id = (select device_id from device_messages where id = $1)",
    ],
  ])('is not possible for an offer %s', async (_kind, change) => {
    const offered = await told();
    expect(await repeat(offered, 2)).toBe(false);
    await records.sql.unsafe(change, [offered.offerId]);
    expect(await repeat(offered)).toBe(false);
  });

  it.each(['paused', 'cancelling'] as const)(
    'is not possible while the task is %s, unless it has begun',
    async (status) => {
      const [waiting, begun] = [await told(), await told()];
      await writeProgress(records.db, [{ ...begun, bytes: 10, finished: false }]);
      for (const offered of [waiting, begun]) {
        await recordTaskStatus(records.db, offered.taskId, status, { author: 'li', event: status });
      }
      expect(await repeat(waiting)).toBe(false);
      expect(await repeat(begun)).toBe(true);
    },
  );

  it('is not possible for an offer that failed', async () => {
    const offered = await told();
    await writeFailure(records.db, offered.offerId, { code: 'ams_busy', words: 'busy', details: {} });
    expect(await repeat(offered)).toBe(false);
  });
});

describe('the token of an offer', () => {
  it('names its device, also when the offer is closed, and no other offer has it', async () => {
    const [one, other] = [await records.offered(), await records.offered()];
    const { token } = (await findOpenOffer(records.db, one.deviceId))!;
    expect(token).toMatch(/^[0-9a-f-]{36}$/);
    expect((await findOpenOffer(records.db, other.deviceId))!.token).not.toBe(token);
    const bare = token.replaceAll('-', '');
    expect(await findOfferOwner(records.db, one.offerId, bare)).toBe(one.deviceId);
    await records.sql`update device_messages set closed_at = now() where id = ${one.offerId}`;
    expect(await findOfferOwner(records.db, one.offerId, bare)).toBe(one.deviceId);
    expect(await findOfferOwner(records.db, other.offerId, bare)).toBeNull();
    expect(await findOfferOwner(records.db, 999_999_999_999_999, bare)).toBeNull();
    expect(await findOfferOwner(records.db, one.offerId, '0'.repeat(32))).toBeNull();
  });
});

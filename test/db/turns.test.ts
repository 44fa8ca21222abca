import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { claimSend, writeProgress } from '../../db/upgrades/messages.ts';
import { openOffer } from '../../db/upgrades/offers.ts';
import { writeConnections } from '../../db/devices/reports.ts';
import { finishUpgrade } from '../../db/upgrades/upgrades.ts';
import { atMost } from '../../workflows/rules/pacing.ts';
import { expectedDurationMs } from '../../workflows/rules/windows.ts';
import { MINUTE, Records, type TaskSeed, type Upgrade } from './records.ts';

let records: Records;
beforeAll(async () => {
  records = await Records.start();
});
afterAll(() => records.stop());

const open = ({ upgradeId }: Upgrade, attempt = 1) => openOffer(records.db, { upgradeId, attempt, fileIndex: 0 });
const end = ({ upgradeId }: Upgrade) =>
  finishUpgrade(records.db, {
    upgradeId,
    status: 'cancelled',
    reason: 'cancelled_by_operator',
    entry: { author: 'li', event: 'cancelled' },
  });

/** Devices of one task, all started, online or not. */
async function started(online: boolean[], seed: TaskSeed = {}): Promise<Upgrade[]> {
  const devices: string[] = [];
  for (const each of online) devices.push(await records.device({ online: each }));
  const { upgrades } = await records.task(devices, seed);
  for (const upgrade of upgrades) await records.dispatched(upgrade);
  return upgrades;
}

describe('a device that comes back', () => {
  it('is sent nothing while as many as the pacing allows are under way, and its offer when there is room', async () => {
    const [busy, away] = (await started([true, false], { options: { pacing: atMost(1) } })) as [Upgrade, Upgrade];
    const offerId = await records.offer(away);
    await records.offer(busy);
    expect(await claimSend(records.db, offerId, 1)).toEqual({ claimed: false, edge: false });
    expect(await claimSend(records.db, offerId, 1)).toEqual({ claimed: false, edge: false });
    expect(await records.row(away)).toMatchObject({ status: 'offered', reason: 'paced' });
    expect(await records.message(away.upgradeId)).toMatchObject({ sends: 0, open: true, awaitsContact: true });
    expect(await records.events(away)).toEqual(['offered', 'paced']);

    await end(busy);
    expect(await claimSend(records.db, offerId, 1)).toEqual({ claimed: true, edge: true });
    expect(await records.row(away)).toMatchObject({ status: 'offered', reason: null });
  });

  it('does not ask for its turn a second time while it is under way', async () => {
    const [first, second] = (await started([true, true], { options: { pacing: atMost(2) } })) as [Upgrade, Upgrade];
    const offerId = await records.offer(first);
    await records.offer(second);
    await records.sql`update upgrade_tasks set options = jsonb_set(options, '{pacing,maxConcurrent}', '1') where id = ${first.taskId}`;
    expect(await claimSend(records.db, offerId, 1)).toEqual({ claimed: true, edge: false });
  });

  it('and many more at the same moment: never more go on than the pacing allows', async () => {
    const upgrades = await started(
      Array.from({ length: 12 }, () => false),
      { options: { pacing: atMost(5) } },
    );
    const offers: number[] = [];
    for (const upgrade of upgrades) offers.push(await records.offer(upgrade));
    const claims = await Promise.all(offers.map((offerId) => claimSend(records.db, offerId, 1)));
    expect(claims.filter(({ claimed }) => claimed)).toHaveLength(5);
  });

  it('is one that is connected, too, however long it has been silent', async () => {
    const [silent] = (await started([true])) as [Upgrade];
    const ago = records.sql`update device_contacts set last_seen_at = now() - interval '1 hour' where device_id = ${silent.deviceId}`;
    await ago;
    await writeConnections(records.db, [silent.deviceId]);
    expect(await open(silent)).toMatchObject({ kind: 'offered', online: true });
  });

  it('when its gate opens waits for its turn in the same way', async () => {
    const [busy, waiting] = (await started([true, true], { options: { pacing: atMost(1) } })) as [Upgrade, Upgrade];
    await records.report(waiting.deviceId, { T1: '09' });
    expect(await open(waiting)).toMatchObject({ kind: 'waiting', reason: 'version_mismatch' });
    await records.offer(busy);
    await records.report(waiting.deviceId, { T1: '10' });
    expect(await open(waiting)).toMatchObject({ kind: 'waiting', reason: 'paced', waitMs: expect.any(Number) });
    expect(await records.row(waiting)).toMatchObject({ status: 'waiting', reason: 'paced' });
    await end(busy);
    expect(await open(waiting)).toMatchObject({ kind: 'offered' });
  });
});

describe('the speed of a device', () => {
  const speed = async ({ deviceId }: Upgrade) => {
    const [row] =
      await records.sql`select bytes_per_second as speed from device_contacts where device_id = ${deviceId}`;
    return row?.['speed'] as number | null;
  };
  const transfer = async (upgrade: Upgrade, offerId: number, tookMs: number) => {
    const { deviceId } = upgrade;
    await writeProgress(records.db, [{ offerId, deviceId, bytes: 1_024, finished: false }]);
    await records.age(offerId, tookMs);
    await writeProgress(records.db, [{ offerId, deviceId, bytes: 20_480, finished: true }]);
  };

  it('is measured over a whole transfer, and later ones move it half of the way', async () => {
    const upgrade = await records.offered();
    await transfer(upgrade, upgrade.offerId, 40_000);
    expect(await speed(upgrade)).toBeCloseTo(512, -1);

    const [again] = (await records.task([upgrade.deviceId])).upgrades as [Upgrade];
    await end(upgrade);
    await records.dispatched(again);
    await transfer(again, await records.offer(again), 20_000);
    expect(await speed(upgrade)).toBeCloseTo((512 + 1_024) / 2, -1);
  });

  it('says nothing after a transfer that went on where another had ended', async () => {
    const upgrade = await records.offered();
    const offer = { deviceId: upgrade.deviceId, finished: false };
    await writeProgress(records.db, [{ ...offer, offerId: upgrade.offerId, bytes: 10_240 }]);
    const second = await records.offer(upgrade, 2);
    await transfer(upgrade, second, 1_000);
    expect(await speed(upgrade)).toBeNull();
  });

  it('decides whether a file still fits into the night', async () => {
    // A night that is still long enough for the usual speed.
    const usualMs = expectedDurationMs(20_480, 512);
    const at = (ms: number) => new Date(Date.now() + ms).toISOString().slice(11, 16);
    const window = { from: at(-5 * MINUTE), to: at(usualMs + 2 * MINUTE), zone: 'UTC' };
    const [usual, slow] = (await started([true, true], { options: { window } })) as [Upgrade, Upgrade];
    await records.sql`update device_contacts set bytes_per_second = 60 where device_id = ${slow.deviceId}`;
    expect(await open(usual)).toMatchObject({ kind: 'offered' });
    expect(await open(slow)).toMatchObject({ kind: 'waiting', reason: 'window' });
  });
});

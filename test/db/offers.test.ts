import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { InvariantError } from '../../db/index.ts';
import { claimSend, writeFailure, writeProgress } from '../../db/upgrades/messages.ts';
import { closeOffer, openOffer, readOffer } from '../../db/upgrades/offers.ts';
import { DEVICE_MESSAGE_CHANNEL } from '../../db/schema.ts';
import { finishUpgrade } from '../../db/upgrades/upgrades.ts';
import { judgeOffer } from '../../workflows/rules/offers.ts';
import { waitFor } from '../support/wait.ts';
import { HOUR, LIMITS, MINUTE, Records, type TaskSeed, type Upgrade } from './records.ts';

let records: Records;
beforeAll(async () => {
  records = await Records.start();
});
afterAll(() => records.stop());

const open = ({ upgradeId }: Upgrade, attempt = 1, fileIndex = 0) =>
  openOffer(records.db, { upgradeId, attempt, fileIndex });
const read = ({ upgradeId }: Upgrade, attempt = 1) => readOffer(records.db, { upgradeId, attempt });
const close = ({ upgradeId }: Upgrade, attempt = 1, change: Partial<Parameters<typeof closeOffer>[1]> = {}) =>
  closeOffer(records.db, {
    upgradeId,
    attempt,
    code: 'terminal_803',
    reason: null,
    retry: 'attempt 2 of 3',
    ...change,
  });

/** Hours of the day in UTC, so many minutes from now. */
function clock(minutesFromNow: number): string {
  return new Date(Date.now() + minutesFromNow * MINUTE).toISOString().slice(11, 16);
}

describe('making an offer', () => {
  it('writes the offer, the status and the line in the log, and tells the gateways', async () => {
    const upgrade = await records.upgrade({ device: { online: true } });
    const announced = await records.announced(DEVICE_MESSAGE_CHANNEL);
    expect(await open(upgrade)).toEqual({ kind: 'offered', online: true, leftMs: expect.closeTo(7 * 24 * HOUR, -4) });
    expect(await records.row(upgrade)).toMatchObject({
      status: 'offered',
      reason: null,
      attempt: 1,
      fileIndex: 0,
      bytesSent: 0,
      bytesTotal: 20_480,
      ended: false,
    });
    expect(await records.message(upgrade.upgradeId)).toMatchObject({
      deviceId: upgrade.deviceId,
      attempt: 1,
      open: true,
      sends: 0,
      awaitsContact: false,
      resumable: false,
      payload: {
        component: 'T1',
        targetVersion: '11',
        fromVersion: '10',
        sizeBytes: 20_480,
        packetSize: 1024,
        pinfo: '1110d100',
      },
    });
    expect(await records.log(upgrade)).toMatchObject([
      { author: 'system', event: 'offered', status: 'offered', attempt: 1, fileIndex: 0, cause: 'T1 10 → 11' },
    ]);
    await waitFor(() => announced.devices.includes(upgrade.deviceId));
    await announced.stop();
  });

  it('to a device that is away shows it as offline and asks to be woken at its first contact', async () => {
    const upgrade = await records.upgrade();
    expect(await open(upgrade)).toMatchObject({ kind: 'offered', online: false });
    expect(await records.row(upgrade)).toMatchObject({ status: 'offered', reason: 'offline' });
    expect(await records.message(upgrade.upgradeId)).toMatchObject({ awaitsContact: true });
  });

  it.each([true, false])('repeated for the same attempt finds what it wrote (online: %s)', async (online) => {
    const upgrade = await records.upgrade({ device: { online } });
    const first = await open(upgrade);
    expect(first).toMatchObject({ kind: 'offered', online });
    const before = await records.message(upgrade.upgradeId);
    expect(await open(upgrade)).toEqual({ ...first, leftMs: expect.closeTo(7 * 24 * HOUR, -4) });
    expect(await records.message(upgrade.upgradeId)).toEqual(before);
    expect(await records.events(upgrade)).toEqual(['offered']);
  });

  it('for an attempt that was overtaken changes nothing', async () => {
    const upgrade = await records.offered();
    await close(upgrade);
    await records.offer(upgrade, 2);
    expect(await open(upgrade, 1)).toEqual({ kind: 'ended', status: 'failed', reason: 'overtaken' });
    expect(await records.message(upgrade.upgradeId, 2)).toMatchObject({ open: true });
    expect(await records.row(upgrade)).toMatchObject({ status: 'offered', attempt: 2 });
  });

  it('for an upgrade that has ended says how it ended', async () => {
    const upgrade = await records.upgrade();
    const entry = { author: 'li', event: 'cancelled' };
    await finishUpgrade(records.db, { ...upgrade, status: 'cancelled', reason: 'cancelled_by_operator', entry });
    expect(await open(upgrade)).toEqual({ kind: 'ended', status: 'cancelled', reason: 'cancelled_by_operator' });
  });

  it('to a device that runs the target already does not happen', async () => {
    const upgrade = await records.upgrade({ device: { versions: { T1: '11' } } });
    expect(await open(upgrade)).toEqual({ kind: 'already_current', version: '11' });
    expect(await records.row(upgrade)).toMatchObject({ status: 'scheduled', attempt: 0 });
  });

  it('to a device that runs what a later file brings does not happen', async () => {
    const files = [{}, { from: ['11'], to: '12' }];
    const upgrade = await records.upgrade({ files, device: { versions: { T1: '12' } } });
    expect(await open(upgrade)).toEqual({ kind: 'already_current', version: '12' });
  });

  it('after the deadline does not happen', async () => {
    const upgrade = await records.upgrade({ deadlineMs: -1 });
    expect(await open(upgrade)).toEqual({ kind: 'deadline' });
    expect(await records.events(upgrade)).toEqual([]);
  });

  it.each<[string, TaskSeed & { device?: object }]>([
    ['no_version_uploaded', { device: { versions: {} } }],
    ['version_mismatch', { device: { versions: { T1: '09' } } }],
    ['compat_not_reported', { files: [{ compatible: 'HW1' }] }],
    ['model_mismatch', { files: [{ model: 'GV3' }] }],
  ])('waits behind the gate, at most until the deadline: %s', async (reason, seed) => {
    const upgrade = await records.upgrade({ ...seed, deadlineMs: HOUR });
    for (const _ of [1, 2]) {
      const answer = await open(upgrade);
      expect(answer).toMatchObject({ kind: 'waiting', reason });
      expect((answer as { waitMs: number }).waitMs / HOUR).toBeCloseTo(1, 2);
    }
    expect(await records.row(upgrade)).toMatchObject({ status: 'waiting', reason, attempt: 0 });
    const [line, ...more] = await records.log(upgrade);
    expect(line).toMatchObject({ author: 'system', event: 'waiting', status: 'waiting' });
    expect(line!.cause).not.toBe('');
    expect(more).toEqual([]);
  });

  it('shows a new reason when it waits for something else', async () => {
    const upgrade = await records.upgrade({ device: { versions: {} } });
    await open(upgrade);
    await records.report(upgrade.deviceId, { T1: '09' });
    await open(upgrade);
    expect(await records.row(upgrade)).toMatchObject({ status: 'waiting', reason: 'version_mismatch' });
    await records.report(upgrade.deviceId, { T1: '10' });
    expect(await open(upgrade)).toMatchObject({ kind: 'offered' });
    expect(await records.events(upgrade)).toEqual(['waiting', 'reported', 'waiting', 'reported', 'offered']);
  });

  it('leaves devices out that are not eligible, when the task says so and nothing was tried yet', async () => {
    const seed = { options: { notEligible: 'skip' as const }, files: [{}, { from: ['11'], to: '12' }] };
    const never = await records.upgrade({ ...seed, device: { versions: { T1: '09' } } });
    expect(await open(never)).toEqual({ kind: 'not_eligible', reason: 'version_mismatch' });

    const tried = await records.offered(seed);
    await close(tried, 1, { code: 'version_changed' });
    await records.report(tried.deviceId, { T1: '09' });
    expect(await open(tried, 2)).toMatchObject({ kind: 'waiting', reason: 'version_mismatch' });

    const second = await records.upgrade({ ...seed, device: { versions: { T1: '09' } } });
    expect(await open(second, 1, 1)).toMatchObject({ kind: 'waiting', reason: 'version_mismatch' });
  });

  it.each(['paused', 'cancelling'] as const)('waits while the task is %s', async (status) => {
    const upgrade = await records.upgrade({ status, deadlineMs: HOUR });
    expect(await open(upgrade)).toMatchObject({ kind: 'waiting', reason: 'task_paused' });
    expect(await records.row(upgrade)).toMatchObject({ status: 'waiting', reason: 'task_paused' });
    expect(await records.message(upgrade.upgradeId)).toBeUndefined();
  });

  it('offers the second file as the second', async () => {
    const upgrade = await records.upgrade({
      files: [{}, { from: ['11'], to: '12', sizeBytes: 30_720 }],
      device: { versions: { T1: '11' } },
    });
    expect(await open(upgrade, 1, 1)).toMatchObject({ kind: 'offered' });
    expect(await records.row(upgrade)).toMatchObject({ fileIndex: 1, bytesTotal: 30_720 });
    expect((await records.message(upgrade.upgradeId)).payload).toMatchObject({
      targetVersion: '12',
      fromVersion: '11',
    });
  });

  it('says that a device may go on asking when it has asked for this file before', async () => {
    const upgrade = await records.offered();
    await close(upgrade);
    const again = await records.offer(upgrade, 2);
    expect(await records.message(upgrade.upgradeId, 2)).toMatchObject({ resumable: false });
    await writeProgress(records.db, [{ offerId: again, deviceId: upgrade.deviceId, bytes: 2_048, finished: false }]);
    await close(upgrade, 2);
    await records.offer(upgrade, 3);
    expect(await records.message(upgrade.upgradeId, 3)).toMatchObject({ resumable: true });
  });

  it('ends what another upgrade had offered the same device: one writer per device', async () => {
    const old = await records.offered();
    const { upgrades } = await records.task([old.deviceId]);
    const [newer] = upgrades;
    expect(await open(newer!)).toMatchObject({ kind: 'offered' });
    expect(await records.message(old.upgradeId)).toMatchObject({ open: false });
    expect(await claimSend(records.db, old.offerId, 1)).toEqual({ claimed: false, edge: false });
    expect(await read(old)).toBeNull();
  });

  it('refuses an upgrade that does not exist and a file that the task does not have', async () => {
    const upgrade = await records.upgrade();
    await expect(open({ ...upgrade, upgradeId: 9_999_999 })).rejects.toBeInstanceOf(InvariantError);
    await expect(open(upgrade, 1, 1)).rejects.toBeInstanceOf(InvariantError);
    expect(await records.row(upgrade)).toMatchObject({ status: 'scheduled', attempt: 0 });
  });
});

describe('the permitted hours', () => {
  const zone = 'UTC';

  it('bound an offer', async () => {
    const upgrade = await records.upgrade({ options: { window: { from: clock(-60), to: clock(180), zone } } });
    const opened = await open(upgrade);
    const { expiresAt } = await records.message(upgrade.upgradeId);
    expect(opened).toMatchObject({ kind: 'offered', leftMs: expect.closeTo(expiresAt.getTime() - Date.now(), -4) });
    expect(expiresAt.toISOString().slice(11)).toBe(`${clock(180)}:00.000Z`);
  });

  it('bound an offer no further than the deadline', async () => {
    const upgrade = await records.upgrade({
      options: { window: { from: clock(-60), to: clock(180), zone } },
      deadlineMs: HOUR,
    });
    await open(upgrade);
    const { expiresAt } = await records.message(upgrade.upgradeId);
    expect((expiresAt.getTime() - Date.now()) / HOUR).toBeCloseTo(1, 2);
  });

  it.each([
    ['not open yet', clock(120), clock(240), 120],
    ['open, and what is left is too short', clock(-120), clock(1), 24 * 60 - 120],
  ])('that are %s are waited for', async (_, from, to, minutes) => {
    const upgrade = await records.upgrade({ options: { window: { from, to, zone } } });
    const answer = await open(upgrade);
    expect(answer).toMatchObject({ kind: 'waiting', reason: 'window' });
    const { waitMs } = answer as { waitMs: number };
    expect(Math.abs(waitMs / MINUTE - minutes)).toBeLessThan(1.1);
    expect(await records.row(upgrade)).toMatchObject({ status: 'waiting', reason: 'window' });
    expect(await records.message(upgrade.upgradeId)).toBeUndefined();
  });

  it('are not waited for longer than the task lives', async () => {
    const window = { from: clock(120), to: clock(240), zone };
    const upgrade = await records.upgrade({ options: { window }, deadlineMs: HOUR });
    const answer = await open(upgrade);
    expect((answer as { waitMs: number }).waitMs / HOUR).toBeCloseTo(1, 2);
  });
});

describe('what is known of an offer', () => {
  it('is nothing but its times at first', async () => {
    const upgrade = await records.offered();
    const facts = await read(upgrade);
    expect(facts).toMatchObject({
      sends: 0,
      lastSentAtMs: null,
      firstRequestAtMs: null,
      lastRequestAtMs: null,
      finishedAtMs: null,
      failure: null,
      report: null,
      fromVersion: '10',
    });
    expect(facts!.nowMs - facts!.createdAtMs).toBeLessThan(10_000);
    expect((facts!.expiresAtMs - facts!.nowMs) / HOUR).toBeCloseTo(7 * 24, 1);
  });

  it('is everything the gateways wrote', async () => {
    const upgrade = await records.offered();
    const { deviceId, offerId } = upgrade;
    await claimSend(records.db, offerId, 1);
    expect(await read(upgrade)).toMatchObject({ sends: 1, lastSentAtMs: expect.any(Number), firstRequestAtMs: null });
    await writeProgress(records.db, [{ offerId, deviceId, bytes: 1_024, finished: false }]);
    expect(await read(upgrade)).toMatchObject({ firstRequestAtMs: expect.any(Number), finishedAtMs: null });
    await records.report(deviceId, { T1: '10' });
    expect(await read(upgrade)).toMatchObject({ report: { version: '10', isTarget: false, afterFinish: false } });
    await writeProgress(records.db, [{ offerId, deviceId, bytes: 20_480, finished: true }]);
    const finished = await read(upgrade);
    expect(finished).toMatchObject({ finishedAtMs: expect.any(Number), report: { afterFinish: false } });
    expect(finished!.finishedAtMs!).toBeGreaterThanOrEqual(finished!.firstRequestAtMs!);
    await records.report(deviceId, { T1: '10' });
    expect(await read(upgrade)).toMatchObject({
      report: { version: '10', isTarget: false, afterFinish: true, atMs: expect.closeTo(Date.now(), -5) },
    });
    await records.report(deviceId, { T1: '11' });
    expect(await read(upgrade)).toMatchObject({ report: { version: '11', isTarget: true, afterFinish: true } });
  });

  it('includes that the device gave up', async () => {
    const upgrade = await records.offered();
    await writeFailure(records.db, upgrade.offerId, { code: 'terminal_745', words: 'too large', details: {} });
    expect(await read(upgrade)).toMatchObject({ failure: 'terminal_745' });
  });

  it('does not include reports of other components, or older ones', async () => {
    const upgrade = await records.offered({ device: { versions: { T1: '10', T4: '1' } } });
    await records.report(upgrade.deviceId, { T4: '11' });
    expect(await read(upgrade)).toMatchObject({ report: null });
  });

  it('includes a version that was reported while the offer was being made: the gate is asked again', async () => {
    const upgrade = await records.offered();
    // Such a report has the lower number and is written after the gate has read the version before it.
    await records.sql`update device_versions set version = '09' where device_id = ${upgrade.deviceId}`;
    const facts = await read(upgrade);
    expect(judgeOffer(facts!, LIMITS)).toEqual({ kind: 'failed', code: 'version_changed' });
    // Not even the target proves an offer that is newer than the report.
    await records.sql`update device_versions set version = '11' where device_id = ${upgrade.deviceId}`;
    expect(judgeOffer((await read(upgrade))!, LIMITS)).toEqual({ kind: 'failed', code: 'version_changed' });
  });

  it('is how it ended once it is closed, and nothing of an attempt there never was', async () => {
    const upgrade = await records.offered();
    expect(await read(upgrade, 2)).toBeNull();
    await close(upgrade);
    expect(await read(upgrade)).toMatchObject({ failure: 'terminal_803', report: null });
  });

  it('is read: what woke the workflow counts as heard', async () => {
    const upgrade = await records.offered();
    await writeFailure(records.db, upgrade.offerId, { code: 'terminal_745', words: 'too large', details: {} });
    expect(await records.row(upgrade)).toMatchObject({ edge: true });
    await read(upgrade);
    expect(await records.row(upgrade)).toMatchObject({ edge: false });
  });

  it('shows an offer that could not be sent as offline, and asks to be woken', async () => {
    const upgrade = await records.offered();
    await read(upgrade);
    expect(await records.row(upgrade)).toMatchObject({ status: 'offered', reason: 'offline' });
    expect(await claimSend(records.db, upgrade.offerId, 1)).toEqual({ claimed: true, edge: true });
    expect(await records.row(upgrade)).toMatchObject({ status: 'offered', reason: null, edge: true });
    await read(upgrade);
    expect(await records.row(upgrade)).toMatchObject({ reason: null });
  });

  it('never misses a sending that is just being claimed', async () => {
    const upgrade = await records.offered();
    let sending: Promise<{ edge: boolean }> | undefined;
    let reading: ReturnType<typeof read> | undefined;
    await records.sql.begin(async (tx) => {
      await tx`select 1 from device_messages where id = ${upgrade.offerId} for update`;
      sending = claimSend(records.db, upgrade.offerId, 1);
      await waitFor(async () => (await records.blocked()) === 1);
      reading = read(upgrade);
      await waitFor(async () => (await records.blocked()) === 2);
    });
    expect(await sending).toMatchObject({ edge: false });
    expect(await reading).toMatchObject({ sends: 1, awaitsContact: false });
  });

  it('never misses a sending: either it is seen, or it wakes', async () => {
    const upgrades = await Promise.all(Array.from({ length: 40 }, () => records.offered()));
    const seen = await Promise.all(
      upgrades.map(async (upgrade, index) => {
        const reading = async () => (await read(upgrade))!.sends > 0;
        const sending = async () => (await claimSend(records.db, upgrade.offerId, 1)).edge;
        const [first, second] = index % 2 === 0 ? [reading, sending] : [sending, reading];
        const both = await Promise.all([first(), second()]);
        return both.filter(Boolean).length;
      }),
    );
    expect(seen.every((times) => times === 1)).toBe(true);
  });
});

describe('closing an offer', () => {
  it('ends it, says why and what comes next, and tells the gateways', async () => {
    const upgrade = await records.offered();
    const announced = await records.announced(DEVICE_MESSAGE_CHANNEL);
    await close(upgrade);
    expect(await records.message(upgrade.upgradeId)).toMatchObject({ open: false });
    expect(await records.row(upgrade)).toMatchObject({ status: 'waiting', reason: 'terminal_803', ended: false });
    expect((await records.log(upgrade)).at(-1)).toMatchObject({
      author: 'system',
      event: 'attempt_ended',
      status: 'waiting',
      attempt: 1,
      cause: 'terminal_803: a packet arrived corrupt six times in a row; attempt 2 of 3',
      details: { code: 'terminal_803', advice: expect.any(String) },
    });
    await waitFor(() => announced.devices.includes(upgrade.deviceId));
    await announced.stop();
  });

  it('shows another reason when there is one', async () => {
    const upgrade = await records.offered();
    await close(upgrade, 1, { reason: 'retry_later' });
    expect(await records.row(upgrade)).toMatchObject({ status: 'waiting', reason: 'retry_later' });
  });

  it('may be repeated', async () => {
    const upgrade = await records.offered();
    await close(upgrade);
    await close(upgrade);
    expect(await records.events(upgrade)).toEqual(['offered', 'attempt_ended']);
  });

  it('does not touch the offer of a newer attempt', async () => {
    const upgrade = await records.offered();
    await close(upgrade);
    await records.offer(upgrade, 2);
    await close(upgrade, 1);
    expect(await records.message(upgrade.upgradeId, 2)).toMatchObject({ open: true });
    expect(await records.row(upgrade)).toMatchObject({ status: 'offered', attempt: 2 });
  });

  it('does not bring an upgrade back that has ended', async () => {
    const upgrade = await records.offered();
    const entry = { author: 'li', event: 'cancelled' };
    await finishUpgrade(records.db, { ...upgrade, status: 'cancelled', reason: null, entry });
    await close(upgrade);
    expect(await records.row(upgrade)).toMatchObject({ status: 'cancelled', ended: true });
  });
});

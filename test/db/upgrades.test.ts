import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { InvariantError } from '../../db/index.ts';
import { claimSend, writeProgress } from '../../db/upgrades/messages.ts';
import { closeOffer, openOffer, readOffer } from '../../db/upgrades/offers.ts';
import { DEVICE_MESSAGE_CHANNEL } from '../../db/schema.ts';
import { finishUpgrade, recordAlreadyCurrent, recordProof, recordWaiting } from '../../db/upgrades/upgrades.ts';
import { UPGRADE_STATUSES, UPGRADE_TRANSITIONS, isEnd, type UpgradeStatus } from '../../workflows/rules/statuses.ts';
import { waitFor } from '../support/wait.ts';
import { Records, type Upgrade } from './records.ts';

let records: Records;
beforeAll(async () => {
  records = await Records.start();
});
afterAll(() => records.stop());

const TWO_FILES = { files: [{}, { from: ['11'], to: '12' }] };

const prove = ({ upgradeId }: Upgrade, { attempt = 1, fileIndex = 0, last = true } = {}) =>
  recordProof(records.db, { upgradeId, attempt, fileIndex, last });

const finish = ({ upgradeId }: Upgrade, status: UpgradeStatus, reason: string | null = null) =>
  finishUpgrade(records.db, {
    upgradeId,
    status,
    reason,
    entry: { author: 'li', event: status, cause: 'wrong batch' },
  });

/** The device asks for everything and says that it has it. */
async function transfer({ deviceId, offerId }: { deviceId: string; offerId: number }): Promise<void> {
  await claimSend(records.db, offerId, 1);
  await writeProgress(records.db, [{ offerId, deviceId, bytes: 20_480, finished: true }]);
}

describe('a file is proven', () => {
  it('by a report that is newer than the offer and equals the target', async () => {
    const upgrade = await records.offered();
    await transfer(upgrade);
    await records.report(upgrade.deviceId, { T1: '11' });
    expect(await prove(upgrade)).toEqual({ proven: true, ended: true });
    const row = await records.row(upgrade);
    expect(row).toMatchObject({ status: 'succeeded', reason: null, ended: true, edge: false });
    expect(row.proofs).toEqual([
      { fileIndex: 0, component: 'T1', fromVersion: '10', version: '11', provenAt: expect.stringMatching(/^\d{4}-/) },
    ]);
    expect((await records.log(upgrade)).at(-1)).toMatchObject({
      author: 'device',
      event: 'proven',
      status: 'succeeded',
      attempt: 1,
      fileIndex: 0,
      cause: 'a report newer than the offer says T1 11',
    });
    expect(await records.message(upgrade.upgradeId)).toMatchObject({ open: false });
  });

  it('and the upgrade goes on when it is not the last one', async () => {
    const upgrade = await records.offered(TWO_FILES);
    await transfer(upgrade);
    await records.report(upgrade.deviceId, { T1: '11' });
    expect(await prove(upgrade, { last: false })).toEqual({ proven: true, ended: false });
    expect(await records.row(upgrade)).toMatchObject({ status: 'confirming', ended: false, fileIndex: 0 });

    const second = await records.offer(upgrade, 2, 1);
    await records.report(upgrade.deviceId, { T1: '12' });
    expect(await prove(upgrade, { attempt: 2, fileIndex: 1 })).toEqual({ proven: true, ended: true });
    expect(second).toBeGreaterThan(upgrade.offerId);
    expect((await records.row(upgrade)).proofs.map(({ version }) => version)).toEqual(['11', '12']);
  });

  it('also when no transfer is on record, and says so', async () => {
    const upgrade = await records.offered();
    await records.report(upgrade.deviceId, { T1: '11' });
    expect(await prove(upgrade)).toEqual({ proven: true, ended: true });
    const row = await records.row(upgrade);
    expect(row).toMatchObject({ status: 'succeeded', reason: 'reported_without_transfer' });
    expect(row.proofs).toMatchObject([{ note: 'reported_without_transfer' }]);
    expect((await records.log(upgrade)).at(-1)!.cause).toContain('although no transfer is on record');
  });

  it('once: repeating it changes nothing', async () => {
    const upgrade = await records.offered(TWO_FILES);
    await records.report(upgrade.deviceId, { T1: '11' });
    expect(await prove(upgrade, { last: false })).toEqual({ proven: true, ended: false });
    expect(await prove(upgrade, { last: false })).toEqual({ proven: true, ended: false });
    expect((await records.row(upgrade)).proofs).toHaveLength(1);

    const last = await records.offered();
    await records.report(last.deviceId, { T1: '11' });
    await prove(last);
    const events = await records.events(last);
    expect(await prove(last)).toEqual({ proven: true, ended: true });
    expect(await records.events(last)).toEqual(events);
  });
});

describe('a file is not proven', () => {
  const unproven = { proven: false, ended: false };

  it('by the last byte alone', async () => {
    const upgrade = await records.offered();
    await transfer(upgrade);
    expect(await prove(upgrade)).toEqual(unproven);
    expect(await records.row(upgrade)).toMatchObject({ status: 'confirming', ended: false, proofs: [] });
    expect(await records.message(upgrade.upgradeId)).toMatchObject({ open: true });
  });

  it('by a report older than the offer', async () => {
    const upgrade = await records.offered();
    // The number decides, whatever the clocks say.
    await records.sql`
      update device_versions set version = '11', reported_at = now() + interval '1 day' where device_id = ${upgrade.deviceId}`;
    expect(await prove(upgrade)).toEqual(unproven);
    await records.report(upgrade.deviceId, { T1: '11' });
    expect(await prove(upgrade)).toMatchObject({ proven: true });
  });

  it.each(['10', '12', '1', '011', '11 '])('by a report of %j', async (version) => {
    const upgrade = await records.offered();
    await transfer(upgrade);
    await records.report(upgrade.deviceId, { T1: version });
    expect(await prove(upgrade)).toEqual(unproven);
  });

  it('by a report of another component', async () => {
    const upgrade = await records.offered();
    await transfer(upgrade);
    await records.report(upgrade.deviceId, { T4: '11' });
    expect(await prove(upgrade)).toEqual(unproven);
  });

  it('by a report that has passed: the newest one counts', async () => {
    const upgrade = await records.offered();
    await transfer(upgrade);
    await records.report(upgrade.deviceId, { T1: '11' });
    await records.report(upgrade.deviceId, { T1: '10' });
    expect(await prove(upgrade)).toEqual(unproven);
  });

  it('when its offer was closed', async () => {
    const upgrade = await records.offered();
    await closeOffer(records.db, { ...upgrade, attempt: 1, code: 'no_reaction', reason: null, retry: '' });
    await records.report(upgrade.deviceId, { T1: '11' });
    expect(await prove(upgrade)).toEqual(unproven);
    expect(await records.row(upgrade)).toMatchObject({ status: 'waiting' });
  });

  it('by an attempt that was overtaken', async () => {
    const upgrade = await records.offered();
    await closeOffer(records.db, { ...upgrade, attempt: 1, code: 'no_reaction', reason: null, retry: '' });
    await records.offer(upgrade, 2);
    await records.report(upgrade.deviceId, { T1: '11' });
    expect(await prove(upgrade)).toEqual(unproven);
    expect(await prove(upgrade, { attempt: 2 })).toMatchObject({ proven: true });
  });

  it('after the upgrade has ended', async () => {
    const upgrade = await records.offered();
    await finish(upgrade, 'cancelled');
    await records.report(upgrade.deviceId, { T1: '11' });
    expect(await prove(upgrade)).toEqual({ proven: false, ended: true });
    expect(await records.row(upgrade)).toMatchObject({ status: 'cancelled', proofs: [] });
  });
});

describe('a device that runs the target already', () => {
  const current = ({ upgradeId }: Upgrade, last = true) =>
    recordAlreadyCurrent(records.db, { upgradeId, fileIndex: 0, component: 'T1', version: '11', last });

  it('has succeeded with a note, and nothing was sent', async () => {
    const upgrade = await records.upgrade({ device: { versions: { T1: '11' } } });
    expect(await current(upgrade)).toEqual({ ended: true, stale: false });
    const row = await records.row(upgrade);
    expect(row).toMatchObject({ status: 'succeeded', reason: 'already_current', ended: true, attempt: 0 });
    expect(row.proofs).toMatchObject([{ fromVersion: null, version: '11', note: 'already_current' }]);
    expect(await records.log(upgrade)).toMatchObject([
      { author: 'system', event: 'already_current', status: 'succeeded' },
    ]);
  });

  it('goes on with the next file when there is one', async () => {
    const upgrade = await records.upgrade({ ...TWO_FILES, device: { versions: { T1: '11' } } });
    expect(await current(upgrade, false)).toEqual({ ended: false, stale: false });
    expect(await records.row(upgrade)).toMatchObject({ status: 'scheduled', ended: false });
    expect(await openOffer(records.db, { ...upgrade, attempt: 1, fileIndex: 1 })).toMatchObject({ kind: 'offered' });
  });

  it('is written down once', async () => {
    const upgrade = await records.upgrade({ ...TWO_FILES, device: { versions: { T1: '11' } } });
    await current(upgrade, false);
    expect(await current(upgrade, false)).toEqual({ ended: false, stale: false });
    expect((await records.row(upgrade)).proofs).toHaveLength(1);
    expect(await records.events(upgrade)).toEqual(['already_current']);
  });

  it('is not written down when it has reported another version since it was asked', async () => {
    const upgrade = await records.upgrade({ device: { versions: { T1: '11' } } });
    await records.report(upgrade.deviceId, { T1: '10' });
    expect(await current(upgrade)).toEqual({ ended: false, stale: true });
    expect(await records.row(upgrade)).toMatchObject({ status: 'scheduled', proofs: [], ended: false });
  });
});

describe('a baseband file', () => {
  const files = [{ component: 'T3' as const, from: ['BB1'], to: 'BB2' }];
  const awaitOperator = ({ upgradeId }: Upgrade) =>
    recordWaiting(records.db, {
      upgradeId,
      fileIndex: 0,
      status: 'confirming',
      reason: 'awaiting_operator',
      cause: 'an operator must confirm it',
    });

  it('that is proven waits for a person, who closes it', async () => {
    const upgrade = await records.offered({ files, device: { versions: { T3: 'BB1' } } });
    await transfer(upgrade);
    await records.report(upgrade.deviceId, { T3: 'BB2' });
    await prove(upgrade, { last: false });
    await awaitOperator(upgrade);
    expect(await records.row(upgrade)).toMatchObject({
      status: 'confirming',
      reason: 'awaiting_operator',
      ended: false,
    });
    await awaitOperator(upgrade);
    await finish(upgrade, 'succeeded');
    expect((await records.events(upgrade)).slice(-3)).toEqual(['proven', 'confirming', 'succeeded']);
  });

  it.each([
    ['that the device runs already', { T3: 'BB2' }, false],
    ['that the device ran before it was ever offered', {}, true],
  ])('%s waits for a person too', async (_, versions, waits) => {
    const upgrade = await records.upgrade({ files, device: { versions } });
    if (waits) {
      await openOffer(records.db, { ...upgrade, attempt: 1, fileIndex: 0 });
      await records.report(upgrade.deviceId, { T3: 'BB2' });
    }
    expect(await openOffer(records.db, { ...upgrade, attempt: 1, fileIndex: 0 })).toMatchObject({
      kind: 'already_current',
    });
    const key = { ...upgrade, fileIndex: 0, component: 'T3' as const, version: 'BB2', last: false };
    await recordAlreadyCurrent(records.db, key);
    await awaitOperator(upgrade);
    expect(await records.row(upgrade)).toMatchObject({ status: 'confirming', reason: 'awaiting_operator' });
  });
});

describe('the end', () => {
  it('is written once, with author and cause, and closes what is open', async () => {
    const upgrade = await records.offered();
    const announced = await records.announced(DEVICE_MESSAGE_CHANNEL);
    await finish(upgrade, 'cancelled', 'cancelled_by_operator');
    expect(await records.row(upgrade)).toMatchObject({
      status: 'cancelled',
      reason: 'cancelled_by_operator',
      ended: true,
    });
    expect((await records.log(upgrade)).at(-1)).toMatchObject({
      author: 'li',
      event: 'cancelled',
      status: 'cancelled',
      cause: 'wrong batch',
    });
    expect(await records.message(upgrade.upgradeId)).toMatchObject({ open: false });
    expect(await readOffer(records.db, { ...upgrade, attempt: 1 })).toBeNull();
    await waitFor(() => announced.devices.includes(upgrade.deviceId));
    await announced.stop();

    const events = await records.events(upgrade);
    await finish(upgrade, 'failed', 'late');
    expect(await records.row(upgrade)).toMatchObject({ status: 'cancelled', reason: 'cancelled_by_operator' });
    expect(await records.events(upgrade)).toEqual(events);
  });

  it('of an upgrade does not close the offer of another one', async () => {
    const old = await records.offered();
    const { upgrades } = await records.task([old.deviceId]);
    await records.offer(upgrades[0]!);
    await finish(old, 'failed', 'overtaken');
    expect(await records.message(upgrades[0]!.upgradeId)).toMatchObject({ open: true });
  });

  const pairs = UPGRADE_STATUSES.filter((from) => !isEnd(from)).flatMap((from) =>
    UPGRADE_STATUSES.map((to) => [from, to] as const),
  );

  it.each(pairs)('from %s as %s is written or refused as the rules say', async (from, to) => {
    const upgrade = await records.upgrade();
    await records.force(upgrade, from);
    const ending = finish(upgrade, to);
    if (isEnd(to) && UPGRADE_TRANSITIONS[from].includes(to)) {
      await ending;
      expect(await records.row(upgrade)).toMatchObject({ status: to, ended: true });
    } else {
      await expect(ending).rejects.toBeInstanceOf(InvariantError);
      expect(await records.row(upgrade)).toMatchObject({ status: from, ended: false });
      expect(await records.events(upgrade)).toEqual([]);
    }
  });

  it('of an upgrade that does not exist is refused', async () => {
    await expect(finish({ upgradeId: 9_999_999, deviceId: '', taskId: 0 }, 'failed')).rejects.toBeInstanceOf(
      InvariantError,
    );
  });
});

describe('what is against the rules', () => {
  it.each(['succeeded', 'failed', 'skipped'] as const)(
    'is refused, and nothing of it is written: after %s',
    async (status) => {
      const upgrade = await records.upgrade();
      // A row that lies: an end without its time.
      await records.force(upgrade, status);
      await expect(openOffer(records.db, { ...upgrade, attempt: 1, fileIndex: 0 })).rejects.toBeInstanceOf(
        InvariantError,
      );
      const waiting = { ...upgrade, fileIndex: 0, status: 'waiting' as const, reason: 'busy' as const, cause: '' };
      await expect(recordWaiting(records.db, waiting)).rejects.toBeInstanceOf(InvariantError);
      expect(await records.row(upgrade)).toMatchObject({ status, attempt: 0 });
      expect(await records.message(upgrade.upgradeId)).toBeUndefined();
      expect(await records.events(upgrade)).toEqual([]);
    },
  );

  it('does not happen to an upgrade that has ended', async () => {
    const upgrade = await records.offered();
    await finish(upgrade, 'expired', 'task_deadline');
    const waiting = { ...upgrade, fileIndex: 0, status: 'waiting' as const, reason: 'busy' as const, cause: '' };
    await recordWaiting(records.db, waiting);
    const current = { ...upgrade, fileIndex: 0, component: 'T1' as const, version: '11', last: true };
    expect(await recordAlreadyCurrent(records.db, current)).toEqual({ ended: true, stale: false });
    expect(await records.row(upgrade)).toMatchObject({ status: 'expired', proofs: [] });
  });
});

describe('an execution that was taken for dead and woke', () => {
  /** A retry puts the upgrade back; numbers leave a gap, so that the old execution's are all lower. */
  async function retried(): Promise<Upgrade> {
    const upgrade = await records.offered();
    await finish(upgrade, 'failed', 'no_reaction');
    await records.sql`
      with reset as (
        update device_upgrades set status = 'scheduled', reason = null, finished_at = null, attempt = attempt + 2
        where id = ${upgrade.upgradeId} returning id
      )
      insert into upgrade_log (upgrade_id, author, event, status) select id, 'li', 'retry', 'scheduled' from reset`;
    return upgrade;
  }
  const entry = { author: 'system', event: 'failed' };
  const steps: [string, (key: { upgradeId: number; attempt: number }) => Promise<unknown>][] = [
    ['end it', (key) => finishUpgrade(records.db, { ...key, status: 'failed', reason: 'no_reaction', entry })],
    [
      'call it done',
      (key) => recordAlreadyCurrent(records.db, { ...key, fileIndex: 0, component: 'T1', version: '10', last: true }),
    ],
    [
      'have a person asked',
      (key) =>
        recordWaiting(records.db, {
          ...key,
          fileIndex: 0,
          status: 'confirming',
          reason: 'awaiting_operator',
          cause: '',
        }),
    ],
    ['offer a file', (key) => openOffer(records.db, { ...key, fileIndex: 0 })],
  ];

  // It may be at the attempt it had offered, or about to make the next.
  it.each(steps.flatMap(([name, step]) => [1, 2].map((attempt) => ({ name, step, attempt }))))(
    'cannot $name, being at attempt $attempt',
    async ({ step, attempt }) => {
      const upgrade = await retried();
      const before = await records.events(upgrade);
      await step({ upgradeId: upgrade.upgradeId, attempt });
      expect(await records.row(upgrade)).toMatchObject({ status: 'scheduled', ended: false, proofs: [], attempt: 3 });
      expect(await records.events(upgrade)).toEqual(before);
    },
  );

  it.each(steps)('does not keep the one that drives it from this: to %s', async (_, step) => {
    const upgrade = await retried();
    const before = await records.events(upgrade);
    await step({ upgradeId: upgrade.upgradeId, attempt: 4 });
    expect(await records.events(upgrade)).toHaveLength(before.length + 1);
  });
});

describe('what others hear of an end', () => {
  const told = async ({ upgradeId }: Upgrade) => {
    const rows = await records.sql`
      select kind, task_id as "taskId", device_id as "deviceId", data from events where upgrade_id = ${upgradeId} order by id`;
    return [...rows];
  };

  it.each<[UpgradeStatus]>([['failed'], ['unproven'], ['expired'], ['partial']])(
    'is an event when it is %s',
    async (status) => {
      const upgrade = await records.offered();
      await finish(upgrade, status, 'no_reaction');
      await finish(upgrade, status, 'no_reaction');
      expect(await told(upgrade)).toEqual([
        {
          kind: 'device.failed',
          taskId: upgrade.taskId,
          deviceId: upgrade.deviceId,
          data: {
            status,
            reason: 'no_reaction',
            reasonText: 'wrong batch',
            taskName: 'night batch',
            versions: { T1: '10' },
          },
        },
      ]);
    },
  );

  it.each<[UpgradeStatus]>([['succeeded'], ['cancelled'], ['skipped']])('is nothing when it is %s', async (status) => {
    const upgrade = await records.offered();
    await finish(upgrade, status);
    expect(await told(upgrade)).toEqual([]);
  });

  it('is nothing when a file is proven', async () => {
    const upgrade = await records.offered();
    await records.report(upgrade.deviceId, { T1: '11' });
    await prove(upgrade);
    expect(await told(upgrade)).toEqual([]);
  });

  it('begins before the end where a person must confirm it, once', async () => {
    const upgrade = await records.offered();
    const waiting = { fileIndex: 0, status: 'confirming' as const, reason: 'awaiting_operator' as const, cause: 'ask' };
    await recordWaiting(records.db, { ...upgrade, ...waiting });
    await recordWaiting(records.db, { ...upgrade, ...waiting });
    expect(await told(upgrade)).toMatchObject([
      { kind: 'device.needs_person', data: { status: 'confirming', reason: 'awaiting_operator' } },
    ]);
  });
});

describe('a decision about an earlier end', () => {
  const decided = async (decision: string) => {
    const upgrade = await records.offered();
    await records.sql`
      update device_upgrades set decision = ${decision}, decided_at = now(), decided_by = 'li' where id = ${upgrade.upgradeId}`;
    await finish(upgrade, 'failed', 'no_reaction');
    const [row] = await records.sql`
      select decision, decided_by as by, decided_at is not null as decided from device_upgrades where id = ${upgrade.upgradeId}`;
    return row;
  };

  it.each(['retry', 'confirm'])('(%s) does not hold for a new one', async (decision) => {
    expect(await decided(decision)).toEqual({ decision: null, by: null, decided: false });
  });

  it('holds when it is to give up whatever comes', async () => {
    expect(await decided('give_up')).toEqual({ decision: 'give_up', by: 'li', decided: true });
  });
});

describe('a success that a person confirms', () => {
  it('is none when the device reports the old version again', async () => {
    const upgrade = await records.offered({ files: [{ component: 'T3' }], device: { versions: { T3: '10' } } });
    await records.report(upgrade.deviceId, { T3: '11' });
    await prove(upgrade, { last: false });
    await records.report(upgrade.deviceId, { T3: '10' });
    const entry = { author: 'li', event: 'succeeded', cause: 'looks fine' };
    const end = { upgradeId: upgrade.upgradeId, attempt: 2, status: 'succeeded' as const, reason: null, entry };
    const ending = { status: 'unproven', reason: 'confirmed_too_late' };
    expect(await finishUpgrade(records.db, end)).toEqual(ending);
    expect(await finishUpgrade(records.db, end)).toEqual(ending);
    expect(await records.row(upgrade)).toMatchObject(ending);
    expect((await records.log(upgrade)).at(-1)).toMatchObject({
      author: 'system',
      status: 'unproven',
      cause: 'confirmed by li, but the device reports T3 10 by now',
    });
  });
});

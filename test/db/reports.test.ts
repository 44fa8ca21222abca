import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeProgress } from '../../db/upgrades/messages.ts';
import { closeOffer, openOffer, readOffer } from '../../db/upgrades/offers.ts';
import {
  findDeviceByImei,
  identifyDevice,
  storeRefusedUpload,
  storeReport,
  writeContacts,
  writeUnknownDevices,
} from '../../db/devices/reports.ts';
import { finishUpgrade, recordProof } from '../../db/upgrades/upgrades.ts';
import type { UpgradeStatus } from '../../workflows/rules/statuses.ts';
import { waitFor } from '../support/wait.ts';
import { judgeOffer } from '../../workflows/rules/offers.ts';
import { LIMITS, Records, type TaskSeed, type Upgrade } from './records.ts';

let records: Records;
beforeAll(async () => {
  records = await Records.start();
});
afterAll(() => records.stop());

const report = (deviceId: string, ...versions: [string, string][]) =>
  records.report(deviceId, Object.fromEntries(versions));

/** What a report that says nothing new leads to. */
const NOTHING = { changed: [], edge: false, reverted: [] };

const T1 = (version: string, was: string | null) => ({ component: 'T1', version, was });

/** Makes it as if the last signal to a workflow had been so many seconds ago. */
const unread = ({ upgradeId }: Upgrade, seconds: number | null) => records.sql`
  update device_upgrades set edge_at = clock_timestamp() - make_interval(secs => ${seconds}) where id = ${upgradeId}`;

const finishTransfer = ({ offerId, deviceId }: { offerId: number; deviceId: string }) =>
  writeProgress(records.db, [{ offerId, deviceId, bytes: 20_480, finished: true }]);

const versionsOf = (deviceId: string) => records.sql`
  select component, version, report_seq::int as seq from device_versions where device_id = ${deviceId} order by component`;

describe('a report', () => {
  it('keeps the last version of each component and says what is new', async () => {
    const deviceId = await records.device({ versions: {} });
    expect(await report(deviceId, ['T1', '10'], ['T4', 'a'])).toEqual({
      changed: expect.arrayContaining([T1('10', null), { component: 'T4', version: 'a', was: null }]),
      edge: false,
      reverted: [],
    });
    expect(await report(deviceId, ['T1', '10'])).toEqual(NOTHING);
    expect(await report(deviceId, ['T1', '11'])).toEqual({ ...NOTHING, changed: [T1('11', '10')] });
    expect(await versionsOf(deviceId)).toMatchObject([
      { component: 'T1', version: '11' },
      { component: 'T4', version: 'a' },
    ]);
  });

  it('gets a higher number each time, also when it says nothing new', async () => {
    const deviceId = await records.device();
    const [before] = await versionsOf(deviceId);
    await report(deviceId, ['T1', '10']);
    const [after] = await versionsOf(deviceId);
    expect(after!['seq']).toBeGreaterThan(before!['seq'] as number);
  });

  it('of nothing changes nothing', async () => {
    const deviceId = await records.device();
    expect(await report(deviceId)).toEqual(NOTHING);
    expect(await versionsOf(deviceId)).toMatchObject([{ version: '10' }]);
  });

  it('is one order with others that come at the same time', async () => {
    const deviceId = await records.device({ versions: {} });
    const [there, back]: [string, string][][] = [
      [
        ['T1', 'x'],
        ['T3', 'x'],
        ['T5', 'x'],
      ],
      [
        ['T5', 'y'],
        ['T3', 'y'],
        ['T1', 'y'],
      ],
    ];
    await Promise.all(
      Array.from({ length: 60 }, (_, index) => report(deviceId, ...(index % 2 === 0 ? there! : back!))),
    );
    // The report with the highest number wins for all of its components.
    expect(new Set((await versionsOf(deviceId)).map(({ version, seq }) => `${version} ${seq}`)).size).toBe(1);
  });

  it('is kept as text when it says something new or when it must be kept', async () => {
    const deviceId = await records.device({ versions: {} });
    const entry = {
      deviceId,
      source: 'ams',
      warnings: ['trailing_comma'],
      versions: [{ component: 'T1', version: '10' }],
    };
    await storeReport(records.db, { ...entry, raw: 'new', keepRaw: false });
    await storeReport(records.db, { ...entry, raw: 'same', keepRaw: false });
    await storeReport(records.db, { ...entry, raw: 'same, kept', keepRaw: true });
    await storeRefusedUpload(records.db, { deviceId, source: 'ams', raw: '{t:', error: 'syntax' });
    const kept = await records.sql`
      select raw, versions, warnings, error from version_uploads where device_id = ${deviceId} order by id`;
    expect([...kept]).toEqual([
      { raw: 'new', versions: entry.versions, warnings: entry.warnings, error: null },
      { raw: 'same, kept', versions: entry.versions, warnings: entry.warnings, error: null },
      { raw: '{t:', versions: [], warnings: [], error: 'syntax' },
    ]);
    expect(await versionsOf(deviceId)).toHaveLength(1);
  });
});

describe('a report of a device that is being upgraded', () => {
  type Offered = Awaited<ReturnType<Records['offered']>>;
  const decisive: [string, [string, string], (offered: Offered) => unknown][] = [
    ['is the target', ['T1', '11'], () => {}],
    [
      'is the target, while it asks for packets',
      ['T1', '11'],
      ({ offerId, deviceId }) => writeProgress(records.db, [{ offerId, deviceId, bytes: 1, finished: false }]),
    ],
    ['is the old version after it got everything', ['T1', '10'], finishTransfer],
    ['is a third version after it got everything', ['T1', '09'], finishTransfer],
    ['is another version before it asked for anything', ['T1', '09'], () => {}],
  ];

  it.each(decisive)('wakes the workflow when it %s', async (_, version, happen) => {
    const offered = await records.offered();
    await happen(offered);
    await unread(offered, null);
    expect(await report(offered.deviceId, version)).toMatchObject({ edge: true });
    expect(await records.row(offered)).toMatchObject({ edge: true });
    expect((await records.log(offered)).at(-1)).toMatchObject({
      author: 'device',
      event: 'reported',
      attempt: 1,
      cause: version.join(' '),
      details: { source: 'terminal' },
    });
  });

  const neutral: [string, [string, string], (offered: Offered) => unknown, boolean][] = [
    ['says before the transfer what it ran when it was offered', ['T1', '10'], () => {}, false],
    [
      'says within the transfer what it ran',
      ['T1', '10'],
      ({ offerId, deviceId }) => writeProgress(records.db, [{ offerId, deviceId, bytes: 1, finished: false }]),
      false,
    ],
    ['is of another component', ['T4', 'x'], () => {}, true],
    ['is of another component after it got everything', ['T4', 'x'], finishTransfer, true],
  ];

  it.each(neutral)('wakes nobody when it %s', async (_, version, happen, logged) => {
    const offered = await records.offered();
    await happen(offered);
    await unread(offered, null);
    const before = (await records.log(offered)).length;
    expect(await report(offered.deviceId, version)).toMatchObject({ edge: false });
    expect(await records.row(offered)).toMatchObject({ edge: false });
    // Only what is new is worth a line.
    expect((await records.log(offered)).length - before).toBe(logged ? 1 : 0);
  });

  it.each<[string, TaskSeed & { device?: object }, [string, string], boolean]>([
    ['says something new while it waits behind the gate', { device: { versions: { T1: '09' } } }, ['T1', '10'], true],
    ['says something new of any component', { device: { versions: { T1: '09' } } }, ['T4', 'HW1'], true],
    ['says the same while it waits behind the gate', { device: { versions: { T1: '09' } } }, ['T1', '09'], false],
  ])('asks the gate again when it %s: %#', async (_, seed, version, edge) => {
    const upgrade = await records.upgrade(seed);
    await openOffer(records.db, { ...upgrade, attempt: 1, fileIndex: 0 });
    expect(await report(upgrade.deviceId, version)).toMatchObject({ edge });
  });

  it('wakes it between two attempts when something is new', async () => {
    const offered = await records.offered();
    await closeOffer(records.db, { ...offered, attempt: 1, code: 'no_reaction', reason: null, retry: '' });
    expect(await report(offered.deviceId, ['T1', '10'])).toMatchObject({ edge: false });
    expect(await report(offered.deviceId, ['T1', '09'])).toMatchObject({ edge: true });
  });

  it('wakes once in 15 seconds, and again when the signal seems to be lost', async () => {
    const offered = await records.offered();
    await finishTransfer(offered);
    expect(await report(offered.deviceId, ['T1', '10'])).toMatchObject({ edge: true });
    expect(await report(offered.deviceId, ['T1', '10'])).toMatchObject({ edge: false });
    await unread(offered, 14);
    expect(await report(offered.deviceId, ['T1', '10'])).toMatchObject({ edge: false });
    await unread(offered, 16);
    expect(await report(offered.deviceId, ['T1', '10'])).toMatchObject({ edge: true });
    expect((await records.events(offered)).filter((event) => event === 'reported')).toHaveLength(2);
  });

  it('wakes nobody before the upgrade has begun and after it has ended', async () => {
    const deviceId = await records.device({ versions: {} });
    const { upgrades } = await records.task([deviceId]);
    expect(await report(deviceId, ['T1', '10'])).toMatchObject({ edge: false });
    expect(await records.events(upgrades[0]!)).toEqual([]);

    const ended = await records.offered();
    const entry = { author: 'li', event: 'cancelled' };
    await finishUpgrade(records.db, { ...ended, status: 'cancelled', reason: null, entry });
    expect(await report(ended.deviceId, ['T1', '11'])).toEqual({ ...NOTHING, changed: [T1('11', '10')] });
    expect(await records.events(ended)).toEqual(['offered', 'cancelled']);
  });

  it('wakes the upgrade that made the offer, not one that stands in line', async () => {
    const offered = await records.offered();
    const { upgrades } = await records.task([offered.deviceId]);
    await records.dispatched(upgrades[0]!);
    expect(await report(offered.deviceId, ['T1', '10'])).toMatchObject({ edge: false });
    await finishTransfer(offered);
    expect(await report(offered.deviceId, ['T1', '10'])).toMatchObject({ edge: true });
    expect(await records.row(offered)).toMatchObject({ edge: true });
    expect(await records.row(upgrades[0]!)).toMatchObject({ edge: false });
  });
});

describe('a report that comes while the workflow is looking', () => {
  it('wakes it again: what it is reading now may be what was before', async () => {
    const upgrade = await records.offered();
    // Something happened a moment ago, and the workflow is just reading it.
    await records.sql`update device_upgrades set edge_at = clock_timestamp() where id = ${upgrade.upgradeId}`;
    let reported: Promise<{ edge: boolean }> | undefined;
    await records.sql.begin(async (tx) => {
      await tx`update device_upgrades set edge_at = null where id = ${upgrade.upgradeId}`;
      reported = records.report(upgrade.deviceId, { T1: '11' });
      await waitFor(async () => (await records.blocked()) > 0);
    });
    expect(await reported).toMatchObject({ edge: true });
    expect(await records.row(upgrade)).toMatchObject({ edge: true });
  });
});

describe('an upgrade that had succeeded', () => {
  /** Upgrades a device by one file. */
  async function upgraded(seed: TaskSeed & { device?: object } = {}): Promise<Upgrade> {
    const offered = await records.offered(seed);
    const { component = 'T1', to = '11' } = seed.files?.[0] ?? {};
    await report(offered.deviceId, [component, to]);
    expect(await recordProof(records.db, { ...offered, attempt: 1, fileIndex: 0, last: true })).toMatchObject({
      ended: true,
    });
    return offered;
  }

  /** The upgrade that has reverted because of a report, or null. */
  const revert = async ({ deviceId }: { deviceId: string }, version = '10', component = 'T1') =>
    (await report(deviceId, [component, version])).reverted[0]?.upgradeId ?? null;
  const statusOf = async (upgrade: Upgrade) => (await records.row(upgrade)).status;

  it('has reverted when the device reports the version it replaced', async () => {
    const upgrade = await upgraded();
    expect(await revert(upgrade)).toBe(upgrade.upgradeId);
    expect(await records.row(upgrade)).toMatchObject({ status: 'reverted', reason: 'reverted', ended: true });
    expect((await records.log(upgrade)).at(-1)).toMatchObject({
      author: 'device',
      event: 'reverted',
      status: 'reverted',
      cause: 'the device reports T1 10 again, which this upgrade had replaced',
    });
    expect(await revert(upgrade)).toBeNull();
  });

  it('has reverted when the device reports any version its file replaces', async () => {
    const upgrade = await upgraded({ files: [{ from: ['09', '10'], compatible: '10' }] });
    expect(await revert(upgrade, '09')).toBe(upgrade.upgradeId);
  });

  it.each<[string, string, string]>([
    ['the version it brought', 'T1', '11'],
    ['a version it never replaced', 'T1', '12'],
    ['something of another component', 'T4', '10'],
  ])('has not reverted when the device reports %s', async (_, component, version) => {
    const upgrade = await upgraded();
    expect(await revert(upgrade, version, component)).toBeNull();
    expect(await statusOf(upgrade)).toBe('succeeded');
  });

  it('of two files has reverted when the device falls back to the first', async () => {
    const files = [{}, { from: ['11'], to: '12' }];
    const offered = await records.offered({ files });
    await report(offered.deviceId, ['T1', '11']);
    await recordProof(records.db, { ...offered, attempt: 1, fileIndex: 0, last: false });
    await records.offer(offered, 2, 1);
    await report(offered.deviceId, ['T1', '12']);
    await recordProof(records.db, { ...offered, attempt: 2, fileIndex: 1, last: true });
    expect(await revert(offered, '12')).toBeNull();
    expect(await revert(offered, '11')).toBe(offered.upgradeId);
  });

  it('has reverted although a later upgrade of the device came to nothing', async () => {
    const upgrade = await upgraded();
    const { upgrades } = await records.task([upgrade.deviceId], { files: [{ from: ['11'], to: '12' }] });
    const entry = { author: 'system', event: 'failed' };
    await finishUpgrade(records.db, {
      upgradeId: upgrades[0]!.upgradeId,
      status: 'failed',
      reason: 'no_reaction',
      entry,
    });
    expect(await revert(upgrade)).toBe(upgrade.upgradeId);
    expect(await statusOf(upgrades[0]!)).toBe('failed');
  });

  it('has not reverted when a later one went the same way again', async () => {
    const upgrade = await upgraded();
    const { upgrades } = await records.task([upgrade.deviceId], { files: [{ from: ['11'], to: '10' }] });
    const [back] = upgrades;
    await records.dispatched(back!);
    await records.offer(back!);
    // The report is noted before the workflow has drawn its conclusion.
    expect(await revert(upgrade)).toBeNull();
    await recordProof(records.db, { ...back!, attempt: 1, fileIndex: 0, last: true });
    expect(await revert(upgrade, '12')).toBeNull();
    expect(await revert(upgrade)).toBeNull();
    expect([await statusOf(upgrade), await statusOf(back!)]).toEqual(['succeeded', 'succeeded']);
  });

  it('has reverted also while the next upgrade of the device waits', async () => {
    const upgrade = await upgraded();
    const { upgrades } = await records.task([upgrade.deviceId], { files: [{ from: ['11'], to: '12' }] });
    await records.dispatched(upgrades[0]!);
    await records.offer(upgrades[0]!);
    expect(await revert(upgrade)).toBe(upgrade.upgradeId);
    expect(await statusOf(upgrades[0]!)).toBe('offered');
  });

  it('is told of where others listen, with task and versions, and has to be decided about again', async () => {
    const upgrade = await upgraded();
    await records.sql`
      update device_upgrades set decision = 'confirm', decided_at = now(), decided_by = 'li' where id = ${upgrade.upgradeId}`;
    await revert(upgrade);
    const [told, ...more] = await records.sql`
      select kind, task_id, device_id, data from events where upgrade_id = ${upgrade.upgradeId}`;
    expect(more).toEqual([]);
    expect(told).toEqual({
      kind: 'device.reverted',
      task_id: upgrade.taskId,
      device_id: upgrade.deviceId,
      data: {
        status: 'reverted',
        reason: 'reverted',
        reasonText: 'the device reports T1 10 again, which this upgrade had replaced',
        taskName: 'night batch',
        versions: { T1: '10' },
      },
    });
    const [row] = await records.sql`
      select decision, decided_at, decided_by from device_upgrades where id = ${upgrade.upgradeId}`;
    expect(row).toEqual({ decision: null, decided_at: null, decided_by: null });
  });

  it('reverts together with the report that says so, or neither is stored', async () => {
    const upgrade = await upgraded();
    await records.sql.unsafe('alter table events rename to hidden_events');
    await expect(revert(upgrade)).rejects.toThrow();
    await records.sql.unsafe('alter table hidden_events rename to events');
    expect(await versionsOf(upgrade.deviceId)).toMatchObject([{ component: 'T1', version: '11' }]);
    expect(await revert(upgrade)).toBe(upgrade.upgradeId);
  });

  it('has reverted also when the report came while its proof was being written', async () => {
    const offered = await records.offered();
    await report(offered.deviceId, ['T1', '11']);
    let reported: Promise<number | null> | undefined;
    await records.db.transaction(async (tx) => {
      await recordProof(tx, { ...offered, attempt: 1, fileIndex: 0, last: true });
      reported = revert(offered);
      await waitFor(async () => (await records.blocked()) > 0);
    });
    expect(await reported).toBe(offered.upgradeId);
    expect(await statusOf(offered)).toBe('reverted');
  });

  it('is none when the report that takes it back was being stored', async () => {
    const offered = await records.offered();
    await report(offered.deviceId, ['T1', '11']);
    let proven: Promise<{ proven: boolean }> | undefined;
    await records.db.transaction(async (tx) => {
      const versions = [{ component: 'T1', version: '10' }];
      const entry = { deviceId: offered.deviceId, source: 'terminal', raw: '', versions, warnings: [], keepRaw: false };
      await storeReport(tx, entry);
      proven = recordProof(records.db, { ...offered, attempt: 1, fileIndex: 0, last: true });
      await waitFor(async () => (await records.blocked()) > 0);
    });
    expect(await proven).toMatchObject({ proven: false });
    expect(await statusOf(offered)).toBe('offered');
  });

  it('and its proofs never contradict each other, however reports and proofs meet', async () => {
    const all = await Promise.all(Array.from({ length: 12 }, () => records.offered()));
    await Promise.all(
      all.flatMap((offered) => [
        (async () => {
          await report(offered.deviceId, ['T1', '11']);
          await report(offered.deviceId, ['T1', '10']);
        })(),
        ...Array.from({ length: 4 }, () =>
          recordProof(records.db, { ...offered, attempt: 1, fileIndex: 0, last: true }),
        ),
      ]),
    );
    // Whoever came first: no success is left of a device that runs the old version.
    for (const offered of all) expect(await statusOf(offered)).not.toBe('succeeded');
  });

  it('of two components has reverted once when both fall back', async () => {
    const files = [{}, { component: 'T4' as const, from: ['a'], to: 'b' }];
    const offered = await records.offered({ files, device: { versions: { T1: '10', T4: 'a' } } });
    await report(offered.deviceId, ['T1', '11']);
    await recordProof(records.db, { ...offered, attempt: 1, fileIndex: 0, last: false });
    await records.offer(offered, 2, 1);
    await report(offered.deviceId, ['T4', 'b']);
    await recordProof(records.db, { ...offered, attempt: 2, fileIndex: 1, last: true });
    const { reverted } = await report(offered.deviceId, ['T1', '10'], ['T4', 'a']);
    expect(reverted).toEqual([{ upgradeId: offered.upgradeId, versions: 'T1 10, T4 a' }]);
    expect((await records.events(offered)).filter((event) => event === 'reverted')).toHaveLength(1);
  });

  it.each<[UpgradeStatus]>([['failed'], ['unproven'], ['partial'], ['cancelled'], ['skipped'], ['expired']])(
    'is the only one that reverts, not one that has %s',
    async (status) => {
      const upgrade = await upgraded();
      await records.force(upgrade, status);
      expect(await revert(upgrade)).toBeNull();
      expect(await statusOf(upgrade)).toBe(status);
    },
  );

  it('has reverted too when nothing had to be sent', async () => {
    const upgrade = await records.upgrade({ device: { versions: { T1: '11' } } });
    await records.sql`
      update device_upgrades set proofs = '[{"fileIndex": 0, "component": "T1", "fromVersion": null, "version": "11"}]'
      where id = ${upgrade.upgradeId}`;
    await finishUpgrade(records.db, {
      ...upgrade,
      status: 'succeeded',
      reason: null,
      entry: { author: 'li', event: 'x' },
    });
    expect(await revert(upgrade)).toBe(upgrade.upgradeId);
  });
});

describe('contacts', () => {
  const read = async (deviceId: string) => {
    const [row] = await records.sql`
      select address, details, (extract(epoch from last_seen_at) * 1000)::float8 as "atMs" from device_contacts where device_id = ${deviceId}`;
    return row;
  };

  it('of many devices are written at once, details are added up', async () => {
    const devices = await Promise.all(Array.from({ length: 50 }, () => records.device()));
    const contacts = devices.map((deviceId, index) => ({
      deviceId,
      address: `10.0.0.${index}:1`,
      details: { index },
      atMs: 1_000_000 + index,
    }));
    await writeContacts(records.db, contacts);
    expect(await read(devices[7]!)).toEqual({ address: '10.0.0.7:1', details: { index: 7 }, atMs: 1_000_007 });
    await writeContacts(records.db, [{ deviceId: devices[7]!, address: 'b', details: { bat: 50 }, atMs: 2_000_000 }]);
    expect(await read(devices[7]!)).toEqual({ address: 'b', details: { index: 7, bat: 50 }, atMs: 2_000_000 });
  });

  it('never go back in time', async () => {
    const deviceId = await records.device();
    for (const [atMs, gateway] of [
      [5_000, 'newer'],
      [3_000, 'older'],
    ] as const) {
      await writeContacts(records.db, [{ deviceId, address: 'a', details: {}, atMs }], gateway);
    }
    expect(await read(deviceId)).toMatchObject({ atMs: 5_000 });
    const [row] = await records.sql`select gateway from device_contacts where device_id = ${deviceId}`;
    expect(row).toEqual({ gateway: 'newer' });
  });

  it('of a device that was deleted meanwhile do not spoil those of the others', async () => {
    const [gone, here] = [await records.device({ versions: {} }), await records.device()];
    await records.sql`delete from devices where id = ${gone}`;
    const entry = { address: 'a', details: {}, atMs: 1_000 };
    await writeContacts(records.db, [
      { deviceId: gone, ...entry },
      { deviceId: here, ...entry },
    ]);
    expect(await read(here)).toMatchObject({ address: 'a' });
    expect(await read(gone)).toBeUndefined();
  });

  it('of the same devices from several gateways do not block each other', async () => {
    const devices = await Promise.all(Array.from({ length: 40 }, () => records.device()));
    const write = (round: number) => {
      const order = round % 2 === 0 ? devices : [...devices].reverse();
      return writeContacts(
        records.db,
        order.map((deviceId) => ({ deviceId, address: `${round}`, details: {}, atMs: round })),
      );
    };
    await Promise.all(Array.from({ length: 30 }, (_, round) => write(round)));
    expect(await read(devices[0]!)).toMatchObject({ atMs: 29 });
  });
});

describe('callers that are not registered', () => {
  const call = (identities: string[], maxListed = 100, contacts = 1) =>
    writeUnknownDevices(
      records.db,
      identities.map((identity) => ({ protocol: 'terminal', identity, address: 'a', contacts })),
      maxListed,
    );
  const listed = async () => {
    const rows = await records.sql`select identity, contacts::int from unknown_devices order by identity`;
    return Object.fromEntries(rows.map(({ identity, contacts }) => [identity, contacts]));
  };

  it('are counted, and listed up to a limit; those on the list go on being counted', async () => {
    await call(['a', 'b'], 3);
    expect(await listed()).toEqual({ a: 1, b: 1 });
    await call(['d', 'c', 'b', 'e'], 3, 5);
    const after = await listed();
    expect(Object.keys(after)).toHaveLength(3);
    expect(after).toMatchObject({ a: 1, b: 6 });
    await call(['f', 'a'], 3);
    expect(await listed()).toEqual({ ...after, a: 2 });
    await call([], 3);
  });

  it('are counted right when several gateways write at once', async () => {
    const names = Array.from({ length: 20 }, (_, index) => `many ${index}`);
    await Promise.all(Array.from({ length: 20 }, (_, round) => call(round % 2 === 0 ? names : [...names].reverse())));
    const counts = await listed();
    for (const name of names) expect(counts[name]).toBe(20);
  });
});

describe('a report that had to wait for the database', () => {
  const late = { source: 'terminal', raw: '', warnings: [], keepRaw: false, ageMs: 20_000 };
  const version = (text: string) => [{ component: 'T1', version: text }];

  it('does not undo what the device has said since', async () => {
    const deviceId = await records.device({ versions: { T1: '10' } });
    await records.report(deviceId, { T1: '12' });
    const effect = await storeReport(records.db, { ...late, deviceId, versions: version('10') });
    expect(effect).toEqual(NOTHING);
    const [row] = await records.sql`select version from device_versions where device_id = ${deviceId}`;
    expect(row).toEqual({ version: '12' });
  });

  it('counts when nothing newer is known', async () => {
    const deviceId = await records.device({ versions: {} });
    const effect = await storeReport(records.db, { ...late, deviceId, versions: version('10') });
    expect(effect.changed).toEqual([{ component: 'T1', version: '10', was: null }]);
  });

  const prove = (upgrade: Upgrade) =>
    recordProof(records.db, { ...upgrade, attempt: 1, fileIndex: 0, last: true }).then(({ proven }) => proven);

  it.each<[string, number, boolean]>([
    ['proves an offer made before it arrived', 30_000, true],
    ['does not prove an offer made after it arrived', 10_000, false],
    ['does not prove an offer made in the moment in which it arrived', 20_500, false],
  ])('%s', async (_, offeredMs, proven) => {
    const offered = await records.offered();
    await records.sql`update device_versions set reported_at = now() - interval '1 hour' where device_id = ${offered.deviceId}`;
    await records.age(offered.offerId, offeredMs);
    await unread(offered, null);
    const effect = await storeReport(records.db, { ...late, deviceId: offered.deviceId, versions: version('11') });
    // The workflow is woken all the same: the gate must be asked again.
    expect(effect).toEqual({ changed: [T1('11', '10')], edge: true, reverted: [] });
    expect(await prove(offered)).toBe(proven);
    if (proven) return;
    const facts = await readOffer(records.db, { ...offered, attempt: 1 });
    expect(judgeOffer(facts!, LIMITS)).toEqual({ kind: 'failed', code: 'version_changed' });
    await closeOffer(records.db, { ...offered, attempt: 1, code: 'version_changed', reason: null, retry: '' });
    expect(await openOffer(records.db, { ...offered, attempt: 2, fileIndex: 0 })).toEqual({
      kind: 'already_current',
      version: '11',
    });
  });

  it('of the old version says nothing of a transfer that ended after it had arrived', async () => {
    const offered = await records.offered();
    await records.sql`update device_versions set reported_at = now() - interval '1 hour' where device_id = ${offered.deviceId}`;
    await finishTransfer(offered);
    await records.sql`
      update device_messages set created_at = now() - interval '40 s', finished_at = now() - interval '5 s' where id = ${offered.offerId}`;
    const judge = async () =>
      judgeOffer((await readOffer(records.db, { ...offered, attempt: 1 }))!, { ...LIMITS, settleMs: 0 });
    await storeReport(records.db, { ...late, deviceId: offered.deviceId, versions: version('10') });
    expect(await judge()).toMatchObject({ kind: 'wait', stage: 'confirming' });
    await report(offered.deviceId, ['T1', '10']);
    expect(await judge()).toEqual({ kind: 'failed', code: 'version_unchanged' });
  });

  it('sees an offer that was being made', async () => {
    const upgrade = await records.upgrade({ device: { online: true } });
    await records.sql`update device_versions set reported_at = now() - interval '1 hour' where device_id = ${upgrade.deviceId}`;
    let stored: Promise<unknown> | undefined;
    await records.db.transaction(async (tx) => {
      expect(await openOffer(tx, { ...upgrade, attempt: 1, fileIndex: 0 })).toMatchObject({ kind: 'offered' });
      stored = storeReport(records.db, { ...late, deviceId: upgrade.deviceId, versions: version('11') });
      await waitFor(async () => (await records.blocked()) > 0);
    });
    await stored;
    expect(await prove(upgrade)).toBe(false);
    await report(upgrade.deviceId, ['T1', '11']);
    expect(await prove(upgrade)).toBe(true);
  });

  it('of two the one that arrived later stays, in whichever order they are stored', async () => {
    for (const order of [
      [20_000, 15_000],
      [15_000, 20_000],
    ]) {
      const offered = await records.offered();
      await records.sql`update device_versions set reported_at = now() - interval '1 hour' where device_id = ${offered.deviceId}`;
      const { deviceId } = offered;
      for (const ageMs of order)
        await storeReport(records.db, { ...late, ageMs, deviceId, versions: version(`${ageMs}`) });
      expect(await versionsOf(deviceId)).toMatchObject([{ version: '15000' }]);
      // And what the device says now stays in any case.
      await report(deviceId, ['T1', '12']);
      expect(await versionsOf(deviceId)).toMatchObject([{ version: '12' }]);
    }
  });

  it('of two that one gateway heard within a second the later stays, in whichever order they are stored', async () => {
    const hear = (deviceId: string, by: string, atMs: number, text: string) =>
      storeReport(records.db, { ...late, ageMs: 0, heard: { by, atMs }, deviceId, versions: version(text) });
    for (const order of [
      [1_000.25, 1_000.5],
      [1_000.5, 1_000.25],
    ]) {
      const deviceId = await records.device({ versions: { T1: '10' } });
      for (const atMs of order) await hear(deviceId, 'one', atMs, `${atMs}`);
      expect(await versionsOf(deviceId)).toMatchObject([{ version: '1000.5' }]);
      // The clock of another process says nothing about this one's.
      await hear(deviceId, 'two', 5, '12');
      expect(await versionsOf(deviceId)).toMatchObject([{ version: '12' }]);
    }
  });

  it('undoes no success when the gateway heard it before the proof, however little', async () => {
    const offered = await records.offered();
    const hear = (atMs: number, text: string) =>
      storeReport(records.db, {
        ...late,
        ageMs: 0,
        heard: { by: 'one', atMs },
        deviceId: offered.deviceId,
        versions: version(text),
      });
    await hear(500, '11');
    await prove(offered);
    expect(await hear(400, '10')).toEqual(NOTHING);
    expect((await hear(600, '10')).reverted).toEqual([{ upgradeId: offered.upgradeId, versions: 'T1 10' }]);
  });

  it('undoes a success only when it arrived after the proof', async () => {
    const offered = await records.offered();
    await report(offered.deviceId, ['T1', '11']);
    await prove(offered);
    const store = (ageMs: number) =>
      storeReport(records.db, { ...late, ageMs, deviceId: offered.deviceId, versions: version('10') });
    expect((await store(60_000)).reverted).toEqual([]);
    await records.sql`update device_versions set reported_at = now() - interval '1 hour' where device_id = ${offered.deviceId}`;
    expect((await store(60_000)).reverted).toEqual([{ upgradeId: offered.upgradeId, versions: 'T1 10' }]);
  });
});

describe('finding a device', () => {
  it('by protocol and identity, exactly', async () => {
    const deviceId = await records.device();
    const identity = deviceId.replace('terminal-', '');
    expect(await identifyDevice(records.db, 'terminal', identity)).toBe(deviceId);
    expect(await identifyDevice(records.db, 'ams', identity)).toBeNull();
    expect(await identifyDevice(records.db, 'terminal', identity.toLowerCase())).toBeNull();
  });

  it('by IMEI: a tracker by its identity, any other by the IMEI it was registered with', async () => {
    const [tracker, terminal] = [await records.device(), await records.device()];
    await records.sql`update devices set protocol = 'ams', identity = '860000000000001' where id = ${tracker}`;
    await records.sql`update devices set imei = '860000000000002' where id = ${terminal}`;
    expect(await findDeviceByImei(records.db, '860000000000001')).toBe(tracker);
    expect(await findDeviceByImei(records.db, '860000000000002')).toBe(terminal);
    expect(await findDeviceByImei(records.db, '860000000000003')).toBeNull();
    // Both: the tracker.
    await records.sql`update devices set imei = '860000000000001' where id = ${terminal}`;
    expect(await findDeviceByImei(records.db, '860000000000001')).toBe(tracker);
  });
});

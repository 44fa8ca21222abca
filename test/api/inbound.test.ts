import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Inbound, type InboundOptions } from '../../api/inbound/inbound.ts';
import { closeOffer, readOffer } from '../../db/upgrades/offers.ts';
import { recordProof } from '../../db/upgrades/upgrades.ts';
import type { OpenOffer } from '../../gateways/devices.ts';
import type { DeviceEdge } from '../../workflows/contract.ts';
import { Records } from '../db/records.ts';
import { waitFor } from '../support/wait.ts';

let records: Records;
beforeAll(async () => {
  records = await Records.start();
});
afterAll(() => records.stop());

/** Stands in for Temporal: remembers who was woken. */
class FakeExecutions {
  readonly signals: { deviceId: string; edge: DeviceEdge }[] = [];
  /** Devices whose signal fails. */
  readonly failing = new Set<string>();
  /** Signals wait for this. */
  gate: Promise<void> = Promise.resolve();

  signalEdge = async (deviceId: string, edge: DeviceEdge): Promise<boolean> => {
    this.signals.push({ deviceId, edge });
    await this.gate;
    if (this.failing.has(deviceId)) throw new Error('Temporal is away');
    return true;
  };

  signalCommand = async (): Promise<boolean> => true;
  startCommand = async (): Promise<void> => {};

  edges(deviceId: string): DeviceEdge[] {
    return this.signals.filter((signal) => signal.deviceId === deviceId).map(({ edge }) => edge);
  }
}

/** Nothing happens by itself within a test, unless it says so. */
const SELDOM = { flushMs: 3_600_000, sweepMs: 3_600_000, unreadMs: 3_600_000 };
const SIZE = 20_480;

let executions: FakeExecutions;
let inbound: Inbound;
let warnings: string[];
const changed: string[] = [];
let uncertain = 0;

function create(times: InboundOptions['times'] = SELDOM): Inbound {
  const ignore = () => {};
  const log = {
    debug: ignore,
    info: ignore,
    error: ignore,
    warn: (_: object, text: string) => void warnings.push(text),
  };
  const created = new Inbound({
    database: records.database,
    executions,
    log,
    ...(times === undefined ? {} : { times }),
  });
  created.listen({
    messagesChanged: (deviceId) => void changed.push(deviceId),
    messagesUncertain: () => void (uncertain += 1),
  });
  return created;
}

/** The same with clocks that run fast. */
async function restart(times: InboundOptions['times']): Promise<void> {
  await inbound.stop();
  inbound = create({ ...SELDOM, ...times });
  await inbound.start();
}

beforeEach(async () => {
  executions = new FakeExecutions();
  warnings = [];
  changed.length = 0;
  uncertain = 0;
  inbound = create();
  await inbound.start();
});
afterEach(() => inbound.stop());

type Offered = Awaited<ReturnType<Records['offered']>>;

const progress = ({ offerId, deviceId }: Offered, bytes: number, finished = bytes === SIZE) =>
  inbound.progress({ offerId, deviceId, bytes, finished });
const report = (deviceId: string, version: string, source = 'terminal') =>
  inbound.reported({ deviceId, source, raw: version, versions: [{ component: 'T1', version }] });
const offerOf = async ({ deviceId }: { deviceId: string }) => (await inbound.openOffer(deviceId)) as OpenOffer;
const bytesOf = async (offered: Offered) => (await records.row(offered)).bytesSent;

/** Runs `work` while a table cannot be found. */
async function without<Result>(table: string, work: () => Promise<Result>): Promise<Result> {
  await records.sql.unsafe(`alter table ${table} rename to hidden`);
  try {
    return await work();
  } finally {
    await records.sql.unsafe(`alter table hidden rename to ${table}`);
  }
}

/** Runs `work` while another transaction holds an upgrade's row. */
async function holding(offered: Offered, work: () => Promise<void>): Promise<void> {
  await records.sql.begin(async (tx) => {
    await tx`select 1 from device_upgrades where id = ${offered.upgradeId} for update`;
    await work();
  });
}

const isBlocked = async () => (await records.blocked()) > 0;

describe('progress', () => {
  it('is collected, and written as far as it is when its time comes', async () => {
    const [one, other] = [await records.offered(), await records.offered()];
    for (let bytes = 1_024; bytes <= 10_240; bytes += 1_024) progress(one, bytes);
    progress(other, SIZE);
    expect(await records.events(one)).toEqual(['offered']);
    await inbound.flush();
    expect((await records.log(one)).slice(1).map(({ cause }) => cause)).toEqual(['first request', '50 %']);
    expect(await records.row(one)).toMatchObject({ status: 'transferring', bytesSent: 10_240 });
    expect(await records.row(other)).toMatchObject({ status: 'confirming' });
  });

  it('does not forget the last byte when a packet is asked for again', async () => {
    const offered = await records.offered();
    progress(offered, SIZE);
    progress(offered, 19_456, false);
    await inbound.flush();
    expect(await records.row(offered)).toMatchObject({ status: 'confirming' });
  });

  it('is written by itself, about once a second', async () => {
    const offered = await records.offered();
    await inbound.stop();
    inbound = create({});
    await inbound.start();
    const startedMs = performance.now();
    progress(offered, 1_024);
    await waitFor(async () => (await bytesOf(offered)) === 1_024);
    expect(performance.now() - startedMs).toBeGreaterThan(500);
    expect(performance.now() - startedMs).toBeLessThan(5_000);
  });

  it('is written before a report of the same device, and only this device pays for it', async () => {
    const [speaks, silent] = [await records.offered(), await records.offered()];
    progress(speaks, SIZE);
    progress(silent, SIZE);
    await report(speaks.deviceId, '10');
    // The old version means something only after the last byte.
    expect(executions.edges(speaks.deviceId)).toEqual(['reported']);
    expect((await records.events(speaks)).slice(-2)).toEqual(['transfer_finished', 'reported']);
    const facts = await readOffer(records.db, { ...speaks, attempt: 1 });
    expect(facts).toMatchObject({ report: { version: '10', afterFinish: true } });
    expect(await bytesOf(silent)).toBe(0);
  });

  it('that is just being written is waited for by a report of the same device', async () => {
    const [speaks, other] = [await records.offered(), await records.offered()];
    progress(speaks, SIZE);
    let flushing: Promise<void> | undefined;
    let reporting: Promise<boolean> | undefined;
    await holding(speaks, async () => {
      flushing = inbound.flush();
      await waitFor(isBlocked);
      reporting = report(speaks.deviceId, '10');
      // Nobody else waits.
      await report(other.deviceId, '11');
      expect(executions.edges(other.deviceId)).toEqual(['reported']);
      expect(executions.edges(speaks.deviceId)).toEqual([]);
    });
    await Promise.all([flushing, reporting]);
    expect(executions.edges(speaks.deviceId)).toEqual(['reported']);
    expect((await records.events(speaks)).slice(-2)).toEqual(['transfer_finished', 'reported']);
    const facts = await readOffer(records.db, { ...speaks, attempt: 1 });
    expect(facts).toMatchObject({ report: { version: '10', afterFinish: true } });
  });

  it('is written before the device is said to have given up', async () => {
    const offered = await records.offered();
    progress(offered, 4_096);
    await inbound.failed(await offerOf(offered), { protocol: 'terminal', errcode: 803, kind: 'PATCHERR' });
    expect((await records.events(offered)).slice(1)).toEqual(['transfer_started', 'transferred', 'device_error']);
    expect(await bytesOf(offered)).toBe(4_096);
  });

  it('on an offer that is closed makes the gateway look again', async () => {
    const offered = await records.offered();
    await closeOffer(records.db, { ...offered, attempt: 1, code: 'no_reaction', reason: null, retry: '' });
    // Announced when it was made and when it was closed.
    await waitFor(() => changed.length === 2);
    changed.length = 0;
    progress(offered, 4_096);
    await inbound.flush();
    expect(changed).toEqual([offered.deviceId]);
  });
});

describe('when the database fails', () => {
  it('progress is kept and written later', async () => {
    const offered = await records.offered();
    progress(offered, 4_096);
    await without('device_messages', () => inbound.flush());
    expect(warnings).toEqual(['progress could not be written, it is kept']);
    expect(await bytesOf(offered)).toBe(0);
    await inbound.flush();
    expect(await bytesOf(offered)).toBe(4_096);
  });

  it('what came later counts, and a last byte is not forgotten', async () => {
    const [one, other] = [await records.offered(), await records.offered()];
    progress(one, SIZE);
    progress(other, 1_024);
    await holding(one, async () => {
      const flushing = inbound.flush();
      await waitFor(isBlocked);
      progress(one, 19_456, false);
      progress(other, 8_192);
      await records.sql`
        select pg_cancel_backend(pid) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
      await flushing;
    });
    expect(warnings).toHaveLength(1);
    await inbound.flush();
    expect(await records.row(one)).toMatchObject({ status: 'confirming' });
    expect(await bytesOf(other)).toBe(8_192);
  });

  it('a report whose progress could not be written is refused, and tried again by the gateway', async () => {
    const offered = await records.offered();
    progress(offered, SIZE);
    await without('device_messages', () => expect(report(offered.deviceId, '10')).rejects.toThrow());
    expect(await records.events(offered)).toEqual(['offered']);
    await report(offered.deviceId, '10');
    expect((await records.events(offered)).slice(-2)).toEqual(['transfer_finished', 'reported']);
  });

  it('contacts are kept, strangers are not worth it', async () => {
    const deviceId = await records.device();
    const contact = async () => {
      const [row] = await records.sql`select details from device_contacts where device_id = ${deviceId}`;
      return row?.['details'];
    };
    inbound.seen(deviceId, '10.0.0.1:1', { bat: 50 });
    await without('device_contacts', () => inbound.flush());
    inbound.seen(deviceId, '10.0.0.1:2', { temp: 20 });
    await inbound.flush();
    expect(await contact()).toEqual({ bat: 50, temp: 20 });

    inbound.stranger('terminal', 'lost', 'a');
    await without('unknown_devices', () => inbound.flush());
    await inbound.flush();
    expect(await records.sql`select 1 from unknown_devices where identity = 'lost'`).toHaveLength(0);
    expect(warnings).toHaveLength(2);
  });
});

describe('a workflow is woken', () => {
  it('by a report that decides, not by others', async () => {
    const offered = await records.offered();
    await report(offered.deviceId, '10');
    expect(executions.signals).toEqual([]);
    await report(offered.deviceId, '11');
    expect(executions.signals).toEqual([{ deviceId: offered.deviceId, edge: 'reported' }]);
  });

  it.each([
    [{ errcode: 803, kind: 'PATCHERR' }, 'terminal_803'],
    [{ errcode: 404, kind: 'PATCHERR' }, 'terminal_unknown'],
    [{ errcode: null, kind: 'packet_repeated' }, 'packet_repeated'],
    [{ errcode: null, kind: 'anything else' }, 'terminal_unknown'],
  ])('by a device that gives up: %j', async (failure, code) => {
    const offered = await records.offered();
    const offer = await offerOf(offered);
    for (const _ of [1, 2]) await inbound.failed(offer, { protocol: 'terminal', ...failure });
    expect(executions.edges(offered.deviceId)).toEqual(['failed']);
    expect((await records.log(offered)).at(-1)).toMatchObject({ event: 'device_error', details: { code, ...failure } });
  });

  it('by the first contact of a device that was away', async () => {
    const [sent, resumes, online] = [
      await records.offered({ device: { online: false } }),
      await records.offered({ device: { online: false } }),
      await records.offered(),
    ];
    const offer = await offerOf(sent);
    expect(await inbound.claimSend(offer)).toBe(true);
    expect(await inbound.claimSend(offer)).toBe(true);
    expect(await inbound.claimSend(await offerOf(online))).toBe(true);
    progress(resumes, 1_024);
    progress(online, 1_024);
    await inbound.flush();
    expect(executions.signals).toEqual([sent, resumes].map(({ deviceId }) => ({ deviceId, edge: 'contacted' })));
  });

  it('again by the sweep when the signal was lost, until it has read what happened', async () => {
    const [lost, other] = [await records.offered(), await records.offered()];
    executions.failing.add(lost.deviceId);
    await report(lost.deviceId, '11');
    await report(other.deviceId, '11');
    await waitFor(() => warnings.includes('a workflow could not be woken, it is tried again'));

    await restart({ sweepMs: 20, unreadMs: 50 });
    // One that fails does not keep the others from being woken.
    await waitFor(() => executions.edges(lost.deviceId).length > 2 && executions.edges(other.deviceId).length > 2);
    for (const upgrade of [lost, other]) await readOffer(records.db, { ...upgrade, attempt: 1 });
    await restart({ sweepMs: 20, unreadMs: 50 });
    executions.signals.length = 0;
    const late = await records.offered();
    await report(late.deviceId, '11');
    await waitFor(() => executions.edges(late.deviceId).length > 3);
    expect(executions.edges(lost.deviceId)).toEqual([]);
  });

  it('by one sweep at a time, however slow Temporal is', async () => {
    const offered = await records.offered();
    await report(offered.deviceId, '11');
    executions.signals.length = 0;
    let open = () => {};
    executions.gate = new Promise((resolve) => (open = resolve));
    await restart({ sweepMs: 5, unreadMs: 1, flushMs: 5 });
    await waitFor(() => executions.signals.length > 0);
    // Time for many sweeps more.
    for (let bytes = 1_024; bytes <= 10_240; bytes += 1_024) {
      progress(offered, bytes);
      await waitFor(async () => (await bytesOf(offered)) === bytes);
    }
    expect(executions.signals).toHaveLength(1);
    open();
    await waitFor(() => executions.edges(offered.deviceId).length > 0);
  });
});

describe('gateways', () => {
  it('hear when the messages of a device change', async () => {
    const offered = await records.offered();
    await waitFor(() => changed.includes(offered.deviceId));
  });

  it('look at everything again when announcements may have been missed', async () => {
    expect(uncertain).toBe(1);
    await records.sql`
      select pg_terminate_backend(pid) from pg_stat_activity
      where datname = current_database() and query ilike 'listen%' and pid <> pg_backend_pid()`;
    await waitFor(() => uncertain > 1);
    const offered = await records.offered();
    await waitFor(() => changed.includes(offered.deviceId));
  });

  it('know registered devices, and everybody else is counted', async () => {
    const deviceId = await records.device();
    const identity = deviceId.replace('terminal-', '');
    await records.sql`update devices set imei = '860000000000009' where id = ${deviceId}`;
    expect(await inbound.identify('terminal', identity, 'a')).toEqual({ deviceId });
    expect(await inbound.findByImei('860000000000009', 'b')).toEqual({ deviceId });
    expect(await inbound.findByImei('860000000000008', 'b')).toBeNull();
    for (const _ of [1, 2, 3]) expect(await inbound.identify('terminal', 'FFFF', 'c')).toBeNull();
    await inbound.flush();
    const contacts = await records.sql`select address from device_contacts where device_id = ${deviceId}`;
    expect([...contacts]).toEqual([{ address: 'b' }]);
    const strangers = await records.sql`
      select protocol, identity, contacts::int, address from unknown_devices order by identity`;
    expect([...strangers]).toEqual([
      { protocol: 'ams', identity: '860000000000008', contacts: 1, address: 'b' },
      { protocol: 'terminal', identity: 'FFFF', contacts: 3, address: 'c' },
    ]);
  });

  it('get the bytes of a file only when they are what they were', async () => {
    const offer = await offerOf(await records.offered());
    const bytes = await inbound.firmware(offer.sha256);
    expect(bytes).toHaveLength(offer.sizeBytes);
    await records.sql`update firmware_contents set content = set_byte(content, 7, 255) where sha256 = ${offer.sha256}`;
    await expect(inbound.firmware(offer.sha256)).rejects.toMatchObject({ code: 'file_damaged' });
    await expect(inbound.firmware('0'.repeat(64))).rejects.toMatchObject({ code: 'file_damaged' });
  });

  it('have uploads kept that could not be read', async () => {
    const deviceId = await records.device({ versions: {} });
    await inbound.refusedReport({ deviceId, source: 'ams', raw: '{t:', error: 'syntax' });
    await report(deviceId, '10', 'ams');
    await report(deviceId, '10', 'ams');
    await report(deviceId, '10');
    const kept = await records.sql`select raw, error from version_uploads where device_id = ${deviceId} order by id`;
    expect(kept.map(({ raw }) => raw)).toEqual(['{t:', '10', '10']);
  });
});

describe('a device that falls back', () => {
  it.each([false, true])('turns its upgrade into reverted (the next one waits: %s)', async (next) => {
    const offered = await records.offered();
    await report(offered.deviceId, '11');
    await recordProof(records.db, { ...offered, attempt: 1, fileIndex: 0, last: true });
    if (next) {
      const { upgrades } = await records.task([offered.deviceId], { files: [{ from: ['11'], to: '12' }] });
      await records.dispatched(upgrades[0]!);
    }
    await report(offered.deviceId, '10');
    expect(await records.row(offered)).toMatchObject({ status: 'reverted' });
    expect(warnings).toEqual(['an upgraded device has reverted']);
    // The one that waits asks its gate again.
    expect(executions.edges(offered.deviceId)).toEqual(next ? ['reported', 'reported'] : ['reported']);
  });
});

describe('stopping', () => {
  it('writes what was collected, and nothing after it', async () => {
    const offered = await records.offered();
    progress(offered, 4_096);
    inbound.seen(offered.deviceId, 'the last', {});
    inbound.stranger('terminal', 'the last', 'a');
    await inbound.stop();
    expect(await bytesOf(offered)).toBe(4_096);
    const [contact] = await records.sql`select address from device_contacts where device_id = ${offered.deviceId}`;
    expect(contact).toEqual({ address: 'the last' });
    expect(await records.sql`select 1 from unknown_devices where identity = 'the last'`).toHaveLength(1);

    changed.length = 0;
    await records.offered();
    expect(changed).toEqual([]);
  });
});

it('a report that was held back for a moment says nothing about a device that has said something else since', async () => {
  const deviceId = await records.device({ versions: { T1: '10' } });
  const nowMs = Date.now();
  const say = (version: string, arrivedAtMs: number) =>
    inbound.reported({ deviceId, source: 'terminal', raw: '', versions: [{ component: 'T1', version }], arrivedAtMs });
  await say('11', nowMs - 200);
  await say('10', nowMs - 500);
  expect((await records.sql`select version from device_versions where device_id = ${deviceId}`)[0]).toEqual({
    version: '11',
  });
  await say('10', nowMs - 100);
  expect((await records.sql`select version from device_versions where device_id = ${deviceId}`)[0]).toEqual({
    version: '10',
  });
});

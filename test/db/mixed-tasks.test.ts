/**
 * Devices of several kinds in one task: whatever is asked about one of them is answered by its own files and the times
 * of its own protocol.
 */
import { readdirSync, readFileSync } from 'node:fs';
import postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findAttention } from '../../db/upgrades/attention.ts';
import { confirmUnproven } from '../../db/upgrades/decisions.ts';
import { listLineageUpgrades } from '../../db/devices/lineage.ts';
import { claimSend } from '../../db/upgrades/messages.ts';
import { openOffer } from '../../db/upgrades/offers.ts';
import { startNext } from '../../db/upgrades/pacing.ts';
import { finishUpgrade, recordProof } from '../../db/upgrades/upgrades.ts';
import { createTestDatabase } from '../support/database.ts';
import { LIMITS, Records, type FileSeed, type TaskSeed, type Upgrade } from './records.ts';

let records: Records;
let departmentId: number;
beforeAll(async () => {
  records = await Records.start();
  const [row] = await records.sql`select id from departments`;
  departmentId = row!['id'] as number;
});
afterAll(() => records.stop());

const DC = { protocol: 'pile', model: 'DC', powerKw: 120 } as const;
const TERMINAL: FileSeed[] = [{}, { from: ['11'], to: '12' }];
const PCP: FileSeed[] = [
  { protocol: 'pcp', from: ['V1'], to: 'V2', sizeBytes: 2_000 },
  { protocol: 'pcp', from: ['V2'], to: 'V3', component: 'T3' },
];
const PILE: FileSeed = { ...DC, from: ['P1'], to: 'P2', sizeBytes: 100_000 };

/** A terminal, a PCP device and a pile in one task, the files of which come in another order. */
async function mixed(seed: TaskSeed = {}) {
  const deviceIds = [
    await records.device(),
    await records.device({ protocol: 'pcp', model: 'NB1', versions: { T1: 'V1', T3: 'V2' } }),
    await records.device({ ...DC, versions: { T1: 'P1' } }),
  ];
  const { taskId, upgrades } = await records.task(deviceIds, { files: [PILE, ...PCP, ...TERMINAL], ...seed });
  for (const upgrade of upgrades) await records.dispatched(upgrade);
  const [terminal, pcp, pile] = upgrades as [Upgrade, Upgrade, Upgrade];
  return { taskId, terminal, pcp, pile };
}

const open = ({ upgradeId }: Upgrade, fileIndex = 0, attempt = 1) =>
  openOffer(records.db, { upgradeId, attempt, fileIndex });
const payloadOf = async ({ upgradeId }: Upgrade, attempt = 1) => (await records.message(upgradeId, attempt)).payload;

describe('an offer', () => {
  it("is of the file that is the device's own, with the time of its protocol to react", async () => {
    const { terminal, pcp, pile } = await mixed({ options: { limits: { ...LIMITS, reactionMs: null } } });
    for (const upgrade of [terminal, pcp, pile]) expect(await open(upgrade)).toMatchObject({ kind: 'offered' });
    expect(await payloadOf(terminal)).toMatchObject({ targetVersion: '11', reactionMs: 60_000 });
    expect(await payloadOf(pcp)).toMatchObject({ targetVersion: 'V2', reactionMs: 30_000, sizeBytes: 2_000 });
    expect(await payloadOf(pile)).toMatchObject({ targetVersion: 'P2', reactionMs: 30_000, sizeBytes: 100_000 });
    expect(await payloadOf(terminal)).not.toHaveProperty('pile');
    await records.report(pcp.deviceId, { T1: 'V2' });
    expect(await open(pcp, 1, 2)).toMatchObject({ kind: 'offered' });
    expect(await payloadOf(pcp, 2)).toMatchObject({ targetVersion: 'V3', component: 'T3' });
  });

  it('gives every device the time to react that the order says', async () => {
    const { terminal, pcp } = await mixed({ options: { limits: { ...LIMITS, reactionMs: 5_000 } } });
    for (const upgrade of [terminal, pcp]) {
      await open(upgrade);
      expect(await payloadOf(upgrade)).toMatchObject({ reactionMs: 5_000 });
    }
  });

  it('tells a pile what it is, when to begin and how long it may load', async () => {
    const usual = await mixed();
    await open(usual.pile);
    expect((await payloadOf(usual.pile)).pile).toEqual({
      model: 'DC',
      powerKw: 120,
      control: 'when_idle',
      downloadTimeoutMinutes: 30,
    });
    const ordered = await mixed({ options: { pile: { control: 'at_once', downloadTimeoutMinutes: 5 } } });
    await open(ordered.pile);
    expect((await payloadOf(ordered.pile)).pile).toMatchObject({ control: 'at_once', downloadTimeoutMinutes: 5 });
  });

  it.each([
    ['power', { power_kw: 60 }, 'the device is a DC pile of 60 kW'],
    ['model', { model: 'AC' }, 'the device is an AC pile of 120 kW'],
  ])('is not made to a pile of another %s, until that is corrected', async (_what, wrong, words) => {
    const { pile } = await mixed();
    await records.sql`update devices set ${records.sql(wrong)} where id = ${pile.deviceId}`;
    expect(await open(pile)).toMatchObject({ kind: 'waiting', reason: 'model_mismatch' });
    expect((await records.log(pile)).at(-1)?.cause).toBe(`the file is for a DC pile of 120 kW, ${words}`);
    await records.sql`update devices set model = 'DC', power_kw = 120 where id = ${pile.deviceId}`;
    expect(await open(pile)).toMatchObject({ kind: 'offered' });
  });

  it('to a PCP device that sleeps is parked, and its next contact wakes its upgrade', async () => {
    const { pcp } = await mixed();
    await records.contact(pcp.deviceId);
    await records.sql`update device_contacts set last_seen_at = now() - interval '3 minutes' where device_id = ${pcp.deviceId}`;
    expect(await open(pcp)).toMatchObject({ kind: 'offered', online: false });
    expect(await records.row(pcp)).toMatchObject({ status: 'offered', reason: 'offline', edge: false });
    await records.contact(pcp.deviceId);
    const offer = await records.message(pcp.upgradeId);
    expect(offer.awaitsContact).toBe(true);
    expect(await claimSend(records.db, offer.id, 1)).toEqual({ claimed: true, edge: true });
    expect(await records.row(pcp)).toMatchObject({ status: 'offered', reason: null, edge: true });
  });
});

describe('the dispatcher', () => {
  it('gives each workflow its own files and the limits of its protocol', async () => {
    const { taskId, terminal, pcp, pile } = await mixed({ options: { limits: { ...LIMITS, reactionMs: null } } });
    await records.sql`update device_upgrades set dispatched_at = null where task_id = ${taskId}`;
    const { started } = await startNext(records.db, taskId, {
      position: 0,
      candidates: null,
      finished: 0,
      succeeded: 0,
    });
    const inputs = started.map(({ input, protocol }) => [
      input.deviceId,
      protocol,
      input.files.map(({ targetVersion }) => targetVersion),
      input.limits,
    ]);
    expect(inputs).toEqual([
      [terminal.deviceId, 'terminal', ['11', '12'], { ...LIMITS, reactionMs: 60_000 }],
      [pcp.deviceId, 'pcp', ['V2', 'V3'], { ...LIMITS, reactionMs: 30_000 }],
      [pile.deviceId, 'pile', ['P2'], { ...LIMITS, reactionMs: 30_000 }],
    ]);
  });

  it('starts only whose own first file ends before the window closes', async () => {
    const clock = (ms: number) => new Date(ms).toISOString().slice(11, 16);
    const window = { from: clock(Date.now() - 3_600_000), to: clock(Date.now() + 3 * 60_000), zone: 'UTC' };
    // 100 KiB take a terminal 260 s; 2 000 bytes a PCP device 68 s, 100 000 a pile 67 s. Two to three minutes are left.
    const files = [{ sizeBytes: 102_400 }, PCP[0]!, PILE, TERMINAL[1]!];
    const { taskId, pcp, pile, terminal } = await mixed({ files, options: { window } });
    await records.sql`update device_upgrades set dispatched_at = null where task_id = ${taskId}`;
    const memory = { position: 0, candidates: null, finished: 0, succeeded: 0 };
    const ids = async () => (await startNext(records.db, taskId, memory)).started.map(({ input }) => input.deviceId);
    expect(await ids()).toEqual([pcp.deviceId, pile.deviceId]);
    await records.sql`update upgrade_tasks set options = jsonb_set(options, '{window}', 'null') where id = ${taskId}`;
    expect(await ids()).toEqual([terminal.deviceId]);
  });
});

describe('what people and reports decide', () => {
  it("goes by the device's own files: its last one, its component", async () => {
    const { pcp, terminal } = await mixed();
    await open(pcp, 1);
    await records.report(pcp.deviceId, { T3: 'V3' });
    const entry = { author: 'system', event: 'unproven' };
    await finishUpgrade(records.db, { ...pcp, status: 'unproven', reason: 'baseband_not_confirmed', entry });
    const [row] = await findAttention(records.db, departmentId, [pcp.upgradeId]);
    expect(row).toMatchObject({
      fileCount: 2,
      fileIndex: 1,
      component: 'T3',
      targetVersion: 'V3',
      runningVersion: 'V3',
    });
    expect(await confirmUnproven(records.db, pcp.upgradeId, { author: 'li', cause: '' })).toBe('confirmed');
    const targets = async ({ deviceId }: Upgrade) =>
      (await listLineageUpgrades(records.db, departmentId, deviceId))[0]!.files.map((file) => file.targetVersion);
    expect(await targets(pcp)).toEqual(['V2', 'V3']);
    expect(await targets(terminal)).toEqual(['11', '12']);
  });

  it("a version that only another device's file replaces is no fall back", async () => {
    const device = await records.device({ online: true });
    const other = await records.device({ protocol: 'pcp' });
    const files: FileSeed[] = [{ protocol: 'pcp', from: ['07', '10'], to: '08' }, { from: ['10', '09'] }];
    const { upgrades } = await records.task([device, other], { files });
    const [upgrade] = upgrades as [Upgrade];
    await records.dispatched(upgrade);
    await records.offer(upgrade);
    await records.report(device, { T1: '11' });
    await recordProof(records.db, { ...upgrade, attempt: 1, fileIndex: 0, last: true });
    expect((await records.row(upgrade)).status).toBe('succeeded');
    await records.report(device, { T1: '07' });
    expect((await records.row(upgrade)).status).toBe('succeeded');
    await records.report(device, { T1: '11' });
    await records.report(device, { T1: '09' });
    expect((await records.row(upgrade)).status).toBe('reverted');
  });
});

describe('the migration', () => {
  it('gives every device of a task the files that its task had, and so does what still runs the version before', async () => {
    const test = await createTestDatabase();
    const sql = postgres(test.url, { max: 1, onnotice: () => {} });
    const folder = new URL('../../db/migrations/', import.meta.url);
    const migrations = readdirSync(folder).filter((name) => name.endsWith('.sql'));
    const at = migrations.findIndex((name) => name.endsWith('mixed_tasks.sql'));
    const run = async (names: string[]) => {
      for (const name of names) {
        const text = readFileSync(new URL(name, folder), 'utf8');
        for (const statement of text.split('--> statement-breakpoint')) await sql.unsafe(statement);
      }
    };
    try {
      await run(migrations.slice(0, at));
      await sql.unsafe(`
        insert into departments (name) values ('old');
        insert into devices (id, protocol, identity, department_id, created_by) select 'terminal-' || n, 'terminal', n, 1, 'x' from generate_series(1, 3) n;
        insert into upgrade_tasks (department_id, name, firmware_ids, options, device_count, created_by, dispatch_at, deadline_at)
        values (1, 'one', '{7}', '{}', 1, 'x', now(), now()), (1, 'two', '{8,9}', '{}', 1, 'x', now(), now());
        insert into device_upgrades (task_id, device_id, department_id, position) values (1, 'terminal-1', 1, 0), (2, 'terminal-2', 1, 0)`);
      await run([migrations[at]!]);
      await sql.unsafe(`
        insert into device_upgrades (task_id, device_id, department_id, position) values (2, 'terminal-3', 1, 1);
        insert into device_upgrades (task_id, device_id, department_id, position, firmware_ids) values (2, 'terminal-1', 1, 2, '{9}')`);
      const rows = await sql`select firmware_ids as files from device_upgrades order by id`;
      expect(rows.map(({ files }) => files as number[])).toEqual([[7], [8, 9], [8, 9], [9]]);
    } finally {
      await sql.end();
      await test.drop();
    }
  });
});

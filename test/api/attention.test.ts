import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ServiceError } from '@temporalio/client';
import { ControlRefused } from '../../api/executions/executions.ts';
import { endLost, endUndispatched, resetFailed } from '../../db/upgrades/dispatch.ts';
import { openOffer } from '../../db/upgrades/offers.ts';
import { recordWaiting } from '../../db/upgrades/upgrades.ts';
import type { RetryRequest } from '../../workflows/contract.ts';
import type { UpgradeStatus } from '../../workflows/rules/statuses.ts';
import { registerTerminals, TestApi, uploadFile, type TestDepartment } from './harness.ts';
import { ends, proves, reports, storeTask, type StoredUpgrade } from './stored-tasks.ts';

let api: TestApi;
let jimi: TestDepartment;
let serial = 0;
const UPGRADES = '/api/v1/device-upgrades';

beforeAll(async () => {
  api = await TestApi.start();
});
afterAll(() => api.stop());
beforeEach(async () => {
  jimi = await api.department(`jimi ${++serial}`);
  Object.assign(api.executions, { failure: null, running: true });
  api.executions.updates.length = 0;
  api.executions.controls.length = 0;
  // As the workflow of a task does it.
  api.executions.retryFailed = async (taskId, _labels, arg) => {
    if (api.executions.failure !== null) throw api.executions.failure;
    api.executions.updates.push({ taskId, update: 'retryFailed', arg });
    const { author, cause = '', upgradeIds } = arg as RetryRequest;
    return resetFailed(api.db, taskId, { author, cause }, upgradeIds);
  };
});

const get = (path: string, key = jimi.key) => api.send('GET', path, { key });
const post = (path: string, body: object, key = jimi.key) => api.send('POST', path, { key, body });
const decide = (upgradeId: number, decision: string, cause = 'seen') =>
  post(`${UPGRADES}/${upgradeId}/decide`, { decision, cause });
const attention = async (query = '') => (await get(`/api/v1/attention${query}`)).body;

/** A task with so many devices, all of them begun. */
async function task(devices = 1, { component = 'T1', from = '10', to = '11' } = {}) {
  const serialNumbers = Array.from({ length: devices }, (_, n) =>
    `${serial * 10_000 + taskCount * 100 + n}`.padStart(10, '0'),
  );
  taskCount += 1;
  const fileId = await uploadFile(api, jimi.key, from, to, { pinfo: `${to}10d10${taskCount % 10}` });
  await api.sql`update firmware set component = ${component} where id = ${fileId}`;
  const deviceIds = await registerTerminals(api, jimi, serialNumbers, null);
  for (const deviceId of deviceIds) await report(deviceId, from, component);
  const { taskId, upgrades } = await storeTask(api, jimi, [fileId], deviceIds);
  return { taskId, upgrades, first: upgrades[0]! };
}
let taskCount = 0;

const report = (deviceId: string, version: string, component = 'T1') => reports(api, deviceId, version, component);
const end = (upgradeId: number, status: UpgradeStatus, reason: string | null = null) =>
  ends(api, upgradeId, status, reason);
const proven = (upgrade: StoredUpgrade, component = 'T1', last = true) => proves(api, upgrade, { component, last });

async function awaiting() {
  const made = await task(1, { component: 'T3' });
  await proven(made.first, 'T3', false);
  const { upgradeId } = made.first;
  const cause = 'reported';
  await recordWaiting(api.db, { upgradeId, fileIndex: 0, status: 'confirming', reason: 'awaiting_operator', cause });
  return made;
}

const eventsOf = async (upgradeId: number) =>
  (await api.sql`select kind from events where upgrade_id = ${upgradeId} order by id`).map(
    ({ kind }) => kind as string,
  );

describe('the list of what needs a person', () => {
  it('is empty where all is well', async () => {
    await proven((await task()).first);
    expect(await attention()).toEqual({
      items: [],
      counts: { reverted: 0, unproven: 0, failed: 0, partial: 0, expired: 0, awaiting_confirmation: 0 },
      next: null,
    });
  });

  it('says of each why, since when, what to do and what may be decided, newest first', async () => {
    const { upgrades, taskId } = await task(3);
    const [failed, unproven] = upgrades;
    await end(failed!.upgradeId, 'failed', 'terminal_745');
    await openOffer(api.db, { upgradeId: unproven!.upgradeId, attempt: 1, fileIndex: 0 });
    await end(unproven!.upgradeId, 'unproven', 'no_report');
    const baseband = await awaiting();
    const { items, counts } = await attention();
    expect(items.map((item: { kind: string }) => item.kind)).toEqual(['awaiting_confirmation', 'unproven', 'failed']);
    expect(counts).toMatchObject({ awaiting_confirmation: 1, unproven: 1, failed: 1, reverted: 0 });
    const self = `${UPGRADES}/${failed!.upgradeId}`;
    expect(items[2]).toEqual({
      upgradeId: failed!.upgradeId,
      kind: 'failed',
      since: expect.any(String),
      taskId,
      taskName: expect.any(String),
      deviceId: failed!.deviceId,
      model: 'GV2',
      status: 'failed',
      reason: 'terminal_745',
      reasonText: expect.stringContaining('file size'),
      advice: 'a retry alone changes nothing: ask the maker of the file',
      decisions: ['retry', 'give_up'],
      component: 'T1',
      targetVersion: '11',
      runningVersion: '10',
      lastSeenAt: null,
      links: {
        upgrade: self,
        decide: `${self}/decide`,
        log: `${self}/log`,
        task: `/api/v1/upgrade-tasks/${taskId}`,
        device: `/api/v1/devices/${failed!.deviceId}`,
        execution: expect.stringContaining(failed!.deviceId),
      },
    });
    expect(items[0]).toMatchObject({ upgradeId: baseband.first.upgradeId, decisions: ['give_up', 'confirm'] });
    // Something proved it in the meantime: a retry will close it.
    await report(unproven!.deviceId, '11');
    expect((await attention('?kind=unproven')).items[0].advice).toContain('nothing is sent');
  });

  it('is narrowed by kind, task, model and time, and goes in pages both ways', async () => {
    const [one, other] = [await task(4), await task(2)];
    for (const { upgradeId } of one.upgrades) await end(upgradeId, 'expired', 'device_offline');
    const since = (await api.sql`select clock_timestamp() as now`)[0]!['now'] as string;
    for (const { upgradeId } of other.upgrades) await end(upgradeId, 'failed', 'no_reaction');
    const ids = (page: { items: { upgradeId: number }[] }) => page.items.map(({ upgradeId }) => upgradeId);
    const all = [...one.upgrades, ...other.upgrades].map(({ upgradeId }) => upgradeId);
    expect(ids(await attention('?order=oldest'))).toEqual(all);
    expect(ids(await attention())).toEqual(all.toReversed());
    expect(ids(await attention(`?taskId=${other.taskId}`))).toEqual(all.slice(4).toReversed());
    const filtered = await attention('?kind=failed');
    expect(ids(filtered)).toEqual(all.slice(4).toReversed());
    expect(filtered.counts).toMatchObject({ expired: 4, failed: 2 });
    expect(ids(await attention('?model=GV9'))).toEqual([]);
    const later = await attention(`?since=${encodeURIComponent(new Date(since).toISOString())}`);
    expect(ids(later)).toEqual(all.slice(4).toReversed());
    for (const [order, expected] of [
      ['newest', all.toReversed()],
      ['oldest', all],
    ] as const) {
      const seen: number[] = [];
      for (let after = '', more = true; more;) {
        const page = await attention(`?order=${order}&limit=4${after}`);
        seen.push(...ids(page));
        if (after !== '') expect(page.counts).toBeNull();
        more = page.next !== null;
        after = `&after=${page.next}`;
      }
      expect(seen).toEqual(expected);
    }
  });

  it("is a department's own", async () => {
    const { first } = await task();
    await end(first.upgradeId, 'failed', 'no_reaction');
    const other = await api.department(`other ${serial}`);
    expect((await get('/api/v1/attention', other.key)).body.items).toEqual([]);
    const reply = await post(
      '/api/v1/attention/decide',
      { upgradeIds: [first.upgradeId], decision: 'give_up' },
      other.key,
    );
    expect(reply.body).toMatchObject({ decided: 0, refused: 1, results: [{ code: 'not_found' }] });
    expect((await attention()).items).toHaveLength(1);
  });
});

describe('a device that falls back after a success', () => {
  it('is marked, told of, listed, retried, and listed again when it fails again', async () => {
    const { first, taskId } = await task();
    const { upgradeId, deviceId } = first;
    await proven(first);
    expect((await get(`${UPGRADES}/${upgradeId}`)).body.status).toBe('succeeded');
    await report(deviceId, '10');
    expect(await eventsOf(upgradeId)).toEqual(['device.reverted']);
    const [item] = (await attention()).items;
    expect(item).toMatchObject({ upgradeId, kind: 'reverted', decisions: ['retry', 'give_up'], runningVersion: '10' });

    const retried = await post(item.links.decide, { decision: 'retry', cause: 'loader replaced' });
    expect(retried).toMatchObject({ status: 200, body: { id: upgradeId, status: 'scheduled' } });
    expect(api.executions.updates).toEqual([
      {
        taskId,
        update: 'retryFailed',
        arg: { author: jimi.operator, cause: 'loader replaced', upgradeIds: [upgradeId] },
      },
    ]);
    expect((await attention()).items).toEqual([]);

    await api.sql`update device_upgrades set dispatched_at = now() where id = ${upgradeId}`;
    await end(upgradeId, 'failed', 'no_reaction');
    expect(await eventsOf(upgradeId)).toEqual(['device.reverted', 'device.failed']);
    expect((await attention()).items).toMatchObject([{ upgradeId, kind: 'failed' }]);
  });

  it('that was given up and is retried with its task needs a person again when that fails', async () => {
    const { first, taskId } = await task();
    await end(first.upgradeId, 'failed', 'no_reaction');
    await decide(first.upgradeId, 'give_up');
    expect(await resetFailed(api.db, taskId, { author: 'li', cause: 'all again' })).toBe(1);
    await endLost(api.db, first.upgradeId);
    expect((await attention()).items).toMatchObject([{ kind: 'failed', reason: 'execution_lost' }]);
    expect(await eventsOf(first.upgradeId)).toEqual(['device.failed', 'device.failed']);
  });

  it('and those that never began by the deadline are told of, too', async () => {
    const { upgrades, taskId } = await task(2);
    await api.sql`update device_upgrades set dispatched_at = null where task_id = ${taskId}`;
    const end = {
      status: 'expired' as const,
      reason: 'task_deadline',
      author: 'system',
      cause: 'the deadline has passed',
    };
    expect(await endUndispatched(api.db, taskId, end)).toBe(2);
    for (const { upgradeId } of upgrades) expect(await eventsOf(upgradeId)).toEqual(['device.failed']);
    expect((await attention()).counts).toMatchObject({ expired: 2 });
  });

  it('and is given up, needs a person again only when it falls back once more', async () => {
    const { first } = await task();
    await proven(first);
    await report(first.deviceId, '10');
    expect((await decide(first.upgradeId, 'give_up')).status).toBe(200);
    await report(first.deviceId, '11');
    await report(first.deviceId, '10');
    expect((await attention()).items).toEqual([]);
  });
});

describe('a decision', () => {
  it('to give up stays with author, time and cause; the status stays true', async () => {
    const { first } = await task();
    await end(first.upgradeId, 'failed', 'terminal_801');
    const { status, body } = await decide(first.upgradeId, 'give_up', 'scrapped');
    expect(status).toBe(200);
    expect(body).toMatchObject({
      status: 'failed',
      reason: 'terminal_801',
      decision: { decision: 'give_up', by: jimi.operator, at: expect.any(String) },
    });
    const log = await get(`${UPGRADES}/${first.upgradeId}/log`);
    expect(log.body.items.at(-1)).toMatchObject({
      author: jimi.operator,
      event: 'given_up',
      status: 'failed',
      cause: 'scrapped',
    });
    expect((await attention()).items).toEqual([]);
  });

  it.each(['give_up', 'retry', 'confirm'])('%s after another one is refused with what is so now', async (decision) => {
    const { first } = await task();
    await end(first.upgradeId, 'failed', 'terminal_801');
    await decide(first.upgradeId, 'give_up');
    const { status, body } = await decide(first.upgradeId, decision);
    expect(status).toBe(409);
    expect(body).toMatchObject({
      code: 'control_refused',
      detail: expect.stringContaining(`${jimi.operator} gave it up at 20`),
      upgrade: { status: 'failed', decision: { decision: 'give_up' } },
    });
    expect(api.executions.updates).toEqual([]);
  });

  it("of two people at once is one person's", async () => {
    const { upgrades } = await task(5);
    for (const { upgradeId } of upgrades) await end(upgradeId, 'failed', 'terminal_801');
    for (const { upgradeId } of upgrades) {
      const replies = await Promise.all([decide(upgradeId, 'give_up'), decide(upgradeId, 'give_up')]);
      expect(new Set(replies.map(({ status }) => status))).toEqual(new Set([200, 409]));
      const lines = await api.sql`select 1 from upgrade_log where upgrade_id = ${upgradeId} and event = 'given_up'`;
      expect(lines).toHaveLength(1);
    }
  });

  it.each<[string, string, string]>([
    ['something under way', 'offered', 'it is offered now'],
    ['something that was cancelled', 'cancelled', 'it has ended as cancelled'],
    ['a success', 'succeeded', 'it has ended as succeeded'],
  ])('about %s is refused', async (_, status, words) => {
    const { first } = await task();
    await api.sql`update device_upgrades set status = ${status},
      finished_at = case when ${status !== 'offered'} then now() end where id = ${first.upgradeId}`;
    for (const decision of ['retry', 'give_up', 'confirm']) {
      const reply = await decide(first.upgradeId, decision);
      expect(reply).toMatchObject({ status: 409, body: { detail: expect.stringContaining(words) } });
    }
  });

  it('to retry is not taken for done when the task did not take the device up, or refuses', async () => {
    const { first } = await task();
    await end(first.upgradeId, 'failed', 'terminal_801');
    api.executions.retryFailed = async () => 0;
    expect(await decide(first.upgradeId, 'retry')).toMatchObject({
      status: 409,
      body: { detail: expect.stringContaining('did not take it up') },
    });
    api.executions.retryFailed = async () => Promise.reject(new ControlRefused('the task is being cancelled'));
    expect(await decide(first.upgradeId, 'retry')).toMatchObject({
      status: 409,
      body: { detail: expect.stringContaining('the task is being cancelled') },
    });
    expect((await attention()).items).toHaveLength(1);
  });

  it('waits for Temporal where it needs it, and can be taken again', async () => {
    const { first } = await task();
    await end(first.upgradeId, 'failed', 'terminal_801');
    const cause = Object.assign(new Error('14 UNAVAILABLE'), { code: 14, details: '', metadata: {} });
    api.executions.failure = new ServiceError('away', { cause });
    expect(await decide(first.upgradeId, 'retry')).toMatchObject({
      status: 503,
      body: { code: 'temporal_unavailable' },
    });
    const many = await post('/api/v1/attention/decide', { upgradeIds: [first.upgradeId], decision: 'retry' });
    expect(many.body).toMatchObject({
      decided: 0,
      failed: 1,
      results: [{ result: 'failed', code: 'temporal_unavailable' }],
    });
    api.executions.failure = null;
    expect((await decide(first.upgradeId, 'retry')).status).toBe(200);
  });
});

describe('a baseband upgrade that waits for a person', () => {
  it('is told of, and confirmed through its workflow, once', async () => {
    const { first } = await awaiting();
    expect(await eventsOf(first.upgradeId)).toEqual(['device.needs_person']);
    expect((await decide(first.upgradeId, 'confirm', 'calls work')).status).toBe(202);
    expect(api.executions.controls).toEqual([
      {
        deviceId: first.deviceId,
        control: { upgradeId: first.upgradeId, action: 'confirm', author: jimi.operator, cause: 'calls work' },
      },
    ]);
    expect((await attention()).items).toEqual([]);
    expect(await decide(first.upgradeId, 'confirm')).toMatchObject({
      status: 409,
      body: { detail: expect.stringContaining('confirmed it at') },
    });
    await end(first.upgradeId, 'succeeded');
    expect((await get(`${UPGRADES}/${first.upgradeId}`)).body).toMatchObject({
      status: 'succeeded',
      decision: { decision: 'confirm', by: jimi.operator },
    });
  });

  it('is given up through its workflow, and needs nobody afterwards', async () => {
    const { first } = await awaiting();
    expect((await decide(first.upgradeId, 'give_up')).status).toBe(202);
    expect(api.executions.controls).toMatchObject([{ control: { action: 'cancel' } }]);
    await end(first.upgradeId, 'unproven', 'baseband_not_confirmed');
    expect((await attention()).items).toEqual([]);
    expect((await get(`${UPGRADES}/${first.upgradeId}`)).body).toMatchObject({
      status: 'unproven',
      decision: { decision: 'give_up' },
    });
  });

  it('that was confirmed too late needs a person again', async () => {
    const { first } = await awaiting();
    await decide(first.upgradeId, 'confirm');
    await end(first.upgradeId, 'unproven', 'baseband_not_confirmed');
    expect((await attention()).items).toMatchObject([{ kind: 'unproven', decisions: ['retry', 'give_up', 'confirm'] }]);
    expect(await decide(first.upgradeId, 'confirm')).toMatchObject({ status: 200, body: { status: 'succeeded' } });
  });

  it('is not confirmed once the device reports the old version again, neither here nor by its workflow', async () => {
    const { first } = await awaiting();
    await report(first.deviceId, '10', 'T3');
    expect((await attention()).items).toMatchObject([
      { decisions: ['give_up'], advice: expect.stringContaining('T3 10 again') },
    ]);
    expect(await decide(first.upgradeId, 'confirm')).toMatchObject({
      status: 409,
      body: { detail: expect.stringContaining('the device reports T3 10 again') },
    });
    expect(await end(first.upgradeId, 'succeeded')).toEqual({ status: 'unproven', reason: 'confirmed_too_late' });
  });
});

describe('deciding about many at once', () => {
  it('gives each its result, in their order', async () => {
    const [one, other] = [await task(2), await task(1)];
    const [a, b] = one.upgrades;
    const c = other.first;
    for (const { upgradeId } of [a!, b!, c]) await end(upgradeId, 'failed', 'no_reaction');
    await decide(b!.upgradeId, 'give_up');
    const ids = [c.upgradeId, 999_999_999, b!.upgradeId, a!.upgradeId, a!.upgradeId];
    const { status, body } = await post('/api/v1/attention/decide', {
      upgradeIds: ids,
      decision: 'retry',
      cause: 'rain',
    });
    expect(status).toBe(200);
    expect(body).toEqual({
      decided: 2,
      refused: 2,
      failed: 0,
      results: [
        { upgradeId: c.upgradeId, deviceId: c.deviceId, result: 'done', code: null, detail: null },
        expect.objectContaining({ upgradeId: 999_999_999, deviceId: null, result: 'refused', code: 'not_found' }),
        expect.objectContaining({ upgradeId: b!.upgradeId, result: 'refused', code: 'control_refused' }),
        { upgradeId: a!.upgradeId, deviceId: a!.deviceId, result: 'done', code: null, detail: null },
      ],
    });
    expect(
      api.executions.updates.map(({ taskId, arg }) => [taskId, (arg as { upgradeIds: number[] }).upgradeIds]),
    ).toEqual(
      expect.arrayContaining([
        [one.taskId, [a!.upgradeId]],
        [other.taskId, [c.upgradeId]],
      ]),
    );
    const audited = await api.sql`
      select target_id from audit_log where action = 'decideManyDeviceUpgrades' and department_id = ${jimi.id}`;
    expect(new Set(audited.map((row) => Number(row['target_id'])))).toEqual(new Set([a!.upgradeId, c.upgradeId]));
  });

  it('needs the permission for batches beyond one, and takes at most 1 000', async () => {
    const key = await api.key(jimi.id, 'single', ['device:read', 'upgrade:write']);
    const many = (upgradeIds: number[]) => post('/api/v1/attention/decide', { upgradeIds, decision: 'give_up' }, key);
    expect((await many([1, 2])).body.code).toBe('permission_missing');
    expect((await many([1])).status).toBe(200);
    expect((await many(Array.from({ length: 1_001 }, (_, n) => n + 1))).body.code).toBe('validation_failed');
  });
});

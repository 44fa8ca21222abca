/**
 * From events to workflows: every event makes one delivery for each webhook that wants it, whatever order transactions
 * end in and however many processes look; few are under way at a time; what was taken by a process that died is found.
 */
import { pino } from 'pino';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { WebhookSweep } from '../../api/events/webhook-sweep.ts';
import { readMarks } from '../../db/events/events.ts';
import { Horizon } from '../../db/events/settled.ts';
import * as deliveries from '../../db/events/webhook-deliveries.ts';
import * as webhooks from '../../db/events/webhooks.ts';
import { IN_FLIGHT_PER_WEBHOOK } from '../../workflows/rules/deliveries.ts';
import { waitFor } from '../support/wait.ts';
import { Records } from './records.ts';

let records: Records;
let departmentId = 0;
beforeAll(async () => {
  records = await Records.start();
});
afterAll(() => records.stop());
let made = 0;
beforeEach(async () => {
  await records.sql`update webhooks set is_active = false, deleted_at = now()`;
  const [row] = await records.sql<
    { id: number }[]
  >`insert into departments (name) values (${`d${++made}`}) returning id`;
  departmentId = row!.id;
});

async function webhook(kinds: string[] = []): Promise<number> {
  const order = { departmentId, url: 'https://example.com/', secret: 'whsec_x', kinds, remark: '', createdBy: 'test' };
  return (await webhooks.createWebhook(records.db, order))!.id;
}

async function event(kind = 'device.failed', count = 1): Promise<number> {
  const rows = await records.sql<{ id: string }[]>`
    insert into events (department_id, kind) select ${departmentId}, ${kind} from generate_series(1, ${count}::int) returning id`;
  return Number(rows.at(-1)!.id);
}

async function makeAll(): Promise<number> {
  const horizon = new Horizon();
  return deliveries.makeDeliveries(records.db, horizon.observe((await readMarks(records.db, ['events'])).events));
}

const listed = (webhookId: number) => deliveries.listDeliveries(records.db, webhookId, { limit: 100_000 });

/** A sweep whose workflows are only remembered. */
function sweepWith(startWebhookDelivery: (delivery: deliveries.StartableDelivery) => Promise<void>, times = {}) {
  return new WebhookSweep({
    db: records.db,
    executions: { startWebhookDelivery: (start) => startWebhookDelivery(start as deliveries.StartableDelivery) },
    log: pino({ level: 'silent' }),
    times: { idleMs: 0, busyMs: 1, ...times },
  });
}

describe('deliveries', () => {
  it('are made once of each event that a webhook wants, from its making on', async () => {
    await event();
    const [all, some] = [await webhook(), await webhook(['task.finished'])];
    const [failed, finished] = [await event('device.failed'), await event('task.finished')];
    await Promise.all([makeAll(), makeAll(), makeAll()]);
    await makeAll();
    expect((await listed(all)).map(({ eventId }) => eventId)).toEqual([finished, failed]);
    expect((await listed(some)).map(({ eventId }) => eventId)).toEqual([finished]);
  });

  it('of an event that is committed late are not forgotten', async () => {
    const hook = await webhook();
    let commit = () => {};
    const open = new Promise<void>((resolve) => (commit = resolve));
    let late = 0;
    const writing = records.sql.begin(async (sql) => {
      const [row] = await sql<{ id: string }[]>`
        insert into events (department_id, kind) values (${departmentId}, 'device.failed') returning id`;
      late = Number(row!.id);
      await open;
    });
    await waitFor(() => late > 0);
    const early = await event();
    expect(early).toBeGreaterThan(late);
    const sweep = sweepWith(async () => {});
    await sweep.sweep();
    await sweep.sweep();
    expect(await listed(hook)).toEqual([]);
    commit();
    await writing;
    await sweep.sweep();
    expect((await listed(hook)).map(({ eventId }) => eventId)).toEqual([early, late]);
  });

  it('wait while a webhook is off, and come in order when it is on again, unless they are skipped', async () => {
    const [patient, forgetful] = [await webhook(), await webhook()];
    for (const id of [patient, forgetful]) await webhooks.updateWebhook(records.db, id, { isActive: false });
    const missed = await event();
    await makeAll();
    await webhooks.updateWebhook(records.db, patient, { isActive: true });
    await webhooks.updateWebhook(records.db, forgetful, { isActive: true, skipMissed: true });
    const next = await event();
    await makeAll();
    expect((await listed(patient)).map(({ eventId }) => eventId)).toEqual([next, missed]);
    expect((await listed(forgetful)).map(({ eventId }) => eventId)).toEqual([next]);
  });
});

describe('workflows', () => {
  it('of a burst of 1 000 events start in order, few at a time, each once, with two processes at it', async () => {
    const TOTAL = 1_000;
    const hook = await webhook();
    await event('device.failed', TOTAL);
    const started: number[] = [];
    let mostAtOnce = 0;
    const flying = new Set<number>();
    const start = async ({ deliveryId }: deliveries.StartableDelivery) => {
      started.push(deliveryId);
      flying.add(deliveryId);
      mostAtOnce = Math.max(mostAtOnce, flying.size);
      setTimeout(() => {
        flying.delete(deliveryId);
        void deliveries.recordAttempt(records.db, deliveryId, {
          status: 200,
          error: null,
          isLast: false,
          isGone: false,
        });
      }, 1);
    };
    const sweeps = [sweepWith(start), sweepWith(start)];
    for (const sweep of sweeps) sweep.start();
    try {
      await waitFor(() => started.length >= TOTAL, { deadlineMs: 50_000 });
      await waitFor(async () => (await webhooks.findWebhook(records.db, departmentId, hook))!.waiting === 0);
    } finally {
      await Promise.all(sweeps.map((sweep) => sweep.stop()));
    }
    expect(started).toHaveLength(TOTAL);
    expect(new Set(started).size).toBe(TOTAL);
    expect(mostAtOnce).toBeLessThanOrEqual(IN_FLIGHT_PER_WEBHOOK);
    // Nobody is overtaken by more than what is under way.
    const sorted = started.toSorted((a, b) => a - b);
    for (const [index, id] of started.entries()) {
      expect(Math.abs(sorted.indexOf(id, Math.max(0, index - 50)) - index)).toBeLessThanOrEqual(
        2 * IN_FLIGHT_PER_WEBHOOK,
      );
    }
  });

  it('of a webhook that takes nothing do not hold up another', async () => {
    const [stuck, well] = [await webhook(), await webhook()];
    await event('device.failed', 100);
    const started: deliveries.StartableDelivery[] = [];
    const sweep = sweepWith(async (delivery) => {
      started.push(delivery);
      if (delivery.webhookId === well) {
        await deliveries.recordAttempt(records.db, delivery.deliveryId, {
          status: 200,
          error: null,
          isLast: false,
          isGone: false,
        });
      }
    });
    for (let round = 0; round < 10; round++) await sweep.sweep();
    expect(started.filter(({ webhookId }) => webhookId === well)).toHaveLength(100);
    expect(started.filter(({ webhookId }) => webhookId === stuck)).toHaveLength(IN_FLIGHT_PER_WEBHOOK);
  });

  it('that were never started, because the process died or Temporal was away, are found', async () => {
    const hook = await webhook();
    await event('device.failed', 3);
    const dead = sweepWith(async () => {
      throw new Error('Temporal is away');
    });
    await dead.sweep();
    const found: number[] = [];
    const remember = async (start: deliveries.StartableDelivery) => {
      if (start.webhookId === hook) found.push(start.deliveryId);
    };
    const sweep = sweepWith(remember, { claimedMs: 0, unheardEveryMs: 0 });
    await sweep.sweep();
    expect(found).toHaveLength(3);
    // Those that were heard of are left alone.
    for (const id of found) {
      await deliveries.recordAttempt(records.db, id, { status: 500, error: 'HTTP 500', isLast: false, isGone: false });
    }
    found.length = 0;
    await sweep.sweep();
    expect(found).toEqual([]);
    // Unless nothing came of them for longer than any pause lasts: somebody ended them by hand.
    await records.sql`update webhook_deliveries set started_at = now() - interval '3 hours', last_attempt_at = now() - interval '3 hours' where webhook_id = ${hook}`;
    await sweep.sweep();
    expect(found).toHaveLength(3);
  });
});

describe('an attempt', () => {
  const failed = { status: 500, error: 'HTTP 500', isLast: false, isGone: false };
  async function one(hook: number): Promise<number> {
    await event();
    await makeAll();
    const claimed = await deliveries.claimDeliveries(records.db);
    return claimed.find(({ webhookId }) => webhookId === hook)!.deliveryId;
  }
  const row = async (hook: number) => (await webhooks.findWebhook(records.db, departmentId, hook))!;

  it('is written down, with what came of it; an end is final', async () => {
    const hook = await webhook();
    const id = await one(hook);
    await deliveries.recordAttempt(records.db, id, failed);
    expect(await deliveries.findDelivery(records.db, hook, id)).toMatchObject({
      status: 'pending',
      attempts: 1,
      lastStatus: 500,
      lastError: 'HTTP 500',
      finishedAt: null,
    });
    expect((await row(hook)).failingSince).not.toBeNull();
    await deliveries.recordAttempt(records.db, id, { ...failed, status: 200, error: null });
    await deliveries.recordAttempt(records.db, id, failed);
    expect(await deliveries.findDelivery(records.db, hook, id)).toMatchObject({
      status: 'delivered',
      attempts: 2,
      lastError: null,
    });
    expect((await row(hook)).failingSince).toBeNull();
  });

  it('that is the last one switches the webhook off only when nothing was taken for three days', async () => {
    const hook = await webhook();
    await deliveries.recordAttempt(records.db, await one(hook), { ...failed, isLast: true });
    expect((await row(hook)).isActive).toBe(true);
    const next = await one(hook);
    await records.sql`update webhooks set failing_since = now() - interval '73 hours' where id = ${hook}`;
    await deliveries.recordAttempt(records.db, next, { ...failed, isLast: true });
    expect(await row(hook)).toMatchObject({
      isActive: false,
      revision: 2,
      offReason: expect.stringContaining('3 days'),
    });
    const [line] =
      await records.sql`select * from audit_log where target_kind = 'webhook' and target_id = ${String(hook)}`;
    expect(line).toMatchObject({ author: 'system', action: 'switchOffWebhook', department_id: departmentId });
  });

  it('that hears "gone" switches the webhook off at once; what waits goes on when it is on again', async () => {
    const hook = await webhook();
    const [first, second] = [await one(hook), await one(hook)];
    await deliveries.recordAttempt(records.db, first, { status: 410, error: 'HTTP 410', isLast: true, isGone: true });
    expect(await row(hook)).toMatchObject({ isActive: false, offReason: 'the receiver answered HTTP 410', waiting: 1 });
    await deliveries.holdDelivery(records.db, second);
    expect(await deliveries.claimDeliveries(records.db)).toEqual([]);
    await webhooks.updateWebhook(records.db, hook, { isActive: true });
    expect((await deliveries.claimDeliveries(records.db)).map(({ deliveryId }) => deliveryId)).toEqual([second]);
    expect(await row(hook)).toMatchObject({ offReason: null, failingSince: null });
  });

  it('of a deleted webhook does not come; what waited has ended', async () => {
    const hook = await webhook();
    const id = await one(hook);
    await webhooks.deleteWebhook(records.db, hook);
    expect(await deliveries.findDelivery(records.db, hook, id)).toMatchObject({
      status: 'failed',
      lastError: 'the webhook was deleted',
    });
    await event();
    await makeAll();
    expect(await listed(hook)).toHaveLength(1);
  });

  it('is signed with the old key, too, for as long as that holds', async () => {
    const hook = await webhook();
    const id = await one(hook);
    await webhooks.rotateSecret(records.db, hook, { secret: 'whsec_new', overlapMs: 60_000 });
    expect((await deliveries.loadDelivery(records.db, id))!.secrets).toEqual(['whsec_new', 'whsec_x']);
    await records.sql`update webhooks set previous_secret_until = now()`;
    expect((await deliveries.loadDelivery(records.db, id))!.secrets).toEqual(['whsec_new']);
    expect((await deliveries.loadTarget(records.db, hook))!.secrets).toEqual(['whsec_new']);
  });
});

describe('ended deliveries', () => {
  it('are forgotten after 90 days; those that wait never', async () => {
    const hook = await webhook();
    await event('device.failed', 3);
    await makeAll();
    const [waits, recent, old] = (await listed(hook)).map(({ id }) => id);
    await records.sql`update webhook_deliveries set status = 'delivered', finished_at = now() - interval '89 days' where id = ${recent!}`;
    await records.sql`update webhook_deliveries set status = 'delivered', finished_at = now() - interval '91 days' where id = ${old!}`;
    await records.sql`update webhook_deliveries set created_at = now() - interval '91 days' where id = ${waits!}`;
    await deliveries.forgetDeliveries(records.db, { olderThanDays: 90, limit: 100_000 });
    expect((await listed(hook)).map(({ id }) => id)).toEqual([waits, recent]);
  });
});

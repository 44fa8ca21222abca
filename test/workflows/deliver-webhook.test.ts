import { randomUUID } from 'node:crypto';
import type { WorkflowHandle } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { WebhookActivities } from '../../activities/webhooks.ts';
import { DELIVER_WEBHOOK, PING_WEBHOOK, RETRY_NOW_SIGNAL, type DeliveryOutcome } from '../../workflows/contract.ts';
import { startTimeSkipping, untilWaits, withWorker } from '../support/temporal.ts';
import { waitFor } from '../support/wait.ts';
import { FakeReceiver } from './fake-receiver.ts';

let env: TestWorkflowEnvironment;
beforeAll(async () => {
  env = await startTimeSkipping();
});
afterAll(() => env.teardown());

const SECOND = 1_000;
const HOUR = 3_600_000;

interface Play {
  twist?: (activities: WebhookActivities) => WebhookActivities;
  during?: (handle: WorkflowHandle, receiver: FakeReceiver) => Promise<unknown>;
}

async function play(
  answers: ConstructorParameters<typeof FakeReceiver>[0],
  { twist = (same) => same, during }: Play = {},
) {
  const receiver = new FakeReceiver(answers, () => env.currentTimeMs());
  const outcome = await withWorker(env.nativeConnection, twist(receiver.activities), async (taskQueue) => {
    const workflowId = `webhook/${randomUUID()}`;
    const handle = await env.client.workflow.start(DELIVER_WEBHOOK, {
      workflowId,
      taskQueue,
      args: [{ deliveryId: 7 }],
    });
    await during?.(handle, receiver);
    return (await handle.result()) as DeliveryOutcome;
  });
  return { outcome, receiver };
}

describe('a delivery', () => {
  it('is over when the receiver takes it', async () => {
    const { outcome, receiver } = await play(['delivered']);
    expect(outcome).toBe('delivered');
    expect(receiver.attempts).toHaveLength(1);
  });

  it('waits from ten seconds up to an hour, and gives up after a day', async () => {
    const { outcome, receiver } = await play(['again']);
    expect(outcome).toBe('failed');
    const gaps = receiver.gapsMs();
    for (const [index, gap] of gaps.entries()) {
      const plainMs = Math.min(HOUR, 10 * SECOND * 2 ** index);
      expect(gap).toBeGreaterThanOrEqual(plainMs * 0.8 - SECOND);
      expect(gap).toBeLessThan(plainMs + 5 * SECOND);
    }
    const lifeMs = gaps.reduce((sum, gap) => sum + gap, 0);
    expect(lifeMs).toBeGreaterThan(22 * HOUR);
    expect(lifeMs).toBeLessThanOrEqual(24 * HOUR + 60 * SECOND);
    expect(receiver.attempts.filter(({ isLast }) => isLast)).toHaveLength(1);
    expect(receiver.attempts.at(-1)!.isLast).toBe(true);
  });

  it('waits as long as the receiver asks, but no longer than an hour', async () => {
    const { receiver } = await play([{ askedMs: 600 * SECOND }, { askedMs: 24 * HOUR }, 'delivered']);
    const [first, second] = receiver.gapsMs();
    expect(first).toBeGreaterThanOrEqual(600 * SECOND - SECOND);
    expect(first).toBeLessThan(700 * SECOND);
    expect(second).toBeLessThan(HOUR + 10 * SECOND);
  });

  it('is tried at once when a person says so', async () => {
    const { outcome, receiver } = await play(
      ['again', 'again', 'again', 'again', 'again', 'again', { askedMs: HOUR }, 'delivered'],
      {
        during: async (handle, fake) => {
          await waitFor(() => fake.attempts.length >= 1);
          for (let sent = 1; fake.status === 'pending' && sent < 50; sent++) {
            const { length } = fake.attempts;
            await handle.signal(RETRY_NOW_SIGNAL).catch(() => {});
            await waitFor(() => fake.attempts.length > length || fake.status !== 'pending').catch(() => {});
          }
        },
      },
    );
    expect(outcome).toBe('delivered');
    expect(receiver.gapsMs().reduce((sum, gap) => sum + gap, 0)).toBeLessThan(HOUR);
  });

  it.each(['failed', 'held', 'removed'] as const)('ends at once when it is %s', async (outcome) => {
    const { outcome: ended, receiver } = await play(['again', outcome]);
    expect(ended).toBe(outcome);
    expect(receiver.attempts).toHaveLength(2);
  });

  it('that is cancelled in Temporal ends as failed, with a word why', async () => {
    const { outcome, receiver } = await play(['again'], {
      during: async (handle) => {
        await untilWaits(handle);
        await handle.cancel();
      },
    });
    expect(outcome).toBe('failed');
    expect(receiver.status).toBe('failed');
    expect(receiver.why).toBe('cancelled in Temporal');
  });
});

describe('torture', () => {
  it.each([
    ['fails before it has sent', { before: true }],
    ['dies after it has sent and before it wrote that down', { before: false }],
  ])('a step that %s is repeated, and the receiver hears the same message', async (_, { before }) => {
    let calls = 0;
    const { outcome, receiver } = await play(['again', 'delivered'], {
      twist: (activities) => ({
        ...activities,
        attemptDelivery: async (id, options) => {
          calls += 1;
          if (calls % 2 === 1 && before) throw new Error('connection refused');
          if (calls % 2 === 1) {
            receiverOf(activities).post(id);
            throw new Error('connection lost');
          }
          return activities.attemptDelivery(id, options);
        },
      }),
    });
    expect(outcome).toBe('delivered');
    expect(calls).toBe(4);
    expect(new Set(receiver.posted)).toEqual(new Set(['msg_7']));
    expect(receiver.posted).toHaveLength(before ? 2 : 4);
  });

  it('a step that never comes back is given up and repeated', async () => {
    let calls = 0;
    const { outcome } = await play(['delivered'], {
      twist: (activities) => ({
        ...activities,
        attemptDelivery: async (id, options) => {
          calls += 1;
          // Past its time, which passes for real while a step runs; shortened by nobody.
          if (calls === 1) await new Promise((resolve) => setTimeout(resolve, 31_000));
          return activities.attemptDelivery(id, options);
        },
      }),
    });
    expect(outcome).toBe('delivered');
    expect(calls).toBe(2);
  }, 60_000);

  it('a bug in a step fails the workflow, where people see it', async () => {
    const broken = play(['delivered'], {
      twist: (activities) => ({
        ...activities,
        attemptDelivery: async () => {
          throw ApplicationFailure.nonRetryable('the program has a bug', 'InvariantViolated');
        },
      }),
    });
    await expect(broken).rejects.toThrow();
  });
});

describe('a test message', () => {
  it('is sent once and answers what came back, also when it fails', async () => {
    let calls = 0;
    const fake = new FakeReceiver(['delivered'], () => env.currentTimeMs());
    const ping = (activities: WebhookActivities) =>
      withWorker(env.nativeConnection, activities, (taskQueue) =>
        env.client.workflow.execute(PING_WEBHOOK, { workflowId: randomUUID(), taskQueue, args: [{ webhookId: 3 }] }),
      );
    expect(await ping(fake.activities)).toEqual({ status: 204, error: null, tookMs: 5 });
    const broken: WebhookActivities = {
      ...fake.activities,
      pingWebhook: async () => {
        calls += 1;
        throw new Error('no database');
      },
    };
    await expect(ping(broken)).rejects.toThrow();
    expect(calls).toBe(1);
  });
});

function receiverOf(activities: WebhookActivities): FakeReceiver {
  return (activities as WebhookActivities & { receiver: FakeReceiver }).receiver;
}

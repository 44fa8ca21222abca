import { randomUUID } from 'node:crypto';
import type { WorkflowHandle } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PlatformActivities, PlatformShipmentEnd } from '../../activities/platforms.ts';
import {
  PLATFORM_VIEW_QUERY,
  PLATFORM_WAKE_SIGNAL,
  SHIP_TO_PLATFORM,
  type PlatformShipmentView,
} from '../../workflows/contract.ts';
import { endedAtMs, startTimeSkipping, untilWaits, withWorker } from '../support/temporal.ts';
import { waitFor } from '../support/wait.ts';
import { FakePlatform, type FakePlatformOptions } from './fake-platform.ts';

let env: TestWorkflowEnvironment;
beforeAll(async () => {
  env = await startTimeSkipping();
});
afterAll(() => env.teardown());

interface Play {
  twist?: (activities: PlatformActivities, fake: FakePlatform) => PlatformActivities;
  during?: (handle: WorkflowHandle, fake: FakePlatform) => Promise<unknown>;
}

async function play(options: FakePlatformOptions, { twist = (same) => same, during }: Play = {}) {
  const fake = new FakePlatform(options);
  const startedMs = await env.currentTimeMs();
  return withWorker(env.nativeConnection, twist(fake.activities, fake), async (taskQueue) => {
    const handle = await env.client.workflow.start(SHIP_TO_PLATFORM, {
      workflowId: `platform-shipment/${randomUUID()}`,
      taskQueue,
      args: [{ shipmentId: 7 }],
    });
    await during?.(handle, fake);
    const end = (await handle.result()) as PlatformShipmentEnd;
    return { end, fake, tookMs: (await endedAtMs(handle)) - startedMs };
  });
}

const CONFIRMED = (devices: number) => ({ status: 'finished', asked: devices, confirmed: devices, notSent: 0 });

describe('a shipment to a platform', () => {
  it('goes page by page, and ends with its sums', async () => {
    const { end, fake } = await play({ devices: 250 });
    expect(end).toMatchObject(CONFIRMED(250));
    expect(fake.pages).toEqual([0, 100, 200]);
  });

  it('comes back in a later pass for what was not answered', async () => {
    const { end, fake, tookMs } = await play({ devices: 250, faults: ['doubt', 'doubt'] });
    expect(end).toMatchObject(CONFIRMED(250));
    expect(fake.pages).toEqual([0, 100, 200, 0]);
    expect(tookMs).toBeGreaterThanOrEqual(60_000);
  });

  it('waits longer and longer while the platform cannot be worked with, on the same page', async () => {
    const { end, fake, tookMs } = await play({ devices: 200, faults: Array.from({ length: 6 }, () => 'trouble') });
    expect(end).toMatchObject(CONFIRMED(200));
    expect(fake.pages.slice(0, 7)).toEqual([0, 0, 0, 0, 0, 0, 0]);
    // Half of 1 + 2 + 4 + 8 + 16 + 32 s at least.
    expect(tookMs).toBeGreaterThanOrEqual(31_000);
  });

  it('leaves the platform alone for as long as it asks, and looks every five minutes whether it still must', async () => {
    const { end, fake, tookMs } = await play({
      devices: 1,
      faults: ['paused', 'paused', 'paused'],
      pauseMs: 86_400_000,
    });
    expect(end).toMatchObject(CONFIRMED(1));
    expect(fake.pages).toHaveLength(4);
    expect(tookMs).toBeGreaterThanOrEqual(15 * 60_000);
    expect(tookMs).toBeLessThan(60 * 60_000);
  });

  it('goes on at once when a person resumes the connection, and says meanwhile why it waits', async () => {
    let view: PlatformShipmentView | null = null;
    const { end } = await play(
      { devices: 1, faults: ['paused'] },
      {
        during: async (handle) => {
          view = await waitFor(async () => {
            const seen = await handle.query<PlatformShipmentView>(PLATFORM_VIEW_QUERY);
            return seen.phase === 'paused' ? seen : null;
          });
          await handle.signal(PLATFORM_WAKE_SIGNAL);
        },
      },
    );
    expect(end).toMatchObject(CONFIRMED(1));
    expect(view).toMatchObject({ phase: 'paused', why: expect.stringContaining('1005') });
  });

  it('goes on when devices are tried again just before its end', async () => {
    const { end, fake } = await play({ devices: 3 }, { twist: (activities, fake) => ((fake.revived = 2), activities) });
    expect(end).toMatchObject(CONFIRMED(3));
    expect(fake.pages.length).toBeGreaterThan(1);
  });

  it('for a platform that is not connected ends at once', async () => {
    const { end, fake } = await play({ devices: 0, status: 'recorded' });
    expect(end.status).toBe('recorded');
    expect(fake.pages).toEqual([0]);
  });

  it('that is cancelled in Temporal sends nothing more, finds out about the rest and ends', async () => {
    const { end, fake } = await play(
      { devices: 250, faults: ['paused'] },
      {
        during: async (handle) => {
          await untilWaits(handle);
          await handle.cancel();
        },
      },
    );
    expect(end).toMatchObject({ status: 'finished', notSent: 250 });
    expect(fake.log).toEqual(['stopped by temporal: cancelled in Temporal', 'finished']);
  });

  it('of any size has short histories', async () => {
    const fake = new FakePlatform({ devices: 500, pageSize: 1 });
    await withWorker(env.nativeConnection, fake.activities, async (taskQueue) => {
      const workflowId = `platform-shipment/${randomUUID()}`;
      const first = await env.client.workflow.start(SHIP_TO_PLATFORM, {
        workflowId,
        taskQueue,
        args: [{ shipmentId: 7 }],
      });
      await first.result();
      const last = await env.client.workflow.getHandle(workflowId).describe();
      expect(last.runId).not.toBe(first.firstExecutionRunId);
      expect(last.historyLength).toBeLessThan(2_100);
    });
    expect(fake.pages).toEqual(Array.from({ length: 501 }, (_, index) => index));
  }, 60_000);
});

describe('torture', () => {
  type Step = keyof PlatformActivities;
  const steps: Step[] = ['shipPage', 'finishShipment', 'stopUnsent'];
  const failing = (activities: PlatformActivities, step: Step, when: 'before' | 'after'): PlatformActivities => {
    let failed = false;
    const original = activities[step] as (...args: unknown[]) => Promise<unknown>;
    return {
      ...activities,
      [step]: async (...args: unknown[]) => {
        if (!failed && when === 'before') {
          failed = true;
          throw new Error('connection refused');
        }
        const result = await original(...args);
        if (!failed) {
          failed = true;
          throw new Error('connection lost');
        }
        return result;
      },
    };
  };

  it.each(steps.flatMap((step) => (['before', 'after'] as const).map((when) => [step, when] as const)))(
    '%s fails once %s its effect: the end is the same',
    async (step, when) => {
      const cancelled = step === 'stopUnsent';
      const { end } = await play(
        { devices: 250, faults: cancelled ? ['paused'] : ['doubt', 'trouble'] },
        {
          twist: (activities) => failing(activities, step, when),
          ...(cancelled && {
            during: async (handle: WorkflowHandle) => {
              await untilWaits(handle);
              await handle.cancel();
            },
          }),
        },
      );
      expect(end).toMatchObject(cancelled ? { status: 'finished', notSent: 250 } : CONFIRMED(250));
    },
  );

  it.each(steps.slice(0, 2))('a bug in %s fails the workflow, where people see it', async (step) => {
    const broken = play(
      { devices: 1 },
      {
        twist: (activities) => ({
          ...activities,
          [step]: async () => {
            throw ApplicationFailure.nonRetryable('the program has a bug', 'InvariantViolated');
          },
        }),
      },
    );
    await expect(broken).rejects.toThrow();
  });

  it('a worker that dies in the middle of a page is noticed by its silence', async () => {
    let calls = 0;
    const { end } = await play(
      { devices: 100 },
      {
        twist: (activities) => ({
          ...activities,
          shipPage: async (...args) => {
            calls += 1;
            // Says nothing for longer than the heartbeat allows, which passes for real while a step runs.
            if (calls === 1) await new Promise((resolve) => setTimeout(resolve, 25_000));
            return activities.shipPage(...args);
          },
        }),
      },
    );
    expect(calls).toBeGreaterThanOrEqual(2);
    expect(end).toMatchObject(CONFIRMED(100));
  }, 90_000);
});

import { randomUUID } from 'node:crypto';
import type { WorkflowHandle } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { EquipmentActivities } from '../../activities/equipment.ts';
import {
  EQUIPMENT_EDGE_SIGNAL,
  EQUIPMENT_SESSION,
  EQUIPMENT_VIEW_QUERY,
  type EquipmentSessionOutcome,
  type EquipmentSessionView,
} from '../../workflows/contract.ts';
import { startTimeSkipping, withWorker } from '../support/temporal.ts';
import { waitFor } from '../support/wait.ts';
import { FakeEquipment, INPUT } from './fake-equipment.ts';

const HOUR = 3_600_000;
const PATIENCE = { deadlineMs: 60_000 };
let env: TestWorkflowEnvironment;
beforeAll(async () => {
  env = await startTimeSkipping();
});
afterAll(() => env.teardown());

type Twist = (activities: EquipmentActivities) => EquipmentActivities;
interface Stage {
  fake: FakeEquipment;
  handle: WorkflowHandle;
  workflowId: string;
  /** Wakes the session as `Executions.wakeEquipment` does. */
  wake: (edge: string) => Promise<void>;
  /** Everything that was signalled is done. */
  resting: () => Promise<unknown>;
  view: () => Promise<EquipmentSessionView>;
}

async function play(during: (stage: Stage) => Promise<unknown>, twist: Twist = (same) => same) {
  const workflowId = `equipment/${randomUUID()}`;
  const handle = env.client.workflow.getHandle(workflowId);
  const fake = new FakeEquipment(() => env.currentTimeMs());
  return withWorker(env.nativeConnection, twist(fake.activities), async (taskQueue) => {
    const wake = async (signalArg: string) => {
      await env.client.workflow.signalWithStart(EQUIPMENT_SESSION, {
        workflowId,
        taskQueue,
        args: [INPUT],
        signal: EQUIPMENT_EDGE_SIGNAL,
        signalArgs: [signalArg],
      });
    };
    const query = () => handle.query<EquipmentSessionView>(EQUIPMENT_VIEW_QUERY);
    // The time-skipping server sometimes forgets a query that meets a workflow task: it never answers it, and its clock
    // stands still from then on. And a signal that meets the end of an execution that goes on as a new one is refused.
    // So whoever asks, or wakes more than once, waits until the task is done.
    const isResting = async () => {
      const events = await historyOf(workflowId);
      const last = (name: 'Scheduled' | 'Completed') =>
        events.findLastIndex((event) => event[`workflowTask${name}EventAttributes`] != null);
      return last('Completed') > last('Scheduled');
    };
    const resting = () => waitFor(isResting, PATIENCE);
    const view = async () => {
      await resting();
      return query();
    };
    await during({ fake, handle, workflowId, wake, resting, view });
    return handle;
  });
}

const retire = async ({ fake, handle, wake }: Stage): Promise<EquipmentSessionOutcome> => {
  await fake.edge('offline', 'offline');
  fake.change({ isActive: false });
  await wake('settings');
  return (await handle.result()) as EquipmentSessionOutcome;
};

async function historyOf(workflowId: string, runId?: string) {
  const { history } = await env.client.workflowService.getWorkflowExecutionHistory({
    namespace: env.namespace ?? 'default',
    execution: { workflowId, ...(runId !== undefined && { runId }) },
  });
  return history?.events ?? [];
}

describe('a session', () => {
  it('reads what is true at each edge, shows it, and ends when its equipment is retired', async () => {
    await play(async (stage) => {
      const { fake, wake, view } = stage;
      await fake.edge('online', 'online');
      await wake('online');
      await waitFor(async () => (await view()).state === 'online');
      await fake.edge('alive', 'alive');
      fake.change({
        pendingFlags: ['parameters'],
        openAlarms: ['A1'],
        parametersVersion: 2,
        fetchedVersion: 1,
        status: 'Running',
      });
      await wake('alive');
      const seen = await waitFor(async () => {
        const now = await view();
        return now.state === 'alive' ? now : null;
      });
      expect(seen).toMatchObject({
        pendingFlags: ['parameters'],
        openAlarms: ['A1'],
        parametersVersion: 2,
        fetchedVersion: 1,
        status: 'Running',
        edges: 2,
      });
      expect(seen!.lines.map((line) => line.split(' ').at(-1))).toEqual(['online', 'alive']);
      expect(await retire(stage)).toEqual({ status: 'retired', edges: 3 });
    });
  });

  it('costs nothing while nothing happens: a week without an edge adds no event', async () => {
    await play(async (stage) => {
      const { fake, wake, view, workflowId } = stage;
      await fake.edge('online', 'online');
      await wake('online');
      await waitFor(async () => (await view()).state === 'online');
      const before = (await historyOf(workflowId)).length;
      await env.sleep(7 * 24 * HOUR);
      expect((await historyOf(workflowId)).length).toBe(before);
      expect(fake.reads).toBe(1);
      await retire(stage);
    });
  });

  it('lives through a month of edges: goes on as a new execution each day and forgets nothing', async () => {
    await play(async (stage) => {
      const { fake, handle, wake, resting, view } = stage;
      const firstRun = new Set<string>();
      for (let day = 0; day < 31; day++) {
        for (const [edge, state] of [
          ['suspect', 'suspect'],
          ['offline', 'offline'],
          ['back', 'alive'],
        ] as const) {
          await fake.edge(edge, state);
          await wake(edge);
          await resting();
          expect(fake.isMarked).toBe(false);
        }
        expect((await view()).edges).toBe(fake.journal.length);
        firstRun.add((await handle.describe()).runId);
        await env.sleep(24 * HOUR);
      }
      expect(firstRun.size).toBeGreaterThanOrEqual(29);
      const seen = await view();
      expect([seen.edges, seen.state, seen.lines.length]).toEqual([93, 'alive', 20]);
      expect(seen.lines.at(-1)).toContain('back');
      expect((await historyOf(stage.workflowId)).length).toBeLessThan(100);
      expect(await retire(stage)).toEqual({ status: 'retired', edges: 94 });
    });
  }, 180_000);

  it('reads again when an edge comes while it reads', async () => {
    let release = () => {};
    let isHeld = true;
    const gate = new Promise<void>((resolve) => (release = resolve));
    await play(
      async (stage) => {
        const { fake, wake, view } = stage;
        await fake.edge('online', 'online');
        await wake('online');
        await waitFor(() => fake.reads > 0);
        await fake.edge('alive', 'alive');
        await wake('alive');
        isHeld = false;
        release();
        await waitFor(async () => (await view()).state === 'alive');
        expect(await retire(stage)).toEqual({ status: 'retired', edges: 3 });
      },
      ({ readEquipmentSession }) => ({
        readEquipmentSession: async (...args) => {
          const facts = await readEquipmentSession(...args);
          if (isHeld) await gate;
          return facts;
        },
      }),
    );
  });

  it('goes on when each reading fails once, or is done twice', async () => {
    for (const repeated of [false, true]) {
      let calls = 0;
      await play(
        async (stage) => {
          for (const [edge, state] of [
            ['online', 'online'],
            ['alive', 'alive'],
            ['suspect', 'suspect'],
          ] as const) {
            await stage.fake.edge(edge, state);
            await stage.wake(edge);
            await waitFor(async () => (await stage.view()).state === state);
          }
          expect(await retire(stage)).toEqual({ status: 'retired', edges: 4 });
        },
        ({ readEquipmentSession }) => ({
          readEquipmentSession: async (...args) => {
            if (!repeated && calls++ % 2 === 0) throw new Error('the database is away');
            if (repeated) await readEquipmentSession(...args);
            return readEquipmentSession(...args);
          },
        }),
      );
    }
  });

  it('that fails for good fails visibly, and the next edge begins another', async () => {
    let isBroken = true;
    await play(
      async (stage) => {
        const { fake, handle, wake, view } = stage;
        await fake.edge('online', 'online');
        await wake('online');
        await expect(handle.result()).rejects.toThrow();
        isBroken = false;
        await fake.edge('alive', 'alive');
        await wake('alive');
        await waitFor(async () => (await view()).state === 'alive');
        await retire(stage);
      },
      ({ readEquipmentSession }) => ({
        readEquipmentSession: async (...args) => {
          if (isBroken) throw ApplicationFailure.nonRetryable('the table is gone');
          return readEquipmentSession(...args);
        },
      }),
    );
  });

  it('cancelled in Temporal ends cleanly; of a deleted equipment, too', async () => {
    await play(async ({ fake, handle, wake, view }) => {
      await fake.edge('online', 'online');
      await wake('online');
      await waitFor(async () => (await view()).state === 'online');
      await handle.cancel();
      expect(await handle.result()).toEqual({ status: 'cancelled', edges: 1 });
      fake.facts = null;
      await wake('settings');
      expect(await handle.result()).toEqual({ status: 'deleted', edges: 0 });
    });
  });
});

/** The workflow that reads MES, with its steps stood in for: whatever fails, the cycle ends with its report. */
import { randomUUID } from 'node:crypto';
import { WorkflowFailedError, type WorkflowHandle } from '@temporalio/client';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { MesActivities, MesReading } from '../../activities/mes.ts';
import { SYNC_MES, type MesSyncReport } from '../../workflows/contract.ts';
import { startTimeSkipping, withWorker } from '../support/temporal.ts';
import { waitFor } from '../support/wait.ts';
import { FakeMes } from './fake-mes.ts';

let env: TestWorkflowEnvironment;
beforeAll(async () => {
  env = await startTimeSkipping();
});
afterAll(() => env.teardown());

const more: MesReading = { state: 'more', rows: 10, words: '' };
const away: MesReading = { state: 'unreachable', rows: 0, words: 'MES does not answer: ECONNREFUSED' };
const ALL = ['carton new', 'sheet new', 'sheet review', 'carton review'];

async function play(
  answers: readonly MesReading[],
  twist: (activities: MesActivities) => MesActivities = (same) => same,
  during?: (handle: WorkflowHandle, mes: FakeMes) => Promise<unknown>,
) {
  const mes = new FakeMes(answers);
  const report = await withWorker(env.nativeConnection, twist(mes.activities), async (taskQueue) => {
    const handle = await env.client.workflow.start(SYNC_MES, {
      workflowId: `mes/${randomUUID()}`,
      taskQueue,
      args: [{}],
    });
    await during?.(handle, mes);
    return (await handle.result()) as MesSyncReport;
  });
  return { report, mes };
}

describe('a cycle', () => {
  it('reads both tables, what is new first', async () => {
    const { report, mes } = await play([]);
    expect(report.status).toBe('done');
    expect(mes.reads).toEqual(ALL);
  });

  it('goes on in a lane while there is more', async () => {
    const { mes } = await play([more, more]);
    expect(mes.reads).toEqual(['carton new', 'carton new', ...ALL]);
  });

  it('tells once what MES lacks', async () => {
    const words = 'MES has no index';
    const { report } = await play([
      { ...more, words },
      { ...more, words },
    ]);
    expect(report).toMatchObject({ status: 'done', words });
  });

  it('asks MES twice more before it says that it does not answer', async () => {
    const { report, mes } = await play([more, away, away, away]);
    expect(report).toMatchObject({ status: 'unreachable', words: away.words });
    expect(mes.reads).toHaveLength(4);
    expect((await play([away, away])).report).toMatchObject({ status: 'done', words: '' });
  });

  it('ends at once when MES may not be read', async () => {
    const { report, mes } = await play([{ state: 'refused', rows: 0, words: 'can do more than read' }]);
    expect(report).toMatchObject({ status: 'refused', words: 'can do more than read' });
    expect(mes.reads).toHaveLength(1);
  });

  it('goes on in another execution when it becomes long, as the same cycle', async () => {
    const { report, mes } = await play(Array.from({ length: 600 }, () => more));
    expect(report.status).toBe('done');
    expect(mes.opened).toBe(1);
    expect(mes.reads).toHaveLength(604);
    expect(mes.reads.slice(-4)).toEqual(ALL);
  }, 120_000);

  it('that is cancelled in Temporal says so in its report', async () => {
    let isReading = false;
    const { report } = await play(
      [],
      (activities) => ({
        ...activities,
        readMes: async (...args) => {
          isReading = true;
          await new Promise((resolve) => setTimeout(resolve, 1_000));
          return { ...(await activities.readMes(...args)), state: 'more' };
        },
      }),
      async (handle) => {
        await waitFor(() => isReading);
        await handle.cancel();
      },
    );
    expect(report).toMatchObject({ status: 'cancelled', words: 'cancelled in Temporal' });
  });
});

describe('torture', () => {
  it.each(['openMesCycle', 'readMes', 'closeMesCycle'] as const)(
    '%s fails once before and once after its effect',
    async (name) => {
      let calls = 0;
      const { report } = await play([more], (activities) => ({
        ...activities,
        [name]: async (...args: never[]) => {
          calls += 1;
          if (calls === 1) throw new Error('no database');
          const result = await (activities[name] as (...args: never[]) => Promise<unknown>)(...args);
          if (calls === 2) throw new Error('connection lost');
          return result;
        },
      }));
      expect(report.status).toBe('done');
      expect(calls).toBeGreaterThan(2);
    },
  );

  it('a bug fails the workflow, where people see it', async () => {
    const { ApplicationFailure } = await import('@temporalio/common');
    const broken = play([], (activities) => ({
      ...activities,
      readMes: async () => {
        throw ApplicationFailure.nonRetryable('the program has a bug', 'InvariantViolated');
      },
    }));
    await expect(broken).rejects.toThrow(WorkflowFailedError);
  });
});

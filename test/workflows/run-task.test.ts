import { randomUUID } from 'node:crypto';
import { WithStartWorkflowOperation, WorkflowUpdateFailedError, type WorkflowHandle } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TaskActivities } from '../../activities/tasks.ts';
import {
  APPROVE_UPDATE,
  CANCEL_UPDATE,
  PACING_UPDATE,
  PAUSE_UPDATE,
  REJECT_UPDATE,
  RESUME_UPDATE,
  RETRY_UPDATE,
  RUN_TASK,
  START_NOW_UPDATE,
  TASK_VIEW_QUERY,
  type PacingAnswer,
  type PacingChange,
  type TaskOutcome,
  type TaskView,
} from '../../workflows/contract.ts';
import { endedAtMs, startTimeSkipping, withWorker } from '../support/temporal.ts';
import { waitFor } from '../support/wait.ts';
import { HOUR, MINUTE } from './fake-device.ts';
import { FakeTask, MAKER, type FakeTaskOptions } from './fake-task.ts';

let env: TestWorkflowEnvironment;
beforeAll(async () => {
  env = await startTimeSkipping();
});
afterAll(async () => {
  await env.teardown();
});

const LI = { author: 'li', cause: 'complaints' };

interface Play {
  twist?: (activities: TaskActivities) => TaskActivities;
  during?: (handle: WorkflowHandle, task: FakeTask, taskQueue: string) => Promise<void>;
}

async function play(options: FakeTaskOptions, { twist = (same) => same, during }: Play = {}) {
  const nowMs = () => env.currentTimeMs();
  const startedAtMs = await nowMs();
  const task = new FakeTask(options, { nowMs, startedAtMs });
  const workflowId = `task/${randomUUID()}`;
  return withWorker(env.nativeConnection, twist(task.activities), async (taskQueue) => {
    const handle = await env.client.workflow.start(RUN_TASK, { workflowId, taskQueue, args: [{ taskId: 7 }] });
    await during?.(handle, task, taskQueue);
    const outcome = (await handle.result()) as TaskOutcome;
    const { events } = await handle.fetchHistory();
    return { outcome, task, events: events?.length ?? 0, tookMs: (await endedAtMs(handle)) - startedAtMs };
  });
}

const view = (handle: WorkflowHandle) => handle.query<TaskView>(TASK_VIEW_QUERY);

describe('a task', () => {
  it('waits out its dispatch delay, starts every device within the pacing and ends', async () => {
    const { outcome, task, tookMs } = await play({ devices: 120, dispatchDelayMs: 10 * MINUTE, maxConcurrent: 50 });
    expect(outcome).toEqual({ status: 'finished', counts: { succeeded: 120 } });
    expect(task.mostAtOnce).toBe(50);
    expect(tookMs).toBeGreaterThanOrEqual(10 * MINUTE);
    expect(task.log).toEqual([
      'running by system: the dispatch delay is over',
      'finished by system: every device has ended',
    ]);
  });

  it('sleeps until the permitted hours begin', async () => {
    const { outcome, tookMs } = await play({ devices: 3, windowOpensAfterMs: 8 * HOUR });
    expect(outcome.status).toBe('finished');
    expect(tookMs).toBeGreaterThanOrEqual(8 * HOUR);
  });

  it('ends at its deadline: devices that were never started expire, lost ones are ended', async () => {
    const { outcome, task, tookMs } = await play({
      devices: 4,
      maxConcurrent: 1,
      takesMs: null,
      deadlineMs: HOUR,
      windowOpensAfterMs: HOUR - 500,
    });
    expect(outcome).toEqual({ status: 'finished', counts: { expired: 3, failed: 1 } });
    expect(tookMs).toBeLessThan(2 * HOUR + 15 * MINUTE);
    expect(task.status).toBe('finished');
  }, 60_000);

  it('keeps its history short however many devices it has', async () => {
    const few = await play({ devices: 50, takesMs: 0 });
    const many = await play({ devices: 50_000, takesMs: 0, maxConcurrent: 50_000 });
    expect(many.outcome.counts).toEqual({ succeeded: 50_000 });
    expect(many.events - few.events).toBeLessThan(20);
  });
});

describe('an operator', () => {
  it('pauses and resumes; nothing is started in between', async () => {
    const { outcome, task } = await play(
      { devices: 10, maxConcurrent: 1 },
      {
        during: async (handle, fake) => {
          await waitFor(() => fake.upgrades.some(({ startedAtMs }) => startedAtMs !== null));
          await handle.executeUpdate(PAUSE_UPDATE, { args: [LI] });
          await waitFor(async () => (await view(handle)).phase === 'paused');
          const started = fake.upgrades.filter(({ startedAtMs }) => startedAtMs !== null).length;
          expect(started).toBeLessThan(10);
          expect(fake.status).toBe('paused');
          await handle.executeUpdate(RESUME_UPDATE, { args: [LI] });
        },
      },
    );
    expect(outcome.counts).toEqual({ succeeded: 10 });
    expect(task.log).toEqual(expect.arrayContaining(['paused by li: complaints', 'resumed by li: complaints']));
  });

  it('cancels: what was not started never is, what is under way is told', async () => {
    const { outcome, task } = await play(
      { devices: 10, maxConcurrent: 2, takesMs: null },
      {
        during: async (handle, fake) => {
          await waitFor(() => fake.upgrades.some(({ startedAtMs }) => startedAtMs !== null));
          await handle.executeUpdate(CANCEL_UPDATE, { args: [LI] });
        },
      },
    );
    expect(outcome).toEqual({ status: 'cancelled', counts: { cancelled: 10 } });
    expect(task.log).toEqual(
      expect.arrayContaining(['cancelling by li: complaints', 'told 2: cancel', 'cancelled by li: complaints']),
    );
  });

  it('who cancels in the Temporal Web UI gets the same orderly end', async () => {
    const { outcome } = await play(
      { devices: 4, dispatchDelayMs: HOUR },
      { during: async (handle) => void (await handle.cancel()) },
    );
    expect(outcome).toEqual({ status: 'cancelled', counts: { cancelled: 4 } });
  });

  it('shortens the delay', async () => {
    const { outcome, tookMs } = await play(
      { devices: 2, dispatchDelayMs: 20 * HOUR, deadlineMs: 30 * HOUR },
      { during: async (handle) => void (await handle.executeUpdate(START_NOW_UPDATE, { args: [LI] })) },
    );
    expect(outcome.status).toBe('finished');
    expect(tookMs).toBeLessThan(HOUR);
  });

  it('changes the pacing while the task runs', async () => {
    const { task } = await play(
      { devices: 20, maxConcurrent: 1 },
      {
        during: async (handle, fake) => {
          await waitFor(() => fake.upgrades.some(({ startedAtMs }) => startedAtMs !== null));
          await handle.executeUpdate(PACING_UPDATE, { args: [{ ...LI, fields: { maxConcurrent: 15 } }] });
        },
      },
    );
    expect(task.mostAtOnce).toBeGreaterThan(5);
    expect(task.log).toContain('pacing 15 by li');
  });

  it('retries failed devices, also after the task has ended', async () => {
    const { task } = await play(
      { devices: 3, endsAs: 'failed' },
      {
        during: async (handle, fake, taskQueue) => {
          expect(await handle.result()).toMatchObject({ counts: { failed: 3 } });
          const start = new WithStartWorkflowOperation(RUN_TASK, {
            workflowId: handle.workflowId,
            taskQueue,
            args: [{ taskId: 7 }],
            workflowIdConflictPolicy: 'USE_EXISTING',
          });
          const count = await env.client.workflow.executeUpdateWithStart(RETRY_UPDATE, {
            args: [LI],
            startWorkflowOperation: start,
          });
          expect(count).toBe(3);
          expect(await env.client.workflow.getHandle(handle.workflowId).result()).toMatchObject({
            counts: { succeeded: 3 },
          });
          expect(fake.status).toBe('finished');
        },
      },
    );
    expect(task.log).toContain('retry of 3 by li');
  });

  it('is refused with a reason when it is too late', async () => {
    await play(
      { devices: 4, takesMs: null, maxConcurrent: 1 },
      {
        during: async (handle) => {
          await handle.executeUpdate(CANCEL_UPDATE, { args: [LI] });
          const refused = await handle.executeUpdate(PAUSE_UPDATE, { args: [LI] }).catch((error: unknown) => error);
          expect(refused).toBeInstanceOf(Error);
          if (refused instanceof WorkflowUpdateFailedError) expect(refused.cause?.message).toContain('being cancelled');
        },
      },
    );
  });
});

const refusalOf = (work: Promise<unknown>) =>
  work.then(
    () => 'accepted',
    (error: unknown) => (error instanceof WorkflowUpdateFailedError ? (error.cause?.message ?? '') : String(error)),
  );

describe('a task that must be approved', () => {
  const approval = { withinMs: 4 * HOUR, onExpiry: 'cancel', fourEyes: true } as const;
  const WANG = { author: 'wang', keyId: 2, cause: 'looks good' };
  const awaiting = (handle: WorkflowHandle) => waitFor(async () => (await view(handle)).phase === 'awaiting approval');

  it('starts nothing until somebody else has approved it', async () => {
    const { outcome, task } = await play(
      { devices: 3, approval },
      {
        during: async (handle, fake) => {
          await awaiting(handle);
          const own = { ...WANG, author: MAKER };
          expect(await refusalOf(handle.executeUpdate(APPROVE_UPDATE, { args: [own] }))).toContain('somebody else');
          expect(await refusalOf(handle.executeUpdate(PAUSE_UPDATE, { args: [LI] }))).toContain('awaits an approval');
          expect(await refusalOf(handle.executeUpdate(RESUME_UPDATE, { args: [LI] }))).toContain('awaits an approval');
          expect(fake.upgrades.every(({ startedAtMs }) => startedAtMs === null)).toBe(true);
          await handle.executeUpdate(APPROVE_UPDATE, { args: [WANG] });
        },
      },
    );
    expect(outcome).toEqual({ status: 'finished', counts: { succeeded: 3 } });
    expect(task.log).toEqual([
      'approval_needed by system: somebody other than zhao must approve it',
      'approved by wang: looks good',
      'running by system: the dispatch delay is over',
      'finished by system: every device has ended',
    ]);
  });

  it('can be approved once; the dispatch delay runs meanwhile', async () => {
    const { outcome, tookMs } = await play(
      { devices: 1, approval, dispatchDelayMs: HOUR },
      {
        during: async (handle) => {
          await awaiting(handle);
          await handle.executeUpdate(APPROVE_UPDATE, { args: [WANG] });
          const again = { ...WANG, author: 'chen' };
          expect(await refusalOf(handle.executeUpdate(APPROVE_UPDATE, { args: [again] }))).toContain('does not await');
          expect(await refusalOf(handle.executeUpdate(REJECT_UPDATE, { args: [again] }))).toContain('does not await');
        },
      },
    );
    expect(outcome.status).toBe('finished');
    expect(tookMs).toBeGreaterThanOrEqual(HOUR);
    expect(tookMs).toBeLessThan(2 * HOUR);
  });

  it('that is rejected ends as cancelled, with the cause', async () => {
    const { outcome, task } = await play(
      { devices: 2, approval },
      {
        during: async (handle) => {
          await awaiting(handle);
          await handle.executeUpdate(REJECT_UPDATE, { args: [{ ...WANG, cause: 'wrong file' }] });
        },
      },
    );
    expect(outcome).toEqual({ status: 'cancelled', counts: { cancelled: 2 } });
    expect(task.log).toContain('rejected by wang: wrong file');
  });

  it.each([
    ['cancel', 'cancelled', 'cancelling by system: nobody approved it in time'],
    ['start', 'finished', 'approved by system: nobody decided in time, and the order says to start then'],
  ] as const)('about which nobody decides: %s', async (onExpiry, status, line) => {
    const { outcome, task, tookMs } = await play({ devices: 2, approval: { ...approval, onExpiry } });
    expect(outcome.status).toBe(status);
    expect(task.log).toContain(line);
    expect(tookMs).toBeGreaterThanOrEqual(4 * HOUR);
  });
});

describe('a rule that aborts', () => {
  const rule = { failures: 'any', percent: 50, afterFinished: 4, effect: 'pause' } as const;

  it('pauses the task; resumed, it does not fire again at the same counts', async () => {
    const { outcome, task } = await play(
      { devices: 6, maxConcurrent: 2, endsAs: 'failed', abort: [rule] },
      {
        during: async (handle, fake) => {
          await waitFor(async () => (await view(handle)).phase === 'paused');
          expect(fake.counts()['failed']).toBeGreaterThanOrEqual(4);
          expect(fake.upgrades.some(({ startedAtMs }) => startedAtMs === null)).toBe(true);
          await handle.executeUpdate(RESUME_UPDATE, { args: [LI] });
        },
      },
    );
    expect(outcome).toEqual({ status: 'finished', counts: { failed: 6 } });
    expect(task.log.filter((line) => line.startsWith('aborted'))).toEqual([
      'aborted by system: 4 of 4 finished devices did not succeed (100 %); the rule stops the task at 50 % after at least 4 finished',
    ]);
  });

  it('cancels what was not offered yet; the others go on to their end', async () => {
    const { outcome, task } = await play({
      devices: 8,
      maxConcurrent: 4,
      endsAs: 'failed',
      abort: [{ ...rule, effect: 'cancel_waiting' }],
    });
    expect(outcome).toEqual({ status: 'finished', counts: { failed: 4, cancelled: 4 } });
    expect(task.log).toContain('told those that wait: cancel');
  });

  it('cancels the task', async () => {
    const { outcome, task } = await play({
      devices: 8,
      maxConcurrent: 4,
      endsAs: 'failed',
      abort: [{ ...rule, effect: 'cancel' }],
    });
    expect(outcome).toEqual({ status: 'cancelled', counts: { failed: 4, cancelled: 4 } });
    expect(task.log.find((line) => line.startsWith('aborted by system: 4 of 4'))).toBeDefined();
    expect(task.log.at(-1)).toMatch(/^cancelled by system: 4 of 4/);
  });
});

describe('a task that devices may join', () => {
  it('lives until its deadline, also when all it has have ended', async () => {
    const { outcome, tookMs } = await play(
      { devices: 2, joins: true, deadlineMs: 40_000 },
      {
        during: async (_handle, fake) => {
          await waitFor(() => fake.counts()['succeeded'] === 2);
          fake.join(1);
        },
      },
    );
    expect(outcome).toEqual({ status: 'finished', counts: { succeeded: 3 } });
    expect(tookMs).toBeGreaterThanOrEqual(40_000);
  });
});

describe('two people at the pacing', () => {
  it('do not overwrite each other unseen', async () => {
    await play(
      { devices: 3, dispatchDelayMs: HOUR },
      {
        during: async (handle) => {
          const change = (author: string, maxConcurrent: number) =>
            handle.executeUpdate<PacingAnswer, [PacingChange]>(PACING_UPDATE, {
              args: [{ author, fields: { maxConcurrent }, revision: 1 }],
            });
          expect(await change('li', 5)).toEqual({ kind: 'changed', revision: 2 });
          expect(await change('wang', 7)).toEqual({ kind: 'conflict', revision: 2 });
        },
      },
    );
  });
});

describe('torture: whatever happens to a step of a task, the end is the same', () => {
  const plain = { devices: 5, maxConcurrent: 2 };
  const approval = { withinMs: HOUR, onExpiry: 'start', fourEyes: true } as const;
  const rule = { failures: 'any', percent: 50, afterFinished: 2, effect: 'cancel_waiting' } as const;
  const aborting = { ...plain, endsAs: 'failed', abort: [rule] } as const;
  const succeeded = { succeeded: 5 };

  it.each<[keyof TaskActivities, FakeTaskOptions, TaskOutcome['counts']]>([
    ['loadTask', plain, succeeded],
    ['recordTaskStatus', plain, succeeded],
    ['dispatchUpgrades', plain, succeeded],
    ['countTask', plain, succeeded],
    ['countStatuses', plain, succeeded],
    ['recordApprovalNeeded', { ...plain, approval }, succeeded],
    ['recordApproval', { ...plain, approval }, succeeded],
    ['recordWaitingStopped', { ...aborting, abort: [rule] }, { failed: 2, cancelled: 3 }],
    ['endUndispatched', { ...aborting, abort: [rule] }, { failed: 2, cancelled: 3 }],
    ['tellInFlight', { ...aborting, abort: [rule] }, { failed: 2, cancelled: 3 }],
  ])('%s fails once before and once after its effect', async (step, options, counts) => {
    let calls = 0;
    const { outcome } = await play(options, {
      twist: (activities) => {
        const work = activities[step] as (...args: unknown[]) => Promise<unknown>;
        const twisted = async (...args: unknown[]) => {
          calls += 1;
          if (calls === 1) throw new Error('connection refused');
          const result = await work(...args);
          if (calls === 2) throw new Error('connection lost before the answer');
          return result;
        };
        return { ...activities, [step]: twisted };
      },
    });
    expect(outcome).toEqual({ status: 'finished', counts });
    expect(calls).toBeGreaterThan(1);
  });

  it('a bug in a step fails the workflow, where people see it, and nothing is hidden', async () => {
    const broken = play(
      { devices: 5 },
      {
        twist: (activities) => ({
          ...activities,
          dispatchUpgrades: async () => {
            throw ApplicationFailure.nonRetryable('the program has a bug', 'InvariantViolated');
          },
        }),
      },
    );
    await expect(broken).rejects.toThrow();
  });
});

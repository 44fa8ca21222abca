import { ApplicationFailure } from '@temporalio/common';
import { randomUUID } from 'node:crypto';
import type { WorkflowHandle } from '@temporalio/client';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CommandActivities } from '../../activities/commands.ts';
import {
  COMMAND_EDGE_SIGNAL,
  COMMAND_VIEW_QUERY,
  SEND_COMMAND,
  type CommandOutcome,
  type CommandView,
} from '../../workflows/contract.ts';
import { isCommandEnd, type CommandOrder } from '../../workflows/rules/commands.ts';
import { endedAtMs, startTimeSkipping, withWorker } from '../support/temporal.ts';
import { waitFor } from '../support/wait.ts';
import { FakeCommand, HOUR, VALUE, type FakeCommandOptions } from './fake-command.ts';

let env: TestWorkflowEnvironment;
beforeAll(async () => {
  env = await startTimeSkipping();
});
afterAll(() => env.teardown());

interface Play extends FakeCommandOptions {
  twist?: (activities: CommandActivities, fake: FakeCommand) => CommandActivities;
  during?: (handle: WorkflowHandle, fake: FakeCommand) => Promise<unknown>;
}

async function play({ twist = (same) => same, during, ...options }: Play) {
  const workflowId = `command/${randomUUID()}`;
  const current = env.client.workflow.getHandle(workflowId);
  const startedAtMs = await env.currentTimeMs();
  let isOver = false;
  const fake = new FakeCommand(options, {
    nowMs: () => env.currentTimeMs(),
    startedAtMs,
    signal: (edge) => current.signal(COMMAND_EDGE_SIGNAL, edge).catch(() => {}),
    after: (ms, act) => {
      void env.sleep(ms).then(
        () => (isOver ? undefined : act()),
        () => {},
      );
    },
  });
  return withWorker(env.nativeConnection, twist(fake.activities, fake), async (taskQueue) => {
    const handle = await env.client.workflow.start(SEND_COMMAND, { workflowId, taskQueue, args: [fake.input] });
    await during?.(handle, fake);
    const outcome = (await handle.result()) as CommandOutcome;
    const { events } = await handle.fetchHistory();
    return { outcome, fake, tookMs: (await endedAtMs(handle)) - startedAtMs, events: events?.length ?? 0 };
  }).finally(() => (isOver = true));
}

const restart = (control: 'at_once' | 'when_idle'): { order: CommandOrder } => ({
  order: { kind: 'restart', control },
});
const NEVER = { awayMs: Infinity };
const YES = { said: 'restart', accepted: true } as const;

describe('a command', () => {
  it('to a connected device is sent, answered, done, in few events', async () => {
    const { outcome, fake, events } = await play({ reactions: [VALUE('600')] });
    expect(outcome).toEqual({ status: 'succeeded', reason: null });
    expect(fake.sent).toEqual([1]);
    expect(events).toBeLessThanOrEqual(20);
  });

  it('to a sleeping device costs one timer until it has contact', async () => {
    const { outcome, fake, tookMs, events } = await play({ reactions: [{ awayMs: 20 * HOUR }] });
    expect(outcome.status).toBe('succeeded');
    expect(fake.sent).toEqual([1]);
    expect(tookMs).toBeGreaterThanOrEqual(20 * HOUR);
    expect(events).toBeLessThanOrEqual(28);
  });

  it('that is not answered is sent three times, under three numbers, and then failed', async () => {
    const { outcome, fake, tookMs } = await play({ reactions: ['silent'] });
    expect(outcome).toEqual({ status: 'failed', reason: 'no_answer' });
    expect(fake.sent).toEqual([1, 2, 3]);
    expect(tookMs).toBeGreaterThanOrEqual(90_000);
    expect(tookMs).toBeLessThan(HOUR);
  });

  it('whose second sending is answered has succeeded', async () => {
    const { outcome, fake } = await play({ reactions: ['silent', VALUE('600')] });
    expect([outcome.status, fake.sent]).toEqual(['succeeded', [1, 2]]);
  });

  it('answered with something else asks once, and the answer to that decides', async () => {
    const done = await play({ reactions: [VALUE('60'), VALUE('600', 'CHKSLPT')] });
    expect([done.outcome.status, done.fake.stages]).toEqual(['succeeded', ['order', 'check']]);
    const not = await play({ reactions: [VALUE('60'), VALUE('60', 'CHKSLPT')] });
    expect([not.outcome, not.fake.stages]).toEqual([
      { status: 'failed', reason: 'value_not_taken' },
      ['order', 'check'],
    ]);
  });

  it('that a terminal refuses fails with its code', async () => {
    const { outcome, fake } = await play({ reactions: [VALUE('05')] });
    expect([outcome, fake.sent]).toEqual([{ status: 'failed', reason: 'terminal_05' }, [1]]);
  });

  it('to a device that never has contact ends by its deadline', async () => {
    const { outcome, fake, tookMs } = await play({ reactions: [NEVER], lifeMs: 24 * HOUR });
    expect([outcome, fake.sent]).toEqual([{ status: 'expired', reason: null }, []]);
    expect(tookMs).toBeGreaterThanOrEqual(24 * HOUR);
    expect(tookMs).toBeLessThan(25 * HOUR);
    expect(fake.log.at(-1)).toContain('never sent');
  });

  it('can be looked at while it runs', async () => {
    await play({
      reactions: [NEVER],
      during: async (handle, fake) => {
        const view = await waitFor(async () => {
          const seen = await handle.query<CommandView>(COMMAND_VIEW_QUERY);
          return seen.waitsFor === 'the next contact' && seen;
        });
        expect(view).toMatchObject({ status: 'waiting', attempt: 1 });
        await fake.contact(1);
      },
    });
  });
});

describe('a restart', () => {
  it('is done when the pile has logged in again, however long charging takes', async () => {
    const { outcome, tookMs } = await play({ input: restart('when_idle'), reactions: [YES], backAfterMs: 20 * HOUR });
    expect(outcome.status).toBe('succeeded');
    expect(tookMs).toBeGreaterThanOrEqual(20 * HOUR);
  });

  it('at once fails when the pile is not back in half an hour', async () => {
    const { outcome, tookMs } = await play({ input: restart('at_once'), reactions: [YES], backAfterMs: null });
    expect(outcome).toEqual({ status: 'failed', reason: 'no_login' });
    expect(tookMs).toBeGreaterThanOrEqual(HOUR / 2);
    expect(tookMs).toBeLessThan(HOUR);
  });

  it('that waits for charging to end is bounded by its deadline', async () => {
    const { outcome } = await play({
      input: restart('when_idle'),
      reactions: [YES],
      backAfterMs: null,
      lifeMs: 2 * HOUR,
    });
    expect(outcome).toEqual({ status: 'expired', reason: null });
  });

  it('that is refused is not sent again', async () => {
    const { outcome, fake } = await play({
      input: restart('at_once'),
      reactions: [{ said: 'restart', accepted: false }],
    });
    expect([outcome, fake.sent]).toEqual([{ status: 'failed', reason: 'pile_refused' }, [1]]);
  });
});

describe('taken back', () => {
  it('by a person, its execution ends at once', async () => {
    const { outcome, fake } = await play({
      reactions: [NEVER],
      during: async (handle, fake) => {
        await waitFor(async () => (await handle.query<CommandView>(COMMAND_VIEW_QUERY)).waitsFor !== null);
        expect(await fake.cancel()).toBe(true);
        // No time is skipped before somebody waits for the result: it ends by the signal alone.
        await waitFor(async () => (await handle.describe()).status.name === 'COMPLETED', { deadlineMs: 30_000 });
      },
    });
    expect([outcome.status, fake.sent]).toEqual(['cancelled', []]);
  });

  it('by cancelling in Temporal it takes the same way out, with a word who', async () => {
    const { outcome, fake } = await play({
      reactions: [NEVER],
      during: async (handle, fake) => {
        await waitFor(() => fake.facts.attempt === 1);
        await handle.cancel();
      },
    });
    expect([outcome.status, fake.sent]).toEqual(['cancelled', []]);
    expect(fake.log.at(-1)).toBe('temporal: cancelled in Temporal');
  });

  it('in Temporal while the answer is awaited: no other attempt follows, and an answer still counts', async () => {
    const cancelled = (reactions: Play['reactions'], then: (fake: FakeCommand) => Promise<unknown>) =>
      play({
        reactions,
        during: async (handle, fake) => {
          await waitFor(() => fake.sent.length === 1);
          await handle.cancel();
          await then(fake);
        },
      });
    const silent = await cancelled(['silent'], async () => {});
    expect([silent.outcome.status, silent.fake.sent]).toEqual(['cancelled', [1]]);
    const answered = await cancelled(['silent'], (fake) => fake.answer(VALUE('600')));
    expect([['succeeded', 'cancelled'].includes(answered.outcome.status), answered.fake.sent]).toEqual([true, [1]]);
  });

  it('in Temporal after the pile has agreed: what comes of it is awaited', async () => {
    const { outcome } = await play({
      input: restart('when_idle'),
      reactions: [YES],
      backAfterMs: null,
      during: async (handle, fake) => {
        await waitFor(() => fake.status === 'accepted');
        await handle.cancel();
        await fake.login();
      },
    });
    expect(outcome.status).toBe('succeeded');
  });
});

describe('torture', () => {
  const STEPS = ['openCommandAttempt', 'readCommand', 'acceptCommand', 'finishCommand'] as const;
  const twice =
    (step: (typeof STEPS)[number], when: 'before' | 'after') =>
    (activities: CommandActivities): CommandActivities => {
      let isFirst = true;
      const real = activities[step] as (arg: never) => Promise<unknown>;
      const shaken = async (arg: never) => {
        const breaks = isFirst;
        isFirst = false;
        if (breaks && when === 'before') throw new Error('connection refused');
        const result = await real(arg);
        if (breaks) throw new Error('connection lost');
        return result;
      };
      return { ...activities, [step]: shaken };
    };

  it.each(STEPS.flatMap((step) => [[step, 'before'] as const, [step, 'after'] as const]))(
    'when %s fails once %s its effect, everything is sent once and ends as it should',
    async (step, when) => {
      const { outcome, fake } = await play({
        input: restart('at_once'),
        reactions: ['silent', YES],
        twist: twice(step, when),
      });
      expect([outcome.status, fake.sent]).toEqual(['succeeded', [1, 2]]);
    },
  );

  it.each(STEPS)('a bug in %s fails the workflow, where people see it, and the command says so', async (step) => {
    const bug = async () => {
      throw ApplicationFailure.nonRetryable('the program has a bug', 'InvariantViolated');
    };
    let seen: FakeCommand | undefined;
    const broken = play({
      input: restart('at_once'),
      reactions: [YES],
      twist: (activities, fake) => {
        seen = fake;
        return { ...activities, [step]: bug };
      },
    });
    await expect(broken).rejects.toThrow();
    if (step === 'finishCommand') return;
    expect(seen!.status).toBe('failed');
    expect(seen!.facts.reason).toBe('internal_error');
  });

  it('signals that mean nothing, come twice or too early change nothing', async () => {
    const { outcome, fake } = await play({
      reactions: ['silent', VALUE('600')],
      during: async (handle) => {
        for (const edge of ['unread', 'sent', 'answered', 'proven', 'cancelled', 'nonsense']) {
          await handle.signal(COMMAND_EDGE_SIGNAL, edge);
        }
      },
    });
    expect([outcome.status, fake.sent]).toEqual(['succeeded', [1, 2]]);
  });

  it.each([
    ['has attempts behind it', { attempt: 2, stageAttempt: 2, sends: 1, status: 'waiting', awaitsContact: true }],
    ['awaits the answer', { attempt: 2, stageAttempt: 2, sends: 2, status: 'sent' }],
  ] as const)('an execution that is started again goes on where the row is: it %s', async (_, state) => {
    const { outcome, fake } = await play({
      reactions: [VALUE('600')],
      twist: (activities, fake) => {
        Object.assign(
          fake.facts,
          state,
          state.status === 'sent' ? { sentAtMs: fake.facts.expiresAtMs - 24 * HOUR } : {},
        );
        return activities;
      },
      during: async (_handle, fake) => {
        if (state.status === 'waiting') await waitFor(() => fake.contact(2).then(() => fake.sent.includes(2)));
      },
    });
    expect(isCommandEnd(outcome.status)).toBe(true);
    expect(outcome.status).toBe('succeeded');
    expect(fake.sent).not.toContain(1);
    expect(new Set(fake.sent).size).toBe(fake.sent.length);
  });
});

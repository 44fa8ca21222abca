/** The session of an agent, with its steps stood in for: what it does after each way in which a line can end. */
import { randomUUID } from 'node:crypto';
import { WorkflowFailedError, type WorkflowHandle } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AgentActivities } from '../../activities/agent.ts';
import type { LineEnd } from '../../activities/agent-line.ts';
import { AGENT_CHANGED_SIGNAL, AGENT_SESSION, AGENT_VIEW_QUERY, agentWorkflowId } from '../../workflows/contract.ts';
import { endedAtMs, startTimeSkipping, withWorker } from '../support/temporal.ts';
import { waitFor } from '../support/wait.ts';
import { FakeAgent, type FakeAgentOptions } from './fake-agent.ts';

let env: TestWorkflowEnvironment;
beforeAll(async () => {
  env = await startTimeSkipping();
});
afterAll(() => env.teardown());

async function play(
  options: FakeAgentOptions,
  {
    twist = (same) => same,
    during,
  }: {
    twist?: (activities: AgentActivities) => AgentActivities;
    during?: (handle: WorkflowHandle, agent: FakeAgent) => Promise<unknown>;
  } = {},
) {
  const agent = new FakeAgent(options);
  const tookMs = await withWorker(env.nativeConnection, twist(agent.activities), async (taskQueue) => {
    const startedAtMs = await env.currentTimeMs();
    const handle = await env.client.workflow.start(AGENT_SESSION, {
      workflowId: agentWorkflowId(randomUUID()),
      taskQueue,
      args: [{ agentId: 1, code: 'EQ1' }],
    });
    await during?.(handle, agent);
    await handle.result();
    return (await endedAtMs(handle)) - startedAtMs;
  });
  return { log: agent.log, tookMs };
}

const lost: LineEnd = { kind: 'lost', why: 'no answer' };
const dropped: LineEnd = { kind: 'dropped', why: 'refused: who are you', periodMs: 30_000 };
const flag = (flagId: number): LineEnd => ({ kind: 'flag', flagId, action: 'material_up' });
const refused = { kind: 'refused', why: 'refused: unknown equipment', periodMs: 30_000 } as const;

describe('a session', () => {
  it('goes online, follows what the MOM asks on the same line, and ends when the agent is switched off', async () => {
    const { log } = await play({ ends: [flag(1), { kind: 'rested', why: '' }, flag(2)] });
    expect(log).toEqual(['online', 'flag', 'flag 1', 'rested', 'flag', 'flag 2']);
  });

  it('goes online again for parameters and after a line was lost', async () => {
    const { log } = await play({ ends: [{ kind: 'parameters', why: 'KeyFlag 98' }, lost] });
    expect(log).toEqual(['online', 'parameters', 'online', 'lost', 'online']);
  });

  it('keeps calling a MOM that is away, without a line in its history', async () => {
    let events = 0;
    const { log } = await play(
      { online: Array.from({ length: 30 }, () => 'unreachable' as const) },
      {
        during: async (handle) => {
          await handle.result();
          events = (await handle.fetchHistory()).events?.length ?? 0;
        },
      },
    );
    expect(log.filter((step) => step === 'unreachable')).toHaveLength(30);
    expect(events).toBeLessThan(40);
  });

  it('leaves a MOM alone that refuses it, longer each time', async () => {
    const { log, tookMs } = await play({ online: [refused, refused, refused] });
    expect(log).toEqual(['refused', 'refused', 'refused', 'online']);
    expect(tookMs).toBeGreaterThanOrEqual(30_000 + 60_000 + 120_000);
  });

  it('rests after heartbeats that were not wanted', async () => {
    const { log, tookMs } = await play({ ends: [dropped, dropped] });
    expect(log).toEqual(['online', 'dropped', 'online', 'dropped', 'online']);
    expect(tookMs).toBeGreaterThanOrEqual(90_000);
  });

  it('goes on in another execution when it becomes long', async () => {
    const { log } = await play({ ends: Array.from({ length: 320 }, (_, index) => flag(index)) });
    expect(log.filter((step) => step.startsWith('flag '))).toHaveLength(320);
    expect(log.filter((step) => step === 'online')).toHaveLength(2);
  }, 120_000);

  it('that is being changed does not wait for a MOM that is away', async () => {
    const { log } = await play(
      { online: Array.from({ length: 3 }, () => 'unreachable' as const) },
      {
        twist: (activities) => ({
          ...activities,
          callOnline: async (agentId) => {
            const before = activities.callOnline;
            return before(agentId).catch((cause: unknown) => {
              throw ApplicationFailure.create({ message: 'away', nextRetryDelay: '30 days', cause: cause as Error });
            });
          },
        }),
        during: async (handle, agent) => {
          await waitFor(() => agent.log.length === 1);
          expect(await handle.query(AGENT_VIEW_QUERY)).toMatchObject({ phase: 'going online' });
          agent.isOff = true;
          await handle.signal(AGENT_CHANGED_SIGNAL);
        },
      },
    );
    expect(log).toEqual(['unreachable']);
  });
});

describe('torture', () => {
  const steps = ['callOnline', 'holdLine', 'followFlag'] as const;
  it.each(steps)('%s fails once before and once after its effect', async (name) => {
    let calls = 0;
    const { log } = await play(
      { ends: [flag(1), lost, flag(2)] },
      {
        twist: (activities) => ({
          ...activities,
          [name]: async (id: number) => {
            calls += 1;
            if (calls === 1) throw new Error('no database');
            const result = await activities[name](id);
            if (calls === 2) throw new Error('connection lost');
            return result;
          },
        }),
      },
    );
    expect(calls).toBeGreaterThan(2);
    // a line whose end was not heard of is held again; what it noted is in the database and comes again
    const flags = log.filter((step) => step.startsWith('flag '));
    expect(flags).toEqual(name === 'holdLine' ? ['flag 2'] : ['flag 1', 'flag 2']);
  });

  it('a bug fails the workflow, where people see it', async () => {
    const broken = play(
      {},
      {
        twist: (activities) => ({
          ...activities,
          holdLine: async () => {
            throw ApplicationFailure.nonRetryable('the program has a bug', 'InvariantViolated');
          },
        }),
      },
    );
    await expect(broken).rejects.toThrow(WorkflowFailedError);
  });
});

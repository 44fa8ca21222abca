/**
 * The steps of an agent's session: the online call, the line while it is held, and what a flag asks for.
 *
 * A MOM that does not answer is no failure of the program: the online call is simply repeated, by Temporal, which shows
 * how often and why, and writes nothing into the history meanwhile.
 */
import { ApplicationFailure, cancellationSignal, heartbeat } from '@temporalio/activity';
import { AgentLine, clientOf, envelopeOf, troubleOf, type LineEnd } from './agent-line.ts';
import { LinePoller } from './agent-poller.ts';
import { step } from './failures.ts';
import * as calls from '../db/factory/agent-calls.ts';
import * as lines from '../db/factory/agent-line.ts';
import type { Db } from '../db/index.ts';
import { clockOffset } from '../workflows/rules/agents.ts';

export interface AgentDependencies {
  db: Db;
  stopping: AbortSignal;
}

/** What came of the online call. `off`: the agent was switched off or deleted. */
export type OnlineResult =
  | { kind: 'online'; paramVersion: string | null; parameters: number }
  | { kind: 'refused'; why: string; periodMs: number }
  | { kind: 'off' };

const PULSE_MS = 2_000;
/** A line is held for so long at most, so that a history shows when it was. */
const HOLD_MS = 12 * 3_600_000;

export function createAgentActivities({ db, stopping }: AgentDependencies) {
  const poller = new LinePoller(db);
  return {
    /** Calls the MOM and takes what it sends; repeated until the MOM answers. */
    callOnline: (agentId: number): Promise<OnlineResult> =>
      step(async () => {
        const order = await lines.takeLine(db, agentId);
        if (order === null || !order.isActive) return { kind: 'off' };
        const client = clientOf(order);
        try {
          const request = {
            ...envelopeOf(order, order.offsetMs),
            password: order.password,
            equipmentModel: 0 as const,
          };
          const outcome = await client.call('EqptRun', request, { signal: cancellationSignal() });
          const { periodMs } = order;
          if (outcome.kind !== 'done') {
            const trouble = troubleOf(outcome);
            await lines.recordTrouble(db, order, { trouble, periodMs });
            if (outcome.kind !== 'unreachable') return { kind: 'refused', why: trouble, periodMs };
            throw ApplicationFailure.create({ type: 'MomUnreachable', message: trouble, nextRetryDelay: periodMs });
          }
          const { fields, respondedAtMs, receivedAtMs, tookMs } = outcome;
          const { paramVersion, paramRefreshFlag, parameters, productDesc, firstArticleNum, debugNum } = fields;
          const product = { productDesc, firstArticleNum, debugNum };
          const isKept = await lines.recordGood(db, order, {
            kind: 'online',
            ...(respondedAtMs !== null && { offsetMs: clockOffset(receivedAtMs - tookMs, tookMs, respondedAtMs) }),
            ...((paramRefreshFlag || parameters.length > 0) && {
              parameters: { version: paramVersion, list: parameters, product },
            }),
          });
          if (!isKept) throw new Error('another worker holds the line');
          return { kind: 'online', paramVersion, parameters: parameters.length };
        } finally {
          client.close();
        }
      }),

    /** Holds the line until there is something to decide. One of these runs for hours. */
    holdLine: (agentId: number): Promise<LineEnd> =>
      step(async () => {
        const order = await lines.takeLine(db, agentId);
        if (order === null || !order.isActive) return { kind: 'changed', why: 'switched off' };
        const pulse = setInterval(() => heartbeat(), PULSE_MS);
        try {
          const signal = AbortSignal.any([cancellationSignal(), stopping]);
          return await new AgentLine(db, order, poller).hold(signal, HOLD_MS);
        } catch (error) {
          if (!stopping.aborted) throw error;
          // another worker takes over at once
          throw ApplicationFailure.create({ type: 'WorkerStopping', message: 'the worker stops', nextRetryDelay: 200 });
        } finally {
          clearInterval(pulse);
        }
      }),

    /** Does what is planned for a flag. */
    followFlag: (flagId: number) => step(() => calls.followFlag(db, flagId)),
  };
}

export type AgentActivities = ReturnType<typeof createAgentActivities>;

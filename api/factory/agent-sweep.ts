/**
 * Keeps the sessions of agents running: one that was ended in Temporal, or never started because a process died, is
 * started again.
 */
import type { Executions } from '../executions/executions.ts';
import { pruneCalls } from '../../db/factory/agent-calls.ts';
import * as agents from '../../db/factory/agents.ts';
import type { Db } from '../../db/index.ts';

const PAGE = 100;
/** Calls that are done are kept this long; what waits or is in quarantine stays. */
const CALLS_KEPT_DAYS = 90;
const FORGOTTEN_AT_ONCE = 5_000;

/** Starts the workflow of every active agent; those that run are left alone. */
export async function startAgents(db: Db, executions: Pick<Executions, 'startAgent'>): Promise<void> {
  for (let after = 0; ;) {
    const page = await agents.listActiveAgents(db, { after, limit: PAGE });
    for (const agent of page) await executions.startAgent(agent);
    const last = page.at(-1);
    if (last === undefined || page.length < PAGE) return;
    after = last.agentId;
  }
}

/** Forgets calls that ended long ago, some at a time. */
export async function forgetAgentCalls(db: Db): Promise<number> {
  return pruneCalls(db, { olderThanDays: CALLS_KEPT_DAYS, limit: FORGOTTEN_AT_ONCE });
}

/**
 * Keeps the sessions of agents running: one that was ended in Temporal, or never started because a process died, is
 * started again.
 */
import type { Executions } from './executions.ts';
import * as agents from '../db/agents.ts';
import type { Db } from '../db/index.ts';

const PAGE = 100;

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

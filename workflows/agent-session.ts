/**
 * The session of an agent: Slipway in the place of an equipment's own MOM software.
 *
 * Goes online, holds the line, and decides about what ends it: new parameters (online again), data that the MOM asks for
 * (what is planned for the flag, then the line again), a MOM that has not answered for three periods or does not want us
 * (online again, later). Heartbeats and calls are inside one long activity and never enter the history; while the MOM
 * is away, the online call is one activity that Temporal repeats. Ends when the agent is switched off; whoever switches
 * it on starts it again.
 *
 * A workflow of its own beside `equipmentSession`: that one is told what an equipment did, this one does it. They share
 * the states and what changes them (`rules/equipment.ts`).
 */
import {
  CancellationScope,
  condition,
  continueAsNew,
  defineQuery,
  defineSignal,
  isCancellation,
  proxyActivities,
  proxyLocalActivities,
  setCurrentDetails,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import type { AgentActivities } from '../activities/agent.ts';
import { AGENT_CHANGED_SIGNAL, AGENT_VIEW_QUERY, type AgentSessionInput, type AgentSessionView } from './contract.ts';
import { refusedPauseMs } from './rules/agents.ts';

const caller = proxyActivities<AgentActivities>({
  startToCloseTimeout: '30s',
  retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '30s' },
});
// A worker that died is noticed by its silence, and another one takes the line.
const holder = proxyActivities<AgentActivities>({
  startToCloseTimeout: '13h',
  heartbeatTimeout: '10s',
  retry: { initialInterval: '500ms', backoffCoefficient: 2, maximumInterval: '10s' },
});
const db = proxyLocalActivities<AgentActivities>({
  startToCloseTimeout: '30s',
  retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '1m' },
});

/** Short histories load fast and read well. */
const EVENTS_PER_RUN = 2_000;

export async function agentSession(input: AgentSessionInput): Promise<'off'> {
  const { agentId, code } = input;
  const run = { isChanged: false, refusals: input.refusals ?? 0 };
  const view: AgentSessionView = { phase: 'going online', why: null, wakesAtMs: null };
  let calling: CancellationScope | null = null;
  setHandler(defineQuery<AgentSessionView>(AGENT_VIEW_QUERY), () => view);
  setHandler(defineSignal(AGENT_CHANGED_SIGNAL), () => {
    run.isChanged = true;
    calling?.cancel();
  });
  const show = (phase: AgentSessionView['phase'], why: string | null = null, wakesAtMs: number | null = null) => {
    Object.assign(view, { phase, why, wakesAtMs });
    setCurrentDetails([`${code}: ${phase}`, why].filter(Boolean).join('; '));
  };

  for (let why: string | null = null; ;) {
    if (workflowInfo().historyLength > EVENTS_PER_RUN || workflowInfo().continueAsNewSuggested) {
      await continueAsNew<typeof agentSession>({ agentId, code, refusals: run.refusals });
    }
    show('going online', why);
    run.isChanged = false;
    calling = new CancellationScope();
    const online = await unlessChanged(run, calling, () => caller.callOnline(agentId));
    calling = null;
    if (online === null) {
      why = 'the agent was changed';
      continue;
    }
    if (online.kind === 'off') {
      // Switched on again in this very moment: the signal came to this execution.
      if (run.isChanged) continue;
      show('off');
      return 'off';
    }
    if (online.kind === 'refused') {
      await pause(online.why, online.periodMs);
      why = online.why;
      continue;
    }
    why = await holdWhile(online.paramVersion);
  }

  /** Holds the line as long as flags are all that ends it; why it was given up. */
  async function holdWhile(paramVersion: string | null): Promise<string> {
    for (;;) {
      show('online', paramVersion === null ? null : `parameters ${paramVersion}`);
      const end = await holder.holdLine.executeWithOptions({ summary: 'heartbeats and calls' }, [agentId]);
      if (end.kind === 'flag') {
        await db.followFlag.executeWithOptions({ summary: `the MOM asks: ${end.action}` }, [end.flagId]);
      } else if (end.kind === 'dropped') {
        // Online calls work and heartbeats do not: each round takes longer than the one before.
        await pause(end.why, end.periodMs);
        return end.why;
      } else if (end.kind !== 'rested') {
        run.refusals = 0;
        return end.why;
      }
      if (workflowInfo().historyLength > EVENTS_PER_RUN) return 'a new history';
    }
  }

  async function pause(why: string, periodMs: number): Promise<void> {
    run.refusals += 1;
    const pauseMs = refusedPauseMs(periodMs, run.refusals);
    show('refused', why, Date.now() + pauseMs);
    await condition(() => run.isChanged, pauseMs, { summary: why.slice(0, 200) });
  }
}

/** What `work` gives, or null when the agent was changed meanwhile. */
async function unlessChanged<Result>(
  run: { isChanged: boolean },
  scope: CancellationScope,
  work: () => Promise<Result>,
): Promise<Result | null> {
  try {
    return await scope.run(work);
  } catch (error) {
    if (isCancellation(error) && run.isChanged) return null;
    throw error;
  }
}

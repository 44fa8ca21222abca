/**
 * The session of one equipment with the MOM, for as long as the equipment is in use: months.
 *
 * Heartbeats never come here. Whoever hears the equipment, or notices that nobody does, writes the edge (online, alive,
 * suspect, offline, back), and with it flags, alarms and parameters, and wakes this execution, which reads what is true,
 * keeps the last edges in words, and shows it all to whoever opens the execution. In steady state it sleeps without a
 * timer and costs nothing.
 *
 * After a day, or when Temporal suggests it, it goes on as a new execution with what it has read; that happens at an
 * edge, because without one there is nothing to shorten. It ends when the equipment is retired or deleted.
 */
import {
  CancellationScope,
  allHandlersFinished,
  condition,
  continueAsNew,
  defineQuery,
  defineSignal,
  log,
  proxyLocalActivities,
  setCurrentDetails,
  setHandler,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import type { EquipmentActivities } from '../activities/equipment.ts';
import {
  EQUIPMENT_EDGE_SIGNAL,
  EQUIPMENT_VIEW_QUERY,
  SEARCH_ATTRIBUTES,
  type EquipmentSessionInput,
  type EquipmentSessionOutcome,
  type EquipmentSessionView,
} from './contract.ts';
import type { SessionEdge } from './rules/equipment.ts';

const db = proxyLocalActivities<EquipmentActivities>({
  startToCloseTimeout: '30s',
  // A database that is away comes back; what cannot be cured by repeating fails at once (activities/failures.ts).
  retry: { initialInterval: '200ms', backoffCoefficient: 2, maximumInterval: '1m' },
});

const DAY_MS = 86_400_000;
/** A storm of edges does not wait for the day to end. */
const MOST_EVENTS = 2_000;
/** Edges that are shown in words. */
const LINES = 20;

type Facts = NonNullable<Awaited<ReturnType<EquipmentActivities['readEquipmentSession']>>>;

/** Everything this execution knows. */
interface Run {
  input: EquipmentSessionInput;
  view: EquipmentSessionView;
  /** Number of the last edge that was read. */
  lastEdge: number;
  isWoken: boolean;
  isCancelled: boolean;
}

export async function equipmentSession(input: EquipmentSessionInput): Promise<EquipmentSessionOutcome> {
  const { lastEdge = 0, edges = 0, lines = [] } = input.resume ?? {};
  const run: Run = {
    input,
    view: {
      state: 'never',
      sinceMs: null,
      status: null,
      pendingFlags: [],
      openAlarms: [],
      parametersVersion: 0,
      fetchedVersion: 0,
      edges,
      lines: [...lines],
    },
    lastEdge,
    isWoken: false,
    isCancelled: false,
  };
  setHandler(defineQuery<EquipmentSessionView>(EQUIPMENT_VIEW_QUERY), () => run.view);
  setHandler(defineSignal<[SessionEdge]>(EQUIPMENT_EDGE_SIGNAL), () => void (run.isWoken = true));
  void CancellationScope.current().cancelRequested.catch(() => {
    run.isCancelled = true;
  });
  return CancellationScope.nonCancellable(() => untilRetired(run));
}

async function untilRetired(run: Run): Promise<EquipmentSessionOutcome> {
  const { code, equipmentId } = run.input;
  const startedMs = Date.now();
  for (;;) {
    run.isWoken = false;
    const facts = await db.readEquipmentSession(equipmentId, run.lastEdge);
    const { edges } = run.view;
    if (facts === null) return { status: 'deleted', edges };
    show(run, facts);
    const isSilent = facts.state === 'offline' || facts.state === 'never';
    if (!facts.isActive && isSilent) return { status: 'retired', edges: run.view.edges };
    // Whoever ends it in Temporal ends this execution only: the next edge begins another.
    if (run.isCancelled) return { status: 'cancelled', edges: run.view.edges };
    if (isLong(startedMs)) {
      await condition(allHandlersFinished);
      log.info('a session goes on as a new execution', { equipmentCode: code, edges: run.view.edges });
      const { edges, lines } = run.view;
      const resume = { lastEdge: run.lastEdge, edges, lines, since: startedMs };
      await continueAsNew<typeof equipmentSession>({ equipmentId, code, resume });
    }
    await condition(() => run.isWoken || run.isCancelled);
  }
}

function isLong(startedMs: number): boolean {
  const { continueAsNewSuggested, historyLength } = workflowInfo();
  return continueAsNewSuggested || historyLength > MOST_EVENTS || Date.now() - startedMs >= DAY_MS;
}

/** Takes over what was read, and changes what a query, the list of executions and the page of this execution show. */
function show(run: Run, facts: Facts): void {
  const { view, input } = run;
  const { state, sinceMs, status, pendingFlags, openAlarms, parametersVersion, fetchedVersion, edges } = facts;
  if (state !== view.state) upsertSearchAttributes({ [SEARCH_ATTRIBUTES.status]: [state] });
  Object.assign(view, { state, sinceMs, status, pendingFlags, openAlarms, parametersVersion, fetchedVersion });
  for (const { id, atMs, edge, cause } of edges) {
    run.lastEdge = Math.max(run.lastEdge, id);
    view.edges += 1;
    view.lines.push(`${inBeijing(atMs)} ${edge}${cause === '' ? '' : `: ${cause}`}`);
  }
  view.lines.splice(0, view.lines.length - LINES);
  const parameters =
    parametersVersion === 0
      ? 'none'
      : `version ${parametersVersion}${fetchedVersion < parametersVersion ? `, fetched ${fetchedVersion === 0 ? 'none' : fetchedVersion}` : ', fetched'}`;
  setCurrentDetails(
    [
      `**${input.code}: ${state}** since ${inBeijing(sinceMs)}, status ${status ?? 'not reported'} (times are Beijing time)`,
      `Pending flags: ${pendingFlags.join(', ') || 'none'}. Open alarms: ${openAlarms.join(', ') || 'none'}. Parameters: ${parameters}.`,
      view.lines.map((line) => `- ${line}`).join('\n'),
    ].join('\n\n'),
  );
}

function inBeijing(atMs: number): string {
  return new Date(atMs + 8 * 3_600_000).toISOString().slice(0, 19).replace('T', ' ');
}

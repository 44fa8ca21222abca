/**
 * One command to one device: told, answered, and where that is not enough, proven.
 *
 * Opens an attempt in the database; whichever gateway has the device sends its frame, at once or at the next contact,
 * under the number of the attempt and never twice under one. Then waits: for the sending as long as the device is away,
 * 30 seconds for the answer, for a restart until the pile logs in again. An attempt that was not answered is followed by
 * another, three in all; a terminal that answers something else than it was told is asked what it has stored. What the
 * answers mean is in `rules/commands.ts`.
 *
 * The deadline ends it in any case. A person takes a command back in its row, and this execution then finds it ended.
 */
import {
  CancellationScope,
  condition,
  defineQuery,
  defineSignal,
  log,
  proxyLocalActivities,
  setCurrentDetails,
  setHandler,
  upsertSearchAttributes,
} from '@temporalio/workflow';
import type { CommandActivities } from '../activities/commands.ts';
import {
  COMMAND_EDGE_SIGNAL,
  COMMAND_VIEW_QUERY,
  SEARCH_ATTRIBUTES,
  type CommandEdge,
  type CommandOutcome,
  type CommandView,
  type SendCommandInput,
} from './contract.ts';
import { ANSWER_MS, commandWords, isCommandEnd, judgeCommand, type CommandFacts } from './rules/commands.ts';

const db = proxyLocalActivities<CommandActivities>({
  startToCloseTimeout: '30s',
  // A database that is away comes back; what cannot be cured by repeating fails at once (activities/failures.ts).
  retry: { initialInterval: '200ms', backoffCoefficient: 2, maximumInterval: '1m' },
});

/** Everything this execution knows. */
interface Run {
  input: SendCommandInput;
  view: CommandView;
  /** Something was written and not looked at yet. */
  isWoken: boolean;
  /** Somebody cancelled the execution in Temporal. */
  isCancelled: boolean;
}

export async function sendCommand(input: SendCommandInput): Promise<CommandOutcome> {
  const run: Run = {
    input,
    view: { status: 'waiting', reason: null, attempt: 0, waitsFor: null, wakesAtMs: null },
    isWoken: false,
    isCancelled: false,
  };
  setHandler(defineQuery<CommandView>(COMMAND_VIEW_QUERY), () => run.view);
  setHandler(defineSignal<[CommandEdge]>(COMMAND_EDGE_SIGNAL), () => void (run.isWoken = true));
  void CancellationScope.current().cancelRequested.catch(() => {
    run.isCancelled = true;
  });
  return CancellationScope.nonCancellable(async () => {
    try {
      const outcome = await untilEnded(run);
      log.info('a device command has ended', { commandId: input.commandId, deviceId: input.deviceId, ...outcome });
      return outcome;
    } catch (error) {
      const cause = `the program failed: ${describe(error)}`;
      await finish(run, { status: 'failed', reason: 'internal_error', author: 'system', cause });
      throw error;
    }
  });
}

async function untilEnded(run: Run): Promise<CommandOutcome> {
  const { commandId } = run.input;
  let facts = await db.openCommandAttempt({ commandId, attempt: 1, stage: 'order', cause: 'waits for the device' });
  for (;;) {
    const { status, reason, attempt, stage } = facts;
    show(run, { status, reason, attempt });
    if (isCommandEnd(status)) return { status, reason };
    const verdict = judgeCommand(facts);
    if (verdict.kind === 'end') return finish(run, verdict);
    const next = { commandId, attempt: attempt + 1 };
    if (verdict.kind === 'accepted') facts = await db.acceptCommand(commandId);
    else if (mayBeTakenBack(run, facts)) return finish(run, TAKEN_BACK);
    else if (verdict.kind === 'again') facts = await db.openCommandAttempt({ ...next, stage, cause: verdict.cause });
    else if (verdict.kind === 'check')
      facts = await db.openCommandAttempt({ ...next, stage: 'check', cause: verdict.cause });
    else {
      await woken(run, verdict.ms, verdict.why);
      facts = await db.readCommand(commandId);
    }
  }
}

const TAKEN_BACK = { status: 'cancelled', reason: null, author: 'temporal', cause: 'cancelled in Temporal' } as const;

/** Cancelled, and nothing is under way whose outcome is not known yet. */
function mayBeTakenBack({ isCancelled }: Run, { status, nowMs, sentAtMs, answer }: CommandFacts): boolean {
  if (!isCancelled || status === 'accepted') return false;
  return sentAtMs === null || answer !== null || nowMs - sentAtMs >= ANSWER_MS;
}

/** Sleeps until something is written, somebody cancels, or `ms` have passed. */
async function woken(run: Run, ms: number, waitsFor: string): Promise<void> {
  show(run, { waitsFor, wakesAtMs: Date.now() + ms });
  const before = run.isCancelled;
  const summary = `attempt ${run.view.attempt}: waits for ${waitsFor}`;
  await condition(() => run.isWoken || run.isCancelled !== before, Math.max(1, Math.ceil(ms)), { summary });
  run.isWoken = false;
  show(run, { waitsFor: null, wakesAtMs: null });
}

async function finish(
  run: Run,
  ending: Omit<Parameters<CommandActivities['finishCommand']>[0], 'commandId'>,
): Promise<CommandOutcome> {
  const { status, reason, author, cause, result } = ending;
  const end = { commandId: run.input.commandId, status, reason, author, cause };
  return show(run, await db.finishCommand(result === undefined ? end : { ...end, result }));
}

/** Changes what a query, the list of executions and the page of this execution show. */
function show(run: Run, change: Partial<CommandView>): CommandOutcome {
  const before = run.view.status;
  Object.assign(run.view, change);
  const { status, reason, attempt, waitsFor } = run.view;
  // The list is for what people filter by: what waits long, and the ends.
  if (status !== before && status !== 'sent') upsertSearchAttributes({ [SEARCH_ATTRIBUTES.status]: [status] });
  const why = reason === null ? '' : ` (${reason})`;
  const next = waitsFor === null ? '' : `, waits for ${waitsFor}`;
  setCurrentDetails(
    `**${status}**${why}: ${commandWords(run.input.order)} to ${run.input.deviceId}, attempt ${attempt}${next}`,
  );
  return { status, reason };
}

/** The error of the step itself, not the wrapper that says which activity it came from. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? error.cause.message : error.message;
}

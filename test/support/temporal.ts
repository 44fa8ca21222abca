/**
 * Workers for tests: the time-skipping server or the dev server of the run, the bundle made once, a task queue of its
 * own for every worker.
 */
import { randomUUID } from 'node:crypto';
import type { WorkflowHandle } from '@temporalio/client';
import type { DataConverter } from '@temporalio/common';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import { DefaultLogger, Runtime, Worker, type NativeConnection, type WorkflowBundle } from '@temporalio/worker';
import { provided } from './run-servers.ts';
import { waitFor } from './wait.ts';
import { loadConfig } from '../../config.ts';
import { SEARCH_ATTRIBUTES } from '../../workflows/contract.ts';
import { loadWorkflowBundle } from '../../workflow-bundle.ts';

/** Temporal's number for the type Keyword. */
const KEYWORD = 2;

let installed = false;
let bundle: Promise<WorkflowBundle> | undefined;

/** A server on which days pass in milliseconds. */
export async function startTimeSkipping(): Promise<TestWorkflowEnvironment> {
  installRuntime();
  const env = await TestWorkflowEnvironment.createTimeSkipping({
    server: { executable: { type: 'existing-path', path: provided('testServerPath') } },
  });
  await registerSearchAttributes(env);
  return env;
}

/** The time-skipping server cannot list by them, but must know them before a workflow sets one. */
export async function registerSearchAttributes(env: TestWorkflowEnvironment): Promise<void> {
  await env.connection.operatorService.addSearchAttributes({
    namespace: env.namespace ?? 'default',
    searchAttributes: Object.fromEntries(Object.values(SEARCH_ATTRIBUTES).map((name) => [name, KEYWORD])),
  });
}

/** The bundle of today's workflows. */
export function workflowBundle(): Promise<WorkflowBundle> {
  bundle ??= loadWorkflowBundle(loadConfig().cacheDir);
  return bundle;
}

/** Runs `work` while a worker with these activities serves a task queue of its own. */
export async function withWorker<Result>(
  connection: NativeConnection,
  activities: object,
  work: (taskQueue: string) => Promise<Result>,
  options: { dataConverter?: DataConverter } = {},
): Promise<Result> {
  installRuntime();
  const taskQueue = `test-${randomUUID()}`;
  const parts = { connection, taskQueue, workflowBundle: await workflowBundle(), activities };
  const worker = await Worker.create({ ...parts, ...options });
  return worker.runUntil(() => work(taskQueue));
}

/** Replays a recorded history on today's workflows; throws when it does not fit. */
export async function replay(history: unknown, workflowId: string): Promise<void> {
  installRuntime();
  await Worker.runReplayHistory({ workflowBundle: await workflowBundle() }, history, workflowId);
}

/** Once per process, and quiet. */
export function installRuntime(): void {
  if (installed) return;
  installed = true;
  Runtime.install({
    logger: new DefaultLogger('ERROR'),
    shutdownSignals: [],
    telemetryOptions: { logging: { filter: { core: 'ERROR', other: 'ERROR' } } },
  });
}

/**
 * Waits until nothing of a workflow runs but a timer. Who cancels it earlier may meet an activity that is just ending, and
 * there the time-skipping server never takes the answer of the workflow; a real server does.
 */
export async function untilWaits(handle: WorkflowHandle): Promise<void> {
  await waitFor(async () => (await handle.fetchHistory()).events?.at(-1)?.timerStartedEventAttributes != null);
}

/**
 * When a workflow ended, by its history: once nothing runs any more, the clock of the time-skipping server leaps to
 * the last timeout there could be.
 */
export async function endedAtMs(handle: WorkflowHandle): Promise<number> {
  const { events } = await handle.fetchHistory();
  const { seconds, nanos } = events?.at(-1)?.eventTime ?? {};
  return Number(seconds ?? 0) * 1_000 + Math.ceil(Number(nanos ?? 0) / 1e6);
}

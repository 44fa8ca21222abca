/**
 * The baseline of `upgrades.ts`: the same engine, one workflow per device with the same events, the same number at one
 * time and the same client, but no database, no sockets and no work. A process of its own, as Slipway is one:
 *
 *     node --import tsx bench/bare-loop.ts <temporal address> <devices> <at one time> <milliseconds of the device>
 *
 * Prints one JSON line.
 */
import { pathToFileURL, fileURLToPath } from 'node:url';
import { Client } from '@temporalio/client';
import { TypedSearchAttributes, defineSearchAttributeKey } from '@temporalio/common';
import { DefaultLogger, NativeConnection, Runtime, Worker, bundleWorkflowCode } from '@temporalio/worker';
import { round1 } from './measure.ts';
import { shareOf } from './processes.ts';
import { SEARCH_ATTRIBUTES } from '../workflows/contract.ts';

/** What the workflow calls. */
export interface BareSteps {
  openOffer(workflowId: string): Promise<void>;
  recordProof(workflowId: string): Promise<void>;
}

export interface BareResult {
  perSecond: number;
  /** CPU milliseconds per device of this process. */
  workerMs: number;
  /** From the offer to its proof, milliseconds. */
  p50Ms: number;
  p99Ms: number;
}

/** Starts in flight at one time, as in the dispatcher. */
const STARTS = 50;

async function run(address: string, devices: number, atOnce: number, deviceMs: number): Promise<BareResult> {
  const logger = new DefaultLogger('ERROR');
  Runtime.install({ logger, telemetryOptions: { logging: { filter: { core: 'ERROR', other: 'ERROR' } } } });
  const connection = await NativeConnection.connect({ address });
  const client = new Client({ connection });
  const taskQueue = `bare-${process.pid}`;
  const offeredMs = new Map<string, number>();
  const tookMs: number[] = [];
  let ended = 0;
  let startMore = () => {};
  const activities: BareSteps = {
    openOffer: async (workflowId) => {
      offeredMs.set(workflowId, performance.now());
      setTimeout(() => void client.workflow.getHandle(workflowId).signal('deviceEdge'), deviceMs);
    },
    recordProof: async (workflowId) => {
      tookMs.push(performance.now() - (offeredMs.get(workflowId) ?? Number.NaN));
      ended += 1;
      startMore();
    },
  };
  const workflowsPath = fileURLToPath(new URL('bare-workflow.ts', import.meta.url));
  const workflowBundle = await bundleWorkflowCode({ workflowsPath, logger });
  const worker = await Worker.create({ connection, taskQueue, workflowBundle, activities, maxCachedWorkflows: 1_000 });
  const running = worker.run();
  const labels = Object.values(SEARCH_ATTRIBUTES).map((name) => defineSearchAttributeKey(name, 'KEYWORD'));

  const startedMs = performance.now();
  const before = process.cpuUsage();
  let started = 0;
  let starting = 0;
  await new Promise<void>((resolve, reject) => {
    startMore = () => {
      if (ended === devices) return resolve();
      while (started < devices && started - ended < atOnce && starting < STARTS) {
        const workflowId = `bare/${process.pid}/${started++}`;
        starting += 1;
        client.workflow
          .start('bareUpgrade', {
            workflowId,
            taskQueue,
            args: [workflowId],
            memo: { upgradeId: started },
            staticSummary: `${workflowId} → 20 (task 1)`,
            requestEagerStart: true,
            typedSearchAttributes: new TypedSearchAttributes(labels.map((key) => ({ key, value: 'bare' }))),
          })
          .finally(() => {
            starting -= 1;
          })
          .then(() => startMore())
          .catch(reject);
      }
    };
    startMore();
  });
  const seconds = (performance.now() - startedMs) / 1_000;
  const { user, system } = process.cpuUsage(before);
  worker.shutdown();
  await running;
  await connection.close();
  return {
    perSecond: round1(devices / seconds),
    workerMs: round1((user + system) / 1_000 / devices),
    p50Ms: Math.round(shareOf(tookMs, 0.5)),
    p99Ms: Math.round(shareOf(tookMs, 0.99)),
  };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const [address = '', ...numbers] = process.argv.slice(2);
  const [devices = 0, atOnce = 0, deviceMs = 0] = numbers.map(Number);
  process.stdout.write(`${JSON.stringify(await run(address, devices, atOnce, deviceMs))}\n`);
}

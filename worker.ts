/**
 * The worker, its connection to Temporal and its measurements: the part of the composition that needs the SDK's native
 * core. Started by `main.ts`.
 */
import { readFileSync } from 'node:fs';
import net from 'node:net';
import { Client, type ConnectionOptions } from '@temporalio/client';
import { NativeConnection, Runtime, Worker, type NativeConnectionOptions } from '@temporalio/worker';
import { createActivities } from './activities/index.ts';
import { sharedTokens } from './activities/platform-tokens.ts';
import { Deployments } from './api/deployments.ts';
import type { Executions } from './api/executions/executions.ts';
import type { Config } from './config.ts';
import type { Database } from './db/index.ts';
import { TracksolidClient, type MeasuredCall } from './gateways/tracksolid/client.ts';
import { temporalRuntimeOptions, type Logger } from './log.ts';
import { encryptionOptions } from './payload-encryption.ts';
import type { Servers } from './servers.ts';
import { lookAfterBuild } from './worker-build.ts';
import { loadWorkflowBundle, workflowBuildId } from './workflow-bundle.ts';

/** Parts that were started, stopped in the opposite order. */
export type Stops = { name: string; stop: () => Promise<unknown> }[];

/** A connection through the SDK's core, and where the core's measurements can be read. */
export interface WorkerConnection {
  connection: NativeConnection;
  metrics: () => Promise<string>;
}

/**
 * Connects to Temporal through the SDK's core. The client of a process with a worker uses the same connection: its
 * calls cost half of what they cost in JavaScript, and a workflow it starts begins on this worker without being queued.
 */
export async function connectWorker(config: Config, log: Logger, servers: Servers): Promise<WorkerConnection> {
  const metricsAddress = config.temporal.metricsAddress ?? (await freeAddress());
  Runtime.install(temporalRuntimeOptions(log, metricsAddress));
  const connection = await NativeConnection.connect(connectionOptions(config, servers));
  return { connection, metrics: async () => (await fetch(`http://${metricsAddress}/metrics`)).text() };
}

/** What a worker works with. */
export interface WorkerParts {
  database: Database;
  executions: Executions;
  connection: NativeConnection;
  /** Hears of each call to Tracksolid. */
  onCall: (call: MeasuredCall) => void;
  /** Hears how many builds of the workers stand still, when workers are versioned. */
  onStranded: (count: number) => void;
}

/** Runs a worker, and another one when it fails. */
export async function startWorker(
  config: Config,
  log: Logger,
  { database, executions, connection, onCall, onStranded }: WorkerParts,
  stops: Stops,
): Promise<void> {
  const workflowBundle = await loadWorkflowBundle(config.cacheDir);
  const tracksolid = connectTracksolid(config, database, onCall);
  const stopping = new AbortController();
  const build = buildOf(config);
  let worker: Worker | null = null;
  const supervise = async () => {
    // A worker ends by itself only when something is broken beyond its own retries; another one may do better.
    for (let pauseMs = 1_000; !stopping.signal.aborted; pauseMs = Math.min(pauseMs * 2, 30_000)) {
      try {
        worker = await Worker.create({
          connection,
          namespace: config.temporal.namespace,
          taskQueue: config.temporal.taskQueue,
          ...encryptionOptions(config.temporal.payloadKeys),
          ...build?.options,
          workflowBundle,
          activities: createActivities({
            db: database.db,
            executions,
            stopping: stopping.signal,
            allowPrivateWebhooks: config.webhooks.allowPrivate,
            mes: config.mes,
            tracksolid,
          }),
          maxCachedWorkflows: config.worker.maxCachedWorkflows,
          maxConcurrentActivityTaskExecutions: config.worker.maxConcurrentActivities,
          shutdownGraceTime: config.shutdownGraceMs,
        });
        const ended = worker.run();
        // Asked to stop while it was being made: nobody could tell it then.
        if (stopping.signal.aborted) worker.shutdown();
        await ended;
        if (!stopping.signal.aborted) throw new Error('the worker ended although nobody stopped it');
      } catch (error) {
        log.error({ err: error }, `the worker failed, another one starts in ${pauseMs / 1_000} s`);
        await new Promise((resolve) => setTimeout(resolve, pauseMs));
      }
    }
  };
  const running = supervise();
  if (build !== null) {
    const { namespace, taskQueue } = config.temporal;
    const client = new Client({ connection, namespace });
    const deployments = new Deployments({ client, name: build.deployment.name, taskQueue });
    const { becomesCurrent } = build.deployment;
    lookAfterBuild({ deployments, buildId: build.buildId, becomesCurrent, log, onStranded }, stops);
  }
  stops.push({
    name: 'worker',
    stop: async () => {
      stopping.abort();
      if (worker?.getState() === 'RUNNING') worker.shutdown();
      await running;
    },
  });
}

/** The build of this worker and what that means for its SDK; null: workers are not versioned. */
function buildOf({ worker: { deployment } }: Config) {
  if (deployment === null) return null;
  const buildId = deployment.buildId ?? workflowBuildId();
  const options = {
    workerDeploymentOptions: {
      version: { deploymentName: deployment.name, buildId },
      useWorkerVersioning: true,
      // Of workflows that do not say otherwise (workflows/pinned.ts).
      defaultVersioningBehavior: 'AUTO_UPGRADE',
    },
  } as const;
  return { deployment, buildId, options };
}

/** The connection to Tracksolid, one for the process; null: not configured. Nothing is sent yet. */
function connectTracksolid({ tracksolid }: Config, { db }: Database, onCall: WorkerParts['onCall']) {
  if (tracksolid === null) return null;
  const { lifetimeUntil, ...options } = tracksolid;
  const tokens = sharedTokens(db, 'tracksolid', [options.appKey, options.appSecret, options.user]);
  return { client: new TracksolidClient({ ...options, tokens, onCall }), lifetimeUntil };
}

/** An address on this machine that is free now: the SDK's measurements are passed on by our own /metrics. */
async function freeAddress(): Promise<string> {
  const server = net.createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as net.AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return `127.0.0.1:${port}`;
}

/** How to reach Temporal, for clients and workers alike. */
export function connectionOptions(
  config: Config,
  servers: Pick<Servers, 'temporalAddress'>,
): ConnectionOptions & NativeConnectionOptions {
  const { apiKey, tls } = config.temporal;
  return {
    address: servers.temporalAddress,
    ...(apiKey === undefined ? {} : { apiKey }),
    ...(tls === undefined ? {} : { tls: readTls(tls) }),
  };
}

function readTls(tls: NonNullable<Config['temporal']['tls']>) {
  const { serverName, serverCaCertPath, clientCertPath, clientKeyPath } = tls;
  return {
    ...(serverName === undefined ? {} : { serverNameOverride: serverName }),
    ...(serverCaCertPath === undefined ? {} : { serverRootCACertificate: readFileSync(serverCaCertPath) }),
    ...(clientCertPath === undefined || clientKeyPath === undefined
      ? {}
      : { clientCertPair: { crt: readFileSync(clientCertPath), key: readFileSync(clientKeyPath) } }),
  };
}

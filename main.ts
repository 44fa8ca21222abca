/**
 * The one program and the only composition root: settings → servers → database → Temporal → gateways → worker → API,
 * and all of it back in order when the program is asked to stop.
 *
 * `SLIPWAY_ROLE` chooses the parts. With nothing configured, one process brings its own PostgreSQL and Temporal.
 */
import { fileURLToPath } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import type { Express } from 'express';
import {
  createApp,
  ensureFirstKey,
  fireTriggers,
  startUnstartedOrders,
  startAgents,
  startUnstartedShipments,
  forgetAgentCalls,
  forgetAnswers,
  apiServer,
  makeAdminKey,
  restartLostTasks,
  startUnstartedTasks,
  type AppOptions,
} from './api/app.ts';
import { ensureMesSchedule, MesSchedule } from './api/executions/mes-schedule.ts';
import { EventHub } from './api/events/events.ts';
import { Executions } from './api/executions/executions.ts';
import { startUnstartedCommands } from './api/inbound/inbound-commands.ts';
import { packageVersion } from './api/openapi.ts';
import { WebhookSweep } from './api/events/webhook-sweep.ts';
import { ConfigError, loadConfig, settingsOf, type Config } from './config.ts';
import { provideConsole } from './console-files.ts';
import { connectDatabase, migrate } from './db/index.ts';
import { BACKLOG } from './gateways/tcp.ts';
import { NO_PORTS, startDeviceGateways, type DevicePorts } from './device-gateways.ts';
import { DataDirLockedError, ensureSearchAttributes, lockDataDir } from './embedded.ts';
import { registerDatabaseMetrics } from './metrics/database.ts';
import { registerFleetMetrics } from './metrics/fleet.ts';
import { createLogger, createMetrics, type Logger } from './log.ts';
import { registerPlatformMetrics } from './metrics/platform.ts';
import { registerBuild, registerBuilds } from './metrics/process.ts';
import { encryptionOptions, PayloadEncryption } from './payload-encryption.ts';
import { startServers } from './servers.ts';
import { connectWorker, connectionOptions, startWorker, type Stops } from './worker.ts';

/** A running Slipway. */
export interface Program extends DevicePorts {
  apiUrl: string | null;
  temporalUiUrl: string;
  /** Printed once: at the very first start, or when another one was asked for. */
  newKey: string | null;
  stop: () => Promise<void>;
}

/**
 * Starts the parts that the configuration names. If one cannot start, those before it are stopped. `stops` is filled
 * as parts start, for a caller that may have to stop in the middle.
 */
export async function startProgram(config: Config, log: Logger, stops: Stops = []): Promise<Program> {
  try {
    const parts = await startParts(config, log, stops);
    return { ...parts, stop: () => stopParts(stops, log) };
  } catch (error) {
    await stopParts(stops, log);
    throw error;
  }
}

async function stopParts(stops: Stops, log: Logger): Promise<void> {
  for (const part of stops.splice(0).reverse()) {
    await part.stop().catch((error: unknown) => log.warn({ err: error }, `${part.name} did not stop cleanly`));
  }
}

async function startParts(config: Config, log: Logger, stops: Stops): Promise<Omit<Program, 'stop'>> {
  const has = (role: (typeof config.roles)[number]) => config.roles.includes(role);
  if (config.database.url === undefined || config.temporal.address === undefined) {
    const lock = await lockDataDir(config.dataDir);
    stops.push({ name: 'data folder', stop: async () => lock.release() });
  }
  const servers = await startServers(config, log);
  stops.push({ name: 'embedded servers', stop: () => servers.stop() });
  await migrate(servers.databaseUrl);
  const database = connectDatabase(servers.databaseUrl, {
    poolSize: config.database.poolSize,
    // The API plans large orders within a transaction; everybody else only waits for the database there.
    standstillMs: has('api') ? 60_000 : 10_000,
  });
  stops.push({ name: 'database', stop: () => database.close() });

  const metrics = createMetrics();
  registerBuild(metrics, { version: packageVersion(), roles: config.roles });
  registerDatabaseMetrics(metrics, database.load);
  if (has('api')) registerFleetMetrics(metrics, { db: database.db, log });
  const worker = has('worker') ? await connectWorker(config, log, servers) : null;
  const connection = worker?.connection ?? (await Connection.connect(connectionOptions(config, servers)));
  stops.push({ name: 'Temporal connection', stop: () => connection.close() });
  await ensureSearchAttributes(connection.operatorService, config.temporal.namespace);
  const { namespace, payloadKeys } = config.temporal;
  const client = new Client({ connection, namespace, ...encryptionOptions(payloadKeys) });
  const mes = new MesSchedule({ client, taskQueue: config.temporal.taskQueue });
  const executions = new Executions({
    client,
    taskQueue: config.temporal.taskQueue,
    uiUrl: servers.temporalUiUrl,
    // A build that is not the current one must not begin new workflows on itself.
    eagerStart: worker !== null && config.worker.deployment === null,
  });

  const ports = has('gateway')
    ? await startDeviceGateways(config, log, { database, executions, metrics }, stops)
    : NO_PORTS;
  if (worker !== null) {
    const onCall = registerPlatformMetrics(metrics);
    const onStranded = registerBuilds(metrics);
    const parts = { database, executions, connection: worker.connection, onCall, onStranded };
    await startWorker(config, log, parts, stops);
  }
  const events = new EventHub({ database, log, maxStreams: config.eventStreamsMax });
  const app: AppOptions = {
    events,
    allowPrivateWebhooks: config.webhooks.allowPrivate,
    trustedProxies: config.api.trustedProxies,
    db: database.db,
    executions,
    mes,
    log,
    metrics,
    ...(payloadKeys !== undefined && {
      payloads: { codec: new PayloadEncryption(payloadKeys), uiUrl: servers.temporalUiUrl },
    }),
    ...(worker && { moreMetrics: worker.metrics }),
  };
  const api = has('api') ? await startApi(config, log, app, stops) : null;
  if (api !== null) {
    // Stopped before the server: streams do not end by themselves.
    stops.push({ name: 'event streams', stop: () => events.stop() });
    const webhooks = new WebhookSweep({ db: database.db, executions, log: log.child({ component: 'webhooks' }) });
    webhooks.start();
    stops.push({ name: 'webhooks', stop: () => webhooks.stop() });
  }
  if (config.mes !== null && (has('api') || has('worker'))) {
    const follow = () =>
      ensureMesSchedule(database.db, mes).catch((error: unknown) =>
        log.warn({ err: error }, 'the schedule of the MES sync could not be put right, it is tried again'),
      );
    await follow();
    const sweep = setInterval(() => void follow(), 60_000);
    stops.push({ name: 'MES schedule', stop: async () => clearInterval(sweep) });
  }
  if (api === null && config.api.probePort !== undefined) {
    const probes = createApp({ ...app, probesOnly: true });
    await listen(probes, log, config.api.probePort, config.api.host, stops);
  }
  return {
    apiUrl: api?.url ?? null,
    newKey: api?.newKey ?? null,
    temporalUiUrl: servers.temporalUiUrl,
    ...ports,
  };
}

// ---------------------------------------------------------------- roles

async function startApi(config: Config, log: Logger, options: AppOptions, stops: Stops) {
  const { db, executions } = options;
  const newKey = await (config.api.newAdminKey ? makeAdminKey(db) : ensureFirstKey(db));
  const app = createApp({
    ...options,
    defaultDispatchDelayMs: config.defaultDispatchDelayMs,
    settings: settingsOf(),
    console: provideConsole(log),
  });
  const port = await listen(app, log, config.api.port, config.api.host, stops);
  // At once as well: after a restore, or after Temporal was away, nobody waits for the first round.
  const repeat = (work: () => Promise<unknown>, everyMs: number) => {
    const sweep = () => {
      work().catch((error: unknown) => log.warn({ err: error }, 'a sweep failed, it is tried again'));
    };
    sweep();
    return setInterval(sweep, everyMs);
  };
  const sweeps = [
    repeat(() => startUnstartedTasks(db, executions), 10_000),
    repeat(() => startUnstartedCommands(db, executions), 10_000),
    repeat(() => restartLostTasks(db, executions), 60_000),
    repeat(() => startUnstartedShipments(db, executions), 30_000),
    repeat(() => startAgents(db, executions), 30_000),
    repeat(() => startUnstartedOrders(db, executions), 30_000),
    repeat(() => fireTriggers(db, executions), 5_000),
    repeat(() => forgetAnswers(db), 300_000),
    repeat(() => forgetAgentCalls(db), 300_000),
  ];
  stops.push({ name: 'task sweeps', stop: async () => sweeps.forEach(clearInterval) });
  return { url: `http://${config.api.host}:${port}`, newKey };
}

async function listen(app: Express, log: Logger, port: number, host: string, stops: Stops): Promise<number> {
  const server = apiServer(app, log).listen({ port, host, backlog: BACKLOG });
  await new Promise<void>((resolve, reject) => server.once('listening', resolve).once('error', reject));
  stops.push({
    name: 'HTTP server',
    stop: () =>
      new Promise((resolve) => {
        server.close(resolve);
        server.closeIdleConnections();
        setTimeout(() => server.closeAllConnections(), 5_000).unref();
      }),
  });
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : port;
}

// ---------------------------------------------------------------- the command

async function main(): Promise<void> {
  const config = loadConfig();
  const log = createLogger(config);
  const stops: Stops = [];
  const stop = (signal: NodeJS.Signals) => {
    log.info({ signal }, 'stopping');
    void stopParts(stops, log).then(() => process.exit(0));
  };
  process.once('SIGINT', stop).once('SIGTERM', stop);
  const { newKey, stop: _, ...listening } = await startProgram(config, log, stops);
  log.info({ roles: config.roles, ...listening }, 'ready');
  if (newKey !== null) {
    process.stderr.write(
      `\nAn API key, shown only now. It may do everything; make narrower ones with it:\n\n  ${newKey}\n\n`,
    );
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  main().catch((error: unknown) => {
    const known = error instanceof ConfigError || error instanceof DataDirLockedError;
    process.stderr.write(
      `${known ? error.message : error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
    );
    process.exit(1);
  });
}

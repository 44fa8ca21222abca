/**
 * PostgreSQL and Temporal: those the configuration names, or embedded ones, which are kept alive while we run.
 */
import type { Config } from './config.ts';
import { findTemporalCli, searchAttributes, startEmbeddedPostgres, startTemporalDevServer } from './embedded.ts';
import type { Logger } from './log.ts';

/** Where the two servers are. */
export interface Servers {
  databaseUrl: string;
  temporalAddress: string;
  temporalUiUrl: string;
  stop(): Promise<void>;
}

/** What both embedded servers have in common. */
interface Child {
  stop(): Promise<void>;
}

/** Finds or starts the two servers. */
export async function startServers(config: Config, log: Logger): Promise<Servers> {
  const children: Child[] = [];
  const stop = async () => void (await Promise.all(children.map((child) => child.stop())));
  const starting = await Promise.allSettled([
    config.database.url === undefined ? keepPostgres(config, log, children) : null,
    config.temporal.address === undefined ? keepTemporal(config, log, children) : null,
  ]);
  const [postgres, temporal] = starting;
  if (postgres.status === 'rejected' || temporal.status === 'rejected') {
    await stop();
    throw starting.find((one) => one.status === 'rejected')?.reason;
  }
  return {
    databaseUrl: config.database.url ?? postgres.value?.url ?? '',
    temporalAddress: config.temporal.address ?? temporal.value?.address ?? '',
    temporalUiUrl: config.temporal.uiUrl ?? temporal.value?.uiUrl ?? '',
    stop,
  };
}

async function keepPostgres(config: Config, log: Logger, children: Child[]) {
  const start = (port: number, onExit: () => void) =>
    startEmbeddedPostgres({ dataDir: config.dataDir, port, log, onExit });
  return keepAlive('PostgreSQL', config.database.embeddedPort, start, log, children);
}

async function keepTemporal(config: Config, log: Logger, children: Child[]) {
  const { path } = await findTemporalCli({ cacheDir: config.cacheDir, override: config.temporal.cli, log });
  let uiPort = config.temporal.embeddedUiPort;
  const start = async (port: number, onExit: () => void) => {
    const server = await startTemporalDevServer({
      cliPath: path,
      dataDir: config.dataDir,
      port,
      uiPort,
      namespace: config.temporal.namespace,
      searchAttributes,
      log,
      onExit,
    });
    if (server.uiUrl !== undefined) uiPort = Number(new URL(server.uiUrl).port);
    return server;
  };
  return keepAlive('Temporal', config.temporal.embeddedPort, start, log, children);
}

/**
 * Starts a server and starts it again, on the same port, whenever it ends by itself: everything that uses it waits and
 * goes on.
 */
async function keepAlive<Server extends Child & { port: number }>(
  name: string,
  port: number,
  start: (port: number, onExit: () => void) => Promise<Server>,
  log: Logger,
  children: Child[],
): Promise<Server> {
  let stopping = false;
  let current: Server | null = null;
  let restart: Promise<void> = Promise.resolve();
  const onExit = () => {
    if (!stopping) restart = again();
  };
  const again = async () => {
    for (let pauseMs = 200; !stopping; pauseMs = Math.min(pauseMs * 2, 10_000)) {
      log.error(`the embedded ${name} has ended, it is started again`);
      try {
        current = await start(current?.port ?? port, onExit);
        return;
      } catch (error) {
        log.error({ err: error }, `the embedded ${name} could not be started, next try in ${pauseMs} ms`);
        await new Promise((resolve) => setTimeout(resolve, pauseMs));
      }
    }
  };
  current = await start(port, onExit);
  const first = current;
  children.push({
    stop: async () => {
      stopping = true;
      await restart;
      await current?.stop();
    },
  });
  return first;
}

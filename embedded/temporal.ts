/**
 * The embedded Temporal server: the CLI's dev server with its Web UI and a database file under the data folder, for one machine. And the search
 * attributes Slipway needs, for this server and any other.
 */
import { existsSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:http2';
import { basename, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from '../log.ts';
import { choosePort, listProcesses, logTail, makeDataDir, protect, startChild, stopProcess } from './processes.ts';
import type { Child, ChildExit, StopSteps } from './processes.ts';

/** What executions can be found by in Temporal's lists, all of type Keyword. */
export const searchAttributes = [
  'SlipwayDevice',
  'SlipwayTask',
  'SlipwayDepartment',
  'SlipwayProtocol',
  'SlipwayStatus',
] as const;

export interface TemporalDevServerOptions {
  cliPath: string;
  dataDir: string;
  /** 0: any free port. */
  port: number;
  /** 0: any free port; undefined: no Web UI. */
  uiPort?: number;
  namespace: string;
  searchAttributes: readonly string[];
  log: Pick<Logger, 'info' | 'warn'>;
  /** Called when the server ends although nobody stopped it. */
  onExit?: (exit: ChildExit) => void;
  /** Keeps nothing on disk; for tests. */
  inMemory?: boolean;
}

export interface TemporalDevServer {
  address: string;
  /** Undefined without a Web UI. */
  uiUrl: string | undefined;
  port: number;
  pid: number;
  stop(): Promise<void>;
}

/** The dev server keeps finished executions for a day; people ask about last week's upgrade. */
const retentionDays = 30;

/** It looks for ports of its parts before it takes them, and ends when somebody else was quicker. */
const STARTS = 3;

const stopSteps: StopSteps = [
  { signal: 'SIGTERM', waitMs: 15_000 },
  { signal: 'SIGKILL', waitMs: 5_000 },
];

/** Starts the dev server, stopping one that an earlier run left behind; resolves when the namespace answers. */
export async function startTemporalDevServer(options: TemporalDevServerOptions): Promise<TemporalDevServer> {
  const { log, namespace } = options;
  makeDataDir(options.dataDir);
  const dataDir = realpathSync(options.dataDir);
  const file = options.inMemory === true ? null : new DatabaseFile(join(dataDir, 'temporal.db'));

  if (file !== null) await stopLeftovers(file.path, log);
  const { port, uiPort } = await choosePorts(options);
  const logPath = join(dataDir, 'logs', 'temporal.log');
  const args = serverArguments(options, { port, uiPort, database: file?.path });
  const start = () => {
    file?.prepare();
    return startChild({ command: options.cliPath, args, logPath, stop: stopSteps });
  };
  const child = await startUntilReady(start, port, logPath, options);
  await call(
    port,
    'UpdateNamespace',
    Buffer.concat([text(1, namespace), nested(3, nested(1, varint(1, retentionDays * 86_400)))]),
  );
  child.watch(options.onExit);
  file?.hasAnswered();
  return {
    address: `127.0.0.1:${port}`,
    uiUrl: uiPort === undefined ? undefined : `http://127.0.0.1:${uiPort}`,
    port,
    pid: child.pid,
    stop: () => child.stop(),
  };
}

/**
 * The server's database. One whose making was cut short has no tables and never will: a mark stays beside it until the
 * server has answered for the first time, and with the mark it is made anew.
 */
class DatabaseFile {
  readonly path: string;
  readonly #mark: string;
  readonly #files: string[];

  constructor(path: string) {
    this.path = path;
    this.#mark = `${path}.new`;
    this.#files = ['', '-wal', '-shm'].map((suffix) => path + suffix);
  }

  /** Before each start. */
  prepare(): void {
    if (existsSync(this.#mark)) for (const file of this.#files) rmSync(file, { force: true });
    if (!existsSync(this.path)) writeFileSync(this.#mark, '');
  }

  hasAnswered(): void {
    rmSync(this.#mark, { force: true });
    protect(this.#files);
  }
}

async function choosePorts(options: TemporalDevServerOptions): Promise<{ port: number; uiPort: number | undefined }> {
  const advice = (setting: string) =>
    `Set ${setting} to another port, or TEMPORAL_ADDRESS to the Temporal server to use`;
  const port = await choosePort(options.port, 'the embedded Temporal server', advice('TEMPORAL_PORT'));
  if (options.uiPort === undefined) return { port, uiPort: undefined };
  return { port, uiPort: await choosePort(options.uiPort, 'the embedded Temporal Web UI', advice('TEMPORAL_UI_PORT')) };
}

function serverArguments(
  { namespace, searchAttributes: attributes }: TemporalDevServerOptions,
  { port, uiPort, database }: { port: number; uiPort: number | undefined; database: string | undefined },
): string[] {
  // Without the two pragmas a database file is seven times slower. WAL with NORMAL survives the death of the server at any moment.
  const pragmas = ['journal_mode=WAL', 'synchronous=NORMAL'].flatMap((pragma) => ['--sqlite-pragma', pragma]);
  const storage = database === undefined ? [] : ['--db-filename', database, ...pragmas];
  const webUi = uiPort === undefined ? ['--headless'] : ['--ui-port', String(uiPort)];
  const keywords = attributes.flatMap((name) => ['--search-attribute', `${name}=Keyword`]);
  // prettier-ignore
  return [
    'server', 'start-dev', ...storage,
    '--ip', '127.0.0.1', '--port', String(port), ...webUi,
    '--namespace', namespace, ...keywords,
    '--log-level', 'error', '--log-format', 'json',
  ];
}

/** Starts the server, and again when it ends at once; throws when it does so each time, or does not answer. */
async function startUntilReady(
  start: () => Promise<Child>,
  port: number,
  logPath: string,
  { namespace, log }: TemporalDevServerOptions,
): Promise<Child> {
  for (let starts = 1; ; starts += 1) {
    const child = await start();
    if ((await untilReady(child, port, namespace, logPath)) === 'ready') return child;
    const words = 'the embedded Temporal server ended while starting';
    if (starts === STARTS) throw new Error(`${words}; ${logPath} says:\n${logTail(logPath)}`);
    log.warn({ says: logTail(logPath) }, `${words} and is started again`);
  }
}

async function stopLeftovers(database: string, log: Pick<Logger, 'warn'>): Promise<void> {
  const servers = (await listProcesses()).filter(
    ({ command }) => command.includes(' server start-dev ') && command.includes(` --db-filename ${database} `),
  );
  for (const { pid } of servers) {
    log.warn({ pid }, 'stopping the embedded Temporal server that an earlier run left behind');
    if (!(await stopProcess(pid, stopSteps))) {
      throw new Error(`cannot stop the ${basename(database)} server, process ${pid}; stop it by hand`);
    }
  }
}

async function untilReady(child: Child, port: number, namespace: string, logPath: string): Promise<'ready' | 'ended'> {
  const deadline = Date.now() + 60_000;
  while ((await call(port, 'DescribeNamespace', text(1, namespace))) !== '0') {
    if (!child.running) return 'ended';
    if (Date.now() > deadline) {
      await child.stop();
      const words = 'the embedded Temporal server did not answer within a minute';
      throw new Error(`${words}; ${logPath} says:\n${logTail(logPath)}`);
    }
    await delay(25);
  }
  return 'ready';
}

// ── the two gRPC calls of a start, by hand: this file must not depend on a client ────────────────────────────────────────────────────────

/** One unary call of Temporal's WorkflowService; the gRPC status as text ("0" is fine), undefined when nobody answers. */
async function call(
  port: number,
  method: 'DescribeNamespace' | 'UpdateNamespace',
  message: Buffer,
): Promise<string | undefined> {
  return new Promise((resolve) => {
    const session = connect(`http://127.0.0.1:${port}`);
    let status: string | undefined;
    const finish = () => {
      clearTimeout(timer);
      session.destroy();
      resolve(status);
    };
    const timer = setTimeout(finish, 5_000);
    session.on('error', finish);
    const request = session.request({
      ':method': 'POST',
      ':path': `/temporal.api.workflowservice.v1.WorkflowService/${method}`,
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    const note = (headers: Record<string, unknown>) => {
      if (typeof headers['grpc-status'] === 'string') status = headers['grpc-status'];
    };
    request.on('response', note).on('trailers', note).on('error', finish).on('close', finish).resume();
    const prefix = Buffer.alloc(5); // not compressed, length
    prefix.writeUInt32BE(message.length, 1);
    request.end(Buffer.concat([prefix, message]));
  });
}

function varint(field: number, value: number): Buffer {
  return Buffer.from([field << 3, ...varintBytes(value)]);
}

function nested(field: number, message: Buffer): Buffer {
  return Buffer.concat([Buffer.from([(field << 3) | 2, ...varintBytes(message.length)]), message]);
}

function text(field: number, value: string): Buffer {
  return nested(field, Buffer.from(value));
}

function varintBytes(value: number): number[] {
  return value < 128 ? [value] : [(value % 128) + 128, ...varintBytes(Math.floor(value / 128))];
}

// ── search attributes on a server that is not ours ───────────────────────────────────────────────────────────────────────────────────────

/** The two calls needed of a Temporal connection's `operatorService`. */
export interface SearchAttributeRegistry {
  listSearchAttributes(request: { namespace: string }): Promise<{ customAttributes?: Record<string, number> | null }>;
  addSearchAttributes(request: { namespace: string; searchAttributes: Record<string, number> }): Promise<unknown>;
}

/** Temporal's number for the type Keyword. */
const keyword = 2;

/** Registers the missing search attributes of a namespace and returns their names; throws when one exists with another type or may not be added. */
export async function ensureSearchAttributes(
  registry: SearchAttributeRegistry,
  namespace: string,
  names: readonly string[] = searchAttributes,
): Promise<string[]> {
  const { customAttributes } = await registry.listSearchAttributes({ namespace });
  const existing = customAttributes ?? {};
  const wrong = names.filter((name) => (existing[name] ?? keyword) !== keyword);
  if (wrong.length > 0) {
    throw new Error(
      `search attributes of namespace ${namespace} have another type than Keyword: ${wrong.join(', ')}. Use another namespace`,
    );
  }
  const missing = names.filter((name) => !(name in existing));
  if (missing.length === 0) return [];
  try {
    await registry.addSearchAttributes({
      namespace,
      searchAttributes: Object.fromEntries(missing.map((name) => [name, keyword])),
    });
  } catch (error) {
    const alreadyExists = 6; // another process was faster
    if (error instanceof Error && 'code' in error && error.code === alreadyExists) return [];
    throw new Error(
      `cannot register search attributes in namespace ${namespace}; add these by hand, type Keyword: ${missing.join(', ')}`,
      { cause: error },
    );
  }
  return missing;
}

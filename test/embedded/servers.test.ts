import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import postgres from 'postgres';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  ensureSearchAttributes,
  searchAttributes,
  startEmbeddedPostgres,
  startTemporalDevServer,
} from '../../embedded.ts';
import type { ChildExit } from '../../embedded.ts';
import { isAlive } from '../../embedded/processes.ts';
import { createLogger } from '../../log.ts';
import { provided } from '../support/run-servers.ts';
import { waitFor } from '../support/wait.ts';

const log = createLogger({ logLevel: 'silent' });
const cliPath = provided('temporalCliPath');
let dataDir: string;
let cleanUp: (() => Promise<unknown> | undefined)[];

/** One folder for all: making a cluster takes a second, and what one test leaves must not trouble the next. */
beforeAll(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'slipway-servers-'));
});
afterAll(() => rmSync(dataDir, { recursive: true, force: true }));
beforeEach(() => {
  cleanUp = [];
});
afterEach(async () => {
  for (const action of cleanUp.reverse()) await action();
});

function anotherFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'slipway-servers-'));
  cleanUp.push(() => Promise.resolve(rmSync(folder, { recursive: true, force: true })));
  return folder;
}

async function startPostgres(onExit?: (exit: ChildExit) => void) {
  const server = await startEmbeddedPostgres({ dataDir, port: 0, log, ...(onExit && { onExit }) });
  cleanUp.push(() => server.stop());
  return server;
}

async function startTemporal(onExit?: (exit: ChildExit) => void, folder = dataDir, program = cliPath) {
  const server = await startTemporalDevServer({
    cliPath: program,
    dataDir: folder,
    port: 0,
    uiPort: 0,
    namespace: 'default',
    searchAttributes,
    log,
    ...(onExit && { onExit }),
  });
  cleanUp.push(() => server.stop());
  return server;
}

async function query(url: string, text: string): Promise<Record<string, unknown>[]> {
  const sql = postgres(url, { max: 1, onnotice: () => {} });
  try {
    return [...(await sql.unsafe(text))];
  } finally {
    await sql.end();
  }
}

async function withClient<T>(address: string, work: (client: Client) => Promise<T>): Promise<T> {
  const connection = await Connection.connect({ address });
  try {
    return await work(new Client({ connection }));
  } finally {
    await connection.close();
  }
}

const startWorkflow = (device: string) => (client: Client) =>
  client.workflow.start('upgradeDevice', {
    workflowId: `upgrade/${device}`,
    taskQueue: 'nobody',
    searchAttributes: { SlipwayDevice: [device] },
  });

const awaitRunning = (device: string) => (client: Client) =>
  waitFor(
    async () => (await client.workflow.count(`SlipwayDevice = '${device}' and ExecutionStatus = 'Running'`)).count,
    {
      message: 'the execution is gone',
    },
  );

describe('the embedded PostgreSQL', () => {
  test('keeps its data and its password over a stop and a start', async () => {
    const first = await startPostgres();
    await query(first.url, `create table kept (name text); insert into kept values ('发货')`);
    await first.stop();
    expect(isAlive(first.pid)).toBe(false);
    const second = await startPostgres();
    expect(new URL(second.url).password).toBe(new URL(first.url).password);
    expect(await query(second.url, 'select name from kept')).toEqual([{ name: '发货' }]);
  });

  test('promises durability, listens here only and keeps its password to the owner', async () => {
    const { url, port } = await startPostgres();
    const settings = await query(
      url,
      `select name, setting from pg_settings where name in ('fsync', 'full_page_writes', 'synchronous_commit', 'listen_addresses', 'TimeZone', 'server_encoding') order by name`,
    );
    expect(Object.fromEntries(settings.map(({ name, setting }) => [name, setting]))).toEqual({
      fsync: 'on',
      full_page_writes: 'on',
      listen_addresses: '127.0.0.1',
      server_encoding: 'UTF8',
      synchronous_commit: 'on',
      TimeZone: 'UTC',
    });
    expect(statSync(join(dataDir, 'postgres.password')).mode & 0o077).toBe(0);
    await expect(query(`postgres://slipway:wrong@127.0.0.1:${port}/slipway`, 'select 1')).rejects.toThrow(
      'password authentication failed',
    );
  });

  test('gets a new password when the old one was lost', async () => {
    const first = await startPostgres();
    await first.stop();
    rmSync(join(dataDir, 'postgres.password'));
    const second = await startPostgres();
    expect(second.url).not.toContain(new URL(first.url).password);
    expect(await query(second.url, 'select 1 as one')).toEqual([{ one: 1 }]);
  });

  test('says which setting to change when its port is taken', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    await expect(startEmbeddedPostgres({ dataDir, port, log })).rejects.toThrow(
      `port ${port} for the embedded PostgreSQL is taken by another program. Set EMBEDDED_POSTGRES_PORT`,
    );
    other.close();
  });

  test('shows the end of its log when it cannot start', async () => {
    await (await startPostgres()).stop();
    const path = join(dataDir, 'postgres', 'PG_VERSION');
    const version = readFileSync(path);
    cleanUp.push(() => Promise.resolve(writeFileSync(path, version)));
    writeFileSync(path, '9\n');
    await expect(startPostgres()).rejects.toThrow(/ended while starting; .*incompatible with server/s);
  });

  test('starts over a pid file whose id now belongs to another process', async () => {
    const first = await startPostgres();
    const pidFile = readFileSync(join(dataDir, 'postgres', 'postmaster.pid'), 'utf8');
    await first.stop();
    writeFileSync(join(dataDir, 'postgres', 'postmaster.pid'), pidFile.replace(/^\d+/, String(process.ppid)));
    const second = await startPostgres();
    expect(await query(second.url, 'select 1 as one')).toEqual([{ one: 1 }]);
  });

  test('reports its own end, but not a stop that was asked for', async () => {
    const exits: ChildExit[] = [];
    const first = await startPostgres((exit) => exits.push(exit));
    process.kill(first.pid, 'SIGKILL');
    await waitFor(() => exits.length === 1);
    expect(exits).toEqual([{ code: null, signal: 'SIGKILL' }]);
    const second = await startPostgres((exit) => exits.push(exit));
    await second.stop();
    expect(exits).toHaveLength(1);
  });
});

describe('the embedded Temporal server', () => {
  test('keeps executions and their search attributes over a stop and a start, and shows a web page', async () => {
    const first = await startTemporal();
    await withClient(first.address, startWorkflow('d1'));
    await first.stop();
    expect(isAlive(first.pid)).toBe(false);
    const second = await startTemporal();
    await withClient(second.address, awaitRunning('d1'));
    const page = await waitFor(() => fetch(second.uiUrl ?? ''));
    expect(await page.text()).toContain('</html>');
    expect(statSync(join(dataDir, 'temporal.db')).mode & 0o077).toBe(0);
  });

  test('keeps finished executions for a month', async () => {
    const { address } = await startTemporal();
    const description = await withClient(address, ({ connection }) =>
      connection.workflowService.describeNamespace({ namespace: 'default' }),
    );
    expect(Number(description.config?.workflowExecutionRetentionTtl?.seconds)).toBe(30 * 86_400);
  });

  test('makes its database anew when the first start was cut short', async () => {
    const folder = anotherFolder();
    writeFileSync(join(folder, 'temporal.db'), '');
    writeFileSync(join(folder, 'temporal.db.new'), '');
    await startTemporal(undefined, folder);
    expect(existsSync(join(folder, 'temporal.db.new'))).toBe(false);
  });

  test('shows the end of its log when it cannot start', async () => {
    const folder = anotherFolder();
    writeFileSync(join(folder, 'temporal.db'), 'this is no database, and nobody marked it as half made');
    await expect(startTemporal(undefined, folder)).rejects.toThrow(/ended while starting; .*file is not a database/s);
  });

  /** Ends so often as one that finds a port taken: the reason first, then a long trace. */
  function crashing(folder: string, times: number): string {
    const [program, count] = [join(folder, 'crashing'), join(folder, 'starts')];
    const trace = Array.from({ length: 40 }, (_, index) => `main.part${index}()`).join('\n');
    writeFileSync(
      program,
      `#!/bin/sh
echo start >> '${count}'
[ $(wc -l < '${count}') -gt ${times} ] && exec '${cliPath}' "$@"
echo 'panic: no free port
${trace}' >&2
exit 2
`,
      { mode: 0o700 },
    );
    return program;
  }

  test('is started again when it ends while starting', async () => {
    const folder = anotherFolder();
    const { address } = await startTemporal(undefined, folder, crashing(folder, 2));
    await withClient(address, ({ connection }) => connection.workflowService.getSystemInfo({}));
  });

  test('that ends each time says why, and not where in its program', async () => {
    const folder = anotherFolder();
    await expect(startTemporal(undefined, folder, crashing(folder, 3))).rejects.toThrow(/panic: no free port\n/);
  });

  test('reports its own end', async () => {
    const exits: ChildExit[] = [];
    const { pid } = await startTemporal((exit) => exits.push(exit));
    process.kill(pid, 'SIGKILL');
    await waitFor(() => exits.length === 1);
  });
});

describe('search attributes', () => {
  test('are registered where they are missing, and left where they are', async () => {
    const { address } = await startTemporalDevServer({
      cliPath,
      dataDir,
      port: 0,
      namespace: 'default',
      searchAttributes: ['SlipwayDevice'],
      log,
      inMemory: true,
    }).then((server) => {
      cleanUp.push(() => server.stop());
      return server;
    });
    await withClient(address, async ({ connection }) => {
      expect(await ensureSearchAttributes(connection.operatorService, 'default')).toEqual(searchAttributes.slice(1));
      expect(await ensureSearchAttributes(connection.operatorService, 'default')).toEqual([]);
      const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace: 'default' });
      expect(customAttributes).toMatchObject({ SlipwayStatus: 2 });
    });
  });

  test('of another type, or that may not be added, are named', async () => {
    const registry = {
      listSearchAttributes: () => Promise.resolve({ customAttributes: { SlipwayDevice: 1 } }),
      addSearchAttributes: () => Promise.reject(new Error('not allowed')),
    };
    await expect(ensureSearchAttributes(registry, 'default')).rejects.toThrow(
      'another type than Keyword: SlipwayDevice',
    );
    await expect(ensureSearchAttributes(registry, 'default', ['SlipwayTask'])).rejects.toThrow(
      'add these by hand, type Keyword: SlipwayTask',
    );
  });
});

describe('after kill -9', () => {
  interface Up {
    program: ChildProcess;
    url: string;
    address: string;
    pids: number[];
  }

  async function startProgram(): Promise<Up> {
    const path = fileURLToPath(new URL('program.ts', import.meta.url));
    const program = spawn(process.execPath, ['--import', 'tsx', path, dataDir, cliPath], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let errors = '';
    program.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
    const [line] = (await Promise.race([
      once(createInterface(program.stdout), 'line'),
      once(program, 'exit').then(() => [undefined]),
    ])) as [string | undefined];
    if (line === undefined) throw new Error(`the program ended: ${errors}`);
    return { program, ...(JSON.parse(line) as Omit<Up, 'program'>) };
  }

  async function kill({ program, pids }: Up, alsoServers: boolean): Promise<void> {
    for (const pid of alsoServers ? pids : []) process.kill(pid, 'SIGKILL');
    program.kill('SIGKILL');
    await once(program, 'exit');
    // a process that was killed is there for as long as the system needs to clear it away
    if (alsoServers) await waitFor(() => !pids.some(isAlive));
  }

  test.each([
    ['program', 'whose servers live on', false],
    ['everything', 'servers too', true],
  ])('of %s, %s, the next start works and has everything', async (device, _title, alsoServers) => {
    const first = await startProgram();
    cleanUp.push(() =>
      first.program.exitCode === null && first.program.signalCode === null ? kill(first, true) : undefined,
    );
    await query(first.url, `create table after_${device} (name text); insert into after_${device} values ('kept')`);
    await withClient(first.address, startWorkflow(device));
    await kill(first, alsoServers);
    expect(first.pids.map(isAlive)).toEqual([!alsoServers, !alsoServers]);

    const startedAt = Date.now();
    const second = await startProgram();
    cleanUp.push(() => kill(second, true));
    expect(Date.now() - startedAt).toBeLessThan(20_000); // about one second when the machine does nothing else
    expect(first.pids.map(isAlive)).toEqual([false, false]);
    expect(await query(second.url, `select name from after_${device}`)).toEqual([{ name: 'kept' }]);
    await withClient(second.address, awaitRunning(device));
  });

  test('a second program on the same folder is turned away and harms nothing', async () => {
    const first = await startProgram();
    cleanUp.push(() => kill(first, true));
    await expect(startProgram()).rejects.toThrow(`Slipway already runs on ${dataDir} (process ${first.program.pid})`);
    expect(await query(first.url, 'select 1 as one')).toEqual([{ one: 1 }]);
    expect(first.pids.map(isAlive)).toEqual([true, true]);
  });
});

/**
 * Packets per second of the terminal gateway, and its memory per idle connection, beside those of a bare Node TCP
 * server: same requests, same answers in bytes, same load, same run. Everything behind the gateway is in memory.
 *
 * `npm run bench -- packets [--connections 50] [--rounds 10] [--round-ms 400] [--idle 10000]`. Traffic stays on the
 * loopback interface; it ends by itself after a minute at the latest.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { load, type LoadOrder, type LoadResult } from './packet-load.ts';
import {
  FILE_BYTES,
  PACKET_BYTES,
  serve,
  SERVER_KINDS,
  type ServerFigures,
  type ServerKind,
} from './packet-servers.ts';

const RATIO_GOAL = 0.7;
const IDLE_BYTES_GOAL = 10 * 1024;
const DEADLINE_MS = 60_000;
const WARM_CONNECTIONS = 1_000;
/** File descriptors a process needs besides its connections. */
const SPARE_FILES = 100;

interface Round {
  perSecond: number;
  cpuMicrosPerPacket: number;
}

export async function run(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      connections: { type: 'string', default: '50' },
      rounds: { type: 'string', default: '10' },
      'round-ms': { type: 'string', default: '400' },
      idle: { type: 'string', default: '10000' },
      role: { type: 'string' },
    },
  });
  if (values.role === 'load') return load();
  if (values.role === 'gateway' || values.role === 'bare') return serve(values.role);

  const children: ChildProcess[] = [];
  const deadline = setTimeout(() => {
    console.error(`not finished after ${DEADLINE_MS / 1_000} s; the machine is too busy to measure`);
    process.exit(1); // the other processes end with this one
  }, DEADLINE_MS);
  const start = async (role: ServerKind | 'load') => {
    const child = fork(fileURLToPath(new URL('index.ts', import.meta.url)), ['packets', '--role', role], {
      execArgv: [...process.execArgv, '--expose-gc'],
    });
    children.push(child);
    return { child, ...(await answerOf<{ port: number }>(child)) };
  };
  try {
    const { child: generator } = await start('load');
    const order = async (fields: Partial<LoadOrder>): Promise<LoadResult> => {
      generator.send({ packets: FILE_BYTES / PACKET_BYTES, packetBytes: PACKET_BYTES, ...fields });
      return answerOf(generator);
    };
    console.log(`Node ${process.version}, ${cpus().length} cores, open files limited to ${openFilesLimit()}`);
    await measurePackets(start, order, {
      connections: Number(values.connections),
      rounds: Number(values.rounds),
      durationMs: Number(values['round-ms']),
    });
    await measureIdle(start, order, Math.min(Number(values.idle), openFilesLimit() - SPARE_FILES - WARM_CONNECTIONS));
  } finally {
    clearTimeout(deadline);
    for (const child of children) stop(child);
  }
}

function stop(child: ChildProcess): void {
  if (child.connected) child.disconnect();
}

type Start = (role: ServerKind) => Promise<{ child: ChildProcess; port: number }>;
type Order = (fields: Partial<LoadOrder>) => Promise<LoadResult>;

async function measurePackets(
  start: Start,
  order: Order,
  { connections, rounds, durationMs }: { connections: number; rounds: number; durationMs: number },
): Promise<void> {
  const servers = { gateway: await start('gateway'), bare: await start('bare') };
  const measured: Record<ServerKind, Round[]> = { gateway: [], bare: [] };
  for (let round = 0; round <= rounds; round += 1) {
    for (const kind of round % 2 === 0 ? SERVER_KINDS : SERVER_KINDS.toReversed()) {
      const { child, port } = servers[kind];
      const before = await figuresOf(child, 'figures');
      const { packets, elapsedMs } = await order({ kind: 'transfer', port, connections, durationMs });
      const { cpuMicros } = await figuresOf(child, 'figures');
      const figures = {
        perSecond: packets / (elapsedMs / 1000),
        cpuMicrosPerPacket: (cpuMicros - before.cpuMicros) / packets,
      };
      if (round > 0) measured[kind].push(figures); // the first one warms up
    }
  }
  for (const { child } of Object.values(servers)) stop(child);

  const speed = (kind: ServerKind) => median(measured[kind].map(({ perSecond }) => perSecond));
  const cost = (kind: ServerKind) => median(measured[kind].map(({ cpuMicrosPerPacket }) => cpuMicrosPerPacket));
  console.log(
    `\nPackets of ${PACKET_BYTES} bytes over ${connections} connections, ${rounds} rounds of ${durationMs} ms`,
  );
  table([
    ['', 'packets/s, median', 'slowest', 'fastest', 'CPU µs per packet'],
    ...SERVER_KINDS.map((kind) => {
      const all = measured[kind].map(({ perSecond }) => perSecond);
      return [
        kind,
        speed(kind).toFixed(0),
        Math.min(...all).toFixed(0),
        Math.max(...all).toFixed(0),
        cost(kind).toFixed(1),
      ];
    }),
  ]);
  // Round by round: whatever else the machine does, both servers of a round have had the same of it.
  const pairs = measured.gateway.map((gateway, round) => ({ gateway, bare: measured.bare[round] as Round }));
  const ratio = median(pairs.map(({ gateway, bare }) => gateway.perSecond / bare.perSecond));
  const costs = median(pairs.map(({ gateway, bare }) => bare.cpuMicrosPerPacket / gateway.cpuMicrosPerPacket));
  console.log(
    `gateway / bare, median of the rounds: ${ratio.toFixed(2)} in packets per second ` +
      `(goal at least ${RATIO_GOAL}: ${met(ratio >= RATIO_GOAL)}), ${costs.toFixed(2)} in processor time`,
  );
}

async function measureIdle(start: Start, order: Order, connections: number): Promise<void> {
  const perConnection = { gateway: 0, bare: 0 };
  const rows: string[][] = [];
  for (const kind of SERVER_KINDS) {
    const { child, port } = await start(kind);
    // The first connections also pay for code that runs for the first time; only what comes after them is counted.
    const first = await order({ kind: 'idle', port, connections: WARM_CONNECTIONS });
    await untilConnected(child, first.connections);
    const before = await figuresOf(child, 'collected figures');
    const { connections: opened } = await order({ kind: 'idle', port, connections });
    await untilConnected(child, first.connections + opened);
    const after = await figuresOf(child, 'collected figures');
    await order({ kind: 'close', port });
    stop(child);
    perConnection[kind] = (after.rssBytes - before.rssBytes) / opened;
    const heap = (after.heapBytes - before.heapBytes) / opened;
    rows.push([kind, String(opened), kib(perConnection[kind]), kib(heap), mib(before.rssBytes), mib(after.rssBytes)]);
  }
  console.log('\nMemory of idle connections, after garbage collection');
  table([['', 'connections', 'KiB each', 'of it heap', 'RSS before, MiB', 'RSS after, MiB'], ...rows]);
  console.log(
    `gateway ${kib(perConnection.gateway)} KiB per connection ` +
      `(goal at most ${kib(IDLE_BYTES_GOAL)}: ${met(perConnection.gateway <= IDLE_BYTES_GOAL)}), ` +
      `${kib(perConnection.gateway - perConnection.bare)} KiB more than bare`,
  );
}

async function figuresOf(child: ChildProcess, question: 'figures' | 'collected figures'): Promise<ServerFigures> {
  child.send(question);
  return answerOf(child);
}

async function untilConnected(child: ChildProcess, connections: number): Promise<void> {
  const untilMs = Date.now() + 10_000;
  for (;;) {
    const figures = await figuresOf(child, 'figures');
    if (figures.connections === connections) return;
    if (Date.now() > untilMs) throw new Error(`${figures.connections} connections instead of ${connections}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function answerOf<Answer>(child: ChildProcess): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const ended = (code: number | null) => reject(new Error(`a process of the measurement ended with ${code}`));
    child.once('exit', ended);
    child.once('message', (answer) => {
      child.off('exit', ended);
      resolve(answer as Answer);
    });
  });
}

function openFilesLimit(): number {
  const report = process.report.getReport() as { userLimits?: { open_files?: { soft: number | string } } };
  const soft = Number(report.userLimits?.open_files?.soft);
  return Number.isFinite(soft) ? soft : 1_000_000;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? Number.NaN)) / 2;
}

function table(rows: readonly (readonly string[])[]): void {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  for (const row of rows) {
    console.log(
      `  ${row
        .map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0)))
        .join('   ')}`,
    );
  }
}

function met(isMet: boolean): string {
  return isMet ? 'met' : 'MISSED';
}

function kib(bytes: number): string {
  return (bytes / 1024).toFixed(1);
}

function mib(bytes: number): string {
  return (bytes / 1024 / 1024).toFixed(0);
}

/**
 * Packets per second of the terminal gateway, and its memory per idle connection, beside those of a bare Node TCP
 * server: same requests, same answers in bytes, same load, same run. Likewise the FTP server for piles beside a bare
 * TCP sending of the same bytes, and slices of the PCP gateway beside a bare UDP answer. Everything behind the gateways
 * is in memory.
 *
 * `npm run bench -- packets [--connections 50] [--rounds 10] [--round-ms 400] [--idle 10000]`. Traffic stays on the
 * loopback interface; it ends by itself after three minutes at the latest.
 */
import type { ChildProcess } from 'node:child_process';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { measureFtp, serveFtpRole } from './packet-ftp.ts';
import { load, type LoadOrder, type LoadResult } from './packet-load.ts';
import { measurePcp, servePcpRole } from './packet-pcp.ts';
import { ask, inPairs, met, rowsOf, startRole, stop, table, type Measured } from './packet-processes.ts';
import { FILE_BYTES, PACKET_BYTES, serve, SERVER_KINDS, type ServerFigures } from './packet-servers.ts';

const RATIO_GOAL = 0.7;
const IDLE_BYTES_GOAL = 10 * 1024;
const DEADLINE_MS = 180_000;
const WARM_CONNECTIONS = 1_000;
/** File descriptors a process needs besides its connections. */
const SPARE_FILES = 100;

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
  if (values.role !== undefined && (await (serveFtpRole(values.role) ?? servePcpRole(values.role)))) return;
  if (values.role === 'gateway' || values.role === 'bare') return serve(values.role);

  const children: ChildProcess[] = [];
  const deadline = setTimeout(() => {
    console.error(`not finished after ${DEADLINE_MS / 1_000} s; the machine is too busy to measure`);
    process.exit(1); // the other processes end with this one
  }, DEADLINE_MS);
  const start = async (role: string) => {
    const started = await startRole(role);
    children.push(started.child);
    return started;
  };
  try {
    const { child: generator } = await start('load');
    const order = async (fields: Partial<LoadOrder>): Promise<LoadResult> => {
      return ask(generator, { packets: FILE_BYTES / PACKET_BYTES, packetBytes: PACKET_BYTES, ...fields });
    };
    console.log(`Node ${process.version}, ${cpus().length} cores, open files limited to ${openFilesLimit()}`);
    await measurePackets(start, order, {
      connections: Number(values.connections),
      rounds: Number(values.rounds),
      durationMs: Number(values['round-ms']),
    });
    await measureFtp(start, Number(values.rounds));
    await measurePcp(start, Number(values.rounds));
    await measureIdle(start, order, Math.min(Number(values.idle), openFilesLimit() - SPARE_FILES - WARM_CONNECTIONS));
  } finally {
    clearTimeout(deadline);
    for (const child of children) stop(child);
  }
}

type Start = (role: string) => Promise<Measured>;
type Order = (fields: Partial<LoadOrder>) => Promise<LoadResult>;

async function measurePackets(
  start: Start,
  order: Order,
  { connections, rounds, durationMs }: { connections: number; rounds: number; durationMs: number },
): Promise<void> {
  const servers = { gateway: await start('gateway'), bare: await start('bare') };
  const {
    rounds: measured,
    ratio,
    cpuRatio,
  } = await inPairs(SERVER_KINDS, rounds, async (kind) => {
    const { child, port } = servers[kind];
    const before = await figuresOf(child, 'figures');
    const { packets, elapsedMs } = await order({ kind: 'transfer', port, connections, durationMs });
    const { cpuMicros } = await figuresOf(child, 'figures');
    return { perSecond: packets / (elapsedMs / 1000), cpuMicrosEach: (cpuMicros - before.cpuMicros) / packets };
  });
  for (const { child } of Object.values(servers)) stop(child);

  console.log(
    `\nPackets of ${PACKET_BYTES} bytes over ${connections} connections, ${rounds} rounds of ${durationMs} ms`,
  );
  table([['', 'packets/s, median', 'slowest', 'fastest', 'CPU µs per packet'], ...rowsOf(measured, 0)]);
  console.log(
    `gateway / bare, median of the rounds: ${ratio.toFixed(2)} in packets per second ` +
      `(goal at least ${RATIO_GOAL}: ${met(ratio >= RATIO_GOAL)}), ${cpuRatio.toFixed(2)} in processor time`,
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
  return ask(child, question);
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

function openFilesLimit(): number {
  const report = process.report.getReport() as { userLimits?: { open_files?: { soft: number | string } } };
  const soft = Number(report.userLimits?.open_files?.soft);
  return Number.isFinite(soft) ? soft : 1_000_000;
}

function kib(bytes: number): string {
  return (bytes / 1024).toFixed(1);
}

function mib(bytes: number): string {
  return (bytes / 1024 / 1024).toFixed(0);
}

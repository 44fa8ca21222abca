/**
 * Packets per second of the terminal gateway, and its memory per idle connection, beside those of a bare Node TCP
 * server: same requests, same answers in bytes, same load, same run. Likewise the FTP server for piles beside a bare
 * TCP sending of the same bytes, and slices of the PCP gateway beside a bare UDP answer. Everything behind the gateways
 * is in memory.
 *
 * Traffic stays on the loopback interface.
 */
import type { ChildProcess } from 'node:child_process';
import type { Area, Bench } from './area.ts';
import { measureFtp } from './packet-ftp.ts';
import type { LoadOrder, LoadResult } from './packet-load.ts';
import { measurePcp } from './packet-pcp.ts';
import { FILE_BYTES, PACKET_BYTES, SERVER_KINDS, type ServerFigures } from './packet-servers.ts';
import { ask, inPairs, reportPairs, startRole, stop } from './processes.ts';

const RATIO_GOAL = 0.7;
const IDLE_KIB_GOAL = 10;
const KIB = 1024;
const WARM_CONNECTIONS = 1_000;
/** File descriptors a process needs besides its connections. */
const SPARE_FILES = 100;

/** The area. */
export const packets: Area = {
  name: 'packets',
  title: 'packets, slices and file bytes of the gateways, and memory of idle connections',
  uses: [],
  settings: {
    connections: { means: 'terminals that transfer at one time', full: '50', kind: 'count', least: 1 },
    rounds: { means: 'rounds of each server', full: '10', quick: '2', kind: 'count', least: 1 },
    'round-ms': { means: 'milliseconds of a round of packets or slices', full: '400', kind: 'count', least: 1 },
    'file-round-ms': { means: 'milliseconds of a round of files', full: '1000', kind: 'count', least: 1 },
    idle: { means: 'idle connections; 0 leaves them out', full: '10000', quick: '3000', kind: 'count' },
  },
  async measure(bench, settings) {
    const rounds = settings.number('rounds');
    const { child: generator } = await startRole('load', bench);
    const order = async (fields: Partial<LoadOrder>): Promise<LoadResult> => {
      return ask(generator, { packets: FILE_BYTES / PACKET_BYTES, packetBytes: PACKET_BYTES, ...fields });
    };
    const transfer = { connections: settings.number('connections'), durationMs: settings.number('round-ms'), rounds };
    bench.progress('packets of terminals');
    await measurePackets(bench, order, transfer);
    bench.progress('files by FTP');
    await measureFtp(bench, { rounds, durationMs: settings.number('file-round-ms') });
    bench.progress('slices by PCP');
    await measurePcp(bench, { rounds, durationMs: settings.number('round-ms') });
    const wanted = settings.number('idle');
    if (wanted === 0) return;
    bench.progress(`${wanted} idle connections`);
    await measureIdle(bench, order, Math.min(wanted, openFilesLimit() - SPARE_FILES - WARM_CONNECTIONS));
  },
};

type Order = (fields: Partial<LoadOrder>) => Promise<LoadResult>;

async function measurePackets(
  bench: Bench,
  order: Order,
  { connections, rounds, durationMs }: { connections: number; rounds: number; durationMs: number },
): Promise<void> {
  const servers = { gateway: await startRole('gateway', bench), bare: await startRole('bare', bench) };
  const result = await inPairs(SERVER_KINDS, rounds, async (kind) => {
    const { child, port } = servers[kind];
    const before = await figuresOf(child, 'figures');
    const { packets, elapsedMs } = await order({ kind: 'transfer', port, connections, durationMs });
    const { cpuMicros } = await figuresOf(child, 'figures');
    return { perSecond: packets / (elapsedMs / 1000), cpuMicrosEach: (cpuMicros - before.cpuMicros) / packets };
  });
  for (const { child } of Object.values(servers)) stop(child);
  reportPairs(bench, result, {
    name: `terminal packets of ${PACKET_BYTES} bytes over ${connections} connections`,
    unit: 'packets/s',
    each: 'packet',
    baseline: 'TCP server',
    goal: { of: 'ratio', atLeast: RATIO_GOAL },
  });
}

async function measureIdle(bench: Bench, order: Order, connections: number): Promise<void> {
  const found = { gateway: { kib: 0, heap: 0, opened: 0 }, bare: { kib: 0, heap: 0, opened: 0 } };
  for (const kind of SERVER_KINDS) {
    const { child, port } = await startRole(kind, bench);
    // The first connections also pay for code that runs for the first time; only what comes after them is counted.
    const first = await order({ kind: 'idle', port, connections: WARM_CONNECTIONS });
    await untilConnected(child, first.connections);
    const before = await figuresOf(child, 'collected figures');
    const { connections: opened } = await order({ kind: 'idle', port, connections });
    await untilConnected(child, first.connections + opened);
    const after = await figuresOf(child, 'collected figures');
    await order({ kind: 'close', port });
    stop(child);
    const each = (total: number) => total / opened / KIB;
    found[kind] = {
      kib: each(after.rssBytes - before.rssBytes),
      heap: each(after.heapBytes - before.heapBytes),
      opened,
    };
  }
  const { gateway, bare } = found;
  bench.figure({
    name: 'memory of an idle terminal connection, after garbage collection',
    unit: 'KiB',
    better: 'less',
    value: gateway.kib,
    baseline: { name: 'TCP server', value: bare.kib },
    goal: { of: 'value', atMost: IDLE_KIB_GOAL },
  });
  bench.note(
    `idle connections: ${gateway.opened} to the gateway, ${gateway.heap.toFixed(1)} KiB of each on its heap; ${bare.opened} to the bare server, ${bare.heap.toFixed(1)} KiB`,
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

/**
 * The two servers `packets.ts` compares, each in a process of its own: the real terminal gateway with everything behind
 * it in memory, and a bare TCP server that answers every read with as many bytes as a packet has.
 */
import net from 'node:net';
import { demoFirmware } from './operator.ts';
import { serveRole } from './processes.ts';
import type { DeviceHost, OpenOffer } from '../gateways/devices.ts';
import { FileCache } from '../gateways/file-cache.ts';
import { packetOf } from '../gateways/terminal/codec.ts';
import { TerminalGateway } from '../gateways/terminal/server.ts';

export const FILE_BYTES = 64 * 1024;
export const PACKET_BYTES = 1024;
/** Code that is not used any more is let go of after some collections. */
const COLLECTIONS = 8;
export const SERVER_KINDS = ['gateway', 'bare'] as const;

/** What a server process tells about itself. */
export interface ServerFigures {
  connections: number;
  /** Resident memory after garbage collection, bytes. */
  rssBytes: number;
  heapBytes: number;
  /** Processor time since the start of the process, microseconds. */
  cpuMicros: number;
}

/** The role of the gateway; answers each message with its figures. */
export async function serveGateway(): Promise<void> {
  serve(await startGateway());
}

/** The role of the bare server. */
export async function serveBare(): Promise<void> {
  serve(await startBare());
}

function serve({ port, connections }: { port: number; connections: () => number }): void {
  serveRole<'figures' | 'collected figures'>(port, (question) =>
    figures(connections(), question === 'collected figures'),
  );
}

async function figures(connections: number, collect: boolean): Promise<ServerFigures> {
  for (let left = collect ? COLLECTIONS : 0; left > 0; left -= 1) {
    globalThis.gc?.();
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const { rss, heapUsed } = process.memoryUsage();
  const { user, system } = process.cpuUsage();
  return { connections, rssBytes: rss, heapBytes: heapUsed, cpuMicros: user + system };
}

async function startGateway() {
  const gateway = new TerminalGateway({
    host: memoryHost(),
    files: new FileCache(FILE_BYTES, async () => demoFirmware(11, 10, FILE_BYTES).content),
    log: { debug: ignore, info: ignore, warn: ignore, error: ignore },
    limits: { maxConnections: 1_000_000, maxConnectionsPerAddress: 1_000_000, idleTimeoutMs: 1_800_000 },
  });
  const port = await gateway.listen(0, '127.0.0.1');
  return { port, connections: () => gateway.online.connections };
}

async function startBare() {
  const packet = packetOf(demoFirmware(11, 10, FILE_BYTES).content, PACKET_BYTES, 1) ?? Buffer.alloc(PACKET_BYTES);
  let open = 0;
  const server = net.createServer({ noDelay: true }, (socket) => {
    open += 1;
    socket.on('data', () => socket.write(packet));
    socket.on('error', ignore);
    socket.on('close', () => (open -= 1));
  });
  await new Promise<void>((resolve) => server.listen({ port: 0, host: '127.0.0.1', backlog: 1024 }, resolve));
  return { port: (server.address() as net.AddressInfo).port, connections: () => open };
}

/** Knows every device and has the same offer, being transferred, for each of them. */
export function memoryHost(): DeviceHost {
  return {
    commands: {
      open: async () => null,
      claim: async () => 'gone',
      answered: async () => false,
      unsendable: async () => {},
      loggedIn: async () => {},
    },
    identify: async (protocol, identity) => ({ deviceId: `${protocol}-${identity}` }),
    findByImei: async () => null,
    openOffer: async (deviceId) => offerOf(deviceId),
    claimSend: async () => false,
    repeatSend: async () => false,
    claimFlash: async () => false,
    offerById: async () => null,
    offerOwner: async () => null,
    firmware: async () => demoFirmware(11, 10, FILE_BYTES).content,
    reported: async () => false,
    refusedReport: async () => {},
    accepted: async () => {},
    failed: async () => {},
    progress: ignore,
    seen: ignore,
    connected: ignore,
    business: ignore,
    badFrame: ignore,
  };
}

/** The offer of every device. */
export function offerOf(deviceId: string): OpenOffer {
  const nowMs = Date.now();
  return {
    id: 1,
    deviceId,
    attempt: 1,
    token: '',
    expiresAtMs: nowMs + 3_600_000,
    sends: 1,
    lastSentAtMs: nowMs,
    firstRequestAtMs: nowMs,
    lastRequestAtMs: nowMs,
    finishedAtMs: null,
    resumable: false,
    component: 'T1',
    targetVersion: '11',
    pinfo: '1110d100',
    sha256: 'in memory',
    sizeBytes: FILE_BYTES,
    packetSize: PACKET_BYTES,
  };
}

function ignore(): void {}

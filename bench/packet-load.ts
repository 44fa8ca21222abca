/**
 * The load `packets.ts` puts on its servers, from a process of its own: terminals that ask for one packet after another
 * as fast as they get them, or that say who they are and then nothing.
 *
 * Written for little work per packet, so that the servers are what is measured: one read buffer for all connections,
 * requests built beforehand, bytes counted and not looked at.
 */
import net from 'node:net';
import { serveRole } from './processes.ts';
import { snAt } from '../gateways/terminal/fleet.ts';
import { encodePacketRequest, encodeReport } from '../gateways/terminal/codec.ts';

export interface LoadOrder {
  kind: 'transfer' | 'idle' | 'close';
  port: number;
  connections: number;
  durationMs: number;
  packets: number;
  packetBytes: number;
}

/** What came of an order. */
export interface LoadResult {
  connections: number;
  packets: number;
  elapsedMs: number;
}

const FIRST_SN = '6134400000';
const VERSION = 10;
/** Connections from one source address: every one of them takes a port. */
const PER_ADDRESS = 2_000;
/** Connections opened at the same time. */
const OPENING = 200;
const readBuffer = Buffer.allocUnsafeSlow(65_536);

/** The role of the load: takes orders until the parent goes away. */
export function load(): void {
  const idle: net.Socket[] = [];
  serveRole<LoadOrder>(0, async (order) => {
    if (order.kind === 'transfer') return transfer(order);
    const result: LoadResult = { connections: 0, packets: 0, elapsedMs: 0 };
    if (order.kind === 'idle') result.connections = await openIdle(order, idle);
    else for (const socket of idle.splice(0)) socket.destroy();
    return result;
  });
}

async function transfer(order: LoadOrder): Promise<LoadResult> {
  let packets = 0;
  const opened = await Promise.all(
    Array.from({ length: order.connections }, (_, index) => asker(order, index, () => (packets += 1))),
  );
  await pause(100);
  const before = packets;
  const startedAtMs = performance.now();
  await pause(order.durationMs);
  const result = {
    connections: opened.length,
    packets: packets - before,
    elapsedMs: performance.now() - startedAtMs,
  };
  for (const socket of opened) socket.destroy();
  await pause(50);
  return result;
}

/** One terminal that asks for the next packet as soon as it has one, and starts again at the end of the file. */
async function asker(order: LoadOrder, index: number, onPacket: () => void): Promise<net.Socket> {
  const sn = snAt(FIRST_SN, index);
  const requests = Array.from({ length: order.packets }, (_, at) =>
    encodePacketRequest({ sn, ver: VERSION, pcnt: at + 1, psize: order.packetBytes }),
  );
  let next = 0;
  let missing = order.packetBytes;
  const socket: net.Socket = await connect(order.port, '127.0.0.1', (bytes) => {
    missing -= bytes;
    if (missing > 0) return;
    onPacket();
    missing = order.packetBytes;
    next = next + 1 === requests.length ? 0 : next + 1;
    socket.write(requests[next] as Buffer);
  });
  socket.write(Buffer.concat([reportOf(sn), requests[0] as Buffer]));
  return socket;
}

/** Opens connections beside those that are open; how many it could open. */
async function openIdle(order: LoadOrder, idle: net.Socket[]): Promise<number> {
  const first = idle.length;
  let next = first;
  const opener = async (): Promise<void> => {
    for (let index = next++; index < first + order.connections; index = next++) {
      const source = `127.0.0.${2 + Math.floor(index / PER_ADDRESS)}`;
      const socket = await connect(order.port, source, () => {}).catch(() => null);
      if (socket === null) return; // out of files or ports: what is open is reported
      socket.write(reportOf(snAt(FIRST_SN, index)));
      idle.push(socket);
    }
  };
  await Promise.all(Array.from({ length: OPENING }, opener));
  return idle.length - first;
}

function reportOf(sn: string): Buffer {
  return encodeReport({ sn, sfwVal: VERSION, batLevel: 80, temperatureRaw: -148, acc: { x: 1, y: 2, z: 3 } });
}

function connect(port: number, localAddress: string, onBytes: (bytes: number) => void): Promise<net.Socket> {
  return new Promise((resolve, reject) => {
    const socket = net.connect({
      host: '127.0.0.1',
      port,
      localAddress,
      noDelay: true,
      onread: {
        buffer: readBuffer,
        callback: (bytes) => {
          onBytes(bytes);
          return true;
        },
      },
    });
    socket.once('connect', () => resolve(socket));
    socket.on('error', reject);
  });
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

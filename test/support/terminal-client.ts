/**
 * A TCP client that says exactly the bytes a test wants and keeps all it gets, and a terminal gateway for it to talk to:
 * for what no simulated terminal would do.
 */
import { connect, type Socket } from 'node:net';
import { afterEach } from 'vitest';
import { FakeHost, FakeLog } from './fake-host.ts';
import { waitFor } from './wait.ts';
import { hexByte, xorOfText } from '../../gateways/checksums.ts';
import { FileCache } from '../../gateways/file-cache.ts';
import type { TcpLimits } from '../../gateways/tcp.ts';
import {
  encodeOtaCommand,
  encodeOtaError,
  encodeOtaOver,
  encodePacketRequest,
  encodeReport,
  type OtaErrorType,
} from '../../gateways/terminal/codec.ts';
import type { TerminalTimes } from '../../gateways/terminal/context.ts';
import { TerminalGateway } from '../../gateways/terminal/server.ts';

export const SN = '6134441313';
/** 12 packets, the last one of 100 bytes. */
export const FILE = Buffer.from(Uint8Array.from({ length: 11 * 1024 + 100 }, (_, at) => (at * at + 5) >> 3));
export const PACKETS = 12;
/** The upgrade command for the file. */
export const COMMAND = encodeOtaCommand({ pinfo: '1110d100', file: FILE });

const cleanUp: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of cleanUp.splice(0).toReversed()) await end();
});

export interface GatewaySetup {
  times?: Partial<TerminalTimes>;
  limits?: Partial<TcpLimits>;
  /** A host that another gateway has already. */
  host?: FakeHost;
}

/** A gateway with the terminal `SN` registered; closed after the test. */
export async function startGateway({ times, limits, host = new FakeHost() }: GatewaySetup = {}) {
  const log = new FakeLog();
  const gateway = new TerminalGateway({
    host,
    files: new FileCache(1_000_000, (sha256) => host.firmware(sha256)),
    log,
    limits: { maxConnections: 1_000, maxConnectionsPerAddress: 1_000, idleTimeoutMs: 60_000, ...limits },
    times: { clockMs: 10, retryMs: 5, ...times },
  });
  const deviceId = host.register('terminal', SN);
  host.listeners.push(gateway);
  const port = await gateway.listen(0, '127.0.0.1');
  cleanUp.push(() => gateway.close(200));
  return { gateway, host, log, port, deviceId };
}

export class Client {
  readonly socket: Socket;
  #chunks: Buffer[] = [];
  isClosed = false;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk: Buffer) => this.#chunks.push(chunk));
    socket.on('error', () => {}); // 'close' follows
    socket.on('close', () => (this.isClosed = true));
  }

  static async open(port: number, from = '127.0.0.1'): Promise<Client> {
    const socket = connect({ host: '127.0.0.1', port, localAddress: from, noDelay: true });
    const client = new Client(socket);
    cleanUp.push(async () => void socket.destroy());
    await waitFor(() => !socket.connecting || client.isClosed);
    return client;
  }

  /** Everything received and not taken yet. */
  get received(): Buffer {
    this.#chunks = [Buffer.concat(this.#chunks)];
    return this.#chunks[0] as Buffer;
  }

  send(...parts: (Buffer | string)[]): void {
    this.socket.write(Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : part))));
  }

  report(sfwVal = 10, sn = SN): void {
    this.send(report(sfwVal, sn));
  }

  ask(pcnt: number, over: { psize?: number; offset?: number; sn?: string; ver?: number } = {}): void {
    this.send(request(pcnt, over));
  }

  /** Takes so many bytes, waiting for them. */
  async take(bytes: number): Promise<Buffer> {
    await waitFor(() => this.received.length >= bytes, {
      message: `${bytes} bytes did not come, only ${this.received.length}`,
      deadlineMs: 5_000,
    });
    const all = this.received;
    this.#chunks = [all.subarray(bytes)];
    return all.subarray(0, bytes);
  }

  /** Takes the upgrade command. */
  async takeCommand(): Promise<Buffer> {
    return this.take(COMMAND.length);
  }

  /** Asks for a packet and takes it. */
  async fetch(pcnt: number): Promise<Buffer> {
    this.ask(pcnt);
    return this.take(packet(pcnt).length);
  }

  async untilClosed(): Promise<void> {
    await waitFor(() => this.isClosed, { message: 'the connection was not closed' });
  }

  /** Cuts the connection and waits until that is done here. */
  async cut(): Promise<void> {
    this.socket.destroy();
    await this.untilClosed();
  }
}

/** The bytes of a packet. */
export function packet(pcnt: number, file = FILE): Buffer {
  return file.subarray((pcnt - 1) * 1024, pcnt * 1024);
}

export function report(sfwVal = 10, sn = SN): Buffer {
  return encodeReport({ sn, sfwVal, batLevel: 55, temperatureRaw: -148, acc: { x: 1, y: -2, z: 3 } });
}

export function request(
  pcnt: number,
  { psize = 1024, offset, sn = SN, ver = 10 }: { psize?: number; offset?: number; sn?: string; ver?: number } = {},
): Buffer {
  return encodePacketRequest({ sn, ver, pcnt, psize, ...(offset === undefined ? {} : { offset }) });
}

export function over(sn = SN): Buffer {
  return encodeOtaOver({ sn });
}

export function otaError(errcode: number, errorType: OtaErrorType, sn = SN): Buffer {
  return encodeOtaError({ sn, errorType, errcode });
}

/** A line with a right check code, whatever else is wrong with it. */
export function line(body: string): Buffer {
  return Buffer.from(`+${body},${hexByte(xorOfText(body))}\r\n`, 'latin1');
}

/**
 * A TCP client that says exactly the frames a test wants and keeps all it gets, and a pile gateway for it to talk to:
 * for what no simulated pile would do.
 */
import { connect, type Socket } from 'node:net';
import { afterEach } from 'vitest';
import { FakeHost, FakeLog } from './fake-host.ts';
import { waitFor } from './wait.ts';
import type { OpenOffer } from '../../gateways/devices.ts';
import {
  encodeFrame,
  PileStream,
  type PileBodies,
  type PileFrame,
  type PileFrameFields,
  type PileFrameName,
} from '../../gateways/pile/codec.ts';
import type { PileTimes } from '../../gateways/pile/context.ts';
import type { FtpAccess } from '../../gateways/pile/ftp-access.ts';
import { PileGateway } from '../../gateways/pile/server.ts';
import type { TcpLimits } from '../../gateways/tcp.ts';

export const PILE = '55031412782305';
export const FILE = Buffer.from('the program of a pile');
export const ORDER = { model: 'DC', powerKw: 15, control: 'when_idle', downloadTimeoutMinutes: 30 } as const;

const cleanUp: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of cleanUp.splice(0).toReversed()) await end();
});

/** Names the offer in its path, so that tests see which one was sent. */
export const FTP: FtpAccess = {
  accessFor: ({ id }) => ({ host: '203.0.113.10', port: 2121, user: `u${id}`, password: 'secret', path: `o${id}.bin` }),
};

export interface PileGatewaySetup {
  times?: Partial<PileTimes>;
  limits?: Partial<TcpLimits>;
  ftp?: FtpAccess;
  host?: FakeHost;
}

/** A gateway with the pile `PILE` registered; closed after the test. */
export async function startPileGateway({ times, limits, ftp = FTP, host = new FakeHost() }: PileGatewaySetup = {}) {
  const log = new FakeLog();
  const gateway = new PileGateway({
    host,
    ftp,
    log,
    limits: { maxConnections: 1_000, maxConnectionsPerAddress: 1_000, idleTimeoutMs: 60_000, ...limits },
    times: { clockMs: 10, retryMs: 5, ...times },
  });
  const deviceId = host.register('pile', PILE);
  host.listeners.push(gateway);
  const port = await gateway.listen(0, '127.0.0.1');
  cleanUp.push(() => gateway.close(200));
  const offer = (over: Partial<OpenOffer> = {}) =>
    host.offer(deviceId, FILE, { targetVersion: 'V4.1.51', pile: ORDER, ...over });
  return { gateway, host, log, port, deviceId, offer };
}

type Body<Name extends PileFrameName> = PileBodies[Name];
export type FrameOf<Name extends PileFrameName> = Extract<PileFrame, { name: Name }>;

export class PileClient {
  readonly socket: Socket;
  /** Everything received and not taken yet. */
  readonly frames: PileFrame[] = [];
  /** Bytes received that were no frame. */
  readonly #stream = new PileStream();
  isClosed = false;
  #seq = 0;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk: Buffer) => {
      for (const reading of this.#stream.push(chunk)) if (reading.ok) this.frames.push(reading.frame);
    });
    socket.on('error', () => {}); // 'close' follows
    socket.on('close', () => (this.isClosed = true));
  }

  static async open(port: number): Promise<PileClient> {
    const socket = connect({ host: '127.0.0.1', port, noDelay: true });
    const client = new PileClient(socket);
    cleanUp.push(async () => void socket.destroy());
    await waitFor(() => !socket.connecting || client.isClosed);
    return client;
  }

  /** A connection on which the pile is logged in; what the gateway says to that is taken. */
  static async loggedIn(port: number, programVersion?: string): Promise<PileClient> {
    const client = await PileClient.open(port);
    client.send(login(programVersion));
    await client.take('loginReply');
    await client.take('timeSync');
    return client;
  }

  send(...parts: (Buffer | PileFrameFields)[]): void {
    this.socket.write(Buffer.concat(parts.map((part) => (Buffer.isBuffer(part) ? part : encodeFrame(part)))));
  }

  beat(gunStatus = 0, gunNo = '01'): number {
    const seq = (this.#seq += 1);
    this.send({ name: 'heartbeat', seq, body: { pileCode: PILE, gunNo, gunStatus } });
    return seq;
  }

  /** Takes the next frame, which must have this name. */
  async take<Name extends PileFrameName>(name: Name): Promise<FrameOf<Name>> {
    await waitFor(() => this.frames.length > 0, { message: `no ${name} came` });
    const frame = this.frames.shift() as PileFrame;
    if (frame.name !== name) throw new Error(`${frame.name} came instead of ${name}`);
    return frame as FrameOf<Name>;
  }

  /** Asks for an answer, so that what was said before is handled; nothing else may have come. */
  async heard(): Promise<void> {
    const seq = this.beat();
    const { seq: answered } = await this.take('heartbeatReply');
    if (answered !== seq) throw new Error(`heartbeat ${seq} was answered as ${answered}`);
  }

  async untilClosed(): Promise<void> {
    await waitFor(() => this.isClosed, { message: 'the connection was not closed' });
  }
}

export function login(programVersion = 'V4.1.50', over: Partial<Body<'login'>> = {}, seq = 0): PileFrameFields {
  const body = {
    pileCode: PILE,
    pileType: 0,
    gunCount: 2,
    protocolVersion: 1.5,
    programVersion,
    networkType: 0,
    sim: '89860448041970111236',
    operator: 0,
    ...over,
  };
  return { name: 'login', seq, body };
}

export function updateReply(upgradeStatus: number, seq: number, pileCode = PILE): PileFrameFields {
  return { name: 'updateReply', seq, body: { pileCode, upgradeStatus } };
}

/**
 * A PCP gateway on a real UDP port with the rest of the program in memory, and a device of which every datagram is made
 * by the test.
 */
import { createSocket, type Socket } from 'node:dgram';
import { FileCache } from '../../gateways/file-cache.ts';
import { COAP, decodeCoap, encodeCoap, type CoapMessage, type CoapType } from '../../gateways/pcp/coap-codec.ts';
import { decodePcp, encodePcp, type PcpDownlink, type PcpUplink } from '../../gateways/pcp/codec.ts';
import type { PcpLimits, PcpTimes } from '../../gateways/pcp/context.ts';
import { PcpGateway } from '../../gateways/pcp/gateway.ts';
import { FakeHost, FakeLog } from './fake-host.ts';
import { waitFor } from './wait.ts';

export const IMEI = '863703030000001';
const PATIENCE_MS = 30_000;

/** Times short enough for a test, and far enough apart to be told from each other on a busy machine. */
export const QUICK_TIMES = {
  clockMs: 20,
  answerMs: 300,
  retryMs: 20,
  retransmitMs: 100_000,
} satisfies Partial<PcpTimes>;

export class TestPcp {
  readonly host: FakeHost;
  readonly log = new FakeLog();
  readonly gateway: PcpGateway;
  port = 0;
  readonly #devices: RawDevice[] = [];

  private constructor(host: FakeHost, times: Partial<PcpTimes>, limits: Partial<PcpLimits>) {
    this.host = host;
    const files = new FileCache(64_000_000, (sha256) => this.host.firmware(sha256));
    this.gateway = new PcpGateway({ host, files, log: this.log, times: { ...QUICK_TIMES, ...times }, limits });
    host.listeners.push(this.gateway);
  }

  static async start({
    host = new FakeHost(),
    port = 0,
    times = {},
    limits = {},
  }: {
    host?: FakeHost;
    port?: number;
    times?: Partial<PcpTimes>;
    limits?: Partial<PcpLimits>;
  } = {}): Promise<TestPcp> {
    const pcp = new TestPcp(host, times, limits);
    pcp.port = await pcp.gateway.listen(port, '127.0.0.1');
    return pcp;
  }

  /** A registered device that says only what the test makes it say. */
  async device(imei = IMEI): Promise<RawDevice> {
    this.host.register('pcp', imei);
    return this.stranger(imei);
  }

  async stranger(imei = IMEI): Promise<RawDevice> {
    const device = await RawDevice.open(this.port, imei);
    this.#devices.push(device);
    return device;
  }

  async close(): Promise<void> {
    this.host.listeners.splice(0);
    for (const device of this.#devices) device.close();
    await this.gateway.close(100);
  }
}

/** What a device got from the platform, and from which port. */
export interface Heard {
  message: PcpDownlink;
  coap: CoapMessage;
  fromPort: number;
}

export interface PostOver {
  type?: CoapType;
  messageId?: number;
  token?: Buffer;
  query?: string;
}

export class RawDevice {
  readonly imei: string;
  /** Requests of the platform, in order, also when they came twice. */
  readonly heard: Heard[] = [];
  /** Answers to what was posted. */
  readonly answers: CoapMessage[] = [];
  /** Acknowledges what it is asked; false: says nothing by itself. */
  acknowledges = true;
  readonly #socket: Socket;
  readonly #port: number;
  #messageId = 1_000;
  #taken = 0;

  private constructor(socket: Socket, port: number, imei: string) {
    this.#socket = socket;
    this.#port = port;
    this.imei = imei;
    socket.on('message', (datagram, from) => this.#receive(datagram, from.port));
  }

  static async open(port: number, imei: string): Promise<RawDevice> {
    const socket = createSocket('udp4');
    await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
    return new RawDevice(socket, port, imei);
  }

  /** The messages of the platform by type, in order. */
  get types(): string[] {
    return this.heard.map(({ message }) => message.type);
  }

  count(type: PcpDownlink['type']): number {
    return this.types.filter((each) => each === type).length;
  }

  /** Sends raw bytes. */
  send(datagram: Buffer): void {
    this.#socket.send(datagram, this.#port, '127.0.0.1');
  }

  /** The datagram of a POST. */
  datagram(path: string, payload: Buffer, over: PostOver = {}): Buffer {
    const messageId = over.messageId ?? (this.#messageId += 1);
    return encodeCoap({
      type: over.type ?? 'con',
      code: COAP.post,
      messageId,
      token: over.token ?? Buffer.from([messageId >> 8, messageId & 0xff]),
      options: [
        ...path.split('/').map((part): [number, Buffer] => [11, Buffer.from(part)]),
        [15, Buffer.from(over.query ?? `ep=${this.imei}`)],
      ],
      payload,
    });
  }

  /** Posts bytes; the answer, which may follow the acknowledgement. */
  async post(path: string, payload: Buffer = Buffer.alloc(0), over: PostOver = {}): Promise<CoapMessage> {
    const datagram = this.datagram(path, payload, over);
    this.send(datagram);
    return this.answerTo(datagram);
  }

  answerTo(datagram: Buffer): Promise<CoapMessage> {
    const sent = decodeCoap(datagram);
    if (!sent.ok) throw new Error(sent.error);
    return waitFor(
      () => this.answers.find(({ code, token }) => code !== COAP.empty && token.equals(sent.message.token)),
      { deadlineMs: PATIENCE_MS, message: 'no answer came' },
    );
  }

  register(): Promise<CoapMessage> {
    return this.post('rd');
  }

  /** Posts a PCP message; what the platform answers in PCP, null when it only acknowledges. */
  async say(message: PcpUplink, over: PostOver = {}): Promise<PcpDownlink | null> {
    const { code, payload } = await this.post('t/d', encodePcp(message), over);
    if (code !== COAP.changed) throw new Error(`answered with ${code.toString(16)}`);
    if (payload.length === 0) return null;
    const decoded = decodePcp(payload, 'platform->device');
    if (!decoded.ok) throw new Error(decoded.error);
    return decoded.message;
  }

  /** The next message of the platform that was not waited for yet, which must be of this type. */
  async next<Type extends PcpDownlink['type']>(
    type: Type,
  ): Promise<Heard & { message: Extract<PcpDownlink, { type: Type }> }> {
    const found = await waitFor(() => this.heard[this.#taken], {
      deadlineMs: PATIENCE_MS,
      message: `no ${type} came; heard ${this.types.join(', ')}`,
    });
    this.#taken += 1;
    if (found.message.type !== type) throw new Error(`${found.message.type} came and not ${type}`);
    return found as Heard & { message: Extract<PcpDownlink, { type: Type }> };
  }

  /** Registers and tells its version, as every device does at first. */
  async arrive(version: string): Promise<void> {
    await this.register();
    await this.next('versionQuery');
    await this.say({ type: 'versionAnswer', resultCode: 0, currentVersion: version });
    // On a busy machine it was asked again before its answer had come.
    while (this.heard[this.#taken]?.message.type === 'versionQuery') this.#taken += 1;
  }

  close(): void {
    try {
      this.#socket.close();
    } catch {
      // closed already
    }
  }

  #receive(datagram: Buffer, fromPort: number): void {
    const decoded = decodeCoap(Buffer.from(datagram));
    if (!decoded.ok) throw new Error(`the platform sent what is no CoAP: ${decoded.error}`);
    const { message: coap } = decoded;
    if (coap.code !== COAP.post) {
      this.answers.push(coap);
      if (coap.type === 'con') this.send(encodeCoap({ type: 'ack', code: COAP.empty, messageId: coap.messageId }));
      return;
    }
    const payload = decodePcp(coap.payload, 'platform->device');
    if (!payload.ok) throw new Error(`the platform sent what is no PCP: ${payload.error}`);
    this.heard.push({ message: payload.message, coap, fromPort });
    if (this.acknowledges) this.send(encodeCoap({ type: 'ack', code: COAP.empty, messageId: coap.messageId }));
  }
}

/** Made-up bytes of which no two neighbouring slices are alike. */
export function fileOf(sizeBytes: number, seed = 1): Buffer {
  const file = Buffer.alloc(sizeBytes);
  for (let at = 0; at < sizeBytes; at += 1) file[at] = (at * 7 + seed * 31 + (at >> 8) + (at >> 16)) & 0xff;
  return file;
}

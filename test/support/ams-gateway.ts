/** An AMS gateway on a real socket, with the rest of the program in memory, for tests of trackers. */
import { connect, type Socket } from 'node:net';
import type { AmsLimits, AmsTimes } from '../../gateways/ams/context.ts';
import type { Directive } from '../../gateways/ams/directives.ts';
import { AmsGateway } from '../../gateways/ams/gateway.ts';
import { FileCache } from '../../gateways/file-cache.ts';
import { DeviceHttpServer, type DeviceHttpLimits } from '../../gateways/http.ts';
import { FakeHost, FakeLog } from './fake-host.ts';

export interface AmsGatewayOver {
  host?: FakeHost;
  /** Absent: any free one. */
  port?: number;
  publicUrl?: string;
  times?: Partial<AmsTimes>;
  limits?: Partial<AmsLimits>;
  http?: Partial<DeviceHttpLimits>;
}

export interface Reply<Body = unknown> {
  status: number;
  headers: Headers;
  body: Body;
}

/** What an upload answers. */
export interface Answer {
  directive: Directive | null;
  warnings: string[];
}

export class TestAms {
  readonly host: FakeHost;
  readonly log = new FakeLog();
  readonly gateway: AmsGateway;
  readonly server: DeviceHttpServer;
  port = 0;

  private constructor({ host, publicUrl, times, limits, http }: AmsGatewayOver) {
    this.host = host ?? new FakeHost();
    const files = new FileCache(64_000_000, (sha256) => this.host.firmware(sha256));
    this.gateway = new AmsGateway({
      host: this.host,
      files,
      log: this.log,
      publicUrl,
      ...(times && { times }),
      ...(limits && { limits }),
    });
    this.server = new DeviceHttpServer(
      this.gateway.routes,
      { maxConnections: 1_000, requestTimeoutMs: 5_000, ...http },
      this.log,
    );
    this.host.listeners.push(this.gateway);
  }

  static async start(over: AmsGatewayOver = {}): Promise<TestAms> {
    const ams = new TestAms(over);
    ams.port = await ams.server.listen(over.port ?? 0, '127.0.0.1');
    return ams;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  async close(): Promise<void> {
    await this.server.close(100);
  }

  /** Posts text to a path of a device. */
  async post<Body = unknown>(imei: string, what: string, body: string): Promise<Reply<Body>> {
    const response = await fetch(`${this.url}/ams/${imei}/${what}`, { method: 'POST', body });
    return { status: response.status, headers: response.headers, body: (await response.json()) as Body };
  }

  /** Uploads a version and returns the directive. */
  async directive(imei: string, version = 'V10'): Promise<Directive | null> {
    const { status, body } = await this.post<Answer>(imei, 'versions', `{t:'1',v:'${version}'}`);
    if (status !== 200) throw new Error(`the upload was answered with ${status}`);
    return body.directive;
  }

  /** Asks for a file, or a part of it. */
  async get(url: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Reply<Buffer>> {
    const response = await fetch(url, { method, headers });
    return { status: response.status, headers: response.headers, body: Buffer.from(await response.arrayBuffer()) };
  }

  /** Asks for a file on a connection that reads nothing until told to. */
  async lazily(url: string, headers: Record<string, string> = {}): Promise<LazyReader> {
    const socket = connect({ host: '127.0.0.1', port: this.port });
    socket.on('error', () => {});
    socket.pause();
    await new Promise<void>((resolve) => socket.once('connect', () => resolve()));
    const lines = Object.entries({ host: `127.0.0.1:${this.port}`, ...headers }).map(
      ([name, value]) => `${name}: ${value}`,
    );
    socket.write(`GET ${new URL(url).pathname} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`);
    return new LazyReader(socket);
  }
}

/** A peer that reads when it likes. */
export class LazyReader {
  readonly socket: Socket;
  isClosed = false;
  bytes = 0;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('close', () => (this.isClosed = true));
  }

  /** Reads everything from now on. */
  read(): this {
    this.socket.on('data', (chunk) => (this.bytes += chunk.length));
    this.socket.resume();
    return this;
  }

  /** Reads what is there, pauses, reads on, as a device behind a network does. */
  readGently(pauseMs: number): this {
    this.socket.on('data', (chunk) => {
      this.bytes += chunk.length;
      this.socket.pause();
      setTimeout(() => this.socket.resume(), pauseMs);
    });
    this.socket.resume();
    return this;
  }

  stop(): void {
    this.socket.destroy();
  }
}

/** Made-up bytes of which no two neighbouring kilobytes are alike. */
export function fileOf(sizeBytes: number, seed = 1): Buffer {
  const file = Buffer.alloc(sizeBytes);
  for (let at = 0; at < sizeBytes; at += 1) file[at] = (at * 7 + seed * 31 + (at >> 8) + (at >> 16)) & 0xff;
  return file;
}

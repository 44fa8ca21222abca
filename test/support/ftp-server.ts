/** The FTP server of the piles on a real socket, with the rest of the program in memory, and clients for it. */
import { connect, type Socket } from 'node:net';
import { Writable } from 'node:stream';
import { Client } from 'basic-ftp';
import { FileCache } from '../../gateways/file-cache.ts';
import { FtpServer, type FtpServerOptions } from '../../gateways/pile/ftp.ts';
import type { FtpAddress } from '../../gateways/pile/ftp-access.ts';
import { fileOf } from './ams-gateway.ts';
import { FakeHost, FakeLog, type StoredOffer } from './fake-host.ts';
import { waitFor } from './wait.ts';

/** A deadline that a loaded machine keeps. */
export const DEADLINE = { deadlineMs: 30_000 };

export class TestFtp {
  readonly host: FakeHost;
  readonly log = new FakeLog();
  readonly server: FtpServer;
  readonly file: Buffer;
  port = 0;
  readonly #opened: { close(): void }[] = [];

  private constructor(over: Partial<FtpServerOptions> & { host?: FakeHost }, file: Buffer) {
    this.host = over.host ?? new FakeHost();
    this.file = file;
    this.server = new FtpServer({
      listenHost: '127.0.0.1',
      port: 0,
      passivePorts: null,
      log: this.log,
      ...over,
      host: this.host,
      files: new FileCache(64_000_000, (sha256) => this.host.firmware(sha256)),
    });
    this.host.listeners.push(this.server);
  }

  static async start(over: Partial<FtpServerOptions> & { host?: FakeHost } = {}, file = fileOf(300_000)) {
    const ftp = new TestFtp(over, file);
    ftp.port = await ftp.server.listen();
    return ftp;
  }

  /** A pile with an open offer, and what it is told of it. */
  offered(number = 1, file = this.file): { offer: StoredOffer; access: FtpAddress } {
    const deviceId = this.host.register('pile', String(55_031_412_782_300 + number));
    const offer = this.host.offer(deviceId, file, {
      targetVersion: 'V4.1.51',
      pinfo: null,
      packetSize: 0,
      pile: { model: 'DC', powerKw: 15, control: 'at_once', downloadTimeoutMinutes: 30 },
    });
    return { offer, access: this.server.accessFor(offer) };
  }

  /** An ordinary client, logged in; with `epsv` it uses EPSV and else PASV. */
  async client({ user, password }: FtpAddress, method: 'epsv' | 'pasv' = 'pasv'): Promise<Client> {
    const client = new Client(30_000);
    this.#opened.push(client);
    const { enterPassiveModeIPv4, enterPassiveModeIPv6 } = await import('basic-ftp');
    client.prepareTransfer = method === 'pasv' ? enterPassiveModeIPv4 : enterPassiveModeIPv6;
    await client.access({ host: '127.0.0.1', port: this.port, user, password });
    return client;
  }

  /** A client that says exactly what it is told to. */
  async raw(localAddress = '127.0.0.1'): Promise<RawFtp> {
    const client = await RawFtp.open(this.port, localAddress);
    this.#opened.push(client);
    return client;
  }

  /** The same, logged in. */
  async rawWith({ user, password }: FtpAddress): Promise<RawFtp> {
    const client = await this.raw();
    await client.ask(`USER ${user}`);
    await client.ask(`PASS ${password}`, 230);
    return client;
  }

  /** What was said last of the progress of an offer. */
  progress(offer: StoredOffer): [number, boolean] | null {
    const last = this.host.steps.findLast(({ offerId }) => offerId === offer.id);
    return last === undefined ? null : [last.bytes, last.finished];
  }

  async close(): Promise<void> {
    for (const client of this.#opened) client.close();
    await this.server.close(100);
  }
}

/** Fetches a file, from some place on. */
export async function fetched(client: Client, path: string, from = 0): Promise<Buffer> {
  const chunks: Buffer[] = [];
  const sink = new Writable({
    write: (chunk: Buffer, _, done) => {
      chunks.push(chunk);
      done();
    },
  });
  await client.downloadTo(sink, path, from);
  return Buffer.concat(chunks);
}

/** A control connection by hand. */
export class RawFtp {
  readonly socket: Socket;
  isClosed = false;
  #text = '';

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk) => (this.#text += chunk.toString('latin1')));
    socket.on('close', () => (this.isClosed = true));
    socket.on('error', () => {});
  }

  static async open(port: number, localAddress: string): Promise<RawFtp> {
    const socket = connect({ host: '127.0.0.1', port, localAddress });
    await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject));
    const client = new RawFtp(socket);
    await client.reply();
    return client;
  }

  /** Everything it was answered and has not taken. */
  get unread(): string {
    return this.#text;
  }

  send(text: string | Buffer): void {
    this.socket.write(text);
  }

  /** The next answer, all its lines; its code must be `code`. */
  async reply(code?: number): Promise<string> {
    const found = await waitFor(() => /^(?:\d{3}-[^]*?\r\n)?\d{3} .*\r\n/.exec(this.#text)?.[0], {
      ...DEADLINE,
      message: `no answer${code === undefined ? '' : ` ${code}`}, only ${JSON.stringify(this.#text)}`,
    });
    this.#text = this.#text.slice(found.length);
    if (code !== undefined && !found.startsWith(String(code))) throw new Error(`${code} was due, it was ${found}`);
    return found.trimEnd();
  }

  /** Says one line and returns the answer. */
  async ask(line: string, code?: number): Promise<string> {
    this.send(`${line}\r\n`);
    return this.reply(code);
  }

  /** PASV, and the data connection. */
  async data(localAddress = '127.0.0.1'): Promise<DataReader> {
    const numbers =
      /\((.*)\)/
        .exec(await this.ask('PASV', 227))?.[1]
        ?.split(',')
        .map(Number) ?? [];
    const socket = connect({ host: '127.0.0.1', port: (numbers[4] ?? 0) * 256 + (numbers[5] ?? 0), localAddress });
    const reader = new DataReader(socket);
    await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject));
    return reader;
  }

  async untilClosed(): Promise<void> {
    await waitFor(() => this.isClosed, { ...DEADLINE, message: `it is still open: ${JSON.stringify(this.#text)}` });
  }

  close(): void {
    this.socket.destroy();
  }
}

/** A data connection that reads only what it is told to. */
export class DataReader {
  readonly socket: Socket;
  readonly #chunks: Buffer[] = [];
  bytes = 0;
  isClosed = false;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.pause();
    socket.on('close', () => (this.isClosed = true));
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      this.#chunks.push(chunk);
      this.bytes += chunk.length;
    });
    socket.pause();
  }

  /** Reads to the end. */
  async all(): Promise<Buffer> {
    this.socket.resume();
    await waitFor(() => this.isClosed, { ...DEADLINE, message: 'the data connection is still open' });
    return Buffer.concat(this.#chunks);
  }

  /** Reads on until so many bytes have come, and no further. */
  async some(count: number): Promise<Buffer> {
    this.socket.resume();
    await waitFor(() => this.bytes >= count, { ...DEADLINE, message: `${count} bytes did not come` });
    this.socket.pause();
    return Buffer.concat(this.#chunks);
  }

  close(): void {
    this.socket.destroy();
  }
}

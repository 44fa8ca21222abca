/**
 * Honest clients of every listener: each opens a connection of its own, asks for something and waits for the right
 * answer. They come from another address than the attackers, because the limits are per address.
 */
import { createSocket } from 'node:dgram';
import http from 'node:http';
import { connect, type Socket } from 'node:net';
import { COAP, decodeCoap, encodeCoap, requestOptions } from '../../../gateways/pcp/coap-codec.ts';
import { encodeFrame, PileStream, type PileFrame } from '../../../gateways/pile/codec.ts';
import { encodePacketRequest } from '../../../gateways/terminal/codec.ts';
import type { World } from './world.ts';

/** Where honest clients are. */
export const HONEST_ADDRESS = '127.0.0.2';
const GIVEN_UP_MS = 30_000;

/** Asks once; throws when the answer is wrong or none comes. */
export type Ask = () => Promise<void>;

/** One client of each listener. */
export function honestClients(world: World): Record<string, Ask> {
  const { apiUrl, terminalPort, deviceHttpPort, pilePort, pcpPort } = world.ready;
  const api = new URL(apiUrl!);
  return {
    api: () =>
      asked({
        port: Number(api.port),
        path: '/api/v1/devices?limit=1',
        headers: { authorization: `Bearer ${world.key}` },
      }),
    'device HTTP': () =>
      asked(
        { port: deviceHttpPort!, path: `/ams/${world.trackerImei}/versions`, method: 'POST' },
        "{t:'1',v:'GT06_20_T1_V10'}",
      ),
    terminal: async () => {
      const line = await opened(terminalPort!);
      line.write(encodePacketRequest({ sn: world.sn, ver: 10, pcnt: 1, psize: 1_024 }));
      const bytes = await received(line, (all) => all.length >= 1_024);
      if (!bytes.subarray(0, 1_024).equals(world.file.subarray(0, 1_024)))
        throw new Error('a terminal gets other bytes');
    },
    pile: async () => {
      const line = await opened(pilePort!);
      line.write(login(world.pileCode));
      const stream = new PileStream();
      const frames: PileFrame[] = [];
      let taken = 0;
      await received(line, (all) => {
        for (const reading of stream.push(all.subarray(taken))) if (reading.ok) frames.push(reading.frame);
        taken = all.length;
        return frames.some(({ name }) => name === 'loginReply');
      });
      const reply = frames.find(({ name }) => name === 'loginReply');
      if (reply?.name !== 'loginReply' || reply.body.loginResult !== 0) throw new Error('a pile may not log in');
    },
    ftp: () => fetchFile(world),
    pcp: () => askPcp(pcpPort!, world.pcpImei),
  };
}

/** The frame of a pile that logs in. */
export function login(pileCode: string): Buffer {
  const body = {
    pileCode,
    pileType: 0,
    gunCount: 2,
    protocolVersion: 1.5,
    programVersion: 'V4.1.10',
    networkType: 0,
    sim: '89860448041970111236',
    operator: 0,
  };
  return encodeFrame({ name: 'login', seq: 0, body });
}

async function asked(options: http.RequestOptions, body = ''): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const request = http.request(
      { host: '127.0.0.1', localAddress: HONEST_ADDRESS, agent: false, timeout: GIVEN_UP_MS, ...options },
      (response) => {
        response.resume();
        response.on('error', reject);
        response.on('end', () =>
          response.statusCode === 200 ? resolve() : reject(new Error(`HTTP ${response.statusCode}`)),
        );
      },
    );
    request.on('timeout', () => request.destroy(new Error('no answer')));
    request.on('error', reject);
    request.end(body);
  });
}

/** A connection to a port of ours. */
export function opened(port: number, localAddress = HONEST_ADDRESS, host = '127.0.0.1'): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, localAddress, noDelay: true });
    socket.setTimeout(GIVEN_UP_MS, () => socket.destroy(new Error('no answer')));
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.off('error', reject);
      resolve(socket);
    });
  });
}

/** Everything that comes until it is enough; the connection ends then. */
export function received(socket: Socket, isEnough: (all: Buffer) => boolean): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    let all = Buffer.alloc(0);
    const end = (error: Error | null) => {
      socket.removeAllListeners('data').removeAllListeners('close').removeAllListeners('error');
      socket.on('error', () => {});
      socket.destroy();
      if (error === null) resolve(all);
      else reject(error);
    };
    socket.on('data', (chunk: Buffer) => {
      all = Buffer.concat([all, chunk]);
      if (isEnough(all)) end(null);
    });
    socket.on('error', end);
    socket.on('close', () => end(new Error(`the connection was cut after ${all.length} bytes`)));
  });
}

/** A control connection to the FTP server. */
export class Ftp {
  readonly #socket: Socket;
  #text = '';
  #isClosed = false;
  #look: () => void = () => {};

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => {
      this.#text += chunk.toString('latin1');
      this.#look();
    });
    socket.on('error', () => {}); // 'close' follows
    socket.on('close', () => {
      this.#isClosed = true;
      this.#look();
    });
  }

  static async open(port: number, localAddress = HONEST_ADDRESS): Promise<Ftp> {
    const ftp = new Ftp(await opened(port, localAddress));
    await ftp.reply();
    return ftp;
  }

  /** Says a line; the answer to it. */
  async say(line: string): Promise<string> {
    this.#socket.write(`${line}\r\n`);
    return this.reply();
  }

  /** Logs in; the answer. */
  async logIn({ user, password }: { user: string; password: string }): Promise<string> {
    await this.say(`USER ${user}`);
    return this.say(`PASS ${password}`);
  }

  /** The port of a new data connection. */
  async passive(): Promise<number> {
    const answer = await this.say('PASV');
    const [, high, low] = /,(\d+),(\d+)\)/.exec(answer) ?? [];
    if (high === undefined || low === undefined) throw new Error(`no data connection: ${answer}`);
    return Number(high) * 256 + Number(low);
  }

  /** The next answer, on one line. */
  async reply(): Promise<string> {
    for (;;) {
      const [whole, answer] = /^(?:\d{3}-[^]*?\r\n)?(\d{3} [^\r\n]*)\r\n/.exec(this.#text) ?? [];
      if (whole !== undefined && answer !== undefined) {
        this.#text = this.#text.slice(whole.length);
        return answer;
      }
      if (this.#isClosed) throw new Error('the control connection was cut');
      await new Promise<void>((resolve) => (this.#look = resolve));
    }
  }

  close(): void {
    this.#socket.destroy();
  }
}

async function fetchFile({ ready, ftp: access, pileFile }: World): Promise<void> {
  const ftp = await Ftp.open(ready.ftpPort!);
  try {
    const welcome = await ftp.logIn(access);
    if (!welcome.startsWith('230')) throw new Error(`no login: ${welcome}`);
    const port = await ftp.passive();
    const data = await opened(port);
    const coming = received(data, (all) => all.length >= pileFile.length);
    await ftp.say(`RETR ${access.path}`);
    if (!(await coming).equals(pileFile)) throw new Error('a pile gets other bytes');
  } finally {
    ftp.close();
  }
}

let messageId = 0;

async function askPcp(port: number, imei: string): Promise<void> {
  messageId += 1;
  const options: [number, Buffer][] = [...requestOptions(['t', 'd']), [15, Buffer.from(`ep=${imei}`)]];
  const token = Buffer.from('a1b2', 'hex');
  const datagram = encodeCoap({
    type: 'con',
    code: COAP.post,
    messageId,
    token,
    options,
    payload: Buffer.from(`hello ${messageId}`),
  });
  const answers = await exchanged(port, datagram, GIVEN_UP_MS, (answer) => answer.code === COAP.changed);
  if (answers.length === 0) throw new Error('no answer');
}

/** Sends a datagram, again each second as devices do; the answers that came until one was right, or the time was over. */
async function exchanged(
  port: number,
  datagram: Buffer,
  ms: number,
  isRight: (answer: { code: number }) => boolean,
): Promise<Buffer[]> {
  const socket = createSocket('udp4');
  const answers: Buffer[] = [];
  await new Promise<void>((resolve) => socket.bind(0, HONEST_ADDRESS, resolve));
  const send = () => socket.send(datagram, port, '127.0.0.1');
  const repeating = setInterval(send, 1_000);
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, ms);
    socket.on('message', (answer) => {
      answers.push(answer);
      const decoded = decodeCoap(answer);
      if (!decoded.ok || !isRight(decoded.message)) return;
      clearTimeout(timer);
      resolve();
    });
    send();
  });
  clearInterval(repeating);
  socket.close();
  return answers;
}

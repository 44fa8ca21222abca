/**
 * The FTP client of a simulated pile: fetches one file, from the byte it is at, over a passive connection. As little of
 * FTP as a pile has.
 */
import { connect, type Socket } from 'node:net';
import { once } from 'node:events';

/** Where a file is. */
export interface FtpSource {
  host: string;
  port: number;
  user: string;
  password: string;
  path: string;
}

/** Anything that does not answer for so long is taken as gone. */
const SILENCE_MS = 60_000;

/** The server answered with an error; `code` as on the wire. */
export class FtpRefusal extends Error {
  readonly code: number;

  constructor(command: string, reply: string) {
    super(`${command} was answered with ${reply}`);
    this.name = 'FtpRefusal';
    this.code = Number(reply.slice(0, 3));
  }
}

/**
 * Fetches a file from byte `from` on; `take` gets what comes, and may slow it down or end it by throwing. Settles with
 * the size of the whole file once the server says that it has sent all of it.
 */
export async function fetchFile(
  source: FtpSource,
  from: number,
  take: (chunk: Buffer) => void | Promise<void>,
  signal: AbortSignal,
): Promise<number> {
  const control = await open(source.host, source.port, signal);
  try {
    const replies = new Replies(control);
    await replies.next('the connection', [220]);
    const say = (command: string, codes: readonly number[]) => {
      control.write(`${command}\r\n`);
      return replies.next(command.split(' ', 1)[0]!, codes);
    };
    if ((await say(`USER ${source.user}`, [230, 331])).startsWith('331')) await say(`PASS ${source.password}`, [230]);
    await say('TYPE I', [200]);
    const size = Number((await say(`SIZE ${source.path}`, [213])).slice(4));
    const passive = /(\d+),(\d+),(\d+),(\d+),(\d+),(\d+)/.exec(await say('PASV', [227]));
    if (passive === null) throw new Error('the address of the data connection cannot be read');
    const numbers = passive.slice(1).map(Number) as [number, number, number, number, number, number];
    if (from > 0) await say(`REST ${from}`, [350]);
    const data = await open(numbers.slice(0, 4).join('.'), numbers[4] * 256 + numbers[5], signal);
    try {
      await say(`RETR ${source.path}`, [125, 150]);
      control.setTimeout(0); // has nothing to say until the file is through
      for await (const chunk of data as AsyncIterable<Buffer>) await take(chunk);
      control.setTimeout(SILENCE_MS);
      await replies.next('RETR', [226, 250]);
    } finally {
      data.destroy();
    }
    control.write('QUIT\r\n');
    return size;
  } finally {
    control.destroy();
  }
}

async function open(host: string, port: number, signal: AbortSignal): Promise<Socket> {
  signal.throwIfAborted();
  const socket = connect({ host, port, noDelay: true });
  const abort = () => socket.destroy(new Error('stopped'));
  signal.addEventListener('abort', abort, { once: true });
  socket.once('close', () => signal.removeEventListener('abort', abort));
  socket.setTimeout(SILENCE_MS, () => socket.destroy(new Error('the server is silent')));
  socket.on('error', () => {}); // whoever waits for something hears of it
  await once(socket, 'connect');
  return socket;
}

/** The answers on a control connection, one after the other. */
class Replies {
  readonly #lines: AsyncIterator<string>;

  constructor(socket: Socket) {
    this.#lines = linesOf(socket)[Symbol.asyncIterator]();
  }

  /** The next answer, with its text; throws `FtpRefusal` when it is another one than was hoped for. */
  async next(command: string, codes: readonly number[]): Promise<string> {
    for (;;) {
      const { value, done } = await this.#lines.next();
      if (done === true) throw new Error(`the server has left instead of answering ${command}`);
      // Of an answer of several lines the last one counts: code and a space.
      if (!/^\d{3} /.test(value)) continue;
      if (!codes.includes(Number(value.slice(0, 3)))) throw new FtpRefusal(command, value);
      return value;
    }
  }
}

const LINE_MAX = 1_024;

async function* linesOf(socket: Socket): AsyncGenerator<string> {
  let text = '';
  for await (const chunk of socket as AsyncIterable<Buffer>) {
    text += chunk.toString('latin1');
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n')) {
      yield text.slice(0, end).replace(/\r$/, '');
      text = text.slice(end + 1);
    }
    if (text.length > LINE_MAX) throw new Error('an answer without end');
  }
}

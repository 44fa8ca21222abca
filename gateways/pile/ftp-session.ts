/**
 * One control connection: reads commands, answers them one after another, and ends when it is not worth keeping.
 */
import type net from 'node:net';
import { DESK_COMMANDS, OPEN_COMMANDS, SYNTAX, UNKNOWN, type FtpDesk, type FtpReply } from './ftp-commands.ts';
import type { FtpContext } from './ftp-context.ts';
import { pathOf } from './ftp-credentials.ts';
import { FtpLines, readCommand, type FtpCommand, type Line } from './ftp-lines.ts';
import { FtpTransfers, type FtpPeer } from './ftp-transfers.ts';

/** Commands that wait while one is carried out. */
const WAITING_MAX = 64;
/** Bytes of answers that a client has not read. */
const UNREAD_MAX = 16_384;
/** Lines that were no command, or none that could be, in the life of a connection. */
const MISTAKES_MAX = 30;

/** One client. */
export class FtpSession {
  readonly #context: FtpContext;
  readonly #socket: net.Socket;
  readonly #peer: FtpPeer;
  readonly #lines = new FtpLines();
  readonly #transfers: FtpTransfers;
  readonly #waiting: Line[] = [];
  #isWorking = false;
  #user: string | null = null;
  #desk: FtpDesk | null = null;
  #failures = 0;
  #mistakes = 0;
  /** Since when it is not logged in, or has given no command. */
  #quietSinceMs = performance.now();
  #leavingSinceMs: number | null = null;

  constructor(context: FtpContext, socket: net.Socket, peer: FtpPeer) {
    this.#context = context;
    this.#socket = socket;
    this.#peer = peer;
    this.#transfers = new FtpTransfers(context, peer);
    socket.setKeepAlive(true, 60_000); // routers forget connections that are silent during a long transfer
    this.#answer([220, 'Slipway']);
  }

  /** Takes bytes. */
  receive(chunk: Buffer): void {
    if (this.#leavingSinceMs !== null) return;
    for (const line of this.#lines.push(chunk)) {
      // Not in its turn: it is about what is under way now.
      const command = line === null ? null : readCommand(line);
      if (command !== null && command !== '' && command.verb === 'ABOR') this.#transfers.abort();
      this.#waiting.push(line);
    }
    if (this.#waiting.length > WAITING_MAX) this.#dismiss('Too many commands at once.');
    else if (!this.#isWorking && this.#waiting.length > 0) void this.#work();
  }

  /** The connection is closed. */
  closed(): void {
    this.#leavingSinceMs ??= performance.now();
    this.#waiting.length = 0;
    this.#transfers.end();
  }

  /** Looks at the clock. */
  tick(nowMs: number): void {
    const { loginMs, idleMs, farewellMs } = this.#context.times;
    if (this.#leavingSinceMs !== null) {
      if (nowMs - this.#leavingSinceMs >= farewellMs) this.#socket.destroy();
      return;
    }
    const quietMs = nowMs - this.#quietSinceMs;
    // Looking a login up may take its time, but does not make one connection last for ever.
    if (this.#desk === null && quietMs >= loginMs) this.#dismiss('You have not logged in.');
    else if (!this.#isWorking && quietMs >= idleMs) this.#dismiss('You have said nothing for too long.');
  }

  /** The server stops; what is under way may go on until the connection is closed. */
  goAway(): void {
    if (!this.#isWorking && this.#leavingSinceMs === null) this.#leave([421, 'The server stops; come back soon.']);
  }

  async #work(): Promise<void> {
    this.#isWorking = true;
    try {
      for (let line = this.#waiting.shift(); line !== undefined; line = this.#waiting.shift()) {
        await this.#handle(line);
        if (this.#desk !== null) this.#quietSinceMs = performance.now();
      }
    } catch (error) {
      this.#context.log.error({ err: error, address: this.#peer.address }, 'a command of a pile could not be handled');
      this.#leave([421, 'The server has a fault.']);
    } finally {
      this.#isWorking = false;
    }
  }

  async #handle(line: Line): Promise<void> {
    const command = line === null ? null : readCommand(line);
    if (command === '') return;
    if (command === null) return this.#mistake([500, line === null ? 'The line is too long.' : 'That is no command.']);
    const reply = await this.#carryOut(command);
    if (reply === UNKNOWN) this.#mistake(reply);
    else if (reply !== null) this.#answer(reply);
  }

  /** Carries a command out; null: it has been answered. */
  async #carryOut({ verb, argument }: FtpCommand): Promise<FtpReply | null> {
    switch (verb) {
      case 'QUIT':
        this.#leave([221, 'Goodbye.']);
        return null;
      case 'USER':
        return this.#takeUser(argument);
      case 'PASS':
        return this.#takePassword(argument);
      case 'REIN':
        this.#logOut();
        return [220, 'Slipway'];
      case 'ABOR':
        return [226, 'Nothing is under way.'];
    }
    const open = find(OPEN_COMMANDS, verb);
    if (open !== undefined) return open(argument);
    const desk = this.#desk;
    if (desk === null) {
      const isKnown = find(DESK_COMMANDS, verb) !== undefined || isTransfer(verb);
      return isKnown ? [530, 'Log in first.'] : UNKNOWN;
    }
    if (desk.offer.expiresAtMs <= Date.now()) return this.#ended();
    if (isTransfer(verb)) return this.#transfer(verb, argument, desk);
    return find(DESK_COMMANDS, verb)?.(argument, desk) ?? UNKNOWN;
  }

  async #transfer(verb: string, argument: string, desk: FtpDesk): Promise<FtpReply | null> {
    const begun = (reply: FtpReply) => this.#answer(reply);
    switch (verb) {
      case 'PASV':
        return this.#transfers.passive();
      case 'EPSV':
        return this.#transfers.extendedPassive(argument);
      case 'RETR':
        return (await this.#transfers.retrieve(argument, desk, begun)) ?? this.#ended();
      default:
        return this.#transfers.list(argument, desk, verb === 'LIST', begun);
    }
  }

  #takeUser(argument: string): FtpReply {
    this.#logOut();
    if (argument === '') return SYNTAX;
    this.#user = argument;
    return [331, 'And the password?'];
  }

  async #takePassword(password: string): Promise<FtpReply | null> {
    const user = this.#user;
    this.#user = null;
    if (user === null) return [503, 'Say USER first.'];
    const outcome = await this.#context.logins.check(user, password, this.#peer.address);
    if (this.#leavingSinceMs !== null) return null;
    if (outcome.kind === 'welcome') {
      this.#desk = { offer: outcome.offer, path: pathOf(outcome.offer), folder: [], restAt: 0 };
      return [230, 'Welcome.'];
    }
    this.#failures += 1;
    if (outcome.kind === 'refused' && this.#failures < this.#context.limits.failuresPerConnection) return WRONG;
    this.#leave(
      outcome.kind === 'too_many' ? tooMany(outcome.retryMs) : outcome.kind === 'refused' ? WRONG : UNCHECKED,
    );
    return null;
  }

  #ended(): FtpReply {
    this.#logOut();
    return [530, 'What you were given user and password for has ended.'];
  }

  #logOut(): void {
    if (this.#desk !== null) this.#quietSinceMs = performance.now();
    this.#desk = null;
    this.#user = null;
  }

  #mistake(reply: FtpReply): void {
    this.#mistakes += 1;
    this.#answer(reply);
    if (this.#mistakes >= MISTAKES_MAX) this.#dismiss('That is no FTP.');
  }

  #dismiss(why: string): void {
    this.#context.counters.closedUnfit += 1;
    this.#leave([421, why]);
  }

  /** Says a last word and closes; what the client still says is not heard. */
  #leave(reply: FtpReply): void {
    if (this.#leavingSinceMs !== null) return;
    this.#answer(reply);
    this.#leavingSinceMs = performance.now();
    this.#waiting.length = 0;
    this.#transfers.end();
    this.#socket.end();
  }

  #answer([code, text]: FtpReply): void {
    if (this.#leavingSinceMs !== null || this.#socket.destroyed) return;
    this.#socket.write(wireText(code, text));
    if (this.#socket.writableLength > UNREAD_MAX) this.#socket.destroy();
  }
}

const WRONG: FtpReply = [530, 'User or password is wrong, or what they were for has ended.'];
const UNCHECKED: FtpReply = [421, 'Logins cannot be checked at the moment; try again.'];

function tooMany(retryMs: number): FtpReply {
  return [421, `Too many failed logins from your address; wait ${Math.ceil(retryMs / 1_000)} s.`];
}

function isTransfer(verb: string): boolean {
  return ['PASV', 'EPSV', 'RETR', 'LIST', 'NLST'].includes(verb);
}

/** A name that every object has is no command. */
function find<Handler>(table: Readonly<Record<string, Handler>>, verb: string): Handler | undefined {
  return Object.hasOwn(table, verb) ? table[verb] : undefined;
}

function wireText(code: number, text: string | readonly string[]): string {
  if (typeof text === 'string') return `${code} ${text}\r\n`;
  const last = text.length - 1;
  return text
    .map((line, at) => (at === last ? `${code} ${line}` : at === 0 ? `${code}-${line}` : line))
    .map((line) => `${line}\r\n`)
    .join('');
}

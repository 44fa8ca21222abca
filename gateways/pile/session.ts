/**
 * One connection of a pile: from its bytes to frames, and the frames one after the other to the dialogue.
 *
 * What needs the database waits in its turn, also when that is slow or away; heartbeats are answered meanwhile. Bad
 * bytes are named and counted, and change nothing for the frames around them. Timers are the gateway's (`server.ts`).
 */
import type net from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { PileStream, type PileFrame, type PileReceived } from './codec.ts';
import type { PileContext } from './context.ts';
import { PileDialogue } from './dialogue.ts';
import type { TcpSession } from '../tcp-sessions.ts';

/** Frames that may wait before the socket is paused; those of the same read still come. */
const QUEUE_LIMIT = 32;
/** Bytes a pile has not taken yet beyond which it gets no more: it answers nothing and asks for too much. */
const UNTAKEN_LIMIT = 65_536;
/** How often a frame is handled when the database is away, in all; the waits in between double. */
const HANDLE_TRIES = 6;

/** Frames that need the rest of the program. */
type Waiting = Extract<PileFrame, { name: 'login' | 'updateReply' | 'rebootReply' }>;
type Item = { frame: Waiting; arrivedAtMs: number } | 'refresh';

export class PileSession implements TcpSession {
  readonly socket: net.Socket;
  readonly address: string;
  readonly number: number;
  readonly openedAtMs = Date.now();
  readonly dialogue: PileDialogue;
  lastByteAtMs = 0;
  /** When the pile last said something of its own. */
  aliveAtMs = Date.now();

  readonly #context: PileContext;
  readonly #stream = new PileStream();
  /** How often each error had been met when it was last told. */
  #errorsTold = new Map<string, number>();
  #droppedTold = 0;
  /** What is being handled and what waits behind it; null when nothing is going on. */
  #queue: Item[] | null = null;

  constructor(context: PileContext, socket: net.Socket, address: string, number: number) {
    this.#context = context;
    this.socket = socket;
    this.address = address;
    this.number = number;
    this.dialogue = new PileDialogue(context, this);
  }

  /** Null until it has said who it is. */
  get deviceId(): string | null {
    return this.dialogue.deviceId;
  }

  /** Unfinished bytes in the buffer. */
  get pendingBytes(): number {
    return this.#stream.pendingBytes;
  }

  /** Takes the bytes of one read. */
  receive(chunk: Buffer): void {
    this.#take(this.#stream.push(chunk));
  }

  /** The unfinished frame was not completed in time. */
  expirePartial(): void {
    this.#take(this.#stream.expire());
  }

  /** The connection is closed: what was said is still recorded, nothing is sent any more. */
  closed(): void {
    this.#take(this.#stream.end());
  }

  /** The messages of this pile have changed, or may have: look again. */
  refresh(): void {
    this.#enqueue('refresh');
  }

  /** There may be another command for this pile. */
  commandsChanged(): void {
    this.dialogue.commandsChanged();
    this.refresh();
  }

  /** Does what is due. Called by the gateway's clock. */
  tick(nowMs: number): void {
    this.dialogue.tick(nowMs);
    if (this.#queue === null && this.dialogue.isRefreshDue(nowMs)) this.refresh();
  }

  /** Sends a frame, unless the connection is closed or the pile takes nothing. */
  send(bytes: Buffer): boolean {
    if (!this.socket.writable || this.socket.writableLength > UNTAKEN_LIMIT) return false;
    this.socket.write(bytes);
    return true;
  }

  #take(received: PileReceived[]): void {
    const nowMs = Date.now();
    for (const reading of received) if (reading.ok) this.#arrived(reading.frame, nowMs);
    this.#tellErrors(received);
  }

  #arrived(frame: PileFrame, nowMs: number): void {
    const { dialogue } = this;
    if (!dialogue.isOurs(frame)) return this.#ignore(frame);
    this.aliveAtMs = nowMs;
    if (frame.name === 'login' || frame.name === 'updateReply' || frame.name === 'rebootReply') {
      this.#enqueue({ frame, arrivedAtMs: nowMs });
    } else if (!dialogue.handleAtOnce(frame, nowMs)) this.#ignore(frame);
  }

  #ignore(frame: PileFrame): void {
    const { counters, log, host } = this.#context;
    const { deviceId, pileCode } = this.dialogue;
    counters.ignoredFrames += 1;
    log.debug({ deviceId, address: this.address, type: frame.type, name: frame.name }, 'ignored a frame of a pile');
    if (deviceId === null || frame.name === 'opaque' || frame.body.pileCode === pileCode) return;
    host.badFrame({ deviceId, kind: 'other_pile_number', excerpt: frame.body.pileCode });
  }

  /** Names what could not be read: to the device once it is known who it is, to the metrics in any case. */
  #tellErrors(received: readonly PileReceived[]): void {
    const { counters, host, log } = this.#context;
    const { counts, errors, droppedBytes } = this.#stream;
    counters.droppedBytes += droppedBytes - this.#droppedTold;
    this.#droppedTold = droppedBytes;
    for (const [kind, count] of counts) {
      const more = count - (this.#errorsTold.get(kind) ?? 0);
      if (more === 0) continue;
      this.#errorsTold.set(kind, count);
      counters.badFrames += more;
      const { deviceId } = this.dialogue;
      const whole = received.findLast((reading) => !reading.ok && reading.error === kind);
      const cut = errors.findLast(({ error }) => error === kind);
      const excerpt = (whole !== undefined && !whole.ok ? whole.hex : cut?.hex) ?? '';
      log.debug({ deviceId, address: this.address, kind, more, excerpt }, 'could not read what a pile sent');
      for (let each = 0; deviceId !== null && each < more; each += 1) host.badFrame({ deviceId, kind, excerpt });
    }
  }

  /** Handles an item at once if nothing is waiting; otherwise in its turn. */
  #enqueue(item: Item): void {
    if (this.#queue === null) {
      this.#queue = [item];
      void this.#drain(this.#queue);
      return;
    }
    // The first one is being handled and may have looked already: it does not stand for this one.
    if (item === 'refresh' && this.#queue.includes('refresh', 1)) return;
    this.#queue.push(item);
    if (this.#queue.length > QUEUE_LIMIT) this.socket.pause();
  }

  async #drain(queue: Item[]): Promise<void> {
    this.#context.working(1);
    for (let item = queue[0]; item !== undefined; item = queue[0]) {
      await this.#handleUntilDone(item);
      queue.shift();
    }
    this.#queue = null;
    if (this.socket.isPaused()) this.socket.resume();
    this.#context.working(-1);
  }

  /** The database may be away: tried again for half a minute. */
  async #handleUntilDone(item: Item): Promise<void> {
    for (let tries = 1; ; tries += 1) {
      try {
        return await (item === 'refresh'
          ? this.dialogue.refresh()
          : this.dialogue.handle(item.frame, item.arrivedAtMs));
      } catch (error) {
        this.#context.counters.failedFrames += 1;
        const what = item === 'refresh' ? item : item.frame.name;
        const fields = { err: error, deviceId: this.dialogue.deviceId, address: this.address, what, tries };
        this.#context.warn(fields, 'what a pile said could not be handled');
        if (item === 'refresh' || tries === HANDLE_TRIES) return; // the clock asks again
        await delay(this.#context.times.retryMs * 2 ** (tries - 1), undefined, { ref: false });
      }
    }
  }
}

/**
 * One connection of a 2G terminal: from its bytes to frames, and the frames one after the other to the dialogue.
 *
 * Frames are handled in the order they came, also when the database is slow or away. Timers are the gateway's
 * (`server.ts`), one for all sessions, because there are thousands of them.
 */
import type net from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { TerminalStream, type PacketRequest, type TerminalFrame } from './codec.ts';
import type { SessionContext } from './context.ts';
import { TerminalDialogue } from './dialogue.ts';
import type { TcpSession } from '../tcp-sessions.ts';

/** Frames that may wait before the socket is paused; those of the same read still come. */
const QUEUE_LIMIT = 32;
/** Bytes a terminal has not taken yet beyond which it gets no more packets: it should ask for one at a time. */
const UNTAKEN_LIMIT = 65_536;
/** How often a frame is handled when the database is away, in all; the waits in between double. */
const HANDLE_TRIES = 6;

type Item = TerminalFrame | 'refresh';

export class TerminalSession implements TcpSession {
  readonly socket: net.Socket;
  readonly address: string;
  readonly number: number;
  readonly openedAtMs = Date.now();
  readonly dialogue: TerminalDialogue;
  lastByteAtMs = 0;

  readonly #context: SessionContext;
  readonly #stream: TerminalStream;
  /** What is being handled and what waits behind it; null when nothing is going on. */
  #queue: Item[] | null = null;

  constructor(context: SessionContext, socket: net.Socket, address: string, number: number) {
    this.#context = context;
    this.socket = socket;
    this.address = address;
    this.number = number;
    this.#stream = new TerminalStream({ profile: context.profile });
    this.dialogue = new TerminalDialogue(context, this);
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
    const dropped = this.#stream.droppedBytes;
    this.#take(this.#stream.push(chunk), dropped);
  }

  /** The unfinished record was not completed in time. */
  expirePartial(): void {
    const dropped = this.#stream.droppedBytes;
    this.#take(this.#stream.expire(), dropped);
  }

  /** The connection is closed: what was said is still recorded, nothing is sent any more. */
  closed(): void {
    const dropped = this.#stream.droppedBytes;
    this.#take(this.#stream.end(), dropped);
  }

  /** The messages of this device have changed, or may have: look again. */
  refresh(): void {
    this.#enqueue('refresh', Date.now());
  }

  /** There may be another command for this device. */
  commandsChanged(): void {
    this.dialogue.commandsChanged();
    this.refresh();
  }

  /** Looks again when it is time, for example because an offer had no reaction. Called by the gateway's clock. */
  tick(nowMs: number): void {
    if (this.#queue === null && this.dialogue.isRefreshDue(nowMs)) this.refresh();
  }

  /** Who the terminal is says how long its SN is. */
  identifiedAs(sn: string): void {
    this.#stream.setProfile(this.#context.profileFor(sn));
    this.#context.identified(this);
  }

  /** Sends a packet, unless the connection is closed or the terminal does not take what it asked for. */
  sendPacket(bytes: Buffer): boolean {
    if (!this.socket.writable || this.socket.writableLength > UNTAKEN_LIMIT) return false;
    this.socket.write(bytes);
    return true;
  }

  /** Whether a frame of that kind has arrived since the one that is being handled. */
  hasWaiting(isMeant: (frame: TerminalFrame) => boolean): boolean {
    return this.#queue?.some((item, place) => place > 0 && item !== 'refresh' && isMeant(item)) ?? false;
  }

  #take(frames: TerminalFrame[], droppedBefore: number): void {
    const { counters, log } = this.#context;
    const stream = this.#stream;
    if (stream.droppedBytes !== droppedBefore) {
      counters.droppedBytes += stream.droppedBytes - droppedBefore;
      log.debug(
        { deviceId: this.dialogue.deviceId, address: this.address, last: stream.errors.at(-1) },
        'dropped bytes of a terminal',
      );
    }
    const nowMs = Date.now();
    for (const frame of frames) {
      if (frame.type === 'report') counters.reports += 1;
      this.dialogue.arrived(frame, nowMs);
      this.#enqueue(frame, nowMs);
    }
  }

  /** Handles an item at once if nothing is waiting; otherwise in its turn. */
  #enqueue(item: Item, nowMs: number): void {
    if (this.dialogue.isStranger) {
      this.#context.counters.ignoredFrames += 1;
    } else if (this.#queue !== null) {
      // The database may be away for longer than a terminal waits for a packet, and packets do not need it.
      if (isRequest(item) && !this.#queue.some(isPartOfTransfer) && this.dialogue.serveAtOnce(item, nowMs)) return;
      // The first one is being handled and may have looked already: it does not stand for this one.
      if (item === 'refresh' && this.#queue.includes('refresh', 1)) return;
      this.#queue.push(arrivedAt(item, nowMs));
      if (this.#queue.length > QUEUE_LIMIT) this.socket.pause();
    } else if (!isRequest(item) || !this.dialogue.serveAtOnce(item, nowMs)) {
      this.#queue = [arrivedAt(item, nowMs)];
      void this.#drain(this.#queue);
    }
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

  /** The database may be away: tried again for half a minute, within the minute a terminal waits for a packet. */
  async #handleUntilDone(item: Item): Promise<void> {
    for (let tries = 1; ; tries += 1) {
      try {
        return await (item === 'refresh'
          ? this.dialogue.refresh()
          : this.dialogue.handle(item, arrivals.get(item) ?? Date.now()));
      } catch (error) {
        this.#context.counters.failedFrames += 1;
        const what = item === 'refresh' ? item : item.type;
        const fields = { err: error, deviceId: this.dialogue.deviceId, address: this.address, what, tries };
        this.#context.warn(fields, 'what a terminal said could not be handled');
        if (item === 'refresh' || tries === HANDLE_TRIES) return; // the clock asks again
        if (item.type === 'packetRequest' && this.socket.destroyed) return;
        await delay(this.#context.times.retryMs * 2 ** (tries - 1), undefined, { ref: false });
      }
    }
  }
}

/** When frames that had to wait have arrived. */
const arrivals = new WeakMap<TerminalFrame, number>();

function arrivedAt(item: Item, nowMs: number): Item {
  if (item !== 'refresh') arrivals.set(item, nowMs);
  return item;
}

function isRequest(item: Item): item is PacketRequest {
  return item !== 'refresh' && item.type === 'packetRequest';
}

/** What must stay in order with packet requests; reports and looks at the database need not. */
function isPartOfTransfer(item: Item): boolean {
  return item !== 'refresh' && item.type !== 'report' && item.type !== 'response';
}

/**
 * One client's stream of server-sent events: what it may see, and a buffer with a bound. A client that does not read
 * fast enough is told to load everything again and let go.
 */
import type { ServerResponse } from 'node:http';
import { heartbeat, newsFrame, opening, resetFrame, type Position } from './event-frames.ts';
import type { Delivery } from './event-tail.ts';
import type { Log, News, NewsScope } from '../../db/events/events.ts';

/** Who follows what. */
export interface Follower extends NewsScope {
  keyId: number;
}

/** Bytes that wait for a client before it is let go. */
const MAX_BUFFERED_BYTES = 1_048_576;
/** Live rows kept for a client that is still reading what it missed. */
const MAX_HELD = 5_000;
/** A client that takes nothing for so long is gone. */
const DRAIN_MS = 30_000;

export class EventStream {
  readonly follower: Follower;
  readonly #response: ServerResponse;
  /** Live rows that wait until the missed ones are sent; null: nothing waits. */
  #held: Delivery[] | null = null;
  /** Rows that were sent as missed and may come once more as live ones. */
  #doubles = new Map<Log, Set<number>>();
  readonly #onClose: (() => void)[] = [];
  #isOpen = true;

  constructor(response: ServerResponse, follower: Follower) {
    this.#response = response;
    this.follower = follower;
    response.once('close', () => this.#close());
  }

  /** Runs `work` when the stream ends, for whatever reason; at once if it has. */
  onClose(work: () => void): void {
    if (this.#isOpen) this.#onClose.push(work);
    else work();
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** True while live frames must not overtake missed ones. */
  get isCatchingUp(): boolean {
    return this.#held !== null;
  }

  /** Sends the head. Proxies are asked not to collect, nor to compress, what must arrive at once. */
  begin(position: Position | null): void {
    this.#response.writeHead(200, {
      'Content-Type': 'text/event-stream; charset=utf-8',
      'Cache-Control': 'no-store, no-transform',
      'X-Accel-Buffering': 'no',
    });
    this.#response.flushHeaders();
    this.#response.write(opening(position));
  }

  /** Sends frames that were made for several clients at once; `position` is where the last of them leads. */
  write(frames: string, position: Position): void {
    if (!this.#isOpen) return;
    if (this.#response.writableLength > MAX_BUFFERED_BYTES) this.end(resetFrame('too_slow', position));
    else this.#response.write(frames);
  }

  /** Missed rows, before live ones; waits until the client has taken them. */
  async writeMissed(frames: string): Promise<void> {
    if (!this.#isOpen || this.#response.write(frames)) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => this.#response.destroy(), DRAIN_MS);
      const done = () => {
        clearTimeout(timer);
        this.#response.off('drain', done).off('close', done);
        resolve();
      };
      this.#response.once('drain', done).once('close', done);
    });
  }

  /** From here on live rows are held back until `release`. */
  hold(): void {
    this.#held = [];
  }

  /** Live rows for a client that is catching up. */
  keep(deliveries: readonly Delivery[]): void {
    this.#held?.push(...deliveries);
    if (this.#held !== null && this.#held.length > MAX_HELD) {
      this.end(resetFrame('too_slow', deliveries.at(-1)!.position));
    }
  }

  /** Remembers rows that the tail may hand on, too. */
  noteSent(rows: readonly News[]): void {
    for (const { log, id } of rows) {
      const ids = this.#doubles.get(log) ?? new Set();
      this.#doubles.set(log, ids.add(id));
    }
  }

  /** Sends what was held back; the stream is live now. */
  release(): void {
    const held = this.#held ?? [];
    this.#held = null;
    this.deliver(held);
  }

  /** Live rows one by one: for a client some of whose rows were sent already. */
  deliver(deliveries: readonly Delivery[]): void {
    const fresh = deliveries.filter(({ news }) => this.#doubles.get(news.log)?.delete(news.id) !== true);
    const last = fresh.at(-1);
    if (last === undefined) return;
    this.write(fresh.map(({ news, position }) => newsFrame(news, position)).join(''), last.position);
  }

  /** True while rows may come that were sent already: such a client gets frames of its own. */
  get hasDoubles(): boolean {
    return [...this.#doubles.values()].some(({ size }) => size > 0);
  }

  /** Forgets rows that can come no more. */
  forgetUpTo(position: Position): void {
    for (const [log, ids] of this.#doubles) for (const id of ids) if (id <= position[log]) ids.delete(id);
  }

  /** While it catches up the stream is not quiet, and where it stands is in what it gets. */
  beat(position: Position): void {
    if (!this.isCatchingUp) this.write(heartbeat(position), position);
  }

  /** Ends the stream; the client comes back by itself and goes on behind what it has. */
  end(lastFrame = ''): void {
    if (!this.#isOpen) return;
    this.#response.end(lastFrame);
    // Whoever reads nothing does not take the end either.
    const timer = setTimeout(() => this.#response.destroy(), DRAIN_MS);
    timer.unref();
    this.#response.once('close', () => clearTimeout(timer));
    this.#close();
  }

  #close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    for (const work of this.#onClose) work();
  }
}

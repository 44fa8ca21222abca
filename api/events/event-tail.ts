/**
 * Follows the logs for all streams of this process: woken by PostgreSQL's announcements, at most ten reads a second,
 * and a look every two seconds in case an announcement was lost. Hands on every row once, in the order of ids as far as
 * rows appear in it, with the position a client has reached once it has the row.
 *
 * It lives as long as somebody follows: announcements cost the writers something, so they are asked for only then.
 */
import { randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import { movedTo, positionOf, type Position } from './event-frames.ts';
import { LOGS, readMarks, readNews, unwatchNews, watchNews, type Log, type News } from '../../db/events/events.ts';
import type { Database } from '../../db/index.ts';
import { NEWS_CHANNEL } from '../../db/schema.ts';
import { Horizon, Unseen } from '../../db/events/settled.ts';

export const TAIL_TIMES = {
  /** Between two reads, at least. */
  readMs: 100,
  /** Without an announcement. */
  pollMs: 2_000,
  /** The request for announcements is renewed this often, and lasts three times as long. */
  watchMs: 10_000,
  /** How long the start waits for those who are writing. */
  settleMs: 20_000,
};

/** Rows of one log per read. */
const PAGE = 2_000;
/** Gaps in the ids of one log; beyond, the log is read on only when some have closed. */
const MAX_GAPS = 5_000;

/** A row and where a client stands that has it. */
export interface Delivery {
  news: News;
  position: Position;
}

export interface TailOptions {
  /** Without `sql` there are no announcements, only the look every two seconds. */
  database: Pick<Database, 'db'> & Partial<Pick<Database, 'sql'>>;
  log: Logger;
  times?: Partial<typeof TAIL_TIMES>;
  deliver: (deliveries: readonly Delivery[]) => void;
}

interface Followed {
  horizon: Horizon;
  unseen: Unseen;
}

/** Follows the logs from now on. */
export class EventTail {
  readonly #options: TailOptions;
  readonly #times: typeof TAIL_TIMES;
  readonly #watcher = randomUUID();
  readonly #followed = new Map<Log, Followed>();
  #position: Position = positionOf(() => 0);
  #timers: NodeJS.Timeout[] = [];
  #next: NodeJS.Timeout | null = null;
  #reading: Promise<void> | null = null;
  #readAgain = false;
  #lastReadMs = 0;
  #closed = false;
  #failing = false;
  #unlisten: () => Promise<unknown> = async () => {};

  private constructor(options: TailOptions) {
    this.#options = options;
    this.#times = { ...TAIL_TIMES, ...options.times };
  }

  /**
   * Begins to follow. Everything committed after this has resolved will be delivered; what was under way before is
   * waited for, so that the position is exact.
   */
  static async start(options: TailOptions): Promise<EventTail> {
    const tail = new EventTail(options);
    try {
      await tail.#start();
    } catch (error) {
      await tail.close();
      throw error;
    }
    return tail;
  }

  /** Everything up to here was delivered. */
  get position(): Position {
    return this.#position;
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const timer of this.#timers) clearInterval(timer);
    if (this.#next !== null) clearTimeout(this.#next);
    await this.#reading;
    await this.#unlisten().catch(() => {});
    await unwatchNews(this.#options.database.db, this.#watcher).catch(() => {});
  }

  async #start(): Promise<void> {
    const { database } = this.#options;
    const { watchMs, pollMs } = this.#times;
    await this.#watch();
    if (database.sql !== undefined) {
      // The second function runs at the first connection and at every later one: in between, announcements were lost.
      const wake = () => this.#wake();
      const subscription = await database.sql.listen(NEWS_CHANNEL, wake, wake);
      this.#unlisten = () => subscription.unlisten();
    }
    await this.#settle();
    this.#timers = [
      setInterval(() => void this.#watch().catch(() => {}), watchMs),
      setInterval(() => this.#wake(), pollMs),
    ];
    this.#wake();
  }

  #watch(): Promise<void> {
    return watchNews(this.#options.database.db, this.#watcher, this.#times.watchMs * 3);
  }

  /** Waits until everything that was begun before is visible or gone: there the following begins. */
  async #settle(): Promise<void> {
    const horizons = new Map(LOGS.map((log) => [log, new Horizon()]));
    const first = await readMarks(this.#options.database.db, LOGS);
    const untilMs = Date.now() + this.#times.settleMs;
    for (let marks = first; ; marks = await readMarks(this.#options.database.db, LOGS)) {
      for (const log of LOGS) horizons.get(log)!.observe(marks[log]);
      if (LOGS.every((log) => horizons.get(log)!.settled >= first[log].last)) break;
      if (this.#closed || Date.now() > untilMs) throw new Error('the logs are being written without a pause');
      await new Promise((resolve) => setTimeout(resolve, this.#times.readMs));
    }
    for (const [log, horizon] of horizons) this.#followed.set(log, { horizon, unseen: new Unseen(horizon.settled) });
    this.#position = positionOf((log) => horizons.get(log)!.settled);
  }

  #wake(): void {
    if (this.#closed || this.#followed.size === 0 || this.#next !== null) return;
    if (this.#reading !== null) {
      this.#readAgain = true;
      return;
    }
    this.#next = setTimeout(() => void this.#read(), Math.max(0, this.#lastReadMs + this.#times.readMs - Date.now()));
  }

  async #read(): Promise<void> {
    this.#next = null;
    this.#readAgain = false;
    this.#lastReadMs = Date.now();
    this.#reading = this.#readAll();
    await this.#reading;
    this.#reading = null;
    if (this.#readAgain) this.#wake();
  }

  async #readAll(): Promise<void> {
    try {
      const marks = await readMarks(this.#options.database.db, LOGS);
      for (const log of LOGS)
        await this.#readLog(log, marks[log].last, this.#followed.get(log)!.horizon.observe(marks[log]));
      this.#failing = false;
    } catch (error) {
      // Streams stay open: what happens meanwhile is in the logs and comes when the database answers again.
      if (!this.#failing) this.#options.log.warn({ err: error }, 'the logs cannot be read, it is tried again');
      this.#failing = true;
    }
  }

  async #readLog(log: Log, last: number, settled: number): Promise<void> {
    const { unseen } = this.#followed.get(log)!;
    // With very many gaps only those are read until some have closed: memory has a bound, and nothing is lost.
    const crowded = unseen.ranges.length > MAX_GAPS;
    const ranges = crowded ? unseen.ranges.slice(0, -1) : unseen.ranges;
    let reached = crowded ? Math.min(settled, unseen.ranges.at(-1)!.from - 1) : settled;
    if (ranges[0]!.from <= last) {
      const rows = await readNews(this.#options.database.db, log, ranges, PAGE);
      if (rows.length === PAGE) {
        reached = Math.min(reached, rows.at(-1)!.id);
        this.#readAgain = true;
      }
      this.#deliver(log, rows, reached);
    }
    unseen.removeUpTo(reached);
    this.#position = movedTo(this.#position, log, reached);
  }

  /** Rows in ascending order: with each, everything up to it is delivered, as far as the log is settled. */
  #deliver(log: Log, rows: readonly News[], reached: number): void {
    const { unseen } = this.#followed.get(log)!;
    const deliveries = rows.map((news) => {
      unseen.remove(news.id);
      this.#position = movedTo(this.#position, log, Math.min(reached, news.id));
      return { news, position: this.#position };
    });
    if (deliveries.length > 0 && !this.#closed) this.#options.deliver(deliveries);
  }
}

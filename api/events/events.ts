/**
 * Live updates: every stream of this process, fed by one tail of the logs.
 *
 * A client gets every row of its department or task that is committed after its stream began. One that comes back with
 * `Last-Event-ID` first gets what it missed, read from the logs at the pace at which it takes it, then goes on live. At
 * the seam a row may come twice or, if rows of several devices were written at once, later than its id says; none is left
 * out, and rows of one device come in their order.
 */
import type { ServerResponse } from 'node:http';
import type { Logger } from 'pino';
import type { Caller } from '../auth.ts';
import {
  countsFrame,
  movedTo,
  newsFrame,
  readPosition,
  resetFrame,
  type Position,
  type ResetReason,
} from './event-frames.ts';
import { EventStream } from './event-stream.ts';
import { EventTail, type Delivery, type TailOptions } from './event-tail.ts';
import { problem } from '../problems.ts';
import {
  LOGS,
  countDevices,
  findRevokedKeys,
  readMarks,
  readMissed,
  type Log,
  type News,
} from '../../db/events/events.ts';

const TIMES = { heartbeatMs: 15_000, countsMs: 1_000, revokedMs: 10_000 };

/** Streams of one key in this process. */
const STREAMS_PER_KEY = 50;
/** Ids that one client may be behind; further back, loading everything again is faster. */
const MAX_BEHIND = 50_000;
/** Ids looked through at a time for what one client missed. */
const MISSED_PAGE = 2_000;
/** Tasks whose devices are counted at a time. */
const COUNTED_TASKS = 100;
/** Counting may take this part of the time, so that large tasks are counted less often. */
const COUNTING_SHARE = 0.05;

export interface EventHubOptions {
  database: TailOptions['database'];
  log: Logger;
  /** Streams of this process, all keys together. */
  maxStreams: number;
  maxStreamsPerKey?: number;
  times?: TailOptions['times'] & Partial<typeof TIMES>;
}

/** What a client asks for. */
export interface StreamRequest {
  caller: Caller;
  /** Null: the whole department. */
  taskId: number | null;
  /** What the client has, in its own words. */
  lastEventId: string | undefined;
}

export class EventHub {
  readonly #options: EventHubOptions;
  readonly #times: typeof TIMES;
  /** Streams by what they follow: `d<department>` or `t<task>`. */
  readonly #streams = new Map<string, Set<EventStream>>();
  /** Streams, begun or about to, by key. */
  readonly #open = new Map<number, number>();
  #tail: Promise<EventTail> | null = null;
  readonly #changedTasks = new Map<number, number>();
  #counting: NodeJS.Timeout | null = null;
  #countAtMs = 0;
  #timers: NodeJS.Timeout[] = [];
  #stopped = false;

  constructor(options: EventHubOptions) {
    this.#options = options;
    this.#times = { ...TIMES, ...options.times };
  }

  /** Streams that are open now. */
  get size(): number {
    let size = 0;
    for (const count of this.#open.values()) size += count;
    return size;
  }

  /** Serves one client; resolves when its stream is live. Errors before its head was sent are the caller's to answer. */
  async serve(response: ServerResponse, { caller, taskId, lastEventId }: StreamRequest): Promise<void> {
    this.#admit(caller);
    const leave = this.#enter(caller.keyId);
    response.once('close', leave);
    try {
      const tail = await this.#follow();
      if (response.destroyed || this.#stopped) return void response.destroy();
      const { keyId, departmentId } = caller;
      const stream = new EventStream(response, { keyId, departmentId, taskId });
      if (lastEventId === undefined) this.#join(stream, tail.position);
      else await this.#resume(stream, tail, lastEventId);
    } catch (error) {
      leave();
      if (!response.headersSent) throw error;
      this.#options.log.warn({ err: error }, 'a stream is cut while it catches up; its client comes back');
      response.destroy();
    }
  }

  /** Ends every stream; their clients come back to whoever serves then. */
  async stop(): Promise<void> {
    this.#stopped = true;
    for (const stream of this.#all()) stream.end();
    await this.#unfollow();
  }

  // ---------------------------------------------------------------- who follows

  #admit({ keyId, name }: Caller): void {
    const { maxStreams, maxStreamsPerKey = STREAMS_PER_KEY } = this.#options;
    const refuse = (detail: string) => problem('too_many_streams', detail, { headers: { 'Retry-After': '10' } });
    if (this.#stopped) throw refuse('This server is stopping. Connect again.');
    if ((this.#open.get(keyId) ?? 0) >= maxStreamsPerKey) {
      throw refuse(
        `The key "${name}" has ${maxStreamsPerKey} streams open here already. Close some, or let several readers share one.`,
      );
    }
    if (this.size >= maxStreams) throw refuse(`All ${maxStreams} streams of this server are taken. Try again later.`);
  }

  /** Counts a stream; the function that it returns counts it out, once. */
  #enter(keyId: number): () => void {
    this.#open.set(keyId, (this.#open.get(keyId) ?? 0) + 1);
    let inside = true;
    return () => {
      if (!inside) return;
      inside = false;
      const left = this.#open.get(keyId)! - 1;
      if (left > 0) this.#open.set(keyId, left);
      else this.#open.delete(keyId);
      if (this.size === 0) void this.#unfollow();
    };
  }

  #follow(): Promise<EventTail> {
    if (this.#tail !== null) return this.#tail;
    const { database, log, times } = this.#options;
    const tail = EventTail.start({
      database,
      log,
      ...(times === undefined ? {} : { times }),
      deliver: (deliveries) => this.#deliver(deliveries),
    });
    this.#tail = tail;
    tail.catch(() => {
      if (this.#tail === tail) this.#tail = null;
    });
    const { heartbeatMs, revokedMs } = this.#times;
    this.#timers = [
      setInterval(() => void this.#beat(), heartbeatMs),
      setInterval(() => void this.#endRevoked().catch(() => {}), revokedMs),
    ];
    return tail;
  }

  async #unfollow(): Promise<void> {
    const tail = this.#tail;
    this.#tail = null;
    for (const timer of this.#timers.splice(0)) clearInterval(timer);
    if (this.#counting !== null) clearTimeout(this.#counting);
    this.#counting = null;
    this.#changedTasks.clear();
    await (await tail?.catch(() => null))?.close();
  }

  *#all(): Generator<EventStream> {
    for (const streams of this.#streams.values()) yield* streams;
  }

  #add(stream: EventStream): void {
    const scope = scopeOf(stream);
    const streams = this.#streams.get(scope) ?? new Set();
    this.#streams.set(scope, streams.add(stream));
    stream.onClose(() => {
      streams.delete(stream);
      if (streams.size === 0 && this.#streams.get(scope) === streams) this.#streams.delete(scope);
    });
  }

  // ---------------------------------------------------------------- beginning

  /** From now on; nothing happens between the position and the first row that the tail hands on. */
  #join(stream: EventStream, position: Position, reason?: ResetReason): void {
    stream.begin(position);
    if (reason !== undefined) stream.write(resetFrame(reason, position), position);
    this.#add(stream);
    const { taskId, departmentId } = stream.follower;
    if (taskId !== null) this.#taskChanged(taskId, departmentId);
  }

  /** First what was missed, as fast as the client takes it; then, at a seam without a gap, live. */
  async #resume(stream: EventStream, tail: EventTail, lastEventId: string): Promise<void> {
    const from = readPosition(lastEventId);
    const marks = await readMarks(this.#options.database.db, LOGS);
    if (from === null || LOGS.some((log) => from[log] > marks[log].last)) {
      return this.#join(stream, tail.position, 'unknown_position');
    }
    const isBehind = (position: Position, last: (log: Log) => number) =>
      LOGS.some((log) => last(log) - position[log] > MAX_BEHIND);
    if (isBehind(from, (log) => marks[log].last)) return this.#join(stream, tail.position, 'too_old');
    stream.begin(null);
    let position = from;
    for (const log of LOGS) {
      while (position[log] < tail.position[log] && stream.isOpen) {
        if (isBehind(position, (each) => tail.position[each])) {
          return stream.end(resetFrame('too_slow', tail.position));
        }
        const upTo = Math.min(position[log] + MISSED_PAGE, tail.position[log]);
        await this.#sendMissed(stream, log, position, { after: position[log], upTo, settled: upTo });
        position = movedTo(position, log, upTo);
      }
    }
    // The tail hands this stream whatever it reads from here on. What it has read before is visible to every statement
    // that begins now; so is some of what it will read, and that is remembered.
    stream.hold();
    this.#add(stream);
    const settled = tail.position;
    const now = await readMarks(this.#options.database.db, LOGS);
    for (const log of LOGS) {
      for (let after = position[log]; after < now[log].last && stream.isOpen; after += MISSED_PAGE) {
        const upTo = Math.min(after + MISSED_PAGE, now[log].last);
        const rows = await this.#sendMissed(stream, log, position, { after, upTo, settled: settled[log] });
        stream.noteSent(rows);
      }
    }
    stream.release();
  }

  /** Sends missed rows of one log; the position they carry goes no further than what is settled. */
  async #sendMissed(
    stream: EventStream,
    log: Log,
    position: Position,
    { after, upTo, settled }: { after: number; upTo: number; settled: number },
  ): Promise<News[]> {
    const rows = await readMissed(this.#options.database.db, log, stream.follower, { after, upTo });
    const place = (id: number) => movedTo(position, log, Math.min(id, settled));
    const frames = rows.map((news) => newsFrame(news, place(news.id))).join('');
    if (frames !== '') await stream.writeMissed(frames);
    for (const { taskId, departmentId } of rows) if (taskId !== null) this.#taskChanged(taskId, departmentId);
    return rows;
  }

  // ---------------------------------------------------------------- live

  /** Frames are made once for all who see the same. */
  #deliver(deliveries: readonly Delivery[]): void {
    const byScope = new Map<string, Delivery[]>();
    for (const delivery of deliveries) {
      const { departmentId, taskId, log } = delivery.news;
      let isSeen = false;
      for (const scope of scopesOf(departmentId, taskId)) {
        if (!this.#streams.has(scope)) continue;
        isSeen = true;
        const list = byScope.get(scope);
        if (list === undefined) byScope.set(scope, [delivery]);
        else list.push(delivery);
      }
      if (isSeen && taskId !== null && log !== 'events') this.#taskChanged(taskId, departmentId);
    }
    for (const [scope, list] of byScope) {
      const frames = list.map(({ news, position }) => newsFrame(news, position)).join('');
      const { position } = list.at(-1)!;
      for (const stream of this.#streams.get(scope) ?? []) {
        if (stream.isCatchingUp) stream.keep(list);
        else if (stream.hasDoubles) stream.deliver(list);
        else stream.write(frames, position);
      }
    }
  }

  #taskChanged(taskId: number, departmentId: number): void {
    this.#changedTasks.set(taskId, departmentId);
    if (this.#counting !== null) return;
    const waitMs = Math.max(0, this.#countAtMs - Date.now());
    this.#counting = setTimeout(() => void this.#sendCounts(), waitMs);
  }

  async #sendCounts(): Promise<void> {
    const tail = await this.#tail;
    const tasks = new Map([...this.#changedTasks].slice(0, COUNTED_TASKS));
    for (const taskId of tasks.keys()) this.#changedTasks.delete(taskId);
    const startedAtMs = Date.now();
    const counted = await countDevices(this.#options.database.db, [...tasks.keys()]).catch(() => []);
    const tookMs = Date.now() - startedAtMs;
    this.#countAtMs = Date.now() + Math.max(this.#times.countsMs, tookMs / COUNTING_SHARE);
    this.#counting = null;
    if (tail === null || this.#tail === null) return;
    for (const counts of counted) {
      const frame = countsFrame(counts, tail.position);
      for (const scope of scopesOf(tasks.get(counts.taskId)!, counts.taskId)) {
        for (const stream of this.#streams.get(scope) ?? []) {
          // Whoever still catches up gets the counts afterwards.
          if (stream.isCatchingUp) this.#changedTasks.set(counts.taskId, stream.follower.departmentId);
          else stream.write(frame, tail.position);
        }
      }
    }
    for (const [taskId, departmentId] of this.#changedTasks) this.#taskChanged(taskId, departmentId);
  }

  async #beat(): Promise<void> {
    const tail = await this.#tail?.catch(() => null);
    if (tail == null) return;
    for (const stream of this.#all()) {
      stream.forgetUpTo(tail.position);
      stream.beat(tail.position);
    }
  }

  async #endRevoked(): Promise<void> {
    const revoked = new Set(await findRevokedKeys(this.#options.database.db, [...this.#open.keys()]));
    for (const stream of this.#all()) if (revoked.has(stream.follower.keyId)) stream.end();
  }
}

function scopeOf({ follower: { departmentId, taskId } }: EventStream): string {
  return taskId === null ? `d${departmentId}` : `t${taskId}`;
}

function scopesOf(departmentId: number, taskId: number | null): string[] {
  return taskId === null ? [`d${departmentId}`] : [`d${departmentId}`, `t${taskId}`];
}

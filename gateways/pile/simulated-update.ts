/**
 * One update of a simulated pile: waits until it may begin, fetches the file over FTP, goes on where it was after a cut,
 * and gives up when its minutes are over. What the pile then says and does is in `simulator.ts`.
 */
import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { PileBodies } from './codec.ts';
import { fetchFile, FtpRefusal } from './simulated-ftp.ts';

export interface SimulatedUpdateOptions {
  order: PileBodies['update'];
  /** How long a minute of the download is. */
  minuteMs: number;
  /** Wait before the file is asked for again. */
  retryDelayMs: number;
  /** Cuts the FTP connection once after this byte. */
  cutAtByte?: number | undefined;
  /** Reads no faster than this. */
  bytesPerSecond?: number | undefined;
  /** Settles when nobody charges any more. */
  untilIdle: () => Promise<void>;
  /** Each time it asks, from which byte on. */
  asked: (from: number) => void;
  /** Each time bytes have come, how many there are. */
  received: (bytes: number, at: number) => void;
  cut: (at: number) => void;
}

/** How it ended: the whole file, or why not. `gone`: user and password are not good any more. */
export type SimulatedUpdateEnd = { sha256: string } | 'timed_out' | 'gone' | 'stopped';

export class SimulatedUpdate {
  readonly order: PileBodies['update'];
  readonly #options: SimulatedUpdateOptions;
  readonly #stop = new AbortController();
  readonly #hash = createHash('sha256');
  #at = 0;
  #hasCut = false;

  constructor(options: SimulatedUpdateOptions) {
    this.#options = options;
    this.order = options.order;
  }

  stop(): void {
    this.#stop.abort();
  }

  /** Whether another command means this same update. */
  isOf({ username, password, filePath }: PileBodies['update']): boolean {
    const { order } = this;
    return order.username === username && order.password === password && order.filePath === filePath;
  }

  async run(): Promise<SimulatedUpdateEnd> {
    const { untilIdle, minuteMs } = this.#options;
    try {
      await untilIdle();
      return await this.#fetch(Date.now() + this.order.downloadTimeoutMin * minuteMs);
    } catch (error) {
      if (this.#stop.signal.aborted) return 'stopped';
      throw error;
    }
  }

  async #fetch(deadlineMs: number): Promise<SimulatedUpdateEnd> {
    const { serverAddress: host, serverPort: port, username: user, password, filePath: path } = this.order;
    const { asked, cut, retryDelayMs } = this.#options;
    const signal = AbortSignal.any([this.#stop.signal, AbortSignal.timeout(Math.max(1, deadlineMs - Date.now()))]);
    while (!signal.aborted) {
      try {
        asked(this.#at);
        const size = await fetchFile(
          { host, port, user, password, path },
          this.#at,
          (chunk) => this.#take(chunk, signal),
          signal,
        );
        if (this.#at === size) return { sha256: this.#hash.digest('hex') };
      } catch (error) {
        if (error instanceof FtpRefusal && (error.code === 530 || error.code === 550)) return 'gone';
        cut(this.#at);
      }
      await delay(retryDelayMs, undefined, { signal }).catch(() => {});
    }
    return this.#stop.signal.aborted ? 'stopped' : 'timed_out';
  }

  async #take(chunk: Buffer, signal: AbortSignal): Promise<void> {
    const { cutAtByte, bytesPerSecond, received } = this.#options;
    const limit = this.#hasCut ? Infinity : (cutAtByte ?? Infinity);
    const bytes = chunk.subarray(0, Math.max(0, limit - this.#at));
    this.#hash.update(bytes);
    this.#at += bytes.length;
    received(bytes.length, this.#at);
    if (this.#at >= limit) {
      this.#hasCut = true;
      throw new Error('cut on purpose');
    }
    if (bytesPerSecond !== undefined) await delay((1_000 * bytes.length) / bytesPerSecond, undefined, { signal });
  }
}

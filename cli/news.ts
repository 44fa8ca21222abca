/**
 * Tells when it is worth looking at a task again: at once when the API says so by server-sent events, else every few
 * seconds. Connections that break are made again; what was missed meanwhile is seen at the next look.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Api } from './api.ts';
import { readEvents } from './event-stream.ts';
import { EXIT, Failure } from './failures.ts';

/** Looks are never closer together, however much there is to tell. */
const LEAST_MS = 500;
/** With events: in case one was lost. Without: how fresh what is shown is. */
const LIVE_MS = 15_000;
const POLL_MS = 2_000;
const LONGEST_RETRY_MS = 10_000;

export class News {
  readonly #api: Api;
  readonly #path: string;
  readonly #stop = new AbortController();
  readonly #done: Promise<void>;
  #isLive = false;
  #hasNews = false;
  #wake: () => void = () => {};
  #lookedMs = 0;
  #lastEventId = '';

  constructor(api: Api, path: string) {
    this.#api = api;
    this.#path = path;
    this.#done = this.#listen();
  }

  /** Resolves when it is time for the next look. */
  async next(): Promise<void> {
    const sinceMs = Date.now() - this.#lookedMs;
    if (sinceMs < LEAST_MS) await delay(LEAST_MS - sinceMs);
    if (!this.#hasNews) {
      const timer = new AbortController();
      const woken = new Promise<void>((resolve) => (this.#wake = resolve));
      const due = delay(this.#isLive ? LIVE_MS : POLL_MS, undefined, { signal: timer.signal }).catch(() => {});
      await Promise.race([woken, due]);
      timer.abort();
    }
    this.#hasNews = false;
    this.#lookedMs = Date.now();
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#done;
  }

  async #listen(): Promise<void> {
    const { signal } = this.#stop;
    for (let pauseMs = 1_000; !signal.aborted; pauseMs = Math.min(pauseMs * 2, LONGEST_RETRY_MS)) {
      try {
        const headers = {
          accept: 'text/event-stream',
          ...(this.#lastEventId === '' ? {} : { 'last-event-id': this.#lastEventId }),
        };
        const response = await this.#api.open(this.#path, headers, signal);
        if (response.headers.get('content-type')?.includes('text/event-stream') !== true) return;
        this.#isLive = true;
        this.#tell();
        pauseMs = 500;
        for await (const { id } of readEvents(response.body!, signal)) {
          if (id !== '') this.#lastEventId = id;
          this.#tell();
        }
      } catch (error) {
        // An API that refuses will go on to refuse; looking every few seconds needs no events.
        if (error instanceof Failure && error.exitCode !== EXIT.unreachable) return;
      } finally {
        this.#isLive = false;
        this.#tell();
      }
      await delay(pauseMs, undefined, { signal }).catch(() => {});
    }
  }

  #tell(): void {
    this.#hasNews = true;
    this.#wake();
  }
}

/**
 * What happens, as it happens: one stream for each scope (the department, or one task), shared by everything on the
 * page that listens, handed on in batches so that a thousand devices cost no more than a few drawings a second.
 *
 * The stream is read with `fetch`, not `EventSource`: that keeps the position over any failure, notices a connection
 * that is silently dead, and can wait while nobody looks at the page.
 */
import { signal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { addressOf } from './call.ts';
import { me } from './session.ts';

/** As `GET /api/v1/events` describes them. */
export type LiveEvent =
  | { type: 'device'; data: DeviceNews }
  | { type: 'task'; data: { id: number; taskId: number; status: string; event: string; [more: string]: unknown } }
  | { type: 'counts'; data: { taskId: number; counts: Record<string, number> } }
  | { type: 'event'; data: { id: number; kind: string; taskId: number | null; deviceId: string | null; data: unknown } }
  | { type: 'reset'; data: { reason: string } };

export interface DeviceNews {
  id: number;
  upgradeId: number;
  deviceId: string;
  taskId: number;
  status: string;
  reason: string | null;
  event: string;
  bytesSent: number | null;
  bytesTotal: number | null;
  [more: string]: unknown;
}

export type LiveState = 'connecting' | 'live' | 'reconnecting' | 'paused';

/** The worst state of all streams; null: nothing is followed. */
export const liveState = signal<LiveState | null>(null);

type Listener = (events: readonly LiveEvent[]) => void;

const BATCH_MS = 250;
/** The server says something at least every 15 s. */
const SILENCE_MS = 45_000;
const BACKOFF_MS = [500, 1_000, 2_000, 5_000, 10_000];
/** A page that nobody looks at gives its connection back after this time: browsers have few of them. */
const HIDDEN_MS = 30_000;
const BADNESS: readonly LiveState[] = ['live', 'paused', 'connecting', 'reconnecting'];

class LiveStream {
  readonly listeners = new Set<Listener>();
  state: LiveState = 'connecting';
  readonly #address: string;
  #lastEventId: string | null = null;
  #abort = new AbortController();
  #failures = 0;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #silence: ReturnType<typeof setTimeout> | undefined;
  #hidden: ReturnType<typeof setTimeout> | undefined;
  #batch: LiveEvent[] = [];
  #flush: ReturnType<typeof setTimeout> | undefined;

  constructor(address: string) {
    this.#address = address;
    document.addEventListener('visibilitychange', this.#look);
    void this.#connect();
  }

  close(): void {
    document.removeEventListener('visibilitychange', this.#look);
    for (const timer of [this.#retry, this.#silence, this.#hidden, this.#flush]) clearTimeout(timer);
    this.listeners.clear();
    this.#abort.abort();
  }

  readonly #look = () => {
    clearTimeout(this.#hidden);
    if (document.hidden) this.#hidden = setTimeout(() => this.#pause(), HIDDEN_MS);
    else if (this.state === 'paused') void this.#connect();
  };

  #pause(): void {
    clearTimeout(this.#retry);
    this.#become('paused');
    this.#abort.abort();
  }

  async #connect(): Promise<void> {
    clearTimeout(this.#retry);
    const abort = new AbortController();
    this.#abort.abort();
    this.#abort = abort;
    this.#become(this.#failures > 0 ? 'reconnecting' : 'connecting');
    try {
      this.#watch();
      const response = await fetch(this.#address, {
        headers: {
          Accept: 'text/event-stream',
          ...(this.#lastEventId !== null && { 'Last-Event-ID': this.#lastEventId }),
        },
        signal: abort.signal,
        cache: 'no-store',
      });
      if (response.status === 401) {
        me.value = null;
        return;
      }
      if (!response.ok || response.body === null) throw new Error(`stream answered ${response.status}`);
      this.#failures = 0;
      this.#become('live');
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      let rest = '';
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        this.#watch();
        const blocks = (rest + value).split('\n\n');
        rest = blocks.pop() ?? '';
        for (const block of blocks) this.#take(block);
      }
    } catch {
      // whatever it was: connect again, from where we are
    }
    clearTimeout(this.#silence);
    if (abort !== this.#abort || this.state === 'paused' || this.listeners.size === 0) return;
    this.#become('reconnecting');
    const pause = BACKOFF_MS[Math.min(this.#failures, BACKOFF_MS.length - 1)]!;
    this.#failures += 1;
    this.#retry = setTimeout(() => void this.#connect(), pause * (0.75 + Math.random() / 2));
  }

  /** A connection on which nothing comes is dead, whatever the system believes of it. */
  #watch(): void {
    clearTimeout(this.#silence);
    const abort = this.#abort;
    this.#silence = setTimeout(() => abort.abort(), SILENCE_MS);
  }

  #take(block: string): void {
    let type = '';
    let data = '';
    for (const line of block.split('\n')) {
      if (line.startsWith('id: ')) this.#lastEventId = line.slice(4);
      else if (line.startsWith('event: ')) type = line.slice(7);
      else if (line.startsWith('data: ')) data += line.slice(6);
    }
    if (type === '' || data === '') return;
    this.#batch.push({ type, data: JSON.parse(data) } as LiveEvent);
    this.#flush ??= setTimeout(() => this.#deliver(), BATCH_MS);
  }

  #deliver(): void {
    this.#flush = undefined;
    const events = this.#batch;
    this.#batch = [];
    for (const listener of this.listeners) listener(events);
  }

  #become(state: LiveState): void {
    this.state = state;
    showState();
  }
}

const streams = new Map<string, LiveStream>();

function showState(): void {
  const states = [...streams.values()].map(({ state }) => state);
  liveState.value = states.toSorted((a, b) => BADNESS.indexOf(b) - BADNESS.indexOf(a))[0] ?? null;
}

/** Listens as long as the component lives; `taskId` follows one task only. Null asks for nothing (yet). */
export function useLive(listener: Listener, scope: { taskId?: number } | null = {}): void {
  const latest = useRef(listener);
  latest.current = listener;
  const address = scope === null ? null : addressFor(scope.taskId);
  useEffect(() => {
    if (address === null) return undefined;
    const stream = streams.get(address) ?? new LiveStream(address);
    streams.set(address, stream);
    const hear: Listener = (events) => latest.current(events);
    stream.listeners.add(hear);
    showState();
    return () => {
      stream.listeners.delete(hear);
      // the next page may want the same stream at once
      setTimeout(() => {
        if (stream.listeners.size > 0 || streams.get(address) !== stream) return;
        streams.delete(address);
        stream.close();
        showState();
      }, 1_000);
    };
  }, [address]);
}

/** Reads a list or a thing again when something happened that concerns it: at once, then at most every `everyMs`. */
export function useLiveRefresh(
  refresh: () => void,
  concerns: (event: LiveEvent) => boolean,
  { taskId, everyMs = 1_500 }: { taskId?: number; everyMs?: number } = {},
): void {
  const timer = useRef<{ lastMs: number; waiting: ReturnType<typeof setTimeout> | undefined }>({
    lastMs: 0,
    waiting: undefined,
  });
  const latest = useRef(refresh);
  latest.current = refresh;
  useEffect(() => () => clearTimeout(timer.current.waiting), []);
  useLive(
    (events) => {
      const { current } = timer;
      if (current.waiting !== undefined || !events.some((event) => event.type === 'reset' || concerns(event))) return;
      current.waiting = setTimeout(
        () => {
          current.waiting = undefined;
          current.lastMs = Date.now();
          latest.current();
        },
        Math.max(0, current.lastMs + everyMs - Date.now()),
      );
    },
    taskId === undefined ? {} : { taskId },
  );
}

function addressFor(taskId: number | undefined): string {
  return taskId === undefined
    ? addressOf('followDepartment', {})
    : addressOf('followUpgradeTask', { params: { taskId } });
}

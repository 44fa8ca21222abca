/**
 * Tells all lines that this worker holds what is new for them, with one small query for all together.
 */
import { EventEmitter, once } from 'node:events';
import { readLines, type LineNews } from '../db/factory/agent-line.ts';
import type { Db } from '../db/index.ts';

const EVERY_MS = 300;

/** Asks while there is somebody to tell. */
export class LinePoller {
  readonly #db: Db;
  readonly #followers = new Map<number, Set<EventEmitter>>();
  #isRunning = false;

  constructor(db: Db) {
    this.#db = db;
  }

  /** How the line of an agent stands, again and again; null: there is no such agent. */
  async *follow(agentId: number, signal: AbortSignal): AsyncGenerator<LineNews | null> {
    const bell = new EventEmitter();
    const bells = this.#followers.get(agentId) ?? new Set();
    this.#followers.set(agentId, bells.add(bell));
    void this.#run();
    try {
      for (;;) {
        const [news] = (await once(bell, 'news', { signal })) as [LineNews | null];
        yield news;
      }
    } finally {
      bells.delete(bell);
      if (bells.size === 0 && this.#followers.get(agentId) === bells) this.#followers.delete(agentId);
    }
  }

  async #run(): Promise<void> {
    if (this.#isRunning) return;
    this.#isRunning = true;
    try {
      while (this.#followers.size > 0) {
        await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
        const ids = [...this.#followers.keys()];
        // A database that is away is noticed by those who write.
        const rows = await readLines(this.#db, ids).catch(() => null);
        if (rows === null) continue;
        const news = new Map(rows.map((row) => [row.agentId, row]));
        for (const id of ids) for (const bell of this.#followers.get(id) ?? []) bell.emit('news', news.get(id) ?? null);
      }
    } finally {
      this.#isRunning = false;
    }
  }
}

/**
 * Turns events into deliveries and deliveries into workflows. Looks once a second, for which one cheap question is
 * enough while nothing happens, and more often while there is something to start. Any number of processes may do it.
 */
import type { Logger } from 'pino';
import type { Executions } from '../executions/executions.ts';
import { readMarks } from '../../db/events/events.ts';
import type { Db } from '../../db/index.ts';
import { Horizon } from '../../db/events/settled.ts';
import * as deliveries from '../../db/events/webhook-deliveries.ts';

const TIMES = {
  idleMs: 1_000,
  /** While deliveries are being started. */
  busyMs: 100,
  /** How often those that are not heard of are looked for. */
  unheardEveryMs: 20_000,
  /** Taken, and no attempt since. */
  claimedMs: 60_000,
  /** No attempt for longer than any pause between two. */
  silentMs: 2 * 3_600_000,
  forgetEveryMs: 600_000,
};
const KEPT_DAYS = 90;
const FORGOTTEN_AT_ONCE = 5_000;
/** Starts at a time. */
const PARALLEL = 20;

export interface WebhookSweepOptions {
  db: Db;
  executions: Pick<Executions, 'startWebhookDelivery'>;
  log: Logger;
  times?: Partial<typeof TIMES>;
}

export class WebhookSweep {
  readonly #options: WebhookSweepOptions;
  readonly #times: typeof TIMES;
  readonly #horizon = new Horizon();
  #timer: NodeJS.Timeout | null = null;
  #running: Promise<void> = Promise.resolve();
  #makeAtMs = 0;
  #unheardAtMs = 0;
  #forgetAtMs = 0;
  #stopped = false;
  #failing = false;

  constructor(options: WebhookSweepOptions) {
    this.#options = options;
    this.#times = { ...TIMES, ...options.times };
  }

  start(): void {
    this.#schedule(0);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    await this.#running;
  }

  #schedule(afterMs: number): void {
    if (this.#stopped) return;
    this.#timer = setTimeout(() => {
      this.#running = this.#turn();
    }, afterMs);
  }

  async #turn(): Promise<void> {
    let isBusy = false;
    try {
      isBusy = await this.sweep();
      this.#failing = false;
    } catch (error) {
      if (!this.#failing) this.#options.log.warn({ err: error }, 'webhooks wait, it is tried again');
      this.#failing = true;
    }
    this.#schedule(isBusy ? this.#times.busyMs : this.#times.idleMs);
  }

  /** One round; true when there was something to do. */
  async sweep(): Promise<boolean> {
    const { db } = this.#options;
    const now = Date.now();
    if (now >= this.#forgetAtMs) {
      this.#forgetAtMs = now + this.#times.forgetEveryMs;
      await deliveries.forgetDeliveries(db, { olderThanDays: KEPT_DAYS, limit: FORGOTTEN_AT_ONCE });
    }
    let made = 0;
    if (now >= this.#makeAtMs) {
      if (!(await deliveries.hasActiveWebhooks(db))) return false;
      const settled = this.#horizon.observe((await readMarks(db, ['events'])).events);
      made = await deliveries.makeDeliveries(db, settled);
      // Between two rounds that only start what was made.
      this.#makeAtMs = made > 0 ? 0 : now + this.#times.idleMs;
    }
    const claimed = await deliveries.claimDeliveries(db);
    await this.#start(claimed);
    if (now >= this.#unheardAtMs) {
      this.#unheardAtMs = now + this.#times.unheardEveryMs;
      const { claimedMs, silentMs } = this.#times;
      await this.#start(await deliveries.findUnheardDeliveries(db, { claimedMs, silentMs, limit: 500 }));
    }
    return made + claimed.length > 0;
  }

  /** In order, some at a time. What could not be started is found again as unheard of. */
  async #start(chosen: readonly deliveries.StartableDelivery[]): Promise<void> {
    const { executions, log } = this.#options;
    for (let from = 0; from < chosen.length; from += PARALLEL) {
      const started = chosen.slice(from, from + PARALLEL).map((delivery) => executions.startWebhookDelivery(delivery));
      for (const each of await Promise.allSettled(started)) {
        if (each.status === 'rejected')
          log.warn({ err: each.reason as unknown }, 'a delivery could not be started, it is tried again');
      }
    }
  }
}

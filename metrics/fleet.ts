/**
 * The whole installation as Prometheus reads it: devices, tasks, queues, the database. Read from the database at most
 * every 15 seconds, when somebody asks, and only in processes with the role api; each of those says the same.
 */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { Logger } from '../log.ts';
import { DELIVERIES_COUNTED, lastLogId, QUEUES, readFigures, readLogGain, type Figures } from '../db/figures.ts';
import { CONNECTORS, DELIVERY_STATUSES } from '../db/schema.ts';
import type { Db } from '../db/index.ts';
import { TASK_STATUSES, UPGRADE_STATUSES } from '../workflows/rules/statuses.ts';

/** Figures this old are read again. */
const FRESH_MS = 15_000;
/** A scrape waits no longer for them, and gets those of the last look; with none at all it waits longer. */
const WAIT_MS = 50;
const FIRST_WAIT_MS = 2_000;
/** Figures older than this are not shown. */
const OLDEST_MS = 60_000;
/** Pages of the log read at one look; what is left, after a long time without a look, is for the next. */
const MOST_PAGES = 4;

const CONNECTION_STATES = ['active', 'idle', 'idle_in_transaction', 'other'] as const;
const PLATFORM_STATUSES = ['open', 'refused', 'unknown', 'not_sent'] as const;
const ATTENTION_STATUSES = ['failed', 'unproven', 'partial', 'reverted', 'expired', 'confirming'] as const;

/** From ten seconds, which a quick terminal takes, to a night. */
const PROOF_BUCKETS = [10, 30, 60, 120, 300, 600, 1_200, 1_800, 3_600, 7_200, 14_400, 28_800];

export interface FleetMetricsOptions {
  db: Db;
  log: Logger;
  freshMs?: number;
}

/** Registers the figures of the whole installation. */
export function registerFleetMetrics(registry: Registry, options: FleetMetricsOptions): void {
  const registers = [registry];
  const transitions = new Counter({
    name: 'slipway_upgrade_transitions_total',
    help: 'Changes of status of device upgrades, by the status they led to, since this process first looked',
    labelNames: ['status'] as const,
    registers,
    // Wait for the look that is under way; else they would show what was known before it.
    collect: async () => void (await source.read()),
  });
  for (const status of UPGRADE_STATUSES) transitions.inc({ status }, 0);
  const offers = new Counter({
    name: 'slipway_offers_sent_total',
    help: 'Offers sent to devices by all gateways, since this process first looked',
    registers,
    collect: async () => void (await source.read()),
  });
  const proofs = new Histogram({
    name: 'slipway_proof_latency_seconds',
    help: 'Time from the first sending of an offer to the version report that proves it',
    buckets: PROOF_BUCKETS,
    registers,
    collect: async () => void (await source.read()),
  });
  const source = new FigureSource(options, ({ transitions: gained, offersSent, proofSeconds }) => {
    for (const [status, count] of Object.entries(gained)) transitions.inc({ status }, count);
    offers.inc(offersSent);
    for (const seconds of proofSeconds) proofs.observe(Math.max(0, seconds));
  });

  byLabel('devices', 'Devices of tasks that have not ended, by status', 'status', UPGRADE_STATUSES, (f) => f.devices);
  byLabel('upgrade_tasks', 'Tasks that have not ended, by status', 'status', TASK_STATUSES, (f) => f.tasks);
  byLabel(
    'devices_needing_attention',
    'Device upgrades that wait for the decision of a person, by status',
    'status',
    ATTENTION_STATUSES,
    (f) => f.attention,
  );
  byLabel(
    'platform_devices',
    'Devices of secondary shipments that are under way or need a person, by status',
    'status',
    PLATFORM_STATUSES,
    (f) => f.platformDevices,
  );
  byLabel(
    'platform_paused',
    '1 while nothing is sent to a platform, because it asked for that or a person did, else 0',
    'platform',
    CONNECTORS,
    (f) => f.platformsPaused,
  );
  byLabel(
    'webhook_deliveries',
    `Deliveries to webhooks by status, among the latest ${DELIVERIES_COUNTED}`,
    'status',
    DELIVERY_STATUSES,
    (f) => f.deliveries,
  );
  byLabel(
    'queue_age_seconds',
    'How long the oldest entry of a queue waits, 0 when it is empty: devices to be started, edges a workflow has not read, tasks without a workflow, webhooks to be delivered',
    'queue',
    QUEUES,
    (f) => f.queueSeconds,
  );
  byLabel(
    'database_connections',
    'Connections to the database, of all programs, by state',
    'state',
    CONNECTION_STATES,
    (f) => f.database.connections,
  );
  single('database_max_connections', 'Connections the database server takes', (f) => f.database.maxConnections);
  single('database_size_bytes', 'Size of the database on disk', (f) => f.database.sizeBytes);
  const up: Gauge = new Gauge({
    name: 'slipway_database_up',
    help: '1 when the figures could be read from the database at this look, else 0',
    registers,
    collect: async () => up.set((await source.read()) === null ? 0 : 1),
  });

  /** A gauge with a value for each known label; without figures it has none, which is not the same as 0. */
  function byLabel(
    name: string,
    help: string,
    label: string,
    known: readonly string[],
    pick: (figures: Figures) => Record<string, number | null>,
  ): void {
    const gauge: Gauge = new Gauge({
      name: `slipway_${name}`,
      help,
      labelNames: [label],
      registers,
      collect: async () => {
        const figures = await source.read();
        gauge.reset();
        if (figures === null) return;
        const values = pick(figures);
        for (const value of known) gauge.set({ [label]: value }, values[value] ?? 0);
      },
    });
  }

  function single(name: string, help: string, pick: (figures: Figures) => number): void {
    const gauge: Gauge = new Gauge({
      name: `slipway_${name}`,
      help,
      registers,
      collect: async () => {
        const figures = await source.read();
        gauge.remove();
        if (figures !== null) gauge.set(pick(figures));
      },
    });
  }
}

/** Reads figures when they are wanted and old, once for all who want them at the same time. */
class FigureSource {
  readonly #options: FleetMetricsOptions;
  readonly #onGain: (gain: Awaited<ReturnType<typeof readLogGain>>) => void;
  #figures: Figures | null = null;
  #readMs = -Infinity;
  #triedMs = -Infinity;
  #reading: Promise<void> | null = null;
  #lastLogId: number | null = null;

  constructor(options: FleetMetricsOptions, onGain: (gain: Awaited<ReturnType<typeof readLogGain>>) => void) {
    this.#options = options;
    this.#onGain = onGain;
  }

  /** The figures, or null when there are none that are worth showing. */
  async read(): Promise<Figures | null> {
    const { freshMs = FRESH_MS } = this.#options;
    const waitMs = this.#figures === null ? FIRST_WAIT_MS : WAIT_MS;
    if (performance.now() - this.#triedMs >= freshMs && this.#reading === null) {
      this.#triedMs = performance.now();
      this.#reading = this.#refresh().finally(() => (this.#reading = null));
    }
    if (this.#reading !== null) {
      const timer = new AbortController();
      const late = new Promise<void>((resolve) => {
        const timeout = setTimeout(resolve, waitMs);
        timer.signal.addEventListener('abort', () => clearTimeout(timeout));
      });
      await Promise.race([this.#reading, late]);
      timer.abort();
    }
    return performance.now() - this.#readMs < OLDEST_MS ? this.#figures : null;
  }

  async #refresh(): Promise<void> {
    const { db, log } = this.#options;
    try {
      this.#figures = await readFigures(db);
      this.#readMs = performance.now();
      this.#lastLogId ??= await lastLogId(db);
      for (let page = 0, more = true; more && page < MOST_PAGES; page++) {
        const gain = await readLogGain(db, this.#lastLogId);
        this.#lastLogId = gain.lastId;
        this.#onGain(gain);
        more = gain.more;
      }
    } catch (error) {
      this.#figures = null;
      log.warn({ err: error }, 'the figures for /metrics could not be read, they are missing until the next look');
    }
  }
}

/**
 * A week of many devices in minutes: the product's own workflow on the time-skipping server, its own steps on a real
 * PostgreSQL whose clock is the server's, and devices whose stories take days. Every device has a night window.
 */
import { sql } from 'drizzle-orm';
import { WorkflowNotFoundError } from '@temporalio/client';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import postgres from 'postgres';
import {
  SLOW_KIND_NAMES,
  SLOW_KINDS,
  SlowDevice,
  type Happening,
  type SlowKind,
  type SlowWorld,
} from './slow-devices.ts';
import { createUpgradeActivities } from '../../activities/upgrades.ts';
import { startable } from '../../db/upgrades/dispatch.ts';
import { DAY_MS, HOUR_MS, type DrawnNight } from '../night/drawn-night.ts';
import { Draw } from '../night/draw.ts';
import { insertNights } from '../night/night-rows.ts';
import { SimulatedDatabase, type TimedConnection } from '../night/simulated-database.ts';
import { brokenByEndedUpgrade } from '../promises/upgrades.ts';
import { readUpgrades } from '../promises/records.ts';
import { startTimeSkipping, withWorker } from '../support/temporal.ts';
import { EDGE_SIGNAL, UPGRADE_DEVICE, upgradeWorkflowId } from '../../workflows/contract.ts';

export interface DaysVerdict {
  seed: number;
  devices: number;
  /** Kinds with how many of them ended as they may. */
  lines: { kind: SlowKind; devices: number; right: number; ends: Record<string, number> }[];
  /** Frames that started something. */
  frames: number;
  failures: string[];
}

/** How long everything lasts. */
const LIFE_MS = 6 * DAY_MS;
/** After the deadline of the tasks, what is flashing is awaited and reports still come. */
const AFTER_MS = HOUR_MS;
const ZONES = ['Asia/Shanghai', 'Europe/Berlin', 'America/St_Johns', 'Asia/Kathmandu', 'Pacific/Chatham', 'UTC'];
const HOURS = ['00:00', '06:00', '12:00', '18:00', '21:30'];

/** Plays and judges the days of a seed. */
export async function playDays(seed: number, count: number): Promise<DaysVerdict> {
  const simulated = await SimulatedDatabase.start();
  const reader = postgres(simulated.url, { max: 1, onnotice: () => {} });
  const env = await startTimeSkipping();
  try {
    return await new Days(env, simulated.connect(), reader, seed).play(count);
  } finally {
    await env.teardown();
    await reader.end({ timeout: 5 });
    await simulated.stop();
  }
}

class Days implements SlowWorld {
  readonly lane: TimedConnection;
  readonly #env: TestWorkflowEnvironment;
  readonly #reader: postgres.Sql;
  readonly #seed: number;
  readonly #happenings: Happening[] = [];

  constructor(env: TestWorkflowEnvironment, lane: TimedConnection, reader: postgres.Sql, seed: number) {
    this.#env = env;
    this.lane = lane;
    this.#reader = reader;
    this.#seed = seed;
  }

  readonly plan = (happening: Happening): void => {
    const later = this.#happenings.findIndex(({ atMs }) => atMs > happening.atMs);
    this.#happenings.splice(later < 0 ? this.#happenings.length : later, 0, happening);
  };

  readonly signal = async (deviceId: string, edge: 'reported' | 'contacted'): Promise<void> => {
    try {
      await this.#env.client.workflow.getHandle(upgradeWorkflowId(deviceId)).signal(EDGE_SIGNAL, edge);
    } catch (error) {
      if (!(error instanceof WorkflowNotFoundError)) throw error;
    }
  };

  async play(count: number): Promise<DaysVerdict> {
    const startMs = await this.#env.currentTimeMs();
    const nights = drawNights(this.#seed, count, startMs);
    const ids = await insertNights(this.lane, nights);
    await this.#tick();
    // They may still fall back when their tasks are over.
    const untilMs = startMs + LIFE_MS + AFTER_MS;
    const devices = nights.map(
      (night, place) => new SlowDevice(this, night, SLOW_KIND_NAMES[place % SLOW_KIND_NAMES.length]!, untilMs),
    );
    const steps = this.#timed(createUpgradeActivities(this.lane.db));
    await withWorker(this.#env.nativeConnection, steps, async (taskQueue) => {
      const chosen = sql.join(
        ids.map((id) => sql`${id}`),
        sql`, `,
      );
      const starts = await startable(this.lane.db, sql`select * from device_upgrades where id in (${chosen})`);
      for (const { input } of starts) {
        const workflowId = upgradeWorkflowId(input.deviceId);
        await this.#env.client.workflow.start(UPGRADE_DEVICE, { workflowId, taskQueue, args: [input] });
      }
      for (let next = this.#happenings.shift(); next !== undefined; next = this.#happenings.shift()) {
        await this.#until(next.atMs);
        await next.run();
      }
      await this.#until(untilMs);
    });
    return this.#judge(devices);
  }

  /** Lets time pass; the workflows do what is due on the way. */
  async #until(atMs: number): Promise<void> {
    const leftMs = atMs - (await this.#env.currentTimeMs());
    if (leftMs > 0) await this.#env.sleep(Math.ceil(leftMs));
    await this.#tick();
  }

  /** The database's clock follows the server's. */
  async #tick(): Promise<void> {
    const nowMs = await this.#env.currentTimeMs();
    // Two who ask at one moment may be answered in the other order.
    if (!(nowMs < this.lane.nowMs)) await this.lane.set(nowMs);
  }

  /** Steps that know the time of the simulation. */
  #timed<Steps extends object>(steps: Steps): Steps {
    const timed = Object.entries(steps).map(([name, step]: [string, (key: never) => Promise<unknown>]) => [
      name,
      async (key: never) => {
        await this.#tick();
        return step(key);
      },
    ]);
    return Object.fromEntries(timed) as Steps;
  }

  async #judge(devices: readonly SlowDevice[]): Promise<DaysVerdict> {
    const tasks = await this.#reader<{ id: number }[]>`select id from upgrade_tasks`;
    const records = await readUpgrades(
      this.#reader,
      tasks.map(({ id }) => id),
    );
    const byDevice = new Map(records.map((record) => [record.deviceId, record]));
    const lines = new Map<SlowKind, DaysVerdict['lines'][number]>();
    const failures: string[] = [];
    for (const device of devices) {
      const { kind, deviceId, violations, ran, reports, story, night } = device;
      const record = byDevice.get(deviceId)!;
      const { status, reason, proofs, log } = record;
      const wrong = [...violations];
      if (!SLOW_KINDS[kind].ends.some((end) => end === status))
        wrong.push(`a device that is "${kind}" has ended as ${status} (${reason})`);
      for (const { version } of proofs)
        if (!ran.has(version)) wrong.push(`${version} is proven, and the device has never run it`);
      const word = { reports, ...(status === 'succeeded' && { runs: { T1: device.version } }) };
      wrong.push(...brokenByEndedUpgrade(record, word).map(({ promise, why }) => `${promise}: ${why}`));
      const line = lines.get(kind) ?? { kind, devices: 0, right: 0, ends: {} };
      lines.set(kind, line);
      line.devices += 1;
      line.right += wrong.length === 0 ? 1 : 0;
      line.ends[status] = (line.ends[status] ?? 0) + 1;
      if (wrong.length === 0) continue;
      const { from, to, zone } = night.window;
      failures.push(
        [
          `seed ${this.#seed}, ${deviceId} (${kind}), ${from}–${to} ${zone}:`,
          ...wrong,
          ...story,
          ...log.map(
            ({ atMs, event, status: to, cause }) => `${new Date(atMs).toISOString()} ${event} ${to ?? ''} ${cause}`,
          ),
        ].join('\n  '),
      );
    }
    const frames = devices.reduce((sum, device) => sum + device.frames.length, 0);
    return { seed: this.#seed, devices: devices.length, lines: [...lines.values()], frames, failures };
  }
}

/** Windows of six hours and more, so that each night has a contact in which a file fits. */
function drawNights(seed: number, count: number, startMs: number): DrawnNight[] {
  const draw = new Draw(seed);
  return Array.from({ length: count }, (_, place) => {
    const protocol = draw.oneOf(['terminal', 'ams', 'pcp'] as const);
    const from = draw.whole(0, HOURS.length - 1);
    const measured = draw.magnitude(400, 4_000);
    return {
      seed: seed * 10_000 + place,
      window: { from: HOURS[from]!, to: HOURS[(from + draw.whole(2, 3)) % HOURS.length]!, zone: draw.oneOf(ZONES) },
      protocol,
      // A few minutes.
      sizeBytes: Math.round(measured * draw.whole(20, 300)),
      measured,
      isOnline: false,
      startMs,
      deadlineMs: startMs + LIFE_MS,
      draw: new Draw(seed * 10_000 + place),
    };
  });
}

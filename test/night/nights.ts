/**
 * The night window as a property of the whole chain: the rule that the workflow's step asks, the row it writes, and the
 * claims without which no gateway lets a frame leave, all of it the product's own code on a real PostgreSQL.
 *
 * Each night is drawn from a seed. The worker's clock has nothing to do with the database's: its timers fire early, late
 * and after leaps. Devices come when they like. Whatever was allowed is then shown to the clock on the wall.
 */
import { sql } from 'drizzle-orm';
import { describeNight, drawNight, HOUR_MS, MINUTE_MS, type DrawnNight } from './drawn-night.ts';
import { insertNights } from './night-rows.ts';
import { SimulatedDatabase, type TimedConnection } from './simulated-database.ts';
import { isPermitted, permittedUntil } from './wall-clock.ts';
import { repeatSend } from '../../db/upgrades/directives.ts';
import { claimFlash, findOfferById } from '../../db/upgrades/flashes.ts';
import { claimSend } from '../../db/upgrades/messages.ts';
import { closeOffer, openOffer, type OpenOfferResult } from '../../db/upgrades/offers.ts';
import type { Protocol } from '../../db/schema.ts';

/** What became of many nights. */
export interface NightsReport {
  nights: number;
  /** Frames that the chain would have let leave, by what they are. */
  frames: Record<string, number>;
  /** Times a frame was asked for and had to stay. */
  refusals: number;
  /** Steps that were told to wait for another hour. */
  waits: number;
  /** What went wrong, with the seed first. */
  violations: string[];
}

/** The frames that make a device begin something that ends in a flash, by protocol. */
const FIRST_FRAME: Readonly<Record<Protocol, string>> = {
  terminal: '+NBOTA',
  ams: 'directive',
  pcp: '14',
  pile: '94',
};
const ASKED_AT_MOST = 8;
const BATCH = 200;

/** Usual speeds in bytes per second and how far a measurement is believed, as the product documents them. */
const USUAL: Readonly<Record<Protocol, number>> = { terminal: 512, ams: 2_048, pcp: 250, pile: 16_384 };
const BELIEVED_DOWN_TO = 1 / 16;
const FLASH_MS = MINUTE_MS;
/** Milliseconds that are rounded away on the way through the database are neither here nor there. */
const ROUNDING_MS = 2;

/** Plays nights from this seed on, several at a time. */
export async function playNights(firstSeed: number, count: number, lanes = 3): Promise<NightsReport> {
  const report: NightsReport = { nights: 0, frames: {}, refusals: 0, waits: 0, violations: [] };
  const simulated = await SimulatedDatabase.start();
  try {
    let next = firstSeed;
    const last = firstSeed + count;
    const work = async (lane: TimedConnection) => {
      while (next < last) {
        const nights = Array.from({ length: Math.min(BATCH, last - next) }, () => drawNight(next++));
        const upgrades = await insertNights(lane, nights);
        for (const [index, night] of nights.entries()) await new Play(lane, night, upgrades[index]!, report).run();
      }
    };
    await Promise.all(Array.from({ length: lanes }, () => work(simulated.connect())));
  } finally {
    await simulated.stop();
  }
  report.violations.sort((one, other) => seedIn(one) - seedIn(other));
  return report;
}

function seedIn(violation: string): number {
  return Number(/^seed (\d+)/.exec(violation)?.[1]);
}

/** One night. */
class Play {
  readonly #lane: TimedConnection;
  readonly #night: DrawnNight;
  readonly #upgradeId: number;
  readonly #report: NightsReport;
  #permitted = { fromMs: Number.POSITIVE_INFINITY, untilMs: Number.NEGATIVE_INFINITY };

  constructor(lane: TimedConnection, night: DrawnNight, upgradeId: number, report: NightsReport) {
    this.#lane = lane;
    this.#night = night;
    this.#upgradeId = upgradeId;
    this.#report = report;
  }

  async run(): Promise<void> {
    const { draw, startMs } = this.#night;
    this.#report.nights += 1;
    let nowMs = startMs;
    const attempts = draw.chance(0.2) ? 2 : 1;
    for (let attempt = 1; attempt <= attempts; attempt += 1) {
      const madeAtMs = await this.#untilOffered(nowMs, attempt);
      if (madeAtMs === null) return;
      nowMs = await this.#playOffer(madeAtMs, attempt);
      const ended = { attempt, reason: null, code: 'offer_expired', retry: 'offered again' } as const;
      await closeOffer(this.#lane.db, { upgradeId: this.#upgradeId, ...ended });
    }
  }

  /** The workflow asks, waits as long as it is told to by a clock of its own, and asks again. */
  async #untilOffered(fromMs: number, attempt: number): Promise<number | null> {
    const { draw } = this.#night;
    let nowMs = fromMs;
    for (let asked = 0; asked < ASKED_AT_MOST; asked += 1) {
      await this.#lane.set(nowMs);
      const opened = await openOffer(this.#lane.db, { upgradeId: this.#upgradeId, attempt, fileIndex: 0 });
      if (opened.kind === 'offered') {
        this.#judgeOffer(nowMs, opened);
        return nowMs;
      }
      if (opened.kind !== 'waiting') return null;
      this.#report.waits += 1;
      if (opened.reason === 'window') this.#judgeWait(nowMs, opened.waitMs);
      nowMs += this.#byWorkersClock(opened.waitMs);
      // Clocks that are set back happen, too; never before the beginning, or nothing would ever end.
      if (draw.chance(0.1)) nowMs = Math.max(fromMs, nowMs - draw.whole(0, 2 * HOUR_MS));
    }
    return null;
  }

  /** How long a wait really is. */
  #byWorkersClock(waitMs: number): number {
    const { draw } = this.#night;
    const kind = draw.share();
    if (kind < 0.4) return Math.ceil(waitMs);
    if (kind < 0.6) return Math.ceil(waitMs) + draw.whole(-1_500, 1_500);
    if (kind < 0.8) return Math.ceil(waitMs * (0.9 + draw.share() * 0.2));
    // The worker's clock was put forward or back, or the worker was away for a while.
    return Math.max(1, Math.ceil(waitMs) + draw.whole(-2 * HOUR_MS, 5 * HOUR_MS));
  }

  /** Gateways ask for the right to send at all sorts of moments, those around the closing first of all. */
  async #playOffer(madeAtMs: number, attempt: number): Promise<number> {
    const { draw, protocol } = this.#night;
    const offer = await this.#offer(attempt);
    const { closesAtMs, id } = offer;
    const livesMs = Math.max(1, closesAtMs - madeAtMs);
    const neededMs = this.#neededMs() + FLASH_MS;
    const moments = [
      draw.chance(0.5)
        ? madeAtMs + Math.floor(draw.share() * livesMs)
        : closesAtMs - Math.ceil(neededMs) + draw.whole(-1_000, 1_000), // just in time, or just not
      closesAtMs - draw.whole(1, draw.oneOf([2, 1_000, MINUTE_MS])),
      closesAtMs + (draw.chance(0.5) ? draw.whole(0, 1) : draw.whole(2, 26 * HOUR_MS)),
    ];
    // A clock that goes back within the night gets the same answers.
    if (draw.chance(0.2)) moments.reverse();
    for (const [index, atMs] of moments.entries()) {
      const nowMs = Math.max(madeAtMs, Math.floor(atMs));
      await this.#lane.set(nowMs);
      const { claimed } = await claimSend(this.#lane.db, id, attempt);
      this.#judgeFrame(FIRST_FRAME[protocol], nowMs, claimed, this.#neededMs() + FLASH_MS);
      if (protocol === 'ams' && index > 0) {
        const repeated = await repeatSend(this.#lane.db, id, attempt);
        this.#judgeFrame('directive again', nowMs, repeated, this.#neededMs() + FLASH_MS);
      }
    }
    if ((await findOfferById(this.#lane.db, id)) !== null) this.#judgeServing(this.#lane.nowMs);
    if (protocol === 'pcp') await this.#playInstall(id, attempt, madeAtMs, closesAtMs);
    return this.#lane.nowMs;
  }

  /** The device has every byte, sooner or later, and waits for the word to install. */
  async #playInstall(id: number, attempt: number, madeAtMs: number, closesAtMs: number): Promise<void> {
    const { draw } = this.#night;
    const moments = [
      madeAtMs + Math.floor(draw.share() * (closesAtMs - madeAtMs)),
      closesAtMs - draw.whole(1, 2 * FLASH_MS),
      closesAtMs + (draw.chance(0.5) ? draw.whole(-1, 1) : draw.whole(2, 26 * HOUR_MS)),
    ];
    for (const nowMs of moments.slice(draw.whole(0, 1))) {
      await this.#lane.set(Math.max(madeAtMs, nowMs));
      this.#judgeFrame('17', this.#lane.nowMs, await claimFlash(this.#lane.db, id, attempt), FLASH_MS);
    }
  }

  async #offer(attempt: number): Promise<{ id: number; closesAtMs: number }> {
    const [row] = await this.#lane.db.execute<{ id: number; closesAtMs: number }>(sql`
      select id::int as id, (extract(epoch from expires_at) * 1000)::float8 as "closesAtMs"
      from device_messages where upgrade_id = ${this.#upgradeId} and attempt = ${attempt}`);
    return row!;
  }

  // ---------------------------------------------------------------- what the clock on the wall says to that

  #judgeOffer(nowMs: number, { leftMs }: Extract<OpenOfferResult, { kind: 'offered' }>): void {
    const { window, deadlineMs } = this.#night;
    if (!isPermitted(window, nowMs)) return this.#violated('an offer was made outside the window', nowMs);
    const closesAtMs = this.#closing(nowMs);
    if (nowMs + leftMs > Math.min(closesAtMs, deadlineMs) + ROUNDING_MS)
      this.#violated(`an offer lives longer than its night, by ${nowMs + leftMs - closesAtMs} ms`, nowMs);
    if (nowMs + this.#neededMs() + FLASH_MS > closesAtMs + ROUNDING_MS)
      this.#violated('what was offered cannot end in time', nowMs);
  }

  /** Nobody is made to wait without a reason: now, and until the wait is over, it must not fit. */
  #judgeWait(nowMs: number, waitMs: number): void {
    const { window, deadlineMs } = this.#night;
    // Where all day is permitted the product still takes one day after the other.
    if (window.from === window.to) return;
    // The product counts on four fifths of what was measured.
    const plannedMs = this.#neededMs(0.8) + FLASH_MS;
    for (const atMs of [nowMs, nowMs + Math.floor(this.#night.draw.share() * Math.max(0, waitMs - 2))]) {
      if (atMs >= deadlineMs || !isPermitted(window, atMs)) continue;
      if (atMs + plannedMs + 1_000 < this.#closing(atMs)) this.#violated('a device waits that could begin', atMs);
    }
  }

  #judgeFrame(frame: string, nowMs: number, mayLeave: boolean, neededMs: number): void {
    if (!mayLeave) {
      this.#report.refusals += 1;
      return;
    }
    this.#report.frames[frame] = (this.#report.frames[frame] ?? 0) + 1;
    const { window, deadlineMs } = this.#night;
    if (!isPermitted(window, nowMs)) return this.#violated(`${frame} leaves outside the window`, nowMs);
    if (nowMs >= deadlineMs) return this.#violated(`${frame} leaves after the deadline of the task`, nowMs);
    const overMs = nowMs + neededMs - this.#closing(nowMs);
    if (overMs > ROUNDING_MS)
      this.#violated(`${frame} starts what ends ${Math.ceil(overMs / 1_000)} s too late`, nowMs);
  }

  /** The end of the permitted hours of this moment; looked for once a night. */
  #closing(atMs: number): number {
    const { fromMs, untilMs } = this.#permitted;
    if (fromMs <= atMs && atMs < untilMs) return untilMs;
    this.#permitted = { fromMs: atMs, untilMs: permittedUntil(this.#night.window, atMs) };
    return this.#permitted.untilMs;
  }

  /** As long as an offer is found its bytes may be served. */
  #judgeServing(nowMs: number): void {
    const { window } = this.#night;
    if (!isPermitted(window, nowMs)) this.#violated('an offer can be served outside the window', nowMs);
  }

  /** How long the bytes take at the device's own speed; a standstill that was measured is not believed. */
  #neededMs(countedOn = 1): number {
    const { protocol, measured, sizeBytes } = this.#night;
    const usual = USUAL[protocol];
    const speed = measured === null ? usual : Math.max(measured * countedOn, usual * BELIEVED_DOWN_TO);
    // Nor is a leap, which only makes the product more careful.
    return (sizeBytes / (countedOn === 1 ? speed : Math.min(speed, usual * 64))) * 1_000;
  }

  #violated(what: string, atMs: number): void {
    const { zone } = this.#night.window;
    const shown = new Date(atMs).toLocaleString('sv-SE', { timeZone: zone });
    this.#report.violations.push(
      `${describeNight(this.#night)}: ${what}, at ${new Date(atMs).toISOString()} (${shown})`,
    );
  }
}

/**
 * Devices whose stories take days: away for half a week, silent for days, falling back when nobody thinks of them any
 * more. What a gateway does for them is done here with the product's own functions, at moments of a simulated clock.
 */
import type { DrawnNight } from '../night/drawn-night.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../night/drawn-night.ts';
import type { Draw } from '../night/draw.ts';
import type { TimedConnection } from '../night/simulated-database.ts';
import { isPermitted, permittedUntil } from '../night/wall-clock.ts';
import { claimFlash } from '../../db/upgrades/flashes.ts';
import { claimSend, findOpenOffer, writeProgress, type OpenOfferRow } from '../../db/upgrades/messages.ts';
import { storeReport, writeContacts } from '../../db/devices/reports.ts';

/** How a slow device behaves, and the ends it may have. */
export const SLOW_KINDS = {
  honest: { ends: ['succeeded'] },
  'away for days': { ends: ['succeeded'] },
  /** Reports its old version while it flashes, then the new one. */
  'reports stale': { ends: ['succeeded'] },
  liar: { ends: ['failed', 'unproven', 'expired'] },
  /** Says nothing for two days after it has everything. */
  'silent for days': { ends: ['unproven'] },
  /** Falls back a day or two after its success. */
  'reverts late': { ends: ['reverted'] },
} as const;
export type SlowKind = keyof typeof SLOW_KINDS;
export const SLOW_KIND_NAMES = Object.keys(SLOW_KINDS) as SlowKind[];

/** Something that will happen to a device. */
export interface Happening {
  atMs: number;
  run: () => Promise<void>;
}

/** What a slow device needs of the simulation. */
export interface SlowWorld {
  lane: TimedConnection;
  /** Something will happen. */
  plan: (happening: Happening) => void;
  /** The workflow of the device is woken. */
  signal: (deviceId: string, edge: 'reported' | 'contacted') => Promise<void>;
}

const OLD = '10';

export class SlowDevice {
  readonly deviceId: string;
  readonly kind: SlowKind;
  readonly night: DrawnNight;
  readonly ran = new Set([OLD]);
  readonly reports: { component: string; version: string; atMs: number }[] = [];
  readonly story: string[] = [];
  readonly violations: string[] = [];
  readonly frames: string[] = [];
  version = OLD;
  readonly #world: SlowWorld;
  readonly #everyMs: number;
  readonly #untilMs: number;
  #silentUntilMs: number;
  #fetching: number | null = null;
  #hasSilence = true;

  constructor(world: SlowWorld, night: DrawnNight, kind: SlowKind, untilMs: number) {
    this.#world = world;
    this.night = night;
    this.kind = kind;
    this.deviceId = `${night.protocol}-night-${night.seed}`;
    this.#everyMs = night.draw.whole(40, 100) * MINUTE_MS;
    this.#untilMs = untilMs;
    this.#silentUntilMs = kind === 'away for days' ? night.startMs + night.draw.whole(36, 60) * HOUR_MS : 0;
    this.#in(night.draw.whole(1, 30) * MINUTE_MS, () => this.#contact(), night.startMs);
  }

  get #draw(): Draw {
    return this.night.draw;
  }

  get #nowMs(): number {
    return this.#world.lane.nowMs;
  }

  #in(ms: number, run: () => Promise<void>, fromMs = this.#nowMs): void {
    const atMs = fromMs + ms;
    if (atMs < this.#untilMs) this.#world.plan({ atMs, run });
  }

  #note(what: string): void {
    this.story.push(`${new Date(this.#nowMs).toISOString()} ${what}`);
  }

  /** It is heard of: says its version, and takes what is there for it. */
  async #contact(): Promise<void> {
    this.#in(this.#everyMs + this.#draw.whole(-MINUTE_MS, MINUTE_MS), () => this.#contact());
    if (this.#nowMs < this.#silentUntilMs) return;
    await this.#report();
    await this.#fetch();
  }

  async #report(): Promise<void> {
    const { lane, signal } = this.#world;
    const { deviceId, version } = this;
    await writeContacts(lane.db, [{ deviceId, address: '10.0.0.1', details: {}, atMs: this.#nowMs }]);
    const versions = [{ component: 'T1', version }];
    this.reports.push({ component: 'T1', version, atMs: this.#nowMs });
    const report = { deviceId, source: this.night.protocol, raw: version, versions, warnings: [], keepRaw: false };
    const { edge } = await storeReport(lane.db, report);
    if (edge) await signal(deviceId, 'reported');
  }

  async #fetch(): Promise<void> {
    const { lane, signal } = this.#world;
    const offer = await findOpenOffer(lane.db, this.deviceId);
    if (offer === null || this.#fetching === offer.id) return;
    const { claimed, edge } = await claimSend(lane.db, offer.id, offer.attempt);
    if (edge) await signal(this.deviceId, 'contacted');
    if (!claimed) return;
    const neededMs = (offer.sizeBytes / (this.night.measured ?? 1)) * 1_000;
    this.#left('the first frame', neededMs + MINUTE_MS);
    this.#fetching = offer.id;
    await this.#progress(offer, 0, false);
    this.#in(Math.ceil(neededMs), () => this.#hasAll(offer));
  }

  /** A frame that starts something has left: the clock on the wall says whether it might. */
  #left(frame: string, neededMs: number): void {
    const { window } = this.night;
    this.frames.push(frame);
    this.#note(`${frame} has come`);
    if (!isPermitted(window, this.#nowMs)) this.violations.push(`${frame} has left outside the window`);
    else if (this.#nowMs + neededMs > permittedUntil(window, this.#nowMs) + 2)
      this.violations.push(`${frame} has left too late to end in the window`);
  }

  async #progress(offer: OpenOfferRow, bytes: number, finished: boolean): Promise<void> {
    const { lane, signal } = this.#world;
    const { contacted } = await writeProgress(lane.db, [
      { offerId: offer.id, deviceId: this.deviceId, bytes, finished },
    ]);
    if (contacted.length > 0) await signal(this.deviceId, 'contacted');
  }

  async #hasAll(offer: OpenOfferRow): Promise<void> {
    const { lane } = this.#world;
    this.#fetching = null;
    const open = await findOpenOffer(lane.db, this.deviceId);
    if (open?.id !== offer.id) return this.#note('the offer is over');
    if (this.night.protocol === 'pcp') {
      if (!(await claimFlash(lane.db, offer.id, offer.attempt))) return this.#note('may not install');
      this.#left('17', MINUTE_MS);
    }
    this.#note('has everything');
    await this.#progress(offer, offer.sizeBytes, true);
    const { kind } = this;
    if (kind === 'reports stale') this.#in(20_000, () => this.#report());
    // Beyond the time in which reports of the old version say nothing.
    if (kind === 'liar') this.#in(4 * MINUTE_MS, () => this.#report());
    else this.#in(MINUTE_MS, () => this.#install(offer.targetVersion));
  }

  async #install(version: string): Promise<void> {
    this.version = version;
    this.ran.add(version);
    this.#note(`installed ${version}`);
    if (this.kind === 'silent for days' && this.#hasSilence) {
      this.#hasSilence = false;
      this.#silentUntilMs = this.#nowMs + 2 * DAY_MS;
      return;
    }
    await this.#report();
    if (this.kind === 'reverts late') this.#in(this.#draw.whole(20, 40) * HOUR_MS, () => this.#revert());
  }

  async #revert(): Promise<void> {
    this.version = OLD;
    this.#note('fell back');
    await this.#report();
  }
}

/**
 * Many simulated piles, and what they are doing in one line.
 */
import { PileSimulator } from './simulator.ts';
import type { PileFaults, PileSimulatorOptions } from './simulator-options.ts';
import { GatewayError } from '../errors.ts';

/** Options of one fleet of piles; times in milliseconds. */
export interface PileFleetOptions extends Omit<PileSimulatorOptions, 'pileCode' | 'faults'> {
  devices: number;
  startPile: string;
  /** Share of the piles that have the faults, 0..1. */
  faultShare: number;
  faults: PileFaults;
}

/** The pile number `index` places after the first one. */
export function pileNumberAt(startPile: string, index: number): string {
  const number = (BigInt(startPile) + BigInt(index)).toString().padStart(startPile.length, '0');
  if (number.length > 14) throw new GatewayError('invalid_field', `no pile number of 14 digits after ${startPile}`);
  return number;
}

/** Makes piles without starting them; faulty ones are spread evenly. Throws `invalid_field`. */
export function createPiles(options: PileFleetOptions): PileSimulator[] {
  const { devices, startPile, faultShare, faults, ...common } = options;
  return Array.from({ length: devices }, (_, index) => {
    const isFaulty = Math.floor((index + 1) * faultShare) > Math.floor(index * faultShare);
    return new PileSimulator({ ...common, pileCode: pileNumberAt(startPile, index), faults: isFaulty ? faults : {} });
  });
}

/** Counts over a fleet of piles. */
export class PileStatus {
  readonly #fleet: readonly PileSimulator[];
  readonly #counts = { logins: 0, offers: 0, cuts: 0, reverted: 0, bytes: 0 };
  readonly #errors = new Map<string, number>();
  #bytesBefore = 0;
  #since = Date.now();

  constructor(fleet: readonly PileSimulator[]) {
    this.#fleet = fleet;
    const counts = this.#counts;
    for (const pile of fleet) {
      pile.on('loggedIn', () => (counts.logins += 1));
      pile.on('offered', () => (counts.offers += 1));
      pile.on('bytes', (bytes) => (counts.bytes += bytes));
      pile.on('cut', () => (counts.cuts += 1));
      pile.on('reverted', () => (counts.reverted += 1));
      pile.on('failed', (state) => this.#count(`93/0${state}`));
      pile.on('refused', () => this.#count('login refused'));
    }
  }

  line(): string {
    const now = Date.now();
    const { logins, offers, cuts, reverted, bytes } = this.#counts;
    const perSecond = ((bytes - this.#bytesBefore) / Math.max(now - this.#since, 1)) * 1000;
    this.#bytesBefore = bytes;
    this.#since = now;
    const versions = new Map<string, number>();
    for (const { programVersion } of this.#fleet) {
      versions.set(programVersion, (versions.get(programVersion) ?? 0) + 1);
    }
    const count = (holds: (pile: PileSimulator) => boolean) => this.#fleet.filter(holds).length;
    const parts = [
      `${count((pile) => pile.isLoggedIn)}/${this.#fleet.length} logged in`,
      `${count((pile) => pile.isCharging)} charging`,
      `${count((pile) => pile.isUpdating)} updating`,
      `${logins} logins`,
      `${offers} commands`,
      `${bytes} bytes (${perSecond.toFixed(0)}/s)`,
      `${this.#fleet.reduce((sum, pile) => sum + pile.upgrades, 0)} upgrades`,
      `versions ${[...versions].map(([version, piles]) => `${version}:${piles}`).join(' ')}`,
    ];
    if (cuts > 0) parts.push(`${cuts} cut`);
    if (reverted > 0) parts.push(`${reverted} reverted`);
    if (this.#errors.size > 0) {
      parts.push(`errors ${[...this.#errors].map(([word, times]) => `${word}:${times}`).join(' ')}`);
    }
    return parts.join(' · ');
  }

  #count(word: string): void {
    this.#errors.set(word, (this.#errors.get(word) ?? 0) + 1);
  }
}

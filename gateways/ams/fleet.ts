/**
 * Many simulated trackers, and what they are doing in one line.
 */
import { AmsSimulator, type AmsFaults, type AmsSimulatorOptions } from './simulator.ts';
import { GatewayError } from '../errors.ts';

/** Options of one fleet of trackers; times in milliseconds. */
export interface TrackerFleetOptions extends Omit<AmsSimulatorOptions, 'imei' | 'faults'> {
  devices: number;
  startImei: string;
  /** Share of the devices that have the faults, 0..1. */
  faultShare: number;
  faults: AmsFaults;
}

/** The IMEI `index` places after the first one. */
export function imeiAt(startImei: string, index: number): string {
  const imei = (BigInt(startImei) + BigInt(index)).toString().padStart(startImei.length, '0');
  if (imei.length > 15) throw new GatewayError('invalid_field', `no IMEI of 15 digits after ${startImei}`);
  return imei;
}

/** Makes trackers without starting them; faulty ones are spread evenly. Throws `invalid_field`. */
export function createTrackers(options: TrackerFleetOptions): AmsSimulator[] {
  const { devices, startImei, faultShare, faults, ...common } = options;
  return Array.from({ length: devices }, (_, index) => {
    const isFaulty = Math.floor((index + 1) * faultShare) > Math.floor(index * faultShare);
    return new AmsSimulator({ ...common, imei: imeiAt(startImei, index), faults: isFaulty ? faults : {} });
  });
}

/** Counts over a fleet of trackers. */
export class TrackerStatus {
  readonly #fleet: readonly AmsSimulator[];
  readonly #counts = { uploads: 0, directives: 0, cuts: 0, reverted: 0, bytes: 0 };
  readonly #errors = new Map<string, number>();
  #bytesBefore = 0;
  #since = Date.now();

  constructor(fleet: readonly AmsSimulator[]) {
    this.#fleet = fleet;
    const counts = this.#counts;
    for (const device of fleet) {
      device.on('reported', (directive) => {
        counts.uploads += 1;
        if (directive !== null) counts.directives += 1;
      });
      device.on('bytes', (bytes) => (counts.bytes += bytes));
      device.on('cut', () => (counts.cuts += 1));
      device.on('reverted', () => (counts.reverted += 1));
      device.on('failed', (word) => this.#count(word));
      device.on('refused', (status) => this.#count(status === 0 ? 'no answer' : String(status)));
    }
  }

  line(): string {
    const now = Date.now();
    const { uploads, directives, cuts, reverted, bytes } = this.#counts;
    const perSecond = ((bytes - this.#bytesBefore) / Math.max(now - this.#since, 1)) * 1000;
    this.#bytesBefore = bytes;
    this.#since = now;
    const versions = new Map<string, number>();
    for (const device of this.#fleet) {
      for (const [component, version] of Object.entries(device.versions)) {
        const key = `${component}=${version}`;
        versions.set(key, (versions.get(key) ?? 0) + 1);
      }
    }
    const parts = [
      `${uploads} uploads`,
      `${directives} directives`,
      `${this.#fleet.filter((device) => device.isFetching).length} fetching`,
      `${bytes} bytes (${perSecond.toFixed(0)}/s)`,
      `${this.#fleet.reduce((sum, device) => sum + device.upgrades, 0)} upgrades`,
      `versions ${[...versions].map(([version, devices]) => `${version}:${devices}`).join(' ')}`,
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

/**
 * Many simulated PCP devices, and what they are doing in one line.
 */
import { PcpSimulator, type PcpFaults, type PcpSimulatorOptions } from './simulator.ts';
import { imeiAt } from '../ams/fleet.ts';

/** Options of one fleet of PCP devices; times in milliseconds. */
export interface PcpFleetOptions extends Omit<PcpSimulatorOptions, 'imei' | 'faults'> {
  devices: number;
  startImei: string;
  /** Share of the devices that have the faults, 0..1. */
  faultShare: number;
  faults: PcpFaults;
}

/** Makes devices without starting them; faulty ones are spread evenly. Throws `invalid_field`. */
export function createPcpDevices(options: PcpFleetOptions): PcpSimulator[] {
  const { devices, startImei, faultShare, faults, ...common } = options;
  return Array.from({ length: devices }, (_, index) => {
    const isFaulty = Math.floor((index + 1) * faultShare) > Math.floor(index * faultShare);
    return new PcpSimulator({ ...common, imei: imeiAt(startImei, index), faults: isFaulty ? faults : {} });
  });
}

/** Counts over a fleet of PCP devices. */
export class PcpFleetStatus {
  readonly #fleet: readonly PcpSimulator[];
  readonly #counts = { registrations: 0, rejected: 0, offers: 0, fragments: 0, stopped: 0, reverted: 0 };
  #fragmentsBefore = 0;
  #since = Date.now();

  constructor(fleet: readonly PcpSimulator[]) {
    this.#fleet = fleet;
    const counts = this.#counts;
    for (const device of fleet) {
      device.on('registered', () => (counts.registrations += 1));
      device.on('rejected', () => (counts.rejected += 1));
      device.on('heard', ({ type }) => {
        if (type === 'newVersion') counts.offers += 1;
      });
      device.on('fragment', () => (counts.fragments += 1));
      device.on('stopped', () => (counts.stopped += 1));
      device.on('reverted', () => (counts.reverted += 1));
    }
  }

  line(): string {
    const now = Date.now();
    const { registrations, rejected, offers, fragments, stopped, reverted } = this.#counts;
    const perSecond = ((fragments - this.#fragmentsBefore) / Math.max(now - this.#since, 1)) * 1000;
    this.#fragmentsBefore = fragments;
    this.#since = now;
    const versions = new Map<string, number>();
    for (const { version } of this.#fleet) versions.set(version, (versions.get(version) ?? 0) + 1);
    const parts = [
      `${registrations} registrations`,
      `${offers} offers`,
      `${this.#fleet.filter((device) => device.isDownloading).length} downloading`,
      `${fragments} fragments (${perSecond.toFixed(0)}/s)`,
      `${this.#fleet.reduce((sum, device) => sum + device.upgrades, 0)} upgrades`,
      `versions ${[...versions].map(([version, devices]) => `${version}:${devices}`).join(' ')}`,
    ];
    if (rejected > 0) parts.push(`${rejected} rejected`);
    if (stopped > 0) parts.push(`${stopped} stopped`);
    if (reverted > 0) parts.push(`${reverted} reverted`);
    return parts.join(' · ');
  }
}

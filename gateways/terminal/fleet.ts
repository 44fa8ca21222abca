/**
 * Many simulated terminals, and what they are doing in one line.
 */
import { terminalVersion } from './codec.ts';
import { TerminalSimulator, type TerminalFaults } from './simulator.ts';
import { GatewayError } from '../errors.ts';

/** Options of one fleet of terminals; times in milliseconds, packets count from 1. */
export interface FleetOptions {
  devices: number;
  host: string;
  port: number;
  startSn: string;
  version: number;
  reportIntervalMs: number;
  packetTimeoutMs: number;
  upgradeDelayMs: number;
  reconnectDelayMs: number;
  /** Share of the devices that have the faults, 0..1. */
  faultShare: number;
  faults: TerminalFaults;
}

/** The SN `index` places after the first one; counts in decimal as long as the SN has no letters. */
export function snAt(startSn: string, index: number): string {
  const hex = /[a-f]/i.test(startSn);
  const number = BigInt(hex ? `0x${startSn}` : startSn) + BigInt(index);
  const sn = number
    .toString(hex ? 16 : 10)
    .toUpperCase()
    .padStart(startSn.length, '0');
  if (sn.length > startSn.length) throw new GatewayError('invalid_field', `no SN of that length after ${startSn}`);
  return sn;
}

/** Makes the devices of a fleet without starting them; faulty ones are spread evenly. Throws `invalid_field`. */
export function createFleet(options: FleetOptions): TerminalSimulator[] {
  const { devices, startSn, version, faultShare, faults, ...common } = options;
  return Array.from({ length: devices }, (_, index) => {
    const isFaulty = Math.floor((index + 1) * faultShare) > Math.floor(index * faultShare);
    return new TerminalSimulator({
      ...common,
      sn: snAt(startSn, index),
      softwareVersion: version,
      faults: isFaulty ? faults : {},
    });
  });
}

/** Counts over a fleet of terminals. */
export class TerminalStatus {
  readonly #fleet: readonly TerminalSimulator[];
  readonly #errors = new Map<number, number>();
  #packets = 0;
  #reports = 0;
  #reverted = 0;
  #packetsBefore = 0;
  #since = Date.now();

  constructor(fleet: readonly TerminalSimulator[]) {
    this.#fleet = fleet;
    for (const device of fleet) {
      device.on('packet', () => (this.#packets += 1));
      device.on('reported', () => (this.#reports += 1));
      device.on('reverted', () => (this.#reverted += 1));
      device.on('refused', (code) => this.#count(code));
      device.on('failed', (code) => this.#count(code));
    }
  }

  line(): string {
    const now = Date.now();
    const perSecond = ((this.#packets - this.#packetsBefore) / Math.max(now - this.#since, 1)) * 1000;
    this.#packetsBefore = this.#packets;
    this.#since = now;
    const versions = new Map<number, number>();
    for (const { softwareVersion } of this.#fleet) {
      versions.set(softwareVersion, (versions.get(softwareVersion) ?? 0) + 1);
    }
    const count = (holds: (device: TerminalSimulator) => boolean) => this.#fleet.filter(holds).length;
    const parts = [
      `${count((device) => device.isConnected)}/${this.#fleet.length} connected`,
      `${count((device) => device.isTransferring)} transferring`,
      `${this.#reports} reports`,
      `${this.#packets} packets (${perSecond.toFixed(0)}/s)`,
      `${this.#fleet.reduce((sum, device) => sum + device.upgrades, 0)} upgrades`,
      `versions ${[...versions].map(([version, devices]) => `${terminalVersion(version)}:${devices}`).join(' ')}`,
    ];
    if (this.#reverted > 0) parts.push(`${this.#reverted} reverted`);
    if (this.#errors.size > 0) {
      parts.push(`errors ${[...this.#errors].map(([code, times]) => `${code}:${times}`).join(' ')}`);
    }
    return parts.join(' · ');
  }

  #count(code: number): void {
    this.#errors.set(code, (this.#errors.get(code) ?? 0) + 1);
  }
}

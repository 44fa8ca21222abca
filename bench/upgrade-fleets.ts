/**
 * The simulated devices of `upgrades.ts`, by protocol: how they are registered, the file they take, and devices that do
 * nothing wrong and need about a second for a file beside our own part.
 */
import {
  demoFirmware,
  demoPcpFirmware,
  demoPileFirmware,
  demoTrackerFirmware,
  pcpVersion,
  pileVersion,
  trackerVersion,
  type DemoFirmware,
  type Operator,
} from './operator.ts';
import type { DevicePorts } from '../device-gateways.ts';
import { createTrackers } from '../gateways/ams/fleet.ts';
import { createPcpDevices } from '../gateways/pcp/fleet.ts';
import { createPiles } from '../gateways/pile/fleet.ts';
import { createFleet } from '../gateways/terminal/fleet.ts';

export const BENCH_PROTOCOLS = ['terminal', 'ams', 'pcp', 'pile'] as const;
export type BenchProtocol = (typeof BENCH_PROTOCOLS)[number];

/** What a simulated device takes for a file beside our own part: flashing and coming back. */
export const DEVICE_MS = 1_000;
const FILE_BYTES = 64 * 1024;
const HOST = '127.0.0.1';
/** The version all of them start with. */
const FROM = 10;
/** Devices of different rounds must not meet. */
const ROUND_STEP = 1_000_000;
/** What is said in between comes so seldom that it is not what is measured here. */
const SELDOM_MS = 1_800_000;
/** Trackers hear of a file only when they ask, so this is part of what they cost. */
const POLL_MS = 5_000;

const COMMON = { host: HOST, faultShare: 0, faults: {} };

/** Some devices of one protocol that start with one version. */
export interface BenchFleet {
  firmware: DemoFirmware;
  register(operator: Operator): Promise<string[]>;
  start(): void;
  stop(): Promise<unknown>;
}

/** Makes devices nobody has used in an earlier round, without starting them. */
export function benchFleet(protocol: BenchProtocol, devices: number, round: number, ports: DevicePorts): BenchFleet {
  return FLEETS[protocol](devices, round, ports);
}

const FLEETS: Record<BenchProtocol, (devices: number, round: number, ports: DevicePorts) => BenchFleet> = {
  terminal: (devices, round, { terminalPort }) => {
    const fleet = createFleet({
      ...COMMON,
      devices,
      port: terminalPort ?? 0,
      startSn: String(6_100_000_000 + round * ROUND_STEP),
      version: FROM,
      reportIntervalMs: SELDOM_MS,
      packetTimeoutMs: 60_000,
      upgradeDelayMs: DEVICE_MS / 2,
      reconnectDelayMs: DEVICE_MS / 2,
    });
    return {
      firmware: demoFirmware(targetOf(round), FROM, FILE_BYTES),
      register: (operator) => operator.registerTerminals(fleet.map(({ sn }) => sn)),
      ...together(fleet),
    };
  },
  ams: (devices, round, { deviceHttpPort }) => {
    const fleet = createTrackers({
      ...COMMON,
      devices,
      url: `http://${HOST}:${deviceHttpPort}`,
      startImei: String(868_120_100_000_000 + round * ROUND_STEP),
      versions: { T1: trackerVersion('T1', FROM) },
      pollIntervalMs: POLL_MS,
      upgradeDelayMs: DEVICE_MS,
      retryDelayMs: DEVICE_MS / 2,
    });
    return {
      firmware: demoTrackerFirmware('T1', targetOf(round), FROM, FILE_BYTES),
      register: (operator) => operator.registerTrackers(fleet.map(({ imei }) => imei)),
      ...together(fleet),
    };
  },
  pcp: (devices, round, { pcpPort }) => {
    const fleet = createPcpDevices({
      ...COMMON,
      devices,
      port: pcpPort ?? 0,
      startImei: String(863_703_000_000_000 + round * ROUND_STEP),
      version: pcpVersion(FROM),
      // Within the three minutes for which a device can be reached.
      contactIntervalMs: 120_000,
      upgradeDelayMs: DEVICE_MS,
    });
    return {
      firmware: demoPcpFirmware(targetOf(round), FROM, FILE_BYTES),
      register: (operator) => operator.registerPcpDevices(fleet.map(({ imei }) => imei)),
      ...together(fleet),
    };
  },
  pile: (devices, round, { pilePort }) => {
    const fleet = createPiles({
      ...COMMON,
      devices,
      port: pilePort ?? 0,
      startPile: String(32_010_200_000_000 + round * ROUND_STEP),
      programVersion: pileVersion(FROM),
      upgradeDelayMs: DEVICE_MS / 2,
      reconnectDelayMs: DEVICE_MS / 2,
    });
    return {
      firmware: demoPileFirmware(targetOf(round), FROM, FILE_BYTES),
      register: (operator) => operator.registerPiles(fleet.map(({ pileCode }) => pileCode)),
      ...together(fleet),
    };
  },
};

/** Every round has a file of its own. */
function targetOf(round: number): number {
  return FROM + 10 + round;
}

function together(fleet: readonly { start(): void; stop(): Promise<unknown> }[]): Pick<BenchFleet, 'start' | 'stop'> {
  return {
    start: () => fleet.forEach((device) => device.start()),
    stop: () => Promise.all(fleet.map((device) => device.stop())),
  };
}

/**
 * The devices of the demo: simulated ones of every protocol that upgrades, and the files that bring each from the
 * oldest version to the newest by way of one between.
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
} from '../bench/operator.ts';
import type { DevicePorts } from '../device-gateways.ts';
import { createTrackers } from '../gateways/ams/fleet.ts';
import { createPcpDevices } from '../gateways/pcp/fleet.ts';
import { createPiles } from '../gateways/pile/fleet.ts';
import { createFleet } from '../gateways/terminal/fleet.ts';

const HOST = '127.0.0.1';
const OLDEST = 10;
const BETWEEN = 11;
const NEWEST = 12;
/** What all of them have: nothing goes wrong in the demo, and nobody waits long. */
const COMMON = { faultShare: 0, faults: {}, upgradeDelayMs: 500 };

/** Devices of one kind. */
export interface DemoFleet {
  /** What people call them. */
  kind: string;
  devices: number;
  /** Where they connect. */
  address: string;
  /** In the order in which they are installed. */
  files: readonly DemoFirmware[];
  register(operator: Operator): Promise<string[]>;
  start(): void;
  stop(): Promise<unknown>;
  /** How many of them run the newest version. */
  arrived(): number;
}

/** Makes all devices of the demo without starting them. */
export function demoFleets(ports: DevicePorts): DemoFleet[] {
  return [terminals(ports), trackers(ports), pcpDevices(ports), piles(ports)];
}

function terminals({ terminalPort }: DevicePorts): DemoFleet {
  const fleet = createFleet({
    ...COMMON,
    devices: 20,
    host: HOST,
    port: terminalPort ?? 0,
    startSn: '6134441301',
    version: OLDEST,
    reportIntervalMs: 5_000,
    packetTimeoutMs: 60_000,
    reconnectDelayMs: 500,
  });
  return {
    kind: 'terminals',
    address: `${HOST}:${terminalPort}`,
    files: [demoFirmware(BETWEEN, OLDEST, 35_912), demoFirmware(NEWEST, BETWEEN, 35_912)],
    register: (operator) => operator.registerTerminals(fleet.map(({ sn }) => sn)),
    ...together(fleet, ({ softwareVersion }) => softwareVersion === NEWEST),
  };
}

function trackers({ deviceHttpPort }: DevicePorts): DemoFleet {
  const components = ['T1', 'T4'] as const;
  const fleet = createTrackers({
    ...COMMON,
    devices: 5,
    url: `http://${HOST}:${deviceHttpPort}`,
    startImei: '868120145233601',
    versions: Object.fromEntries(components.map((each) => [each, trackerVersion(each, OLDEST)])),
    pollIntervalMs: 2_000,
    retryDelayMs: 500,
  });
  return {
    kind: 'trackers',
    address: `http://${HOST}:${deviceHttpPort}`,
    // One for the OTA component, one for the MCU.
    files: components.map((each) => demoTrackerFirmware(each, NEWEST, OLDEST, 262_144)),
    register: (operator) => operator.registerTrackers(fleet.map(({ imei }) => imei)),
    ...together(fleet, ({ versions }) => components.every((each) => versions[each] === trackerVersion(each, NEWEST))),
  };
}

function pcpDevices({ pcpPort }: DevicePorts): DemoFleet {
  const fleet = createPcpDevices({
    ...COMMON,
    devices: 10,
    host: HOST,
    port: pcpPort ?? 0,
    startImei: '868120145244601',
    version: pcpVersion(OLDEST),
    contactIntervalMs: 2_000,
  });
  return {
    kind: 'PCP devices',
    address: `coap://${HOST}:${pcpPort}`,
    files: [demoPcpFirmware(BETWEEN, OLDEST, 16_384), demoPcpFirmware(NEWEST, BETWEEN, 16_384)],
    register: (operator) => operator.registerPcpDevices(fleet.map(({ imei }) => imei)),
    ...together(fleet, ({ version }) => version === pcpVersion(NEWEST)),
  };
}

function piles({ pilePort }: DevicePorts): DemoFleet {
  const fleet = createPiles({
    ...COMMON,
    devices: 5,
    host: HOST,
    port: pilePort ?? 0,
    startPile: '32010200000101',
    programVersion: pileVersion(OLDEST),
    reconnectDelayMs: 500,
  });
  return {
    kind: 'charging piles',
    address: `${HOST}:${pilePort}`,
    files: [demoPileFirmware(BETWEEN, OLDEST, 131_072), demoPileFirmware(NEWEST, BETWEEN, 131_072)],
    register: (operator) => operator.registerPiles(fleet.map(({ pileCode }) => pileCode)),
    ...together(fleet, ({ programVersion }) => programVersion === pileVersion(NEWEST)),
  };
}

function together<Device extends { start(): void; stop(): Promise<unknown> }>(
  fleet: readonly Device[],
  hasArrived: (device: Device) => boolean,
): Pick<DemoFleet, 'devices' | 'start' | 'stop' | 'arrived'> {
  return {
    devices: fleet.length,
    start: () => fleet.forEach((device) => device.start()),
    stop: () => Promise.all(fleet.map((device) => device.stop())),
    arrived: () => fleet.filter(hasArrived).length,
  };
}

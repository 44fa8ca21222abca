/**
 * The simulators of the product, made to follow a script, and what each of them really did: what it installed, what it
 * reported and when. The oracle judges by that, not by what the product believes.
 */
import { Radio } from './radio.ts';
import type { Script } from './scripts.ts';
import { pcpVersion, pileVersion, trackerVersion } from '../../bench/operator.ts';
import type { Protocol } from '../../db/schema.ts';
import { AmsSimulator, type AmsFaults } from '../../gateways/ams/simulator.ts';
import { PcpSimulator, type PcpFaults } from '../../gateways/pcp/simulator.ts';
import { PileSimulator } from '../../gateways/pile/simulator.ts';
import type { PileFaults } from '../../gateways/pile/simulator-options.ts';
import { TerminalSimulator, type TerminalFaults } from '../../gateways/terminal/simulator.ts';
import type { Ready } from '../support/program.ts';

/** The version all of them begin with. */
export const FROM = 10;
export const FILE_BYTES: Readonly<Record<Protocol, number>> = {
  terminal: 10_240,
  ams: 40_000,
  pcp: 6_000,
  pile: 40_000,
};
const HOST = '127.0.0.1';

/** A device that follows its script. */
export interface ScriptedDevice {
  script: Script;
  identity: string;
  deviceId: string;
  /** What it runs now. */
  version(): string;
  /** Everything it ever ran. */
  ran: Set<string>;
  reports: { component: string; version: string; atMs: number }[];
  /** What happened to it, for a report of what went wrong. */
  story: string[];
  start(): void;
  stop(): Promise<void>;
}

/** How each protocol names its versions. */
export function versionName(protocol: Protocol, version: number): string {
  if (protocol === 'ams') return trackerVersion('T1', version);
  if (protocol === 'pcp') return pcpVersion(version);
  return protocol === 'pile' ? pileVersion(version) : String(version);
}

/** Devices of different runs must not meet: the run is a part of what they are called. */
function identityOf({ protocol, place }: Script, run: number): string {
  const serial = `${String(run).padStart(3, '0')}${String(place).padStart(5, '0')}`;
  return { terminal: `62${serial}`, ams: `8681302${serial}`, pcp: `8637032${serial}`, pile: `320102${serial}` }[
    protocol
  ];
}

/** Makes a device without starting it. */
export async function makeDevice(script: Script, run: number, ports: Ready): Promise<ScriptedDevice> {
  const { protocol } = script;
  const identity = identityOf(script, run);
  const from = versionName(protocol, FROM);
  const base = { script, identity, deviceId: `${protocol}-${identity}`, ran: new Set([from]), reports: [], story: [] };
  return MAKERS[protocol](base, ports);
}

type Base = Pick<ScriptedDevice, 'script' | 'identity' | 'deviceId' | 'ran' | 'reports' | 'story'>;

const MAKERS: Record<Protocol, (base: Base, ports: Ready) => Promise<ScriptedDevice>> = {
  terminal: makeTerminal,
  ams: makeTracker,
  pcp: makePcpDevice,
  pile: makePile,
};

function notes(base: Base) {
  const note = (what: string) => void base.story.push(`${new Date().toISOString().slice(11, 23)} ${what}`);
  return {
    note,
    installed: (version: string) => {
      base.ran.add(version);
      // From now on it says so; when it is heard of a moment later, it may have fallen back already.
      base.reports.push({ component: 'T1', version, atMs: Date.now() });
      note(`installed ${version}`);
    },
    reported: (version: string) => {
      const last = base.reports.at(-1);
      if (last?.version !== version) note(`reports ${version}`);
      base.reports.push({ component: 'T1', version, atMs: Date.now() });
    },
  };
}

const isOf = ({ kind }: Script, ...kinds: Script['kind'][]) => kinds.includes(kind);

/** A packet, a fragment or a byte of the file, never the first one. */
function placeIn(count: number, where: number): number {
  return 1 + Math.floor(where * (count - 2));
}

async function makeTerminal(base: Base, ports: Ready): Promise<ScriptedDevice> {
  const { script, identity } = base;
  const { note, installed, reported } = notes(base);
  const packet = placeIn(FILE_BYTES.terminal / 1_024, script.where);
  const faults: TerminalFaults = {
    lie: isOf(script, 'liar', 'reports stale'),
    ...(isOf(script, 'clumsy') &&
      (script.where < 0.5 ? { corruptPacket: { packet, times: 2 } } : { dropAtPacket: packet })),
    ...(isOf(script, 'reverter') && { revertAfterMs: script.laterMs + 5_000 }),
    ...(isOf(script, 'refuser') && { refuse: 739 }),
    ...(isOf(script, 'falls silent') && { silentAtPacket: packet + 1 }),
  };
  const radio = await Radio.open(ports.terminalPort ?? 0, script);
  const device = new TerminalSimulator({
    host: HOST,
    port: radio.port,
    sn: identity,
    softwareVersion: FROM,
    reportIntervalMs: 1_000,
    upgradeDelayMs: 100,
    reconnectDelayMs: 100,
    packetTimeoutMs: 10_000,
    faults,
  });
  let offered = FROM;
  device.on('offered', (version) => {
    offered = version;
    note(`offered ${version}`);
  });
  device.on('reported', (version) => reported(String(version)));
  device.on('upgraded', (version) => {
    installed(String(version));
    if (isOf(script, 'half a liar')) faults.lie = true;
  });
  device.on('reverted', (version) => note(`fell back to ${version}`));
  device.on('failed', (code) => note(`gave up: ${code}`));
  device.on('refused', (code) => note(`refused: ${code}`));
  device.on('over', () => {
    note('has everything');
    if (isOf(script, 'vanisher')) void device.stop();
    if (isOf(script, 'reports stale'))
      later(script, () => {
        device.softwareVersion = offered;
        installed(String(offered));
      });
  });
  return finished(base, device, () => String(device.softwareVersion), radio);
}

async function makeTracker(base: Base, ports: Ready): Promise<ScriptedDevice> {
  const { script, identity } = base;
  const { note, installed, reported } = notes(base);
  const byte = placeIn(FILE_BYTES.ams, script.where);
  const faults: AmsFaults = {
    lie: isOf(script, 'liar', 'reports stale'),
    ...(isOf(script, 'clumsy') && (script.where < 0.5 ? { corruptTimes: 1 } : { cutAtByte: byte })),
    ...(isOf(script, 'reverter') && { revertAfterMs: script.laterMs + 6_000 }),
    ...(isOf(script, 'refuser') && { giveUp: 'unsupported' }),
    ...(isOf(script, 'falls silent') && { silentAtByte: byte }),
  };
  const radio = await Radio.open(ports.deviceHttpPort ?? 0, script);
  const device = new AmsSimulator({
    url: `http://${HOST}:${radio.port}`,
    imei: identity,
    versions: { T1: trackerVersion('T1', FROM) },
    pollIntervalMs: 1_000,
    upgradeDelayMs: 150,
    retryDelayMs: 150,
    faults,
  });
  const version = () => device.versions['T1'] ?? '';
  let offered = '';
  device.on('reported', (directive) => {
    reported(version());
    if (directive === null) return;
    offered = directive.version;
    note(`told to fetch ${offered}`);
  });
  device.on('upgraded', (_, now) => installed(now));
  device.on('reverted', (_, now) => note(`fell back to ${now}`));
  device.on('failed', (word) => note(`gave up: ${word}`));
  device.on('cut', (at) => note(`cut at ${at}`));
  device.on('fetched', () => {
    note('has everything');
    if (isOf(script, 'vanisher')) void device.stop();
    if (isOf(script, 'reports stale'))
      later(script, () => {
        device.versions['T1'] = offered;
        installed(offered);
      });
  });
  return finished(base, device, version, radio);
}

async function makePcpDevice(base: Base, ports: Ready): Promise<ScriptedDevice> {
  const { script, identity } = base;
  const { note, installed, reported } = notes(base);
  const fragment = placeIn(Math.ceil(FILE_BYTES.pcp / 500), script.where);
  const faults: PcpFaults = {
    ...script.datagrams,
    lie: isOf(script, 'liar'),
    neverReport: isOf(script, 'vanisher'),
    ...(isOf(script, 'clumsy') && (script.where < 0.5 ? { checkFails: 1 } : { dieAtFragment: fragment })),
    ...(isOf(script, 'reverter') && { revertAfterMs: script.laterMs + 6_000 }),
    ...(isOf(script, 'refuser') && { refuse: script.where < 0.5 ? 5 : 9 }),
    ...(isOf(script, 'falls silent') && { silentAtFragment: fragment }),
  };
  const device = new PcpSimulator({
    host: HOST,
    port: ports.pcpPort ?? 0,
    imei: identity,
    version: pcpVersion(FROM),
    mode: script.pcpMode,
    contactIntervalMs: 1_500,
    repeatMs: 1_000,
    upgradeDelayMs: 150,
    offMs: 300,
    faults,
  });
  device.on('heard', ({ type }) => {
    if (type === 'versionQuery' || type === 'upgradeReportAnswer') reported(device.version);
    if (type !== 'fragmentAnswer') note(`heard ${type}`);
  });
  device.on('upgraded', installed);
  device.on('reverted', (version) => note(`fell back to ${version}`));
  device.on('died', () => note('lost its power'));
  device.on('fetched', () => note('has everything'));
  return finished(base, device, () => device.version, null);
}

async function makePile(base: Base, ports: Ready): Promise<ScriptedDevice> {
  const { script, identity } = base;
  const { note, installed, reported } = notes(base);
  const byte = placeIn(FILE_BYTES.pile, script.where);
  const isBad = isOf(script, 'bad radio');
  const faults: PileFaults = {
    lie: isOf(script, 'liar', 'reports stale'),
    vanish: isOf(script, 'vanisher'),
    downloadTimesOut: isOf(script, 'falls silent'),
    garbage: isBad && script.where < 0.3,
    double: isBad && script.where > 0.6,
    ...((isBad || isOf(script, 'clumsy')) && (script.where < 0.5 ? { cutAtByte: byte } : { dropAtByte: byte })),
    ...(isOf(script, 'reverter') && { revertAfterMs: script.laterMs + 6_000 }),
    ...(isOf(script, 'refuser') && { refuse: script.where < 0.5 ? 1 : 2 }),
  };
  const radio = await Radio.open(ports.pilePort ?? 0, script);
  const device = new PileSimulator({
    host: HOST,
    port: radio.port,
    pileCode: identity,
    programVersion: pileVersion(FROM),
    heartbeatMs: 1_000,
    // A pile says once what it runs, when it is back: not before an old version counts.
    upgradeDelayMs: isOf(script, 'liar') ? 3_000 : 150,
    reconnectDelayMs: 150,
    // Half an hour for a download, in seconds.
    minuteMs: isOf(script, 'falls silent') ? 100 : 2_000,
    faults,
  });
  let offered = '';
  device.on('offered', ({ filePath }) => {
    offered = filePath
      .replace(/^.*\//, '')
      .replace(/\.bin$/i, '')
      .slice(0, 8);
    note(`told to fetch ${offered}`);
  });
  device.on('loggedIn', reported);
  device.on('upgraded', installed);
  device.on('reverted', (version) => note(`fell back to ${version}`));
  device.on('failed', (state) => note(`gave up: ${state}`));
  device.on('cut', (at) => note(`cut at ${at}`));
  device.on('fetched', () => {
    note('has everything');
    if (isOf(script, 'reports stale'))
      later(script, () => {
        device.programVersion = offered;
        installed(offered);
        void device.reconnect();
      });
  });
  return finished(base, device, () => device.programVersion, radio);
}

/** After it has reported for a while what is not so any more. */
function later({ laterMs }: Script, work: () => void): void {
  setTimeout(work, 600 + laterMs).unref();
}

function finished(
  base: Base,
  device: { start(): unknown; stop(): Promise<void> },
  version: () => string,
  radio: Radio | null,
): ScriptedDevice {
  return {
    ...base,
    version,
    start: () => {
      base.story.push(`${new Date().toISOString().slice(11, 23)} switched on`);
      device.start();
    },
    stop: async () => {
      await device.stop();
      await radio?.close();
    },
  };
}

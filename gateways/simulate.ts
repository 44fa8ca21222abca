/**
 * A fleet of simulated devices: `npm run simulate -- --protocol terminal --devices 50`.
 *
 * Starts them, prints a line about them every few seconds, ends them on Ctrl-C. What a device does is in the simulator
 * of its protocol; this file turns options into devices and counts what they do.
 */
import { pathToFileURL } from 'node:url';
import { Command, InvalidArgumentError, Option } from 'commander';
import { GatewayError } from './errors.ts';
import { terminalVersion } from './terminal/codec.ts';
import { TerminalSimulator, type TerminalFaults } from './terminal/simulator.ts';

const PROTOCOLS = ['terminal'] as const;
/** The port on which the program listens for terminals unless configured otherwise. */
const TERMINAL_PORT = 7700;
const DEVICES_MAX = 100_000;

/** Options of one fleet; times in milliseconds, packets count from 1. */
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

/** Counts over a fleet. */
class FleetStatus {
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

/** The options as they are written; what is flat there becomes `faults`. */
interface CommandLine extends Omit<FleetOptions, 'faults'>, Omit<TerminalFaults, 'corruptPacket' | 'sleep'> {
  connectsPerSecond: number;
  statusEveryMs: number;
  durationMs?: number;
  corruptPacket?: number;
  corruptTimes: number;
  awakeMs?: number;
  asleepMs?: number;
}

function faultsOf(line: CommandLine): TerminalFaults {
  const { dropAtPacket, corruptPacket, corruptTimes, lie, revertAfterMs, silentAtPacket, refuse, patchError } = line;
  const { awakeMs, asleepMs } = line;
  return {
    ...(dropAtPacket !== undefined && { dropAtPacket }),
    ...(corruptPacket !== undefined && { corruptPacket: { packet: corruptPacket, times: corruptTimes } }),
    ...(lie !== undefined && { lie }),
    ...(revertAfterMs !== undefined && { revertAfterMs }),
    ...(silentAtPacket !== undefined && { silentAtPacket }),
    ...(refuse !== undefined && { refuse }),
    ...(patchError !== undefined && { patchError }),
    ...(awakeMs !== undefined && asleepMs !== undefined && { sleep: { awakeMs, asleepMs } }),
  };
}

function program(): Command {
  const packet = integer(1, 65_535);
  const code = integer(0, 65_535);
  const timeMs = integer(1, 2_147_483_647);
  return new Command('simulate')
    .description('Runs simulated devices against a server until Ctrl-C.')
    .addOption(new Option('--protocol <name>', 'what the devices speak').choices(PROTOCOLS).default('terminal'))
    .option('--devices <number>', 'how many', integer(1, DEVICES_MAX), 10)
    .option('--host <host>', 'server', '127.0.0.1')
    .option('--port <port>', 'port of the server', integer(1, 65_535), TERMINAL_PORT)
    .option(
      '--start-sn <hex>',
      'SN of the first device, 5, 6 or 8 bytes; the others count up',
      serialNumber,
      '6134441313',
    )
    .option('--version <number>', 'software version value they start with', integer(0, 255), 10)
    .option('--report-interval-ms <ms>', 'time between reports', timeMs, 30_000)
    .option('--packet-timeout-ms <ms>', 'how long to wait for a packet', timeMs, 60_000)
    .option('--upgrade-delay-ms <ms>', 'time to flash and restart', integer(0, 2_147_483_647), 500)
    .option('--reconnect-delay-ms <ms>', 'first wait before connecting again', timeMs, 1000)
    .option('--connects-per-second <number>', 'how fast the fleet comes up', integer(1, 100_000), 500)
    .option('--status-every-ms <ms>', 'time between status lines', timeMs, 5000)
    .option('--duration-ms <ms>', 'stop after this time', timeMs)
    .option('--fault-share <share>', 'share of the devices with the faults below, 0..1', share, 1)
    .option('--drop-at-packet <n>', 'cut the connection once after packet n, then go on', packet)
    .option('--corrupt-packet <n>', 'take packet n as corrupt', packet)
    .option('--corrupt-times <k>', 'that many times', packet, 1)
    .option('--lie', 'say that all packets arrived and keep the old version')
    .option('--revert-after-ms <ms>', 'fall back to the old version after a successful upgrade', timeMs)
    .option('--silent-at-packet <n>', 'stop asking at packet n, for ever', packet)
    .option('--refuse <code>', 'refuse every upgrade command with this code', code)
    .option('--patch-error <code>', 'give up after the first packet with this code', code)
    .option('--awake-ms <ms>', 'with --asleep-ms: be connected only so long', timeMs)
    .option('--asleep-ms <ms>', 'with --awake-ms: then be away so long', timeMs);
}

async function main(argv: readonly string[]): Promise<void> {
  const command = program().parse(argv, { from: 'user' });
  const line = command.opts<CommandLine>();
  if ((line.awakeMs === undefined) !== (line.asleepMs === undefined)) {
    command.error('error: --awake-ms and --asleep-ms belong together');
  }
  let fleet: TerminalSimulator[];
  try {
    fleet = createFleet({ ...line, faults: faultsOf(line) });
  } catch (error) {
    if (error instanceof GatewayError) command.error(`error: ${error.message}`);
    throw error;
  }
  const status = new FleetStatus(fleet);
  const say = () => process.stdout.write(`${new Date().toISOString()} ${status.line()}\n`);
  const sn = [...new Set([fleet[0]?.sn, fleet.at(-1)?.sn])].join('..');
  process.stdout.write(`${line.devices} terminals (SN ${sn}) to ${line.host}:${line.port}, Ctrl-C ends them\n`);

  let started = 0;
  const perTick = line.connectsPerSecond / 50;
  const startTimer = setInterval(() => {
    const until = Math.min(fleet.length, Math.ceil(started + perTick));
    for (; started < until; started += 1) fleet[started]?.start();
    if (started === fleet.length) clearInterval(startTimer);
  }, 20);
  const statusTimer = setInterval(say, line.statusEveryMs);

  await new Promise<void>((resolve) => {
    process.once('SIGINT', resolve);
    process.once('SIGTERM', resolve);
    if (line.durationMs !== undefined) setTimeout(resolve, line.durationMs);
  });
  clearInterval(startTimer);
  clearInterval(statusTimer);
  say();
  await Promise.all(fleet.map((device) => device.stop()));
}

function integer(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^[0-9]+$/.test(text) || value < min || value > max) {
      throw new InvalidArgumentError(`It must be a whole number ${min}..${max}.`);
    }
    return value;
  };
}

function share(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !(value >= 0 && value <= 1)) throw new InvalidArgumentError('It must be a number 0..1.');
  return value;
}

function serialNumber(text: string): string {
  if (!/^(?:[0-9A-Fa-f]{10}|[0-9A-Fa-f]{12}|[0-9A-Fa-f]{16})$/.test(text)) {
    throw new InvalidArgumentError('It must have 10, 12 or 16 hex digits.');
  }
  return text.toUpperCase();
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  await main(process.argv.slice(2));
  process.exit(0);
}

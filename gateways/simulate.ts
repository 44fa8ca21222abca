/**
 * A fleet of simulated devices: `npm run simulate -- --protocol terminal --devices 50`, or `--protocol ams`.
 *
 * Starts them, prints a line about them every few seconds, ends them on Ctrl-C. What a device does is in the simulator
 * of its protocol; this file turns options into devices. `simulate -- pcp`, `pile`, `equipment` and `tracksolid` have
 * options of their own, in their folders.
 */
import { pathToFileURL } from 'node:url';
import { Command, InvalidArgumentError, Option } from 'commander';
import { createTrackers, TrackerStatus } from './ams/fleet.ts';
import type { AmsFaults } from './ams/simulator.ts';
import { GatewayError } from './errors.ts';
import { simulateEquipment } from './mom/fleet.ts';
import { simulatePcpDevices } from './pcp/simulate.ts';
import { simulatePiles } from './pile/simulate.ts';
import { imei, integer, share, TIMER_MS_MAX } from './simulated-options.ts';
import { createFleet, TerminalStatus, type FleetOptions } from './terminal/fleet.ts';
import type { TerminalFaults } from './terminal/simulator.ts';
import { simulateTracksolid } from './tracksolid/simulate.ts';

/** The ports on which the program listens unless configured otherwise. */
const PORTS = { terminal: 7700, ams: 7780 };
type SimulatedProtocol = keyof typeof PORTS;
const DEVICES_MAX = 100_000;
/** What a terminal answers a command with that it does not carry out. */
const COMMAND_ERRORS = ['02', '03', '04', '05', '06'];

/** The options as they are written; what is flat there becomes `faults`. */
interface CommandLine
  extends
    Omit<FleetOptions, 'faults' | 'port'>,
    Omit<TerminalFaults, 'corruptPacket' | 'sleep'>,
    Omit<AmsFaults, 'corruptTimes'> {
  protocol: SimulatedProtocol;
  port?: number;
  startImei: string;
  versions: Record<string, string>;
  pollIntervalMs: number;
  sayProgress?: boolean;
  connectsPerSecond: number;
  statusEveryMs: number;
  durationMs?: number;
  corruptPacket?: number;
  corruptTimes: number;
  corruptFiles?: number;
  awakeMs?: number;
  asleepMs?: number;
}

function faultsOf(line: CommandLine): TerminalFaults {
  const { dropAtPacket, corruptPacket, corruptTimes, lie, revertAfterMs, silentAtPacket, refuse, patchError } = line;
  const { commandSilent, commandError, wrongEcho, awakeMs, asleepMs } = line;
  return {
    ...(dropAtPacket !== undefined && { dropAtPacket }),
    ...(corruptPacket !== undefined && { corruptPacket: { packet: corruptPacket, times: corruptTimes } }),
    ...(lie !== undefined && { lie }),
    ...(revertAfterMs !== undefined && { revertAfterMs }),
    ...(silentAtPacket !== undefined && { silentAtPacket }),
    ...(refuse !== undefined && { refuse }),
    ...(patchError !== undefined && { patchError }),
    ...(commandSilent !== undefined && { commandSilent }),
    ...(commandError !== undefined && { commandError }),
    ...(wrongEcho !== undefined && { wrongEcho }),
    ...(awakeMs !== undefined && asleepMs !== undefined && { sleep: { awakeMs, asleepMs } }),
  };
}

function trackerFaultsOf(line: CommandLine): AmsFaults {
  const { cutAtByte, corruptFiles, lie, revertAfterMs, silentAtByte, giveUp, bytesPerSecond } = line;
  return {
    ...(cutAtByte !== undefined && { cutAtByte }),
    ...(corruptFiles !== undefined && { corruptTimes: corruptFiles }),
    ...(lie !== undefined && { lie }),
    ...(revertAfterMs !== undefined && { revertAfterMs }),
    ...(silentAtByte !== undefined && { silentAtByte }),
    ...(giveUp !== undefined && { giveUp }),
    ...(bytesPerSecond !== undefined && { bytesPerSecond }),
  };
}

/** A fleet that can be started, stopped and looked at, whatever its devices speak. */
interface SimulatedFleet {
  devices: readonly { start(): unknown; stop(): Promise<void> }[];
  /** What they are, for the first line. */
  name: string;
  line(): string;
}

function fleetOf(line: CommandLine): SimulatedFleet {
  const { protocol, host, devices: count, port: portNumber = PORTS[protocol] } = line;
  const between = (first: string | undefined, last: string | undefined) => [...new Set([first, last])].join('..');
  if (protocol === 'ams') {
    const { startImei, versions, pollIntervalMs, upgradeDelayMs, faultShare } = line;
    const devices = createTrackers({
      url: `http://${host.includes(':') ? `[${host}]` : host}:${portNumber}`,
      devices: count,
      startImei,
      versions,
      pollIntervalMs,
      upgradeDelayMs,
      retryDelayMs: line.reconnectDelayMs,
      saysProgress: line.sayProgress === true,
      faultShare,
      faults: trackerFaultsOf(line),
    });
    const status = new TrackerStatus(devices);
    const name = `${count} trackers (IMEI ${between(devices[0]?.imei, devices.at(-1)?.imei)}) to ${host}:${portNumber}`;
    return { devices, name, line: () => status.line() };
  }
  const devices = createFleet({ ...line, port: portNumber, faults: faultsOf(line) });
  const status = new TerminalStatus(devices);
  const name = `${count} terminals (SN ${between(devices[0]?.sn, devices.at(-1)?.sn)}) to ${host}:${portNumber}`;
  return { devices, name, line: () => status.line() };
}

function program(): Command {
  const packet = integer(1, 65_535);
  const code = integer(0, 65_535);
  const timeMs = integer(1, TIMER_MS_MAX);
  const bytes = integer(1, 2_147_483_647);
  return new Command('simulate')
    .description('Runs simulated devices against a server until Ctrl-C.')
    .addOption(
      new Option('--protocol <name>', 'what the devices speak').choices(Object.keys(PORTS)).default('terminal'),
    )
    .option('--devices <number>', 'how many', integer(1, DEVICES_MAX), 10)
    .option('--host <host>', 'server', '127.0.0.1')
    .option('--port <port>', 'port of the server (default: 7700 for terminals, 7780 for trackers)', integer(1, 65_535))
    .option(
      '--start-sn <hex>',
      'SN of the first device, 5, 6 or 8 bytes; the others count up',
      serialNumber,
      '6134441313',
    )
    .option('--version <number>', 'software version value they start with', integer(0, 255), 10)
    .option('--report-interval-ms <ms>', 'time between reports', timeMs, 30_000)
    .option('--packet-timeout-ms <ms>', 'how long to wait for a packet', timeMs, 60_000)
    .option('--upgrade-delay-ms <ms>', 'time to flash and restart', integer(0, TIMER_MS_MAX), 500)
    .option('--reconnect-delay-ms <ms>', 'first wait before connecting again', timeMs, 1000)
    .option('--connects-per-second <number>', 'how fast the fleet comes up', integer(1, 100_000), 500)
    .option('--status-every-ms <ms>', 'time between status lines', timeMs, 5000)
    .option('--duration-ms <ms>', 'stop after this time', timeMs)
    .option('--fault-share <share>', 'share of the devices with the faults below, 0..1', share, 1)
    .option('--drop-at-packet <n>', 'cut the connection once after packet n, then go on', packet)
    .option('--corrupt-packet <n>', 'take packet n as corrupt', packet)
    .option('--corrupt-times <k>', 'that many times', packet, 1)
    .option('--lie', 'take everything and keep the old version')
    .option('--revert-after-ms <ms>', 'fall back to the old version after a successful upgrade', timeMs)
    .option('--silent-at-packet <n>', 'stop asking at packet n, for ever', packet)
    .option('--refuse <code>', 'refuse every upgrade command with this code', code)
    .option('--patch-error <code>', 'give up after the first packet with this code', code)
    .option('--command-silent', 'terminals: take commands of people and answer none')
    .addOption(
      new Option('--command-error <code>', 'terminals: answer every command with this error, and do nothing').choices(
        COMMAND_ERRORS,
      ),
    )
    .option('--wrong-echo', 'terminals: answer SLPT with another value, and store the right one')
    .option('--start-imei <imei>', 'trackers: IMEI of the first device; the others count up', imei, '860000000000001')
    .option(
      '--versions <list>',
      'trackers: what they start with, for example T1=GT06_T1_V10,T4=GT06_T4_V10',
      versionList,
      { T1: 'GT06_T1_V10', T4: 'GT06_T4_V10' },
    )
    .option('--poll-interval-ms <ms>', 'trackers: time between version uploads', timeMs, 30_000)
    .option('--say-progress', 'trackers: tell how far they are')
    .option('--cut-at-byte <n>', 'trackers: cut the download once at byte n, then go on', bytes)
    .option('--corrupt-files <k>', 'trackers: take a file as corrupt that many times', packet)
    .option('--silent-at-byte <n>', 'trackers: stop fetching at byte n, for ever', bytes)
    .option('--give-up <word>', 'trackers: give up every file with this word, for example busy')
    .option('--bytes-per-second <n>', 'trackers: read no faster than this', bytes)
    .option('--awake-ms <ms>', 'with --asleep-ms: be connected only so long', timeMs)
    .option('--asleep-ms <ms>', 'with --awake-ms: then be away so long', timeMs);
}

async function main(argv: readonly string[]): Promise<void> {
  const command = program().parse(argv, { from: 'user' });
  const line = command.opts<CommandLine>();
  if ((line.awakeMs === undefined) !== (line.asleepMs === undefined)) {
    command.error('error: --awake-ms and --asleep-ms belong together');
  }
  let fleet: SimulatedFleet;
  try {
    fleet = fleetOf(line);
  } catch (error) {
    if (error instanceof GatewayError) command.error(`error: ${error.message}`);
    throw error;
  }
  const { devices } = fleet;
  const say = () => process.stdout.write(`${new Date().toISOString()} ${fleet.line()}\n`);
  process.stdout.write(`${fleet.name}, Ctrl-C ends them\n`);

  let started = 0;
  const perTick = line.connectsPerSecond / 50;
  const startTimer = setInterval(() => {
    const until = Math.min(devices.length, Math.ceil(started + perTick));
    for (; started < until; started += 1) devices[started]?.start();
    if (started === devices.length) clearInterval(startTimer);
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
  await Promise.all(devices.map((device) => device.stop()));
}

function serialNumber(text: string): string {
  if (!/^(?:[0-9A-Fa-f]{10}|[0-9A-Fa-f]{12}|[0-9A-Fa-f]{16})$/.test(text)) {
    throw new InvalidArgumentError('It must have 10, 12 or 16 hex digits.');
  }
  return text.toUpperCase();
}

function versionList(text: string): Record<string, string> {
  const pairs = text.split(',').map((pair) => pair.trim().split('=', 2));
  if (pairs.some(([component = '', version = '']) => !/^T[1-5]$/.test(component) || version.trim() === '')) {
    throw new InvalidArgumentError('Write T1=VERSION, several with commas.');
  }
  return Object.fromEntries(pairs.map(([component = '', version = '']) => [component, version.trim()]));
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const argv = process.argv.slice(2);
  if (argv[0] === 'equipment') await simulateEquipment(argv.slice(1));
  else if (argv[0] === 'pcp') await simulatePcpDevices(argv.slice(1));
  else if (argv[0] === 'pile') await simulatePiles(argv.slice(1));
  else await (argv[0] === 'tracksolid' ? simulateTracksolid(argv.slice(1)) : main(argv));
  process.exit(0);
}

/**
 * A fleet of simulated PCP devices: `npm run simulate -- pcp --devices 10`.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { Command, Option } from 'commander';
import { createPcpDevices, PcpFleetStatus } from './fleet.ts';
import { PCP_MODES, type PcpFaults, type PcpMode, type PcpSimulator } from './simulator.ts';
import { GatewayError } from '../errors.ts';
import { imei, integer, share } from '../simulated-options.ts';

interface CommandLine extends Omit<PcpFaults, 'sleep'> {
  devices: number;
  host: string;
  port: number;
  startImei: string;
  version: string;
  mode: PcpMode;
  contactIntervalMs: number;
  repeatMs: number;
  upgradeDelayMs: number;
  offMs: number;
  connectsPerSecond: number;
  statusEveryMs: number;
  durationMs?: number;
  faultShare: number;
  awakeMs?: number;
  asleepMs?: number;
}

/** Names of the faults, as they are among the options. */
const FAULTS = [
  'lose',
  'double',
  'reorder',
  'dieAtFragment',
  'silentAtFragment',
  'refuse',
  'refuseTimes',
  'checkFails',
  'downloadResult',
  'refuseExecute',
  'deafToExecute',
  'installResult',
  'lie',
  'revertAfterMs',
  'neverReport',
] as const satisfies readonly (keyof PcpFaults)[];

/** Runs devices until Ctrl-C, or as long as it is told to. */
export async function simulatePcpDevices(argv: readonly string[]): Promise<void> {
  const command = program().parse(argv, { from: 'user' });
  const line = command.opts<CommandLine>();
  if ((line.awakeMs === undefined) !== (line.asleepMs === undefined)) {
    command.error('error: --awake-ms and --asleep-ms belong together');
  }
  let fleet: PcpSimulator[];
  try {
    fleet = createPcpDevices({ ...line, faults: faultsOf(line) });
  } catch (error) {
    if (error instanceof GatewayError) command.error(`error: ${error.message}`);
    throw error;
  }
  const status = new PcpFleetStatus(fleet);
  const say = () => process.stdout.write(`${new Date().toISOString()} ${status.line()}\n`);
  const imeis = [...new Set([fleet[0]?.imei, fleet.at(-1)?.imei])].join('..');
  process.stdout.write(`${fleet.length} PCP devices (IMEI ${imeis}) to ${line.host}:${line.port}, Ctrl-C ends them\n`);
  const stop = new AbortController();
  process.once('SIGINT', () => stop.abort());
  process.once('SIGTERM', () => stop.abort());
  const ended = delay(line.durationMs ?? 2_147_483_647, undefined, { signal: stop.signal }).catch(() => undefined);
  const statusTimer = setInterval(say, line.statusEveryMs);
  for (const [index, device] of fleet.entries()) {
    if (stop.signal.aborted) break;
    device.start();
    if (index % Math.ceil(line.connectsPerSecond / 50) === 0) await delay(20);
  }
  await ended;
  clearInterval(statusTimer);
  say();
  await Promise.all(fleet.map((device) => device.stop()));
}

function faultsOf(line: CommandLine): PcpFaults {
  const { awakeMs, asleepMs } = line;
  const given = FAULTS.filter((name) => line[name] !== undefined).map((name) => [name, line[name]]);
  return {
    ...(Object.fromEntries(given) as PcpFaults),
    ...(awakeMs !== undefined && asleepMs !== undefined && { sleep: { awakeMs, asleepMs } }),
  };
}

function program(): Command {
  const timeMs = integer(1, 2_147_483_647);
  const index = integer(0, 65_534);
  const result = integer(1, 255);
  return new Command('simulate pcp')
    .description('Runs simulated PCP devices against a server until Ctrl-C.')
    .option('--devices <number>', 'how many', integer(1, 100_000), 10)
    .option('--host <host>', 'server', '127.0.0.1')
    .option('--port <port>', 'UDP port of the server', integer(1, 65_535), 5683)
    .option('--start-imei <imei>', 'IMEI of the first device; the others count up', imei, '863703030000001')
    .option('--version <text>', 'version they start with, at most 16 characters', 'NB1_V10')
    .addOption(new Option('--mode <mode>', 'whose ways they have').choices(PCP_MODES).default('plain'))
    .option('--contact-interval-ms <ms>', 'time between messages of their own business', timeMs, 20_000)
    .option('--repeat-ms <ms>', 'say everything again after this time without an answer', timeMs, 2_000)
    .option('--upgrade-delay-ms <ms>', 'time to install and restart', integer(0, 2_147_483_647), 500)
    .option('--off-ms <ms>', 'how long they are off when they lose their power', timeMs, 500)
    .option('--connects-per-second <number>', 'how fast the fleet comes up', integer(1, 100_000), 500)
    .option('--status-every-ms <ms>', 'time between status lines', timeMs, 5_000)
    .option('--duration-ms <ms>', 'stop after this time', timeMs)
    .option('--fault-share <share>', 'share of the devices with the faults below, 0..1', share, 1)
    .option('--lose <share>', 'share of the datagrams that get lost, in both directions', share)
    .option('--double <share>', 'share of the datagrams that come twice', share)
    .option('--reorder <share>', 'share of the datagrams that come after the next ones', share)
    .option('--die-at-fragment <n>', 'lose the power once before asking for fragment n, then go on there', index)
    .option('--silent-at-fragment <n>', 'stop asking at fragment n, for ever', index)
    .option('--refuse <result>', 'answer every offer (14) with this result', result)
    .option('--refuse-times <k>', 'only so many times', integer(1, 1_000))
    .option('--check-fails <k>', 'say that many times that the file failed its check', integer(1, 1_000))
    .option('--download-result <result>', 'end every download (16) with this result', result)
    .option('--refuse-execute <result>', 'answer the word to install (17) with this result', result)
    .option('--deaf-to-execute', 'neither answer nor obey the word to install')
    .option('--install-result <result>', 'say this result (18) and keep the old version', result)
    .option('--lie', 'say that it succeeded and keep the old version')
    .option('--revert-after-ms <ms>', 'fall back to the old version after an upgrade', timeMs)
    .option('--never-report', 'never be heard of again after the word to install')
    .option('--awake-ms <ms>', 'with --asleep-ms: listen only so long', timeMs)
    .option('--asleep-ms <ms>', 'with --awake-ms: then be off so long', timeMs);
}

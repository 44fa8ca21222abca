/**
 * A fleet of simulated charging piles: `npm run simulate -- pile --devices 5`.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { Command, InvalidArgumentError, Option } from 'commander';
import { createPiles, PileStatus } from './fleet.ts';
import type { PileSimulator } from './simulator.ts';
import type { PileFaults } from './simulator-options.ts';
import { GatewayError } from '../errors.ts';
import { integer, share } from '../simulated-options.ts';

interface CommandLine extends PileFaults {
  devices: number;
  host: string;
  port: number;
  startPile: string;
  version: string;
  model: 'DC' | 'AC';
  powerKw: number;
  guns: number;
  heartbeatMs: number;
  chargingMs: number;
  minuteMs: number;
  upgradeDelayMs: number;
  reconnectDelayMs: number;
  connectsPerSecond: number;
  statusEveryMs: number;
  durationMs?: number;
  faultShare: number;
}

/** Runs piles until Ctrl-C, or as long as it is told to. */
export async function simulatePiles(argv: readonly string[]): Promise<void> {
  const command = program().parse(argv, { from: 'user' });
  const line = command.opts<CommandLine>();
  let fleet: PileSimulator[];
  try {
    fleet = createPiles({ ...line, programVersion: line.version, faults: faultsOf(line) });
  } catch (error) {
    if (error instanceof GatewayError) command.error(`error: ${error.message}`);
    throw error;
  }
  const status = new PileStatus(fleet);
  const say = () => process.stdout.write(`${new Date().toISOString()} ${status.line()}\n`);
  const numbers = [...new Set([fleet[0]?.pileCode, fleet.at(-1)?.pileCode])].join('..');
  process.stdout.write(`${fleet.length} piles (${numbers}) to ${line.host}:${line.port}, Ctrl-C ends them\n`);
  const stop = new AbortController();
  process.once('SIGINT', () => stop.abort());
  process.once('SIGTERM', () => stop.abort());
  const ended = delay(line.durationMs ?? 2_147_483_647, undefined, { signal: stop.signal }).catch(() => undefined);
  const statusTimer = setInterval(say, line.statusEveryMs);
  for (const [index, pile] of fleet.entries()) {
    if (stop.signal.aborted) break;
    pile.start();
    if (index % Math.ceil(line.connectsPerSecond / 50) === 0) await delay(20);
  }
  await ended;
  clearInterval(statusTimer);
  say();
  await Promise.all(fleet.map((pile) => pile.stop()));
}

function faultsOf(line: CommandLine): PileFaults {
  const { refuse, downloadTimesOut, mute, lie, revertAfterMs, vanish, cutAtByte, dropAtByte } = line;
  const { bytesPerSecond, garbage, double } = line;
  return {
    ...(refuse !== undefined && { refuse }),
    ...(downloadTimesOut !== undefined && { downloadTimesOut }),
    ...(mute !== undefined && { mute }),
    ...(lie !== undefined && { lie }),
    ...(revertAfterMs !== undefined && { revertAfterMs }),
    ...(vanish !== undefined && { vanish }),
    ...(cutAtByte !== undefined && { cutAtByte }),
    ...(dropAtByte !== undefined && { dropAtByte }),
    ...(bytesPerSecond !== undefined && { bytesPerSecond }),
    ...(garbage !== undefined && { garbage }),
    ...(double !== undefined && { double }),
  };
}

function program(): Command {
  const timeMs = integer(1, 2_147_483_647);
  const bytes = integer(1, 2_147_483_647);
  return new Command('simulate pile')
    .description('Runs simulated charging piles against a server until Ctrl-C.')
    .option('--devices <number>', 'how many', integer(1, 100_000), 5)
    .option('--host <host>', 'server', '127.0.0.1')
    .option('--port <port>', 'port of the server', integer(1, 65_535), 7710)
    .option(
      '--start-pile <number>',
      'number of the first pile, 14 digits; the others count up',
      pileNumber,
      '55031412782305',
    )
    .option('--version <text>', 'program version they start with, at most 8 characters', 'V4.1.50')
    .addOption(new Option('--model <model>', 'kind of pile').choices(['DC', 'AC']).default('DC'))
    .option('--power-kw <number>', 'rated power', integer(1, 65_535), 15)
    .option('--guns <number>', 'guns of each pile', integer(1, 99), 1)
    .option('--heartbeat-ms <ms>', 'time between heartbeats', timeMs, 10_000)
    .option('--charging-ms <ms>', 'somebody charges for so long from the start on', integer(0, 2_147_483_647), 0)
    .option('--minute-ms <ms>', 'how long a minute of the download timeout is', timeMs, 60_000)
    .option('--upgrade-delay-ms <ms>', 'time to install and restart', integer(0, 2_147_483_647), 500)
    .option(
      '--reconnect-delay-ms <ms>',
      'wait before connecting again, and before asking for a file again',
      timeMs,
      1_000,
    )
    .option('--connects-per-second <number>', 'how fast the fleet comes up', integer(1, 100_000), 500)
    .option('--status-every-ms <ms>', 'time between status lines', timeMs, 5_000)
    .option('--duration-ms <ms>', 'stop after this time', timeMs)
    .option('--fault-share <share>', 'share of the piles with the faults below, 0..1', share, 1)
    .option('--refuse <state>', 'answer every update with this state: 1 wrong number, 2 wrong model', integer(1, 255))
    .option('--download-times-out', 'accept updates, fetch nothing, say that the time is over')
    .option('--mute', 'never answer an update')
    .option('--lie', 'take the whole file and keep the old version')
    .option('--revert-after-ms <ms>', 'fall back to the old version after an update', timeMs)
    .option('--vanish', 'never log in again after a download')
    .option('--cut-at-byte <n>', 'cut the FTP connection once at byte n, then go on', bytes)
    .option('--drop-at-byte <n>', 'cut the other connection once at byte n of the download', bytes)
    .option('--bytes-per-second <n>', 'fetch no faster than this', bytes)
    .option('--garbage', 'send rubbish before each frame')
    .option('--double', 'send each frame twice');
}

function pileNumber(text: string): string {
  if (!/^\d{14}$/.test(text)) throw new InvalidArgumentError('It must have 14 digits.');
  return text;
}

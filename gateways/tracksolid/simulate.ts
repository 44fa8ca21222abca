/**
 * The stand-in for Tracksolid as a program: `npm run simulate -- tracksolid --silent-after-work 0.1`. Says which
 * settings lead Slipway to it, prints a line every few seconds, ends on Ctrl-C. Its faults can be changed while it runs
 * (`POST /faults`).
 */
import { Command } from 'commander';
import { passwordMd5 } from './signing.ts';
import { TracksolidStandIn } from './stand-in.ts';
import { integer, share } from '../simulated-options.ts';

interface CommandLine {
  host: string;
  port: number;
  appKey: string;
  appSecret: string;
  user: string;
  password: string;
  accounts: string[];
  silentAfterWork: number;
  silentBeforeWork: number;
  cutAfterWork: number;
  busy: number;
  garbage: number;
  callsPerSecond?: number;
  answerMs: number;
  statusEveryMs: number;
  durationMs?: number;
}

/** Runs the stand-in until Ctrl-C. */
export async function simulateTracksolid(argv: readonly string[]): Promise<void> {
  const line = new Command('simulate tracksolid')
    .description('Runs a stand-in for Tracksolid until Ctrl-C.')
    .option('--host <host>', 'address to listen on', '127.0.0.1')
    .option('--port <port>', 'port to listen on', integer(0, 65_535), 8090)
    .option('--app-key <key>', 'the app it knows', 'demo-key')
    .option('--app-secret <secret>', 'and its secret', 'demo-secret')
    .option('--user <account>', 'the account that logs in', 'ams')
    .option('--password <password>', 'and its password', 'demo')
    .option('--accounts <list>', 'accounts below it, with commas', list, ['hemi', 'guomao', 'cust01'])
    .option('--silent-after-work <share>', 'do the work and never answer', share, 0)
    .option('--silent-before-work <share>', 'do nothing and never answer', share, 0)
    .option('--cut-after-work <share>', 'do the work and cut the connection', share, 0)
    .option('--busy <share>', 'answer -1', share, 0)
    .option('--garbage <share>', 'do the work and answer something else', share, 0)
    .option('--calls-per-second <number>', 'answer 1006 above', integer(0, 1_000_000))
    .option('--answer-ms <ms>', 'time each answer takes', integer(0, 600_000), 0)
    .option('--status-every-ms <ms>', 'time between status lines', integer(1, 2_147_483_647), 5_000)
    .option('--duration-ms <ms>', 'stop after this time', integer(1, 2_147_483_647))
    .parse(argv, { from: 'user' })
    .opts<CommandLine>();
  const { host, port, appKey, appSecret, user, password, accounts, statusEveryMs, durationMs, ...faults } = line;
  const standIn = new TracksolidStandIn({
    appKey,
    appSecret,
    user,
    passwordMd5: passwordMd5(password),
    accounts,
    faults: { ...faults, callsPerSecond: faults.callsPerSecond ?? null },
  });
  const url = await standIn.listen(port, host);
  const settings = {
    TRACKSOLID_URL: url,
    TRACKSOLID_APP_KEY: appKey,
    TRACKSOLID_APP_SECRET: appSecret,
    TRACKSOLID_USER: user,
    TRACKSOLID_PASSWORD: password,
  };
  const words = Object.entries(settings).map(([name, value]) => `${name}=${value}`);
  process.stdout.write(`A stand-in for Tracksolid, Ctrl-C ends it. Start Slipway with\n  ${words.join(' ')}\n`);
  const say = () => process.stdout.write(`${new Date().toISOString()} ${standIn.line()}\n`);
  const timer = setInterval(say, statusEveryMs);
  await new Promise<void>((resolve) => {
    process.once('SIGINT', resolve).once('SIGTERM', resolve);
    if (durationMs !== undefined) setTimeout(resolve, durationMs);
  });
  clearInterval(timer);
  say();
  await standIn.close();
}

function list(text: string): string[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

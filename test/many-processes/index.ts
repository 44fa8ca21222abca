/**
 * `npm run many-processes`: two APIs, two workers and three gateways upgrade two thousand devices while one of each is
 * killed every ten seconds.
 */
import { writeFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { Command, InvalidArgumentError } from 'commander';
import { findPrograms, provideHere } from '../support/run-servers.ts';
import { run, words } from './run.ts';

const command = new Command('many-processes')
  .description('Upgrades devices with many processes, one of each kind killed every few seconds; checks the promises.')
  .option('--devices <number>', 'simulated 2G terminals', whole, 2_000)
  .option('--seconds <number>', 'give up after so long', whole, 3_600)
  .option('--every <seconds>', 'in which one of each kind is killed', whole, 10)
  .option('--seed <number>', 'order and moments of the kills', whole, 1)
  .option('--servers', 'kill PostgreSQL and Temporal in their turn, too', false)
  .option('--temporal <address>', 'use this Temporal server (host:port, namespace default)')
  .option('--entry <file>', 'run this program, for example dist/main.js after `npm run build`')
  .option('--json <file>', 'write the result there');
command.parse();
const options = command.opts<{
  devices: number;
  seconds: number;
  every: number;
  seed: number;
  servers: boolean;
  temporal?: string;
  entry?: string;
  json?: string;
}>();
if (options.servers && options.temporal !== undefined) command.error('--servers kills servers of our own only');

provideHere(await findPrograms());
const tell = (line: string) => process.stdout.write(`${line}\n`);
tell(`seed ${options.seed}, load of the machine ${loadavg()[0]!.toFixed(1)}`);
const stop = new AbortController();
process.once('SIGINT', () => stop.abort()).once('SIGTERM', () => stop.abort());
const result = await run({
  devices: options.devices,
  crew: { api: 2, worker: 2, gateway: 3 },
  roundMs: options.every * 1_000,
  killServers: options.servers,
  perTask: Math.max(1, Math.ceil(options.devices / 20)),
  seed: options.seed,
  limitMs: options.seconds * 1_000,
  ...(options.temporal !== undefined && { temporalAddress: options.temporal }),
  ...(options.entry !== undefined && { entry: options.entry }),
  signal: stop.signal,
  tell,
});
const seconds = result.tookMs / 1_000;
const rows: [string, string][] = [
  ['devices', String(result.devices)],
  ['killed', words(result.kills)],
  ['time', `${seconds.toFixed(0)} s`],
  ['devices per second', (result.devices / seconds).toFixed(1)],
  ['longest time without a device that ended', `${(result.longestGapMs / 1_000).toFixed(1)} s`],
  ['packets that went over twice', String(result.repeatedPackets)],
  ['offers sent again', String(result.repeatedOffers)],
  ['calls of the operator', `${result.calls.answered} answered, ${result.calls.repeated} repeated for that`],
  ['promises', result.broken.length === 0 ? 'kept' : 'BROKEN'],
];
tell('');
for (const [name, value] of rows) tell(`${name.padEnd(42)}${value}`);
for (const line of [...result.broken, ...result.troubles]) tell(`  ${line}`);
if (options.json !== undefined) {
  writeFileSync(options.json, `${JSON.stringify({ seed: options.seed, load: loadavg(), ...result }, null, 2)}\n`);
}
process.exit(result.broken.length + result.troubles.length === 0 ? 0 : 1);

function whole(text: string): number {
  if (!/^\d{1,7}$/.test(text)) throw new InvalidArgumentError('Write a whole number.');
  return Number(text);
}

/**
 * `npm run simulate-fleet`: hundreds of devices of all protocols with bad radios and lying firmware, and thousands of
 * nights. The same seed gives the same verdict; what fails is printed with its seed.
 */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { playDays } from './days.ts';
import { FleetStage } from './fleet.ts';
import { daysTable, fleetTable, nightsTable } from './tables.ts';
import { playNights } from '../night/nights.ts';
import { findPrograms, provideHere, startRunServers } from '../support/run-servers.ts';

const HELP = `npm run simulate-fleet -- [options]

  --seed N      the first seed (1)
  --seeds N     so many seeds, one after the other (1)
  --devices N   devices of a run (300)
  --days N      instead: so many devices for six days, on the time-skipping server
  --nights N    instead: so many nights, a seed each, on a database with a simulated clock
  --json FILE   writes the results there
  --help        this

Exit code 1: a promise was not kept, or a device ended as it must not.
`;

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    seeds: { type: 'string', default: '1' },
    devices: { type: 'string', default: '300' },
    days: { type: 'string' },
    nights: { type: 'string' },
    json: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});

if (values.help) process.stdout.write(HELP);
else {
  const { results, isGood } = await chosen();
  if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(results, null, 2)}\n`);
  process.exitCode = isGood ? 0 : 1;
}

function chosen(): Promise<{ results: unknown; isGood: boolean }> {
  const [seed, seeds] = [whole('seed', values.seed), whole('seeds', values.seeds)];
  if (values.nights !== undefined) return simulateNights(seed, whole('nights', values.nights));
  if (values.days !== undefined) return simulateDays(seed, seeds, whole('days', values.days));
  return simulateFleets(seed, seeds, whole('devices', values.devices));
}

function whole(name: string, text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new Error(`--${name} must be a whole number, not "${text}"`);
  return Number(text);
}

async function simulateFleets(firstSeed: number, seeds: number, devices: number) {
  provideHere(await findPrograms());
  const stage = await FleetStage.start();
  const results = [];
  try {
    for (let seed = firstSeed; seed < firstSeed + seeds; seed += 1) {
      const startedMs = performance.now();
      const verdict = await stage.run(seed, devices, (what) => process.stderr.write(`seed ${seed}: ${what}\n`));
      const seconds = Math.round((performance.now() - startedMs) / 1_000);
      process.stdout.write(`${fleetTable(verdict)}\n(${seconds} s)\n\n`);
      for (const failure of verdict.failures) process.stdout.write(`${failure}\n\n`);
      results.push({ ...verdict, seconds });
    }
  } finally {
    await stage.stop();
  }
  const failed = results.filter(({ failures }) => failures.length > 0).map(({ seed }) => seed);
  if (seeds > 1)
    process.stdout.write(
      `${seeds} seeds, ${seeds * devices} devices: ${failed.length === 0 ? 'all pass' : `seeds ${failed.join(', ')} FAIL`}\n`,
    );
  return { results, isGood: failed.length === 0 };
}

async function simulateDays(firstSeed: number, seeds: number, devices: number) {
  const servers = await startRunServers();
  provideHere(servers.context);
  const results = [];
  try {
    for (let seed = firstSeed; seed < firstSeed + seeds; seed += 1) {
      const verdict = await playDays(seed, devices);
      process.stdout.write(`${daysTable(verdict)}\n\n`);
      for (const failure of verdict.failures) process.stdout.write(`${failure}\n\n`);
      results.push(verdict);
    }
  } finally {
    await servers.stop();
  }
  return { results, isGood: results.every(({ failures }) => failures.length === 0) };
}

async function simulateNights(firstSeed: number, nights: number) {
  const servers = await startRunServers();
  provideHere(servers.context);
  try {
    const startedMs = performance.now();
    const report = await playNights(firstSeed, nights);
    const seconds = Math.round((performance.now() - startedMs) / 1_000);
    process.stdout.write(`${nightsTable(firstSeed, report)}\n(${seconds} s)\n`);
    for (const violation of report.violations) process.stdout.write(`${violation}\n`);
    return { results: { ...report, firstSeed, seconds }, isGood: report.violations.length === 0 };
  } finally {
    await servers.stop();
  }
}

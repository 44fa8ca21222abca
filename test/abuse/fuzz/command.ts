/**
 * `npm run abuse -- fuzz`: tries every parser for a while, says what was reached, and keeps what reached something new.
 */
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PARSERS } from '../parsers/index.ts';
import { fault, growths, MOST_GROWTH } from './check.ts';
import { writeCorpus, writeInput } from './corpus.ts';
import { Coverage } from './coverage.ts';
import { fuzz } from './engine.ts';
import type { Parser } from './parser.ts';
import { printTable } from '../table.ts';
import { Watchdog } from './watchdog.ts';

export interface FuzzCommand {
  parser: string | undefined;
  seconds: number;
  seed: number;
  /** A file with one input, to be tried again. */
  input: string | undefined;
  /** Whether new inputs are kept. */
  keep: boolean;
}

interface Row {
  parser: string;
  seed: number;
  inputs: number;
  perSecond: number;
  places: number;
  newPlaces: number;
  kept: number;
  slowest: string;
  result: string;
}

/** Returns the rows of the table, and whether all went well. */
export async function fuzzCommand(command: FuzzCommand) {
  const { parser, input } = command;
  const parsers = PARSERS.filter(({ name }) => parser === undefined || name === parser);
  if (parsers.length === 0)
    throw new Error(`there is no parser ${parser}; there are ${PARSERS.map(({ name }) => name).join(', ')}`);
  if (input !== undefined) return tryAgain(parsers, input);
  const rows: Row[] = [];
  for (const each of parsers) {
    const row = parsers.length === 1 ? await fuzzOne(each, command) : await fuzzElsewhere(each, command);
    rows.push(row);
    process.stderr.write(`${each.name}: ${row.result}\n`);
  }
  printTable(rows);
  return { rows, failed: rows.filter(({ result }) => result !== 'passed').length };
}

/** In a process of its own: one that hangs or runs out of memory does not end the others. */
async function fuzzElsewhere({ name }: Parser, { seconds, seed, keep }: FuzzCommand): Promise<Row> {
  const json = join(tmpdir(), `slipway-abuse-${process.pid}.json`);
  const options = [
    '--parser',
    name,
    '--seconds',
    `${seconds}`,
    '--seed',
    `${seed}`,
    '--json',
    json,
    ...(keep ? ['--keep'] : []),
  ];
  const script = fileURLToPath(new URL('../index.ts', import.meta.url));
  const child = spawn(process.execPath, ['--import', 'tsx', script, 'fuzz', ...options], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const code = await new Promise<number | null>((resolve) => child.once('exit', resolve));
  try {
    return (JSON.parse(readFileSync(json, 'utf8')) as Row[])[0]!;
  } catch {
    const nothing = { inputs: 0, perSecond: 0, places: 0, newPlaces: 0, kept: 0, slowest: '' };
    return { parser: name, seed, ...nothing, result: `FAILED: the process ended with ${code}` };
  } finally {
    rmSync(json, { force: true });
  }
}

async function fuzzOne(each: Parser, { seconds, seed, keep }: FuzzCommand): Promise<Row> {
  // Before anything is counted: counting makes everything slower, and not evenly.
  const times = await growths(each);
  const coverage = new Coverage();
  const startedMs = performance.now();
  const path = failurePath(each);
  const watchdog = new Watchdog(path);
  const trying = (bytes: Buffer) => watchdog.trying(bytes);
  const result = await fuzz(each, { seed, untilMs: startedMs + seconds * 1_000, coverage, trying });
  await watchdog.stop();
  coverage.stop();
  const { failure, inputs, places, newPlaces } = result;
  const slowest = times.toSorted((a, b) => b.ms - a.ms)[0];
  const quadratic = times.find(({ factor }) => factor !== null && factor > MOST_GROWTH);
  if (failure !== null) report(each, path, failure.input, failure.why, seed);
  const isKept = keep && failure === null;
  const growth = quadratic && `time grows ${quadratic.factor?.toFixed(1)} times with ${quadratic.text}`;
  const wrong = failure?.why ?? growth;
  return {
    parser: each.name,
    seed,
    inputs,
    perSecond: Math.round(inputs / ((performance.now() - startedMs) / 1_000)),
    places,
    newPlaces,
    kept: isKept ? writeCorpus(each.name, `inputs of the parser ${each.name}`, result.kept) : result.kept.length,
    slowest: slowest === undefined ? '' : `${slowest.text}: ${Math.round(slowest.ms)} ms`,
    result: wrong === undefined ? 'passed' : `FAILED: ${wrong}`,
  };
}

function failurePath({ name }: Parser): string {
  const folder = join(tmpdir(), 'slipway-abuse');
  mkdirSync(folder, { recursive: true });
  return join(folder, `${name}-${process.pid}.bin`);
}

function report(parser: Parser, path: string, input: Buffer, why: string, seed: number): void {
  writeFileSync(path, input);
  process.stderr.write(
    `${parser.name} fails with seed ${seed}: ${why}\n  input: ${writeInput(input)}\n  again: npm run abuse -- fuzz --parser ${parser.name} --input ${path}\n`,
  );
}

async function tryAgain(parsers: readonly Parser[], path: string) {
  const input = readFileSync(path);
  const rows: { parser: string; result: string }[] = [];
  for (const each of parsers) rows.push({ parser: each.name, result: (await fault(each, input)) ?? 'passed' });
  printTable(rows);
  return { rows, failed: rows.filter(({ result }) => result !== 'passed').length };
}

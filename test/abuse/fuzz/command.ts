/**
 * `npm run abuse -- fuzz`: tries every parser for a while, says what was reached, and keeps what reached something new.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tmpdir } from 'node:os';
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
export async function fuzzCommand({ parser, seconds, seed, input, keep }: FuzzCommand) {
  const parsers = PARSERS.filter(({ name }) => parser === undefined || name === parser);
  if (parsers.length === 0) throw new Error(`there is no parser ${parser}; there are ${PARSERS.map(({ name }) => name).join(', ')}`);
  if (input !== undefined) return tryAgain(parsers, input);
  const rows: Row[] = [];
  // Before anything is counted: counting makes everything slower, and not evenly.
  const slow = new Map<string, Awaited<ReturnType<typeof growths>>>();
  for (const each of parsers) slow.set(each.name, await growths(each));
  const coverage = new Coverage();
  for (const each of parsers) {
    const startedMs = performance.now();
    const path = failurePath(each);
    const watchdog = new Watchdog(path);
    const result = await fuzz(each, {
      seed,
      untilMs: startedMs + seconds * 1_000,
      coverage,
      trying: (bytes) => watchdog.trying(bytes),
    });
    await watchdog.stop();
    const { failure, inputs, places, newPlaces } = result;
    const times = slow.get(each.name) ?? [];
    const slowest = times.toSorted((a, b) => b.ms - a.ms)[0];
    const quadratic = times.find(({ factor }) => factor !== null && factor > MOST_GROWTH);
    if (failure !== null) report(each, path, failure.input, failure.why, seed);
    const kept = keep && failure === null ? writeCorpus(each.name, `inputs of the parser ${each.name}`, result.kept) : result.kept.length;
    rows.push({
      parser: each.name,
      seed,
      inputs,
      perSecond: Math.round(inputs / ((performance.now() - startedMs) / 1_000)),
      places,
      newPlaces,
      kept,
      slowest: slowest === undefined ? '' : `${slowest.text}: ${Math.round(slowest.ms)} ms`,
      result: failure !== null ? `FAILED: ${failure.why}` : quadratic !== undefined ? `FAILED: time grows ${quadratic.factor?.toFixed(1)} times with ${quadratic.text}` : 'passed',
    });
  }
  coverage.stop();
  printTable(rows);
  return { rows, failed: rows.filter(({ result }) => result !== 'passed').length };
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

/**
 * The fuzzer: mutates what it knows, keeps what reaches code that nothing before it reached, and makes it as short as
 * it may be. The same seed tries the same inputs in the same order as long as the code is the same.
 */
import { fault } from './check.ts';
import { placeOf, type Coverage, type Feature } from './coverage.ts';
import { readCorpus } from './corpus.ts';
import { mutate } from './mutations.ts';
import type { Parser } from './parser.ts';
import { lcg } from '../../support/random-bytes.ts';

/** An input that breaks a promise. */
export interface Failure {
  input: Buffer;
  why: string;
}

export interface FuzzResult {
  inputs: number;
  /** Places in the code that were reached, and how many of them by mutations of what was known. */
  places: number;
  newPlaces: number;
  /** Everything worth keeping, the most needed first. */
  kept: readonly Buffer[];
  failure: Failure | null;
}

export interface FuzzOptions {
  seed: number;
  /** Stops at this moment. */
  untilMs: number;
  coverage: Coverage;
  /** Hears of each input before it is tried. */
  trying?: (input: Buffer) => void;
}

/** Inputs whose coverage is looked at together; only when it shows something new, each is looked at alone. */
const BATCH = 40;
const SHORTENINGS = 40;

/** Tries inputs until the time is over or one breaks a promise. */
export async function fuzz(parser: Parser, options: FuzzOptions): Promise<FuzzResult> {
  const { coverage, untilMs, trying } = options;
  const random = lcg(options.seed);
  const known: { input: Buffer; features: Set<Feature> }[] = [];
  const inputsKnown: Buffer[] = [];
  const seen = new Set<Feature>();
  const places = new Set<number>();
  let inputs = 0;
  let failure: Failure | null = null;

  const run = async (input: Buffer): Promise<boolean> => {
    trying?.(input);
    inputs += 1;
    const why = await fault(parser, input);
    if (why !== null) failure ??= { input, why };
    return why === null;
  };
  const featuresOf = async (input: Buffer): Promise<Set<Feature>> => {
    await run(input);
    return coverage.take();
  };
  const learn = async (input: Buffer, isMutated: boolean): Promise<void> => {
    const features = await featuresOf(input);
    const fresh = [...features].filter((feature) => !seen.has(feature));
    if (fresh.length === 0 || failure !== null) return;
    const short = isMutated ? await shortened(input, fresh, featuresOf) : input;
    const all = short === input ? features : await featuresOf(short);
    for (const feature of all) {
      seen.add(feature);
      places.add(placeOf(feature));
    }
    known.push({ input: short, features: all });
    inputsKnown.push(short);
  };

  const beginning = [...readCorpus(parser.name), ...parser.seeds(), Buffer.alloc(0)];
  // The first run of all also runs what is only ever run once.
  for (const input of beginning.slice(0, 3)) await run(input);
  coverage.take();
  for (const input of beginning) if (failure === null && input.length <= parser.maxBytes) await learn(input, false);
  const before = places.size;

  while (failure === null && performance.now() < untilMs) {
    const batch = Array.from({ length: BATCH }, () => mutate(parser, inputsKnown, random));
    for (const input of batch) if (failure === null) await run(input);
    const together = coverage.take();
    // Counts of a batch add up, so that only places tell something; now and then each is looked at all the same.
    const isNew = [...together].some((feature) => !places.has(placeOf(feature)));
    if (failure === null && (isNew || random(30) === 0)) for (const input of batch) await learn(input, true);
  }
  return { inputs, places: places.size, newPlaces: places.size - before, kept: mostNeeded(known), failure };
}

/** Shorter, and still reaching what is new. */
async function shortened(
  input: Buffer,
  wanted: readonly Feature[],
  featuresOf: (input: Buffer) => Promise<Set<Feature>>,
): Promise<Buffer> {
  let best = input;
  let left = SHORTENINGS;
  for (let piece = best.length >> 1; piece > 0 && left > 0; piece >>= 1) {
    for (let at = 0; at + piece <= best.length && left > 0; left -= 1) {
      const without = Buffer.concat([best.subarray(0, at), best.subarray(at + piece)]);
      const features = await featuresOf(without);
      if (wanted.every((feature) => features.has(feature))) best = without;
      else at += piece;
    }
  }
  return best;
}

/** Inputs that together reach every place; behind them those that reach one more often than others do. */
function mostNeeded(known: readonly { input: Buffer; features: Set<Feature> }[]): Buffer[] {
  const left = known.toSorted((a, b) => a.input.length - b.input.length);
  const kept: Buffer[] = [];
  const places = new Set<number>();
  const features = new Set<Feature>();
  for (const isNew of [
    (feature: Feature) => !places.has(placeOf(feature)),
    (feature: Feature) => !features.has(feature),
  ]) {
    for (const each of left) {
      if (kept.includes(each.input) || ![...each.features].some(isNew)) continue;
      kept.push(each.input);
      for (const feature of each.features) {
        features.add(feature);
        places.add(placeOf(feature));
      }
    }
  }
  return kept;
}

/**
 * Which blocks of the program ran, and roughly how often, as V8 counts them: what tells the fuzzer that an input reached
 * something new.
 */
import inspector, { type Profiler } from 'node:inspector';
import { fileURLToPath } from 'node:url';

const root = new URL('../../../', import.meta.url).href;
/** Only these are ours to try. */
const OURS = /^(?:gateways|api|payload-encryption)/;

/** A place in the code and how often it ran, as one number. */
export type Feature = number;

/** Counts of blocks, by powers of two: 1, 2, 3..4, … more. */
const BUCKETS = 8;

/** Switches counting on; there is one of these in a process. */
export class Coverage {
  readonly #session = new inspector.Session();
  readonly #places = new Map<string, number>();
  readonly #files = new Map<string, string | null>();

  constructor() {
    this.#session.connect();
    this.#post('Profiler.enable');
    this.#post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
  }

  /** What ran since the last time. */
  take(): Set<Feature> {
    const { result } = this.#post('Profiler.takePreciseCoverage') as Profiler.TakePreciseCoverageReturnType;
    const features = new Set<Feature>();
    for (const { url, functions } of result) {
      const file = this.#fileOf(url);
      if (file === null) continue;
      for (const { ranges } of functions) {
        for (const { startOffset, endOffset, count } of ranges) {
          if (count === 0) continue;
          const place = this.#placeOf(`${file}:${startOffset}:${endOffset}`);
          features.add(place * BUCKETS + Math.min(BUCKETS - 1, Math.ceil(Math.log2(count))));
        }
      }
    }
    return features;
  }

  stop(): void {
    this.#session.disconnect();
  }

  #fileOf(url: string): string | null {
    let file = this.#files.get(url);
    if (file === undefined) {
      const path = url.startsWith(root) ? url.slice(root.length).split('?')[0]! : '';
      file = OURS.test(path) ? fileURLToPath(root + path) : null;
      this.#files.set(url, file);
    }
    return file;
  }

  #placeOf(key: string): number {
    const known = this.#places.get(key);
    if (known !== undefined) return known;
    this.#places.set(key, this.#places.size);
    return this.#places.size - 1;
  }

  #post(method: string, parameters: object = {}): unknown {
    let answer: unknown;
    this.#session.post(method, parameters, (error, result: unknown) => {
      if (error !== null) throw new Error(`${method}: ${JSON.stringify(error)}`);
      answer = result;
    });
    return answer;
  }
}

/** The same place, however often it ran. */
export function placeOf(feature: Feature): number {
  return Math.floor(feature / BUCKETS);
}

/** What a promise that was not kept looks like, whichever promise it is. */

/** One promise that was not kept, about one thing, and what shows it. */
export interface Broken {
  promise: PromiseName;
  /** Whose story it is: `upgrade 12`, `task 3`, `equipment A1`. */
  about: string;
  why: string;
}

/** The promises in the order of the README. */
export const PROMISES = [
  'no silent success',
  'nothing acknowledged is lost',
  'exact resume',
  'one at a time',
  'every task ends',
  'at most one effect',
  'every transition is accounted for',
  'sessions tell the truth',
  'commands are done once',
] as const;
export type PromiseName = (typeof PROMISES)[number];

/** Collects what is broken about one thing: `check(holds, promise, why)`. */
export class Findings {
  readonly broken: Broken[] = [];
  readonly #about: string;

  constructor(about: string) {
    this.#about = about;
  }

  check(holds: boolean, promise: PromiseName, why: string): void {
    if (!holds) this.broken.push({ promise, about: this.#about, why });
  }
}

/** What is broken, one line each, for people. */
export function wordsOf(broken: readonly Broken[]): string {
  return broken.map(({ promise, about, why }) => `${promise}: ${about}: ${why}`).join('\n');
}

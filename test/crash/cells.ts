/** The cells of the matrix, their names, and which of them are run: all, a seeded sample, or those somebody names. */
import { MATRIX_STEPS, type MatrixStep, type StoryName } from './steps.ts';
import { COMPONENTS, type Component } from './world.ts';

/** `before` the effect; `unrecorded`: after the effect and before its record; `after` both. */
export const PHASES = ['before', 'unrecorded', 'after'] as const;
export type Phase = (typeof PHASES)[number];

/** What dies when a story is at a step. */
export interface Cell extends MatrixStep {
  phase: Phase;
  component: Component;
}

/** How a cell is called, and asked for again. */
export function nameOf({ story, variant, step, detail, phase, component }: Cell): string {
  return [story, variant, detail === undefined ? step : `${step}: ${detail}`, phase, component].join('/');
}

export interface Choice {
  only?: StoryName | undefined;
  component?: Component | undefined;
  /** Part of the name. */
  match?: string | undefined;
}

/** Every cell that fits. */
export function allCells({ only, component, match = '' }: Choice = {}): Cell[] {
  return MATRIX_STEPS.flatMap((step) =>
    PHASES.flatMap((phase) => COMPONENTS.map((each) => ({ ...step, phase, component: each }))),
  )
    .filter((cell) => only === undefined || cell.story === only)
    .filter((cell) => component === undefined || cell.component === component)
    .filter((cell) => nameOf(cell).includes(match));
}

/** A number from 0 to 1 after another, the same for the same seed. */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** The same in a sequence that the seed decides. */
export function shuffled<Item>(items: readonly Item[], random: () => number): Item[] {
  const left = [...items];
  const result: Item[] = [];
  while (left.length > 0) result.push(...left.splice(Math.floor(random() * left.length), 1));
  return result;
}

/** Steps that are taken for everybody at once: two of them cannot be told apart. */
const SHARED = ['host flush', 'mom flush'];

/** Cells of one component that can be struck at once: each is a story of its own, held at its own step. */
export function blowsOf(cells: readonly Cell[], most: number): Cell[][] {
  const blows: Cell[][] = [];
  for (const component of COMPONENTS) {
    const open: Cell[][] = [];
    for (const cell of cells.filter((each) => each.component === component)) {
      const isShared = SHARED.includes(cell.step);
      const fits = (blow: Cell[]) =>
        blow.length < most && !(isShared && blow.some(({ step }) => SHARED.includes(step)));
      const blow = open.find(fits);
      if (blow === undefined) open.push([cell]);
      else blow.push(cell);
    }
    blows.push(...open);
  }
  return blows;
}

import { expect, it } from 'vitest';
import { playNights } from './nights.ts';

const NIGHTS = 2_000;

/** More of them, from any seed: `npm run simulate-fleet -- --nights 20000 --seed 1`. */
it('over thousands of nights nothing that starts a flash leaves outside the window, or too late to end in it', async () => {
  const { nights, frames, refusals, waits, violations } = await playNights(1, NIGHTS);
  expect(violations).toEqual([]);
  // What says yes to nothing, or to everything, has not been tried.
  expect(nights).toBe(NIGHTS);
  expect(Object.keys(frames).toSorted()).toEqual(['+NBOTA', '14', '17', '94', 'directive', 'directive again']);
  for (const [frame, count] of Object.entries(frames)) expect(count, frame).toBeGreaterThan(50);
  expect(refusals).toBeGreaterThan(2_000);
  expect(waits).toBeGreaterThan(1_000);
}, 300_000);

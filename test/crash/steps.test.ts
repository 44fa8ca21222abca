/** Every named step of the program is in the matrix, or it is said why not. */
import { expect, test } from 'vitest';
import { inventory } from './inventory.ts';
import { LEFT_OUT, LEFT_OUT_KINDS, MATRIX_STEPS } from './steps.ts';

const known = new Set(MATRIX_STEPS.map(({ step }) => step));

test('every step there is, is gone through or left out for a reason', () => {
  const isLeftOut = (step: string) => step in LEFT_OUT || LEFT_OUT_KINDS.some(({ fits }) => fits.test(step));
  expect(inventory().filter((step) => !known.has(step) && !isLeftOut(step))).toEqual([]);
});

test('nothing is listed that is not there, or listed twice', () => {
  const there = new Set(inventory());
  expect([...known, ...Object.keys(LEFT_OUT)].filter((step) => !there.has(step))).toEqual([]);
  expect(Object.keys(LEFT_OUT).filter((step) => known.has(step))).toEqual([]);
  const names = MATRIX_STEPS.map((each) => JSON.stringify(each));
  expect(names.length).toBe(new Set(names).size);
});

/** Slipway in the place of an equipment's software: states after silence, clocks, pauses. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { clockOffset, flagOf, refusedPauseMs, retryAfterMs, stateAfterSilence } from '../../workflows/rules/agents.ts';

describe('silence', () => {
  it.each([
    ['alive', 44_999, 'alive'],
    ['alive', 45_000, 'suspect'],
    ['online', 45_000, 'suspect'],
    ['suspect', 89_999, 'suspect'],
    ['suspect', 90_000, 'offline'],
    ['never', 90_000, 'never'],
  ] as const)('%s after %i ms is %s', (state, silentMs, expected) => {
    expect(stateAfterSilence(state, silentMs, 30_000)).toBe(expected);
  });
});

describe('the clock of the MOM', () => {
  it('is known to the second', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: -86_400_000, max: 86_400_000 }),
        fc.integer({ min: 0, max: 5_000 }),
        (offset, tookMs) => {
          const sentAtMs = 1_700_000_000_000;
          const respondedAtMs = Math.floor((sentAtMs + tookMs / 2 + offset) / 1_000) * 1_000;
          const found = clockOffset(sentAtMs, tookMs, respondedAtMs);
          expect(Math.abs(found - offset)).toBeLessThanOrEqual(1_500 + tookMs / 2);
        },
      ),
    );
  });

  it('differences that may be the way or the rounding are none', () => {
    expect(clockOffset(10_400, 200, 10_000)).toBe(0);
    expect(clockOffset(10_400, 200, 70_000)).toBe(60_000);
  });
});

it('pauses grow with refusals, up to ten minutes, and never below a period', () => {
  expect([1, 2, 3, 100].map((refusals) => refusedPauseMs(30_000, refusals))).toEqual([
    30_000, 60_000, 120_000, 600_000,
  ]);
  expect(refusedPauseMs(3_600_000, 5)).toBe(3_600_000);
  expect([400, 30_000, 3_600_000].map(retryAfterMs)).toEqual([250, 7_500, 10_000]);
});

it('knows which calls follow a flag', () => {
  expect(flagOf('MaterialUpLoad')).toBe('material_up');
  expect(flagOf('TrayBind')).toBeNull();
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { atMost, startsAllowed } from '../../workflows/rules/pacing.ts';

describe('how many devices may be started', () => {
  it.each<[string, number, number, number, number]>([
    ['nothing under way', 50, 0, 1_000, 50],
    ['some under way', 50, 20, 1_000, 30],
    ['as many as may', 50, 50, 1_000, 0],
    ['more than may, after the limit was lowered', 10, 50, 1_000, 0],
    ['fewer left than may', 50, 0, 3, 3],
    ['none left', 50, 0, 0, 0],
    ['one at a time', 1, 0, 5, 1],
    ['none at all', 0, 0, 5, 0],
  ])('%s', (_, maxConcurrent, active, remaining, expected) => {
    expect(startsAllowed(atMost(maxConcurrent), { active, remaining })).toBe(expected);
  });

  const count = fc.nat({ max: 100_000 });

  it('never exceeds the limit or what is left, and leaves nothing free', () => {
    fc.assert(
      fc.property(count, count, count, (maxConcurrent, active, remaining) => {
        const starts = startsAllowed(atMost(maxConcurrent), { active, remaining });
        expect(starts).toBeGreaterThanOrEqual(0);
        expect(starts).toBeLessThanOrEqual(remaining);
        if (starts > 0) expect(active + starts).toBeLessThanOrEqual(maxConcurrent);
        if (starts < remaining) expect(active + starts).toBeGreaterThanOrEqual(maxConcurrent);
      }),
    );
  });
});

import { describe, expect, it } from 'vitest';
import { limitsFor } from '../../workflows/rules/limits.ts';
import { LIMITS } from '../db/records.ts';

describe('the time for a reaction', () => {
  it.each([
    ['terminal', 60_000],
    ['ams', 60_000],
    ['pcp', 30_000],
    ['pile', 30_000],
    ['one that is not known yet', 60_000],
  ])('is what is usual for %s, unless the order says otherwise', (protocol, usualMs) => {
    expect(limitsFor(protocol, { ...LIMITS, reactionMs: null })).toEqual({ ...LIMITS, reactionMs: usualMs });
    expect(limitsFor(protocol, { ...LIMITS, reactionMs: 7 })).toEqual({ ...LIMITS, reactionMs: 7 });
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  Places,
  abortDue,
  atMost,
  describeAbort,
  finishedOf,
  rateNow,
  startsAllowed,
  withStarts,
  type AbortRule,
  type DeviceKeys,
  type EndedCounts,
  type Growth,
  type KeyLimit,
  type LimitKey,
  type Pacing,
  type RecentStarts,
} from '../../workflows/rules/pacing.ts';

const NONE = { nowMs: 0, recent: [], finished: 0, succeeded: 0 } satisfies Partial<Parameters<typeof startsAllowed>[1]>;
const perMinute = (ratePerMinute: number): Pacing => ({ ...atMost(1_000_000), ratePerMinute });
const growing = (growth: Growth): Pacing => ({ ...atMost(1_000_000), growth });

describe('how many devices may be under way at one time', () => {
  it.each<[string, number, number, number]>([
    ['nothing under way', 50, 0, 50],
    ['some under way', 50, 20, 30],
    ['as many as may', 50, 50, 0],
    ['more than may, after the limit was lowered', 10, 50, 0],
    ['one at a time', 1, 0, 1],
    ['none at all', 0, 0, 0],
  ])('%s', (_, maxConcurrent, active, expected) => {
    expect(startsAllowed(atMost(maxConcurrent), { ...NONE, active })).toBe(expected);
  });

  it('never exceeds the limit, and leaves nothing free', () => {
    const count = fc.nat({ max: 100_000 });
    fc.assert(
      fc.property(count, count, (maxConcurrent, active) => {
        const starts = startsAllowed(atMost(maxConcurrent), { ...NONE, active });
        expect(starts).toBe(Math.max(0, maxConcurrent - active));
      }),
    );
  });
});

/** Starts as many as may be, each time after a pause; gives the moments of all starts. */
function play(pacing: Pacing, pausesMs: readonly number[], finished = 0): number[] {
  const moments: number[] = [];
  let recent: RecentStarts = [];
  let nowMs = 1_700_000_000_123;
  for (const pauseMs of pausesMs) {
    nowMs += pauseMs;
    const starts = startsAllowed(pacing, { nowMs, active: 0, recent, finished, succeeded: finished });
    recent = withStarts(recent, nowMs, starts);
    for (let n = 0; n < starts; n++) moments.push(nowMs);
  }
  return moments;
}

/** The most starts in any span of this length, wherever it begins. */
function mostWithin(moments: readonly number[], spanMs: number): number {
  let most = 0;
  for (let first = 0, last = 0; last < moments.length; last++) {
    while (moments[last]! - moments[first]! >= spanMs) first++;
    most = Math.max(most, last - first + 1);
  }
  return most;
}

const pauses = fc.array(fc.oneof(fc.integer({ min: 0, max: 2_000 }), fc.integer({ min: 0, max: 90_000 })), {
  minLength: 1,
  maxLength: 300,
});
const rates = fc.integer({ min: 1, max: 3_000 });

describe('a rate', () => {
  it('is never exceeded in any minute, wherever it begins and whenever somebody looks', () => {
    fc.assert(
      fc.property(rates, pauses, (rate, pausesMs) => {
        expect(mostWithin(play(perMinute(rate), pausesMs), 60_000)).toBeLessThanOrEqual(rate);
      }),
    );
  });

  it('is spread over the minute: ten seconds get no more than their share and one', () => {
    fc.assert(
      fc.property(rates, pauses, (rate, pausesMs) => {
        expect(mostWithin(play(perMinute(rate), pausesMs), 9_000)).toBeLessThanOrEqual(Math.ceil(rate / 6));
      }),
    );
  });

  it.each([1, 10, 50, 90, 600, 1_000])('of %i a minute is reached when somebody looks twice a second', (rate) => {
    const moments = play(
      perMinute(rate),
      Array.from({ length: 1_200 }, () => 500),
    );
    // Ten minutes; a minute touches 61 seconds.
    expect(moments.length).toBeGreaterThanOrEqual(Math.floor(rate * 10 * (60 / 61)) - 1);
    expect(moments.length).toBeLessThanOrEqual(rate * 10 + 1);
  });

  it('starts something within a minute of silence, or nothing would ever begin', () => {
    fc.assert(
      fc.property(rates, pauses, fc.nat({ max: 100 }), (rate, pausesMs, seed) => {
        expect(play(perMinute(rate), [...pausesMs, 61_000 + seed]).length).toBeGreaterThan(0);
        const moments = play(perMinute(rate), [...pausesMs, 62_000]);
        const before = play(perMinute(rate), pausesMs);
        expect(moments.length).toBeGreaterThan(before.length);
      }),
    );
  });

  it('holds when the clock is set back, and goes on when it was set back far', () => {
    const recent = withStarts([], 1_000_000_000, 10);
    expect(startsAllowed(perMinute(10), { ...NONE, active: 0, nowMs: 1_000_000_000 - 30_000, recent })).toBe(0);
    const forgotten = withStarts(recent, 1_000_000_000 - 3_600_000, 0);
    expect(startsAllowed(perMinute(10), { ...NONE, active: 0, nowMs: 1_000_000_000, recent: forgotten })).toBe(1);
  });

  it('remembers a minute and no more, however many look', () => {
    fc.assert(
      fc.property(rates, pauses, (rate, pausesMs) => {
        let recent: RecentStarts = [];
        let nowMs = 0;
        for (const pauseMs of pausesMs) {
          nowMs += pauseMs;
          recent = withStarts(recent, nowMs, Math.min(rate, 3));
          expect(recent.length).toBeLessThanOrEqual(61);
          expect(recent.map(([second]) => second)).toEqual(
            [...new Set(recent.map(([second]) => second))].sort((a, b) => a - b),
          );
        }
      }),
    );
  });

  it('and the number of places hold together', () => {
    const pacing = { ...perMinute(600), maxConcurrent: 20 };
    expect(startsAllowed(pacing, { ...NONE, active: 0 })).toBe(20);
    expect(startsAllowed(pacing, { ...NONE, active: 18 })).toBe(2);
    expect(startsAllowed({ ...pacing, maxConcurrent: 1_000 }, { ...NONE, active: 0 })).toBe(50);
  });
});

describe('growth', () => {
  const growth: Growth = { basePerMinute: 10, factor: 2, everyDevices: 50, by: 'succeeded' };

  it.each([
    [0, 10],
    [49, 10],
    [50, 20],
    [99, 20],
    [100, 40],
    [500, 10_240],
  ])('after %i devices: %i a minute', (succeeded, rate) => {
    expect(rateNow(growing(growth), { finished: 9_999, succeeded })).toBe(rate);
    expect(rateNow(growing({ ...growth, by: 'finished' }), { finished: succeeded, succeeded: 0 })).toBe(rate);
  });

  it('never goes beyond the rate, and without either there is none', () => {
    expect(rateNow({ ...growing(growth), ratePerMinute: 30 }, { finished: 0, succeeded: 100 })).toBe(30);
    expect(rateNow(atMost(5), { finished: 0, succeeded: 100 })).toBeNull();
  });

  const anyGrowth = fc.record({
    basePerMinute: fc.integer({ min: 1, max: 1_000 }),
    factor: fc.double({ min: 1.1, max: 5, noNaN: true }),
    everyDevices: fc.integer({ min: 1, max: 10_000 }),
    by: fc.constantFrom('finished' as const, 'succeeded' as const),
  });

  it('never slows down while devices get through, and stays a number', () => {
    fc.assert(
      fc.property(anyGrowth, fc.nat({ max: 100_000 }), fc.nat({ max: 100_000 }), (grow, some, more) => {
        const at = (through: number) => rateNow(growing(grow), { finished: through, succeeded: through })!;
        expect(at(some + more)).toBeGreaterThanOrEqual(at(some));
        expect(at(some)).toBeGreaterThanOrEqual(grow.basePerMinute);
        expect(Number.isFinite(at(100_000))).toBe(true);
      }),
    );
  });

  it('is never exceeded in any minute either', () => {
    fc.assert(
      fc.property(anyGrowth, pauses, fc.nat({ max: 1_000 }), (grow, pausesMs, through) => {
        const rate = rateNow(growing(grow), { finished: through, succeeded: through })!;
        fc.pre(rate < 5_000);
        expect(mostWithin(play(growing(grow), pausesMs, through), 60_000)).toBeLessThanOrEqual(rate);
      }),
    );
  });
});

describe('limits by key', () => {
  const device = fc.record({
    department: fc.constant('1'),
    model: fc.constantFrom('GV2', 'GV3', null),
    order: fc.constantFrom('a', 'b', 'c', null),
    gateway: fc.constantFrom('g1', 'g2', null),
  });
  const limit = fc.record({
    key: fc.constantFrom<LimitKey>('department', 'model', 'order', 'gateway'),
    max: fc.integer({ min: 1, max: 20 }),
  });
  const count = (devices: readonly DeviceKeys[], key: LimitKey, value: string) =>
    devices.filter((keys) => keys[key] === value).length;

  it('are never exceeded, and everything they do not forbid goes', () => {
    fc.assert(
      fc.property(
        fc.array(limit, { maxLength: 5 }),
        fc.array(device, { maxLength: 100 }),
        (limits: KeyLimit[], devices) => {
          const places = new Places(limits, []);
          const going: DeviceKeys[] = [];
          for (const keys of devices) {
            const isFull = limits.some(({ key, max }) => keys[key] !== null && count(going, key, keys[key]) >= max);
            expect(places.hasRoom(keys)).toBe(!isFull);
            if (places.take(keys)) going.push(keys);
          }
          for (const { key, max } of limits) {
            for (const value of new Set(going.map((keys) => keys[key])))
              if (value != null) expect(count(going, key, value)).toBeLessThanOrEqual(max);
          }
          if (limits.length === 0) expect(going).toHaveLength(devices.length);
        },
      ),
    );
  });

  it('count what is under way already, and leave devices alone that have no such key', () => {
    const places = new Places([{ key: 'model', max: 3 }], [{ key: 'model', value: 'GV2', devices: 2 }]);
    expect([places.take({ model: 'GV2' }), places.take({ model: 'GV2' }), places.take({ model: 'GV3' })]).toEqual([
      true,
      false,
      true,
    ]);
    for (let n = 0; n < 10; n++) expect(places.take({ model: null })).toBe(true);
  });

  it('a copy counts for itself', () => {
    const places = new Places([{ key: 'order', max: 1 }], []);
    expect(places.copy().take({ order: 'a' })).toBe(true);
    expect(places.take({ order: 'a' })).toBe(true);
  });
});

describe('abort', () => {
  const ended = (counts: Partial<EndedCounts>): EndedCounts => ({
    succeeded: 0,
    failed: 0,
    unproven: 0,
    expired: 0,
    partial: 0,
    reverted: 0,
    ...counts,
  });
  const rule: AbortRule = { failures: 'any', percent: 10, afterFinished: 20, effect: 'pause' };

  it.each<[string, Partial<EndedCounts>, boolean]>([
    ['exactly at the share', { succeeded: 18, failed: 2 }, true],
    ['just below it', { succeeded: 19, failed: 1 }, false],
    ['before enough have finished', { failed: 19 }, false],
    ['when just enough have finished', { failed: 20 }, true],
    ['every kind counts', { succeeded: 16, failed: 1, unproven: 1, expired: 1, partial: 1 }, true],
    ['nothing has finished', {}, false],
  ])('%s', (_, counts, fires) => {
    expect(abortDue([rule], ended(counts)) !== null).toBe(fires);
  });

  it.each(['failed', 'unproven', 'expired', 'reverted'] as const)('by class: %s', (failures) => {
    const byClass = { ...rule, failures };
    expect(abortDue([byClass], ended({ succeeded: 18, [failures]: 2 }))).toMatchObject({ failures: 2, finished: 20 });
    const others = ended({ succeeded: 10, failed: 9, unproven: 9, expired: 9, partial: 9, reverted: 9, [failures]: 0 });
    expect(abortDue([byClass], others)).toBeNull();
  });

  it('of several rules the first that is fulfilled decides', () => {
    const rules: AbortRule[] = [
      { ...rule, percent: 50, effect: 'cancel' },
      rule,
      { ...rule, effect: 'cancel_waiting' },
    ];
    expect(abortDue(rules, ended({ succeeded: 18, failed: 2 }))?.rule.effect).toBe('pause');
    expect(abortDue(rules, ended({ failed: 20 }))?.rule.effect).toBe('cancel');
    expect(abortDue([], ended({ failed: 20 }))).toBeNull();
  });

  it('says in words what fired, with its numbers', () => {
    expect(describeAbort(abortDue([rule], ended({ succeeded: 17, failed: 3 }))!)).toBe(
      '3 of 20 finished devices did not succeed (15 %); the rule stops the task at 10 % after at least 20 finished',
    );
  });

  it('fires at the threshold: not with one failure less, not with one finished less', () => {
    const percent = fc.integer({ min: 1, max: 100 });
    const size = fc.integer({ min: 1, max: 500 });
    fc.assert(
      fc.property(percent, size, size, size, (share, afterFinished, finished, failed) => {
        fc.pre(failed <= finished);
        const counts = ended({ succeeded: finished - failed, failed });
        expect(finishedOf(counts)).toBe(finished);
        const verdict = abortDue([{ ...rule, percent: share, afterFinished }], counts);
        expect(verdict !== null).toBe(finished >= afterFinished && failed / finished >= share / 100 - 1e-12);
        expect(abortDue([{ ...rule, percent: share, afterFinished }], counts)).toEqual(verdict);
      }),
    );
  });
});

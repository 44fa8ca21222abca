/** Laws of reading a log whose rows do not appear in the order of their ids. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Horizon, Unseen } from '../../db/events/settled.ts';

describe('the horizon', () => {
  const mark = (last: number, ...writers: string[]) => ({ last, writers: new Set(writers) });

  it('is the last id when nobody writes', () => {
    expect(new Horizon().observe(mark(7))).toBe(7);
  });

  it('waits for everybody who was writing when an id was the last one, and for nobody else', () => {
    const horizon = new Horizon();
    horizon.observe(mark(5));
    expect(horizon.observe(mark(9, 'a', 'b'))).toBe(5);
    expect(horizon.observe(mark(12, 'b', 'c'))).toBe(5);
    expect(horizon.observe(mark(15, 'c'))).toBe(9);
    expect(horizon.observe(mark(15, 'c'))).toBe(9);
    expect(horizon.observe(mark(20, 'd'))).toBe(15);
    expect(horizon.observe(mark(20))).toBe(20);
  });

  it('never passes a row that may still appear, whoever begins, commits and looks when', () => {
    // Each step: a transaction begins and takes ids, one of those open ends, or somebody looks.
    const step = fc.oneof(
      fc.record({ kind: fc.constant('begin' as const), ids: fc.integer({ min: 0, max: 3 }) }),
      fc.record({ kind: fc.constant('more' as const), which: fc.nat(5) }),
      fc.record({ kind: fc.constant('end' as const), which: fc.nat(5) }),
      fc.record({ kind: fc.constant('look' as const) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const horizon = new Horizon();
        const open = new Map<string, number[]>();
        let last = 0;
        let before = 0;
        for (const [index, each] of steps.entries()) {
          const name = 'which' in each ? [...open.keys()][each.which] : undefined;
          if (each.kind === 'begin')
            open.set(
              `t${index}`,
              Array.from({ length: each.ids }, () => ++last),
            );
          else if (each.kind === 'more' && name !== undefined) open.get(name)!.push(++last);
          else if (each.kind === 'end' && name !== undefined) open.delete(name);
          else if (each.kind === 'look') {
            const settled = horizon.observe({ last, writers: new Set(open.keys()) });
            for (const ids of open.values()) for (const id of ids) expect(id).toBeGreaterThan(settled);
            expect(settled).toBeGreaterThanOrEqual(before);
            before = settled;
          }
        }
        // Once everybody has ended, nothing is held back.
        expect(horizon.observe({ last, writers: new Set() })).toBe(last);
      }),
    );
  });
});

describe('what was not seen', () => {
  it('is everything behind the beginning, less what was read', () => {
    const unseen = new Unseen(10);
    for (const id of [12, 15, 14]) unseen.remove(id);
    expect(unseen.ranges).toEqual([
      { from: 11, to: 11 },
      { from: 13, to: 13 },
      { from: 16, to: Number.MAX_SAFE_INTEGER },
    ]);
    unseen.removeUpTo(13);
    expect(unseen.ranges).toEqual([{ from: 16, to: Number.MAX_SAFE_INTEGER }]);
  });

  it('agrees with a plain set, whatever is read in whatever order', () => {
    const act = fc.record({ upTo: fc.boolean(), id: fc.integer({ min: 1, max: 60 }) });
    fc.assert(
      fc.property(fc.array(act, { maxLength: 100 }), (acts) => {
        const unseen = new Unseen(0);
        const plain = new Set(Array.from({ length: 61 }, (_, index) => index + 1));
        for (const { upTo, id } of acts) {
          if (upTo) {
            unseen.removeUpTo(id);
            for (const each of plain) if (each <= id) plain.delete(each);
          } else {
            unseen.remove(id);
            plain.delete(id);
          }
        }
        const ids = Array.from({ length: 61 }, (_, index) => index + 1);
        expect(ids.filter((id) => unseen.ranges.some(({ from, to }) => from <= id && id <= to))).toEqual([...plain]);
        for (const [index, { from, to }] of unseen.ranges.entries()) {
          expect(from).toBeLessThanOrEqual(to);
          if (index > 0) expect(from).toBeGreaterThan(unseen.ranges[index - 1]!.to + 1);
        }
      }),
    );
  });
});

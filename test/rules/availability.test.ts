import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  availabilityOf,
  beijingDay,
  beijingDayOf,
  beijingDays,
  stretchesOf,
  TIME_STATES,
  timeInState,
} from '../../workflows/rules/availability.ts';
import { EQUIPMENT_STATUSES } from '../../workflows/rules/equipment.ts';

const DAY = 86_400_000;
const day = beijingDay('2024-04-10');
const changes = fc.array(
  fc.record({
    atMs: fc.integer({ min: day.fromMs - DAY, max: day.toMs + DAY }),
    order: fc.nat(),
    status: fc.constantFrom(...EQUIPMENT_STATUSES),
  }),
  { maxLength: 30 },
);
const sessions = fc.array(
  fc.record({
    atMs: fc.integer({ min: day.fromMs - DAY, max: day.toMs + DAY }),
    order: fc.nat(),
    isOffline: fc.boolean(),
  }),
  { maxLength: 10 },
);
const numbered = <Row extends object>(rows: readonly Row[]) => rows.map((row, order) => ({ ...row, order }));

describe('time in state', () => {
  it('sums to the day, without gaps, whatever was reported', () => {
    fc.assert(
      fc.property(changes, sessions, (c, s) => {
        const stretches = stretchesOf(numbered(c), numbered(s), day);
        expect(stretches[0]!.fromMs).toBe(day.fromMs);
        expect(stretches.at(-1)!.toMs).toBe(day.toMs);
        stretches.slice(1).forEach((stretch, index) => {
          expect(stretch.fromMs).toBe(stretches[index]!.toMs);
          expect(stretch.state).not.toBe(stretches[index]!.state);
        });
        const sums = timeInState(stretches);
        expect(TIME_STATES.reduce((sum, state) => sum + sums[state], 0)).toBe(DAY);
        expect(availabilityOf(sums)).toBeCloseTo((sums.Running + sums.Waiting) / DAY);
      }),
    );
  });

  it('does not depend on the order in which changes are told', () => {
    fc.assert(
      fc.property(
        changes.chain((c) =>
          fc.tuple(
            fc.constant(numbered(c)),
            fc.shuffledSubarray(numbered(c), { minLength: c.length, maxLength: c.length }),
          ),
        ),
        sessions,
        ([told, shuffled], s) => {
          expect(stretchesOf(shuffled, numbered(s).toReversed(), day)).toEqual(stretchesOf(told, numbered(s), day));
        },
      ),
    );
  });

  it('of a day is the same as that of its two halves together', () => {
    fc.assert(
      fc.property(changes, sessions, fc.integer({ min: day.fromMs, max: day.toMs }), (c, s, noon) => {
        const [whole, am, pm] = [day, { ...day, toMs: noon }, { ...day, fromMs: noon }].map((range) =>
          timeInState(stretchesOf(numbered(c), numbered(s), range)),
        );
        for (const state of TIME_STATES) expect(am![state] + pm![state]).toBe(whole![state]);
      }),
    );
  });

  it('is offline while nobody could know, except from where the equipment told afterwards', () => {
    const at = (hour: number) => day.fromMs + hour * 3_600_000;
    const status = (hour: number, status: 'Running' | 'Down') => ({ atMs: at(hour), order: hour, status });
    const session = (hour: number, isOffline: boolean) => ({ atMs: at(hour), order: hour, isOffline });
    const hours = (sums: Record<string, number>) =>
      Object.fromEntries(
        Object.entries(sums)
          .filter(([, ms]) => ms > 0)
          .map(([state, ms]) => [state, ms / 3_600_000]),
      );
    const gap = [session(10, true), session(14, false)];
    expect(hours(timeInState(stretchesOf([status(6, 'Running')], gap, day)))).toEqual({
      Unknown: 6,
      Running: 14,
      Offline: 4,
    });
    expect(hours(timeInState(stretchesOf([status(6, 'Running'), status(12, 'Down')], gap, day)))).toEqual({
      Unknown: 6,
      Running: 4,
      Offline: 2,
      Down: 12,
    });
    expect(availabilityOf(timeInState([]))).toBeNull();
  });

  it('knows Beijing days', () => {
    expect(new Date(day.fromMs).toISOString()).toBe('2024-04-09T16:00:00.000Z');
    expect([beijingDayOf(day.fromMs), beijingDayOf(day.fromMs - 1)]).toEqual(['2024-04-10', '2024-04-09']);
    expect(beijingDays('2024-02-28', '2024-03-01')).toEqual(['2024-02-28', '2024-02-29', '2024-03-01']);
  });
});

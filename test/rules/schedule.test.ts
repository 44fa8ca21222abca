import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { atMost, startsAllowed, withStarts, type Pacing, type RecentStarts } from '../../workflows/rules/pacing.ts';
import { RateClock, type ScheduledDevice, type TaskTimes } from '../../workflows/rules/play.ts';
import { latestDeviceEndMs, latestTaskEndMs, scheduleTask } from '../../workflows/rules/schedule.ts';
import { nightsFrom, type Window } from '../../workflows/rules/windows.ts';
import { behaving, dispatchAll } from '../support/simulated-dispatcher.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const NOON = Date.parse('2026-03-27T12:00:00Z');
const NIGHT: Window = { from: '00:00', to: '06:00', zone: 'UTC' };
const MIDNIGHT = Date.parse('2026-03-28T00:00:00Z');

const times = (change: Partial<TaskTimes> = {}): TaskTimes => ({
  pacing: atMost(1),
  window: null,
  dispatchAtMs: NOON,
  deadlineAtMs: NOON + 7 * DAY,
  approvalDeadlineAtMs: null,
  proofMs: 30 * MINUTE,
  ...change,
});
const device = (minutes: number | number[], keys: ScheduledDevice['keys'] = {}, isReady = true): ScheduledDevice => ({
  isReady,
  durationsMs: [minutes].flat().map((each) => each * MINUTE),
  keys,
});
const some = (count: number, minutes: number | number[]) => Array.from({ length: count }, () => device(minutes));
/** Expected starts, in minutes after a moment. */
const starts = (devices: readonly ScheduledDevice[], of: TaskTimes, fromMs = of.dispatchAtMs) =>
  scheduleTask(devices, of).turns.map(({ expectedStartAtMs }) =>
    expectedStartAtMs === null ? null : (expectedStartAtMs - fromMs) / MINUTE,
  );

describe('devices get their turn', () => {
  it('side by side as many as may be, one after the other else', () => {
    expect(starts(some(5, 10), times({ pacing: atMost(2) }))).toEqual([0, 0, 10, 10, 20]);
    expect(scheduleTask(some(5, 10), times({ pacing: atMost(2) }))).toMatchObject({
      nights: null,
      late: 0,
      expectedEndAtMs: NOON + 30 * MINUTE,
    });
  });

  it('within the nights: who does not fit any more goes first in the next one, and lets the quicker ones pass', () => {
    const devices = [device(200), device(200), device(150), device(200)];
    const { turns, nights } = scheduleTask(devices, times({ window: NIGHT }));
    expect(turns.map(({ night }) => night)).toEqual([1, 2, 1, 3]);
    expect(starts(devices, times({ window: NIGHT }), MIDNIGHT)).toEqual([0, 24 * 60, 200, 48 * 60]);
    expect(nights).toBe(3);
  });

  it('within the nights: who waited for the same room as one that is passed over comes before those behind it', () => {
    const [g, zg] = [{ gateway: 'g' }, { order: 'z', gateway: 'g' }];
    const devices = [device(100, g), device(300, zg), device(60, g), device(30, zg)];
    const pacing: Pacing = {
      ...atMost(2),
      limits: [
        { key: 'order', max: 1 },
        { key: 'gateway', max: 1 },
      ],
    };
    expect(starts(devices, times({ window: NIGHT, pacing }), MIDNIGHT)).toEqual([0, 24 * 60, 100, 160]);
  });

  it('with both files in one night if they fit, and the second first thing in the next if they do not', () => {
    const devices = [device([200, 200]), device(100)];
    const { turns, nights } = scheduleTask(devices, times({ window: NIGHT }));
    const [first, second] = turns.map(({ expectedStartAtMs: from, expectedEndAtMs: to }) => [
      (from! - MIDNIGHT) / MINUTE,
      (to! - MIDNIGHT) / MINUTE,
    ]);
    expect(first).toEqual([0, 24 * 60 + 200]);
    expect(second).toEqual([200, 300]);
    expect(nights).toBe(2);
  });

  it('not more in a minute than the rate allows, however quick they are', () => {
    const pacing: Pacing = { ...atMost(100), ratePerMinute: 2 };
    // Spread over the minute.
    expect(starts(some(5, 0.01), times({ pacing }))).toEqual([0, 0.5, 1, 1.5, 2].map((at) => expect.closeTo(at, 1)));
  });

  it('in steps of growth, each after enough have got through', () => {
    const pacing: Pacing = {
      ...atMost(100),
      growth: { basePerMinute: 60, factor: 2, everyDevices: 3, by: 'succeeded' },
    };
    const { turns } = scheduleTask(some(70, 1), times({ pacing }));
    expect(turns[0]!.wave).toBe(1);
    expect(turns[59]!.wave).toBe(1);
    // After a minute the first three have ended, a second later there are three more …
    expect(turns[69]!.wave).toBeGreaterThan(1);
  });

  it('never more than the limit of a key, and nobody waits behind a key that is not theirs', () => {
    const pacing: Pacing = { ...atMost(10), limits: [{ key: 'model', max: 1 }] };
    const devices = ['a', 'a', 'a', 'b', null, null].map((model) => device(10, { model }));
    expect(starts(devices, times({ pacing }))).toEqual([0, 10, 20, 0, 0, 0]);
  });

  it('also when they must wait for something: that takes a place in the order and none beside others', () => {
    const devices = [device(10), device(10, {}, false), device(10)];
    const { turns } = scheduleTask(devices, times());
    expect(turns.map(({ expectedStartAtMs }) => expectedStartAtMs)).toEqual([NOON, null, NOON + 10 * MINUTE]);
    expect(turns[1]).toMatchObject({ fitting: 1, wave: 1, earliestStartAtMs: NOON });
  });

  it('never when their file fits no night, without holding up others', () => {
    const devices = [device(7 * 60), device(10)];
    const { turns, nights, late } = scheduleTask(devices, times({ window: NIGHT }));
    expect(turns[0]).toEqual({
      fitting: 0,
      wave: null,
      night: null,
      earliestStartAtMs: null,
      expectedStartAtMs: null,
      expectedEndAtMs: null,
    });
    expect(turns[1]).toMatchObject({ night: 1, expectedStartAtMs: MIDNIGHT });
    expect({ nights, late }).toEqual({ nights: 1, late: 0 });
  });

  it('with the first file only when the second fits no night', () => {
    const { turns, late, nights } = scheduleTask([device([10, 7 * 60])], times({ window: NIGHT }));
    expect(turns[0]).toMatchObject({ fitting: 1, expectedStartAtMs: null, earliestStartAtMs: MIDNIGHT });
    expect({ late, nights }).toEqual({ late: 0, nights: 0 });
  });

  it('in a night that is short by a clock change only if they fit that one', () => {
    const berlin = { from: '00:00', to: '06:00', zone: 'Europe/Berlin' };
    const from = { window: berlin, dispatchAtMs: Date.parse('2026-03-28T12:00:00Z') };
    const { turns, nights } = scheduleTask([device(5.5 * 60), device(5 * 60)], times(from));
    expect(turns.map(({ night }) => night)).toEqual([2, 1]);
    expect(turns[0]!.expectedStartAtMs).toBe(Date.parse('2026-03-29T22:00:00Z'));
    expect(nights).toBe(2);
  });

  it('after the deadline only to say how many nights are missing', () => {
    const { turns, nights, late, expectedEndAtMs } = scheduleTask(
      some(5, 200),
      times({ window: NIGHT, deadlineAtMs: NOON + 2 * DAY }),
    );
    expect(turns.map(({ night }) => night)).toEqual([1, 2, null, null, null]);
    expect({ nights, late, expectedEndAtMs }).toEqual({ nights: 5, late: 3, expectedEndAtMs: null });
  });

  it('if there are any', () => {
    expect(scheduleTask([], times({ window: NIGHT }))).toEqual({
      turns: [],
      nights: 0,
      late: 0,
      expectedEndAtMs: null,
    });
  });
});

it('the bounds hold for the deadline, the last proof and a late approval', () => {
  const plain = times();
  expect(latestDeviceEndMs(plain) - plain.deadlineAtMs).toBe(40 * MINUTE);
  expect(latestTaskEndMs(plain)).toBeGreaterThan(latestDeviceEndMs(plain));
  const late = times({ approvalDeadlineAtMs: plain.deadlineAtMs + HOUR });
  expect(latestTaskEndMs(late) - latestTaskEndMs(plain)).toBe(HOUR);
});

// ---------------------------------------------------------------- laws

const keyOf = (letters: string) => fc.constantFrom(null, ...letters.split(''));
const fleets = fc.array(
  fc.record<ScheduledDevice>({
    isReady: fc.constantFrom(true, true, true, false),
    durationsMs: fc.array(
      fc.integer({ min: 30, max: 12_000 }).map((s) => s * SECOND),
      { minLength: 1, maxLength: 2 },
    ),
    keys: fc.record({ model: keyOf('ab'), order: keyOf('xyz'), gateway: keyOf('g'), department: fc.constant('1') }),
  }),
  { maxLength: 40 },
);
const pacings = fc.record<Pacing>({
  maxConcurrent: fc.integer({ min: 1, max: 12 }),
  ratePerMinute: fc.option(fc.integer({ min: 1, max: 90 })),
  growth: fc.option(
    fc.record({
      basePerMinute: fc.integer({ min: 1, max: 20 }),
      factor: fc.constantFrom(1.1, 2, 5),
      everyDevices: fc.integer({ min: 1, max: 9 }),
      by: fc.constantFrom('finished' as const, 'succeeded' as const),
    }),
  ),
  limits: fc.uniqueArray(
    fc.record({
      key: fc.constantFrom('model' as const, 'order' as const, 'gateway' as const, 'department' as const),
      max: fc.integer({ min: 1, max: 5 }),
    }),
    { selector: ({ key }) => key, maxLength: 4 },
  ),
});
const windows = fc.constantFrom<Window | null>(
  null,
  NIGHT,
  { from: '22:00', to: '04:00', zone: 'Europe/Berlin' },
  { from: '01:30', to: '03:00', zone: 'Australia/Lord_Howe' },
  { from: '02:00', to: '01:30', zone: 'America/New_York' },
);
const tasks = fc
  .record<TaskTimes>({
    pacing: pacings,
    window: windows,
    dispatchAtMs: fc.integer({ min: NOON - 200 * DAY, max: NOON + 200 * DAY }),
    deadlineAtMs: fc.constant(0),
    approvalDeadlineAtMs: fc.constant(null),
    proofMs: fc.constant(30 * MINUTE),
  })
  .map((task) => ({ ...task, deadlineAtMs: task.dispatchAtMs + 20 * DAY }));

describe('for every fleet and every task', () => {
  it('a dispatcher under which all behave starts everybody when the plan says, in its order and its nights', () => {
    fc.assert(
      fc.property(fleets, tasks, (devices, task) => {
        const { turns, nights } = scheduleTask(devices, task);
        const run = dispatchAll(devices, task, behaving(devices), task.deadlineAtMs + DAY);
        expect(run.mostActive).toBeLessThanOrEqual(task.pacing.maxConcurrent);
        turns.forEach(({ expectedStartAtMs, expectedEndAtMs, fitting, wave }, place) => {
          if (expectedStartAtMs !== null) {
            expect(run.startMs.get(place)).toBe(expectedStartAtMs);
            expect(run.endMs.get(place)).toBe(expectedEndAtMs);
          }
          if (fitting === 0) expect(run.startMs.get(place) ?? Infinity).toBeGreaterThanOrEqual(task.deadlineAtMs);
          expect(wave === null).toBe((run.startMs.get(place) ?? Infinity) >= task.deadlineAtMs);
        });
        const whole = devices.every(
          ({ isReady, durationsMs }, n) => !isReady || turns[n]!.fitting === durationsMs.length,
        );
        if (task.window !== null && whole && nights !== null) {
          // The run ends soon after the deadline; the plan looks further, to say how many nights are missing.
          const hasEnded = devices.every(({ isReady }, n) => !isReady || run.endMs.has(n));
          const lastMs = hasEnded ? Math.max(0, ...run.endMs.values()) : task.deadlineAtMs;
          const least = nightOf(task.window, task.dispatchAtMs, lastMs);
          if (hasEnded) expect(nights).toBe(least);
          else expect(nights).toBeGreaterThanOrEqual(least);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('whatever devices do, nobody is started before the earliest start', () => {
    const chaos = fc.array(fc.record({ takes: fc.constantFrom(0, 0, 0.1, 1, 3), isAway: fc.boolean() }), {
      minLength: 1,
    });
    fc.assert(
      fc.property(fleets, tasks, chaos, (devices, task, behaviours) => {
        const { turns } = scheduleTask(devices, task);
        const run = dispatchAll(
          devices,
          task,
          (place, file) => {
            const { takes, isAway } = behaviours[place % behaviours.length]!;
            return { takesMs: Math.round(devices[place]!.durationsMs[file]! * takes), isAway };
          },
          task.deadlineAtMs,
        );
        for (const [place, startMs] of run.startMs) {
          const { earliestStartAtMs, expectedStartAtMs } = turns[place]!;
          expect(earliestStartAtMs).not.toBeNull();
          expect(startMs).toBeGreaterThanOrEqual(earliestStartAtMs!);
          if (expectedStartAtMs !== null) expect(expectedStartAtMs).toBeGreaterThanOrEqual(earliestStartAtMs!);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('the rate turned round says the same as the rate', () => {
    fc.assert(
      fc.property(pacings, fc.array(fc.nat({ max: 20_000 }), { maxLength: 60 }), (pacing, steps) => {
        const clock = new RateClock(pacing);
        let recent: RecentStarts = [];
        let nowMs = NOON;
        steps.forEach((step, through) => {
          nowMs += step;
          const state = { nowMs, active: 0, recent, finished: through, succeeded: through };
          const allowed = startsAllowed({ ...pacing, maxConcurrent: 1_000 }, state) > 0;
          expect(clock.next(nowMs, through) <= nowMs).toBe(allowed);
          if (!allowed) return;
          clock.started(nowMs);
          recent = withStarts(recent, nowMs, 1);
        });
      }),
      { numRuns: 500 },
    );
  });
});

/** The number of the night in which a moment lies, its closing included; 0: none of them. */
function nightOf(window: Window, fromMs: number, atMs: number): number {
  if (atMs < fromMs) return 0;
  for (const { night, closesAtMs } of nightsFrom(window, fromMs)) if (atMs <= closesAtMs) return night;
  return 0;
}

it('100 000 devices are planned in less than seconds', () => {
  const devices = Array.from({ length: 100_000 }, (_, n) =>
    device((100 + (n % 300)) / 60, { model: `m${n % 7}`, order: `o${n % 500}` }, n % 10 !== 0),
  );
  const pacing: Pacing = {
    maxConcurrent: 1_000,
    ratePerMinute: 600,
    growth: { basePerMinute: 60, factor: 1.5, everyDevices: 500, by: 'succeeded' },
    limits: [
      { key: 'model', max: 300 },
      { key: 'order', max: 5 },
    ],
  };
  const before = process.cpuUsage();
  const { late, nights } = scheduleTask(devices, times({ window: NIGHT, pacing, deadlineAtMs: NOON + 30 * DAY }));
  // About one second of one core; quadratic would be minutes.
  expect(process.cpuUsage(before).user / 1_000).toBeLessThan(8_000);
  expect({ late, nights }).toEqual({ late: 0, nights: expect.any(Number) });
}, 60_000);

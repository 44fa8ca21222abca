import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  assumedBytesPerSecond,
  DEFAULT_WINDOW,
  earliestStart,
  expectedDurationMs,
  isZone,
  NEVER_MS,
  nightsFrom,
  speedNeeded,
  windowAt,
  type Night,
  type Window,
} from '../../workflows/rules/windows.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const at = (text: string) => Date.parse(text);
const shown = (ms: number) => new Date(ms).toISOString().replace(':00.000Z', 'Z');
const window = (from: string, to: string, zone: string): Window => ({ from, to, zone });

/** `open until …` or `closed until …`, in UTC. */
function position(of: Window, nowMs: number): string {
  const found = windowAt(of, nowMs);
  return found.open ? `open until ${shown(found.closesAtMs)}` : `closed until ${shown(found.opensAtMs)}`;
}

const BERLIN = 'Europe/Berlin';
const NEW_YORK = 'America/New_York';
const LORD_HOWE = 'Australia/Lord_Howe';

describe('a window', () => {
  it.each<[string, string, string, string, string, string]>([
    ['before it opens', '00:00', '06:00', 'Asia/Shanghai', '2026-03-03T15:59:59Z', 'closed until 2026-03-03T16:00Z'],
    [
      'the opening is inside',
      '00:00',
      '06:00',
      'Asia/Shanghai',
      '2026-03-03T16:00:00Z',
      'open until 2026-03-03T22:00Z',
    ],
    ['the last moment', '00:00', '06:00', 'Asia/Shanghai', '2026-03-03T21:59:59Z', 'open until 2026-03-03T22:00Z'],
    [
      'the closing is outside',
      '00:00',
      '06:00',
      'Asia/Shanghai',
      '2026-03-03T22:00:00Z',
      'closed until 2026-03-04T16:00Z',
    ],
    ['over midnight, in the evening', '22:00', '05:30', BERLIN, '2026-01-10T22:30:00Z', 'open until 2026-01-11T04:30Z'],
    ['over midnight, in the morning', '22:00', '05:30', BERLIN, '2026-01-11T03:00:00Z', 'open until 2026-01-11T04:30Z'],
    ['over midnight, by day', '22:00', '05:30', BERLIN, '2026-01-11T12:00:00Z', 'closed until 2026-01-11T21:00Z'],
    ['over the end of a year', '23:00', '01:00', 'UTC', '2026-12-31T23:30:00Z', 'open until 2027-01-01T01:00Z'],
    ['over the 29th of February', '23:00', '01:00', 'UTC', '2028-02-28T23:30:00Z', 'open until 2028-02-29T01:00Z'],
    ['a zone of half hours', '01:00', '02:00', 'Asia/Kolkata', '2026-05-05T19:45:00Z', 'open until 2026-05-05T20:30Z'],
    [
      'a zone of quarter hours',
      '01:00',
      '02:00',
      'Asia/Kathmandu',
      '2026-05-05T19:10:00Z',
      'closed until 2026-05-05T19:15Z',
    ],
    ['the far east', '00:00', '06:00', 'Pacific/Kiritimati', '2026-05-05T10:00:00Z', 'open until 2026-05-05T16:00Z'],
    ['the far west', '00:00', '06:00', 'Pacific/Pago_Pago', '2026-05-05T10:59:00Z', 'closed until 2026-05-05T11:00Z'],
    ['ending at midnight', '22:00', '00:00', 'UTC', '2026-05-05T23:59:00Z', 'open until 2026-05-06T00:00Z'],
    ['one minute long', '12:00', '12:01', 'UTC', '2026-05-05T12:01:00Z', 'closed until 2026-05-06T12:00Z'],
    ['all but one minute', '12:01', '12:00', 'UTC', '2026-05-05T12:00:30Z', 'closed until 2026-05-05T12:01Z'],
    ['all day: a day at a time', '06:00', '06:00', 'UTC', '2026-05-05T06:00:00Z', 'open until 2026-05-06T06:00Z'],
    ['all day, a moment before', '06:00', '06:00', 'UTC', '2026-05-05T05:59:59Z', 'open until 2026-05-05T06:00Z'],
  ])('%s', (_, from, to, zone, now, expected) => {
    expect(position(window(from, to, zone), at(now))).toBe(expected);
  });

  it('changes at a whole millisecond, whatever the clock that asks counts in', () => {
    const night = window('00:00', '06:00', 'Asia/Shanghai');
    const now = at('2026-03-03T21:59:59.999Z') + 0.25;
    expect(windowAt(night, now)).toEqual({ open: true, closesAtMs: at('2026-03-03T22:00:00Z') });
    expect(windowAt(night, now + 0.75)).toEqual({ open: false, opensAtMs: at('2026-03-04T16:00:00Z') });
  });

  it('that there is not is always open', () => {
    expect(windowAt(null, at('2026-05-05T12:00:00Z')).open).toBe(true);
  });

  // Berlin leaves out 02:00–03:00 on 2026-03-29 (at 01:00Z) and repeats it on 2026-10-25 (at 01:00Z).
  it.each<[string, string, string, string, string]>([
    ['the short night', '00:00', '06:00', '2026-03-28T23:00:00Z', 'open until 2026-03-29T04:00Z'],
    ['the long night', '00:00', '06:00', '2026-10-24T22:00:00Z', 'open until 2026-10-25T05:00Z'],
    [
      'opening in the hour that is left out',
      '02:30',
      '06:00',
      '2026-03-29T00:59:00Z',
      'closed until 2026-03-29T01:00Z',
    ],
    ['closing in the hour that is left out', '00:00', '02:30', '2026-03-29T00:30:00Z', 'open until 2026-03-29T01:00Z'],
    ['inside the hour that is left out', '02:15', '02:45', '2026-03-29T00:30:00Z', 'closed until 2026-03-30T00:15Z'],
    ['closing when the hour is left out', '00:00', '02:00', '2026-03-29T00:30:00Z', 'open until 2026-03-29T01:00Z'],
    ['opening after it', '03:00', '04:00', '2026-03-29T00:30:00Z', 'closed until 2026-03-29T01:00Z'],
    ['closing in the repeated hour', '00:00', '02:30', '2026-10-25T00:10:00Z', 'open until 2026-10-25T00:30Z'],
    ['closed within the repeated hour', '00:00', '02:30', '2026-10-25T00:40:00Z', 'closed until 2026-10-25T01:00Z'],
    ['its second time', '00:00', '02:30', '2026-10-25T01:10:00Z', 'open until 2026-10-25T01:30Z'],
    ['opening in the repeated hour', '02:30', '04:00', '2026-10-25T00:10:00Z', 'closed until 2026-10-25T00:30Z'],
    [
      'open when the clock goes back out of it',
      '02:30',
      '04:00',
      '2026-10-25T00:40:00Z',
      'open until 2026-10-25T01:00Z',
    ],
    ['opening for the second time', '02:30', '04:00', '2026-10-25T01:10:00Z', 'closed until 2026-10-25T01:30Z'],
    [
      'closing at the end of the repeated hour',
      '00:00',
      '03:00',
      '2026-10-25T00:10:00Z',
      'open until 2026-10-25T02:00Z',
    ],
  ])('in Berlin when the clock changes: %s', (_, from, to, now, expected) => {
    expect(position(window(from, to, BERLIN), at(now))).toBe(expected);
  });

  // New York: 02:00–03:00 is left out on 2026-03-08 (07:00Z), 01:00–02:00 is repeated on 2026-11-01 (06:00Z).
  it.each<[string, string, string, string, string]>([
    ['the short night', '00:00', '06:00', '2026-03-08T05:00:00Z', 'open until 2026-03-08T10:00Z'],
    ['the long night', '00:00', '06:00', '2026-11-01T04:00:00Z', 'open until 2026-11-01T11:00Z'],
    ['closing in the repeated hour', '00:00', '01:30', '2026-11-01T04:00:00Z', 'open until 2026-11-01T05:30Z'],
    ['over midnight', '22:00', '02:30', '2026-03-08T05:00:00Z', 'open until 2026-03-08T07:00Z'],
  ])('in New York when the clock changes: %s', (_, from, to, now, expected) => {
    expect(position(window(from, to, NEW_YORK), at(now))).toBe(expected);
  });

  // Lord Howe changes by half an hour: 02:00–02:30 is left out on 2026-10-04 (15:30Z before), 01:30–02:00 repeated on 2026-04-05 (15:00Z before).
  it.each<[string, string, string, string, string]>([
    ['the short night', '00:00', '06:00', '2026-10-03T13:30:00Z', 'open until 2026-10-03T19:00Z'],
    ['the long night', '00:00', '06:00', '2026-04-04T13:00:00Z', 'open until 2026-04-04T19:30Z'],
    ['closing in the half hour left out', '00:00', '02:15', '2026-10-03T14:00:00Z', 'open until 2026-10-03T15:30Z'],
    ['closing in the repeated half hour', '00:00', '01:45', '2026-04-04T14:00:00Z', 'open until 2026-04-04T14:45Z'],
  ])('in Lord Howe when the clock changes: %s', (_, from, to, now, expected) => {
    expect(position(window(from, to, LORD_HOWE), at(now))).toBe(expected);
  });

  it('exists where a whole day was left out', () => {
    // Samoa had no 2011-12-30.
    const night = window('00:00', '06:00', 'Pacific/Apia');
    expect(position(night, at('2011-12-29T20:00:00Z'))).toBe('closed until 2011-12-30T10:00Z');
    expect(position(night, at('2011-12-30T10:00:00Z'))).toBe('open until 2011-12-30T16:00Z');
  });
});

// ---------------------------------------------------------------- laws, against the clock on the wall

const ZONES = [
  BERLIN,
  NEW_YORK,
  LORD_HOWE,
  'Asia/Shanghai',
  'Asia/Kathmandu',
  'Africa/Casablanca',
  'America/St_Johns',
  'America/Santiago',
  'Pacific/Chatham',
  'Pacific/Apia',
  'UTC',
];

const clocks = new Map<string, Intl.DateTimeFormat>();

/** What a clock on the wall shows, `HH:MM`. */
function wall(zone: string, ms: number): string {
  if (!clocks.has(zone)) {
    clocks.set(
      zone,
      new Intl.DateTimeFormat('en-GB', { timeZone: zone, hourCycle: 'h23', hour: '2-digit', minute: '2-digit' }),
    );
  }
  return clocks.get(zone)!.format(ms);
}

function isInside({ from, to, zone }: Window, ms: number): boolean {
  const time = wall(zone, ms);
  return from < to ? from <= time && time < to : from <= time || time < to;
}

function changesOf(some: Window, atMs: number): { closesAtMs: number } {
  const found = windowAt(some, atMs);
  return { closesAtMs: found.open ? found.closesAtMs : Number.NaN };
}

function take<Item>(items: Iterable<Item>, count: number): Item[] {
  const taken: Item[] = [];
  for (const item of items) if (taken.push(item) === count) break;
  return taken;
}

/** The windows between two moments, the last one cut where it is open at the end. */
function nightsUntil(some: Window, fromMs: number, untilMs: number): Night[] {
  const found: Night[] = [];
  for (const night of nightsFrom(some, fromMs)) {
    if (night.opensAtMs >= untilMs) return found;
    found.push(night);
  }
  return found;
}

const minuteOfDay = fc.nat({ max: 24 * 60 - 1 }).map((minute) => {
  const hours = String(Math.floor(minute / 60)).padStart(2, '0');
  return `${hours}:${String(minute % 60).padStart(2, '0')}`;
});
/** Often near the hours in which clocks are changed. */
const timeOfDay = fc.oneof(
  minuteOfDay,
  fc.constantFrom('00:00', '01:00', '01:30', '01:45', '02:00', '02:15', '02:30', '03:00', '04:00'),
);
const windows = fc.record<Window>({ from: timeOfDay, to: timeOfDay, zone: fc.constantFrom(...ZONES) });

/** Nights in 2026 in which a clock is changed somewhere, and any other time. */
const CHANGES = [
  '2026-03-08',
  '2026-03-29',
  '2026-04-05',
  '2026-09-06',
  '2026-09-27',
  '2026-10-04',
  '2026-10-25',
  '2026-11-01',
];
const instants = fc.oneof(
  fc.integer({ min: at('2020-01-01T00:00:00Z'), max: at('2036-01-01T00:00:00Z') }),
  fc
    .tuple(fc.constantFrom(...CHANGES), fc.integer({ min: -DAY, max: DAY }))
    .map(([day, offset]) => at(`${day}T00:00:00Z`) + offset),
);

describe('for every window and every moment', () => {
  it('it is open exactly when the clock on the wall says so', () => {
    fc.assert(
      fc.property(windows, instants, (some, nowMs) => {
        expect(windowAt(some, nowMs).open).toBe(isInside(some, nowMs));
      }),
      { numRuns: 2_000 },
    );
  });

  it('it changes at the moment that is said, and not before', () => {
    fc.assert(
      fc.property(
        windows,
        instants,
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (some, nowMs, share) => {
          const found = windowAt(some, nowMs);
          const changesAtMs = found.open ? found.closesAtMs : found.opensAtMs;
          expect(changesAtMs).toBeGreaterThan(nowMs);
          for (const ms of [nowMs + Math.floor(share * (changesAtMs - nowMs)), changesAtMs - 1]) {
            expect(isInside(some, ms)).toBe(found.open);
          }
          // All day is one window after the other.
          expect(isInside(some, changesAtMs)).toBe(some.from === some.to || !found.open);
        },
      ),
      { numRuns: 2_000 },
    );
  });

  it('it opens again within two days', () => {
    fc.assert(
      fc.property(windows, instants, (some, nowMs) => {
        const found = windowAt(some, nowMs);
        if (!found.open) expect(found.opensAtMs - nowMs).toBeLessThanOrEqual(2 * DAY);
      }),
    );
  });

  it('what is started at the earliest start ends before the closing, and nothing waits that could begin', () => {
    fc.assert(
      fc.property(windows, instants, fc.integer({ min: 1, max: 26 * HOUR }), (some, nowMs, durationMs) => {
        const startMs = earliestStart(some, nowMs, durationMs, nowMs + 20 * DAY);
        expect(startMs).toBeGreaterThanOrEqual(nowMs);
        const passedBy = nightsUntil(some, nowMs, Math.min(startMs, nowMs + 20 * DAY));
        for (const { opensAtMs, closesAtMs } of passedBy) {
          expect(Math.min(closesAtMs, startMs) - opensAtMs).toBeLessThan(durationMs);
        }
        if (startMs === NEVER_MS) return;
        expect(isInside(some, startMs)).toBe(true);
        expect(changesOf(some, startMs).closesAtMs - startMs).toBeGreaterThanOrEqual(durationMs);
      }),
      { numRuns: 500 },
    );
  });

  it('what is asked for later, or takes longer, does not start earlier', () => {
    fc.assert(
      fc.property(
        windows,
        instants,
        fc.nat({ max: 2 * DAY }),
        fc.integer({ min: 1, max: 8 * HOUR }),
        fc.nat({ max: 8 * HOUR }),
        (some, nowMs, laterMs, durationMs, longerMs) => {
          const until = nowMs + 10 * DAY;
          const startMs = earliestStart(some, nowMs, durationMs, until);
          expect(earliestStart(some, nowMs + laterMs, durationMs, until)).toBeGreaterThanOrEqual(startMs);
          expect(earliestStart(some, nowMs, durationMs + longerMs, until)).toBeGreaterThanOrEqual(startMs);
        },
      ),
      { numRuns: 1_000 },
    );
  });

  it('a clock that goes back gets the answers of the time it shows', () => {
    fc.assert(
      fc.property(windows, instants, fc.array(fc.nat({ max: 40 * DAY }), { maxLength: 20 }), (some, nowMs, steps) => {
        const moments = steps.map((step) => nowMs + step);
        const forth = moments.toSorted((a, b) => a - b).map((ms) => [ms, windowAt(some, ms)]);
        const back = moments.toSorted((a, b) => b - a).map((ms) => [ms, windowAt(some, ms)]);
        expect(back.toReversed()).toEqual(forth);
      }),
      { numRuns: 200 },
    );
  });

  it('the nights that come are those in which the clock on the wall shows a permitted time', () => {
    fc.assert(
      fc.property(windows, instants, (some, fromMs) => {
        let atMs = fromMs;
        let before = 0;
        for (const { night, opensAtMs, closesAtMs } of take(nightsFrom(some, fromMs), 5)) {
          expect(windowAt(some, atMs)).toEqual(
            atMs === opensAtMs ? { open: true, closesAtMs } : { open: false, opensAtMs },
          );
          expect(windowAt(some, opensAtMs)).toEqual({ open: true, closesAtMs });
          expect([before, before + 1]).toContain(night);
          before = night;
          atMs = closesAtMs;
        }
        expect(before).toBeGreaterThan(0);
      }),
      { numRuns: 500 },
    );
  });

  it('without a window everything may start at once', () => {
    fc.assert(
      fc.property(instants, fc.nat({ max: 100 * DAY }), (nowMs, durationMs) => {
        expect(earliestStart(null, nowMs, durationMs)).toBe(nowMs);
      }),
    );
  });
});

describe('the nights that come', () => {
  const nights = (of: Window, from: string, count: number) =>
    take(nightsFrom(of, at(from)), count).map(
      ({ night, opensAtMs, closesAtMs }) => `${night}: ${shown(opensAtMs)} to ${shown(closesAtMs)}`,
    );

  it('are as long as they really are, the first from the moment of asking on', () => {
    expect(nights(window('00:00', '06:00', BERLIN), '2026-03-27T04:00:00Z', 4)).toEqual([
      '1: 2026-03-27T04:00Z to 2026-03-27T05:00Z',
      '2: 2026-03-27T23:00Z to 2026-03-28T05:00Z',
      '3: 2026-03-28T23:00Z to 2026-03-29T04:00Z',
      '4: 2026-03-29T22:00Z to 2026-03-30T04:00Z',
    ]);
  });

  it('leave out a night whose hours are left out', () => {
    expect(nights(window('02:15', '02:45', BERLIN), '2026-03-28T00:00:00Z', 2)).toEqual([
      '1: 2026-03-28T01:15Z to 2026-03-28T01:45Z',
      '2: 2026-03-30T00:15Z to 2026-03-30T00:45Z',
    ]);
  });

  it('count a night once that a repeated hour opens twice', () => {
    const half = window('00:00', '02:30', BERLIN);
    const both = ['1: 2026-10-24T22:00Z to 2026-10-25T00:30Z', '1: 2026-10-25T01:00Z to 2026-10-25T01:30Z'];
    expect(nights(half, '2026-10-24T12:00:00Z', 3)).toEqual([...both, '2: 2026-10-25T23:00Z to 2026-10-26T01:30Z']);
    expect(nights(half, '2026-10-25T00:45:00Z', 2)).toEqual([both[1], '2: 2026-10-25T23:00Z to 2026-10-26T01:30Z']);
  });

  it('are days where all day is permitted', () => {
    expect(nights(window('06:00', '06:00', 'UTC'), '2026-05-05T12:00:00Z', 2)).toEqual([
      '1: 2026-05-05T12:00Z to 2026-05-06T06:00Z',
      '2: 2026-05-06T06:00Z to 2026-05-07T06:00Z',
    ]);
  });
});

describe('what takes long', () => {
  it('waits for the first night that is long enough', () => {
    // The night to 29 March has five hours, the one before and the one after have six.
    const night = window('00:00', '06:00', BERLIN);
    const start = (from: string, hours: number) => shown(earliestStart(night, at(from), hours * HOUR));
    expect(start('2026-03-28T12:00:00Z', 5)).toBe('2026-03-28T23:00Z');
    expect(start('2026-03-28T12:00:00Z', 5.5)).toBe('2026-03-29T22:00Z');
    // Only the night in which an hour is repeated has seven.
    expect(start('2026-03-28T12:00:00Z', 7)).toBe('2026-10-24T22:00Z');
    expect(earliestStart(night, at('2026-03-28T12:00:00Z'), 7 * HOUR + 1)).toBe(NEVER_MS);
    expect(earliestStart(night, at('2026-03-28T12:00:00Z'), 7 * HOUR, at('2026-10-01T00:00:00Z'))).toBe(NEVER_MS);
  });

  it('is answered fast enough to be asked several times a second', () => {
    const night = window('22:00', '06:00', BERLIN);
    windowAt(night, at('2026-03-28T12:00:00Z'));
    const startedAtMs = performance.now();
    for (let n = 0; n < 20_000; n++) windowAt(night, at('2026-03-28T12:00:00Z') + n * 200);
    // Three microseconds each, a hundred and fifty without the memory of zones.
    expect(performance.now() - startedAtMs).toBeLessThan(1_000);
  });
});

it('the speed that is needed is that of the devices that end in time', () => {
  const measurements = fc.option(fc.double({ min: 0.1, max: 1e6, noNaN: true }));
  const protocols = fc.constantFrom('terminal', 'ams', 'pigeon');
  fc.assert(
    fc.property(
      protocols,
      measurements,
      fc.nat({ max: 16_000_000 }),
      fc.nat({ max: 20 * HOUR }),
      (protocol, measured, sizeBytes, leftMs) => {
        const durationMs = expectedDurationMs(sizeBytes, assumedBytesPerSecond(protocol, measured));
        const needed = speedNeeded(protocol, sizeBytes, leftMs);
        const isFast = measured === null ? needed.isUsualEnough : measured >= needed.measured;
        // Half a millisecond of a file is neither here nor there.
        if (Math.abs(durationMs - leftMs) > 1) expect(isFast).toBe(durationMs <= leftMs);
      },
    ),
    { numRuns: 2_000 },
  );
});

describe('a file is expected to take', () => {
  it('as long as its bytes and the flash', () => {
    expect(expectedDurationMs(0)).toBe(MINUTE);
    expect(expectedDurationMs(102_400)).toBe(260 * SECOND);
    expect(expectedDurationMs(102_400, 1_024)).toBe(160 * SECOND);
  });

  it.each<[string, string, number | null, number]>([
    ['what is usual for a terminal that was never measured', 'terminal', null, 512],
    ['what is usual for a tracker that was never measured', 'ams', null, 2_048],
    ['the smallest of these for a protocol nobody knows', 'pigeon', null, 512],
    ['four fifths of what was measured', 'terminal', 1_000, 800],
    ['not the standstill that was measured', 'terminal', 0.5, 32],
    ['not the leap that was measured', 'terminal', 9e9, 32_768],
    ['what is usual where the measurement says nothing', 'ams', 0, 2_048],
    ['what is usual where the measurement is none', 'ams', Number.NaN, 2_048],
    ['what is usual where the measurement is impossible', 'ams', -5, 2_048],
  ])('with %s', (_, protocol, measured, expected) => {
    expect(assumedBytesPerSecond(protocol, measured)).toBe(expected);
  });
});

it('a zone is one that the platform knows', () => {
  expect([...ZONES, DEFAULT_WINDOW.zone].filter((zone) => !isZone(zone))).toEqual([]);
  expect(['Asia/Atlantis', '', 'Berlin', 'x'.repeat(100)].filter(isZone)).toEqual([]);
});

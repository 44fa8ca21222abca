/**
 * The report of the measurements: what is refused, what is judged, how it reads, and that it comes whatever happens to
 * an area.
 */
import { randomUUID } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { settingsOf, shownSettings, type Setting } from '../../bench/area.ts';
import { AREA_NAMES, areaOf } from '../../bench/areas.ts';
import {
  figureOf,
  isLoadedBy,
  jsonOf,
  markdownOf,
  verdictOf,
  type AreaReport,
  type GivenFigure,
  type Load,
  type Report,
} from '../../bench/report.ts';
import { measureAreas, type Chosen, type RunOptions } from '../../bench/run.ts';
import { waitFor } from '../support/wait.ts';

const PACKETS: GivenFigure = {
  name: 'packets',
  unit: 'packets/s',
  better: 'more',
  value: 30_000,
  baseline: { name: 'TCP server', value: 40_000 },
};
const QUIET: Load = { average: 0.2, coresBefore: 0.1, coresDuring: 0.1 };

const area = (fields: Partial<AreaReport> = {}): AreaReport => ({
  name: 'packets',
  title: 'packets of terminals',
  state: 'measured',
  reason: null,
  startedAt: '2026-01-02T03:04:05.678Z',
  seconds: 61,
  settings: { rounds: '3' },
  load: QUIET,
  isLoaded: false,
  figures: [],
  missing: [],
  notes: [],
  ...fields,
});

const report = (...areas: AreaReport[]): Report => ({
  slipway: { version: '1.2.3', commit: 'abc1234', isChanged: false },
  startedAt: '2026-01-02T03:04:05.678Z',
  endedAt: '2026-01-02T03:14:05.678Z',
  sizes: 'full',
  machine: {
    cpu: 'Some CPU',
    cores: 2,
    memoryGb: 15.6,
    kernel: 'Linux 6.1 x64',
    node: 'v20.19.0',
    postgres: '18.4',
    temporal: null,
  },
  areas,
});

/** Cells of the rows of a table in which the first cell is this. */
const rowOf = (markdown: string, first: string) =>
  markdown
    .split('\n')
    .map((line) => line.split(/(?<!\\)\|/).map((cell) => cell.trim()))
    .find((cells) => cells[1] === first)
    ?.slice(1, -1);

describe('a figure', () => {
  it('has a ratio to its baseline, or that of the rounds', () => {
    expect(figureOf(PACKETS)).toEqual({
      ...PACKETS,
      range: null,
      baseline: { name: 'TCP server', value: 40_000, range: null },
      ratio: 0.75,
      goal: null,
    });
    expect(figureOf({ ...PACKETS, ratio: 0.8 }).ratio).toBe(0.8);
  });

  it.each([0, Number.NaN, Infinity, -1])('without a baseline is refused: %s', (value) => {
    const given = { ...PACKETS, baseline: { name: 'TCP server', value } };
    expect(() => figureOf(given)).toThrow(`packets: there is no baseline to compare it with (TCP server: ${value})`);
  });

  it.each([Number.NaN, Infinity, -1])('that is no measurement is refused: %s', (value) => {
    expect(() => figureOf({ ...PACKETS, value })).toThrow(`packets: ${value} is no measurement`);
    expect(() => figureOf({ ...PACKETS, ratio: value })).toThrow(`packets: the ratio ${value} is none`);
  });

  it('of nothing at all is a measurement', () => {
    expect(figureOf({ ...PACKETS, value: 0 }).ratio).toBe(0);
  });
});

describe('a goal', () => {
  it.each([
    [{ of: 'ratio', atLeast: 0.75 }, 'met'],
    [{ of: 'ratio', atLeast: 0.76 }, 'not met'],
    [{ of: 'ratio', atMost: 0.75 }, 'met'],
    [{ of: 'ratio', atMost: 0.74 }, 'not met'],
    [{ of: 'value', atLeast: 30_000 }, 'met'],
    [{ of: 'value', atMost: 29_999 }, 'not met'],
  ] as const)('%j is %s', (goal, verdict) => {
    expect(verdictOf(figureOf({ ...PACKETS, goal }), false)).toBe(verdict);
  });

  it('is not judged on a machine that others use', () => {
    expect(verdictOf(figureOf({ ...PACKETS, goal: { of: 'ratio', atLeast: 0.1 } }), true)).toBe('not judged');
  });

  it('that nobody has set gets no verdict', () => {
    expect(verdictOf(figureOf(PACKETS), true)).toBeNull();
  });
});

describe('a machine counts as loaded', () => {
  it.each([
    ['quiet', QUIET, true, false],
    ['half of it used before', { ...QUIET, coresBefore: 1 }, true, false],
    ['more than half used before', { ...QUIET, coresBefore: 1.1 }, false, true],
    ['more than half used meanwhile', { ...QUIET, coresDuring: 1.1 }, false, true],
    ['not known what was used meanwhile', { ...QUIET, coresDuring: null }, false, false],
    ['a high average before the first area', { ...QUIET, average: 1.1 }, true, true],
    ['a high average behind an area of ours', { ...QUIET, average: 1.9 }, false, false],
  ])('%s', (_, load, isFirst, isLoaded) => {
    expect(isLoadedBy(load, 2, isFirst)).toBe(isLoaded);
  });
});

describe('the report for people', () => {
  const goal = { of: 'ratio', atLeast: 0.7 } as const;
  const measured = area({
    figures: [
      figureOf({ ...PACKETS, range: [25_000, 35_000], goal }),
      figureOf({ ...PACKETS, name: 'slow | packets', value: 12.345, goal }),
      figureOf({
        ...PACKETS,
        name: 'memory',
        unit: 'KiB',
        better: 'less',
        value: 5.1,
        goal: { of: 'value', atMost: 10 },
      }),
      figureOf({ ...PACKETS, name: 'no goal', value: 0, range: [0, 0] }),
    ],
    notes: ['the gateway had 3000 connections'],
    missing: [{ name: 'reading', reason: 'MariaDB is not installed' }],
  });

  it('says what was measured on what', () => {
    const markdown = markdownOf(report(measured));
    expect(markdown).toMatch(/^# Slipway 1\.2\.3, measured\n/);
    expect(rowOf(markdown, 'version')).toEqual(['version', '1.2.3 (abc1234)']);
    expect(rowOf(markdown, 'when')).toEqual(['when', '2026-01-02 03:04 to 2026-01-02 03:14 UTC']);
    expect(rowOf(markdown, 'CPU')).toEqual(['CPU', '2 × Some CPU']);
    expect(rowOf(markdown, 'memory')).toEqual(['memory', '15.6 GB']);
    expect(rowOf(markdown, 'PostgreSQL')).toEqual(['PostgreSQL', '18.4']);
    expect(rowOf(markdown, 'Temporal')).toEqual(['Temporal', 'not used']);
    expect(rowOf(markdown, 'packets')).toEqual(['packets', 'measured', '61 s', '0.2', '0.1', '0.1']);
    expect(markdown).not.toContain('Warning');
  });

  it('says of changes that are not committed', () => {
    const changed = report(measured);
    changed.slipway = { version: '1.2.3', commit: null, isChanged: true };
    expect(rowOf(markdownOf(changed), 'version')).toEqual(['version', '1.2.3 (no commit known with changes)']);
  });

  it('has each figure beside its baseline, with ratio, goal and verdict', () => {
    const section = markdownOf(report(measured)).split('## packets: packets of terminals\n')[1]!;
    expect(section).toContain('Measured with rounds 3.');
    const rows = ['packets', 'slow \\| packets', 'memory', 'no goal'].map((name) => rowOf(section, name));
    expect(rows).toEqual([
      ['packets', 'packets/s ↑', '30000 (25000 to 35000)', '40000 TCP server', '0.75', 'ratio ≥ 0.7', 'met'],
      ['slow \\| packets', 'packets/s ↑', '12.3', '40000 TCP server', '0.00', 'ratio ≥ 0.7', '**not met**'],
      ['memory', 'KiB ↓', '5.10', '40000 TCP server', '0.00', '≤ 10 KiB', 'met'],
      ['no goal', 'packets/s ↑', '0', '40000 TCP server', '0.00', '', ''],
    ]);
    expect(section).toContain('**not measured**: reading: MariaDB is not installed');
    expect(section).toContain('- the gateway had 3000 connections');
  });

  it('warns of a loaded machine and judges nothing there', () => {
    const load = { average: 3.2, coresBefore: 1.8, coresDuring: 1.5 };
    const markdown = markdownOf(report(area({ name: 'quiet' }), { ...measured, load, isLoaded: true }));
    expect(markdown).toContain('> **Warning: the machine was busy with other things** (more than 1 of 2 cores)');
    expect(markdown).toContain('these were measured: packets (load average 3.2). ');
    expect(rowOf(markdown.split('## packets')[1]!, 'packets')!.at(-1)).toBe('not judged (loaded machine)');
  });

  it('says nothing of the load before an area that was not begun', () => {
    const markdown = markdownOf(report(area({ state: 'not measured', seconds: 0, load: null })));
    expect(rowOf(markdown, 'packets')).toEqual(['packets', 'not measured', '0 s', '', '', '']);
    expect(markdown).not.toContain('Measured with');
  });

  it('leaves no area out that was not measured or failed', () => {
    const markdown = markdownOf(
      report(
        area({ name: 'mes', state: 'not measured', reason: 'needs Linux' }),
        area({ name: 'mom', state: 'failed', reason: 'its process ended with code 7', figures: [figureOf(PACKETS)] }),
      ),
    );
    expect(markdown).toContain('**not measured**: needs Linux');
    expect(markdown).toContain('**failed**: its process ended with code 7');
    expect(rowOf(markdown.split('## mom')[1]!, 'packets')![2]).toBe('30000');
  });
});

it('the report for programs has everything, and the verdicts', () => {
  const goal = { of: 'ratio', atLeast: 0.7 } as const;
  const loaded = area({ name: 'mom', isLoaded: true, figures: [figureOf({ ...PACKETS, goal })] });
  const given = report(area({ figures: [figureOf({ ...PACKETS, goal }), figureOf(PACKETS)] }), loaded);
  const { areas, ...rest } = JSON.parse(jsonOf(given)) as Omit<Report, 'areas'> & {
    areas: { figures: { verdict: string | null }[] }[];
  };
  expect({ ...rest, areas: given.areas }).toEqual(given);
  expect(areas.map(({ figures }) => figures.map(({ verdict }) => verdict))).toEqual([['met', null], ['not judged']]);
  expect(areas[0]!.figures[0]).toMatchObject({ name: 'packets', ratio: 0.75, goal, baseline: { value: 40_000 } });
});

describe('settings of an area', () => {
  const settings: Record<string, Setting> = {
    rounds: { means: '', full: '10', quick: '3', kind: 'count', least: 1 },
    sizes: { means: '', full: '200,1000', kind: 'counts' },
    protocols: { means: '', full: 'ams,pcp', kind: 'names', oneOf: ['ams', 'pcp'] },
  };
  const read = (given: Record<string, string>, numbers: string[] = [], isQuick = false) =>
    settingsOf({ name: 'upgrades', settings, positional: 'sizes' }, { given, numbers, isQuick });

  it('are as given, or the usual ones', () => {
    expect(read({})).toEqual({ rounds: '10', sizes: '200,1000', protocols: 'ams,pcp' });
    expect(read({}, [], true)).toEqual({ rounds: '3', sizes: '200,1000', protocols: 'ams,pcp' });
    expect(read({ rounds: '1', protocols: 'pcp' }, ['5', '6'], true)).toEqual({
      rounds: '1',
      sizes: '5,6',
      protocols: 'pcp',
    });
  });

  it.each([
    [{ rounds: '0' }, [], '--rounds takes a whole number from 1, not 0'],
    [{ rounds: 'many' }, [], '--rounds takes a whole number from 1, not many'],
    [{ sizes: '5,x' }, [], '--sizes takes whole numbers from 1, for example 200,1000, not 5,x'],
    [{}, ['0'], '--sizes takes whole numbers from 1, for example 200,1000, not 0'],
    [{ protocols: 'ams,http' }, [], '--protocols takes ams, pcp, with commas, not ams,http'],
  ])('that make no sense are refused: %j %j', (given, numbers, message) => {
    expect(() => read(given, numbers)).toThrow(message);
  });

  it('are told, but for secrets and what is empty', () => {
    const token: Setting = { means: '', full: '', kind: 'secret' };
    const text: Setting = { means: '', full: '', kind: 'text' };
    const shown = shownSettings({ settings: { token, url: text, code: text } }, { token: 'abc', url: '', code: 'E1' });
    expect(shown).toEqual({ code: 'E1' });
  });

  it.each(AREA_NAMES)('of %s are sound, full and quick', async (name) => {
    const each = await areaOf(name);
    expect(each.name).toBe(name);
    for (const isQuick of [false, true]) settingsOf(each, { given: {}, numbers: [], isQuick });
  });
});

describe('a run', { timeout: 240_000 }, () => {
  const failing: Chosen = {
    area: { name: 'nowhere', title: 'an area that is not there', uses: [], settings: {} },
    settings: {},
  };
  const chosen = async (name: string, given: Record<string, string> = {}): Promise<Chosen> => {
    const each = await areaOf(name);
    return { area: each, settings: settingsOf(each, { given, numbers: [], isQuick: true }) };
  };
  const options = (fields: Partial<RunOptions> = {}): RunOptions => ({
    sizes: 'quick',
    limitMs: Infinity,
    interrupted: new AbortController().signal,
    watchMs: 20,
    onArea: () => {},
    ...fields,
  });

  it('keeps the other areas when one fails', async () => {
    const seen: number[] = [];
    const onArea = ({ areas }: Report) => void seen.push(areas.length);
    const tiny = await chosen('mes', { rows: '0', list: '1000', queries: '2' });
    const { areas } = await measureAreas([failing, tiny], options({ onArea }));
    expect(seen).toEqual([1, 2]);
    expect(areas[0]).toMatchObject({ state: 'failed', figures: [] });
    expect(areas[0]!.reason).toContain('there is no area nowhere');
    expect(areas[1]).toMatchObject({ name: 'mes', state: 'measured', reason: null, missing: [] });
    const byImei = areas[1]!.figures.find(({ name }) => name === 'page by IMEI, p99')!;
    expect(byImei).toMatchObject({ unit: 'ms', baseline: { name: 'select 1' }, goal: { of: 'value', atMost: 10 } });
    expect(byImei.ratio).toBe(byImei.value / byImei.baseline.value);
  });

  it('ends an area that takes too long', async () => {
    const { areas } = await measureAreas([await chosen('packets')], options({ limitMs: 600 }));
    expect(areas).toMatchObject([{ state: 'failed', reason: 'not finished after 0.01 minutes' }]);
  });

  it('begins no area that a person ended while others were watched', async () => {
    const interrupted = AbortSignal.timeout(50);
    const { areas } = await measureAreas([await chosen('packets')], options({ interrupted, watchMs: 500 }));
    expect(areas).toMatchObject([{ state: 'not measured', reason: 'interrupted before it began', seconds: 0 }]);
  });

  it('that a person ends says what it has not measured, and leaves no process behind', async () => {
    const mark = `BENCH_RUN=${randomUUID()}`;
    process.env['BENCH_RUN'] = mark.slice('BENCH_RUN='.length); // all that it starts has it
    const interrupted = AbortSignal.timeout(1_000);
    const { areas } = await measureAreas([await chosen('packets'), await chosen('mom')], options({ interrupted }));
    delete process.env['BENCH_RUN'];
    expect(areas.map(({ state }) => state)).toEqual(['interrupted', 'not measured']);
    expect(areas[1]!.reason).toBe('interrupted before it began');
    await waitFor(() => processesWith(mark).length === 0, { message: 'processes of the measurement are left' });
  });
});

/** Processes that were started with this in their environment, by their ids. */
function processesWith(mark: string): string[] {
  if (!existsSync('/proc')) return [];
  return readdirSync('/proc').filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/environ`, 'utf8').includes(mark);
    } catch {
      return false; // it has ended meanwhile
    }
  });
}

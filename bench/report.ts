/**
 * The report of the measurements: its shape, and how it reads as Markdown and as JSON. Plain functions; what is measured
 * and how is in the areas.
 *
 * A figure alone says more of the machine than of Slipway. So each stands beside a bare baseline measured in the same
 * run, and a figure without one is refused.
 */

/** What is asked of a figure, or of its ratio to the baseline. */
export interface Goal {
  of: 'ratio' | 'value';
  atLeast?: number;
  atMost?: number;
}

/** Something measured twice in one run: with Slipway, and with as little as can be. */
export interface Figure {
  name: string;
  unit: string;
  better: 'more' | 'less';
  value: number;
  /** Slowest and fastest round, or the like. */
  range: readonly [number, number] | null;
  baseline: { name: string; value: number; range: readonly [number, number] | null };
  /** Slipway's figure divided by that of the baseline; of figures taken in rounds the median of the rounds. */
  ratio: number;
  goal: Goal | null;
}

/** A figure as an area gives it: what is not said is worked out, or is not there. */
export type GivenFigure = Pick<Figure, 'name' | 'unit' | 'better' | 'value'> & {
  baseline: { name: string; value: number; range?: readonly [number, number] };
  range?: readonly [number, number];
  ratio?: number;
  goal?: Goal;
};

export type AreaState = 'measured' | 'not measured' | 'failed' | 'interrupted';

/** How busy the machine was with other things. */
export interface Load {
  /** Of the last minute, when the area began. What was measured before is part of it. */
  average: number;
  /** Cores that others used for the seconds before the area began. */
  coresBefore: number;
  /** Cores that others used while it ran; null: not known on this system. */
  coresDuring: number | null;
}

/** What one area measured. */
export interface AreaReport {
  name: string;
  title: string;
  state: AreaState;
  /** Why it is not measured, or failed. */
  reason: string | null;
  startedAt: string;
  seconds: number;
  /** What it was measured with. */
  settings: Readonly<Record<string, string>>;
  /** Null: it was not begun. */
  load: Load | null;
  isLoaded: boolean;
  figures: Figure[];
  /** Parts of the area that could not be measured here. */
  missing: { name: string; reason: string }[];
  /** What figures consist of, in words. */
  notes: string[];
}

export interface Machine {
  cpu: string;
  cores: number;
  memoryGb: number;
  kernel: string;
  node: string;
  /** Null: nothing that was measured uses it, or it is not there. */
  postgres: string | null;
  temporal: string | null;
}

export interface Report {
  slipway: { version: string; commit: string | null; isChanged: boolean };
  startedAt: string;
  endedAt: string;
  sizes: 'full' | 'quick';
  machine: Machine;
  areas: AreaReport[];
}

export type Verdict = 'met' | 'not met' | 'not judged';

/** More than this part of all cores used by others: figures say more of them than of Slipway. */
export const LOADED_SHARE = 0.5;

/** Completes a figure; throws when it, or the baseline beside it, is no measurement. */
export function figureOf(given: GivenFigure): Figure {
  const { name, value, baseline, range = null, goal = null } = given;
  if (!isMeasured(value)) throw new Error(`${name}: ${value} is no measurement`);
  if (!isMeasured(baseline.value) || baseline.value === 0) {
    throw new Error(`${name}: there is no baseline to compare it with (${baseline.name}: ${baseline.value})`);
  }
  const ratio = given.ratio ?? value / baseline.value;
  if (!isMeasured(ratio)) throw new Error(`${name}: the ratio ${ratio} is none`);
  const { unit, better } = given;
  return { name, unit, better, value, range, baseline: { ...baseline, range: baseline.range ?? null }, ratio, goal };
}

/** Whether others had so much of the machine that goals cannot be judged; `isFirst`: nothing of ours ran before it. */
export function isLoadedBy({ average, coresBefore, coresDuring }: Load, cores: number, isFirst: boolean): boolean {
  const limit = LOADED_SHARE * cores;
  return coresBefore > limit || (coresDuring ?? 0) > limit || (isFirst && average > limit);
}

/** Whether a goal is met; null: there is none. */
export function verdictOf({ value, ratio, goal }: Figure, isLoaded: boolean): Verdict | null {
  if (goal === null) return null;
  if (isLoaded) return 'not judged';
  const measured = goal.of === 'ratio' ? ratio : value;
  const isMet = measured >= (goal.atLeast ?? -Infinity) && measured <= (goal.atMost ?? Infinity);
  return isMet ? 'met' : 'not met';
}

/** The report for programs: everything of it, with a verdict beside each goal. */
export function jsonOf(report: Report): string {
  const areas = report.areas.map((area) => ({
    ...area,
    figures: area.figures.map((figure) => ({ ...figure, verdict: verdictOf(figure, area.isLoaded) })),
  }));
  return `${JSON.stringify({ ...report, areas }, null, 2)}\n`;
}

/** The report for people. */
export function markdownOf(report: Report): string {
  const { slipway, startedAt, machine, areas } = report;
  const build = [slipway.commit ?? 'no commit known', ...(slipway.isChanged ? ['with changes'] : [])].join(' ');
  const parts = [
    `# Slipway ${slipway.version}, measured`,
    tableOf(
      ['', ''],
      [
        ['version', `${slipway.version} (${build})`],
        ['when', `${minute(startedAt)} to ${minute(report.endedAt)} UTC`],
        ['sizes', report.sizes],
        ['CPU', `${machine.cores} × ${machine.cpu}`],
        ['memory', `${digits(machine.memoryGb)} GB`],
        ['kernel', machine.kernel],
        ['Node', machine.node],
        ['PostgreSQL', machine.postgres ?? 'not used'],
        ['Temporal', machine.temporal ?? 'not used'],
      ],
      [],
    ),
    ...warningOf(report),
    'Each figure stands beside a bare baseline of the same run; the ratio is the one divided by the other (of figures taken in rounds the median of the rounds). ↑: more is better, ↓: less is better.',
    tableOf(
      ['area', 'state', 'took', 'load average before', 'cores used by others before', 'meanwhile'],
      areas.map((area) => [
        area.name,
        area.state,
        `${area.seconds.toFixed(0)} s`,
        area.load?.average.toFixed(1) ?? '',
        area.load?.coresBefore.toFixed(1) ?? '',
        area.load === null ? '' : (area.load.coresDuring?.toFixed(1) ?? 'not known'),
      ]),
      [2, 3, 4, 5],
    ),
    ...areas.flatMap(sectionOf),
  ];
  return `${parts.join('\n\n')}\n`;
}

function warningOf({ areas, machine }: Report): string[] {
  const loaded = areas.filter(({ isLoaded }) => isLoaded);
  if (loaded.length === 0) return [];
  const names = loaded.map(({ name, load }) => `${name} (load average ${load?.average.toFixed(1)})`).join(', ');
  return [
    `> **Warning: the machine was busy with other things** (more than ${LOADED_SHARE * machine.cores} of ${machine.cores} cores) before or while these were measured: ${names}. Their goals are not judged: measure again on a quiet machine.`,
  ];
}

function sectionOf(area: AreaReport): string[] {
  const { figures, missing, notes, isLoaded } = area;
  const settings = Object.entries(area.settings).map(([name, value]) => `${name} ${value}`);
  return [
    `## ${area.name}: ${area.title}`,
    ...(settings.length === 0 || area.state === 'not measured' ? [] : [`Measured with ${settings.join(', ')}.`]),
    ...(area.reason === null ? [] : [`**${area.state}**: ${area.reason}`]),
    ...(figures.length === 0
      ? []
      : [
          tableOf(
            ['figure', 'unit', 'Slipway', 'bare baseline', 'ratio', 'goal', ''],
            figures.map((figure) => [
              figure.name,
              `${figure.unit} ${figure.better === 'more' ? '↑' : '↓'}`,
              withRange(figure),
              `${withRange(figure.baseline)} ${figure.baseline.name}`,
              figure.ratio.toFixed(2),
              goalText(figure),
              verdictText(verdictOf(figure, isLoaded)),
            ]),
            [2, 4],
          ),
        ]),
    ...missing.map(({ name, reason }) => `**not measured**: ${name}: ${reason}`),
    ...(notes.length === 0 ? [] : [notes.map((note) => `- ${note}`).join('\n')]),
  ];
}

function goalText({ goal, unit }: Figure): string {
  if (goal === null) return '';
  const of = goal.of === 'ratio' ? 'ratio ' : '';
  const bounds = [
    ...(goal.atLeast === undefined ? [] : [`≥ ${goal.atLeast}`]),
    ...(goal.atMost === undefined ? [] : [`≤ ${goal.atMost}`]),
  ];
  return `${of}${bounds.join(' and ')}${goal.of === 'value' ? ` ${unit}` : ''}`;
}

function verdictText(verdict: Verdict | null): string {
  if (verdict === null) return '';
  return { met: 'met', 'not met': '**not met**', 'not judged': 'not judged (loaded machine)' }[verdict];
}

function withRange({ value, range }: Pick<Figure, 'value' | 'range'>): string {
  return range === null || range[0] === range[1]
    ? digits(value)
    : `${digits(value)} (${digits(range[0])} to ${digits(range[1])})`;
}

/** Three digits that say something, and no more of them than are there. */
function digits(value: number): string {
  if (value === 0) return '0';
  const size = Math.abs(value);
  return value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : size >= 0.1 ? 2 : 4);
}

/** `right`: columns of numbers. */
function tableOf(head: readonly string[], rows: readonly (readonly string[])[], right: readonly number[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  const widths = head.map((name, column) => Math.max(3, name.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const pad = (cells: readonly string[]) =>
    cells.map((cell, column) =>
      right.includes(column) ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
    );
  const ruler = widths.map((width, column) =>
    right.includes(column) ? `${'-'.repeat(width - 1)}:` : '-'.repeat(width),
  );
  return [line(pad(head)), line(ruler), ...rows.map((row) => line(pad(row)))].join('\n');
}

function minute(moment: string): string {
  return moment.slice(0, 'YYYY-MM-DDTHH:mm'.length).replace('T', ' ');
}

function isMeasured(value: number): boolean {
  return Number.isFinite(value) && value >= 0;
}

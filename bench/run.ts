/**
 * Measures one area after the other, each in a process of its own, and collects the report. An area that fails, hangs or
 * takes its process with it loses the others nothing, and what was measured until an interruption is kept.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { shownSettings, type Area } from './area.ts';
import type { AreaNews, AreaOrder } from './area-process.ts';
import { describeBuild, describeMachine, watchLoad } from './machine.ts';
import { isLoadedBy, type AreaReport, type Load, type Report } from './report.ts';

/** How long an area may take to end what it started. */
const ENDING_MS = 60_000;

const WATCH_MS = 3_000;

/** An area to measure. */
export interface Chosen {
  area: Pick<Area, 'name' | 'title' | 'uses' | 'settings'>;
  settings: Readonly<Record<string, string>>;
}

export interface RunOptions {
  sizes: Report['sizes'];
  /** For one area; Infinity: as long as it takes. */
  limitMs: number;
  /** Aborted when a person has had enough. */
  interrupted: AbortSignal;
  /** How long others are watched before an area begins. */
  watchMs?: number;
  /** Hears of the report each time an area has ended. */
  onArea: (report: Report) => void;
}

/** Measures what was chosen. */
export async function measureAreas(chosen: readonly Chosen[], options: RunOptions): Promise<Report> {
  const uses = chosen.flatMap(({ area }) => area.uses);
  const report: Report = {
    slipway: describeBuild(),
    startedAt: new Date().toISOString(),
    endedAt: new Date().toISOString(),
    sizes: options.sizes,
    machine: await describeMachine(uses),
    areas: [],
  };
  for (const each of chosen) {
    report.areas.push(await measureArea(each, report, options));
    report.endedAt = new Date().toISOString();
    options.onArea(report);
  }
  return report;
}

async function measureArea(
  { area, settings }: Chosen,
  { machine, areas }: Report,
  { limitMs, interrupted, watchMs = WATCH_MS }: RunOptions,
): Promise<AreaReport> {
  const { name, title } = area;
  const report: AreaReport = {
    name,
    title,
    state: 'measured',
    reason: null,
    startedAt: new Date().toISOString(),
    seconds: 0,
    settings: shownSettings(area, settings),
    load: null,
    isLoaded: false,
    figures: [],
    missing: [],
    notes: [],
  };
  const notBegun = { ...report, state: 'not measured' as const, reason: 'interrupted before it began' };
  if (interrupted.aborted) return notBegun;
  process.stderr.write(`${name}: ${title}\n`);
  const loadMeanwhile = await watchLoad(watchMs);
  if (interrupted.aborted) return notBegun;
  const startedMs = performance.now();
  const end = await runArea({ area: name, settings }, report, { limitMs, interrupted });
  report.seconds = Math.round((performance.now() - startedMs) / 1_000);
  const load = rounded(loadMeanwhile());
  report.load = load;
  report.isLoaded = isLoadedBy(load, machine.cores, areas.length === 0);
  report.reason = end;
  if (interrupted.aborted) {
    report.state = 'interrupted';
    report.reason = 'ended by hand; what was measured until then is below';
  } else if (end !== null) report.state = 'failed';
  else if (report.figures.length === 0) {
    report.state = 'not measured';
    report.reason = 'none of its parts could be measured here';
  }
  return report;
}

/** Runs the process of an area to its end; null, or why it is a failure. */
async function runArea(
  order: AreaOrder,
  { figures, missing, notes }: AreaReport,
  { limitMs, interrupted }: Pick<RunOptions, 'limitMs' | 'interrupted'>,
): Promise<string | null> {
  // A group of its own: Ctrl-C in a terminal reaches this process alone, which ends the area in order.
  const child = fork(fileURLToPath(new URL('area-process.ts', import.meta.url)), [], {
    detached: true,
    execArgv: ['--import', 'tsx'],
    stdio: ['ignore', 2, 2, 'ipc'],
  });
  let news: Extract<AreaNews, { kind: 'ended' }> | null = null;
  let late: string | null = null;
  child.on('message', (message: AreaNews) => {
    if (message.kind === 'figure') figures.push(message.figure);
    if (message.kind === 'note') notes.push(message.text);
    if (message.kind === 'missing') missing.push(message);
    if (message.kind === 'ended') news = message;
  });
  let killTimer: NodeJS.Timeout | null = null;
  const end = () => {
    if (child.connected) child.send('stop');
    killTimer ??= setTimeout(() => killGroup(child), ENDING_MS);
  };
  const limit = Number.isFinite(limitMs) ? setTimeout(tooLate, limitMs) : null;
  function tooLate() {
    late = `not finished after ${Number((limitMs / 60_000).toPrecision(2))} minutes`;
    end();
  }
  interrupted.addEventListener('abort', end);
  child.send(order);
  const died = await new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (code, signal) => resolve(`its process ended with ${signal ?? `code ${code}`}`));
  });
  interrupted.removeEventListener('abort', end);
  if (limit !== null) clearTimeout(limit);
  if (killTimer !== null) clearTimeout(killTimer);
  const told = news as Extract<AreaNews, { kind: 'ended' }> | null;
  return late ?? (told === null ? died : told.error);
}

function killGroup({ pid }: ChildProcess): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL');
  } catch {
    // it has ended meanwhile
  }
}

function rounded({ average, coresBefore, coresDuring }: Load): Load {
  const round = (value: number) => Math.round(value * 100) / 100;
  return {
    average: round(average),
    coresBefore: round(coresBefore),
    coresDuring: coresDuring === null ? null : round(coresDuring),
  };
}

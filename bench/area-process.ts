/**
 * The process one area is measured in. It tells its parent of each figure as soon as it has it; when the parent says so
 * or goes away it ends what it started, and itself.
 */
import { areaOf } from './areas.ts';
import { Settings, type Bench } from './area.ts';
import { figureOf, type Figure } from './report.ts';

/** What the process of an area is to do. */
export interface AreaOrder {
  area: string;
  settings: Readonly<Record<string, string>>;
}

/** What it tells of it. */
export type AreaNews =
  | { kind: 'figure'; figure: Figure }
  | { kind: 'note'; text: string }
  | { kind: 'missing'; name: string; reason: string }
  | { kind: 'ended'; error: string | null };

const ends: (() => unknown)[] = [];
let isStopped = false;
let release = () => {};
let fail = (_problem: unknown) => {};
const stopped = new Promise<void>((resolve, reject) => {
  release = resolve;
  fail = reject;
});
const stop = () => {
  isStopped = true;
  release();
};
process.once('disconnect', stop);
// The terminal tells this group of processes nothing; whoever does means the same.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, stop);

process.on('unhandledRejection', (problem) => {
  if (!isStopped) fail(problem);
});

process.on('message', (message: AreaOrder | 'stop') => {
  if (message === 'stop') stop();
  else void measure(message);
});

async function measure({ area: name, settings }: AreaOrder): Promise<void> {
  const bench: Bench = {
    figure: (given) => tell({ kind: 'figure', figure: figureOf(given) }),
    note: (text) => tell({ kind: 'note', text }),
    missing: (part, reason) => tell({ kind: 'missing', name: part, reason }),
    progress: (text) => process.stderr.write(`  ${text}\n`),
    atEnd: (end) => ends.push(end),
  };
  let error: string | null = null;
  try {
    const area = await areaOf(name);
    // What goes on after an interruption finds everything stopped below it, and nobody listens to it any more.
    await Promise.race([area.measure(bench, new Settings(settings)), stopped]);
  } catch (problem) {
    error = textOf(problem);
  }
  for (const end of ends.splice(0).reverse()) {
    try {
      await end();
    } catch (problem) {
      error ??= textOf(problem);
    }
  }
  tell({ kind: 'ended', error }, () => process.exit());
}

function tell(news: AreaNews, sent: () => void = () => {}): void {
  if (process.send === undefined || !process.connected) return sent();
  process.send(news, undefined, undefined, sent);
}

function textOf(problem: unknown): string {
  if (problem instanceof Error) process.stderr.write(`${problem.stack ?? problem.message}\n`);
  return problem instanceof Error ? problem.message : String(problem);
}

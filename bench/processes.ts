/**
 * The processes of a measurement, and two servers measured in turn.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Bench } from './area.ts';
import type { Goal } from './report.ts';

/** A process of a measurement, and the port it listens on if it does. */
export interface Measured {
  child: ChildProcess;
  port: number;
}

/** One round: things per second, and processor time of the server for each. */
export interface Round {
  perSecond: number;
  cpuMicrosEach: number;
}

/** Starts a process in a role of `role-process.ts`; it ends when this one does, or the measurement. */
export async function startRole(role: string, bench: Pick<Bench, 'atEnd'>): Promise<Measured> {
  const child = fork(fileURLToPath(new URL('role-process.ts', import.meta.url)), [role], {
    execArgv: [...process.execArgv, '--expose-gc'],
  });
  bench.atEnd(() => ended(child));
  return { child, ...(await answerOf<{ port: number }>(child)) };
}

/** What a role does in its process: tells its port, answers each message, ends with its parent. */
export function serveRole<Question>(port: number, answer: (question: Question) => unknown): void {
  process.on('message', (question: Question) => {
    void Promise.resolve(answer(question)).then((value) => process.send?.(value ?? {}));
  });
  process.on('disconnect', () => process.exit());
  if (!process.connected) process.exit(); // the parent has gone before this one was ready
  process.send?.({ port });
}

/** Sends a message and waits for the answer to it. */
export function ask<Answer>(child: ChildProcess, message: object | string): Promise<Answer> {
  child.send(message);
  return answerOf<Answer>(child);
}

/** Processor time of this process since its start, microseconds. */
export function cpuMicros(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

/**
 * Measures two servers in turn, the first round of each to warm up. Round by round: whatever else the machine does,
 * both servers of a round have had the same of it.
 */
export async function inPairs<Kind extends string>(
  kinds: readonly [Kind, Kind],
  rounds: number,
  measure: (kind: Kind) => Promise<Round>,
): Promise<{ rounds: Record<Kind, Round[]>; ratio: number; cpuRatio: number }> {
  const measured = Object.fromEntries(kinds.map((kind) => [kind, [] as Round[]])) as Record<Kind, Round[]>;
  for (let round = 0; round <= rounds; round += 1) {
    for (const kind of round % 2 === 0 ? kinds : kinds.toReversed()) {
      const figures = await measure(kind);
      if (round > 0) measured[kind].push(figures);
    }
  }
  const [ours, bare] = kinds;
  const pairs = measured[ours].map((own, round) => ({ own, other: measured[bare][round] as Round }));
  return {
    rounds: measured,
    ratio: median(pairs.map(({ own, other }) => own.perSecond / other.perSecond)),
    cpuRatio: median(pairs.map(({ own, other }) => own.cpuMicrosEach / other.cpuMicrosEach)),
  };
}

/** Gives what rounds in pairs found: how fast each server was, and what it cost it. */
export function reportPairs<Kind extends string>(
  bench: Bench,
  { rounds, ratio, cpuRatio }: { rounds: Record<Kind, Round[]>; ratio: number; cpuRatio: number },
  { name, unit, each, baseline, goal }: { name: string; unit: string; each: string; baseline: string; goal?: Goal },
): void {
  const [ours, bare] = Object.values<Round[]>(rounds).map((all) => ({
    speed: spread(all.map(({ perSecond }) => perSecond)),
    cpu: spread(all.map(({ cpuMicrosEach }) => cpuMicrosEach)),
  }));
  bench.figure({
    name,
    unit,
    better: 'more',
    ...ours!.speed,
    baseline: { name: baseline, ...bare!.speed },
    ratio,
    ...(goal === undefined ? {} : { goal }),
  });
  const cpu = { ...ours!.cpu, baseline: { name: baseline, ...bare!.cpu } };
  bench.figure({ name: `${name}, processor time`, unit: `µs per ${each}`, better: 'less', ...cpu, ratio: cpuRatio });
}

/** Median, lowest and highest. */
export function spread(values: readonly number[]): { value: number; range: [number, number] } {
  return { value: median(values), range: [Math.min(...values), Math.max(...values)] };
}

/** Ends a process of a measurement. */
export function stop(child: ChildProcess): void {
  if (child.connected) child.disconnect();
}

function answerOf<Answer>(child: ChildProcess): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const ended = (code: number | null) => reject(new Error(`a process of the measurement ended with ${code}`));
    child.once('exit', ended);
    child.once('message', (answer) => {
      child.off('exit', ended);
      resolve(answer as Answer);
    });
  });
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  stop(child);
  await exit;
}

/** The middle of some values. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? Number.NaN)) / 2;
}

/** The value that this share of them does not exceed. */
export function shareOf(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

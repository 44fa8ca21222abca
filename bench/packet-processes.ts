/**
 * What the measurements of `packets.ts` share: the processes they run in, rounds in pairs, and tables.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';

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

/** Starts a process in a role; it ends when this one does. */
export async function startRole(role: string): Promise<Measured> {
  const child = fork(fileURLToPath(new URL('index.ts', import.meta.url)), ['packets', '--role', role], {
    execArgv: [...process.execArgv, '--expose-gc'],
  });
  return { child, ...(await answerOf<{ port: number }>(child)) };
}

/** What a role does in its process: tells its port, answers each message, ends with its parent. */
export function serveRole<Question>(port: number, answer: (question: Question) => unknown): void {
  process.on('message', (question: Question) => {
    void Promise.resolve(answer(question)).then((value) => process.send?.(value ?? {}));
  });
  process.on('disconnect', () => process.exit());
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
    cpuRatio: median(pairs.map(({ own, other }) => other.cpuMicrosEach / own.cpuMicrosEach)),
  };
}

/** A row for each server: median, slowest, fastest, processor time. */
export function rowsOf(rounds: Record<string, Round[]>, digits: number): string[][] {
  return Object.entries(rounds).map(([kind, all]) => {
    const speeds = all.map(({ perSecond }) => perSecond);
    return [
      kind,
      median(speeds).toFixed(digits),
      Math.min(...speeds).toFixed(digits),
      Math.max(...speeds).toFixed(digits),
      median(all.map(({ cpuMicrosEach }) => cpuMicrosEach)).toFixed(1),
    ];
  });
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

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? Number.NaN)) / 2;
}

export function table(rows: readonly (readonly string[])[]): void {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  for (const row of rows) {
    console.log(
      `  ${row
        .map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0)))
        .join('   ')}`,
    );
  }
}

export function met(isMet: boolean): string {
  return isMet ? 'met' : 'MISSED';
}

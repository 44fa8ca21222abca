/**
 * Runs the bare loop in its own process, and says what the engine used for it.
 */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Bench } from './area.ts';
import type { BareResult } from './bare-loop.ts';
import { cpuMs, round1 } from './measure.ts';
import type { Stage } from './stage.ts';

/** What the bare loop found; `engineMs`: CPU milliseconds of the engine per workflow. */
export type Bare = BareResult & { engineMs: number };

/** More of them say nothing new. */
export const BARE_MAX = 1_000;

/** So many bare workflows, of so many at one time, each waiting for a device that takes so long. */
export async function bareLoop(
  bench: Pick<Bench, 'atEnd'>,
  { temporalAddress, pids }: Pick<Stage, 'temporalAddress' | 'pids'>,
  workflows: number,
  { atOnce, deviceMs }: { atOnce: number; deviceMs: number },
): Promise<Bare> {
  const before = cpuMs(pids.engine);
  const script = fileURLToPath(new URL('bare-loop.ts', import.meta.url));
  const numbers = [workflows, atOnce, deviceMs].map(String);
  const args = ['--import', 'tsx', script, temporalAddress, ...numbers];
  const running = promisify(execFile)(process.execPath, args);
  bench.atEnd(() => running.child.kill('SIGKILL'));
  const { stdout } = await running;
  return { ...(JSON.parse(stdout) as BareResult), engineMs: round1((cpuMs(pids.engine) - before) / workflows) };
}

/**
 * What a process and a database have used so far, as the system tells it. Linux only: it reads /proc.
 */
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import type postgres from 'postgres';

/** Clock ticks per second in /proc/<pid>/stat. */
const TICKS_PER_SECOND = 100;

/** Whether other processes can be measured on this system. */
export const IS_MEASURABLE = existsSync('/proc/self/stat');
/** Why not, for the report. */
export const NOT_MEASURABLE = 'needs Linux: it reads what other processes use from /proc';

/** CPU milliseconds a process has used, with all its threads. */
export function cpuMs(pid: number): number {
  const fields = statOf(pid);
  return ((Number(fields[11]) + Number(fields[12])) * 1_000) / TICKS_PER_SECOND;
}

/** The same with the processes it has started: PostgreSQL has one for each connection. */
export function cpuMsOfTree(pid: number): number {
  return cpuMs(pid) + childrenOf(pid).reduce((sum, child) => sum + cpuMs(child), 0);
}

/** Memory a process holds, in MB. */
export function residentMb(pid: number): number {
  return Math.round(Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1_024);
}

/** Memory of a process and those it has started, in MB; what they share counts once. */
export function proportionalMb(pid: number): number {
  const kb = [pid, ...childrenOf(pid)].map((each) => {
    try {
      return Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${each}/smaps_rollup`, 'utf8'))?.[1] ?? 0);
    } catch {
      return 0; // ended between listing and reading
    }
  });
  return Math.round(kb.reduce((sum, each) => sum + each, 0) / 1_024);
}

/** CPU milliseconds of the processes this one has started and that have ended, with theirs; null: this is no Linux. */
export function childrenCpuMs(): number | null {
  if (!IS_MEASURABLE) return null;
  const fields = statOf(process.pid);
  return ((Number(fields[13]) + Number(fields[14])) * 1_000) / TICKS_PER_SECOND;
}

/** Commits and rows written since the database was made. */
export async function writes(sql: postgres.Sql): Promise<{ commits: number; rows: number }> {
  await sql`select pg_stat_clear_snapshot()`;
  const [row] = await sql`
    select xact_commit::float8 as commits, (tup_inserted + tup_updated + tup_deleted)::float8 as rows
    from pg_stat_database where datname = current_database()`;
  return row as unknown as { commits: number; rows: number };
}

/** Waits until something is so. */
export async function until(condition: () => Promise<boolean>, pollMs = 100): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, pollMs));
}

/** Rounded to one digit. */
export function round1(value: number): number {
  return Math.round(value * 10) / 10;
}

function childrenOf(pid: number): number[] {
  const children: number[] = [];
  for (const entry of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      if (Number(statOf(Number(entry))[1]) === pid) children.push(Number(entry));
    } catch {
      // ended between listing and reading
    }
  }
  return children;
}

/** The fields behind the name, which may hold blanks and brackets. */
function statOf(pid: number): string[] {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return text.slice(text.lastIndexOf(') ') + 2).split(' ');
}

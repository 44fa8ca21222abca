/**
 * Server programs as child processes: start with a log file, stop within a time limit, find those that an earlier run left behind.
 *
 * Children run in a session of their own, so that Ctrl-C reaches only us and we stop them last. The price: when we are killed with SIGKILL they
 * live on. The next start finds them by their command line, which no recycled process id can imitate, and stops them.
 */
import { spawn } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  mkdirSync,
  openSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  renameSync,
  statSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

/** The data folder: for us only; as root others may pass through, because PostgreSQL has to run as another user. */
export function makeDataDir(dataDir: string): void {
  mkdirSync(dataDir, { recursive: true, mode: process.getuid?.() === 0 ? 0o711 : 0o700 });
  mkdirSync(join(dataDir, 'logs'), { recursive: true, mode: 0o700 });
}

// ── running a short command ──────────────────────────────────────────────────────────────────────────────────────────────────────────────

export interface CommandResult {
  /** Exit code; undefined when the program could not be started or was stopped by the time limit. */
  code: number | undefined;
  stdout: string;
  stderr: string;
  failure?: string;
}

export interface CommandOptions {
  timeoutMs: number;
  /** Replaces the environment; left out, the child inherits ours. */
  env?: Record<string, string>;
  uid?: number;
  gid?: number;
  input?: string;
}

/** Runs a command to its end; never throws. */
export async function run(command: string, args: readonly string[], options: CommandOptions): Promise<CommandResult> {
  const { timeoutMs, input, ...spawnOptions } = options;
  const child = spawn(command, args, { ...spawnOptions, stdio: ['pipe', 'pipe', 'pipe'] });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout = (stdout + text).slice(-65_536)));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr = (stderr + text).slice(-65_536)));
  child.stdin.on('error', () => {}); // a command that does not read its input
  child.stdin.end(input ?? '');
  return new Promise((resolve) => {
    let failure: string | undefined;
    const finish = (code: number | null) => {
      clearTimeout(timer);
      resolve({ code: code ?? undefined, stdout, stderr, ...(failure !== undefined && { failure }) });
    };
    const timer = setTimeout(() => {
      failure = `no end after ${timeoutMs / 1000} s`;
      child.kill('SIGKILL');
    }, timeoutMs);
    child.on('error', (error) => {
      failure = error.message;
      finish(null);
    });
    child.on('close', finish);
  });
}

// ── long-lived children ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** How a child is asked to stop: one signal after the other, each with its time. */
export type StopSteps = readonly { signal: NodeJS.Signals; waitMs: number }[];

export interface ChildExit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

export interface Child {
  readonly pid: number;
  /** Resolves when the child has ended, for whatever reason. */
  readonly exited: Promise<ChildExit>;
  readonly running: boolean;
  /** Has `listener` called when the child ends although nobody stopped it. */
  watch(listener: ((exit: ChildExit) => void) | undefined): void;
  /** Ends the child in the given steps; resolves when it is gone. Calling it again waits for the same end. */
  stop(): Promise<void>;
}

export interface ChildOptions {
  command: string;
  args: readonly string[];
  /** Replaces the environment; left out, the child inherits ours. */
  env?: Record<string, string>;
  logPath: string;
  stop: StopSteps;
  uid?: number;
  gid?: number;
}

/** Starts a server program that writes into `logPath`; throws when it cannot be started at all. */
export async function startChild(options: ChildOptions): Promise<Child> {
  rotate(options.logPath);
  const log = openSync(options.logPath, 'a', 0o600);
  const { uid, gid, env } = options;
  const child = spawn(options.command, options.args, {
    ...(env && { env }),
    detached: true,
    stdio: ['ignore', log, log],
    ...(uid !== undefined && { uid }),
    ...(gid !== undefined && { gid }),
  });
  closeSync(log);
  const whenWeExit = () => child.kill(options.stop[0]?.signal); // process.exit() without stop(): at least ask
  process.once('exit', whenWeExit);
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', (error) =>
      reject(new Error(`cannot start ${options.command}: ${error.message}`, { cause: error })),
    );
  });
  const { pid } = child;
  if (pid === undefined) throw new Error(`cannot start ${options.command}`);

  let stopping: Promise<void> | undefined;
  let running = true;
  const exited = new Promise<ChildExit>((resolve) => {
    child.once('exit', (code, signal) => {
      running = false;
      process.removeListener('exit', whenWeExit);
      resolve({ code, signal });
    });
  });
  return {
    pid,
    exited,
    get running() {
      return running;
    },
    watch(listener) {
      void (async () => {
        const exit = await exited;
        if (stopping === undefined) listener?.(exit);
      })();
    },
    stop() {
      stopping ??= (async () => {
        for (const { signal, waitMs } of options.stop) {
          if (!running) return;
          child.kill(signal);
          await Promise.race([exited, delay(waitMs, undefined, { ref: false })]);
        }
      })();
      return stopping;
    },
  };
}

/** Keeps one older log file, so that logs do not grow without end. */
function rotate(path: string): void {
  const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  if (size > 10_000_000) renameSync(path, `${path}.1`);
}

/** Longer than the traces that a server leaves. */
const LINES_OF_CRASH = 200;

/** Why a server ended, for error messages: the end of its log file, and of a crash its first lines, which say why. */
export function logTail(path: string, lines = 5): string {
  try {
    const last = readFileSync(path, 'utf8').trimEnd().split('\n').slice(-LINES_OF_CRASH);
    const crash = last.findLastIndex((line) => /^(panic|fatal error): /.test(line));
    return (crash < 0 ? last.slice(-lines) : last.slice(crash, crash + lines)).join('\n');
  } catch {
    return '';
  }
}

// ── processes of an earlier run ──────────────────────────────────────────────────────────────────────────────────────────────────────────

export interface RunningProcess {
  pid: number;
  /** Program and arguments with one space between, and one at the end. */
  command: string;
}

/** Every process whose command line we may see. On Linux from /proc, because small images have no `ps`. */
export async function listProcesses(): Promise<RunningProcess[]> {
  if (process.platform === 'linux') {
    return numericEntries('/proc').flatMap((pid) => {
      const command = readOrEmpty(`/proc/${pid}/cmdline`).replaceAll('\0', ' ');
      return command === '' ? [] : [{ pid, command }];
    });
  }
  const { code, stdout } = await run('ps', ['-axwwo', 'pid=,command='], { timeoutMs: 5_000 });
  if (code !== 0) throw new Error('cannot list the processes of this machine with ps');
  return stdout.split('\n').flatMap((line) => {
    const [, pid, command] = /^\s*(\d+)\s+(.+)$/.exec(line) ?? [];
    return pid === undefined ? [] : [{ pid: Number(pid), command: `${command} ` }];
  });
}

/** Processes that work in `folder` (their current directory). Known on Linux only; elsewhere none. */
export function processesWorkingIn(folder: string): number[] {
  if (process.platform !== 'linux') return [];
  return numericEntries('/proc').filter((pid) => {
    try {
      return readlinkSync(`/proc/${pid}/cwd`) === folder;
    } catch {
      return false;
    }
  });
}

/** Whether the process id is in use, be it by a zombie that nobody collected. */
export function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Whether the process exists and is more than a zombie. */
export function isAlive(pid: number): boolean {
  return exists(pid) && !['Z', 'X'].includes(statFields(pid)[0] ?? '');
}

/** Something that tells a process from a later one with the same id; undefined where the system does not say. */
export async function processIdentity(pid: number): Promise<string | undefined> {
  if (process.platform === 'linux') {
    const startedAt = statFields(pid)[19]; // clock ticks since boot
    return startedAt === undefined
      ? undefined
      : `${readOrEmpty('/proc/sys/kernel/random/boot_id').trim()}/${startedAt}`;
  }
  const { stdout } = await run('ps', ['-o', 'lstart=', '-p', String(pid)], { timeoutMs: 5_000 });
  return stdout.trim() || undefined;
}

/** Stops a process that is not our child, step by step; true when it is gone. */
export async function stopProcess(pid: number, steps: StopSteps): Promise<boolean> {
  for (const { signal, waitMs } of steps) {
    try {
      process.kill(pid, signal);
    } catch {
      // gone, or not ours: the check below tells
    }
    const deadline = Date.now() + waitMs;
    while (Date.now() < deadline) {
      if (!isAlive(pid)) return true;
      await delay(20);
    }
  }
  return !isAlive(pid);
}

/** The fields of /proc/<pid>/stat from the third (state) on; the second may hold spaces and parentheses. */
function statFields(pid: number): string[] {
  const text = readOrEmpty(`/proc/${pid}/stat`);
  return text.slice(text.lastIndexOf(')') + 2).split(' ');
}

function numericEntries(folder: string): number[] {
  return readdirSync(folder).map(Number).filter(Number.isInteger);
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

// ── ports and files ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** A process that was killed lets go of its ports a moment after it has ended for everybody who looks. */
const PORT_PATIENCE_MS = 2_000;
const PORT_LOOK_MS = 50;

/** The port to use: `wanted`, or any free one for 0. Throws when `wanted` is taken; `advice` says what to do then. */
export async function choosePort(wanted: number, what: string, advice: string): Promise<number> {
  for (const sinceMs = performance.now(); ; await delay(PORT_LOOK_MS)) {
    try {
      return await portOf(wanted);
    } catch (cause) {
      const isTaken = (cause as NodeJS.ErrnoException).code === 'EADDRINUSE';
      if (isTaken && performance.now() - sinceMs < PORT_PATIENCE_MS) continue;
      throw new Error(`port ${wanted} for ${what} is taken by another program. ${advice}`, { cause });
    }
  }
}

function portOf(wanted: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen({ port: wanted, host: '127.0.0.1', exclusive: true }, () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : wanted));
    });
  });
}

/** Makes files readable by their owner only; missing ones are fine. */
export function protect(paths: readonly string[]): void {
  for (const path of paths) {
    try {
      chmodSync(path, 0o600);
    } catch {
      // not there
    }
  }
}

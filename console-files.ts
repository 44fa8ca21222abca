/**
 * The built console: `npm run build` makes it, and `npm start` makes it when it is missing or older than its sources.
 * It is built in a process of its own, so that nothing else waits, into a folder of its own, so that nobody is served
 * half of it.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Logger } from './log.ts';

const here = dirname(fileURLToPath(import.meta.url));
/** The compiled program lies in `dist`, beside the console it serves. */
const root = basename(here) === 'dist' ? dirname(here) : here;
const SOURCES = join(root, 'console');
const FOLDER = join(root, 'dist', 'console');
const STAMP = 'sources.sha256';
const PATIENCE_MS = 120_000;

/** The console as the API serves it. */
export interface BuiltConsole {
  folder: string;
  /** Why it could not be built; null: it was, or is being. */
  failure: () => string | null;
  /** Settles when it is there, or cannot be. */
  ready: Promise<void>;
}

/** Finds the console, and builds it when it is missing or stale. Never throws: without it there is still the API. */
export function provideConsole(log: Pick<Logger, 'info' | 'error'>): BuiltConsole {
  let failure: string | null = null;
  const ready = isCurrent()
    ? Promise.resolve()
    : buildConsole().then(
        (tookMs) => log.info({ tookMs }, 'the console is built'),
        (error: unknown) => {
          failure = error instanceof Error ? error.message.slice(0, 2_000) : String(error);
          log.error({ err: error }, 'the console could not be built; the API works without it');
        },
      );
  return { folder: FOLDER, failure: () => failure, ready };
}

/** Builds the console; answers how long that took, in milliseconds. */
export async function buildConsole(): Promise<number> {
  const startedMs = performance.now();
  const hash = sourcesHash();
  const own = `${FOLDER}-${process.pid}`;
  const vite = join(dirname(createRequire(import.meta.url).resolve('vite/package.json')), 'bin', 'vite.js');
  try {
    await promisify(execFile)(
      process.execPath,
      [vite, 'build', '--config', join(SOURCES, 'vite.config.ts'), '--outDir', own],
      { cwd: root, timeout: PATIENCE_MS },
    );
    writeFileSync(join(own, STAMP), hash);
    mkdirSync(dirname(FOLDER), { recursive: true });
    const old = `${own}-old`;
    // two programs may build at once: what the first one lays down is as good as ours
    moved(FOLDER, old);
    moved(own, FOLDER);
    rmSync(old, { recursive: true, force: true });
  } finally {
    rmSync(own, { recursive: true, force: true });
  }
  return Math.round(performance.now() - startedMs);
}

function moved(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOENT' && code !== 'ENOTEMPTY' && code !== 'EEXIST') throw error;
  }
}

/** Is what lies there made from the sources that lie here? Without sources, what lies there is what there is. */
function isCurrent(): boolean {
  if (!existsSync(join(FOLDER, 'index.html'))) return false;
  if (!existsSync(SOURCES)) return true;
  const stamp = join(FOLDER, STAMP);
  return existsSync(stamp) && readFileSync(stamp, 'utf8') === sourcesHash();
}

/** A hash of everything the console is made from, and of the libraries' versions. */
function sourcesHash(): string {
  const hash = createHash('sha256');
  const files = readdirSync(SOURCES, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.(tsx?|css|html|svg|json)$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name));
  for (const file of [...files.toSorted(), join(root, 'package-lock.json')]) {
    hash.update(file.slice(root.length)).update('\0');
    if (existsSync(file)) hash.update(readFileSync(file));
  }
  return hash.digest('hex');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  process.stdout.write(`console built in ${await buildConsole()} ms\n`);
}

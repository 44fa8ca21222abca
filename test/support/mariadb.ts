/**
 * A MariaDB of the test's own: a folder, a free port on this machine, and MES's two tables as MES has them. From
 * Debian's package `mariadb-server`; where that is missing, tests that need it are skipped and say so.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, chownSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createConnection, type Connection } from 'mysql2';
import { freePort } from './ports.ts';
import { waitFor } from './wait.ts';

const SERVER = ['/usr/sbin/mariadbd', '/usr/sbin/mysqld', '/usr/local/bin/mariadbd'].find((path) => existsSync(path));
const INSTALLER = ['/usr/bin/mariadb-install-db', '/usr/bin/mysql_install_db'].find((path) => existsSync(path));

/** Why there is no MariaDB here; null when there is one. */
export const mariadbMissing: string | null =
  SERVER === undefined || INSTALLER === undefined
    ? 'MariaDB is not installed: apt-get install mariadb-server (tests of the MES sync are skipped)'
    : null;
if (mariadbMissing !== null) process.stderr.write(`${mariadbMissing}\n`);

/** Whatever happens to the tests, their servers end with them. */
const running = new Set<ChildProcess>();
process.once('exit', () => running.forEach((child) => child.kill('SIGKILL')));

/** MES's tables, with the indexes that MES has. */
export const MES_TABLES_SQL = [
  `create table Gps_CartonBoxTwenty_Result (
    Id int not null auto_increment primary key, BoxNo varchar(100), IMEI varchar(50), ZhiDan varchar(100),
    SoftModel varchar(100), Version varchar(100), ProductCode varchar(100), Color varchar(50), Qty int, Weight varchar(50),
    Date varchar(50), TACInfo varchar(50), CompanyName varchar(200), TesterId varchar(50), TestTime datetime,
    Remark1 varchar(200), Remark2 varchar(200), Remark3 varchar(200), Remark4 varchar(200), Remark5 varchar(200),
    Computer varchar(100), key (IMEI)) default charset utf8mb4`,
  `create table DataRelativeSheet (
    SN varchar(100), IMEI1 varchar(50) not null, ${Array.from({ length: 11 }, (_, n) => `IMEI${n + 2} varchar(100)`).join(', ')},
    ZhiDan varchar(100), TestTime datetime, key (IMEI1), key (TestTime)) default charset utf8mb4`,
];

export class TestMariadb {
  readonly folder = mkdtempSync(join(tmpdir(), 'slipway-mariadb-'));
  port = 0;
  #child: ChildProcess | null = null;
  #root: Connection | null = null;
  #log = '';

  /** Starts a server with the database `mes`, both tables in it, and the users `reader` and `writer`. */
  static async start(settings: readonly string[] = []): Promise<TestMariadb> {
    const server = new TestMariadb();
    const data = join(server.folder, 'data');
    mkdirSync(data);
    for (const path of [server.folder, data]) if (process.getuid?.() === 0) chownSync(path, ...mysqlIds());
    execFileSync(
      INSTALLER!,
      ['--no-defaults', `--datadir=${data}`, '--auth-root-authentication-method=normal', '--skip-test-db', ...asUser()],
      { stdio: 'pipe' },
    );
    server.port = await freePort();
    await server.run(settings);
    await server.query('create database mes default charset utf8mb4');
    await server.query('use mes');
    for (const sql of MES_TABLES_SQL) await server.query(sql);
    await server.query("create user reader@'%' identified by 'geheim-lesen'");
    await server.query('grant select on mes.Gps_CartonBoxTwenty_Result to reader');
    await server.query('grant select on mes.DataRelativeSheet to reader');
    await server.query("create user writer@'%' identified by 'geheim-schreiben'");
    await server.query('grant select, insert on mes.* to writer');
    return server;
  }

  /** Starts the server, also after it was killed. */
  async run(settings: readonly string[] = []): Promise<void> {
    const child = spawn(
      SERVER!,
      [
        '--no-defaults',
        `--datadir=${join(this.folder, 'data')}`,
        `--port=${this.port}`,
        '--bind-address=127.0.0.1',
        `--socket=${join(this.folder, 'socket')}`,
        `--pid-file=${join(this.folder, 'pid')}`,
        '--skip-log-bin',
        // what is committed survives the death of the process, if not of the machine
        '--innodb-flush-log-at-trx-commit=2',
        '--default-time-zone=+00:00',
        ...asUser(),
        ...settings,
      ],
      { stdio: ['ignore', 'ignore', 'pipe'] },
    );
    running.add(child);
    child.once('exit', () => running.delete(child));
    child.stderr!.on('data', (chunk: Buffer) => (this.#log = (this.#log + chunk.toString()).slice(-5_000)));
    this.#child = child;
    await waitFor(() => this.#connect(), { deadlineMs: 60_000, message: `MariaDB did not start:\n${this.#log}` });
  }

  address(user: 'reader' | 'writer' | 'root' = 'reader'): string {
    const password = { reader: 'geheim-lesen', writer: 'geheim-schreiben', root: '' }[user];
    return `mysql://${user}:${password}@127.0.0.1:${this.port}/mes`;
  }

  /** Asks as root. */
  query<Row = Record<string, unknown>>(sql: string, values: readonly unknown[] = []): Promise<Row[]> {
    return new Promise((resolve, reject) => {
      this.#root!.query(sql, [...values], (error, rows) => (error === null ? resolve(rows as Row[]) : reject(error)));
    });
  }

  /** Ends the server at once, as a power cut would. */
  async kill(): Promise<void> {
    this.#root?.destroy();
    const child = this.#child;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await ended;
  }

  async stop(): Promise<void> {
    await this.kill();
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  }

  async #connect(): Promise<boolean> {
    const root = createConnection({ host: '127.0.0.1', port: this.port, user: 'root', multipleStatements: false });
    root.on('error', () => {});
    await new Promise<void>((resolve, reject) => root.connect((error) => (error === null ? resolve() : reject(error))));
    this.#root = root;
    await this.query('use mes').catch(() => {});
    return true;
  }
}

function asUser(): string[] {
  return process.getuid?.() === 0 ? ['--user=mysql'] : [];
}

function mysqlIds(): [number, number] {
  const id = (flag: string) => Number(execFileSync('id', [flag, 'mysql']).toString());
  return [id('-u'), id('-g')];
}

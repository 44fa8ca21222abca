/**
 * One connection to the MES database: how it is made, questions with short answers, and answers of any length in
 * pieces. It is told to read only, and to say moments in Beijing's time.
 */
import { createConnection, type Connection, type ConnectionOptions, type RowDataPacket } from 'mysql2';
import { MesError, asMesError } from './errors.ts';
import type { Question } from './lanes.ts';

const CONNECT_MS = 10_000;
const SHORT_ANSWER_MS = 30_000;
/** Without a byte for so long, an answer is given up. A table without the right index is read as a whole first. */
const SILENCE_MS = 180_000;

/** What the address of MES says. It holds a password: it is never logged. */
export function optionsFrom(address: string): ConnectionOptions {
  const url = new URL(address);
  const ssl = url.searchParams.get('ssl') ?? 'false';
  return {
    host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: url.port === '' ? 3306 : Number(url.port),
    user: decodeURIComponent(url.username),
    password: decodeURIComponent(url.password),
    database: decodeURIComponent(url.pathname.slice(1)),
    connectTimeout: CONNECT_MS,
    charset: 'utf8mb4',
    // as MES says them: no driver in between that knows better
    dateStrings: true,
    supportBigNumbers: true,
    bigNumberStrings: true,
    ...(ssl === 'true' && { ssl: {} }),
    ...(ssl === 'insecure' && { ssl: { rejectUnauthorized: false } }),
  };
}

export class MesConnection {
  readonly #connection: Connection;
  /** What broke the connection, once it has. */
  #broken: unknown = null;

  private constructor(connection: Connection) {
    this.#connection = connection;
    connection.on('error', (error: unknown) => (this.#broken ??= error));
  }

  /** @throws MesError */
  static async open(address: string): Promise<MesConnection> {
    const connection = createConnection(optionsFrom(address));
    const mes = new MesConnection(connection);
    try {
      await new Promise<void>((resolve, reject) => {
        connection.once('error', reject);
        connection.connect((error) => (error === null ? resolve() : reject(error)));
      });
      await mes.ask('set time_zone = ?', ['+08:00']);
      await mes.ask('set session transaction read only');
      return mes;
    } catch (error) {
      mes.close();
      throw asMesError(error);
    }
  }

  /** A short answer. @throws MesError */
  async ask<Row extends object>(sql: string, values: readonly string[] = []): Promise<Row[]> {
    try {
      return await new Promise<Row[]>((resolve, reject) => {
        this.#connection.query<RowDataPacket[]>(
          { sql, values: [...values], timeout: SHORT_ANSWER_MS },
          (error, rows) => (error === null ? resolve(rows as unknown as Row[]) : reject(error)),
        );
      });
    } catch (error) {
      throw asMesError(this.#broken ?? error);
    }
  }

  /**
   * An answer in pieces of some rows, each row a list of values. While nobody takes a piece, MES is made to wait.
   *
   * @throws MesError, also when `signal` is aborted
   */
  async *pieces({ sql, values }: Question, rowsPerPiece: number, signal?: AbortSignal): AsyncGenerator<unknown[][]> {
    let rows: unknown[][] = [];
    const ready: unknown[][][] = [];
    let ending: { error: unknown } | null = null;
    let wake = () => {};
    let silence: NodeJS.Timeout | undefined;
    const connection = this.#connection;
    const end = (error: unknown) => {
      ending ??= { error };
      wake();
    };
    const listen = () => {
      clearTimeout(silence);
      silence = setTimeout(
        () => end(new MesError('unreachable', `MES said nothing for ${SILENCE_MS / 1_000} s`)),
        SILENCE_MS,
      );
    };
    const stopped = () => end(new MesError('unreachable', 'reading was stopped'));
    signal?.addEventListener('abort', stopped, { once: true });
    connection.once('error', end);
    listen();
    const query = connection.query({ sql, values, rowsAsArray: true });
    query.on('error', end);
    query.on('result', (row) => {
      rows.push(row as unknown as unknown[]);
      if (rows.length < rowsPerPiece) return;
      ready.push(rows);
      rows = [];
      listen();
      // one piece is being written, one waits: more would only be held
      if (ready.length >= 2) connection.pause();
      wake();
    });
    query.on('end', () => end(null));
    try {
      if (signal?.aborted === true) stopped();
      for (;;) {
        const piece = ready.shift();
        if (piece !== undefined) {
          if (ready.length < 2) connection.resume();
          // a reader that takes its time is no silence of MES
          clearTimeout(silence);
          yield piece;
          listen();
          continue;
        }
        const now = ending as { error: unknown } | null;
        if (now !== null) {
          if (now.error !== null) throw asMesError(this.#broken ?? now.error);
          break;
        }
        await new Promise<void>((resolve) => (wake = resolve));
      }
      if (rows.length > 0) yield rows;
    } finally {
      clearTimeout(silence);
      signal?.removeEventListener('abort', stopped);
      connection.off('error', end);
      // MES must not go on answering a question that nobody listens to
      if ((ending as { error: unknown } | null)?.error !== null) this.close();
    }
  }

  /** Ends the connection at once. */
  close(): void {
    this.#connection.destroy();
  }
}

/**
 * Reads the MES database. Before the first row it looks who it is: with a user that could write, it refuses to read,
 * because MES's data is not ours to damage.
 */
import { MesConnection } from './connection.ts';
import { MesError } from './errors.ts';
import { readGrants } from './grants.ts';
import { placeOf, questionFor, quoted, type MesLaneName, type Place } from './lanes.ts';
import { MES_SHAPES, type MesTableName } from './tables.ts';

export interface MesReaderOptions {
  /** `mysql://user:password@host:port/database` */
  address: string;
  /** Read although the user could write. */
  allowWriter: boolean;
}

/** Rows of a table as MES gives them, and the place behind them. */
export interface MesPiece {
  rows: unknown[][];
  place: Place;
}

export interface ReadOrder {
  table: MesTableName;
  lane: MesLaneName;
  /** Null: from the beginning. */
  behind: Place | null;
  /** Not beyond this key. */
  upTo?: string | undefined;
  /** Most rows in all. */
  limit: number;
  rowsPerPiece: number;
  signal?: AbortSignal;
}

/** An open reader; one question at a time. */
export class MesReader {
  readonly #connection: MesConnection;

  private constructor(connection: MesConnection) {
    this.#connection = connection;
  }

  /**
   * Connects and makes sure that nothing can be written.
   *
   * @throws MesError `refused` with what the user may do beyond reading
   */
  static async open({ address, allowWriter }: MesReaderOptions): Promise<MesReader> {
    const connection = await MesConnection.open(address);
    try {
      if (!allowWriter) await refuseWriter(connection);
      return new MesReader(connection);
    } catch (error) {
      connection.close();
      throw error;
    }
  }

  /** What MES lacks for being read cheaply, in words; empty when nothing. */
  async complaints(): Promise<string[]> {
    const wanted: [MesTableName, string][] = [
      ['carton', 'Id'],
      ['sheet', 'IMEI1'],
      ['sheet', 'TestTime'],
    ];
    const found = await this.#connection.ask<{ t: string; c: string }>(
      `select lower(table_name) as t, lower(column_name) as c from information_schema.statistics
       where table_schema = database() and seq_in_index = 1`,
    );
    return wanted
      .filter(([table, column]) => {
        const name = MES_SHAPES[table].name.toLowerCase();
        return !found.some(({ t, c }) => t === name && c === column.toLowerCase());
      })
      .map(([table, column]) => `MES has no index on ${MES_SHAPES[table].name}.${column}, so reading it takes long`);
  }

  /** The latest time that sheets have and that is not in the future; null when there is none. */
  async latestSheetTime(): Promise<string | null> {
    const [row] = await this.#connection.ask<{ latest: string | null }>(
      `select max(TestTime) as latest from ${quoted(MES_SHAPES.sheet.name)} where TestTime <= now()`,
    );
    return row?.latest ?? null;
  }

  /** MES's own clock, as it writes times. */
  async now(): Promise<string> {
    const [row] = await this.#connection.ask<{ now: string }>('select now() as now');
    return row!.now;
  }

  /**
   * Reads rows in their order. Rows of the same place are never torn apart: when the limit cuts through them, they are
   * left for the next time. `isEnd` of the result: there was nothing more.
   */
  async *read({
    table,
    lane,
    behind,
    upTo,
    limit,
    rowsPerPiece,
    signal,
  }: ReadOrder): AsyncGenerator<MesPiece, { isEnd: boolean }> {
    let read = 0;
    let held: unknown[][] = [];
    const question = questionFor(table, lane, { behind, upTo, limit });
    for await (const piece of this.#connection.pieces(question, rowsPerPiece, signal)) {
      read += piece.length;
      const rows = held.length === 0 ? piece : [...held, ...piece];
      let cut = rows.length - 1;
      const last = placeOf(table, lane, rows[cut]!);
      while (cut > 0 && isSame(placeOf(table, lane, rows[cut - 1]!), last)) cut -= 1;
      held = rows.slice(cut);
      if (cut > 0) yield { rows: rows.slice(0, cut), place: placeOf(table, lane, rows[cut - 1]!) };
    }
    const isEnd = read < limit;
    // a limit that is smaller than one place would never get past it
    if (held.length > 0 && (isEnd || held.length === read)) yield { rows: held, place: placeOf(table, lane, held[0]!) };
    return { isEnd };
  }

  close(): void {
    this.#connection.close();
  }
}

function isSame(one: Place, other: Place): boolean {
  return one.every((part, index) => part === other[index]);
}

/** @throws MesError `refused` */
async function refuseWriter(connection: MesConnection): Promise<void> {
  const found: string[] = [];
  const asked = new Set<string>();
  const waiting = [''];
  for (let role = waiting.pop(); role !== undefined; role = waiting.pop()) {
    if (asked.has(role)) continue;
    asked.add(role);
    const lines = await showGrants(connection, role);
    if (lines === null) {
      found.push(`whatever the role ${role} may do, which cannot be read`);
      continue;
    }
    const { beyondReading, roles } = readGrants(lines);
    found.push(...beyondReading.map((each) => (role === '' ? each : `${each} (by the role ${role})`)));
    waiting.push(...roles);
  }
  if (found.length === 0) return;
  throw new MesError(
    'refused',
    `the user of MES_DATABASE_URL can do more than read: ${[...new Set(found)].slice(0, 5).join('; ')}. ` +
      'Give it SELECT on the two tables and nothing else, or set MES_ALLOW_WRITER=true if you accept that',
  );
}

/** What the user (or one of its roles) was granted; null when it may not see that. */
async function showGrants(connection: MesConnection, role: string): Promise<string[] | null> {
  const ask = async (sql: string) =>
    (await connection.ask<Record<string, string>>(sql)).flatMap((row) => Object.values(row).map(String));
  if (role === '') return ask('show grants');
  // roles stand in the line as the server quotes them
  try {
    return await ask(`show grants for ${role}`);
  } catch (error) {
    if (isLost(error)) throw error;
  }
  // MariaDB shows a role only to who has taken it on; taking it on changes nothing
  try {
    await connection.ask(`set role ${role}`);
    const lines = await ask('show grants');
    await connection.ask('set role none');
    return lines;
  } catch (error) {
    if (isLost(error)) throw error;
    return null;
  }
}

/** The connection failed, as opposed to the server having answered with a refusal. */
function isLost(error: unknown): boolean {
  const { cause } = error as { cause?: { sqlState?: unknown } };
  return cause?.sqlState === undefined;
}

/**
 * Many rows into a table in one go, by PostgreSQL's COPY: several times as fast as inserting them, and the price of a
 * first sync of millions of rows.
 */
import type postgres from 'postgres';
import type { Db } from '../index.ts';

/** The driver behind a pool, for what drizzle cannot say. */
export function driverOf(db: Db): postgres.Sql {
  const { $client } = db as Db & { $client?: postgres.Sql };
  if ($client === undefined) throw new Error('only a pool has a driver, a transaction has none');
  return $client;
}

/** Copies rows into a table; `text` is in COPY's text format, made of `copyLine`. Fails like any other statement. */
export async function copyIn(tx: postgres.TransactionSql, into: string, text: string): Promise<void> {
  // The driver settles its query when copying begins; an error at the end would reach nobody, and the stream would
  // wait for ever. So the end of the query is listened to, whichever it is.
  const query = tx.unsafe(`copy ${into} from stdin`) as postgres.PendingQuery<never[]> & {
    reject: (error: unknown) => void;
  };
  await new Promise<void>((resolve, reject) => {
    query.reject = reject;
    query
      .writable()
      .then((stream) => {
        stream.once('error', reject);
        stream.once('finish', resolve);
        stream.end(text);
      })
      .catch(reject);
  });
}

const SPECIAL = /[\\\t\n\r]/;
const ESCAPES: Readonly<Record<string, string>> = { '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\r': '\\r' };

/** One field of a line for COPY. */
export function copyField(value: string | null): string {
  if (value === null) return '\\N';
  return SPECIAL.test(value) ? value.replaceAll(/[\\\t\n\r]/g, (special) => ESCAPES[special]!) : value;
}

/**
 * What a pool has to do, counted in plain numbers: how many statements and transactions are under way, and how long
 * statements take. Costs about a microsecond a statement.
 */
import type postgres from 'postgres';

/** Upper ends of the buckets of statement durations, in seconds. */
export const DURATION_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30] as const;

export interface DatabaseLoad {
  readonly poolSize: number;
  /** Statements outside transactions and whole transactions: each wants a connection of its own. */
  underWay: number;
  statements: number;
  failed: number;
  seconds: number;
  /** Statements by the first bucket they fit into; those that fit into none are only in `statements`. */
  readonly buckets: number[];
}

/** A pool that counts what it does for drizzle: statements by `unsafe`, transactions by `begin`. */
export function counting(sql: postgres.Sql, poolSize: number): { sql: postgres.Sql; load: DatabaseLoad } {
  const load: DatabaseLoad = {
    poolSize,
    underWay: 0,
    statements: 0,
    failed: 0,
    seconds: 0,
    buckets: DURATION_BUCKETS.map(() => 0),
  };
  return { sql: counted(sql, load, true), load };
}

function counted<Sql extends postgres.ISql>(sql: Sql, load: DatabaseLoad, isPool: boolean): Sql {
  return new Proxy(sql, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (name === 'unsafe') {
        return (...args: Parameters<postgres.Sql['unsafe']>) => {
          const query = target.unsafe(...args);
          measure(query, load, isPool);
          return query;
        };
      }
      if (name === 'begin' || name === 'savepoint') {
        return (...args: unknown[]) => {
          const work = args.at(-1) as (tx: postgres.TransactionSql) => unknown;
          const begun = (value as (...args: unknown[]) => Promise<unknown>).call(
            target,
            ...args.slice(0, -1),
            (tx: postgres.TransactionSql) => work(counted(tx, load, false)),
          );
          if (isPool) occupy(begun, load);
          return begun;
        };
      }
      return value;
    },
  });
}

function measure(query: Promise<unknown>, load: DatabaseLoad, isPool: boolean): void {
  const startMs = performance.now();
  const end = (failed: boolean) => {
    const seconds = (performance.now() - startMs) / 1_000;
    load.statements += 1;
    load.seconds += seconds;
    if (failed) load.failed += 1;
    const bucket = DURATION_BUCKETS.findIndex((upper) => seconds <= upper);
    if (bucket >= 0) load.buckets[bucket]! += 1;
  };
  query.then(
    () => end(false),
    () => end(true),
  );
  if (isPool) occupy(query, load);
}

function occupy(work: Promise<unknown>, load: DatabaseLoad): void {
  load.underWay += 1;
  const free = () => void (load.underWay -= 1);
  work.then(free, free);
}

/**
 * The real database with a clock that is told what time it is: whatever the product asks PostgreSQL for the time, in
 * statements, functions and defaults of columns, it gets the time of the simulation.
 *
 * The functions `clock_timestamp()` and `now()` of a schema that is searched first take the place of the built-in ones;
 * nothing of the product knows. A connection that was not told the time yet fails.
 */
import { sql } from 'drizzle-orm';
import { connectDatabase, migrate, type Database, type Db } from '../../db/index.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

/** A database whose clock says what it is told. */
export class SimulatedDatabase {
  readonly #test: TestDatabase;
  readonly #lanes: TimedConnection[] = [];

  private constructor(test: TestDatabase) {
    this.#test = test;
  }

  static async start(): Promise<SimulatedDatabase> {
    const test = await createTestDatabase(migrate);
    const setup = connectDatabase(test.url, { poolSize: 1 });
    const name = new URL(test.url).pathname.slice(1);
    // The simple protocol: several statements at once.
    await setup.sql
      .unsafe(
        `create schema simulated;
         create function simulated.clock_timestamp() returns timestamptz language sql volatile as
           $$ select pg_catalog.to_timestamp(pg_catalog.current_setting('simulated.ms')::float8 / 1000) $$;
         create function simulated.now() returns timestamptz language sql stable as
           $$ select pg_catalog.to_timestamp(pg_catalog.current_setting('simulated.ms')::float8 / 1000) $$;
         alter database "${name}" set search_path = simulated, pg_catalog, public;
         set search_path = simulated, pg_catalog, public;
         do $$
           declare each record;
           begin
             for each in
               select d.adrelid::regclass as relation, a.attname as name, pg_get_expr(d.adbin, d.adrelid) as text
               from pg_attrdef d join pg_attribute a on a.attrelid = d.adrelid and a.attnum = d.adnum
               where pg_get_expr(d.adbin, d.adrelid) ~ '(clock_timestamp|now)\\(\\)'
             loop
               execute format('alter table %s alter column %I set default %s', each.relation, each.name,
                 replace(each.text, 'pg_catalog.', ''));
             end loop;
           end $$;`,
      )
      .simple();
    await setup.close();
    return new SimulatedDatabase(test);
  }

  /** For a client of one's own, which has to be told the time if it writes. */
  get url(): string {
    return this.#test.url;
  }

  /** A connection with a clock of its own. */
  connect(): TimedConnection {
    const lane = new TimedConnection(this.#test.url);
    this.#lanes.push(lane);
    return lane;
  }

  async stop(): Promise<void> {
    await Promise.all(this.#lanes.map((lane) => lane.database.close()));
    await this.#test.drop();
  }
}

/** One connection, so that its statements run one after the other, and the time it shows. */
export class TimedConnection {
  readonly database: Database;
  #nowMs = Number.NaN;

  constructor(url: string) {
    this.database = connectDatabase(url, { poolSize: 1 });
  }

  get db(): Db {
    return this.database.db;
  }

  get nowMs(): number {
    return this.#nowMs;
  }

  /** From now on it is this time; it may also be an earlier one. */
  async set(nowMs: number): Promise<void> {
    this.#nowMs = nowMs;
    await this.db.execute(sql`select set_config('simulated.ms', ${String(nowMs)}, false)`);
  }
}

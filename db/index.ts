/**
 * The connection to PostgreSQL and the migrations. Queries live in one file per area beside this one.
 */
import { fileURLToPath } from 'node:url';
import { drizzle, type PostgresJsDatabase } from 'drizzle-orm/postgres-js';
import { migrate as runMigrations } from 'drizzle-orm/postgres-js/migrator';
import postgres from 'postgres';
import { counting, type DatabaseLoad } from './load.ts';
import * as schema from './schema.ts';

/** A connected database or an open transaction on it; every query function takes one as its first argument. */
export type Db = PostgresJsDatabase<typeof schema>;

/** A pool with what belongs to it. */
export interface Database {
  db: Db;
  /** The driver itself, for `LISTEN`. */
  sql: postgres.Sql;
  /** What the pool has to do, for metrics. */
  load: DatabaseLoad;
  close(): Promise<void>;
}

/** The program asked for something that its own rules exclude: a bug, and repeating it cannot help. */
export class InvariantError extends Error {}

/** Any fixed number; whoever holds this lock is migrating. */
const MIGRATION_LOCK = 7_231_947;

/**
 * Opens a pool. Nothing is sent until the first query. A process that stands still within a transaction keeps its locks,
 * and with them the device, until `standstillMs` have passed; then the server cuts it off.
 */
export function connectDatabase(url: string, options: { poolSize?: number; standstillMs?: number } = {}): Database {
  const poolSize = options.poolSize ?? 20;
  const sql = postgres(url, {
    max: poolSize,
    onnotice: () => {},
    // Statements that lose their connection fail at once and are repeated by whoever owns the step.
    connect_timeout: 10,
    idle_timeout: 60,
    // The driver's own pauses grow to 20 s within a second, because all connections of the pool count together.
    backoff: () => 0.2 + Math.random() * 0.3,
    connection: {
      application_name: 'slipway',
      statement_timeout: 60_000,
      idle_in_transaction_session_timeout: options.standstillMs ?? 60_000,
    },
  });
  const { sql: counted, load } = counting(preparing(sql), poolSize);
  const db = drizzle(counted, { schema });
  return { db, sql, load, close: () => sql.end({ timeout: 5 }) };
}

/** What is known of the connection of a transaction. */
interface Scope {
  isLost: () => boolean;
  lose: () => void;
}

const NO_TRANSACTION: Scope = { isLost: () => false, lose: () => {} };

/**
 * Lets the server keep the plans of statements. Drizzle hands every statement over as one that is run once, which costs
 * a second round trip and the planning, more than most of our statements take.
 */
function preparing<Client extends postgres.Sql | postgres.TransactionSql>(
  client: Client,
  scope = NO_TRANSACTION,
): Client {
  const unsafe = client.unsafe.bind(client);
  // The driver's own statements, such as those that begin a transaction, come with options.
  client.unsafe = ((query: string, parameters: never[] = [], options: postgres.UnsafeQueryOptions = {}) => {
    if (scope.isLost()) throw lostConnection();
    return noticingLoss(unsafe(query, parameters, { ...options, prepare: true }), scope);
  }) as typeof unsafe;
  for (const name of ['begin', 'savepoint'] as const) {
    if (!(name in client)) continue;
    const scoped = client as unknown as Record<string, (...args: unknown[]) => Promise<unknown>>;
    const open = scoped[name]!;
    // The last argument is the work; it gets a client of its own.
    scoped[name] = async (...args) => {
      const work = args.pop() as (inner: postgres.TransactionSql) => unknown;
      let isOver = false;
      const end = () => void (isOver = true);
      const inner: Scope = {
        isLost: () => scope.isLost() || isOver,
        lose: () => {
          end();
          scope.lose();
        },
      };
      const own: { error?: unknown } = {};
      try {
        return await open(...args, (sql: postgres.TransactionSql) =>
          unlessLost(work(preparing(sql, inner)), inner, own),
        );
      } catch (error) {
        // What the work itself ended with says more than that it could not be rolled back.
        throw 'error' in own ? own.error : error;
      } finally {
        end();
      }
    };
  }
  return client;
}

/**
 * Notices at once that a connection is lost: until the driver does, it takes statements that it never ends, and with
 * them the place of the connection in the pool.
 */
function noticingLoss<Query extends object>(query: Query, scope: Scope): Query {
  const pending = query as { reject?: (error: unknown) => void };
  const { reject } = pending;
  if (scope === NO_TRANSACTION || reject === undefined) return query;
  pending.reject = (error) => {
    if (isLoss(error)) scope.lose();
    reject(error);
  };
  return query;
}

/**
 * Work in a transaction whose connection is lost never settles: the driver rejects the transaction by itself then. Would
 * the work end, it would send a commit or rollback over the dead connection, and that ends the whole process.
 */
async function unlessLost(work: unknown, scope: Scope, own: { error?: unknown }): Promise<unknown> {
  const never = new Promise(() => {});
  try {
    const result = await work;
    return scope.isLost() ? never : result;
  } catch (error) {
    const isLost = isLoss(error) || isLoss((error as { cause?: unknown }).cause);
    if (!isLost) own.error = error;
    if (scope.isLost() || isLost) return never;
    throw error;
  }
}

const LOSSES = new Set([
  'CONNECTION_CLOSED',
  'CONNECTION_DESTROYED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  // The server ends the connection: told to, crashed.
  '57P01',
  '57P02',
]);

function isLoss(error: unknown): boolean {
  return error instanceof Error && LOSSES.has(String((error as { code?: unknown }).code));
}

function lostConnection(): Error {
  return Object.assign(new Error('the connection to the database was lost'), { code: 'CONNECTION_CLOSED' });
}

/**
 * Brings the schema up to date. Any number of programs may start at once: one migrates, the others wait for it.
 */
export async function migrate(url: string): Promise<void> {
  const sql = postgres(url, { max: 1, onnotice: () => {}, connection: { application_name: 'slipway-migration' } });
  try {
    await sql`select pg_advisory_lock(${MIGRATION_LOCK})`;
    await runMigrations(drizzle(sql), { migrationsFolder: fileURLToPath(new URL('migrations', import.meta.url)) });
  } finally {
    await sql.end({ timeout: 5 });
  }
}

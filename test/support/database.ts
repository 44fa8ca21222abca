/** A database of its own for a test file, on the PostgreSQL of the run. */
import { randomBytes } from 'node:crypto';
import postgres from 'postgres';
import { provided } from './run-servers.ts';

export interface TestDatabase {
  url: string;
  /** Removes the database, cutting whoever is still connected. */
  drop(): Promise<void>;
}

const templateLock = 7_244_001;

/**
 * Makes a fresh database. With `migrate` it is a copy of one that was migrated once per run, which takes a tenth of the time;
 * without, it is empty.
 */
export async function createTestDatabase(migrate?: (url: string) => Promise<void>): Promise<TestDatabase> {
  const server = provided('postgresUrl');
  const name = `test_${randomBytes(6).toString('hex')}`;
  await asAdministrator(server, async (sql) => {
    const template = migrate ? await ensureTemplate(server, sql, migrate) : 'template0';
    await sql`create database ${sql(name)} template ${sql(template)}`;
  });
  return {
    url: withDatabase(server, name),
    drop: () =>
      asAdministrator(server, async (sql) => {
        await sql`drop database if exists ${sql(name)} with (force)`;
      }),
  };
}

/** Makes the migrated template, named after the function, unless another test process has; under a lock, renamed into place when complete. */
async function ensureTemplate(
  server: string,
  sql: postgres.Sql,
  migrate: (url: string) => Promise<void>,
): Promise<string> {
  const template = `template_${migrate.name.toLowerCase()}`;
  await sql`select pg_advisory_lock(${templateLock})`;
  try {
    const found = await sql`select 1 from pg_database where datname = ${template}`;
    if (found.length > 0) return template;
    const unfinished = `${template}_unfinished`;
    await sql`drop database if exists ${sql(unfinished)} with (force)`;
    await sql`create database ${sql(unfinished)}`;
    await migrate(withDatabase(server, unfinished));
    await sql`alter database ${sql(unfinished)} rename to ${sql(template)}`;
    return template;
  } finally {
    await sql`select pg_advisory_unlock(${templateLock})`;
  }
}

async function asAdministrator<T>(server: string, work: (sql: postgres.Sql) => Promise<T>): Promise<T> {
  const sql = postgres(server, { max: 1, onnotice: () => {} });
  try {
    return await work(sql);
  } finally {
    await sql.end({ timeout: 5 });
  }
}

function withDatabase(server: string, name: string): string {
  const url = new URL(server);
  url.pathname = `/${name}`;
  return url.href;
}

/** Transactions whose connection dies: they end, with the first error, and the process and the pool go on. */
import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { connectDatabase, type Database, type Db } from '../../db/index.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { waitFor } from '../support/wait.ts';

let test: TestDatabase;
let database: Database;
let killer: Database;
/** What reached nobody: it would end the program. */
const stray: unknown[] = [];
const note = (error: unknown) => void stray.push(error);

beforeAll(async () => {
  test = await createTestDatabase();
  database = connectDatabase(test.url, { poolSize: 2 });
  killer = connectDatabase(test.url, { poolSize: 1 });
  await killer.sql`create table marks (word text)`;
  process.on('unhandledRejection', note).on('uncaughtException', note);
});
afterAll(async () => {
  process.off('unhandledRejection', note).off('uncaughtException', note);
  await Promise.all([database.close(), killer.close()]);
  await test.drop();
});
beforeEach(() => killer.sql`truncate marks`);

const pidOf = async (tx: Db) => (await tx.execute<{ pid: number }>(sql`select pg_backend_pid() as pid`))[0]!.pid;

/** Ends the server's side of a connection, and waits until it has. */
async function kill(pid: number): Promise<void> {
  await killer.sql`select pg_terminate_backend(${pid}::int)`;
  await waitFor(async () => (await killer.sql`select 1 from pg_stat_activity where pid = ${pid}`).length === 0);
}

const codeOf = (error: unknown) => {
  const { code, cause } = error as { code?: unknown; cause?: { code?: unknown } };
  return code ?? cause?.code;
};

/** The error a transaction ends with, within a minute; a result is an error, too. */
async function failureOf(work: (tx: Db) => Promise<unknown>): Promise<unknown> {
  const ended = database.db
    .transaction((tx) => work(tx as Db))
    .then(
      (result) => Promise.reject(new Error(`it ended well: ${String(result)}`)),
      (error: unknown) => error,
    );
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('the transaction hangs')), 60_000);
  });
  return Promise.race([ended, late]).finally(() => clearTimeout(timer));
}

/** The pool still does what it is for, nothing of the transaction is there, and no error got astray. */
async function expectAllIsWell() {
  const again = () => database.db.transaction(async (tx) => (await tx.execute(sql`select 1 as n`))[0]);
  // The driver may tell the last word of a dead connection once more, to whoever takes its place first.
  // All of the pool at once: no place in it is lost.
  for (let turn = 0; turn < 2; turn++) {
    const results = await Promise.all([again(), again()].map((each) => each.catch(again)));
    expect(results).toEqual([{ n: 1 }, { n: 1 }]);
  }
  expect([...(await killer.sql`select word from marks`)]).toEqual([]);
  await new Promise((resolve) => setImmediate(resolve));
  expect(stray).toEqual([]);
}

describe('a transaction whose connection dies', () => {
  const LOST = /^(CONNECTION_CLOSED|CONNECTION_ENDED|57P01|ECONNRESET|EPIPE)$/;

  it('before a statement ends with the loss', async () => {
    const error = await failureOf(async (tx) => {
      await tx.execute(sql`insert into marks values ('lost')`);
      await kill(await pidOf(tx));
      await tx.execute(sql`insert into marks values ('after')`);
    });
    expect(codeOf(error)).toMatch(LOST);
    await expectAllIsWell();
  });

  it('in the middle of a statement ends with the loss', async () => {
    const error = await failureOf(async (tx) => {
      const pid = await pidOf(tx);
      const sleeping = tx.execute(sql`select pg_sleep(600)`);
      await Promise.all([sleeping, kill(pid)]);
    });
    expect(codeOf(error)).toMatch(LOST);
    await expectAllIsWell();
  });

  it('never ends well, whatever its work makes of the error', async () => {
    const error = await failureOf(async (tx) => {
      await tx.execute(sql`insert into marks values ('lost')`);
      await kill(await pidOf(tx));
      for (let turn = 0; turn < 3; turn++) await tx.execute(sql`select 1`).catch(() => {});
      return 'as if nothing had happened';
    });
    expect(codeOf(error)).toMatch(LOST);
    await expectAllIsWell();
  });

  it('inside a savepoint ends with the loss', async () => {
    const error = await failureOf(async (tx) =>
      tx.transaction(async (inner) => {
        await inner.execute(sql`insert into marks values ('lost')`);
        await kill(await pidOf(inner as Db));
        await inner.execute(sql`select 1`);
      }),
    );
    expect(codeOf(error)).toMatch(LOST);
    await expectAllIsWell();
  });

  it('while its work fails for a reason of its own ends with that', async () => {
    // The driver may hear of the loss before the work fails; then the loss comes first, and it is tried again.
    for (let tries = 1; ; tries += 1) {
      const error = await failureOf(async (tx) => {
        await kill(await pidOf(tx));
        throw new Error('the work had an error of its own');
      });
      await expectAllIsWell();
      if (tries < 30 && LOST.test(String(codeOf(error)))) continue;
      expect(error).toMatchObject({ message: 'the work had an error of its own' });
      return;
    }
  });
});

it('an error of the work itself is what the caller gets, and the transaction is rolled back', async () => {
  const error = await failureOf(async (tx) => {
    await tx.execute(sql`insert into marks values ('rolled back')`);
    throw new Error('not like this');
  });
  expect(error).toMatchObject({ message: 'not like this' });
  await expectAllIsWell();
});

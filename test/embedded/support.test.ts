import postgres from 'postgres';
import { describe, expect, test } from 'vitest';
import { createTestDatabase } from '../support/database.ts';
import { waitFor } from '../support/wait.ts';

describe('databases for tests', () => {
  test('are copies of one that was migrated once, and apart from each other', async () => {
    let migrations = 0;
    async function makeOneTable(url: string): Promise<void> {
      migrations++;
      const sql = postgres(url, { max: 1 });
      await sql`create table migrated (id int)`;
      await sql.end();
    }
    const [first, second] = await Promise.all([createTestDatabase(makeOneTable), createTestDatabase(makeOneTable)]);
    expect(migrations).toBe(1);
    const [one, other] = [postgres(first.url, { max: 1 }), postgres(second.url, { max: 1 })];
    await one`insert into migrated values (1)`;
    expect(await other`select * from migrated`).toHaveLength(0);
    await Promise.all([first.drop(), second.drop()]);
    await expect(one`select 1`).rejects.toThrow();
    await Promise.all([one.end(), other.end()]);
  });

  test('are empty without a migration', async () => {
    const database = await createTestDatabase();
    const sql = postgres(database.url, { max: 1 });
    expect(await sql`select * from pg_tables where schemaname = 'public'`).toHaveLength(0);
    await sql.end();
    await database.drop();
  });
});

describe('waiting', () => {
  test('gives the value as soon as there is one, and passes over errors until then', async () => {
    let calls = 0;
    const value = await waitFor(() => {
      calls++;
      if (calls === 1) throw new Error('not yet');
      return calls > 2 && 'there';
    });
    expect(value).toBe('there');
  });

  test('ends with the message and what was seen last', async () => {
    await expect(waitFor(() => 0, { deadlineMs: 20, message: 'no device came online' })).rejects.toThrow(
      'no device came online (waited 20 ms; its last answer was 0)',
    );
  });
});

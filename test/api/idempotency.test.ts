import { Type } from 'typebox';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { forgetAnswers } from '../../api/app.ts';
import { Answer, route } from '../../api/route.ts';
import { closed } from '../../api/schemas.ts';
import { createDepartment } from '../../db/people.ts';
import { TestApi, type TestDepartment } from './harness.ts';
import { serveRoutes } from './mounted.ts';

let api: TestApi;
let jimi: TestDepartment;
let serial = 0;

beforeAll(async () => {
  api = await TestApi.start({ authFailuresPerMinute: 1_000 });
  jimi = await api.department('jimi');
});
afterAll(() => api.stop());

const send = (path: string, body: unknown, idempotencyKey: string, key = jimi.key) =>
  api.send('POST', path, { key, body, headers: { 'idempotency-key': idempotencyKey } });
const DEPARTMENTS = '/api/v1/departments';

describe('an idempotency key', () => {
  it('gets the same answer again, and nothing is made twice', async () => {
    const body = { name: `d${++serial}` };
    const first = await send(DEPARTMENTS, body, 'a');
    expect(first.status).toBe(201);
    expect(first.headers.get('idempotent-replayed')).toBeNull();
    const again = await send(DEPARTMENTS, body, 'a');
    expect(again).toMatchObject({ status: 201, body: first.body });
    expect(Object.keys(again.body)).toEqual(Object.keys(first.body));
    expect(again.headers.get('idempotent-replayed')).toBe('true');
    const without = await api.send('POST', DEPARTMENTS, { key: jimi.key, body });
    expect(without.body.code).toBe('name_taken');
  });

  it('belongs to one request: another body is refused and nothing of it done', async () => {
    await send(DEPARTMENTS, { name: `d${++serial}` }, 'b');
    const other = await send(DEPARTMENTS, { name: `d${++serial}` }, 'b');
    expect(other).toMatchObject({ status: 409, body: { code: 'idempotency_key_reused' } });
    const made = await api.sql`select 1 from departments where name = ${`d${serial}`}`;
    expect(made).toHaveLength(0);
  });

  it('is one for each department and each address', async () => {
    const other = await api.department(`other ${++serial}`);
    const rows = [{ protocol: 'terminal', identity: String(++serial).padStart(10, '0') }];
    expect((await send('/api/v1/devices', rows, 'c')).body.created).toBe(1);
    const theirs = await send('/api/v1/devices', rows, 'c', other.key);
    expect(theirs.body.results[0].code).toBe('other_department');
    expect((await send(DEPARTMENTS, { name: `d${++serial}` }, 'c')).status).toBe(201);
  });

  it('is not used up by a request that was refused', async () => {
    const name = `d${++serial}`;
    const made = await createDepartment(api.db, name);
    expect((await send(DEPARTMENTS, { name }, 'd')).body.code).toBe('name_taken');
    await api.sql`delete from departments where id = ${made!.id}`;
    expect((await send(DEPARTMENTS, { name }, 'd')).status).toBe(201);
  });

  it('holds for requests that come at one moment: they wait and get one answer', async () => {
    const rows = Array.from({ length: 2_500 }, (_, n) => ({
      protocol: 'terminal',
      identity: `E${++serial}${String(n).padStart(6, '0')}`.padStart(12, '0'),
    }));
    const replies = await Promise.all(Array.from({ length: 4 }, () => send('/api/v1/devices', rows, 'e')));
    for (const reply of replies) expect(reply).toMatchObject({ status: 200, body: { created: 2_500, unchanged: 0 } });
    expect(replies.filter(({ headers }) => headers.get('idempotent-replayed') === 'true')).toHaveLength(3);
  });

  it('is forgotten after a day', async () => {
    const name = `d${++serial}`;
    await send(DEPARTMENTS, { name }, 'f');
    await api.sql`update idempotency_keys set created_at = now() - interval '25 hours' where key = 'f'`;
    expect((await send(DEPARTMENTS, { name: `d${++serial}` }, 'f')).status).toBe(201);
    await api.sql`update idempotency_keys set created_at = now() - interval '25 hours' where key = 'f'`;
    expect(await forgetAnswers(api.db)).toBe(1);
    expect(await forgetAnswers(api.db)).toBe(0);
  });

  it('has 1 to 200 characters', async () => {
    expect((await send(DEPARTMENTS, { name: 'x' }, 'x'.repeat(201))).body.errors[0].path).toBe(
      'header.idempotency-key',
    );
    expect((await send(DEPARTMENTS, { name: 'x' }, '')).body.errors[0].path).toBe('header.idempotency-key');
  });

  it('keeps an answer with a secret so that only the same API key opens it', async () => {
    const body = { name: `k${++serial}`, departmentId: jimi.id, permissions: [] };
    const first = await send('/api/v1/api-keys', body, 'g');
    expect(first.status).toBe(201);
    const again = await send('/api/v1/api-keys', body, 'g');
    expect(again.body).toEqual(first.body);
    expect((await api.send('GET', '/api/v1/me', { key: again.body.key })).status).toBe(200);
    const [row] = await api.sql`select * from idempotency_keys where key = 'g'`;
    expect(JSON.stringify(row)).not.toContain(first.body.key);
    expect(Buffer.from(row!['body'].written, 'base64').toString('latin1')).not.toContain(first.body.key);
    const colleague = await api.key(jimi.id, `colleague ${serial}`);
    const theirs = await send('/api/v1/api-keys', body, 'g', colleague);
    expect(theirs.body.code).toBe('idempotency_key_reused');
    expect(JSON.stringify(theirs.body)).not.toContain(first.body.key);
  });
});

describe('a handler', () => {
  let served: Awaited<ReturnType<typeof serveRoutes>>;
  const happened: string[] = [];

  const things = [
    route({
      method: 'post',
      path: '/things/{how}',
      id: 'makeThing',
      tag: 'test',
      summary: 'Make a thing',
      permission: 'public',
      params: closed({ how: Type.String() }),
      status: 202,
      response: closed({ seen: Type.Integer() }),
      idempotent: true,
      atomic: true,
      handle: async ({ params: { how } }, { db, afterCommit }) => {
        const made = await createDepartment(db, `thing ${how}`);
        const isSeen = async () => (await api.sql`select 1 from departments where id = ${made!.id}`).length;
        afterCommit(async () => happened.push(`${how}: ${await isSeen()} seen`));
        afterCommit(async () => {
          if (how === 'late') throw new Error('too late to matter');
        });
        if (how === 'broken') throw new Error('after writing');
        return new Answer({ seen: await isSeen() }, { headers: { Location: `/things/${how}` } });
      },
    }),
  ];

  beforeAll(async () => {
    served = await serveRoutes(things, { db: api.db }, jimi.id);
  });
  afterAll(() => served.stop());

  const make = async (how: string, key?: string) => {
    happened.length = 0;
    served.said.length = 0;
    const headers: Record<string, string> = key === undefined ? {} : { 'idempotency-key': key };
    const response = await fetch(`${served.url}/things/${how}`, { method: 'POST', headers });
    const location = response.headers.get('location');
    return { status: response.status, location, happened: [...happened, ...served.said] };
  };
  const count = async (name: string) => (await api.sql`select 1 from departments where name = ${name}`).length;

  it.each([[undefined], ['h']])(
    'writes in one transaction, and what follows begins when it is committed (key %s)',
    async (key) => {
      const how = `good-${key ?? 'none'}`;
      expect(await make(how, key)).toEqual({ status: 202, location: `/things/${how}`, happened: [`${how}: 1 seen`] });
    },
  );

  it('starts nothing a second time when the answer is repeated', async () => {
    await make('once', 'i');
    expect(await make('once', 'i')).toEqual({ status: 202, location: '/things/once', happened: [] });
  });

  it.each([[undefined], ['j']])('that fails leaves nothing behind and starts nothing (key %s)', async (key) => {
    expect(await make('broken', key)).toMatchObject({ status: 500, happened: ['request failed'] });
    expect(await count('thing broken')).toBe(0);
  });

  it('answers also when what should follow fails: it is committed', async () => {
    expect(await make('late')).toEqual({
      status: 202,
      location: '/things/late',
      happened: ['late: 1 seen', 'committed, but what should follow failed'],
    });
    expect(await count('thing late')).toBe(1);
  });
});

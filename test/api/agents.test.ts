/** Agents over the API: made, changed, given work; nobody sees their secrets. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MOST_QUEUED, queueCall } from '../../db/factory/agent-calls.ts';
import { waitFor } from '../support/wait.ts';
import { TestApi, type TestDepartment } from './harness.ts';

let api: TestApi;
let department: TestDepartment;
let other: TestDepartment;
beforeAll(async () => {
  api = await TestApi.start();
  [department, other] = [await api.department('battery'), await api.department('other')];
}, 120_000);
afterAll(() => api.stop());

let made = 0;
const send = (
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
  key = department.key,
) => api.send(method, `/api/v1${path}`, { key, body, headers });

async function agent(change: object = {}): Promise<string> {
  const code = `EQ${(made += 1)}`;
  const reply = await send('POST', '/agents', { code, url: 'http://127.0.0.1:9', ...change });
  expect(reply.status).toBe(201);
  return code;
}

describe('an agent', () => {
  it('is made once, started, and its secrets are never shown', async () => {
    const code = await agent({ token: 'top-secret', password: 'hidden', periodSeconds: 15 });
    const { body } = await send('GET', `/agents/${code}`);
    expect(body).toMatchObject({ hasToken: true, hasPassword: true, periodSeconds: 15, session: { state: 'never' } });
    expect(api.executions.changedAgents).toContain(code);
    const log = await send('GET', `/audit?targetKind=agent&targetId=${code}`);
    expect(log.body.items).toHaveLength(1);
    expect(JSON.stringify([body, log.body])).not.toMatch(/top-secret|hidden/);
    expect((await send('POST', '/agents', { code, url: 'http://127.0.0.1:9' })).body.code).toBe('name_taken');
  });

  it('is refused when no session could be held with what is said of it', async () => {
    const wrong = await send('POST', '/agents', { code: ' X', url: 'http://[::1' });
    expect(wrong.body).toMatchObject({ status: 422, code: 'fields_refused' });
    expect(wrong.body.errors.map(({ path }: { path: string }) => path)).toEqual(['body.code', 'body.url']);
    const code = await agent();
    const change = await send('PATCH', `/agents/${code}`, { url: 'http://10.0.0.9:99999' });
    expect(change.body.code).toBe('fields_refused');
    const flagPlans = { material_up: { response: 'send', data: { 'a\0name': 1 } } };
    for (const refused of [
      await send('POST', '/agents', { code: 'EQ-NUL', url: 'http://127.0.0.1:9', flagPlans }),
      await send('PATCH', `/agents/${code}`, { flagPlans }),
    ]) {
      expect(refused.body).toMatchObject({ status: 422, code: 'fields_refused', errors: [{ path: 'body.flagPlans' }] });
    }
  });

  it('is changed with If-Match, and told to its session', async () => {
    const code = await agent();
    const before = api.executions.changedAgents.length;
    expect((await send('PATCH', `/agents/${code}`, { isActive: false }, { 'if-match': '"1"' })).body).toMatchObject({
      isActive: false,
      revision: 2,
    });
    expect(api.executions.changedAgents.slice(before)).toEqual([code]);
    expect((await send('PATCH', `/agents/${code}`, { remark: 'x' }, { 'if-match': '"1"' })).status).toBe(412);
  });

  it('belongs to its department', async () => {
    const code = await agent();
    const theirs = (method: string, path: string, body?: unknown) => send(method, path, body, {}, other.key);
    expect((await theirs('GET', `/agents/${code}`)).status).toBe(404);
    expect((await theirs('POST', `/agents/${code}/status`, { status: 'Running' })).status).toBe(404);
    expect((await theirs('GET', '/agents')).body.items).toEqual([]);
  });

  it('is deleted while it has no history', async () => {
    const [idle, busy] = [await agent(), await agent()];
    await send('POST', `/agents/${busy}/status`, { status: 'Running' });
    expect((await send('DELETE', `/agents/${idle}`)).status).toBe(204);
    expect((await send('DELETE', `/agents/${busy}`)).body.code).toBe('control_refused');
  });
});

describe('calls', () => {
  it('are kept in the order in which they were given, each with its own SessionId, once per idempotency key', async () => {
    const code = await agent();
    const key = { 'idempotency-key': 'plc-1' };
    const first = await send('POST', `/agents/${code}/status`, { status: 'Running' }, key);
    const again = await send('POST', `/agents/${code}/status`, { status: 'Running' }, key);
    expect([first.status, again.body.id]).toEqual([202, first.body.id]);
    const trayBarcode = 'ZN180 104JZ000130';
    await send('POST', `/agents/${code}/alarms`, { alarms: [{ alertCode: 'A1', isRaised: true }] });
    await send('POST', `/agents/${code}/trays/bind`, { trayBarcode, cells: [{ serialNo: 'C', positionNo: 1 }] });
    await send('POST', `/agents/${code}/trays/unbind`, { trayBarcode, isManual: true });
    const { body } = await send('GET', `/agents/${code}/calls?status=queued`);
    expect(body.items.map(({ name }: { name: string }) => name)).toEqual([
      'EqptStatus',
      'EqptAlert',
      'TrayBind',
      'TrayUnbind',
    ]);
    expect(new Set(body.items.map(({ sessionId }: { sessionId: string }) => sessionId)).size).toBe(4);
    expect(body.items[0].request).toMatchObject({
      statusCode: 'Running',
      reasonCode: 'Planned running',
      locationId: 'NA',
    });
    expect(body.items[3].request).toEqual({ trayBarcode, opFlag: 1 });
  });

  it('hold data of any shape, but no text that cannot be stored', async () => {
    const code = await agent();
    const give = (data: object) => send('POST', `/agents/${code}/follow-ups`, { action: 'water_content', data });
    expect((await give({ Ppm: '12.5', List: [{ 水: ['😀', null, 1] }] })).status).toBe(202);
    for (const data of [{ a: 'x\0' }, { 'a\0': 1 }, { a: [{ b: { '\0': 1 } }] }, { a: ['\ud800'] }]) {
      const { body } = await give(data);
      expect(body).toMatchObject({ status: 422, code: 'fields_refused', errors: [{ path: 'body.data' }] });
    }
  });

  it('given at the same time wait for each other: a later one is never visible before an earlier one', async () => {
    const code = await agent();
    const [row] = await api.sql`select id from agents where code = ${code}`;
    const agentId = row!['id'] as number;
    const call = { name: 'EqptStatus', request: {}, createdBy: 'test' } as const;
    const order: string[] = [];
    let later: Promise<unknown> = Promise.resolve();
    const first = await api.db.transaction(async (tx) => {
      const id = await queueCall(tx, agentId, call);
      later = api.db.transaction((tx) => queueCall(tx, agentId, call)).then((id) => (order.push('later'), id));
      // the other transaction is seen waiting for this one
      await waitFor(async () => {
        const waiting =
          await api.sql`select 1 from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`;
        return waiting.length > 0;
      });
      order.push('earlier');
      return id;
    });
    expect(await later).toBeGreaterThan(first!);
    expect(order).toEqual(['earlier', 'later']);
  });

  it('are refused when too many wait', async () => {
    const code = await agent();
    await api.sql`
      insert into agent_calls (agent_id, name, session_id, request, created_by)
      select a.id, 'EqptStatus', n::text, '{}', 'test' from agents a, generate_series(1, ${MOST_QUEUED}) n where a.code = ${code}`;
    expect((await send('POST', `/agents/${code}/status`, { status: 'Running' })).body.code).toBe('agent_queue_full');
  });

  it('that wait can be given up; what ended cannot be decided again', async () => {
    const code = await agent();
    const { body } = await send('POST', `/agents/${code}/status`, { status: 'Running' });
    const path = `/agents/${code}/calls/${body.id}`;
    expect((await send('POST', `${path}/redrive`, {})).body.code).toBe('control_refused');
    expect((await send('POST', `${path}/write-off`, { cause: 'known' })).body).toMatchObject({
      status: 'written_off',
      decidedBy: department.operator,
      cause: 'known',
    });
    expect((await send('POST', `${path}/write-off`, {})).body.code).toBe('control_refused');
    expect((await send('GET', `${path}?waitSeconds=20`)).body.status).toBe('written_off');
  });
});

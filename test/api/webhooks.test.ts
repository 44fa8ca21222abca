import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestApi, type TestDepartment } from './harness.ts';

let api: TestApi;
let mine: TestDepartment;
const HOOKS = '/api/v1/webhooks';

beforeAll(async () => {
  api = await TestApi.start({ authFailuresPerMinute: 1_000 });
  mine = await api.department('几米物联');
});
afterAll(() => api.stop());

const send = (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) =>
  api.send(method, path, { key: mine.key, headers, ...(body === undefined ? {} : { body }) });

async function make(body: object = {}) {
  const reply = await send('POST', HOOKS, { url: 'https://example.com/hook', ...body });
  expect(reply.status).toBe(201);
  return reply.body as { id: number; secret: string; revision: number };
}

/** A delivery of an event of the department, as the sweep makes it. */
async function delivery(webhookId: number, status: 'pending' | 'delivered' | 'failed' = 'pending'): Promise<number> {
  const [event] =
    await api.sql`insert into events (department_id, kind) values (${mine.id}, 'device.failed') returning id`;
  const [row] = await api.sql`
    insert into webhook_deliveries (webhook_id, event_id, status, started_at, finished_at, attempts)
    values (${webhookId}, ${event!['id']}, ${status}, now(), ${status === 'pending' ? null : api.sql`now()`}, 1) returning id`;
  return Number(row!['id']);
}

describe('a webhook', () => {
  it('is made with a secret that is shown once', async () => {
    const made = await send('POST', HOOKS, {
      url: 'https://example.com/a',
      kinds: ['task.finished'],
      remark: 'field service',
    });
    expect(made.status).toBe(201);
    expect(made.headers.get('etag')).toBe('"1"');
    expect(made.headers.get('location')).toBe(`${HOOKS}/${made.body.id}`);
    const { secret, ...shown } = made.body;
    expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    expect(shown).toEqual({
      id: expect.any(Number),
      url: 'https://example.com/a',
      kinds: ['task.finished'],
      isActive: true,
      offReason: null,
      failingSince: null,
      waiting: 0,
      remark: 'field service',
      revision: 1,
      createdAt: expect.any(String),
      createdBy: mine.operator,
    });
    expect((await send('GET', `${HOOKS}/${shown.id}`)).body).toEqual(shown);
    const list = await send('GET', HOOKS);
    expect(list.body.items).toContainEqual(shown);
    expect(JSON.stringify([list.body, api.logs])).not.toContain(secret);
    const audit =
      await api.sql`select action, after::text as after from audit_log where target_kind = 'webhook' and target_id = ${String(shown.id)}`;
    expect(audit.map(({ action }) => action as string)).toEqual(['createWebhook']);
    expect(JSON.stringify(audit)).not.toContain(secret);
  });

  it('is made once for one idempotency key', async () => {
    const headers = { 'idempotency-key': 'hook-1' };
    const [first, second] = [
      await send('POST', HOOKS, { url: 'https://example.com/once' }, headers),
      await send('POST', HOOKS, { url: 'https://example.com/once' }, headers),
    ];
    expect(second.body).toEqual(first.body);
    const [row] = await api.sql`select count(*)::int as count from webhooks where url = 'https://example.com/once'`;
    expect(row!['count']).toBe(1);
  });

  it.each([
    ['http://127.0.0.1:8080/', 'WEBHOOK_ALLOW_PRIVATE'],
    ['http://169.254.169.254/latest', 'metadata'],
    ['https://li:secret@example.com', 'password'],
    ['ftp://example.com', 'https://'],
    ['nonsense', 'not a URL'],
  ])('to %s is refused with the reason', async (url, reason) => {
    const { status, body } = await send('POST', HOOKS, { url });
    expect(status).toBe(422);
    expect(body).toMatchObject({
      code: 'webhook_refused',
      detail: expect.stringContaining(reason),
      errors: [{ path: 'body.url' }],
    });
  });

  it('to a private address is taken where the operator allows it, to metadata never', async () => {
    const open = await TestApi.start({ allowPrivateWebhooks: true });
    try {
      const { key } = await open.department('lab');
      const post = (url: string) => open.send('POST', HOOKS, { key, body: { url } });
      expect((await post('http://127.0.0.1:8080/')).status).toBe(201);
      expect((await post('http://169.254.169.254/')).status).toBe(422);
    } finally {
      await open.stop();
    }
  });

  it('is changed by one person at a time', async () => {
    const { id } = await make();
    const changed = await send(
      'PATCH',
      `${HOOKS}/${id}`,
      { isActive: false, remark: 'holiday' },
      { 'if-match': '"1"' },
    );
    expect(changed.body).toMatchObject({ isActive: false, remark: 'holiday', revision: 2 });
    expect(changed.headers.get('etag')).toBe('"2"');
    const late = await send('PATCH', `${HOOKS}/${id}`, { remark: 'x' }, { 'if-match': '"1"' });
    expect(late.status).toBe(412);
    expect(late.body).toMatchObject({ code: 'edit_conflict', changedBy: mine.operator });
    expect((await send('PATCH', `${HOOKS}/${id}`, { remark: 'holiday' })).body.revision).toBe(2);
    expect((await send('PATCH', `${HOOKS}/${id}`, { url: 'http://10.0.0.1' })).body.code).toBe('webhook_refused');
    expect((await send('DELETE', `${HOOKS}/${id}`, undefined, { 'if-match': '"1"' })).status).toBe(412);
  });

  it('gets another key, once shown, while the old one still signs', async () => {
    const { id, secret } = await make();
    const rotated = await send('POST', `${HOOKS}/${id}/rotate-secret`);
    expect(rotated.status).toBe(200);
    expect(rotated.body.secret).toMatch(/^whsec_/);
    expect(rotated.body).toMatchObject({ revision: 2 });
    const [row] =
      await api.sql`select secret, previous_secret, previous_secret_until > now() + interval '23 hours' as holds from webhooks where id = ${id}`;
    expect(row).toEqual({ secret: rotated.body.secret, previous_secret: secret, holds: true });
  });

  it('is tested by a message from where the real ones are sent', async () => {
    const { id } = await make();
    expect((await send('POST', `${HOOKS}/${id}/ping`)).body).toEqual({ status: 204, error: null, tookMs: 12 });
  });

  it('is gone when it was deleted; what waited has ended', async () => {
    const { id } = await make();
    await delivery(id);
    expect((await send('GET', `${HOOKS}/${id}`)).body.waiting).toBe(1);
    expect((await send('DELETE', `${HOOKS}/${id}`)).status).toBe(204);
    expect((await send('GET', `${HOOKS}/${id}`)).status).toBe(404);
    expect((await send('GET', `${HOOKS}/${id}/deliveries`)).status).toBe(404);
    const rows = await api.sql`select status from webhook_deliveries where webhook_id = ${id}`;
    expect(rows.map(({ status }) => status as string)).toEqual(['failed']);
  });

  it('is one of twenty at most, also when two are made at once', async () => {
    const crowd = await api.department('crowd');
    const post = () => api.send('POST', HOOKS, { key: crowd.key, body: { url: 'https://example.com' } });
    for (let n = 0; n < 19; n++) expect((await post()).status).toBe(201);
    const codes = (await Promise.all([post(), post(), post()])).map(({ status }) => status);
    expect(codes.toSorted((a, b) => a - b)).toEqual([201, 422, 422]);
  });
});

describe('deliveries', () => {
  it('are listed newest first, by status, in pages', async () => {
    const { id } = await make();
    const ids = [await delivery(id, 'delivered'), await delivery(id, 'failed'), await delivery(id)];
    const list = (query: string) => send('GET', `${HOOKS}/${id}/deliveries?${query}`);
    const first = await list('limit=2');
    expect(first.body.items.map((item: { id: number }) => item.id)).toEqual([ids[2], ids[1]]);
    expect((await list(`limit=2&after=${first.body.next}`)).body).toMatchObject({
      items: [{ id: ids[0] }],
      next: null,
    });
    expect((await list('status=failed')).body.items).toEqual([
      {
        id: ids[1],
        eventId: expect.any(Number),
        kind: 'device.failed',
        at: expect.any(String),
        taskId: null,
        deviceId: null,
        status: 'failed',
        attempts: 1,
        lastStatus: null,
        lastError: null,
        createdAt: expect.any(String),
        startedAt: expect.any(String),
        lastAttemptAt: null,
        finishedAt: expect.any(String),
        links: { temporal: expect.stringContaining(`webhook%2F${ids[1]}`) },
      },
    ]);
  });

  it('that have ended are sent again; one that waits is tried at once; not while the webhook is off', async () => {
    const { id } = await make();
    const [ended, waiting] = [await delivery(id, 'failed'), await delivery(id)];
    const resend = (deliveryId: number) => send('POST', `${HOOKS}/${id}/deliveries/${deliveryId}/resend`);
    const again = await resend(ended);
    expect(again.status).toBe(202);
    expect(again.body).toMatchObject({ id: ended, status: 'pending', finishedAt: null, startedAt: null, attempts: 1 });
    expect(api.executions.retriedDeliveries).toEqual([]);
    expect((await resend(waiting)).status).toBe(202);
    expect(api.executions.retriedDeliveries).toEqual([waiting]);
    expect((await resend(999_999)).status).toBe(404);
    await send('PATCH', `${HOOKS}/${id}`, { isActive: false });
    expect((await resend(ended)).body).toMatchObject({
      code: 'control_refused',
      detail: expect.stringContaining('off'),
    });
  });
});

describe('live streams through the app', () => {
  it('need a key and a task of the department, and answer as a stream', async () => {
    expect((await api.send('GET', '/api/v1/events')).status).toBe(401);
    expect((await send('GET', '/api/v1/upgrade-tasks/999999/events')).status).toBe(404);
    const leaving = new AbortController();
    const response = await fetch(`${api.url}/api/v1/events`, {
      headers: { authorization: `Bearer ${mine.key}` },
      signal: leaving.signal,
    });
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    expect(response.headers.get('x-accel-buffering')).toBe('no');
    const { value } = await response.body!.getReader().read();
    expect(Buffer.from(value!).toString()).toMatch(/^retry: 3000\nid: u\d+\.t\d+\.e\d+\n\n$/);
    leaving.abort();
  });
});

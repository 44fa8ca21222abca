import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PERMISSIONS } from '../../api/auth.ts';
import { routes } from '../../api/routes/index.ts';
import { TestApi, type TestDepartment } from './harness.ts';

let api: TestApi;
let jimi: TestDepartment;

beforeAll(async () => {
  api = await TestApi.start({ authFailuresPerMinute: 1_000 });
  jimi = await api.department('jimi');
});
afterAll(() => api.stop());

describe('health', () => {
  it('says that the process is alive, without a key', async () => {
    const { status, body } = await api.send('GET', '/healthz');
    expect(status).toBe(200);
    expect(body).toEqual({ status: 'ok', version: '1.2.3', uptimeSeconds: expect.any(Number) });
  });

  it('is ready while database and Temporal answer', async () => {
    const { status, body } = await api.send('GET', '/readyz');
    expect(status).toBe(200);
    const ok = { ok: true, milliseconds: expect.any(Number) };
    expect(body).toEqual({ status: 'ready', checks: { database: ok, temporal: ok } });
  });

  it('is not ready while Temporal does not answer, and says which part it is', async () => {
    api.executions.failure = new Error('down');
    const { status, body } = await api.send('GET', '/readyz');
    api.executions.failure = null;
    expect(status).toBe(503);
    expect(body).toMatchObject({ status: 'not_ready', checks: { database: { ok: true }, temporal: { ok: false } } });
  });
});

describe('metrics', () => {
  it('are open to the machine itself and name routes, not addresses', async () => {
    await api.send('GET', '/api/v1/devices/terminal-0000000000', { key: jimi.key });
    const { status, body } = await api.send('GET', '/metrics');
    expect(status).toBe(200);
    expect(body.toString()).toMatch(
      /slipway_http_request_duration_seconds_count\{route="getDevice",method="GET",status="404"\} 1/,
    );
  });

  it('need a key when a proxy passes the request on', async () => {
    const headers = { 'x-forwarded-for': '203.0.113.7' };
    expect((await api.send('GET', '/metrics', { headers })).body.code).toBe('unauthenticated');
    expect((await api.send('GET', '/metrics', { headers, key: jimi.key })).status).toBe(200);
  });
});

describe('docs', () => {
  it('come from this server alone and hold no script inside the page', async () => {
    const page = await api.send('GET', '/docs');
    expect(page.status).toBe(200);
    expect(page.headers.get('content-security-policy')).toContain("script-src 'self'");
    const html = page.body.toString() as string;
    expect(html).not.toMatch(/<script(?![^>]*src=)/);
    expect(html).not.toMatch(/https?:/);
    for (const [, address] of html.matchAll(/(?:src|href)="([^"]+)"/g)) {
      expect((await api.send('GET', address!)).status, address).toBe(200);
    }
  });

  it('serve nothing else of the package', async () => {
    expect((await api.send('GET', '/docs/package.json')).status).toBe(404);
  });

  it('read the OpenAPI document without a key', async () => {
    const { status, body } = await api.send('GET', '/openapi.json');
    expect(status).toBe(200);
    expect(body).toMatchObject({ openapi: '3.1.0', info: { title: 'Slipway', version: '1.2.3' } });
  });
});

describe('every request', () => {
  it('gets an id, or keeps the one a proxy gave', async () => {
    const own = await api.send('GET', '/healthz');
    expect(own.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
    const given = await api.send('GET', '/api/v1/me', { headers: { 'x-request-id': 'abc-123' } });
    expect(given.headers.get('x-request-id')).toBe('abc-123');
    expect(given.body.requestId).toBe('abc-123');
    const bad = await api.send('GET', '/healthz', { headers: { 'x-request-id': 'a b' } });
    expect(bad.headers.get('x-request-id')).not.toBe('a b');
  });

  it('is logged with its route and caller and without the key or the body', async () => {
    await api.send('PATCH', '/api/v1/devices/terminal-0000000000', { key: jimi.key, body: { remark: 'very private' } });
    const line = api.logs.map((text) => JSON.parse(text)).findLast(({ routeId }) => routeId === 'updateDevice');
    expect(line).toMatchObject({
      caller: 'jimi-operator',
      departmentId: jimi.id,
      requestId: expect.any(String),
      req: { method: 'PATCH', url: '/api/v1/devices/terminal-0000000000' },
      res: { statusCode: 404 },
    });
    expect(api.logs.join('')).not.toContain(jimi.key);
    expect(api.logs.join('')).not.toContain('very private');
  });

  it('never takes one address for a parameter of another, whatever the method', async () => {
    const { key } = await api.department('admins', PERMISSIONS);
    const literal = new Set(routes.map(({ path }) => path).filter((path) => !path.includes('{')));
    for (const path of literal) {
      const own = routes.filter((each) => each.path === path).map(({ method }) => method.toUpperCase());
      for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'].filter((name) => !own.includes(name))) {
        const { status, headers } = await api.send(method, path, { key });
        expect({ method, path, status, allow: headers.get('allow') }).toEqual({
          method,
          path,
          status: 405,
          allow: own.join(', '),
        });
      }
    }
  });

  it('says what is wrong with an address, a method or a body', async () => {
    const { key } = jimi;
    expect(await api.send('GET', '/nowhere')).toMatchObject({ status: 404, body: { code: 'not_found' } });
    expect(await api.send('GET', '/api/v1/nowhere')).toMatchObject({ status: 401 });
    expect(await api.send('GET', '/api/v1/nowhere', { key })).toMatchObject({
      status: 404,
      body: { code: 'not_found' },
    });
    const put = await api.send('PUT', '/api/v1/devices', { key });
    expect(put).toMatchObject({ status: 405, body: { code: 'method_not_allowed' } });
    expect(put.headers.get('allow')).toBe('GET, POST');
    const json = { 'content-type': 'application/json' };
    expect(await api.send('POST', '/api/v1/departments', { key, body: '{"name":', headers: json })).toMatchObject({
      status: 400,
      body: { code: 'body_unreadable' },
    });
    expect(
      await api.send('POST', '/api/v1/departments', { key, body: 'name=x', headers: { 'content-type': 'text/plain' } }),
    ).toMatchObject({
      status: 415,
      body: { code: 'media_type_not_supported' },
    });
    expect(await api.send('POST', '/api/v1/departments', { key, body: { name: 'x'.repeat(300_000) } })).toMatchObject({
      status: 413,
      body: { code: 'body_too_large' },
    });
    expect(await api.send('GET', '/api/v1/devices/%', { key })).toMatchObject({
      status: 400,
      body: { code: 'body_unreadable' },
    });
  });

  it('lists everything wrong with its fields at once', async () => {
    const { status, body } = await api.send('GET', '/api/v1/devices?limit=501&protocol=fax&colour=red', {
      key: jimi.key,
    });
    expect(status).toBe(400);
    expect(body.code).toBe('validation_failed');
    expect(body.errors).toEqual(
      expect.arrayContaining([
        { path: 'query.limit', message: 'must be <= 500' },
        { path: 'query.protocol', message: 'must be one of terminal, ams, pcp, pile' },
        {
          path: 'query.colour',
          message: expect.stringMatching(/^is not known here; known are protocol, model, .*limit, after, format$/),
        },
      ]),
    );
  });

  it('refuses text that cannot be stored', async () => {
    const { status, body } = await api.send('POST', '/api/v1/departments', {
      key: jimi.key,
      body: { name: 'a\u0000b' },
    });
    expect(status).toBe(400);
    expect(body.errors).toEqual([{ path: 'body.name', message: expect.any(String) }]);
  });
});

describe('what nobody foresaw', () => {
  it('becomes "internal", tells nothing and is logged once', async () => {
    const broken = await TestApi.start();
    try {
      const { key } = await broken.department('jimi');
      await broken.sql`alter table unknown_devices rename to gone`;
      const { status, body } = await broken.send('GET', '/api/v1/unknown-devices', { key });
      expect(status).toBe(500);
      expect(body).toEqual({
        type: 'urn:slipway:problem:internal',
        title: 'Something went wrong inside',
        status: 500,
        code: 'internal',
        detail: expect.stringContaining('request id'),
        requestId: expect.any(String),
      });
      const errors = broken.logs.map((text) => JSON.parse(text)).filter(({ level }) => level >= 50);
      expect(errors).toHaveLength(1);
      expect(errors[0]).toMatchObject({
        requestId: body.requestId,
        err: { message: expect.stringContaining('unknown_devices') },
      });
    } finally {
      await broken.stop();
    }
  });

  it('says 503 and when to come back while the database is away', async () => {
    const cut = await TestApi.start();
    const { key } = await cut.department('jimi');
    expect((await cut.send('GET', '/api/v1/me', { key })).status).toBe(200);
    await cut.sql.end();
    const { status, body, headers } = await cut.send('GET', '/api/v1/devices', { key });
    expect(status).toBe(503);
    expect(body.code).toBe('database_unavailable');
    expect(headers.get('retry-after')).toBe('5');
    await cut.stop();
  });
});

/** Sessions of the console: a cookie in place of a key, with exactly what the key may do, and only for pages of this server. */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { generateKey, PERMISSIONS } from '../../api/auth.ts';
import { SESSION_LIFE } from '../../api/sessions.ts';
import { TestApi, type Reply, type TestDepartment } from './harness.ts';

const PAGE = { 'x-slipway-console': '1' };

let api: TestApi;
let jimi: TestDepartment;
let other: TestDepartment;

beforeAll(async () => {
  api = await TestApi.start({ authFailuresPerMinute: 1_000, trustedProxies: 1 });
  jimi = await api.department('jimi');
  other = await api.department('other');
});
afterAll(() => api.stop());

const signIn = (key: string, headers: Record<string, string> = {}) =>
  api.send('POST', '/api/v1/session', { body: { key }, headers: { ...PAGE, ...headers } });
const cookieOf = ({ headers }: Reply) => headers.get('set-cookie')!.split(';')[0]!;
const ask = (method: string, path: string, cookie: string, headers: Record<string, string> = PAGE, body?: unknown) =>
  api.send(method, path, { headers: { cookie, ...headers }, body });

describe('signing in', () => {
  it('answers who it is, and a cookie that scripts and other sites cannot use', async () => {
    const reply = await signIn(jimi.key);
    expect(reply.status).toBe(201);
    expect(reply.body).toEqual({
      me: {
        keyId: expect.any(Number),
        name: 'jimi-operator',
        department: { id: jimi.id, name: 'jimi' },
        permissions: [...PERMISSIONS],
      },
      version: '1.2.3',
      links: { temporalUi: 'http://temporal.test/namespaces/default/workflows' },
    });
    expect(reply.headers.get('set-cookie')).toMatch(
      /^slipway_session=sws_[\w-]{43}; Path=\/; Max-Age=604800; HttpOnly; SameSite=Strict$/,
    );
    expect(reply.headers.get('cache-control')).toBe('no-store');
  });

  it('makes the cookie secure where the proxy says that the page came with TLS', async () => {
    const reply = await signIn(jimi.key, { 'x-forwarded-proto': 'https' });
    expect(reply.headers.get('set-cookie')).toMatch(/; Secure$/);
  });

  it('keeps neither the key nor the token: not in the database, not in the log', async () => {
    const reply = await signIn(jimi.key);
    const token = cookieOf(reply).split('=')[1]!;
    await ask('GET', '/api/v1/me', cookieOf(reply));
    const rows = await api.sql`select * from console_sessions`;
    const audit = await api.sql`select * from audit_log`;
    const everything = JSON.stringify([rows, audit]) + api.logs.join('');
    expect(rows.length).toBeGreaterThan(0);
    expect(everything).not.toContain(token);
    expect(everything).not.toContain(jimi.key);
    expect(everything).not.toContain('sws_');
  });

  it('is in the audit log, and so is signing out', async () => {
    const key = await api.key(jimi.id, 'audited');
    const cookie = cookieOf(await signIn(key));
    await ask('DELETE', '/api/v1/session', cookie);
    const lines = await api.sql`select action, target_kind, author from audit_log where author = 'audited' order by id`;
    expect(lines.map((line) => ({ ...line }))).toEqual([
      { action: 'startSession', target_kind: 'session', author: 'audited' },
      { action: 'endSession', target_kind: 'session', author: 'audited' },
    ]);
  });

  it.each([
    ['unknown', () => generateKey().key],
    ['malformed', () => 'swk_short'],
    ['a session token', () => `sws_${'a'.repeat(43)}`],
  ])('with a key that is %s is refused without a cookie', async (_kind, key) => {
    const reply = await signIn(key());
    expect(reply.status).toBe(401);
    expect(reply.body).toMatchObject({
      code: 'unauthenticated',
      detail: expect.stringContaining('unknown or revoked'),
    });
    expect(reply.headers.get('set-cookie')).toBeNull();
  });

  it('is slowed down by address when keys are refused, together with other requests; a valid key still gets in', async () => {
    const strict = await TestApi.start({ authFailuresPerMinute: 3, trustedProxies: 1 });
    try {
      const { key } = await strict.department('jimi');
      const from = (address: string) => ({ ...PAGE, 'x-forwarded-for': address });
      const tryKey = (given: string, address: string) =>
        strict.send('POST', '/api/v1/session', { body: { key: given }, headers: from(address) });
      await strict.send('GET', '/api/v1/me', { headers: from('203.0.113.7') });
      const codes: string[] = [];
      for (let i = 0; i < 4; i++) codes.push((await tryKey(generateKey().key, '203.0.113.7')).body.code);
      expect(codes).toEqual(['unauthenticated', 'unauthenticated', 'too_many_failures', 'too_many_failures']);
      expect((await tryKey(generateKey().key, '203.0.113.8')).status).toBe(401);
      expect((await tryKey(key, '203.0.113.7')).status).toBe(201);
    } finally {
      await strict.stop();
    }
  });
});

describe('a session', () => {
  it('may do what its key may do, in its department, and nothing else', async () => {
    const key = await api.key(jimi.id, 'narrow', ['device:read']);
    const mine = cookieOf(await signIn(key));
    const theirs = cookieOf(await signIn(other.key));
    expect((await ask('GET', '/api/v1/me', mine)).body).toMatchObject({ name: 'narrow', permissions: ['device:read'] });
    const row = [{ protocol: 'terminal', identity: '6134441313', model: 'GV2' }];
    const refused = await ask('POST', '/api/v1/devices', mine, PAGE, row);
    expect(refused.body).toMatchObject({ code: 'permission_missing', permission: 'device:write' });
    expect((await ask('POST', '/api/v1/devices', theirs, PAGE, row)).body).toMatchObject({ created: 1 });
    expect((await ask('GET', '/api/v1/devices/terminal-6134441313', theirs)).status).toBe(200);
    const wall = await ask('GET', '/api/v1/devices/terminal-6134441313', mine);
    expect(wall.body).toMatchObject({ status: 404, code: 'not_found' });
  });

  it('is told apart from a key: a token is no key, and a key in the cookie is no session', async () => {
    const cookie = cookieOf(await signIn(jimi.key));
    const token = cookie.split('=')[1]!;
    expect((await api.send('GET', '/api/v1/me', { key: token })).status).toBe(401);
    expect((await ask('GET', '/api/v1/me', `slipway_session=${jimi.key}`)).status).toBe(401);
  });

  it('gives way to a key in the same request', async () => {
    const cookie = cookieOf(await signIn(jimi.key));
    const reply = await api.send('GET', '/api/v1/me', { key: other.key, headers: { cookie } });
    expect(reply.body.name).toBe('other-operator');
  });

  it('is shown without asking for one', async () => {
    const cookie = cookieOf(await signIn(jimi.key));
    expect((await ask('GET', '/api/v1/session', cookie)).body.me.name).toBe('jimi-operator');
    const nobody = await api.send('GET', '/api/v1/session');
    expect(nobody.status).toBe(200);
    expect(nobody.body).toEqual({ me: null, version: '1.2.3', links: { temporalUi: null } });
  });

  it('follows live streams', async () => {
    const cookie = cookieOf(await signIn(jimi.key));
    const abort = new AbortController();
    const reply = await fetch(`${api.url}/api/v1/events`, { headers: { cookie }, signal: abort.signal });
    expect(reply.status).toBe(200);
    expect(reply.headers.get('content-type')).toContain('text/event-stream');
    abort.abort();
  });

  it('ends when it is signed out, at once, and the cookie goes', async () => {
    const cookie = cookieOf(await signIn(jimi.key));
    expect((await ask('GET', '/api/v1/me', cookie)).status).toBe(200);
    const out = await ask('DELETE', '/api/v1/session', cookie);
    expect(out.status).toBe(204);
    expect(out.headers.get('set-cookie')).toMatch(/^slipway_session=; Path=\/; Max-Age=0;/);
    expect((await ask('GET', '/api/v1/me', cookie)).body).toMatchObject({
      code: 'unauthenticated',
      detail: 'The session has ended. Sign in again.',
    });
    expect((await ask('DELETE', '/api/v1/session', cookie)).status).toBe(204);
  });

  it('ends with its key, no later than what is cached of it', async () => {
    const key = await api.key(jimi.id, 'to be revoked');
    const cookie = cookieOf(await signIn(key));
    const { body: me } = await ask('GET', '/api/v1/me', cookie);
    expect((await api.send('DELETE', `/api/v1/api-keys/${me.keyId}`, { key: jimi.key })).status).toBe(204);
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 10_001 });
    try {
      expect((await ask('GET', '/api/v1/me', cookie)).status).toBe(401);
    } finally {
      vi.useRealTimers();
    }
  });

  it.each([
    ['half a day without use', 'last_seen_at', SESSION_LIFE.idleSeconds],
    ['a week in all', 'created_at', SESSION_LIFE.totalSeconds],
  ])('ends after %s, and is forgotten when somebody signs in', async (_when, column, seconds) => {
    const cookie = cookieOf(await signIn(jimi.key));
    const [{ id }] = (await api.sql`select max(id)::int as id from console_sessions`) as unknown as [{ id: number }];
    const age = (by: number) =>
      api.sql`update console_sessions set ${api.sql(column)} = now() - make_interval(secs => ${by}) where id = ${id}`;
    await age(seconds - 60);
    expect((await ask('GET', '/api/v1/session', cookie)).body.me).not.toBeNull();
    await age(seconds + 60);
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 10_001 });
    try {
      expect((await ask('GET', '/api/v1/me', cookie)).status).toBe(401);
    } finally {
      vi.useRealTimers();
    }
    await signIn(jimi.key);
    expect(await api.sql`select id from console_sessions where id = ${id}`).toHaveLength(0);
  });
});

describe('a change in the name of a session', () => {
  const body = { name: 'made from afar' };

  it.each([
    ['no word of where it comes from', {}],
    ['another site', { 'sec-fetch-site': 'cross-site' }],
    ['a neighbour of the site', { 'sec-fetch-site': 'same-site' }],
    ['another site that adds the header', { 'sec-fetch-site': 'cross-site', ...PAGE }],
    ['a wrong header', { 'x-slipway-console': '0' }],
  ])('with %s is refused and changes nothing', async (_kind, headers) => {
    const cookie = cookieOf(await signIn(jimi.key));
    for (const [method, path] of [
      ['POST', '/api/v1/departments'],
      ['DELETE', '/api/v1/session'],
    ] as const) {
      const reply = await ask(method, path, cookie, headers, method === 'POST' ? body : undefined);
      expect(reply.status).toBe(403);
      expect(reply.body).toMatchObject({ code: 'cross_site_refused' });
    }
    const into = await api.send('POST', '/api/v1/session', { body: { key: jimi.key }, headers });
    expect(into.body).toMatchObject({ code: 'cross_site_refused' });
    expect(into.headers.get('set-cookie')).toBeNull();
    const { body: departments } = await ask('GET', '/api/v1/departments', cookie, headers);
    expect(JSON.stringify(departments)).not.toContain('made from afar');
  });

  it.each([
    ['the header of the console', PAGE],
    ['the word of the browser', { 'sec-fetch-site': 'same-origin' }],
  ])('with %s is made', async (kind, headers) => {
    const cookie = cookieOf(await signIn(jimi.key));
    const reply = await ask('POST', '/api/v1/departments', cookie, headers, { name: kind });
    expect(reply.status).toBe(201);
  });
});

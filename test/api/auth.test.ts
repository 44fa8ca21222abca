import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ensureFirstKey, generateKey, PERMISSIONS } from '../../api/auth.ts';
import { TestApi, type TestDepartment } from './harness.ts';

let api: TestApi;
let jimi: TestDepartment;

beforeAll(async () => {
  api = await TestApi.start({ authFailuresPerMinute: 1_000 });
  jimi = await api.department('jimi');
});
afterAll(() => api.stop());

describe('a key', () => {
  it('says who calls and what they may do', async () => {
    const { status, body, headers } = await api.send('GET', '/api/v1/me', { key: jimi.key });
    expect(status).toBe(200);
    expect(body).toEqual({
      keyId: expect.any(Number),
      name: 'jimi-operator',
      department: { id: jimi.id, name: 'jimi' },
      permissions: [...PERMISSIONS],
    });
    expect(headers.get('cache-control')).toBe('no-store');
  });

  it.each([
    ['missing', undefined, 'carries no API key'],
    ['of another scheme', 'Basic c3drOg==', 'carries no API key'],
    ['malformed', 'Bearer swk_short', 'unknown or revoked'],
    ['unknown', `Bearer ${generateKey().key}`, 'unknown or revoked'],
  ])('that is %s is refused with words', async (_kind, authorization, words) => {
    const { status, body, headers } = await api.send('GET', '/api/v1/me', {
      headers: authorization === undefined ? {} : { authorization },
    });
    expect(status).toBe(401);
    expect(body).toMatchObject({ code: 'unauthenticated', detail: expect.stringContaining(words) });
    expect(headers.get('www-authenticate')).toBe('Bearer realm="slipway"');
  });

  it('is stored as a hash only', async () => {
    const rows = await api.sql`select * from api_keys`;
    expect(JSON.stringify(rows)).not.toContain(jimi.key);
    expect(rows[0]!['key_hash']).toMatch(/^[0-9a-f]{64}$/);
  });

  it('without the permission is told which one', async () => {
    const key = await api.key(jimi.id, 'reader', ['device:read']);
    expect((await api.send('GET', '/api/v1/devices', { key })).status).toBe(200);
    const { status, body } = await api.send('DELETE', '/api/v1/devices/terminal-0000000000', { key });
    expect(status).toBe(403);
    expect(body).toMatchObject({
      code: 'permission_missing',
      permission: 'device:write',
      detail: expect.stringContaining('"reader"'),
    });
  });
});

describe('refused keys', () => {
  it('are slowed down by address, while valid keys go on', async () => {
    const strict = await TestApi.start({ authFailuresPerMinute: 3, trustedProxies: 1 });
    try {
      const { key } = await strict.department('jimi');
      const from = (address: string) => ({ headers: { 'x-forwarded-for': address } });
      const codes: string[] = [];
      for (let i = 0; i < 5; i++) codes.push((await strict.send('GET', '/api/v1/me', from('203.0.113.7'))).body.code);
      expect(codes).toEqual([
        'unauthenticated',
        'unauthenticated',
        'unauthenticated',
        'too_many_failures',
        'too_many_failures',
      ]);
      expect((await strict.send('GET', '/api/v1/me', from('203.0.113.8'))).status).toBe(401);
      expect((await strict.send('GET', '/api/v1/me', { key, ...from('203.0.113.7') })).status).toBe(200);
    } finally {
      await strict.stop();
    }
  });
});

describe('the first key', () => {
  it('is made once, with every permission, also when several programs start together', async () => {
    const fresh = await TestApi.start();
    try {
      const keys = await Promise.all([ensureFirstKey(fresh.db), ensureFirstKey(fresh.db), ensureFirstKey(fresh.db)]);
      const made = keys.filter((key) => key !== null);
      expect(made).toHaveLength(1);
      const { body } = await fresh.send('GET', '/api/v1/me', { key: made[0]! });
      expect(body).toMatchObject({ name: 'admin', department: { name: 'default' }, permissions: [...PERMISSIONS] });
      expect(await ensureFirstKey(fresh.db)).toBeNull();
    } finally {
      await fresh.stop();
    }
  });
});

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestApi, type TestDepartment } from './harness.ts';

let api: TestApi;
let jimi: TestDepartment;
const KEYS = '/api/v1/api-keys';

beforeAll(async () => {
  api = await TestApi.start({ authFailuresPerMinute: 1_000 });
  jimi = await api.department('几米物联');
});
afterAll(() => api.stop());

describe('departments', () => {
  it('are made and listed in pages', async () => {
    const made = await api.send('POST', '/api/v1/departments', { key: jimi.key, body: { name: '康凯斯' } });
    expect(made.status).toBe(201);
    expect(made.body).toEqual({ id: expect.any(Number), name: '康凯斯', createdAt: expect.any(String) });
    const first = await api.send('GET', '/api/v1/departments?limit=1', { key: jimi.key });
    expect(first.body).toEqual({
      items: [{ id: jimi.id, name: '几米物联', createdAt: expect.any(String) }],
      next: jimi.id,
    });
    const second = await api.send('GET', `/api/v1/departments?limit=1&after=${first.body.next}`, { key: jimi.key });
    expect(second.body).toEqual({ items: [made.body], next: null });
  });

  it('have a name of their own', async () => {
    const { status, body } = await api.send('POST', '/api/v1/departments', {
      key: jimi.key,
      body: { name: '几米物联' },
    });
    expect(status).toBe(409);
    expect(body).toMatchObject({ code: 'name_taken', detail: expect.stringContaining('Choose another name') });
    expect((await api.send('POST', '/api/v1/departments', { key: jimi.key, body: { name: ' x' } })).status).toBe(400);
  });

  it('are for administrators', async () => {
    const key = await api.key(jimi.id, 'no admin', ['device:read', 'upgrade:batch']);
    for (const path of ['/api/v1/departments', KEYS]) {
      expect((await api.send('GET', path, { key })).body.code).toBe('permission_missing');
    }
  });
});

describe('API keys', () => {
  it('are shown once, work at once, and stop when revoked', async () => {
    const order = { name: 'night operator', departmentId: jimi.id, permissions: ['device:read'] };
    const made = await api.send('POST', KEYS, { key: jimi.key, body: order });
    expect(made.status).toBe(201);
    expect(made.headers.get('cache-control')).toBe('no-store');
    expect(made.body).toEqual({
      id: expect.any(Number),
      name: 'night operator',
      department: { id: jimi.id, name: '几米物联' },
      permissions: ['device:read'],
      createdAt: expect.any(String),
      createdBy: '几米物联-operator',
      lastUsedAt: null,
      revokedAt: null,
      key: expect.stringMatching(/^swk_[A-Za-z0-9_-]{43}$/),
    });
    expect((await api.send('DELETE', `${KEYS}/${made.body.id}`, { key: jimi.key })).status).toBe(204);
    expect((await api.send('GET', '/api/v1/me', { key: made.body.key })).status).toBe(401);
    const list = await api.send('GET', KEYS, { key: jimi.key });
    expect(JSON.stringify(list.body)).not.toContain('swk_');
    expect(list.body.items.find(({ id }: { id: number }) => id === made.body.id)).toMatchObject({
      revokedAt: expect.any(String),
    });
  });

  it('remember when they were used', async () => {
    const { body } = await api.send('POST', KEYS, {
      key: jimi.key,
      body: { name: 'used', departmentId: jimi.id, permissions: [] },
    });
    await api.send('GET', '/api/v1/me', { key: body.key });
    const list = await api.send('GET', KEYS, { key: jimi.key });
    expect(list.body.items.find(({ id }: { id: number }) => id === body.id).lastUsedAt).toEqual(expect.any(String));
  });

  it('need a free name, a department that exists and permissions that exist', async () => {
    const send = (body: object) => api.send('POST', KEYS, { key: jimi.key, body });
    expect((await send({ name: jimi.operator, departmentId: jimi.id, permissions: [] })).body.code).toBe('name_taken');
    expect((await send({ name: 'System', departmentId: jimi.id, permissions: [] })).body.code).toBe('name_taken');
    expect((await send({ name: 'x', departmentId: 999_999, permissions: [] })).body).toMatchObject({
      code: 'validation_failed',
      errors: [{ path: 'body.departmentId', message: 'names no department' }],
    });
    expect((await send({ name: 'x', departmentId: jimi.id, permissions: ['everything'] })).body.errors[0].path).toBe(
      'body.permissions.0',
    );
  });

  it('cannot all lose the permission admin', async () => {
    const { body: me } = await api.send('GET', '/api/v1/me', { key: jimi.key });
    const { status, body } = await api.send('DELETE', `${KEYS}/${me.keyId}`, { key: jimi.key });
    expect(status).toBe(409);
    expect(body.code).toBe('last_admin_key');
    expect((await api.send('DELETE', `${KEYS}/999999`, { key: jimi.key })).status).toBe(404);
  });
});

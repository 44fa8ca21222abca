import { createSecretKey, randomBytes } from 'node:crypto';
import type { Payload } from '@temporalio/common';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PayloadEncryption } from '../../payload-encryption.ts';
import { TestApi, type TestDepartment } from './harness.ts';

const UI = 'https://temporal.example.com';
const codec = new PayloadEncryption([{ id: 'k', key: createSecretKey(randomBytes(32)) }]);
let api: TestApi;
let jimi: TestDepartment;
let operator: string;

beforeAll(async () => {
  api = await TestApi.start({ payloads: { codec, uiUrl: `${UI}/some/path` } });
  jimi = await api.department('jimi');
  operator = await api.key(jimi.id, 'operator', ['device:read', 'upgrade:write']);
});
afterAll(() => api.stop());

const text = ({ metadata, data }: Payload) => ({
  metadata: Object.fromEntries(
    Object.entries(metadata ?? {}).map(([name, value]) => [name, Buffer.from(value).toString('base64')]),
  ),
  data: Buffer.from(data ?? []).toString('base64'),
});
const plain: Payload = { metadata: { encoding: Buffer.from('json/plain') }, data: Buffer.from('{"taskId":7}') };
const body = async (with_ = codec) => ({ payloads: [text((await with_.encode([plain]))[0]!), text(plain)] });
const decode = async (options: Parameters<TestApi['send']>[2]) =>
  api.send('POST', '/codec/decode', { body: await body(), ...options });

/** The cookie of a console session. */
async function signIn(key: string): Promise<string> {
  const headers = { 'x-slipway-console': '1' };
  const reply = await api.send('POST', '/api/v1/session', { body: { key }, headers });
  return reply.headers.get('set-cookie')!.split(';')[0]!;
}

describe('the payloads of Temporal', () => {
  it('are deciphered for an administrator, by Temporal’s own protocol', async () => {
    const reply = await decode({ key: jimi.key });
    expect(reply).toMatchObject({ status: 200, body: { payloads: [text(plain), text(plain)] } });
    expect(reply.headers.get('cache-control')).toBe('no-store');
    expect(reply.headers.get('access-control-allow-origin')).toBeNull();
  });

  it('are not for others', async () => {
    expect(await decode({})).toMatchObject({ status: 401, body: { code: 'unauthenticated' } });
    expect(await decode({ key: operator })).toMatchObject({ status: 403, body: { code: 'permission_missing' } });
  });

  it('are shown to the page of the Web UI that an administrator of the console opened, and to no other page', async () => {
    const cookie = await signIn(jimi.key);
    const ui = await decode({ headers: { cookie, origin: UI, 'sec-fetch-site': 'cross-site' } });
    expect(ui).toMatchObject({ status: 200, body: { payloads: [text(plain), text(plain)] } });
    expect(ui.headers.get('access-control-allow-origin')).toBe(UI);
    expect(ui.headers.get('access-control-allow-credentials')).toBe('true');
    const evil = await decode({
      headers: { cookie, origin: 'https://evil.example.com', 'sec-fetch-site': 'cross-site' },
    });
    expect(evil).toMatchObject({ status: 403, body: { code: 'cross_site_refused' } });
    expect(evil.headers.get('access-control-allow-origin')).toBeNull();
    const other = await decode({ headers: { cookie: await signIn(operator), origin: UI } });
    expect(other.status).toBe(403);
  });

  it('may be asked for by the Web UI from the browser', async () => {
    const preflight = (origin: string) => api.send('OPTIONS', '/codec/decode', { headers: { origin } });
    const { status, headers } = await preflight(UI);
    expect(status).toBe(204);
    expect(headers.get('access-control-allow-origin')).toBe(UI);
    expect(headers.get('access-control-allow-headers')).toBe('authorization, content-type, x-namespace');
    expect((await preflight('https://evil.example.com')).headers.get('access-control-allow-origin')).toBeNull();
  });

  it('that another key encrypted are named, and what is no list of payloads is refused', async () => {
    const stranger = new PayloadEncryption([{ id: 'lost', key: createSecretKey(randomBytes(32)) }]);
    const unreadable = await decode({ key: jimi.key, body: await body(stranger) });
    expect(unreadable).toMatchObject({ status: 422, body: { code: 'payload_unreadable' } });
    expect(unreadable.body.detail).toContain('"lost"');
    for (const wrong of [
      [],
      {},
      { payloads: 1 },
      { payloads: [1] },
      { payloads: [{ data: 1 }] },
      { payloads: [{ metadata: { a: 1 } }] },
    ]) {
      const reply = await decode({ key: jimi.key, body: wrong });
      expect(reply, JSON.stringify(wrong)).toMatchObject({ status: 400, body: { code: 'validation_failed' } });
    }
  });

  it('have no address where nothing is encrypted', async () => {
    const without = await TestApi.start();
    expect((await without.send('POST', '/codec/decode', { body: {} })).status).toBe(404);
    await without.stop();
  });

  it('are deciphered for programs also when nobody has said where the Web UI is, and for no page', async () => {
    const elsewhere = await TestApi.start({ payloads: { codec, uiUrl: '' } });
    try {
      const { key } = await elsewhere.department('jimi');
      const options = { body: await body(), key, headers: { origin: UI } };
      const reply = await elsewhere.send('POST', '/codec/decode', options);
      expect(reply.status).toBe(200);
      expect(reply.headers.get('access-control-allow-origin')).toBeNull();
    } finally {
      await elsewhere.stop();
    }
  });
});

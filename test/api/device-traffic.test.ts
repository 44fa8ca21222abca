/** What devices sent beside upgrades, as people see it: bounded, paged, and only within their department. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestApi, type TestDepartment } from './harness.ts';
import { BUSINESS_KEPT, writeBusinessMessages, writeFrameErrors } from '../../db/devices/traffic.ts';

let api: TestApi;
let jimi: TestDepartment;
let other: TestDepartment;
const IMEI = '863703031234567';
const DEVICE = `/api/v1/devices/pcp-${IMEI}`;

beforeAll(async () => {
  api = await TestApi.start();
  jimi = await api.department('jimi');
  other = await api.department('other');
  const rows = [
    { protocol: 'pcp', identity: IMEI, model: 'NB1' },
    { protocol: 'pcp', identity: '863703031234568', model: 'NB1' },
  ];
  const { status, body } = await api.send('POST', '/api/v1/devices', { key: jimi.key, body: rows });
  expect(status, JSON.stringify(body)).toBeLessThan(300);
});
afterAll(() => api.stop());

const get = (path: string, key = jimi.key) => api.send('GET', path, { key });

describe('business messages', () => {
  it('are none at first', async () => {
    expect((await get(`${DEVICE}/business-messages`)).body).toEqual({ items: [], next: null });
  });

  it('are shown as hex, and as text where they are text, the newest first and page by page', async () => {
    const payloads = [Buffer.from('{"水":17}\n'), Buffer.of(0x01, 0x00, 0xff), Buffer.from('bell \x07')];
    await writeBusinessMessages(
      api.db,
      payloads.map((payload, index) => ({ deviceId: `pcp-${IMEI}`, reason: 'magic', payload, atMs: index * 1_000 })),
    );
    const first = await get(`${DEVICE}/business-messages?limit=2`);
    expect(first.status).toBe(200);
    expect(first.body.items).toEqual([
      {
        id: expect.any(Number),
        receivedAt: '1970-01-01T00:00:02.000Z',
        reason: 'magic',
        bytes: 6,
        hex: '62656C6C2007',
        text: null,
      },
      {
        id: expect.any(Number),
        receivedAt: '1970-01-01T00:00:01.000Z',
        reason: 'magic',
        bytes: 3,
        hex: '0100FF',
        text: null,
      },
    ]);
    const second = await get(`${DEVICE}/business-messages?limit=2&after=${first.body.next}`);
    expect(second.body).toMatchObject({ items: [{ text: '{"水":17}\n' }], next: null });
    expect((await get('/api/v1/devices/pcp-863703031234568/business-messages')).body.items).toEqual([]);
  });

  it('are kept up to a number, the oldest go', async () => {
    const many = Array.from({ length: BUSINESS_KEPT + 5 }, (_, index) => ({
      deviceId: `pcp-${IMEI}`,
      reason: 'magic',
      payload: Buffer.from(`message ${index}`),
      atMs: index,
    }));
    await writeBusinessMessages(api.db, many);
    const { body } = await get(`${DEVICE}/business-messages?limit=500`);
    expect(body.items).toHaveLength(BUSINESS_KEPT);
    expect(body.items[0].text).toBe(`message ${BUSINESS_KEPT + 4}`);
    expect(body.items.at(-1).text).toBe('message 5');
  });
});

describe('unreadable frames', () => {
  it('are counted by kind, with the last one', async () => {
    const error = (kind: string, count: number, excerpt: string) => ({ deviceId: `pcp-${IMEI}`, kind, count, excerpt });
    await writeFrameErrors(api.db, [error('bad_data_layout', 2, 'FFFE'), error('bad_version', 1, 'AA')]);
    await writeFrameErrors(api.db, [error('bad_data_layout', 3, 'FFFE0116')]);
    const { body } = await get(`${DEVICE}/frame-errors?limit=1`);
    expect(body.items).toEqual([
      { kind: 'bad_data_layout', count: 5, lastAt: expect.any(String), lastHex: 'FFFE0116' },
    ]);
    const next = await get(`${DEVICE}/frame-errors?after=${body.next}`);
    expect(next.body).toMatchObject({ items: [{ kind: 'bad_version', count: 1 }], next: null });
  });
});

describe('whose they are', () => {
  it.each(['business-messages', 'frame-errors'])('another department does not see %s', async (what) => {
    const answer = await get(`${DEVICE}/${what}`, other.key);
    expect([answer.status, answer.body.code]).toEqual([404, 'not_found']);
    expect((await get(`/api/v1/devices/pcp-863703039999999/${what}`)).status).toBe(404);
  });
});

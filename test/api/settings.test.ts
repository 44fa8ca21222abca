/**
 * What administrators see of the settings: everything that was given, and never a secret.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { settingsOf, variables } from '../../config.ts';
import type { Variable } from '../../config/formats.ts';
import { PERMISSIONS } from '../../api/auth.ts';
import { TestApi, type TestDepartment } from './harness.ts';

const SECRETS = Object.entries(variables).filter(([, each]) => (each as Variable<unknown>).secret === true);
const GIVEN = {
  ...Object.fromEntries(SECRETS.map(([name]) => [name, `postgres://clerk:hunter2-${name}@host/db`])),
  API_PORT: ' 9090 ',
  TEMPORAL_UI_URL: 'https://viewer:hunter2-ui@temporal.example.com/',
  LOG_LEVEL: '',
};

let api: TestApi;
let shire: TestDepartment;
beforeAll(async () => {
  api = await TestApi.start({ settings: settingsOf(GIVEN) });
  shire = await api.department('shire');
}, 120_000);
afterAll(() => api.stop());

test('every setting is shown with what it means, whether it was given, and what counts otherwise', async () => {
  const { status, body } = await api.send('GET', '/api/v1/settings', { key: shire.key });
  expect(status).toBe(200);
  const { items } = body as { items: { name: string; value: string | null; isSecret: boolean }[] };
  expect(items.map(({ name }) => name)).toEqual(Object.keys(variables));
  const byName = new Map(items.map((each) => [each.name, each]));
  expect(byName.get('API_PORT')).toMatchObject({ value: '9090', isSecret: false, default: '8080' });
  expect(byName.get('LOG_LEVEL')).toMatchObject({ value: null, default: 'info' });
  expect(byName.get('API_HOST')).toMatchObject({ value: null, default: '127.0.0.1' });
});

test('no value of a secret is ever shown, nor a password inside an address', async () => {
  expect(SECRETS.length).toBeGreaterThan(4);
  const { body } = await api.send('GET', '/api/v1/settings', { key: shire.key });
  expect(JSON.stringify(body)).not.toContain('hunter2');
  const { items } = body as { items: { name: string; value: string | null; isSecret: boolean }[] };
  for (const [name] of SECRETS) {
    expect(items.find((each) => each.name === name)).toMatchObject({ value: '(set)', isSecret: true });
  }
  expect(items.find(({ name }) => name === 'TEMPORAL_UI_URL')).toMatchObject({
    value: 'https://***@temporal.example.com/',
  });
  for (const { value, isSecret } of settingsOf({})) expect({ value, isSecret }).toMatchObject({ value: null });
});

test('only administrators see them', async () => {
  const rest = PERMISSIONS.filter((each) => each !== 'admin');
  const key = await api.key(shire.id, 'clerk', rest);
  const { status, body } = await api.send('GET', '/api/v1/settings', { key });
  expect(status).toBe(403);
  expect(body).toMatchObject({ code: 'permission_missing' });
});

import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { Type, type TObject } from 'typebox';
import { parse } from 'csv-parse/sync';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cell, columnsOf } from '../../api/http/csv.ts';
import { listOf } from '../../api/http/lists.ts';
import { route } from '../../api/route.ts';
import { routes } from '../../api/routes/index.ts';
import { AfterId, closed, Limit, nullable, page, Versions } from '../../api/schemas.ts';
import { waitFor } from '../support/wait.ts';
import { registerTerminals, TestApi, uploadFile, type TestDepartment } from './harness.ts';
import { serveRoutes } from './mounted.ts';

let api: TestApi;
let jimi: TestDepartment;
const DEVICES = '/api/v1/devices';

beforeAll(async () => {
  api = await TestApi.start({ authFailuresPerMinute: 1_000 });
  jimi = await api.department('几米');
});
afterAll(() => api.stop());

const csv = async (path: string, key = jimi.key) => {
  const reply = await api.send('GET', path, { key, headers: { accept: 'text/csv' } });
  return { ...reply, text: String(reply.body ?? '') };
};
const rowsOf = (text: string) => parse(text, { bom: true, columns: true }) as Record<string, string>[];
/** Many devices, written directly. */
const fleet = (departmentId: number, from: number, to: number) => api.sql`
  insert into devices (id, protocol, identity, department_id, created_by)
  select 'terminal-' || sn, 'terminal', sn, ${departmentId}, 'test'
  from (select 'CC' || lpad(n::text, 8, '0') as sn from generate_series(${from}::int, ${to}::int) n) x`;

describe('a list as CSV', () => {
  it('opens right in a spreadsheet: byte order mark, header, CR LF, a name for the file', async () => {
    const [id] = await registerTerminals(api, jimi, ['0000000001']);
    const remark = '返修, "二次"\n第二行';
    await api.send('PATCH', `${DEVICES}/${id}`, { key: jimi.key, body: { remark } });
    const { status, headers, text } = await csv(`${DEVICES}?q=0000000001`);
    expect(status).toBe(200);
    expect(headers.get('content-type')).toBe('text/csv; charset=utf-8; header=present');
    expect(headers.get('content-disposition')).toMatch(/^attachment; filename="devices-\d{4}-\d\d-\d\d\.csv"$/);
    expect(
      text.startsWith('\uFEFFid,protocol,identity,imei,model,powerKw,productionDate,shipDate,orderNo,remark,revision,'),
    ).toBe(true);
    expect(text.endsWith('\r\n')).toBe(true);
    expect(rowsOf(text)).toEqual([
      {
        id,
        protocol: 'terminal',
        identity: '0000000001',
        imei: '',
        model: 'GV2',
        powerKw: '',
        productionDate: '',
        shipDate: '',
        orderNo: '',
        remark,
        revision: '2',
        createdAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
        createdBy: jimi.operator,
        updatedAt: expect.any(String),
        versions: 'T1=10',
        lastSeenAt: '',
      },
    ]);
  });

  it('holds every row and not one page, in the order of the list', async () => {
    const many = await api.department('many');
    await fleet(many.id, 1, 4_500);
    const { text } = await csv(`${DEVICES}?limit=10`, many.key);
    const ids = rowsOf(text).map(({ id }) => id);
    expect(ids).toHaveLength(4_500);
    expect(new Set(ids).size).toBe(4_500);
    expect([ids[0], ids.at(-1)]).toEqual(['terminal-CC00000001', 'terminal-CC00004500']);
    expect(rowsOf((await csv(`${DEVICES}?after=${ids[4_497]}`, many.key)).text)).toHaveLength(2);
    expect(rowsOf((await csv(`${DEVICES}?search=cc0000444`, many.key)).text)).toHaveLength(10);
  });

  it('of nothing is a header', async () => {
    const empty = await api.department('empty');
    const { status, text } = await csv('/api/v1/firmware', empty.key);
    expect(status).toBe(200);
    expect(text).toMatch(/^\uFEFFid,protocol,[\w,.]+\r\n$/);
  });

  it('comes for ?format=csv, too; and JSON for whoever takes both, or asks for it', async () => {
    const type = async (path: string, accept: string) =>
      (await api.send('GET', path, { key: jimi.key, headers: { accept } })).headers.get('content-type')?.split(';')[0];
    expect(await type(`${DEVICES}?format=csv`, '*/*')).toBe('text/csv');
    expect(await type(`${DEVICES}?format=json`, 'text/csv')).toBe('application/json');
    expect(await type(DEVICES, 'application/json, text/csv')).toBe('application/json');
    expect(await type(DEVICES, 'text/csv;q=0.9, application/json;q=0.1')).toBe('text/csv');
    expect(await type(DEVICES, 'text/html,*/*;q=0.8')).toBe('application/json');
    const wrong = await api.send('GET', `${DEVICES}?format=xlsx`, { key: jimi.key });
    expect(wrong.body.errors).toEqual([{ path: 'query.format', message: 'must be one of json, csv' }]);
    expect((await api.send('GET', `${DEVICES}/terminal-0000000001?format=csv`, { key: jimi.key })).status).toBe(400);
  });

  it('answers what is wrong like any request', async () => {
    expect((await csv(`${DEVICES}?protocol=fax`)).status).toBe(400);
    expect((await csv(`${DEVICES}/terminal-FFFFFFFFFF/upgrades`)).status).toBe(404);
    expect((await csv(DEVICES, 'nobody')).status).toBe(401);
  });

  it('exists for every list there is', async () => {
    const [deviceId] = await registerTerminals(api, jimi, ['0000000002']);
    const firmwareId = await uploadFile(api, jimi.key, '10', '11');
    const order = { firmwareIds: [firmwareId], deviceIds: [deviceId] };
    const task = await api.send('POST', '/api/v1/upgrade-tasks', { key: jimi.key, body: order });
    const [upgrade] = await api.sql`select id from device_upgrades`;
    const ids: Record<string, string> = {
      deviceId: deviceId!,
      firmwareId: String(firmwareId),
      taskId: String(task.body.id),
      upgradeId: String(upgrade!['id']),
    };
    const lists = routes.filter((each) => listOf(each) !== null);
    expect(lists.length).toBeGreaterThan(10);
    for (const each of lists) {
      const path = each.path.replaceAll(/\{(\w+)\}/g, (_all, name: string) => ids[name] ?? '1');
      // a list that is short by nature comes whole and takes no limit
      const limit = 'limit' in ((each.query as TObject | undefined)?.properties ?? {}) ? '?limit=500' : '';
      const json = await api.send('GET', `${path}${limit}`, { key: jimi.key });
      const { status, text } = await csv(path);
      expect({ id: each.id, status }).toEqual({ id: each.id, status: json.status });
      if (status !== 200) continue;
      expect(rowsOf(text), each.id).toHaveLength(json.body.items.length);
      for (const column of Object.keys(rowsOf(text)[0] ?? {}))
        expect(column, each.id).not.toMatch(/links|undefined|^$/);
    }
  });
});

describe('a list without an end', () => {
  let pages = 0;
  let served: Awaited<ReturnType<typeof serveRoutes>>;
  const item = { text: 'x'.repeat(500) };
  const endless = route({
    method: 'get',
    path: '/endless/{failAt}',
    id: 'listEndless',
    tag: 'test',
    summary: 'Never ends',
    permission: 'public',
    params: closed({ failAt: Type.String() }),
    query: closed({ limit: Limit, after: AfterId }),
    status: 200,
    response: page(closed({ text: Type.String() }), 'EndlessPage'),
    handle: async ({ params: { failAt }, query: { limit = 1, after = 0 } }) => {
      pages = after + 1;
      if (String(pages) === failAt) throw new Error('the database is gone');
      return { items: Array.from({ length: limit }, () => item), next: pages };
    },
  });

  beforeAll(async () => {
    served = await serveRoutes([endless], {});
  });
  afterAll(() => served.stop());

  const open = (path: string) =>
    new Promise<IncomingMessage>((resolve) => {
      get(`${served.url}${path}`, { headers: { accept: 'text/csv' } }, resolve);
    });
  /** Waits until no page was read for a while. */
  const standstill = () => {
    let [last, same] = [-1, 0];
    return waitFor(() => {
      same = pages === last ? same + 1 : 0;
      last = pages;
      return same === 12;
    });
  };

  it('is read no further than the client takes it, and not at all when it has gone', async () => {
    const response = await open('/endless/never');
    await standstill();
    const held = pages;
    for (let taken = 0; taken < 20_000_000;) taken += ((await once(response, 'data')) as [Buffer])[0].length;
    response.pause();
    await standstill();
    expect(pages).toBeGreaterThan(held);
    const before = pages;
    response.destroy();
    await standstill();
    expect(pages).toBeLessThanOrEqual(before + 1);
    expect(served.said).toEqual([]);
  });

  it('is cut off when it cannot be read on, so that nobody takes a part for the whole', async () => {
    const response = await open('/endless/3');
    expect(response.statusCode).toBe(200);
    response.resume();
    const [error] = (await once(response, 'error')) as [Error];
    expect(error.message).toBe('aborted');
    expect(served.said).toEqual(['answer broken off']);
  });

  it('that fails at once is a problem', async () => {
    const response = await open('/endless/1');
    expect(response.statusCode).toBe(500);
    expect(response.headers['content-type']).toContain('application/problem+json');
    response.resume();
  });
});

describe('a column', () => {
  it('is made of each field, also of fields of fields, but not of links', () => {
    const item = closed({
      id: Type.Integer(),
      contact: nullable(closed({ address: Type.String(), at: Type.String() })),
      versions: Versions,
      links: closed({ self: Type.String() }),
    });
    expect(columnsOf(item).map(({ name }) => name)).toEqual(['id', 'contact.address', 'contact.at', 'versions']);
  });
});

describe('a cell', () => {
  it.each([
    [null, ''],
    [0, '0'],
    [-3, '-3'],
    [false, 'false'],
    ['plain', 'plain'],
    ['a,b', '"a,b"'],
    ['say "hi"', '"say ""hi"""'],
    ['two\nlines', '"two\nlines"'],
    ['=1+1', "'=1+1"],
    ['+49', "'+49"],
    ['-', "'-"],
    ['@sum', "'@sum"],
    ['\tx', "'\tx"],
    ['＝1', "'＝1"],
    ['=a,b', '"\'=a,b"'],
    [['10', '09'], '10; 09'],
    [['=x'], "'=x"],
    [{ T1: '10', T3: '7' }, 'T1=10; T3=7'],
    [[{ a: 1 }], '"[{""a"":1}]"'],
    [{}, ''],
    [[], ''],
  ])('shows %j as %s', (value, expected) => {
    expect(cell(value)).toBe(expected);
  });
});

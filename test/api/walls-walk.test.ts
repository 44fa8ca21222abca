/**
 * The requests of the walk over all routes once more, from the wrong side: with a key of another department, and with one
 * that lacks the permission. Whatever is sent, no row of the department changes, and no word of it is answered.
 * (`walls.test.ts` compares the words that answer a thing of another department with those for what does not exist.)
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PERMISSIONS, type Permission } from '../../api/auth.ts';
import { routes } from '../../api/routes/index.ts';
import { work } from '../support/shipment-records.ts';
import { requestsOf, walked } from './audit-requests/index.ts';
import { Scene, type Requests, type WalkRequest } from './audit-requests/scene.ts';
import type { Reply, TestDepartment } from './harness.ts';

let scene: Scene;
let requests: Requests;
let other: TestDepartment;
/** Keys of the department that may do everything but one thing. */
const without: Partial<Record<Permission, string>> = {};

beforeAll(async () => {
  scene = await Scene.start();
  requests = requestsOf(scene);
  other = await scene.api.department('rohan');
  for (const permission of PERMISSIONS) {
    const rest = PERMISSIONS.filter((each) => each !== permission);
    without[permission] = await scene.api.key(scene.department.id, `no ${permission}`, rest);
  }
}, 120_000);
afterAll(() => scene.api.stop());

/** What belongs to the whole installation and to no department: people, MES, rules, platforms. Anyone with the permission changes it. */
const INSTALLATION = [
  'createDepartment',
  'createApiKey',
  'revokeApiKey',
  'updateMesSync',
  'syncMesNow',
  'importMes',
  'updateClassification',
  'setModelProtocol',
  'createPlatform',
  'updatePlatform',
  'pausePlatformConnector',
  'resumePlatformConnector',
];
/** Lists of what belongs to the whole installation. */
const INSTALLATION_LISTS = [
  'listDepartments',
  'listApiKeys',
  'listMesDevices',
  'countMesDevices',
  'listMesChanges',
  'listMesRejected',
  'getMesSync',
  'listMesCycles',
  'getClassification',
  'listClassificationRevisions',
  'listModelProtocols',
  'listPlatforms',
  'listPlatformConnectors',
  'listUnknownDevices',
  'listEquipmentStrangers',
  'listSettings',
];
/** Answers in which no name can be: compared with those of a department that has nothing. */
const COUNTS = ['countDevices', 'getEquipmentBoard'];
const named = <Each extends { id: string }>(those: readonly Each[]) => those.map((each) => [each.id, each] as const);

const wordsOf = ({ body }: Reply) => (body instanceof Uint8Array ? body.toString() : JSON.stringify(body));
/** What an answer says of the department beyond what the request said itself. */
function told(reply: Reply, { path, body }: WalkRequest): string {
  const said = new Set<string>(decodeURIComponent(path).split(/[/?=&]/));
  const collect = (value: unknown): void => {
    if (typeof value === 'string') for (const word of value.split(/[,\n]/)) said.add(word);
    else if (value instanceof FormData) for (const [, field] of value) collect(field);
    else if (typeof value === 'object' && value !== null) for (const part of Object.values(value)) collect(part);
  };
  collect(body);
  return [...said]
    .filter((word) => scene.mark.test(word))
    .toSorted((a, b) => b.length - a.length)
    .reduce((text, word) => text.replaceAll(word, '…'), wordsOf(reply));
}

/** Rows that were there before and are not any more, by table. */
function lost(before: Map<string, string[]>, after: Map<string, string[]>): Record<string, number> {
  const gone = [...before].map(([name, rows]) => {
    const kept = new Set(after.get(name));
    return [name, rows.filter((row) => !kept.has(row)).length] as const;
  });
  return Object.fromEntries(gone.filter(([, count]) => count > 0));
}

describe('a request with a key of the department that may do everything else', () => {
  it.each(named(walked.filter(({ permission }) => permission !== null && permission !== 'public')))(
    '%s is refused for its permission, and changes nothing',
    async (id, { method, permission }) => {
      const request = await requests[id]!();
      const before = await scene.rows();
      const { status, body } = await scene.ask(method, request, without[permission as Permission]);
      expect({ status, code: body.code, permission: body.permission }).toEqual({
        status: 403,
        code: 'permission_missing',
        permission,
      });
      expect(await scene.rows()).toEqual(before);
    },
  );

  it('gets no list whose permission it lacks', async () => {
    for (const each of routes.filter(({ method, permission }) => method === 'get' && permission !== 'public')) {
      if (each.permission === null) continue;
      const path = each.path.replaceAll(/\{\w+\}/g, '1');
      const { status, body } = await scene.ask('get', { path }, without[each.permission as Permission]);
      expect({ id: each.id, status, code: body.code }).toEqual({
        id: each.id,
        status: 403,
        code: 'permission_missing',
      });
    }
  });
});

describe('a request with a key of another department', () => {
  const walled = walked.filter(({ id, permission }) => permission !== 'public' && !INSTALLATION.includes(id));
  const isNaming = ({ path }: { path: string }) => path.includes('{');

  it.each(named(walled.filter(isNaming)))('%s finds nothing and changes nothing', async (id, { method }) => {
    const request = await requests[id]!();
    const before = await scene.rows();
    const reply = await scene.ask(method, request, other.key);
    expect(reply.status, wordsOf(reply)).toBe(404);
    expect(told(reply, request)).not.toMatch(scene.mark);
    expect(await scene.rows()).toEqual(before);
    const own = await scene.ask(method, request);
    expect(own.status, wordsOf(own)).toBeLessThan(300);
  });

  it.each(named(walled.filter((each) => !isNaming(each))))(
    '%s changes nothing of the department, before it did the same and after, and learns nothing of it',
    async (id, { method }) => {
      for (const isDone of [false, true]) {
        const request = await requests[id]!();
        if (isDone) {
          const own = await scene.ask(method, request);
          expect(own.status, wordsOf(own)).toBeLessThan(300);
        }
        const before = await scene.rows();
        const reply = await scene.ask(method, request, other.key);
        expect(reply.status, wordsOf(reply)).toBeLessThan(500);
        expect(told(reply, request)).not.toMatch(scene.mark);
        expect(lost(before, await scene.rows())).toEqual({});
      }
    },
  );
});

describe('a body that names things of another department', () => {
  const send = (path: string, body: unknown) => scene.api.send('POST', `/api/v1/${path}`, { key: other.key, body });
  const matchedOrder = (matched: object) =>
    send('platform-shipments', { platformId: 2, matched, info: { account: 'x', customerName: '禾米', model: 'GV2' } });

  it('ships nothing of its matched list, neither by shipment nor by customer', async () => {
    const shipment = (await scene.ask('post', await requests['createShipment']!())).body;
    await work(scene.api.db, shipment.id);
    const [device] = await scene.api.sql`
      insert into matched_devices (imei, department_id, customer, rule, shipment_id)
      values (${scene.imei()}, ${scene.department.id}, 'hemi', '1', ${shipment.id}) returning customer`;
    for (const matched of [{ shipmentId: shipment.id }, { customer: device!['customer'] }, {}]) {
      const { status, body } = await matchedOrder(matched);
      expect({ status, code: body.code, detail: body.detail }).toEqual({
        status: 422,
        code: 'order_refused',
        detail: 'No device in the matched list fits and is still to be shipped.',
      });
    }
  });

  it('decides nothing about its shipments', async () => {
    const { body } = await requests['decidePlatformDevices']!();
    const [device] = await scene.api.sql`
      select shipment_id from platform_shipment_devices where id = ${(body as { ids: number[] }).ids[0]!}`;
    const shipmentId = Number(device!['shipment_id']);
    const reply = await send('platform-attention/decide', { shipmentId, decision: 'retry' });
    expect({ status: reply.status, code: reply.body.code }).toEqual({ status: 404, code: 'not_found' });
  });

  it('takes none of its cells out of a tray of the same name', async () => {
    const path = (await requests['unbindTray']!()).path.replace('/api/v1/', '');
    const barcode = path.split('/')[1]!;
    const [cell] = await scene.api.sql`
      select serial_no from cells where tray_id = (select id from trays where barcode = ${barcode})`;
    await scene.api.sql`insert into trays (barcode, department_id) values (${barcode}, ${other.id})`;
    const before = await scene.rows();
    const reply = await send(path, { serialNos: [cell!['serial_no']] });
    expect({ status: reply.status, code: reply.body.code }).toEqual({ status: 422, code: 'tray_refused' });
    expect(await scene.rows()).toEqual(before);
  });
});

describe('a list', () => {
  const lists = routes.filter(
    ({ id, method, path, permission, produces }) =>
      method === 'get' &&
      !path.includes('{') &&
      permission !== 'public' &&
      produces === undefined &&
      ![...INSTALLATION_LISTS, ...COUNTS].includes(id),
  );
  let stranger: TestDepartment;

  beforeAll(async () => {
    stranger = await scene.api.department('gondor');
    for (const { id, method } of walked) {
      const request = await requests[id]!();
      // deleted things are in no list
      if (method !== 'delete') await scene.ask(method, request);
    }
    for (const { id } of await scene.api.sql`select id from shipments where status = 'running'`) {
      await work(scene.api.db, Number(id));
    }
  }, 300_000);

  it.each(named(lists))(
    '%s shows the department its own, and another department nothing of it',
    async (_id, { path }) => {
      for (const form of ['', '?format=csv']) {
        const own = await scene.ask('get', { path: path + form });
        if (own.status === 400 && form !== '') continue; // no list: has no CSV
        expect(own.status, wordsOf(own)).toBe(200);
        expect(wordsOf(own)).toMatch(scene.mark);
        const reply = await scene.ask('get', { path: path + form }, stranger.key);
        expect(reply.status).toBe(200);
        expect(wordsOf(reply)).not.toMatch(scene.mark);
      }
    },
  );

  it('shows another department nothing either when it is asked for what the department has', async () => {
    const tried: string[] = [];
    for (const { id, path, query } of lists) {
      const { items = [] } = (await scene.ask('get', { path })).body;
      const names = Object.keys((query as { properties?: object } | undefined)?.properties ?? {});
      for (const name of names) {
        const values: unknown[] = ['search', 'q'].includes(name)
          ? [scene.department.name, 'A4747', '864747']
          : [...new Set(items.map((item: Record<string, unknown>) => item[name]))].slice(0, 5);
        for (const value of values.filter((each) => ['string', 'number', 'boolean'].includes(typeof each))) {
          const asked = `${path}?${name}=${encodeURIComponent(String(value))}`;
          const own = await scene.ask('get', { path: asked });
          if (own.status !== 200 || !scene.mark.test(wordsOf(own))) continue;
          const reply = await scene.ask('get', { path: asked }, stranger.key);
          expect(reply.status, asked).toBe(200);
          expect(wordsOf(reply), asked).not.toMatch(scene.mark);
          tried.push(`${id} ${name}`);
        }
      }
    }
    const kinds = [...new Set(tried)];
    for (const kind of ['listDevices q', 'listShipments createdBy', 'listShipmentRecords imei', 'listTrays search']) {
      expect(kinds).toContain(kind);
    }
  });

  it.each(COUNTS)('%s counts nothing of another department', async (id) => {
    const { path } = routes.find((each) => each.id === id)!;
    const own = await scene.ask('get', { path });
    const reply = await scene.ask('get', { path }, stranger.key);
    expect(wordsOf(own)).toMatch(/[1-9]/);
    expect(wordsOf(reply)).not.toMatch(/[1-9]/);
  });
});

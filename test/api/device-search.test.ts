import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { report, TestApi, uploadFile, type TestDepartment } from './harness.ts';

let api: TestApi;
let jimi: TestDepartment;
const DEVICES = '/api/v1/devices';

/** Five devices that differ in everything people look for. */
beforeAll(async () => {
  api = await TestApi.start();
  jimi = await api.department('jimi');
  const rows = [
    {
      protocol: 'terminal',
      identity: '61E4441313',
      imei: '868120145233604',
      model: 'GV2',
      orderNo: 'SO-2025-0017',
      remark: '返修 "第二批", 张三',
      productionDate: '2025-03-01',
      shipDate: '2025-03-15',
    },
    { protocol: 'terminal', identity: '6134441414', model: 'GV2', orderNo: 'SO-2025-0018', shipDate: '2025-04-01' },
    { protocol: 'terminal', identity: 'ABCDEF012345', model: 'GV3-4G', productionDate: '2025-03-02' },
    { protocol: 'ams', identity: '868120145233711', model: 'AMS Pro', orderNo: 'SO-2025-0017' },
    { protocol: 'ams', identity: '868120999999999', model: 'AMS Lite', remark: 'spare' },
  ];
  const { body } = await api.send('POST', DEVICES, { key: jimi.key, body: rows });
  expect(body.created).toBe(5);
});
afterAll(() => api.stop());

/** Last four characters of the devices found, which is how this file names them. */
const found = async (query: Record<string, string>) => {
  const asked = new URLSearchParams(query).toString();
  const { status, body } = await api.send('GET', `${DEVICES}?${asked}`, { key: jimi.key });
  expect(status, JSON.stringify(body)).toBe(200);
  const counted = await api.send('GET', `${DEVICES}/count?${asked}`, { key: jimi.key });
  expect(counted.body).toEqual({ devices: body.items.length, estimated: false });
  return body.items.map(({ identity }: { identity: string }) => identity.slice(-4));
};

describe('looking for a device', () => {
  it.each([
    ['the last digits of the label', '1313', ['1313']],
    ['the last digits of the IMEI', '33604', ['1313']],
    ['the last letters of the label, in any case', '2345', ['2345']],
    ['the beginning of the label', '6134', ['1414']],
    ['the beginning of the IMEI', '868120', ['3711', '9999', '1313']],
    ['the whole id', 'terminal-61e4441313', ['1313']],
    ['the order', 'SO-2025-0017', ['3711', '1313']],
    ['the last part of the order', '0018', ['1414']],
    ['the beginning of a word', 'gv', ['1414', '1313', '2345']],
    ['a part of the model', '4g', ['2345']],
    ['a word of the remark', '返修', ['1313']],
    ['a word behind punctuation', '张三', ['1313']],
    ['several words, all of which must be found', 'GV2 0017', ['1313']],
    ['model and last digits', 'ams 711', ['3711']],
    ['words that are not all there', 'GV3 0017', []],
    ['nothing but punctuation', "%'--&|!:*", []],
    ['blanks, which are no question', '  ', ['3711', '9999', '1414', '1313', '2345']],
    ['two digits, which are too few for the end of a label', '13', []],
  ])('finds it by %s', async (_what, search, expected) => {
    expect(await found({ search })).toEqual(expected);
  });

  it('takes any text without falling over', async () => {
    for (const search of ["'", '\\', "a'b", '!!', '(', ':*', '<->', '🙂', 'x'.repeat(200), 'z '.repeat(99)]) {
      expect(await found({ search }), search).toEqual([]);
    }
  });

  it('goes page by page', async () => {
    const first = await api.send('GET', `${DEVICES}?search=so&limit=2`, { key: jimi.key });
    expect(first.body.items).toHaveLength(2);
    const second = await api.send('GET', `${DEVICES}?search=so&limit=2&after=${first.body.next}`, { key: jimi.key });
    expect(second.body).toMatchObject({ items: [{ identity: '61E4441313' }], next: null });
  });

  it('finds nothing of another department', async () => {
    const other = await api.department('other');
    for (const query of ['search=1313', 'search=so', 'orderNo=SO-2025-0017', 'neverSeen=true']) {
      expect((await api.send('GET', `${DEVICES}?${query}`, { key: other.key })).body.items, query).toEqual([]);
    }
  });
});

describe('the list of devices is narrowed by', () => {
  it('order', async () => {
    expect(await found({ orderNo: 'SO-2025-0017' })).toEqual(['3711', '1313']);
    expect(await found({ orderNo: 'SO-2025-0017', protocol: 'ams' })).toEqual(['3711']);
    expect(await found({ orderNo: '' })).toEqual(['9999', '2345']);
  });

  it('days of production and shipment, both ends included', async () => {
    expect(await found({ productionFrom: '2025-03-01', productionTo: '2025-03-01' })).toEqual(['1313']);
    expect(await found({ productionFrom: '2025-03-02' })).toEqual(['2345']);
    expect(await found({ shippedTo: '2025-03-31' })).toEqual(['1313']);
    expect(await found({ shippedFrom: '2025-03-15', shippedTo: '2025-04-01' })).toEqual(['1414', '1313']);
  });

  it('version, of one component or any', async () => {
    await report(api, ['terminal-61E4441313'], '10');
    await report(api, ['terminal-6134441414'], '11');
    await report(api, ['ams-868120145233711'], '10', 'T3');
    expect(await found({ version: '10' })).toEqual(['3711', '1313']);
    expect(await found({ version: '10', component: 'T1' })).toEqual(['1313']);
    expect(await found({ component: 'T3' })).toEqual(['3711']);
    expect(await found({ version: '12' })).toEqual([]);
  });

  it('when it was heard of', async () => {
    await api.sql`insert into device_contacts (device_id, last_seen_at, address) values
      ('terminal-61E4441313', '2025-06-01T00:00:00Z', ''), ('terminal-6134441414', '2025-06-02T00:00:00Z', '')`;
    expect(await found({ seenSince: '2025-06-02T00:00:00Z' })).toEqual(['1414']);
    expect(await found({ seenBefore: '2025-06-02T08:00:00+08:00' })).toEqual(['1313']);
    expect(await found({ neverSeen: 'true' })).toEqual(['3711', '9999', '2345']);
    expect(await found({ neverSeen: 'false' })).toEqual(['1414', '1313']);
  });

  it('the status of the upgrade that runs', async () => {
    const firmwareId = await uploadFile(api, jimi.key, '10', '11');
    const deviceIds = ['terminal-61E4441313', 'terminal-6134441414'];
    const task = await api.send('POST', '/api/v1/upgrade-tasks', {
      key: jimi.key,
      body: { firmwareIds: [firmwareId], deviceIds },
    });
    expect(task.status, JSON.stringify(task.body)).toBe(202);
    await api.sql`update device_upgrades set status = 'waiting', dispatched_at = now() where device_id = 'terminal-61E4441313'`;
    expect(await found({ upgradeStatus: 'waiting' })).toEqual(['1313']);
    expect(await found({ upgradeStatus: 'offered' })).toEqual([]);
    await api.sql`update device_upgrades set status = 'waiting', finished_at = now() where device_id = 'terminal-61E4441313'`;
    expect(await found({ upgradeStatus: 'waiting' })).toEqual([]);
  });

  it('days that exist', async () => {
    const ask = async (query: string) => (await api.send('GET', `${DEVICES}?${query}`, { key: jimi.key })).body.code;
    expect(await ask('shippedFrom=2025-02-30')).toBe('validation_failed');
    expect(await ask('shippedFrom=0000-01-01')).toBe('validation_failed');
    expect(await ask('seenSince=0000-01-01T00:00:00Z')).toBe('validation_failed');
  });
});

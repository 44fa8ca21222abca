import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sharedTokens } from '../../activities/platform-tokens.ts';
import { createPlatformActivities } from '../../activities/platforms.ts';
import { findDue, markSending, takeShipment, writeResults } from '../../db/shipments/platform-work.ts';
import { pauseConnector, resumeConnector } from '../../db/shipments/platforms.ts';
import { TracksolidClient } from '../../gateways/tracksolid/client.ts';
import { NO_FAULTS } from '../../gateways/tracksolid/stand-in.ts';
import { LIFETIME, PlatformRecords } from '../support/platform-records.ts';
import { clientOptions } from '../support/tracksolid.ts';

let records: PlatformRecords;
beforeAll(async () => {
  records = await PlatformRecords.start();
});
afterAll(() => records.stop());

const IMPORT = 'x.ams.device.import';
const LOOK = 'jimi.track.device.detail';
const PATIENCE_MS = 60_000;

describe('a shipment to a platform', () => {
  it('brings every device there, sees it there, and its sums close', async () => {
    const { standIn, activities } = await records.scene();
    const list = await records.matched(230);
    const { id, asked, taken } = await records.order(list);
    expect([asked, taken]).toEqual([230, 230]);
    expect(await records.play(activities, id)).toEqual({
      status: 'finished',
      asked: 230,
      sent: 230,
      confirmed: 230,
      refused: 0,
      unknown: 0,
      notSent: 0,
      recorded: 0,
    });
    expect(standIn.count(IMPORT)).toBe(3);
    expect(standIn.count(LOOK)).toBe(230);
    for (const imei of list) {
      expect(standIn.world.devices.get(imei)).toMatchObject({ account: 'cust01', expirations: { cust01: LIFETIME } });
    }
    const [event] = await records.sql`select kind, data from events order by id desc limit 1`;
    expect(event).toMatchObject({
      kind: 'platform_shipment.finished',
      data: { platformShipmentId: id, status: 'finished', confirmed: 230, closes: true },
    });
  });

  it('gives a device the end that was ordered, when it is not for a lifetime', async () => {
    const { standIn, activities } = await records.scene();
    const list = await records.matched(2);
    const { id } = await records.order(list, { platform: '几米car-matrix导入' });
    expect(await records.play(activities, id)).toMatchObject({ confirmed: 2 });
    expect(standIn.world.devices.get(list[0]!)?.expirations).toEqual({ cust01: '2031-01-01 23:59:59' });
  });

  it('moves devices that are in our own account, and changes their end', async () => {
    const { standIn, activities } = await records.scene();
    const list = await records.matched(3);
    for (const imei of list) standIn.world.place(imei, 'ams');
    const { id } = await records.order(list);
    expect(await records.play(activities, id)).toMatchObject({ status: 'finished', confirmed: 3 });
    expect(standIn.world.devices.get(list[2]!)).toMatchObject({ account: 'cust01', imports: 1 });
  });

  it('takes a device that is as wanted already as done', async () => {
    const { standIn, activities } = await records.scene();
    const [imei] = (await records.matched(1)) as [string];
    standIn.world.place(imei, 'cust01', LIFETIME);
    const { id } = await records.order([imei]);
    expect(await records.play(activities, id)).toMatchObject({ confirmed: 1 });
    expect(standIn.count('jimi.open.device.move')).toBe(0);
  });

  it('names each device that the platform refuses, and ships the others', async () => {
    const { standIn, activities } = await records.scene();
    const list = await records.matched(4);
    standIn.world.refusedImeis.set(list[1]!, 1100);
    standIn.world.place(list[2]!, 'cust02');
    const { id } = await records.order(list);
    expect(await records.play(activities, id)).toMatchObject({ status: 'finished', confirmed: 2, refused: 2, sent: 4 });
    expect((await records.devices(id)).map(({ status, reason, code }) => [status, reason, code])).toEqual([
      ['confirmed', null, null],
      ['refused', 'refused_by_platform', 1100],
      ['refused', 'other_account', 1112],
      ['confirmed', null, null],
    ]);
  });

  it('finds the one device for which a whole call was refused', async () => {
    const { standIn, activities } = await records.scene();
    const list = await records.matched(6);
    for (const imei of list) standIn.world.place(imei, 'ams');
    const { id } = await records.order(list);
    // One is sold while it is being moved: the platform refuses the call, and does not say because of which.
    const call = standIn.world.call.bind(standIn.world);
    standIn.world.call = (method, parameters) =>
      method === 'jimi.open.device.move' && parameters['imeis']!.includes(list[3]!)
        ? { code: 1002, message: 'not yours' }
        : call(method, parameters);
    expect(await records.play(activities, id)).toMatchObject({ confirmed: 5, refused: 1 });
    expect((await records.devices(id))[3]).toMatchObject({ status: 'refused', code: 1002 });
  });

  it('to an account that does not exist is refused with the words of the platform', async () => {
    const { activities } = await records.scene();
    const { id } = await records.order(await records.matched(2), { account: 'nobody' });
    expect(await records.play(activities, id)).toMatchObject({ status: 'finished', refused: 2 });
    expect((await records.devices(id))[0]).toMatchObject({ code: 214, words: expect.stringContaining('nobody') });
  });
});

describe('when nobody knows what became of a call', () => {
  it.each([
    ['times out after the work', { silentAfterWork: 1 }],
    ['times out before the work', { silentBeforeWork: 1 }],
    ['cuts the connection after the work', { cutAfterWork: 1 }],
    ['is busy, and has done it', { busyAfterWork: 1 }],
    ['is busy, and has done nothing', { busy: 1 }],
    ['answers rubbish after the work', { garbage: 1 }],
    ['does the work later', { lateWork: { share: 1, afterMs: 500 } }],
    ['shows devices late', { hiddenForMs: 1_500 }],
  ])(
    'because the platform %s, every device is there exactly once',
    async (_, faults) => {
      // It takes doubles: nothing but we ourselves keeps us from importing twice.
      const { standIn, activities } = await records.scene({ takesDoubles: true, faults });
      const list = await records.matched(120);
      const { id } = await records.order(list);
      await records.page(activities, id);
      expect(standIn.count(IMPORT)).toBe(1);
      standIn.faults = { ...NO_FAULTS };
      expect(await records.play(activities, id)).toMatchObject({ status: 'finished', confirmed: 120 });
      expect(list.map((imei) => standIn.world.devices.get(imei)?.imports)).toEqual(list.map(() => 1));
    },
    PATIENCE_MS,
  );

  it('a device that is never to be seen ends as unknown, after some tries', async () => {
    const { activities } = await records.scene({ faults: { cutAfterWork: 1, hiddenForMs: 3_600_000 } });
    const { id } = await records.order(await records.matched(2));
    for (let pass = 0; pass < 30; pass++) {
      const report = await records.page(activities, id);
      if (report.kind === 'page' && report.open === 0) break;
      await records.due(id);
    }
    expect(await activities.finishShipment(id)).toMatchObject({ status: 'finished', unknown: 2, sent: 2 });
    expect((await records.devices(id))[0]).toMatchObject({ status: 'unknown', reason: 'no_answer', imports: 5 });
  });

  it('a worker that died before the answer leaves devices that are looked at first', async () => {
    const { standIn, activities } = await records.scene({ takesDoubles: true });
    const list = await records.matched(3);
    const { id } = await records.order(list);
    const { fence } = await takeShipment(records.db, id, LIFETIME);
    const due = await findDue(records.db, id, { after: 0, limit: 100 });
    await markSending(records.db, { shipmentId: id, fence }, due, 'import', 600_000);
    // It had sent them, and nobody wrote that down.
    standIn.world.call(IMPORT, { account: 'cust01', imeis: list.join(','), expiration: LIFETIME });
    expect(await records.page(activities, id)).toMatchObject({ open: 3, trouble: null });
    expect(standIn.count(IMPORT)).toBe(0);
    await records.due(id);
    expect(await records.play(activities, id)).toMatchObject({ confirmed: 3 });
    expect(standIn.count(IMPORT)).toBe(0);
    expect(standIn.imports).toEqual({ devices: 3, doubles: 0 });
  });
});

describe('two workers with one shipment', () => {
  it('send nothing twice', async () => {
    const { standIn, activities } = await records.scene({ takesDoubles: true, faults: { answerMs: 5 } });
    const list = await records.matched(150);
    const { id } = await records.order(list);
    await Promise.all(Array.from({ length: 4 }, () => records.page(activities, id)));
    await records.due(id);
    await records.play(activities, id);
    expect(standIn.imports).toEqual({ devices: 150, doubles: 0 });
  });

  it('the one that was overtaken writes nothing any more', async () => {
    const { id } = await records.order(await records.matched(2));
    const old = await takeShipment(records.db, id, LIFETIME);
    const due = await findDue(records.db, id, { after: 0, limit: 100 });
    const fresh = await takeShipment(records.db, id, LIFETIME);
    const mark = (fence: number) => markSending(records.db, { shipmentId: id, fence }, due, 'import', 0);
    expect(await mark(old.fence)).toEqual([]);
    const marked = await mark(fresh.fence);
    expect(marked).toHaveLength(2);
    expect(await mark(fresh.fence)).toEqual([]);
    // What it saw before the other one sent is of no use.
    await writeResults(records.db, id, [{ id: due[0]!.id, attempts: due[0]!.attempts, step: 'import', seen: null }]);
    expect((await records.devices(id))[0]).toMatchObject({ step: 'look', looks: 0 });
    await records.sql`update platform_shipments set status = 'finished' where id = ${id}`;
  });
});

describe('a platform that cannot be worked with now', () => {
  it('is waited for when calls come too often, and nothing counts as sent in vain', async () => {
    const { standIn, activities } = await records.scene({ faults: { callsPerSecond: 0 } });
    const { id } = await records.order(await records.matched(2));
    expect(await records.page(activities, id)).toMatchObject({
      kind: 'page',
      after: 0,
      open: 2,
      trouble: expect.stringContaining('1006'),
    });
    expect((await records.devices(id))[0]).toMatchObject({ step: 'import', imports: 0, answer: 'none' });
    standIn.faults.callsPerSecond = null;
    expect(await records.play(activities, id)).toMatchObject({ confirmed: 2 });
  });

  it('is left alone when it limits our address, by every shipment, until the pause ends or a person ends it', async () => {
    const { standIn, activities } = await records.scene({ faults: { addressBlocked: true } });
    const { id } = await records.order(await records.matched(2));
    expect(await records.page(activities, id)).toMatchObject({ kind: 'paused' });
    const { length } = standIn.calls;
    const { id: other } = await records.order(await records.matched(1));
    const report = await records.page(activities, other);
    expect(report).toMatchObject({ kind: 'paused', why: expect.stringContaining('1005') });
    expect(standIn.calls).toHaveLength(length);
    standIn.faults.addressBlocked = false;
    expect(await resumeConnector(records.db, 'tracksolid')).toBe(true);
    expect(await resumeConnector(records.db, 'tracksolid')).toBe(false);
    expect(await records.play(activities, id)).toMatchObject({ confirmed: 2 });
    expect(await records.play(activities, other)).toMatchObject({ confirmed: 1 });
  });

  it('stays paused for as long as a person says, whatever the platform says', async () => {
    await pauseConnector(records.db, 'tracksolid', { forMs: null, reason: 'audit', by: 'li' });
    await pauseConnector(records.db, 'tracksolid', { forMs: 1, reason: 'short', by: 'system' });
    const { activities } = await records.scene();
    const { id } = await records.order(await records.matched(1));
    expect(await records.page(activities, id)).toMatchObject({ kind: 'paused', why: 'audit' });
    await resumeConnector(records.db, 'tracksolid');
    await records.play(activities, id);
  });

  it('is waited for when nobody has configured it', async () => {
    const stopping = new AbortController().signal;
    const activities = createPlatformActivities({ db: records.db, tracksolid: null, stopping });
    const { id } = await records.order(await records.matched(1));
    expect(await records.page(activities, id)).toMatchObject({
      kind: 'paused',
      why: expect.stringContaining('TRACKSOLID_URL'),
    });
    await activities.stopUnsent(id, { author: 'li', cause: 'not today' });
    expect(await activities.finishShipment(id)).toMatchObject({ status: 'finished', notSent: 1, sent: 0 });
    expect((await records.devices(id))[0]).toMatchObject({ status: 'not_sent', reason: 'stopped', released: true });
  });
});

describe('the end', () => {
  it('comes when the time is over: what was never sent is not sent, what was is unknown', async () => {
    const { activities } = await records.scene({ faults: { silentBeforeWork: 1 } });
    const { id } = await records.order(await records.matched(101));
    await records.page(activities, id);
    await records.sql`update platform_shipments set deadline_at = now() where id = ${id}`;
    expect(await records.page(activities, id)).toMatchObject({ open: 0 });
    expect(await activities.finishShipment(id)).toMatchObject({
      status: 'finished',
      unknown: 100,
      notSent: 1,
      sent: 100,
    });
  });

  it('is red when the sums do not close', async () => {
    const { activities } = await records.scene();
    const { id } = await records.order(await records.matched(2));
    await records.sql`
      update platform_shipment_devices set status = 'confirmed', first_sent_at = now(), seen_at = now(),
        seen = '{"account": "somebody else", "expirations": {}, "expiration": null}' where shipment_id = ${id}`;
    expect(await activities.finishShipment(id)).toMatchObject({ status: 'red', confirmed: 2 });
    const lost = await records.order(await records.matched(2));
    await records.sql`delete from platform_shipment_devices where shipment_id = ${lost.id}`;
    expect(await activities.finishShipment(lost.id)).toMatchObject({ status: 'red', asked: 2 });
  });

  it('does not come while a device is open, and comes once', async () => {
    const { activities } = await records.scene();
    const { id } = await records.order(await records.matched(1));
    expect(await activities.finishShipment(id)).toBeNull();
    const end = await records.play(activities, id);
    expect(await activities.finishShipment(id)).toEqual(end);
    const ended = (await records.log(id)).filter(({ event }) => event === 'finished');
    expect(ended).toHaveLength(1);
  });

  it('is a line in the log for every call, without secrets', async () => {
    const { activities } = await records.scene();
    const { id } = await records.order(await records.matched(2));
    await records.play(activities, id);
    expect((await records.log(id)).map(({ event, cause }) => [event, cause])).toEqual([
      ['ordered', ''],
      ['import', '0: success'],
      ['look', ''],
      ['finished', ''],
    ]);
    await expect(records.sql`delete from platform_shipment_log where shipment_id = ${id}`).rejects.toThrow();
  });
});

describe('an order', () => {
  it('refuses by name what cannot go, and takes the rest', async () => {
    const list = await records.matched(3);
    const first = await records.order([list[0]!]);
    const { id, asked, taken } = await records.order([...list, list[1]!, '868000000000001', '12']);
    expect([asked, taken]).toEqual([5, 2]);
    expect((await records.devices(id)).map(({ imei, reason, words }) => [imei, reason, words])).toEqual([
      [list[0], 'already_shipped', `it is in secondary shipment ${first.id}`],
      [list[1], null, ''],
      [list[2], null, ''],
      ['868000000000001', 'not_matched', ''],
      ['12', 'bad_imei', ''],
    ]);
  });

  it('of everything in the matched list takes what is not shipped yet', async () => {
    const list = await records.matched(5);
    await records.sql`update matched_devices set customer = 'guomao', shipment_id = 77 where imei = any(${list})`;
    await records.order([list[0]!]);
    expect(await records.order({ customer: 'guomao', most: 3 })).toMatchObject({ asked: 3, taken: 3 });
    expect(await records.order({ primaryShipmentId: 77, most: 100 })).toMatchObject({ asked: 1, taken: 1 });
    expect(await records.order({ primaryShipmentId: 77, most: 100 })).toMatchObject({ asked: 0 });
  });

  it('for a platform that is not connected is written down, and nothing is sent', async () => {
    const { activities, standIn } = await records.scene();
    const { id } = await records.order(await records.matched(2), { platform: '其他平台' });
    expect(await records.page(activities, id)).toEqual({ kind: 'ended' });
    expect(await activities.finishShipment(id)).toMatchObject({ status: 'recorded', recorded: 2, sent: 0 });
    expect(standIn.calls).toEqual([]);
  });

  it('cannot take a device twice, even when two do so at once', async () => {
    const [imei] = (await records.matched(1)) as [string];
    const orders = await Promise.allSettled(Array.from({ length: 5 }, () => records.order([imei])));
    const taken = orders.filter((each) => each.status === 'fulfilled' && each.value.taken === 1);
    expect(taken).toHaveLength(1);
  });
});

describe('the token in the database', () => {
  it('is fetched once by all processes, sealed, and of no use with another secret', async () => {
    const { standIn, url } = await records.scene();
    const worker = (secret: string) =>
      new TracksolidClient(clientOptions(url, { tokens: sharedTokens(records.db, 'tracksolid', [secret]) }));
    const look = (client: TracksolidClient) => client.look('868000000000001');
    expect(await Promise.all([look(worker('s')), look(worker('s')), look(worker('s'))])).toHaveLength(3);
    expect(standIn.count('jimi.oauth.token.get')).toBe(1);
    const [row] = await records.sql`select token from platform_connectors`;
    expect(row!['token']).not.toMatch(/^[0-9a-f]{32}$/);
    await look(worker('other'));
    expect(standIn.count('jimi.oauth.token.get')).toBe(2);
    standIn.revokeTokens();
    await Promise.all([look(worker('other')), look(worker('other'))]);
    expect(standIn.count('jimi.oauth.token.get')).toBe(3);
  });
});

/**
 * A clerk's order as it happens: MES rows from a file, one work order shipped by the real program while its worker and
 * its database are killed; a trigger that ships what a second file brings. In the end every device has gone once, and
 * all sums close. `SHIPMENT_DEVICES=50000` for the large order; the figure is printed.
 */
import postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { firstOperator, operatorOf, Slipway, TestServers } from '../support/program.ts';
import { imeiOf } from '../support/shipment-records.ts';
import { waitFor } from '../support/wait.ts';

const DEVICES = Number(process.env['SHIPMENT_DEVICES'] ?? 4_000);
const PATIENCE_MS = 240_000 + DEVICES * 20;
const COMPANIES = ['深圳途骏信息科技有限公司', '几米国贸部（营销事业三部）', '某某公司', ''];

const csv = (order: string, from: number, to: number) =>
  [
    'Id,BoxNo,IMEI,ZhiDan,SoftModel,CompanyName,TestTime',
    ...Array.from({ length: to - from }, (_, index) => {
      const number = from + index;
      const company = COMPANIES[number % COMPANIES.length];
      return `${number},BOX-${Math.floor(number / 20)},${imeiOf(number)},${order},GV2,${company},2026-03-01 08:00:00`;
    }),
  ].join('\n');

interface Detail {
  status: string;
  sums: Record<string, unknown> & { shipped: number; open: number };
}

describe('a primary shipment', () => {
  let servers: TestServers;
  let api: Slipway;
  let worker: Slipway;
  let key: string;
  let sql: postgres.Sql;

  beforeAll(async () => {
    servers = await TestServers.start();
    [api, worker] = await Promise.all([
      Slipway.start(servers.settings('api')),
      Slipway.start(servers.settings('worker')),
    ]);
    ({ key } = await firstOperator(api));
    sql = postgres(servers.settings('api')['DATABASE_URL']!, { max: 2, backoff: () => 0.2 });
  }, PATIENCE_MS);

  afterAll(async () => {
    for (const part of [api, worker])
      if (part !== undefined && !part.isRunning) process.stderr.write(`--- a process ended:\n${part.tail()}\n`);
    await sql?.end({ timeout: 5 });
    await Promise.all([api, worker].map((part) => part?.kill()));
    await servers?.stop();
  }, 60_000);

  async function importRows(order: string, from: number, to: number) {
    const response = await fetch(`${api.ready.apiUrl}/api/v1/mes/import/carton`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'text/csv' },
      body: csv(order, from, to),
    });
    expect(await response.json()).toMatchObject({ new: to - from, rejected: 0 });
  }

  const perDevice = async () => {
    const [row] = await sql`select count(*)::int as records, count(distinct imei)::int as devices,
      (select count(*)::int from devices) as registered, (select count(*)::int from matched_devices) as matched,
      (select count(*)::int from mes_shipped) as marked from shipment_records`;
    return row;
  };

  test(
    'ships every device once, whatever dies',
    async () => {
      await importRows('ZD-1', 1, DEVICES + 1);
      const operator = operatorOf(api, key);
      const startedMs = Date.now();
      const { id } = await operator.call<{ id: number }>('POST', '/shipments', {
        order: 'ZD-1',
        shipDate: '2026-03-02',
      });
      const detail = () => operator.call<Detail>('GET', `/shipments/${id}`);
      const shipped = async () => {
        const [row] = await sql`select count(*)::int as n from shipment_records`.catch(() => [{ n: 0 }]);
        return row!['n'] as number;
      };
      await waitFor(async () => (await shipped()) > 0, { deadlineMs: PATIENCE_MS, message: 'nothing is shipped' });
      await worker.kill();
      const before = await shipped();
      worker = await Slipway.start(servers.settings('worker'));
      await waitFor(async () => (await shipped()) > before || before === DEVICES, {
        deadlineMs: PATIENCE_MS,
        message: 'nobody goes on',
      });
      await servers.killPostgres();
      await servers.startPostgres();

      const ended = await waitFor(
        async () => {
          const seen = await detail();
          return seen.status !== 'running' && seen;
        },
        { deadlineMs: PATIENCE_MS, message: 'the shipment does not end' },
      );
      process.stderr.write(
        `${DEVICES} devices in ${((Date.now() - startedMs) / 1_000).toFixed(1)} s, with two kills\n`,
      );
      const matched = Math.floor(DEVICES / 4) * 2;
      expect(ended).toMatchObject({
        status: 'finished',
        sums: { asked: DEVICES, shipped: DEVICES, refused: 0, open: 0, classified: matched, closes: true, wrong: [] },
      });
      expect(await perDevice()).toEqual({
        records: DEVICES,
        devices: DEVICES,
        registered: DEVICES,
        matched,
        marked: DEVICES,
      });
      const events = await sql`select data->>'status' as status from events where kind = 'shipment.finished'`;
      expect([...events]).toEqual([{ status: 'finished' }]);
    },
    PATIENCE_MS,
  );

  test(
    'is made by a trigger from what comes next, and only from that',
    async () => {
      const operator = operatorOf(api, key);
      const trigger = await operator.call<{ id: number }>('POST', '/triggers', {
        name: 'Hemi by itself',
        match: { companyWords: ['途骏'] },
      });
      await operator.call('POST', `/triggers/${trigger.id}/on`, {});
      const before = await perDevice();
      await importRows('ZD-2', DEVICES + 1, DEVICES + 401);
      const firing = await waitFor(
        async () => {
          const { items } = await operator.call<{ items: { status: string; shipmentId: number }[] }>(
            'GET',
            `/triggers/${trigger.id}/firings`,
          );
          return items.find(({ status }) => status !== 'firing');
        },
        { deadlineMs: PATIENCE_MS, message: 'the trigger does not fire' },
      );
      expect(firing).toMatchObject({ status: 'done', devices: 100 });
      const shipment = await operator.call<Detail>('GET', `/shipments/${firing.shipmentId}`);
      expect(shipment).toMatchObject({ status: 'finished', sums: { shipped: 100, classified: 100, closes: true } });
      expect(await perDevice()).toMatchObject({ records: (before!['records'] as number) + 100 });
    },
    PATIENCE_MS,
  );
});

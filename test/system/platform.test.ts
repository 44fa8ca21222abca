/**
 * A secondary shipment as it happens: a thousand devices to a platform that does the work and does not answer in a tenth
 * of the calls, and takes doubles without a word; the worker is killed in the middle. `PLATFORM_DEVICES` sets the size.
 */
import postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { TracksolidStandIn } from '../../gateways/tracksolid/stand-in.ts';
import { TracksolidStandIn as StandIn } from '../../gateways/tracksolid/stand-in.ts';
import { firstOperator, operatorOf, Slipway, TestServers } from '../support/program.ts';
import { ACCOUNTS, APP, imeis } from '../support/tracksolid.ts';
import { waitFor } from '../support/wait.ts';

const DEVICES = Number(process.env['PLATFORM_DEVICES'] ?? 1_000);
const PATIENCE_MS = 240_000 + DEVICES * 200;
const LIFETIME = '2099-12-31 23:59:59';

interface Detail {
  status: string;
  reconciliation: Record<string, unknown>;
}

describe('a secondary shipment to a platform that loses answers', () => {
  let servers: TestServers;
  let api: Slipway;
  let worker: Slipway;
  let standIn: TracksolidStandIn;
  let settings: Record<string, string>;
  let sql: postgres.Sql;
  let key: string;

  beforeAll(async () => {
    standIn = new StandIn({
      ...APP,
      accounts: ACCOUNTS,
      takesDoubles: true,
      // Imports at first, then one call in ten, whatever it asks.
      faults: { silentAfterWork: 1 },
      seed: 5,
    });
    const url = await standIn.listen();
    servers = await TestServers.start();
    settings = {
      ...servers.settings('worker'),
      TRACKSOLID_URL: url,
      TRACKSOLID_APP_KEY: APP.appKey,
      TRACKSOLID_APP_SECRET: APP.appSecret,
      TRACKSOLID_USER: APP.user,
      TRACKSOLID_PASSWORD: 'secret',
      TRACKSOLID_CALLS_PER_SECOND: '200',
      TRACKSOLID_TIMEOUT_S: '2',
    };
    [api, worker] = await Promise.all([Slipway.start(servers.settings('api')), Slipway.start(settings)]);
    ({ key } = await firstOperator(api));
    sql = postgres(settings['DATABASE_URL']!, { max: 1 });
  }, PATIENCE_MS);

  afterAll(async () => {
    for (const part of [api, worker])
      if (part !== undefined && !part.isRunning) process.stderr.write(`--- a process ended:\n${part.tail()}\n`);
    await sql?.end();
    await Promise.all([api, worker].map((part) => part?.kill()));
    await servers?.stop();
    await standIn?.close();
  }, 60_000);

  test(
    'brings every device there exactly once, by read-back, although the worker dies in the middle',
    async () => {
      const list = imeis(DEVICES);
      await sql`
        insert into matched_devices (imei, department_id, customer, rule)
        select imei, (select min(id) from departments), 'hemi', '1' from unnest(${list}::text[]) as imei`;
      const operator = operatorOf(api, key);
      const made = await operator.call<{ id: number; taken: number }>('POST', '/platform-shipments', {
        platformId: 2,
        matched: { customer: 'hemi' },
        info: { account: 'cust01', customerName: '禾米', model: 'GV2' },
      });
      expect(made.taken).toBe(DEVICES);
      const detail = () => operator.call<Detail>('GET', `/platform-shipments/${made.id}`);

      await waitFor(
        () => standIn.calls.some(({ method, fault }) => method === 'x.ams.device.import' && fault !== null),
        { deadlineMs: PATIENCE_MS, message: 'no import was lost' },
      );
      Object.assign(standIn.faults, { silentAfterWork: 0.1, readsToo: true });

      // In the middle, and in the middle of a page: some of its devices are there, and nobody has looked.
      await waitFor(() => standIn.imports.devices >= DEVICES / 2, { deadlineMs: PATIENCE_MS });
      await worker.kill();
      expect((await detail()).status).toBe('running');
      worker = await Slipway.start(settings);

      const ended = await waitFor(
        async () => {
          const seen = await detail();
          if (seen.status === 'running') throw new Error(JSON.stringify(seen.reconciliation));
          return seen;
        },
        { deadlineMs: PATIENCE_MS, message: 'the shipment does not end' },
      );
      expect(ended).toMatchObject({
        status: 'finished',
        reconciliation: {
          asked: DEVICES,
          sent: DEVICES,
          confirmed: DEVICES,
          refused: 0,
          unknown: 0,
          notSent: 0,
          open: 0,
          closes: true,
        },
      });
      for (const imei of list) {
        expect(standIn.world.devices.get(imei)).toMatchObject({
          account: 'cust01',
          expirations: { cust01: LIFETIME },
          imports: 1,
        });
      }
      expect(standIn.imports).toEqual({ devices: DEVICES, doubles: 0 });
      expect(standIn.calls.filter(({ fault }) => fault === 'silentAfterWork').length).toBeGreaterThan(DEVICES / 25);
      const said = worker.logLines.map((line) => JSON.stringify(line)).join('\n');
      for (const secret of [APP.appSecret, APP.passwordMd5]) expect(said).not.toContain(secret);
    },
    PATIENCE_MS,
  );
});

/**
 * Equipment and the real program: simulated host computers go online, raise alarms, fetch what was changed, fall silent
 * and come back, while parts of the program die. What an equipment has is its own word; what Slipway says is the API's.
 */
import { request as httpRequest } from 'node:http';
import postgres from 'postgres';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Operator } from '../../bench/operator.ts';
import { MomClient } from '../../gateways/mom/client.ts';
import { QUIRK_NAMES, QUIRKS } from '../../gateways/mom/quirks.ts';
import { EquipmentSimulator, type EquipmentOptions } from '../../gateways/mom/simulator.ts';
import { firstOperator, Slipway, TestServers, type Settings } from '../support/program.ts';
import { waitFor } from '../support/wait.ts';

const TEST_MS = 180_000;
const PATIENCE = { deadlineMs: 60_000 };
const TOKEN = 'geheim';

let servers: TestServers;
let rest: Slipway;
let gateway: Slipway;
let operator: Operator;
let sql: postgres.Sql;
let made = 0;
const running: EquipmentSimulator[] = [];

/** Equipment knows its MOM by its port: a gateway that comes back has the same one. */
function gatewaySettings(): Settings {
  const port = gateway?.ready.deviceHttpPort ?? 0;
  return { ...servers.settings('gateway'), DEVICE_HTTP_PORT: String(port), MOM_TOKEN: TOKEN };
}

beforeAll(async () => {
  servers = await TestServers.start();
  [rest, gateway] = await Promise.all([
    Slipway.start(servers.settings('api', 'worker')),
    Slipway.start(gatewaySettings()),
  ]);
  ({ operator } = await firstOperator(rest));
  sql = postgres(servers.settings('api')['DATABASE_URL']!, { max: 2 });
}, 120_000);

afterEach(async ({ task }) => {
  await Promise.all(running.splice(0).map((equipment) => equipment.stop().catch(() => {})));
  if (task.result?.state !== 'fail') return;
  for (const [name, part] of Object.entries({ rest, gateway })) {
    process.stderr.write(`--- ${name} of the failed test "${task.name}":\n${part.tail(15)}\n`);
  }
});

afterAll(async () => {
  await sql?.end();
  await Promise.all([rest, gateway].map((part) => part?.kill()));
  await servers?.stop();
}, 60_000);

const url = () => `http://127.0.0.1:${gateway.ready.deviceHttpPort}`;

/** An equipment nobody has used before, registered and running. */
async function equipment(over: Partial<EquipmentOptions> = {}, periodSeconds = 1): Promise<EquipmentSimulator> {
  const equipmentCode = `SYS${String((made += 1)).padStart(4, '0')}`;
  await operator.call('POST', '/equipment', { code: equipmentCode, periodSeconds });
  return simulate(equipmentCode, { periodMs: periodSeconds * 300, ...over });
}

/** Switches an equipment on. */
function simulate(equipmentCode: string, options: Partial<EquipmentOptions>): EquipmentSimulator {
  const client = new MomClient({ url: url(), token: TOKEN });
  const simulator = new EquipmentSimulator({ client, equipmentCode, ...options });
  running.push(simulator);
  return simulator.start();
}

interface Seen {
  state: string;
  status: string | null;
  openAlarms: number;
  pendingFlags: string[];
  parametersVersion: number;
  fetchedVersion: number;
}
const look = (code: string) => operator.call<Seen>('GET', `/equipment/${code}`);
const untilState = (code: string, ...states: string[]) =>
  waitFor(async () => {
    const seen = await look(code);
    return states.includes(seen.state) ? seen : null;
  }, PATIENCE);
const sessionLog = async (code: string) =>
  (await operator.call<{ items: { event: string }[] }>('GET', `/equipment/${code}/session-log`)).items
    .map(({ event }) => event)
    .toReversed();
const edgeMarks = async (code: string) =>
  sql`select 1 from equipment_sessions s join equipment e on e.id = s.equipment_id where e.code = ${code} and s.edge_at is not null`;
/** Its workflow has read everything. */
const untilRead = (code: string) => waitFor(async () => (await edgeMarks(code)).length === 0, PATIENCE);

describe('equipment', () => {
  test(
    'goes online, works, raises alarms, gets what a person sets, and does not miss a thing of it',
    async () => {
      const one = await equipment({
        activityMs: 150,
        faults: { sendsTwice: true, wrongOrder: true, quirk: 'comment' },
      });
      const code = one.equipmentCode;
      await untilState(code, 'alive');
      await waitFor(async () => {
        const alarms = await operator.call<{ items: { clearedAt: string | null }[] }>(
          'GET',
          `/equipment-alarms?equipmentCode=${code}`,
        );
        return alarms.items.some(({ clearedAt }) => clearedAt !== null);
      }, PATIENCE);
      const changes = await operator.call<{ items: { isLate: boolean }[] }>('GET', `/equipment/${code}/status-changes`);
      expect(new Set(changes.items.map(({ isLate }) => isLate))).toEqual(new Set([true, false]));
      await operator.call('POST', `/equipment/${code}/parameters`, {
        parameters: ['power', 'speed'].map((description) => ({
          parameterCode: 'P',
          targetValue: '12.50',
          description,
        })),
      });
      await operator.call('POST', `/equipment/${code}/flags`, { action: 'water_content' });
      await waitFor(() => one.parameters.length === 2, PATIENCE);
      const seen = await waitFor(async () => {
        const now = await look(code);
        return now.pendingFlags.length === 0 ? now : null;
      }, PATIENCE);
      expect([seen.parametersVersion, seen.fetchedVersion]).toEqual([1, 1]);
      expect(one.parameters.map(({ description }) => description)).toEqual(['power', 'speed']);
      const followUps = await operator.call<{ items: { data: object }[] }>('GET', `/equipment/${code}/follow-ups`);
      expect(followUps.items).toHaveLength(1);
      const calls = await waitFor(async () => {
        const { items } = await operator.call<{ items: { warnings: string[]; isRepeated: boolean }[] }>(
          'GET',
          `/equipment/${code}/calls?odd=true`,
        );
        return items.some(({ isRepeated }) => isRepeated) ? items : null;
      }, PATIENCE);
      expect(calls[0]!.warnings).toContain('comment');
    },
    TEST_MS,
  );

  test(
    'falls silent: suspect, offline, and back with a good round trip, for its workflow too, though all parts die meanwhile',
    async () => {
      const one = await equipment({}, 2);
      const code = one.equipmentCode;
      await untilState(code, 'alive');
      await one.stop();
      await untilState(code, 'suspect');
      const { apiUrl } = rest.ready;
      await rest.kill();
      rest = await Slipway.start({ ...servers.settings('api', 'worker'), API_PORT: new URL(apiUrl!).port });
      await untilState(code, 'offline');
      await gateway.kill();
      gateway = await Slipway.start(gatewaySettings());
      simulate(code, { periodMs: 600 });
      await untilState(code, 'alive');
      const log = await sessionLog(code);
      expect(log.slice(0, 2)).toEqual(['online', 'alive']);
      expect(log.indexOf('suspect')).toBeLessThan(log.indexOf('offline'));
      expect(log.indexOf('offline')).toBeLessThan(log.indexOf('back'));
      expect(log.filter((event) => event === 'offline')).toHaveLength(1);
      await untilRead(code);
      const events =
        await sql`select kind from events where data->>'equipmentCode' = ${code} and kind <> 'equipment.clock_skew' order by id`;
      expect(events.map(({ kind }) => kind)).toEqual(['equipment.offline', 'equipment.back']);
    },
    TEST_MS,
  );

  test(
    'is not called silent because we were away',
    async () => {
      const one = await equipment({}, 4);
      const code = one.equipmentCode;
      await untilState(code, 'alive');
      const before = await sessionLog(code);
      await gateway.kill();
      // A restart takes seconds, longer than a period and a half: as if it had taken an hour.
      await sql`update equipment_listening set until = until - interval '1 hour', since = since - interval '1 hour'`;
      await sql`update equipment_sessions set last_seen_at = last_seen_at - interval '1 hour'`;
      gateway = await Slipway.start(gatewaySettings());
      await waitFor(
        async () =>
          (
            await sql`select 1 from equipment_sessions s join equipment e on e.id = s.equipment_id where e.code = ${code} and last_seen_at > clock_timestamp() - interval '3 s'`
          ).length > 0,
        PATIENCE,
      );
      expect(await sessionLog(code)).toEqual(before);
    },
    TEST_MS,
  );

  test(
    'adds nothing to its history by beating',
    async () => {
      const one = await equipment({ periodMs: 100 });
      const code = one.equipmentCode;
      await untilState(code, 'alive');
      await untilRead(code);
      const beats = one.outcomes.done;
      await waitFor(() => one.outcomes.done > beats + 30, PATIENCE);
      expect(await sessionLog(code)).toEqual(['online', 'alive']);
      expect(await edgeMarks(code)).toHaveLength(0);
    },
    TEST_MS,
  );

  test(
    'that bends its JSON in every way, or sends rubbish, never gets a 5xx; who is not known gets in nowhere',
    async () => {
      const one = await equipment();
      const code = one.equipmentCode;
      await untilState(code, 'alive', 'online');
      const envelope = {
        SessionId: 's',
        RequestTime: '2024-4-10T14:16:31.211Z',
        Software: 'K',
        EquipmentCode: code,
        EmployeeNo: 'E',
      };
      const status = {
        ...envelope,
        StatusCode: 'Working',
        ReasonCode: 'r',
        ChangeTime: '2024-04-10 14:16:31',
        Description: 'a\ud800b\u0000c',
      };
      const good = JSON.stringify(status);
      const bodies = [
        ...QUIRK_NAMES.map((name) => QUIRKS[name].bend(good)),
        '',
        '{',
        'null',
        '[]',
        '"x"',
        '42',
        '{}',
        '\u0000',
        '{"SessionId":{}}',
        good.slice(0, -20),
        good.repeat(3),
        '['.repeat(50_000),
        `{"a":"${'x'.repeat(300_000)}"}`,
        JSON.stringify({ ...status, ChangeTime: '9999-99-99 99:99:99' }),
        JSON.stringify({ ...status, ChangeTime: '0001-01-01 00:00:00' }),
        JSON.stringify({ ...status, ReasonCode: '原'.repeat(5_000) }),
        JSON.stringify({
          ...envelope,
          AlertInfo: [{ AlertCode: '警'.repeat(128), AlertReset: 0 }, { AlertCode: '', AlertReset: 7 }, null],
        }),
        JSON.stringify({
          ...envelope,
          Deep: { a: { b: { c: { d: { e: { f: { g: {} } } } } } } },
          '\ud83d': '\ud83d',
          __proto__x: 1,
        }),
      ];
      for (const name of ['EqptStatus', 'EqptAlert', 'EqptRun', 'EqptAlive', 'WaterContent', 'TrayBind', 'Nonsense']) {
        for (const body of bodies) {
          const answer = await post(`/api/MachineIntegration/${name}`, body, TOKEN);
          expect([name, body.slice(0, 60), answer.status]).toEqual([name, body.slice(0, 60), 200]);
          expect(JSON.parse(answer.body)).toMatchObject({
            ResultFlag: expect.any(Boolean),
            Success: expect.any(Boolean),
          });
        }
      }
      const refused = JSON.parse((await post('/api/MachineIntegration/EqptAlive', good, 'wrong')).body);
      expect(refused).toMatchObject({ ResultFlag: true, Success: false });
      await waitFor(async () => {
        const { items } = await operator.call<{ items: { failure: string }[] }>('GET', '/equipment-strangers');
        return items.some(({ failure }) => failure === 'token_wrong');
      }, PATIENCE);
    },
    TEST_MS,
  );
});

/** A body as it is, whatever it is. */
function post(path: string, body: string, token: string): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', 'x-mom-token': token };
    const request = httpRequest(`${url()}${path}`, { method: 'POST', headers }, (response) => {
      const parts: Buffer[] = [];
      response.on('data', (part: Buffer) => parts.push(part));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(parts).toString() }));
    });
    request.on('error', reject).end(body);
  });
}

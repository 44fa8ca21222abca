/**
 * Both sides of MachineIntegration at once: the agent of an equipment speaks with our own MOM across a network that loses
 * answers and is then cut, and nobody but the two sides' own records says what became of it.
 */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Operator } from '../../bench/operator.ts';
import { firstOperator, Slipway, TestServers } from '../support/program.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';
import { waitFor } from '../support/wait.ts';

const TEST_MS = 240_000;
const PATIENCE = { deadlineMs: 90_000 };
const PERIOD_S = 2;
const CODE = 'BOTH 1';
const AGENT = `/agents/${encodeURIComponent(CODE)}`;
const EQUIPMENT = `/equipment/${encodeURIComponent(CODE)}`;
const TRAYS = ['ZN180 104JZ000130', 'ZN180 104JZ000131'] as const;
const CELLS = ['YF-KH-A-000001', 'YF-KH-A-000002', 'YF-KH-A-000003'];

interface Page<Item> {
  items: Item[];
}

let servers: TestServers;
let rest: Slipway;
let gateway: Slipway;
let network: TcpProxy;
let operator: Operator;

beforeAll(async () => {
  servers = await TestServers.start();
  rest = new Slipway(servers.settings('api', 'worker'));
  gateway = new Slipway(servers.settings('gateway'));
  await Promise.all([rest.untilReady(), gateway.untilReady()]);
  network = await TcpProxy.start(() => gateway.ready.deviceHttpPort!);
  ({ operator } = await firstOperator(rest));
}, 120_000);

afterEach(({ task }) => {
  if (task.result?.state !== 'fail') return;
  for (const [name, part] of Object.entries({ rest, gateway })) {
    process.stderr.write(`--- ${name} of the failed test "${task.name}":\n${part.tail(15)}\n`);
  }
});

afterAll(async () => {
  await network?.stop();
  await Promise.all([rest, gateway].map((part) => part?.kill()));
  await servers?.stop();
}, 60_000);

const get = <Answer>(path: string) => operator.call<Answer>('GET', path);
const tell = (what: string, body: object) => operator.call('POST', `${AGENT}/${what}`, body);
const status = (name: string, description: string) => tell('status', { status: name, description });
const alarm = (alertCode: string, isRaised: boolean) => tell('alarms', { alarms: [{ alertCode, isRaised }] });
const bind = (trayBarcode: string) =>
  tell('trays/bind', { trayBarcode, cells: CELLS.map((serialNo, at) => ({ serialNo, positionNo: at + 1 })) });

/** What the MOM was told, as it says itself, oldest first. */
const statuses = async () =>
  (await get<Page<{ description: string }>>(`${EQUIPMENT}/status-changes`)).items
    .map(({ description }) => description)
    .toReversed();
const alarms = async () =>
  (await get<Page<{ alertCode: string; event: string }>>(`${EQUIPMENT}/alarm-log`)).items
    .map(({ alertCode, event }) => `${alertCode} ${event}`)
    .toReversed();
const journal = async (trayBarcode: string) =>
  (await get<Page<{ operation: string }>>(`/trays/${encodeURIComponent(trayBarcode)}/log`)).items
    .map(({ operation }) => operation)
    .toReversed();

const untilAgentIs = (state: string) =>
  waitFor(async () => (await get<{ session: { state: string } }>(AGENT)).session.state === state, {
    ...PATIENCE,
    message: `the agent does not become ${state}`,
  });
const untilMomSays = (state: string) =>
  waitFor(async () => (await get<{ state: string }>(EQUIPMENT)).state === state, {
    ...PATIENCE,
    message: `for the MOM the equipment does not become ${state}`,
  });
const untilAllWentOut = () =>
  waitFor(async () => (await get<{ queued: number }>(AGENT)).queued === 0, {
    ...PATIENCE,
    message: 'calls are left in the queue',
  });

describe('an agent and our own MOM', () => {
  test(
    'across a network that loses answers and is cut for many periods: everything arrives, in order, once; the session says suspect, offline, back',
    async () => {
      const filledAt = new Date(Date.now() - 3_600_000).toISOString();
      await operator.call(
        'POST',
        '/cells',
        CELLS.map((serialNo) => ({ serialNo, bindCode: 'M1/WO1', filledAt })),
      );
      await operator.call('POST', '/aging-limits', { bindCode: 'M1', lowerMinutes: 60, upperMinutes: 90 });
      await operator.call('POST', '/equipment', { code: CODE, periodSeconds: PERIOD_S });
      const url = `http://127.0.0.1:${network.port}`;
      await operator.call('POST', '/agents', { code: CODE, url, periodSeconds: PERIOD_S, employeeNo: 'E1' });
      await untilAgentIs('alive');
      await untilMomSays('alive');
      await status('Running', 'before');
      await alarm('A1', true);
      await bind(TRAYS[0]);
      await untilAllWentOut();

      network.loseAnswers();
      await status('Down', 'whose answer was lost');
      await waitFor(async () => (await statuses()).includes('whose answer was lost'), PATIENCE);
      network.cut();
      await alarm('A1', false);
      await status('Waiting', 'in the dark 1');
      // Only in this order does each of them succeed.
      await tell('trays/unbind', { trayBarcode: TRAYS[0] });
      await bind(TRAYS[1]);
      await alarm('A2', true);
      await status('Running', 'in the dark 2');
      await tell('trays/aging', { trayBarcode: TRAYS[1] });
      await alarm('A1', true);
      await untilMomSays('suspect');
      await untilMomSays('offline');
      await untilAgentIs('offline');
      expect(await get(AGENT)).toMatchObject({ queued: 9, quarantined: 0 });

      network.mend();
      await untilAgentIs('alive');
      await untilAllWentOut();
      await untilMomSays('alive');
      expect(await statuses()).toEqual(['before', 'whose answer was lost', 'in the dark 1', 'in the dark 2']);
      expect(await alarms()).toEqual(['A1 raised', 'A1 cleared', 'A2 raised', 'A1 raised']);
      expect(await journal(TRAYS[0])).toEqual(['bound', 'unbound']);
      expect(await journal(TRAYS[1])).toEqual(['bound', 'aging']);
      expect(await get(AGENT)).toMatchObject({ queued: 0, quarantined: 0 });
      expect(await get(EQUIPMENT)).toMatchObject({ state: 'alive', status: 'Running', openAlarms: 2 });
      // The one whose answer was lost came again under its SessionId, and was known; nothing else came twice.
      const { items: calls } = await waitFor(async () => {
        const seen = await get<Page<{ name: string; isRepeated: boolean; success: boolean }>>(
          `${EQUIPMENT}/calls?limit=100`,
        );
        return seen.items.filter(({ name }) => name !== 'EqptRun').length >= 12 ? seen : null;
      }, PATIENCE);
      expect(calls.filter(({ isRepeated }) => isRepeated).map(({ name }) => name)).toEqual(['EqptStatus']);
      expect(calls.every(({ success }) => success)).toBe(true);
      const edges = (await get<Page<{ event: string }>>(`${EQUIPMENT}/session-log`)).items
        .map(({ event }) => event)
        .toReversed();
      expect(edges.slice(0, 2)).toEqual(['online', 'alive']);
      const told = ['suspect', 'offline', 'back'];
      expect(edges.slice(edges.indexOf('suspect')).filter((edge) => told.includes(edge))).toEqual(told);
    },
    TEST_MS,
  );
});

/**
 * An agent speaks with a MOM across a network that is cut and through workers that are killed: everything arrives, in
 * order, once. What arrived is the word of the MOM's side; what became of it is the API's.
 */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Operator } from '../../bench/operator.ts';
import { DeviceHttpServer } from '../../gateways/http.ts';
import type { MomCallOf } from '../../gateways/mom/contract.ts';
import { MomGateway } from '../../gateways/mom/server.ts';
import { FakeLog } from '../support/fake-host.ts';
import { FakeMomHost } from '../support/fake-mom-host.ts';
import { firstOperator, Slipway, TestServers } from '../support/program.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';
import { waitFor } from '../support/wait.ts';

const TEST_MS = 180_000;
const PATIENCE_MS = 90_000;
const PERIOD_S = 2;

interface AgentView {
  session: { state: string; trouble: string; paramVersion: string | null };
  queued: number;
  quarantined: number;
  flags: { action: string; status: string }[];
}
interface CallView {
  id: number;
  status: string;
  reason: string | null;
  message: string;
  answer: Record<string, unknown> | null;
}

let servers: TestServers;
let rest: Slipway;
let worker: Slipway;
let operator: Operator;
const cleanUp: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  servers = await TestServers.start();
  [rest, worker] = await Promise.all([
    Slipway.start(servers.settings('api')),
    Slipway.start(servers.settings('worker')),
  ]);
  ({ operator } = await firstOperator(rest));
}, 120_000);

afterEach(async ({ task }) => {
  for (const end of cleanUp.splice(0).toReversed()) await end();
  if (task.result?.state !== 'fail') return;
  for (const [name, part] of Object.entries({ rest, worker })) {
    process.stderr.write(`--- ${name} of the failed test "${task.name}":\n${part.tail(15)}\n`);
  }
});

afterAll(async () => {
  await Promise.all([rest, worker].map((part) => part?.kill()));
  await servers?.stop();
}, 60_000);

let made = 0;

/** A MOM behind a network, and an agent that speaks with it. */
async function world(change: object = {}) {
  const host = new FakeMomHost();
  const log = new FakeLog();
  const gateway = new MomGateway({ host, log });
  const server = new DeviceHttpServer(gateway.routes, { maxConnections: 200, requestTimeoutMs: 10_000 }, log);
  const momPort = await server.listen(0, '127.0.0.1');
  const network = await TcpProxy.start(() => momPort);
  const code = `AGENT ${(made += 1)}`;
  const path = `/agents/${encodeURIComponent(code)}`;
  cleanUp.push(
    () => server.close(100),
    () => network.stop(),
    () => operator.call('PATCH', path, { isActive: false }),
  );
  const url = `http://127.0.0.1:${network.port}`;
  await operator.call('POST', '/agents', { code, url, periodSeconds: PERIOD_S, employeeNo: 'E1', ...change });
  const view = () => operator.call<AgentView>('GET', path);
  return {
    host,
    network,
    view,
    tell: (what: string, body: object) => operator.call<CallView>('POST', `${path}/${what}`, body),
    call: (id: number) => operator.call<CallView>('GET', `${path}/calls/${id}`),
    decide: (id: number, what: string, body: object) =>
      operator.call<CallView>('POST', `${path}/calls/${id}/${what}`, body),
    edges: async () => {
      const { items } = await operator.call<{ items: { edge: string }[] }>('GET', `${path}/log`);
      return items.map(({ edge }) => edge).toReversed();
    },
    until: (state: string) =>
      waitFor(async () => (await view()).session.state === state, {
        deadlineMs: PATIENCE_MS,
        message: `the agent does not become ${state}`,
      }),
    untilAllWentOut: () =>
      waitFor(async () => (await view()).queued === 0, {
        deadlineMs: PATIENCE_MS,
        message: 'calls are left in the queue',
      }),
    /** Descriptions of the statuses that the MOM took, in its order. */
    took: () =>
      host.calls
        .filter((call): call is MomCallOf<'EqptStatus'> => call.name === 'EqptStatus')
        .map(({ request }) => request.description),
  };
}

type World = Awaited<ReturnType<typeof world>>;

async function tellMany({ tell }: World, from: number, to: number): Promise<string[]> {
  const words: string[] = [];
  for (let number = from; number < to; number++) {
    words.push(`number ${number}`);
    await tell('status', { status: number % 2 === 0 ? 'Running' : 'Waiting', description: `number ${number}` });
  }
  return words;
}

describe('an agent', () => {
  test(
    'keeps what it is told while the network is cut, and it arrives in order, once; its session shows what happened',
    async () => {
      const here = await world();
      await here.until('alive');
      expect((await here.view()).session.paramVersion).toBe('V1');
      const before = await tellMany(here, 0, 3);
      await here.untilAllWentOut();
      here.network.cut();
      const during = await tellMany(here, 3, 10);
      await here.until('suspect');
      await here.until('offline');
      expect(await here.view()).toMatchObject({ queued: 7, quarantined: 0 });
      here.network.mend();
      await here.until('alive');
      await here.untilAllWentOut();
      expect(here.took()).toEqual([...before, ...during]);
      const edges = await here.edges();
      expect(edges.slice(0, 2)).toEqual(['online', 'alive']);
      const expected = ['suspect', 'offline', 'back', 'alive'];
      expect(edges.slice(edges.indexOf('suspect')).filter((edge) => expected.includes(edge))).toEqual(expected);
    },
    TEST_MS,
  );

  test(
    'goes on with another worker when its own is killed in the middle; the MOM may have heard a call twice, and has done it once',
    async () => {
      const here = await world();
      await here.until('alive');
      const slow = 400;
      here.host.before = () => new Promise((resolve) => setTimeout(resolve, slow));
      const words = await tellMany(here, 0, 12);
      await waitFor(() => here.took().length >= 3, { deadlineMs: PATIENCE_MS });
      await worker.kill();
      expect(here.took().length).toBeLessThan(12);
      worker = await Slipway.start(servers.settings('worker'));
      await here.untilAllWentOut();
      expect(here.took()).toEqual(words);
    },
    TEST_MS,
  );

  test(
    'puts aside what the MOM refuses and goes on; a person has it sent again or gives it up',
    async () => {
      const here = await world();
      await here.until('alive');
      here.host.refuses = 'TrayUnbind';
      const first = await here.tell('trays/unbind', { trayBarcode: 'T 1' });
      const second = await here.tell('trays/unbind', { trayBarcode: 'T 2' });
      await tellMany(here, 0, 1);
      await here.untilAllWentOut();
      expect(await here.view()).toMatchObject({ quarantined: 2 });
      expect(here.took()).toEqual(['number 0']);
      expect(await here.call(first.id)).toMatchObject({
        status: 'quarantined',
        reason: 'refused',
        message: '托盘不存在',
      });
      here.host.refuses = null;
      const again = await here.decide(first.id, 'redrive', { cause: 'the tray is known now' });
      await here.decide(second.id, 'write-off', { cause: 'done by hand' });
      await here.untilAllWentOut();
      expect(await here.call(again.id)).toMatchObject({ status: 'delivered', answer: {} });
      expect(await here.view()).toMatchObject({ quarantined: 0 });
      await expect(here.decide(second.id, 'redrive', {})).rejects.toThrow('control_refused');
    },
    TEST_MS,
  );

  test(
    'follows KeyFlags: takes parameters, sends what is planned, waits for data that must be given',
    async () => {
      const here = await world({ flagPlans: { material_up: { response: 'send', data: { Material: 'M1' } } } });
      await here.until('alive');
      const count = (name: string) => here.host.calls.filter((call) => call.name === name).length;
      const onlines = count('EqptRun');
      here.host.keyFlags = ['98', '0', '97'];
      await waitFor(() => count('EqptRun') === onlines + 1, { deadlineMs: PATIENCE_MS, message: 'not online again' });
      await waitFor(() => count('MaterialUpLoad') === 1, { deadlineMs: PATIENCE_MS, message: 'nothing was sent' });
      await waitFor(async () => (await here.view()).flags.some(({ status }) => status === 'waiting'), {
        deadlineMs: PATIENCE_MS,
        message: 'nobody is asked for data',
      });
      expect(count('WaterContent')).toBe(0);
      const given = await here.tell('follow-ups', { action: 'water_content', data: { Ppm: '12.5' } });
      await here.untilAllWentOut();
      expect((await here.call(given.id)).status).toBe('delivered');
      await waitFor(() => here.host.keyFlags.length === 0);
      await waitFor(async () => (await here.view()).flags.length === 0, { deadlineMs: PATIENCE_MS });
      expect([count('MaterialUpLoad'), count('WaterContent')]).toEqual([1, 1]);
      const water = here.host.calls.find((call) => call.name === 'WaterContent');
      expect(water?.request).toMatchObject({ data: { Ppm: '12.5' } });
    },
    TEST_MS,
  );
});

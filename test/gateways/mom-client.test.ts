import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { DeviceHttpServer } from '../../gateways/http.ts';
import { MomClient, type MomClientOptions } from '../../gateways/mom/client.ts';
import { MOM_NAMES, type MomName } from '../../gateways/mom/contract.ts';
import { ANSWER_LIMIT, REQUEST_LIMIT } from '../../gateways/mom/envelope.ts';
import { MomGateway } from '../../gateways/mom/server.ts';
import { FakeLog } from '../support/fake-host.ts';
import { AGING_START_MS, FakeMomHost } from '../support/fake-mom-host.ts';
import { REQUESTS } from '../support/mom-requests.ts';

const cleanUp: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const end of cleanUp.splice(0).toReversed()) await end();
});

function clientOf(port: number, options: Partial<MomClientOptions> = {}) {
  const client = new MomClient({ url: `http://127.0.0.1:${port}/`, ...options });
  cleanUp.push(() => client.close());
  return client;
}

async function ours() {
  const host = new FakeMomHost();
  const log = new FakeLog();
  const limits = { maxConnections: 200, requestTimeoutMs: 10_000 };
  const server = new DeviceHttpServer(new MomGateway({ host, log }).routes, limits, log);
  const port = await server.listen(0, '127.0.0.1');
  cleanUp.push(() => server.close(100));
  return { host, port };
}

/** A MOM that does what the test says. */
async function foreign(answer: http.RequestListener) {
  const server = http.createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanUp.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

const alive = REQUESTS.EqptAlive;
const good = `{"SessionId":"${alive.sessionId}","ResponseTime":"2024-04-10 14:16:31","EquipmentCode":"EQ00001","ResultFlag":true,"Success":true,"MOMMessage":"","KeyFlag":"99"}`;

describe('against our own server', () => {
  test('every call is done', async () => {
    const { host, port } = await ours();
    const client = clientOf(port, { token: 't0' });
    const call = async <Name extends MomName>(name: Name) => client.call(name, REQUESTS[name]);
    for (const name of MOM_NAMES) {
      expect(await call(name)).toMatchObject({ kind: 'done', message: '执行成功', warnings: [] });
    }
    expect(host.calls.map(({ name }) => name)).toEqual(MOM_NAMES);
    expect(host.callers[0]?.token).toBe('t0');
    const aging = await client.call('AgingInput', REQUESTS.AgingInput);
    expect(aging).toMatchObject({ fields: { agingStartAtMs: AGING_START_MS, agingTimeLowerLimitMinutes: 60 } });
  });

  test('refused, rejected and unreachable are told apart', async () => {
    const { host, port } = await ours();
    const client = clientOf(port);
    host.refuses = 'TrayUnbind';
    expect(await client.call('TrayUnbind', REQUESTS.TrayUnbind)).toMatchObject({
      kind: 'refused',
      message: '托盘不存在',
    });
    const rejected = await client.call('EqptAlive', alive, { text: '{}' });
    expect(rejected).toMatchObject({ kind: 'rejected', message: 'required field SessionId is missing' });
    host.before = () => Promise.reject(new Error('away'));
    expect(await client.call('EqptAlive', alive)).toMatchObject({
      kind: 'unreachable',
      reason: 'status',
      detail: 'HTTP 503',
    });
  });
});

describe('against other servers', () => {
  test.each([
    ['a page', 200, '<html>', 'unreadable'],
    ['nothing', 200, '', 'unreadable'],
    ['an answer without flags', 200, '{"SessionId":"1"}', 'unreadable'],
    ['a good answer with a bad status', 500, good, 'status'],
    ['a way to somewhere else', 302, good, 'status'],
    ['no content', 204, '', 'status'],
    ['more than anybody reads', 200, good + ' '.repeat(ANSWER_LIMIT), 'too_large'],
  ])('%s counts as unreachable', async (_, status, text, reason) => {
    const port = await foreign((_request, response) => response.writeHead(status, { location: '/' }).end(text));
    expect(await clientOf(port).call('EqptAlive', alive)).toMatchObject({ kind: 'unreachable', reason });
  });

  test('an answer with the oddities of the document is read', async () => {
    const text = `{"SessionID":"${alive.sessionId.toLowerCase()}" // GUID
      ，"ResponseTime":" 2024-4-10T14:16:31.211Z ","EquipmentCode":"EQ2","ResultFlag":"True","Success":"True","MOMMessage":"  执 行\n成 功 ","KeyFlag":98,}`;
    const port = await foreign((_request, response) => response.end(text));
    const outcome = await clientOf(port).call('EqptAlive', alive);
    expect(outcome).toMatchObject({
      kind: 'done',
      fields: { keyFlag: '98' },
      message: '执行成功',
      respondedAtMs: 1_712_729_791_211,
    });
    if (outcome.kind === 'done')
      expect(outcome.warnings).toEqual(expect.arrayContaining(['comment', 'equipment_differs', 'trailing_comma']));
  });

  test.each([
    ['hangs up at once', (socket: net.Socket) => socket.destroy()],
    [
      'hangs up in the middle of an answer',
      (socket: net.Socket) => socket.end(`HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n${good}`),
    ],
    ['does not speak HTTP', (socket: net.Socket) => socket.end('220 ftp ready\r\n')],
  ])('who %s is unreachable', async (_, answer) => {
    const server = net.createServer((socket) => {
      socket.on('error', () => {});
      socket.once('data', () => answer(socket));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    cleanUp.push(() => void server.close());
    const { port } = server.address() as AddressInfo;
    expect(await clientOf(port).call('EqptAlive', alive)).toMatchObject({ kind: 'unreachable', reason: 'connection' });
  });

  test('nobody at all is unreachable', async () => {
    const server = net.createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    await new Promise<void>((resolve) => server.close(() => resolve()));
    expect(await clientOf(port).call('EqptAlive', alive)).toMatchObject({ kind: 'unreachable', reason: 'connection' });
  });

  test.each([
    ['says nothing', () => {}],
    ['stops in the middle', (_: http.IncomingMessage, response: http.ServerResponse) => void response.write('{"Sess')],
  ])('who %s is unreachable after the timeout', async (_, answer) => {
    const port = await foreign(answer);
    const outcome = await clientOf(port, { timeoutMs: 200 }).call('EqptAlive', alive);
    expect(outcome).toMatchObject({ kind: 'unreachable', reason: 'timeout' });
  });

  test('a call that is called off rejects with the reason, also before it began', async () => {
    const port = await foreign(() => {});
    const client = clientOf(port);
    const stop = new AbortController();
    const call = client.call('EqptAlive', alive, { signal: stop.signal });
    const reason = new Error('cancelled');
    stop.abort(reason);
    await expect(call).rejects.toBe(reason);
    await expect(client.call('EqptAlive', alive, { signal: stop.signal })).rejects.toBe(reason);
  });

  test('a connection that was closed while idle is opened again', async () => {
    let requests = 0;
    const port = await foreign((request, response) => {
      requests += 1;
      // The second request of a connection finds it closed.
      if ((request.socket as net.Socket & { used?: boolean }).used === true) return request.socket.resetAndDestroy();
      (request.socket as net.Socket & { used?: boolean }).used = true;
      return response.end(good);
    });
    const client = clientOf(port, { maxConnections: 1 });
    for (let call = 0; call < 3; call += 1)
      expect(await client.call('EqptAlive', alive)).toMatchObject({ kind: 'done' });
    expect(requests).toBe(5);
  });
});

test('what no MOM takes is not sent', async () => {
  const client = clientOf(1);
  const data = { x: 'x'.repeat(REQUEST_LIMIT) };
  await expect(client.call('WaterContent', { ...REQUESTS.WaterContent, data })).rejects.toMatchObject({
    code: 'invalid_field',
  });
  expect(() => new MomClient({ url: 'ftp://mom' })).toThrow(/http/);
  expect(() => new MomClient({ url: 'mom' })).toThrow(/http/);
});

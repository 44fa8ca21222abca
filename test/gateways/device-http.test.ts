import { once } from 'node:events';
import http from 'node:http';
import { connect } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { AmsGateway } from '../../gateways/ams/gateway.ts';
import { VERSIONS_TEXT_LIMIT } from '../../gateways/ams/versions.ts';
import { FileCache } from '../../gateways/file-cache.ts';
import { DeviceHttpServer, type DeviceHttpLimits } from '../../gateways/http.ts';
import { FakeHost, FakeLog } from '../support/fake-host.ts';
import { waitFor } from '../support/wait.ts';

const IMEI = '868120145233604';
const GOOD = "{t:'3',v:'JM66_10_A1D_B4_F1'},{t:'1',v:'JM66_10_A1D_B4_R0_V02'}";

const cleanUp: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of cleanUp.splice(0).toReversed()) await end();
});

async function start(limits: Partial<DeviceHttpLimits> = {}) {
  const host = new FakeHost();
  const log = new FakeLog();
  const server = new DeviceHttpServer(
    new AmsGateway({ host, log, files: new FileCache(1_000_000, (sha256) => host.firmware(sha256)) }).routes,
    { maxConnections: 200, requestTimeoutMs: 5_000, ...limits },
    log,
  );
  const port = await server.listen(0, '127.0.0.1');
  cleanUp.push(() => server.close(100));
  const deviceId = host.register('ams', IMEI);
  const upload = async (
    body: string | Buffer<ArrayBuffer> | null,
    { path = `/ams/${IMEI}/versions`, method = 'POST' } = {},
  ) => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, { method, body });
    return { status: response.status, headers: response.headers, body: await response.json() };
  };
  return { host, log, server, port, deviceId, upload };
}

/** Sends text on a connection of its own; everything that came back when the server closed it. */
async function raw(port: number, ...parts: string[]) {
  const socket = connect({ host: '127.0.0.1', port });
  const openedAt = Date.now();
  let text = '';
  socket.on('data', (chunk) => (text += chunk.toString('latin1')));
  socket.on('error', () => {});
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  for (const part of parts) socket.write(part);
  await closed;
  return { text, status: Number(text.split(' ')[1] ?? 0), afterMs: Date.now() - openedAt };
}

describe('version uploads', () => {
  test('are stored and answered', async () => {
    const { host, deviceId, upload, server } = await start();
    const { status, body, headers } = await upload(`${GOOD},`);
    expect([status, body]).toEqual([200, { directive: null, warnings: ['trailing_comma'] }]);
    expect(headers.get('content-type')).toBe('application/json; charset=utf-8');
    expect(host.reports).toEqual([
      {
        deviceId,
        source: 'ams',
        raw: `${GOOD},`,
        versions: [
          { component: 'T3', version: 'JM66_10_A1D_B4_F1' },
          { component: 'T1', version: 'JM66_10_A1D_B4_R0_V02' },
        ],
        warnings: ['trailing_comma'],
      },
    ]);
    expect(server.counters).toEqual({ requests: 1, refused: 0, failed: 0, cut: 0 });
  });

  test('that cannot be read change nothing, their text is kept', async () => {
    const { host, deviceId, upload } = await start();
    for (const [text, error] of [
      ['', 'empty'],
      ["{t:'1'", 'syntax'],
      ["{v:'x'}", 'missing_type'],
      ["{t:'1'}", 'missing_version'],
    ] as const) {
      const answer = await upload(text);
      expect([answer.status, answer.body]).toMatchObject([422, { error }]);
      expect(host.refusedReports.at(-1)).toEqual({ deviceId, source: 'ams', raw: text, error });
    }
    expect(host.reports).toEqual([]);
  });

  test('with NUL bytes or invalid UTF-8 are kept as text a database takes', async () => {
    const { host, upload } = await start();
    expect((await upload(Buffer.from(`{t:'1',v:'A\0B'}`))).status).toBe(200);
    expect((await upload(Buffer.from([...Buffer.from("{t:'1',v:'A"), 0xff, 0xc3, ...Buffer.from("'}")]))).status).toBe(
      200,
    );
    expect((await upload(Buffer.from([0, 0xfe, 0]))).status).toBe(422);
    expect(host.versions()).toEqual(['A\uFFFDB', 'A\uFFFD\uFFFD']);
    const texts = [...host.reports, ...host.refusedReports].map((each) => each.raw).join('');
    expect(texts).not.toContain('\0');
    expect(Buffer.from(texts).toString('utf8')).toBe(texts);
  });

  test('random bodies give documented answers only', { timeout: 60_000 }, async () => {
    const { port, server, host } = await start();
    const agent = new http.Agent({ keepAlive: true, maxSockets: 8 });
    const statuses = new Map<number, number>();
    const alphabet = `{}[]'",:tv12345\\ \n，：\0A`.split('');
    const one = async (seed: number) => {
      const next = random(seed);
      const body =
        seed % 2 === 0
          ? Buffer.from(Uint8Array.from({ length: next(60) }, () => next(256)))
          : Buffer.from(Array.from({ length: next(40) }, () => alphabet[next(alphabet.length)]).join(''));
      const status = await post(agent, port, seed % 50 === 1 ? Buffer.from(GOOD) : body);
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
    };
    for (let seed = 0; seed < 10_000; seed += 8)
      await Promise.all(Array.from({ length: 8 }, (_, at) => one(seed + at)));
    agent.destroy();
    expect([...statuses.keys()].toSorted((a, b) => a - b)).toEqual([200, 422]);
    expect(server.counters).toMatchObject({ requests: 10_000, failed: 0, cut: 0 });
    expect(host.reports.length + host.refusedReports.length).toBe(10_000);
  });
});

describe('refusals', () => {
  test('unknown path, wrong method, bad IMEI, unregistered IMEI', async () => {
    const { host, upload } = await start();
    expect(await upload(GOOD, { path: '/nothing' })).toMatchObject({ status: 404, body: { error: 'not_found' } });
    expect(await upload(GOOD, { path: `/ams/${IMEI}/versions/` })).toMatchObject({ status: 404 });
    const wrongMethod = await upload(null, { method: 'GET' });
    expect([wrongMethod.status, wrongMethod.headers.get('allow')]).toEqual([405, 'POST']);
    for (const imei of ['1', '86812014523360A', '8681201452336044', '%00', '..%2f..']) {
      expect(await upload(GOOD, { path: `/ams/${imei}/versions` })).toMatchObject({
        status: 400,
        body: { error: 'bad_imei' },
      });
    }
    const stranger = '868120145233605';
    expect(await upload(GOOD, { path: `/ams/${stranger}/versions?x=1` })).toMatchObject({
      status: 404,
      body: { error: 'not_registered' },
    });
    expect(host.unknown).toEqual([stranger]);
    expect([host.reports, host.refusedReports]).toEqual([[], []]);
  });

  test('a body that is too long: 413, also when it is much too long', async () => {
    const { host, upload } = await start();
    expect((await upload(Buffer.alloc(VERSIONS_TEXT_LIMIT, ' '))).status).toBe(422);
    for (const length of [VERSIONS_TEXT_LIMIT + 1, 600_000]) {
      const answer = await upload(Buffer.alloc(length, ' '));
      expect([answer.status, answer.body]).toMatchObject([413, { error: 'too_large' }]);
    }
    expect(host.refusedReports).toHaveLength(1);
  });

  test('a body without an end is not read for ever', async () => {
    const { port, server } = await start();
    const head = `POST /ams/${IMEI}/versions HTTP/1.1\r\nhost: x\r\ncontent-length: 900000000\r\n\r\n`;
    const { afterMs } = await raw(port, head, ...Array.from({ length: 40 }, () => 'x'.repeat(65_536)));
    expect(afterMs).toBeLessThan(3_000);
    expect(server.counters).toMatchObject({ requests: 1, refused: 1, failed: 0 });
  });

  test('what is no HTTP is closed with 400, too long headers with 431', async () => {
    const { port } = await start();
    expect((await raw(port, '\x13\x02\x00\r\n\r\n')).status).toBe(400);
    expect(
      (await raw(port, 'POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\ncontent-length: 3\r\n\r\n')).status,
    ).toBe(400);
    expect((await raw(port, `POST / HTTP/1.1\r\nhost: x\r\nx: ${'y'.repeat(20_000)}\r\n\r\n`)).status).toBe(431);
  });

  test('failures of the host: 503, and the next request is served', async () => {
    const { host, upload, server, log } = await start();
    for (const method of ['findByImei', 'reported', 'refusedReport'] as const) {
      host.broken.add(method);
      const answer = await upload(method === 'refusedReport' ? '' : GOOD);
      expect([answer.status, answer.body]).toMatchObject([503, { error: 'unavailable' }]);
      expect(answer.headers.get('retry-after')).toBe('60');
      host.broken.clear();
    }
    expect((await upload(GOOD)).status).toBe(200);
    expect(server.counters).toEqual({ requests: 4, refused: 3, failed: 3, cut: 0 });
    expect(log.of('warn')).toHaveLength(3);
  });

  test('do not write the token of a file into the log', async () => {
    const { host, upload, log } = await start();
    host.broken.add('offerOwner');
    const token = '0123456789abcdef'.repeat(2);
    expect((await upload(null, { path: `/ams/files/7-${token}`, method: 'GET' })).status).toBe(503);
    expect(log.lines.map(({ fields }) => fields)).toMatchObject([{ path: '/ams/files/7-…' }]);
    expect(JSON.stringify(log.lines)).not.toContain(token);
  });
});

test('while the host is slow, more than 500 requests are asked to come again', async () => {
  const { port, host } = await start({ maxConnections: 300 });
  const release = host.hold('findByImei');
  const one = `POST /ams/${IMEI}/versions HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n`;
  const last = one.replace('host: x', 'host: x\r\nconnection: close');
  // Two on a connection, as many as may be under way on one.
  const answers = Promise.all(Array.from({ length: 260 }, () => raw(port, one, last)));
  await waitFor(() => host.waiting('findByImei') === 500);
  release();
  const statuses = (await answers).flatMap(({ text }) => text.match(/HTTP\/1\.1 \d+/g) ?? []);
  expect(statuses).toHaveLength(520);
  expect(statuses.filter((status) => status.endsWith('422')).length).toBeGreaterThanOrEqual(500);
  expect(host.refusedReports.length).toBe(statuses.filter((status) => status.endsWith('422')).length);
});

describe('connections', () => {
  test('are kept for several requests, also after a refusal', async () => {
    const { port } = await start();
    const paths = [`/ams/${IMEI}/versions`, '/nothing', '/ams/1/versions', `/ams/${IMEI}/versions`];
    const requests = paths.map((path, at) => {
      const last = at === paths.length - 1 ? 'connection: close\r\n' : '';
      return `POST ${path} HTTP/1.1\r\nhost: x\r\n${last}content-length: ${GOOD.length}\r\n\r\n${GOOD}`;
    });
    const socket = connect({ host: '127.0.0.1', port });
    let text = '';
    const next = () => socket.write(requests.shift() ?? '');
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
      next();
    });
    next();
    await once(socket, 'close');
    expect(text.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 404', 'HTTP/1.1 400', 'HTTP/1.1 200']);
  });

  test('with slow headers, a slow body or nothing at all are closed', async () => {
    const { port, server, log } = await start({ requestTimeoutMs: 200 });
    const head = `POST /ams/${IMEI}/versions HTTP/1.1\r\nhost: x\r\n`;
    const [headers, body, nothing] = await Promise.all([
      raw(port, head),
      raw(port, `${head}content-length: 50\r\n\r\n{t:`),
      raw(port),
    ]);
    expect([headers.status, body.status]).toEqual([408, 408]);
    for (const { afterMs } of [headers, body, nothing]) expect(afterMs).toBeLessThan(3_000);
    expect(server.counters).toMatchObject({ requests: 1, cut: 1, failed: 0 });
    expect(log.lines).toEqual([]);
  });

  test('that are cut in the middle of a body are nobody’s fault', async () => {
    const { port, server, host } = await start();
    const socket = connect({ host: '127.0.0.1', port });
    socket.write(`POST /ams/${IMEI}/versions HTTP/1.1\r\nhost: x\r\ncontent-length: 50\r\n\r\n{t:`);
    await waitFor(() => server.counters.requests === 1);
    socket.destroy();
    await waitFor(() => server.counters.cut === 1);
    expect(server.counters.failed).toBe(0);
    expect([host.reports, host.refusedReports]).toEqual([[], []]);
  });

  test('closing lets a request finish and then ends its connection', async () => {
    const { server, host, upload } = await start();
    const release = host.hold('reported');
    const answer = upload(GOOD);
    await waitFor(() => host.waiting('reported') === 1);
    const closing = server.close(5_000);
    release();
    const { status, headers } = await answer;
    expect([status, headers.get('connection')]).toEqual([200, 'close']);
    await closing;
    await expect(upload(GOOD)).rejects.toThrow();
  });

  test('closing waits for what a device has asked even when it has left', async () => {
    const { server, host, port } = await start();
    const release = host.hold('reported');
    const socket = connect({ host: '127.0.0.1', port });
    socket.write(`POST /ams/${IMEI}/versions HTTP/1.1\r\nhost: x\r\ncontent-length: ${GOOD.length}\r\n\r\n${GOOD}`);
    await waitFor(() => host.waiting('reported') === 1);
    socket.destroy();
    let isClosed = false;
    const closing = server.close(5_000).then(() => (isClosed = true));
    await waitFor(() => server.counters.requests === 1 && socket.destroyed);
    await new Promise((resolve) => setImmediate(resolve));
    expect(isClosed).toBe(false);
    release();
    await closing;
    expect(host.reports).toHaveLength(1);
  });
});

function post(agent: http.Agent, port: number, body: Buffer): Promise<number> {
  return new Promise((resolve, reject) => {
    const options = { agent, host: '127.0.0.1', port, path: `/ams/${IMEI}/versions`, method: 'POST' };
    const request = http.request(options, (response) => {
      response.resume().once('end', () => resolve(response.statusCode ?? 0));
    });
    request.once('error', reject);
    request.end(body);
  });
}

/** Numbers below a bound, the same for the same seed. */
function random(seed: number): (bound: number) => number {
  let state = seed + 1;
  return (bound) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return (state >>> 8) % bound;
  };
}

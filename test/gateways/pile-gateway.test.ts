/** What the gateway of the piles says to a pile, without an update: login, heartbeats, time, bad frames. */
import { describe, expect, test } from 'vitest';
import { crc16Modbus } from '../../gateways/checksums.ts';
import { encodeFrame } from '../../gateways/pile/codec.ts';
import { beijingTime } from '../../gateways/pile/wall-clock.ts';
import { login, PILE, PileClient, startPileGateway, updateReply } from '../support/pile-client.ts';
import { waitFor } from '../support/wait.ts';

describe('a login', () => {
  test('of a registered pile is answered once its version is stored, and the pile is told the time', async () => {
    const { host, port, deviceId, gateway } = await startPileGateway();
    const client = await PileClient.open(port);
    const release = host.hold('reported');
    client.send(login('V4.1.50', {}, 4352));
    await waitFor(() => host.waiting('reported') === 1);
    expect(client.frames).toEqual([]);
    release();
    expect(await client.take('loginReply')).toMatchObject({ seq: 4352, body: { pileCode: PILE, loginResult: 0 } });
    const { seq, body } = await client.take('timeSync');
    expect(seq).toBe(0);
    expect(Math.abs(Date.parse(`${body.time}+08:00`) - Date.now())).toBeLessThan(30_000);
    client.send({ name: 'timeSyncReply', seq, body: { pileCode: PILE, time: body.time } });
    await waitFor(() => gateway.counters.timeSyncAnswers === 1);
    expect(host.reports).toEqual([
      {
        deviceId,
        source: 'pile',
        raw: 'login programVersion V4.1.50 (protocol V1.5)',
        versions: [{ component: 'T1', version: 'V4.1.50' }],
        arrivedAtMs: expect.any(Number),
      },
    ]);
    expect(host.sightings).toEqual([
      {
        deviceId,
        address: '127.0.0.1',
        details: { pileType: 'DC', gunCount: 2, protocolVersion: 'V1.5', sim: '89860448041970111236', guns: {} },
      },
    ]);
    expect(gateway.online).toEqual({ connections: 1, piles: 1 });
  });

  test('of a pile nobody registered is refused and listed; it may try again on the same connection', async () => {
    const { host, port, gateway } = await startPileGateway();
    const client = await PileClient.open(port);
    const pileCode = '99031412782305';
    client.send(login('V1', { pileCode }));
    expect(await client.take('loginReply')).toMatchObject({ body: { pileCode, loginResult: 1 } });
    expect(host.unknown).toEqual([pileCode]);
    expect(host.reports).toEqual([]);
    expect(gateway.counters).toMatchObject({ unknownPiles: 1, logins: 0 });
    client.send({ name: 'heartbeat', seq: 1, body: { pileCode, gunNo: '01', gunStatus: 0 } });
    await waitFor(() => gateway.counters.ignoredFrames === 1);
    host.register('pile', pileCode);
    client.send(login('V1', { pileCode }));
    expect(await client.take('loginReply')).toMatchObject({ body: { loginResult: 0 } });
  });

  test('that says no version is welcome, and nothing is reported', async () => {
    const { host, port } = await startPileGateway();
    await PileClient.loggedIn(port, '');
    expect(host.reports).toEqual([]);
    expect(host.badFrames).toMatchObject([{ kind: 'no_version' }]);
  });

  test('of a second pile on one connection is ignored, also when both come at once', async () => {
    const { host, port, gateway, deviceId } = await startPileGateway();
    const other = '11111111111111';
    host.register('pile', other);
    const client = await PileClient.open(port);
    client.send(login(), login('V9', { pileCode: other }));
    expect(await client.take('loginReply')).toMatchObject({ body: { pileCode: PILE } });
    await client.take('timeSync');
    await waitFor(() => gateway.counters.ignoredFrames === 1);
    await client.heard();
    expect(host.reports.map((report) => report.deviceId)).toEqual([deviceId]);
  });

  test('that comes while the database is away is answered when it is back, once', async () => {
    const { host, port, gateway, log } = await startPileGateway();
    host.broken.add('reported');
    const client = await PileClient.open(port);
    client.send(login());
    await waitFor(() => gateway.counters.failedFrames >= 2);
    expect(client.frames).toEqual([]);
    host.broken.delete('reported');
    await client.take('loginReply');
    await client.take('timeSync');
    await client.heard();
    expect(log.of('warn')).toContain('what a pile said could not be handled');
  });

  test('on a newer connection closes the older one, also when the older one is heard later', async () => {
    const { port, gateway } = await startPileGateway();
    const first = await PileClient.loggedIn(port);
    const late = await PileClient.open(port);
    const second = await PileClient.loggedIn(port);
    await first.untilClosed();
    late.send(login());
    await late.untilClosed();
    await second.heard();
    expect(gateway.online).toEqual({ connections: 1, piles: 1 });
  });

  test('that does not come closes the connection', async () => {
    const { port } = await startPileGateway({ times: { identifyMs: 50 } });
    const client = await PileClient.open(port);
    await client.untilClosed();
  });
});

describe('heartbeats', () => {
  test('are answered with the sequence number and the gun they came with, and say how the guns are', async () => {
    const { host, port, deviceId } = await startPileGateway();
    const client = await PileClient.loggedIn(port);
    client.send({ name: 'heartbeat', seq: 7, body: { pileCode: PILE, gunNo: '02', gunStatus: 1 } });
    expect(await client.take('heartbeatReply')).toMatchObject({
      seq: 7,
      body: { pileCode: PILE, gunNo: '02', heartbeatReply: 0 },
    });
    await client.heard();
    expect(host.sightings.at(-1)).toMatchObject({ deviceId, details: { guns: { '01': 'normal', '02': 'fault' } } });
    const { length } = host.sightings;
    await client.heard(); // nothing new
    expect(host.sightings).toHaveLength(length);
    client.beat(1);
    await waitFor(() => host.sightings.length === length + 1);
  });

  test('are answered while the database is away', async () => {
    const { host, port, deviceId, gateway } = await startPileGateway();
    const client = await PileClient.loggedIn(port);
    await client.heard();
    const release = host.hold('openOffer');
    host.announce(deviceId);
    await waitFor(() => host.waiting('openOffer') > 0);
    await client.heard();
    release();
    expect(gateway.counters.heartbeats).toBe(2);
  });

  test('that are missing close the connection; those that come keep it', async () => {
    const { port, gateway } = await startPileGateway({ times: { offlineMs: 400 } });
    const silent = await PileClient.loggedIn(port);
    await silent.untilClosed();
    expect(gateway.counters.offline).toBe(1);
    const alive = await PileClient.loggedIn(port);
    const untilMs = Date.now() + 1_200;
    await waitFor(() => {
      alive.beat();
      return Date.now() >= untilMs;
    });
    expect(alive.isClosed).toBe(false);
  });

  test('only garbage is no sign of life', async () => {
    const { port, gateway } = await startPileGateway({ times: { offlineMs: 300 } });
    const client = await PileClient.loggedIn(port);
    await waitFor(() => {
      if (!client.isClosed) client.send(Buffer.from('0011223344', 'hex'));
      return client.isClosed;
    });
    expect(gateway.counters.offline).toBe(1);
  });
});

test('who is logged in is said again and again', async () => {
  const { host, port, deviceId } = await startPileGateway({ times: { connectedMs: 20 } });
  await PileClient.loggedIn(port);
  await waitFor(() => host.connections.length >= 3);
  expect(new Set(host.connections.flat())).toEqual(new Set([deviceId]));
});

test('the time is told again when a day has passed', async () => {
  const { port } = await startPileGateway({ times: { timeSyncMs: 100 } });
  const client = await PileClient.loggedIn(port);
  expect((await client.take('timeSync')).seq).toBe(1);
  expect((await client.take('timeSync')).seq).toBe(2);
});

test('the wall clock is that of Beijing', () => {
  expect(beijingTime(Date.UTC(2020, 2, 16, 9, 14, 47, 5))).toBe('2020-03-16T17:14:47.005');
  expect(beijingTime(Date.UTC(2020, 11, 31, 16))).toBe('2021-01-01T00:00:00.000');
});

describe('what is no good frame', () => {
  test('is named and counted for the pile, and the frames around it are answered', async () => {
    const { host, port, deviceId, gateway } = await startPileGateway({ times: { partialFrameMs: 100 } });
    const client = await PileClient.loggedIn(port);
    const broken = encodeFrame({ name: 'heartbeat', seq: 1, body: { pileCode: PILE, gunNo: '01', gunStatus: 0 } });
    broken[broken.length - 1]! ^= 0xff;
    const unknown = encodeFrame({ name: 'opaque', seq: 2, encrypted: false, type: 0x3b, bytes: Buffer.alloc(3) });
    for (const bytes of [Buffer.from('FFFF', 'hex'), broken, Buffer.from('6803', 'hex'), unknown]) {
      client.send(bytes);
      await client.heard();
    }
    // The rest of a frame that never comes.
    client.send(broken.subarray(0, 10));
    await waitFor(() => host.badFrames.some(({ kind }) => kind === 'truncated'));
    await client.heard();
    const kinds = host.badFrames.map(({ kind }) => kind);
    expect(kinds).toContain('bad_start');
    expect(kinds).toContain('crc_mismatch');
    expect(kinds).toContain('bad_length');
    expect(new Set(host.badFrames.map((each) => each.deviceId))).toEqual(new Set([deviceId]));
    expect(host.badFrames.find(({ kind }) => kind === 'crc_mismatch')?.excerpt).toBe(
      broken.toString('hex').toUpperCase(),
    );
    expect(gateway.counters.badFrames).toBe(host.badFrames.length);
    expect(gateway.counters.droppedBytes).toBeGreaterThan(broken.length);
    expect(gateway.counters.ignoredFrames).toBe(1); // the unknown type
    expect(client.frames).toEqual([]);
  });

  test('a known type with a body of another size is named and not answered', async () => {
    const { host, port, deviceId, gateway } = await startPileGateway();
    const client = await PileClient.loggedIn(port);
    const heartbeat = Buffer.from('6807000000030102030000', 'hex');
    heartbeat.writeUInt16LE(crc16Modbus(heartbeat, 2, 9), 9);
    client.send(heartbeat);
    await client.heard();
    expect(host.badFrames).toEqual([{ deviceId, kind: 'bad_body_length', excerpt: '010203' }]);
    expect(gateway.counters).toMatchObject({ badFrames: 1, droppedBytes: 0, heartbeats: 1 });
  });

  test('before the login is counted, and not held against anybody', async () => {
    const { host, port, gateway } = await startPileGateway();
    const client = await PileClient.open(port);
    client.beat();
    client.send(updateReply(1, 0), Buffer.from('000102', 'hex'), login());
    await client.take('loginReply');
    await client.take('timeSync');
    expect(gateway.counters).toMatchObject({ ignoredFrames: 2, badFrames: 1, droppedBytes: 3 });
    expect(host.badFrames).toEqual([]);
  });

  test('of another pile number than the login is ignored', async () => {
    const { host, port, gateway, deviceId } = await startPileGateway();
    const client = await PileClient.loggedIn(port);
    const other = '11111111111111';
    host.register('pile', other);
    client.send(
      { name: 'heartbeat', seq: 1, body: { pileCode: other, gunNo: '01', gunStatus: 0 } },
      login('V9', { pileCode: other }),
      updateReply(1, 0, other),
    );
    await client.heard();
    expect(gateway.counters.ignoredFrames).toBe(3);
    expect(host.reports).toHaveLength(1);
    expect(host.badFrames).toEqual(
      Array.from({ length: 3 }, () => ({ deviceId, kind: 'other_pile_number', excerpt: other })),
    );
  });
});

/**
 * CoAP as the PCP gateway speaks it: the datagrams, against the library and against rubbish, and the port, against
 * datagrams that come twice, late or never.
 */
import { EventEmitter } from 'node:events';
import { Agent, createServer } from 'coap';
import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import {
  answerOptions,
  COAP,
  codeText,
  decodeCoap,
  encodeCoap,
  requestOptions,
} from '../../gateways/pcp/coap-codec.ts';
import { encodePcp } from '../../gateways/pcp/codec.ts';
import type { PcpLimits, PcpTimes } from '../../gateways/pcp/context.ts';
import { fileOf, IMEI, TestPcp } from '../support/pcp-gateway.ts';
import { waitFor } from '../support/wait.ts';

const running: TestPcp[] = [];

async function start(over: { times?: Partial<PcpTimes>; limits?: Partial<PcpLimits> } = {}): Promise<TestPcp> {
  const pcp = await TestPcp.start(over);
  running.push(pcp);
  return pcp;
}

afterEach(async () => {
  await Promise.all(running.splice(0).map((pcp) => pcp.close()));
});

/** A socket of which the library's datagrams are seen, and given. */
class Wire extends EventEmitter {
  readonly type = 'udp4';
  readonly sent: Buffer[] = [];
  send(bytes: Buffer): void {
    this.sent.push(Buffer.from(bytes));
  }
  address() {
    return { address: '127.0.0.1', port: 1, family: 'IPv4' };
  }
}

describe('a datagram', () => {
  test('of the library is read: token, path, query, payload', () => {
    const wire = new Wire();
    const agent = new Agent({ socket: wire as never });
    const request = agent.request({
      hostname: '127.0.0.1',
      port: 1,
      method: 'POST',
      pathname: '/t/d',
      query: `ep=${IMEI}&lt=300`,
      options: { 'Content-Format': 'application/octet-stream' },
    });
    request.end(Buffer.from('payload'));
    const decoded = decodeCoap(wire.sent[0]!);
    agent.abort(request);
    expect(decoded).toMatchObject({
      ok: true,
      message: {
        type: 'con',
        code: COAP.post,
        path: ['t', 'd'],
        query: [`ep=${IMEI}`, 'lt=300'],
        unknownOption: null,
        payload: Buffer.from('payload'),
      },
    });
  });

  test('of ours is read by the library: a request', async () => {
    const wire = new Wire();
    const heard = new Promise<{ url: string; method: string; payload: Buffer }>((resolve) => {
      const server = createServer((request, response) => {
        resolve({ url: request.url, method: request.method, payload: request.payload });
        response.end();
        server.close();
      });
      server.listen(wire);
    });
    const bytes = encodeCoap({
      type: 'con',
      code: COAP.post,
      messageId: 77,
      token: Buffer.from('abcd'),
      options: requestOptions(['t', 'd']),
      payload: Buffer.from('hello'),
    });
    wire.emit('message', bytes, { address: '127.0.0.1', port: 9 });
    expect(await heard).toEqual({ url: '/t/d', method: 'POST', payload: Buffer.from('hello') });
  });

  test.each([
    ['nothing', '', 'too_short'],
    ['three bytes', '400200', 'too_short'],
    ['another version', '80020001', 'version'],
    ['a token that is cut', '4402000161', 'token'],
    ['a token that is too long', '49020001010203040506070809', 'token'],
    ['an empty message with something behind it', '4000000101', 'empty'],
    ['an option that is cut', '40020001b2ab', 'option'],
    ['a reserved length', '40020001bf', 'option'],
    ['a reserved delta', '40020001f1aa', 'option'],
    ['a mark without a payload', '40020001ff', 'payload'],
  ])('with %s has a named error', (_, hex, error) => {
    expect(decodeCoap(Buffer.from(hex, 'hex'))).toEqual({ ok: false, error });
  });

  test('is read as it was built, whatever is in it', () => {
    const word = fc.string({ minLength: 1, maxLength: 400 }).filter((text) => Buffer.from(text).toString() === text);
    fc.assert(
      fc.property(
        fc.array(word, { maxLength: 4 }),
        fc.integer({ min: 0, max: 0xffff }),
        fc.uint8Array({ maxLength: 8 }),
        fc.uint8Array({ maxLength: 700 }),
        (path, messageId, token, payload) => {
          const bytes = encodeCoap({
            type: 'non',
            code: COAP.post,
            messageId,
            token: Buffer.from(token),
            options: requestOptions(path),
            payload: Buffer.from(payload),
          });
          expect(decodeCoap(bytes)).toEqual({
            ok: true,
            message: {
              type: 'non',
              code: COAP.post,
              messageId,
              token: Buffer.from(token),
              path,
              query: [],
              unknownOption: null,
              payload: Buffer.from(payload),
            },
          });
        },
      ),
    );
  });

  test('of random bytes never throws, and nothing is read beyond its end', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const whole = Buffer.concat([Buffer.from(bytes), Buffer.alloc(64, 0x41)]);
        const decoded = decodeCoap(whole.subarray(0, bytes.length));
        expect(decoded).toEqual(decodeCoap(Buffer.from(bytes)));
      }),
      { numRuns: 3_000 },
    );
  });

  test('codes are written as people write them, locations as paths', () => {
    expect([codeText(COAP.created), codeText(COAP.notFound)]).toEqual(['2.01', '4.04']);
    expect(answerOptions(['rd', '1'], true).map(([number]) => number)).toEqual([8, 8, 12]);
  });
});

describe('the port', () => {
  const report = encodePcp({ type: 'upgradeReport', resultCode: 0, currentVersion: 'V1.0' });

  test('answers a request that comes twice with the same bytes, and handles it once', async () => {
    const pcp = await start();
    const device = await pcp.device();
    const datagram = device.datagram('t/d', report);
    device.send(datagram);
    await waitFor(() => device.answers.length === 1);
    device.send(datagram);
    await waitFor(() => device.answers.length === 2);
    expect(device.answers[1]).toEqual(device.answers[0]);
    expect(pcp.host.versions()).toEqual(['V1.0']);
    expect(pcp.gateway.counters.duplicates).toBe(1);
  });

  test('does not handle a request again that is still being handled', async () => {
    const pcp = await start();
    const device = await pcp.device();
    await device.post('t/d', Buffer.from('known'));
    const go = pcp.host.hold('reported');
    const datagram = device.datagram('t/d', report);
    for (let time = 0; time < 3; time += 1) device.send(datagram);
    await waitFor(() => pcp.gateway.counters.duplicates === 2);
    go();
    await device.answerTo(datagram);
    expect(pcp.host.versions()).toEqual(['V1.0']);
  });

  test('hears a device that counts from the beginning again after a restart', async () => {
    const pcp = await start();
    const device = await pcp.device();
    const first = { messageId: 1, token: Buffer.from('a') };
    await device.post('t/d', report, first);
    const other = encodePcp({ type: 'upgradeReport', resultCode: 0, currentVersion: 'V1.1' });
    await device.post('t/d', other, { messageId: 1, token: Buffer.from('b') });
    expect(pcp.host.versions()).toEqual(['V1.0', 'V1.1']);
  });

  test('forgets what it answered after a while', async () => {
    const pcp = await start({ times: { duplicateMs: 10 } });
    const device = await pcp.device();
    const datagram = device.datagram('t/d', report);
    device.send(datagram);
    await waitFor(
      () => {
        device.send(datagram);
        return pcp.host.versions().length >= 2;
      },
      { deadlineMs: 30_000 },
    );
  });

  test('tells a device that waits that its request has come, and answers later on its own', async () => {
    const pcp = await start({ times: { acknowledgeMs: 20, retransmitMs: 100 } });
    const device = await pcp.device();
    await device.post('t/d', Buffer.from('known'));
    const go = pcp.host.hold('reported');
    const datagram = device.datagram('t/d', report);
    device.send(datagram);
    await waitFor(() => device.answers.some(({ code }) => code === COAP.empty));
    device.send(datagram); // it has not heard that
    await waitFor(() => device.answers.filter(({ code }) => code === COAP.empty).length === 2);
    go();
    const answer = await device.answerTo(datagram);
    expect(answer).toMatchObject({ type: 'con', code: COAP.changed });
    expect(pcp.host.versions()).toEqual(['V1.0']);
  });

  test('answers a message that wants no acknowledgement with one of its kind', async () => {
    const pcp = await start();
    const device = await pcp.device();
    expect(await device.post('t/d', report, { type: 'non' })).toMatchObject({ type: 'non', code: COAP.changed });
  });

  test('sends again what a device does not acknowledge, a few times', async () => {
    const pcp = await start({ times: { retransmitMs: 20, answerMs: 60_000 } });
    const device = await pcp.device();
    device.acknowledges = false;
    await device.register();
    await waitFor(() => device.count('versionQuery') === 4, { deadlineMs: 30_000 });
    expect(new Set(device.heard.map(({ coap }) => coap.messageId)).size).toBe(1);
    expect(pcp.gateway.counters).toMatchObject({ queriesSent: 1, retransmissions: 3 });
  });

  test('stops when the device does not want it', async () => {
    const pcp = await start({ times: { retransmitMs: 300, answerMs: 60_000 } });
    const device = await pcp.device();
    device.acknowledges = false;
    await device.register();
    const { coap } = await device.next('versionQuery');
    device.send(encodeCoap({ type: 'rst', code: COAP.empty, messageId: coap.messageId }));
    const other = await pcp.device('863703030000009');
    other.acknowledges = false;
    await other.register();
    // The other one, asked later, is asked again; this one would have been before.
    await waitFor(() => other.count('versionQuery') === 3, { deadlineMs: 30_000 });
    expect(device.count('versionQuery')).toBe(1);
  });

  test('takes an answer only with the token of its request', async () => {
    const pcp = await start();
    const device = await pcp.device();
    await device.register();
    const { coap } = await device.next('versionQuery');
    const forger = await pcp.stranger();
    const payload = encodePcp({ type: 'versionAnswer', resultCode: 0, currentVersion: 'FORGED' });
    const wrongToken = Buffer.from(coap.token).fill(0);
    forger.send(encodeCoap({ type: 'con', code: COAP.changed, messageId: 5, token: wrongToken, payload }));
    await waitFor(() => forger.answers.some(({ type }) => type === 'rst'));
    expect(pcp.host.versions()).toEqual([]);
    expect(pcp.gateway.counters.ignored).toBeGreaterThan(0);
  });

  test('says that it is there when asked with an empty message', async () => {
    const pcp = await start();
    const device = await pcp.stranger();
    device.send(encodeCoap({ type: 'con', code: COAP.empty, messageId: 4711 }));
    await waitFor(() => device.answers.find(({ type, messageId }) => type === 'rst' && messageId === 4711));
  });

  test('refuses options that must be understood and are not', async () => {
    const pcp = await start();
    const device = await pcp.device();
    const block = encodeCoap({
      type: 'con',
      code: COAP.post,
      messageId: 3,
      token: Buffer.from('x'),
      options: [
        [11, Buffer.from('rd')],
        [27, Buffer.of(0x0e)],
      ],
    });
    device.send(block);
    expect((await device.answerTo(block)).code).toBe(COAP.badOption);
  });

  test('drops what is too long, and what is too much', async () => {
    const pcp = await start({ limits: { requestsPerAddressAndSecond: 3, datagramBytes: 200 } });
    const device = await pcp.device();
    device.send(device.datagram('t/d', Buffer.alloc(300)));
    await waitFor(() => pcp.gateway.counters.badDatagrams === 1);
    for (let time = 0; time < 40; time += 1) device.send(device.datagram('t/d', Buffer.from(`message ${time}`)));
    await waitFor(() => pcp.host.businessMessages.length + pcp.gateway.counters.overAddressLimit === 40);
    expect(pcp.gateway.counters.overAddressLimit).toBeGreaterThan(20);
  });

  test('drops what a device says on top of what waits for the database, and the device asks again', async () => {
    const pcp = await start({ limits: { waitingPerDevice: 2 } });
    const device = await pcp.device();
    await device.post('t/d', Buffer.from('known'));
    const go = pcp.host.hold('reported');
    const datagrams = Array.from({ length: 5 }, () => device.datagram('t/d', report));
    for (const datagram of datagrams) device.send(datagram);
    await waitFor(() => pcp.gateway.counters.overloaded === 3);
    go();
    await device.answerTo(datagrams[1]!);
    device.send(datagrams[4]!);
    await device.answerTo(datagrams[4]!);
    expect(pcp.host.versions()).toHaveLength(3);
  });

  test('what was said is recorded when the database comes back, and only then acknowledged', async () => {
    const pcp = await start({ times: { retryMs: 20 } });
    const device = await pcp.device();
    await device.post('t/d', Buffer.from('known'));
    pcp.host.broken.add('reported');
    const datagram = device.datagram('t/d', report);
    device.send(datagram);
    await waitFor(() => pcp.gateway.counters.failedMessages > 1);
    expect(device.answers.filter(({ code }) => code !== COAP.empty)).toHaveLength(1);
    pcp.host.broken.delete('reported');
    expect((await device.answerTo(datagram)).code).toBe(COAP.changed);
    expect(pcp.host.versions()).toEqual(['V1.0']);
  });

  test('a device is told to come again when the database stays away', async () => {
    const pcp = await start({ times: { retryMs: 1 } });
    const device = await pcp.device();
    pcp.host.broken.add('identify');
    expect((await device.register()).code).toBe(COAP.unavailable);
  });
});

describe('rubbish', () => {
  test('of every kind is counted, answers nothing wrong and disturbs nobody', async () => {
    const pcp = await start();
    const device = await pcp.device();
    await device.arrive('V1.0');
    pcp.host.offer(`pcp-${IMEI}`, fileOf(20_000), { targetVersion: 'V1.1', packetSize: 500, pinfo: null });
    await device.next('newVersion');
    const attacker = await pcp.stranger('863703030000777');
    const good = device.datagram(
      't/d',
      encodePcp({ type: 'fragmentRequest', targetVersion: 'V1.1', fragmentIndex: 1 }),
    );
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 120 }),
      // Good ones with one byte changed, or cut.
      fc.tuple(fc.nat(good.length - 1), fc.nat(255)).map(([at, byte]) => {
        const mutated = Buffer.from(good);
        mutated[at] = byte;
        return mutated;
      }),
      fc.nat(good.length).map((length) => good.subarray(0, length)),
    );
    const samples = fc.sample(bytes, 2_000);
    let sent = 0;
    const before = pcp.gateway.counters.datagrams;
    for (const sample of samples) {
      attacker.send(Buffer.from(sample));
      sent += 1;
      // Not faster than they are read: the system would drop them.
      if (sent % 50 === 0) await waitFor(() => pcp.gateway.counters.datagrams >= before + sent, { deadlineMs: 30_000 });
    }
    await waitFor(() => pcp.gateway.load.working === 0);
    const { counters } = pcp.gateway;
    expect(counters.badDatagrams).toBeGreaterThan(100);
    expect(pcp.log.of('error')).toEqual([]);
    // The device itself goes on as if nothing had been.
    for (const fragmentIndex of [0, 39]) {
      const answer = await device.say({ type: 'fragmentRequest', targetVersion: 'V1.1', fragmentIndex });
      expect(answer).toMatchObject({ resultCode: 0, fragmentIndex });
    }
    expect(pcp.host.failures).toEqual([]);
  });
});

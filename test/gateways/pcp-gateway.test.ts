/**
 * The PCP gateway on a real UDP port: registration, recognition, and the dialogue of an upgrade message by message.
 */
import { afterEach, describe, expect, test } from 'vitest';
import { COAP, encodeCoap } from '../../gateways/pcp/coap-codec.ts';
import { checkCodeOf, encodePcp } from '../../gateways/pcp/codec.ts';
import type { PcpLimits, PcpTimes } from '../../gateways/pcp/context.ts';
import type { FakeHost, StoredOffer } from '../support/fake-host.ts';
import { fileOf, IMEI, TestPcp, type RawDevice } from '../support/pcp-gateway.ts';
import { waitFor } from '../support/wait.ts';

const running: TestPcp[] = [];
const ID = `pcp-${IMEI}`;
const OLD = 'V1.0';
const NEW = 'V1.1';
const FILE = fileOf(80);
const OFFER = { targetVersion: NEW, packetSize: 32, pinfo: null };

async function start(
  over: { host?: FakeHost; times?: Partial<PcpTimes>; limits?: Partial<PcpLimits> } = {},
): Promise<TestPcp> {
  const pcp = await TestPcp.start(over);
  running.push(pcp);
  return pcp;
}

afterEach(async () => {
  await Promise.all(running.splice(0).map((pcp) => pcp.close()));
});

/** A device that has told its version and was told of a file. */
async function offered(over: Parameters<typeof start>[0] = {}) {
  const pcp = await start(over);
  const device = await pcp.device();
  await device.arrive(OLD);
  const offer = pcp.host.offer(ID, FILE, OFFER);
  await device.next('newVersion');
  return { pcp, device, offer };
}

/** Asks for every slice of the file. */
async function download(device: RawDevice, offer: StoredOffer): Promise<Buffer> {
  const slices: Buffer[] = [];
  for (let index = 0; index * offer.packetSize < offer.sizeBytes; index += 1) {
    const answer = await device.say({
      type: 'fragmentRequest',
      targetVersion: offer.targetVersion,
      fragmentIndex: index,
    });
    if (answer?.type !== 'fragmentAnswer' || answer.fragment === null) throw new Error(`no slice ${index}`);
    slices.push(answer.fragment);
  }
  return Buffer.concat(slices);
}

/** A device that has the whole file and was told to install it. */
async function executing(over: Parameters<typeof start>[0] = {}) {
  const all = await offered(over);
  await download(all.device, all.offer);
  expect(await all.device.say({ type: 'downloadReport', resultCode: 0 })).toEqual({
    type: 'downloadReportAnswer',
    resultCode: 0,
  });
  await all.device.next('executeUpgrade');
  return all;
}

describe('who calls', () => {
  test('a device that registers is answered with its place, and asked for its version each time', async () => {
    const pcp = await start();
    const device = await pcp.device();
    for (const version of [OLD, NEW]) {
      expect((await device.register()).code).toBe(COAP.created);
      await device.next('versionQuery');
      expect(await device.say({ type: 'versionAnswer', resultCode: 0, currentVersion: version })).toBeNull();
    }
    expect(pcp.host.versions()).toEqual([OLD, NEW]);
    expect(pcp.host.reports[0]).toMatchObject({ deviceId: ID, source: 'pcp', raw: expect.stringMatching(/^FFFE0113/) });
    expect(pcp.host.sightings).toContainEqual({ deviceId: ID, address: '127.0.0.1', details: {} });
    expect(pcp.host.connections).toEqual([]);
  });

  test('a device that this process does not know is asked for its version when it is heard of, once', async () => {
    const pcp = await start();
    const device = await pcp.device();
    await device.post('t/d', Buffer.from('still here'));
    await device.next('versionQuery');
    await device.say({ type: 'versionAnswer', resultCode: 0, currentVersion: OLD });
    for (let time = 0; time < 3; time += 1) await device.post('t/d', Buffer.from('and here'));
    expect(device.types).toEqual(['versionQuery']);
    expect(pcp.host.versions()).toEqual([OLD]);
  });

  test('a device that does not answer is asked three times, and then not for a while', async () => {
    const pcp = await start({ times: { answerMs: 20 } });
    const device = await pcp.device();
    await device.post('t/d', Buffer.from('here'));
    await waitFor(() => pcp.log.of('info').includes('a device does not answer which version it runs'));
    await device.post('t/d', Buffer.from('here'));
    await device.post('t/d', Buffer.from('here'));
    expect(device.count('versionQuery')).toBe(3);
  });

  test('an update of a registration is a registration', async () => {
    const pcp = await start();
    const device = await pcp.device();
    const { code } = await device.post(`rd/${IMEI}`, undefined, { query: 'lt=300' });
    expect(code).toBe(COAP.created);
    await device.next('versionQuery');
  });

  test('what the platform says comes from the port that devices send to', async () => {
    const { pcp, device } = await offered();
    expect(device.heard.map(({ fromPort }) => fromPort)).toEqual([pcp.port, pcp.port]);
    expect(device.heard.every(({ coap }) => coap.path.join('/') === 't/d')).toBe(true);
  });

  test('what the platform says goes to where the device was heard last', async () => {
    const pcp = await start();
    const before = await pcp.device();
    await before.arrive(OLD);
    const moved = await pcp.device();
    await moved.post('t/d', Buffer.from('here'));
    pcp.host.offer(ID, FILE, OFFER);
    await moved.next('newVersion');
    expect(before.types).toEqual(['versionQuery']);
  });

  test('a stranger is refused, counted and not remembered', async () => {
    const pcp = await start();
    const stranger = await pcp.stranger();
    expect((await stranger.register()).code).toBe(COAP.forbidden);
    expect((await stranger.post('t/d', encodePcp({ type: 'downloadReport', resultCode: 0 }))).code).toBe(
      COAP.forbidden,
    );
    expect(pcp.host.unknown).toEqual([IMEI, IMEI]);
    expect(pcp.gateway.counters.strangers).toBe(2);
    expect(pcp.gateway.load.devices).toBe(0);
  });

  test('too many strangers from one address are not even looked up', async () => {
    const pcp = await start({ limits: { strangersPerMinute: 2 } });
    const stranger = await pcp.stranger();
    for (let time = 0; time < 4; time += 1) expect((await stranger.register()).code).toBe(COAP.forbidden);
    expect(pcp.host.count('identify')).toBe(2);
    expect(pcp.gateway.counters).toMatchObject({ strangers: 2, strangersRefused: 2 });
  });

  test('a device that is registered no more is a stranger after a while', async () => {
    const pcp = await start({ times: { identifiedMs: 0 } });
    const device = await pcp.device();
    await device.register();
    pcp.host.unregister('pcp', IMEI);
    expect((await device.register()).code).toBe(COAP.forbidden);
    expect(pcp.gateway.load.devices).toBe(0);
  });

  test('other paths and methods, and requests without an IMEI, are refused by their names', async () => {
    const pcp = await start();
    const device = await pcp.device();
    expect((await device.post('t/x')).code).toBe(COAP.notFound);
    expect((await device.post('t/d', undefined, { query: 'ep=8637' })).code).toBe(COAP.badRequest);
    expect((await device.post('rd', undefined, { query: 'lt=60' })).code).toBe(COAP.badRequest);
    const get = encodeCoap({
      type: 'con',
      code: 1,
      messageId: 7,
      token: Buffer.from('g'),
      options: [[11, Buffer.from('rd')]],
    });
    device.send(get);
    expect((await device.answerTo(get)).code).toBe(COAP.notAllowed);
    expect(pcp.gateway.counters.badRequests).toBe(4);
    expect(pcp.host.calls).toEqual([]);
  });

  test('only so many devices are remembered, the one that was silent for longest is forgotten', async () => {
    const pcp = await start({ limits: { devices: 2 } });
    const imeis = ['863703030000011', '863703030000012', '863703030000013'];
    for (const imei of imeis) await (await pcp.device(imei)).register();
    expect(pcp.gateway.load.devices).toBe(2);
  });

  test('a device that is silent for long is forgotten', async () => {
    const pcp = await start({ times: { forgetMs: 100 } });
    await (await pcp.device()).register();
    await waitFor(() => pcp.gateway.load.devices === 0);
  });
});

describe('PCP or not', () => {
  const good = encodePcp({ type: 'versionAnswer', resultCode: 0, currentVersion: OLD });
  const changed = (at: number, byte: number) => {
    const bytes = Buffer.from(good);
    bytes[at] = byte;
    return bytes;
  };
  const twice = Buffer.concat([good, good]);
  test.each([
    ['no start mark', Buffer.from('{"temperature":21}'), 'magic'],
    ['a start mark and little more', Buffer.from('fffe0113', 'hex'), 'too_short'],
    ['another version', changed(2, 2), 'version'],
    ['a reserved code', changed(3, 0x19), 'code'],
    ['a wrong check code', changed(4, 0), 'crc'],
    ['two frames in one payload', twice, 'crc'],
  ])('%s: a business message, with the reason', async (_, payload, reason) => {
    const pcp = await start();
    const device = await pcp.device();
    const answer = await device.post('t/d', payload);
    expect([answer.code, answer.payload.length]).toEqual([COAP.changed, 0]);
    expect(pcp.host.businessMessages).toEqual([{ deviceId: ID, payload, reason }]);
    expect(pcp.host.reports).toEqual([]);
  });

  test('a business message in the middle of an upgrade changes nothing of it', async () => {
    const { pcp, device, offer } = await offered();
    await device.say({ type: 'fragmentRequest', targetVersion: NEW, fragmentIndex: 0 });
    await device.post('t/d', Buffer.from('hello'));
    expect(await download(device, offer)).toEqual(FILE);
    expect(pcp.host.failures).toEqual([]);
    expect(pcp.host.businessMessages).toHaveLength(1);
  });

  test('PCP with a data area that does not fit is counted, acknowledged and changes nothing', async () => {
    const { pcp, device } = await offered();
    // 16 with two bytes of data and a right check code: the answer to a 15 has that form only for the platform.
    const bad = encodePcp({ type: 'fragmentAnswer', resultCode: 0x80, fragmentIndex: 0, fragment: null });
    const answer = await device.post('t/d', bad);
    expect([answer.code, answer.payload.length]).toEqual([COAP.changed, 0]);
    expect(pcp.host.badFrames).toEqual([
      { deviceId: ID, kind: 'bad_data_layout', excerpt: bad.toString('hex').toUpperCase() },
    ]);
    expect(pcp.host.failures).toEqual([]);
  });

  test('a version that is none is a bad frame, not a report', async () => {
    const pcp = await start();
    const device = await pcp.device();
    await device.register();
    const frame = Buffer.concat([Buffer.from('FFFE011300000011', 'hex'), Buffer.alloc(17)]);
    frame.writeUInt16BE(checkCodeOf(frame), 4);
    await device.post('t/d', frame);
    expect(pcp.host.badFrames.map(({ kind }) => kind)).toEqual(['bad_version']);
    expect(pcp.host.reports).toEqual([]);
  });
});

describe('an upgrade', () => {
  test('goes from the offer to the proof', async () => {
    const { pcp, device, offer } = await offered();
    expect(device.heard.at(-1)?.message).toMatchObject({ targetVersion: NEW, fragmentSize: 32, fragmentTotal: 3 });
    expect(await device.say({ type: 'newVersionAnswer', resultCode: 0 })).toBeNull();
    expect(await download(device, offer)).toEqual(FILE);
    expect(pcp.host.steps.map(({ bytes, finished }) => [bytes, finished])).toEqual([
      [0, false],
      [32, false],
      [64, false],
    ]);
    await device.say({ type: 'downloadReport', resultCode: 0 });
    await device.next('executeUpgrade');
    expect(offer.finishedAtMs).not.toBeNull();
    await device.say({ type: 'executeAnswer', resultCode: 0 });
    await device.arrive(NEW);
    expect(await device.say({ type: 'upgradeReport', resultCode: 0, currentVersion: NEW })).toEqual({
      type: 'upgradeReportAnswer',
      resultCode: 0,
    });
    expect(pcp.host.versions()).toEqual([OLD, NEW, NEW]);
    expect(pcp.host.failures).toEqual([]);
    expect(device.types).toEqual(['versionQuery', 'newVersion', 'executeUpgrade', 'versionQuery']);
  });

  test('an answer in CoAP is as good as a message of its own', async () => {
    const pcp = await start();
    const device = await pcp.device();
    device.acknowledges = false;
    await device.register();
    const { coap } = await device.next('versionQuery');
    const payload = encodePcp({ type: 'versionAnswer', resultCode: 0, currentVersion: OLD });
    const { messageId, token } = coap;
    device.send(encodeCoap({ type: 'ack', code: COAP.changed, messageId, token, payload }));
    await waitFor(() => pcp.host.versions().length === 1);
    pcp.host.offer(ID, FILE, OFFER);
    const offer = await device.next('newVersion');
    // The first request for a slice in place of the answer to 14; separately, and to be acknowledged.
    const request = encodePcp({ type: 'fragmentRequest', targetVersion: NEW, fragmentIndex: 1 });
    device.send(
      encodeCoap({ type: 'con', code: COAP.changed, messageId: 9, token: offer.coap.token, payload: request }),
    );
    const { message } = await device.next('fragmentAnswer');
    expect(message.fragment).toEqual(FILE.subarray(32, 64));
    expect(device.answers.some(({ type, messageId }) => type === 'ack' && messageId === 9)).toBe(true);
  });

  test('a request for a slice is a yes: no further 14', async () => {
    const { pcp, device } = await offered({ times: { answerMs: 30 } });
    await device.say({ type: 'fragmentRequest', targetVersion: NEW, fragmentIndex: 0 });
    const { claims, sends } = { claims: pcp.host.count('claimSend'), sends: device.count('newVersion') };
    const saidAtMs = performance.now();
    await waitFor(() => performance.now() - saidAtMs > 60); // it would be due again
    pcp.host.offers[0]!.firstRequestAtMs = null; // the row is a second behind
    const looks = pcp.host.count('openOffer');
    pcp.host.announce(ID);
    await waitFor(() => pcp.host.count('openOffer') > looks);
    await device.post('t/d', Buffer.from('still here'));
    await device.say({ type: 'newVersionAnswer', resultCode: 0 }); // in its turn, behind what was due
    expect(pcp.host.count('claimSend')).toBe(claims);
    expect(device.count('newVersion')).toBe(sends);
  });

  test('an offer without a reaction is sent three times, and not again', async () => {
    const { pcp, device, offer } = await offered();
    await device.next('newVersion');
    await device.next('newVersion');
    // The fourth is asked for and refused; only then it is certain that none follows.
    await waitFor(() => pcp.host.count('claimSend') === 4);
    expect(offer.sends).toBe(3);
    expect(device.count('newVersion')).toBe(3);
  });

  test('a device that allowed it without asking for anything is not told again', async () => {
    const { pcp, device } = await offered({ times: { answerMs: 50 } });
    await device.say({ type: 'newVersionAnswer', resultCode: 0 });
    const claims = pcp.host.count('claimSend');
    for (let time = 0; time < 5; time += 1) await device.post('t/d', Buffer.from('waiting'));
    expect(pcp.host.count('claimSend')).toBe(claims);
  });

  test('nothing is sent to a device that cannot be reached any more, until it is heard of', async () => {
    const pcp = await start({ times: { reachableMs: 200 } });
    const device = await pcp.device();
    await device.arrive(OLD);
    await waitFor(() => pcp.host.count('openOffer') > 0);
    await new Promise((resolve) => setTimeout(resolve, 250)); // out of reach: nothing tells when
    pcp.host.offer(ID, FILE, OFFER);
    await (await pcp.device('863703030000099')).register();
    expect(pcp.host.count('claimSend')).toBe(0);
    await device.post('t/d', Buffer.from('awake'));
    await device.next('newVersion');
  });

  test('slices come in any order and as often as asked for; what there is not is refused by its name', async () => {
    const { pcp, device } = await offered();
    const ask = (fragmentIndex: number, targetVersion = NEW) =>
      device.say({ type: 'fragmentRequest', targetVersion, fragmentIndex });
    for (const index of [2, 0, 2, 1]) {
      expect(await ask(index)).toMatchObject({ resultCode: 0, fragment: FILE.subarray(index * 32, index * 32 + 32) });
    }
    expect(await ask(3)).toMatchObject({ resultCode: 0x81, fragmentIndex: 3, fragment: null });
    expect(await ask(0, 'V9')).toMatchObject({ resultCode: 0x80, fragment: null });
    expect(await ask(0, 'v1.1')).toMatchObject({ resultCode: 0x80 });
    expect(pcp.gateway.counters).toMatchObject({ slices: 4, slicesRefused: 3 });
  });

  test('without a task there are no slices, and 16 and 18 are told so; the version in 18 counts all the same', async () => {
    const pcp = await start();
    const device = await pcp.device();
    await device.arrive(OLD);
    expect(await device.say({ type: 'fragmentRequest', targetVersion: NEW, fragmentIndex: 0 })).toMatchObject({
      resultCode: 0x80,
    });
    expect(await device.say({ type: 'downloadReport', resultCode: 0 })).toMatchObject({ resultCode: 0x80 });
    expect(await device.say({ type: 'upgradeReport', resultCode: 0, currentVersion: 'V0.9' })).toMatchObject({
      resultCode: 0x80,
    });
    expect(pcp.host.versions()).toEqual([OLD, 'V0.9']);
    expect(device.count('executeUpgrade')).toBe(0);
  });

  test('an offer that was never sent has no slices: the device was not told of it', async () => {
    const pcp = await start();
    const device = await pcp.device();
    pcp.host.offer(ID, FILE, { ...OFFER, attempt: 2 });
    pcp.host.broken.add('claimSend');
    await device.arrive(OLD);
    expect(await device.say({ type: 'fragmentRequest', targetVersion: NEW, fragmentIndex: 0 })).toMatchObject({
      resultCode: 0x80,
    });
  });

  test('an interrupted download goes on in another process, at any slice', async () => {
    const { pcp, device } = await offered();
    await device.say({ type: 'fragmentRequest', targetVersion: NEW, fragmentIndex: 0 });
    const next = await start({ host: pcp.host });
    const moved = await next.device();
    expect(await moved.say({ type: 'fragmentRequest', targetVersion: NEW, fragmentIndex: 1 })).toMatchObject({
      resultCode: 0,
      fragment: FILE.subarray(32, 64),
    });
    expect(moved.types).toEqual([]);
  });

  test('a device that has everything already says so at once, and is told to install', async () => {
    const { device } = await offered();
    await device.say({ type: 'downloadReport', resultCode: 0 });
    await device.next('executeUpgrade');
  });

  test('damaged bytes: no 14 leaves, and the offer has failed for that', async () => {
    const pcp = await start();
    const device = await pcp.device();
    await device.arrive(OLD);
    const offer = pcp.host.offer(ID, FILE, OFFER);
    pcp.host.damaged.add(offer.sha256);
    await waitFor(() => pcp.host.failures.length === 1);
    expect(pcp.host.failures[0]?.failure).toEqual({ protocol: 'pcp', errcode: null, kind: 'file_damaged' });
    expect(device.count('newVersion')).toBe(0);
  });

  test('an offer whose version PCP cannot carry has failed, nothing leaves', async () => {
    const pcp = await start();
    const device = await pcp.device();
    await device.arrive(OLD);
    pcp.host.offer(ID, FILE, { ...OFFER, targetVersion: 'a version of many characters' });
    await waitFor(() => pcp.host.failures.length === 1);
    expect(pcp.host.failures[0]?.failure.kind).toBe('not_sendable');
    expect(device.count('newVersion')).toBe(0);
  });
});

describe('a command', () => {
  const QUERY = { kind: 'query_version' } as const;

  test('that asks for the version leaves at once to a device that listens, once, and its answer counts', async () => {
    const pcp = await start({ times: { retransmitMs: 20 } });
    const device = await pcp.device();
    await device.arrive(OLD);
    device.acknowledges = false;
    pcp.host.commands.order(ID, QUERY);
    await device.next('versionQuery');
    expect(await device.say({ type: 'versionAnswer', resultCode: 0, currentVersion: NEW })).toBeNull();
    expect(pcp.host.commands.answers.at(-1)).toEqual({
      deviceId: ID,
      answer: { said: 'version', result: 0, version: NEW },
    });
    expect(pcp.host.versions()).toEqual([OLD, NEW]);
    expect(pcp.host.commands.claims).toHaveLength(1);
    expect(device.count('versionQuery')).toBe(2);
  });

  test('waits for a device that is away, and leaves at its next contact', async () => {
    const pcp = await start({ times: { reachableMs: 60 } });
    const device = await pcp.device();
    await device.arrive(OLD);
    const heardAtMs = performance.now();
    await waitFor(() => performance.now() - heardAtMs > 100);
    pcp.host.commands.order(ID, QUERY);
    expect(pcp.host.commands.claims).toEqual([]);
    await device.post('t/d', Buffer.from('awake'));
    await device.next('versionQuery');
  });

  test('of other devices is called what it is', async () => {
    const pcp = await start();
    const device = await pcp.device();
    await device.arrive(OLD);
    pcp.host.commands.order(ID, { kind: 'read_sleep' });
    await waitFor(() => pcp.host.commands.unsendables.length === 1);
    expect(pcp.host.commands.unsendables[0]).toContain('read_sleep');
  });
});

describe('a device refuses', () => {
  test.each([
    [1, 'in_use'],
    [2, 'bad_signal'],
    [4, 'low_battery'],
    [5, 'no_space'],
    [9, 'no_memory'],
    [0x7f, 'internal_error'],
    [0x33, 'unknown'],
  ])('14 answered with %i', async (resultCode, kind) => {
    const { pcp, device } = await offered();
    await device.say({ type: 'newVersionAnswer', resultCode });
    expect(pcp.host.failures).toEqual([{ offerId: 1, failure: { protocol: 'pcp', errcode: resultCode, kind } }]);
  });

  test('"I am up to date" is compared with the version it reports then: the target is the proof', async () => {
    const { pcp, device } = await offered();
    await device.say({ type: 'newVersionAnswer', resultCode: 3 });
    await device.next('versionQuery');
    await device.say({ type: 'versionAnswer', resultCode: 0, currentVersion: NEW });
    expect(pcp.host.versions()).toEqual([OLD, NEW]);
    expect(pcp.host.failures).toEqual([]);
  });

  test('"I am up to date" with another version is a failure', async () => {
    const { pcp, device } = await offered();
    await device.say({ type: 'newVersionAnswer', resultCode: 3 });
    await device.next('versionQuery');
    await device.say({ type: 'versionAnswer', resultCode: 0, currentVersion: OLD });
    expect(pcp.host.failures.map(({ failure }) => failure.kind)).toEqual(['up_to_date']);
  });

  test('a device that runs the target already is asked once more, not told to download it', async () => {
    const pcp = await start();
    const device = await pcp.device();
    await device.arrive(NEW);
    pcp.host.offer(ID, FILE, OFFER);
    await device.next('versionQuery');
    await device.say({ type: 'versionAnswer', resultCode: 0, currentVersion: NEW });
    await device.post('t/d', Buffer.from('here'));
    expect(pcp.host.versions()).toEqual([NEW, NEW]);
    expect(pcp.host.count('claimSend')).toBe(0);
  });

  test('a refusal after a request for a slice means a 14 that came twice, and is ignored', async () => {
    const { pcp, device } = await offered();
    await device.say({ type: 'fragmentRequest', targetVersion: NEW, fragmentIndex: 0 });
    await device.say({ type: 'newVersionAnswer', resultCode: 1 });
    expect(pcp.host.failures).toEqual([]);
    expect(pcp.gateway.counters.ignoredMessages).toBe(1);
  });

  test.each([
    [5, 'no_space'],
    [6, 'download_timeout'],
    [7, 'check_failed'],
    [8, 'unsupported'],
    [9, 'unknown'],
  ])('16 with %i', async (resultCode, kind) => {
    const { pcp, device } = await offered();
    await device.say({ type: 'fragmentRequest', targetVersion: NEW, fragmentIndex: 0 });
    expect(await device.say({ type: 'downloadReport', resultCode })).toMatchObject({ resultCode: 0 });
    expect(pcp.host.failures.map(({ failure }) => failure)).toEqual([{ protocol: 'pcp', errcode: resultCode, kind }]);
    expect(device.count('executeUpgrade')).toBe(0);
  });

  test.each([
    [1, 'in_use'],
    [4, 'low_battery'],
    [0x7f, 'internal_error'],
    [8, 'unknown'],
  ])('17 answered with %i', async (resultCode, kind) => {
    const { pcp, device } = await executing();
    await device.say({ type: 'executeAnswer', resultCode });
    expect(pcp.host.failures.map(({ failure }) => failure)).toEqual([{ protocol: 'pcp', errcode: resultCode, kind }]);
  });

  test('17 with 06 is only written down, in every stage', async () => {
    const { pcp, device, offer } = await offered();
    const fires = () => device.say({ type: 'executeAnswer', resultCode: 6 });
    await fires();
    await download(device, offer);
    await fires();
    await device.say({ type: 'downloadReport', resultCode: 0 });
    await device.next('executeUpgrade');
    await fires();
    expect(pcp.host.failures).toEqual([]);
    expect(pcp.gateway.counters.ignoredMessages).toBe(3);
  });

  test('17 answered with an error by a device that was not told to install is ignored', async () => {
    const { pcp, device } = await offered();
    await device.say({ type: 'executeAnswer', resultCode: 0x7f });
    expect(pcp.host.failures).toEqual([]);
  });
});

describe('the word to install', () => {
  test('is said three times, each time with leave, and then the offer has failed', async () => {
    const { pcp, device } = await executing();
    await device.next('executeUpgrade');
    await device.next('executeUpgrade');
    await waitFor(() => pcp.host.failures.length === 1);
    expect(pcp.host.failures[0]?.failure).toEqual({ protocol: 'pcp', errcode: null, kind: 'no_answer' });
    expect(pcp.host.count('claimFlash')).toBe(3);
    expect(device.count('executeUpgrade')).toBe(3);
  });

  test('is not repeated once it was answered', async () => {
    const { pcp, device } = await executing({ times: { answerMs: 100 } });
    await device.say({ type: 'executeAnswer', resultCode: 0 });
    const said = device.count('executeUpgrade');
    for (let time = 0; time < 4; time += 1) await device.post('t/d', Buffer.from('still installing'));
    expect(device.count('executeUpgrade')).toBe(said);
    expect(pcp.host.failures).toEqual([]);
  });

  test('does not leave without leave; it is asked for again when the device is heard of', async () => {
    const { pcp, device, offer } = await offered();
    pcp.host.mayFlash = false;
    await download(device, offer);
    await device.say({ type: 'downloadReport', resultCode: 0 });
    await waitFor(() => pcp.host.count('claimFlash') === 1);
    await device.post('t/d', Buffer.from('and now?'));
    await waitFor(() => pcp.host.count('claimFlash') === 2);
    expect(device.count('executeUpgrade')).toBe(0);
    pcp.host.mayFlash = true;
    await device.post('t/d', Buffer.from('and now?'));
    await device.next('executeUpgrade');
  });

  test('does not leave a second time by CoAP when the leave is gone', async () => {
    const { pcp, device, offer } = await offered({ times: { retransmitMs: 50, answerMs: 60_000 } });
    await download(device, offer);
    device.acknowledges = false;
    await device.say({ type: 'downloadReport', resultCode: 0 });
    await device.next('executeUpgrade');
    pcp.host.mayFlash = false;
    const asked = pcp.host.count('claimFlash');
    await waitFor(() => pcp.host.count('claimFlash') > asked);
    const said = device.count('executeUpgrade');
    // What is answered later was sent later.
    await device.post('t/d', Buffer.from('here'));
    expect(device.count('executeUpgrade')).toBe(said);
  });

  test('a repeated 16 is answered, and does not begin anew', async () => {
    const { pcp, device } = await executing({ times: { answerMs: 60_000 } });
    expect(await device.say({ type: 'downloadReport', resultCode: 0 })).toMatchObject({ resultCode: 0 });
    await device.post('t/d', Buffer.from('here'));
    await waitFor(() => pcp.host.businessMessages.length === 1);
    expect(device.count('executeUpgrade')).toBe(1);
  });

  test('is said again by another process when the device is there and has not registered since', async () => {
    const { pcp, offer } = await executing();
    await pcp.gateway.close(100);
    offer.lastRequestAtMs = Date.now() - 60_000;
    const next = await start({ host: pcp.host });
    const device = await next.device();
    await device.post('t/d', Buffer.from('waiting'));
    await device.next('executeUpgrade');
  });
});

describe('the result', () => {
  const report = (device: RawDevice, resultCode: number, currentVersion: string) =>
    device.say({ type: 'upgradeReport', resultCode, currentVersion });

  test('"succeeded" with the old version is no success', async () => {
    const { pcp, device } = await executing();
    expect(await report(device, 0, OLD)).toMatchObject({ resultCode: 0 });
    expect(pcp.host.failures.map(({ failure }) => failure)).toEqual([
      { protocol: 'pcp', errcode: 0, kind: 'version_unchanged' },
    ]);
    expect(pcp.host.versions()).toEqual([OLD, OLD]);
  });

  test.each([
    [0x0a, 'install_failed'],
    [1, 'in_use'],
    [4, 'low_battery'],
    [5, 'no_space'],
    [9, 'no_memory'],
    [0x7f, 'internal_error'],
    [3, 'unknown'],
  ])('18 with %i', async (resultCode, kind) => {
    const { pcp, device } = await executing();
    expect(await report(device, resultCode, OLD)).toMatchObject({ resultCode: 0 });
    expect(pcp.host.failures.map(({ failure }) => failure)).toEqual([{ protocol: 'pcp', errcode: resultCode, kind }]);
    expect(pcp.host.versions()).toEqual([OLD, OLD]);
  });

  test('one that tells of a failure proves nothing, though it names the target: the device is asked', async () => {
    const { pcp, device } = await executing();
    expect(await report(device, 0x0a, NEW)).toMatchObject({ resultCode: 0 });
    expect(pcp.host.failures.map(({ failure }) => failure.kind)).toEqual(['install_failed']);
    await device.next('versionQuery');
    expect(pcp.host.versions()).toEqual([OLD]);
    await device.say({ type: 'versionAnswer', resultCode: 0, currentVersion: OLD });
    expect(pcp.host.versions()).toEqual([OLD, OLD]);
  });

  test('one that tells of a failure before the word to install proves nothing either', async () => {
    const { pcp, device } = await offered();
    await report(device, 0x0a, NEW);
    await device.next('versionQuery');
    expect([pcp.host.versions(), pcp.host.failures]).toEqual([[OLD], []]);
  });

  test('a late one of the file before says nothing about the next file', async () => {
    const { pcp, device } = await executing();
    await report(device, 0, NEW);
    pcp.host.offer(ID, fileOf(64, 2), { ...OFFER, targetVersion: 'V1.2' });
    await device.next('newVersion');
    expect(await report(device, 0, NEW)).toMatchObject({ resultCode: 0 });
    expect(pcp.host.failures).toEqual([]);
  });

  test('a device that did not hear the answer gets the same once more, though its offer is over', async () => {
    const { pcp, device } = await executing();
    expect(await report(device, 0, NEW)).toMatchObject({ resultCode: 0 });
    pcp.host.close(ID);
    pcp.host.announce(ID);
    expect(await report(device, 0, NEW)).toMatchObject({ resultCode: 0 });
    expect(await report(device, 0, OLD)).toMatchObject({ resultCode: 0x80 });
  });

  test('a device that only registers again with the new version is heard, and 17 is not repeated', async () => {
    const { pcp, device } = await executing();
    await device.arrive(NEW);
    const said = device.count('executeUpgrade');
    await device.post('t/d', Buffer.from('new life'));
    expect(device.count('executeUpgrade')).toBe(said);
    expect(pcp.host.versions()).toEqual([OLD, NEW]);
    expect(pcp.host.failures).toEqual([]);
  });
});

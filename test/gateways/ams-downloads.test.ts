import { createHash } from 'node:crypto';
import { request } from 'node:http';
import { afterEach, describe, expect, test } from 'vitest';
import type { StoredOffer } from '../support/fake-host.ts';
import { fileOf, TestAms, type AmsGatewayOver, type LazyReader } from '../support/ams-gateway.ts';
import { waitFor } from '../support/wait.ts';

const IMEI = '868120145233604';
const DEVICE = `ams-${IMEI}`;
const FILE = fileOf(100_000);

const cleanUp: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const end of cleanUp.splice(0).toReversed()) await end();
});

async function start(over: AmsGatewayOver = {}): Promise<TestAms> {
  const ams = await TestAms.start(over);
  cleanUp.push(() => ams.close());
  ams.host.register('ams', IMEI);
  return ams;
}

/** A gateway with a file that its tracker was told to fetch. */
async function offered(over: AmsGatewayOver = {}, file = FILE) {
  const ams = await start(over);
  const offer = ams.host.offer(DEVICE, file, { targetVersion: 'V11', pinfo: null, packetSize: 0 });
  const directive = await ams.directive(IMEI);
  return { ams, offer, url: directive!.url };
}

function lazily(reader: LazyReader): LazyReader {
  cleanUp.push(() => reader.stop());
  return reader;
}

const shown = (ams: TestAms, offer: StoredOffer) => {
  const last = ams.host.steps.findLast(({ offerId }) => offerId === offer.id);
  return last === undefined ? null : [last.bytes, last.finished];
};

describe('a directive', () => {
  test('names the file that waits, and counts as a sending', async () => {
    const ams = await start();
    expect(await ams.directive(IMEI)).toBeNull();
    const offer = ams.host.offer(DEVICE, FILE, { targetVersion: 'V11', component: 'T4' });
    expect(await ams.directive(IMEI)).toEqual({
      url: `${ams.url}/ams/files/${offer.id}-${offer.token.replaceAll('-', '')}`,
      size: FILE.length,
      md5: createHash('md5').update(FILE).digest('hex'),
      version: 'V11',
      component: 'T4',
      expires: new Date(offer.expiresAtMs).toISOString(),
    });
    expect(offer.sends).toBe(1);
    expect(ams.gateway.counters).toMatchObject({ directives: 1, directivesRepeated: 0 });
  });

  test('is given as often as the tracker asks, and that is one sending until hours have passed', async () => {
    const { ams, offer, url } = await offered();
    for (let times = 0; times < 5; times += 1) expect((await ams.directive(IMEI))?.url).toBe(url);
    expect(offer.sends).toBe(1);
    expect(ams.gateway.counters).toMatchObject({ directives: 1, directivesRepeated: 5 });
    for (const sends of [2, 3]) {
      offer.lastSentAtMs = Date.now() - 7 * 3_600_000;
      expect((await ams.directive(IMEI))?.url).toBe(url);
      expect(offer.sends).toBe(sends);
    }
    offer.lastSentAtMs = Date.now() - 7 * 3_600_000;
    expect(await ams.directive(IMEI)).toBeNull();
  });

  test('is given again in the middle of a transfer, and not after its last byte', async () => {
    const { ams, offer, url } = await offered();
    await ams.get(url, { range: 'bytes=0-999' });
    expect((await ams.directive(IMEI))?.url).toBe(url);
    await ams.get(url, { range: 'bytes=1000-' });
    expect(shown(ams, offer)).toEqual([FILE.length, true]);
    // The row is written a moment later.
    offer.finishedAtMs = null;
    expect(await ams.directive(IMEI)).toBeNull();
  });

  test('that the program refuses is not given', async () => {
    const { ams, offer } = await offered();
    offer.isClosed = true;
    expect(await ams.directive(IMEI)).toBeNull();
    const expired = ams.host.offer(DEVICE, FILE, { expiresAtMs: Date.now() - 1 });
    expect(await ams.directive(IMEI)).toBeNull();
    expect(expired.sends).toBe(0);
    ams.host.offer(DEVICE, FILE, { sends: 3 });
    expect(await ams.directive(IMEI)).toBeNull();
  });

  test('is not for terminals that have an IMEI', async () => {
    const ams = await start();
    const find = ams.host.findByImei.bind(ams.host);
    ams.host.findByImei = async (imei) => (await find(imei)) && { deviceId: 'terminal-6134441313' };
    const offer = ams.host.offer('terminal-6134441313', FILE);
    expect(await ams.directive(IMEI)).toBeNull();
    expect(offer.sends).toBe(0);
  });

  test('begins with the public address if there is one, else with where the device reached us', async () => {
    const { url } = await offered({ publicUrl: 'https://devices.example.com/slipway/' });
    expect(url).toMatch(/^https:\/\/devices\.example\.com\/slipway\/ams\/files\/1-[0-9a-f]{32}$/);
    const { ams } = await offered();
    const asked = async (host: string) => {
      return new Promise<string>((resolve, reject) => {
        const sent = request(
          { port: ams.port, path: `/ams/${IMEI}/versions`, method: 'POST', headers: { host } },
          (response) => {
            let text = '';
            response.on('data', (chunk) => (text += chunk)).on('end', () => resolve(JSON.parse(text).directive.url));
          },
        );
        sent.once('error', reject);
        sent.end("{t:'1',v:'V10'}");
      });
    };
    expect(await asked('fota.example.com:8443')).toMatch(/^http:\/\/fota\.example\.com:8443\/ams\/files\//);
    expect(await asked('[fd00::1]:80')).toMatch(/^http:\/\/\[fd00::1\]:80\/ams\/files\//);
    for (const odd of ['a b', 'evil.example.com/x?', 'user@evil', "x'"]) {
      expect(await asked(odd)).toMatch(new RegExp(`^http://127\\.0\\.0\\.1:${ams.port}/ams/files/`));
    }
  });

  test('of a damaged file is not given, and the upgrade hears why', async () => {
    const ams = await start();
    const offer = ams.host.offer(DEVICE, FILE);
    ams.host.damaged.add(offer.sha256);
    expect(await ams.directive(IMEI)).toBeNull();
    expect(ams.host.failures).toEqual([
      { offerId: offer.id, failure: { protocol: 'ams', errcode: null, kind: 'file_damaged' } },
    ]);
    expect(offer.sends).toBe(0);
    expect(ams.log.of('error')).toEqual(['the stored bytes of a file are damaged']);
  });
});

describe('an upload that moves an upgrade', () => {
  test('waits for the offer that follows, and hears of it at once', async () => {
    const ams = await start({ times: { offerWaitMs: 5_000 } });
    ams.host.upgrading.add(DEVICE);
    const startedMs = performance.now();
    const waiting = ams.directive(IMEI);
    await waitFor(() => ams.gateway.counters.offerWaits === 1);
    ams.host.announce(DEVICE); // of something else
    ams.host.offer(DEVICE, FILE);
    expect(await waiting).not.toBeNull();
    expect(performance.now() - startedMs).toBeLessThan(2_000);
    expect(ams.gateway.counters.offerWaitsInVain).toBe(0);
  });

  test('does not wait for ever', async () => {
    const ams = await start({ times: { offerWaitMs: 200 } });
    ams.host.upgrading.add(DEVICE);
    const startedMs = performance.now();
    expect(await ams.directive(IMEI)).toBeNull();
    expect(performance.now() - startedMs).toBeGreaterThanOrEqual(190);
    expect(ams.gateway.counters).toMatchObject({ offerWaits: 1, offerWaitsInVain: 1 });
  });

  test('is answered at once when too many wait already', async () => {
    const ams = await start({ times: { offerWaitMs: 30_000 }, limits: { waitingUploads: 1 } });
    ams.host.upgrading.add(DEVICE);
    const waiting = ams.directive(IMEI);
    await waitFor(() => ams.gateway.counters.offerWaits === 1);
    expect(await ams.directive(IMEI)).toBeNull();
    ams.host.offer(DEVICE, FILE);
    expect(await waiting).not.toBeNull();
  });

  test('comes soon after the device gave up: the next attempt is waited for', async () => {
    const { ams } = await offered({ times: { offerWaitMs: 5_000 } });
    await ams.post(IMEI, 'progress', '{"error":"checksum"}');
    const waiting = ams.directive(IMEI);
    await waitFor(() => ams.gateway.counters.offerWaits === 1);
    const next = ams.host.offer(DEVICE, FILE, { attempt: 2 });
    expect((await waiting)?.url).toContain(`/${next.id}-`);
  });
});

describe('the file', () => {
  test('comes whole, with what a client needs to resume', async () => {
    const { ams, offer, url } = await offered();
    const { status, headers, body } = await ams.get(url);
    expect(status).toBe(200);
    expect(body.equals(FILE)).toBe(true);
    expect(Object.fromEntries(headers)).toMatchObject({
      'accept-ranges': 'bytes',
      'content-length': '100000',
      'content-type': 'application/octet-stream',
      etag: `"${offer.sha256}"`,
      'cache-control': 'no-store',
    });
    expect(shown(ams, offer)).toEqual([FILE.length, true]);
    expect(ams.host.sightings.at(-1)?.deviceId).toBe(DEVICE);
  });

  test('HEAD tells its size and moves nothing', async () => {
    const { ams, offer, url } = await offered();
    const { status, headers, body } = await ams.get(url, { range: 'bytes=0-9' }, 'HEAD');
    expect([status, headers.get('content-length'), body.length]).toEqual([200, '100000', 0]);
    expect(headers.get('content-range')).toBeNull();
    expect(shown(ams, offer)).toBeNull();
  });

  test.each([
    ['bytes=0-', 0, 100_000],
    ['bytes=1000-1999', 1_000, 2_000],
    ['bytes=99999-', 99_999, 100_000],
    ['bytes=-500', 99_500, 100_000],
    ['bytes=5-99999999999999999999', 5, 100_000],
  ])('comes in parts: %s', async (range, from, to) => {
    const { ams, url } = await offered();
    const { status, headers, body } = await ams.get(url, { range });
    expect([status, headers.get('content-range')]).toEqual([206, `bytes ${from}-${to - 1}/100000`]);
    expect(headers.get('content-length')).toBe(String(to - from));
    expect(body.equals(FILE.subarray(from, to))).toBe(true);
  });

  test('has no part behind its end, and ignores what is no range', async () => {
    const { ams, url } = await offered();
    for (const range of ['bytes=100000-', 'bytes=-0', `bytes=${'9'.repeat(300)}-`]) {
      const { status, headers, body } = await ams.get(url, { range });
      expect([status, headers.get('content-range')]).toEqual([416, 'bytes */100000']);
      expect(JSON.parse(body.toString())).toMatchObject({ error: 'range_wrong' });
    }
    for (const range of ['bytes=0-1,4-5', 'bytes=9-1', 'bytes=-1-5', 'rows=1-2', 'bytes=a-b']) {
      expect((await ams.get(url, { range })).status).toBe(200);
    }
  });

  test('is given in parts only of the very file the client has begun', async () => {
    const { ams, offer, url } = await offered();
    const range = 'bytes=500-';
    expect((await ams.get(url, { range, 'if-range': `"${offer.sha256}"` })).status).toBe(206);
    for (const other of ['"another"', `W/"${offer.sha256}"`, 'Sat, 01 Jan 2026 00:00:00 GMT']) {
      expect((await ams.get(url, { range, 'if-range': other })).status).toBe(200);
    }
  });

  test('takes GET and HEAD only, and no body', async () => {
    const { url } = await offered();
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH']) {
      const response = await fetch(url, { method });
      expect([response.status, response.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
    }
  });

  test('goes on after a restart of the gateway, at any byte', async () => {
    const { ams, offer, url } = await offered();
    await ams.get(url, { range: 'bytes=0-59999' });
    await ams.close();
    const other = await start({ host: ams.host });
    const again = `${other.url}${new URL(url).pathname}`;
    const { status, body } = await other.get(again, { range: 'bytes=60000-' });
    expect([status, body.equals(FILE.subarray(60_000))]).toEqual([206, true]);
    // Who asks for the rest has the beginning.
    expect(shown(other, offer)).toEqual([FILE.length, true]);
  });

  test('is served from memory while the database is away', async () => {
    const { ams, url } = await offered();
    await ams.get(url, { range: 'bytes=0-9' });
    ams.host.broken.add('openOffer');
    expect((await ams.get(url, { range: 'bytes=10-' })).status).toBe(206);
    const stranger = await ams.get(`${ams.url}/ams/files/9-${'0'.repeat(32)}`);
    expect(stranger.status).toBe(404);
    ams.host.broken.add('offerOwner');
    expect((await ams.get(`${ams.url}/ams/files/8-${'0'.repeat(32)}`)).status).toBe(503);
  });

  test('with damaged bytes is not served, and the upgrade hears why', async () => {
    const { ams, offer, url } = await offered();
    await ams.close();
    const other = await start({ host: ams.host });
    ams.host.damaged.add(offer.sha256);
    expect((await other.get(`${other.url}${new URL(url).pathname}`)).status).toBe(410);
    expect(ams.host.failures.map(({ failure }) => failure.kind)).toEqual(['file_damaged']);
  });
});

describe('progress', () => {
  test('counts every byte once, and the last byte is the end only when nothing is missing', async () => {
    const { ams, offer, url } = await offered();
    for (let times = 0; times < 3; times += 1) await ams.get(url, { range: 'bytes=0-9999' });
    expect(shown(ams, offer)).toEqual([10_000, false]);
    await ams.get(url, { range: 'bytes=-1000' });
    expect(shown(ams, offer)).toEqual([11_000, false]);
    await ams.get(url, { range: 'bytes=10000-98999' });
    expect(shown(ams, offer)).toEqual([100_000, true]);
  });

  test('of several parts at a time is what was given away', async () => {
    const { ams, offer, url } = await offered({}, fileOf(16_000_000));
    const first = lazily(await ams.lazily(url, { range: 'bytes=0-15999998' }));
    await waitFor(() => ams.gateway.downloading === 1);
    await ams.get(url, { range: 'bytes=15999999-' });
    expect(shown(ams, offer)?.[1]).toBe(false);
    first.read();
    await waitFor(() => shown(ams, offer)?.[1]);
    expect(shown(ams, offer)).toEqual([16_000_000, true]);
  });

  test('is also what the tracker says, and only rises', async () => {
    const { ams, offer } = await offered();
    const say = (body: string) => ams.post(IMEI, 'progress', body);
    expect(await say('{"percent":33.5}')).toMatchObject({ status: 200, body: { accepted: true } });
    expect(shown(ams, offer)).toEqual([33_500, false]);
    await say('{"bytes":20000}');
    expect(shown(ams, offer)).toEqual([33_500, false]);
    await say('{"bytes":50000}');
    expect(shown(ams, offer)).toEqual([50_000, false]);
    await say('{"percent":100}');
    expect(shown(ams, offer)).toEqual([100_000, true]);
  });

  test('that makes no sense is refused', async () => {
    const { ams, offer } = await offered();
    const bodies = [
      '',
      'null',
      '7',
      '[]',
      '{}',
      '{"percent":-1}',
      '{"percent":101}',
      '{"percent":"5"}',
      '{"bytes":1.5}',
    ];
    for (const body of [...bodies, '{"bytes":100001}', '{"bytes":1e400}', '{"error":""}', '{"error":5,"percent":1}']) {
      expect(await ams.post(IMEI, 'progress', body), body).toMatchObject({
        status: 422,
        body: { error: 'bad_progress' },
      });
    }
    expect((await ams.post(IMEI, 'progress', `{"error":"${'x'.repeat(2_000)}"}`)).status).toBe(413);
    expect((await ams.post('1', 'progress', '{"percent":1}')).status).toBe(400);
    expect((await ams.post('868120145233605', 'progress', '{"percent":1}')).status).toBe(404);
    expect([shown(ams, offer), ams.host.failures]).toEqual([null, []]);
  });

  test('of something nobody was told of is refused', async () => {
    const ams = await start();
    for (const body of ['{"percent":5}', '{"error":"busy"}']) {
      expect(await ams.post(IMEI, 'progress', body)).toMatchObject({ status: 409, body: { error: 'nothing_offered' } });
      ams.host.offer(DEVICE, FILE);
    }
    expect(ams.host.failures).toEqual([]);
  });

  test('an error ends the attempt, and its address', async () => {
    const { ams, offer, url } = await offered();
    await ams.post(IMEI, 'progress', '{"error":"Low_Battery","percent":20}');
    expect(ams.host.failures).toEqual([
      { offerId: offer.id, failure: { protocol: 'ams', errcode: null, kind: 'low_battery' } },
    ]);
    expect((await ams.get(url)).status).toBe(410);
    ams.host.offer(DEVICE, FILE, { sends: 1 });
    await ams.post(IMEI, 'progress', '{"error":"file_damaged"}');
    expect(ams.host.failures.at(-1)?.failure.kind).toBe('unknown');
  });
});

describe('the end of an offer', () => {
  test('is the end of its address', async () => {
    const { ams, offer, url } = await offered();
    expect((await ams.get(url, { range: 'bytes=0-9' })).status).toBe(206);
    offer.isClosed = true;
    const { status, body } = await ams.get(url, { range: 'bytes=10-' });
    expect([status, JSON.parse(body.toString())]).toMatchObject([410, { error: 'offer_ended' }]);
    ams.host.offer(DEVICE, FILE, { attempt: 2 });
    expect((await ams.get(url)).status).toBe(410);
    expect(ams.gateway.counters.endedFiles).toBe(2);
  });

  test('cuts what is under way', async () => {
    const { ams, offer, url } = await offered({}, fileOf(16_000_000));
    const reader = lazily(await ams.lazily(url));
    await waitFor(() => ams.gateway.downloading === 1);
    ams.host.announce(DEVICE); // it is still the same offer
    expect((await ams.get(url, { range: 'bytes=0-9' })).status).toBe(206);
    expect(reader.isClosed).toBe(false);
    ams.host.close(DEVICE);
    ams.host.announce(DEVICE);
    reader.read();
    await waitFor(() => reader.isClosed);
    expect(reader.bytes).toBeLessThan(16_000_000);
    expect(shown(ams, offer)?.[1]).toBe(false);
    expect(ams.gateway.counters.downloadsEnded).toBe(1);
  });

  test('cuts what is under way also when its announcement was missed', async () => {
    const { ams, url } = await offered({}, fileOf(16_000_000));
    const reader = lazily(await ams.lazily(url));
    await waitFor(() => ams.gateway.downloading === 1);
    ams.host.close(DEVICE);
    ams.gateway.messagesUncertain();
    reader.read();
    await waitFor(() => reader.isClosed);
    expect(reader.bytes).toBeLessThan(16_000_000);
  });

  test('by the clock cuts what is under way', async () => {
    const { ams, offer, url } = await offered({}, fileOf(16_000_000));
    offer.expiresAtMs = Date.now() + 300;
    const reader = lazily(await ams.lazily(url));
    await waitFor(() => ams.gateway.downloading === 1);
    await waitFor(() => ams.gateway.downloading === 0);
    expect(Date.now()).toBeGreaterThanOrEqual(offer.expiresAtMs);
    reader.read();
    await waitFor(() => reader.isClosed);
    expect((await ams.get(url)).status).toBe(410);
  });
});

describe('hostile and unlucky peers', () => {
  test('who guess addresses are refused, and do not keep others from theirs', async () => {
    const { ams, url } = await offered({ limits: { unknownFilesPerMinute: 20 } });
    const guess = async (name: string) => (await ams.get(`${ams.url}/ams/files/${name}`)).status;
    const token = url.split('-').at(-1)!;
    const names = [
      `2-${token}`,
      `1-${'0'.repeat(32)}`,
      `1-${token.slice(1)}`,
      `1-${token.toUpperCase()}x`,
      'x',
      '%00',
      `-1-${token}`,
    ];
    for (const name of names) expect(await guess(name), name).toBe(404);
    const before = ams.host.count('offerOwner');
    const rest = await Promise.all(Array.from({ length: 50 }, (_, n) => guess(`${n + 2}-${'a'.repeat(32)}`)));
    expect(rest.filter((status) => status === 404)).toHaveLength(20 - names.length);
    expect(rest.filter((status) => status === 429)).toHaveLength(50 - (20 - names.length));
    expect(ams.host.count('offerOwner') - before).toBe(20 - names.length);
    // An address that was told by this gateway is no guess, from wherever.
    expect((await ams.get(url, { range: 'bytes=0-9' })).status).toBe(206);
    expect((await ams.directive(IMEI))?.url).toBe(url);
    expect(ams.gateway.counters).toMatchObject({ unknownFiles: 20, unknownFilesRefused: 37 });
  });

  test('who do not read are given up, and keep little memory and nobody waiting', async () => {
    const big = fileOf(16_000_000);
    const { ams, offer, url } = await offered({ times: { stallMs: 300 } }, big);
    const reader = lazily(await ams.lazily(url));
    await waitFor(() => ams.gateway.counters.downloadsStalled === 1);
    expect(ams.gateway.downloading).toBe(0);
    expect(shown(ams, offer)?.[0]).toBeLessThan(16_000_000);
    reader.read();
    await waitFor(() => reader.isClosed);
    // It goes on where it was.
    const { status, body } = await ams.get(url, { range: 'bytes=15999000-' });
    expect([status, body.length]).toEqual([206, 1_000]);
  });

  test('who read slowly are served for as long as something moves', async () => {
    const { ams, url } = await offered({ times: { stallMs: 400 } }, fileOf(3_000_000));
    const reader = lazily(await ams.lazily(url));
    reader.readGently(15);
    await waitFor(() => reader.bytes > 3_000_000, { deadlineMs: 30_000 });
    expect(ams.gateway.counters.downloadsStalled).toBe(0);
  });

  test('who come back on new connections lose their oldest ones', async () => {
    const { ams, url } = await offered({}, fileOf(16_000_000));
    const readers: LazyReader[] = [];
    for (let n = 1; n <= 6; n += 1) {
      readers.push(lazily(await ams.lazily(url)));
      await waitFor(() => ams.gateway.counters.downloads === n);
    }
    for (const reader of readers.slice(0, 2)) reader.read();
    await waitFor(() => readers[0]!.isClosed && readers[1]!.isClosed);
    expect(readers.slice(2).map(({ isClosed }) => isClosed)).toEqual([false, false, false, false]);
    expect(ams.gateway.downloading).toBe(4);
  });

  test('two hundred at a time get the same, and others are answered within a second', { timeout: 60_000 }, async () => {
    const ams = await start();
    const file = fileOf(8_000_000); // more than the system's buffers take
    const urls: string[] = [];
    for (let n = 0; n < 200; n += 1) {
      const imei = String(868_120_145_000_000 + n);
      ams.host.offer(ams.host.register('ams', imei), file);
      urls.push((await ams.directive(imei))!.url);
    }
    const stuck = await Promise.all(urls.slice(0, 50).map(async (url) => lazily(await ams.lazily(url))));
    const moving = await Promise.all(urls.slice(50).map(async (url) => lazily(await ams.lazily(url))));
    await waitFor(() => ams.gateway.downloading === 200);
    for (const reader of moving) reader.readGently(50);
    const wanted = 3_000_000;
    const answeredMs: number[] = [];
    // When most of it is done, nobody is far behind.
    const least = () => Math.min(...moving.map(({ bytes }) => bytes));
    const most = () => Math.max(...moving.map(({ bytes }) => bytes));
    let leastAtFirstEnd = 0;
    while (least() < wanted) {
      const startedMs = performance.now();
      await ams.directive(IMEI);
      answeredMs.push(performance.now() - startedMs);
      if (leastAtFirstEnd === 0 && most() >= wanted) leastAtFirstEnd = least();
    }
    // Nearly all of them: a machine that does something else for a moment proves nothing.
    const [late] = answeredMs.toSorted((a, b) => a - b).slice(Math.floor(answeredMs.length * 0.95));
    expect(late).toBeLessThan(1_000);
    expect(leastAtFirstEnd).toBeGreaterThan(wanted / 4);
    expect(stuck.every(({ isClosed }) => !isClosed)).toBe(true);
  });

  test(
    'are as many as the process has connections, and memory does not grow with their files',
    { timeout: 60_000 },
    async () => {
      const { ams, url } = await offered({ limits: { downloadsPerDevice: 300 } }, fileOf(16_000_000));
      globalThis.gc?.();
      const before = process.memoryUsage.rss();
      for (let n = 0; n < 300; n += 1) lazily(await ams.lazily(url));
      await waitFor(() => ams.gateway.downloading === 300);
      expect(process.memoryUsage.rss() - before).toBeLessThan(200_000_000);
    },
  );
});

import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { Registry } from 'prom-client';
import { afterEach, describe, expect, it } from 'vitest';
import {
  TracksolidClient,
  verdictOf,
  verdictOfCode,
  wordsOf,
  type TracksolidOptions,
} from '../../gateways/tracksolid/client.ts';
import { CODES, meaningOf } from '../../gateways/tracksolid/codes.ts';
import { readDetail, readImeiCodes } from '../../gateways/tracksolid/results.ts';
import { platformTime, signatureOf } from '../../gateways/tracksolid/signing.ts';
import type { StandInOptions } from '../../gateways/tracksolid/stand-in.ts';
import type { TokenStore } from '../../gateways/tracksolid/tokens.ts';
import { registerPlatformMetrics } from '../../metrics/platform.ts';
import { waitFor } from '../support/wait.ts';
import { APP, clientOptions, imeis, startStandIn } from '../support/tracksolid.ts';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

async function start(changes: Partial<StandInOptions> = {}, ofClient: Partial<TracksolidOptions> = {}) {
  const started = await startStandIn(changes, ofClient);
  closing.push(() => started.standIn.close());
  return started;
}

/** A platform that answers every call the same. */
async function platformSaying(answer: (body: URLSearchParams, response: http.ServerResponse) => void) {
  const server = http.createServer((request, response) => {
    let text = '';
    request.on('data', (chunk) => (text += chunk)).on('end', () => answer(new URLSearchParams(text), response));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/route/rest`;
}

/** The first call is the login. */
const TOKEN = JSON.stringify({ code: '0', message: 'ok', result: { accessToken: 'token-1', expiresIn: '7200' } });
function afterLogin(answer: (response: http.ServerResponse, body: URLSearchParams) => void) {
  return platformSaying((body, response) =>
    body.get('method') === 'jimi.oauth.token.get' ? response.end(TOKEN) : answer(response, body),
  );
}

const ORDER = {
  account: 'cust01',
  model: 'GV2',
  lifetime: true,
  expiration: '2099-12-31 23:59:59',
  customer: '',
  brand: '',
  remark: '',
};
const importing = (client: TracksolidClient, list = imeis(2)) => client.importDevices({ ...ORDER, imeis: list });

describe('measurements', () => {
  it('count every request by what follows from its answer, tokens and time', async () => {
    const registry = new Registry();
    const onCall = registerPlatformMetrics(registry);
    const { client, standIn } = await start({}, { onCall, timeoutMs: 5_000 });
    await importing(client);
    await client.look('868120145299999');
    standIn.revokeTokens();
    await client.look(imeis(1)[0]!);
    standIn.faults.cutAfterWork = 1;
    await importing(client, imeis(2, 868_120_145_300_000));
    await standIn.close();
    await client.look(imeis(1)[0]!);
    const { values } = await registry.getSingleMetric('slipway_tracksolid_calls_total')!.get();
    const counted = values.map(({ labels, value }) => `${labels['method']} ${labels['outcome']} ${value}`);
    expect(counted.toSorted()).toEqual([
      'jimi.oauth.token.get done 2',
      'jimi.track.device.detail done 1',
      'jimi.track.device.detail never 1',
      'jimi.track.device.detail not_sent 1',
      'jimi.track.device.detail token 1',
      'x.ams.device.import done 1',
      'x.ams.device.import no_answer 1',
    ]);
    const text = await registry.metrics();
    expect(text).toContain('slipway_tracksolid_tokens_total 2');
    expect(text).toContain('slipway_tracksolid_call_duration_seconds_count{method="x.ams.device.import"} 2');
  });
});

describe('calls', () => {
  it('import a page of devices, and find each of them afterwards', async () => {
    const { client, standIn } = await start();
    const { outcome, devices } = await importing(client, imeis(100));
    expect(verdictOf(outcome)).toBe('done');
    expect([...devices.keys()]).toEqual(imeis(100));
    expect(await client.look(imeis(1)[0]!)).toMatchObject({
      kind: 'there',
      device: { account: 'cust01', expirations: { cust01: '2099-12-31 23:59:59' }, model: 'GV2' },
    });
    expect(await client.look('868120145299999')).toEqual({ kind: 'absent' });
    expect(standIn.count('jimi.oauth.token.get')).toBe(1);
  });

  it('move devices and change until when they may be used', async () => {
    const { client, standIn } = await start();
    const [imei] = imeis(1) as [string];
    standIn.world.place(imei, 'ams');
    expect(verdictOf((await client.moveDevices({ from: 'ams', to: 'cust01', imeis: [imei] })).outcome)).toBe('done');
    const again = await client.moveDevices({ from: 'ams', to: 'cust01', imeis: [imei] });
    expect(again.devices.get(imei)?.code).toBe(1112);
    expect(verdictOf(again.outcome)).toBe('check');
    const changed = await client.updateExpiration({ imeis: [imei], expiration: '2030-01-01 00:00:00' });
    expect(changed.devices.get(imei)).toEqual({ code: 0, words: 'success' });
    expect(await client.look(imei)).toMatchObject({
      device: { account: 'cust01', expirations: { cust01: '2030-01-01 00:00:00' } },
    });
  });

  it('say of each device what became of it', async () => {
    const { client, standIn } = await start();
    const list = imeis(3);
    standIn.world.place(list[0]!, 'cust02');
    standIn.world.refusedImeis.set(list[1]!, 1100);
    const { devices } = await importing(client, list);
    expect(list.map((imei) => devices.get(imei)?.code)).toEqual([1112, 1100, 0]);
  });

  it('take no more than a hundred devices, and not none', async () => {
    const { client } = await start();
    await expect(importing(client, imeis(101))).rejects.toThrow(RangeError);
    await expect(importing(client, [])).rejects.toThrow(RangeError);
  });

  it('carry the method and the fields of the installation', async () => {
    let seen = new URLSearchParams();
    const url = await afterLogin((response, body) => {
      seen = body;
      response.end('{"code":0}');
    });
    const client = new TracksolidClient(
      clientOptions(url, {
        importMethod: 'private.import',
        importFields: {
          list: '{imeis}',
          to: '{account}',
          note: '{customer}/{remark}',
          kind: 'fixed',
          life: '{lifetime}',
        },
      }),
    );
    await client.importDevices({ ...ORDER, imeis: imeis(2), customer: '禾米', remark: 'a b' });
    expect(Object.fromEntries(seen)).toMatchObject({
      method: 'private.import',
      list: imeis(2).join(','),
      to: 'cust01',
      note: '禾米/a b',
      kind: 'fixed',
      life: '1',
    });
    expect(seen.has('model')).toBe(false);
  });

  it('leave no faster than they may', async () => {
    const { client } = await start({}, { callsPerSecond: 20 });
    const startedMs = performance.now();
    await Promise.all(imeis(6).map((imei) => client.look(imei)));
    // The login and six looks: six gaps of 50 ms, and no upper bound on a busy machine.
    expect(performance.now() - startedMs).toBeGreaterThanOrEqual(295);
  });
});

describe('the token', () => {
  it('is fetched once for calls at the same time, and kept', async () => {
    const { client, standIn } = await start();
    await Promise.all(imeis(20).map((imei) => client.look(imei)));
    await client.look(imeis(1)[0]!);
    expect(standIn.count('jimi.oauth.token.get')).toBe(1);
  });

  it('is renewed once when the platform refuses it, however many calls are under way', async () => {
    const { client, standIn } = await start({ oneToken: true });
    await client.look(imeis(1)[0]!);
    standIn.revokeTokens();
    const looks = await Promise.all(imeis(20).map((imei) => client.look(imei)));
    expect(looks).toEqual(imeis(20).map(() => ({ kind: 'absent' })));
    expect(standIn.count('jimi.oauth.token.get')).toBe(2);
  });

  it('is renewed before its end', async () => {
    const { client, standIn } = await start({ tokenLifeS: 0.001 });
    await client.look(imeis(1)[0]!);
    await client.look(imeis(1)[0]!);
    expect(standIn.count('jimi.oauth.token.get')).toBeGreaterThanOrEqual(2);
  });

  it('that is refused again and again ends in a word, not in a loop', async () => {
    const url = await afterLogin((response) => response.end('{"code":1004,"message":"token invalid"}'));
    const outcome = await new TracksolidClient(clientOptions(url)).call('jimi.user.child.list', { target: 'ams' });
    expect(outcome).toMatchObject({ kind: 'no_token', code: 1004 });
    expect(verdictOf(outcome)).toBe('pause');
  });

  it('that is not given, because the password is wrong, does nothing and asks for a pause', async () => {
    const { client, standIn } = await start({}, { passwordMd5: '0'.repeat(32) });
    const { outcome } = await importing(client);
    expect(outcome).toMatchObject({ kind: 'no_token', code: 1002 });
    expect(verdictOf(outcome)).toBe('pause');
    expect(standIn.imports.devices).toBe(0);
  });

  it('is shared with other processes through a store', async () => {
    const kept: TokenStore & { value: Awaited<ReturnType<TokenStore['use']>> | null } = {
      value: null,
      async use(refused, fetch) {
        if (this.value === null || this.value.value === refused) this.value = await fetch();
        return this.value;
      },
    };
    const { client, standIn, url } = await start({}, { tokens: kept });
    await client.look(imeis(1)[0]!);
    const other = new TracksolidClient(clientOptions(url, { tokens: kept }));
    await other.look(imeis(1)[0]!);
    standIn.revokeTokens();
    await other.look(imeis(1)[0]!);
    // The first one meets a token that ended: the store has a newer one already.
    await client.look(imeis(1)[0]!);
    expect(standIn.count('jimi.oauth.token.get')).toBe(2);
  });
});

describe('what is known when no answer comes', () => {
  it.each([
    ['times out after the work', { silentAfterWork: 1 }, true],
    ['times out before the work', { silentBeforeWork: 1 }, false],
    ['cuts the connection after the work', { cutAfterWork: 1 }, true],
    ['answers something that is no answer', { garbage: 1 }, true],
    ['says that it is busy after the work', { busyAfterWork: 1 }, true],
  ])('a platform that %s leaves the outcome unknown: read back first', async (_, faults, done) => {
    const { client, standIn } = await start({ faults }, { timeoutMs: 1_500 });
    const { outcome, devices } = await importing(client);
    expect(verdictOf(outcome)).toBe('look');
    expect(devices.size).toBe(0);
    expect(standIn.imports.devices).toBe(done ? 2 : 0);
  });

  it('a platform that was never reached has done nothing', async () => {
    const { client, standIn } = await start();
    await standIn.close();
    closing.length = 0;
    const { outcome } = await importing(client);
    expect(outcome.kind).toBe('no_token');
    expect(verdictOf(outcome)).toBe('again');
    expect(wordsOf(outcome)).toContain('ECONNREFUSED');
  });

  it('a door that is shut has let nothing in; a broken gateway may have', async () => {
    for (const [status, verdict] of [
      [404, 'again'],
      [429, 'again'],
      [302, 'again'],
      [502, 'look'],
      [504, 'look'],
    ] as const) {
      const url = await afterLogin((response) => response.writeHead(status, { location: '/' }).end('<html>'));
      expect([status, verdictOf((await importing(new TracksolidClient(clientOptions(url)))).outcome)]).toEqual([
        status,
        verdict,
      ]);
    }
  });

  it('a caller who stops waiting does not take back what was sent', async () => {
    const { client, standIn } = await start({}, { timeoutMs: 60_000 });
    await client.look(imeis(1)[0]!);
    standIn.faults.answerMs = 60_000;
    const stopping = new AbortController();
    const call = client.importDevices({ ...ORDER, imeis: imeis(1) }, stopping.signal);
    await waitFor(() => standIn.count('x.ams.device.import') === 1);
    stopping.abort();
    expect((await call).outcome.kind).toBe('unknown');
    const after = await client.importDevices({ ...ORDER, imeis: imeis(1) }, stopping.signal);
    expect(after.outcome.kind).toBe('unsent');
  });
});

describe('what the platform says', () => {
  it.each([
    [-1, 'look'],
    [0, 'done'],
    [225, 'look'],
    [229, 'look'],
    [1003, 'check'],
    [1005, 'pause'],
    [1006, 'again'],
    [1112, 'check'],
    [1001, 'never'],
    [217, 'never'],
    [12002, 'never'],
    [77_777, 'never'],
  ] as const)('code %i means %s', (code, verdict) => {
    expect(verdictOfCode(code)).toBe(verdict);
  });

  it('has words and advice for every code', () => {
    for (const code of [...Object.keys(CODES).map(Number), 77_777]) {
      const { words, advice } = meaningOf(code);
      expect(words).not.toBe('');
      expect(advice).not.toBe('');
    }
  });

  it.each([
    ['{"code":"0"}', 'done'],
    ['{"code":" 1006 "}', 'again'],
    ['{"code":1.5}', 'look'],
    ['{"code":null}', 'look'],
    ['{"code":true}', 'look'],
    ['[]', 'look'],
    ['', 'look'],
    ['{"result":1}', 'look'],
  ] as const)('is understood: %s', async (text, verdict) => {
    const url = await afterLogin((response) => response.end(text));
    expect(verdictOf((await importing(new TracksolidClient(clientOptions(url)))).outcome)).toBe(verdict);
  });

  it('is shown without the secret, the password and the token it may repeat', async () => {
    const url = await afterLogin((response, body) =>
      response.end(
        JSON.stringify({
          code: 1001,
          message: `${APP.appSecret} ${APP.passwordMd5} ${body.get('access_token')} bad\nsign`,
        }),
      ),
    );
    const { outcome } = await importing(new TracksolidClient(clientOptions(url)));
    expect(wordsOf(outcome)).toBe('1001: a parameter is wrong (“(secret) (secret) (secret) bad sign”)');
  });

  it('about devices is read from lists, objects and text', () => {
    const list = imeis(2);
    const read = (result: unknown, code = 0) =>
      [...readImeiCodes({ code, message: 'm', result }, list)].map(([imei, said]) => [imei, said.code, said.words]);
    expect(read([{ imei: list[0], result: '1112', msg: 'there' }])).toEqual([[list[0], 1112, 'there']]);
    expect(read([{ imei: Number(list[0]), update_result: 1, update_msg: 'no' }])).toEqual([[list[0], 1, 'no']]);
    expect(read(list, 1112)).toEqual(list.map((imei) => [imei, 1112, 'm']));
    expect(read(JSON.stringify(list), 1112)).toHaveLength(2);
    expect(read(list.join(','), 1112)).toHaveLength(2);
    expect(read({ imei: list[1], code: 0 })).toEqual([[list[1], 0, 'm']]);
    for (const nothing of [null, undefined, 7, '', [], [null], [{ imei: 'other', result: 0 }]]) {
      expect(read(nothing)).toEqual([]);
    }
  });

  it('of a device is read as far as it is there', () => {
    const [imei] = imeis(1) as [string];
    expect(readDetail({ imei, account: 'a', user_expiration: 'a,2030-01-01 00:00:00|b,never|,x' }, imei)).toMatchObject(
      {
        account: 'a',
        expirations: { a: '2030-01-01 00:00:00' },
      },
    );
    expect(readDetail([{ imei: 'other' }, { imei, account: 7 }], imei)).toMatchObject({
      account: '7',
      expirations: {},
    });
    for (const nothing of [null, [], {}, 'x', [{ imei: 'other' }]]) expect(readDetail(nothing, imei)).toBeNull();
  });
});

describe('the stand-in', () => {
  const raw = async (url: string, form: Record<string, string>) => {
    const response = await fetch(url, { method: 'POST', body: new URLSearchParams(form) });
    return (await response.json()) as { code: number; message: string };
  };

  it('refuses a wrong signature, a clock that is ten minutes off, and calls without a token', async () => {
    const { client, url } = await start();
    const wrong = new TracksolidClient(clientOptions(url, { appSecret: 'other' }));
    expect(await wrong.call('jimi.user.child.list', { target: 'ams' })).toMatchObject({ kind: 'no_token', code: 1001 });
    const form = (atMs: number, method = 'jimi.oauth.token.get') => {
      const parameters = {
        method,
        app_key: APP.appKey,
        timestamp: platformTime(atMs),
        sign_method: 'md5',
        v: '1.0',
        format: 'json',
        user_id: APP.user,
        user_pwd_md5: APP.passwordMd5,
        expires_in: '7200',
      };
      return { ...parameters, sign: signatureOf(APP.appSecret, parameters) };
    };
    expect(await raw(url, form(Date.now() - 11 * 60_000))).toMatchObject({ code: 1001, message: 'timestamp' });
    expect(await raw(url, form(Date.now() + 11 * 60_000))).toMatchObject({ code: 1001, message: 'timestamp' });
    expect(await raw(url, form(Date.now() - 9 * 60_000))).toMatchObject({ code: 0 });
    expect(await raw(url, form(Date.now(), 'jimi.user.child.list'))).toMatchObject({ code: 1004 });
    expect(await client.call('jimi.user.child.list', { target: 'ams' })).toMatchObject({ code: 0 });
  });

  it('throttles and blocks when told to', async () => {
    const { client, standIn } = await start();
    await client.look(imeis(1)[0]!);
    standIn.faults.callsPerSecond = 0;
    expect(await client.call('jimi.user.child.list', { target: 'ams' })).toMatchObject({ code: 1006 });
    standIn.faults.addressBlocked = true;
    expect(await client.call('jimi.user.child.list', { target: 'ams' })).toMatchObject({ code: 1005 });
  });

  it('does late work after it fell silent', async () => {
    const { client, standIn } = await start(
      { faults: { lateWork: { share: 1, afterMs: 2_000 } } },
      { timeoutMs: 1_500 },
    );
    expect((await importing(client)).outcome.kind).toBe('unknown');
    await waitFor(() => standIn.imports.devices === 2);
  });

  it('shows what it knows, and takes other faults while it runs', async () => {
    const { url, standIn } = await start();
    const base = url.replace('/route/rest', '');
    await fetch(`${base}/faults`, { method: 'POST', body: JSON.stringify({ busy: 0.5 }) });
    expect(standIn.faults.busy).toBe(0.5);
    expect(await (await fetch(base)).json()).toMatchObject({ devices: 0, accounts: ['ams', 'cust01', 'cust02'] });
  });

  it('counts an import too many when it does not notice that the device exists', async () => {
    const { client, standIn } = await start({ takesDoubles: true });
    await importing(client);
    expect(standIn.imports).toEqual({ devices: 2, doubles: 0 });
    await importing(client);
    expect(standIn.imports).toEqual({ devices: 2, doubles: 2 });
  });
});

import { connect } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { DeviceHttpServer } from '../../gateways/http.ts';
import { MOM_NAMES, type MomName } from '../../gateways/mom/contract.ts';
import { REQUEST_LIMIT, writeRequest } from '../../gateways/mom/envelope.ts';
import { QUIRKS } from '../../gateways/mom/quirks.ts';
import { MomGateway, type MomGatewayOptions } from '../../gateways/mom/server.ts';
import { FakeLog } from '../support/fake-host.ts';
import { FakeMomHost } from '../support/fake-mom-host.ts';
import { REQUESTED_AT_MS, REQUESTS } from '../support/mom-requests.ts';
import { waitFor } from '../support/wait.ts';

const cleanUp: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of cleanUp.splice(0).toReversed()) await end();
});

async function start(options: Partial<MomGatewayOptions> = {}) {
  const host = new FakeMomHost();
  const log = new FakeLog();
  const gateway = new MomGateway({ host, log, ...options });
  const server = new DeviceHttpServer(gateway.routes, { maxConnections: 200, requestTimeoutMs: 10_000 }, log);
  const port = await server.listen(0, '127.0.0.1');
  cleanUp.push(() => server.close(100));
  const post = async (name: string, body: string, headers: Record<string, string> = {}) => {
    const response = await fetch(`http://127.0.0.1:${port}/api/MachineIntegration/${name}`, {
      method: 'POST',
      body,
      headers,
    });
    return {
      status: response.status,
      body: (await response.json()) as Record<string, unknown>,
      headers: response.headers,
    };
  };
  return { host, log, gateway, server, port, post };
}

const clean = <Name extends MomName>(name: Name) => writeRequest(name, REQUESTS[name]);
const echo = { SessionId: REQUESTS.EqptAlive.sessionId, EquipmentCode: 'EQ00001' };

describe('a call', () => {
  test.each(MOM_NAMES)('%s reaches the host as it was sent and is answered in the clean form', async (name) => {
    const { host, post } = await start();
    const before = Date.now();
    const { status, body, headers } = await post(name, clean(name));
    expect(status).toBe(200);
    expect(headers.get('content-type')).toBe('application/json; charset=utf-8');
    expect(body).toMatchObject({ ...echo, ResultFlag: true, Success: true, MOMMessage: '执行成功' });
    const responseMs = Date.parse(`${(body.ResponseTime as string).replace(' ', 'T')}+08:00`);
    expect(responseMs).toBeGreaterThan(before - 1_000);
    expect(responseMs).toBeLessThanOrEqual(Date.now());
    expect(host.calls).toMatchObject([{ name, calledAs: name, request: REQUESTS[name], warnings: [] }]);
    expect(host.callers).toEqual([{ address: '127.0.0.1', token: null, equipmentCode: 'EQ00001' }]);
  });

  test('is answered with the fields of the document', async () => {
    const { host, post } = await start();
    host.keyFlags = ['98'];
    expect((await post('EqptAlive', clean('EqptAlive'))).body).toMatchObject({ KeyFlag: '98' });
    expect((await post('EqptRun', clean('EqptRun'))).body).toMatchObject({
      ParamVersion: 'V1',
      ParamRefreshFlag: true,
      ParameterInfo: [
        {
          ParameterCode: 'FWELD00001',
          TargetValue: '12.50',
          LowerSpecificationsLimit: '',
          LowerLimit: null,
          Description: 'welding power',
        },
        { ParameterCode: 'FWELD00001', Description: 'welding speed' },
      ],
    });
    expect((await post('EqptAlive', clean('EqptAlive'))).body).toMatchObject({ KeyFlag: '99' });
    expect((await post('CellState', clean('CellState'))).body.SerialNos).toEqual([
      { SerialNo: 'YF-KH-A-000001', SerialNoStatus: 1, BindCode: 'M1/W1' },
      { SerialNo: 'YF-KH-A-000002', SerialNoStatus: 1, BindCode: 'M1/W1' },
    ]);
    expect((await post('AgingInput', clean('AgingInput'))).body).toMatchObject({
      TrayBarcode: 'ZN180 104JZ000130',
      AgingStartTime: '2024-04-10 14:16:31',
      AgingTimeLowerLimit: 60,
      TrayBarcodeProperty: null,
    });
  });

  test.each([
    ['eqptalive', 'EqptAlive', 'EqptAlive'],
    ['%20EqptAlive', 'EqptAlive', 'EqptAlive'],
    ['EqptAlive/', 'EqptAlive', 'EqptAlive'],
    ['EqptOnline', 'EqptRun', 'EqptRun'],
    ['OCVInput', 'AgingInput', 'AgingInput'],
  ] as const)('is found under %s', async (called, name, body) => {
    const { host, post } = await start();
    expect((await post(called, clean(body))).body).toMatchObject({ Success: true });
    expect(host.calls).toMatchObject([{ name }]);
  });

  test('with oddities is done, and its record names them', async () => {
    const { host, post, gateway } = await start();
    const bent = QUIRKS.comment.bend(QUIRKS.caseOfKey.bend(clean('TrayUnbind')));
    expect((await post('TrayUnbind', bent)).body).toMatchObject({ ...echo, Success: true });
    expect(host.records).toMatchObject([
      { success: true, warnings: ['comment', 'case_of_key:SessionId', 'case_of_key:EquipmentCode'], isAdmitted: true },
    ]);
    expect(host.records[0]?.raw).toContain('// GUID');
    expect(host.records[0]?.raw).not.toContain('secret');
    expect(gateway.counters).toMatchObject({ calls: 1, repaired: 1, refused: 0, rejected: 0 });
  });

  test('without oddities is recorded without its body', async () => {
    const { host, post } = await start();
    await post('TrayBind', clean('TrayBind'));
    expect(host.records).toMatchObject([
      {
        name: 'TrayBind',
        equipmentCode: 'EQ00001',
        sessionId: echo.SessionId,
        success: true,
        failure: null,
        raw: null,
      },
    ]);
  });
});

describe('refusals', () => {
  test.each([
    ['EqptStatus', '', 'bad_json', { SessionId: '', EquipmentCode: '' }],
    ['EqptStatus', '{"SessionId":"s1","EquipmentCode":7}', 'missing_field', { SessionId: 's1', EquipmentCode: '7' }],
    ['CellState', clean('CellState').slice(0, -5), 'bad_json', { SessionId: '', SerialNos: [] }],
    ['EqptFly', clean('EqptAlive'), 'unknown_interface', echo],
    ['%FF%', clean('EqptAlive'), 'unknown_interface', echo],
    ['EqptAlive', ' '.repeat(REQUEST_LIMIT + 1), 'too_large', {}],
    ['TrayUnbind', clean('TrayUnbind').replace('"OpFlag":1', '"OpFlag":3'), 'bad_field', echo],
  ])('%s %s is not received properly', async (name, text, failure, fields) => {
    const { host, post, gateway } = await start();
    const { status, body } = await post(name, text);
    expect([status, body.ResultFlag, body.Success]).toEqual([200, false, false]);
    expect(body).toMatchObject(fields);
    expect(body.MOMMessage).not.toBe('');
    expect(host.calls).toEqual([]);
    expect(host.records).toMatchObject([{ resultFlag: false, success: false, failure }]);
    expect(gateway.counters.rejected).toBe(1);
  });

  test('an unknown call says so in the words of the document', async () => {
    const { post } = await start();
    expect((await post('EqptFly', clean('EqptAlive'))).body.MOMMessage).toBe('unknown interface: EqptFly');
  });

  test('what the host refuses was received: ResultFlag true', async () => {
    const { host, post, gateway } = await start();
    host.refuses = 'TrayUnbind';
    const { body } = await post('TrayUnbind', clean('TrayUnbind'));
    expect(body).toMatchObject({ ...echo, ResultFlag: true, Success: false, MOMMessage: '托盘不存在' });
    expect(host.records).toMatchObject([{ resultFlag: true, success: false, failure: 'tray_unknown' }]);
    expect(host.records[0]?.raw).toContain('"Password":"***"');
    expect(gateway.counters.refused).toBe(1);
  });

  test('a state nobody knows is refused, known spellings are not', async () => {
    const { host, post } = await start();
    const { body } = await post('EqptStatus', clean('EqptStatus').replace('"Running"', '"Flying"'));
    expect(body).toMatchObject({ ResultFlag: true, Success: false, MOMMessage: 'unknown StatusCode Flying' });
    expect((await post('EqptStatus', clean('EqptStatus').replace('"Running"', '"Working"'))).body.Success).toBe(true);
    expect(host.calls).toHaveLength(1);
  });

  test.each(['bad json', clean('EqptAlive'), clean('EqptAlive').replace('Software', 'x')])(
    'who is not let in hears nothing else: %s',
    async (text) => {
      const { host, post, gateway } = await start({ tokenHeader: 'X-Site-Token' });
      host.refusal = { ok: false, failure: 'token_wrong' };
      const { body } = await post('EqptAlive', text, { 'x-site-token': 'guess' });
      expect(body).toMatchObject({
        ResultFlag: true,
        Success: false,
        MOMMessage: 'the token header is missing or wrong',
      });
      expect(host.callers).toMatchObject([{ token: 'guess' }]);
      expect(host.records).toMatchObject([{ isAdmitted: false, failure: 'token_wrong' }]);
      expect(host.calls).toEqual([]);
      expect(gateway.counters.strangers).toBe(1);
    },
  );

  test('other methods, other paths and bodies beyond all measure never reach the reader', async () => {
    const { port, host } = await start();
    const at = (path: string, init?: RequestInit) => fetch(`http://127.0.0.1:${port}${path}`, init);
    expect((await at('/api/MachineIntegration/EqptAlive')).status).toBe(405);
    expect((await at('/api/MachineIntegration', { method: 'POST' })).status).toBe(404);
    expect(
      (await at('/api/MachineIntegration/EqptAlive', { method: 'POST', body: 'x'.repeat(1_100_000) })).status,
    ).toBe(413);
    expect(host.callers).toEqual([]);
  });
});

describe('repetitions', () => {
  test('the same session gets the first answer with a new time, and is done once', async () => {
    const { host, post, gateway } = await start();
    const first = await post('TrayUnbind', clean('TrayUnbind'));
    const later = writeRequest('TrayUnbind', { ...REQUESTS.TrayUnbind, requestedAtMs: REQUESTED_AT_MS + 60_000 });
    const second = await post('TrayUnbind', later);
    expect({ ...second.body, ResponseTime: null }).toEqual({ ...first.body, ResponseTime: null });
    expect(host.calls).toHaveLength(1);
    expect(host.records.map(({ isRepeated }) => isRepeated)).toEqual([false, true]);
    expect(gateway.counters.repeated).toBe(1);
  });

  test('that come while the first is being done wait for it', async () => {
    const { host, post } = await start();
    let open = () => {};
    const gate = new Promise<void>((resolve) => (open = resolve));
    let begun = 0;
    host.before = () => {
      begun += 1;
      return gate;
    };
    const both = [post('TrayBind', clean('TrayBind')), post('TrayBind', clean('TrayBind'))];
    await waitFor(() => host.callers.length === 2);
    open();
    const answers = await Promise.all(both);
    expect(answers.map(({ body }) => body.Success)).toEqual([true, true]);
    expect(begun).toBe(1);
    expect(host.records.map(({ isRepeated }) => isRepeated)).toEqual(expect.arrayContaining([false, true]));
  });

  test('another request under an old session is not one', async () => {
    const { host, post } = await start();
    await post('TrayUnbind', clean('TrayUnbind'));
    await post('TrayUnbind', writeRequest('TrayUnbind', { ...REQUESTS.TrayUnbind, trayBarcode: 'T2' }));
    expect(host.calls).toHaveLength(2);
  });

  test('a failure is not kept as the answer', async () => {
    const { host, post } = await start();
    host.before = () => Promise.reject(new Error('away'));
    expect((await post('TrayBind', clean('TrayBind'))).status).toBe(503);
    host.before = () => {};
    expect((await post('TrayBind', clean('TrayBind'))).body.Success).toBe(true);
  });
});

describe('heartbeats', () => {
  test('are recorded only when their form is odd, and then once', async () => {
    const { host, post, gateway } = await start();
    for (let beat = 0; beat < 3; beat += 1) await post('EqptAlive', clean('EqptAlive'));
    expect(host.records).toEqual([]);
    for (let beat = 0; beat < 3; beat += 1) await post('EqptAlive', QUIRKS.responseTime.bend(clean('EqptAlive')));
    expect(host.records).toMatchObject([
      { name: 'EqptAlive', warnings: ['ResponseTime_for_RequestTime'], success: true },
    ]);
    await post('EqptAlive', QUIRKS.comment.bend(clean('EqptAlive')));
    expect(host.records).toMatchObject([{}, { warnings: ['comment'] }]);
    expect(gateway.counters).toMatchObject({ heartbeats: 7, calls: 0, repaired: 4 });
  });

  test('with the same session are answered anew', async () => {
    const { host, post } = await start();
    await post('EqptAlive', clean('EqptAlive'));
    host.keyFlags = ['97'];
    expect((await post('EqptAlive', clean('EqptAlive'))).body.KeyFlag).toBe('97');
    expect(host.calls).toHaveLength(2);
  });

  test('that fail are recorded', async () => {
    const { host, post } = await start();
    await post('EqptAlive', '{}');
    expect(host.records).toMatchObject([{ failure: 'missing_field' }]);
  });
});

describe('when the rest of the program is away', () => {
  test('the equipment is told to come again, in the envelope', async () => {
    const { host, post, gateway, log } = await start();
    host.before = () => Promise.reject(new Error('no database'));
    for (const name of ['EqptAlive', 'TrayBind', 'TrayBind'] as const) {
      const { status, body, headers } = await post(name, clean(name));
      expect(status).toBe(503);
      expect(body).toMatchObject({ ...echo, ResultFlag: false, Success: false });
      expect(headers.get('retry-after')).not.toBeNull();
    }
    expect(gateway.counters).toMatchObject({ unavailable: 3, refused: 0, rejected: 0 });
    expect(log.lines.filter(({ message }) => message.includes('cannot be handled'))).toHaveLength(1);
  });

  test('nobody waits for ever, and what was begun is the answer of the repetition', async () => {
    const { host, post } = await start({ handleTimeoutMs: 100 });
    let open = () => {};
    const gate = new Promise<void>((resolve) => (open = resolve));
    host.before = () => gate;
    expect((await post('TrayBind', clean('TrayBind'))).status).toBe(503);
    open();
    await waitFor(() => host.calls.length === 1);
    expect((await post('TrayBind', clean('TrayBind'))).body.Success).toBe(true);
    expect(host.calls).toHaveLength(1);
  });

  test('a record that cannot be kept costs no answer', async () => {
    const { host, post } = await start();
    host.record = () => {
      throw new Error('full');
    };
    expect((await post('TrayBind', clean('TrayBind'))).body.Success).toBe(true);
  });
});

test('a body that comes a byte at a time is read like any other', async () => {
  const { port } = await start();
  const socket = connect({ host: '127.0.0.1', port, noDelay: true });
  let text = '';
  socket.on('data', (chunk) => (text += chunk.toString('utf8')));
  const body = Buffer.from(clean('EqptAlert'), 'utf8'); // with characters of several bytes
  socket.write(`POST /api/MachineIntegration/EqptAlert HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n`);
  for (const byte of body) {
    if (!socket.write(Buffer.of(byte))) await new Promise((resolve) => socket.once('drain', resolve));
  }
  await waitFor(() => text.includes('"Success":true'));
  socket.destroy();
});

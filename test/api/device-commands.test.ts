import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startUnstartedCommands } from '../../api/inbound/inbound-commands.ts';
import * as messages from '../../db/commands/command-messages.ts';
import * as steps from '../../db/commands/command-steps.ts';
import { registerTerminals, TestApi, type TestDepartment } from './harness.ts';

let api: TestApi;
let jimi: TestDepartment;
let made = 0;
beforeAll(async () => {
  api = await TestApi.start();
  jimi = await api.department('jimi');
});
afterAll(() => api.stop());
beforeEach(() => {
  api.executions.failure = null;
  api.executions.startedCommands.length = 0;
  api.executions.commandSignals.length = 0;
});

const terminal = async () =>
  (await registerTerminals(api, jimi, [(0x5100000000 + ++made).toString(16).toUpperCase()]))[0]!;
async function other(protocol: 'pile' | 'pcp' | 'ams'): Promise<string> {
  const identity = String(++made).padStart(protocol === 'pile' ? 14 : 15, '8');
  await api.sql`insert into devices (id, protocol, identity, department_id, created_by)
    values (${`${protocol}-${identity}`}, ${protocol}, ${identity}, ${jimi.id}, 'test')`;
  return `${protocol}-${identity}`;
}
const give = (deviceId: string, body: object, headers: Record<string, string> = {}, key = jimi.key) =>
  api.send('POST', `/api/v1/devices/${deviceId}/commands`, { key, body, headers });
const get = (path: string, key = jimi.key) => api.send('GET', `/api/v1${path}`, { key });
const cancel = (id: number, body = {}) => api.send('POST', `/api/v1/commands/${id}/cancel`, { key: jimi.key, body });

/** Takes a command up and sends its frame, as worker and gateway would. */
async function sent(commandId: number): Promise<void> {
  await steps.openCommandAttempt(api.db, { commandId, attempt: 1, stage: 'order', cause: 'waits' });
  expect((await messages.claimCommand(api.db, commandId, 1)).outcome).toBe('claimed');
}
const succeeds = (commandId: number) =>
  steps.finishCommand(api.db, {
    commandId,
    status: 'succeeded',
    reason: null,
    author: 'device',
    cause: 'the terminal sleeps 600 minutes',
    result: { minutes: 600 },
  });

describe('giving a command', () => {
  it('is answered when it is stored, with where it can be looked at, and its workflow is started', async () => {
    const deviceId = await terminal();
    const reply = await give(deviceId, { kind: 'set_sleep', minutes: 600, cause: 'save the battery' });
    expect(reply.status, JSON.stringify(reply.body)).toBe(202);
    const { id } = reply.body;
    expect(reply.headers.get('location')).toBe(`/api/v1/commands/${id}`);
    expect(reply.body).toMatchObject({
      deviceId,
      kind: 'set_sleep',
      params: { minutes: 600 },
      status: 'waiting',
      waitsFor: 'contact',
      reason: null,
      attempt: 0,
      sends: 0,
      result: null,
      createdBy: jimi.operator,
      links: { execution: `http://temporal.test/namespaces/default/workflows/command%2F${id}` },
    });
    const lifeMs = Date.parse(reply.body.deadlineAt) - Date.parse(reply.body.createdAt);
    expect(Math.abs(lifeMs - 24 * 3_600_000)).toBeLessThan(1_000);
    expect(api.executions.startedCommands).toEqual([
      {
        input: { commandId: id, deviceId, order: { kind: 'set_sleep', minutes: 600 } },
        labels: { department: 'jimi', protocol: 'terminal' },
      },
    ]);
    const detail = await get(`/commands/${id}`);
    expect(detail.body.log).toMatchObject([{ author: jimi.operator, event: 'ordered', cause: 'save the battery' }]);
  });

  it.each([
    ['terminal', { kind: 'read_sleep' }, {}],
    ['pile', { kind: 'restart', control: 'when_idle' }, { control: 'when_idle' }],
    ['pile', { kind: 'restart', control: 'at_once', confirm: true }, { control: 'at_once' }],
    ['pcp', { kind: 'query_version' }, {}],
  ] as const)('of a %s takes %j', async (protocol, body, params) => {
    const deviceId = protocol === 'terminal' ? await terminal() : await other(protocol);
    const reply = await give(deviceId, body);
    expect(reply.status, JSON.stringify(reply.body)).toBe(202);
    expect(reply.body).toMatchObject({ kind: body.kind, params });
  });

  it.each([
    ['terminal', { kind: 'restart', control: 'when_idle' }, 'not_known'],
    ['terminal', { kind: 'query_version' }, 'not_known'],
    ['pile', { kind: 'read_sleep' }, 'not_known'],
    ['pcp', { kind: 'set_sleep', minutes: 600 }, 'not_known'],
    ['ams', { kind: 'read_sleep' }, 'not_known'],
    ['terminal', { kind: 'set_sleep' }, 'missing'],
    ['terminal', { kind: 'read_sleep', minutes: 600 }, 'unknown_field'],
    ['terminal', { kind: 'read_sleep', control: 'at_once' }, 'unknown_field'],
    ['pile', { kind: 'restart' }, 'missing'],
    ['pile', { kind: 'restart', control: 'at_once' }, 'confirm_required'],
    ['pile', { kind: 'restart', control: 'at_once', confirm: false }, 'confirm_required'],
  ] as const)('to a %s is refused: %j (%s)', async (protocol, body, code) => {
    const deviceId = protocol === 'terminal' ? await terminal() : await other(protocol);
    const reply = await give(deviceId, body);
    expect(reply.status).toBe(422);
    expect(reply.body).toMatchObject({ code: 'command_refused', errors: [{ code }] });
    expect(reply.body.detail).toBe(reply.body.errors[0].message);
    expect((await get(`/devices/${deviceId}/commands`)).body).toEqual({ items: [], next: null });
  });

  it.each([
    { kind: 'dance' },
    { kind: 'set_sleep', minutes: 59 },
    { kind: 'set_sleep', minutes: 44_641 },
    { kind: 'set_sleep', minutes: 60.5 },
    { kind: 'set_sleep', minutes: '600' },
    { kind: 'read_sleep', deadlineHours: 721 },
    { kind: 'read_sleep', deadlineHours: 0 },
    { kind: 'read_sleep', foo: 1 },
    {},
  ])('has a form: %j', async (body) => {
    const reply = await give(await terminal(), body);
    expect([reply.status, reply.body.code]).toEqual([400, 'validation_failed']);
  });

  it('that is under way already is refused, and named', async () => {
    const deviceId = await terminal();
    const first = await give(deviceId, { kind: 'set_sleep', minutes: 600 });
    const again = await give(deviceId, { kind: 'set_sleep', minutes: 600 });
    expect([again.status, again.body.code, again.body.commandId]).toEqual([409, 'command_exists', first.body.id]);
    expect((await give(deviceId, { kind: 'set_sleep', minutes: 700 })).body).toMatchObject({ waitsFor: 'turn' });
    await succeeds(first.body.id);
    expect((await give(deviceId, { kind: 'set_sleep', minutes: 600 })).status).toBe(202);
  });

  it('more than twenty times at once is refused', async () => {
    const deviceId = await terminal();
    for (let minutes = 60; minutes < 80; minutes++) {
      expect((await give(deviceId, { kind: 'set_sleep', minutes })).status).toBe(202);
    }
    const reply = await give(deviceId, { kind: 'set_sleep', minutes: 80 });
    expect([reply.status, reply.body.code]).toEqual([422, 'command_refused']);
  });

  it('again with the same key changes nothing and gets the same answer', async () => {
    const deviceId = await terminal();
    const key = { 'idempotency-key': `sleep-${deviceId}` };
    const [first, second] = [
      await give(deviceId, { kind: 'set_sleep', minutes: 600 }, key),
      await give(deviceId, { kind: 'set_sleep', minutes: 600 }, key),
    ];
    expect([second.status, second.body, second.headers.get('location')]).toEqual([
      202,
      first.body,
      first.headers.get('location'),
    ]);
    expect(api.executions.startedCommands).toHaveLength(1);
    const otherBody = await give(deviceId, { kind: 'set_sleep', minutes: 700 }, key);
    expect(otherBody.body.code).toBe('idempotency_key_reused');
  });

  it('is taken while Temporal is away, and started later', async () => {
    api.executions.failure = new Error('Temporal is away');
    const reply = await give(await terminal(), { kind: 'read_sleep' });
    expect(reply.status).toBe(202);
    await expect(startUnstartedCommands(api.db, api.executions, { untakenMs: 0, overdueMs: 0 })).rejects.toThrow();
    api.executions.failure = null;
    await startUnstartedCommands(api.db, api.executions, { untakenMs: 0, overdueMs: 3_600_000 });
    expect(api.executions.startedCommands.map(({ input }) => (input as { commandId: number }).commandId)).toContain(
      reply.body.id,
    );
  });

  it('needs a permission, and a device of the own department', async () => {
    const deviceId = await terminal();
    const reader = await api.key(jimi.id, 'reader', ['device:read']);
    expect((await give(deviceId, { kind: 'read_sleep' }, {}, reader)).status).toBe(403);
    const strangers = await api.department('strangers');
    expect((await give(deviceId, { kind: 'read_sleep' }, {}, strangers.key)).status).toBe(404);
    const { body } = await give(deviceId, { kind: 'read_sleep' });
    expect((await get(`/commands/${body.id}`, strangers.key)).status).toBe(404);
    expect((await get('/commands', strangers.key)).body.items).toEqual([]);
    expect((await get(`/commands/${body.id}`, reader)).status).toBe(200);
  });
});

describe('looking at commands', () => {
  it('shows what became of one, line by line', async () => {
    const deviceId = await terminal();
    const { id } = (await give(deviceId, { kind: 'set_sleep', minutes: 600 })).body;
    await sent(id);
    expect((await get(`/commands/${id}`)).body).toMatchObject({
      status: 'sent',
      waitsFor: 'answer',
      attempt: 1,
      sends: 1,
    });
    await messages.writeAnswer(api.db, deviceId, { said: 'value', cmd: 'SLPT', value: '600' });
    await succeeds(id);
    const { body } = await get(`/commands/${id}`);
    expect(body).toMatchObject({ status: 'succeeded', waitsFor: null, result: { minutes: 600 }, reasonText: null });
    expect(body.log.map(({ author, event }: Record<string, string>) => `${author} ${event}`)).toEqual([
      `${jimi.operator} ordered`,
      'system attempt_opened',
      'system sent',
      'device answered',
      'device succeeded',
    ]);
  });

  it('says in words why one failed', async () => {
    const { id } = (await give(await terminal(), { kind: 'read_sleep' })).body;
    const failure = { status: 'failed', reason: 'terminal_05', author: 'device', cause: '05' } as const;
    await steps.finishCommand(api.db, { commandId: id, ...failure });
    const { body } = await get(`/commands/${id}`);
    expect(body).toMatchObject({
      status: 'failed',
      reason: 'terminal_05',
      reasonText: expect.stringContaining('flash'),
    });
  });

  it('lists them newest first, by device, status and kind, page by page, and as a file', async () => {
    const department = await api.department('lists');
    const [one, two] = await registerTerminals(api, department, ['6100000001', '6100000002']);
    const ids: number[] = [];
    for (const [device, minutes] of [
      [one, 60],
      [two, 61],
      [one, 62],
    ] as const) {
      ids.push((await give(device!, { kind: 'set_sleep', minutes }, {}, department.key)).body.id);
    }
    ids.push((await give(one!, { kind: 'read_sleep' }, {}, department.key)).body.id);
    await succeeds(ids[0]!);
    const list = async (query: string) =>
      (await get(`/commands?${query}`, department.key)).body.items.map(({ id }: { id: number }) => id);
    expect(await list('')).toEqual(ids.toReversed());
    expect(await list(`deviceId=${one}`)).toEqual([ids[3], ids[2], ids[0]]);
    expect(await list('status=succeeded')).toEqual([ids[0]]);
    expect(await list('kind=read_sleep&status=waiting')).toEqual([ids[3]]);
    const { body } = await get(`/devices/${one}/commands?limit=2`, department.key);
    expect(body.items.map(({ id }: { id: number }) => id)).toEqual([ids[3], ids[2]]);
    expect(await list(`deviceId=${one}&after=${body.next}`)).toEqual([ids[0]]);
    const csv = await api.send('GET', '/api/v1/commands?format=csv', { key: department.key });
    const lines = csv.body.toString().trim().split('\r\n');
    expect(lines).toHaveLength(5);
    expect(lines[0]).toContain('deviceId,kind,params.minutes');
    expect((await get('/devices/terminal-FFFFFFFFFF/commands')).status).toBe(404);
  });
});

describe('taking a command back', () => {
  it('ends it at once, and tells its workflow', async () => {
    const { id } = (await give(await terminal(), { kind: 'read_sleep' })).body;
    const reply = await cancel(id, { cause: 'wrong device' });
    expect([reply.status, reply.body.status]).toEqual([200, 'cancelled']);
    expect(api.executions.commandSignals).toEqual([{ commandId: id, edge: 'cancelled' }]);
    const again = await cancel(id);
    expect([again.status, again.body.code, again.body.detail]).toEqual([
      409,
      'control_refused',
      `Command ${id} has ended as cancelled.`,
    ]);
  });

  it('works while Temporal is away', async () => {
    const { id } = (await give(await terminal(), { kind: 'read_sleep' })).body;
    api.executions.failure = new Error('Temporal is away');
    expect((await cancel(id)).body.status).toBe('cancelled');
  });

  it('is refused while the answer is awaited', async () => {
    const { id } = (await give(await terminal(), { kind: 'read_sleep' })).body;
    await sent(id);
    const reply = await cancel(id);
    expect([reply.status, reply.body.code]).toEqual([409, 'control_refused']);
    expect((await get(`/commands/${id}`)).body.status).toBe('sent');
  });
});

it('an ended command is an event for streams and webhooks', async () => {
  const { id, deviceId } = (await give(await terminal(), { kind: 'set_sleep', minutes: 600 })).body;
  await succeeds(id);
  const rows = await api.sql`select kind, device_id, data from events where data->>'commandId' = ${String(id)}`;
  expect([...rows]).toEqual([
    {
      kind: 'command.finished',
      device_id: deviceId,
      data: expect.objectContaining({ command: 'set_sleep', status: 'succeeded', result: { minutes: 600 }, sends: 0 }),
    },
  ]);
});

it('a device that was given a command is not deleted', async () => {
  const deviceId = await terminal();
  await give(deviceId, { kind: 'read_sleep' });
  const reply = await api.send('DELETE', `/api/v1/devices/${deviceId}`, { key: jimi.key });
  expect([reply.status, reply.body.code]).toEqual([409, 'device_has_commands']);
});

/** Equipment calling the program behind the MOM's server, on a real database; only Temporal is stood in for. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { hashPassword } from '../../api/factory/mom-employees.ts';
import { MomInbound, type MomInboundOptions, type MomSettings } from '../../api/factory/mom-inbound.ts';
import { createEquipment, findEquipment, type EquipmentFields } from '../../db/factory/equipment.ts';
import { acknowledgeAlarm, listAlarmLog, listAlarms } from '../../db/factory/equipment-alarms.ts';
import { listCalls, listStrangers } from '../../db/factory/equipment-calls.ts';
import { createEmployee } from '../../db/factory/equipment-employees.ts';
import { listFlags, listFollowUps, raiseFlag } from '../../db/factory/equipment-flags.ts';
import { listFetches, setParameters } from '../../db/factory/equipment-parameters.ts';
import { findUnreadSessions, listEdges, readSession } from '../../db/factory/equipment-sessions.ts';
import { listStatusChanges, readTimeline } from '../../db/factory/equipment-status.ts';
import { connectDatabase, migrate, type Database } from '../../db/index.ts';
import { createDepartment } from '../../db/people.ts';
import {
  KEY_FLAGS,
  type MomCallOf,
  type MomCallRecord,
  type MomName,
  type MomReply,
  type MomRequests,
} from '../../gateways/mom/contract.ts';
import { nextState, SESSION_STATES, type SessionState } from '../../workflows/rules/equipment.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { REQUESTS } from '../support/mom-requests.ts';
import { waitFor } from '../support/wait.ts';

const SELDOM = { flushMs: 3_600_000, sweepMs: 3_600_000, pruneMs: 3_600_000, unreadMs: 0 };
const SETTINGS: MomSettings = {
  token: null,
  allowedAddresses: [],
  keyFlags: KEY_FLAGS,
  isPasswordNeeded: false,
  skewLimitMs: 60_000,
};

let testDatabase: TestDatabase;
let database: Database;
let departmentId: number;
let host: MomInbound;
let warnings: string[];
let woken: { code: string; edge: string }[];
let isTemporalAway = false;
let made = 0;

beforeAll(async () => {
  testDatabase = await createTestDatabase(migrate);
  database = connectDatabase(testDatabase.url, { poolSize: 6 });
  departmentId = (await createDepartment(database.db, 'factory'))!.id;
});
afterAll(async () => {
  await database.close();
  await testDatabase.drop();
});
beforeEach(async () => {
  warnings = [];
  woken = [];
  isTemporalAway = false;
  host = create();
  await host.start();
});
afterEach(() => host.stop());

function create(settings: Partial<MomSettings> = {}, times: MomInboundOptions['times'] = SELDOM): MomInbound {
  const ignore = () => {};
  const log = {
    debug: ignore,
    info: ignore,
    error: ignore,
    warn: (_: object, text: string) => void warnings.push(text),
  };
  const executions = {
    wakeEquipment: async ({ code }: { code: string }, edge: string) => {
      if (isTemporalAway) throw new Error('Temporal is away');
      woken.push({ code, edge });
    },
  };
  return new MomInbound({ database, executions, log, settings: { ...SETTINGS, ...settings }, ...(times && { times }) });
}

const FIELDS: EquipmentFields = {
  name: 'welder',
  model: 'W1',
  location: 'A1',
  periodS: 30,
  allowedAddresses: [],
  isHoldListed: false,
  isActive: true,
  remark: '',
};

/** An equipment nobody has used before, known to the host. */
async function equipment(fields: Partial<EquipmentFields> = {}) {
  const code = `EQ${String((made += 1)).padStart(5, '0')}`;
  const id = await createEquipment(database.db, { ...FIELDS, ...fields, code, departmentId, createdBy: 'test' });
  await waitFor(() => host.directory.get(code));
  return { id: id!, code };
}

let sessions = 0;
function call<Name extends MomName>(
  name: Name,
  code: string,
  over: Partial<MomRequests[Name]> = {},
  fingerprint = 'f1',
) {
  const request = {
    ...REQUESTS[name],
    requestedAtMs: Date.now(),
    sessionId: `S${(sessions += 1)}`,
    ...over,
    equipmentCode: code,
  };
  const receivedAtMs = Date.now();
  return {
    name,
    calledAs: name,
    request,
    address: '10.0.0.7',
    receivedAtMs,
    warnings: [],
    fingerprint,
  } as unknown as MomCallOf<Name>;
}
const handle = async (...args: Parameters<typeof call>): Promise<MomReply> => host.handle(call(...args) as never);
const rowOf = async (code: string) => (await findEquipment(database.db, departmentId, code))!;
const edgesOf = async (id: number) =>
  (await listEdges(database.db, id, { before: undefined, limit: 50 })).map(({ edge }) => edge).toReversed();
const asIf = (id: number, secondsAgo: number) => database.sql`
  update equipment_sessions set last_seen_at = clock_timestamp() - make_interval(secs => ${secondsAgo}) where equipment_id = ${id}`;
const listeningSince = (secondsAgo: number) => database.sql`
  insert into equipment_listening (id, since, until) values (1, clock_timestamp() - make_interval(secs => ${secondsAgo}), clock_timestamp())
  on conflict (id) do update set since = excluded.since, until = excluded.until`;

describe('a session', () => {
  it('goes online, lives, and its beats in steady state change nothing but when it was seen', async () => {
    const { id, code } = await equipment();
    expect(await handle('EqptRun', code)).toMatchObject({
      ok: true,
      answer: { paramRefreshFlag: false, parameters: [] },
    });
    expect((await rowOf(code)).state).toBe('online');
    for (let beat = 0; beat < 5; beat++) {
      expect(await handle('EqptAlive', code)).toEqual({ ok: true, name: 'EqptAlive', answer: { keyFlag: '99' } });
      await host.flush();
    }
    const row = await rowOf(code);
    expect(row).toMatchObject({ state: 'alive', lastAddress: '10.0.0.7', software: 'KATOP', operatingMode: 0 });
    expect(await edgesOf(id)).toEqual(['online', 'alive']);
    expect(woken).toEqual([
      { code, edge: 'online' },
      { code, edge: 'alive' },
    ]);
  });

  it('is suspect, offline, and back only with a good round trip; events tell of the last two', async () => {
    const { id, code } = await equipment();
    host = await restarted({ flushMs: 50 });
    await handle('EqptAlive', code);
    await waitFor(async () => (await rowOf(code)).state === 'alive');
    await listeningSince(3_600);
    await asIf(id, 50);
    await waitFor(async () => (await rowOf(code)).state === 'suspect');
    await asIf(id, 91);
    await waitFor(async () => (await rowOf(code)).state === 'offline');
    await handle('EqptStatus', code);
    await host.flush();
    expect((await rowOf(code)).state).toBe('offline');
    await handle('EqptAlive', code);
    await host.flush();
    expect(await edgesOf(id)).toEqual(['alive', 'suspect', 'offline', 'back']);
    const events = await database.sql`
      select kind, data->>'state' as state from events where data->>'equipmentCode' = ${code} and kind <> 'equipment.clock_skew' order by id`;
    expect([...events]).toEqual([
      { kind: 'equipment.offline', state: 'offline' },
      { kind: 'equipment.back', state: 'alive' },
    ]);
    expect(woken.map(({ edge }) => edge)).toEqual(['alive', 'suspect', 'offline', 'back']);
  });

  it('does not count silence while nobody listened', async () => {
    const { id, code } = await equipment();
    await handle('EqptAlive', code);
    await host.flush();
    await asIf(id, 600);
    await listeningSince(40);
    host = await restarted({ flushMs: 50 });
    await waitFor(
      async () =>
        (await database.sql`select 1 from equipment_listening where until > clock_timestamp() - interval '1 s'`)
          .length > 0,
    );
    await host.flush();
    expect((await rowOf(code)).state).toBe('alive');
    await listeningSince(46);
    await waitFor(async () => (await rowOf(code)).state === 'suspect');
  });

  it('changes in SQL as the rule says', async () => {
    const { id, code } = await equipment();
    for (const state of SESSION_STATES) {
      for (const [sign, name] of [
        ['heartbeat', 'EqptAlive'],
        ['call', 'WaterContent'],
        ['online', 'EqptRun'],
      ] as const) {
        await database.sql`update equipment_sessions set state = ${state} where equipment_id = ${id}`;
        await handle(name, code);
        await host.flush();
        expect([state, sign, (await rowOf(code)).state]).toEqual([state, sign, nextState(state as SessionState, sign)]);
      }
    }
  });

  it('has its workflow woken again when a wake-up was lost', async () => {
    const { id, code } = await equipment();
    isTemporalAway = true;
    await handle('EqptRun', code);
    await waitFor(() => warnings.length > 0);
    expect((await findUnreadSessions(database.db, 0, 100)).map((each) => each.code)).toContain(code);
    isTemporalAway = false;
    host = await restarted({ sweepMs: 50 });
    await waitFor(() => woken.some((each) => each.code === code && each.edge === 'unread'));
    const facts = await readSession(database.db, id, 0);
    expect(facts).toMatchObject({ state: 'online', isActive: true, pendingFlags: [], openAlarms: [] });
    expect(facts!.edges.map(({ edge }) => edge)).toEqual(['online']);
    expect((await findUnreadSessions(database.db, 0, 100)).map((each) => each.code)).not.toContain(code);
  });

  it('tells of a clock that is far off, once, and of one that is right again', async () => {
    const { code } = await equipment();
    for (const skew of [90_000, 95_000, 45_000, 1_000]) {
      await handle('EqptAlive', code, { requestedAtMs: Date.now() + skew });
      await host.flush();
    }
    const events = await database.sql`
      select data->>'isSkewed' as "isSkewed" from events where kind = 'equipment.clock_skew' and data->>'equipmentCode' = ${code} order by id`;
    expect(events.map(({ isSkewed }) => isSkewed)).toEqual(['true', 'false']);
    expect(Math.abs((await rowOf(code)).skewMs! - 1_000)).toBeLessThan(500);
  });
});

async function restarted(times: MomInboundOptions['times'], settings: Partial<MomSettings> = {}): Promise<MomInbound> {
  await host.stop();
  const next = create(settings, { ...SELDOM, ...times });
  await next.start();
  return next;
}

describe('who may call', () => {
  const from = (address: string, equipmentCode: string | null = null, token: string | null = null) =>
    host.admit({ address, token, equipmentCode });

  it('is asked for address, token and code, in this order', async () => {
    const { code } = await equipment({ allowedAddresses: ['10.1.0.0/16', '2001:db8::1'] });
    host = await restarted({}, { token: 'geheim', allowedAddresses: ['10.0.0.0/8', '2001:db8::/32'] });
    expect(from('192.168.0.1', 'nobody')).toEqual({ ok: false, failure: 'address_not_allowed' });
    expect(from('10.9.9.9', 'nobody')).toEqual({ ok: false, failure: 'token_wrong' });
    expect(from('10.9.9.9', 'nobody', 'geheim!')).toEqual({ ok: false, failure: 'token_wrong' });
    expect(from('10.9.9.9', 'nobody', 'geheim')).toEqual({ ok: false, failure: 'equipment_unknown' });
    expect(from('10.9.9.9', code, 'geheim')).toEqual({ ok: false, failure: 'address_not_allowed' });
    expect(from('::ffff:10.1.2.3', code, 'geheim')).toEqual({ ok: true });
    expect(from('2001:db8::1', code, 'geheim')).toEqual({ ok: true });
    expect(from('10.9.9.9', null, 'geheim')).toEqual({ ok: true });
  });

  it('counts strangers and keeps the calls of equipment', async () => {
    const { id, code } = await equipment();
    const record: MomCallRecord = {
      name: 'EqptStatus',
      calledAs: 'EqptStatus',
      address: '10.9.9.9',
      isAdmitted: false,
      equipmentCode: 'NOBODY',
      sessionId: 'S',
      receivedAtMs: Date.now(),
      tookMs: 1.4,
      resultFlag: true,
      success: false,
      failure: 'equipment_unknown',
      message: 'unknown EquipmentCode',
      isRepeated: false,
      warnings: ['comment'],
      raw: '{}',
    };
    host.record(record);
    host.record(record);
    host.record({ ...record, isAdmitted: true, equipmentCode: code, success: true, failure: null });
    await host.flush();
    const strangers = await listStrangers(database.db, departmentId, { limit: 100, before: undefined });
    expect(strangers.find((each) => each.code === 'NOBODY')).toMatchObject({ calls: 2, failure: 'equipment_unknown' });
    const calls = await listCalls(database.db, id, {}, { before: undefined, limit: 10 });
    expect(calls).toEqual([expect.objectContaining({ name: 'EqptStatus', tookMs: 1, warnings: ['comment'] })]);
  });
});

describe('a call', () => {
  it('that is repeated gets the first reply and does nothing twice', async () => {
    const { id, code } = await equipment();
    await raiseFlag(database.db, { equipmentId: id, action: 'material_up', author: 'li', cause: '' });
    const first = call('MaterialUpLoad', code, { sessionId: 'SAME' });
    expect(await host.handle(first)).toEqual({ ok: true, name: 'MaterialUpLoad', answer: {} });
    expect(await host.handle(first)).toEqual({ ok: true, name: 'MaterialUpLoad', answer: {}, isRepeated: true });
    const other = call('MaterialUpLoad', code, { sessionId: 'SAME' }, 'f2');
    expect(await host.handle(other)).toEqual({ ok: true, name: 'MaterialUpLoad', answer: {} });
    expect(await listFollowUps(database.db, id, { before: undefined, limit: 10 })).toHaveLength(2);
    expect((await listFlags(database.db, id, { limit: 10 }))[0]).toMatchObject({
      status: 'followed',
      endedBy: 'equipment',
    });
  });

  it('at the same moment as its repetition happens once', async () => {
    const { id, code } = await equipment();
    const twice = call('WaterContent', code);
    const replies = await Promise.all([host.handle(twice), host.handle(twice), host.handle(twice)]);
    expect(replies.filter(({ isRepeated }) => isRepeated === true)).toHaveLength(2);
    expect(await listFollowUps(database.db, id, { before: undefined, limit: 10 })).toHaveLength(1);
  });

  it('by hand needs an employee, with a password where the site says so; a mistyped one may be tried again', async () => {
    const { code } = await equipment();
    const passwordHash = await hashPassword('secret');
    const employee = { departmentId, number: `E${code}`, createdBy: 'test' };
    await createEmployee(database.db, { ...employee, passwordHash });
    await createEmployee(database.db, { ...employee, number: `N${code}` });
    const unbind = async (employeeNo: string, password: string | null = null) => {
      const reply = await handle('TrayUnbind', code, { opFlag: 1, employeeNo, password, sessionId: 'SAME' });
      return reply.ok ? 'done' : reply.failure;
    };
    expect(await unbind('')).toBe('employee_missing');
    expect(await unbind('nobody')).toBe('employee_unknown');
    expect(['employee_unknown', 'password_wrong']).not.toContain(await unbind(`E${code}`));
    host = await restarted({}, { isPasswordNeeded: true });
    expect(await unbind(`E${code}`)).toBe('password_missing');
    expect(await unbind(`N${code}`, 'secret')).toBe('password_not_set');
    expect(await unbind(`E${code}`, 'Secret')).toBe('password_wrong');
    expect(await unbind(`E${code}`, 'secret')).not.toBe('password_wrong');
  });
});

describe('flags', () => {
  it('that changed without a word being heard of it are found when all is read again', async () => {
    const { id, code } = await equipment();
    const served = async () => {
      await host.directory.reload(null);
      return host.directory.get(code)?.flagAction;
    };
    expect([await served(), await served()]).toEqual([null, null]);
    await database.sql`insert into equipment_flags (equipment_id, action, raised_by) values (${id}, 'material_up', 'test')`;
    expect([await served(), await served()]).toEqual(['material_up', 'material_up']);
    await database.sql`update equipment_flags set status = 'cancelled' where equipment_id = ${id}`;
    expect(await served()).toBeNull();
    // Heard of when it was raised, not when it ended: what is true now was true when all was read last.
    await raiseFlag(database.db, { equipmentId: id, action: 'water_content', author: 'test', cause: '' });
    await waitFor(() => host.directory.get(code)?.flagAction === 'water_content');
    await database.sql`update equipment_flags set status = 'cancelled' where equipment_id = ${id}`;
    expect(await served()).toBeNull();
  });

  it('are served oldest first, each until its follow-up arrives, and 99 when there are none', async () => {
    const { id, code } = await equipment();
    const beat = async () => {
      const reply = await handle('EqptAlive', code);
      return reply.ok && reply.name === 'EqptAlive' ? reply.answer.keyFlag : null;
    };
    for (const action of ['water_content', 'material_up'] as const) {
      await raiseFlag(database.db, { equipmentId: id, action, author: 'li', cause: '' });
    }
    await waitFor(async () => (await beat()) === '97');
    expect(await beat()).toBe('97');
    await handle('MaterialUpLoad', code);
    expect(await beat()).toBe('97');
    await handle('WaterContent', code);
    expect(await beat()).toBe('99');
    const again = await raiseFlag(database.db, { equipmentId: id, action: 'material_down', author: 'li', cause: '' });
    const same = await raiseFlag(database.db, { equipmentId: id, action: 'material_down', author: 'wu', cause: '' });
    expect([again.isNew, same.isNew, same.flag.id === again.flag.id]).toEqual([true, false, true]);
    await host.flush();
    const flags = await listFlags(database.db, id, { limit: 10 });
    expect(flags.at(-1)!.serves).toBeGreaterThanOrEqual(3);
  });

  it('of parameters ends with the online call that fetches them, and they are fetched again when they may not have arrived', async () => {
    const { id, code } = await equipment();
    const limits = {
      upperControlLimit: null,
      lowerControlLimit: null,
      upperSpecificationsLimit: null,
      lowerSpecificationsLimit: null,
      upperLimit: null,
      lowerLimit: null,
    };
    const parameter = {
      parameterCode: 'P',
      parameterType: 'Process',
      targetValue: '1',
      uomCode: null,
      ...limits,
      description: 'a',
      equipmentAvailabilityFlag: 'TRUE',
    };
    const parameters = [parameter, { ...parameter, description: 'b' }];
    const list = {
      equipmentId: id,
      label: null,
      productDesc: 'cell',
      firstArticleNum: null,
      debugNum: null,
      author: 'li',
      cause: '',
    };
    await setParameters(database.db, { ...list, parameters });
    await raiseFlag(database.db, { equipmentId: id, action: 'parameters', author: 'li', cause: '' });
    const run = async () => {
      const reply = await handle('EqptRun', code);
      if (!reply.ok || reply.name !== 'EqptRun') throw new Error(reply.ok ? reply.name : reply.message);
      return reply.answer;
    };
    expect(await run()).toEqual({
      productDesc: 'cell',
      firstArticleNum: null,
      debugNum: null,
      paramVersion: 'V1',
      paramRefreshFlag: true,
      parameters,
    });
    expect((await run()).paramRefreshFlag).toBe(true);
    expect(await handle('EqptAlive', code)).toMatchObject({ answer: { keyFlag: '99' } });
    await host.flush();
    expect((await run()).paramRefreshFlag).toBe(false);
    const fetches = await listFetches(database.db, id, { before: undefined, limit: 10 });
    expect(fetches.map(({ version, employeeNo }) => [version, employeeNo])).toEqual([
      [1, 'E0001'],
      [1, 'E0001'],
    ]);
    expect(await rowOf(code)).toMatchObject({ parametersVersion: 1, fetchedVersion: 1, pendingFlags: [] });
  });
});

describe('statuses', () => {
  it('follow ChangeTime: a late one is kept and changes nothing, one of the future does not keep others out', async () => {
    const { id, code } = await equipment();
    const at = Date.now() - 3_600_000;
    const say = (statusCode: string, changedAtMs: number) => handle('EqptStatus', code, { statusCode, changedAtMs });
    await say('Working', at);
    await say('Alert', at + 60_000);
    await say('idle', at + 30_000);
    expect(await rowOf(code)).toMatchObject({ status: 'Alerting', statusSince: new Date(at + 60_000) });
    await say('idle', at + 30_000);
    await say('Down', Date.now() + 86_400_000);
    await say('Running', Date.now());
    expect((await rowOf(code)).status).toBe('Running');
    const changes = await listStatusChanges(database.db, id, { before: undefined, limit: 10 });
    expect(changes.map(({ status, isLate }) => [status, isLate]).toReversed()).toEqual([
      ['Running', false],
      ['Alerting', false],
      ['Waiting', true],
      ['Down', false],
      ['Running', false],
    ]);
    const timeline = await readTimeline(database.db, id, { fromMs: at + 45_000, toMs: Date.now() });
    expect(timeline.changes.map(({ status }) => status)).toEqual(['Waiting', 'Alerting', 'Down', 'Running']);
  });

  it('that go and come back within one second end where the equipment is; told anew, nothing is stored twice', async () => {
    const { id, code } = await equipment();
    const changedAtMs = Math.floor(Date.now() / 1_000) * 1_000 - 60_000;
    const say = (statusCode: string) => handle('EqptStatus', code, { statusCode, changedAtMs });
    for (const status of ['Running', 'Running', 'Down', 'Down', 'Running', 'Running']) await say(status);
    expect(await rowOf(code)).toMatchObject({ status: 'Running', statusSince: new Date(changedAtMs) });
    const changes = await listStatusChanges(database.db, id, { before: undefined, limit: 10 });
    expect(changes.map(({ status }) => status)).toEqual(['Running', 'Down', 'Running']);
  });
});

describe('alarms', () => {
  it('are raised, counted, cleared, acknowledged, with a journal and events', async () => {
    const { id, code } = await equipment();
    const alert = (alertCode: string, isRaised: boolean) =>
      handle('EqptAlert', code, {
        alerts: [{ alertCode, isRaised, description: 'no air', level: '2', partCode: null, productType: null }],
      });
    await alert('A1', true);
    await alert('A1', true);
    await alert('B1', false);
    const [open] = await listAlarms(database.db, departmentId, { equipmentCode: code }, { limit: 10 });
    expect(open).toMatchObject({ alertCode: 'A1', raises: 2, clearedAt: null, acknowledgedAt: null });
    expect(await acknowledgeAlarm(database.db, open!.id, { author: 'li', cause: 'on my way' })).toBe(true);
    expect(await acknowledgeAlarm(database.db, open!.id, { author: 'wu', cause: '' })).toBe(false);
    await alert('A1', false);
    await alert('A1', true);
    const alarms = await listAlarms(database.db, departmentId, { equipmentCode: code }, { limit: 10 });
    expect(alarms.map(({ raises, clearedAt, acknowledgedBy }) => [raises, clearedAt !== null, acknowledgedBy])).toEqual(
      [
        [1, false, null],
        [2, true, 'li'],
      ],
    );
    const log = await listAlarmLog(database.db, id, { limit: 20 });
    expect(log.map(({ event, alertCode, author }) => [event, alertCode, author]).toReversed()).toEqual([
      ['raised', 'A1', 'equipment'],
      ['clear_unknown', 'B1', 'equipment'],
      ['acknowledged', 'A1', 'li'],
      ['cleared', 'A1', 'equipment'],
      ['raised', 'A1', 'equipment'],
    ]);
    const events = await database.sql`select kind from events where data->>'equipmentCode' = ${code} order by id`;
    expect(events.map(({ kind }) => kind)).toEqual(['equipment.alarm', 'equipment.alarm_cleared', 'equipment.alarm']);
    expect(woken.map(({ edge }) => edge)).toEqual(['alarms', 'alarms', 'alarms']);
  });
});

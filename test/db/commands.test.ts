import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import * as messages from '../../db/commands/command-messages.ts';
import * as steps from '../../db/commands/command-steps.ts';
import * as commands from '../../db/commands/commands.ts';
import { deleteDevice } from '../../db/devices/devices.ts';
import {
  COMMAND_KINDS,
  COMMAND_STATUSES,
  COMMANDS_PER_DEVICE,
  judgeCommand,
  mayFollowCommand,
  type CommandAnswer,
  type CommandOrder,
  type CommandStatus,
} from '../../workflows/rules/commands.ts';
import { waitFor } from '../support/wait.ts';
import { Records } from './records.ts';

let records: Records;
let departmentId: number;
beforeAll(async () => {
  records = await Records.start();
  const [row] = await records.sql`select id from departments`;
  departmentId = row!['id'] as number;
  await records.sql.unsafe(`
    create table command_changes (command_id bigint, was text, becomes text);
    create function note_command() returns trigger language plpgsql as $$
      begin insert into command_changes values (new.id, old.status, new.status); return null; end $$;
    create trigger note after update on device_commands for each row when (old.status <> new.status) execute function note_command();`);
});
afterAll(() => records.stop());

/** Whatever a test did: no status changed against the rules, or without its line in the same transaction. */
afterEach(async () => {
  const changes = await records.sql<{ was: CommandStatus; becomes: CommandStatus; logged: boolean }[]>`
    select was, becomes, exists (select 1 from device_command_log l
      where l.command_id = c.command_id and l.xmin = c.xmin and l.status = c.becomes) as logged from command_changes c`;
  expect(changes.filter(({ logged }) => !logged)).toEqual([]);
  expect(changes.filter(({ was, becomes }) => !mayFollowCommand(was, becomes))).toEqual([]);
});

const SLEEP: CommandOrder = { kind: 'set_sleep', minutes: 600 };
const HOUR = 3_600_000;
let made = 0;

/** A pile or PCP device; terminals are made by the records. */
async function other(protocol: 'pile' | 'pcp'): Promise<string> {
  const identity = String(++made).padStart(14, '3');
  const id = `${protocol}-${identity}`;
  await records.sql`insert into devices (id, protocol, identity, department_id, created_by)
    values (${id}, ${protocol}, ${identity}, ${departmentId}, 'test')`;
  return id;
}

async function give(deviceId: string, order: CommandOrder = SLEEP, lifeMs = HOUR): Promise<number> {
  const given = { deviceId, departmentId, order, lifeMs, author: 'li', cause: 'complaints' };
  const result = await commands.insertCommand(records.db, given);
  if (result.kind !== 'made') throw new Error(result.kind);
  return result.id;
}

const opens = (commandId: number, attempt = 1, stage: 'order' | 'check' = 'order') =>
  steps.openCommandAttempt(records.db, { commandId, attempt, stage, cause: 'waits' });
const claims = async (commandId: number, attempt = 1) =>
  (await messages.claimCommand(records.db, commandId, attempt)).outcome;
const answers = (deviceId: string, answer: CommandAnswer) => messages.writeAnswer(records.db, deviceId, answer);
const reads = (commandId: number) => steps.readCommand(records.db, commandId);
const open = async (deviceId: string) => (await messages.findOpenCommand(records.db, deviceId))?.id ?? null;
const says = (value: string, cmd = 'SLPT'): CommandAnswer => ({ said: 'value', cmd, value });
const row = async (commandId: number) => (await commands.findCommand(records.db, departmentId, commandId))!;
const log = async (commandId: number) =>
  (await commands.listCommandLog(records.db, commandId)).map(
    ({ author, event, status }) => `${author} ${event} ${status}`,
  );
const ends = (commandId: number, status: 'succeeded' | 'failed' | 'expired' = 'succeeded') =>
  steps.finishCommand(records.db, { commandId, status, reason: null, author: 'device', cause: 'as it was' });
const eventsOf = (commandId: number) =>
  records.sql`select data from events where (data->>'commandId')::int = ${commandId}`;

/** A command whose first attempt may be sent. */
async function opened(order: CommandOrder = SLEEP, deviceId?: string) {
  const device = deviceId ?? (await records.device({ online: true }));
  const id = await give(device, order);
  await opens(id);
  return { id, deviceId: device };
}

describe('a command that is given', () => {
  it('is stored with who gave it, and waits', async () => {
    const deviceId = await records.device();
    const id = await give(deviceId);
    expect(await row(id)).toMatchObject({
      deviceId,
      kind: 'set_sleep',
      params: { minutes: 600 },
      status: 'waiting',
      attempt: 0,
    });
    expect(await log(id)).toEqual(['li ordered waiting']);
  });

  it('is refused while the same one has not ended, with the number of that one, also when both come at once', async () => {
    const deviceId = await records.device();
    const given = { deviceId, departmentId, order: SLEEP, lifeMs: HOUR, author: 'li', cause: '' };
    const both = await Promise.all([1, 2].map(() => commands.insertCommand(records.db, given)));
    const first = both.find(({ kind }) => kind === 'made') as { id: number };
    expect(both).toContainEqual({ kind: 'exists', id: first.id });
    expect(await give(deviceId, { kind: 'set_sleep', minutes: 700 })).toBeGreaterThan(0);
    await ends(first.id);
    expect(await give(deviceId)).toBeGreaterThan(first.id);
  });

  it('is refused when the device has as many as it may have', async () => {
    const deviceId = await records.device();
    for (let minutes = 60; minutes < 60 + COMMANDS_PER_DEVICE; minutes++)
      await give(deviceId, { kind: 'set_sleep', minutes });
    await expect(give(deviceId)).rejects.toThrow('too_many');
  });

  it('keeps its device from being deleted', async () => {
    const deviceId = await records.device();
    await give(deviceId);
    expect(await records.db.transaction((tx) => deleteDevice(tx, deviceId))).toBe('has_commands');
  });

  it('has a kind and a status that are known, and a log that nobody changes', async () => {
    const id = await give(await records.device());
    for (const [column, known] of [
      ['kind', COMMAND_KINDS],
      ['status', COMMAND_STATUSES],
    ] as const) {
      await expect(
        records.sql.unsafe(`update device_commands set ${column} = 'dance' where id = ${id}`),
      ).rejects.toThrow(`device_commands_${column}_known`);
      expect(known).not.toContain('dance');
    }
    for (const change of [
      'update device_command_log set author = $1',
      'delete from device_command_log where author <> $1',
    ]) {
      await expect(records.sql.unsafe(change, ['wang'])).rejects.toThrow('append-only');
    }
  });
});

describe('a frame', () => {
  it('may not leave before an attempt is open', async () => {
    const deviceId = await records.device({ online: true });
    const id = await give(deviceId);
    expect(await open(deviceId)).toBeNull();
    expect(await claims(id, 0)).toBe('gone');
    await opens(id);
    expect(await messages.findOpenCommand(records.db, deviceId)).toMatchObject({ id, attempt: 1, order: SLEEP });
  });

  it('leaves once under one number, however many gateways ask at the same moment', async () => {
    const { id, deviceId } = await opened();
    const outcomes = await Promise.all(Array.from({ length: 8 }, () => claims(id)));
    expect(outcomes.filter((outcome) => outcome === 'claimed')).toHaveLength(1);
    expect(await row(id)).toMatchObject({ status: 'sent', sends: 1 });
    expect(await open(deviceId)).toBeNull();
    expect(await claims(id)).toBe('gone');
  });

  it('of an attempt that was overtaken does not leave', async () => {
    const { id } = await opened();
    await claims(id);
    await opens(id, 2);
    expect(await claims(id, 1)).toBe('gone');
    expect(await claims(id, 2)).toBe('claimed');
    expect(await row(id)).toMatchObject({ attempt: 2, sends: 2 });
  });

  it('does not leave after the deadline, nor when the command has ended or was answered', async () => {
    const [late, ended, answered] = [await opened(), await opened(), await opened()];
    await records.sql`update device_commands set expires_at = clock_timestamp() where id = ${late.id}`;
    await ends(ended.id);
    await claims(answered.id);
    await opens(answered.id, 2);
    await answers(answered.deviceId, says('600'));
    for (const [{ id }, attempt] of [
      [late, 1],
      [ended, 1],
      [answered, 2],
    ] as const)
      expect(await claims(id, attempt)).toBe('gone');
    expect(await open(late.deviceId)).toBeNull();
  });

  it('waits until older commands of the device have ended or are accepted', async () => {
    const deviceId = await records.device({ online: true });
    const [older, younger] = [await give(deviceId), await give(deviceId, { kind: 'read_sleep' })];
    await opens(younger);
    expect([await open(deviceId), await claims(younger)]).toEqual([null, 'gone']);
    expect((await row(younger)).behind).toBe(older);
    await opens(older);
    expect(await open(deviceId)).toBe(older);
    await claims(older);
    expect([await open(deviceId), await claims(younger)]).toEqual([null, 'gone']);
    await ends(older);
    expect([await open(deviceId), (await row(younger)).behind, await claims(younger)]).toEqual([
      younger,
      null,
      'claimed',
    ]);
  });

  it('goes past an older command that is overdue, though nobody has ended it yet', async () => {
    const deviceId = await records.device({ online: true });
    const older = await give(deviceId);
    const { id } = await opened({ kind: 'read_sleep' }, deviceId);
    await records.sql`update device_commands set expires_at = clock_timestamp() where id = ${older}`;
    expect(await open(deviceId)).toBe(id);
    expect(await claims(id)).toBe('claimed');
  });

  it('wakes the workflow only when it sleeps until then', async () => {
    const away = await opened(SLEEP, await records.device());
    const here = await opened();
    expect((await messages.claimCommand(records.db, away.id, 1)).edge).toBe(true);
    expect((await messages.claimCommand(records.db, here.id, 1)).edge).toBe(false);
    const unread = await messages.findUnreadCommands(records.db, 0, 100);
    expect(unread).toContain(away.id);
    expect(unread).not.toContain(here.id);
    expect(await reads(away.id)).toMatchObject({ status: 'sent', sends: 1 });
    expect(await messages.findUnreadCommands(records.db, 0, 100)).not.toContain(away.id);
  });
});

describe('while a device is being upgraded', () => {
  it('a terminal gets no line from its first request until it has all, unless it was silent for long', async () => {
    const offered = await records.offered();
    const { id } = await opened(SLEEP, offered.deviceId);
    const set = (sets: string) =>
      records.sql.unsafe(`update device_messages set ${sets} where id = ${offered.offerId}`);
    await set('first_request_at = clock_timestamp(), last_request_at = clock_timestamp()');
    expect(await claims(id)).toBe('busy');
    expect(await row(id)).toMatchObject({ status: 'waiting', sends: 0 });
    await set(`last_request_at = clock_timestamp() - interval '11 minutes'`);
    const silent = await opened({ kind: 'read_sleep' }, offered.deviceId);
    expect(await claims(id)).toBe('claimed');
    await ends(id);
    await set('last_request_at = clock_timestamp()');
    expect(await claims(silent.id)).toBe('busy');
    await set('finished_at = clock_timestamp()');
    expect(await claims(silent.id)).toBe('claimed');
  });

  it('a pile is not restarted from the moment it was told until the offer is closed', async () => {
    const { offerId, deviceId: owner } = await records.offered();
    const deviceId = await other('pile');
    await records.sql`update device_messages set device_id = ${deviceId} where id = ${offerId}`;
    const { id } = await opened({ kind: 'restart', control: 'when_idle' }, deviceId);
    const set = (sets: string) => records.sql.unsafe(`update device_messages set ${sets} where id = ${offerId}`);
    for (const busy of [
      'last_sent_at = clock_timestamp()',
      `last_sent_at = clock_timestamp() - interval '1 hour', accepted_at = clock_timestamp()`,
      'first_request_at = clock_timestamp(), finished_at = clock_timestamp()',
    ]) {
      await set(busy);
      expect(await claims(id), busy).toBe('busy');
    }
    await set('closed_at = clock_timestamp()');
    expect(await claims(id)).toBe('claimed');
    await records.sql`update device_messages set device_id = ${owner} where id = ${offerId}`;
  });
});

describe('an answer', () => {
  it('belongs to the oldest command that it can be an answer to and that was sent', async () => {
    const { id, deviceId } = await opened();
    expect(await answers(deviceId, says('600'))).toBeNull();
    await claims(id);
    expect(await answers(deviceId, { said: 'restart', accepted: true })).toBeNull();
    expect(await answers(deviceId, says('600'))).toBe(id);
    expect(await answers(deviceId, says('700'))).toBeNull();
    const facts = await reads(id);
    expect(facts).toMatchObject({ answer: says('600'), order: SLEEP });
    expect(judgeCommand(facts)).toMatchObject({ kind: 'end', status: 'succeeded', result: { minutes: 600 } });
  });

  it('to SLPT may come under the name of the query; to the query only under its own, and once it was asked', async () => {
    const [told, asked] = [await opened(), await opened()];
    await Promise.all([claims(told.id), claims(asked.id)]);
    expect(await answers(told.deviceId, says('600', 'CHKSLPT'))).toBe(told.id);
    expect(await answers(asked.deviceId, says('60'))).toBe(asked.id);
    expect(judgeCommand(await reads(asked.id)).kind).toBe('check');
    expect(await opens(asked.id, 2, 'check')).toMatchObject({ stage: 'check', stageAttempt: 1, answer: null });
    expect(await messages.findOpenCommand(records.db, asked.deviceId)).toMatchObject({ order: { kind: 'read_sleep' } });
    expect(await answers(asked.deviceId, says('60', 'CHKSLPT'))).toBeNull();
    await claims(asked.id, 2);
    expect(await answers(asked.deviceId, says('600'))).toBeNull();
    expect(await answers(asked.deviceId, says('60', 'CHKSLPT'))).toBe(asked.id);
    expect(judgeCommand(await reads(asked.id))).toMatchObject({ status: 'failed', reason: 'value_not_taken' });
  });

  it('that comes late counts, though the next attempt is open', async () => {
    const { id, deviceId } = await opened();
    await claims(id);
    await opens(id, 2);
    expect(await answers(deviceId, says('600'))).toBe(id);
    expect(await claims(id, 2)).toBe('gone');
    expect(judgeCommand(await reads(id))).toMatchObject({ status: 'succeeded' });
  });

  it('is not overlooked by a step that was about to sleep', async () => {
    const { id, deviceId } = await opened();
    await claims(id);
    await answers(deviceId, says('600'));
    expect(await reads(id)).toMatchObject({ awaitsContact: false, answer: says('600') });
  });

  it('of a gateway that cannot build the frame belongs to the attempt it was asked for', async () => {
    const { id } = await opened();
    expect(await messages.writeUnsendable(records.db, id, 2, 'no version')).toBeNull();
    expect(await messages.writeUnsendable(records.db, id, 1, 'no version')).toBe(id);
    expect(judgeCommand(await reads(id))).toMatchObject({ status: 'failed', reason: 'not_sendable', author: 'system' });
  });
});

describe('a restart', () => {
  const restart: CommandOrder = { kind: 'restart', control: 'at_once' };

  it('is proven by a login after the pile has accepted, and by none before', async () => {
    const { id, deviceId } = await opened(restart, await other('pile'));
    await claims(id);
    expect(await messages.writeLogin(records.db, deviceId)).toEqual([]);
    await answers(deviceId, { said: 'restart', accepted: true });
    expect(judgeCommand(await reads(id)).kind).toBe('accepted');
    expect(await steps.acceptCommand(records.db, id)).toMatchObject({ status: 'accepted', proven: false });
    expect(await messages.writeLogin(records.db, deviceId)).toEqual([id]);
    expect(await messages.writeLogin(records.db, deviceId)).toEqual([]);
    expect(judgeCommand(await reads(id))).toMatchObject({ status: 'succeeded' });
  });

  it('that is back before anybody has read its answer is proven, too', async () => {
    const { id, deviceId } = await opened(restart, await other('pile'));
    await claims(id);
    await answers(deviceId, { said: 'restart', accepted: true });
    expect(await messages.writeLogin(records.db, deviceId)).toEqual([id]);
    const facts = await steps.acceptCommand(records.db, id);
    expect(judgeCommand(facts)).toMatchObject({ status: 'succeeded' });
  });

  it('that was refused is not proven by a login', async () => {
    const { id, deviceId } = await opened(restart, await other('pile'));
    await claims(id);
    await answers(deviceId, { said: 'restart', accepted: false });
    expect(await messages.writeLogin(records.db, deviceId)).toEqual([]);
    expect(judgeCommand(await reads(id))).toMatchObject({ status: 'failed', reason: 'pile_refused' });
  });

  it('that is accepted lets the next command pass', async () => {
    const { id, deviceId } = await opened({ kind: 'restart', control: 'when_idle' }, await other('pile'));
    const next = await opened(restart, deviceId);
    await claims(id);
    await answers(deviceId, { said: 'restart', accepted: true });
    expect(await claims(next.id)).toBe('gone');
    await steps.acceptCommand(records.db, id);
    expect(await claims(next.id)).toBe('claimed');
  });
});

describe('steps of the workflow', () => {
  it('may be repeated: each says what is so and changes nothing more', async () => {
    const { id } = await opened();
    const lines = await log(id);
    expect(await opens(id)).toMatchObject({ attempt: 1 });
    expect(await log(id)).toEqual(lines);
    await ends(id);
    expect(await ends(id, 'failed')).toEqual({ status: 'succeeded', reason: null });
    expect(await opens(id, 2)).toMatchObject({ status: 'succeeded', attempt: 1 });
    expect(await steps.acceptCommand(records.db, id)).toMatchObject({ status: 'succeeded' });
    expect(await eventsOf(id)).toHaveLength(1);
  });

  it('that leave out an attempt, or are about nothing, are bugs', async () => {
    const { id } = await opened();
    await expect(opens(id, 3)).rejects.toThrow('cannot be opened');
    await expect(reads(999_999)).rejects.toThrow('does not exist');
  });

  it('open no attempt after the deadline', async () => {
    const { id } = await opened();
    await records.sql`update device_commands set expires_at = clock_timestamp() where id = ${id}`;
    const facts = await opens(id, 2);
    expect(facts.attempt).toBe(1);
    expect(judgeCommand(facts)).toMatchObject({ kind: 'end', status: 'expired' });
  });

  it('tell the gateways when there may be something to send', async () => {
    const heard: string[] = [];
    const listening = await records.sql.listen('device_command', (deviceId) => heard.push(deviceId));
    const { id, deviceId } = await opened();
    const counted = () => heard.filter((each) => each === deviceId).length;
    await waitFor(() => counted() === 1);
    await ends(id);
    await waitFor(() => counted() === 2);
    const next = await give(deviceId);
    expect(await commands.cancelCommand(records.db, next, { author: 'li', cause: '' })).toBe(true);
    await waitFor(() => counted() === 3);
    await listening.unlisten();
  });
});

describe('taking a command back', () => {
  const cancel = (id: number) => commands.cancelCommand(records.db, id, { author: 'wang', cause: 'wrong one' });

  it('works while it waits, with author and cause, and an event for those who listen', async () => {
    const { id, deviceId } = await opened();
    expect(await cancel(id)).toBe(true);
    expect(await row(id)).toMatchObject({ status: 'cancelled', finishedAt: expect.any(Date) });
    expect((await log(id)).at(-1)).toBe('wang cancelled cancelled');
    expect((await commands.listCommandLog(records.db, id)).at(-1)?.cause).toBe('wrong one; it was never sent');
    expect((await eventsOf(id))[0]!['data']).toMatchObject({ command: 'set_sleep', status: 'cancelled', sends: 0 });
    expect([await claims(id), await open(deviceId), await cancel(id)]).toEqual(['gone', null, false]);
    expect(await reads(id)).toMatchObject({ status: 'cancelled' });
  });

  it('does not work once the frame has left, the answer is there, or the device has agreed', async () => {
    const [sent, answered, agreed] = [
      await opened(),
      await opened(),
      await opened({ kind: 'restart', control: 'when_idle' }, await other('pile')),
    ];
    for (const { id } of [sent, answered, agreed]) await claims(id);
    await opens(answered.id, 2);
    await answers(answered.deviceId, says('600'));
    await answers(agreed.deviceId, { said: 'restart', accepted: true });
    await steps.acceptCommand(records.db, agreed.id);
    for (const { id } of [sent, answered, agreed]) expect(await cancel(id)).toBe(false);
  });

  it('or sending it: one of the two happens when both come at the same moment', async () => {
    for (let time = 0; time < 10; time++) {
      const { id } = await opened();
      const [isCancelled, outcome] = await Promise.all([cancel(id), claims(id)]);
      expect(isCancelled ? 'gone' : 'claimed').toBe(outcome);
    }
  });
});

describe('commands that nobody looks after', () => {
  const find = async (times: { untakenMs: number; overdueMs: number }) =>
    (await messages.findUnstartedCommands(records.db, { ...times, limit: 1_000 })).map(({ id }) => id);

  it('are found when no workflow took them up, with what it takes to start one', async () => {
    const deviceId = await records.device();
    const id = await give(deviceId);
    expect(await find({ untakenMs: HOUR, overdueMs: HOUR })).not.toContain(id);
    const found = await messages.findUnstartedCommands(records.db, { untakenMs: 0, overdueMs: HOUR, limit: 1_000 });
    expect(found).toContainEqual({ id, deviceId, department: 'test', protocol: 'terminal', order: SLEEP });
    await opens(id);
    expect(await find({ untakenMs: 0, overdueMs: HOUR })).not.toContain(id);
  });

  it('are found when they are past their deadline and have not ended', async () => {
    const { id } = await opened();
    await records.sql`update device_commands set expires_at = clock_timestamp() - interval '2 minutes' where id = ${id}`;
    expect(await find({ untakenMs: HOUR, overdueMs: 60_000 })).toContain(id);
    await ends(id, 'expired');
    expect(await find({ untakenMs: HOUR, overdueMs: 60_000 })).not.toContain(id);
    expect(await messages.findStartableCommand(records.db, id)).toBeNull();
  });
});

/**
 * One command as its workflow drives it: attempts are opened, answers read, ends written. Every function is one
 * transaction that locks the command's row, so row and log change together or not at all; every function may be
 * repeated.
 */
import { sql, type SQL } from 'drizzle-orm';
import { commandEvents } from './commands.ts';
import { InvariantError, type Db } from '../index.ts';
import { IS_ONLINE } from '../upgrades/pacing.ts';
import { DEVICE_COMMAND_CHANNEL } from '../schema.ts';
import {
  isCommandEnd,
  mayFollowCommand,
  type CommandEnd,
  type CommandFacts,
  type CommandOrder,
  type CommandStage,
  type CommandStatus,
} from '../../workflows/rules/commands.ts';

/** What a step writes into the log. */
interface Entry {
  author: string;
  cause: string;
  details?: Record<string, unknown>;
}

/** How a command is ended; also by who cancels its execution in Temporal. */
export interface Ending extends Pick<CommandEnd, 'reason' | 'cause' | 'result'> {
  commandId: number;
  status: CommandEnd['status'] | 'cancelled';
  author: string;
}

/**
 * Opens an attempt: from now on its frame may leave. Returns what is so now; when that attempt, or a later one, is open
 * already, or the command has ended or is overdue, nothing changes.
 */
export async function openCommandAttempt(
  db: Db,
  { commandId, attempt, stage, cause }: { commandId: number; attempt: number; stage: CommandStage; cause: string },
): Promise<CommandFacts> {
  return db.transaction(async (tx) => {
    const row = await lockCommand(tx, commandId);
    if (isCommandEnd(row.status) || row.attempt >= attempt || row.nowMs >= row.expiresAtMs) return read(tx, row);
    if (attempt !== row.attempt + 1) {
      throw new InvariantError(`command ${commandId} is at attempt ${row.attempt}, ${attempt} cannot be opened`);
    }
    const stageAttempt = stage === row.stage ? row.stageAttempt + 1 : 1;
    const change: Partial<Row> = {
      status: 'waiting',
      attempt,
      stage,
      stageAttempt,
      sentAtMs: null,
      answer: null,
      awaitsContact: !row.online,
    };
    await write(
      tx,
      row,
      change,
      sql`attempt = ${attempt}, stage = ${stage}, stage_attempt = ${stageAttempt}, sent_at = null, answer = null,
          answered_at = null, awaits_contact = ${!row.online}`,
      { author: 'system', cause },
      'attempt_opened',
    );
    await announce(tx, row.deviceId);
    return facts({ ...row, ...change });
  });
}

/** What is so now. Nobody looks again before the device has had contact: the sending will wake whoever waits. */
export async function readCommand(db: Db, commandId: number): Promise<CommandFacts> {
  return db.transaction(async (tx) => {
    const row = await lockCommand(tx, commandId);
    const parks = row.status === 'waiting' && row.sentAtMs === null && row.answer === null && !row.awaitsContact;
    if (!parks) return read(tx, row);
    await tx.execute(sql`update device_commands set awaits_contact = true, edge_at = null where id = ${row.id}`);
    return facts({ ...row, awaitsContact: true });
  });
}

/** Writes down that the device has accepted; what proves that it was done is awaited. The next command may go. */
export async function acceptCommand(db: Db, commandId: number): Promise<CommandFacts> {
  return db.transaction(async (tx) => {
    const row = await lockCommand(tx, commandId);
    if (isCommandEnd(row.status) || row.status === 'accepted') return read(tx, row);
    await write(
      tx,
      row,
      { status: 'accepted' },
      sql`accepted_at = coalesce(answered_at, clock_timestamp())`,
      { author: 'device', cause: 'accepted; done when the device logs in again' },
      'accepted',
    );
    await announce(tx, row.deviceId);
    return facts(await lockCommand(tx, commandId));
  });
}

/** Ends a command. Returns how it has ended, which is otherwise when somebody was faster. */
export async function finishCommand(
  db: Db,
  { commandId, status, reason, author, cause, result }: Ending,
): Promise<{ status: CommandStatus; reason: string | null }> {
  return db.transaction(async (tx) => {
    const row = await lockCommand(tx, commandId);
    if (isCommandEnd(row.status)) {
      await read(tx, row);
      return { status: row.status, reason: row.reason };
    }
    const learnt = result === undefined ? sql`null` : sql`${JSON.stringify(result)}::jsonb`;
    await write(
      tx,
      row,
      { status },
      sql`reason = ${reason}, result = ${learnt}, finished_at = clock_timestamp()`,
      { author, cause, ...(result === undefined ? {} : { details: { ...result } }) },
      status,
    );
    const ended = sql`(select * from device_commands where id = ${row.id})`;
    await tx.execute(commandEvents(ended, sql`${cause}::text`));
    await announce(tx, row.deviceId);
    return { status, reason };
  });
}

// ---------------------------------------------------------------- inside a transaction

/** A command whose row this transaction has locked. */
interface Row extends Omit<CommandFacts, 'order'>, Record<string, unknown> {
  id: number;
  deviceId: string;
  kind: CommandOrder['kind'];
  params: object;
}

const ms = (column: string) => sql.raw(`(extract(epoch from ${column}) * 1000)::float8`);

async function lockCommand(tx: Db, commandId: number): Promise<Row> {
  const [row] = await tx.execute<Row>(sql`
    select k.id::float8 as id, k.device_id as "deviceId", k.kind, k.params, k.status, k.reason, k.stage, k.attempt,
      k.stage_attempt as "stageAttempt", k.sends, ${ms('k.sent_at')} as "sentAtMs", k.awaits_contact as "awaitsContact",
      k.answer, ${ms('k.accepted_at')} as "acceptedAtMs", k.proven_at is not null as proven,
      ${ms('k.expires_at')} as "expiresAtMs", ${ms('clock_timestamp()')} as "nowMs", coalesce(${IS_ONLINE}, false) as online
    from device_commands k left join device_contacts c on c.device_id = k.device_id
    where k.id = ${commandId} for no key update of k`);
  if (row === undefined) throw new InvariantError(`command ${commandId} does not exist`);
  return row;
}

/** Whatever was marked is read now. */
async function read(tx: Db, row: Row): Promise<CommandFacts> {
  await tx.execute(sql`update device_commands set edge_at = null where id = ${row.id} and edge_at is not null`);
  return facts(row);
}

/** Changes a command, with a line in its log; refuses what may not follow. */
async function write(
  tx: Db,
  row: Row,
  { status = row.status, attempt = row.attempt }: { status?: CommandStatus; attempt?: number },
  fields: SQL,
  { author, cause, details = {} }: Entry,
  event: string,
): Promise<void> {
  if (status !== row.status && !mayFollowCommand(row.status, status)) {
    throw new InvariantError(`command ${row.id} is ${row.status} and cannot become ${status}`);
  }
  await tx.execute(sql`
    with changed as (
      update device_commands set status = ${status}, edge_at = null, updated_at = clock_timestamp(), ${fields}
      where id = ${row.id}
    )
    insert into device_command_log (command_id, author, event, status, attempt, cause, details)
    values (${row.id}, ${author}, ${event}, ${status}, ${attempt}, ${cause}, ${JSON.stringify(details)}::jsonb)`);
}

/** Gateways hear of it when this is committed. */
async function announce(tx: Db, deviceId: string): Promise<void> {
  await tx.execute(sql`select pg_notify(${DEVICE_COMMAND_CHANNEL}, ${deviceId})`);
}

function facts({ id: _id, deviceId: _device, kind, params, ...rest }: Row): CommandFacts {
  return { ...(rest as Omit<CommandFacts, 'order'>), order: { kind, ...params } as CommandOrder };
}

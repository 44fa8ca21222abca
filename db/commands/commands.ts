/**
 * Commands to devices as people see them: given, listed, taken back. What their workflow does is in `command-steps.ts`,
 * what gateways do in `command-messages.ts`.
 */
import { and, asc, desc, eq, lt, sql, type SQL } from 'drizzle-orm';
import type { Db } from '../index.ts';
import { DEVICE_COMMAND_CHANNEL, deviceCommandLog, deviceCommands } from '../schema.ts';
import {
  COMMANDS_PER_DEVICE,
  type CommandKind,
  type CommandOrder,
  type CommandStatus,
} from '../../workflows/rules/commands.ts';

/** A command as it is given. */
export interface NewCommand {
  deviceId: string;
  departmentId: number;
  order: CommandOrder;
  lifeMs: number;
  author: string;
  cause: string;
}

/** `exists`: the same command is under way already. `too_many`: the device has as many unfinished ones as it may. */
export type InsertResult = { kind: 'made'; id: number } | { kind: 'exists'; id: number } | { kind: 'too_many' };

/** Times that a command is tried to be written while the one in its way ends at the same moment. */
const TRIES = 3;

/** Writes a command with the first line of its log. */
export async function insertCommand(db: Db, command: NewCommand): Promise<InsertResult> {
  const { deviceId, departmentId, lifeMs, author, cause } = command;
  const { kind, ...params } = command.order;
  const given = JSON.stringify(params);
  for (let tries = 1; ; tries += 1) {
    const [made] = await db.execute<{ id: number }>(sql`
      with made as (
        insert into device_commands (device_id, department_id, kind, params, created_by, expires_at)
        select ${deviceId}, ${departmentId}, ${kind}, ${given}::jsonb, ${author},
          clock_timestamp() + make_interval(secs => ${lifeMs / 1_000}::float8)
        where (select count(*) from device_commands where device_id = ${deviceId} and finished_at is null) < ${COMMANDS_PER_DEVICE}
        on conflict (device_id, kind, params) where finished_at is null do nothing
        returning id
      ), logged as (
        insert into device_command_log (command_id, author, event, status, attempt, cause)
        select id, ${author}, 'ordered', 'waiting', 0, ${cause} from made
      )
      select id::float8 as id from made`);
    if (made !== undefined) return { kind: 'made', id: made.id };
    const [same] = await db.execute<{ id: number }>(sql`
      select id::float8 as id from device_commands
      where device_id = ${deviceId} and kind = ${kind} and params = ${given}::jsonb and finished_at is null`);
    if (same !== undefined) return { kind: 'exists', id: same.id };
    if (tries === TRIES) return { kind: 'too_many' };
  }
}

const COLUMNS = {
  id: deviceCommands.id,
  deviceId: deviceCommands.deviceId,
  kind: deviceCommands.kind,
  params: deviceCommands.params,
  status: deviceCommands.status,
  reason: deviceCommands.reason,
  stage: deviceCommands.stage,
  attempt: deviceCommands.attempt,
  sends: deviceCommands.sends,
  sentAt: deviceCommands.sentAt,
  acceptedAt: deviceCommands.acceptedAt,
  result: deviceCommands.result,
  createdAt: deviceCommands.createdAt,
  createdBy: deviceCommands.createdBy,
  expiresAt: deviceCommands.expiresAt,
  finishedAt: deviceCommands.finishedAt,
  updatedAt: deviceCommands.updatedAt,
  /** The command of the same device that must end first; null: none. Qualified by hand, drizzle leaves names of a single table bare. */
  behind: sql<number | null>`case when device_commands.status = 'waiting' then (
    select min(o.id) from device_commands o
    where o.device_id = device_commands.device_id and o.id < device_commands.id
      and o.status in ('waiting', 'sent') and o.expires_at > clock_timestamp())::float8 end`,
};

/** What a list may be narrowed by; all given must fit. */
export interface CommandFilter {
  deviceId?: string | undefined;
  status?: CommandStatus | undefined;
  kind?: CommandKind | undefined;
}

/** A department's commands, newest first; `before` is the last id of the page before. */
export async function listCommands(
  db: Db,
  departmentId: number,
  { deviceId, status, kind }: CommandFilter,
  page: { before?: number | undefined; limit: number },
) {
  const conditions: SQL[] = [eq(deviceCommands.departmentId, departmentId)];
  if (deviceId !== undefined) conditions.push(eq(deviceCommands.deviceId, deviceId));
  if (status !== undefined) conditions.push(eq(deviceCommands.status, status));
  if (kind !== undefined) conditions.push(eq(deviceCommands.kind, kind));
  if (page.before !== undefined) conditions.push(lt(deviceCommands.id, page.before));
  return db
    .select(COLUMNS)
    .from(deviceCommands)
    .where(and(...conditions))
    .orderBy(desc(deviceCommands.id))
    .limit(page.limit);
}

export type CommandRow = Awaited<ReturnType<typeof listCommands>>[number];

/** One command of a department, or null. */
export async function findCommand(db: Db, departmentId: number, commandId: number): Promise<CommandRow | null> {
  const [row] = await db
    .select(COLUMNS)
    .from(deviceCommands)
    .where(and(eq(deviceCommands.departmentId, departmentId), eq(deviceCommands.id, commandId)));
  return row ?? null;
}

/** Everything that happened to a command; attempts are few, so it is short. */
export async function listCommandLog(db: Db, commandId: number) {
  return db
    .select()
    .from(deviceCommandLog)
    .where(eq(deviceCommandLog.commandId, commandId))
    .orderBy(asc(deviceCommandLog.id));
}

/** Takes a command back that waits; false: it does not, or not any more. The workflow is left a mark that it has ended. */
export async function cancelCommand(
  db: Db,
  commandId: number,
  { author, cause }: { author: string; cause: string },
): Promise<boolean> {
  const rows = await db.execute(sql`
    with ended as (
      update device_commands set status = 'cancelled', finished_at = clock_timestamp(), updated_at = clock_timestamp(),
        edge_at = clock_timestamp()
      where id = ${commandId} and status = 'waiting' and answer is null
      returning *
    ), logged as (
      insert into device_command_log (command_id, author, event, status, attempt, cause)
      select id, ${author}, 'cancelled', 'cancelled', attempt,
        concat_ws('; ', nullif(${cause}::text, ''),
          case when sends = 0 then 'it was never sent' else 'it was sent ' || sends || ' times, the device may have done it' end)
      from ended
    ), told as (${commandEvents(sql`ended`, sql`'taken back'`)})
    select pg_notify(${DEVICE_COMMAND_CHANNEL}, device_id) from ended`);
  return rows.length > 0;
}

/** An `insert into events` for commands that have ended: all rows of `source`, a CTE with their columns. */
export function commandEvents(source: SQL, words: SQL): SQL {
  return sql`
    insert into events (department_id, kind, device_id, data)
    select e.department_id, 'command.finished', e.device_id, jsonb_build_object('commandId', e.id, 'command', e.kind,
      'params', e.params, 'status', e.status, 'reason', e.reason, 'reasonText', ${words}, 'result', e.result, 'sends', e.sends)
    from ${source} e`;
}

/** How many commands a device was ever given: it is not deleted as long as there are any. */
export async function countCommands(db: Db, deviceId: string): Promise<number> {
  return db.$count(deviceCommands, eq(deviceCommands.deviceId, deviceId));
}

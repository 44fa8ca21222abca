/**
 * Commands as the gateways see them: find what is to be sent, claim the right to send it, write down what the device
 * answered; and what has to be woken or started. Each function is one statement.
 */
import { sql, type SQL } from 'drizzle-orm';
import type { Db } from '../index.ts';
import type { CommandAnswer, CommandOrder } from '../../workflows/rules/commands.ts';

/** A command whose open attempt is to be sent. */
export interface OpenCommandRow {
  id: number;
  deviceId: string;
  /** Fencing number. */
  attempt: number;
  /** What is sent now: the order, or the question what became of it. */
  order: CommandOrder;
  expiresAtMs: number;
}

/** A terminal that has asked for nothing for so long reads lines again. */
const SILENCE = sql.raw(`interval '10 minutes'`);
/** A pile that was offered a file answers within this time, or has not heard it. */
const ANSWER = sql.raw(`interval '2 minutes'`);
/** A lost signal is repeated by the sweep; until then, one is enough. */
const LIVE = sql.raw(`status in ('waiting', 'sent')`);

/** What is to be sent to a device now; null: nothing, or an older command must end first. */
export async function findOpenCommand(db: Db, deviceId: string): Promise<OpenCommandRow | null> {
  const [row] = await db.execute<{
    id: number;
    attempt: number;
    kind: CommandOrder['kind'];
    params: object;
    stage: string;
    expiresAtMs: number;
  }>(sql`
    select id::float8 as id, attempt, kind, params, stage, (extract(epoch from expires_at) * 1000)::float8 as "expiresAtMs"
    from (
      select * from device_commands where device_id = ${deviceId} and ${LIVE} and expires_at > clock_timestamp()
      order by id limit 1
    ) oldest
    where status = 'waiting' and attempt > 0 and sent_at is null and answer is null`);
  if (row === undefined) return null;
  const { id, attempt, kind, params, stage, expiresAtMs } = row;
  const order = stage === 'check' ? ({ kind: 'read_sleep' } as const) : ({ kind, ...params } as CommandOrder);
  return { id, deviceId, attempt, order, expiresAtMs };
}

/** `gone`: ended, overdue, overtaken, sent already, or not its turn. `busy`: not within a transfer; ask again later. */
export type ClaimOutcome = 'claimed' | 'busy' | 'gone';

/**
 * Claims the right to send the frame of an attempt, before it leaves. This is the one place where a second sending
 * under one number is refused, a command that has ended, an older one in front of it, and a device that is being
 * upgraded: terminals within a transfer take a line for bytes, piles must not restart.
 *
 * `edge`: the workflow sleeps until this contact and must be woken.
 */
export async function claimCommand(
  db: Db,
  commandId: number,
  attempt: number,
): Promise<{ outcome: ClaimOutcome; edge: boolean }> {
  const [row] = await db.execute<{ claimed: boolean; busy: boolean; edge: boolean }>(sql`
    with locked as materialized (
      select k.id, k.device_id, k.awaits_contact, d.protocol
      from device_commands k join devices d on d.id = k.device_id
      where k.id = ${commandId} and k.attempt = ${attempt} and k.attempt > 0 and k.status = 'waiting' and k.sent_at is null
        and k.answer is null and k.expires_at > clock_timestamp()
        and not exists (select 1 from device_commands o where o.device_id = k.device_id and o.id < k.id
                        and o.status in ('waiting', 'sent') and o.expires_at > clock_timestamp())
      for no key update of k
    ), busy as materialized (
      select exists (
        select 1 from device_messages m join locked on m.device_id = locked.device_id
        where m.kind = 'offer' and m.closed_at is null and m.failure_code is null and case locked.protocol
          when 'terminal' then m.first_request_at is not null and m.finished_at is null
            and m.last_request_at > clock_timestamp() - ${SILENCE}
          when 'pile' then m.first_request_at is not null or m.accepted_at is not null
            or m.last_sent_at > clock_timestamp() - ${ANSWER}
          else false end) as is
    ), claimed as (
      update device_commands k set status = 'sent', sent_at = clock_timestamp(), sends = sends + 1,
        awaits_contact = false, updated_at = clock_timestamp(),
        edge_at = case when locked.awaits_contact then clock_timestamp() else k.edge_at end
      from locked, busy where k.id = locked.id and not busy.is
      returning k.id, k.attempt, k.sends, k.stage, locked.awaits_contact as edge
    ), logged as (
      insert into device_command_log (command_id, author, event, status, attempt, cause)
      select id, 'system', 'sent', 'sent', attempt,
        case stage when 'check' then 'asked what it has stored' else 'sending ' || sends end from claimed
    )
    select exists (select 1 from claimed) as claimed, (select busy.is from busy) as busy,
      coalesce((select edge from claimed), false) as edge`);
  if (row?.claimed === true) return { outcome: 'claimed', edge: row.edge };
  return { outcome: row?.busy === true ? 'busy' : 'gone', edge: false };
}

/** Whether the claim of an attempt still holds: it has not ended, nothing was answered, no other attempt has begun. */
export async function holdsCommand(db: Db, commandId: number, attempt: number): Promise<boolean> {
  const rows = await db.execute(sql`
    select 1 from device_commands where id = ${commandId} and attempt = ${attempt} and status = 'sent' and answer is null
      and expires_at > clock_timestamp()`);
  return rows.length > 0;
}

/** Writes what a device answered to the command that it can be an answer to; null when there is none. */
export async function writeAnswer(db: Db, deviceId: string, answer: CommandAnswer): Promise<number | null> {
  const words =
    answer.said === 'value'
      ? `${answer.cmd} ${answer.value ?? ''}`
      : answer.said === 'restart'
        ? `restart ${answer.accepted ? 'accepted' : 'refused'}`
        : answer.said === 'version'
          ? `version ${answer.version}`
          : '';
  return write(db, answer, words, 'device', sql`device_id = ${deviceId} and sends > 0 and ${fitting(answer)}`);
}

/** Writes down that no frame can be made of an attempt; null when it is not open any more. */
export async function writeUnsendable(db: Db, commandId: number, attempt: number, why: string): Promise<number | null> {
  const its = sql`id = ${commandId} and attempt = ${attempt} and sent_at is null`;
  return write(db, { said: 'nothing', why }, why, 'system', its);
}

async function write(db: Db, answer: CommandAnswer, words: string, author: string, its: SQL): Promise<number | null> {
  const [row] = await db.execute<{ id: number }>(sql`
    with oldest as materialized (
      select id from device_commands where ${its} and ${LIVE} and answer is null
      order by id limit 1 for no key update
    ), answered as (
      update device_commands k set answer = ${JSON.stringify(answer)}::jsonb, answered_at = clock_timestamp(),
        edge_at = clock_timestamp(), updated_at = clock_timestamp()
      from oldest where k.id = oldest.id returning k.id, k.status, k.attempt
    ), logged as (
      insert into device_command_log (command_id, author, event, status, attempt, cause)
      select id, ${author}, 'answered', status, attempt, ${words} from answered
    )
    select id::float8 as id from answered`);
  return row?.id ?? null;
}

/** The commands an answer can belong to. A terminal may answer SLPT under either name; a check only by the query's. */
function fitting(answer: CommandAnswer): SQL {
  if (answer.said === 'restart') return sql`kind = 'restart'`;
  if (answer.said === 'version') return sql`kind = 'query_version'`;
  if (answer.said === 'nothing') return sql`false`;
  return answer.cmd === 'SLPT'
    ? sql`kind = 'set_sleep' and stage = 'order'`
    : sql`kind in ('set_sleep', 'read_sleep') and (stage = 'order' or sent_at is not null)`;
}

/** A device has logged in: that proves the restarts it had accepted. Returns the commands that must be woken. */
export async function writeLogin(db: Db, deviceId: string): Promise<number[]> {
  const rows = await db.execute<{ id: number }>(sql`
    with proven as (
      update device_commands set proven_at = clock_timestamp(), edge_at = clock_timestamp(), updated_at = clock_timestamp()
      where device_id = ${deviceId} and kind = 'restart' and finished_at is null and proven_at is null
        and answer->>'accepted' = 'true'
      returning id, status, attempt
    ), logged as (
      insert into device_command_log (command_id, author, event, status, attempt, cause)
      select id, 'device', 'logged_in', status, attempt, 'the pile has logged in again' from proven
    )
    select id::float8 as id from proven`);
  return rows.map(({ id }) => id);
}

/** Commands with something decisive that their workflow was not woken for, or has not heard, for a while. */
export async function findUnreadCommands(db: Db, olderThanMs: number, limit: number): Promise<number[]> {
  const rows = await db.execute<{ id: number }>(sql`
    select id::float8 as id from device_commands
    where edge_at < clock_timestamp() - make_interval(secs => ${olderThanMs / 1_000}::float8)
    order by edge_at limit ${limit}`);
  return rows.map(({ id }) => id);
}

/** What is needed to start a command's workflow. */
export interface StartableCommand {
  id: number;
  deviceId: string;
  department: string;
  protocol: string;
  order: CommandOrder;
}

/**
 * Commands that no workflow has taken up although they are some seconds old, and those that are past their deadline and
 * have not ended: their workflow is gone.
 */
export async function findUnstartedCommands(
  db: Db,
  { untakenMs, overdueMs, limit }: { untakenMs: number; overdueMs: number; limit: number },
): Promise<StartableCommand[]> {
  return startable(
    db,
    sql`k.finished_at is null and (
        (k.attempt = 0 and k.created_at < clock_timestamp() - make_interval(secs => ${untakenMs / 1_000}::float8))
        or k.expires_at < clock_timestamp() - make_interval(secs => ${overdueMs / 1_000}::float8))
      order by k.id limit ${limit}`,
  );
}

/** A command that has not ended, to be started (again); null when it has. */
export async function findStartableCommand(db: Db, commandId: number): Promise<StartableCommand | null> {
  const [command] = await startable(db, sql`k.id = ${commandId} and k.finished_at is null`);
  return command ?? null;
}

async function startable(db: Db, which: SQL): Promise<StartableCommand[]> {
  const rows = await db.execute<Omit<StartableCommand, 'order'> & { kind: string; params: object }>(sql`
    select k.id::float8 as id, k.device_id as "deviceId", p.name as department, d.protocol, k.kind, k.params
    from device_commands k join devices d on d.id = k.device_id join departments p on p.id = k.department_id
    where ${which}`);
  return rows.map(({ kind, params, ...rest }) => ({ ...rest, order: { kind, ...params } as CommandOrder }));
}

/** Nobody is there to read what a command that has ended was marked with. */
export async function forgetEdge(db: Db, commandId: number): Promise<void> {
  await db.execute(sql`update device_commands set edge_at = null where id = ${commandId} and finished_at is not null`);
}

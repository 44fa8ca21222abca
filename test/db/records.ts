/**
 * Devices, files and tasks for the tests of the database, each test with its own; and a check that holds for whatever
 * a test did: no status changes without a line in the log, written by the same transaction, and none against the rules.
 */
import { createHash } from 'node:crypto';
import postgres from 'postgres';
import { expect } from 'vitest';
import { connectDatabase, migrate, type Database } from '../../db/index.ts';
import { openOffer } from '../../db/upgrades/offers.ts';
import { storeReport, writeContacts, type ReportEffect } from '../../db/devices/reports.ts';
import type { Protocol, TaskOptions } from '../../db/schema.ts';
import { mayFollow, type TaskStatus, type UpgradeStatus } from '../../workflows/rules/statuses.ts';
import type { Component } from '../../workflows/rules/versions.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { atMost } from '../../workflows/rules/pacing.ts';

export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;

export const LIMITS = {
  waitOnlineMs: 24 * HOUR,
  transferMs: HOUR,
  proofMs: 30 * MINUTE,
  silenceMs: 10 * MINUTE,
  reactionMs: MINUTE,
  settleMs: 2 * MINUTE,
};

export interface DeviceSeed {
  protocol?: Protocol;
  model?: string;
  /** Of a pile. */
  powerKw?: number | null;
  versions?: Partial<Record<Component, string>>;
  /** Heard of just now. */
  online?: boolean;
}

export interface FileSeed {
  protocol?: Protocol;
  powerKw?: number | null;
  component?: Component;
  from?: string[];
  to?: string;
  compatible?: string;
  model?: string | null;
  sizeBytes?: number;
}

export interface TaskSeed {
  files?: FileSeed[];
  /** From now. */
  deadlineMs?: number;
  status?: TaskStatus;
  options?: Partial<TaskOptions>;
}

/** One device inside a task. */
export interface Upgrade {
  upgradeId: number;
  deviceId: string;
  taskId: number;
}

export interface LogLine {
  author: string;
  event: string;
  status: UpgradeStatus | null;
  attempt: number | null;
  fileIndex: number | null;
  cause: string;
  details: Record<string, unknown>;
}

export class Records {
  readonly database: Database;
  /** A client of its own: one that belongs to drizzle reads times and JSON as text. */
  readonly sql: postgres.Sql;
  readonly #test: TestDatabase;
  #departmentId = 0;
  #made = 0;

  private constructor(test: TestDatabase) {
    this.#test = test;
    this.database = connectDatabase(test.url);
    this.sql = postgres(test.url, { max: 5, onnotice: () => {} });
  }

  static async start(): Promise<Records> {
    const records = new Records(await createTestDatabase(migrate));
    const [department] = await records.sql`insert into departments (name) values ('test') returning id`;
    records.#departmentId = department!['id'] as number;
    await records.sql.unsafe(`
      create table upgrade_changes (upgrade_id bigint, was text, becomes text);
      create table task_changes (task_id int, was text, becomes text);
      create function note_upgrade() returns trigger language plpgsql as $$
        begin insert into upgrade_changes values (new.id, old.status, new.status); return null; end $$;
      create function note_task() returns trigger language plpgsql as $$
        begin insert into task_changes values (new.id, old.status, new.status); return null; end $$;
      create trigger note after update on device_upgrades for each row when (old.status <> new.status) execute function note_upgrade();
      create trigger note after update on upgrade_tasks for each row when (old.status <> new.status) execute function note_task();`);
    return records;
  }

  get db() {
    return this.database.db;
  }

  get url() {
    return this.#test.url;
  }

  /** Checks what must be true after every test, and goes. */
  async stop(): Promise<void> {
    try {
      await this.checkChanges();
    } finally {
      await Promise.all([this.database.close(), this.sql.end()]);
      await this.#test.drop();
    }
  }

  /** Every change of a status was allowed and left its line in the same transaction. */
  async checkChanges(): Promise<void> {
    const changes = await this.sql<{ was: UpgradeStatus; becomes: UpgradeStatus; logged: boolean }[]>`
      select was, becomes, exists (
        select 1 from upgrade_log l where l.upgrade_id = c.upgrade_id and l.xmin = c.xmin and l.status = c.becomes) as logged
      from upgrade_changes c`;
    expect(changes.filter(({ logged }) => !logged)).toEqual([]);
    expect(changes.filter(({ was, becomes }) => !mayFollow(was, becomes))).toEqual([]);
    const unlogged = await this.sql`
      select was, becomes from task_changes c
      where not exists (select 1 from task_log l where l.task_id = c.task_id and l.xmin = c.xmin)`;
    expect([...unlogged]).toEqual([]);
  }

  /** A registered device, a terminal unless told otherwise, that has reported these versions. */
  async device({
    protocol = 'terminal',
    model = 'GV2',
    powerKw = null,
    versions = { T1: '10' },
    online = false,
  }: DeviceSeed = {}): Promise<string> {
    const identity = `SN${++this.#made}`;
    const deviceId = `${protocol}-${identity}`;
    await this.sql`
      insert into devices (id, protocol, identity, department_id, model, power_kw, created_by)
      values (${deviceId}, ${protocol}, ${identity}, ${this.#departmentId}, ${model}, ${powerKw}, 'test')`;
    if (Object.keys(versions).length > 0) await this.report(deviceId, versions);
    if (online) await this.contact(deviceId);
    return deviceId;
  }

  /** A file from 10 to 11, unless told otherwise. */
  async file(seed: FileSeed = {}): Promise<number> {
    const {
      protocol = 'terminal',
      powerKw = null,
      component = 'T1',
      from = ['10'],
      to = '11',
      compatible = from[0] ?? '',
      model = null,
      sizeBytes = 20_480,
    } = seed;
    const content = Buffer.alloc(sizeBytes, ++this.#made);
    content.writeUInt32BE(this.#made);
    const sha256 = createHash('sha256').update(content).digest('hex');
    await this.sql`insert into firmware_contents (sha256, content) values (${sha256}, ${content})`;
    const [row] = await this.sql`
      insert into firmware (department_id, protocol, component, target_version, compatible_version, current_versions, model,
        power_kw, file_name, size_bytes, md5, sha256, pinfo, packet_size, uploaded_by)
      values (${this.#departmentId}, ${protocol}, ${component}, ${to}, ${compatible}, ${from}, ${model},
        ${powerKw}, ${`${to}10d100.bin`}, ${sizeBytes}, '', ${sha256}, ${`${to}10d100`}, 1024, 'test') returning id`;
    return row!['id'] as number;
  }

  /** A task for these devices, none of them started; each has the files of its protocol. */
  async task(deviceIds: readonly string[], seed: TaskSeed = {}): Promise<{ taskId: number; upgrades: Upgrade[] }> {
    const { files = [{}], deadlineMs = 7 * 24 * HOUR, status = 'running', options = {} } = seed;
    const firmwareIds: number[] = [];
    for (const file of files) firmwareIds.push(await this.file(file));
    const all: TaskOptions = {
      pacing: atMost(50),
      abort: [],
      approval: null,
      joins: null,
      window: null,
      limits: LIMITS,
      attemptsPerFile: 3,
      notEligible: 'wait',
      dispatchDelayMs: 0,
      lifeMs: 7 * 24 * HOUR,
      ...options,
    };
    const [task] = await this.sql`
      insert into upgrade_tasks (department_id, name, status, firmware_ids, options, device_count, created_by, dispatch_at, deadline_at)
      values (${this.#departmentId}, 'night batch', ${status}, ${firmwareIds}, ${this.sql.json(all as never)}, ${deviceIds.length}, 'test',
        now(), now() + make_interval(secs => ${deadlineMs / 1_000})) returning id`;
    const taskId = task!['id'] as number;
    const rows = await this.sql<{ id: string; device_id: string }[]>`
      with made as (
        insert into device_upgrades (task_id, device_id, department_id, position, firmware_ids)
        select ${taskId}, id, ${this.#departmentId}, place - 1,
          (select array_agg(f.id order by o.place) from unnest(${firmwareIds}::int[]) with ordinality as o(id, place)
           join firmware f on f.id = o.id where f.protocol = split_part(x.id, '-', 1))
        from unnest(${[...deviceIds]}::text[]) with ordinality as x(id, place) order by place returning id, device_id
      ), logged as (
        insert into upgrade_log (upgrade_id, author, event, status) select id, 'test', 'scheduled', 'scheduled' from made
      )
      select id, device_id from made order by id`;
    const upgrades = rows.map((row) => ({ upgradeId: Number(row.id), deviceId: row.device_id, taskId }));
    return { taskId, upgrades };
  }

  /** A device inside a task of its own, started: what a workflow begins with. */
  async upgrade(seed: TaskSeed & { device?: DeviceSeed } = {}): Promise<Upgrade> {
    const deviceId = await this.device(seed.device);
    const { upgrades } = await this.task([deviceId], seed);
    const [upgrade] = upgrades;
    await this.dispatched(upgrade!);
    return upgrade!;
  }

  /** The same with an open offer of attempt 1. */
  async offered(seed: TaskSeed & { device?: DeviceSeed } = {}): Promise<Upgrade & { offerId: number }> {
    const upgrade = await this.upgrade({ ...seed, device: { online: true, ...seed.device } });
    return { ...upgrade, offerId: await this.offer(upgrade) };
  }

  /** Makes an offer and returns its number. */
  async offer({ upgradeId }: { upgradeId: number }, attempt = 1, fileIndex = 0): Promise<number> {
    expect(await openOffer(this.db, { upgradeId, attempt, fileIndex })).toMatchObject({ kind: 'offered' });
    return (await this.message(upgradeId, attempt)).id;
  }

  async dispatched({ upgradeId }: { upgradeId: number }): Promise<void> {
    await this.sql`update device_upgrades set dispatched_at = clock_timestamp() where id = ${upgradeId}`;
  }

  /** A version report as it comes in. */
  async report(deviceId: string, versions: Partial<Record<Component, string>>): Promise<ReportEffect> {
    const entries = Object.entries(versions).map(([component, version]) => ({ component, version }));
    return storeReport(this.db, {
      deviceId,
      source: 'terminal',
      raw: JSON.stringify(versions),
      versions: entries,
      warnings: [],
      keepRaw: false,
    });
  }

  async contact(deviceId: string): Promise<void> {
    await writeContacts(this.db, [{ deviceId, address: '10.0.0.1:9', details: {}, atMs: Date.now() }]);
  }

  /** Makes what happened to an offer as if it had happened so much earlier. */
  async age(offerId: number, ms: number): Promise<void> {
    const by = this.sql`make_interval(secs => ${ms / 1_000})`;
    await this.sql`
      update device_messages set created_at = created_at - ${by}, last_sent_at = last_sent_at - ${by},
        first_request_at = first_request_at - ${by}, last_request_at = last_request_at - ${by}, finished_at = finished_at - ${by}
      where id = ${offerId}`;
  }

  async expire(offerId: number): Promise<void> {
    await this.sql`update device_messages set expires_at = clock_timestamp() where id = ${offerId}`;
  }

  /** Puts an upgrade into a state, past the rules. */
  async force(
    { upgradeId }: { upgradeId: number },
    status: UpgradeStatus,
    reason: string | null = null,
  ): Promise<void> {
    await this.sql.begin(async (tx) => {
      await tx`set local session_replication_role = replica`;
      await tx`update device_upgrades set status = ${status}, reason = ${reason} where id = ${upgradeId}`;
    });
  }

  async row({ upgradeId }: { upgradeId: number }) {
    const [row] = await this.sql<
      {
        status: UpgradeStatus;
        reason: string | null;
        fileIndex: number;
        attempt: number;
        bytesSent: number;
        bytesTotal: number;
        proofs: Record<string, unknown>[];
        dispatched: boolean;
        edge: boolean;
        ended: boolean;
        notBefore: Date | null;
      }[]
    >`
      select status, reason, file_index as "fileIndex", attempt, bytes_sent as "bytesSent", bytes_total as "bytesTotal", proofs,
        dispatched_at is not null as dispatched, edge_at is not null as edge, finished_at is not null as ended,
        not_before as "notBefore"
      from device_upgrades where id = ${upgradeId}`;
    return row!;
  }

  async message(upgradeId: number, attempt = 1) {
    const [row] = await this.sql`
      select id::int, device_id as "deviceId", attempt, payload, awaits_contact as "awaitsContact", resumable, sends,
        expires_at as "expiresAt", first_request_at as "firstRequestAt", finished_at as "finishedAt",
        bytes_sent as "bytesSent", failure_code as "failureCode", closed_at is null as open
      from device_messages where upgrade_id = ${upgradeId} and attempt = ${attempt}`;
    return row as unknown as {
      id: number;
      deviceId: string;
      attempt: number;
      payload: Record<string, unknown>;
      awaitsContact: boolean;
      resumable: boolean;
      sends: number;
      expiresAt: Date;
      firstRequestAt: Date | null;
      finishedAt: Date | null;
      bytesSent: number;
      failureCode: string | null;
      open: boolean;
    };
  }

  /** The log of an upgrade from the second line on. */
  async log({ upgradeId }: { upgradeId: number }): Promise<LogLine[]> {
    return this.sql<LogLine[]>`
      select author, event, status, attempt, file_index as "fileIndex", cause, details
      from upgrade_log where upgrade_id = ${upgradeId} order by id offset 1`;
  }

  /** The events of that log. */
  async events(upgrade: { upgradeId: number }): Promise<string[]> {
    return (await this.log(upgrade)).map(({ event }) => event);
  }

  async taskLog(taskId: number): Promise<{ author: string; event: string; cause: string; details: unknown }[]> {
    const lines = await this.sql<{ author: string; event: string; cause: string; details: unknown }[]>`
      select author, event, cause, details from task_log where task_id = ${taskId} order by id`;
    return [...lines];
  }

  /** How many sessions wait for a lock; asked outside of any transaction, which would see one moment only. */
  async blocked(): Promise<number> {
    const rows = await this.sql`
      select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
    return rows.length;
  }

  /** Devices announced on a channel since this was called. */
  async announced(channel: string): Promise<{ devices: string[]; stop: () => Promise<void> }> {
    const devices: string[] = [];
    const subscription = await this.sql.listen(channel, (deviceId) => devices.push(deviceId));
    return { devices, stop: () => subscription.unlisten() };
  }
}

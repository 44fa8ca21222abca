/**
 * The hub on a real database behind a bare HTTP server, and a client that reads its streams as browsers do.
 */
import { createServer, request as httpRequest, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pino } from 'pino';
import postgres from 'postgres';
import { EventHub, type EventHubOptions } from '../../api/events/events.ts';
import { Problem } from '../../api/problems.ts';
import { connectDatabase, migrate, type Database } from '../../db/index.ts';
import { createTestDatabase } from '../support/database.ts';
import { waitFor } from '../support/wait.ts';

export interface Received {
  type: string;
  id: string;
  // oxlint-disable-next-line typescript/no-explicit-any -- tests look into events of every shape
  data: any;
}

/** One connection. Remembers what it got and where it stands. */
export class StreamClient {
  readonly received: Received[] = [];
  comments = 0;
  lastEventId: string | undefined;
  status = 0;
  headers: IncomingMessage['headers'] = {};
  isOpen = true;
  #response: IncomingMessage | null = null;
  #rest = '';
  readonly #request;

  constructor(url: string, headers: Record<string, string> = {}) {
    this.#request = httpRequest(url, { headers, agent: false }, (response) => {
      this.status = response.statusCode!;
      this.headers = response.headers;
      this.#response = response;
      response.setEncoding('utf8');
      response.on('data', (text: string) => this.#read(text));
      response.once('close', () => (this.isOpen = false));
    });
    this.#request.on('error', () => (this.isOpen = false));
    this.#request.end();
  }

  /** Resolves when the stream has begun. */
  async begun(): Promise<this> {
    await waitFor(() => this.status !== 0 && (this.status !== 200 || this.lastEventId !== undefined || !this.isOpen));
    return this;
  }

  of(type: string): Received[] {
    return this.received.filter((event) => event.type === type);
  }

  pause(): void {
    this.#response!.pause();
  }

  resume(): void {
    this.#response!.resume();
  }

  cut(): void {
    this.isOpen = false;
    this.#request.destroy();
  }

  #read(text: string): void {
    const frames = (this.#rest + text).split('\n\n');
    this.#rest = frames.pop()!;
    for (const frame of frames) {
      const fields = new Map(
        frame.split('\n').map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]),
      );
      if (fields.has('')) this.comments += 1;
      const id = fields.get('id');
      if (id !== undefined) this.lastEventId = id;
      const data = fields.get('data');
      if (data !== undefined) this.received.push({ type: fields.get('event')!, id: id!, data: JSON.parse(data) });
    }
  }
}

/** A hub with its database. */
export class HubBench {
  readonly database: Database;
  /** A client of its own: one that belongs to drizzle writes JSON as text. */
  readonly sql: postgres.Sql;
  readonly hub: EventHub;
  readonly #drop: () => Promise<void>;
  readonly #server: Server;
  #url = '';
  #made = 0;

  private constructor(url: string, drop: () => Promise<void>, options: Partial<EventHubOptions>) {
    this.#drop = drop;
    this.database = connectDatabase(url, { poolSize: 5 });
    this.sql = postgres(url, { max: 20, onnotice: () => {} });
    this.hub = new EventHub({
      database: this.database,
      log: pino({ level: 'silent' }),
      maxStreams: 500,
      maxStreamsPerKey: 500,
      ...options,
    });
    this.#server = createServer((request, response) => {
      const query = new URL(request.url!, 'http://x').searchParams;
      const departmentId = Number(query.get('department'));
      this.hub
        .serve(response, {
          caller: {
            keyId: Number(query.get('key') ?? 999),
            name: 'test',
            departmentId,
            department: '',
            permissions: new Set(),
          },
          taskId: query.has('task') ? Number(query.get('task')) : null,
          lastEventId: request.headers['last-event-id'] as string | undefined,
        })
        .catch((error: unknown) => {
          response.writeHead(error instanceof Problem ? 429 : 500).end(String(error));
        });
    });
  }

  static async start(options: Partial<EventHubOptions> = {}): Promise<HubBench> {
    const { url, drop } = await createTestDatabase(migrate);
    const bench = new HubBench(url, drop, options);
    await new Promise<void>((resolve) => bench.#server.listen(0, '127.0.0.1', resolve));
    bench.#url = `http://127.0.0.1:${(bench.#server.address() as AddressInfo).port}/`;
    return bench;
  }

  async stop(): Promise<void> {
    await this.hub.stop();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
    await this.database.close();
    await this.sql.end();
    await this.#drop();
  }

  /** A stream of a department or of one of its tasks. */
  async follow(of: {
    departmentId: number;
    taskId?: number;
    keyId?: number;
    lastEventId?: string;
  }): Promise<StreamClient> {
    const query = new URLSearchParams({ department: `${of.departmentId}`, key: `${of.keyId ?? 999}` });
    if (of.taskId !== undefined) query.set('task', `${of.taskId}`);
    const headers: Record<string, string> = of.lastEventId === undefined ? {} : { 'last-event-id': of.lastEventId };
    return new StreamClient(`${this.#url}?${query.toString()}`, headers).begun();
  }

  async department(): Promise<number> {
    const [row] = await this.sql`insert into departments (name) values (${`d${++this.#made}`}) returning id`;
    return row!['id'] as number;
  }

  /** A task with devices under way. */
  async task(departmentId: number, devices: number): Promise<{ taskId: number; upgradeIds: number[] }> {
    const prefix = `S${++this.#made}x`;
    const [row] = await this.sql<{ id: number }[]>`
      insert into upgrade_tasks (department_id, name, status, firmware_ids, options, device_count, created_by, dispatch_at, deadline_at)
      values (${departmentId}, 'batch', 'running', '{1}', ${this.sql.json({ pacing: { maxConcurrent: 5 } })}, ${devices}, 'test', now(), now() + interval '1 day')
      returning id`;
    const taskId = row!.id;
    await this.sql`
      insert into devices (id, protocol, identity, department_id, created_by)
      select 'terminal-' || ${prefix} || n, 'terminal', ${prefix} || n, ${departmentId}, 'test' from generate_series(1, ${devices}::int) n`;
    const upgrades = await this.sql<{ id: string }[]>`
      insert into device_upgrades (task_id, device_id, department_id, position, status)
      select ${taskId}, 'terminal-' || ${prefix} || n, ${departmentId}, n, 'transferring' from generate_series(1, ${devices}::int) n
      returning id`;
    return { taskId, upgradeIds: upgrades.map(({ id }) => Number(id)) };
  }

  /** A line in the log of a device, with what the test wants to find again; returns its id. */
  async log(upgradeId: number, cause: string, sql: postgres.Sql | postgres.TransactionSql = this.sql): Promise<number> {
    const [row] = await sql<{ id: string }[]>`
      insert into upgrade_log (upgrade_id, author, event, status, cause)
      values (${upgradeId}, 'device', 'transferred', 'transferring', ${cause}) returning id`;
    return Number(row!.id);
  }

  /** Which processes ask for announcements. */
  async watchers(): Promise<number> {
    const [row] = await this.sql`select count(*)::int as count from news_watchers where until > now()`;
    return row!['count'] as number;
  }
}

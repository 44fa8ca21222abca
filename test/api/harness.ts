/**
 * The real app on a real database and a port of its own, with plain `fetch`; only Temporal is stood in for.
 */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createHash } from 'node:crypto';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { createApp, type AppOptions } from '../../api/app.ts';
import { generateKey, PERMISSIONS, type Permission } from '../../api/auth.ts';
import type { TaskExecutions } from '../../api/route.ts';
import { ProblemBody } from '../../api/schemas.ts';
import { checkOf } from '../../api/http/validation.ts';
import { connectDatabase, migrate, type Database } from '../../db/index.ts';
import { createDepartment, createKey } from '../../db/people.ts';
import { createTestDatabase } from '../support/database.ts';
import type { TaskView, UpgradeView } from '../../workflows/contract.ts';

export interface Reply {
  status: number;
  headers: Headers;
  // oxlint-disable-next-line typescript/no-explicit-any -- tests look into answers of every shape
  body: any;
}

export interface RequestOptions {
  key?: string | null;
  body?: unknown;
  headers?: Record<string, string>;
}

/** Stands in for Temporal: remembers what it was told and answers what the test says. */
class FakeExecutions implements TaskExecutions {
  readonly started: { taskId: number; department: string; name: string }[] = [];
  readonly updates: { taskId: number; update: string; arg: unknown }[] = [];
  readonly controls: { deviceId: string; control: unknown }[] = [];
  /** Thrown by the next calls while set. */
  failure: Error | null = null;
  /** What the next updates return. */
  answer: unknown = undefined;
  /** False: no workflow runs for any device. */
  running = true;
  view: TaskView | null = null;
  deviceView: UpgradeView | null = null;

  startTask = this.#unlessFailing(async (taskId: number, labels: { department: string; name: string }) => {
    this.started.push({ taskId, ...labels });
  });
  updateTask = this.#unlessFailing(async (taskId: number, update: string, arg: unknown) => {
    this.updates.push({ taskId, update, arg });
    return this.answer as never;
  });
  retryFailed = this.#unlessFailing(async (taskId: number, _labels: unknown, arg: unknown) => {
    this.updates.push({ taskId, update: 'retryFailed', arg });
    return 3;
  });
  controlUpgrade = this.#unlessFailing(async (deviceId: string, control: unknown) => {
    if (this.running) this.controls.push({ deviceId, control });
    return this.running;
  });
  readonly startedCommands: { input: unknown; labels: unknown }[] = [];
  readonly commandSignals: { commandId: number; edge: string }[] = [];
  startCommand = this.#unlessFailing(async (input: unknown, labels: unknown) => {
    this.startedCommands.push({ input, labels });
  });
  signalCommand = this.#unlessFailing(async (commandId: number, edge: string) => {
    this.commandSignals.push({ commandId, edge });
    return true;
  });
  readonly retriedDeliveries: number[] = [];
  retryDelivery = this.#unlessFailing(async (deliveryId: number) => {
    this.retriedDeliveries.push(deliveryId);
  });
  readonly startedShipments: { shipmentId: number; what: string; devices: number }[] = [];
  startShipment = this.#unlessFailing(
    async (shipmentId: number, { what, devices }: { what: string; devices: number }) => {
      this.startedShipments.push({ shipmentId, what, devices });
    },
  );
  readonly startedFirings: { triggerId: number; cycleId: number; name: string }[] = [];
  startFiring = this.#unlessFailing(async (triggerId: number, cycleId: number, { name }: { name: string }) => {
    this.startedFirings.push({ triggerId, cycleId, name });
  });
  readonly shipped: { shipmentId: number; platform: string; devices: number }[] = [];
  readonly wokenShipments: number[] = [];
  startPlatformShipment = this.#unlessFailing(
    async (shipmentId: number, { platform, devices }: { platform: string; devices: number }) => {
      this.shipped.push({ shipmentId, platform, devices });
    },
  );
  wakePlatformShipment = this.#unlessFailing(async (shipmentId: number) => void this.wokenShipments.push(shipmentId));
  platformShipmentView = this.#unlessFailing(async () => null);
  readonly wokenEquipment: { code: string; edge: string }[] = [];
  wakeEquipment = this.#unlessFailing(async ({ code }: { code: string }, edge: string) => {
    this.wokenEquipment.push({ code, edge });
  });
  equipmentView = this.#unlessFailing(async () => null);
  readonly changedAgents: string[] = [];
  changeAgent = this.#unlessFailing(async ({ code }: { code: string }) => void this.changedAgents.push(code));
  startAgent = this.#unlessFailing(async () => {});
  agentView = this.#unlessFailing(async () => null);
  pingWebhook = this.#unlessFailing(async () => ({ status: 204, error: null, tookMs: 12 }));
  taskView = this.#unlessFailing(async () => this.view);
  upgradeView = this.#unlessFailing(async () => this.deviceView);
  check = this.#unlessFailing(async () => {});
  executionUrl = (workflowId: string) =>
    `http://temporal.test/namespaces/default/workflows/${encodeURIComponent(workflowId)}`;

  #unlessFailing<Args extends unknown[], Result>(act: (...args: Args) => Promise<Result>) {
    return async (...args: Args): Promise<Result> => {
      if (this.failure !== null) throw this.failure;
      return act(...args);
    };
  }
}

const problemErrors = checkOf(ProblemBody, 'problem', 'exact');

/** An API under test. */
export class TestApi {
  readonly executions = new FakeExecutions();
  readonly logs: string[] = [];
  readonly #database: Database;
  readonly #drop: () => Promise<void>;
  #server: Server | null = null;
  url = '';

  private constructor(database: Database, drop: () => Promise<void>) {
    this.#database = database;
    this.#drop = drop;
  }

  /** Starts an API with an empty database: no department, no key. */
  static async start(options: Partial<AppOptions> = {}): Promise<TestApi> {
    const testDatabase = await createTestDatabase(migrate);
    const api = new TestApi(connectDatabase(testDatabase.url, { poolSize: 5 }), () => testDatabase.drop());
    const log = pino({ level: 'debug' }, { write: (line: string) => void api.logs.push(line) });
    const app = createApp({
      db: api.db,
      executions: api.executions,
      log,
      metrics: new Registry(),
      version: '1.2.3',
      responseCheck: 'throw',
      ...options,
    });
    api.#server = createServer(app);
    await new Promise<void>((resolve) => api.#server!.listen(0, '127.0.0.1', resolve));
    api.url = `http://127.0.0.1:${(api.#server.address() as AddressInfo).port}`;
    return api;
  }

  get db() {
    return this.#database.db;
  }

  get sql() {
    return this.#database.sql;
  }

  async stop(): Promise<void> {
    this.#server?.closeAllConnections();
    await new Promise((resolve) => this.#server?.close(resolve));
    await this.#database.close();
    await this.#drop();
  }

  /** A department with a key that may do everything, unless told otherwise. */
  async department(name: string, permissions: readonly Permission[] = PERMISSIONS): Promise<TestDepartment> {
    const row = await createDepartment(this.db, name);
    const key = await this.key(row!.id, `${name}-operator`, permissions);
    return { id: row!.id, name, key, operator: `${name}-operator` };
  }

  async key(departmentId: number, name: string, permissions: readonly Permission[] = PERMISSIONS): Promise<string> {
    const { key, keyHash } = generateKey();
    await createKey(this.db, { keyHash, departmentId, name, permissions, createdBy: 'test' });
    return key;
  }

  /** Sends a request; a body that is neither text, bytes nor a form goes as JSON. Problems are checked for their form. */
  async send(method: string, path: string, { key, body, headers = {} }: RequestOptions = {}): Promise<Reply> {
    const raw = typeof body === 'string' || body instanceof FormData || body instanceof Uint8Array;
    const response = await fetch(this.url + path, {
      method,
      headers: {
        ...(key == null ? {} : { authorization: `Bearer ${key}` }),
        ...(body === undefined || raw ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: raw ? (body as string) : JSON.stringify(body) }),
    });
    const type = response.headers.get('content-type') ?? '';
    const bytes = Buffer.from(await response.arrayBuffer());
    const parsed = type.includes('json') ? JSON.parse(bytes.toString()) : bytes;
    if (type.includes('problem+json')) {
      const errors = problemErrors(parsed);
      if (errors.length > 0) throw new Error(`not a problem: ${JSON.stringify(errors)}`);
    }
    return { status: response.status, headers: response.headers, body: bytes.length === 0 ? null : parsed };
  }
}

export interface TestDepartment {
  id: number;
  name: string;
  key: string;
  /** Name of the key: the author of what it does. */
  operator: string;
}

/** File contents that nobody else has. */
export function firmwareBytes(sizeBytes = 12_000, seed = 'a'): Buffer {
  const block = createHash('sha512').update(seed).digest();
  return Buffer.alloc(sizeBytes, block);
}

/** A form that `POST /firmware` takes: version 11 for terminals that run 10. Undefined leaves a field out. */
export function uploadForm(
  changes: Record<string, string | undefined> = {},
  bytes = firmwareBytes(),
  name = 'GV2_1110d100.bin',
): FormData {
  const fields = {
    protocol: 'terminal',
    targetVersion: '11',
    compatibleVersion: '10',
    currentVersions: '10',
    md5: createHash('md5').update(bytes).digest('hex'),
    ...changes,
  };
  const form = new FormData();
  for (const [field, value] of Object.entries(fields)) if (value !== undefined) form.set(field, value);
  form.set('file', new File([new Uint8Array(bytes)], name));
  return form;
}

/** Uploads a file that takes terminals from one version to another. */
export async function uploadFile(
  api: TestApi,
  key: string,
  from: string,
  to: string,
  changes: Record<string, string> = {},
): Promise<number> {
  const bytes = firmwareBytes(12_000, `${from}-${to}-${JSON.stringify(changes)}`);
  const form = uploadForm(
    { targetVersion: to, compatibleVersion: from, currentVersions: from, ...changes },
    bytes,
    `GV2_${to}10d100.bin`,
  );
  const reply = await api.send('POST', '/api/v1/firmware', { key, body: form });
  if (reply.status !== 201) throw new Error(`upload refused: ${JSON.stringify(reply.body)}`);
  return reply.body.id as number;
}

/** Registers terminals and lets them report a version, unless it is null. */
export async function registerTerminals(
  api: TestApi,
  department: TestDepartment,
  identities: readonly string[],
  version: string | null = '10',
): Promise<string[]> {
  const rows = identities.map((identity) => ({ protocol: 'terminal', identity, model: 'GV2' }));
  const reply = await api.send('POST', '/api/v1/devices', { key: department.key, body: rows });
  if (reply.body.created !== identities.length) throw new Error(`not registered: ${JSON.stringify(reply.body)}`);
  const ids = identities.map((identity) => `terminal-${identity}`);
  if (version !== null) await report(api, ids, version);
  return ids;
}

/** Stores a version report of each device, as the gateways would. */
export async function report(
  api: TestApi,
  deviceIds: readonly string[],
  version: string,
  component = 'T1',
): Promise<void> {
  await api.sql`
    insert into device_versions (device_id, component, version, reported_at, report_seq)
    select id, ${component}, ${version}, now(), nextval('device_event_seq') from unnest(${[...deviceIds]}::text[]) as id
    on conflict (device_id, component) do update set version = excluded.version, report_seq = excluded.report_seq`;
}

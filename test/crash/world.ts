/**
 * Everything a matrix runs on: PostgreSQL and Temporal of its own, the gateway, the worker and the API as processes, a
 * platform and a MOM to speak to, terminals behind a wire. Any part can be killed and is started again where it was.
 */
import { Client, Connection } from '@temporalio/client';
import postgres from 'postgres';
import { Switchboard } from './switchboard.ts';
import { DeviceHttpServer } from '../../gateways/http.ts';
import { MomGateway } from '../../gateways/mom/server.ts';
import { TracksolidStandIn } from '../../gateways/tracksolid/stand-in.ts';
import { FakeLog } from '../support/fake-host.ts';
import { FakeMomHost } from '../support/fake-mom-host.ts';
import { Slipway, TestServers, type Settings } from '../support/program.ts';
import { ACCOUNTS, APP } from '../support/tracksolid.ts';
import { waitFor } from '../support/wait.ts';
import { Wire } from '../system/wire.ts';

export const COMPONENTS = ['gateway', 'worker', 'api', 'temporal', 'postgres'] as const;
export type Component = (typeof COMPONENTS)[number];

const ROLES = ['gateway', 'worker', 'api'] as const;
type Role = (typeof ROLES)[number];

const ENTRY = 'test/crash/program.ts';
/** A call is repeated, with its key, until somebody answers; by then everything has been started again. */
const ANSWER_MS = 120_000;
const CALL_MS = 30_000;

/** An answer that is not 2xx, nor "not now". */
export class Refused extends Error {}

export class World {
  readonly board: Switchboard;
  readonly wire: Wire;
  readonly standIn: TracksolidStandIn;
  readonly mom: { host: FakeMomHost; url: string };
  sql!: postgres.Sql;
  temporal!: Client;
  #servers!: TestServers;
  #connection!: Connection;
  #key = '';
  readonly #parts = new Map<Role, Slipway>();
  readonly #settings: Settings = {};
  readonly #momServer: DeviceHttpServer;
  /** When gateways were killed. */
  readonly gatewayDeathsMs: number[] = [];
  /** What was answered 2xx, by key of the request. */
  readonly acknowledged = new Map<string, Record<string, unknown>>();

  private constructor(
    board: Switchboard,
    wire: Wire,
    standIn: TracksolidStandIn,
    mom: World['mom'],
    momServer: DeviceHttpServer,
  ) {
    this.board = board;
    this.wire = wire;
    this.standIn = standIn;
    this.mom = mom;
    this.#momServer = momServer;
  }

  static async start(): Promise<World> {
    const board = await Switchboard.listen();
    const standIn = new TracksolidStandIn({ ...APP, accounts: ACCOUNTS, takesDoubles: true });
    const platformUrl = await standIn.listen();
    const host = new FakeMomHost();
    const log = new FakeLog();
    const gateway = new MomGateway({ host, log });
    const momServer = new DeviceHttpServer(gateway.routes, { maxConnections: 500, requestTimeoutMs: 10_000 }, log);
    const momPort = await momServer.listen(0, '127.0.0.1');
    const wire = await Wire.open(0);
    wire.target = null;
    const world = new World(board, wire, standIn, { host, url: `http://127.0.0.1:${momPort}` }, momServer);
    await world.#begin(platformUrl);
    return world;
  }

  async #begin(platformUrl: string): Promise<void> {
    this.#servers = await TestServers.start();
    Object.assign(this.#settings, {
      CRASH_POINTS: String(this.board.port),
      TRACKSOLID_URL: platformUrl,
      TRACKSOLID_APP_KEY: APP.appKey,
      TRACKSOLID_APP_SECRET: APP.appSecret,
      TRACKSOLID_USER: APP.user,
      TRACKSOLID_PASSWORD: 'secret',
      TRACKSOLID_CALLS_PER_SECOND: '500',
      TRACKSOLID_TIMEOUT_S: '2',
    });
    // The first brings the schema, the others need not wait for it.
    await Promise.all(ROLES.map((role) => this.#startRole(role)));
    this.#key = await this.#parts.get('api')!.firstKey();
    const { DATABASE_URL, TEMPORAL_ADDRESS } = this.#servers.settings();
    this.sql = postgres(DATABASE_URL!, { max: 4, backoff: () => 0.2, onnotice: () => {} });
    this.#connection = await Connection.connect({ address: TEMPORAL_ADDRESS! });
    this.temporal = new Client({ connection: this.#connection });
    const { apiUrl, terminalPort, deviceHttpPort } = this.#ready();
    Object.assign(this.#settings, {
      API_PORT: new URL(apiUrl).port,
      TERMINAL_PORT: String(terminalPort),
      DEVICE_HTTP_PORT: String(deviceHttpPort),
    });
  }

  #ready() {
    const { terminalPort, deviceHttpPort } = this.#parts.get('gateway')!.ready;
    return { apiUrl: this.#parts.get('api')!.ready.apiUrl!, terminalPort, deviceHttpPort };
  }

  /** Where equipment calls. */
  get equipmentUrl(): string {
    return `http://127.0.0.1:${this.#ready().deviceHttpPort}`;
  }

  async #startRole(role: Role): Promise<void> {
    const part = await Slipway.start({ ...this.#servers.settings(role), ...this.#settings }, ENTRY);
    this.#parts.set(role, part);
    if (role === 'gateway') this.wire.target = part.terminalPort;
  }

  /** Ends a part as a power cut would. */
  async kill(component: Component): Promise<void> {
    if (component === 'temporal') return this.#servers.killTemporal();
    if (component === 'postgres') return this.#servers.killPostgres();
    if (component === 'gateway') this.wire.target = null;
    await this.#parts.get(component)!.kill();
    if (component === 'gateway') this.gatewayDeathsMs.push(Date.now());
  }

  async restart(component: Component): Promise<void> {
    if (component === 'temporal') return this.#servers.startTemporal();
    if (component === 'postgres') return this.#servers.startPostgres();
    return this.#startRole(component);
  }

  /** A call by an operator who repeats it under its key until it is answered: what an answer says is kept. */
  async call<Answer = Record<string, unknown>>(
    key: string,
    method: string,
    path: string,
    body?: unknown,
  ): Promise<Answer> {
    const answer = await waitFor<{ body: unknown }>(() => this.#callOnce(key, method, path, body), {
      deadlineMs: ANSWER_MS,
      message: `${method} ${path} was not answered`,
    });
    if (answer.body instanceof Refused) throw answer.body;
    if (key !== '') this.acknowledged.set(key, answer.body as Record<string, unknown>);
    return answer.body as Answer;
  }

  /** A control: what it asks for may have happened already, when an answer was lost; then it is refused, and all is well. */
  async control(key: string, method: string, path: string, body: unknown): Promise<void> {
    await this.call(key, method, path, body).catch((error: unknown) => {
      if (!(error instanceof Refused && error.message.includes(': 409 '))) throw error;
    });
  }

  get<Answer = Record<string, unknown>>(path: string): Promise<Answer> {
    return this.call<Answer>('', 'GET', path);
  }

  async #callOnce(key: string, method: string, path: string, body: unknown): Promise<{ body: unknown }> {
    const isForm = body instanceof FormData || body instanceof Blob;
    const response = await fetch(`http://127.0.0.1:${this.#settings['API_PORT']}/api/v1${path}`, {
      method,
      headers: {
        authorization: `Bearer ${this.#key}`,
        ...(key !== '' && { 'idempotency-key': key }),
        ...(body !== undefined && !isForm && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: isForm ? body : JSON.stringify(body) }),
      signal: AbortSignal.timeout(CALL_MS),
    });
    const text = await response.text();
    if (response.status >= 500 || response.status === 429) throw new Error(`${response.status} ${text}`);
    const read: unknown = text === '' ? null : JSON.parse(text);
    return { body: response.ok ? read : new Refused(`${method} ${path}: ${response.status} ${text}`) };
  }

  /** The last words of every part, for a failure. */
  tail(lines = 12): string {
    return [...this.#parts].map(([role, part]) => `--- ${role}:\n${part.tail(lines)}`).join('\n');
  }

  /** Fails when a part has ended that nobody killed. */
  assertAllRun(): void {
    for (const [role, part] of this.#parts) {
      if (!part.isRunning) throw new Error(`the ${role} ended by itself:\n${part.tail()}`);
    }
  }

  async stop(): Promise<void> {
    await this.board.close();
    await Promise.all([...this.#parts.values()].map((part) => part.kill()));
    await this.wire.close();
    await this.#connection?.close();
    await this.sql?.end({ timeout: 2 });
    await this.standIn.close();
    await this.#momServer.close(100);
    await this.#servers?.stop();
  }
}

/**
 * What the walks over all routes have in common: a department whose things can be recognised wherever they turn up, and
 * one valid request for each route that is not a `get`. The requests themselves are in the other files, by area.
 */
import type { MesScheduleState, MesScheduling } from '../../../api/executions/mes-schedule.ts';
import { TestApi, type Reply, type TestDepartment } from '../harness.ts';

/** One request that succeeds; everything it needs has been made. */
export interface WalkRequest {
  path: string;
  body?: unknown;
  headers?: Record<string, string>;
  /** Instead of the key of the department; null: none, for a route that brings its own proof of who calls. */
  key?: string | null;
  /** What the lines of the audit log say where it is not the id of the route and the caller. */
  line?: { action?: string; author?: string; departmentId?: number };
}

/** A request for each of some routes, by id; each call makes things of its own. */
export type Requests = Record<string, () => Promise<WalkRequest>>;

export class Scene {
  readonly api: TestApi;
  readonly department: TestDepartment;
  #made = 0;

  private constructor(api: TestApi, department: TestDepartment) {
    this.api = api;
    this.department = department;
  }

  /** A department in a program of its own. */
  static async start(name = 'lothlorien'): Promise<Scene> {
    const api = await TestApi.start({ authFailuresPerMinute: 1_000, mes: PAUSED_MES });
    return new Scene(api, await api.department(name));
  }

  next(): number {
    return ++this.#made;
  }

  /** A name that nothing else has, and that says whose it is. */
  fresh(word: string): string {
    return `${word}-${this.department.name}-${this.next()}`;
  }

  /** An identity of a terminal, and an IMEI: told from all others by their beginning. */
  sn = () => `A4747${String(this.next()).padStart(5, '0')}`;
  imei = () => `864747${String(this.next()).padStart(9, '0')}`;

  /** Finds what belongs to the department in any text. */
  get mark(): RegExp {
    return new RegExp(`${this.department.name}|A4747|864747`, 'i');
  }

  /** Carries out a request that must succeed, and answers its body. */
  async make(method: string, path: string, body?: unknown) {
    const reply = await this.api.send(method, `/api/v1/${path}`, { key: this.department.key, body });
    if (reply.status >= 300) throw new Error(`${method} ${path}: ${reply.status} ${JSON.stringify(reply.body)}`);
    return reply.body;
  }

  /** Sends a prepared request. */
  ask(method: string, { path, body, headers, key }: WalkRequest, as?: string, requestId?: string): Promise<Reply> {
    return this.api.send(method.toUpperCase(), path, {
      key: as ?? (key === undefined ? this.department.key : key),
      body,
      headers: { ...headers, ...(requestId !== undefined && { 'x-request-id': requestId }) },
    });
  }

  /** Every row of every table, as a fingerprint; when a key was last used does not count. */
  async rows(): Promise<Map<string, string[]>> {
    const tables = await this.api.sql`
      select table_name as name from information_schema.tables where table_schema = 'public' and table_type = 'BASE TABLE'`;
    const queries = tables.map(
      ({ name }) =>
        `select '${name}' as name, md5((to_jsonb(t) - 'last_used_at')::text) as row from public."${name}" t`,
    );
    const rows = await this.api.sql.unsafe(queries.join(' union all '));
    const found = new Map<string, string[]>();
    for (const { name, row } of rows) found.set(name, [...(found.get(name) ?? []), row]);
    for (const [name, list] of found) found.set(name, list.toSorted());
    return found;
  }
}

/** MES, of which there is a Schedule that is paused: files may be imported, and it may be read by hand. */
const PAUSED_MES: MesScheduling = {
  state: async (): Promise<MesScheduleState> => ({
    intervalS: 600,
    isPaused: true,
    nextRunAt: null,
    runningWorkflowId: null,
  }),
  apply: async () => true,
  runNow: async () => 'started',
};

/**
 * Many devices are upgraded by many processes, of which one of each kind is killed every few seconds and started again.
 * Orders go on all the while, to whichever API is there.
 */
import postgres from 'postgres';
import type { Role } from '../../config.ts';
import { demoFirmware } from '../../bench/operator.ts';
import { snAt } from '../../gateways/terminal/fleet.ts';
import { TerminalSimulator } from '../../gateways/terminal/simulator.ts';
import { firstOperator, TestServers } from '../support/program.ts';
import { waitFor } from '../support/wait.ts';
import { SMALL } from '../system/fleet.ts';
import { Wire } from '../system/wire.ts';
import { Crew, type CrewSize } from './crew.ts';
import { PatientOperator } from './patient-operator.ts';
import { judge, type Verdict } from './verdict.ts';

interface RunOptions {
  devices: number;
  crew: CrewSize;
  /** In which one of each kind is killed, in turn. */
  roundMs: number;
  /** PostgreSQL and Temporal are killed in their turn, too. */
  killServers: boolean;
  /** Devices in one order. */
  perTask: number;
  seed: number;
  /** The run is given up after it. */
  limitMs: number;
  /** Killing ends when each kind was killed so often; absent: it goes on to the end. */
  rounds?: number;
  /** A Temporal server to use in place of one of our own. */
  temporalAddress?: string;
  /** The program, when it is not `main.ts` through tsx. */
  entry?: string;
  tell: (line: string) => void;
  /** Aborted: everything is stopped and cleaned up. */
  signal?: AbortSignal;
}

type Victim = Role | 'temporal' | 'postgres';

interface RunResult extends Verdict {
  devices: number;
  kills: Record<Victim, number>;
  /** From the first order to the last proof. */
  tookMs: number;
  longestGapMs: number;
  calls: { answered: number; repeated: number };
  /** Processes that could not be started again. */
  troubles: string[];
}

const FIRST_SN = '6134450001';
const [FROM, TO] = [10, 11];
/** A terminal reports this often; the proof comes at once, with the first connection after the flash. */
const REPORT_MS = 20_000;
/** Transfers take a while, so that kills fall into them. */
const PACKET_DELAY_MS = 40;
const LOOK_MS = 500;

export async function run(options: RunOptions): Promise<RunResult> {
  const { tell } = options;
  const own = await TestServers.start();
  const settings = (role: Role) => ({
    ...own.settings(role),
    GATEWAY_NAME: `gateway-${process.pid}`,
    ...(options.temporalAddress !== undefined && { TEMPORAL_ADDRESS: options.temporalAddress }),
  });
  const crew = new Crew(settings, options.entry);
  const stops: (() => unknown)[] = [() => own.stop(), () => crew.stop()];
  try {
    await crew.start(options.crew);
    tell(`${Object.values(options.crew).reduce((sum, count) => sum + count, 0)} processes run`);
    const sql = postgres(own.settings('api')['DATABASE_URL']!, { max: 2, onnotice: () => {} });
    stops.push(() => sql.end({ timeout: 1 }));
    const wire = await Wire.open(crew.gatewayPort, { packetDelayMs: PACKET_DELAY_MS });
    stops.push(() => wire.close());
    return await Promise.race([upgradeAll(options, { own, crew, sql, wire, stops }), givenUp(options.signal)]);
  } catch (error) {
    tell(crew.tails());
    throw error;
  } finally {
    for (const stop of stops.toReversed()) await stop();
  }
}

function givenUp(signal: AbortSignal | undefined): Promise<never> {
  return new Promise((_, reject) => signal?.addEventListener('abort', () => reject(new Error('given up'))));
}

interface World {
  own: TestServers;
  crew: Crew;
  sql: postgres.Sql;
  wire: Wire;
  stops: (() => unknown)[];
}

async function upgradeAll(options: RunOptions, { own, crew, sql, wire, stops }: World): Promise<RunResult> {
  const { devices, perTask, tell } = options;
  const [api] = crew.ready('api');
  const { operator, key } = await firstOperator(api!);
  const firmwareId = await operator.uploadFirmware(demoFirmware(TO, FROM, SMALL));
  const sns = Array.from({ length: devices }, (_, index) => snAt(FIRST_SN, index));
  await operator.registerTerminals(sns);
  const terminals = sns.map((sn) => ({
    sn,
    simulator: new TerminalSimulator({
      host: '127.0.0.1',
      port: wire.port,
      sn,
      softwareVersion: FROM,
      reportIntervalMs: REPORT_MS,
      upgradeDelayMs: 200,
      reconnectDelayMs: 300,
    }),
  }));
  stops.push(() => Promise.all(terminals.map(({ simulator }) => simulator.stop())));
  for (const { simulator } of terminals) simulator.start();
  await waitFor(
    async () => {
      const [row] = await sql<
        { n: number }[]
      >`select count(*)::int as n from device_versions where version = ${String(FROM)}`;
      return row?.n === devices;
    },
    { deadlineMs: 60_000 + devices * 100, message: 'not every terminal reported' },
  );
  tell(`${devices} terminals are connected`);

  const startedMs = performance.now();
  const until = startedMs + options.limitMs;
  const patient = new PatientOperator(
    () => crew.ready('api').map(({ ready }) => ready.apiUrl ?? ''),
    key,
    `run-${process.pid}`,
  );
  const killer = new Killer(options, crew, own);
  killer.start();
  stops.push(() => killer.stop());

  const tasks: { id: number; deviceIds: string[] }[] = [];
  const registered: string[] = [];
  const ordering = (async () => {
    for (let at = 0; at < devices; at += perTask) {
      const deviceIds = sns.slice(at, at + perTask).map((sn) => `terminal-${sn}`);
      const order = { firmwareIds: [firmwareId], deviceIds, options: { dispatchDelayMinutes: 0, deadlineHours: 2 } };
      const { id } = await patient.post<{ id: number }>('/upgrade-tasks', order);
      tasks.push({ id, deviceIds });
      // Something small is ordered beside it, all the time.
      const identity = snAt('6134990001', registered.length);
      await patient.post('/devices', [{ protocol: 'terminal', identity, model: 'GV2' }]);
      registered.push(`terminal-${identity}`);
      // About a third is under way or waits; orders go on while processes die.
      await untilEnded(Math.max(0, at + perTask - Math.max(perTask, devices / 3)));
    }
  })();

  let ended = 0;
  let lastMs = startedMs;
  let longestGapMs = 0;
  async function count(): Promise<number> {
    try {
      const [row] = await sql<
        { n: number }[]
      >`select count(*)::int as n from device_upgrades where finished_at is not null`;
      return row?.n ?? ended;
    } catch {
      return ended; // the database is one of those that are killed
    }
  }
  async function untilEnded(wanted: number): Promise<void> {
    await waitFor(() => ended >= wanted || performance.now() > until, { deadlineMs: options.limitMs + 60_000 });
  }
  const watch = setInterval(() => {
    void count().then((now) => {
      const nowMs = performance.now();
      if (now === ended) return;
      longestGapMs = Math.max(longestGapMs, nowMs - lastMs);
      if (Math.floor((now * 10) / devices) > Math.floor((ended * 10) / devices)) {
        tell(
          `${now} of ${devices} ended after ${Math.round((nowMs - startedMs) / 1000)} s; killed: ${words(killer.kills)}`,
        );
      }
      [ended, lastMs] = [now, nowMs];
    });
  }, LOOK_MS);
  stops.push(() => clearInterval(watch));
  await Promise.race([ordering, untilEnded(devices)]);
  await untilEnded(devices);
  const tookMs = lastMs - startedMs;
  if (options.rounds !== undefined) {
    await waitFor(() => killer.isDone || performance.now() > until, { deadlineMs: options.limitMs + 60_000 });
  }
  await killer.stop();
  if (ended >= devices) await ordering;
  clearInterval(watch);
  // Tasks end a little after their last device, and longer after it when their dispatcher was killed.
  await waitFor(async () => (await sql`select 1 from upgrade_tasks where finished_at is null`).length === 0, {
    deadlineMs: 150_000,
  }).catch(() => tell('not every task has ended'));
  await waitFor(() => terminals.every(({ simulator }) => simulator.softwareVersion === TO), {
    deadlineMs: 5_000,
  }).catch(() => {});
  const verdict = await judge({ sql, wire, terminals, tasks, registered, version: TO, packets: SMALL / 1024 });
  const { answered, repeated } = patient;
  if (verdict.broken.length > 0) tell(crew.tails());
  return {
    ...verdict,
    devices,
    kills: killer.kills,
    tookMs,
    longestGapMs,
    calls: { answered, repeated },
    troubles: crew.troubles,
  };
}

/** Kills one of each kind in turn; the order within a round and the moment are drawn from the seed. */
class Killer {
  readonly #options: RunOptions;
  readonly #crew: Crew;
  readonly #servers: TestServers;
  readonly #random: () => number;
  readonly #served = { temporal: 0, postgres: 0 };
  readonly #victims: readonly Victim[];
  #round: Victim[] = [];
  #rounds = 0;
  #timer: NodeJS.Timeout | undefined;
  #working: Promise<void> = Promise.resolve();
  #isStopped = false;

  constructor(options: RunOptions, crew: Crew, servers: TestServers) {
    this.#options = options;
    this.#crew = crew;
    this.#servers = servers;
    this.#random = randomFrom(options.seed);
    this.#victims = ['api', 'worker', 'gateway', ...(options.killServers ? (['temporal', 'postgres'] as const) : [])];
  }

  /** Every round is over. */
  get isDone(): boolean {
    return this.#isStopped;
  }

  get kills(): Record<Victim, number> {
    return { ...this.#crew.kills, ...this.#served };
  }

  start(): void {
    const pauseMs = (this.#options.roundMs / this.#victims.length) * (0.8 + 0.4 * this.#random());
    this.#timer = setTimeout(() => {
      this.#working = this.#killNext().then(() => {
        if (!this.#isStopped) this.start();
      });
    }, pauseMs);
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    await this.#working;
  }

  async #killNext(): Promise<void> {
    if (this.#round.length === 0) {
      if (this.#rounds === (this.#options.rounds ?? Infinity)) {
        this.#isStopped = true;
        return;
      }
      this.#rounds += 1;
      this.#round = this.#shuffled(this.#victims);
    }
    const victim = this.#round[0]!;
    if (victim === 'temporal' || victim === 'postgres') {
      await (victim === 'temporal' ? this.#servers.killTemporal() : this.#servers.killPostgres());
      this.#served[victim] += 1;
      await (victim === 'temporal' ? this.#servers.startTemporal() : this.#servers.startPostgres());
    } else if (!(await this.#crew.kill(victim, this.#options.crew[victim] === 1))) {
      return; // in its turn, once another one is there
    }
    this.#round.shift();
  }

  #shuffled(victims: readonly Victim[]): Victim[] {
    return victims
      .map((victim) => ({ victim, at: this.#random() }))
      .toSorted((a, b) => a.at - b.at)
      .map(({ victim }) => victim);
  }
}

/** Numbers from 0 to 1, the same for the same seed. */
function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Kills by kind, as people read them. */
export function words(kills: Record<Victim, number>): string {
  return Object.entries(kills)
    .filter(([, count]) => count > 0)
    .map(([victim, count]) => `${victim} ${count}`)
    .join(', ');
}

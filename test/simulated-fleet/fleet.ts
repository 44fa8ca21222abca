/**
 * Hundreds of devices of all protocols on one real Slipway: real sockets, real servers, limits of seconds where the
 * product has minutes. What each of them does comes from a seed; what became of them is judged in `verdict.ts`.
 */
import postgres from 'postgres';
import { FILE_BYTES, FROM, makeDevice, versionName, type ScriptedDevice } from './devices.ts';
import { ALL_PROTOCOLS, drawScripts, KINDS, TASKS, type TaskName } from './scripts.ts';
import { judge, type Verdict } from './verdict.ts';
import {
  demoFirmware,
  demoPcpFirmware,
  demoPileFirmware,
  demoTrackerFirmware,
  type Operator,
} from '../../bench/operator.ts';
import type { Protocol } from '../../db/schema.ts';
import { readTasks, readUpgrades } from '../promises/records.ts';
import { firstOperator, Slipway, TestServers } from '../support/program.ts';
import { waitFor } from '../support/wait.ts';

/** From the order to the last end; the rest is for a busy machine. */
const PATIENCE_MS = 300_000;

/** For devices that end well sooner or later: whatever is lost comes again soon, and time is not short. */
const PATIENT = { reactionSeconds: 5, silenceMinutes: 0.5, proofMinutes: 20 };
/** For devices that are waited for in vain. */
const SHORT = { ...PATIENT, waitOnlineHours: 0.004, transferMinutes: 0.5, silenceMinutes: 0.1, proofMinutes: 0.15 };

const OPTIONS: Readonly<Record<TaskName, object>> = {
  steady: { attemptsPerFile: 10, limits: PATIENT },
  stale: { attemptsPerFile: 3, limits: PATIENT },
  false: { attemptsPerFile: 2, limits: { ...PATIENT, settleSeconds: 0.5 } },
  half: { attemptsPerFile: 2, limits: { ...PATIENT, settleSeconds: 0.5 } },
  gone: { attemptsPerFile: 2, limits: SHORT, deadlineHours: 0.01 },
};

/** Devices are upgraded to the first version, terminals in tasks with two files also to the second. */
const TARGETS = [FROM + 1, FROM + 2] as const;
const TWO_FILES: readonly TaskName[] = ['steady', 'half'];

/** One Slipway for any number of runs. */
export class FleetStage {
  readonly #servers: TestServers;
  readonly #program: Slipway;
  readonly #operator: Operator;
  readonly #sql: postgres.Sql;
  readonly #files: ReadonlyMap<string, number>;
  #runs = 0;

  private constructor(
    servers: TestServers,
    program: Slipway,
    operator: Operator,
    sql: postgres.Sql,
    files: ReadonlyMap<string, number>,
  ) {
    this.#servers = servers;
    this.#program = program;
    this.#operator = operator;
    this.#sql = sql;
    this.#files = files;
  }

  static async start(): Promise<FleetStage> {
    const servers = await TestServers.start();
    const settings = servers.settings();
    const program = new Slipway({
      ...settings,
      // All of them come from one address.
      TERMINAL_MAX_CONNECTIONS_PER_ADDRESS: '10000',
      PILE_MAX_CONNECTIONS_PER_ADDRESS: '10000',
      FTP_MAX_CONNECTIONS_PER_ADDRESS: '10000',
      PCP_REQUESTS_PER_ADDRESS_S: '100000',
    });
    try {
      await program.untilReady();
      const { operator } = await firstOperator(program);
      const files = await uploadFiles(operator);
      const sql = postgres(settings['DATABASE_URL'] ?? '', { max: 2, onnotice: () => {} });
      return new FleetStage(servers, program, operator, sql, files);
    } catch (error) {
      await program.kill();
      await servers.stop();
      throw error;
    }
  }

  async stop(): Promise<void> {
    await this.#sql.end({ timeout: 5 });
    await this.#program.kill();
    await this.#servers.stop();
  }

  /** Plays one seed and judges it. */
  async run(seed: number, count: number, tell: (what: string) => void = () => {}): Promise<Verdict> {
    const run = (this.#runs += 1);
    const scripts = drawScripts(seed, count);
    const devices = await Promise.all(scripts.map((script) => makeDevice(script, run, this.#program.ready)));
    const timers: NodeJS.Timeout[] = [];
    try {
      await this.#register(devices);
      const early = devices.filter(({ script }) => script.kind !== 'latecomer');
      for (const device of early) device.start();
      await this.#untilReported(early);
      const absent = devices.filter(({ script }) => script.kind === 'absent');
      await Promise.all(absent.map((device) => device.stop()));
      tell(`${devices.length} devices are registered, ${early.length} have reported`);
      const taskIds = await this.#order(devices);
      for (const device of devices) {
        if (device.script.kind === 'latecomer') timers.push(setTimeout(() => device.start(), device.script.laterMs));
      }
      const missing = await this.#untilEnded(devices, taskIds, tell);
      const verdict = judge(seed, devices, await readUpgrades(this.#sql, taskIds), await readTasks(this.#sql, taskIds));
      if (missing !== null) verdict.failures.push(`seed ${seed}: ${missing}\n${this.#troubles()}`);
      return verdict;
    } finally {
      timers.forEach(clearTimeout);
      await Promise.all(devices.map((device) => device.stop()));
    }
  }

  /** What Slipway itself complained of last. */
  #troubles(): string {
    const troubles = this.#program.logLines.filter(({ level }) => level === 'warn' || level === 'error');
    return troubles
      .slice(-8)
      .map((line) => JSON.stringify(line).slice(0, 1_000))
      .join('\n');
  }

  async #register(devices: readonly ScriptedDevice[]): Promise<void> {
    const of = (protocol: Protocol) =>
      devices.filter(({ script }) => script.protocol === protocol).map(({ identity }) => identity);
    await this.#operator.registerTerminals(of('terminal'));
    await this.#operator.registerTrackers(of('ams'));
    await this.#operator.registerPcpDevices(of('pcp'));
    await this.#operator.registerPiles(of('pile'));
  }

  async #untilReported(devices: readonly ScriptedDevice[]): Promise<void> {
    const ids = devices.map(({ deviceId }) => deviceId);
    await waitFor(
      async () => {
        const [row] = await this.#sql<{ missing: string[] }[]>`
          select array(select unnest(${ids}::text[]) except select device_id from device_versions) as missing`;
        if (row!.missing.length === 0) return true;
        throw new Error(`${row!.missing.length} have not, such as ${row!.missing.slice(0, 5).join(', ')}`);
      },
      { deadlineMs: 90_000, message: 'not every device has reported' },
    );
  }

  async #order(devices: readonly ScriptedDevice[]): Promise<number[]> {
    const ids: number[] = [];
    for (const name of TASKS) {
      const chosen = devices.filter(({ script }) => KINDS[script.kind].task === name);
      if (chosen.length === 0) continue;
      const targets = TWO_FILES.includes(name) ? TARGETS : [TARGETS[0]];
      const firmwareIds = ALL_PROTOCOLS.flatMap((protocol) =>
        chosen.some(({ script }) => script.protocol === protocol)
          ? targets.flatMap((target) => this.#files.get(`${protocol} ${target}`) ?? [])
          : [],
      );
      const { id } = await this.#operator.createTask({
        firmwareIds,
        deviceIds: chosen.map(({ deviceId }) => deviceId),
        options: { dispatchDelayMinutes: 0, deadlineHours: 1, maxConcurrent: 1_000, ...OPTIONS[name] },
      });
      ids.push(id);
    }
    return ids;
  }

  /** What is not as it should be when patience ends; null: everything has come to its end. */
  async #untilEnded(
    devices: readonly ScriptedDevice[],
    taskIds: readonly number[],
    tell: (what: string) => void,
  ): Promise<string | null> {
    const reverters = devices.filter(({ script }) => script.kind === 'reverter').map(({ deviceId }) => deviceId);
    const untilMs = Date.now() + PATIENCE_MS;
    for (let told = ''; ; await new Promise((resolve) => setTimeout(resolve, 500))) {
      const [left] = await this.#sql<{ devices: number; reverters: number; tasks: number }[]>`
        select (select count(*)::int from device_upgrades where task_id = any(${taskIds as number[]}) and finished_at is null) as devices,
          (select count(*)::int from device_upgrades where device_id = any(${reverters}) and status = 'succeeded') as reverters,
          (select count(*)::int from upgrade_tasks where id = any(${taskIds as number[]}) and finished_at is null) as tasks`;
      if (left!.devices + left!.reverters + left!.tasks === 0) return null;
      const words = `${left!.devices} devices, ${left!.tasks} tasks have not ended, ${left!.reverters} have not fallen back`;
      if (words !== told) tell(words);
      told = words;
      if (Date.now() > untilMs) return `after ${PATIENCE_MS / 1_000} seconds ${words}`;
    }
  }
}

/** One file for each protocol, two for terminals; their numbers by protocol and version. */
async function uploadFiles(operator: Operator): Promise<Map<string, number>> {
  const [first, second] = TARGETS;
  const files = [
    { protocol: 'terminal', target: first, firmware: demoFirmware(first, FROM, FILE_BYTES.terminal) },
    { protocol: 'terminal', target: second, firmware: demoFirmware(second, first, FILE_BYTES.terminal) },
    { protocol: 'ams', target: first, firmware: demoTrackerFirmware('T1', first, FROM, FILE_BYTES.ams) },
    { protocol: 'pcp', target: first, firmware: demoPcpFirmware(first, FROM, FILE_BYTES.pcp) },
    { protocol: 'pile', target: first, firmware: demoPileFirmware(first, FROM, FILE_BYTES.pile) },
  ] as const;
  const numbers = new Map<string, number>();
  for (const { protocol, target, firmware } of files) {
    if (firmware.targetVersion !== versionName(protocol, target))
      throw new Error(`${protocol} ${target} is named twice`);
    numbers.set(`${protocol} ${target}`, await operator.uploadFirmware(firmware));
  }
  return numbers;
}

/** One terminal in a task of its own: it takes the file, lies, refuses, is away until the task is cancelled. */
import { createHash } from 'node:crypto';
import { Story, type Pass } from './story.ts';
import type { World } from '../world.ts';
import { demoFirmware } from '../../../bench/operator.ts';
import { TerminalSimulator, type TerminalFaults } from '../../../gateways/terminal/simulator.ts';
import type { Broken } from '../../promises/broken.ts';
import { readTasks, readUpgrades } from '../../promises/records.ts';
import { brokenBetweenUpgrades, brokenByEndedUpgrade, brokenByTask, type DeviceWord } from '../../promises/upgrades.ts';
import { waitFor } from '../../support/wait.ts';
import { QUICK } from '../../system/fleet.ts';
import { readTransfers, type WireEvent } from '../../system/wire.ts';

const FROM = 10;
const TARGET = FROM + 1;
/** This one comes before everything else. */
const REGISTERING = 'route registerDevices';
const SMALLEST = 10_240;

export const UPGRADE_VARIANTS = ['good', 'lies', 'refuses', 'cancelled', 'current', 'controlled'] as const;
export type UpgradeVariant = (typeof UPGRADE_VARIANTS)[number];

const FAULTS: Partial<Record<UpgradeVariant, TerminalFaults>> = { lies: { lie: true }, refuses: { refuse: 739 } };
/** How each ends. */
const ENDS: Record<UpgradeVariant, { status: string; reason: string | null }> = {
  good: { status: 'succeeded', reason: null },
  lies: { status: 'failed', reason: 'version_unchanged' },
  refuses: { status: 'failed', reason: 'terminal_739' },
  cancelled: { status: 'cancelled', reason: 'cancelled_by_operator' },
  current: { status: 'succeeded', reason: 'already_current' },
  controlled: { status: 'succeeded', reason: null },
};

/** It may be held on its way, until every other story has come to its step. */
const PATIENCE = { deadlineMs: 120_000 };

let made = 0;

export class UpgradeStory extends Story {
  readonly variant: UpgradeVariant;
  readonly #sn: string;
  readonly #deviceId: string;
  readonly #terminal: TerminalSimulator;
  readonly #firmware: ReturnType<typeof demoFirmware>;
  #firmwareId = 0;
  #taskId: number | null = null;

  constructor(world: World, name: string, variant: UpgradeVariant) {
    super(world, name);
    this.variant = variant;
    made += 1;
    this.#sn = `61${String(made).padStart(8, '0')}`;
    this.#deviceId = `terminal-${this.#sn}`;
    // A file of its own: nobody has it in a cache.
    this.#firmware = demoFirmware(TARGET, FROM, SMALLEST + made);
    this.#terminal = new TerminalSimulator({
      ...QUICK,
      port: world.wire.port,
      sn: this.#sn,
      softwareVersion: variant === 'current' ? TARGET : FROM,
      faults: FAULTS[variant] ?? {},
    });
    this.addKeys(this.#deviceId, `upgrade/${this.#deviceId}`);
  }

  async prepare(step: string): Promise<void> {
    if (step !== REGISTERING) await this.#register();
  }

  async #register(): Promise<void> {
    await this.world.call(this.key('register'), 'POST', '/devices', [
      { protocol: 'terminal', identity: this.#sn, model: 'GV2' },
    ]);
    if (['cancelled', 'current'].includes(this.variant)) return;
    this.#terminal.start();
    await waitFor(() => this.world.wire.events(this.#sn).some(({ kind }) => kind === 'report'), PATIENCE);
    const versions = () => this.world.sql`select from device_versions where device_id = ${this.#deviceId}`;
    await waitFor(async () => (await versions()).length > 0, PATIENCE);
  }

  protected async act(step: string): Promise<void> {
    if (step === REGISTERING) await this.#register();
    if (step === 'host identify') this.world.wire.cut(this.#sn);
    await this.#upload();
    const { id } = await this.world.call<{ id: number }>(this.key('task'), 'POST', '/upgrade-tasks', {
      name: this.name,
      firmwareIds: [this.#firmwareId],
      deviceIds: [this.#deviceId],
      options: {
        dispatchDelayMinutes: this.variant === 'controlled' ? 10 : 0,
        deadlineHours: 1,
        attemptsPerFile: 2,
        limits: { settleSeconds: 0.5, reactionSeconds: 4 },
        ...(this.variant === 'controlled' && { approval: { required: true, fourEyes: false } }),
      },
    });
    this.#taskId = id;
    if (this.variant === 'current') this.#terminal.start();
    if (this.variant === 'cancelled') await this.#control('cancel');
    if (this.variant === 'controlled') {
      await this.#control('approve');
      await this.#control('pacing', { maxConcurrent: 3 });
      await this.#control('start-now');
      await this.#control('pause');
      await this.#control('resume');
    }
  }

  async #upload(): Promise<void> {
    const { content, fileName, pinfo, targetVersion, compatibleVersion, currentVersions } = this.#firmware;
    this.addKeys(createHash('sha256').update(content).digest('hex'));
    const form = () => {
      const body = new FormData();
      const fields = { protocol: 'terminal', targetVersion, compatibleVersion, pinfo: pinfo! };
      for (const [field, value] of Object.entries(fields)) body.set(field, value);
      body.set('currentVersions', currentVersions.join('\n'));
      body.set('md5', createHash('md5').update(content).digest('hex'));
      body.set('file', new Blob([new Uint8Array(content)]), fileName);
      return body;
    };
    const { id } = await this.world.call<{ id: number }>(this.key('firmware'), 'POST', '/firmware', form());
    this.#firmwareId = id;
  }

  /** A control is accepted, or was before: its workflow says so. */
  async #control(action: string, body: object = {}): Promise<void> {
    const method = action === 'pacing' ? 'PATCH' : 'POST';
    await this.world.control(this.key(action), method, `/upgrade-tasks/${this.#taskId}/${action}`, {
      ...body,
      cause: 'a crash story',
    });
  }

  protected async hasEnded(): Promise<boolean> {
    const [row] = await this.world.sql`
      select t.finished_at is not null and not exists (
        select 1 from device_upgrades u where u.task_id = t.id and u.finished_at is null) as over
      from upgrade_tasks t where t.name = ${this.name}`;
    if (row?.['over'] === true) return true;
    const rows = await this.world.sql`
      select t.status as task, u.status, u.reason from upgrade_tasks t left join device_upgrades u on u.task_id = t.id where t.name = ${this.name}`;
    throw new Error(JSON.stringify(rows));
  }

  protected async findKeys(): Promise<string[]> {
    const rows = await this.world.sql<{ id: number }[]>`select id from upgrade_tasks where name = ${this.name}`;
    return rows.map(({ id }) => `task/${id}`);
  }

  override isRecorded(pass: Pass): Promise<boolean> | boolean | null {
    if (pass.step === 'host claimSend') return this.world.wire.events(this.#sn).some(({ kind }) => kind === 'offer');
    return super.isRecorded(pass);
  }

  async judge(): Promise<Broken[]> {
    const findings = this.findings();
    const { sql, wire } = this.world;
    const taskIds = (await sql<{ id: number }[]>`select id from upgrade_tasks where name = ${this.name}`).map(
      ({ id }) => id,
    );
    findings.check(taskIds.length === 1, 'at most one effect', `one order made ${taskIds.length} tasks`);
    findings.check(
      this.#taskId === null || taskIds.includes(this.#taskId),
      'nothing acknowledged is lost',
      `task ${this.#taskId} was acknowledged and is not there`,
    );
    const upgrades = await readUpgrades(sql, taskIds);
    const events = wire.events(this.#sn);
    const word: DeviceWord = {
      reports: events.flatMap((event) =>
        event.kind === 'report' ? [{ component: 'T1', version: String(event.version), atMs: event.atMs }] : [],
      ),
      offers: events.flatMap((event) =>
        event.kind === 'offer' ? [{ version: String(event.version), atMs: event.atMs }] : [],
      ),
      runs: { T1: String(this.#terminal.softwareVersion) },
    };
    const { status, reason } = ENDS[this.variant];
    for (const upgrade of upgrades) {
      const isNoted = status === 'succeeded' && upgrade.reason === 'reported_without_transfer';
      const isRight =
        upgrade.status === status && (upgrade.reason === reason || (isNoted && this.#lostItsRecord(events)));
      findings.check(
        isRight,
        'no silent success',
        `it is ${upgrade.status} (${upgrade.reason}), not ${status} (${reason})`,
      );
    }
    try {
      // One that refuses gives up, as it must.
      const heard = this.variant === 'refuses' ? events.filter(({ kind }) => kind !== 'error') : events;
      const transfers = readTransfers(this.#sn, heard);
      const isQuiet = ['cancelled', 'current', 'refuses'].includes(this.variant);
      findings.check(!isQuiet || transfers.every(({ packets }) => packets === 0), 'exact resume', 'packets went over');
      for (const { repeated } of transfers)
        findings.check(repeated <= 2, 'exact resume', `${repeated} packets came again`);
    } catch (error) {
      findings.check(false, 'exact resume', error instanceof Error ? error.message : String(error));
    }
    return [
      ...findings.broken,
      ...upgrades.flatMap((upgrade) => brokenByEndedUpgrade(upgrade, word)),
      ...brokenBetweenUpgrades(upgrades),
      ...(await readTasks(sql, taskIds)).flatMap(brokenByTask),
    ];
  }

  /** A gateway that dies takes with it what it has not written of the last second: of a file as small as this, everything. */
  #lostItsRecord(events: readonly WireEvent[]): boolean {
    const firstMs = events.find(({ kind }) => kind === 'request')?.atMs ?? Infinity;
    const reportedMs = events.findLast(({ kind }) => kind === 'report')?.atMs ?? -Infinity;
    return this.world.gatewayDeathsMs.some((diedMs) => firstMs <= diedMs && diedMs <= reportedMs);
  }

  override async close(): Promise<void> {
    await this.#terminal.stop();
  }
}

/**
 * A stand-in for the database behind `runTask`: a task in memory whose devices end some time after they were started,
 * and a dispatcher like the real one, with the real pacing.
 */
import type { TaskActivities } from '../../activities/tasks.ts';
import type { Approval } from '../../db/schema.ts';
import type { TaskStatus, UpgradeStatus } from '../../workflows/rules/statuses.ts';
import {
  abortDue,
  atMost,
  describeAbort,
  startsAllowed,
  type AbortRule,
  type EndedCounts,
  type Pacing,
} from '../../workflows/rules/pacing.ts';
import { LIMITS, MINUTE } from './fake-device.ts';

/** Who made the task. */
export const MAKER = 'zhao';

/** Real milliseconds: while an activity runs, the time-skipping server does not skip. */
const TAKES_MS = 30;
const WEEK_MS = 7 * 24 * 60 * MINUTE;

interface FakeUpgrade {
  status: UpgradeStatus;
  startedAtMs: number | null;
  /** Started devices end this long after their start; null: never by themselves. */
  takesMs: number | null;
  endsAs: UpgradeStatus;
}

export interface FakeTaskOptions {
  devices: number;
  takesMs?: number | null;
  endsAs?: UpgradeStatus;
  dispatchDelayMs?: number;
  deadlineMs?: number;
  maxConcurrent?: number;
  abort?: AbortRule[];
  approval?: Approval;
  /** Devices may join it: see `join`. */
  joins?: boolean;
  /** Closed until so long after the start. */
  windowOpensAfterMs?: number;
}

export class FakeTask {
  readonly log: string[] = [];
  readonly upgrades: FakeUpgrade[];
  status: TaskStatus = 'scheduled';
  approvedBy: string | null = null;
  revision = 1;
  mostAtOnce = 0;
  pacing: Pacing;
  readonly #nowMs: () => Promise<number>;
  readonly #startedAtMs: number;
  #deadlineAtMs: number;
  readonly #options: FakeTaskOptions;
  #countedFrom: Partial<EndedCounts> = {};

  constructor(options: FakeTaskOptions, clock: { nowMs: () => Promise<number>; startedAtMs: number }) {
    this.#options = options;
    this.#nowMs = clock.nowMs;
    this.#startedAtMs = clock.startedAtMs;
    this.#deadlineAtMs = clock.startedAtMs + (options.deadlineMs ?? WEEK_MS);
    this.pacing = atMost(options.maxConcurrent ?? 50);
    if (options.approval !== undefined) this.status = 'awaiting_approval';
    this.upgrades = [];
    this.join(options.devices);
  }

  /** Puts devices into the task. */
  join(devices: number): void {
    const { takesMs = TAKES_MS, endsAs = 'succeeded' } = this.#options;
    for (let n = 0; n < devices; n++) this.upgrades.push({ status: 'scheduled', startedAtMs: null, takesMs, endsAs });
  }

  readonly activities: TaskActivities = {
    loadTask: async () => ({
      name: 'night batch',
      status: this.status,
      department: 'default',
      options: {
        pacing: this.pacing,
        window: null,
        limits: LIMITS,
        attemptsPerFile: 3,
        notEligible: 'wait',
        dispatchDelayMs: this.#options.dispatchDelayMs ?? 0,
        abort: this.#options.abort ?? [],
        approval: this.#options.approval ?? null,
        joins: this.#options.joins === true ? {} : null,
        lifeMs: WEEK_MS,
      },
      createdBy: MAKER,
      revision: this.revision,
      approvalDeadlineAtMs:
        this.#options.approval === undefined ? null : this.#startedAtMs + this.#options.approval.withinMs,
      deviceCount: this.upgrades.length,
      dispatchAtMs: this.#startedAtMs + (this.#options.dispatchDelayMs ?? 0),
      deadlineAtMs: this.#deadlineAtMs,
      nowMs: await this.#nowMs(),
    }),
    recordTaskStatus: async (_taskId, status, { author, event, cause }, from) => {
      if (this.status === status || from?.includes(this.status) === false) return this.status;
      if (this.status === 'paused') this.#countedFrom = (await this.#count()).ended;
      this.status = status;
      this.log.push(`${event} by ${author}${cause ? `: ${cause}` : ''}`);
      return status;
    },
    recordWaitingStopped: async (_taskId, cause) => {
      this.#countedFrom = (await this.#count()).ended;
      if (this.log.includes(`aborted by system: ${cause}`)) return;
      this.log.push(`aborted by system: ${cause}`);
    },
    changePacing: async (taskId, { fields: { abort: _abort, ...pacing }, revision }, { author }) => {
      if (revision !== undefined && revision !== this.revision) return { kind: 'conflict', revision: this.revision };
      this.pacing = { ...this.pacing, ...pacing };
      this.revision += 1;
      this.log.push(`pacing ${this.pacing.maxConcurrent} by ${author}`);
      return { kind: 'changed', options: (await this.activities.loadTask(taskId)).options, revision: this.revision };
    },
    recordApprovalNeeded: async (_taskId, { author, event, cause }) => {
      const line = `${event} by ${author}: ${cause}`;
      if (!this.log.includes(line)) this.log.push(line);
    },
    recordApproval: async (_taskId, { author, keyId, cause }) => {
      if (this.status !== 'awaiting_approval') return this.approvedBy === author ? null : 'not_awaited';
      if (keyId !== null && this.#options.approval?.fourEyes === true && author === MAKER) return 'own_task';
      this.status = 'scheduled';
      this.approvedBy = author;
      this.log.push(`approved by ${author}: ${cause}`);
      return null;
    },
    recordStartNow: async (_taskId, { author, event }) => void this.log.push(`${event} by ${author}`),
    announceOffers: async () => {},
    countTask: () => this.#count(),
    countStatuses: async () => this.counts(),
    resetFailed: async (_taskId, { author }) => {
      const failed = this.upgrades.filter(({ status }) => status === 'failed');
      for (const upgrade of failed)
        Object.assign(upgrade, { status: 'scheduled', startedAtMs: null, endsAs: 'succeeded' });
      if (failed.length > 0 && this.status === 'finished') {
        this.status = 'scheduled';
        this.#deadlineAtMs = (await this.#nowMs()) + WEEK_MS;
      }
      this.log.push(`retry of ${failed.length} by ${author}`);
      return failed.length;
    },
    endUndispatched: async (_taskId, { status }) => {
      const waiting = this.upgrades.filter((upgrade) => upgrade.status === 'scheduled' && upgrade.startedAtMs === null);
      for (const upgrade of waiting) upgrade.status = status;
      return waiting.length;
    },
    dispatchUpgrades: async () => {
      const nowMs = await this.#nowMs();
      const report = { isIdle: false, windowOpensInMs: null, abort: null };
      const opensInMs = this.#startedAtMs + (this.#options.windowOpensAfterMs ?? 0) - nowMs;
      if (opensInMs > 0) return { ...report, windowOpensInMs: opensInMs };
      const { inFlight, ended, sinceResume } = await this.#count();
      if (this.status !== 'running') return report;
      const verdict = abortDue(this.#options.abort ?? [], sinceResume);
      if (verdict !== null) return { ...report, abort: { effect: verdict.rule.effect, cause: describeAbort(verdict) } };
      const { succeeded } = ended;
      let free = startsAllowed(this.pacing, { nowMs, active: inFlight, recent: [], finished: succeeded, succeeded });
      for (const upgrade of this.upgrades) {
        if (free === 0) break;
        if (upgrade.status !== 'scheduled' || upgrade.startedAtMs !== null) continue;
        upgrade.startedAtMs = nowMs;
        free -= 1;
      }
      this.mostAtOnce = Math.max(this.mostAtOnce, (await this.#count()).inFlight);
      // Long enough for a control to come in between.
      await new Promise((resolve) => setTimeout(resolve, 20));
      const left = await this.#count();
      const isIdle = left.inFlight + left.remaining === 0;
      // Who waits for newcomers sleeps in between: the clock of the time-skipping server stands while a step runs.
      return { ...report, isIdle, windowOpensInMs: isIdle && this.#options.joins === true ? 1_000 : null };
    },
    tellInFlight: async (_taskId, message) => {
      if ('only' in message) {
        this.log.push(`told those that wait: ${message.control.action}`);
        return 0;
      }
      const flying = this.upgrades.filter((upgrade) => upgrade.status === 'scheduled' && upgrade.startedAtMs !== null);
      if ('control' in message) for (const upgrade of flying) upgrade.status = 'cancelled';
      this.log.push(`told ${flying.length}: ${'control' in message ? message.control.action : message.edge}`);
      return flying.length;
    },
    endLostUpgrades: async () => {
      for (const upgrade of this.upgrades) if (upgrade.status === 'scheduled') upgrade.status = 'failed';
    },
  };

  counts(): Partial<Record<UpgradeStatus, number>> {
    const counts: Partial<Record<UpgradeStatus, number>> = {};
    for (const { status } of this.upgrades) counts[status] = (counts[status] ?? 0) + 1;
    return counts;
  }

  async #count() {
    const nowMs = await this.#nowMs();
    for (const upgrade of this.upgrades) {
      const { status, startedAtMs, takesMs } = upgrade;
      if (status === 'scheduled' && startedAtMs !== null && takesMs !== null && nowMs >= startedAtMs + takesMs) {
        upgrade.status = upgrade.endsAs;
      }
    }
    const open = this.upgrades.filter(({ status }) => status === 'scheduled');
    const inFlight = open.filter(({ startedAtMs }) => startedAtMs !== null).length;
    const ended: EndedCounts = { succeeded: 0, failed: 0, unproven: 0, expired: 0, partial: 0, reverted: 0 };
    for (const { status } of this.upgrades) if (status in ended) ended[status as keyof EndedCounts] += 1;
    const since = Object.entries(ended).map(([status, n]) => [
      status,
      n - (this.#countedFrom[status as keyof EndedCounts] ?? 0),
    ]);
    return {
      inFlight,
      active: inFlight,
      remaining: open.length - inFlight,
      ended,
      sinceResume: Object.fromEntries(since) as unknown as EndedCounts,
    };
  }
}

/**
 * A stand-in for the database and the device behind `upgradeDevice`: keeps one upgrade in memory and plays what the
 * device does after each offer. The rules are the real ones, only the storage is not.
 */
import type { UpgradeActivities } from '../../activities/upgrades.ts';
import type { UpgradeDeviceInput } from '../../workflows/contract.ts';
import type { OfferFacts } from '../../workflows/rules/offers.ts';
import type { FailureCode } from '../../workflows/rules/retry.ts';
import type { UpgradeStatus } from '../../workflows/rules/statuses.ts';

/** What the device does with an offer. `at` counts from the offer, in milliseconds of the fake clock. */
export type Behaviour =
  | 'upgrades'
  | 'keeps old version'
  | 'says nothing after the transfer'
  | 'never comes online'
  | 'stops in the middle'
  | { fails: FailureCode };

export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;

/** Defaults of the product, so that the tests show what users get. */
export const LIMITS = {
  waitOnlineMs: 24 * HOUR,
  transferMs: HOUR,
  proofMs: 30 * MINUTE,
  silenceMs: 10 * MINUTE,
  reactionMs: MINUTE,
  settleMs: 2 * MINUTE,
};

export function upgradeInput(change: Partial<UpgradeDeviceInput> = {}): UpgradeDeviceInput {
  return {
    upgradeId: 1,
    deviceId: 'terminal-6134441313',
    taskId: 7,
    files: [
      { firmwareId: 1, fileName: '1110d100_v11.bin', component: 'T1', targetVersion: '11' },
      { firmwareId: 2, fileName: '1210d100_v12.bin', component: 'T1', targetVersion: '12' },
    ],
    limits: LIMITS,
    attemptsPerFile: 3,
    firstAttempt: 1,
    deadlineAtMs: Date.now() + 7 * 24 * HOUR,
    ...change,
  };
}

export class FakeDevice {
  readonly log: string[] = [];
  status: UpgradeStatus = 'scheduled';
  reason: string | null = null;
  version = '10';
  offers = 0;
  #facts: (Omit<OfferFacts, 'nowMs' | 'report'> & { target: string; old: string | null; attempt: number }) | null =
    null;
  #behaviour: Behaviour | null = null;
  readonly #attempts = new Set<number>();
  readonly #plan: Behaviour[];
  readonly #input: UpgradeDeviceInput;
  readonly #nowMs: () => Promise<number>;
  readonly #signal: (edge: 'reported' | 'failed') => Promise<void>;

  /** One behaviour per offer; the last goes on for ever. */
  constructor(
    input: UpgradeDeviceInput,
    plan: Behaviour[],
    options: { nowMs: () => Promise<number>; signal: (edge: 'reported' | 'failed') => Promise<void> },
  ) {
    this.#input = input;
    this.#plan = plan;
    this.#nowMs = options.nowMs;
    this.#signal = options.signal;
  }

  readonly activities: UpgradeActivities = {
    openOffer: async ({ attempt, fileIndex }) => {
      const nowMs = await this.#nowMs();
      const leftMs = this.#input.deadlineAtMs - nowMs;
      if (this.#attempts.has(attempt)) return { kind: 'offered', online: false, leftMs };
      const target = this.#input.files[fileIndex]!.targetVersion;
      if (this.version === target) return { kind: 'already_current', version: target };
      if (nowMs >= this.#input.deadlineAtMs) return { kind: 'deadline' };
      const behaviour = this.#plan[Math.min(this.offers, this.#plan.length - 1)]!;
      this.offers += 1;
      this.#attempts.add(attempt);
      this.#write('offered');
      await this.#play(behaviour, { target, nowMs, attempt });
      return { kind: 'offered', online: behaviour !== 'never comes online', leftMs };
    },
    readOffer: async ({ attempt }) => {
      if (this.#facts?.attempt !== attempt) return null;
      const { target, old, attempt: _, ...facts } = this.#facts;
      const said = this.version === target ? target : old;
      const nowMs = await this.#nowMs();
      // It reports all the time, so the newest report is always of now.
      const report =
        said === null
          ? null
          : { version: said, isTarget: said === target, atMs: nowMs, afterFinish: facts.finishedAtMs !== null };
      return { ...facts, report, nowMs };
    },
    closeOffer: async ({ attempt, code }) => {
      if (this.#facts?.attempt !== attempt) return;
      this.#facts = null;
      this.#write('waiting', code);
    },
    recordProof: async ({ fileIndex, last }) => {
      const target = this.#input.files[fileIndex]!.targetVersion;
      if (this.version !== target) return { proven: false, ended: false };
      this.#facts = null;
      this.#write(last ? 'succeeded' : 'confirming', `proven ${target}`);
      return { proven: true, ended: last };
    },
    recordAlreadyCurrent: async ({ version, last }) => {
      this.#write(last ? 'succeeded' : this.status, `already ${version}`);
      return { ended: last, stale: false };
    },
    recordWaiting: async ({ status, reason }) => this.#write(status, reason),
    finishUpgrade: async ({ status, reason }) => {
      this.#facts = null;
      this.#write(status, reason);
      return { status, reason };
    },
  };

  async #play(behaviour: Behaviour, { target, nowMs, attempt }: { target: string; nowMs: number; attempt: number }) {
    const away = behaviour === 'never comes online';
    const asks = !away && typeof behaviour === 'string';
    const done = asks && behaviour !== 'stops in the middle';
    this.#behaviour = behaviour;
    this.#facts = {
      target,
      attempt,
      fromVersion: this.version,
      createdAtMs: nowMs,
      expiresAtMs: this.#input.deadlineAtMs,
      sends: away ? 0 : 1,
      lastSentAtMs: away ? null : nowMs,
      awaitsContact: away,
      firstRequestAtMs: asks ? nowMs : null,
      lastRequestAtMs: asks ? nowMs : null,
      finishedAtMs: done ? nowMs : null,
      failure: typeof behaviour === 'string' ? null : behaviour.fails,
      old: behaviour === 'keeps old version' ? this.version : null,
    };
    if (behaviour === 'upgrades') this.version = target;
    if (this.#speaks()) await this.#signal(typeof behaviour === 'string' ? 'reported' : 'failed');
  }

  #speaks(): boolean {
    return (
      this.#behaviour === 'upgrades' || this.#behaviour === 'keeps old version' || typeof this.#behaviour !== 'string'
    );
  }

  #write(status: UpgradeStatus, reason: string | null = null): void {
    this.status = status;
    this.reason = reason;
    this.log.push(reason === null ? status : `${status}: ${reason}`);
  }
}

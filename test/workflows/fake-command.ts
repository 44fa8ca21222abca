/**
 * A stand-in for the database, the gateway and the device behind `sendCommand`: keeps one command in memory, sends each
 * attempt once and answers as told. The rules are the real ones, only the storage is not.
 */
import type { CommandActivities } from '../../activities/commands.ts';
import type { CommandEdge, SendCommandInput } from '../../workflows/contract.ts';
import {
  isCommandEnd,
  mayFollowCommand,
  type CommandAnswer,
  type CommandFacts,
  type CommandStatus,
} from '../../workflows/rules/commands.ts';

export const HOUR = 3_600_000;

/** What the device does with one sending: answers, says nothing, or has no contact for so long (Infinity: ever). */
export type Reaction = CommandAnswer | 'silent' | { awayMs: number };

export interface FakeCommandOptions {
  input?: Partial<SendCommandInput>;
  /** One for each attempt; the last one for ever. */
  reactions: readonly Reaction[];
  lifeMs?: number;
  /** So long after it has accepted the device logs in; null: never. */
  backAfterMs?: number | null;
}

export const VALUE = (value: string, cmd = 'SLPT'): CommandAnswer => ({ said: 'value', cmd, value });

export class FakeCommand {
  readonly input: SendCommandInput;
  /** Attempts whose frame has left, in order: each number at most once. */
  readonly sent: number[] = [];
  /** What was sent. */
  readonly stages: string[] = [];
  readonly log: string[] = [];
  facts: Omit<CommandFacts, 'nowMs'>;
  readonly #options: FakeCommandOptions;
  readonly #nowMs: () => Promise<number>;
  readonly #signal: (edge: CommandEdge) => Promise<unknown>;
  readonly #after: (ms: number, act: () => Promise<void>) => void;

  constructor(
    options: FakeCommandOptions,
    world: {
      nowMs: () => Promise<number>;
      startedAtMs: number;
      signal: (edge: CommandEdge) => Promise<unknown>;
      /** Runs something later, by the clock of the workflow. */
      after: (ms: number, act: () => Promise<void>) => void;
    },
  ) {
    const order = { kind: 'set_sleep', minutes: 600 } as const;
    this.input = { commandId: 7, deviceId: 'terminal-6134441313', order, ...options.input };
    this.#options = options;
    this.#nowMs = world.nowMs;
    this.#signal = world.signal;
    this.#after = world.after;
    this.facts = {
      status: 'waiting',
      reason: null,
      order: this.input.order,
      stage: 'order',
      attempt: 0,
      stageAttempt: 0,
      sends: 0,
      sentAtMs: null,
      awaitsContact: false,
      answer: null,
      acceptedAtMs: null,
      proven: false,
      online: true,
      expiresAtMs: world.startedAtMs + (options.lifeMs ?? 24 * HOUR),
    };
  }

  get status(): CommandStatus {
    return this.facts.status;
  }

  readonly activities: CommandActivities = {
    openCommandAttempt: async ({ attempt, stage }) => {
      const nowMs = await this.#nowMs();
      const { facts } = this;
      if (isCommandEnd(facts.status) || facts.attempt >= attempt || nowMs >= facts.expiresAtMs) return this.#look();
      if (attempt !== facts.attempt + 1) throw new Error(`attempt ${attempt} after ${facts.attempt}`);
      const reaction = this.#reaction(attempt);
      const isAway = typeof reaction === 'object' && 'awayMs' in reaction;
      this.#become('waiting');
      Object.assign(facts, {
        attempt,
        stage,
        stageAttempt: stage === facts.stage ? facts.stageAttempt + 1 : 1,
        sentAtMs: null,
        answer: null,
        awaitsContact: isAway,
      });
      if (!isAway || reaction.awayMs < Infinity)
        this.#after(isAway ? reaction.awayMs : 50, () => this.contact(attempt));
      return this.#look();
    },
    readCommand: async () => {
      const { facts } = this;
      if (facts.status === 'waiting' && facts.sentAtMs === null && facts.answer === null) facts.awaitsContact = true;
      return this.#look();
    },
    acceptCommand: async () => {
      if (!isCommandEnd(this.status) && this.status !== 'accepted') {
        this.#become('accepted');
        this.facts.acceptedAtMs = await this.#nowMs();
      }
      return this.#look();
    },
    finishCommand: async ({ status, reason, author, cause }) => {
      if (isCommandEnd(this.status)) return { status: this.status, reason: this.facts.reason };
      this.#become(status);
      this.facts.reason = reason;
      this.log.push(`${author}: ${cause}`);
      return { status, reason };
    },
  };

  /** The device is in contact: what is open is sent, once, and answered. */
  async contact(attempt: number): Promise<void> {
    const { facts } = this;
    if (facts.attempt !== attempt || facts.status !== 'waiting' || facts.sentAtMs !== null) return;
    const wakes = facts.awaitsContact;
    this.#become('sent');
    Object.assign(facts, { sentAtMs: await this.#nowMs(), sends: facts.sends + 1, awaitsContact: false });
    this.sent.push(attempt);
    this.stages.push(facts.stage);
    if (wakes) await this.#signal('sent');
    const reaction = this.#reaction(attempt);
    const isAway = typeof reaction === 'object' && 'awayMs' in reaction;
    if (reaction === 'silent') return;
    await this.answer(isAway ? VALUE('600') : reaction);
  }

  /** The device answers, now. */
  async answer(answer: CommandAnswer): Promise<void> {
    if (isCommandEnd(this.status) || this.facts.answer !== null) return;
    this.facts.answer = answer;
    await this.#signal('answered');
    const { backAfterMs = 1_000 } = this.#options;
    if (answer.said !== 'restart' || !answer.accepted || backAfterMs === null) return;
    this.#after(backAfterMs, () => this.login());
  }

  /** The device logs in again. */
  async login(): Promise<void> {
    this.facts.proven = true;
    await this.#signal('proven');
  }

  /** A person takes it back, as the API does. */
  async cancel(): Promise<boolean> {
    if (this.status !== 'waiting') return false;
    this.#become('cancelled');
    await this.#signal('cancelled');
    return true;
  }

  #reaction(attempt: number): Reaction {
    const { reactions } = this.#options;
    return reactions[Math.min(attempt, reactions.length) - 1]!;
  }

  #become(status: CommandStatus): void {
    if (status !== this.status && !mayFollowCommand(this.status, status)) {
      throw new Error(`${this.status} cannot become ${status}`);
    }
    this.facts.status = status;
  }

  async #look(): Promise<CommandFacts> {
    return { ...this.facts, nowMs: await this.#nowMs() };
  }
}

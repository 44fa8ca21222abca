/**
 * The line between one agent and its MOM while it is held: heartbeats, and the calls that wait, strictly in order. Ends
 * with what the workflow must decide on. Knows nothing of Temporal.
 *
 * Three loops share one client: heartbeats; calls, which wait while nobody answers heartbeats; and silence, which says
 * after one and a half periods that the MOM is suspect, and after three that it is lost.
 */
import { EventEmitter, once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import type { LinePoller } from './agent-poller.ts';
import * as calls from '../db/factory/agent-calls.ts';
import * as lines from '../db/factory/agent-line.ts';
import type { Db } from '../db/index.ts';
import { MomClient, type MomOutcome } from '../gateways/mom/client.ts';
import { KEY_FLAGS, type MomName } from '../gateways/mom/contract.ts';
import { GatewayError } from '../gateways/errors.ts';
import { clockOffset, retryAfterMs, type DataFlag } from '../workflows/rules/agents.ts';
import { OFFLINE_PERIODS, SUSPECT_PERIODS } from '../workflows/rules/equipment.ts';
import { randomUUID } from 'node:crypto';

/**
 * Why the line is not held any more. `flag`: the MOM asks for data. `parameters`: it has new ones. `dropped`: it does
 * not want our heartbeats. `changed`: the agent was changed, switched off or deleted. `rested`: nothing, go on.
 */
export type LineEnd =
  | { kind: 'flag'; flagId: number; action: DataFlag }
  | { kind: 'dropped'; why: string; periodMs: number }
  | { kind: 'parameters' | 'lost' | 'changed' | 'rested'; why: string };

/** Somebody else holds the line: this one was believed dead. */
export class LineTakenError extends Error {}

/** A call takes as long as a third of a period, within reason. */
export function clientOf({ url, token, periodMs }: lines.AgentOrder): MomClient {
  const timeoutMs = Math.min(Math.max(periodMs / 3, 1_000), 10_000);
  return new MomClient({ url, timeoutMs, ...(token !== null && { token }) });
}

/** What every call of an agent says, in the MOM's time. */
export function envelopeOf(order: lines.AgentOrder, offsetMs: number, sessionId: string = randomUUID()) {
  const { software, code: equipmentCode, employeeNo } = order;
  return { sessionId, requestedAtMs: Math.round(Date.now() + offsetMs), software, equipmentCode, employeeNo };
}

/** Words for a call that was not done. */
export function troubleOf(outcome: Exclude<MomOutcome<MomName>, { kind: 'done' }>): string {
  if (outcome.kind === 'unreachable') return `${outcome.reason}: ${outcome.detail}`;
  return `${outcome.kind}: ${outcome.message}`;
}

/** Holds one line. */
export class AgentLine {
  readonly #db: Db;
  readonly #order: lines.AgentOrder;
  readonly #client: MomClient;
  readonly #poller: LinePoller;
  /** Wakes the loops: `calls` when there may be one, `good` after a good round trip. */
  readonly #bell = new EventEmitter();
  #offsetMs: number;
  #isReachable = true;
  #trouble = '';
  /** Of `performance.now()`. */
  #goodAtMs: number;

  constructor(db: Db, order: lines.AgentOrder, poller: LinePoller) {
    this.#db = db;
    this.#order = order;
    this.#poller = poller;
    this.#client = clientOf(order);
    this.#offsetMs = order.offsetMs;
    // Whoever takes over a line that nobody held for a while may try it before it counts as lost.
    this.#goodAtMs = performance.now() - Math.min(order.sinceGoodMs ?? 0, order.periodMs);
    this.#bell.setMaxListeners(20);
  }

  /** Holds the line until something must be decided, for `forMs` at most, or rejects when `signal` is aborted. */
  async hold(signal: AbortSignal, forMs: number): Promise<LineEnd> {
    const over = new AbortController();
    const either = AbortSignal.any([signal, over.signal]);
    const loops = [
      this.#beats(either),
      this.#calls(either),
      this.#silence(either),
      this.#news(either),
      delay<LineEnd>(forMs, { kind: 'rested', why: '' }, { signal: either }),
    ];
    try {
      return await Promise.race(loops);
    } finally {
      over.abort();
      await Promise.allSettled(loops);
      this.#client.close();
    }
  }

  // ---------------------------------------------------------------- heartbeats

  async #beats(signal: AbortSignal): Promise<LineEnd> {
    const { periodMs, sinceBeatMs } = this.#order;
    let waitMs = Math.max(0, periodMs - (sinceBeatMs ?? periodMs));
    for (;;) {
      await delay(waitMs, undefined, { signal });
      const startedAtMs = performance.now();
      const outcome = await this.#client.call('EqptAlive', envelopeOf(this.#order, this.#offsetMs), { signal });
      if (outcome.kind === 'unreachable') {
        this.#isReachable = false;
        await this.#keepTrouble(troubleOf(outcome));
        waitMs = retryAfterMs(periodMs);
        continue;
      }
      if (outcome.kind !== 'done') {
        const why = troubleOf(outcome);
        await this.#keepTrouble(why);
        return { kind: 'dropped', why, periodMs };
      }
      await this.#good('beat', outcome);
      const end = await this.#flag(outcome.fields.keyFlag, outcome.tookMs);
      if (end !== null) return end;
      waitMs = Math.max(0, periodMs - (performance.now() - startedAtMs));
    }
  }

  /** What a KeyFlag asks for, unless it is being done. A flag that nobody knows is nothing. */
  async #flag(keyFlag: string | null, tookMs: number): Promise<LineEnd | null> {
    const table = this.#order.keyFlags ?? KEY_FLAGS;
    const action = table[keyFlag?.trim() ?? ''] ?? 'none';
    if (action === 'parameters') return { kind: 'parameters', why: `KeyFlag ${keyFlag}` };
    if (action === 'none') {
      await lines.withdrawFlags(this.#db, this.#order.agentId);
      return null;
    }
    const flagId = await lines.noteFlag(this.#db, this.#order.agentId, action, tookMs);
    return flagId === null ? null : { kind: 'flag', flagId, action };
  }

  // ---------------------------------------------------------------- calls

  async #calls(signal: AbortSignal): Promise<LineEnd> {
    const { periodMs } = this.#order;
    for (;;) {
      if (!this.#isReachable) {
        await once(this.#bell, 'good', { signal });
        continue;
      }
      const call = await calls.takeCall(this.#db, this.#order);
      signal.throwIfAborted();
      if (call === null) {
        await once(this.#bell, 'calls', { signal });
        continue;
      }
      const trouble = await this.#send(call, signal);
      if (trouble === null) continue;
      await calls.keepTrouble(this.#db, call.id, trouble);
      this.#trouble = trouble;
      await delay(retryAfterMs(periodMs), undefined, { signal });
    }
  }

  /** Sends a call and keeps what the MOM says to it; why nobody said anything, or null. */
  async #send({ id, name, sessionId, request }: calls.NextCall, signal: AbortSignal): Promise<string | null> {
    const { employeeNo, password } = this.#order;
    const isManual = request['opFlag'] === 1;
    const whole = {
      ...envelopeOf(this.#order, this.#offsetMs, sessionId),
      ...request,
      employeeNo: (request['employeeNo'] as string | undefined) ?? employeeNo,
      password: isManual ? password : null,
    };
    let outcome: MomOutcome<MomName>;
    try {
      outcome = await this.#client.call<MomName>(name, whole, { signal });
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
      await calls.endCall(this.#db, id, { kind: 'quarantined', reason: 'unsendable', message: error.message });
      return null;
    }
    if (outcome.kind === 'unreachable') return troubleOf(outcome);
    const { message } = outcome;
    await calls.endCall(
      this.#db,
      id,
      outcome.kind === 'done'
        ? { kind: 'delivered', answer: outcome.fields as Record<string, unknown>, message }
        : { kind: 'quarantined', reason: outcome.kind, message },
    );
    await this.#good('call', outcome);
    return null;
  }

  // ---------------------------------------------------------------- silence and news

  async #silence(signal: AbortSignal): Promise<LineEnd> {
    const { periodMs } = this.#order;
    let told = 0;
    for (;;) {
      const silentMs = performance.now() - this.#goodAtMs;
      if (silentMs < SUSPECT_PERIODS * periodMs) told = 0;
      const next = [SUSPECT_PERIODS, OFFLINE_PERIODS].find((periods) => periods > told) ?? OFFLINE_PERIODS;
      const waitMs = next * periodMs - silentMs;
      if (waitMs > 0) {
        await delay(waitMs, undefined, { signal });
        continue;
      }
      const why = this.#trouble === '' ? 'no answer' : this.#trouble;
      const state = await this.#keepTrouble(why);
      if (state === 'offline') return { kind: 'lost', why };
      if (state === 'suspect') told = SUSPECT_PERIODS;
      // the database's clock counts, and may be a moment behind ours
      await delay(50, undefined, { signal });
    }
  }

  async #news(signal: AbortSignal): Promise<LineEnd> {
    const { agentId, line, revision } = this.#order;
    for await (const news of this.#poller.follow(agentId, signal)) {
      if (news === null) return { kind: 'changed', why: 'deleted' };
      if (news.line !== line) throw new LineTakenError('another worker holds the line');
      if (news.revision !== revision || !news.isActive) return { kind: 'changed', why: 'somebody changed the agent' };
      if (news.isQueued) this.#bell.emit('calls');
    }
    throw new LineTakenError('nobody tells the news');
  }

  async #good(
    kind: 'beat' | 'call',
    { respondedAtMs, receivedAtMs, tookMs }: { respondedAtMs: number | null; receivedAtMs: number; tookMs: number },
  ) {
    this.#goodAtMs = performance.now();
    this.#trouble = '';
    const offsetMs = respondedAtMs === null ? undefined : clockOffset(receivedAtMs - tookMs, tookMs, respondedAtMs);
    this.#offsetMs = offsetMs ?? this.#offsetMs;
    if (!(await lines.recordGood(this.#db, this.#order, { kind, offsetMs }))) {
      throw new LineTakenError('another worker holds the line');
    }
    if (kind === 'call' && !this.#isReachable) return;
    this.#isReachable = true;
    this.#bell.emit('good');
  }

  async #keepTrouble(trouble: string) {
    this.#trouble = trouble;
    const { periodMs } = this.#order;
    const state = await lines.recordTrouble(this.#db, this.#order, { trouble, periodMs });
    if (state === null) throw new LineTakenError('another worker holds the line');
    return state;
  }
}

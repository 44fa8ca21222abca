/**
 * Wakes the workflows of sessions, some at a time: when a network fails, thousands of equipments fall silent together.
 * A wake-up carries nothing and may be lost; what was written and not read is found by a sweep.
 */
import type { Executions } from '../executions/executions.ts';
import type { ChangedSession } from '../../db/factory/equipment-sessions.ts';
import type { GatewayLog } from '../../gateways/devices.ts';

/** Few: when ten thousand call in within a minute, answering them comes first. */
const AT_ONCE = 4;
const LOG_EVERY_MS = 10_000;

/** A queue of sessions to wake, each at most once in it. */
export class MomWakes {
  readonly #executions: Pick<Executions, 'wakeEquipment'>;
  readonly #log: GatewayLog;
  readonly #waiting = new Map<number, ChangedSession>();
  #running = 0;
  #loggedAtMs = -Infinity;
  #isStopped = false;

  constructor(executions: Pick<Executions, 'wakeEquipment'>, log: GatewayLog) {
    this.#executions = executions;
    this.#log = log;
  }

  get waiting(): number {
    return this.#waiting.size + this.#running;
  }

  add(session: ChangedSession): void {
    if (this.#isStopped) return;
    const known = this.#waiting.get(session.equipmentId);
    // What happened says more than that something did.
    if (known === undefined || known.edge === 'unread') this.#waiting.set(session.equipmentId, session);
    while (this.#running < AT_ONCE && this.#waiting.size > 0) void this.#next();
  }

  /** Drops what waits: the sweep of another process or of the next start finds it. */
  stop(): void {
    this.#isStopped = true;
    this.#waiting.clear();
  }

  async #next(): Promise<void> {
    const [session] = this.#waiting.values();
    if (session === undefined) return;
    this.#waiting.delete(session.equipmentId);
    this.#running += 1;
    try {
      await this.#executions.wakeEquipment(session, session.edge);
    } catch (error) {
      const nowMs = performance.now();
      if (nowMs - this.#loggedAtMs >= LOG_EVERY_MS) {
        this.#loggedAtMs = nowMs;
        const { code, edge } = session;
        this.#log.warn(
          { err: error, equipmentCode: code, edge, waiting: this.#waiting.size },
          'the session of an equipment could not be woken, it is tried again',
        );
      }
    } finally {
      this.#running -= 1;
      if (this.#waiting.size > 0) void this.#next();
    }
  }
}

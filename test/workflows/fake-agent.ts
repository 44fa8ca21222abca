/** A stand-in for the steps behind `agentSession`: plays through what it is told, then holds the line until switched off. */
import type { AgentActivities, OnlineResult } from '../../activities/agent.ts';
import type { LineEnd } from '../../activities/agent-line.ts';

export interface FakeAgentOptions {
  /** What online calls give, one after the other; then `online`. */
  online?: readonly (OnlineResult | 'unreachable')[];
  /** How lines end, one after the other; then the agent is switched off. */
  ends?: readonly LineEnd[];
}

export class FakeAgent {
  /** Steps that had their effect, in order. */
  readonly log: string[] = [];
  isOff = false;
  readonly #online: (OnlineResult | 'unreachable')[];
  readonly #ends: LineEnd[];
  readonly #followed = new Set<number>();

  constructor({ online = [], ends = [] }: FakeAgentOptions) {
    this.#online = [...online];
    this.#ends = [...ends];
  }

  readonly activities: AgentActivities = {
    callOnline: async () => {
      if (this.isOff) return { kind: 'off' };
      const next = this.#online.shift() ?? { kind: 'online', paramVersion: 'V1', parameters: 2 };
      this.log.push(next === 'unreachable' ? next : next.kind);
      if (next === 'unreachable') throw new Error('connection: refused');
      return next;
    },
    holdLine: async () => {
      const end = this.#ends.shift();
      if (end !== undefined) {
        this.log.push(end.kind);
        return end;
      }
      this.isOff = true;
      return { kind: 'changed', why: 'switched off' };
    },
    followFlag: async (flagId) => {
      if (this.#followed.has(flagId)) return null;
      this.#followed.add(flagId);
      this.log.push(`flag ${flagId}`);
      return { action: 'material_up', response: 'send', isQueued: true };
    },
  };
}

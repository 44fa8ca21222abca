/**
 * Several processes of each role, killed one after the other and started again at once.
 */
import type { Role } from '../../config.ts';
import { Slipway, type Settings } from '../support/program.ts';

/** How many of each there are. */
export type CrewSize = Record<Role, number>;

interface Member {
  role: Role;
  slipway: Slipway;
  isReady: boolean;
}

/** The processes of one installation. */
export class Crew {
  readonly kills: Record<Role, number> = { api: 0, worker: 0, gateway: 0 };
  /** What went wrong with starting one again. */
  readonly troubles: string[] = [];
  readonly #settings: (role: Role) => Settings;
  readonly #entry: string | undefined;
  readonly #members: Member[] = [];
  #turn = 0;
  #isStopping = false;

  constructor(settings: (role: Role) => Settings, entry?: string) {
    this.#settings = settings;
    this.#entry = entry;
  }

  /** Starts all; the first API before the others, because it makes the tables. */
  async start(size: CrewSize): Promise<void> {
    await this.#add('api');
    const roles = (Object.keys(size) as Role[]).flatMap((role) =>
      Array.from({ length: size[role] - (role === 'api' ? 1 : 0) }, () => role),
    );
    // A few at a time: all at once would time out on a small machine.
    for (let at = 0; at < roles.length; at += 2) {
      await Promise.all(roles.slice(at, at + 2).map((role) => this.#add(role)));
    }
  }

  /** The processes of a role that can be worked with. */
  ready(role: Role): Slipway[] {
    return this.#members.filter((member) => member.role === role && member.isReady).map(({ slipway }) => slipway);
  }

  /** The port of a gateway, of each in turn; null: none is there. */
  readonly gatewayPort = (): number | null => {
    const gateways = this.ready('gateway');
    this.#turn += 1;
    return gateways[this.#turn % Math.max(1, gateways.length)]?.terminalPort ?? null;
  };

  /**
   * Kills a process of a role and starts it again without waiting for that. False: it would be the last one, and whoever
   * was killed before is still starting.
   */
  async kill(role: Role, isAlone: boolean): Promise<boolean> {
    const candidates = this.#members.filter((member) => member.role === role && member.isReady);
    const member = candidates[this.kills[role] % Math.max(1, candidates.length)];
    if (member === undefined || (candidates.length === 1 && !isAlone)) return false;
    this.kills[role] += 1;
    member.isReady = false;
    await member.slipway.kill();
    void this.#start(member);
    return true;
  }

  /** Waits for nobody. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    await Promise.all(this.#members.map(({ slipway }) => slipway.kill()));
  }

  /** What each said last. */
  tails(lines = 8): string {
    return this.#members.map(({ role, slipway }) => `--- ${role}\n${slipway.tail(lines)}`).join('\n');
  }

  async #add(role: Role): Promise<void> {
    const slipway = new Slipway(this.#settings(role), this.#entry);
    const member = { role, slipway, isReady: false };
    this.#members.push(member);
    await slipway.untilReady();
    member.isReady = true;
  }

  async #start(member: Member): Promise<void> {
    for (let tries = 1; !this.#isStopping; tries++) {
      member.slipway = new Slipway(this.#settings(member.role), this.#entry);
      try {
        await member.slipway.untilReady();
        member.isReady = true;
        if (this.#isStopping) await member.slipway.kill();
        return;
      } catch (error) {
        await member.slipway.kill();
        if (this.#isStopping) return;
        // A server that is away at this moment is no fault of the program; the supervisor of a real one starts it again, too.
        if (tries < 5) continue;
        this.troubles.push(`${member.role}: ${(error as Error).message}`);
        return;
      }
    }
  }
}

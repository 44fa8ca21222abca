/**
 * The program behind the MOM's server. Calls do what they say in one transaction with the reply that a repetition gets.
 * Heartbeats are answered from memory and written once a second for all together; what they change in a session, and
 * who has fallen silent, is an edge: written first, then its workflow is woken, and a sweep repeats what was not read.
 */
import { MomDirectory } from './mom-directory.ts';
import { handleCall, type Effect } from './mom-effects.ts';
import { employeeChecked } from './mom-employees.ts';
import { MomRecords } from './mom-records.ts';
import { MomWakes } from './mom-wakes.ts';
import type { Executions } from '../executions/executions.ts';
import {
  keepReply,
  lockEquipment,
  pruneReplies,
  type CallKey,
  type LockedEquipment,
} from '../../db/factory/equipment-calls.ts';
import { countServes } from '../../db/factory/equipment-flags.ts';
import * as sessions from '../../db/factory/equipment-sessions.ts';
import type { Database, Db } from '../../db/index.ts';
import type { GatewayLog } from '../../gateways/devices.ts';
import type {
  Admission,
  KeyFlagAction,
  MomCall,
  MomCallOf,
  MomCaller,
  MomCallRecord,
  MomHost,
  MomReply,
} from '../../gateways/mom/contract.ts';

const MOM_TIMES = {
  /** Signs of life and records are written, and silence is looked for, this often. */
  flushMs: 1_000,
  /** What was written and not read for this long is signalled again. */
  unreadMs: 15_000,
  sweepMs: 10_000,
  /** Without a gateway for this long, silence is our own. */
  goneMs: 10_000,
  pruneMs: 60_000,
};
const SWEEP_LIMIT = 1_000;
/** Repetitions come within minutes, those of equipment that was switched off over a weekend on Monday. */
const REPLIES_KEPT_MS = 7 * 86_400_000;
const REPLIES_PRUNED = 20_000;
const NO_KEY_FLAG = '99';

/** What a site decides. */
export interface MomSettings {
  /** Null: none is asked for. */
  token: string | null;
  allowedAddresses: readonly string[];
  /** KeyFlag on the wire → what it asks for. */
  keyFlags: Readonly<Record<string, KeyFlagAction>>;
  /** OpFlag 1 needs the employee's password. */
  isPasswordNeeded: boolean;
  /** Clocks that differ more are reported. */
  skewLimitMs: number;
}

export interface MomInboundOptions {
  database: Database;
  executions: Pick<Executions, 'wakeEquipment'>;
  log: GatewayLog;
  settings: MomSettings;
  times?: Partial<typeof MOM_TIMES>;
}

interface Heard {
  atMs: number;
  isHeartbeat: boolean;
  address: string;
  skewMs: number | null;
}

/** The rest of the program, as the MOM's server sees it. */
export class MomInbound implements MomHost {
  readonly directory: MomDirectory;
  readonly records: MomRecords;
  readonly wakes: MomWakes;
  /** Edges of sessions written by this process. */
  edges = 0;
  readonly #db: Db;
  readonly #log: GatewayLog;
  readonly #settings: MomSettings;
  readonly #times: typeof MOM_TIMES;
  readonly #codes: ReadonlyMap<string, string>;
  #heard = new Map<number, Heard>();
  #serves = new Map<number, number>();
  #timers: NodeJS.Timeout[] = [];
  #flushing: Promise<void> = Promise.resolve();
  #isFlushing = false;
  #isSweeping = false;

  constructor({ database, executions, log, settings, times }: MomInboundOptions) {
    this.#db = database.db;
    this.#log = log;
    this.#settings = settings;
    this.#times = { ...MOM_TIMES, ...times };
    this.#codes = new Map(Object.entries(settings.keyFlags).map(([code, action]) => [action, code]));
    this.directory = new MomDirectory({ database, log, ...settings });
    this.records = new MomRecords(database.db, log);
    this.wakes = new MomWakes(executions, log);
  }

  /** Signs of life that are not written yet. */
  get backlog(): number {
    return this.#heard.size;
  }

  async start(): Promise<void> {
    await this.directory.start();
    const { flushMs, sweepMs, pruneMs } = this.#times;
    this.#timers = [
      setInterval(() => void this.#flushUnlessFlushing(), flushMs),
      setInterval(() => void this.#sweepUnread(), sweepMs),
      setInterval(() => void this.#prune(), pruneMs),
    ];
  }

  /** Stops, after writing what is collected. */
  async stop(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    this.#timers = [];
    await this.directory.stop();
    await this.flush();
    this.wakes.stop();
  }

  admit(caller: MomCaller): Admission {
    return this.directory.admit(caller);
  }

  handle(call: MomCall): MomReply | Promise<MomReply> {
    return call.name === 'EqptAlive' ? this.#alive(call) : this.#handleOnce(call);
  }

  record(record: MomCallRecord): void {
    const { equipmentCode } = record;
    this.records.add(record, equipmentCode === null ? undefined : this.directory.get(equipmentCode));
  }

  /** Writes what is collected, and then looks for silence. */
  flush(): Promise<void> {
    this.#flushing = this.#flushing.then(() => this.#flush());
    return this.#flushing;
  }

  #alive({ request, address, receivedAtMs }: MomCallOf<'EqptAlive'>): MomReply {
    const entry = this.directory.get(request.equipmentCode);
    if (entry === undefined) return unknown('EqptAlive');
    const { requestedAtMs } = request;
    const skewMs = requestedAtMs === null ? null : requestedAtMs - receivedAtMs;
    this.#hear(entry.id, { atMs: receivedAtMs, isHeartbeat: true, address, skewMs });
    const { flagId, flagAction } = entry;
    if (flagId !== null) this.#serves.set(flagId, (this.#serves.get(flagId) ?? 0) + 1);
    const keyFlag = this.#codes.get(flagAction ?? 'none') ?? this.#codes.get('none') ?? NO_KEY_FLAG;
    return { ok: true, name: 'EqptAlive', answer: { keyFlag } };
  }

  async #handleOnce(call: MomCall): Promise<MomReply> {
    const { request, name, address, receivedAtMs, fingerprint } = call;
    const entry = this.directory.get(request.equipmentCode);
    if (entry === undefined) return unknown(name);
    const key = { equipmentId: entry.id, name, sessionId: request.sessionId, fingerprint };
    const { reply, edge, endsFlag, department } = await this.#inTransaction(call, key);
    if (name !== 'EqptRun') this.#hear(entry.id, { atMs: receivedAtMs, isHeartbeat: false, address, skewMs: null });
    // The answer tells the equipment what to do next: a heartbeat after it must not bring the old flag.
    if (endsFlag) await this.directory.reload([entry.id]);
    if (edge !== null) {
      this.edges += 1;
      this.wakes.add({ equipmentId: entry.id, code: entry.code, department, edge });
    }
    return reply;
  }

  /** Does a call and keeps its reply, or gives the reply it got before. */
  async #inTransaction(call: MomCall, key: CallKey): Promise<Effect & { department: string }> {
    const done = await this.#db
      .transaction(async (tx) => {
        const equipment = await lockEquipment(tx, key);
        if (equipment === null) return { ...nothing(unknown(call.name)), department: '' };
        const { department, reply } = equipment;
        // Not kept: whoever mistyped a password may try again under the same SessionId.
        const refusal = await this.#employeeRefusal(tx, call, equipment);
        if (refusal !== null) return { ...nothing(refusal), department };
        if (reply !== null) return { ...nothing({ ...reply, isRepeated: true } as unknown as MomReply), department };
        const effect = await handleCall(tx, call, equipment);
        if (!(await keepReply(tx, key, effect.reply))) throw new Overtaken();
        if (effect.edge !== null && call.name !== 'EqptRun') await sessions.markEdge(tx, key.equipmentId);
        return { ...effect, department };
      })
      .catch((error: unknown) => {
        if (error instanceof Overtaken) return null;
        throw error;
      });
    return done ?? this.#inTransaction(call, key);
  }

  async #employeeRefusal(
    tx: Db,
    { name, request }: MomCall,
    { departmentId }: LockedEquipment,
  ): Promise<MomReply | null> {
    if (!('opFlag' in request) || request.opFlag !== 1) return null;
    const refusal = await employeeChecked(tx, departmentId, request, this.#settings);
    return refusal === null ? null : { ok: false, name, ...refusal };
  }

  #hear(equipmentId: number, heard: Heard): void {
    const known = this.#heard.get(equipmentId);
    if (known === undefined) this.#heard.set(equipmentId, heard);
    else {
      known.atMs = Math.max(known.atMs, heard.atMs);
      known.isHeartbeat ||= heard.isHeartbeat;
      known.address = heard.address;
      known.skewMs = heard.skewMs ?? known.skewMs;
    }
  }

  async #flushUnlessFlushing(): Promise<void> {
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    await this.flush();
    this.#isFlushing = false;
  }

  async #flush(): Promise<void> {
    const areWritten = await this.#flushSigns();
    await this.#flushServes();
    await this.records.flush();
    // Who was heard and is not written yet is not silent.
    if (areWritten && this.#timers.length > 0 && this.directory.size > 0) await this.#findSilence();
  }

  async #flushSigns(): Promise<boolean> {
    const heard = this.#heard;
    if (heard.size === 0) return true;
    this.#heard = new Map();
    const nowMs = Date.now();
    const signs = [...heard].map(([equipmentId, { atMs, ...rest }]) => ({
      equipmentId,
      ageMs: Math.max(0, nowMs - atMs),
      ...rest,
    }));
    try {
      const changed = await sessions.writeSigns(this.#db, signs, this.#settings);
      this.#wake(changed);
      return true;
    } catch (error) {
      this.#log.warn({ err: error }, 'signs of life could not be written, they are kept');
      for (const [equipmentId, each] of heard) this.#hear(equipmentId, each);
      return false;
    }
  }

  async #flushServes(): Promise<void> {
    const serves = this.#serves;
    if (serves.size === 0) return;
    this.#serves = new Map();
    await countServes(
      this.#db,
      [...serves].map(([flagId, serves]) => ({ flagId, serves })),
    ).catch((error: unknown) => this.#log.warn({ err: error }, 'answers with a flag could not be counted'));
  }

  async #findSilence(): Promise<void> {
    const { goneMs } = this.#times;
    try {
      this.#wake(await sessions.sweepSilence(this.#db, { goneMs, limit: SWEEP_LIMIT }));
    } catch (error) {
      this.#log.warn({ err: error }, 'silent equipment could not be looked for, it is looked for again');
    }
  }

  #wake(changed: readonly sessions.ChangedSession[]): void {
    this.edges += changed.length;
    for (const session of changed) this.wakes.add(session);
  }

  async #sweepUnread(): Promise<void> {
    if (this.#isSweeping) return;
    this.#isSweeping = true;
    try {
      const unread = await sessions.findUnreadSessions(this.#db, this.#times.unreadMs, SWEEP_LIMIT);
      for (const session of unread) this.wakes.add(session);
    } catch (error) {
      this.#log.warn({ err: error }, 'unread edges of equipment could not be found, they are looked for again');
    } finally {
      this.#isSweeping = false;
    }
  }

  async #prune(): Promise<void> {
    await pruneReplies(this.#db, { olderMs: REPLIES_KEPT_MS, limit: REPLIES_PRUNED }).catch((error: unknown) => {
      this.#log.warn({ err: error }, 'old replies to equipment could not be forgotten');
    });
  }
}

/** The same call was handled while this one waited for its turn: nothing is done, its reply can be read now. */
class Overtaken extends Error {}

function nothing(reply: MomReply): Effect {
  return { reply, edge: null, endsFlag: false };
}

function unknown(name: MomCall['name']): MomReply {
  return { ok: false, name, failure: 'equipment_unknown', message: 'unknown EquipmentCode' };
}

/**
 * A simulated equipment: goes online, beats, follows KeyFlags, changes its state, raises and clears alarms, takes trays
 * through their stations (PROTOCOLS 5). It can be told to misbehave in the ways real host computers do.
 */
import { randomUUID } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import type { MomClient, MomOutcome } from './client.ts';
import { FOLLOW_UPS, MOM_STATUSES } from './contract.ts';
import type { MomEnvelope, MomName, MomParameter, MomRequests, MomStatus } from './contract.ts';
import { writeRequest } from './envelope.ts';
import { QUIRK_NAMES, QUIRKS, type Quirk, type QuirkName } from './quirks.ts';
import { keyFlagActionOf } from './values.ts';
import { requireField } from '../errors.ts';

/** Misbehaviour. */
export interface EquipmentFaults {
  /** Says nothing for `silentForMs`, beginning so long after its start; once. */
  silentAfterMs?: number;
  silentForMs?: number;
  /** Its clock is ahead by this much, or behind. */
  clockSkewMs?: number;
  /** Bends every body like this; `all`: another way each time, unreadable ones included. */
  quirk?: QuirkName | 'all';
  /** Sends every call but heartbeats twice at once, with the same SessionId. */
  sendsTwice?: boolean;
  /** Tells the later of two changes of state first. */
  wrongOrder?: boolean;
}

export interface EquipmentOptions {
  /** May be shared by many. */
  client: MomClient;
  equipmentCode: string;
  software?: string;
  employeeNo?: string;
  /** Between heartbeats. */
  periodMs?: number;
  /** Between other things it does; 0: only beats. */
  activityMs?: number;
  /** Cells it knows; without any it has no trays. */
  serialNos?: readonly string[];
  trayBarcode?: string;
  faults?: EquipmentFaults;
}

/** What a simulated equipment tells. */
export interface EquipmentEvents {
  answered: [name: MomName, outcome: MomOutcome<MomName>];
  online: [parameters: readonly MomParameter[]];
  keyFlag: [keyFlag: string];
}

/** What it does, one after the other, again and again. */
const SCRIPT = ['status', 'raise', 'status', 'tray', 'clear'] as const;

/** One simulated equipment. `start` it, watch it through events and properties, `stop` it. */
export class EquipmentSimulator extends EventEmitter<EquipmentEvents> {
  readonly equipmentCode: string;
  isOnline = false;
  status: MomStatus = 'Waiting';
  parameters: readonly MomParameter[] = [];
  /** What its calls came to, by kind. */
  readonly outcomes: Record<MomOutcome<MomName>['kind'], number> = { done: 0, refused: 0, rejected: 0, unreachable: 0 };

  readonly #client: MomClient;
  readonly #options: Required<Omit<EquipmentOptions, 'client' | 'equipmentCode'>>;
  readonly #stop = new AbortController();
  #running: Promise<unknown> = Promise.resolve();
  #sent = 0;
  #startedAt = 0;

  /** Throws `invalid_field` without an equipment code. */
  constructor({ client, equipmentCode, ...options }: EquipmentOptions) {
    super();
    requireField(equipmentCode.trim() !== '', 'equipmentCode', equipmentCode, 'a code');
    this.equipmentCode = equipmentCode;
    this.#client = client;
    this.#options = {
      software: 'KATOP',
      employeeNo: 'E0001',
      periodMs: 30_000,
      activityMs: 0,
      serialNos: [],
      trayBarcode: `TRAY-${equipmentCode}`,
      faults: {},
      ...options,
    };
  }

  start(): this {
    this.#startedAt = performance.now();
    this.#running = Promise.all([this.#beat(), this.#act()]).catch((error: unknown) => {
      if (!this.#stop.signal.aborted) throw error;
    });
    return this;
  }

  /** Falls silent for good. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #beat(): Promise<void> {
    // Thousands that are started at once do not beat at once.
    await this.#pause(this.#options.periodMs * Math.random() * 0.9);
    for (;;) {
      const nextAt = performance.now() + this.#options.periodMs;
      if (!this.isOnline) await this.goOnline();
      else await this.#heartbeat();
      await this.#pause(Math.max(0, nextAt - performance.now()));
      await this.#untilNotSilent();
    }
  }

  async #heartbeat(): Promise<void> {
    const outcome = await this.call('EqptAlive', {});
    if (outcome.kind !== 'done' || outcome.fields.keyFlag === null) return;
    const { keyFlag } = outcome.fields;
    this.emit('keyFlag', keyFlag);
    const action = keyFlagActionOf(keyFlag);
    if (action === null || action === 'none') return;
    const name = FOLLOW_UPS[action];
    if (name === 'EqptRun') await this.goOnline();
    else await this.call(name, { data: { Items: [{ Code: 'ELECTROLYTE-01', Quantity: 1, WaterContentPpm: '12.5' }] } });
  }

  /** Goes online and takes the parameters. */
  async goOnline(): Promise<void> {
    const outcome = await this.call('EqptRun', { password: null, equipmentModel: 0 });
    if (outcome.kind !== 'done') return;
    this.isOnline = true;
    if (outcome.fields.paramRefreshFlag) this.parameters = outcome.fields.parameters;
    this.emit('online', this.parameters);
  }

  async #act(): Promise<void> {
    const { activityMs, serialNos, employeeNo } = this.#options;
    if (activityMs === 0) return;
    for (let step = 0; ;) {
      await this.#pause(activityMs);
      await this.#untilNotSilent();
      if (!this.isOnline) continue;
      const deed = SCRIPT[step % SCRIPT.length];
      step += 1;
      if (deed === 'status') await this.#changeStatus();
      else if (deed === 'tray' && serialNos.length > 0) await this.#takeTray(employeeNo, serialNos);
      else if (deed === 'raise' || deed === 'clear') await this.#alert(deed === 'raise');
    }
  }

  async #changeStatus(): Promise<void> {
    const next = () => MOM_STATUSES[(MOM_STATUSES.indexOf(this.status) + 1) % MOM_STATUSES.length] ?? 'Running';
    const nowMs = this.#clockMs();
    const change = (changedAtMs: number) => {
      this.status = next();
      const reasonCode = `Planned${this.status}`;
      return { locationId: 'NA', statusCode: this.status, reasonCode, description: null, changedAtMs };
    };
    const changes = this.#options.faults.wrongOrder === true ? [change(nowMs - 2_000), change(nowMs)] : [change(nowMs)];
    for (const each of changes.toReversed()) await this.call('EqptStatus', each);
  }

  async #alert(isRaised: boolean): Promise<void> {
    const alert = {
      alertCode: 'AIR-01',
      isRaised,
      description: '气压低',
      level: '2',
      partCode: null,
      productType: null,
    };
    await this.call('EqptAlert', { alerts: [alert] });
  }

  /** A tray through its stations: look at the cells, bind, look at the tray, aging, unbind. */
  async #takeTray(employeeNo: string, serialNos: readonly string[]): Promise<void> {
    const { trayBarcode } = this.#options;
    const looked = await this.call('CellState', { employeeNo, cells: serialNos.map((serialNo) => ({ serialNo })) });
    if (looked.kind !== 'done') return;
    const tray = { employeeNo, trayBarcode, opFlag: 0, password: null } as const;
    const good = looked.fields.cells.filter(({ serialNoStatus }) => serialNoStatus === 1);
    const cells = good.map(({ serialNo }, index) => ({ serialNo, positionNo: index + 1 }));
    if (cells.length === 0 || (await this.call('TrayBind', { ...tray, cells })).kind !== 'done') return;
    await this.call('TrayCellsStatus', { employeeNo, trayBarcode });
    await this.call('AgingInput', tray);
    await this.call('TrayUnbind', tray);
  }

  /** Calls the MOM with these fields and an envelope of its own, misbehaving as it was told. */
  async call<Name extends MomName>(
    name: Name,
    fields: Omit<MomRequests[Name], keyof MomEnvelope> & Partial<MomEnvelope>,
  ): Promise<MomOutcome<Name>> {
    const { software, employeeNo, faults } = this.#options;
    const { equipmentCode } = this;
    const envelope = { sessionId: randomUUID(), requestedAtMs: this.#clockMs(), software, equipmentCode, employeeNo };
    const request = { ...envelope, ...fields } as unknown as MomRequests[Name];
    const text = this.#bent(name, writeRequest(name, request));
    const send = async () => {
      const outcome = await this.#client.call(name, request, { signal: this.#stop.signal, text });
      this.outcomes[outcome.kind] += 1;
      this.emit('answered', name, outcome);
      return outcome;
    };
    if (faults.sendsTwice !== true || name === 'EqptAlive') return send();
    const [outcome] = await Promise.all([send(), send()]);
    return outcome;
  }

  #bent(name: MomName, text: string): string {
    const { quirk } = this.#options.faults;
    this.#sent += 1;
    if (quirk === undefined) return text;
    const chosen = quirk === 'all' ? QUIRK_NAMES[this.#sent % QUIRK_NAMES.length] : quirk;
    const bending: Quirk = QUIRKS[chosen ?? 'comment'];
    return bending.only?.test(name) === false ? text : bending.bend(text);
  }

  #clockMs(): number {
    return Date.now() + (this.#options.faults.clockSkewMs ?? 0);
  }

  async #untilNotSilent(): Promise<void> {
    const { silentAfterMs, silentForMs = 0 } = this.#options.faults;
    if (silentAfterMs === undefined) return;
    const sinceMs = performance.now() - this.#startedAt - silentAfterMs;
    if (sinceMs >= 0 && sinceMs < silentForMs) await this.#pause(silentForMs - sinceMs);
  }

  async #pause(ms: number): Promise<void> {
    await delay(ms, undefined, { signal: this.#stop.signal });
  }
}

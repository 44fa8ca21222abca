/** An equipment that works without a break, and is asked for something; and Slipway in the place of another's software. */
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { Story } from './story.ts';
import type { World } from '../world.ts';
import { MomClient } from '../../../gateways/mom/client.ts';
import type { MomCallOf } from '../../../gateways/mom/contract.ts';
import { EquipmentSimulator } from '../../../gateways/mom/simulator.ts';
import { keyFlagActionOf } from '../../../gateways/mom/values.ts';
import type { Broken } from '../../promises/broken.ts';
import { readSession } from '../../promises/records.ts';
import { brokenBySession } from '../../promises/sessions.ts';
import { waitFor } from '../../support/wait.ts';

/** It beats much more often, so that whoever calls it silent is wrong, however long a restart takes. */
const PERIOD_S = 20;
const BEAT_MS = 300;
const CALL_MS = 3_000;
const PATIENCE = { deadlineMs: 120_000 };
const STATUSES = ['Running', 'Waiting', 'Down'] as const;
const ALARM = 'AIR-01';

let made = 0;

export class EquipmentStory extends Story {
  readonly #code: string;
  readonly #simulator: EquipmentSimulator;
  readonly #told = { statuses: [] as string[], alarms: [] as string[] };
  #followUpCalls = 0;
  #followed = 0;

  constructor(world: World, name: string) {
    super(world, name);
    made += 1;
    this.#code = `CRASH${String(made).padStart(4, '0')}`;
    const client = new MomClient({ url: world.equipmentUrl, timeoutMs: CALL_MS });
    this.#simulator = new EquipmentSimulator({ client, equipmentCode: this.#code, periodMs: BEAT_MS });
    this.#simulator.on('answered', (call, outcome) => {
      if (call === 'WaterContent' && outcome.kind === 'done') this.#followed += 1;
    });
    // Told before the call that follows, so that one under way is counted, too.
    this.#simulator.on('keyFlag', (keyFlag) => {
      if (keyFlagActionOf(keyFlag) === 'water_content') this.#followUpCalls += 1;
    });
    this.addKeys(this.#code, `equipment/${this.#code}`);
  }

  async prepare(): Promise<void> {}

  protected async act(): Promise<void> {
    const { world } = this;
    const path = `/equipment/${this.#code}`;
    await world.call(this.key('equipment'), 'POST', '/equipment', { code: this.#code, periodSeconds: PERIOD_S });
    this.#simulator.start();
    await waitFor(() => this.#simulator.isOnline, PATIENCE);
    await this.#status(0);
    await this.#alarm(true);
    await world.call(this.key('flag'), 'POST', `${path}/flags`, { action: 'water_content' });
    await world.call(this.key('parameters'), 'POST', `${path}/parameters`, {
      parameters: [{ parameterCode: 'P', targetValue: '12.50', description: this.name }],
    });
    await this.#status(1);
    await this.#alarm(false);
    await waitFor(() => this.#simulator.parameters.length === 1, PATIENCE);
    await this.#status(2);
  }

  #status(index: number): Promise<void> {
    const statusCode = STATUSES[index]!;
    const reasonCode = `R${index}`;
    this.#told.statuses.push(reasonCode);
    const change = { locationId: 'NA', statusCode, reasonCode, description: null, changedAtMs: Date.now() };
    return this.#untilDone('EqptStatus', change);
  }

  #alarm(isRaised: boolean): Promise<void> {
    this.#told.alarms.push(`${ALARM} ${isRaised ? 'raised' : 'cleared'}`);
    const alert = { alertCode: ALARM, isRaised, description: '', level: '2', partCode: null, productType: null };
    return this.#untilDone('EqptAlert', { alerts: [alert] });
  }

  /** As an equipment does it: the same call under the same SessionId until it is answered. */
  async #untilDone(name: 'EqptStatus' | 'EqptAlert', fields: object): Promise<void> {
    const envelope = { sessionId: randomUUID(), requestedAtMs: Date.now() };
    await waitFor(async () => {
      const outcome = await this.#simulator.call(name, { ...fields, ...envelope } as never);
      if (outcome.kind === 'refused' || outcome.kind === 'rejected') throw new Error(outcome.message);
      return outcome.kind === 'done';
    }, PATIENCE);
  }

  protected async hasEnded(): Promise<boolean> {
    const [row] = await this.world.sql`
      select s.edge_at is null as read, s.state, (select count(*)::int from equipment_flags f
          where f.equipment_id = e.id and f.status = 'pending') as pending,
        (select count(*)::int from equipment_flags f where f.equipment_id = e.id) as flags
      from equipment e join equipment_sessions s on s.equipment_id = e.id where e.code = ${this.#code}`;
    const isTold = this.#told.statuses.length === STATUSES.length && this.#simulator.parameters.length === 1;
    if (row?.['read'] === true && row['pending'] === 0 && row['flags'] === 2 && isTold && row['state'] === 'alive')
      return true;
    throw new Error(JSON.stringify({ row, told: this.#told, parameters: this.#simulator.parameters.length }));
  }

  protected async findKeys(): Promise<string[]> {
    return [];
  }

  async judge(): Promise<Broken[]> {
    const findings = this.findings();
    const record = await readSession(this.world.sql, this.#code);
    const word = { ...this.#told, neverSilent: true, followUpCalls: this.#followUpCalls, followed: this.#followed };
    findings.check(
      record.followUps.length >= 1,
      'nothing acknowledged is lost',
      'the water content was answered and is not kept',
    );
    return [...findings.broken, ...brokenBySession(record, word)];
  }

  override async close(): Promise<void> {
    await this.#simulator.stop().catch(() => {});
  }
}

const WORDS = ['one', 'two', 'three'];
const AGENT_PERIOD_S = 3;

export class AgentStory extends Story {
  readonly #code: string;

  constructor(world: World, name: string) {
    super(world, name);
    made += 1;
    this.#code = `AGENT${String(made).padStart(4, '0')}`;
    this.addKeys(this.#code, `agent/${this.#code}`);
  }

  async prepare(): Promise<void> {}

  protected async act(): Promise<void> {
    const { world } = this;
    await world.call(this.key('agent'), 'POST', '/agents', {
      code: this.#code,
      url: world.mom.url,
      periodSeconds: AGENT_PERIOD_S,
      employeeNo: 'E1',
    });
    for (const [index, description] of WORDS.entries()) {
      const told = { status: index % 2 === 0 ? 'Running' : 'Waiting', description };
      await world.call(this.key(`status-${index}`), 'POST', `/agents/${this.#code}/status`, told);
      await delay(100);
    }
  }

  protected async hasEnded(): Promise<boolean> {
    const [row] = await this.world.sql`
      select s.state, (select count(*)::int from agent_calls c where c.agent_id = a.id and c.status = 'queued') as queued,
        (select count(*)::int from agent_calls c where c.agent_id = a.id and c.status <> 'queued') as gone
      from agents a join agent_sessions s on s.agent_id = a.id where a.code = ${this.#code}`;
    if (row?.['state'] === 'alive' && row['queued'] === 0 && row['gone'] === WORDS.length) return true;
    throw new Error(JSON.stringify(row));
  }

  protected async findKeys(): Promise<string[]> {
    return [];
  }

  async judge(): Promise<Broken[]> {
    const findings = this.findings();
    const took = this.world.mom.host.calls
      .filter(
        (call): call is MomCallOf<'EqptStatus'> =>
          call.name === 'EqptStatus' && call.request.equipmentCode === this.#code,
      )
      .map(({ request }) => request.description);
    findings.check(
      took.join() === WORDS.join(),
      'at most one effect',
      `the MOM took ${took.join()}, it was told ${WORDS.join()}`,
    );
    const calls = await this.world.sql`
      select c.status, c.reason from agent_calls c join agents a on a.id = c.agent_id where a.code = ${this.#code} and c.status <> 'delivered'`;
    findings.check(calls.length === 0, 'nothing acknowledged is lost', `not delivered: ${JSON.stringify(calls)}`);
    return findings.broken;
  }

  override async close(): Promise<void> {
    await this.world.call('', 'PATCH', `/agents/${this.#code}`, { isActive: false }).catch(() => {});
  }
}

/**
 * What happens to agents is told: to live streams of their department, and to its webhooks by what they ask for.
 */
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DeliveryStart } from '../../api/executions/executions.ts';
import { WebhookSweep } from '../../api/events/webhook-sweep.ts';
import { endCall, followFlag, queueCall, takeCall } from '../../db/factory/agent-calls.ts';
import { noteFlag, recordGood, recordTrouble, takeLine, type LineKey } from '../../db/factory/agent-line.ts';
import { createAgent } from '../../db/factory/agents.ts';
import { createWebhook } from '../../db/events/webhooks.ts';
import { waitFor } from '../support/wait.ts';
import { HubBench } from './hub.ts';

const PERIOD_MS = 30_000;
let bench: HubBench;
let mine: number;
let theirs: number;
let line: LineKey;

beforeAll(async () => {
  bench = await HubBench.start();
  mine = await bench.department();
  theirs = await bench.department();
  const agentId = (await createAgent(bench.database.db, {
    code: 'EQ00006',
    name: 'welder',
    url: 'http://127.0.0.1:9',
    token: null,
    software: 'Slipway',
    employeeNo: '',
    password: null,
    periodMs: PERIOD_MS,
    keyFlags: null,
    flagPlans: {},
    isActive: true,
    remark: '',
    departmentId: mine,
    createdBy: 'test',
  }))!;
  line = { agentId, line: (await takeLine(bench.database.db, agentId))!.line };
});
afterAll(() => bench.stop());

/** Nothing good for so long, and now another failure. */
async function silentFor(periods: number): Promise<void> {
  await bench.sql`
    update agent_sessions set good_at = clock_timestamp() - make_interval(secs => ${(periods * PERIOD_MS) / 1_000})
    where agent_id = ${line.agentId}`;
  await recordTrouble(bench.database.db, line, { trouble: 'connect ECONNREFUSED', periodMs: PERIOD_MS });
}

describe('what happens to an agent', () => {
  it('is told to streams and webhooks of its department, each thing once, and to nobody else', async () => {
    const { db } = bench.database;
    const webhook = (departmentId: number, kinds: string[]) =>
      createWebhook(db, {
        departmentId,
        url: 'https://hooks.test/',
        secret: 'whsec_test',
        kinds: kinds as never,
        remark: '',
        createdBy: 'test',
      });
    const all = (await webhook(mine, []))!.id;
    const some = (await webhook(mine, ['agent.quarantined', 'agent.data_needed']))!.id;
    await webhook(theirs, []);
    const [here, there] = [await bench.follow({ departmentId: mine }), await bench.follow({ departmentId: theirs })];

    await recordGood(db, line, { kind: 'online' });
    await recordGood(db, line, { kind: 'beat' });
    await silentFor(2); // suspect: nobody is woken for that
    await silentFor(4);
    await silentFor(5);
    await recordGood(db, line, { kind: 'online' });
    const callId = (await queueCall(db, line.agentId, { name: 'TrayUnbind', request: {}, createdBy: 'test' }))!;
    expect((await takeCall(db, line))?.id).toBe(callId);
    const refusal = { kind: 'quarantined', reason: 'refused', message: '托盘不存在' } as const;
    await endCall(db, callId, refusal);
    await endCall(db, callId, refusal);
    const flagId = (await noteFlag(db, line.agentId, 'water_content', 5))!;
    expect(await noteFlag(db, line.agentId, 'water_content', 5)).toBe(flagId);
    await followFlag(db, flagId);
    await followFlag(db, flagId);

    const told = [
      ['agent.offline', { equipmentCode: 'EQ00006', name: 'welder', state: 'offline', cause: 'connect ECONNREFUSED' }],
      ['agent.back', { equipmentCode: 'EQ00006', name: 'welder', state: 'online', cause: 'online' }],
      [
        'agent.quarantined',
        {
          equipmentCode: 'EQ00006',
          name: 'welder',
          callId,
          call: 'TrayUnbind',
          reason: 'refused',
          message: '托盘不存在',
        },
      ],
      ['agent.data_needed', { equipmentCode: 'EQ00006', name: 'welder', action: 'water_content' }],
    ];
    await waitFor(() => here.of('event').length >= told.length, { deadlineMs: 30_000 });
    expect(here.of('event').map(({ data }) => [data.kind, data.data])).toEqual(told);

    const started: DeliveryStart[] = [];
    const sweep = new WebhookSweep({
      db,
      executions: { startWebhookDelivery: async (delivery) => void started.push(delivery) },
      log: pino({ level: 'silent' }),
    });
    const kindsOf = (webhookId: number) =>
      started.filter((delivery) => delivery.webhookId === webhookId).map(({ kind }) => kind);
    await waitFor(
      async () => {
        await sweep.sweep();
        return kindsOf(all).length >= told.length && kindsOf(some).length >= 2;
      },
      { deadlineMs: 30_000 },
    );
    expect(kindsOf(all).toSorted()).toEqual(told.map(([kind]) => kind as string).toSorted());
    expect(kindsOf(some).toSorted()).toEqual(['agent.data_needed', 'agent.quarantined']);
    expect(started).toHaveLength(6);
    // Both streams are fed in the order of events: a later one of theirs shows that nothing of ours came before.
    await bench.sql`insert into events (department_id, kind, data) values (${theirs}, 'agent.back', '{}')`;
    await waitFor(() => there.of('event').length > 0, { deadlineMs: 30_000 });
    expect(there.of('event')).toHaveLength(1);
  }, 120_000);
});

/**
 * The factory of the demo: simulated equipment that calls our MOM, and one without MOM software of its own, for which
 * Slipway speaks with the same MOM as an agent.
 */
import type { Operator } from '../bench/operator.ts';
import { MomClient } from '../gateways/mom/client.ts';
import { codeAt, createEquipments } from '../gateways/mom/fleet.ts';

const EQUIPMENTS = 5;
const FIRST_CODE = 'EQ00001';
const PERIOD_S = 5;
const POLL_MS = 500;

/** Equipment with sessions. */
export interface DemoFactory {
  /** The agent's included. */
  equipments: number;
  /** Waits until all are alive for the MOM, at most so long; how many are. */
  alive(withinMs: number): Promise<number>;
  stop(): Promise<void>;
}

/** Registers the equipment and starts it, and the agent. */
export async function startFactory(operator: Operator, momUrl: string): Promise<DemoFactory> {
  const codes = Array.from({ length: EQUIPMENTS + 1 }, (_, index) => codeAt(FIRST_CODE, index));
  for (const code of codes) {
    await operator.call('POST', '/equipment', { code, name: `demo ${code}`, periodSeconds: PERIOD_S });
  }
  await operator.call(
    'POST',
    '/cells',
    Array.from({ length: EQUIPMENTS * 2 }, (_, index) => ({
      serialNo: codeAt('CELL000001', index),
      bindCode: 'M1/WO1',
    })),
  );
  const client = new MomClient({ url: momUrl });
  const fleet = createEquipments({
    client,
    devices: EQUIPMENTS,
    startCode: FIRST_CODE,
    startCell: 'CELL000001',
    cellsPerTray: 2,
    periodMs: PERIOD_S * 1_000,
    activityMs: 4_000,
    faultShare: 0,
    faults: {},
  });
  for (const equipment of fleet) equipment.start();
  await startAgent(operator, codes.at(-1)!, momUrl);
  return {
    equipments: codes.length,
    alive: async (withinMs) => {
      const untilMs = Date.now() + withinMs;
      for (;;) {
        const { items } = await operator.call<{ items: { state: string }[] }>('GET', '/equipment?limit=100');
        const alive = items.filter(({ state }) => state === 'online' || state === 'alive').length;
        if (alive === codes.length || Date.now() > untilMs) return alive;
        await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      }
    },
    stop: async () => {
      await Promise.all(fleet.map((equipment) => equipment.stop()));
      client.close();
    },
  };
}

/** An agent with something to tell. */
async function startAgent(operator: Operator, code: string, momUrl: string): Promise<void> {
  const data = { Material: 'M1', Lot: 'L1' };
  await operator.call('POST', '/agents', {
    code,
    url: momUrl,
    name: 'demo agent',
    periodSeconds: PERIOD_S,
    flagPlans: { material_up: { response: 'send', data } },
  });
  await operator.call('POST', `/agents/${code}/status`, { status: 'Running' });
  await operator.call('POST', `/agents/${code}/alarms`, {
    alarms: [{ alertCode: 'A01', isRaised: true, description: '气压低' }],
  });
}

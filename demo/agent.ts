/**
 * An agent for the demo: equipment without MOM software of its own, which speaks with a MOM through Slipway.
 */
import type { Operator } from '../bench/operator.ts';

/** Makes an agent that speaks with the MOM at `momUrl`, and gives it something to tell. The MOM must know the code. */
export async function demoAgent(operator: Operator, { code, momUrl }: { code: string; momUrl: string }): Promise<void> {
  const data = { Material: 'M1', Lot: 'L1' };
  await operator.call('POST', '/agents', {
    code,
    url: momUrl,
    name: 'demo agent',
    periodSeconds: 5,
    flagPlans: { material_up: { response: 'send', data } },
  });
  const path = `/agents/${encodeURIComponent(code)}`;
  await operator.call('POST', `${path}/status`, { status: 'Running' });
  await operator.call('POST', `${path}/alarms`, {
    alarms: [{ alertCode: 'A01', isRaised: true, description: '气压低' }],
  });
}

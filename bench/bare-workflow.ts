/**
 * The baseline of `upgrades.ts`: a workflow with the events of a good upgrade and no work in it.
 */
import {
  condition,
  defineSignal,
  proxyLocalActivities,
  setHandler,
  upsertSearchAttributes,
} from '@temporalio/workflow';
import type { BareSteps } from './bare-loop.ts';

const steps = proxyLocalActivities<BareSteps>({ startToCloseTimeout: '30s' });

/** Makes an offer that is none, waits for a proof that is none, writes it down nowhere. */
export async function bareUpgrade(workflowId: string): Promise<void> {
  let isProven = false;
  setHandler(defineSignal('deviceEdge'), () => void (isProven = true));
  await steps.openOffer(workflowId);
  await condition(() => isProven, '10m');
  await steps.recordProof(workflowId);
  upsertSearchAttributes({ SlipwayStatus: ['succeeded'] });
}

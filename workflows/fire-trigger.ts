/**
 * A trigger fires on a reading of MES.
 *
 * What MES changed later of what the trigger shipped is written down as a difference, and ships nothing. The new rows
 * that fit become an order, which is shipped like any other, in a workflow of its own. Then, if the trigger says so,
 * the devices that have a customer go on to a platform, in a workflow of their own too, and nobody waits for that.
 * Whatever did not go as wished is in the words of the firing.
 */
import {
  CancellationScope,
  ParentClosePolicy,
  executeChild,
  proxyActivities,
  proxyLocalActivities,
  rootCause,
  setCurrentDetails,
  sleep,
  startChild,
} from '@temporalio/workflow';
import type { EndedFiring, ShipmentActivities } from '../activities/shipments.ts';
import { shipmentWorkflowId, platformShipmentWorkflowId, type FireTriggerInput } from './contract.ts';
import { shipDevices } from './ship-devices.ts';
import { shipToPlatform } from './ship-to-platform.ts';

const retry = { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '1m' } as const;
// A reading may have brought hundreds of thousands of rows.
const orders = proxyActivities<ShipmentActivities>({ startToCloseTimeout: '15m', retry });
const db = proxyLocalActivities<ShipmentActivities>({ startToCloseTimeout: '1m', retry });

/** Before a shipment that somebody else runs is looked at again. */
const PAUSE_MS = 5_000;

export async function fireTrigger({ triggerId, cycleId }: FireTriggerInput): Promise<EndedFiring> {
  return CancellationScope.nonCancellable(async () => {
    const begun = await orders.beginFiring.executeWithOptions({ summary: `reading ${cycleId}` }, [triggerId, cycleId]);
    if (begun?.shipmentId != null) {
      const { shipmentId, devices, name } = begun;
      setCurrentDetails(`${name}: ${devices} devices, shipment ${shipmentId}`);
      await ship(shipmentId, `${devices} devices by trigger ${name}`);
    }
    const end = await db.endFiring(triggerId, cycleId);
    if (end.platformShipmentId !== null && end.isSent) await sendOn(end.platformShipmentId, begun?.name ?? '');
    setCurrentDetails(`${end.status}${end.words === '' ? '' : `: ${end.words}`}`);
    return end;
  });
}

/** Waits for the shipment. However it ends, its row says so. */
async function ship(shipmentId: number, summary: string): Promise<void> {
  try {
    await executeChild(shipDevices, {
      workflowId: shipmentWorkflowId(shipmentId),
      args: [{ shipmentId }],
      parentClosePolicy: ParentClosePolicy.ABANDON,
      staticSummary: summary.slice(0, 200),
    });
  } catch (error) {
    if (!isStartedAlready(error)) {
      setCurrentDetails(`shipment ${shipmentId} was ended from outside: ${rootCause(error) ?? ''}`);
      return;
    }
    // An execution before this one was ended from outside, and its shipment goes on.
    while ((await db.finishDevices(shipmentId)) === null) await sleep(PAUSE_MS);
  }
}

/** Somebody else may have started it already. */
async function sendOn(shipmentId: number, name: string): Promise<void> {
  try {
    await startChild(shipToPlatform, {
      workflowId: platformShipmentWorkflowId(shipmentId),
      args: [{ shipmentId }],
      parentClosePolicy: ParentClosePolicy.ABANDON,
      staticSummary: `by trigger ${name}`.slice(0, 200),
    });
  } catch (error) {
    if (!isStartedAlready(error)) throw error;
  }
}

function isStartedAlready(error: unknown): boolean {
  return error instanceof Error && error.name === 'WorkflowExecutionAlreadyStartedError';
}

/**
 * A primary shipment: devices that MES has packed are registered, recorded and classified.
 *
 * The order and its devices are rows that were written before this begins. A step takes chunks of some hundred devices
 * for half a minute; each chunk is one transaction that registers, writes the total shipment record, finds the
 * customers, and puts those that have one into the matched list. A device that cannot be shipped is refused by name and
 * the others go on. When none is open, the sums are made and held against what was written. Cancelled in Temporal, what
 * is open is refused; what was shipped stays shipped.
 */
import {
  CancellationScope,
  continueAsNew,
  isCancellation,
  proxyActivities,
  proxyLocalActivities,
  setCurrentDetails,
  workflowInfo,
} from '@temporalio/workflow';
import type { ShipmentActivities, ShipmentEnd } from '../activities/shipments.ts';
import type { ShipDevicesInput } from './contract.ts';

const retry = { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '1m' } as const;
// A worker that died is noticed by its silence.
const chunks = proxyActivities<ShipmentActivities>({ startToCloseTimeout: '15m', heartbeatTimeout: '15s', retry });
const db = proxyLocalActivities<ShipmentActivities>({ startToCloseTimeout: '1m', retry });

export async function shipDevices(input: ShipDevicesInput): Promise<ShipmentEnd> {
  const { shipmentId } = input;
  const done = { shipped: input.shipped ?? 0, refused: input.refused ?? 0 };
  let isStopped = false;
  void CancellationScope.current().cancelRequested.catch((error: unknown) => {
    if (!isCancellation(error)) throw error;
    isStopped = true;
  });
  return CancellationScope.nonCancellable(async () => {
    for (;;) {
      if (isStopped) await db.stopDevices(shipmentId, 'temporal');
      const summary = `${done.shipped + done.refused} devices have ended`;
      const step = await chunks.shipDevicesOn.executeWithOptions({ summary }, [shipmentId]);
      done.shipped += step.shipped;
      done.refused += step.refused;
      setCurrentDetails(`${done.shipped} shipped, ${done.refused} refused`);
      if (step.isDone) {
        const end = await db.finishDevices(shipmentId);
        if (end !== null) return end;
      }
      if (workflowInfo().continueAsNewSuggested && !isStopped) {
        await continueAsNew<typeof shipDevices>({ shipmentId, ...done });
      }
    }
  });
}

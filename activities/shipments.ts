/**
 * The steps of a primary shipment and of a trigger that fires. They remember nothing: how far an order is, its devices
 * say, and each chunk of them is one transaction.
 */
import { cancellationSignal, heartbeat } from '@temporalio/activity';
import { step } from './failures.ts';
import type { Db } from '../db/index.ts';
import * as shipments from '../db/shipments/shipments.ts';
import * as firings from '../db/shipments/trigger-firings.ts';

export interface ShipmentDependencies {
  db: Db;
  stopping: AbortSignal;
}

/** What a step came to. `isDone`: no device is open. */
export interface ShippedStep extends shipments.ShippedChunk {
  isDone: boolean;
}

/** Devices of one transaction. */
const CHUNK = 500;
/** After so long a step ends, so that the history tells how far it is. */
const STEP_MS = 30_000;
const HEARTBEAT_MS = 2_000;

export type { ShipmentEnd } from '../db/shipments/shipments.ts';
export type { BegunFiring, EndedFiring } from '../db/shipments/trigger-firings.ts';

export function createShipmentActivities({ db, stopping }: ShipmentDependencies) {
  return {
    /** Ships devices of an order, chunk after chunk, for half a minute. */
    shipDevicesOn: (shipmentId: number): Promise<ShippedStep> =>
      step(async () => {
        const untilMs = Date.now() + STEP_MS;
        const signal = AbortSignal.any([cancellationSignal(), stopping]);
        const pulse = setInterval(() => heartbeat(), HEARTBEAT_MS);
        const done = { shipped: 0, refused: 0 };
        try {
          for (;;) {
            const chunk = await shipments.shipChunk(db, shipmentId, CHUNK);
            if (chunk.shipped + chunk.refused === 0) return { ...done, isDone: true };
            done.shipped += chunk.shipped;
            done.refused += chunk.refused;
            heartbeat(done);
            if (Date.now() > untilMs || signal.aborted) return { ...done, isDone: false };
          }
        } finally {
          clearInterval(pulse);
        }
      }),

    /** Refuses what is open of an order. */
    stopDevices: (shipmentId: number, author: string): Promise<number> =>
      step(() => shipments.stopShipment(db, shipmentId, author)),

    /** Ends an order with its sums; null: devices are open. */
    finishDevices: (shipmentId: number): Promise<shipments.ShipmentEnd | null> =>
      step(() => shipments.finishShipment(db, shipmentId)),

    /** Writes down differences and makes the order of what is new. */
    beginFiring: (triggerId: number, cycleId: number): Promise<firings.BegunFiring | null> =>
      step(() => firings.beginFiring(db, { triggerId, cycleId })),

    /** Ends a firing, and has what was matched go on to the platform. */
    endFiring: (triggerId: number, cycleId: number): Promise<firings.EndedFiring> =>
      step(() => firings.endFiring(db, { triggerId, cycleId })),
  };
}

export type ShipmentActivities = ReturnType<typeof createShipmentActivities>;

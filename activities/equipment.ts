/**
 * What the workflow of an equipment's session reads: one short query, run as a local activity.
 */
import { step } from './failures.ts';
import { readSession } from '../db/factory/equipment-sessions.ts';
import type { Db } from '../db/index.ts';

export function createEquipmentActivities(db: Db) {
  return {
    /** Reads the session of an equipment and takes away the mark that it has not been read. Null: it was deleted. */
    readEquipmentSession: (equipmentId: number, afterEdge: number) =>
      step(() => readSession(db, equipmentId, afterEdge)),
  };
}

export type EquipmentActivities = ReturnType<typeof createEquipmentActivities>;

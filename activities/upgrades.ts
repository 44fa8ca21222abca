/**
 * The steps of one device's upgrade: short database transactions, run as local activities. Each is idempotent by the
 * number of the attempt or by what is written already.
 */
import { step } from './failures.ts';
import type { Db } from '../db/index.ts';
import * as offers from '../db/upgrades/offers.ts';
import * as upgrades from '../db/upgrades/upgrades.ts';

export function createUpgradeActivities(db: Db) {
  return {
    /** Asks the gate, the task and the window; writes the offer if all agree, or what the device waits for. */
    openOffer: (key: Parameters<typeof offers.openOffer>[1]) => step(() => offers.openOffer(db, key)),
    /** Reads what the gateways have written about an offer. */
    readOffer: (key: upgrades.AttemptKey) => step(() => offers.readOffer(db, key)),
    /** Closes an offer that came to nothing. */
    closeOffer: (key: Parameters<typeof offers.closeOffer>[1]) => step(() => offers.closeOffer(db, key)),
    /** Writes a file down as proven, if a newer report really says so. */
    recordProof: (key: Parameters<typeof upgrades.recordProof>[1]) => step(() => upgrades.recordProof(db, key)),
    /** Writes down that nothing had to be sent. */
    recordAlreadyCurrent: (key: Parameters<typeof upgrades.recordAlreadyCurrent>[1]) =>
      step(() => upgrades.recordAlreadyCurrent(db, key)),
    /** Shows what the device waits for. */
    recordWaiting: (key: Parameters<typeof upgrades.recordWaiting>[1]) => step(() => upgrades.recordWaiting(db, key)),
    /** Ends the upgrade. */
    finishUpgrade: (end: Parameters<typeof upgrades.finishUpgrade>[1]) => step(() => upgrades.finishUpgrade(db, end)),
  };
}

export type UpgradeActivities = ReturnType<typeof createUpgradeActivities>;

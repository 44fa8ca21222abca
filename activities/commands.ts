/**
 * The steps of one device command: short database transactions, run as local activities. Each is idempotent by the
 * number of the attempt or by what is written already.
 */
import { step } from './failures.ts';
import type { Db } from '../db/index.ts';
import * as steps from '../db/commands/command-steps.ts';

export function createCommandActivities(db: Db) {
  return {
    /** Opens an attempt: its frame may leave at the next contact. */
    openCommandAttempt: (attempt: Parameters<typeof steps.openCommandAttempt>[1]) =>
      step(() => steps.openCommandAttempt(db, attempt)),
    /** Reads what the gateways have written about a command. */
    readCommand: (commandId: number) => step(() => steps.readCommand(db, commandId)),
    /** Writes down that the device has accepted it. */
    acceptCommand: (commandId: number) => step(() => steps.acceptCommand(db, commandId)),
    /** Ends the command. */
    finishCommand: (ending: steps.Ending) => step(() => steps.finishCommand(db, ending)),
  };
}

export type CommandActivities = ReturnType<typeof createCommandActivities>;

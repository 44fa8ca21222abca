/**
 * What equipment says and asks about trays and cells. Runs in the transaction of the call: what it writes and the reply
 * that a repetition gets are kept together or not at all. Who may call, and for a manual operation the employee, were
 * checked before.
 */
import type { Db } from '../db/index.ts';
import type { MomCallOf, MomName, MomReply } from '../gateways/mom/contract.ts';

/** The equipment that calls, as far as rules of trays ask about it. */
export interface CallingEquipment {
  id: number;
  code: string;
  departmentId: number;
  /** Cells on hold must not enter it. */
  isHoldListed: boolean;
}

export const TRAY_CALLS = ['TrayBind', 'TrayUnbind', 'CellState', 'TrayCellsStatus', 'AgingInput'] as const;
export type TrayCallName = (typeof TRAY_CALLS)[number];
export type TrayCall = { [Name in TrayCallName]: MomCallOf<Name> }[TrayCallName];

/** Tells whether a call is about trays or cells. */
export function isTrayCall(call: { name: MomName }): call is TrayCall {
  return (TRAY_CALLS as readonly string[]).includes(call.name);
}

/** Does what a call about trays says; what it throws undoes the call, and the equipment sends it again. */
export async function handleTrayCall(_tx: Db, call: TrayCall, _equipment: CallingEquipment): Promise<MomReply> {
  return { ok: false, name: call.name, failure: 'trays_not_kept', message: 'trays and cells are not kept here' };
}

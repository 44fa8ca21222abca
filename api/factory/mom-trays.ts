/**
 * What equipment says and asks about trays and cells. Runs in the transaction of the call: what it writes and the reply
 * that a repetition gets are kept together or not at all. Who may call, and for a manual operation the employee, were
 * checked before.
 */
import { findCells } from '../../db/factory/cells.ts';
import { InvariantError, type Db } from '../../db/index.ts';
import * as trays from '../../db/factory/trays.ts';
import type { MomCallOf, MomName, MomReply } from '../../gateways/mom/contract.ts';
import { CELL, refusalWords, toldStatus, undefinedWords, type Refusal } from '../../workflows/rules/trays.ts';

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
export async function handleTrayCall(tx: Db, call: TrayCall, equipment: CallingEquipment): Promise<MomReply> {
  const { name, request } = call;
  const actor: trays.TrayActor = {
    departmentId: equipment.departmentId,
    equipmentId: equipment.id,
    author: request.employeeNo,
    sessionId: request.sessionId,
    isHoldListed: equipment.isHoldListed,
  };
  switch (name) {
    case 'TrayBind': {
      const bound = await trays.bindTray(tx, actor, call.request.trayBarcode, call.request.cells);
      return bound.ok ? { ok: true, name, answer: {} } : refused(name, bound.refusals);
    }
    case 'TrayUnbind': {
      const unbound = await trays.unbindTray(tx, actor, call.request.trayBarcode);
      return unbound.ok ? { ok: true, name, answer: {} } : refused(name, unbound.refusals);
    }
    case 'CellState':
      return cellStates(tx, equipment.departmentId, call.request.cells);
    case 'TrayCellsStatus':
      return trayCells(tx, equipment.departmentId, call.request.trayBarcode);
    case 'AgingInput': {
      const aging = await trays.startAging(tx, actor, call.request.trayBarcode);
      if (!aging.ok) return refused(name, aging.refusals);
      const answer = {
        trayBarcode: call.request.trayBarcode,
        agingStartAtMs: aging.startMs,
        agingTimeLowerLimitMinutes: aging.lowerMinutes,
        agingTimeUpperLimitMinutes: aging.upperMinutes,
        trayBarcodeProperty: aging.property,
      };
      return { ok: true, name, answer };
    }
    default:
      throw new InvariantError(`${String(name)} is not about trays`);
  }
}

/** Cells in the order asked; one nobody knows has the status 0 and no bind code. */
async function cellStates(tx: Db, departmentId: number, asked: readonly { serialNo: string }[]): Promise<MomReply> {
  const found = await findCells(
    tx,
    departmentId,
    asked.map(({ serialNo }) => serialNo),
  );
  const known = new Map(found.map((cell) => [cell.serialNo, cell]));
  const cells = asked.map(({ serialNo }) => {
    const { status, bindCode } = known.get(serialNo) ?? { status: CELL.none, bindCode: '' };
    return { serialNo, serialNoStatus: toldStatus(status), bindCode };
  });
  return { ok: true, name: 'CellState', answer: { cells }, ...warning(found) };
}

async function trayCells(tx: Db, departmentId: number, trayBarcode: string): Promise<MomReply> {
  const contents = await trays.readTray(tx, departmentId, trayBarcode);
  if (contents === null) {
    return refused('TrayCellsStatus', [{ code: 'tray_unknown', message: `tray ${trayBarcode} is unknown` }]);
  }
  if (contents.length === 0) {
    return refused('TrayCellsStatus', [{ code: 'tray_empty', message: `tray ${trayBarcode} is empty` }]);
  }
  const cells = contents.map(({ serialNo, positionNo, status }) => {
    return { serialNo, positionNo, serialNoStatus: toldStatus(status) };
  });
  return { ok: true, name: 'TrayCellsStatus', answer: { trayBarcode, cells }, ...warning(contents) };
}

/** What the person at the equipment is told when a status was replaced. */
function warning(cells: readonly { serialNo: string; status: number }[]): { message?: string } {
  const odd = cells.filter(({ status }) => status === CELL.undefined);
  if (odd.length === 0) return {};
  return { message: refusalWords(odd.map(({ serialNo }) => ({ code: '', message: undefinedWords(serialNo) }))) };
}

function refused(name: TrayCallName, refusals: readonly Refusal<string>[]): MomReply {
  return { ok: false, name, failure: refusals[0]!.code, message: refusalWords(refusals) };
}

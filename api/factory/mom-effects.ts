/**
 * What a call of an equipment does, inside the transaction that also keeps its reply: the equipment is locked, so its
 * calls are handled one after the other.
 */
import { handleTrayCall, isTrayCall } from './mom-trays.ts';
import { clearAlarm, raiseAlarm } from '../../db/factory/equipment-alarms.ts';
import type { LockedEquipment } from '../../db/factory/equipment-calls.ts';
import { endFlag, storeFollowUp } from '../../db/factory/equipment-flags.ts';
import { findParameters, storeFetch } from '../../db/factory/equipment-parameters.ts';
import { storeOnline } from '../../db/factory/equipment-sessions.ts';
import { storeStatusChange } from '../../db/factory/equipment-status.ts';
import type { Db } from '../../db/index.ts';
import type { EqptRunAnswer, MomCall, MomCallOf, MomReply } from '../../gateways/mom/contract.ts';
import { statusOf } from '../../gateways/mom/values.ts';
import type { FlagAction, SessionEdge } from '../../workflows/rules/equipment.ts';

/** What came of a call. */
export interface Effect {
  reply: MomReply;
  /** What the session's workflow should hear of; null: nothing. */
  edge: SessionEdge | null;
  /** A flag has ended: the next heartbeat is answered otherwise. */
  endsFlag: boolean;
}

const FOLLOWED = {
  MaterialUpLoad: 'material_up',
  MaterialDownLoad: 'material_down',
  WaterContent: 'water_content',
} as const satisfies Record<string, FlagAction>;

/** Does what a call says; heartbeats never come here. */
export async function handleCall(tx: Db, call: MomCall, equipment: LockedEquipment): Promise<Effect> {
  if (isTrayCall(call)) return quiet(await handleTrayCall(tx, call, equipment));
  switch (call.name) {
    case 'EqptRun':
      return online(tx, call, equipment);
    case 'EqptStatus': {
      const { statusCode, reasonCode, description, locationId, changedAtMs } = call.request;
      const status = statusOf(statusCode);
      if (status === null) {
        const message = `unknown StatusCode ${statusCode.slice(0, 40)}`;
        return quiet({ ok: false, name: call.name, failure: 'unknown_status', message });
      }
      const equipmentId = equipment.id;
      const change = { equipmentId, status, statusCode, reasonCode, description, locationId, changedAtMs };
      await storeStatusChange(tx, change);
      return quiet({ ok: true, name: call.name, answer: {} });
    }
    case 'EqptAlert': {
      let hasChanged = false;
      for (const alert of call.request.alerts) {
        const outcome = alert.isRaised
          ? await raiseAlarm(tx, equipment.id, alert)
          : await clearAlarm(tx, equipment.id, alert.alertCode);
        hasChanged ||= outcome === 'raised' || outcome === 'cleared';
      }
      const reply: MomReply = { ok: true, name: call.name, answer: {} };
      return { reply, edge: hasChanged ? 'alarms' : null, endsFlag: false };
    }
    case 'MaterialUpLoad':
    case 'MaterialDownLoad':
    case 'WaterContent':
      return followUp(tx, call, equipment);
    case 'EqptAlive':
      break;
  }
  throw new Error('heartbeats are not handled in a transaction');
}

function quiet(reply: MomReply): Effect {
  return { reply, edge: null, endsFlag: false };
}

async function followUp(
  tx: Db,
  { name, request }: MomCallOf<'MaterialUpLoad' | 'MaterialDownLoad' | 'WaterContent'>,
  { id: equipmentId, pendingFlags }: LockedEquipment,
): Promise<Effect> {
  const action = FOLLOWED[name];
  const isAsked = pendingFlags.includes(action);
  const flagId = !isAsked ? null : await endFlag(tx, { equipmentId, action, status: 'followed', author: 'equipment' });
  const employeeNo = request.employeeNo ?? '';
  await storeFollowUp(tx, { equipmentId, flagId, name, employeeNo, data: request.data });
  const reply = { ok: true, name, answer: {} } as MomReply;
  return { reply, edge: flagId === null ? null : 'flags', endsFlag: flagId !== null };
}

/** The equipment calls in, and fetches its parameters when there are newer ones, or when the last may not have arrived. */
async function online(tx: Db, call: MomCallOf<'EqptRun'>, equipment: LockedEquipment): Promise<Effect> {
  const { request, address, receivedAtMs, name } = call;
  const { id: equipmentId, parametersVersion: version, fetchedVersion, isFetchUncertain, pendingFlags } = equipment;
  const { software, requestedAtMs, equipmentModel: operatingMode } = request;
  const employeeNo = request.employeeNo ?? '';
  const skewMs = requestedAtMs === null ? null : requestedAtMs - receivedAtMs;
  const edge = await storeOnline(tx, { equipmentId, address, software, employeeNo, operatingMode, skewMs });
  const ended = pendingFlags.includes('parameters')
    ? await endFlag(tx, { equipmentId, action: 'parameters', status: 'followed', author: 'equipment' })
    : null;
  const stored = version === 0 ? null : await findParameters(tx, equipmentId, version);
  const paramRefreshFlag = stored !== null && (fetchedVersion < version || isFetchUncertain);
  if (paramRefreshFlag) await storeFetch(tx, { equipmentId, version, employeeNo, software, address });
  const answer: EqptRunAnswer = {
    productDesc: stored?.productDesc ?? null,
    firstArticleNum: stored?.firstArticleNum ?? null,
    debugNum: stored?.debugNum ?? null,
    paramVersion: stored?.label ?? null,
    paramRefreshFlag,
    parameters: [...(stored?.parameters ?? [])],
  };
  return { reply: { ok: true, name, answer }, edge, endsFlag: ended !== null };
}

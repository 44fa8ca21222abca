/**
 * How equipment, its session and what belongs to it look in requests and answers.
 */
import { Type, type Static } from 'typebox';
import { problem, notFound, type FieldError } from '../problems.ts';
import type { Services } from '../route.ts';
import { closed, Moment, moment, nullable, text } from '../schemas.ts';
import { findEquipment, type EquipmentFields, type EquipmentRow } from '../../db/factory/equipment.ts';
import type { Db } from '../../db/index.ts';
import { isNetwork } from '../../gateways/mom/networks.ts';
import { equipmentWorkflowId } from '../../workflows/contract.ts';
import { EQUIPMENT_STATUSES, FLAG_ACTIONS, SESSION_STATES } from '../../workflows/rules/equipment.ts';

/** Words that are addresses of this API below `/equipment`. */
const RESERVED = ['board', 'import'];

export const Code = text(64, {
  minLength: 1,
  pattern: '^[^\\u0000-\\u0020/\\\\.][^\\u0000-\\u001f/\\\\]*$',
  description: 'EquipmentCode, exactly as the equipment sends it',
});
export const OneEquipment = closed({ code: text(128, { minLength: 1, description: 'EquipmentCode' }) });

export const StateName = Type.Enum(SESSION_STATES, {
  type: 'string',
  description:
    'never: not heard of yet; online: called in; alive: beats; suspect: silent for 1.5 periods; offline: for 3 periods',
});
export const StatusName = Type.Enum(EQUIPMENT_STATUSES, { type: 'string', description: 'StatusCode' });
export const FlagActionName = Type.Enum(FLAG_ACTIONS, {
  type: 'string',
  description:
    'material_up, material_down: material was loaded or unloaded; water_content: its data is needed; parameters: fetch them again',
});

const SETTINGS = {
  name: text(100),
  model: text(100, { description: 'model or class' }),
  location: text(100),
  periodSeconds: Type.Integer({ minimum: 1, maximum: 3_600, default: 30, description: 'between heartbeats' }),
  allowedAddresses: Type.Array(text(64), {
    maxItems: 50,
    description: 'IP addresses and networks it may call from; empty: any that the site allows',
  }),
  isHoldListed: Type.Boolean({ description: 'true: cells on hold must not enter it' }),
  isActive: Type.Boolean({ description: 'false: retired, it may not call any more' }),
  remark: text(1_000),
};
type Settings = { [Name in keyof typeof SETTINGS]: Static<(typeof SETTINGS)[Name]> };
const SOME_SETTINGS = {
  name: Type.Optional(SETTINGS.name),
  model: Type.Optional(SETTINGS.model),
  location: Type.Optional(SETTINGS.location),
  periodSeconds: Type.Optional(SETTINGS.periodSeconds),
  allowedAddresses: Type.Optional(SETTINGS.allowedAddresses),
  isHoldListed: Type.Optional(SETTINGS.isHoldListed),
  isActive: Type.Optional(SETTINGS.isActive),
  remark: Type.Optional(SETTINGS.remark),
};

export const NewEquipment = closed(
  { code: Code, ...SOME_SETTINGS },
  {
    title: 'NewEquipment',
    examples: [{ code: 'EQ00001', name: '焊接机 1', model: 'WELD', location: 'A1', periodSeconds: 30 }],
  },
);
export const EquipmentChange = closed(SOME_SETTINGS, {
  title: 'EquipmentChange',
  minProperties: 1,
  examples: [{ location: 'B2', isHoldListed: true }],
});

export const Equipment = closed(
  {
    code: Type.String(),
    ...SETTINGS,
    state: StateName,
    stateSince: Moment,
    status: nullable(StatusName),
    statusSince: nullable(Moment),
    lastSeenAt: nullable(Moment),
    onlineAt: nullable(Type.String({ format: 'date-time', description: 'of the last online call' })),
    lastAddress: Type.String(),
    software: Type.String(),
    employeeNo: Type.String(),
    operatingMode: nullable(
      Type.Integer({ description: 'EquipmentModel of the online call: 0 online, 1 offline, 2 adjustment' }),
    ),
    skewSeconds: nullable(Type.Number({ description: 'its clock minus ours; positive: it is ahead' })),
    isSkewed: Type.Boolean({ description: 'the clocks differ by more than the site allows' }),
    openAlarms: Type.Integer(),
    unacknowledgedAlarms: Type.Integer({ description: 'open and not acknowledged' }),
    pendingFlags: Type.Array(FlagActionName, { description: 'oldest first; the first is served' }),
    parametersVersion: Type.Integer({ description: '0: none were set' }),
    fetchedVersion: Type.Integer({ description: 'newest version it has fetched; 0: none' }),
    fetchedAt: nullable(Moment),
    revision: Type.Integer(),
    createdAt: Moment,
    createdBy: Type.String(),
    updatedAt: Moment,
    links: closed({ execution: nullable(Type.String({ description: 'its session in the Temporal Web UI' })) }),
  },
  { title: 'Equipment' },
);

/** An equipment as it is answered. */
export function showEquipment(row: EquipmentRow, executions: Services['executions']): Static<typeof Equipment> {
  const { id: _id, periodS, skewMs, unacknowledged, ...rest } = row;
  return {
    ...rest,
    periodSeconds: periodS,
    stateSince: moment(row.stateSince),
    statusSince: moment(row.statusSince),
    lastSeenAt: moment(row.lastSeenAt),
    onlineAt: moment(row.onlineAt),
    skewSeconds: skewMs === null ? null : Math.round(skewMs / 100) / 10,
    unacknowledgedAlarms: unacknowledged,
    fetchedAt: moment(row.fetchedAt),
    createdAt: moment(row.createdAt),
    updatedAt: moment(row.updatedAt),
    links: { execution: row.state === 'never' ? null : executions.executionUrl(equipmentWorkflowId(row.code)) },
  };
}

/** What is stored of what was asked; checked. */
export function fieldsOf(settings: Partial<Settings>): Partial<EquipmentFields> {
  const { periodSeconds, allowedAddresses, ...rest } = settings;
  const errors = (allowedAddresses ?? []).flatMap((each, index): FieldError[] =>
    isNetwork(each)
      ? []
      : [{ path: `body.allowedAddresses.${index}`, message: 'must be an IP address or a network such as 10.1.0.0/16' }],
  );
  if (errors.length > 0) throw problem('fields_refused', 'An address is none.', { errors });
  return {
    ...rest,
    ...(periodSeconds !== undefined && { periodS: periodSeconds }),
    ...(allowedAddresses !== undefined && { allowedAddresses }),
  };
}

export const EQUIPMENT_DEFAULTS: EquipmentFields = {
  name: '',
  model: '',
  location: '',
  periodS: 30,
  allowedAddresses: [],
  isHoldListed: false,
  isActive: true,
  remark: '',
};

/** Why a code cannot be one; null: it can. */
export function codeFault(code: string): string | null {
  if (code !== code.trim()) return 'must not end with a blank';
  if (RESERVED.includes(code.toLowerCase())) return `must not be ${RESERVED.join(' or ')}: these are addresses here`;
  return null;
}

/** The equipment of the caller's department, or the usual answer. */
export async function ownEquipment(
  db: Db,
  departmentId: number,
  code: string,
  options: { lock?: boolean } = {},
): Promise<EquipmentRow> {
  const row = await findEquipment(db, departmentId, code, options);
  if (row === null) throw notFound('equipment', code);
  return row;
}

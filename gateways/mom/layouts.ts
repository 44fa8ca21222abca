/**
 * The fields of every call and answer of the MOM interface as tables (PROTOCOLS 5.1, 5.2): the name on the wire, the
 * type, and whether it may be missing. Reading and writing follow them; the order is the order in which we write.
 */
import type { MomAnswers, MomEnvelope, MomName, MomRequests } from './contract.ts';

/** `code`: text on one line that names something. `reset`: an AlertReset, true for `0`. `time`: Beijing wall clock. */
export type FieldType = 'code' | 'text' | 'int' | 'bool' | 'reset' | 'time' | 'list';

export interface FieldLayout {
  wire: string;
  type: FieldType;
  /** What stands for a field that is missing or null; absent: it must be there. */
  otherwise?: unknown;
  /** May be empty although it must be there. */
  mayBeEmpty?: boolean;
  /** What stands for a value that cannot be read; absent: it refuses the call. */
  unreadable?: null;
  /** Counts when the field itself is missing. */
  instead?: string;
  min?: number;
  max?: number;
  items?: AnyLayout;
}

/** The fields of a message by their names in the program. */
export type AnyLayout = Readonly<Record<string, FieldLayout>>;

/** The same, complete for a type. */
export type Layout<T> = { readonly [Key in keyof T]-?: FieldLayout };

const INT_MAX = 2_147_483_647;

const code = (wire: string): FieldLayout => ({ wire, type: 'code' });
const text = (wire: string): FieldLayout => ({ wire, type: 'text', mayBeEmpty: true });
const int = (wire: string, min = -INT_MAX, max = INT_MAX): FieldLayout => ({ wire, type: 'int', min, max });
const bool = (wire: string): FieldLayout => ({ wire, type: 'bool' });
const time = (wire: string): FieldLayout => ({ wire, type: 'time' });
const optional = (field: FieldLayout, otherwise: unknown = null): FieldLayout => ({ ...field, otherwise });
const list = <Item extends object>(wire: string, items: Layout<Item>): FieldLayout => ({
  wire,
  type: 'list',
  items,
});

const envelope: Layout<MomEnvelope> = {
  sessionId: code('SessionId'),
  requestedAtMs: { ...time('RequestTime'), unreadable: null, instead: 'ResponseTime' },
  software: text('Software'),
  equipmentCode: code('EquipmentCode'),
  employeeNo: optional(code('EmployeeNo')),
};
const staffed = { ...envelope, employeeNo: { ...code('EmployeeNo'), mayBeEmpty: true } };
const tray = {
  ...staffed,
  trayBarcode: code('TrayBarcode'),
  opFlag: int('OpFlag', 0, 1),
  password: optional(text('Password')),
};
const open = { ...envelope, data: { wire: '', type: 'text' as const, otherwise: null } };

/** Requests by call. The member `data` of open requests has no name on the wire: it is all that has no other place. */
export const REQUEST_LAYOUTS: { readonly [Name in MomName]: Layout<MomRequests[Name]> } = {
  EqptRun: {
    ...envelope,
    password: optional(text('Password')),
    equipmentModel: optional(int('EquipmentModel', 0, 2), 0),
  },
  EqptAlive: envelope,
  EqptStatus: {
    ...envelope,
    locationId: optional(code('LocationID')),
    statusCode: code('StatusCode'),
    reasonCode: text('ReasonCode'),
    description: optional(text('Description')),
    changedAtMs: time('ChangeTime'),
  },
  EqptAlert: {
    ...envelope,
    alerts: list<MomRequests['EqptAlert']['alerts'][number]>('AlertInfo', {
      alertCode: code('AlertCode'),
      isRaised: { wire: 'AlertReset', type: 'reset' },
      description: optional(text('AlertDescription')),
      level: optional(code('AlertLevel')),
      partCode: optional(code('PartCode')),
      productType: optional(code('ProductType')),
    }),
  },
  TrayBind: {
    ...tray,
    cells: list<MomRequests['TrayBind']['cells'][number]>('SerialNos', {
      serialNo: code('SerialNo'),
      positionNo: int('PositionNo', 0),
    }),
  },
  TrayUnbind: tray,
  CellState: {
    ...staffed,
    cells: list<MomRequests['CellState']['cells'][number]>('SerialNos', { serialNo: code('SerialNo') }),
  },
  TrayCellsStatus: { ...staffed, trayBarcode: code('TrayBarcode') },
  AgingInput: tray,
  MaterialUpLoad: open,
  MaterialDownLoad: open,
  WaterContent: open,
};

/** The envelope of an answer (5.1). */
export interface AnswerEnvelope {
  sessionId: string;
  respondedAtMs: number | null;
  equipmentCode: string;
  /** The call was received properly. */
  resultFlag: boolean;
  /** It was executed. */
  success: boolean;
  message: string | null;
}

export const ANSWER_ENVELOPE: Layout<AnswerEnvelope> = {
  sessionId: { ...optional(code('SessionId'), ''), mayBeEmpty: true },
  respondedAtMs: { ...optional(time('ResponseTime')), unreadable: null },
  equipmentCode: { ...optional(code('EquipmentCode'), ''), mayBeEmpty: true },
  resultFlag: bool('ResultFlag'),
  success: bool('Success'),
  message: optional(text('MOMMessage')),
};

const plain = {};

/** What answers say besides the envelope. */
export const ANSWER_LAYOUTS: { readonly [Name in MomName]: Layout<MomAnswers[Name]> } = {
  EqptRun: {
    productDesc: optional(text('ProductDesc')),
    firstArticleNum: optional(text('FirstArticleNum')),
    debugNum: optional(text('DebugNum')),
    paramVersion: optional(text('ParamVersion')),
    paramRefreshFlag: optional(bool('ParamRefreshFlag'), false),
    parameters: optional(
      list<MomAnswers['EqptRun']['parameters'][number]>('ParameterInfo', {
        parameterCode: code('ParameterCode'),
        parameterType: text('ParameterType'),
        targetValue: text('TargetValue'),
        uomCode: optional(text('UOMCode')),
        upperControlLimit: optional(text('UpperControlLimit')),
        lowerControlLimit: optional(text('LowerControlLimit')),
        upperSpecificationsLimit: optional(text('UpperSpecificationsLimit')),
        lowerSpecificationsLimit: optional(text('LowerSpecificationsLimit')),
        upperLimit: optional(text('UpperLimit')),
        lowerLimit: optional(text('LowerLimit')),
        description: optional(text('Description')),
        equipmentAvailabilityFlag: optional(code('EquipmentAvailabilityFlag')),
      }),
      [],
    ),
  },
  EqptAlive: { keyFlag: optional(code('KeyFlag')) },
  EqptStatus: plain,
  EqptAlert: plain,
  TrayBind: plain,
  TrayUnbind: plain,
  CellState: {
    cells: list<MomAnswers['CellState']['cells'][number]>('SerialNos', {
      serialNo: code('SerialNo'),
      serialNoStatus: int('SerialNoStatus', 0),
      bindCode: { ...code('BindCode'), mayBeEmpty: true },
    }),
  },
  TrayCellsStatus: {
    trayBarcode: code('TrayBarcode'),
    cells: list<MomAnswers['TrayCellsStatus']['cells'][number]>('SerialNos', {
      serialNo: code('SerialNo'),
      positionNo: optional(int('PositionNo', 0)),
      serialNoStatus: int('SerialNoStatus', 0),
    }),
  },
  AgingInput: {
    trayBarcode: code('TrayBarcode'),
    agingStartAtMs: time('AgingStartTime'),
    agingTimeLowerLimitMinutes: int('AgingTimeLowerLimit', 0),
    agingTimeUpperLimitMinutes: int('AgingTimeUpperLimit', 0),
    trayBarcodeProperty: optional(text('TrayBarcodeProperty')),
  },
  MaterialUpLoad: plain,
  MaterialDownLoad: plain,
  WaterContent: plain,
};

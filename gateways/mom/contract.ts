/**
 * The MachineIntegration interface of the MOM (PROTOCOLS 5) as the rest of the program sees it: the calls, their typed
 * fields and answers, what the server needs of the program (`MomHost`), and the words for what goes wrong.
 *
 * Times are epoch milliseconds here; on the wire they are Beijing wall clock. Wire names and forms are in `layouts.ts`.
 */

/** The calls, by the names under which they are handled, stored and sent. */
export const MOM_NAMES = [
  'EqptRun',
  'EqptAlive',
  'EqptStatus',
  'EqptAlert',
  'TrayBind',
  'TrayUnbind',
  'CellState',
  'TrayCellsStatus',
  'AgingInput',
  'MaterialUpLoad',
  'MaterialDownLoad',
  'WaterContent',
] as const;
export type MomName = (typeof MOM_NAMES)[number];

/** Other names equipment may use for the same calls. */
export const MOM_ALIASES: Readonly<Record<string, MomName>> = { EqptOnline: 'EqptRun', OCVInput: 'AgingInput' };

/** The states of an equipment (9.3); `statusOf` in `values.ts` reads the other spellings. */
export const MOM_STATUSES = ['Running', 'Waiting', 'Down', 'Maintenance', 'Alerting'] as const;
export type MomStatus = (typeof MOM_STATUSES)[number];

/** What a KeyFlag asks the equipment to do (9.2). */
export const KEY_FLAG_ACTIONS = ['material_up', 'material_down', 'water_content', 'parameters', 'none'] as const;
export type KeyFlagAction = (typeof KEY_FLAG_ACTIONS)[number];

/** KeyFlags of the document; other sites number them differently, so the table is a setting. */
export const KEY_FLAGS: Readonly<Record<string, KeyFlagAction>> = {
  0: 'material_up',
  1: 'material_down',
  97: 'water_content',
  98: 'parameters',
  99: 'none',
};

/** The call by which an equipment follows a KeyFlag; its arrival ends the flag. */
export const FOLLOW_UPS = {
  material_up: 'MaterialUpLoad',
  material_down: 'MaterialDownLoad',
  water_content: 'WaterContent',
  parameters: 'EqptRun',
} as const satisfies Readonly<Record<Exclude<KeyFlagAction, 'none'>, MomName>>;

/** 0 online, 1 offline (records everything and uploads later), 2 adjustment. */
export type EquipmentModel = 0 | 1 | 2;
/** 0 automatic, 1 by a person whose account counts. */
export type OpFlag = 0 | 1;

/** What every request says. */
export interface MomEnvelope {
  /** One per call; a repeated one gets the first answer. */
  sessionId: string;
  /** The equipment's clock; null when it cannot be read. */
  requestedAtMs: number | null;
  software: string;
  equipmentCode: string;
  employeeNo: string | null;
}

export interface EqptRunRequest extends MomEnvelope {
  password: string | null;
  /** Online when it does not say. */
  equipmentModel: EquipmentModel;
}

export type EqptAliveRequest = MomEnvelope;

export interface EqptStatusRequest extends MomEnvelope {
  locationId: string | null;
  /** As sent, trimmed. */
  statusCode: string;
  reasonCode: string;
  description: string | null;
  changedAtMs: number;
}

export interface MomAlert {
  alertCode: string;
  /** True: raised (AlertReset 0); false: cleared (AlertReset 1). */
  isRaised: boolean;
  description: string | null;
  level: string | null;
  partCode: string | null;
  productType: string | null;
}

export interface EqptAlertRequest extends MomEnvelope {
  alerts: MomAlert[];
}

/** Calls that a person or the automatic equipment answers for; `''` when nobody is named. */
export interface StaffedRequest extends MomEnvelope {
  employeeNo: string;
}

export interface TrayRequest extends StaffedRequest {
  trayBarcode: string;
  opFlag: OpFlag;
  password: string | null;
}

export interface TrayBindRequest extends TrayRequest {
  cells: { serialNo: string; positionNo: number }[];
}

export type TrayUnbindRequest = TrayRequest;

export interface CellStateRequest extends StaffedRequest {
  cells: { serialNo: string }[];
}

export interface TrayCellsStatusRequest extends StaffedRequest {
  trayBarcode: string;
}

export type AgingInputRequest = TrayRequest;

/** Follow-up calls whose fields the document does not have: what else they say is kept as it came. */
export interface OpenRequest extends MomEnvelope {
  /** All other members, by their trimmed names. */
  data: Record<string, unknown>;
}

/** The request of each call. */
export interface MomRequests {
  EqptRun: EqptRunRequest;
  EqptAlive: EqptAliveRequest;
  EqptStatus: EqptStatusRequest;
  EqptAlert: EqptAlertRequest;
  TrayBind: TrayBindRequest;
  TrayUnbind: TrayUnbindRequest;
  CellState: CellStateRequest;
  TrayCellsStatus: TrayCellsStatusRequest;
  AgingInput: AgingInputRequest;
  MaterialUpLoad: OpenRequest;
  MaterialDownLoad: OpenRequest;
  WaterContent: OpenRequest;
}

/** A process parameter (9.1). Several may have the same code: the order counts, the code alone is no key. */
export interface MomParameter {
  parameterCode: string;
  parameterType: string;
  /** Numbers are text; `''` is no value, or no limit. */
  targetValue: string;
  uomCode: string | null;
  upperControlLimit: string | null;
  lowerControlLimit: string | null;
  upperSpecificationsLimit: string | null;
  lowerSpecificationsLimit: string | null;
  upperLimit: string | null;
  lowerLimit: string | null;
  description: string | null;
  /** `TRUE` or `FALSE`: usable on the current route. */
  equipmentAvailabilityFlag: string | null;
}

export interface EqptRunAnswer {
  productDesc: string | null;
  firstArticleNum: string | null;
  debugNum: string | null;
  paramVersion: string | null;
  /** True: take the parameters. */
  paramRefreshFlag: boolean;
  parameters: MomParameter[];
}

export interface EqptAliveAnswer {
  /** A number as text, see `KEY_FLAGS`; null: nothing to do. */
  keyFlag: string | null;
}

export interface CellStateAnswer {
  /** In the order asked. */
  cells: { serialNo: string; serialNoStatus: number; bindCode: string }[];
}

export interface TrayCellsStatusAnswer {
  trayBarcode: string;
  cells: { serialNo: string; positionNo: number | null; serialNoStatus: number }[];
}

export interface AgingInputAnswer {
  trayBarcode: string;
  /** Of the latest filling in the tray. */
  agingStartAtMs: number;
  agingTimeLowerLimitMinutes: number;
  agingTimeUpperLimitMinutes: number;
  trayBarcodeProperty: string | null;
}

/** Nothing but the envelope. */
export type PlainAnswer = Record<string, never>;

/** What each call is answered besides the envelope. */
export interface MomAnswers {
  EqptRun: EqptRunAnswer;
  EqptAlive: EqptAliveAnswer;
  EqptStatus: PlainAnswer;
  EqptAlert: PlainAnswer;
  TrayBind: PlainAnswer;
  TrayUnbind: PlainAnswer;
  CellState: CellStateAnswer;
  TrayCellsStatus: TrayCellsStatusAnswer;
  AgingInput: AgingInputAnswer;
  MaterialUpLoad: PlainAnswer;
  MaterialDownLoad: PlainAnswer;
  WaterContent: PlainAnswer;
}

/** A call that was read, from an equipment that was admitted. */
export interface MomCallOf<Name extends MomName> {
  name: Name;
  /** The name in the path, which may be an alias. */
  calledAs: string;
  request: MomRequests[Name];
  address: string;
  receivedAtMs: number;
  /** Repairs and oddities, see docs/protocols/mom.md; at most 32. */
  warnings: readonly string[];
  /**
   * Hash of everything the request says except SessionId, RequestTime and Password; `''` for heartbeats. Some software
   * sends the same SessionId for ever: only the same SessionId with the same fingerprint is a repetition.
   */
  fingerprint: string;
}
export type MomCall = { [Name in MomName]: MomCallOf<Name> }[MomName];

/** What the program says to a call. `message` is for the person at the equipment. */
export type MomReplyOf<Name extends MomName> =
  | { ok: true; name: Name; answer: MomAnswers[Name]; message?: string; isRepeated?: boolean }
  | { ok: false; name: Name; failure: string; message: string; isRepeated?: boolean };
export type MomReply = { [Name in MomName]: MomReplyOf<Name> }[MomName];

/** Why a call was not received properly: ResultFlag false, Success false. */
export const MOM_REJECTIONS = [
  /** The body is no JSON, and cannot be repaired. */
  'bad_json',
  /** A field that must be there is not, or is empty. */
  'missing_field',
  /** A field has a value its type does not allow. */
  'bad_field',
  /** The body, or a list in it, is longer than allowed. */
  'too_large',
  /** There is no call of that name. */
  'unknown_interface',
] as const;
export type MomRejection = (typeof MOM_REJECTIONS)[number];

/** Why an understood call was refused at the door: ResultFlag true, Success false. The host adds words of its own. */
export const MOM_REFUSALS = [
  'address_not_allowed',
  'token_wrong',
  'equipment_unknown',
  /** StatusCode is none of the five, in no spelling known. */
  'unknown_status',
] as const;
export type MomRefusal = (typeof MOM_REFUSALS)[number];

/** Nobody could handle the call (HTTP 503): the equipment keeps it and comes again. */
export const MOM_UNAVAILABLE = 'unavailable';

/** Who calls. `equipmentCode` is null when the body could not be read that far. */
export interface MomCaller {
  address: string;
  token: string | null;
  equipmentCode: string | null;
}

export type Admission = { ok: true } | { ok: false; failure: MomRefusal; message?: string };

/** What is kept about a call: every call, except good heartbeats that say nothing new about their form. */
export interface MomCallRecord {
  /** Null: no such call. */
  name: MomName | null;
  calledAs: string;
  address: string;
  /** False: from somebody who was not let in. There is no limit to those: count them, do not keep each. */
  isAdmitted: boolean;
  equipmentCode: string | null;
  sessionId: string | null;
  receivedAtMs: number;
  tookMs: number;
  resultFlag: boolean;
  success: boolean;
  failure: string | null;
  message: string;
  isRepeated: boolean;
  warnings: readonly string[];
  /** What was sent, when it has warnings or failed: at most 4 096 characters, passwords masked. */
  raw: string | null;
}

/** What the server needs of the rest of the program. */
export interface MomHost {
  /**
   * May this caller call? Asked for every request, so best answered from memory. Check address and token first and the
   * code only when it is not null: who is not let in learns nothing about codes.
   */
  admit(caller: MomCaller): Admission | Promise<Admission>;
  /**
   * Does what the call says. Idempotent: the reply is stored under equipment, name, SessionId and fingerprint together
   * with the effects, and a repetition gets the first reply with `isRepeated`. Not so `EqptAlive`, which is answered
   * anew each time and should cost no database write of its own. A status that cannot be named never comes here. What
   * it throws, or does not answer in time, is answered 503.
   */
  handle(call: MomCall): MomReply | Promise<MomReply>;
  /** Keeps the record of a call; returns at once, written later. */
  record(record: MomCallRecord): void;
}

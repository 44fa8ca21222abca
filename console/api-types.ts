/**
 * Written by console/generate-types.ts from api/openapi.json. Never edited by hand.
 */

export type BulkOrder = BulkUpdate | BulkDelete;
export type RegisterDevicesBody = DeviceRow[];
export type ImportDevicesBody = string;
export type ImportMesBody = string;
export type ImportEquipmentBody = string;
export type RegisterCellsBody = {
  serialNo: string;
  status?: number | ('ok' | 'ng' | 'rework' | 'hold');
  bindCode?: string;
  filledAt?: string;
  remark?: string;
}[];
export type ImportCellsBody = string;

export interface AbortRule {
  /**
   * which ends count as failures; any: failed, unproven, expired, partial and reverted together
   */
  failures?: 'any' | 'failed' | 'unproven' | 'expired' | 'reverted';
  /**
   * of the devices that have ended since the start or the last resume; cancelled and skipped ones do not count
   */
  percent: number;
  /**
   * not before so many devices have ended
   */
  afterFinished: number;
  /**
   * pause: a person must resume it; cancel_waiting: devices that were not offered anything yet are cancelled, the others go on; cancel: all are cancelled but those that have the whole file
   */
  effect: 'pause' | 'cancel_waiting' | 'cancel';
}
export interface Agent {
  code: string;
  name: string;
  url: string;
  hasToken: boolean;
  software: string;
  employeeNo: string;
  hasPassword: boolean;
  periodSeconds: number;
  keyFlags: {
    [k: string]: 'material_up' | 'material_down' | 'water_content' | 'parameters' | 'none';
  } | null;
  /**
   * what is done when the MOM raises a flag; `ask` where nothing is said
   */
  flagPlans: {
    material_up?: {
      /**
       * `ask`: wait until data is given over the API; `send`: these data; `ignore`
       */
      response: 'ask' | 'send' | 'ignore';
      data?: {
        [k: string]: unknown;
      };
    };
    material_down?: {
      /**
       * `ask`: wait until data is given over the API; `send`: these data; `ignore`
       */
      response: 'ask' | 'send' | 'ignore';
      data?: {
        [k: string]: unknown;
      };
    };
    water_content?: {
      /**
       * `ask`: wait until data is given over the API; `send`: these data; `ignore`
       */
      response: 'ask' | 'send' | 'ignore';
      data?: {
        [k: string]: unknown;
      };
    };
  };
  isActive: boolean;
  remark: string;
  revision: number;
  createdAt: string;
  createdBy: string;
  session: {
    /**
     * `never` online yet; `online`; `alive`: heartbeats are answered; `suspect`: nothing was for 1.5 periods; `offline`: nothing for 3, calls are kept
     */
    state: 'never' | 'online' | 'alive' | 'suspect' | 'offline';
    since: string;
    onlineAt: string | null;
    lastHeartbeatAt: string | null;
    lastAnswerAt: string | null;
    /**
     * what the last call met; empty: it was good
     */
    trouble: string;
    /**
     * the MOM's clock minus ours
     */
    clockOffsetSeconds: number;
    paramVersion: string | null;
    parametersAt: string | null;
  };
  queued: number;
  oldestQueuedAt: string | null;
  quarantined: number;
  /**
   * what the MOM asks for; `waiting`: for data
   */
  flags: {
    action: 'material_up' | 'material_down' | 'water_content';
    status: string;
    raisedAt: string;
  }[];
  links: {
    temporal: string | null;
  };
}
export interface AgentAlarms {
  /**
   * @minItems 1
   * @maxItems 100
   */
  alarms: {
    alertCode: string;
    /**
     * false: cleared
     */
    isRaised: boolean;
    description?: string | null;
    level?: string | null;
    partCode?: string | null;
    productType?: string | null;
  }[];
}
export interface AgentCall {
  id: number;
  name:
    | 'EqptStatus'
    | 'EqptAlert'
    | 'TrayBind'
    | 'TrayUnbind'
    | 'CellState'
    | 'TrayCellsStatus'
    | 'AgingInput'
    | 'MaterialUpLoad'
    | 'MaterialDownLoad'
    | 'WaterContent';
  /**
   * the same however often it is sent
   */
  sessionId: string;
  request: {
    [k: string]: unknown;
  };
  /**
   * `queued`; `delivered`; `quarantined`: the MOM refused it; `redriven`: sent again as another call; `written_off`; `expired`: a question nobody waits for any more
   */
  status: 'queued' | 'delivered' | 'quarantined' | 'redriven' | 'written_off' | 'expired';
  createdAt: string;
  createdBy: string;
  attempts: number;
  triedAt: string | null;
  /**
   * why the last attempt reached nobody
   */
  trouble: string;
  answeredAt: string | null;
  answer: {
    [k: string]: unknown;
  } | null;
  /**
   * MOMMessage
   */
  message: string;
  reason: ('refused' | 'rejected' | 'unsendable') | null;
  redriveOf: number | null;
  redrivenAs: number | null;
  decidedAt: string | null;
  decidedBy: string | null;
  cause: string;
}
export interface AgentCallPage {
  items: AgentCall[];
  next: (string | number) | null;
}
export interface AgentChange {
  /**
   * where the MOM is, for example `http://10.0.0.9:8080`
   */
  url?: string;
  software?: string;
  name?: string;
  token?: string | null;
  employeeNo?: string;
  password?: string | null;
  /**
   * between heartbeats
   */
  periodSeconds?: number;
  keyFlags?: {
    [k: string]: 'material_up' | 'material_down' | 'water_content' | 'parameters' | 'none';
  } | null;
  /**
   * what is done when the MOM raises a flag; `ask` where nothing is said
   */
  flagPlans?: {
    material_up?: {
      /**
       * `ask`: wait until data is given over the API; `send`: these data; `ignore`
       */
      response: 'ask' | 'send' | 'ignore';
      data?: {
        [k: string]: unknown;
      };
    };
    material_down?: {
      /**
       * `ask`: wait until data is given over the API; `send`: these data; `ignore`
       */
      response: 'ask' | 'send' | 'ignore';
      data?: {
        [k: string]: unknown;
      };
    };
    water_content?: {
      /**
       * `ask`: wait until data is given over the API; `send`: these data; `ignore`
       */
      response: 'ask' | 'send' | 'ignore';
      data?: {
        [k: string]: unknown;
      };
    };
  };
  isActive?: boolean;
  remark?: string;
}
export interface AgentEdge {
  id: number;
  at: string;
  /**
   * the new state; `back` where it was offline before
   */
  edge: string;
  from: 'never' | 'online' | 'alive' | 'suspect' | 'offline';
  to: 'never' | 'online' | 'alive' | 'suspect' | 'offline';
  cause: string;
}
export interface AgentEdgePage {
  items: AgentEdge[];
  next: (string | number) | null;
}
export interface AgentFollowUp {
  action: 'material_up' | 'material_down' | 'water_content';
  /**
   * sent beside the envelope, as it is
   */
  data: {
    [k: string]: unknown;
  };
}
export interface AgentPage {
  items: Agent[];
  next: (string | number) | null;
}
export interface AgentParameters {
  paramVersion: string | null;
  takenAt: string | null;
  product: {
    [k: string]: string | null;
  };
  /**
   * in order; the same code may be there twice
   */
  parameters: {
    parameterCode: string;
    parameterType: string;
    targetValue: string;
    uomCode: string | null;
    upperControlLimit: string | null;
    lowerControlLimit: string | null;
    upperSpecificationsLimit: string | null;
    lowerSpecificationsLimit: string | null;
    upperLimit: string | null;
    lowerLimit: string | null;
    description: string | null;
    equipmentAvailabilityFlag: string | null;
  }[];
}
export interface AgentStatus {
  status: 'Running' | 'Waiting' | 'Down' | 'Maintenance' | 'Alerting';
  /**
   * else the planned reason of the status
   */
  reasonCode?: string;
  description?: string | null;
  locationId?: string;
  /**
   * else now
   */
  changedAt?: string;
}
export interface AgentTrayBinding {
  /**
   * blanks inside are real
   */
  trayBarcode: string;
  /**
   * @minItems 1
   * @maxItems 2000
   */
  cells: {
    serialNo: string;
    positionNo: number;
  }[];
  /**
   * instead of the one of the agent
   */
  employeeNo?: string;
  /**
   * OpFlag 1: with the password of the agent
   */
  isManual?: boolean;
}
export interface AgingLimit {
  /**
   * a whole bind code, or the material before its `/`; empty: everything else
   */
  bindCode: string;
  lowerMinutes: number;
  upperMinutes: number;
  setBy: string;
  setAt: string;
}
export interface AgingLimitPage {
  items: AgingLimit[];
  next: (string | number) | null;
}
export interface ApiKey {
  id: number;
  name: string;
  department: {
    id: number;
    name: string;
  };
  permissions: (
    | 'device:read'
    | 'device:write'
    | 'firmware:write'
    | 'firmware:override'
    | 'upgrade:write'
    | 'upgrade:batch'
    | 'shipment:write'
    | 'mom:write'
    | 'admin'
  )[];
  createdAt: string;
  createdBy: string;
  lastUsedAt: string | null;
  revokedAt: string | null;
}
export interface ApiKeyPage {
  items: ApiKey[];
  next: (string | number) | null;
}
/**
 * nothing is started until somebody with upgrade:write has approved the task; the dispatch delay runs meanwhile
 */
export interface Approval {
  required: true;
  /**
   * from now; nobody can approve it later, and never after the deadline of the task
   */
  withinHours?: number;
  /**
   * what happens when nobody has decided by then
   */
  onExpiry?: 'cancel' | 'start';
  /**
   * whoever makes the task cannot approve it: another key of another name must
   */
  fourEyes?: boolean;
}
export interface AttentionItem {
  upgradeId: number;
  kind: 'reverted' | 'unproven' | 'failed' | 'partial' | 'expired' | 'awaiting_confirmation';
  since: string;
  taskId: number;
  taskName: string;
  deviceId: string;
  model: string;
  status:
    | 'scheduled'
    | 'waiting'
    | 'offered'
    | 'transferring'
    | 'confirming'
    | 'succeeded'
    | 'failed'
    | 'unproven'
    | 'expired'
    | 'cancelled'
    | 'partial'
    | 'skipped'
    | 'reverted';
  reason: string | null;
  reasonText: string | null;
  /**
   * what the person in front of the screen can do
   */
  advice: string;
  /**
   * what may be decided now
   *
   * Items: retry: the device begins again in its task; give_up: it stays as it is and needs nobody any more; confirm: a baseband upgrade (T3) is a success
   */
  decisions: ('retry' | 'give_up' | 'confirm')[];
  /**
   * T1 OTA, T2 OBD, T3 baseband, T4 MCU, T5 GPS; terminals have T1 only
   */
  component: 'T1' | 'T2' | 'T3' | 'T4' | 'T5';
  /**
   * what the current file brings
   */
  targetVersion: string;
  runningVersion: string | null;
  lastSeenAt: string | null;
  links: {
    upgrade: string;
    decide: string;
    log: string;
    task: string;
    device: string;
    execution: string | null;
  };
}
/**
 * `counts` by kind, of everything that fits the filter but its kind; on the first page only
 */
export interface AttentionPage {
  items: AttentionItem[];
  counts: {
    reverted: number;
    unproven: number;
    failed: number;
    partial: number;
    expired: number;
    awaiting_confirmation: number;
  } | null;
  next: string | null;
}
export interface AuditEntry {
  id: number;
  at: string;
  /**
   * name of the key
   */
  author: string;
  /**
   * names may be used again, this may not
   */
  keyId: number;
  /**
   * what was called: an `operationId` of this document
   */
  action: string;
  /**
   * `device`, `device-import`, `firmware`, `department`, `api-key`, `task`, …
   */
  targetKind: string;
  targetId: string;
  before: {
    [k: string]: unknown;
  } | null;
  after: {
    [k: string]: unknown;
  } | null;
  /**
   * as in the header `X-Request-Id` of the answer, and in the log
   */
  requestId: string;
}
export interface AuditPage {
  items: AuditEntry[];
  next: (string | number) | null;
}
export interface AvailabilityDay {
  /**
   * a Beijing day
   */
  day: string;
  /**
   * their sum is the length of the day, of today what has passed of it
   */
  seconds: {
    Running: number;
    Waiting: number;
    Down: number;
    Maintenance: number;
    Alerting: number;
    Offline: number;
    Unknown: number;
  };
  availability: number | null;
}
export interface AvailabilityPage {
  items: AvailabilityDay[];
  next: (string | number) | null;
}
export interface BulkDelete {
  action: 'delete';
  /**
   * each once
   *
   * @minItems 1
   * @maxItems 5000
   */
  deviceIds: string[];
}
export interface BulkUpdate {
  action: 'update';
  /**
   * each once
   *
   * @minItems 1
   * @maxItems 5000
   */
  deviceIds: string[];
  /**
   * what all of them get; fields that are absent stay as they are
   */
  set: {
    /**
     * of a charging pile: DC or AC
     */
    model?: string;
    /**
     * of charging piles only
     */
    powerKw?: number;
    orderNo?: string;
    remark?: string;
  };
}
export interface BulkResult {
  rows: number;
  updated: number;
  deleted: number;
  unchanged: number;
  refused: number;
  results: BulkRow[];
}
export interface BulkRow {
  /**
   * place in `deviceIds`, from 1
   */
  row: number;
  deviceId: string;
  status: 'updated' | 'deleted' | 'unchanged' | 'refused';
  code: string | null;
  message: string | null;
}
export interface BusinessMessage {
  id: number;
  receivedAt: string;
  /**
   * the first check of the upgrade protocol that it failed
   */
  reason: string;
  /**
   * kept of it
   */
  bytes: number;
  hex: string;
  text: string | null;
}
export interface BusinessMessagePage {
  items: BusinessMessage[];
  next: (string | number) | null;
}
export interface Cell {
  serialNo: string;
  /**
   * 1 OK, 2 NG, 4 rework, 5 hold; 3 is not defined and counts as NG
   */
  status: number;
  statusBy: string;
  statusAt: string;
  /**
   * material code / work order
   */
  bindCode: string;
  filledAt: string | null;
  remark: string;
  tray: string | null;
  positionNo: number | null;
  boundAt: string | null;
  revision: number;
  createdAt: string;
  createdBy: string;
  updatedAt: string;
}
export interface CellChange {
  /**
   * 1 OK, 2 NG, 4 rework, 5 hold; 3 is not defined and counts as NG
   */
  status?: number;
  bindCode?: string;
  filledAt?: string | null;
  remark?: string;
  /**
   * why; written into the log beside your name
   */
  cause?: string;
}
export interface CellImportResult {
  rows: number;
  created: number;
  updated: number;
  unchanged: number;
  refused: number;
  /**
   * the first 10000 refused rows and the first 10000 others
   */
  results: ImportedCell[];
  resultsLeftOut: number;
}
export interface ImportedCell {
  /**
   * counted from 1; the header of a CSV file is not counted
   */
  row: number;
  status: 'created' | 'updated' | 'unchanged' | 'refused';
  serialNo: string | null;
  code: string | null;
  message: string | null;
}
export interface CellLogPage {
  items: TrayLogEntry[];
  next: (string | number) | null;
}
export interface TrayLogEntry {
  id: number;
  at: string;
  operation: 'bound' | 'unbound' | 'taken_out' | 'aging';
  tray: string;
  equipment: string | null;
  /**
   * number of the employee, or name of the key
   */
  author: string;
  cause: string;
  sessionId: string | null;
  cells: {
    serialNo: string;
    positionNo: number;
  }[];
  details: {
    [k: string]: unknown;
  };
}
export interface CellPage {
  items: Cell[];
  next: (string | number) | null;
}
export interface Classification {
  revision: number;
  /**
   * @maxItems 200
   */
  rules: CustomerRule[];
  changedAt: string;
  changedBy: string;
}
export interface CustomerRule {
  /**
   * its place: the first that fits decides
   */
  number: number;
  /**
   * all must be in the name; case and width of Latin letters do not matter, blanks do
   *
   * @minItems 1
   * @maxItems 20
   */
  words: string[];
  customer: string;
  /**
   * false: it is passed over
   */
  active: boolean;
}
export interface ClassificationChange {
  /**
   * @maxItems 200
   */
  rules: CustomerRule[];
}
export interface ClassificationPage {
  items: Classification[];
  next: (string | number) | null;
}
export interface ClassificationTrial {
  name: string;
  /**
   * @maxItems 200
   */
  rules?: CustomerRule[];
}
export interface ClassificationVerdict {
  name: string;
  revision: number | null;
  customer: string | null;
  rule: string | null;
  verdicts: {
    /**
     * its place: the first that fits decides
     */
    number: number;
    /**
     * all must be in the name; case and width of Latin letters do not matter, blanks do
     *
     * @minItems 1
     * @maxItems 20
     */
    words: string[];
    customer: string;
    /**
     * false: it is passed over
     */
    active: boolean;
    verdict: 'decided' | 'fits_but_later' | 'words_missing' | 'switched_off';
    /**
     * words that are not in the name
     */
    missing: string[];
    explanation: string;
  }[];
}
export interface CommandLogEntry {
  id: number;
  at: string;
  /**
   * `system`, `device`, or the name of the key of whoever did it
   */
  author: string;
  event: string;
  /**
   * waiting: for the device or its turn; sent: the answer is awaited; accepted: the proof is awaited; the others are ends
   */
  status: 'waiting' | 'sent' | 'accepted' | 'succeeded' | 'failed' | 'expired' | 'cancelled';
  attempt: number;
  cause: string;
  details: {
    [k: string]: unknown;
  };
}
export interface CommandOrder {
  /**
   * set_sleep, read_sleep: 2G terminals; restart: charging piles; query_version: PCP devices. Nobody knows another one.
   */
  kind: 'set_sleep' | 'read_sleep' | 'restart' | 'query_version';
  /**
   * set_sleep: how long the terminal sleeps after each check-in
   */
  minutes?: number;
  /**
   * restart: when_idle waits for charging to end; at_once interrupts it and needs `confirm`
   */
  control?: 'at_once' | 'when_idle';
  /**
   * restart at_once: yes, interrupt charging
   */
  confirm?: boolean;
  /**
   * from now; afterwards the command has expired
   */
  deadlineHours?: number;
  /**
   * why; written into the log beside your name
   */
  cause?: string;
}
export interface ConsoleSession {
  me: Me | null;
  /**
   * of this server
   */
  version: string;
  links: {
    temporalUi: string | null;
  };
}
export interface Me {
  keyId: number;
  /**
   * written as author of what you do
   */
  name: string;
  department: {
    id: number;
    name: string;
  };
  permissions: (
    | 'device:read'
    | 'device:write'
    | 'firmware:write'
    | 'firmware:override'
    | 'upgrade:write'
    | 'upgrade:batch'
    | 'shipment:write'
    | 'mom:write'
    | 'admin'
  )[];
}
export interface Control {
  /**
   * why; written into the log beside your name
   */
  cause?: string;
}
export interface CreatedPlatformShipment {
  id: number;
  platformId: number;
  /**
   * its name when the order was made
   */
  platform: string;
  connected: boolean;
  lifetime: boolean;
  info: PlatformInfo;
  /**
   * finished: every device has ended and the sums close; red: they do not; recorded: the platform is not connected, nothing is sent
   */
  status: 'running' | 'finished' | 'recorded' | 'red';
  /**
   * devices that were named
   */
  asked: number;
  createdAt: string;
  createdBy: string;
  /**
   * what is open then, ends
   */
  deadlineAt: string;
  finishedAt: string | null;
  links: {
    self: string;
    devices: string;
    temporal: string | null;
  };
  /**
   * devices that go, or are written down
   */
  taken: number;
  /**
   * devices that do not go; the first 1000
   */
  refused: {
    imei: string;
    reason:
      | 'not_matched'
      | 'already_shipped'
      | 'bad_imei'
      | 'refused_by_platform'
      | 'other_account'
      | 'not_visible'
      | 'not_as_wanted'
      | 'no_answer'
      | 'time_over'
      | 'stopped';
    explanation: string;
  }[];
}
export interface PlatformInfo {
  /**
   * account on the platform that the devices go to
   */
  account?: string;
  customerName?: string;
  model?: string;
  /**
   * last day of use, YYYY-MM-DD; not for a lifetime
   */
  expiresOn?: string;
  remark?: string;
}
export interface CreatedShipment {
  id: number;
  selection: ShipmentSelection;
  /**
   * empty: each device's own, as MES has it
   */
  company: string;
  /**
   * YYYY-MM-DD
   */
  shipDate: string;
  remark: string;
  /**
   * finished: every device has ended and the sums close; red: they do not, look at `wrong`
   */
  status: 'running' | 'finished' | 'red';
  /**
   * devices that were named
   */
  asked: number;
  createdAt: string;
  createdBy: string;
  stoppedBy: string | null;
  finishedAt: string | null;
  links: {
    self: string;
    devices: string;
    temporal: string | null;
  };
  open: number;
  refused: number;
}
export interface ShipmentSelection {
  by: 'imeis' | 'order' | 'carton' | 'trigger';
  order: string | null;
  carton: string | null;
  trigger: number | null;
}
export interface CreatedUpgradeTask {
  id: number;
  name: string;
  status: 'awaiting_approval' | 'scheduled' | 'running' | 'paused' | 'cancelling' | 'finished' | 'cancelled';
  /**
   * one or two for each kind of device
   */
  firmwareIds: number[];
  options: TaskOptions;
  joinFilter: {
    protocol?: string;
    model?: string;
    powerKw?: number;
    orderNo?: string;
    q?: string;
  } | null;
  approval: {
    /**
     * nobody can approve it later
     */
    deadlineAt: string;
    approvedAt: string | null;
    approvedBy: string | null;
  } | null;
  /**
   * counts changes of the pacing; send it with yours to overwrite nobody unseen
   */
  revision: number;
  /**
   * those that joined included
   */
  deviceCount: number;
  createdBy: string;
  createdAt: string;
  /**
   * no device is started before
   */
  dispatchAt: string;
  /**
   * nothing is offered from then on
   */
  deadlineAt: string;
  startedAt: string | null;
  finishedAt: string | null;
  links: {
    self: string;
    devices: string;
    log: string;
    execution: string | null;
  };
  counts: {
    asked: number;
    goes: number;
    waits: number;
    skipped: number;
    refused: number;
  };
  reasons: {
    /**
     * goes: at once; waits: is in the task and begins when the reason is gone; skipped: is listed and left alone; refused: is not taken into the task
     */
    outcome: 'goes' | 'waits' | 'skipped' | 'refused';
    reason: string;
    reasonText: string | null;
    devices: number;
  }[];
  nights: number | null;
  expectedEndAt: string | null;
  /**
   * the task has ended by then, whatever devices do
   */
  latestEndAt: string;
  warnings: {
    code: string;
    message: string;
  }[];
  /**
   * devices that are not in the task; the first 1000
   */
  refused: {
    deviceId: string;
    reason: string | null;
    explanation: string;
  }[];
}
export interface TaskOptions {
  /**
   * time to change or cancel the task before the first device; less than 1 needs upgrade:batch
   */
  dispatchDelayMinutes?: number;
  /**
   * true: only 00:00 to 06:00 in Asia/Shanghai
   */
  night?: boolean;
  window?: Window | null;
  /**
   * devices under way at one time; those that are away or wait for something do not count
   */
  maxConcurrent?: number;
  ratePerMinute?: number | null;
  growth?: Growth | null;
  /**
   * never more devices of one key under way, counted over all tasks of the department; devices whose key is full are passed over and others go on
   *
   * @maxItems 10
   */
  keyLimits?: KeyLimit[];
  /**
   * the first rule that is fulfilled stops the task; the log says which, with the numbers
   *
   * @maxItems 5
   */
  abort?: AbortRule[];
  approval?: Approval | null;
  /**
   * needs `filter`: devices that are registered later, or report a version later that the first file may replace, join the task while it runs; it then lives until its deadline
   */
  joins?: boolean;
  attemptsPerFile?: number;
  /**
   * devices that may not take the file yet
   */
  notEligible?: 'wait' | 'skip';
  /**
   * from now; afterwards nothing is offered any more
   */
  deadlineHours?: number;
  limits?: StageLimits;
  pile?: PileOptions;
}
export interface Window {
  /**
   * HH:MM, inclusive
   */
  from: string;
  /**
   * HH:MM, exclusive; not later than `from` means the next day
   */
  to: string;
  /**
   * IANA name, for example Asia/Shanghai
   */
  zone: string;
}
export interface Growth {
  /**
   * starts a minute in the beginning
   */
  basePerMinute: number;
  /**
   * how much faster it gets each time
   */
  factor: number;
  /**
   * each time so many further devices have got through, the rate is multiplied by `factor`
   */
  everyDevices: number;
  /**
   * what counts as got through: every end but cancelled and skipped, or success only
   */
  by: 'finished' | 'succeeded';
}
export interface KeyLimit {
  /**
   * what devices have in common: the department, the model, the order they belong to, the gateway they were last connected to. A device without it is not limited
   */
  key: 'department' | 'model' | 'order' | 'gateway';
  /**
   * devices of one key under way at one time
   */
  max: number;
}
export interface StageLimits {
  /**
   * from the offer until the device has contact
   */
  waitOnlineHours?: number;
  /**
   * from the first request until the last byte
   */
  transferMinutes?: number;
  /**
   * from the last byte until a version report proves it
   */
  proofMinutes?: number;
  /**
   * without a request this long the transfer has stopped
   */
  silenceMinutes?: number;
  /**
   * an offer without reaction is repeated after this time; absent: as usual for each protocol, 60 for terminals and trackers, 30 for PCP devices and piles
   */
  reactionSeconds?: number;
  /**
   * reports of the old version this soon after the last byte say nothing
   */
  settleSeconds?: number;
}
/**
 * what charging piles are told with the offer
 */
export interface PileOptions {
  /**
   * when_idle: a pile begins when nothing is charging; at_once: it interrupts whoever is charging
   */
  control?: 'when_idle' | 'at_once';
  /**
   * needed for at_once: true says that charging may be interrupted
   */
  confirm?: boolean;
  /**
   * a pile that has not loaded the file within this time gives up
   */
  downloadTimeoutMinutes?: number;
}
export interface DecisionResults {
  /**
   * done or told
   */
  decided: number;
  refused: number;
  failed: number;
  /**
   * in the order of the ids
   */
  results: {
    upgradeId: number;
    deviceId: string | null;
    /**
     * done: it is so; told: the workflow of the device was told, its status follows; refused, failed: nothing was decided
     */
    result: 'done' | 'told' | 'refused' | 'failed';
    code: string | null;
    detail: string | null;
  }[];
}
export interface Department {
  id: number;
  name: string;
  createdAt: string;
}
export interface DepartmentPage {
  items: Department[];
  next: (string | number) | null;
}
export interface Device {
  /**
   * `<protocol>-<identity>`
   */
  id: string;
  protocol: 'terminal' | 'ams' | 'pcp' | 'pile';
  /**
   * SN of a terminal, IMEI of a tracker or a PCP device, number of a pile
   */
  identity: string;
  imei: string | null;
  /**
   * of a charging pile: DC or AC
   */
  model: string;
  powerKw: number | null;
  productionDate: string | null;
  shipDate: string | null;
  /**
   * factory or customer order; empty: none
   */
  orderNo: string;
  remark: string;
  /**
   * counts edits; for `If-Match`
   */
  revision: number;
  createdAt: string;
  createdBy: string;
  updatedAt: string;
  links: {
    self: string;
    upgrades: string;
    versionUploads: string;
    execution: string | null;
  };
  /**
   * last reported version by component
   */
  versions: {
    [k: string]: string;
  };
  lastSeenAt: string | null;
}
export interface DeviceChange {
  /**
   * of a charging pile: DC or AC
   */
  model?: string;
  /**
   * of charging piles only
   */
  powerKw?: number;
  orderNo?: string;
  remark?: string;
  imei?: string | null;
  productionDate?: string | null;
  shipDate?: string | null;
}
export interface DeviceCommand {
  id: number;
  /**
   * `<protocol>-<identity>`
   */
  deviceId: string;
  /**
   * set_sleep, read_sleep: 2G terminals; restart: charging piles; query_version: PCP devices. Nobody knows another one.
   */
  kind: 'set_sleep' | 'read_sleep' | 'restart' | 'query_version';
  params: {
    minutes?: number;
    control?: 'at_once' | 'when_idle';
  };
  /**
   * waiting: for the device or its turn; sent: the answer is awaited; accepted: the proof is awaited; the others are ends
   */
  status: 'waiting' | 'sent' | 'accepted' | 'succeeded' | 'failed' | 'expired' | 'cancelled';
  reason: string | null;
  reasonText: string | null;
  waitsFor: ('turn' | 'contact' | 'answer' | 'proof') | null;
  /**
   * number of what is being sent; no number is sent twice
   */
  attempt: number;
  /**
   * frames that have left
   */
  sends: number;
  result: {
    minutes?: number;
    version?: string;
  } | null;
  createdAt: string;
  createdBy: string;
  deadlineAt: string;
  sentAt: string | null;
  acceptedAt: string | null;
  finishedAt: string | null;
  updatedAt: string;
  links: {
    self: string;
    device: string;
    execution: string | null;
  };
}
export interface DeviceCommandDetail {
  id: number;
  /**
   * `<protocol>-<identity>`
   */
  deviceId: string;
  /**
   * set_sleep, read_sleep: 2G terminals; restart: charging piles; query_version: PCP devices. Nobody knows another one.
   */
  kind: 'set_sleep' | 'read_sleep' | 'restart' | 'query_version';
  params: {
    minutes?: number;
    control?: 'at_once' | 'when_idle';
  };
  /**
   * waiting: for the device or its turn; sent: the answer is awaited; accepted: the proof is awaited; the others are ends
   */
  status: 'waiting' | 'sent' | 'accepted' | 'succeeded' | 'failed' | 'expired' | 'cancelled';
  reason: string | null;
  reasonText: string | null;
  waitsFor: ('turn' | 'contact' | 'answer' | 'proof') | null;
  /**
   * number of what is being sent; no number is sent twice
   */
  attempt: number;
  /**
   * frames that have left
   */
  sends: number;
  result: {
    minutes?: number;
    version?: string;
  } | null;
  createdAt: string;
  createdBy: string;
  deadlineAt: string;
  sentAt: string | null;
  acceptedAt: string | null;
  finishedAt: string | null;
  updatedAt: string;
  links: {
    self: string;
    device: string;
    execution: string | null;
  };
  /**
   * everything that happened, oldest first
   */
  log: CommandLogEntry[];
}
export interface DeviceCommandPage {
  items: DeviceCommand[];
  next: (string | number) | null;
}
export interface DeviceCount {
  devices: number;
  /**
   * true: what the database expects, without counting
   */
  estimated: boolean;
}
export interface DeviceDetail {
  /**
   * `<protocol>-<identity>`
   */
  id: string;
  protocol: 'terminal' | 'ams' | 'pcp' | 'pile';
  /**
   * SN of a terminal, IMEI of a tracker or a PCP device, number of a pile
   */
  identity: string;
  imei: string | null;
  /**
   * of a charging pile: DC or AC
   */
  model: string;
  powerKw: number | null;
  productionDate: string | null;
  shipDate: string | null;
  /**
   * factory or customer order; empty: none
   */
  orderNo: string;
  remark: string;
  /**
   * counts edits; for `If-Match`
   */
  revision: number;
  createdAt: string;
  createdBy: string;
  updatedAt: string;
  links: {
    self: string;
    upgrades: string;
    versionUploads: string;
    execution: string | null;
  };
  versions: {
    component: string;
    version: string;
    reportedAt: string;
  }[];
  contact: {
    lastSeenAt: string;
    address: string;
    details: {
      [k: string]: unknown;
    };
  } | null;
  runningUpgrade: {
    id: number;
    taskId: number;
    status: string;
    reason: string | null;
    reasonText: string | null;
    link: string;
  } | null;
}
export interface DeviceLineage {
  why: Why;
  registration: {
    /**
     * `<protocol>-<identity>`
     */
    deviceId: string;
    protocol: 'terminal' | 'ams' | 'pcp' | 'pile';
    identity: string;
    imei: string | null;
    model: string;
    remark: string;
    registeredAt: string;
    registeredBy: string;
    updatedAt: string;
  };
  shipment: {
    orderNo: string;
    productionDate: string | null;
    shipDate: string | null;
    record: {
      shipmentId: number;
      carton: string;
      /**
       * by which it was classified
       */
      company: string;
      customer: string | null;
      rule: string | null;
      shippedAt: string;
      shippedBy: string;
      link: string;
    } | null;
    /**
     * secondary shipments, newest first
     */
    platforms: {
      platformShipmentId: number;
      platform: string;
      status: string;
      reason: string | null;
      finishedAt: string | null;
      link: string;
    }[];
  };
  registrationChanges: {
    at: string;
    author: string;
    /**
     * operation id of the request
     */
    action: string;
    before: {
      [k: string]: unknown;
    } | null;
    after: {
      [k: string]: unknown;
    } | null;
  }[];
  contact: {
    lastSeenAt: string;
    address: string;
    gateway: string;
    bytesPerSecond: number | null;
    details: {
      [k: string]: unknown;
    };
  } | null;
  /**
   * what it ran, newest first
   */
  versions: {
    component: string;
    version: string;
    firstReportedAt: string;
    lastReportedAt: string;
    /**
     * what the device reports now
     */
    current: boolean;
  }[];
  running: LineageUpgrade | null;
  planned: {
    upgradeId: number;
    task: {
      id: number;
      name: string;
      status: 'awaiting_approval' | 'scheduled' | 'running' | 'paused' | 'cancelling' | 'finished' | 'cancelled';
      createdBy: string;
      link: string;
    };
    files: {
      firmwareId: number;
      fileName: string;
      component: string;
      targetVersion: string;
    }[];
    dispatchAt: string;
    deadlineAt: string;
    window: {
      from: string;
      to: string;
      zone: string;
    } | null;
    earliestStartAt: string | null;
    links: {
      upgrade: string;
    };
  }[];
  /**
   * those that have begun or ended, newest first
   */
  upgrades: LineageUpgrade[];
  /**
   * what people did to its upgrades, newest first
   */
  decisions: {
    upgradeId: number;
    taskId: number;
    at: string;
    author: string;
    event: string;
    cause: string;
  }[];
  links: {
    self: string;
    device: string;
    upgrades: string;
    versionUploads: string;
    why: string;
    execution: string | null;
  };
}
export interface Why {
  /**
   * for programs: `no_task`, what it waits for, or how it ended
   */
  code: string;
  /**
   * one sentence
   */
  answer: string;
  until: string | null;
  upgradeId: number | null;
  taskId: number | null;
  links: {
    upgrade: string | null;
    log: string | null;
    task: string | null;
  };
}
export interface LineageUpgrade {
  id: number;
  task: {
    id: number;
    name: string;
    status: 'awaiting_approval' | 'scheduled' | 'running' | 'paused' | 'cancelling' | 'finished' | 'cancelled';
    createdBy: string;
    link: string;
  };
  files: {
    firmwareId: number;
    fileName: string;
    component: string;
    targetVersion: string;
  }[];
  status:
    | 'scheduled'
    | 'waiting'
    | 'offered'
    | 'transferring'
    | 'confirming'
    | 'succeeded'
    | 'failed'
    | 'unproven'
    | 'expired'
    | 'cancelled'
    | 'partial'
    | 'skipped'
    | 'reverted';
  reason: string | null;
  reasonText: string | null;
  attempt: number;
  bytesSent: number;
  bytesTotal: number;
  /**
   * files that a version report newer than their offer has proven
   */
  proofs: {
    fileIndex: number;
    component: string;
    fromVersion: string | null;
    version: string;
    provenAt: string;
    note?: string;
  }[];
  startedAt: string | null;
  finishedAt: string | null;
  updatedAt: string;
  decision: {
    decision: 'retry' | 'give_up' | 'confirm';
    by: string;
    at: string;
  } | null;
  links: {
    self: string;
    log: string;
    execution: string | null;
  };
}
export interface DevicePage {
  items: Device[];
  next: (string | number) | null;
}
export interface DeviceRow {
  protocol: 'terminal' | 'ams' | 'pcp' | 'pile';
  /**
   * terminal: SN of 10, 12 or 16 hex digits; ams, pcp: IMEI of 15 digits; pile: pile number of 14 digits
   */
  identity: string;
  imei?: string | null;
  model?: string | null;
  powerKw?: number | null;
  productionDate?: string | null;
  shipDate?: string | null;
  orderNo?: string | null;
  remark?: string | null;
}
export interface DeviceUpgrade {
  id: number;
  taskId: number;
  deviceId: string;
  /**
   * the files that are for it, in their order
   */
  firmwareIds: number[];
  status:
    | 'scheduled'
    | 'waiting'
    | 'offered'
    | 'transferring'
    | 'confirming'
    | 'succeeded'
    | 'failed'
    | 'unproven'
    | 'expired'
    | 'cancelled'
    | 'partial'
    | 'skipped'
    | 'reverted';
  reason: string | null;
  reasonText: string | null;
  /**
   * the file being installed, from 0
   */
  fileIndex: number;
  /**
   * offers made so far
   */
  attempt: number;
  bytesSent: number;
  bytesTotal: number;
  /**
   * files that a version report newer than their offer has proven
   */
  proofs: {
    fileIndex: number;
    component: string;
    fromVersion: string | null;
    version: string;
    provenAt: string;
    note?: string;
  }[];
  dispatchedAt: string | null;
  finishedAt: string | null;
  updatedAt: string;
  decision: {
    decision: 'retry' | 'give_up' | 'confirm';
    by: string;
    at: string;
  } | null;
  links: {
    self: string;
    log: string;
    task: string;
    device: string;
    execution: string | null;
  };
}
export interface DeviceUpgradeDetail {
  id: number;
  taskId: number;
  deviceId: string;
  /**
   * the files that are for it, in their order
   */
  firmwareIds: number[];
  status:
    | 'scheduled'
    | 'waiting'
    | 'offered'
    | 'transferring'
    | 'confirming'
    | 'succeeded'
    | 'failed'
    | 'unproven'
    | 'expired'
    | 'cancelled'
    | 'partial'
    | 'skipped'
    | 'reverted';
  reason: string | null;
  reasonText: string | null;
  /**
   * the file being installed, from 0
   */
  fileIndex: number;
  /**
   * offers made so far
   */
  attempt: number;
  bytesSent: number;
  bytesTotal: number;
  /**
   * files that a version report newer than their offer has proven
   */
  proofs: {
    fileIndex: number;
    component: string;
    fromVersion: string | null;
    version: string;
    provenAt: string;
    note?: string;
  }[];
  dispatchedAt: string | null;
  finishedAt: string | null;
  updatedAt: string;
  decision: {
    decision: 'retry' | 'give_up' | 'confirm';
    by: string;
    at: string;
  } | null;
  links: {
    self: string;
    log: string;
    task: string;
    device: string;
    execution: string | null;
  };
  live: {
    status:
      | 'scheduled'
      | 'waiting'
      | 'offered'
      | 'transferring'
      | 'confirming'
      | 'succeeded'
      | 'failed'
      | 'unproven'
      | 'expired'
      | 'cancelled'
      | 'partial'
      | 'skipped'
      | 'reverted';
    reason: string | null;
    file: number;
    attempt: number;
    /**
     * failed attempts of the current file
     */
    failures: number;
    wakesAt: string | null;
  } | null;
}
export interface Employee {
  /**
   * EmployeeNo
   */
  number: string;
  name: string;
  hasPassword: boolean;
  /**
   * false: may do nothing
   */
  isActive: boolean;
  createdAt: string;
  createdBy: string;
  updatedAt: string;
}
export interface EmployeeChange {
  name?: string;
  password?: string | null;
  isActive?: boolean;
}
export interface EmployeePage {
  items: Employee[];
  next: (string | number) | null;
}
export interface Equipment {
  code: string;
  name: string;
  /**
   * model or class
   */
  model: string;
  location: string;
  /**
   * between heartbeats
   */
  periodSeconds: number;
  /**
   * IP addresses and networks it may call from; empty: any that the site allows
   *
   * @maxItems 50
   */
  allowedAddresses: string[];
  /**
   * true: cells on hold must not enter it
   */
  isHoldListed: boolean;
  /**
   * false: retired, it may not call any more
   */
  isActive: boolean;
  remark: string;
  /**
   * never: not heard of yet; online: called in; alive: beats; suspect: silent for 1.5 periods; offline: for 3 periods
   */
  state: 'never' | 'online' | 'alive' | 'suspect' | 'offline';
  stateSince: string;
  status: ('Running' | 'Waiting' | 'Down' | 'Maintenance' | 'Alerting') | null;
  statusSince: string | null;
  lastSeenAt: string | null;
  onlineAt: string | null;
  lastAddress: string;
  software: string;
  employeeNo: string;
  operatingMode: number | null;
  skewSeconds: number | null;
  /**
   * the clocks differ by more than the site allows
   */
  isSkewed: boolean;
  openAlarms: number;
  /**
   * open and not acknowledged
   */
  unacknowledgedAlarms: number;
  /**
   * oldest first; the first is served
   *
   * Items: material_up, material_down: material was loaded or unloaded; water_content: its data is needed; parameters: fetch them again
   */
  pendingFlags: ('material_up' | 'material_down' | 'water_content' | 'parameters')[];
  /**
   * 0: none were set
   */
  parametersVersion: number;
  /**
   * newest version it has fetched; 0: none
   */
  fetchedVersion: number;
  fetchedAt: string | null;
  revision: number;
  createdAt: string;
  createdBy: string;
  updatedAt: string;
  links: {
    execution: string | null;
  };
}
export interface EquipmentAlarm {
  id: number;
  equipmentCode: string;
  alertCode: string;
  description: string;
  level: string;
  partCode: string;
  productType: string;
  raisedAt: string;
  /**
   * times it was raised before it was cleared
   */
  raises: number;
  lastRaisedAt: string;
  clearedAt: string | null;
  acknowledgedAt: string | null;
  acknowledgedBy: string | null;
}
export interface EquipmentAlarmLine {
  id: number;
  at: string;
  alarmId: number | null;
  alertCode: string;
  event: 'raised' | 'described' | 'cleared' | 'clear_unknown' | 'acknowledged';
  /**
   * `equipment`, or the name of the key of whoever did it
   */
  author: string;
  cause: string;
}
export interface EquipmentAlarmLog {
  items: EquipmentAlarmLine[];
  next: (string | number) | null;
}
export interface EquipmentAlarmPage {
  items: EquipmentAlarm[];
  next: (string | number) | null;
}
export interface EquipmentBoard {
  total: number;
  states: {
    never: number;
    online: number;
    alive: number;
    suspect: number;
    offline: number;
  };
  statuses: {
    Running: number;
    Waiting: number;
    Down: number;
    Maintenance: number;
    Alerting: number;
    unknown: number;
  };
  /**
   * with at least one open alarm
   */
  withAlarms: number;
}
export interface EquipmentCall {
  id: number;
  name: string | null;
  /**
   * name in the path
   */
  calledAs: string;
  address: string;
  sessionId: string | null;
  receivedAt: string;
  tookMs: number;
  /**
   * it was received properly
   */
  resultFlag: boolean;
  /**
   * it was executed
   */
  success: boolean;
  failure: string | null;
  /**
   * what the equipment was told
   */
  message: string;
  /**
   * the same call had come before, and got the same reply
   */
  isRepeated: boolean;
  /**
   * what was repaired
   */
  warnings: string[];
  raw: string | null;
}
export interface EquipmentCallPage {
  items: EquipmentCall[];
  next: (string | number) | null;
}
export interface EquipmentChange {
  name?: string;
  /**
   * model or class
   */
  model?: string;
  location?: string;
  /**
   * between heartbeats
   */
  periodSeconds?: number;
  /**
   * IP addresses and networks it may call from; empty: any that the site allows
   *
   * @maxItems 50
   */
  allowedAddresses?: string[];
  /**
   * true: cells on hold must not enter it
   */
  isHoldListed?: boolean;
  /**
   * false: retired, it may not call any more
   */
  isActive?: boolean;
  remark?: string;
}
export interface EquipmentFlag {
  id: number;
  /**
   * material_up, material_down: material was loaded or unloaded; water_content: its data is needed; parameters: fetch them again
   */
  action: 'material_up' | 'material_down' | 'water_content' | 'parameters';
  /**
   * pending: served until the follow-up call arrives; followed: it has; cancelled: by a person
   */
  status: 'pending' | 'followed' | 'cancelled';
  raisedAt: string;
  raisedBy: string;
  cause: string;
  /**
   * heartbeats that were answered with it
   */
  serves: number;
  servedAt: string | null;
  endedAt: string | null;
  endedBy: string | null;
}
export interface EquipmentFlagPage {
  items: EquipmentFlag[];
  next: (string | number) | null;
}
export interface EquipmentFollowUp {
  id: number;
  name: 'MaterialUpLoad' | 'MaterialDownLoad' | 'WaterContent';
  flagId: number | null;
  employeeNo: string;
  receivedAt: string;
  /**
   * everything beside the envelope, as it came
   */
  data: {
    [k: string]: unknown;
  };
}
export interface EquipmentFollowUpPage {
  items: EquipmentFollowUp[];
  next: (string | number) | null;
}
export interface EquipmentImport {
  rows: number;
  created: number;
  updated: number;
  unchanged: number;
  refused: number;
  results: ImportedEquipment[];
}
export interface ImportedEquipment {
  /**
   * counted from 1; the header is not counted
   */
  row: number;
  code: string | null;
  status: 'created' | 'updated' | 'unchanged' | 'refused';
  message: string | null;
}
export interface EquipmentPage {
  items: Equipment[];
  next: (string | number) | null;
}
export interface EquipmentSessionLine {
  id: number;
  at: string;
  event: 'online' | 'alive' | 'suspect' | 'offline' | 'back';
  /**
   * never: not heard of yet; online: called in; alive: beats; suspect: silent for 1.5 periods; offline: for 3 periods
   */
  from: 'never' | 'online' | 'alive' | 'suspect' | 'offline';
  /**
   * never: not heard of yet; online: called in; alive: beats; suspect: silent for 1.5 periods; offline: for 3 periods
   */
  to: 'never' | 'online' | 'alive' | 'suspect' | 'offline';
  cause: string;
}
export interface EquipmentSessionLog {
  items: EquipmentSessionLine[];
  next: (string | number) | null;
}
export interface EquipmentStatusChange {
  id: number;
  /**
   * StatusCode
   */
  status: 'Running' | 'Waiting' | 'Down' | 'Maintenance' | 'Alerting';
  /**
   * as it was sent
   */
  statusCode: string;
  reasonCode: string;
  description: string | null;
  locationId: string | null;
  /**
   * ChangeTime, by the clock of the equipment
   */
  changedAt: string;
  /**
   * the same, but not later than received
   */
  effectiveAt: string;
  receivedAt: string;
  /**
   * a newer one was known already: the current status stayed
   */
  isLate: boolean;
}
export interface EquipmentStatusChangePage {
  items: EquipmentStatusChange[];
  next: (string | number) | null;
}
export interface EquipmentStranger {
  address: string;
  /**
   * EquipmentCode; empty: it could not be read
   */
  code: string;
  /**
   * code of the refusal
   */
  failure: string;
  calls: number;
  /**
   * what was called last
   */
  lastName: string;
  firstAt: string;
  lastAt: string;
}
export interface EquipmentStrangerPage {
  items: EquipmentStranger[];
  next: (string | number) | null;
}
export interface EquipmentTimeline {
  stretches: Stretch[];
}
export interface Stretch {
  state: 'Running' | 'Waiting' | 'Down' | 'Maintenance' | 'Alerting' | 'Offline' | 'Unknown';
  from: string;
  to: string;
}
export interface FiredRule {
  number: number;
  words: string[];
  customer: string;
  /**
   * of the list of rules
   */
  revision: number;
}
export interface Firmware {
  id: number;
  protocol: 'terminal' | 'ams' | 'pcp' | 'pile';
  /**
   * T1 OTA, T2 OBD, T3 baseband, T4 MCU, T5 GPS; terminals have T1 only
   */
  component: 'T1' | 'T2' | 'T3' | 'T4' | 'T5';
  targetVersion: string;
  /**
   * a device must have reported it
   */
  compatibleVersion: string;
  /**
   * a device must run one of them
   */
  currentVersions: string[];
  model: string | null;
  powerKw: number | null;
  fileName: string;
  sizeBytes: number;
  md5: string;
  sha256: string;
  pinfo: string | null;
  packetSize: number | null;
  remark: string;
  overrideReason: string | null;
  uploadedBy: string;
  uploadedAt: string;
  links: {
    self: string;
    content: string;
    checkInfo: string;
  };
}
export interface FirmwareCheckInfo {
  fileName: string;
  sizeBytes: number;
  /**
   * upper case, as it is sent to the device
   */
  md5: string;
  sha256: string;
  packetSize: number | null;
  packets: number;
  /**
   * Items: XOR of all bytes of the packet; only of files for 2G terminals, which check each
   */
  packetChecks: string[];
}
export interface FirmwarePage {
  items: Firmware[];
  next: (string | number) | null;
}
export interface FirmwareUpload {
  /**
   * a .bin file under the name its maker gave it
   */
  file: string;
  protocol: 'terminal' | 'ams' | 'pcp' | 'pile';
  /**
   * T1 OTA, T2 OBD, T3 baseband, T4 MCU, T5 GPS; may be left out but for trackers: other devices have T1 only
   */
  component?: 'T1' | 'T2' | 'T3' | 'T4' | 'T5';
  /**
   * must occur in the file name; terminals: 10 to 99; pcp: at most 16 ASCII characters; pile: at most 8
   */
  targetVersion: string;
  compatibleVersion: string;
  /**
   * one per line
   */
  currentVersions: string;
  /**
   * the one that came with the file
   */
  md5: string;
  /**
   * only for devices of this model; piles: DC or AC, required
   */
  model?: string;
  /**
   * piles only, required: rated power in kW, 1 to 65535
   */
  powerKw?: string;
  /**
   * PCP devices only: bytes of a slice, 32 to 500; absent: 500
   */
  sliceSize?: string;
  /**
   * terminals only: 8 hex characters; absent: taken from the file name
   */
  pinfo?: string;
  remark?: string;
  /**
   * why a file name without the version is right; needs the permission firmware:override
   */
  overrideReason?: string;
}
export interface FrameErrors {
  /**
   * name of the error, as `npm run decode` gives it
   */
  kind: string;
  count: number;
  lastAt: string;
  /**
   * beginning of the last one
   */
  lastHex: string;
}
export interface FrameErrorsPage {
  items: FrameErrors[];
  next: (string | number) | null;
}
export interface Health {
  status: 'ok';
  version: string;
  uptimeSeconds: number;
}
export interface ImportResult {
  rows: number;
  created: number;
  updated: number;
  unchanged: number;
  refused: number;
  /**
   * the first 10000 refused rows and the first 10000 others, in order
   */
  results: ImportedRow[];
  /**
   * rows that are counted and not listed
   */
  resultsLeftOut: number;
}
export interface ImportedRow {
  /**
   * counted from 1; the header of a CSV file is not counted
   */
  row: number;
  status: 'created' | 'updated' | 'unchanged' | 'refused';
  deviceId: string | null;
  code: string | null;
  message: string | null;
}
export interface LogEntry {
  id: number;
  at: string;
  /**
   * `system`, `device`, or the name of the key of whoever did it
   */
  author: string;
  event: string;
  cause: string;
  details: {
    [k: string]: unknown;
  };
}
export interface ManyDecisions {
  /**
   * @minItems 1
   * @maxItems 1000
   */
  upgradeIds: number[];
  /**
   * retry: the device begins again in its task; give_up: it stays as it is and needs nobody any more; confirm: a baseband upgrade (T3) is a success
   */
  decision: 'retry' | 'give_up' | 'confirm';
  /**
   * why; written into the log beside your name
   */
  cause?: string;
}
export interface MesChange {
  id: number;
  at: string;
  cycle: number;
  table: 'carton' | 'sheet';
  /**
   * `Id` of a carton row, `IMEI1` of a sheet
   */
  key: string;
  imei: string;
  differences: {
    column: string;
    old: string | null;
    new: string | null;
  }[];
}
export interface MesChangePage {
  items: MesChange[];
  next: (string | number) | null;
}
export interface MesCount {
  count: number;
  /**
   * false: an estimate
   */
  isExact: boolean;
}
export interface MesCycle {
  id: number;
  source: 'sync' | 'import';
  author: string;
  /**
   * `done`; `empty`: MES answered and has no rows; `unreachable`; `refused`: MES may not or cannot be read like this; `mismatch`: the sums do not close, look at it; `abandoned`: ended from outside
   */
  status: 'running' | 'done' | 'empty' | 'unreachable' | 'refused' | 'mismatch' | 'cancelled' | 'abandoned';
  /**
   * what a person should know
   */
  words: string;
  startedAt: string;
  finishedAt: string | null;
  /**
   * seen = new + changed + unchanged + rejected
   */
  tables: {
    /**
     * `carton`: Gps_CartonBoxTwenty_Result; `sheet`: DataRelativeSheet
     */
    table: 'carton' | 'sheet';
    seen: number;
    new: number;
    changed: number;
    unchanged: number;
    rejected: number;
    /**
     * by reason
     */
    rejectedBy: {
      [k: string]: number;
    };
  }[];
  links: {
    temporal: string | null;
  };
}
export interface MesCyclePage {
  items: MesCycle[];
  next: (string | number) | null;
}
export interface MesDevice {
  /**
   * `Id` of the carton row; a device that was packed again has two
   */
  id: number;
  imei: string;
  order: string | null;
  carton: string | null;
  model: string | null;
  version: string | null;
  productCode: string | null;
  color: string | null;
  quantity: string | null;
  weight: string | null;
  date: string | null;
  company: string | null;
  testTime: string | null;
  /**
   * Remark1 to Remark5; the second is the RID of the baseband
   */
  remarks: (string | null)[];
  /**
   * false: DataRelativeSheet has no row of this IMEI (yet)
   */
  hasSheet: boolean;
  sn: string | null;
  sim: string | null;
  iccid: string | null;
  bluetoothMac: string | null;
  equipmentNo: string | null;
  isShipped: boolean;
  shipment: {
    id: number | null;
    at: string;
  } | null;
}
export interface MesDevicePage {
  items: MesDevice[];
  next: (string | number) | null;
}
export interface MesImportResult {
  cycle: number;
  rows: number;
  new: number;
  changed: number;
  unchanged: number;
  rejected: number;
  /**
   * empty, or what was wrong with the file
   */
  words: string;
  /**
   * the first 10 000 rejected rows and the first 10 000 others
   */
  results: MesImportedRow[];
  resultsLeftOut: number;
}
export interface MesImportedRow {
  /**
   * counted from 1; the header is not counted
   */
  row: number;
  status: 'new' | 'changed' | 'unchanged' | 'rejected';
  key: string | null;
  code: string | null;
  message: string | null;
}
export interface MesRejected {
  table: 'carton' | 'sheet';
  key: string;
  reason: string;
  words: string;
  /**
   * what MES says, by column
   */
  row: {
    [k: string]: string | null;
  };
  lastCycle: number;
  lastAt: string;
}
export interface MesRejectedPage {
  items: MesRejected[];
  next: (string | number) | null;
}
export interface MesSync {
  /**
   * false: no process was told where MES is (MES_DATABASE_URL)
   */
  isConfigured: boolean;
  intervalSeconds: number;
  isPaused: boolean;
  isRunning: boolean;
  nextRunAt: string | null;
  /**
   * counts changes; see `If-Match`
   */
  revision: number;
  changedAt: string;
  changedBy: string;
  lastCycle: MesCycle | null;
  lanes: {
    /**
     * `carton`: Gps_CartonBoxTwenty_Result; `sheet`: DataRelativeSheet
     */
    table: 'carton' | 'sheet';
    /**
     * `new`: what has come; `review`: the whole table, over and over
     */
    lane: 'new' | 'review';
    position: string | null;
    /**
     * how often it reached the end
     */
    passes: number;
    updatedAt: string;
  }[];
}
export interface MesSyncChange {
  intervalSeconds?: number;
  isPaused?: boolean;
}
export interface MesSyncNow {
  /**
   * false: a cycle is running already
   */
  started: boolean;
}
export interface ModelProtocol {
  model: string;
  protocol: 'ams' | 'pcp';
  changedAt: string;
  changedBy: string;
}
export interface ModelProtocolChange {
  protocol: 'ams' | 'pcp';
}
export interface ModelProtocolPage {
  items: ModelProtocol[];
  next: (string | number) | null;
}
export interface NewAgent {
  /**
   * EquipmentCode, as the MOM knows it
   */
  code: string;
  /**
   * where the MOM is, for example `http://10.0.0.9:8080`
   */
  url: string;
  software?: string;
  name?: string;
  token?: string | null;
  employeeNo?: string;
  password?: string | null;
  /**
   * between heartbeats
   */
  periodSeconds?: number;
  keyFlags?: {
    [k: string]: 'material_up' | 'material_down' | 'water_content' | 'parameters' | 'none';
  } | null;
  /**
   * what is done when the MOM raises a flag; `ask` where nothing is said
   */
  flagPlans?: {
    material_up?: {
      /**
       * `ask`: wait until data is given over the API; `send`: these data; `ignore`
       */
      response: 'ask' | 'send' | 'ignore';
      data?: {
        [k: string]: unknown;
      };
    };
    material_down?: {
      /**
       * `ask`: wait until data is given over the API; `send`: these data; `ignore`
       */
      response: 'ask' | 'send' | 'ignore';
      data?: {
        [k: string]: unknown;
      };
    };
    water_content?: {
      /**
       * `ask`: wait until data is given over the API; `send`: these data; `ignore`
       */
      response: 'ask' | 'send' | 'ignore';
      data?: {
        [k: string]: unknown;
      };
    };
  };
  isActive?: boolean;
  remark?: string;
}
export interface NewAgingLimit {
  /**
   * a whole bind code, or the material before its `/`; empty: everything else
   */
  bindCode: string;
  lowerMinutes: number;
  upperMinutes: number;
}
export interface NewApiKey {
  id: number;
  name: string;
  department: {
    id: number;
    name: string;
  };
  permissions: (
    | 'device:read'
    | 'device:write'
    | 'firmware:write'
    | 'firmware:override'
    | 'upgrade:write'
    | 'upgrade:batch'
    | 'shipment:write'
    | 'mom:write'
    | 'admin'
  )[];
  createdAt: string;
  createdBy: string;
  lastUsedAt: string | null;
  revokedAt: string | null;
  /**
   * shown in this answer and never again
   */
  key: string;
}
export interface NewApiKeyOrder {
  /**
   * no spaces at its ends
   */
  name: string;
  departmentId: number;
  permissions: (
    | 'device:read'
    | 'device:write'
    | 'firmware:write'
    | 'firmware:override'
    | 'upgrade:write'
    | 'upgrade:batch'
    | 'shipment:write'
    | 'mom:write'
    | 'admin'
  )[];
}
export interface NewDepartment {
  /**
   * no spaces at its ends
   */
  name: string;
}
export interface NewEmployee {
  number: string;
  name?: string;
  /**
   * kept as a salted hash
   */
  password?: string;
}
export interface NewEquipment {
  /**
   * EquipmentCode, exactly as the equipment sends it
   */
  code: string;
  name?: string;
  /**
   * model or class
   */
  model?: string;
  location?: string;
  /**
   * between heartbeats
   */
  periodSeconds?: number;
  /**
   * IP addresses and networks it may call from; empty: any that the site allows
   *
   * @maxItems 50
   */
  allowedAddresses?: string[];
  /**
   * true: cells on hold must not enter it
   */
  isHoldListed?: boolean;
  /**
   * false: retired, it may not call any more
   */
  isActive?: boolean;
  remark?: string;
}
export interface NewEquipmentFlag {
  /**
   * material_up, material_down: material was loaded or unloaded; water_content: its data is needed; parameters: fetch them again
   */
  action: 'material_up' | 'material_down' | 'water_content' | 'parameters';
  /**
   * why; written into the log beside your name
   */
  cause?: string;
}
export interface NewParameter {
  /**
   * may be there twice: the order counts
   */
  parameterCode: string;
  parameterType?: string;
  /**
   * a number as text; empty: none
   */
  targetValue: string;
  uomCode?: string | null;
  upperControlLimit?: string | null;
  lowerControlLimit?: string | null;
  upperSpecificationsLimit?: string | null;
  lowerSpecificationsLimit?: string | null;
  upperLimit?: string | null;
  lowerLimit?: string | null;
  description?: string | null;
  isAvailable?: boolean | null;
}
export interface NewParameters {
  /**
   * ParamVersion; `V` and the number unless given
   */
  label?: string;
  productDesc?: string | null;
  firstArticleNum?: string | null;
  debugNum?: string | null;
  /**
   * the whole list, in order
   *
   * @maxItems 1000
   */
  parameters: NewParameter[];
  /**
   * version you changed; refused when there is a newer one
   */
  basedOn?: number;
  /**
   * why; written into the log beside your name
   */
  cause?: string;
}
export interface NewPlatform {
  name: string;
  reading?: string;
  /**
   * extra shipping information that a shipment to it must or may give
   *
   * @maxItems 5
   */
  fields?: {
    name: 'account' | 'customerName' | 'model' | 'expiresOn' | 'remark';
    required: boolean;
  }[];
  remark?: string;
}
export interface NewTrigger {
  /**
   * its firings are called so in the Temporal Web UI
   */
  name: string;
  match: TriggerMatch;
  /**
   * as in an order of a shipment
   */
  company?: string;
  /**
   * the ship date is so many days after the day, in Beijing, on which it fires; 0 refuses what was produced that day
   */
  shipInDays?: number;
  remark?: string;
  platform?: TriggerPlatform | null;
}
/**
 * all that is given must fit
 */
export interface TriggerMatch {
  /**
   * work order (ZhiDan), whole
   */
  order?: string;
  /**
   * SoftModel, whole
   */
  model?: string;
  /**
   * all must be in CompanyName; case and width of Latin letters do not matter
   *
   * @minItems 1
   * @maxItems 20
   */
  companyWords?: string[];
}
export interface TriggerPlatform {
  platformId: number;
  info: PlatformInfo;
}
export interface NewWebhook {
  /**
   * https://… or http://…, without a password in it
   */
  url: string;
  /**
   * what it wants to hear of; empty: everything, also kinds that come with later versions
   *
   * @maxItems 20
   */
  kinds?: (
    | 'task.started'
    | 'task.paused'
    | 'task.finished'
    | 'task.cancelled'
    | 'task.approval_needed'
    | 'device.failed'
    | 'device.reverted'
    | 'device.needs_person'
    | 'command.finished'
    | 'shipment.finished'
    | 'platform_shipment.finished'
    | 'equipment.offline'
    | 'equipment.back'
    | 'equipment.alarm'
    | 'equipment.alarm_cleared'
    | 'equipment.clock_skew'
    | 'agent.offline'
    | 'agent.back'
    | 'agent.quarantined'
    | 'agent.data_needed'
  )[];
  remark?: string;
}
/**
 * what is missing stays as it is; null clears
 */
export interface PacingChange {
  /**
   * devices under way at one time; those that are away or wait for something do not count
   */
  maxConcurrent?: number;
  ratePerMinute?: number | null;
  growth?: Growth | null;
  keyLimits?: KeyLimit[] | null;
  abort?: AbortRule[] | null;
  /**
   * the `revision` you saw; if it is another one by now, nothing is changed (412)
   */
  revision?: number;
  /**
   * why; written into the log beside your name
   */
  cause?: string;
}
export interface Parameter {
  parameterCode: string;
  parameterType: string;
  targetValue: string;
  uomCode: string | null;
  upperControlLimit: string | null;
  lowerControlLimit: string | null;
  upperSpecificationsLimit: string | null;
  lowerSpecificationsLimit: string | null;
  upperLimit: string | null;
  lowerLimit: string | null;
  description: string | null;
  isAvailable: boolean | null;
}
export interface ParameterFetch {
  id: number;
  version: number;
  at: string;
  employeeNo: string;
  software: string;
  address: string;
}
export interface ParameterFetchPage {
  items: ParameterFetch[];
  next: (string | number) | null;
}
export interface ParameterVersion {
  version: number;
  label: string;
  /**
   * parameters in it
   */
  count: number;
  setAt: string;
  setBy: string;
  cause: string;
  fetchedAt: string | null;
}
export interface ParameterVersionPage {
  items: ParameterVersion[];
  next: (string | number) | null;
}
export interface Parameters {
  version: number;
  /**
   * ParamVersion
   */
  label: string;
  productDesc: string | null;
  firstArticleNum: string | null;
  debugNum: string | null;
  setAt: string;
  setBy: string;
  cause: string;
  parameters: Parameter[];
}
export interface PartCheck {
  ok: boolean;
  milliseconds: number;
}
export interface PlannedDevice {
  position: number | null;
  deviceId: string;
  /**
   * the files that are for it, in their order
   */
  firmwareIds: number[];
  /**
   * goes: at once; waits: is in the task and begins when the reason is gone; skipped: is listed and left alone; refused: is not taken into the task
   */
  outcome: 'goes' | 'waits' | 'skipped' | 'refused';
  reason: string | null;
  explanation: string;
  wave: number | null;
  night: number | null;
  earliestStartAt: string | null;
  expectedStartAt: string | null;
  expectedEndAt: string | null;
  latestEndAt: string | null;
}
export interface Platform {
  id: number;
  name: string;
  /**
   * in English
   */
  reading: string;
  connector: 'tracksolid' | null;
  /**
   * false: shipments to it are written down, nothing is sent
   */
  connected: boolean;
  /**
   * devices may be used for a lifetime
   */
  lifetime: boolean;
  brand: string;
  /**
   * extra shipping information that a shipment to it must or may give
   *
   * @maxItems 5
   */
  fields: {
    name: 'account' | 'customerName' | 'model' | 'expiresOn' | 'remark';
    required: boolean;
  }[];
  /**
   * false: it cannot be chosen
   */
  isActive: boolean;
  remark: string;
  /**
   * counts changes; see `If-Match`
   */
  revision: number;
}
export interface PlatformAttention {
  id: number;
  imei: string;
  customer: string | null;
  deviceId: string | null;
  /**
   * confirmed: seen on the platform, as wanted; unknown: something was sent, and what came of it could not be found out
   */
  status: 'open' | 'confirmed' | 'refused' | 'unknown' | 'not_sent' | 'recorded';
  reason:
    | (
        | 'not_matched'
        | 'already_shipped'
        | 'bad_imei'
        | 'refused_by_platform'
        | 'other_account'
        | 'not_visible'
        | 'not_as_wanted'
        | 'no_answer'
        | 'time_over'
        | 'stopped'
      )
    | null;
  reasonText: string | null;
  code: number | null;
  words: string;
  /**
   * calls that named it and may have changed something
   */
  attempts: number;
  seen: {
    account: string | null;
    /**
     * until when each account may use it
     */
    expirations: {
      [k: string]: string;
    };
    expiration: string | null;
  } | null;
  seenAt: string | null;
  firstSentAt: string | null;
  finishedAt: string | null;
  decision: ('retry' | 'reclassify' | 'write_off') | null;
  decidedBy: string | null;
  decidedAt: string | null;
  note: string;
  shipmentId: number;
  platform: string;
  advice: string;
  since: string;
  payload: {
    info: PlatformInfo;
    lifetime: boolean;
    wantedExpiration: string | null;
  };
  /**
   * Items: reclassify: its customer is found anew by the rules of now, and it is tried again if it has one; write_off: it is given up here
   */
  decisions: ('retry' | 'reclassify' | 'write_off')[];
  links: {
    shipment: string;
    temporal: string | null;
  };
}
/**
 * `counts` of everything that fits the filter; on the first page only
 */
export interface PlatformAttentionPage {
  items: PlatformAttention[];
  counts: {
    refused: number;
    unknown: number;
    notSent: number;
  } | null;
  next: number | null;
}
export interface PlatformChange {
  name?: string;
  reading?: string;
  /**
   * extra shipping information that a shipment to it must or may give
   *
   * @maxItems 5
   */
  fields?: {
    name: 'account' | 'customerName' | 'model' | 'expiresOn' | 'remark';
    required: boolean;
  }[];
  isActive?: boolean;
  remark?: string;
}
export interface PlatformConnector {
  name: 'tracksolid';
  /**
   * nothing is sent to it
   */
  isPaused: boolean;
  pausedUntil: string | null;
  pauseReason: string;
  /**
   * `system`: the platform asked to be left alone
   */
  pausedBy: string;
  pausedAt: string | null;
}
export interface PlatformConnectorPage {
  items: PlatformConnector[];
  next: (string | number) | null;
}
/**
 * Either `ids`, or `shipmentId` for everything in it that needs a person.
 */
export interface PlatformDecision {
  /**
   * `id` of the devices in shipments, not IMEIs
   *
   * @minItems 1
   * @maxItems 10000
   */
  ids?: number[];
  shipmentId?: number;
  /**
   * reclassify: its customer is found anew by the rules of now, and it is tried again if it has one; write_off: it is given up here
   */
  decision: 'retry' | 'reclassify' | 'write_off';
  note?: string;
}
export interface PlatformDecisionResult {
  decided: number;
  leftOut: number | null;
  shipmentIds: number[];
  unmatched: number | null;
}
export interface PlatformOrder {
  platformId: number;
  /**
   * devices of the matched list
   *
   * @minItems 1
   * @maxItems 100000
   */
  imeis?: string[];
  /**
   * instead of `imeis`: everything in the matched list that has no open secondary shipment and fits, at most 100000
   */
  matched?: {
    customer?: string;
    shipmentId?: number;
  };
  info: PlatformInfo;
}
export interface PlatformPage {
  items: Platform[];
  next: (string | number) | null;
}
export interface PlatformReconciliation {
  asked: number;
  /**
   * something was sent that names the device
   */
  sent: number;
  /**
   * seen on the platform, as wanted
   */
  confirmed: number;
  refused: number;
  unknown: number;
  notSent: number;
  recorded: number;
  open: number;
  /**
   * asked = confirmed + refused + unknown + notSent + recorded + open, and everything that is confirmed was seen as wanted
   */
  closes: boolean;
  /**
   * how many devices ended otherwise, and why
   */
  why: {
    /**
     * confirmed: seen on the platform, as wanted; unknown: something was sent, and what came of it could not be found out
     */
    status: 'open' | 'confirmed' | 'refused' | 'unknown' | 'not_sent' | 'recorded';
    reason:
      | (
          | 'not_matched'
          | 'already_shipped'
          | 'bad_imei'
          | 'refused_by_platform'
          | 'other_account'
          | 'not_visible'
          | 'not_as_wanted'
          | 'no_answer'
          | 'time_over'
          | 'stopped'
        )
      | null;
    code: number | null;
    words: string;
    devices: number;
  }[];
}
export interface PlatformShipment {
  id: number;
  platformId: number;
  /**
   * its name when the order was made
   */
  platform: string;
  connected: boolean;
  lifetime: boolean;
  info: PlatformInfo;
  /**
   * finished: every device has ended and the sums close; red: they do not; recorded: the platform is not connected, nothing is sent
   */
  status: 'running' | 'finished' | 'recorded' | 'red';
  /**
   * devices that were named
   */
  asked: number;
  createdAt: string;
  createdBy: string;
  /**
   * what is open then, ends
   */
  deadlineAt: string;
  finishedAt: string | null;
  links: {
    self: string;
    devices: string;
    temporal: string | null;
  };
}
export interface PlatformShipmentDetail {
  id: number;
  platformId: number;
  /**
   * its name when the order was made
   */
  platform: string;
  connected: boolean;
  lifetime: boolean;
  info: PlatformInfo;
  /**
   * finished: every device has ended and the sums close; red: they do not; recorded: the platform is not connected, nothing is sent
   */
  status: 'running' | 'finished' | 'recorded' | 'red';
  /**
   * devices that were named
   */
  asked: number;
  createdAt: string;
  createdBy: string;
  /**
   * what is open then, ends
   */
  deadlineAt: string;
  finishedAt: string | null;
  links: {
    self: string;
    devices: string;
    temporal: string | null;
  };
  reconciliation: PlatformReconciliation;
  live: {
    phase: 'sending' | 'waiting' | 'paused' | 'ending';
    why: string | null;
    wakesAt: string | null;
  } | null;
}
export interface PlatformShipmentDevice {
  id: number;
  imei: string;
  customer: string | null;
  deviceId: string | null;
  /**
   * confirmed: seen on the platform, as wanted; unknown: something was sent, and what came of it could not be found out
   */
  status: 'open' | 'confirmed' | 'refused' | 'unknown' | 'not_sent' | 'recorded';
  reason:
    | (
        | 'not_matched'
        | 'already_shipped'
        | 'bad_imei'
        | 'refused_by_platform'
        | 'other_account'
        | 'not_visible'
        | 'not_as_wanted'
        | 'no_answer'
        | 'time_over'
        | 'stopped'
      )
    | null;
  reasonText: string | null;
  code: number | null;
  words: string;
  /**
   * calls that named it and may have changed something
   */
  attempts: number;
  seen: {
    account: string | null;
    /**
     * until when each account may use it
     */
    expirations: {
      [k: string]: string;
    };
    expiration: string | null;
  } | null;
  seenAt: string | null;
  firstSentAt: string | null;
  finishedAt: string | null;
  decision: ('retry' | 'reclassify' | 'write_off') | null;
  decidedBy: string | null;
  decidedAt: string | null;
  note: string;
}
export interface PlatformShipmentDevicePage {
  items: PlatformShipmentDevice[];
  next: (string | number) | null;
}
export interface PlatformShipmentLogPage {
  items: LogEntry[];
  next: (string | number) | null;
}
export interface PlatformShipmentPage {
  items: PlatformShipment[];
  next: (string | number) | null;
}
export interface Problem {
  type: string;
  title: string;
  status: number;
  /**
   * stable; decide by this
   */
  code: string;
  /**
   * what happened, to what, and what to do
   */
  detail: string;
  requestId: string;
  errors?: {
    path: string;
    code?: string;
    message: string;
  }[];
  [k: string]: unknown;
}
export interface Readiness {
  status: 'ready' | 'not_ready';
  checks: {
    database: PartCheck;
    temporal: PartCheck;
  };
}
export interface Reclassification {
  id: number;
  at: string;
  imei: string;
  /**
   * by which was decided; empty: nobody knows one
   */
  company: string;
  customerBefore: string | null;
  customer: string | null;
  rule: FiredRule | null;
  ruleText: string | null;
  shipmentId: number | null;
  platformShipmentId: number | null;
  rulesRevision: number;
  author: string;
  note: string;
}
export interface ReclassificationPage {
  items: Reclassification[];
  next: (string | number) | null;
}
/**
 * Either `imeis` or `shipmentId`.
 */
export interface Reclassify {
  /**
   * @minItems 1
   * @maxItems 10000
   */
  imeis?: string[];
  shipmentId?: number;
  /**
   * why
   */
  note: string;
}
export interface ReclassifyResult {
  devices: number;
  /**
   * of them: another customer than before, or none any more
   */
  changed: number;
  /**
   * of them: a customer was found
   */
  matched: number;
  leftOut: number | null;
  /**
   * of the rules by which was decided
   */
  rulesRevision: number;
  /**
   * the first 1000
   */
  items: {
    imei: string;
    /**
     * by which was decided; empty: nobody knows one
     */
    company: string;
    customerBefore: string | null;
    customer: string | null;
    rule: FiredRule | null;
    ruleText: string | null;
  }[];
}
export interface RetriedTask {
  /**
   * devices put back
   */
  devices: number;
  task: UpgradeTask;
}
export interface UpgradeTask {
  id: number;
  name: string;
  status: 'awaiting_approval' | 'scheduled' | 'running' | 'paused' | 'cancelling' | 'finished' | 'cancelled';
  /**
   * one or two for each kind of device
   */
  firmwareIds: number[];
  options: TaskOptions;
  joinFilter: {
    protocol?: string;
    model?: string;
    powerKw?: number;
    orderNo?: string;
    q?: string;
  } | null;
  approval: {
    /**
     * nobody can approve it later
     */
    deadlineAt: string;
    approvedAt: string | null;
    approvedBy: string | null;
  } | null;
  /**
   * counts changes of the pacing; send it with yours to overwrite nobody unseen
   */
  revision: number;
  /**
   * those that joined included
   */
  deviceCount: number;
  createdBy: string;
  createdAt: string;
  /**
   * no device is started before
   */
  dispatchAt: string;
  /**
   * nothing is offered from then on
   */
  deadlineAt: string;
  startedAt: string | null;
  finishedAt: string | null;
  links: {
    self: string;
    devices: string;
    log: string;
    execution: string | null;
  };
}
export interface Retry {
  /**
   * only these device upgrades of the task; others are passed over
   *
   * @minItems 1
   * @maxItems 10000
   */
  upgradeIds?: number[];
  /**
   * why; written into the log beside your name
   */
  cause?: string;
}
export interface Setting {
  /**
   * of the environment variable
   */
  name: string;
  value: string | null;
  isSecret: boolean;
  /**
   * in words, where it depends on something else
   */
  default: string;
  meaning: string;
  /**
   * what may be written
   */
  format: string;
}
export interface SettingPage {
  items: Setting[];
  next: (string | number) | null;
}
export interface Shipment {
  id: number;
  selection: ShipmentSelection;
  /**
   * empty: each device's own, as MES has it
   */
  company: string;
  /**
   * YYYY-MM-DD
   */
  shipDate: string;
  remark: string;
  /**
   * finished: every device has ended and the sums close; red: they do not, look at `wrong`
   */
  status: 'running' | 'finished' | 'red';
  /**
   * devices that were named
   */
  asked: number;
  createdAt: string;
  createdBy: string;
  stoppedBy: string | null;
  finishedAt: string | null;
  links: {
    self: string;
    devices: string;
    temporal: string | null;
  };
}
export interface ShipmentDetail {
  id: number;
  selection: ShipmentSelection;
  /**
   * empty: each device's own, as MES has it
   */
  company: string;
  /**
   * YYYY-MM-DD
   */
  shipDate: string;
  remark: string;
  /**
   * finished: every device has ended and the sums close; red: they do not, look at `wrong`
   */
  status: 'running' | 'finished' | 'red';
  /**
   * devices that were named
   */
  asked: number;
  createdAt: string;
  createdBy: string;
  stoppedBy: string | null;
  finishedAt: string | null;
  links: {
    self: string;
    devices: string;
    temporal: string | null;
  };
  sums: ShipmentSums;
}
export interface ShipmentSums {
  asked: number;
  shipped: number;
  refused: number;
  /**
   * of those shipped: a customer was found
   */
  classified: number;
  /**
   * of those shipped: no rule fits
   */
  unmatched: number;
  refusedBy: {
    reason:
      | 'bad_imei'
      | 'duplicate'
      | 'unknown'
      | 'already_shipped'
      | 'other_department'
      | 'not_after_production'
      | 'imei_taken'
      | 'stopped';
    devices: number;
  }[];
  customers: {
    customer: string;
    rule: string;
    devices: number;
  }[];
  open: number;
  /**
   * asked = shipped + refused + open; shipped = classified + unmatched = its records; classified = its entries in the matched list
   */
  closes: boolean;
  /**
   * what does not fit
   */
  wrong: string[];
}
export interface ShipmentDevice {
  /**
   * in the order in which they were named, from 1
   */
  place: number;
  imei: string;
  status: 'open' | 'shipped' | 'refused';
  reason:
    | (
        | 'bad_imei'
        | 'duplicate'
        | 'unknown'
        | 'already_shipped'
        | 'other_department'
        | 'not_after_production'
        | 'imei_taken'
        | 'stopped'
      )
    | null;
  reasonText: string | null;
  deviceId: string | null;
  customer: string | null;
  rule: string | null;
  finishedAt: string | null;
}
export interface ShipmentDevicePage {
  items: ShipmentDevice[];
  next: (string | number) | null;
}
export interface ShipmentOrder {
  /**
   * devices that MES has packed
   *
   * @minItems 1
   * @maxItems 100000
   */
  imeis?: string[];
  /**
   * or all of a work order (ZhiDan), whole
   */
  order?: string;
  /**
   * or all of a carton (BoxNo), whole
   */
  carton?: string;
  /**
   * YYYY-MM-DD; later than the production date of each device, by the calendar in Beijing
   */
  shipDate: string;
  /**
   * by its name the customer is found; without it each device is classified by its CompanyName in MES
   */
  company?: string;
  remark?: string;
}
export interface ShipmentPage {
  items: Shipment[];
  next: (string | number) | null;
}
export interface ShipmentPlan {
  asked: number;
  shipped: number;
  refused: number;
  /**
   * of those shipped: a customer was found
   */
  classified: number;
  /**
   * of those shipped: no rule fits
   */
  unmatched: number;
  refusedBy: {
    reason:
      | 'bad_imei'
      | 'duplicate'
      | 'unknown'
      | 'already_shipped'
      | 'other_department'
      | 'not_after_production'
      | 'imei_taken'
      | 'stopped';
    devices: number;
  }[];
  customers: {
    customer: string;
    rule: string;
    devices: number;
  }[];
  rulesRevision: number;
  /**
   * the first 1000
   */
  refusedDevices: ShipmentPlanned[];
  /**
   * the first 1000
   */
  shippedDevices: ShipmentPlanned[];
}
export interface ShipmentPlanned {
  imei: string;
  reason:
    | (
        | 'bad_imei'
        | 'duplicate'
        | 'unknown'
        | 'already_shipped'
        | 'other_department'
        | 'not_after_production'
        | 'imei_taken'
        | 'stopped'
      )
    | null;
  reasonText: string | null;
  company: string | null;
  customer: string | null;
  rule: string | null;
}
export interface ShipmentRecord {
  id: number;
  imei: string;
  deviceId: string;
  shipmentId: number;
  orderNo: string;
  carton: string;
  model: string;
  /**
   * as MES has it
   */
  version: string;
  sn: string;
  sim: string;
  iccid: string;
  /**
   * RID of the baseband
   */
  rid: string;
  /**
   * by which it was classified
   */
  company: string;
  /**
   * where that name came from
   */
  companyBy: 'shipment' | 'mes';
  mesCompany: string;
  productionDate: string | null;
  /**
   * YYYY-MM-DD
   */
  shipDate: string;
  remark: string;
  customer: string | null;
  rule: FiredRule | null;
  ruleText: string | null;
  rulesRevision: number;
  shippedAt: string;
  shippedBy: string;
  links: {
    shipment: string;
    device: string;
  };
}
export interface ShipmentRecordPage {
  items: ShipmentRecord[];
  next: (string | number) | null;
}
export interface SignIn {
  /**
   * swk_…
   */
  key: string;
}
export interface TaskLogPage {
  items: LogEntry[];
  next: (string | number) | null;
}
export interface Tray {
  barcode: string;
  property: string | null;
  createdAt: string;
  usedAt: string;
  cells: number;
  notOk: number;
  bindCode: string | null;
}
export interface TrayChange {
  property: string | null;
}
export interface TrayDetail {
  barcode: string;
  property: string | null;
  createdAt: string;
  usedAt: string;
  cells: number;
  notOk: number;
  bindCode: string | null;
  /**
   * by position
   */
  contents: {
    serialNo: string;
    positionNo: number;
    status: number;
    bindCode: string;
    filledAt: string | null;
  }[];
}
export interface TrayLogPage {
  items: TrayLogEntry[];
  next: (string | number) | null;
}
export interface TrayPage {
  items: Tray[];
  next: (string | number) | null;
}
export interface TrayUnbinding {
  /**
   * else all of them
   *
   * @minItems 1
   * @maxItems 2000
   */
  serialNos?: string[];
  /**
   * why; written into the log beside your name
   */
  cause?: string;
}
export interface Trigger {
  id: number;
  name: string;
  isOn: boolean;
  match: TriggerMatch;
  company: string;
  shipInDays: number;
  remark: string;
  platform: TriggerPlatform | null;
  /**
   * counts changes; see `If-Match`
   */
  revision: number;
  createdAt: string;
  createdBy: string;
  links: {
    self: string;
    firings: string;
    differences: string;
  };
}
export interface TriggerChange {
  /**
   * its firings are called so in the Temporal Web UI
   */
  name?: string;
  match?: TriggerMatch;
  /**
   * as in an order of a shipment
   */
  company?: string;
  /**
   * the ship date is so many days after the day, in Beijing, on which it fires; 0 refuses what was produced that day
   */
  shipInDays?: number;
  remark?: string;
  platform?: TriggerPlatform | null;
}
export interface TriggerDifference {
  id: number;
  at: string;
  /**
   * shipped_changed: MES changed a device that it had shipped; fits_no_more: so that it would not ship it now; fits_now: a row that did not fit fits now, and was not shipped: decide, and ship it by hand
   */
  kind: 'shipped_changed' | 'fits_no_more' | 'fits_now';
  imei: string;
  cycle: number;
  shipmentId: number | null;
  table: string;
  differences: {
    column: string;
    old: string | null;
    new: string | null;
  }[];
}
export interface TriggerDifferencePage {
  items: TriggerDifference[];
  next: (string | number) | null;
}
export interface TriggerDryRun {
  asked: number;
  shipped: number;
  refused: number;
  /**
   * of those shipped: a customer was found
   */
  classified: number;
  /**
   * of those shipped: no rule fits
   */
  unmatched: number;
  refusedBy: {
    reason:
      | 'bad_imei'
      | 'duplicate'
      | 'unknown'
      | 'already_shipped'
      | 'other_department'
      | 'not_after_production'
      | 'imei_taken'
      | 'stopped';
    devices: number;
  }[];
  customers: {
    customer: string;
    rule: string;
    devices: number;
  }[];
  rulesRevision: number;
  /**
   * the first 1000
   */
  refusedDevices: ShipmentPlanned[];
  /**
   * the first 1000
   */
  shippedDevices: ShipmentPlanned[];
  /**
   * if it fired now
   */
  shipDate: string;
  /**
   * false: more rows fit than are judged here
   */
  isWhole: boolean;
  rowsLookedAt: number | null;
}
export interface TriggerFiring {
  /**
   * the reading of MES, or the import
   */
  cycle: number;
  /**
   * attention: something of it needs a person, see `words`
   */
  status: 'firing' | 'done' | 'attention';
  words: string;
  /**
   * new rows that fitted
   */
  devices: number;
  differences: number;
  shipmentId: number | null;
  platformShipmentId: number | null;
  startedAt: string;
  finishedAt: string | null;
  links: {
    shipment: string | null;
    platformShipment: string | null;
    temporal: string | null;
  };
}
export interface TriggerFiringPage {
  items: TriggerFiring[];
  next: (string | number) | null;
}
export interface TriggerPage {
  items: Trigger[];
  next: (string | number) | null;
}
export interface UnknownDevice {
  protocol: string;
  identity: string;
  firstSeenAt: string;
  lastSeenAt: string;
  contacts: number;
  address: string;
}
export interface UnknownDevicePage {
  items: UnknownDevice[];
  next: (string | number) | null;
}
export interface UpgradeDecision {
  /**
   * retry: the device begins again in its task; give_up: it stays as it is and needs nobody any more; confirm: a baseband upgrade (T3) is a success
   */
  decision: 'retry' | 'give_up' | 'confirm';
  /**
   * why; written into the log beside your name
   */
  cause?: string;
}
export interface UpgradeLogEntry {
  id: number;
  at: string;
  /**
   * `system`, `device`, or the name of the key of whoever did it
   */
  author: string;
  event: string;
  status:
    | (
        | 'scheduled'
        | 'waiting'
        | 'offered'
        | 'transferring'
        | 'confirming'
        | 'succeeded'
        | 'failed'
        | 'unproven'
        | 'expired'
        | 'cancelled'
        | 'partial'
        | 'skipped'
        | 'reverted'
      )
    | null;
  fileIndex: number | null;
  attempt: number | null;
  cause: string;
  details: {
    [k: string]: unknown;
  };
}
export interface UpgradeLogPage {
  items: UpgradeLogEntry[];
  next: (string | number) | null;
}
export interface UpgradeOrder {
  name?: string;
  /**
   * one or two files for each kind of device, in the order in which they are installed; at most 8. Each device gets those of its protocol, a charging pile those of its model and power
   *
   * @minItems 1
   * @maxItems 8
   */
  firmwareIds: number[];
  /**
   * the devices, in the order in which they are started; at most 100000. Either this or filter
   */
  deviceIds?: string[];
  /**
   * all devices of the department that fit. Either this or deviceIds
   */
  filter?: {
    protocol?: 'terminal' | 'ams' | 'pcp' | 'pile';
    model?: string;
    /**
     * of charging piles
     */
    powerKw?: number;
    /**
     * factory or customer order
     */
    orderNo?: string;
    /**
     * beginning of an id, an identity or an IMEI
     */
    q?: string;
  };
  options?: TaskOptions;
}
export interface UpgradePage {
  items: DeviceUpgrade[];
  next: (string | number) | null;
}
export interface UpgradePlan {
  counts: {
    asked: number;
    goes: number;
    waits: number;
    skipped: number;
    refused: number;
  };
  reasons: {
    /**
     * goes: at once; waits: is in the task and begins when the reason is gone; skipped: is listed and left alone; refused: is not taken into the task
     */
    outcome: 'goes' | 'waits' | 'skipped' | 'refused';
    reason: string;
    reasonText: string | null;
    devices: number;
  }[];
  nights: number | null;
  expectedEndAt: string | null;
  /**
   * the task has ended by then, whatever devices do
   */
  latestEndAt: string;
  warnings: {
    code: string;
    message: string;
  }[];
  files: {
    firmwareId: number;
    fileName: string;
    protocol: 'terminal' | 'ams' | 'pcp' | 'pile';
    model: string | null;
    powerKw: number | null;
    /**
     * T1 OTA, T2 OBD, T3 baseband, T4 MCU, T5 GPS; terminals have T1 only
     */
    component: 'T1' | 'T2' | 'T3' | 'T4' | 'T5';
    targetVersion: string;
    sizeBytes: number;
    /**
     * from the offer to the end of the flash, of a device as they usually are
     */
    expectedMinutes: number;
  }[];
  options: TaskOptions;
  dispatchAt: string;
  deadlineAt: string;
  devices: PlannedDevice[];
  next: number | null;
}
export interface UpgradeTaskDetail {
  id: number;
  name: string;
  status: 'awaiting_approval' | 'scheduled' | 'running' | 'paused' | 'cancelling' | 'finished' | 'cancelled';
  /**
   * one or two for each kind of device
   */
  firmwareIds: number[];
  options: TaskOptions;
  joinFilter: {
    protocol?: string;
    model?: string;
    powerKw?: number;
    orderNo?: string;
    q?: string;
  } | null;
  approval: {
    /**
     * nobody can approve it later
     */
    deadlineAt: string;
    approvedAt: string | null;
    approvedBy: string | null;
  } | null;
  /**
   * counts changes of the pacing; send it with yours to overwrite nobody unseen
   */
  revision: number;
  /**
   * those that joined included
   */
  deviceCount: number;
  createdBy: string;
  createdAt: string;
  /**
   * no device is started before
   */
  dispatchAt: string;
  /**
   * nothing is offered from then on
   */
  deadlineAt: string;
  startedAt: string | null;
  finishedAt: string | null;
  links: {
    self: string;
    devices: string;
    log: string;
    execution: string | null;
  };
  files: {
    firmwareId: number;
    fileName: string;
    protocol: 'terminal' | 'ams' | 'pcp' | 'pile';
    model: string | null;
    powerKw: number | null;
    /**
     * T1 OTA, T2 OBD, T3 baseband, T4 MCU, T5 GPS; terminals have T1 only
     */
    component: 'T1' | 'T2' | 'T3' | 'T4' | 'T5';
    targetVersion: string;
    sizeBytes: number;
    /**
     * from the offer to the end of the flash, of a device as they usually are
     */
    expectedMinutes: number;
  }[];
  /**
   * devices by status
   */
  counts: {
    [k: string]: number;
  };
  pace: {
    startsPerMinute: number | null;
    startedInLastMinute: number;
    /**
     * step of growth it is at, from 1; always 1 without growth
     */
    wave: number;
  };
  approvalNeededFrom: string | null;
  live: {
    /**
     * what the workflow does now
     */
    phase: string;
    wakesAt: string | null;
    maxConcurrent: number | null;
  } | null;
}
export interface UpgradeTaskPage {
  items: UpgradeTask[];
  next: (string | number) | null;
}
export interface VersionUpload {
  id: number;
  receivedAt: string;
  source: string;
  /**
   * as it was received
   */
  raw: string;
  versions: {
    component: string;
    version: string;
  }[];
  warnings: string[];
  error: string | null;
}
export interface VersionUploadPage {
  items: VersionUpload[];
  next: (string | number) | null;
}
export interface Webhook {
  id: number;
  url: string;
  /**
   * empty: all
   */
  kinds: (
    | 'task.started'
    | 'task.paused'
    | 'task.finished'
    | 'task.cancelled'
    | 'task.approval_needed'
    | 'device.failed'
    | 'device.reverted'
    | 'device.needs_person'
    | 'command.finished'
    | 'shipment.finished'
    | 'platform_shipment.finished'
    | 'equipment.offline'
    | 'equipment.back'
    | 'equipment.alarm'
    | 'equipment.alarm_cleared'
    | 'equipment.clock_skew'
    | 'agent.offline'
    | 'agent.back'
    | 'agent.quarantined'
    | 'agent.data_needed'
  )[];
  /**
   * false: events wait until it is switched on again
   */
  isActive: boolean;
  offReason: string | null;
  failingSince: string | null;
  /**
   * events that are under way or wait for it
   */
  waiting: number;
  remark: string;
  /**
   * counts changes; see `If-Match`
   */
  revision: number;
  createdAt: string;
  createdBy: string;
}
export interface WebhookChange {
  /**
   * https://… or http://…, without a password in it
   */
  url?: string;
  /**
   * what it wants to hear of; empty: everything, also kinds that come with later versions
   *
   * @maxItems 20
   */
  kinds?: (
    | 'task.started'
    | 'task.paused'
    | 'task.finished'
    | 'task.cancelled'
    | 'task.approval_needed'
    | 'device.failed'
    | 'device.reverted'
    | 'device.needs_person'
    | 'command.finished'
    | 'shipment.finished'
    | 'platform_shipment.finished'
    | 'equipment.offline'
    | 'equipment.back'
    | 'equipment.alarm'
    | 'equipment.alarm_cleared'
    | 'equipment.clock_skew'
    | 'agent.offline'
    | 'agent.back'
    | 'agent.quarantined'
    | 'agent.data_needed'
  )[];
  isActive?: boolean;
  remark?: string;
  /**
   * forget what waits and what was missed
   */
  skipMissed?: boolean;
}
export interface WebhookDelivery {
  id: number;
  /**
   * `id` in the body that is sent
   */
  eventId: number;
  kind:
    | 'task.started'
    | 'task.paused'
    | 'task.finished'
    | 'task.cancelled'
    | 'task.approval_needed'
    | 'device.failed'
    | 'device.reverted'
    | 'device.needs_person'
    | 'command.finished'
    | 'shipment.finished'
    | 'platform_shipment.finished'
    | 'equipment.offline'
    | 'equipment.back'
    | 'equipment.alarm'
    | 'equipment.alarm_cleared'
    | 'equipment.clock_skew'
    | 'agent.offline'
    | 'agent.back'
    | 'agent.quarantined'
    | 'agent.data_needed';
  at: string;
  taskId: number | null;
  deviceId: string | null;
  /**
   * pending: waits its turn or is tried again
   */
  status: 'pending' | 'delivered' | 'failed';
  attempts: number;
  lastStatus: number | null;
  lastError: string | null;
  createdAt: string;
  startedAt: string | null;
  lastAttemptAt: string | null;
  finishedAt: string | null;
  links: {
    temporal: string | null;
  };
}
export interface WebhookDeliveryPage {
  items: WebhookDelivery[];
  next: (string | number) | null;
}
export interface WebhookPage {
  items: Webhook[];
  next: (string | number) | null;
}
export interface WebhookPing {
  status: number | null;
  error: string | null;
  tookMs: number;
}
export interface WebhookWithSecret {
  id: number;
  url: string;
  /**
   * empty: all
   */
  kinds: (
    | 'task.started'
    | 'task.paused'
    | 'task.finished'
    | 'task.cancelled'
    | 'task.approval_needed'
    | 'device.failed'
    | 'device.reverted'
    | 'device.needs_person'
    | 'command.finished'
    | 'shipment.finished'
    | 'platform_shipment.finished'
    | 'equipment.offline'
    | 'equipment.back'
    | 'equipment.alarm'
    | 'equipment.alarm_cleared'
    | 'equipment.clock_skew'
    | 'agent.offline'
    | 'agent.back'
    | 'agent.quarantined'
    | 'agent.data_needed'
  )[];
  /**
   * false: events wait until it is switched on again
   */
  isActive: boolean;
  offReason: string | null;
  failingSince: string | null;
  /**
   * events that are under way or wait for it
   */
  waiting: number;
  remark: string;
  /**
   * counts changes; see `If-Match`
   */
  revision: number;
  createdAt: string;
  createdBy: string;
  /**
   * key of the signatures (`whsec_…`); in this answer and never again
   */
  secret: string;
}
export interface ListDepartmentsQuery {
  /**
   * most items in the answer
   */
  limit?: number;
  /**
   * `next` of the page before
   */
  after?: number;
  /**
   * csv: the whole list as a file, like `Accept: text/csv`; `limit` does not matter then
   */
  format?: 'json' | 'csv';
}
export interface ListApiKeysQuery {
  /**
   * most items in the answer
   */
  limit?: number;
  /**
   * `next` of the page before
   */
  after?: number;
  /**
   * csv: the whole list as a file, like `Accept: text/csv`; `limit` does not matter then
   */
  format?: 'json' | 'csv';
}
export interface RevokeApiKeyParams {
  keyId: number;
}
export interface ListAuditQuery {
  author?: string;
  action?: string;
  targetKind?: string;
  targetId?: string;
  /**
   * from this moment on
   */
  from?: string;
  /**
   * before this moment
   */
  to?: string;
  /**
   * most items in the answer
   */
  limit?: number;
  /**
   * `next` of the page before
   */
  after?: number;
  /**
   * csv: the whole list as a file, like `Accept: text/csv`; `limit` does not matter then
   */
  format?: 'json' | 'csv';
}
export interface ListSettingsQuery {
  /**
   * csv: the whole list as a file, like `Accept: text/csv`; `limit` does not matter then
   */
  format?: 'json' | 'csv';
}
export interface ListDevicesQuery {
  protocol?: 'terminal' | 'ams' | 'pcp' | 'pile';
  model?: string;
  /**
   * of charging piles
   */
  powerKw?: number;
  /**
   * empty: devices without an order
   */
  orderNo?: string;
  /**
   * beginning of an id, an identity or an IMEI
   */
  q?: string;
  /**
   * what you remember of it: last or first digits of the label (at least 3), words of model, order or remark, or their beginnings; every word must be found
   */
  search?: string;
  /**
   * last reported version, of any component unless `component` is given
   */
  version?: string;
  /**
   * T1 OTA, T2 OBD, T3 baseband, T4 MCU, T5 GPS; terminals have T1 only
   */
  component?: 'T1' | 'T2' | 'T3' | 'T4' | 'T5';
  /**
   * heard of at this moment or later
   */
  seenSince?: string;
  /**
   * not heard of since this moment, but before
   */
  seenBefore?: string;
  /**
   * true: never heard of; false: heard of at least once
   */
  neverSeen?: boolean;
  /**
   * YYYY-MM-DD
   */
  productionFrom?: string;
  /**
   * this day included
   */
  productionTo?: string;
  /**
   * YYYY-MM-DD
   */
  shippedFrom?: string;
  /**
   * this day included
   */
  shippedTo?: string;
  /**
   * status of the upgrade that runs for the device now
   */
  upgradeStatus?:
    | 'scheduled'
    | 'waiting'
    | 'offered'
    | 'transferring'
    | 'confirming'
    | 'succeeded'
    | 'failed'
    | 'unproven'
    | 'expired'
    | 'cancelled'
    | 'partial'
    | 'skipped'
    | 'reverted';
  /**
   * most items in the answer
   */
  limit?: number;
  /**
   * `next` of the page before
   */
  after?: string;
  /**
   * csv: the whole list as a file, like `Accept: text/csv`; `limit` does not matter then
   */
  format?: 'json' | 'csv';
}
export interface CountDevicesQuery {
  protocol?: 'terminal' | 'ams' | 'pcp' | 'pile';
  model?: string;
  /**
   * of charging piles
   */
  powerKw?: number;
  /**
   * empty: devices without an order
   */
  orderNo?: string;
  /**
   * beginning of an id, an identity or an IMEI
   */
  q?: string;
  /**
   * what you remember of it: last or first digits of the label (at least 3), words of model, order or remark, or their beginnings; every word must be found
   */
  search?: string;
  /**
   * last reported version, of any component unless `component` is given
   */
  version?: string;
  /**
   * T1 OTA, T2 OBD, T3 baseband, T4 MCU, T5 GPS; terminals have T1 only
   */
  component?: 'T1' | 'T2' | 'T3' | 'T4' | 'T5';
  /**
   * heard of at this moment or later
   */
  seenSince?: string;
  /**
   * not heard of since this moment, but before
   */
  seenBefore?: string;
  /**
   * true: never heard of; false: heard of at least once
   */
  neverSeen?: boolean;
  /**
   * YYYY-MM-DD
   */
  productionFrom?: string;
  /**
   * this day included
   */
  productionTo?: string;
  /**
   * YYYY-MM-DD
   */
  shippedFrom?: string;
  /**
   * this day included
   */
  shippedTo?: string;
  /**
   * status of the upgrade that runs for the device now
   */
  upgradeStatus?:
    | 'scheduled'
    | 'waiting'
    | 'offered'
    | 'transferring'
    | 'confirming'
    | 'succeeded'
    | 'failed'
    | 'unproven'
    | 'expired'
    | 'cancelled'
    | 'partial'
    | 'skipped'
    | 'reverted';
}
export interface GetDeviceParams {
  /**
   * `<protocol>-<identity>`
   */
  deviceId: string;
}
export interface UpdateDeviceParams {
  /**
   * `<protocol>-<identity>`
   */
  deviceId: string;
}
export interface DeleteDeviceParams {
  /**
   * `<protocol>-<identity>`
   */
  deviceId: string;
}
export interface ListVersionUploadsParams {
  /**
   * `<protocol>-<identity>`
   */
  deviceId: string;
}
export interface ListVersionUploadsQuery {
  /**
   * most items in the answer
   */
  limit?: number;
  /**
   * `next` of the page before
   */
  after?: number;
  /**
   * csv: the whole list as a file, like `Accept: text/csv`; `limit` does not matter then
   */
  format?: 'json' | 'csv';
}
export interface ListDeviceUpgradesParams {
  /**
   * `<protocol>-<identity>`
   */
  deviceId: string;
}
export interface ListDeviceUpgradesQuery {
  /**
   * most items in the answer
   */
  limit?: number;
  /**
   * `next` of the page before
   */
  after?: number;
  /**
   * csv: the whole list as a file, like `Accept: text/csv`; `limit` does not matter then
   */
  format?: 'json' | 'csv';
}
export interface ListUnknownDevicesQuery {
  /**
   * most items in the answer
   */
  limit?: number;
  /**
   * `next` of the page before
   */
  after?: string;
  /**
   * csv: the whole list as a file, like `Accept: text/csv`; `limit` does not matter then
   */
  format?: 'json' | 'csv';
}
export interface ListBusinessMessagesParams {
  /**
   * `<protocol>-<identity>`
   */
  deviceId: string;
}
export interface ListBusinessMessagesQuery {
  /**
   * most items in the answer
   */
  limit?: number;
  /**
   * `next` of the page before
   */
  after?: number;
  /**
   * csv: the whole list as a file, like `Accept: text/csv`; `limit` does not matter then
   */
  format?: 'json' | 'csv';
}
export interface ListFrameErrorsParams {
  /**
   * `<protocol>-<identity>`
   */
  deviceId: string;
}
export interface ListFrameErrorsQuery {
  /**
   * most items in the answer
   */
  limit?: number;
  /**
   * `next` of the page before
   */
  after?: string;
  /**
   * csv: the whole list as a file, like `Accept: text/csv`; `limit` does not matter then
   */
  format?: 'json' | 'csv';
}
export interface ListFirmwareQuery {
  protocol?: 'terminal' | 'ams' | 'pcp' | 'pile';
  /**
   * T1 OTA, T2 OBD, T3 baseband, T4 MCU, T5 GPS; terminals have T1 only
   */
  component?: 'T1' | 'T2' | 'T3' | 'T4' | 'T5';
  targetVersion?: string;
  model?: string;
  /**
   * for charging piles
   */
  powerKw?: number;
  /**
   * most items in the answer
   */
  limit?: number;
  /**
   * `next` of the page before
   */
  after?: number;
  /**
   * csv: the whole list as a file, like `Accept: text/csv`; `limit` does not matter then
   */
  format?: 'json' | 'csv';
}
export interface GetFirmwareParams {
  firmwareId: number;
}
export interface DeleteFirmwareParams {
  firmwareId: number;
}
export interface DownloadFirmwareParams {
  firmwareId: number;
}
export interface GetFirmwareCheckInfoParams {
  firmwareId: number;
}
export interface PlanUpgradeTaskQuery {
  /**
   * goes: at once; waits: is in the task and begins when the reason is gone; skipped: is listed and left alone; refused: is not taken into the task
   */
  outcome?: 'goes' | 'waits' | 'skipped' | 'refused';
  /**
   * most devices in the answer
   */
  limit?: number;
  /**
   * `next` of the page before
   */
  after?: number;
}
export interface ListUpgradeTasksQuery {
  /**
   * one or more of awaiting_approval, scheduled, running, paused, cancelling, finished, cancelled, separated by commas
   */
  status?: string;
  /**
   * name of the key of its maker
   */
  createdBy?: string;
  /**
   * made then or later
   */
  from?: string;
  /**
   * made before
   */
  to?: string;
  /**
   * part of the name
   */
  q?: string;
  /**
   * most items in the answer
   */
  limit?: number;
  /**
   * `next` of the page before
   */
  after?: number;
  /**
   * csv: the whole list as a file, like `Accept: text/csv`; `limit` does not matter then
   */
  format?: 'json' | 'csv';
}
export interface GetUpgradeTaskParams {
  taskId: number;
}
export interface ListUpgradeTaskDevicesParams {
  taskId: number;
}
export interface ListUpgradeTaskDevicesQuery {
  /**
   * one or more of scheduled, waiting, offered, transferring, confirming, succeeded, failed, unproven, expired, cancelled, partial, skipped, reverted, separated by commas
   */
  status?: string;
  reason?: string;
  /**
   * beginning of the id
   */
  deviceId?: string;
  /**
   * most items in the answer
   */
  limit?: number;
  /**
   * `next` of the page before
   */
  after?: number;
  /**
   * csv: the whole list as a file, like `Accept: text/csv`; `limit` does not matter then
   */
  format?: 'json' | 'csv';
}
export interface ListUpgradeTaskLogParams {
  taskId: number;
}
export interface ListUpgradeTaskLogQuery {
  /**
   * most items in the answer
   */
  limit?: number;
  /**
   * `next` of the page before
   */
  after?: number;
  /**
   * csv: the whole list as a file, like `Accept: text/csv`; `limit` does not matter then
   */
  format?: 'json' | 'csv';
}
export interface PauseUpgradeTaskParams {
  taskId: number;
}
export interface ResumeUpgradeTaskParams {
  taskId: number;
}
export interface CancelUpgradeTaskParams {
  taskId: number;
}
export interface StartUpgradeTaskNowParams {
  taskId: number;
}
export interface ApproveUpgradeTaskParams {
  taskId: number;
}
export interface RejectUpgradeTaskParams {
  taskId: number;
}
export interface RetryFailedDevicesParams {
  taskId: number;
}
export interface ChangeUpgradeTaskPacingParams {
  taskId: number;
}
export interface GetDeviceUpgradeParams {
  upgradeId: number;
}
export interface ListDeviceUpgradeLogParams {
  upgradeId: number;
}
export interface ListDeviceUpgradeLogQuery {
  /**
   * most items in the answer
   */
  limit?: number;
  /**
   * `next` of the page before
   */
  after?: number;
  /**
   * csv: the whole list as a file, like `Accept: text/csv`; `limit` does not matter then
   */
  format?: 'json' | 'csv';
}
export interface DecideDeviceUpgradeParams {
  upgradeId: number;
}
export interface CancelDeviceUpgradeParams {
  upgradeId: number;
}
export interface SkipDeviceUpgradeParams {
  upgradeId: number;
}
export interface ConfirmDeviceUpgradeParams {
  upgradeId: number;
}
export interface SendDeviceCommandParams {
  /**
   * `<protocol>-<identity>`
   */
  deviceId: string;
}
export interface ListDeviceCommandsParams {
  /**
   * `<protocol>-<identity>`
   */
  deviceId: string;
}
export interface ListDeviceCommandsQuery {
  /**
   * waiting: for the device or its turn; sent: the answer is awaited; accepted: the proof is awaited; the others are ends
   */
  status?: 'waiting' | 'sent' | 'accepted' | 'succeeded' | 'failed' | 'expired' | 'cancelled';
  /**
   * set_sleep, read_sleep: 2G terminals; restart: charging piles; query_version: PCP devices. Nobody knows another one.
   */
  kind?: 'set_sleep' | 'read_sleep' | 'restart' | 'query_version';
  /**
   * most items in the answer
   */
  limit?: number;
  /**
   * `next` of the page before
   */
  after?: number;
  /**
   * csv: the whole list as a file, like `Accept: text/csv`; `limit` does not matter then
   */
  format?: 'json' | 'csv';
}
export interface ListCommandsQuery {
  /**
   * `<protocol>-<identity>`
   */
  deviceId?: string;
  /**
   * waiting: for the device or its turn; sent: the answer is awaited; accepted: the proof is awaited; the others are ends
   */
  status?: 'waiting' | 'sent' | 'accepted' | 'succeeded' | 'failed' | 'expired' | 'cancelled';
  /**
   * set_sleep, read_sleep: 2G terminals; restart: charging piles; query_version: PCP devices. Nobody knows another one.
   */
  kind?: 'set_sleep' | 'read_sleep' | 'restart' | 'query_version';
  /**
   * most items in the answer
   */
  limit?: number;
  /**
   * `next` of the page before
   */
  after?: number;
  /**
   * csv: the whole list as a file, like `Accept: text/csv`; `limit` does not matter then
   */
  format?: 'json' | 'csv';
}
export interface GetCommandParams {
  commandId: number;
}
export interface CancelCommandParams {
  commandId: number;
}
export interface ListAttentionQuery {
  kind?: 'reverted' | 'unproven' | 'failed' | 'partial' | 'expired' | 'awaiting_confirmation';
  taskId?: number;
  model?: string;
  /**
   * needs a person since then or later
   */
  since?: string;
  /**
   * oldest: longest waiting first
   */
  order?: 'newest' | 'oldest';
  /**
   * most items in the answer
   */
  limit?: number;
  /**
   * `next` of the page before
   */
  after?: string;
  /**
   * csv: the whole list as a file, like `Accept: text/csv`; `limit` does not matter then
   */
  format?: 'json' | 'csv';
}
export interface GetDeviceLineageParams {
  /**
   * `<protocol>-<identity>`
   */
  deviceId: string;
}
export interface ExplainDeviceParams {
  /**
   * `<protocol>-<identity>`
   */
  deviceId: string;
}
export interface ListMesDevicesQuery {
  imei?: string;
  /**
   * work order (ZhiDan), whole
   */
  order?: string;
  /**
   * BoxNo, whole
   */
  carton?: string;
  /**
   * SoftModel, whole
   */
  model?: string;
  /**
   * CompanyName, whole
   */
  company?: string;
  /**
   * SN or IMEI2
   */
  sn?: string;
  iccid?: string;
  /**
   * first day of the test time, in Beijing
   */
  from?: string;
  /**
   * last day of the test time, in Beijing
   */
  to?: string;
  shipped?: boolean;
  /**
   * most items in the answer
   */
  limit?: number;
  /**
   * `next` of the page before
   */
  after?: string;
  /**
   * csv: the whole list as a file, like `Accept: text/csv`; `limit` does not matter then
   */
  format?: 'json' | 'csv';
}
export interface CountMesDevicesQuery {
  imei?: string;
  /**
   * work order (ZhiDan), whole
   */
  order?: string;
  /**
   * BoxNo, whole
   */
  carton?: string;
  /**
   * SoftModel, whole
   */
  model?: string;
  /**
   * CompanyName, whole
   */
  company?: string;
  /**
   * SN or IMEI2
   */
  sn?: string;
  iccid?: string;
  /**
   * first day of the test time, in Beijing
   */
  from?: string;
  /**
   * last day of the test time, in Beijing
   */
  to?: string;
  shipped?: boolean;
}
export interface ListMesChangesQuery {
  /**
   * as it was before the change
   */
  imei?: string;
  cycle?: number;
  /**
   * most items in the answer
   */
  limit?: number;
  /**
   * `next` of the page before
   */
  after?: number;
  /**
   * csv: the whole list as a file, like `Accept: text/csv`; `limit` does not matter then
   */
  format?: 'json' | 'csv';
}
export interface ListMesRejectedQuery {
  /**
   * most items in the answer
   */
  limit?: number;
  /**
   * `next` of the page before
   */
  after?: string;
  /**
   * csv: the whole list as a file, like `Accept: text/csv`; `limit` does not matter then
   */
  format?: 'json' | 'csv';
}
export interface ListMesCyclesQuery {
  status?: 'running' | 'done' | 'empty' | 'unreachable' | 'refused' | 'mismatch' | 'cancelled' | 'abandoned';
  /**
   * most items in the answer
   */
  limit?: number;
  /**
   * `next` of the page before
   */
  after?: number;
  /**
   * csv: the whole list as a file, like `Accept: text/csv`; `limit` does not matter then
   */
  format?: 'json' | 'csv';
}
export interface ImportMesParams {
  /**
   * `carton`: Gps_CartonBoxTwenty_Result; `sheet`: DataRelativeSheet
   */
  table: 'carton' | 'sheet';
}
export interface ListShipmentsQuery {
  /**
   * finished: every device has ended and the sums close; red: they do not, look at `wrong`
   */
  status?: 'running' | 'finished' | 'red';
  /**
   * name of the key of its maker
   */
  createdBy?: string;
  imei?: string;
  order?: string;
  carton?: string;
  /**
   * most items in the answer
   */
  limit?: number;
  /**
   * `next` of the page before
   */
  after?: number;
  /**
   * csv: the whole list as a file, like `Accept: text/csv`; `limit` does not matter then
   */
  format?: 'json' | 'csv';
}
export interface GetShipmentParams {
  shipmentId: number;
}
export interface ListShipmentDevicesParams {
  shipmentId: number;
}
export interface ListShipmentDevicesQuery {
  status?: 'open' | 'shipped' | 'refused';
  reason?:
    | 'bad_imei'
    | 'duplicate'
    | 'unknown'
    | 'already_shipped'
    | 'other_department'
    | 'not_after_production'
    | 'imei_taken'
    | 'stopped';
  imei?: string;
  customer?: string;
  /**
   * most items in the answer
   */
  limit?: number;
  /**
   * `next` of the page before
   */
  after?: number;
  /**
   * csv: the whole list as a file, like `Accept: text/csv`; `limit` does not matter then
   */
  format?: 'json' | 'csv';
}
export interface StopShipmentParams {
  shipmentId: number;
}
export interface ListShipmentRecordsQuery {
  imei?: string;
  order?: string;
  carton?: string;
  model?: string;
  company?: string;
  customer?: string;
  /**
   * false: those for which no rule fitted
   */
  classified?: boolean;
  shipmentId?: number;
  /**
   * first ship date
   */
  from?: string;
  /**
   * last ship date
   */
  to?: string;
  /**
   * most items in the answer
   */
  limit?: number;
  /**
   * `next` of the page before
   */
  after?: string;
  /**
   * csv: the whole list as a file, like `Accept: text/csv`; `limit` does not matter then
   */
  format?: 'json' | 'csv';
}
export interface ListClassificationRevisionsQuery {
  /**
   * most items in the answer
   */
  limit?: number;
  /**
   * `next` of the page before
   */
  after?: number;
  /**
   * csv: the whole list as a file, like `Accept: text/csv`; `limit` does not matter then
   */
  format?: 'json' | 'csv';
}
export interface ListModelProtocolsQuery {
  /**
   * most items in the answer
   */
  limit?: number;
  /**
   * `next` of the page before
   */
  after?: string;
  /**
   * csv: the whole list as a file, like `Accept: text/csv`; `limit` does not matter then
   */
  format?: 'json' | 'csv';
}
export interface SetModelProtocolParams {
  model: string;
}
export interface ListReclassificationsQuery {
  imei?: string;
  /**
   * most items in the answer
   */
  limit?: number;
  /**
   * `next` of the page before
   */
  after?: number;
  /**
   * csv: the whole list as a file, like `Accept: text/csv`; `limit` does not matter then
   */
  format?: 'json' | 'csv';
}
export interface ListTriggersQuery {
  /**
   * most items in the answer
   */
  limit?: number;
  /**
   * `next` of the page before
   */
  after?: number;
  /**
   * csv: the whole list as a file, like `Accept: text/csv`; `limit` does not matter then
   */
  format?: 'json' | 'csv';
}
export interface GetTriggerParams {
  triggerId: number;
}
export interface UpdateTriggerParams {
  triggerId: number;
}
export interface DeleteTriggerParams {
  triggerId: number;
}
export interface SwitchTriggerOnParams {
  triggerId: number;
}
export interface SwitchTriggerOffParams {
  triggerId: number;
}
export interface TryTriggerParams {
  triggerId: number;
}
export interface ListTriggerFiringsParams {
  triggerId: number;
}
export interface ListTriggerFiringsQuery {
  /**
   * most items in the answer
   */
  limit?: number;
  /**
   * `next` of the page before
   */
  after?: number;
  /**
   * csv: the whole list as a file, like `Accept: text/csv`; `limit` does not matter then
   */
  format?: 'json' | 'csv';
}
export interface ListTriggerDifferencesParams {
  triggerId: number;
}
export interface ListTriggerDifferencesQuery {
  /**
   * most items in the answer
   */
  limit?: number;
  /**
   * `next` of the page before
   */
  after?: number;
  /**
   * csv: the whole list as a file, like `Accept: text/csv`; `limit` does not matter then
   */
  format?: 'json' | 'csv';
}
export interface ListPlatformsQuery {
  /**
   * most items in the answer
   */
  limit?: number;
  /**
   * `next` of the page before
   */
  after?: number;
  /**
   * csv: the whole list as a file, like `Accept: text/csv`; `limit` does not matter then
   */
  format?: 'json' | 'csv';
}
export interface GetPlatformParams {
  platformId: number;
}
export interface UpdatePlatformParams {
  platformId: number;
}
export interface ListPlatformConnectorsQuery {
  /**
   * csv: the whole list as a file, like `Accept: text/csv`; `limit` does not matter then
   */
  format?: 'json' | 'csv';
}
export interface PausePlatformConnectorParams {
  connector: 'tracksolid';
}
export interface ResumePlatformConnectorParams {
  connector: 'tracksolid';
}
export interface ListPlatformShipmentsQuery {
  /**
   * finished: every device has ended and the sums close; red: they do not; recorded: the platform is not connected, nothing is sent
   */
  status?: 'running' | 'finished' | 'recorded' | 'red';
  platformId?: number;
  /**
   * name of the key of its maker
   */
  createdBy?: string;
  imei?: string;
  /**
   * made then or later
   */
  from?: string;
  /**
   * made before
   */
  to?: string;
  /**
   * most items in the answer
   */
  limit?: number;
  /**
   * `next` of the page before
   */
  after?: number;
  /**
   * csv: the whole list as a file, like `Accept: text/csv`; `limit` does not matter then
   */
  format?: 'json' | 'csv';
}
export interface GetPlatformShipmentParams {
  shipmentId: number;
}
export interface ListPlatformShipmentDevicesParams {
  shipmentId: number;
}
export interface ListPlatformShipmentDevicesQuery {
  /**
   * confirmed: seen on the platform, as wanted; unknown: something was sent, and what came of it could not be found out
   */
  status?: 'open' | 'confirmed' | 'refused' | 'unknown' | 'not_sent' | 'recorded';
  reason?:
    | 'not_matched'
    | 'already_shipped'
    | 'bad_imei'
    | 'refused_by_platform'
    | 'other_account'
    | 'not_visible'
    | 'not_as_wanted'
    | 'no_answer'
    | 'time_over'
    | 'stopped';
  imei?: string;
  /**
   * most items in the answer
   */
  limit?: number;
  /**
   * `next` of the page before
   */
  after?: number;
  /**
   * csv: the whole list as a file, like `Accept: text/csv`; `limit` does not matter then
   */
  format?: 'json' | 'csv';
}
export interface ListPlatformShipmentLogParams {
  shipmentId: number;
}
export interface ListPlatformShipmentLogQuery {
  /**
   * most items in the answer
   */
  limit?: number;
  /**
   * `next` of the page before
   */
  after?: number;
  /**
   * csv: the whole list as a file, like `Accept: text/csv`; `limit` does not matter then
   */
  format?: 'json' | 'csv';
}
export interface StopPlatformShipmentParams {
  shipmentId: number;
}
export interface ListPlatformAttentionQuery {
  shipmentId?: number;
  /**
   * confirmed: seen on the platform, as wanted; unknown: something was sent, and what came of it could not be found out
   */
  status?: 'open' | 'confirmed' | 'refused' | 'unknown' | 'not_sent' | 'recorded';
  reason?:
    | 'not_matched'
    | 'already_shipped'
    | 'bad_imei'
    | 'refused_by_platform'
    | 'other_account'
    | 'not_visible'
    | 'not_as_wanted'
    | 'no_answer'
    | 'time_over'
    | 'stopped';
  imei?: string;
  /**
   * most items in the answer
   */
  limit?: number;
  /**
   * `next` of the page before
   */
  after?: number;
  /**
   * csv: the whole list as a file, like `Accept: text/csv`; `limit` does not matter then
   */
  format?: 'json' | 'csv';
}
export interface ListEquipmentQuery {
  /**
   * never: not heard of yet; online: called in; alive: beats; suspect: silent for 1.5 periods; offline: for 3 periods
   */
  state?: 'never' | 'online' | 'alive' | 'suspect' | 'offline';
  /**
   * StatusCode
   */
  status?: 'Running' | 'Waiting' | 'Down' | 'Maintenance' | 'Alerting';
  /**
   * whole
   */
  model?: string;
  /**
   * whole
   */
  location?: string;
  /**
   * part of the code or the name
   */
  search?: string;
  active?: boolean;
  /**
   * true: with open alarms; false: without
   */
  alarms?: boolean;
  /**
   * most items in the answer
   */
  limit?: number;
  /**
   * `next` of the page before
   */
  after?: string;
  /**
   * csv: the whole list as a file, like `Accept: text/csv`; `limit` does not matter then
   */
  format?: 'json' | 'csv';
}
export interface GetEquipmentParams {
  /**
   * EquipmentCode
   */
  code: string;
}
export interface UpdateEquipmentParams {
  /**
   * EquipmentCode
   */
  code: string;
}
export interface DeleteEquipmentParams {
  /**
   * EquipmentCode
   */
  code: string;
}
export interface ListEquipmentSessionLogParams {
  /**
   * EquipmentCode
   */
  code: string;
}
export interface ListEquipmentSessionLogQuery {
  /**
   * most items in the answer
   */
  limit?: number;
  /**
   * `next` of the page before
   */
  after?: number;
  /**
   * csv: the whole list as a file, like `Accept: text/csv`; `limit` does not matter then
   */
  format?: 'json' | 'csv';
}
export interface ListEquipmentStatusChangesParams {
  /**
   * EquipmentCode
   */
  code: string;
}
export interface ListEquipmentStatusChangesQuery {
  /**
   * most items in the answer
   */
  limit?: number;
  /**
   * `next` of the page before
   */
  after?: number;
  /**
   * csv: the whole list as a file, like `Accept: text/csv`; `limit` does not matter then
   */
  format?: 'json' | 'csv';
}
export interface ListEquipmentAvailabilityParams {
  /**
   * EquipmentCode
   */
  code: string;
}
export interface ListEquipmentAvailabilityQuery {
  /**
   * YYYY-MM-DD
   */
  from?: string;
  /**
   * last day; today unless given
   */
  to?: string;
  /**
   * most items in the answer
   */
  limit?: number;
  /**
   * `next` of the page before
   */
  after?: string;
  /**
   * csv: the whole list as a file, like `Accept: text/csv`; `limit` does not matter then
   */
  format?: 'json' | 'csv';
}
export interface GetEquipmentTimelineParams {
  /**
   * EquipmentCode
   */
  code: string;
}
export interface GetEquipmentTimelineQuery {
  /**
   * YYYY-MM-DD
   */
  from?: string;
  /**
   * last day; today unless given; a week at most
   */
  to?: string;
}
export interface ListEquipmentAlarmsQuery {
  equipmentCode?: string;
  alertCode?: string;
  open?: boolean;
  acknowledged?: boolean;
  /**
   * most items in the answer
   */
  limit?: number;
  /**
   * `next` of the page before
   */
  after?: number;
  /**
   * csv: the whole list as a file, like `Accept: text/csv`; `limit` does not matter then
   */
  format?: 'json' | 'csv';
}
export interface AcknowledgeEquipmentAlarmParams {
  alarmId: number;
}
export interface ListEquipmentAlarmLogParams {
  /**
   * EquipmentCode
   */
  code: string;
}
export interface ListEquipmentAlarmLogQuery {
  alarmId?: number;
  /**
   * most items in the answer
   */
  limit?: number;
  /**
   * `next` of the page before
   */
  after?: number;
  /**
   * csv: the whole list as a file, like `Accept: text/csv`; `limit` does not matter then
   */
  format?: 'json' | 'csv';
}
export interface GetEquipmentParametersParams {
  /**
   * EquipmentCode
   */
  code: string;
}
export interface GetEquipmentParametersQuery {
  version?: number;
}
export interface SetEquipmentParametersParams {
  /**
   * EquipmentCode
   */
  code: string;
}
export interface ListEquipmentParameterVersionsParams {
  /**
   * EquipmentCode
   */
  code: string;
}
export interface ListEquipmentParameterVersionsQuery {
  /**
   * most items in the answer
   */
  limit?: number;
  /**
   * `next` of the page before
   */
  after?: number;
  /**
   * csv: the whole list as a file, like `Accept: text/csv`; `limit` does not matter then
   */
  format?: 'json' | 'csv';
}
export interface ListEquipmentParameterFetchesParams {
  /**
   * EquipmentCode
   */
  code: string;
}
export interface ListEquipmentParameterFetchesQuery {
  /**
   * most items in the answer
   */
  limit?: number;
  /**
   * `next` of the page before
   */
  after?: number;
  /**
   * csv: the whole list as a file, like `Accept: text/csv`; `limit` does not matter then
   */
  format?: 'json' | 'csv';
}
export interface ListEquipmentFlagsParams {
  /**
   * EquipmentCode
   */
  code: string;
}
export interface ListEquipmentFlagsQuery {
  /**
   * pending: served until the follow-up call arrives; followed: it has; cancelled: by a person
   */
  status?: 'pending' | 'followed' | 'cancelled';
  /**
   * most items in the answer
   */
  limit?: number;
  /**
   * `next` of the page before
   */
  after?: number;
  /**
   * csv: the whole list as a file, like `Accept: text/csv`; `limit` does not matter then
   */
  format?: 'json' | 'csv';
}
export interface RaiseEquipmentFlagParams {
  /**
   * EquipmentCode
   */
  code: string;
}
export interface CancelEquipmentFlagParams {
  /**
   * EquipmentCode
   */
  code: string;
  /**
   * material_up, material_down: material was loaded or unloaded; water_content: its data is needed; parameters: fetch them again
   */
  action: 'material_up' | 'material_down' | 'water_content' | 'parameters';
}
export interface ListEquipmentFollowUpsParams {
  /**
   * EquipmentCode
   */
  code: string;
}
export interface ListEquipmentFollowUpsQuery {
  /**
   * most items in the answer
   */
  limit?: number;
  /**
   * `next` of the page before
   */
  after?: number;
  /**
   * csv: the whole list as a file, like `Accept: text/csv`; `limit` does not matter then
   */
  format?: 'json' | 'csv';
}
export interface ListEquipmentCallsParams {
  /**
   * EquipmentCode
   */
  code: string;
}
export interface ListEquipmentCallsQuery {
  name?:
    | 'EqptRun'
    | 'EqptAlive'
    | 'EqptStatus'
    | 'EqptAlert'
    | 'TrayBind'
    | 'TrayUnbind'
    | 'CellState'
    | 'TrayCellsStatus'
    | 'AgingInput'
    | 'MaterialUpLoad'
    | 'MaterialDownLoad'
    | 'WaterContent';
  /**
   * true: only those that failed or needed a repair
   */
  odd?: boolean;
  /**
   * most items in the answer
   */
  limit?: number;
  /**
   * `next` of the page before
   */
  after?: number;
  /**
   * csv: the whole list as a file, like `Accept: text/csv`; `limit` does not matter then
   */
  format?: 'json' | 'csv';
}
export interface ListEquipmentStrangersQuery {
  /**
   * most items in the answer
   */
  limit?: number;
  /**
   * `next` of the page before
   */
  after?: string;
  /**
   * csv: the whole list as a file, like `Accept: text/csv`; `limit` does not matter then
   */
  format?: 'json' | 'csv';
}
export interface ListEquipmentEmployeesQuery {
  /**
   * most items in the answer
   */
  limit?: number;
  /**
   * `next` of the page before
   */
  after?: string;
  /**
   * csv: the whole list as a file, like `Accept: text/csv`; `limit` does not matter then
   */
  format?: 'json' | 'csv';
}
export interface GetEquipmentEmployeeParams {
  /**
   * EmployeeNo
   */
  number: string;
}
export interface UpdateEquipmentEmployeeParams {
  /**
   * EmployeeNo
   */
  number: string;
}
export interface ListCellsQuery {
  /**
   * 1 OK, 2 NG, 4 rework, 5 hold; 3 is not defined and counts as NG
   */
  status?: number;
  bindCode?: string;
  /**
   * blanks inside are real
   */
  tray?: string;
  inTray?: boolean;
  /**
   * part of the serial number
   */
  search?: string;
  /**
   * most items in the answer
   */
  limit?: number;
  /**
   * `next` of the page before
   */
  after?: string;
  /**
   * csv: the whole list as a file, like `Accept: text/csv`; `limit` does not matter then
   */
  format?: 'json' | 'csv';
}
export interface GetCellParams {
  serialNo: string;
}
export interface UpdateCellParams {
  serialNo: string;
}
export interface DeleteCellParams {
  serialNo: string;
}
export interface ListCellLogParams {
  serialNo: string;
}
export interface ListCellLogQuery {
  /**
   * most items in the answer
   */
  limit?: number;
  /**
   * `next` of the page before
   */
  after?: number;
  /**
   * csv: the whole list as a file, like `Accept: text/csv`; `limit` does not matter then
   */
  format?: 'json' | 'csv';
}
export interface ListTraysQuery {
  /**
   * part of the barcode
   */
  search?: string;
  empty?: boolean;
  bindCode?: string;
  /**
   * most items in the answer
   */
  limit?: number;
  /**
   * `next` of the page before
   */
  after?: string;
  /**
   * csv: the whole list as a file, like `Accept: text/csv`; `limit` does not matter then
   */
  format?: 'json' | 'csv';
}
export interface GetTrayParams {
  /**
   * blanks inside are real
   */
  barcode: string;
}
export interface UpdateTrayParams {
  /**
   * blanks inside are real
   */
  barcode: string;
}
export interface ListTrayLogParams {
  /**
   * blanks inside are real
   */
  barcode: string;
}
export interface ListTrayLogQuery {
  /**
   * most items in the answer
   */
  limit?: number;
  /**
   * `next` of the page before
   */
  after?: number;
  /**
   * csv: the whole list as a file, like `Accept: text/csv`; `limit` does not matter then
   */
  format?: 'json' | 'csv';
}
export interface UnbindTrayParams {
  /**
   * blanks inside are real
   */
  barcode: string;
}
export interface ListAgingLimitsQuery {
  /**
   * csv: the whole list as a file, like `Accept: text/csv`; `limit` does not matter then
   */
  format?: 'json' | 'csv';
}
export interface RemoveAgingLimitsQuery {
  /**
   * a whole bind code, or the material before its `/`; empty: everything else
   */
  bindCode: string;
}
export interface ListAgentsQuery {
  /**
   * `never` online yet; `online`; `alive`: heartbeats are answered; `suspect`: nothing was for 1.5 periods; `offline`: nothing for 3, calls are kept
   */
  state?: 'never' | 'online' | 'alive' | 'suspect' | 'offline';
  active?: boolean;
  /**
   * with or without calls that the MOM refused
   */
  quarantined?: boolean;
  /**
   * part of the code or the name
   */
  search?: string;
  /**
   * most items in the answer
   */
  limit?: number;
  /**
   * `next` of the page before
   */
  after?: string;
  /**
   * csv: the whole list as a file, like `Accept: text/csv`; `limit` does not matter then
   */
  format?: 'json' | 'csv';
}
export interface GetAgentParams {
  /**
   * EquipmentCode, as the MOM knows it
   */
  code: string;
}
export interface UpdateAgentParams {
  /**
   * EquipmentCode, as the MOM knows it
   */
  code: string;
}
export interface DeleteAgentParams {
  /**
   * EquipmentCode, as the MOM knows it
   */
  code: string;
}
export interface GetAgentParametersParams {
  /**
   * EquipmentCode, as the MOM knows it
   */
  code: string;
}
export interface ListAgentLogParams {
  /**
   * EquipmentCode, as the MOM knows it
   */
  code: string;
}
export interface ListAgentLogQuery {
  /**
   * most items in the answer
   */
  limit?: number;
  /**
   * `next` of the page before
   */
  after?: number;
  /**
   * csv: the whole list as a file, like `Accept: text/csv`; `limit` does not matter then
   */
  format?: 'json' | 'csv';
}
export interface TellAgentStatusParams {
  /**
   * EquipmentCode, as the MOM knows it
   */
  code: string;
}
export interface TellAgentAlarmsParams {
  /**
   * EquipmentCode, as the MOM knows it
   */
  code: string;
}
export interface BindAgentTrayParams {
  /**
   * EquipmentCode, as the MOM knows it
   */
  code: string;
}
export interface UnbindAgentTrayParams {
  /**
   * EquipmentCode, as the MOM knows it
   */
  code: string;
}
export interface UnbindAgentTrayBody {
  /**
   * blanks inside are real
   */
  trayBarcode: string;
  /**
   * instead of the one of the agent
   */
  employeeNo?: string;
  /**
   * OpFlag 1: with the password of the agent
   */
  isManual?: boolean;
}
export interface AgeAgentTrayParams {
  /**
   * EquipmentCode, as the MOM knows it
   */
  code: string;
}
export interface AgeAgentTrayBody {
  /**
   * blanks inside are real
   */
  trayBarcode: string;
  /**
   * instead of the one of the agent
   */
  employeeNo?: string;
  /**
   * OpFlag 1: with the password of the agent
   */
  isManual?: boolean;
}
export interface AskAgentTrayParams {
  /**
   * EquipmentCode, as the MOM knows it
   */
  code: string;
}
export interface AskAgentTrayBody {
  /**
   * blanks inside are real
   */
  trayBarcode: string;
}
export interface AskAgentCellsParams {
  /**
   * EquipmentCode, as the MOM knows it
   */
  code: string;
}
export interface AskAgentCellsBody {
  /**
   * @minItems 1
   * @maxItems 2000
   */
  serialNos: string[];
}
export interface FollowAgentFlagParams {
  /**
   * EquipmentCode, as the MOM knows it
   */
  code: string;
}
export interface ListAgentCallsParams {
  /**
   * EquipmentCode, as the MOM knows it
   */
  code: string;
}
export interface ListAgentCallsQuery {
  /**
   * `queued`; `delivered`; `quarantined`: the MOM refused it; `redriven`: sent again as another call; `written_off`; `expired`: a question nobody waits for any more
   */
  status?: 'queued' | 'delivered' | 'quarantined' | 'redriven' | 'written_off' | 'expired';
  name?:
    | 'EqptStatus'
    | 'EqptAlert'
    | 'TrayBind'
    | 'TrayUnbind'
    | 'CellState'
    | 'TrayCellsStatus'
    | 'AgingInput'
    | 'MaterialUpLoad'
    | 'MaterialDownLoad'
    | 'WaterContent';
  /**
   * most items in the answer
   */
  limit?: number;
  /**
   * `next` of the page before
   */
  after?: number;
  /**
   * csv: the whole list as a file, like `Accept: text/csv`; `limit` does not matter then
   */
  format?: 'json' | 'csv';
}
export interface GetAgentCallParams {
  /**
   * EquipmentCode, as the MOM knows it
   */
  code: string;
  callId: number;
}
export interface GetAgentCallQuery {
  /**
   * wait so long while it is queued
   */
  waitSeconds?: number;
}
export interface RedriveAgentCallParams {
  /**
   * EquipmentCode, as the MOM knows it
   */
  code: string;
  callId: number;
}
export interface WriteOffAgentCallParams {
  /**
   * EquipmentCode, as the MOM knows it
   */
  code: string;
  callId: number;
}
export interface FollowUpgradeTaskParams {
  taskId: number;
}
export interface ListWebhooksQuery {
  /**
   * most items in the answer
   */
  limit?: number;
  /**
   * `next` of the page before
   */
  after?: number;
  /**
   * csv: the whole list as a file, like `Accept: text/csv`; `limit` does not matter then
   */
  format?: 'json' | 'csv';
}
export interface GetWebhookParams {
  webhookId: number;
}
export interface UpdateWebhookParams {
  webhookId: number;
}
export interface DeleteWebhookParams {
  webhookId: number;
}
export interface RotateWebhookSecretParams {
  webhookId: number;
}
export interface PingWebhookParams {
  webhookId: number;
}
export interface ListWebhookDeliveriesParams {
  webhookId: number;
}
export interface ListWebhookDeliveriesQuery {
  status?: 'pending' | 'delivered' | 'failed';
  /**
   * most items in the answer
   */
  limit?: number;
  /**
   * `next` of the page before
   */
  after?: number;
  /**
   * csv: the whole list as a file, like `Accept: text/csv`; `limit` does not matter then
   */
  format?: 'json' | 'csv';
}
export interface ResendWebhookDeliveryParams {
  webhookId: number;
  deliveryId: number;
}

/** Every operation of the API: what goes in and what comes out. */
export interface Operations {
  getHealth: { params: undefined; query: undefined; body: undefined; bodyRequired: false; answer: Health };
  getReadiness: { params: undefined; query: undefined; body: undefined; bodyRequired: false; answer: Readiness };
  getMe: { params: undefined; query: undefined; body: undefined; bodyRequired: false; answer: Me };
  getSession: { params: undefined; query: undefined; body: undefined; bodyRequired: false; answer: ConsoleSession };
  startSession: { params: undefined; query: undefined; body: SignIn; bodyRequired: true; answer: ConsoleSession };
  endSession: { params: undefined; query: undefined; body: undefined; bodyRequired: false; answer: undefined };
  listDepartments: { params: undefined; query: ListDepartmentsQuery; body: undefined; bodyRequired: false; answer: DepartmentPage };
  createDepartment: { params: undefined; query: undefined; body: NewDepartment; bodyRequired: true; answer: Department };
  listApiKeys: { params: undefined; query: ListApiKeysQuery; body: undefined; bodyRequired: false; answer: ApiKeyPage };
  createApiKey: { params: undefined; query: undefined; body: NewApiKeyOrder; bodyRequired: true; answer: NewApiKey };
  revokeApiKey: { params: RevokeApiKeyParams; query: undefined; body: undefined; bodyRequired: false; answer: undefined };
  listAudit: { params: undefined; query: ListAuditQuery; body: undefined; bodyRequired: false; answer: AuditPage };
  listSettings: { params: undefined; query: ListSettingsQuery; body: undefined; bodyRequired: false; answer: SettingPage };
  listDevices: { params: undefined; query: ListDevicesQuery; body: undefined; bodyRequired: false; answer: DevicePage };
  registerDevices: { params: undefined; query: undefined; body: RegisterDevicesBody; bodyRequired: true; answer: ImportResult };
  countDevices: { params: undefined; query: CountDevicesQuery; body: undefined; bodyRequired: false; answer: DeviceCount };
  getDevice: { params: GetDeviceParams; query: undefined; body: undefined; bodyRequired: false; answer: DeviceDetail };
  updateDevice: { params: UpdateDeviceParams; query: undefined; body: DeviceChange; bodyRequired: true; answer: DeviceDetail };
  deleteDevice: { params: DeleteDeviceParams; query: undefined; body: undefined; bodyRequired: false; answer: undefined };
  listVersionUploads: { params: ListVersionUploadsParams; query: ListVersionUploadsQuery; body: undefined; bodyRequired: false; answer: VersionUploadPage };
  listDeviceUpgrades: { params: ListDeviceUpgradesParams; query: ListDeviceUpgradesQuery; body: undefined; bodyRequired: false; answer: UpgradePage };
  listUnknownDevices: { params: undefined; query: ListUnknownDevicesQuery; body: undefined; bodyRequired: false; answer: UnknownDevicePage };
  importDevices: { params: undefined; query: undefined; body: ImportDevicesBody; bodyRequired: true; answer: ImportResult };
  changeDevices: { params: undefined; query: undefined; body: BulkOrder; bodyRequired: true; answer: BulkResult };
  listBusinessMessages: { params: ListBusinessMessagesParams; query: ListBusinessMessagesQuery; body: undefined; bodyRequired: false; answer: BusinessMessagePage };
  listFrameErrors: { params: ListFrameErrorsParams; query: ListFrameErrorsQuery; body: undefined; bodyRequired: false; answer: FrameErrorsPage };
  uploadFirmware: { params: undefined; query: undefined; body: FirmwareUpload; bodyRequired: true; answer: Firmware };
  listFirmware: { params: undefined; query: ListFirmwareQuery; body: undefined; bodyRequired: false; answer: FirmwarePage };
  getFirmware: { params: GetFirmwareParams; query: undefined; body: undefined; bodyRequired: false; answer: Firmware };
  deleteFirmware: { params: DeleteFirmwareParams; query: undefined; body: undefined; bodyRequired: false; answer: undefined };
  downloadFirmware: { params: DownloadFirmwareParams; query: undefined; body: undefined; bodyRequired: false; answer: unknown };
  getFirmwareCheckInfo: { params: GetFirmwareCheckInfoParams; query: undefined; body: undefined; bodyRequired: false; answer: FirmwareCheckInfo };
  planUpgradeTask: { params: undefined; query: PlanUpgradeTaskQuery; body: UpgradeOrder; bodyRequired: true; answer: UpgradePlan };
  createUpgradeTask: { params: undefined; query: undefined; body: UpgradeOrder; bodyRequired: true; answer: CreatedUpgradeTask };
  listUpgradeTasks: { params: undefined; query: ListUpgradeTasksQuery; body: undefined; bodyRequired: false; answer: UpgradeTaskPage };
  getUpgradeTask: { params: GetUpgradeTaskParams; query: undefined; body: undefined; bodyRequired: false; answer: UpgradeTaskDetail };
  listUpgradeTaskDevices: { params: ListUpgradeTaskDevicesParams; query: ListUpgradeTaskDevicesQuery; body: undefined; bodyRequired: false; answer: UpgradePage };
  listUpgradeTaskLog: { params: ListUpgradeTaskLogParams; query: ListUpgradeTaskLogQuery; body: undefined; bodyRequired: false; answer: TaskLogPage };
  pauseUpgradeTask: { params: PauseUpgradeTaskParams; query: undefined; body: Control; bodyRequired: false; answer: UpgradeTask };
  resumeUpgradeTask: { params: ResumeUpgradeTaskParams; query: undefined; body: Control; bodyRequired: false; answer: UpgradeTask };
  cancelUpgradeTask: { params: CancelUpgradeTaskParams; query: undefined; body: Control; bodyRequired: false; answer: UpgradeTask };
  startUpgradeTaskNow: { params: StartUpgradeTaskNowParams; query: undefined; body: Control; bodyRequired: false; answer: UpgradeTask };
  approveUpgradeTask: { params: ApproveUpgradeTaskParams; query: undefined; body: Control; bodyRequired: false; answer: UpgradeTask };
  rejectUpgradeTask: { params: RejectUpgradeTaskParams; query: undefined; body: Control; bodyRequired: false; answer: UpgradeTask };
  retryFailedDevices: { params: RetryFailedDevicesParams; query: undefined; body: Retry; bodyRequired: false; answer: RetriedTask };
  changeUpgradeTaskPacing: { params: ChangeUpgradeTaskPacingParams; query: undefined; body: PacingChange; bodyRequired: true; answer: UpgradeTask };
  getDeviceUpgrade: { params: GetDeviceUpgradeParams; query: undefined; body: undefined; bodyRequired: false; answer: DeviceUpgradeDetail };
  listDeviceUpgradeLog: { params: ListDeviceUpgradeLogParams; query: ListDeviceUpgradeLogQuery; body: undefined; bodyRequired: false; answer: UpgradeLogPage };
  decideDeviceUpgrade: { params: DecideDeviceUpgradeParams; query: undefined; body: UpgradeDecision; bodyRequired: true; answer: DeviceUpgrade };
  cancelDeviceUpgrade: { params: CancelDeviceUpgradeParams; query: undefined; body: Control; bodyRequired: false; answer: DeviceUpgrade };
  skipDeviceUpgrade: { params: SkipDeviceUpgradeParams; query: undefined; body: Control; bodyRequired: false; answer: DeviceUpgrade };
  confirmDeviceUpgrade: { params: ConfirmDeviceUpgradeParams; query: undefined; body: Control; bodyRequired: false; answer: DeviceUpgrade };
  sendDeviceCommand: { params: SendDeviceCommandParams; query: undefined; body: CommandOrder; bodyRequired: true; answer: DeviceCommand };
  listDeviceCommands: { params: ListDeviceCommandsParams; query: ListDeviceCommandsQuery; body: undefined; bodyRequired: false; answer: DeviceCommandPage };
  listCommands: { params: undefined; query: ListCommandsQuery; body: undefined; bodyRequired: false; answer: DeviceCommandPage };
  getCommand: { params: GetCommandParams; query: undefined; body: undefined; bodyRequired: false; answer: DeviceCommandDetail };
  cancelCommand: { params: CancelCommandParams; query: undefined; body: Control; bodyRequired: false; answer: DeviceCommand };
  listAttention: { params: undefined; query: ListAttentionQuery; body: undefined; bodyRequired: false; answer: AttentionPage };
  decideManyDeviceUpgrades: { params: undefined; query: undefined; body: ManyDecisions; bodyRequired: true; answer: DecisionResults };
  getDeviceLineage: { params: GetDeviceLineageParams; query: undefined; body: undefined; bodyRequired: false; answer: DeviceLineage };
  explainDevice: { params: ExplainDeviceParams; query: undefined; body: undefined; bodyRequired: false; answer: Why };
  listMesDevices: { params: undefined; query: ListMesDevicesQuery; body: undefined; bodyRequired: false; answer: MesDevicePage };
  countMesDevices: { params: undefined; query: CountMesDevicesQuery; body: undefined; bodyRequired: false; answer: MesCount };
  listMesChanges: { params: undefined; query: ListMesChangesQuery; body: undefined; bodyRequired: false; answer: MesChangePage };
  listMesRejected: { params: undefined; query: ListMesRejectedQuery; body: undefined; bodyRequired: false; answer: MesRejectedPage };
  getMesSync: { params: undefined; query: undefined; body: undefined; bodyRequired: false; answer: MesSync };
  updateMesSync: { params: undefined; query: undefined; body: MesSyncChange; bodyRequired: true; answer: MesSync };
  syncMesNow: { params: undefined; query: undefined; body: undefined; bodyRequired: false; answer: MesSyncNow };
  listMesCycles: { params: undefined; query: ListMesCyclesQuery; body: undefined; bodyRequired: false; answer: MesCyclePage };
  importMes: { params: ImportMesParams; query: undefined; body: ImportMesBody; bodyRequired: true; answer: MesImportResult };
  planShipment: { params: undefined; query: undefined; body: ShipmentOrder; bodyRequired: true; answer: ShipmentPlan };
  createShipment: { params: undefined; query: undefined; body: ShipmentOrder; bodyRequired: true; answer: CreatedShipment };
  listShipments: { params: undefined; query: ListShipmentsQuery; body: undefined; bodyRequired: false; answer: ShipmentPage };
  getShipment: { params: GetShipmentParams; query: undefined; body: undefined; bodyRequired: false; answer: ShipmentDetail };
  listShipmentDevices: { params: ListShipmentDevicesParams; query: ListShipmentDevicesQuery; body: undefined; bodyRequired: false; answer: ShipmentDevicePage };
  stopShipment: { params: StopShipmentParams; query: undefined; body: Control; bodyRequired: false; answer: Shipment };
  listShipmentRecords: { params: undefined; query: ListShipmentRecordsQuery; body: undefined; bodyRequired: false; answer: ShipmentRecordPage };
  getClassification: { params: undefined; query: undefined; body: undefined; bodyRequired: false; answer: Classification };
  updateClassification: { params: undefined; query: undefined; body: ClassificationChange; bodyRequired: true; answer: Classification };
  listClassificationRevisions: { params: undefined; query: ListClassificationRevisionsQuery; body: undefined; bodyRequired: false; answer: ClassificationPage };
  tryClassification: { params: undefined; query: undefined; body: ClassificationTrial; bodyRequired: true; answer: ClassificationVerdict };
  listModelProtocols: { params: undefined; query: ListModelProtocolsQuery; body: undefined; bodyRequired: false; answer: ModelProtocolPage };
  setModelProtocol: { params: SetModelProtocolParams; query: undefined; body: ModelProtocolChange; bodyRequired: true; answer: ModelProtocol };
  reclassifyDevices: { params: undefined; query: undefined; body: Reclassify; bodyRequired: true; answer: ReclassifyResult };
  listReclassifications: { params: undefined; query: ListReclassificationsQuery; body: undefined; bodyRequired: false; answer: ReclassificationPage };
  listTriggers: { params: undefined; query: ListTriggersQuery; body: undefined; bodyRequired: false; answer: TriggerPage };
  createTrigger: { params: undefined; query: undefined; body: NewTrigger; bodyRequired: true; answer: Trigger };
  getTrigger: { params: GetTriggerParams; query: undefined; body: undefined; bodyRequired: false; answer: Trigger };
  updateTrigger: { params: UpdateTriggerParams; query: undefined; body: TriggerChange; bodyRequired: false; answer: Trigger };
  deleteTrigger: { params: DeleteTriggerParams; query: undefined; body: undefined; bodyRequired: false; answer: Trigger };
  switchTriggerOn: { params: SwitchTriggerOnParams; query: undefined; body: Control; bodyRequired: false; answer: Trigger };
  switchTriggerOff: { params: SwitchTriggerOffParams; query: undefined; body: Control; bodyRequired: false; answer: Trigger };
  tryTrigger: { params: TryTriggerParams; query: undefined; body: undefined; bodyRequired: false; answer: TriggerDryRun };
  listTriggerFirings: { params: ListTriggerFiringsParams; query: ListTriggerFiringsQuery; body: undefined; bodyRequired: false; answer: TriggerFiringPage };
  listTriggerDifferences: { params: ListTriggerDifferencesParams; query: ListTriggerDifferencesQuery; body: undefined; bodyRequired: false; answer: TriggerDifferencePage };
  listPlatforms: { params: undefined; query: ListPlatformsQuery; body: undefined; bodyRequired: false; answer: PlatformPage };
  createPlatform: { params: undefined; query: undefined; body: NewPlatform; bodyRequired: true; answer: Platform };
  getPlatform: { params: GetPlatformParams; query: undefined; body: undefined; bodyRequired: false; answer: Platform };
  updatePlatform: { params: UpdatePlatformParams; query: undefined; body: PlatformChange; bodyRequired: false; answer: Platform };
  listPlatformConnectors: { params: undefined; query: ListPlatformConnectorsQuery; body: undefined; bodyRequired: false; answer: PlatformConnectorPage };
  pausePlatformConnector: { params: PausePlatformConnectorParams; query: undefined; body: Control; bodyRequired: false; answer: PlatformConnector };
  resumePlatformConnector: { params: ResumePlatformConnectorParams; query: undefined; body: Control; bodyRequired: false; answer: PlatformConnector };
  createPlatformShipment: { params: undefined; query: undefined; body: PlatformOrder; bodyRequired: true; answer: CreatedPlatformShipment };
  listPlatformShipments: { params: undefined; query: ListPlatformShipmentsQuery; body: undefined; bodyRequired: false; answer: PlatformShipmentPage };
  getPlatformShipment: { params: GetPlatformShipmentParams; query: undefined; body: undefined; bodyRequired: false; answer: PlatformShipmentDetail };
  listPlatformShipmentDevices: { params: ListPlatformShipmentDevicesParams; query: ListPlatformShipmentDevicesQuery; body: undefined; bodyRequired: false; answer: PlatformShipmentDevicePage };
  listPlatformShipmentLog: { params: ListPlatformShipmentLogParams; query: ListPlatformShipmentLogQuery; body: undefined; bodyRequired: false; answer: PlatformShipmentLogPage };
  stopPlatformShipment: { params: StopPlatformShipmentParams; query: undefined; body: Control; bodyRequired: false; answer: PlatformShipment };
  listPlatformAttention: { params: undefined; query: ListPlatformAttentionQuery; body: undefined; bodyRequired: false; answer: PlatformAttentionPage };
  decidePlatformDevices: { params: undefined; query: undefined; body: PlatformDecision; bodyRequired: true; answer: PlatformDecisionResult };
  listEquipment: { params: undefined; query: ListEquipmentQuery; body: undefined; bodyRequired: false; answer: EquipmentPage };
  createEquipment: { params: undefined; query: undefined; body: NewEquipment; bodyRequired: true; answer: Equipment };
  getEquipmentBoard: { params: undefined; query: undefined; body: undefined; bodyRequired: false; answer: EquipmentBoard };
  importEquipment: { params: undefined; query: undefined; body: ImportEquipmentBody; bodyRequired: true; answer: EquipmentImport };
  getEquipment: { params: GetEquipmentParams; query: undefined; body: undefined; bodyRequired: false; answer: Equipment };
  updateEquipment: { params: UpdateEquipmentParams; query: undefined; body: EquipmentChange; bodyRequired: true; answer: Equipment };
  deleteEquipment: { params: DeleteEquipmentParams; query: undefined; body: undefined; bodyRequired: false; answer: undefined };
  listEquipmentSessionLog: { params: ListEquipmentSessionLogParams; query: ListEquipmentSessionLogQuery; body: undefined; bodyRequired: false; answer: EquipmentSessionLog };
  listEquipmentStatusChanges: { params: ListEquipmentStatusChangesParams; query: ListEquipmentStatusChangesQuery; body: undefined; bodyRequired: false; answer: EquipmentStatusChangePage };
  listEquipmentAvailability: { params: ListEquipmentAvailabilityParams; query: ListEquipmentAvailabilityQuery; body: undefined; bodyRequired: false; answer: AvailabilityPage };
  getEquipmentTimeline: { params: GetEquipmentTimelineParams; query: GetEquipmentTimelineQuery; body: undefined; bodyRequired: false; answer: EquipmentTimeline };
  listEquipmentAlarms: { params: undefined; query: ListEquipmentAlarmsQuery; body: undefined; bodyRequired: false; answer: EquipmentAlarmPage };
  acknowledgeEquipmentAlarm: { params: AcknowledgeEquipmentAlarmParams; query: undefined; body: Control; bodyRequired: false; answer: EquipmentAlarm };
  listEquipmentAlarmLog: { params: ListEquipmentAlarmLogParams; query: ListEquipmentAlarmLogQuery; body: undefined; bodyRequired: false; answer: EquipmentAlarmLog };
  getEquipmentParameters: { params: GetEquipmentParametersParams; query: GetEquipmentParametersQuery; body: undefined; bodyRequired: false; answer: Parameters };
  setEquipmentParameters: { params: SetEquipmentParametersParams; query: undefined; body: NewParameters; bodyRequired: true; answer: Parameters };
  listEquipmentParameterVersions: { params: ListEquipmentParameterVersionsParams; query: ListEquipmentParameterVersionsQuery; body: undefined; bodyRequired: false; answer: ParameterVersionPage };
  listEquipmentParameterFetches: { params: ListEquipmentParameterFetchesParams; query: ListEquipmentParameterFetchesQuery; body: undefined; bodyRequired: false; answer: ParameterFetchPage };
  listEquipmentFlags: { params: ListEquipmentFlagsParams; query: ListEquipmentFlagsQuery; body: undefined; bodyRequired: false; answer: EquipmentFlagPage };
  raiseEquipmentFlag: { params: RaiseEquipmentFlagParams; query: undefined; body: NewEquipmentFlag; bodyRequired: true; answer: EquipmentFlag };
  cancelEquipmentFlag: { params: CancelEquipmentFlagParams; query: undefined; body: Control; bodyRequired: false; answer: EquipmentFlag };
  listEquipmentFollowUps: { params: ListEquipmentFollowUpsParams; query: ListEquipmentFollowUpsQuery; body: undefined; bodyRequired: false; answer: EquipmentFollowUpPage };
  listEquipmentCalls: { params: ListEquipmentCallsParams; query: ListEquipmentCallsQuery; body: undefined; bodyRequired: false; answer: EquipmentCallPage };
  listEquipmentStrangers: { params: undefined; query: ListEquipmentStrangersQuery; body: undefined; bodyRequired: false; answer: EquipmentStrangerPage };
  listEquipmentEmployees: { params: undefined; query: ListEquipmentEmployeesQuery; body: undefined; bodyRequired: false; answer: EmployeePage };
  createEquipmentEmployee: { params: undefined; query: undefined; body: NewEmployee; bodyRequired: true; answer: Employee };
  getEquipmentEmployee: { params: GetEquipmentEmployeeParams; query: undefined; body: undefined; bodyRequired: false; answer: Employee };
  updateEquipmentEmployee: { params: UpdateEquipmentEmployeeParams; query: undefined; body: EmployeeChange; bodyRequired: true; answer: Employee };
  listCells: { params: undefined; query: ListCellsQuery; body: undefined; bodyRequired: false; answer: CellPage };
  registerCells: { params: undefined; query: undefined; body: RegisterCellsBody; bodyRequired: true; answer: CellImportResult };
  importCells: { params: undefined; query: undefined; body: ImportCellsBody; bodyRequired: true; answer: CellImportResult };
  getCell: { params: GetCellParams; query: undefined; body: undefined; bodyRequired: false; answer: Cell };
  updateCell: { params: UpdateCellParams; query: undefined; body: CellChange; bodyRequired: true; answer: Cell };
  deleteCell: { params: DeleteCellParams; query: undefined; body: undefined; bodyRequired: false; answer: undefined };
  listCellLog: { params: ListCellLogParams; query: ListCellLogQuery; body: undefined; bodyRequired: false; answer: CellLogPage };
  listTrays: { params: undefined; query: ListTraysQuery; body: undefined; bodyRequired: false; answer: TrayPage };
  getTray: { params: GetTrayParams; query: undefined; body: undefined; bodyRequired: false; answer: TrayDetail };
  updateTray: { params: UpdateTrayParams; query: undefined; body: TrayChange; bodyRequired: true; answer: TrayDetail };
  listTrayLog: { params: ListTrayLogParams; query: ListTrayLogQuery; body: undefined; bodyRequired: false; answer: TrayLogPage };
  unbindTray: { params: UnbindTrayParams; query: undefined; body: TrayUnbinding; bodyRequired: false; answer: TrayDetail };
  listAgingLimits: { params: undefined; query: ListAgingLimitsQuery; body: undefined; bodyRequired: false; answer: AgingLimitPage };
  setAgingLimits: { params: undefined; query: undefined; body: NewAgingLimit; bodyRequired: true; answer: AgingLimit };
  removeAgingLimits: { params: undefined; query: RemoveAgingLimitsQuery; body: undefined; bodyRequired: false; answer: undefined };
  listAgents: { params: undefined; query: ListAgentsQuery; body: undefined; bodyRequired: false; answer: AgentPage };
  createAgent: { params: undefined; query: undefined; body: NewAgent; bodyRequired: true; answer: Agent };
  getAgent: { params: GetAgentParams; query: undefined; body: undefined; bodyRequired: false; answer: Agent };
  updateAgent: { params: UpdateAgentParams; query: undefined; body: AgentChange; bodyRequired: true; answer: Agent };
  deleteAgent: { params: DeleteAgentParams; query: undefined; body: undefined; bodyRequired: false; answer: undefined };
  getAgentParameters: { params: GetAgentParametersParams; query: undefined; body: undefined; bodyRequired: false; answer: AgentParameters };
  listAgentLog: { params: ListAgentLogParams; query: ListAgentLogQuery; body: undefined; bodyRequired: false; answer: AgentEdgePage };
  tellAgentStatus: { params: TellAgentStatusParams; query: undefined; body: AgentStatus; bodyRequired: true; answer: AgentCall };
  tellAgentAlarms: { params: TellAgentAlarmsParams; query: undefined; body: AgentAlarms; bodyRequired: true; answer: AgentCall };
  bindAgentTray: { params: BindAgentTrayParams; query: undefined; body: AgentTrayBinding; bodyRequired: true; answer: AgentCall };
  unbindAgentTray: { params: UnbindAgentTrayParams; query: undefined; body: UnbindAgentTrayBody; bodyRequired: true; answer: AgentCall };
  ageAgentTray: { params: AgeAgentTrayParams; query: undefined; body: AgeAgentTrayBody; bodyRequired: true; answer: AgentCall };
  askAgentTray: { params: AskAgentTrayParams; query: undefined; body: AskAgentTrayBody; bodyRequired: true; answer: AgentCall };
  askAgentCells: { params: AskAgentCellsParams; query: undefined; body: AskAgentCellsBody; bodyRequired: true; answer: AgentCall };
  followAgentFlag: { params: FollowAgentFlagParams; query: undefined; body: AgentFollowUp; bodyRequired: true; answer: AgentCall };
  listAgentCalls: { params: ListAgentCallsParams; query: ListAgentCallsQuery; body: undefined; bodyRequired: false; answer: AgentCallPage };
  getAgentCall: { params: GetAgentCallParams; query: GetAgentCallQuery; body: undefined; bodyRequired: false; answer: AgentCall };
  redriveAgentCall: { params: RedriveAgentCallParams; query: undefined; body: Control; bodyRequired: false; answer: AgentCall };
  writeOffAgentCall: { params: WriteOffAgentCallParams; query: undefined; body: Control; bodyRequired: false; answer: AgentCall };
  followDepartment: { params: undefined; query: undefined; body: undefined; bodyRequired: false; answer: unknown };
  followUpgradeTask: { params: FollowUpgradeTaskParams; query: undefined; body: undefined; bodyRequired: false; answer: unknown };
  listWebhooks: { params: undefined; query: ListWebhooksQuery; body: undefined; bodyRequired: false; answer: WebhookPage };
  createWebhook: { params: undefined; query: undefined; body: NewWebhook; bodyRequired: true; answer: WebhookWithSecret };
  getWebhook: { params: GetWebhookParams; query: undefined; body: undefined; bodyRequired: false; answer: Webhook };
  updateWebhook: { params: UpdateWebhookParams; query: undefined; body: WebhookChange; bodyRequired: false; answer: Webhook };
  deleteWebhook: { params: DeleteWebhookParams; query: undefined; body: undefined; bodyRequired: false; answer: undefined };
  rotateWebhookSecret: { params: RotateWebhookSecretParams; query: undefined; body: undefined; bodyRequired: false; answer: WebhookWithSecret };
  pingWebhook: { params: PingWebhookParams; query: undefined; body: undefined; bodyRequired: false; answer: WebhookPing };
  listWebhookDeliveries: { params: ListWebhookDeliveriesParams; query: ListWebhookDeliveriesQuery; body: undefined; bodyRequired: false; answer: WebhookDeliveryPage };
  resendWebhookDelivery: { params: ResendWebhookDeliveryParams; query: undefined; body: undefined; bodyRequired: false; answer: WebhookDelivery };
}

export type OperationId = keyof Operations;

/** Method and address of every operation. */
export const ADDRESSES: Record<OperationId, string> = {
  getHealth: 'GET /healthz',
  getReadiness: 'GET /readyz',
  getMe: 'GET /api/v1/me',
  getSession: 'GET /api/v1/session',
  startSession: 'POST /api/v1/session',
  endSession: 'DELETE /api/v1/session',
  listDepartments: 'GET /api/v1/departments',
  createDepartment: 'POST /api/v1/departments',
  listApiKeys: 'GET /api/v1/api-keys',
  createApiKey: 'POST /api/v1/api-keys',
  revokeApiKey: 'DELETE /api/v1/api-keys/{keyId}',
  listAudit: 'GET /api/v1/audit',
  listSettings: 'GET /api/v1/settings',
  listDevices: 'GET /api/v1/devices',
  registerDevices: 'POST /api/v1/devices',
  countDevices: 'GET /api/v1/devices/count',
  getDevice: 'GET /api/v1/devices/{deviceId}',
  updateDevice: 'PATCH /api/v1/devices/{deviceId}',
  deleteDevice: 'DELETE /api/v1/devices/{deviceId}',
  listVersionUploads: 'GET /api/v1/devices/{deviceId}/version-uploads',
  listDeviceUpgrades: 'GET /api/v1/devices/{deviceId}/upgrades',
  listUnknownDevices: 'GET /api/v1/unknown-devices',
  importDevices: 'POST /api/v1/devices/import',
  changeDevices: 'POST /api/v1/devices/bulk',
  listBusinessMessages: 'GET /api/v1/devices/{deviceId}/business-messages',
  listFrameErrors: 'GET /api/v1/devices/{deviceId}/frame-errors',
  uploadFirmware: 'POST /api/v1/firmware',
  listFirmware: 'GET /api/v1/firmware',
  getFirmware: 'GET /api/v1/firmware/{firmwareId}',
  deleteFirmware: 'DELETE /api/v1/firmware/{firmwareId}',
  downloadFirmware: 'GET /api/v1/firmware/{firmwareId}/content',
  getFirmwareCheckInfo: 'GET /api/v1/firmware/{firmwareId}/check-info',
  planUpgradeTask: 'POST /api/v1/upgrade-tasks/plan',
  createUpgradeTask: 'POST /api/v1/upgrade-tasks',
  listUpgradeTasks: 'GET /api/v1/upgrade-tasks',
  getUpgradeTask: 'GET /api/v1/upgrade-tasks/{taskId}',
  listUpgradeTaskDevices: 'GET /api/v1/upgrade-tasks/{taskId}/devices',
  listUpgradeTaskLog: 'GET /api/v1/upgrade-tasks/{taskId}/log',
  pauseUpgradeTask: 'POST /api/v1/upgrade-tasks/{taskId}/pause',
  resumeUpgradeTask: 'POST /api/v1/upgrade-tasks/{taskId}/resume',
  cancelUpgradeTask: 'POST /api/v1/upgrade-tasks/{taskId}/cancel',
  startUpgradeTaskNow: 'POST /api/v1/upgrade-tasks/{taskId}/start-now',
  approveUpgradeTask: 'POST /api/v1/upgrade-tasks/{taskId}/approve',
  rejectUpgradeTask: 'POST /api/v1/upgrade-tasks/{taskId}/reject',
  retryFailedDevices: 'POST /api/v1/upgrade-tasks/{taskId}/retry-failed',
  changeUpgradeTaskPacing: 'PATCH /api/v1/upgrade-tasks/{taskId}/pacing',
  getDeviceUpgrade: 'GET /api/v1/device-upgrades/{upgradeId}',
  listDeviceUpgradeLog: 'GET /api/v1/device-upgrades/{upgradeId}/log',
  decideDeviceUpgrade: 'POST /api/v1/device-upgrades/{upgradeId}/decide',
  cancelDeviceUpgrade: 'POST /api/v1/device-upgrades/{upgradeId}/cancel',
  skipDeviceUpgrade: 'POST /api/v1/device-upgrades/{upgradeId}/skip',
  confirmDeviceUpgrade: 'POST /api/v1/device-upgrades/{upgradeId}/confirm',
  sendDeviceCommand: 'POST /api/v1/devices/{deviceId}/commands',
  listDeviceCommands: 'GET /api/v1/devices/{deviceId}/commands',
  listCommands: 'GET /api/v1/commands',
  getCommand: 'GET /api/v1/commands/{commandId}',
  cancelCommand: 'POST /api/v1/commands/{commandId}/cancel',
  listAttention: 'GET /api/v1/attention',
  decideManyDeviceUpgrades: 'POST /api/v1/attention/decide',
  getDeviceLineage: 'GET /api/v1/devices/{deviceId}/lineage',
  explainDevice: 'GET /api/v1/devices/{deviceId}/why',
  listMesDevices: 'GET /api/v1/mes/devices',
  countMesDevices: 'GET /api/v1/mes/devices/count',
  listMesChanges: 'GET /api/v1/mes/changes',
  listMesRejected: 'GET /api/v1/mes/rejected',
  getMesSync: 'GET /api/v1/mes/sync',
  updateMesSync: 'PATCH /api/v1/mes/sync',
  syncMesNow: 'POST /api/v1/mes/sync/now',
  listMesCycles: 'GET /api/v1/mes/sync/cycles',
  importMes: 'POST /api/v1/mes/import/{table}',
  planShipment: 'POST /api/v1/shipments/plan',
  createShipment: 'POST /api/v1/shipments',
  listShipments: 'GET /api/v1/shipments',
  getShipment: 'GET /api/v1/shipments/{shipmentId}',
  listShipmentDevices: 'GET /api/v1/shipments/{shipmentId}/devices',
  stopShipment: 'POST /api/v1/shipments/{shipmentId}/stop',
  listShipmentRecords: 'GET /api/v1/shipment-records',
  getClassification: 'GET /api/v1/classification',
  updateClassification: 'PATCH /api/v1/classification',
  listClassificationRevisions: 'GET /api/v1/classification/revisions',
  tryClassification: 'POST /api/v1/classification/try',
  listModelProtocols: 'GET /api/v1/model-protocols',
  setModelProtocol: 'PATCH /api/v1/model-protocols/{model}',
  reclassifyDevices: 'POST /api/v1/classification/reclassify',
  listReclassifications: 'GET /api/v1/classification/reclassifications',
  listTriggers: 'GET /api/v1/triggers',
  createTrigger: 'POST /api/v1/triggers',
  getTrigger: 'GET /api/v1/triggers/{triggerId}',
  updateTrigger: 'PATCH /api/v1/triggers/{triggerId}',
  deleteTrigger: 'DELETE /api/v1/triggers/{triggerId}',
  switchTriggerOn: 'POST /api/v1/triggers/{triggerId}/on',
  switchTriggerOff: 'POST /api/v1/triggers/{triggerId}/off',
  tryTrigger: 'POST /api/v1/triggers/{triggerId}/dry-run',
  listTriggerFirings: 'GET /api/v1/triggers/{triggerId}/firings',
  listTriggerDifferences: 'GET /api/v1/triggers/{triggerId}/differences',
  listPlatforms: 'GET /api/v1/platforms',
  createPlatform: 'POST /api/v1/platforms',
  getPlatform: 'GET /api/v1/platforms/{platformId}',
  updatePlatform: 'PATCH /api/v1/platforms/{platformId}',
  listPlatformConnectors: 'GET /api/v1/platform-connectors',
  pausePlatformConnector: 'POST /api/v1/platform-connectors/{connector}/pause',
  resumePlatformConnector: 'POST /api/v1/platform-connectors/{connector}/resume',
  createPlatformShipment: 'POST /api/v1/platform-shipments',
  listPlatformShipments: 'GET /api/v1/platform-shipments',
  getPlatformShipment: 'GET /api/v1/platform-shipments/{shipmentId}',
  listPlatformShipmentDevices: 'GET /api/v1/platform-shipments/{shipmentId}/devices',
  listPlatformShipmentLog: 'GET /api/v1/platform-shipments/{shipmentId}/log',
  stopPlatformShipment: 'POST /api/v1/platform-shipments/{shipmentId}/stop',
  listPlatformAttention: 'GET /api/v1/platform-attention',
  decidePlatformDevices: 'POST /api/v1/platform-attention/decide',
  listEquipment: 'GET /api/v1/equipment',
  createEquipment: 'POST /api/v1/equipment',
  getEquipmentBoard: 'GET /api/v1/equipment/board',
  importEquipment: 'POST /api/v1/equipment/import',
  getEquipment: 'GET /api/v1/equipment/{code}',
  updateEquipment: 'PATCH /api/v1/equipment/{code}',
  deleteEquipment: 'DELETE /api/v1/equipment/{code}',
  listEquipmentSessionLog: 'GET /api/v1/equipment/{code}/session-log',
  listEquipmentStatusChanges: 'GET /api/v1/equipment/{code}/status-changes',
  listEquipmentAvailability: 'GET /api/v1/equipment/{code}/availability',
  getEquipmentTimeline: 'GET /api/v1/equipment/{code}/timeline',
  listEquipmentAlarms: 'GET /api/v1/equipment-alarms',
  acknowledgeEquipmentAlarm: 'POST /api/v1/equipment-alarms/{alarmId}/acknowledge',
  listEquipmentAlarmLog: 'GET /api/v1/equipment/{code}/alarm-log',
  getEquipmentParameters: 'GET /api/v1/equipment/{code}/parameters',
  setEquipmentParameters: 'POST /api/v1/equipment/{code}/parameters',
  listEquipmentParameterVersions: 'GET /api/v1/equipment/{code}/parameter-versions',
  listEquipmentParameterFetches: 'GET /api/v1/equipment/{code}/parameter-fetches',
  listEquipmentFlags: 'GET /api/v1/equipment/{code}/flags',
  raiseEquipmentFlag: 'POST /api/v1/equipment/{code}/flags',
  cancelEquipmentFlag: 'POST /api/v1/equipment/{code}/flags/{action}/cancel',
  listEquipmentFollowUps: 'GET /api/v1/equipment/{code}/follow-ups',
  listEquipmentCalls: 'GET /api/v1/equipment/{code}/calls',
  listEquipmentStrangers: 'GET /api/v1/equipment-strangers',
  listEquipmentEmployees: 'GET /api/v1/equipment-employees',
  createEquipmentEmployee: 'POST /api/v1/equipment-employees',
  getEquipmentEmployee: 'GET /api/v1/equipment-employees/{number}',
  updateEquipmentEmployee: 'PATCH /api/v1/equipment-employees/{number}',
  listCells: 'GET /api/v1/cells',
  registerCells: 'POST /api/v1/cells',
  importCells: 'POST /api/v1/cells/import',
  getCell: 'GET /api/v1/cells/{serialNo}',
  updateCell: 'PATCH /api/v1/cells/{serialNo}',
  deleteCell: 'DELETE /api/v1/cells/{serialNo}',
  listCellLog: 'GET /api/v1/cells/{serialNo}/log',
  listTrays: 'GET /api/v1/trays',
  getTray: 'GET /api/v1/trays/{barcode}',
  updateTray: 'PATCH /api/v1/trays/{barcode}',
  listTrayLog: 'GET /api/v1/trays/{barcode}/log',
  unbindTray: 'POST /api/v1/trays/{barcode}/unbind',
  listAgingLimits: 'GET /api/v1/aging-limits',
  setAgingLimits: 'POST /api/v1/aging-limits',
  removeAgingLimits: 'DELETE /api/v1/aging-limits',
  listAgents: 'GET /api/v1/agents',
  createAgent: 'POST /api/v1/agents',
  getAgent: 'GET /api/v1/agents/{code}',
  updateAgent: 'PATCH /api/v1/agents/{code}',
  deleteAgent: 'DELETE /api/v1/agents/{code}',
  getAgentParameters: 'GET /api/v1/agents/{code}/parameters',
  listAgentLog: 'GET /api/v1/agents/{code}/log',
  tellAgentStatus: 'POST /api/v1/agents/{code}/status',
  tellAgentAlarms: 'POST /api/v1/agents/{code}/alarms',
  bindAgentTray: 'POST /api/v1/agents/{code}/trays/bind',
  unbindAgentTray: 'POST /api/v1/agents/{code}/trays/unbind',
  ageAgentTray: 'POST /api/v1/agents/{code}/trays/aging',
  askAgentTray: 'POST /api/v1/agents/{code}/trays/cells',
  askAgentCells: 'POST /api/v1/agents/{code}/cells',
  followAgentFlag: 'POST /api/v1/agents/{code}/follow-ups',
  listAgentCalls: 'GET /api/v1/agents/{code}/calls',
  getAgentCall: 'GET /api/v1/agents/{code}/calls/{callId}',
  redriveAgentCall: 'POST /api/v1/agents/{code}/calls/{callId}/redrive',
  writeOffAgentCall: 'POST /api/v1/agents/{code}/calls/{callId}/write-off',
  followDepartment: 'GET /api/v1/events',
  followUpgradeTask: 'GET /api/v1/upgrade-tasks/{taskId}/events',
  listWebhooks: 'GET /api/v1/webhooks',
  createWebhook: 'POST /api/v1/webhooks',
  getWebhook: 'GET /api/v1/webhooks/{webhookId}',
  updateWebhook: 'PATCH /api/v1/webhooks/{webhookId}',
  deleteWebhook: 'DELETE /api/v1/webhooks/{webhookId}',
  rotateWebhookSecret: 'POST /api/v1/webhooks/{webhookId}/rotate-secret',
  pingWebhook: 'POST /api/v1/webhooks/{webhookId}/ping',
  listWebhookDeliveries: 'GET /api/v1/webhooks/{webhookId}/deliveries',
  resendWebhookDelivery: 'POST /api/v1/webhooks/{webhookId}/deliveries/{deliveryId}/resend',
};

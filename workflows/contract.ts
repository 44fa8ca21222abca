/**
 * The public face of the workflows: names, ids, inputs, views, signals, updates and queries.
 *
 * Everything outside `workflows/` speaks to a workflow through this file only. Workflow ids are made and read here and
 * nowhere else; names in it are what people read in the Temporal Web UI and never change once run.
 */
import type { CommandOrder, CommandStatus } from './rules/commands.ts';
import type { FlagAction, SessionState } from './rules/equipment.ts';
import type { StageLimits } from './rules/offers.ts';
import type { AbortRule, Pacing } from './rules/pacing.ts';
import type { UpgradeStatus } from './rules/statuses.ts';
import type { Component } from './rules/versions.ts';

/** Workflow types. */
export const UPGRADE_DEVICE = 'upgradeDevice';
export const RUN_TASK = 'runTask';

/** One device, one upgrade at a time: the id itself is the lock. */
export function upgradeWorkflowId(deviceId: string): string {
  return `upgrade/${deviceId}`;
}

export function taskWorkflowId(taskId: number): string {
  return `task/${taskId}`;
}

/** The device, task or command that a workflow id names, for logs; nothing for ids that are not ours. */
export function namesIn(workflowId: string): { deviceId?: string; taskId?: number; commandId?: number } {
  const [, kind, name = ''] = /^(upgrade|task|command)\/(.+)$/.exec(workflowId) ?? [];
  if (kind === 'upgrade') return { deviceId: name };
  if (kind === 'command') return { commandId: Number(name) };
  return kind === 'task' ? { taskId: Number(name) } : {};
}

/** Keyword search attributes that every execution carries, so that people can filter in the Temporal Web UI. */
export const SEARCH_ATTRIBUTES = {
  device: 'SlipwayDevice',
  task: 'SlipwayTask',
  department: 'SlipwayDepartment',
  protocol: 'SlipwayProtocol',
  status: 'SlipwayStatus',
} as const;

/** What the status attribute of a device upgrade says while it neither waits nor has ended. */
export const ACTIVE_STATUS = 'active';

/** Who did it and why; every control carries it and every transition records it. */
export interface Authorship {
  author: string;
  cause?: string;
}

// ---------------------------------------------------------------- upgradeDevice

/** One file of an upgrade, as the workflow needs it: to decide and to be readable in the Web UI. */
export interface UpgradeFile {
  firmwareId: number;
  fileName: string;
  component: Component;
  targetVersion: string;
}

export interface UpgradeDeviceInput {
  upgradeId: number;
  deviceId: string;
  taskId: number;
  files: UpgradeFile[];
  limits: StageLimits;
  attemptsPerFile: number;
  /** Number of the first attempt; higher than any attempt this upgrade ever had. */
  firstAttempt: number;
  /** After this moment no offer is made; what is flashing then is still awaited for the proof limit. */
  deadlineAtMs: number;
}

/** What `upgradeDevice` returns; also what its row says. */
export interface UpgradeOutcome {
  status: UpgradeStatus;
  reason: string | null;
}

/** Live state, by query. */
export interface UpgradeView {
  status: UpgradeStatus;
  reason: string | null;
  file: number;
  attempt: number;
  failures: number;
  wakesAtMs: number | null;
}

/**
 * Something decisive happened to the device. The signal only wakes the workflow; what is true is read from the
 * database, where it was written before the signal was sent.
 */
export const EDGE_SIGNAL = 'deviceEdge';
export type DeviceEdge = 'reported' | 'failed' | 'contacted' | 'resumed';

/** A person acts on one device. */
export const CONTROL_SIGNAL = 'control';
export type UpgradeControl = Authorship & { upgradeId: number; action: 'cancel' | 'skip' | 'confirm' };

export const UPGRADE_VIEW_QUERY = 'view';

// ---------------------------------------------------------------- runTask

export interface RunTaskInput {
  taskId: number;
}

/** What `runTask` returns: how many devices ended how. */
export type TaskOutcome = { status: 'finished' | 'cancelled'; counts: Partial<Record<UpgradeStatus, number>> };

export interface TaskView {
  phase: 'loading' | 'awaiting approval' | 'delayed' | 'paused' | 'outside window' | 'running' | 'cancelling' | 'ended';
  wakesAtMs: number | null;
  pacing: Pacing | null;
}

export const PAUSE_UPDATE = 'pause';
export const RESUME_UPDATE = 'resume';
export const CANCEL_UPDATE = 'cancel';
export const PACING_UPDATE = 'changePacing';
export const START_NOW_UPDATE = 'startNow';
export const RETRY_UPDATE = 'retryFailed';
export const TASK_VIEW_QUERY = 'view';

/** What is changed; what is missing stays. With `revision`, only if nobody has changed anything since. */
export type PacingChange = Authorship & {
  fields: Partial<Pacing> & { abort?: AbortRule[] };
  revision?: number;
};
export type PacingAnswer = { kind: 'changed'; revision: number } | { kind: 'conflict'; revision: number };

/** Approving and rejecting name the key too: with four eyes it must be another one than the maker's. */
export const APPROVE_UPDATE = 'approve';
export const REJECT_UPDATE = 'reject';
export type ApprovalBy = Authorship & { keyId: number };

/** Retries all devices that did not succeed, or only these. */
export type RetryRequest = Authorship & { upgradeIds?: number[] };

// ---------------------------------------------------------------- deliverWebhook, pingWebhook

export const DELIVER_WEBHOOK = 'deliverWebhook';
export const PING_WEBHOOK = 'pingWebhook';

export function deliveryWorkflowId(deliveryId: number): string {
  return `webhook/${deliveryId}`;
}

export interface DeliverWebhookInput {
  deliveryId: number;
}

/**
 * What became of a delivery; `held`: the webhook is switched off, it goes on when it is on again; `removed`: there is
 * no such delivery any more.
 */
export type DeliveryOutcome = 'delivered' | 'failed' | 'held' | 'removed';

/** Do not wait any longer, try now. */
export const RETRY_NOW_SIGNAL = 'retryNow';

export interface PingWebhookInput {
  webhookId: number;
}

/** What came back; `status` is null when nothing did, and `error` says why. */
export interface PingOutcome {
  status: number | null;
  error: string | null;
  tookMs: number;
}

// ---------------------------------------------------------------- sendCommand

export const SEND_COMMAND = 'sendCommand';

export function commandWorkflowId(commandId: number): string {
  return `command/${commandId}`;
}

export interface SendCommandInput {
  commandId: number;
  deviceId: string;
  order: CommandOrder;
}

/** What `sendCommand` returns; also what its row says. */
export interface CommandOutcome {
  status: CommandStatus;
  reason: string | null;
}

/** Live state, by query. */
export interface CommandView extends CommandOutcome {
  attempt: number;
  /** What it waits for, and until when. */
  waitsFor: string | null;
  wakesAtMs: number | null;
}

/** Something was written about the command; the signal only wakes. */
export const COMMAND_EDGE_SIGNAL = 'commandEdge';
export type CommandEdge = 'sent' | 'answered' | 'proven' | 'cancelled' | 'unread';

export const COMMAND_VIEW_QUERY = 'view';

// ---------------------------------------------------------------- syncMes

export const SYNC_MES = 'syncMes';
/** The Temporal Schedule that starts it. */
export const MES_SCHEDULE_ID = 'mes-sync';
/** What ids of its executions begin with; Temporal appends the time. */
export const MES_WORKFLOW_ID = 'mes-sync';

export interface SyncMesInput {
  /** `schedule`, or the name of the key of whoever asked for it. */
  author?: string;
  /** Where an execution goes on that has become too long. */
  resume?: { cycleId: number; part: number; words: string[] };
}

/** What a cycle came to; also what its row says. */
export interface MesSyncReport {
  cycleId: number;
  status: string;
  words: string;
  seen: number;
  new: number;
  changed: number;
  rejected: number;
}

// ---------------------------------------------------------------- shipToPlatform

export const SHIP_TO_PLATFORM = 'shipToPlatform';

export function platformShipmentWorkflowId(shipmentId: number): string {
  return `platform-shipment/${shipmentId}`;
}

export interface ShipToPlatformInput {
  shipmentId: number;
  /** Where an execution goes on that has become too long. */
  after?: number;
  troubles?: number;
}

/** Something changed: a connection was resumed, devices are to be tried again, the rest is not to be sent. */
export const PLATFORM_WAKE_SIGNAL = 'wake';
export const PLATFORM_VIEW_QUERY = 'view';

export interface PlatformShipmentView {
  phase: 'sending' | 'waiting' | 'paused' | 'ending';
  /** Devices that have not ended; null: not counted yet. */
  open: number | null;
  why: string | null;
  wakesAtMs: number | null;
}

// ---------------------------------------------------------------- equipmentSession

export const EQUIPMENT_SESSION = 'equipmentSession';

/** One session per equipment: the id itself is the lock. */
export function equipmentWorkflowId(code: string): string {
  return `equipment/${code}`;
}

export interface EquipmentSessionInput {
  equipmentId: number;
  code: string;
  /** Where an execution goes on that lives long: what it has read of the journal, and how often it went on. */
  resume?: { lastEdge: number; edges: number; lines: string[]; since: number };
}

/** Live state of a session, by query. */
export interface EquipmentSessionView {
  state: SessionState;
  sinceMs: number | null;
  status: string | null;
  pendingFlags: FlagAction[];
  openAlarms: string[];
  parametersVersion: number;
  fetchedVersion: number;
  /** Edges of the session's whole life that its workflow has seen. */
  edges: number;
  /** The last of them, in words, oldest first. */
  lines: string[];
}

/** How the workflow of a session ends, if it does. */
export type EquipmentSessionOutcome = { status: 'retired' | 'deleted' | 'cancelled'; edges: number };

/** Something was written about the equipment; the signal only wakes. */
export const EQUIPMENT_EDGE_SIGNAL = 'equipmentEdge';
export const EQUIPMENT_VIEW_QUERY = 'view';

// ---------------------------------------------------------------- shipDevices, fireTrigger

export const SHIP_DEVICES = 'shipDevices';
export const FIRE_TRIGGER = 'fireTrigger';

export function shipmentWorkflowId(shipmentId: number): string {
  return `shipment/${shipmentId}`;
}

export function firingWorkflowId(triggerId: number, cycleId: number): string {
  return `trigger/${triggerId}/${cycleId}`;
}

export interface ShipDevicesInput {
  shipmentId: number;
  /** Where an execution goes on that has become too long. */
  shipped?: number;
  refused?: number;
}

export interface FireTriggerInput {
  triggerId: number;
  /** The reading of MES, or the import. */
  cycleId: number;
}

// ---------------------------------------------------------------- agentSession

export const AGENT_SESSION = 'agentSession';

export function agentWorkflowId(code: string): string {
  return `agent/${code}`;
}

export interface AgentSessionInput {
  agentId: number;
  code: string;
  /** Where an execution goes on that has become too long: times the MOM refused us, one after the other. */
  refusals?: number;
}

/** Live state, by query. */
export interface AgentSessionView {
  phase: 'going online' | 'online' | 'refused' | 'off';
  why: string | null;
  wakesAtMs: number | null;
}

/** Somebody changed the agent; what is true is in the database. */
export const AGENT_CHANGED_SIGNAL = 'agentChanged';
export const AGENT_VIEW_QUERY = 'view';

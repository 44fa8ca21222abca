/**
 * Slipway in the place of an equipment's own MOM software: what it queues, when it tries again, and what it makes of the
 * answers. Pure.
 */
import {
  FLAG_ACTIONS,
  nextState,
  OFFLINE_PERIODS,
  SUSPECT_PERIODS,
  type FlagAction,
  type SessionState,
} from './equipment.ts';

/** Calls that are queued; by the names of the protocol. */
export const AGENT_CALLS = [
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
export type AgentCallName = (typeof AGENT_CALLS)[number];

/**
 * `queued` until the MOM has answered. `quarantined`: it refused; a person has it sent anew (`redriven`, as another
 * call) or gives it up (`written_off`). `expired`: a question that nobody waits for any more.
 */
export const AGENT_CALL_STATUSES = [
  'queued',
  'delivered',
  'quarantined',
  'redriven',
  'written_off',
  'expired',
] as const;
export type AgentCallStatus = (typeof AGENT_CALL_STATUSES)[number];

/** `refused`: understood, not done. `rejected`: not received properly. `unsendable`: it cannot be put into the form. */
export const QUARANTINE_REASONS = ['refused', 'rejected', 'unsendable'] as const;
export type QuarantineReason = (typeof QUARANTINE_REASONS)[number];

/** What is done when the MOM raises a flag: wait for data, send what is configured, or nothing. */
export const FLAG_RESPONSES = ['ask', 'send', 'ignore'] as const;
export type FlagResponse = (typeof FLAG_RESPONSES)[number];

/** Flags that a call with data follows. */
export const DATA_FLAGS = FLAG_ACTIONS.filter((action) => action !== 'parameters');
export type DataFlag = Exclude<FlagAction, 'parameters'>;

/** The calls by which flags are followed. */
export const FLAG_CALLS = {
  material_up: 'MaterialUpLoad',
  material_down: 'MaterialDownLoad',
  water_content: 'WaterContent',
} as const satisfies Record<DataFlag, AgentCallName>;

/** Flag of a call, or null when it follows none. */
export function flagOf(name: AgentCallName): DataFlag | null {
  return (Object.keys(FLAG_CALLS) as DataFlag[]).find((flag) => FLAG_CALLS[flag] === name) ?? null;
}

/** ReasonCode where nobody gave one: for now each status has one planned reason (9.3). */
export const PLANNED_REASONS = {
  Running: 'Planned running',
  Waiting: 'Planned waiting',
  Down: 'Planned stop',
  Maintenance: 'Planned maintenance',
  Alerting: 'Equipment alarm',
} as const;

/** `waiting`: for data. `sending`: its call is queued. */
export const AGENT_FLAG_STATUSES = ['new', 'waiting', 'sending', 'followed', 'ignored'] as const;
export type AgentFlagStatus = (typeof AGENT_FLAG_STATUSES)[number];

/** The state of a session after so long without a good round trip. */
export function stateAfterSilence(state: SessionState, silentMs: number, periodMs: number): SessionState {
  if (silentMs >= OFFLINE_PERIODS * periodMs) return nextState(state, 'silent');
  return silentMs >= SUSPECT_PERIODS * periodMs ? nextState(state, 'quiet') : state;
}

/** Before the next try of a heartbeat that found nobody: several within a period, never a flood. */
export function retryAfterMs(periodMs: number): number {
  return Math.min(Math.max(periodMs / 4, 250), 10_000);
}

/** Answers name whole seconds: on average it was half a second later. */
const HALF_SECOND_MS = 500;
/** Differences within the resolution and the way of the answer are none. */
const RESOLUTION_MS = 1_000;

/** The MOM's clock minus ours, from one answer; 0 where the difference may be no more than the way and the rounding. */
export function clockOffset(sentAtMs: number, tookMs: number, respondedAtMs: number): number {
  const offset = Math.round(respondedAtMs + HALF_SECOND_MS - (sentAtMs + tookMs / 2));
  return Math.abs(offset) <= RESOLUTION_MS + tookMs / 2 ? 0 : offset;
}

/** Pause before a MOM that refuses us is asked again: a period, doubling up to ten minutes. */
export function refusedPauseMs(periodMs: number, refusals: number): number {
  return Math.min(periodMs * 2 ** Math.min(Math.max(refusals - 1, 0), 20), Math.max(600_000, periodMs));
}

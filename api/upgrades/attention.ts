/**
 * What a person is told of an upgrade that needs one: why, what to do, and what may be decided. Rules and words; the
 * same rules refuse a decision that is not open any more.
 */
import { Type, type Static } from 'typebox';
import { reasonText } from './reasons.ts';
import type { TaskExecutions } from '../route.ts';
import { closed, ComponentName, Moment, nullable } from '../schemas.ts';
import { UpgradeStatusName } from './upgrade-views.ts';
import { ATTENTION_KINDS, type AttentionRow } from '../../db/upgrades/attention.ts';
import { DECISIONS, type Decision } from '../../db/schema.ts';
import { upgradeWorkflowId } from '../../workflows/contract.ts';
import { FAILURE_CODES, failureMeaning } from '../../workflows/rules/retry.ts';
import { needsOperatorConfirmation } from '../../workflows/rules/versions.ts';

export const AttentionKindName = Type.Enum(ATTENTION_KINDS, { type: 'string' });
export const DecisionName = Type.Enum(DECISIONS, {
  type: 'string',
  description:
    'retry: the device begins again in its task; give_up: it stays as it is and needs nobody any more; confirm: a baseband upgrade (T3) is a success',
});

export const AttentionItem = closed(
  {
    upgradeId: Type.Integer(),
    kind: AttentionKindName,
    since: Moment,
    taskId: Type.Integer(),
    taskName: Type.String(),
    deviceId: Type.String(),
    model: Type.String(),
    status: UpgradeStatusName,
    reason: nullable(Type.String()),
    reasonText: nullable(Type.String({ description: 'the reason in words' })),
    advice: Type.String({ description: 'what the person in front of the screen can do' }),
    decisions: Type.Array(DecisionName, { description: 'what may be decided now' }),
    component: ComponentName,
    targetVersion: Type.String({ description: 'what the current file brings' }),
    runningVersion: nullable(Type.String({ description: 'what the device reports of that component' })),
    lastSeenAt: nullable(Moment),
    links: closed({
      upgrade: Type.String(),
      decide: Type.String(),
      log: Type.String(),
      task: Type.String(),
      device: Type.String(),
      execution: nullable(Type.String({ description: 'the workflow in the Temporal Web UI' })),
    }),
  },
  { title: 'AttentionItem' },
);

/** What the rules look at. */
export type AttentionFacts = Pick<
  AttentionRow,
  | 'kind'
  | 'status'
  | 'reason'
  | 'ended'
  | 'fileIndex'
  | 'fileCount'
  | 'component'
  | 'targetVersion'
  | 'runningVersion'
  | 'reportedAfterOffer'
  | 'fallenBack'
  | 'decision'
  | 'decidedBy'
  | 'decidedMs'
  | 'lastSeenMs'
>;

/** What may be decided about an upgrade now; nothing where nobody is needed. */
export function decisionsOf(facts: AttentionFacts): Decision[] {
  return DECISIONS.filter((decision) => refusalOf(facts, decision) === null);
}

/** Why a decision is refused, as a sentence that says what is so now; null when it is not. */
export function refusalOf(facts: AttentionFacts, decision: Decision): string | null {
  const { kind, status, component, targetVersion, fallenBack } = facts;
  if (facts.decision !== null && facts.decidedMs !== null && (facts.ended || kind === null)) return decidedText(facts);
  if (kind === null) {
    return facts.ended
      ? `it has ended as ${status}; there is nothing to decide`
      : `it is ${status} now; there is nothing to decide until it ends`;
  }
  if (decision === 'retry') {
    return kind === 'awaiting_confirmation' ? 'it is still under way; confirm it or give it up first' : null;
  }
  if (decision === 'give_up') return null;
  if (kind === 'awaiting_confirmation') {
    return fallenBack === null ? null : `the device reports ${fallenBack} again; only what it runs can be confirmed`;
  }
  if (kind !== 'unproven') return `it has ended as ${status}; only unproven upgrades can be confirmed`;
  if (!needsOperatorConfirmation(component)) {
    return `the file is for ${component}, not for the baseband (T3); only a version report proves it. Retry the device`;
  }
  if (facts.fileIndex < facts.fileCount - 1) return 'another file would have followed. Retry the device';
  if (!facts.reportedAfterOffer)
    return `the device has not reported ${component} ${targetVersion} after the offer. Wait for its report, or retry it`;
  return null;
}

/** What to do, for people. */
export function adviceOf(facts: AttentionFacts): string {
  const { kind, reason, component, targetVersion, runningVersion } = facts;
  const decisions = decisionsOf(facts);
  if (kind === 'awaiting_confirmation') {
    return facts.fallenBack === null
      ? `try the device; confirm when the new baseband works, give up when it does not`
      : `the device reports ${facts.fallenBack} again: give up, look at the device, then retry it`;
  }
  if (decisions.includes('confirm'))
    return `the device reports ${component} ${targetVersion}: confirm it when it works`;
  if (runningVersion === targetVersion && kind !== 'partial') {
    return `the device reports ${component} ${targetVersion} by now: retry it, then it is closed as succeeded and nothing is sent`;
  }
  if (kind === 'reverted') {
    return 'find out why the device went back (its loader, a reset at the bench), then retry it; give up if that is meant';
  }
  if (kind === 'partial')
    return `the first file is in place, the second is not; a retry goes on with the second. ${afterAll(reason)}`;
  if (kind === 'unproven') return 'look whether the device is alive; retry it when it reports again';
  if (kind === 'expired') return expiredAdvice(facts);
  return afterAll(reason);
}

function expiredAdvice({ reason, lastSeenMs }: AttentionFacts): string {
  if (lastSeenMs === null)
    return 'the device was never heard of: look whether it is switched on and registered under the right identity';
  return reason === 'task_deadline'
    ? 'a retry gives it as much time again as the task had'
    : `it was last heard of at ${new Date(lastSeenMs).toISOString()}: retry it when it is back`;
}

/** The advice that belongs to a failure code. */
function afterAll(reason: string | null): string {
  if (reason === null || !(FAILURE_CODES as readonly string[]).includes(reason)) {
    return 'read its log, then retry it or give it up';
  }
  const { advice, retry } = failureMeaning(reason);
  return retry === 'never' ? `a retry alone changes nothing: ${advice}` : `retry it when the cause is gone: ${advice}`;
}

function decidedText({ decision, decidedBy, decidedMs, status, ended }: AttentionFacts): string {
  const at = new Date(decidedMs!).toISOString();
  if (decision === 'give_up')
    return `${decidedBy} gave it up at ${at}; retry the failed devices of its task, or make a new task, to take it up again`;
  if (decision === 'confirm') return `${decidedBy} confirmed it at ${at}; it is ${status} now`;
  return ended
    ? `${decidedBy} had it retried at ${at}; it is ${status} now`
    : `${decidedBy} has it retried since ${at}`;
}

export function showAttention(row: AttentionRow, executions: TaskExecutions): Static<typeof AttentionItem> {
  const upgrade = `/api/v1/device-upgrades/${row.id}`;
  return {
    upgradeId: row.id,
    kind: row.kind!,
    since: new Date(row.sinceUs / 1_000).toISOString(),
    taskId: row.taskId,
    taskName: row.taskName,
    deviceId: row.deviceId,
    model: row.model,
    status: row.status,
    reason: row.reason,
    reasonText: reasonText(row.reason),
    advice: adviceOf(row),
    decisions: decisionsOf(row),
    component: row.component,
    targetVersion: row.targetVersion,
    runningVersion: row.runningVersion,
    lastSeenAt: row.lastSeenMs === null ? null : new Date(row.lastSeenMs).toISOString(),
    links: {
      upgrade,
      decide: `${upgrade}/decide`,
      log: `${upgrade}/log`,
      task: `/api/v1/upgrade-tasks/${row.taskId}`,
      device: `/api/v1/devices/${row.deviceId}`,
      execution: executions.executionUrl(upgradeWorkflowId(row.deviceId)),
    },
  };
}

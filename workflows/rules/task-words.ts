/**
 * A task in words, for the person who opens its execution in the Temporal Web UI: what it does now, how fast it may,
 * what stops it, and for whom it waits.
 */
import type { AbortRule, Pacing } from './pacing.ts';

/** What is told of a task. */
export interface ToldTask {
  name: string;
  deviceCount: number;
  createdBy: string;
  deadlineAtMs: number;
  approvalDeadlineAtMs: number | null;
  status: string;
  options: {
    pacing: Pacing;
    abort: readonly AbortRule[];
    approval: { onExpiry: 'cancel' | 'start'; fourEyes: boolean } | null;
    joins: object | null;
  };
}

/** The whole page, in Markdown. */
export function describeTask(task: ToldTask, phase: string, wakesAtMs: number | null): string {
  const { pacing, abort, joins } = task.options;
  const lines = [
    describePacing(pacing),
    ...abort.map(describeRule),
    ...(joins === null ? [] : ['Devices that come to fit the filter join it until the deadline']),
    ...describeApproval(task),
    `Nothing is offered after ${moment(task.deadlineAtMs)}`,
    ...(wakesAtMs === null ? [] : [`Sleeps until ${moment(wakesAtMs)}, or until something happens`]),
  ];
  return `**${task.name}** (${task.deviceCount} devices): ${phase}\n\n${lines.map((line) => `- ${line}`).join('\n')}`;
}

/** How fast devices are started. */
export function describePacing({ maxConcurrent, ratePerMinute, growth, limits }: Pacing): string {
  return [
    `At most ${maxConcurrent} at one time`,
    ...(ratePerMinute === null ? [] : [`at most ${ratePerMinute} started a minute`]),
    ...(growth === null
      ? []
      : [
          `beginning with ${growth.basePerMinute} a minute and times ${growth.factor} after every ${growth.everyDevices} that ${growth.by === 'succeeded' ? 'succeeded' : 'finished'}`,
        ]),
    ...limits.map(({ key, max }) => `never more than ${max} of one ${key}`),
  ].join(', ');
}

const EFFECTS = {
  pause: 'Pauses',
  cancel_waiting: 'Cancels what was not offered yet',
  cancel: 'Cancels all that is not flashing',
} as const;

/** When it stops by itself, and what it does then. */
export function describeRule({ effect, failures, percent, afterFinished }: AbortRule): string {
  const what = failures === 'any' ? 'did not succeed' : `ended ${failures}`;
  return `${EFFECTS[effect]} when ${percent} % of the finished devices ${what}, after at least ${afterFinished}`;
}

function describeApproval({ status, createdBy, approvalDeadlineAtMs, options: { approval } }: ToldTask): string[] {
  if (approval === null || status !== 'awaiting_approval' || approvalDeadlineAtMs === null) return [];
  const who = approval.fourEyes ? `Somebody other than ${createdBy}` : 'Somebody';
  const then = approval.onExpiry === 'start' ? 'starts without it' : 'is cancelled';
  return [`${who} must approve it before ${moment(approvalDeadlineAtMs)}; otherwise it ${then}`];
}

function moment(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z');
}

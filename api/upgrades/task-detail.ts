/**
 * One task in full: what the list says of it, and how far, how fast and by whose leave it goes.
 */
import { Type } from 'typebox';
import { TaskFile } from './plan-views.ts';
import { closed, Moment, nullable } from '../schemas.ts';
import { TASK_FIELDS } from './upgrade-views.ts';
import type { TaskRow } from '../../db/upgrades/tasks.ts';
import { finishedOf, rateNow } from '../../workflows/rules/pacing.ts';
import type { UpgradeStatus } from '../../workflows/rules/statuses.ts';

export const TaskDetail = closed(
  {
    ...TASK_FIELDS,
    files: Type.Array(TaskFile),
    counts: Type.Record(Type.String(), Type.Integer(), { description: 'devices by status' }),
    pace: closed({
      startsPerMinute: nullable(Type.Number({ description: 'most starts a minute by now; null: no such limit' })),
      startedInLastMinute: Type.Integer(),
      wave: Type.Integer({ description: 'step of growth it is at, from 1; always 1 without growth' }),
    }),
    approvalNeededFrom: nullable(Type.String({ description: 'who must approve it; null when nobody must any more' })),
    live: nullable(
      closed(
        {
          phase: Type.String({ description: 'what the workflow does now' }),
          wakesAt: nullable(Moment),
          maxConcurrent: nullable(Type.Integer()),
        },
        { description: 'asked of the workflow; null when it has ended or does not answer' },
      ),
    ),
  },
  { title: 'UpgradeTaskDetail' },
);

/** How fast it may go by now, and whose leave it needs to go at all. */
export function showProgress(
  { options, recentStarts, createdBy, status }: TaskRow,
  counts: Partial<Record<UpgradeStatus, number>>,
) {
  const { succeeded = 0, failed = 0, unproven = 0, expired = 0, partial = 0, reverted = 0 } = counts;
  const through = { succeeded, finished: finishedOf({ succeeded, failed, unproven, expired, partial, reverted }) };
  const { growth } = options.pacing;
  const aMinuteAgo = Date.now() / 1_000 - 60;
  const who = options.approval?.fourEyes === true ? `somebody other than ${createdBy}` : 'somebody';
  return {
    pace: {
      startsPerMinute: rateNow(options.pacing, through),
      startedInLastMinute: recentStarts.reduce((sum, [second, starts]) => sum + (second > aMinuteAgo ? starts : 0), 0),
      wave: growth === null ? 1 : Math.floor(through[growth.by] / growth.everyDevices) + 1,
    },
    approvalNeededFrom: status === 'awaiting_approval' ? who : null,
  };
}

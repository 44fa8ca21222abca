/**
 * What a person may do to a task: each control is durable before it is answered, and written down with its author.
 */
import { WorkflowUpdateFailedError } from '@temporalio/client';
import { Type, type Static } from 'typebox';
import type { Caller } from '../auth.ts';
import { within } from '../http/deadlines.ts';
import { ControlRefused } from '../executions/executions.ts';
import { AbortBody, PACING_OPTIONS } from '../upgrades/order-fields.ts';
import { readAbort, readPacing } from '../upgrades/order-options.ts';
import { notFound, problem } from '../problems.ts';
import { assertRevision, etagOf, IfMatch } from '../http/revisions.ts';
import { Answer, route, type Actor, type Services } from '../route.ts';
import { Cause, closed, ControlBody, Id, nullable } from '../schemas.ts';
import { showTask, Task } from '../upgrades/upgrade-views.ts';
import { findTask, type TaskRow } from '../../db/upgrades/tasks.ts';
import {
  APPROVE_UPDATE,
  CANCEL_UPDATE,
  PACING_UPDATE,
  PAUSE_UPDATE,
  REJECT_UPDATE,
  RESUME_UPDATE,
  START_NOW_UPDATE,
  type ApprovalBy,
  type Authorship,
  type PacingAnswer,
  type PacingChange,
} from '../../workflows/contract.ts';

/** An update waits for a worker; without one it would wait for ever. */
const UPDATE_MS = 15_000;

const Params = closed({ taskId: Id });

/** Controls that are one update without further arguments. */
const UPDATES = [
  {
    action: 'pause',
    id: 'pauseUpgradeTask',
    update: PAUSE_UPDATE,
    summary: 'Pause a task',
    description: 'No device is started and nothing is offered until it is resumed. What is being transferred goes on.',
  },
  {
    action: 'resume',
    id: 'resumeUpgradeTask',
    update: RESUME_UPDATE,
    summary: 'Resume a paused task',
    description:
      'Goes on where it was paused. A rule that had paused it counts anew from here, so it does not fire again at once.',
  },
  {
    action: 'cancel',
    id: 'cancelUpgradeTask',
    update: CANCEL_UPDATE,
    summary: 'Cancel a task',
    description: 'Devices that have the whole file are still awaited; all others end as cancelled.',
  },
  {
    action: 'start-now',
    id: 'startUpgradeTaskNow',
    update: START_NOW_UPDATE,
    summary: 'Start a task before its dispatch delay is over',
    description: 'The permitted hours still hold.',
  },
] as const;

/** Decisions about a task that must be approved; the workflow hears by which key, because names may be alike. */
const DECISIONS = [
  {
    action: 'approve',
    id: 'approveUpgradeTask',
    update: APPROVE_UPDATE,
    asksForKey: true,
    summary: 'Approve a task that was made with `approval`',
    description:
      'Its devices are started once the dispatch delay is over. With `fourEyes`, whoever made the task cannot approve it: neither with the same key nor with another one of the same name.',
  },
  {
    action: 'reject',
    id: 'rejectUpgradeTask',
    update: REJECT_UPDATE,
    asksForKey: true,
    summary: 'Reject a task that awaits approval',
    description: 'The task ends as cancelled, with your cause. Whoever made it may withdraw it this way too.',
  },
] as const;

/** A change names at least one of them. */
const CHANGEABLE = ['maxConcurrent', 'ratePerMinute', 'growth', 'keyLimits', 'abort'];

const PacingBody = closed(
  {
    ...PACING_OPTIONS,
    keyLimits: Type.Optional(nullable(PACING_OPTIONS.keyLimits)),
    abort: Type.Optional(nullable(AbortBody)),
    revision: Type.Optional(
      Type.Integer({
        minimum: 1,
        description: 'the `revision` you saw; if it is another one by now, nothing is changed (412)',
      }),
    ),
    cause: Cause,
  },
  {
    title: 'PacingChange',
    description: 'what is missing stays as it is; null clears',
    examples: [
      { maxConcurrent: 200, cause: 'the first hundred went well' },
      { ratePerMinute: 30, growth: null, abort: [{ percent: 5, afterFinished: 20, effect: 'pause' }], revision: 3 },
    ],
  },
);

export const taskControlRoutes = [
  ...[...UPDATES, ...DECISIONS].map(({ action, id, update, summary, description, ...rest }) =>
    route({
      method: 'post',
      path: `/api/v1/upgrade-tasks/{taskId}/${action}`,
      id,
      tag: 'upgrades',
      summary,
      description,
      permission: 'upgrade:write',
      params: Params,
      body: ControlBody,
      status: 200,
      response: Task,
      problems: ['control_refused', 'temporal_unavailable'],
      audits: { kind: 'task', param: 'taskId' },
      handle: ({ params, body, caller }, services) => {
        const by: Authorship | ApprovalBy = {
          ...authorship(caller, body.cause),
          ...('asksForKey' in rest ? { keyId: caller.keyId } : {}),
        };
        return control(services, caller, params.taskId, () =>
          services.executions.updateTask(params.taskId, update, by),
        );
      },
    }),
  ),
  route({
    method: 'post',
    path: '/api/v1/upgrade-tasks/{taskId}/retry-failed',
    id: 'retryFailedDevices',
    tag: 'upgrades',
    summary: 'Put devices that did not succeed back into the task',
    description:
      'Failed, unproven, expired, partial and reverted devices begin again, all of them or only those named; a task that had ended begins again with them.',
    permission: 'upgrade:write',
    params: Params,
    body: closed(
      {
        upgradeIds: Type.Optional(
          Type.Array(Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }), {
            minItems: 1,
            maxItems: 10_000,
            description: 'only these device upgrades of the task; others are passed over',
          }),
        ),
        cause: Cause,
      },
      { title: 'Retry', examples: [{ cause: 'new antenna' }, { upgradeIds: [4711] }] },
    ),
    status: 200,
    response: closed(
      { devices: Type.Integer({ description: 'devices put back' }), task: Task },
      { title: 'RetriedTask' },
    ),
    problems: ['control_refused', 'temporal_unavailable'],
    audits: { kind: 'task', param: 'taskId' },
    handle: async ({ params: { taskId }, body, caller }, services) => {
      let devices = 0;
      const task = await control(services, caller, taskId, async ({ name }) => {
        const labels = { department: caller.department, name };
        const { upgradeIds } = body;
        const request = { ...authorship(caller, body.cause), ...(upgradeIds === undefined ? {} : { upgradeIds }) };
        devices = await services.executions.retryFailed(taskId, labels, request);
      });
      return { devices, task };
    },
  }),
  route({
    method: 'patch',
    path: '/api/v1/upgrade-tasks/{taskId}/pacing',
    id: 'changeUpgradeTaskPacing',
    tag: 'upgrades',
    summary: 'Change how fast devices are started, and when the task stops by itself',
    description:
      'Holds from the next start on and interrupts no device. The log keeps what was before and after. With `revision` or `If-Match`, nothing is changed when somebody else was faster.',
    permission: 'upgrade:write',
    params: Params,
    headers: IfMatch,
    body: PacingBody,
    documentedBody: {
      ...PacingBody,
      anyOf: CHANGEABLE.map((field) => ({ properties: { [field]: {} }, required: [field] })),
    },
    status: 200,
    response: Task,
    problems: ['control_refused', 'edit_conflict', 'temporal_unavailable'],
    audits: { kind: 'task', param: 'taskId' },
    handle: async (input, services) => {
      const { params, body, caller } = input;
      const change: PacingChange = {
        ...authorship(caller, body.cause),
        ...readChange(body, input.headers['if-match']),
      };
      const task = await control(services, caller, params.taskId, async () => {
        const answer = await services.executions.updateTask<PacingAnswer>(params.taskId, PACING_UPDATE, change);
        if (answer?.kind === 'conflict') await refuseConflict(services, input, params.taskId, answer.revision, change);
      });
      return new Answer(task, { headers: etagOf(task.revision) });
    },
  }),
];

/** What a body says of the change; null clears a list as it clears a number. */
function readChange(
  { cause: _cause, revision, abort, keyLimits, ...pacing }: Static<typeof PacingBody>,
  ifMatch: string | undefined,
): Pick<PacingChange, 'fields' | 'revision'> {
  const fields: PacingChange['fields'] = {
    ...readPacing({ ...pacing, ...(keyLimits === undefined ? {} : { keyLimits: keyLimits ?? [] }) }),
    ...(abort === undefined ? {} : { abort: readAbort(abort ?? []) }),
  };
  if (Object.keys(fields).length === 0) {
    throw problem('validation_failed', 'The change names nothing to be changed.', {
      errors: [{ path: 'body', message: `give at least one of ${CHANGEABLE.join(', ')}` }],
    });
  }
  const seen = revision ?? revisionOf(ifMatch);
  return { fields, ...(seen === undefined ? {} : { revision: seen }) };
}

/** `"3"`, `W/"3"` or `3`; anything else but `*` fits no revision. */
function revisionOf(ifMatch: string | undefined): number | undefined {
  if (ifMatch === undefined || ifMatch.trim() === '*') return undefined;
  const digits = /^(?:W\/)?"?(\d{1,9})"?$/.exec(ifMatch.trim());
  return digits === null ? 0 : Number(digits[1]);
}

/** Says who was faster. */
async function refuseConflict(
  { db }: Services,
  { caller, operation }: Actor,
  taskId: number,
  revision: number,
  change: PacingChange,
): Promise<never> {
  const headers = { 'if-match': `"${change.revision ?? 0}"` };
  await assertRevision(db, { caller, operation, headers }, { kind: 'task', id: taskId, revision });
  throw problem(
    'edit_conflict',
    `Task ${taskId} was changed at the same moment. Read it again and send your change again.`,
  );
}

/** Who does it and why, as workflows and logs keep it. */
export function authorship(caller: Caller, cause: string | undefined): Authorship {
  return { author: caller.name, ...(cause === undefined ? {} : { cause }) };
}

/** Does something to one of the caller's tasks and answers the task as it then is. */
async function control(
  services: Services,
  caller: Caller,
  taskId: number,
  act: (task: TaskRow) => Promise<unknown>,
): Promise<Static<typeof Task>> {
  const task = await findTask(services.db, caller.departmentId, taskId);
  if (task === null) throw notFound('upgrade task', taskId);
  try {
    await within(UPDATE_MS, act(task));
  } catch (error) {
    const reason = refusalOf(error);
    if (reason === null) throw error;
    throw problem('control_refused', `Task ${taskId} refuses this: ${reason}. Look at its status and log.`, {
      cause: error,
    });
  }
  return showTask((await findTask(services.db, caller.departmentId, taskId)) ?? task, services.executions);
}

function refusalOf(error: unknown): string | null {
  if (error instanceof ControlRefused) return error.message;
  return error instanceof WorkflowUpdateFailedError ? (error.cause?.message ?? error.message) : null;
}

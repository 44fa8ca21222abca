/**
 * What a person may do to a task: each control is durable before it is answered, and written down with its author.
 */
import { WorkflowUpdateFailedError } from '@temporalio/client';
import { Type } from 'typebox';
import type { Caller } from '../auth.ts';
import { within } from '../deadlines.ts';
import { ControlRefused } from '../executions.ts';
import { notFound, problem } from '../problems.ts';
import { route, type Services } from '../route.ts';
import { Cause, closed, ControlBody, Id } from '../schemas.ts';
import { showTask, Task } from '../upgrade-views.ts';
import { findTask, type TaskRow } from '../../db/tasks.ts';
import { atMost } from '../../workflows/rules/pacing.ts';
import {
  CANCEL_UPDATE,
  PACING_UPDATE,
  PAUSE_UPDATE,
  RESUME_UPDATE,
  START_NOW_UPDATE,
  type Authorship,
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
    description: 'Goes on where it was paused.',
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

export const taskControlRoutes = [
  ...UPDATES.map(({ action, id, update, summary, description }) =>
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
      handle: ({ params, body, caller }, services) =>
        control(services, caller, params.taskId, () =>
          services.executions.updateTask(params.taskId, update, authorship(caller, body.cause)),
        ),
    }),
  ),
  route({
    method: 'post',
    path: '/api/v1/upgrade-tasks/{taskId}/retry-failed',
    id: 'retryFailedDevices',
    tag: 'upgrades',
    summary: 'Put devices that did not succeed back into the task',
    description:
      'Failed, unproven, expired, partial and reverted devices begin again; a task that had ended begins again with them.',
    permission: 'upgrade:write',
    params: Params,
    body: ControlBody,
    status: 200,
    response: closed(
      { devices: Type.Integer({ description: 'devices put back' }), task: Task },
      { title: 'RetriedTask' },
    ),
    problems: ['control_refused', 'temporal_unavailable'],
    handle: async ({ params: { taskId }, body, caller }, services) => {
      let devices = 0;
      const task = await control(services, caller, taskId, async ({ name }) => {
        const labels = { department: caller.department, name };
        devices = await services.executions.retryFailed(taskId, labels, authorship(caller, body.cause));
      });
      return { devices, task };
    },
  }),
  route({
    method: 'patch',
    path: '/api/v1/upgrade-tasks/{taskId}/pacing',
    id: 'changeUpgradeTaskPacing',
    tag: 'upgrades',
    summary: 'Change how many devices are under way at one time',
    description: 'Lowering it interrupts no device.',
    permission: 'upgrade:write',
    params: Params,
    body: closed(
      { maxConcurrent: Type.Integer({ minimum: 1, maximum: 2_000 }), cause: Cause },
      { title: 'PacingChange', examples: [{ maxConcurrent: 200, cause: 'the first hundred went well' }] },
    ),
    status: 200,
    response: Task,
    problems: ['control_refused', 'temporal_unavailable'],
    handle: ({ params: { taskId }, body: { maxConcurrent, cause }, caller }, services) => {
      const change: PacingChange = { ...authorship(caller, cause), pacing: atMost(maxConcurrent) };
      return control(services, caller, taskId, () => services.executions.updateTask(taskId, PACING_UPDATE, change));
    },
  }),
];

/** Who does it and why, as workflows and logs keep it. */
export function authorship(caller: Caller, cause: string | undefined): Authorship {
  return { author: caller.name, ...(cause === undefined ? {} : { cause }) };
}

/** Does something to one of the caller's tasks and answers the task as it then is. */
async function control(services: Services, caller: Caller, taskId: number, act: (task: TaskRow) => Promise<unknown>) {
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

/**
 * One device inside a task: its state, its log, and what a person may decide about it.
 */
import { Type } from 'typebox';
import { authorship } from './task-controls.ts';
import { DecisionName } from '../upgrades/attention.ts';
import type { Caller } from '../auth.ts';
import { within } from '../http/deadlines.ts';
import { decide } from '../upgrades/decisions.ts';
import { notFound, problem } from '../problems.ts';
import { Answer, route, type Services } from '../route.ts';
import { AfterLargeId, Cause, closed, ControlBody, Limit, Moment, moment, nullable, page, pageOf } from '../schemas.ts';
import { showUpgrade, Upgrade, UPGRADE_FIELDS, UpgradeStatusName } from '../upgrades/upgrade-views.ts';
import { endUpgradeUndispatched } from '../../db/upgrades/decisions.ts';
import type { Decision } from '../../db/schema.ts';
import * as tasks from '../../db/upgrades/tasks.ts';
import type { UpgradeControl } from '../../workflows/contract.ts';

const Params = closed({ upgradeId: Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }) });
/** A page is shown without live state when its workflow does not answer in this time. */
const VIEW_MS = 2_000;
const SIGNAL_MS = 10_000;

const UpgradeDetail = closed(
  {
    ...UPGRADE_FIELDS,
    live: nullable(
      closed(
        {
          status: UpgradeStatusName,
          reason: nullable(Type.String()),
          file: Type.Integer(),
          attempt: Type.Integer(),
          failures: Type.Integer({ description: 'failed attempts of the current file' }),
          wakesAt: nullable(Moment),
        },
        { description: 'asked of the workflow; null when it has ended, is not begun or does not answer' },
      ),
    ),
  },
  { title: 'DeviceUpgradeDetail' },
);

const UpgradeLogEntry = closed(
  {
    id: Type.Integer(),
    at: Moment,
    author: Type.String({ description: '`system`, `device`, or the name of the key of whoever did it' }),
    event: Type.String(),
    status: nullable(UpgradeStatusName),
    fileIndex: nullable(Type.Integer()),
    attempt: nullable(Type.Integer()),
    cause: Type.String(),
    details: Type.Record(Type.String(), Type.Unknown()),
  },
  { title: 'UpgradeLogEntry' },
);

const CONTROLS = [
  {
    action: 'cancel',
    id: 'cancelDeviceUpgrade',
    summary: 'Cancel the upgrade of one device',
    description:
      'A device that has the whole file will flash it all the same; what comes of it is awaited, and only the next file is left out.',
  },
  {
    action: 'skip',
    id: 'skipDeviceUpgrade',
    summary: 'Leave one device out of its task',
    description: 'Like cancel, but counts as skipped.',
  },
  {
    action: 'confirm',
    id: 'confirmDeviceUpgrade',
    summary: 'Confirm the upgrade of one device by hand',
    description:
      'For baseband files (T3): the new version was reported, and a person says that this is a success. Nothing that was not reported can be confirmed.',
  },
] as const;

export const deviceUpgradeRoutes = [
  route({
    method: 'get',
    path: '/api/v1/device-upgrades/{upgradeId}',
    id: 'getDeviceUpgrade',
    tag: 'upgrades',
    summary: 'The upgrade of one device, with what its workflow does now',
    permission: 'device:read',
    params: Params,
    status: 200,
    response: UpgradeDetail,
    handle: async ({ params: { upgradeId }, caller, log }, { db, executions }) => {
      const row = await findOwn(db, caller, upgradeId);
      const runs = row.dispatchedAt !== null && row.finishedAt === null;
      const view = runs
        ? await within(VIEW_MS, executions.upgradeView(row.deviceId)).catch((err: unknown) => {
            log.warn({ err, deviceId: row.deviceId }, 'upgrade shown without live state');
            return null;
          })
        : null;
      const live = view && {
        status: view.status,
        reason: view.reason,
        file: view.file,
        attempt: view.attempt,
        failures: view.failures,
        wakesAt: view.wakesAtMs === null ? null : new Date(view.wakesAtMs).toISOString(),
      };
      return { ...showUpgrade(row, executions), live };
    },
  }),
  route({
    method: 'get',
    path: '/api/v1/device-upgrades/{upgradeId}/log',
    id: 'listDeviceUpgradeLog',
    tag: 'upgrades',
    summary: 'Progress log: everything that happened to one device, with author, time and cause',
    permission: 'device:read',
    params: Params,
    query: closed({ limit: Limit, after: AfterLargeId }),
    status: 200,
    response: page(UpgradeLogEntry, 'UpgradeLogPage'),
    handle: async ({ params: { upgradeId }, query: { limit = 100, after = 0 }, caller }, { db }) => {
      await findOwn(db, caller, upgradeId);
      const rows = await tasks.listUpgradeLog(db, upgradeId, { after, limit: limit + 1 });
      const show = ({ upgradeId: _upgrade, at, ...entry }: (typeof rows)[number]) => ({ ...entry, at: moment(at) });
      return pageOf(rows, limit, show, ({ id }) => id);
    },
  }),
  route({
    method: 'post',
    path: '/api/v1/device-upgrades/{upgradeId}/decide',
    id: 'decideDeviceUpgrade',
    tag: 'upgrades',
    summary: 'Decide about an upgrade that needs a person',
    description:
      'Retry it, give it up, or confirm it (baseband only, and only what was reported). When somebody has decided, or it has changed meanwhile, the answer is 409 and `upgrade` shows what it is now.',
    permission: 'upgrade:write',
    params: Params,
    body: closed(
      { decision: DecisionName, cause: Cause },
      { title: 'UpgradeDecision', examples: [{ decision: 'retry', cause: 'the antenna was replaced' }] },
    ),
    status: 200,
    alsoAnswers: { 202: 'The workflow of the device was told; its status follows.' },
    response: Upgrade,
    problems: ['control_refused', 'temporal_unavailable'],
    audits: { kind: 'upgrade', param: 'upgradeId' },
    handle: async ({ params: { upgradeId }, body: { decision, cause }, caller }, services) => {
      const row = await findOwn(services.db, caller, upgradeId);
      const done = await decideOne(services, caller, row, { decision, cause });
      const answer = showUpgrade(await findOwn(services.db, caller, upgradeId), services.executions);
      return new Answer(answer, { status: done === 'told' ? 202 : 200 });
    },
  }),
  ...CONTROLS.map(({ action, id, summary, description }) =>
    route({
      method: 'post',
      path: `/api/v1/device-upgrades/{upgradeId}/${action}`,
      id,
      tag: 'upgrades',
      summary,
      description,
      permission: 'upgrade:write',
      params: Params,
      body: ControlBody,
      status: 200,
      alsoAnswers: { 202: 'The workflow of the device was told; its status follows.' },
      response: Upgrade,
      problems: ['control_refused', 'temporal_unavailable'],
      audits: { kind: 'upgrade', param: 'upgradeId' },
      handle: async ({ params: { upgradeId }, body, caller }, services) => {
        const row = await findOwn(services.db, caller, upgradeId);
        const by = { upgradeId, action, ...authorship(caller, body.cause) };
        const done = await (action === 'confirm'
          ? decideOne(services, caller, row, { decision: 'confirm', cause: body.cause })
          : stop(services, row, by));
        const answer = showUpgrade(await findOwn(services.db, caller, upgradeId), services.executions);
        return new Answer(answer, { status: done === 'told' ? 202 : 200 });
      },
    }),
  ),
];

type Choice = { decision: Decision; cause: string | undefined };

/** Cancel or skip: by row when no workflow has it, else by telling the workflow. */
async function stop({ db, executions }: Services, row: tasks.UpgradeRow, by: UpgradeControl): Promise<'done' | 'told'> {
  const status = by.action === 'skip' ? ('skipped' as const) : ('cancelled' as const);
  const end = { status, author: by.author, cause: by.cause ?? '' };
  if (row.finishedAt === null && (await endUpgradeUndispatched(db, row.id, end))) return 'done';
  if (row.finishedAt !== null) throw refused(row, `it has ended as ${row.status}`);
  await tell(executions, row, by);
  return 'told';
}

/** Decides about one upgrade that needs a person. A refusal carries what the upgrade is now. */
async function decideOne(
  services: Services,
  caller: Caller,
  row: tasks.UpgradeRow,
  by: Choice,
): Promise<'done' | 'told'> {
  const [outcome] = await decide(services, caller, [row.id], by);
  if (outcome === undefined || outcome.kind === 'missing') throw notFound('device upgrade', row.id);
  if (outcome.kind === 'failed') throw outcome.error;
  if (outcome.kind !== 'refused') return outcome.kind;
  const now = await findOwn(services.db, caller, row.id);
  throw refused(row, outcome.why, { upgrade: showUpgrade(now, services.executions) });
}

async function tell(executions: Services['executions'], row: tasks.UpgradeRow, by: UpgradeControl): Promise<void> {
  if (await within(SIGNAL_MS, executions.controlUpgrade(row.deviceId, by))) return;
  throw refused(row, 'its workflow is just starting or ending. Try again in some seconds');
}

function refused(row: tasks.UpgradeRow, reason: string, members: Record<string, unknown> = {}) {
  const detail = `This cannot be done to upgrade ${row.id} of device ${row.deviceId}: ${reason}.`;
  return problem('control_refused', detail, { members });
}

async function findOwn(db: Services['db'], caller: Caller, upgradeId: number): Promise<tasks.UpgradeRow> {
  const row = await tasks.findUpgrade(db, caller.departmentId, upgradeId);
  if (row === null) throw notFound('device upgrade', upgradeId);
  return row;
}

/**
 * Triggers: rules that ship new rows of MES by themselves. Made switched off, tried, switched on; what they did, and what
 * MES changed later.
 */
import { audit, differences } from '../audit.ts';
import { notFound, problem } from '../problems.ts';
import { assertRevision, etagOf, IfMatch } from '../http/revisions.ts';
import { Answer, route, type Services } from '../route.ts';
import { AfterId, AfterLargeId, closed, ControlBody, Id, Limit, page, readPage } from '../schemas.ts';
import { showPlanned } from '../shipments/shipment-views.ts';
import {
  Difference,
  DryRun,
  Firing,
  showDifference,
  showFiring,
  showTrigger,
  Trigger,
  TriggerBody,
  TriggerChange,
} from '../shipments/trigger-views.ts';
import { findPlatform } from '../../db/shipments/platforms.ts';
import type { TriggerMatch, TriggerPlatform } from '../../db/schema.ts';
import { planShipment } from '../../db/shipments/shipment-plan.ts';
import * as triggers from '../../db/shipments/triggers.ts';
import { checkPlatformInfo } from '../../workflows/rules/platforms.ts';

const One = closed({ triggerId: Id });
/** Fitting rows that a trial judges, and tells one by one. */
const JUDGED = 10_000;
const SHOWN = 100;
const DAY_MS = 86_400_000;
/** Of Beijing. */
const ZONE_MS = 8 * 3_600_000;

export const triggerRoutes = [
  route({
    method: 'get',
    path: '/api/v1/triggers',
    id: 'listTriggers',
    tag: 'shipments',
    summary: 'List triggers',
    permission: 'device:read',
    query: closed({ limit: Limit, after: AfterId }),
    status: 200,
    response: page(Trigger, 'TriggerPage'),
    handle: ({ query: { limit, after = 0 }, caller }, { db }) =>
      readPage(
        limit,
        (limit) => triggers.listTriggers(db, caller.departmentId, { after, limit }),
        showTrigger,
        ({ id }) => id,
      ),
  }),
  route({
    method: 'post',
    path: '/api/v1/triggers',
    id: 'createTrigger',
    tag: 'shipments',
    summary: 'Make a trigger; it is off',
    description: 'Try it with a dry run, then switch it on.',
    permission: 'shipment:write',
    body: TriggerBody,
    status: 201,
    response: Trigger,
    problems: ['name_taken', 'order_refused'],
    atomic: true,
    idempotent: true,
    handle: async (input, { db }) => {
      const { name, match, company = '', shipInDays = 1, remark = '', platform = null } = input.body;
      await assertMakesSense(db, match, platform);
      const { departmentId, name: createdBy } = input.caller;
      const fields = { name, match, company, shipInDays, remark, platform };
      const row = await triggers.createTrigger(db, { departmentId, createdBy, ...fields });
      if (row === null) throw taken(name);
      await audit(db, input, { kind: 'trigger', id: row.id, after: fields });
      return new Answer(showTrigger(row), {
        headers: { ...etagOf(row.revision), Location: `/api/v1/triggers/${row.id}` },
      });
    },
  }),
  route({
    method: 'get',
    path: '/api/v1/triggers/{triggerId}',
    id: 'getTrigger',
    tag: 'shipments',
    summary: 'Show a trigger',
    permission: 'device:read',
    params: One,
    status: 200,
    response: Trigger,
    handle: async ({ params: { triggerId }, caller }, { db }) => {
      const row = await findOwn(db, caller.departmentId, triggerId);
      return new Answer(showTrigger(row), { headers: etagOf(row.revision) });
    },
  }),
  route({
    method: 'patch',
    path: '/api/v1/triggers/{triggerId}',
    id: 'updateTrigger',
    tag: 'shipments',
    summary: 'Change a trigger',
    description: 'For readings that end from now on; what it shipped stays as it is.',
    permission: 'shipment:write',
    params: One,
    headers: IfMatch,
    body: TriggerChange,
    status: 200,
    response: Trigger,
    problems: ['name_taken', 'order_refused', 'edit_conflict'],
    atomic: true,
    handle: async (input, { db }) => {
      const { params, body, caller } = input;
      const { triggerId } = params;
      const before = await findOwn(db, caller.departmentId, triggerId, { lock: true });
      await assertRevision(db, input, { kind: 'trigger', id: triggerId, revision: before.revision });
      await assertMakesSense(db, body.match ?? before.match, body.platform ?? null);
      const changed = differences<triggers.TriggerFields>(before, body);
      if (changed === null) return new Answer(showTrigger(before), { headers: etagOf(before.revision) });
      const row = await triggers.changeTrigger(db, before, body);
      if (row === null) throw taken(body.name ?? before.name);
      await audit(db, input, { kind: 'trigger', id: triggerId, ...changed });
      return new Answer(showTrigger(row), { headers: etagOf(row.revision) });
    },
  }),
  route({
    method: 'delete',
    path: '/api/v1/triggers/{triggerId}',
    id: 'deleteTrigger',
    tag: 'shipments',
    summary: 'Take a trigger out of use; what it did stays',
    permission: 'shipment:write',
    params: One,
    headers: IfMatch,
    status: 200,
    response: Trigger,
    problems: ['edit_conflict'],
    atomic: true,
    handle: async (input, { db }) => {
      const { triggerId } = input.params;
      const before = await findOwn(db, input.caller.departmentId, triggerId, { lock: true });
      await assertRevision(db, input, { kind: 'trigger', id: triggerId, revision: before.revision });
      await triggers.deleteTrigger(db, triggerId);
      await audit(db, input, { kind: 'trigger', id: triggerId, before });
      return showTrigger({ ...before, isOn: false });
    },
  }),
  ...(['on', 'off'] as const).map((wish) =>
    route({
      method: 'post',
      path: `/api/v1/triggers/{triggerId}/${wish}`,
      id: wish === 'on' ? 'switchTriggerOn' : 'switchTriggerOff',
      tag: 'shipments',
      summary: wish === 'on' ? 'Switch a trigger on: rows of MES are new to it from now on' : 'Switch a trigger off',
      description:
        wish === 'on'
          ? 'Rows that came before, or while it was off, are never shipped by it. A reading that runs now counts as new.'
          : 'A firing that has begun its shipment finishes it.',
      permission: 'shipment:write',
      params: One,
      body: ControlBody,
      status: 200,
      response: Trigger,
      atomic: true,
      handle: async (input, { db }) => {
        const { params, body, caller } = input;
        const { triggerId } = params;
        const before = await findOwn(db, caller.departmentId, triggerId, { lock: true });
        const isOn = wish === 'on';
        if (before.isOn === isOn) return new Answer(showTrigger(before), { headers: etagOf(before.revision) });
        const row = await triggers.switchTrigger(db, triggerId, isOn);
        const after = { isOn, cause: body.cause ?? '' };
        await audit(db, input, { kind: 'trigger', id: triggerId, before: { isOn: before.isOn }, after });
        return new Answer(showTrigger(row), { headers: etagOf(row.revision) });
      },
    }),
  ),
  route({
    method: 'post',
    path: '/api/v1/triggers/{triggerId}/dry-run',
    id: 'tryTrigger',
    tag: 'shipments',
    summary: 'What a trigger would ship of the rows there are',
    description: `Judges the newest ${JUDGED} rows that fit, as a shipment of today would. Without an order it looks through the newest ${triggers.TRIED_ROWS} rows of the model, or of all. Nothing is written.`,
    permission: 'shipment:write',
    params: One,
    status: 200,
    response: DryRun,
    handle: async ({ params: { triggerId }, caller }, { db }) => {
      const { departmentId } = caller;
      const { match, company, shipInDays } = await findOwn(db, departmentId, triggerId);
      const { imeis, lookedAt } = await triggers.findFitting(db, match, JUDGED + 1);
      const shipDate = new Date(Date.now() + ZONE_MS + shipInDays * DAY_MS).toISOString().slice(0, 10);
      const named = imeis.slice(0, JUDGED).map((imei) => ({ imei, first: null }));
      const plan = await planShipment(db, { departmentId, company, shipDate }, named, SHOWN);
      return {
        ...plan,
        refusedDevices: plan.refusedDevices.map(showPlanned),
        shippedDevices: plan.shippedDevices.map(showPlanned),
        shipDate,
        isWhole: imeis.length <= JUDGED,
        rowsLookedAt: lookedAt,
      };
    },
  }),
  route({
    method: 'get',
    path: '/api/v1/triggers/{triggerId}/firings',
    id: 'listTriggerFirings',
    tag: 'shipments',
    summary: 'What a trigger did, newest first',
    permission: 'device:read',
    params: One,
    query: closed({ limit: Limit, after: AfterLargeId }),
    status: 200,
    response: page(Firing, 'TriggerFiringPage'),
    handle: async ({ params: { triggerId }, query: { limit, after }, caller }, { db, executions }) => {
      await findOwn(db, caller.departmentId, triggerId);
      return readPage(
        limit,
        (limit) => triggers.listFirings(db, triggerId, { before: after, limit }),
        (row) => showFiring(row, executions),
        ({ cycleId }) => cycleId,
      );
    },
  }),
  route({
    method: 'get',
    path: '/api/v1/triggers/{triggerId}/differences',
    id: 'listTriggerDifferences',
    tag: 'shipments',
    summary: 'What MES changed later of what a trigger shipped, or would ship now',
    permission: 'device:read',
    params: One,
    query: closed({ limit: Limit, after: AfterLargeId }),
    status: 200,
    response: page(Difference, 'TriggerDifferencePage'),
    handle: async ({ params: { triggerId }, query: { limit, after }, caller }, { db }) => {
      await findOwn(db, caller.departmentId, triggerId);
      return readPage(
        limit,
        (limit) => triggers.listDifferences(db, triggerId, { before: after, limit }),
        showDifference,
        ({ difference }) => difference.id,
      );
    },
  }),
];

/** A trigger of the department; any other is answered as if there were none. */
async function findOwn(db: Services['db'], departmentId: number, triggerId: number, options: { lock?: boolean } = {}) {
  const row = await triggers.findTrigger(db, departmentId, triggerId, options);
  if (row === null) throw notFound('trigger', triggerId);
  return row;
}

async function assertMakesSense(
  db: Services['db'],
  { companyWords }: TriggerMatch,
  platform: TriggerPlatform | null,
): Promise<void> {
  const blank = (companyWords ?? []).findIndex((word) => word.trim() === '');
  if (blank >= 0) {
    throw problem('order_refused', 'An empty word would fit every company.', {
      errors: [{ path: `body.match.companyWords[${blank}]`, message: 'is empty' }],
    });
  }
  if (platform === null) return;
  const found = await findPlatform(db, platform.platformId);
  if (found === null) throw notFound('platform', platform.platformId);
  if (!found.isActive) throw problem('order_refused', `The platform ${found.name} cannot be chosen any more.`);
  const wrong = checkPlatformInfo(found.fields, platform.info, new Date().toISOString().slice(0, 10));
  if (wrong.length === 0) return;
  throw problem('order_refused', `The shipping information does not fit ${found.name}.`, {
    errors: wrong.map(({ field, message }) => ({ path: `body.platform.info.${field}`, message })),
  });
}

function taken(name: string) {
  return problem('name_taken', `There is a trigger "${name}" already. Choose another name.`);
}

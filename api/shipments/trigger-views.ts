/**
 * Triggers as the API takes and shows them: the rule, what it did, what MES changed later.
 */
import { Type, type Static } from 'typebox';
import { PlatformInfoBody } from './platform-views.ts';
import type { TaskExecutions } from '../route.ts';
import { closed, Id, Moment, moment, nullable, text } from '../schemas.ts';
import { PLAN_FIELDS } from './shipment-views.ts';
import { FIRING_STATUSES, TRIGGER_DIFFERENCES } from '../../db/schema.ts';
import type { FiringRow, listDifferences, TriggerRow } from '../../db/shipments/triggers.ts';
import { firingWorkflowId } from '../../workflows/contract.ts';

const Match = closed(
  {
    order: Type.Optional(text(100, { minLength: 1, description: 'work order (ZhiDan), whole' })),
    model: Type.Optional(text(100, { minLength: 1, description: 'SoftModel, whole' })),
    companyWords: Type.Optional(
      Type.Array(text(200, { minLength: 1 }), {
        minItems: 1,
        maxItems: 20,
        description: 'all must be in CompanyName; case and width of Latin letters do not matter',
      }),
    ),
  },
  { title: 'TriggerMatch', minProperties: 1, description: 'all that is given must fit' },
);

const Onward = closed({ platformId: Id, info: PlatformInfoBody }, { title: 'TriggerPlatform' });

const NAME = text(100, { minLength: 1, description: 'its firings are called so in the Temporal Web UI' });
const COMPANY = text(200, { description: 'as in an order of a shipment' });
const DAYS = Type.Integer({
  minimum: 0,
  maximum: 365,
  description:
    'the ship date is so many days after the day, in Beijing, on which it fires; 0 refuses what was produced that day',
});
const REMARK = text(500);

export const TriggerBody = closed(
  {
    name: NAME,
    match: Match,
    company: Type.Optional(COMPANY),
    shipInDays: Type.Optional(DAYS),
    remark: Type.Optional(REMARK),
    platform: Type.Optional(nullable(Onward)),
  },
  {
    title: 'NewTrigger',
    examples: [{ name: 'GV2 for the international department', match: { model: 'GV2', companyWords: ['国际部'] } }],
  },
);
export const TriggerChange = closed(
  {
    name: Type.Optional(NAME),
    match: Type.Optional(Match),
    company: Type.Optional(COMPANY),
    shipInDays: Type.Optional(DAYS),
    remark: Type.Optional(REMARK),
    platform: Type.Optional(nullable(Onward)),
  },
  { title: 'TriggerChange', examples: [{ shipInDays: 2 }] },
);

export const Trigger = closed(
  {
    id: Type.Integer(),
    name: Type.String(),
    isOn: Type.Boolean(),
    match: Match,
    company: Type.String(),
    shipInDays: Type.Integer(),
    remark: Type.String(),
    platform: nullable(Onward),
    revision: Type.Integer({ description: 'counts changes; see `If-Match`' }),
    createdAt: Moment,
    createdBy: Type.String(),
    links: closed({ self: Type.String(), firings: Type.String(), differences: Type.String() }),
  },
  { title: 'Trigger' },
);

export function showTrigger(row: TriggerRow): Static<typeof Trigger> {
  const { id, name, isOn, match, company, shipInDays, remark, platform, revision, createdAt, createdBy } = row;
  const self = `/api/v1/triggers/${id}`;
  return {
    id,
    name,
    isOn,
    match,
    company,
    shipInDays,
    remark,
    platform,
    revision,
    createdAt: moment(createdAt),
    createdBy,
    links: { self, firings: `${self}/firings`, differences: `${self}/differences` },
  };
}

const FiringStatusName = Type.Enum(
  FIRING_STATUSES.filter((status) => status !== 'passed'),
  { type: 'string', description: 'attention: something of it needs a person, see `words`' },
);
export const Firing = closed(
  {
    cycle: Type.Integer({ description: 'the reading of MES, or the import' }),
    status: FiringStatusName,
    words: Type.String(),
    devices: Type.Integer({ description: 'new rows that fitted' }),
    differences: Type.Integer(),
    shipmentId: nullable(Type.Integer()),
    platformShipmentId: nullable(Type.Integer()),
    startedAt: Moment,
    finishedAt: nullable(Moment),
    links: closed({
      shipment: nullable(Type.String()),
      platformShipment: nullable(Type.String()),
      temporal: nullable(Type.String()),
    }),
  },
  { title: 'TriggerFiring' },
);

export function showFiring(row: FiringRow, executions: Pick<TaskExecutions, 'executionUrl'>): Static<typeof Firing> {
  const { triggerId, cycleId, status, words, devices, differences, shipmentId, platformShipmentId } = row;
  return {
    cycle: cycleId,
    status: status as Exclude<typeof status, 'passed'>,
    words,
    devices,
    differences,
    shipmentId,
    platformShipmentId,
    startedAt: moment(row.startedAt),
    finishedAt: moment(row.finishedAt),
    links: {
      shipment: shipmentId && `/api/v1/shipments/${shipmentId}`,
      platformShipment: platformShipmentId && `/api/v1/platform-shipments/${platformShipmentId}`,
      temporal: executions.executionUrl(firingWorkflowId(triggerId, cycleId)),
    },
  } as Static<typeof Firing>;
}

export const Difference = closed(
  {
    id: Type.Integer(),
    at: Moment,
    kind: Type.Enum(TRIGGER_DIFFERENCES, {
      type: 'string',
      description:
        'shipped_changed: MES changed a device that it had shipped; fits_no_more: so that it would not ship it now; fits_now: a row that did not fit fits now, and was not shipped: decide, and ship it by hand',
    }),
    imei: Type.String(),
    cycle: Type.Integer(),
    shipmentId: nullable(Type.Integer()),
    table: Type.String(),
    differences: Type.Array(
      closed({ column: Type.String(), old: nullable(Type.String()), new: nullable(Type.String()) }),
    ),
  },
  { title: 'TriggerDifference' },
);

export function showDifference({
  difference: { id, at, kind, imei, cycleId, shipmentId },
  change: { mesTable, differences },
}: Awaited<ReturnType<typeof listDifferences>>[number]): Static<typeof Difference> {
  return { id, at: moment(at), kind, imei, cycle: cycleId, shipmentId, table: mesTable, differences };
}

export const DryRun = closed(
  {
    ...PLAN_FIELDS,
    shipDate: Type.String({ description: 'if it fired now' }),
    isWhole: Type.Boolean({ description: 'false: more rows fit than are judged here' }),
    rowsLookedAt: nullable(Type.Integer({ description: 'the newest rows; null: all' })),
  },
  { title: 'TriggerDryRun' },
);

/**
 * The same for many devices: change them or delete them, answered row by row. What can be done is done.
 */
import { Type, type Static } from 'typebox';
import { audit, differences, type AuditEntry } from '../audit.ts';
import { kindFault, MAX_POWER_KW } from '../devices/device-protocols.ts';
import { lastingFields } from '../devices/device-views.ts';
import { route } from '../route.ts';
import { closed, nullable, text } from '../schemas.ts';
import * as bulk from '../../db/devices/device-bulk.ts';
import type { Db } from '../../db/index.ts';

const DeviceIds = Type.Array(text(100), { minItems: 1, maxItems: 5_000, description: 'each once' });
const Fields = closed(
  {
    model: Type.Optional(text(100, { description: 'of a charging pile: DC or AC' })),
    powerKw: Type.Optional(Type.Integer({ minimum: 1, maximum: MAX_POWER_KW, description: 'of charging piles only' })),
    orderNo: Type.Optional(text(100)),
    remark: Type.Optional(text(1_000)),
  },
  { minProperties: 1, description: 'what all of them get; fields that are absent stay as they are' },
);

const BulkOrder = Type.Union(
  [
    closed({ action: Type.Literal('update'), deviceIds: DeviceIds, set: Fields }, { title: 'BulkUpdate' }),
    closed({ action: Type.Literal('delete'), deviceIds: DeviceIds }, { title: 'BulkDelete' }),
  ],
  {
    title: 'BulkOrder',
    examples: [
      { action: 'update', deviceIds: ['terminal-6134441313'], set: { orderNo: 'SO-2025-0017' } },
      { action: 'delete', deviceIds: ['terminal-6134441313'] },
    ],
  },
);

const Row = closed(
  {
    row: Type.Integer({ description: 'place in `deviceIds`, from 1' }),
    deviceId: Type.String(),
    status: Type.Enum(['updated', 'deleted', 'unchanged', 'refused'], { type: 'string' }),
    code: nullable(
      Type.String({
        description:
          'why it is refused: not_found, duplicate_row, device_has_upgrades, model_wrong, power_wrong, power_not_for_protocol',
      }),
    ),
    message: nullable(Type.String({ description: 'what to do about it' })),
  },
  { title: 'BulkRow' },
);
type Outcome = Pick<Static<typeof Row>, 'status' | 'code' | 'message'>;

const COUNT = Type.Integer({ minimum: 0 });

export const deviceBulkRoutes = [
  route({
    method: 'post',
    path: '/api/v1/devices/bulk',
    id: 'changeDevices',
    tag: 'devices',
    summary: 'Change or delete many devices',
    description:
      'Answers row by row like an import: what can be done is done, and each device that is refused says why. All of it is one transaction.',
    permission: 'device:write',
    body: BulkOrder,
    status: 200,
    response: closed(
      { rows: COUNT, updated: COUNT, deleted: COUNT, unchanged: COUNT, refused: COUNT, results: Type.Array(Row) },
      { title: 'BulkResult' },
    ),
    idempotent: true,
    atomic: true,
    handle: async (input, { db }) => {
      const { body, caller } = input;
      const known = await bulk.lockDevices(db, caller.departmentId, body.deviceIds);
      const { outcomes, entries } =
        body.action === 'update' ? await updateAll(db, known, body.set) : await deleteAll(db, known);
      await audit(db, input, ...entries);
      const seen = new Map<string, number>();
      const results = body.deviceIds.map((deviceId, index) => {
        const first = seen.get(deviceId);
        if (first === undefined) seen.set(deviceId, index + 1);
        const outcome = first === undefined ? (outcomes.get(deviceId) ?? missing(deviceId)) : doubled(first);
        return { row: index + 1, deviceId, ...outcome };
      });
      const sums = { rows: results.length, updated: 0, deleted: 0, unchanged: 0, refused: 0 };
      for (const { status } of results) sums[status]++;
      return { ...sums, results };
    },
  }),
];

interface Done {
  outcomes: Map<string, Outcome>;
  entries: AuditEntry[];
}

async function updateAll(db: Db, known: readonly bulk.DeviceFields[], set: bulk.BulkChange): Promise<Done> {
  const faults = new Map(
    known.map((device) => {
      const isAsked = set.model !== undefined || set.powerKw !== undefined;
      return [device.id, isAsked ? kindFault(device.protocol, { ...device, ...set }) : null];
    }),
  );
  const changes = known
    .filter(({ id }) => !faults.get(id))
    .map((device) => ({ id: device.id, changed: differences<bulk.BulkChange>(device, set) }));
  const changed = changes.flatMap(({ id, changed }) => (changed === null ? [] : [{ id, ...changed }]));
  await bulk.updateDevices(
    db,
    changed.map(({ id }) => id),
    set,
  );
  const refusals = [...faults].flatMap(([id, fault]): [string, Outcome][] =>
    fault == null ? [] : [[id, refused(fault.code, fault.message)]],
  );
  return {
    outcomes: new Map([
      ...changes.map(({ id, changed }): [string, Outcome] => [id, done(changed === null ? 'unchanged' : 'updated')]),
      ...refusals,
    ]),
    entries: changed.map((entry) => ({ kind: 'device', ...entry })),
  };
}

async function deleteAll(db: Db, known: readonly bulk.DeviceFields[]): Promise<Done> {
  const kept = await bulk.findWithUpgrades(
    db,
    known.map(({ id }) => id),
  );
  const gone = known.filter(({ id }) => !kept.has(id));
  await bulk.deleteDevices(
    db,
    gone.map(({ id }) => id),
  );
  return {
    outcomes: new Map(known.map(({ id }) => [id, kept.has(id) ? hasUpgrades() : done('deleted')])),
    entries: gone.map(({ id, protocol: _protocol, ...device }) => ({
      kind: 'device',
      id,
      before: lastingFields(device),
    })),
  };
}

function done(status: 'updated' | 'deleted' | 'unchanged'): Outcome {
  return { status, code: null, message: null };
}

function missing(deviceId: string): Outcome {
  return refused('not_found', `there is no device ${deviceId} in your department; check the id`);
}

function doubled(first: number): Outcome {
  return refused('duplicate_row', `row ${first} names it already; that row counts`);
}

function hasUpgrades(): Outcome {
  return refused(
    'device_has_upgrades',
    'it has upgrades, and their history stays; write into its remark that it is out of use',
  );
}

function refused(code: string, message: string): Outcome {
  return { status: 'refused', code, message };
}

/**
 * The registry: listing, changing and deleting devices, and what they reported. How they come in is in
 * `device-registration.ts`, many at once in `device-bulk.ts`.
 */
import { Type } from 'typebox';
import { audit, differences } from '../audit.ts';
import { DEVICE_QUERY, deviceFilterOf } from '../devices/device-query.ts';
import { DEVICE_RULES, kindFault, MAX_POWER_KW } from '../devices/device-protocols.ts';
import { DATES_WRONG, isDay } from '../devices/device-rows.ts';
import { Device, DeviceDetail, DeviceId, lastingFields, showDetail, showDevice } from '../devices/device-views.ts';
import { notFound, problem } from '../problems.ts';
import { assertRevision, etagOf, IfMatch } from '../http/revisions.ts';
import { Answer, route, type Services } from '../route.ts';
import {
  AfterLargeId,
  AfterText,
  closed,
  Day,
  Limit,
  Moment,
  moment,
  nullable,
  page,
  readPage,
  text,
} from '../schemas.ts';
import { showUpgrade, Upgrade } from '../upgrades/upgrade-views.ts';
import * as devices from '../../db/devices/devices.ts';
import { upgradeWorkflowId } from '../../workflows/contract.ts';

const Params = closed({ deviceId: DeviceId });

export const deviceRoutes = [
  route({
    method: 'get',
    path: '/api/v1/devices',
    id: 'listDevices',
    tag: 'devices',
    summary: 'List devices',
    permission: 'device:read',
    query: closed({ ...DEVICE_QUERY, limit: Limit, after: AfterText }),
    status: 200,
    response: page(Device, 'DevicePage'),
    handle: ({ query: { limit, after = '', ...query }, caller }, { db, executions }) => {
      const filter = deviceFilterOf(query);
      const show = (row: devices.DeviceListRow) => ({
        ...showDevice(row, executions.executionUrl(upgradeWorkflowId(row.id))),
        versions: row.versions,
        lastSeenAt: moment(row.lastSeenAt),
      });
      return readPage(
        limit,
        (limit) => devices.listDevices(db, caller.departmentId, filter, { after, limit }),
        show,
        ({ id }) => id,
      );
    },
  }),
  route({
    method: 'get',
    path: '/api/v1/devices/count',
    id: 'countDevices',
    tag: 'devices',
    summary: 'Count devices',
    description: 'The same parameters as the list. Exact up to 100 000, beyond that about right.',
    permission: 'device:read',
    query: closed(DEVICE_QUERY),
    status: 200,
    response: closed(
      {
        devices: Type.Integer({ minimum: 0 }),
        estimated: Type.Boolean({ description: 'true: what the database expects, without counting' }),
      },
      { title: 'DeviceCount' },
    ),
    handle: async ({ query, caller }, { db }) => {
      const counted = await devices.countDevices(db, caller.departmentId, deviceFilterOf(query));
      return { devices: counted.devices, estimated: counted.isEstimated };
    },
  }),
  route({
    method: 'get',
    path: '/api/v1/devices/{deviceId}',
    id: 'getDevice',
    tag: 'devices',
    summary: 'One device, with what it reported and what runs for it',
    description: 'The header `ETag` is its revision, for `If-Match`.',
    permission: 'device:read',
    params: Params,
    status: 200,
    response: DeviceDetail,
    handle: ({ params: { deviceId }, caller }, services) => answerDevice(services, caller.departmentId, deviceId),
  }),
  route({
    method: 'patch',
    path: '/api/v1/devices/{deviceId}',
    id: 'updateDevice',
    tag: 'devices',
    summary: 'Change a device',
    description: 'Only the given fields change; null clears one.',
    permission: 'device:write',
    params: Params,
    headers: IfMatch,
    body: closed(
      {
        model: Type.Optional(text(100, { description: 'of a charging pile: DC or AC' })),
        powerKw: Type.Optional(
          Type.Integer({ minimum: 1, maximum: MAX_POWER_KW, description: 'of charging piles only' }),
        ),
        orderNo: Type.Optional(text(100)),
        remark: Type.Optional(text(1_000)),
        imei: Type.Optional(nullable(Type.String({ pattern: '^\\d{15}$', description: '15 digits' }))),
        productionDate: Type.Optional(nullable(Day)),
        shipDate: Type.Optional(nullable(Day)),
      },
      { title: 'DeviceChange', minProperties: 1, examples: [{ model: 'GV2', remark: 'returned for repair' }] },
    ),
    status: 200,
    response: DeviceDetail,
    problems: ['imei_taken'],
    atomic: true,
    handle: async (input, services) => {
      const { params, body, caller } = input;
      const { db } = services;
      if (body.imei != null) await devices.lockRegistry(db);
      const device = await lockForEdit(db, input, params.deviceId);
      assertChange(device, body);
      if (body.imei != null && body.imei !== device.imei && (await devices.isImeiTaken(db, body.imei)))
        throw problem('imei_taken', `IMEI ${body.imei} belongs to another device already. Correct one of the two.`);
      const changes = differences<devices.DeviceChange>(device, body);
      if (changes !== null) {
        await devices.updateDevice(db, device.id, body);
        await audit(db, input, { kind: 'device', id: device.id, ...changes });
      }
      return answerDevice(services, caller.departmentId, device.id);
    },
  }),
  route({
    method: 'delete',
    path: '/api/v1/devices/{deviceId}',
    id: 'deleteDevice',
    tag: 'devices',
    summary: 'Delete a device that never was in a task and was never given a command',
    permission: 'device:write',
    params: Params,
    headers: IfMatch,
    status: 204,
    response: Type.Null(),
    problems: ['device_has_upgrades', 'device_has_commands'],
    atomic: true,
    handle: async (input, { db }) => {
      const { id, ...device } = await lockForEdit(db, input, input.params.deviceId);
      const outcome = await devices.deleteDevice(db, id);
      if (outcome !== 'deleted') {
        const what = outcome === 'has_upgrades' ? 'has upgrades' : 'was given commands';
        const detail = `Device ${id} ${what}, and their history stays. Write into its remark that it is out of use.`;
        throw problem(`device_${outcome}`, detail);
      }
      await audit(db, input, { kind: 'device', id, before: lastingFields(device) });
      return null;
    },
  }),
  route({
    method: 'get',
    path: '/api/v1/devices/{deviceId}/version-uploads',
    id: 'listVersionUploads',
    tag: 'devices',
    summary: 'What a device said of its versions, newest first',
    permission: 'device:read',
    params: Params,
    query: closed({ limit: Limit, after: AfterLargeId }),
    status: 200,
    response: page(
      closed(
        {
          id: Type.Integer(),
          receivedAt: Moment,
          source: Type.String(),
          raw: Type.String({ description: 'as it was received' }),
          versions: Type.Array(closed({ component: Type.String(), version: Type.String() })),
          warnings: Type.Array(Type.String()),
          error: nullable(Type.String({ description: 'why the upload was refused; then nothing changed' })),
        },
        { title: 'VersionUpload' },
      ),
      'VersionUploadPage',
    ),
    handle: async ({ params: { deviceId }, query: { limit, after }, caller }, { db }) => {
      if (!(await devices.hasDevice(db, caller.departmentId, deviceId))) throw notFound('device', deviceId);
      return readPage(
        limit,
        (limit) => devices.listVersionUploads(db, deviceId, { before: after, limit }),
        ({ deviceId: _device, receivedAt, ...row }) => ({ ...row, receivedAt: moment(receivedAt) }),
        ({ id }) => id,
      );
    },
  }),
  route({
    method: 'get',
    path: '/api/v1/devices/{deviceId}/upgrades',
    id: 'listDeviceUpgrades',
    tag: 'devices',
    summary: 'Upgrades of a device, newest first',
    permission: 'device:read',
    params: Params,
    query: closed({ limit: Limit, after: AfterLargeId }),
    status: 200,
    response: page(Upgrade, 'UpgradePage'),
    handle: async ({ params: { deviceId }, query: { limit, after }, caller }, { db, executions }) => {
      if (!(await devices.hasDevice(db, caller.departmentId, deviceId))) throw notFound('device', deviceId);
      return readPage(
        limit,
        (limit) => devices.listDeviceUpgrades(db, caller.departmentId, deviceId, { before: after, limit }),
        (row) => showUpgrade(row, executions),
        ({ id }) => id,
      );
    },
  }),
  route({
    method: 'get',
    path: '/api/v1/unknown-devices',
    id: 'listUnknownDevices',
    tag: 'devices',
    summary: 'Devices that called and are not registered',
    description: 'They are counted and never served. They belong to no department until one registers them.',
    permission: 'device:read',
    query: closed({ limit: Limit, after: AfterText }),
    status: 200,
    response: page(
      closed(
        {
          protocol: Type.String(),
          identity: Type.String(),
          firstSeenAt: Moment,
          lastSeenAt: Moment,
          contacts: Type.Integer(),
          address: Type.String(),
        },
        { title: 'UnknownDevice' },
      ),
      'UnknownDevicePage',
    ),
    handle: ({ query: { limit, after = '' } }, { db }) => {
      const [, protocol = '', identity = ''] = /^([^-]*)-?(.*)$/s.exec(after) ?? [];
      return readPage(
        limit,
        (limit) => devices.listUnknownDevices(db, { after: [protocol, identity], limit }),
        ({ firstSeenAt, lastSeenAt, ...row }) => ({
          ...row,
          firstSeenAt: moment(firstSeenAt),
          lastSeenAt: moment(lastSeenAt),
        }),
        (row) => `${row.protocol}-${row.identity}`,
      );
    },
  }),
];

async function answerDevice({ db, executions }: Services, departmentId: number, deviceId: string) {
  const found = await devices.findDevice(db, departmentId, deviceId);
  if (found === null) throw notFound('device', deviceId);
  const body = showDetail(found, executions.executionUrl(upgradeWorkflowId(deviceId)));
  return new Answer(body, { headers: etagOf(body.revision) });
}

/** The device as it is until the end of the transaction, if it still is what the caller saw. */
async function lockForEdit(db: Services['db'], input: Parameters<typeof assertRevision>[1], deviceId: string) {
  const device = await devices.lockDevice(db, input.caller.departmentId, deviceId);
  if (device === null) throw notFound('device', deviceId);
  await assertRevision(db, input, { kind: 'device', id: deviceId, revision: device.revision });
  return device;
}

type Change = Pick<devices.DeviceChange, 'imei' | 'model' | 'powerKw' | 'productionDate' | 'shipDate'>;

/** What a single field cannot tell: dates against each other, what a pile must have, and that an IMEI may be a name. */
function assertChange(device: devices.DeviceRow, change: Change): void {
  const { productionDate, shipDate } = { ...device, ...change };
  const wrong = (path: string, message: string) =>
    problem('validation_failed', `${message}.`, { errors: [{ path, message }] });
  for (const day of [productionDate, shipDate]) {
    if (day != null && !isDay(day)) throw wrong('body', `there is no day ${day}; write YYYY-MM-DD`);
  }
  if (productionDate != null && shipDate != null && shipDate <= productionDate)
    throw wrong('body.shipDate', DATES_WRONG);
  const fault =
    change.model === undefined && change.powerKw === undefined
      ? null
      : kindFault(device.protocol, { ...device, ...change });
  if (fault !== null) throw wrong(`body.${fault.field}`, fault.message);
  if (DEVICE_RULES[device.protocol].isNamedByImei && change.imei !== undefined && change.imei !== device.identity) {
    throw wrong(
      'body.imei',
      'the IMEI of this device is its identity and cannot change; register the other IMEI as a device of its own',
    );
  }
}

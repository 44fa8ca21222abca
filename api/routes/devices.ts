/**
 * The registry: listing, changing and deleting devices, and what they reported. How they come in is in
 * `device-registration.ts`.
 */
import { Type } from 'typebox';
import { DATES_WRONG, isDay } from '../device-rows.ts';
import { Device, DeviceDetail, DeviceId, ProtocolName, showDetail, showDevice } from '../device-views.ts';
import { notFound, problem } from '../problems.ts';
import { route } from '../route.ts';
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
  pageOf,
  text,
} from '../schemas.ts';
import { showUpgrade, Upgrade } from '../upgrade-views.ts';
import * as devices from '../../db/devices.ts';
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
    query: closed({
      protocol: Type.Optional(ProtocolName),
      model: Type.Optional(text(100)),
      q: Type.Optional(text(40, { description: 'beginning of an id, an identity or an IMEI' })),
      limit: Limit,
      after: AfterText,
    }),
    status: 200,
    response: page(Device, 'DevicePage'),
    handle: async ({ query: { limit = 100, after = '', ...filter }, caller }, { db, executions }) => {
      const rows = await devices.listDevices(db, caller.departmentId, filter, { after, limit: limit + 1 });
      const show = (row: devices.DeviceListRow) => ({
        ...showDevice(row, executions.executionUrl(upgradeWorkflowId(row.id))),
        versions: row.versions,
        lastSeenAt: moment(row.lastSeenAt),
      });
      return pageOf(rows, limit, show, ({ id }) => id);
    },
  }),
  route({
    method: 'get',
    path: '/api/v1/devices/{deviceId}',
    id: 'getDevice',
    tag: 'devices',
    summary: 'One device, with what it reported and what runs for it',
    permission: 'device:read',
    params: Params,
    status: 200,
    response: DeviceDetail,
    handle: async ({ params: { deviceId }, caller }, { db, executions }) => {
      const found = await devices.findDevice(db, caller.departmentId, deviceId);
      if (found === null) throw notFound('device', deviceId);
      return showDetail(found, executions.executionUrl(upgradeWorkflowId(deviceId)));
    },
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
    body: closed(
      {
        model: Type.Optional(text(100)),
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
    handle: async ({ params: { deviceId }, body, caller }, { db, executions }) => {
      const { departmentId } = caller;
      const outcome = await devices.updateDevice(db, departmentId, deviceId, (device) => {
        assertChange(device, body);
        return body;
      });
      if (outcome.kind === 'imei_taken')
        throw problem('imei_taken', `IMEI ${body.imei} belongs to another device already. Correct one of the two.`);
      const found = outcome.kind === 'missing' ? null : await devices.findDevice(db, departmentId, deviceId);
      if (found === null) throw notFound('device', deviceId);
      return showDetail(found, executions.executionUrl(upgradeWorkflowId(deviceId)));
    },
  }),
  route({
    method: 'delete',
    path: '/api/v1/devices/{deviceId}',
    id: 'deleteDevice',
    tag: 'devices',
    summary: 'Delete a device that never was in a task',
    permission: 'device:write',
    params: Params,
    status: 204,
    response: Type.Null(),
    problems: ['device_has_upgrades'],
    handle: async ({ params: { deviceId }, caller }, { db }) => {
      const outcome = await devices.deleteDevice(db, caller.departmentId, deviceId);
      if (outcome === 'missing') throw notFound('device', deviceId);
      if (outcome === 'has_upgrades') {
        throw problem(
          'device_has_upgrades',
          `Device ${deviceId} has upgrades, and their history stays. Write into its remark that it is out of use.`,
        );
      }
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
    handle: async ({ params: { deviceId }, query: { limit = 100, after }, caller }, { db }) => {
      if (!(await devices.hasDevice(db, caller.departmentId, deviceId))) throw notFound('device', deviceId);
      const rows = await devices.listVersionUploads(db, deviceId, { before: after, limit: limit + 1 });
      const show = ({ deviceId: _device, receivedAt, ...row }: (typeof rows)[number]) => ({
        ...row,
        receivedAt: moment(receivedAt),
      });
      return pageOf(rows, limit, show, ({ id }) => id);
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
    handle: async ({ params: { deviceId }, query: { limit = 100, after }, caller }, { db, executions }) => {
      if (!(await devices.hasDevice(db, caller.departmentId, deviceId))) throw notFound('device', deviceId);
      const rows = await devices.listDeviceUpgrades(db, caller.departmentId, deviceId, {
        before: after,
        limit: limit + 1,
      });
      return pageOf(
        rows,
        limit,
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
    handle: async ({ query: { limit = 100, after = '' } }, { db }) => {
      const [, protocol = '', identity = ''] = /^([^-]*)-?(.*)$/s.exec(after) ?? [];
      const rows = await devices.listUnknownDevices(db, { after: [protocol, identity], limit: limit + 1 });
      const show = ({ firstSeenAt, lastSeenAt, ...row }: (typeof rows)[number]) => ({
        ...row,
        firstSeenAt: moment(firstSeenAt),
        lastSeenAt: moment(lastSeenAt),
      });
      return pageOf(rows, limit, show, (row) => `${row.protocol}-${row.identity}`);
    },
  }),
];

type Change = { imei?: string | null; productionDate?: string | null; shipDate?: string | null };

/** What a single field cannot tell: dates against each other, and that a tracker's IMEI is its name. */
function assertChange(device: devices.DeviceRow, change: Change): void {
  const { productionDate, shipDate } = { ...device, ...change };
  const wrong = (path: string, message: string) =>
    problem('validation_failed', `${message}.`, { errors: [{ path, message }] });
  for (const day of [productionDate, shipDate]) {
    if (day != null && !isDay(day)) throw wrong('body', `there is no day ${day}; write YYYY-MM-DD`);
  }
  if (productionDate != null && shipDate != null && shipDate <= productionDate)
    throw wrong('body.shipDate', DATES_WRONG);
  if (device.protocol === 'ams' && change.imei !== undefined && change.imei !== device.identity) {
    throw wrong(
      'body.imei',
      'the IMEI of a tracker is its identity and cannot change; register the other IMEI as a device of its own',
    );
  }
}

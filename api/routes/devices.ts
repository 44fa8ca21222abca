/**
 * The registry: listing, registering, changing and deleting devices, and what they reported.
 */
import { Type, type Static } from 'typebox';
import { upgradeWorkflowId } from '../../workflows/contract.ts';
import { ImportResult, importCsv, importRows } from '../device-import.ts';
import { DATES_WRONG, isDay } from '../device-rows.ts';
import { notFound, problem } from '../problems.ts';
import { reasonText } from '../reasons.ts';
import { route } from '../route.ts';
import { AfterId, AfterText, closed, Day, Limit, Moment, moment, nullable, page, pageOf, text, Versions } from '../schemas.ts';
import { showUpgrade, Upgrade } from '../upgrade-views.ts';
import * as devices from '../../db/devices.ts';
import { PROTOCOLS } from '../../db/schema.ts';
import { listDeviceUpgrades } from '../../db/tasks.ts';

const ProtocolName = Type.Enum(PROTOCOLS, { type: 'string' });
export const DeviceId = Type.String({ pattern: '^[a-z]{1,20}-[0-9A-Fa-f]{1,40}$', description: '`<protocol>-<identity>`' });
const Params = closed({ deviceId: DeviceId });

const DEVICE_FIELDS = {
  id: DeviceId,
  protocol: ProtocolName,
  identity: Type.String({ description: 'SN of a terminal, IMEI of a tracker' }),
  imei: nullable(Type.String()),
  model: Type.String(),
  productionDate: nullable(Day),
  shipDate: nullable(Day),
  remark: Type.String(),
  createdAt: Moment,
  createdBy: Type.String(),
  updatedAt: Moment,
  links: closed({ self: Type.String(), upgrades: Type.String(), versionUploads: Type.String(), execution: Type.String() }),
};
const Device = closed({ ...DEVICE_FIELDS, versions: Versions, lastSeenAt: nullable(Moment) }, { title: 'Device' });
const DeviceDetail = closed(
  {
    ...DEVICE_FIELDS,
    versions: Type.Array(closed({ component: Type.String(), version: Type.String(), reportedAt: Moment })),
    contact: nullable(
      closed({ lastSeenAt: Moment, address: Type.String(), details: Type.Record(Type.String(), Type.Unknown()) }),
    ),
    runningUpgrade: nullable(
      closed({ id: Type.Integer(), taskId: Type.Integer(), status: Type.String(), reason: nullable(Type.String()), reasonText: nullable(Type.String()), link: Type.String() }),
    ),
  },
  { title: 'DeviceDetail' },
);

const DeviceRow = closed(
  {
    protocol: ProtocolName,
    identity: Type.String({ description: 'terminal: SN of 10, 12 or 16 hex digits; ams: IMEI of 15 digits' }),
    imei: Type.Optional(nullable(Type.String({ description: '15 digits' }))),
    model: Type.Optional(nullable(Type.String({ maxLength: 100 }))),
    productionDate: Type.Optional(nullable(Day)),
    shipDate: Type.Optional(nullable(Type.String({ format: 'date', description: 'later than productionDate' }))),
    remark: Type.Optional(nullable(Type.String({ maxLength: 1_000 }))),
  },
  { title: 'DeviceRow' },
);

const IMPORT_WORDS =
  'Answers row by row: created, updated, unchanged or refused, with what to do. A bad row never stops the rest, and sending the same rows again is harmless. ' +
  'A field that is absent or blank keeps what is stored; PATCH clears. Trackers (ams) are named by their IMEI.';

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
    method: 'post',
    path: '/api/v1/devices',
    id: 'registerDevices',
    tag: 'devices',
    summary: 'Register devices',
    description: IMPORT_WORDS,
    permission: 'device:write',
    body: Type.Array(Type.Unknown(), { minItems: 1, maxItems: 10_000 }),
    documentedBody: Type.Array(DeviceRow, {
      minItems: 1,
      maxItems: 10_000,
      examples: [[{ protocol: 'terminal', identity: '6134441313', model: 'GV2', productionDate: '2025-03-01', shipDate: '2025-03-15' }]],
    }),
    bodyLimit: 8 * 1024 * 1024,
    status: 200,
    response: ImportResult,
    handle: ({ body, caller }, { db }) => importRows(db, caller, body),
  }),
  route({
    method: 'post',
    path: '/api/v1/devices/import',
    id: 'importDevices',
    tag: 'devices',
    summary: 'Register devices from a CSV file',
    description: `UTF-8, comma-separated, at most 200 000 rows; the first line names the columns. ${IMPORT_WORDS}`,
    permission: 'device:write',
    consumes: 'text/csv',
    body: Type.String({
      examples: ['protocol,identity,imei,model,productionDate,shipDate,remark\nterminal,6134441313,,GV2,2025-03-01,2025-03-15,\n'],
    }),
    status: 200,
    response: ImportResult,
    problems: ['csv_unreadable'],
    handle: ({ request, caller }, { db }) => importCsv(db, caller, request),
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
      if (outcome.kind === 'imei_taken') throw problem('imei_taken', `IMEI ${body.imei} belongs to another device already. Correct one of the two.`);
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
        throw problem('device_has_upgrades', `Device ${deviceId} has upgrades, and their history stays. Write into its remark that it is out of use.`);
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
    query: closed({ limit: Limit, after: AfterId }),
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
      const rows = await devices.listVersionUploads(db, deviceId, { before: after ?? Number.MAX_SAFE_INTEGER, limit: limit + 1 });
      const show = ({ deviceId: _device, receivedAt, ...row }: (typeof rows)[number]) => ({ ...row, receivedAt: moment(receivedAt) });
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
    query: closed({ limit: Limit, after: AfterId }),
    status: 200,
    response: page(Upgrade, 'UpgradePage'),
    handle: async ({ params: { deviceId }, query: { limit = 100, after }, caller }, { db, executions }) => {
      if (!(await devices.hasDevice(db, caller.departmentId, deviceId))) throw notFound('device', deviceId);
      const before = after ?? Number.MAX_SAFE_INTEGER;
      const rows = await listDeviceUpgrades(db, caller.departmentId, deviceId, { before, limit: limit + 1 });
      return pageOf(rows, limit, (row) => showUpgrade(row, executions), ({ id }) => id);
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
        { protocol: Type.String(), identity: Type.String(), firstSeenAt: Moment, lastSeenAt: Moment, contacts: Type.Integer(), address: Type.String() },
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
  const wrong = (path: string, message: string) => problem('validation_failed', `${message}.`, { errors: [{ path, message }] });
  for (const day of [productionDate, shipDate]) {
    if (day != null && !isDay(day)) throw wrong('body', `there is no day ${day}; write YYYY-MM-DD`);
  }
  if (productionDate != null && shipDate != null && shipDate <= productionDate) throw wrong('body.shipDate', DATES_WRONG);
  if (device.protocol === 'ams' && change.imei !== undefined && change.imei !== device.identity) {
    throw wrong('body.imei', 'the IMEI of a tracker is its identity and cannot change; register the other IMEI as a device of its own');
  }
}

function showDevice(row: devices.DeviceRow, execution: string) {
  const { departmentId: _department, createdAt, updatedAt, ...device } = row;
  const self = `/api/v1/devices/${row.id}`;
  return {
    ...device,
    createdAt: moment(createdAt),
    updatedAt: moment(updatedAt),
    links: { self, upgrades: `${self}/upgrades`, versionUploads: `${self}/version-uploads`, execution },
  };
}

function showDetail(found: NonNullable<Awaited<ReturnType<typeof devices.findDevice>>>, execution: string): Static<typeof DeviceDetail> {
  const { device, versions, contact, running } = found;
  return {
    ...showDevice(device, execution),
    versions: versions.map(({ component, version, reportedAt }) => ({ component, version, reportedAt: moment(reportedAt) })),
    contact: contact && { lastSeenAt: moment(contact.lastSeenAt), address: contact.address, details: contact.details },
    runningUpgrade: running && {
      id: running.id,
      taskId: running.taskId,
      status: running.status,
      reason: running.reason,
      reasonText: reasonText(running.reason),
      link: `/api/v1/device-upgrades/${running.id}`,
    },
  };
}

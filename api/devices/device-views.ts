/**
 * How devices look in answers.
 */
import { Type, type Static } from 'typebox';
import { reasonText } from '../upgrades/reasons.ts';
import { closed, Day, Moment, moment, nullable, Versions } from '../schemas.ts';
import type { DeviceFields } from '../../db/devices/device-bulk.ts';
import type { DeviceRow, findDevice } from '../../db/devices/devices.ts';
import { PROTOCOLS } from '../../db/schema.ts';

export const ProtocolName = Type.Enum(PROTOCOLS, { type: 'string' });
export const DeviceId = Type.String({
  pattern: '^[a-z]{1,20}-[0-9A-Fa-f]{1,40}$',
  description: '`<protocol>-<identity>`',
});

const DEVICE_FIELDS = {
  id: DeviceId,
  protocol: ProtocolName,
  identity: Type.String({ description: 'SN of a terminal, IMEI of a tracker or a PCP device, number of a pile' }),
  imei: nullable(Type.String()),
  model: Type.String({ description: 'of a charging pile: DC or AC' }),
  powerKw: nullable(Type.Integer({ description: 'rated power of a charging pile; null: another kind of device' })),
  productionDate: nullable(Day),
  shipDate: nullable(Day),
  orderNo: Type.String({ description: 'factory or customer order; empty: none' }),
  remark: Type.String(),
  revision: Type.Integer({ description: 'counts edits; for `If-Match`' }),
  createdAt: Moment,
  createdBy: Type.String(),
  updatedAt: Moment,
  links: closed({
    self: Type.String(),
    upgrades: Type.String(),
    versionUploads: Type.String(),
    execution: nullable(
      Type.String({ description: 'the workflow in the Temporal Web UI; null when TEMPORAL_UI_URL is not set' }),
    ),
  }),
};
export const Device = closed(
  { ...DEVICE_FIELDS, versions: Versions, lastSeenAt: nullable(Moment) },
  { title: 'Device' },
);
export const DeviceDetail = closed(
  {
    ...DEVICE_FIELDS,
    versions: Type.Array(closed({ component: Type.String(), version: Type.String(), reportedAt: Moment })),
    contact: nullable(
      closed({ lastSeenAt: Moment, address: Type.String(), details: Type.Record(Type.String(), Type.Unknown()) }),
    ),
    runningUpgrade: nullable(
      closed({
        id: Type.Integer(),
        taskId: Type.Integer(),
        status: Type.String(),
        reason: nullable(Type.String()),
        reasonText: nullable(Type.String()),
        link: Type.String(),
      }),
    ),
  },
  { title: 'DeviceDetail' },
);

/** What the audit log keeps of a device that is deleted. */
export function lastingFields(device: Omit<DeviceFields, 'id' | 'protocol'>) {
  const { imei, model, powerKw, orderNo, remark, productionDate, shipDate } = device;
  return { imei, model, powerKw, orderNo, remark, productionDate, shipDate };
}

/** What list and detail have in common. */
export function showDevice(row: DeviceRow, execution: string | null) {
  const { departmentId: _department, createdAt, updatedAt, ...device } = row;
  const self = `/api/v1/devices/${row.id}`;
  return {
    ...device,
    createdAt: moment(createdAt),
    updatedAt: moment(updatedAt),
    links: { self, upgrades: `${self}/upgrades`, versionUploads: `${self}/version-uploads`, execution },
  };
}

/** One device with everything known of it. */
export function showDetail(
  found: NonNullable<Awaited<ReturnType<typeof findDevice>>>,
  execution: string | null,
): Static<typeof DeviceDetail> {
  const { device, versions, contact, running } = found;
  return {
    ...showDevice(device, execution),
    versions: versions.map(({ component, version, reportedAt }) => ({
      component,
      version,
      reportedAt: moment(reportedAt),
    })),
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

/**
 * Secondary shipments as the API shows them: platforms, orders with their sums, devices, what needs a person.
 */
import { Type, type Static } from 'typebox';
import type { TaskExecutions } from '../route.ts';
import { closed, Id, Moment, moment, nullable, text } from '../schemas.ts';
import type { Reconciliation } from '../../db/shipments/platform-sums.ts';
import type { NeedsPersonRow, PlatformDeviceRow, PlatformShipmentRow } from '../../db/shipments/platform-shipments.ts';
import type { ConnectorRow, PlatformRow } from '../../db/shipments/platforms.ts';
import { CONNECTORS } from '../../db/schema.ts';
import { meaningOf } from '../../gateways/tracksolid/codes.ts';
import { platformShipmentWorkflowId } from '../../workflows/contract.ts';
import {
  PLATFORM_DECISIONS,
  PLATFORM_DEVICE_STATUSES,
  PLATFORM_FIELDS,
  PLATFORM_REASONS,
  PLATFORM_SHIPMENT_STATUSES,
  type PlatformReason,
} from '../../workflows/rules/platforms.ts';

export const PlatformStatusName = Type.Enum(PLATFORM_SHIPMENT_STATUSES, {
  type: 'string',
  description:
    'finished: every device has ended and the sums close; red: they do not; recorded: the platform is not connected, nothing is sent',
});
export const PlatformDeviceStatusName = Type.Enum(PLATFORM_DEVICE_STATUSES, {
  type: 'string',
  description:
    'confirmed: seen on the platform, as wanted; unknown: something was sent, and what came of it could not be found out',
});
const REASONS = Object.keys(PLATFORM_REASONS) as PlatformReason[];
export const PlatformReasonName = Type.Enum(REASONS, { type: 'string' });
export const PlatformDecisionName = Type.Enum(PLATFORM_DECISIONS, {
  type: 'string',
  description:
    'reclassify: its customer is found anew by the rules of now, and it is tried again if it has one; write_off: it is given up here',
});
export const ConnectorName = Type.Enum(CONNECTORS, { type: 'string' });

export const AskedFields = Type.Array(
  closed({ name: Type.Enum(PLATFORM_FIELDS, { type: 'string' }), required: Type.Boolean() }),
  {
    maxItems: PLATFORM_FIELDS.length,
    description: 'extra shipping information that a shipment to it must or may give',
  },
);

export const Platform = closed(
  {
    id: Type.Integer(),
    name: Type.String(),
    reading: Type.String({ description: 'in English' }),
    connector: nullable(ConnectorName),
    connected: Type.Boolean({ description: 'false: shipments to it are written down, nothing is sent' }),
    lifetime: Type.Boolean({ description: 'devices may be used for a lifetime' }),
    brand: Type.String(),
    fields: AskedFields,
    isActive: Type.Boolean({ description: 'false: it cannot be chosen' }),
    remark: Type.String(),
    revision: Type.Integer({ description: 'counts changes; see `If-Match`' }),
  },
  { title: 'Platform' },
);

export function showPlatform(row: PlatformRow): Static<typeof Platform> {
  return { ...row, connected: row.connector !== null };
}

export const PlatformConnector = closed(
  {
    name: ConnectorName,
    isPaused: Type.Boolean({ description: 'nothing is sent to it' }),
    pausedUntil: nullable(
      Type.String({ format: 'date-time', description: 'null, while paused: until a person resumes it' }),
    ),
    pauseReason: Type.String(),
    pausedBy: Type.String({ description: '`system`: the platform asked to be left alone' }),
    pausedAt: nullable(Moment),
  },
  { title: 'PlatformConnector' },
);

export function showConnector(row: ConnectorRow): Static<typeof PlatformConnector> {
  const { name, isPaused } = row;
  if (!isPaused) return { name, isPaused, pausedUntil: null, pauseReason: '', pausedBy: '', pausedAt: null };
  const { pausedUntil, pauseReason, pausedBy, pausedAt } = row;
  return { name, isPaused, pausedUntil: moment(pausedUntil), pauseReason, pausedBy, pausedAt: moment(pausedAt) };
}

// ---------------------------------------------------------------- shipments

export const PlatformInfoBody = closed(
  {
    account: Type.Optional(text(100, { description: 'account on the platform that the devices go to' })),
    customerName: Type.Optional(text(300)),
    model: Type.Optional(text(100)),
    expiresOn: Type.Optional(text(10, { description: 'last day of use, YYYY-MM-DD; not for a lifetime' })),
    remark: Type.Optional(text(600)),
  },
  { title: 'PlatformInfo' },
);

const SHIPMENT_FIELDS = {
  id: Type.Integer(),
  platformId: Type.Integer(),
  platform: Type.String({ description: 'its name when the order was made' }),
  connected: Type.Boolean(),
  lifetime: Type.Boolean(),
  info: PlatformInfoBody,
  status: PlatformStatusName,
  asked: Type.Integer({ description: 'devices that were named' }),
  createdAt: Moment,
  createdBy: Type.String(),
  deadlineAt: Type.String({ format: 'date-time', description: 'what is open then, ends' }),
  finishedAt: nullable(Moment),
  links: closed({ self: Type.String(), devices: Type.String(), temporal: nullable(Type.String()) }),
};
export const PlatformShipment = closed(SHIPMENT_FIELDS, { title: 'PlatformShipment' });

export function showShipment(row: PlatformShipmentRow, executions: TaskExecutions): Static<typeof PlatformShipment> {
  const self = `/api/v1/platform-shipments/${row.id}`;
  return {
    id: row.id,
    platformId: row.platformId,
    platform: row.platformName,
    connected: row.connector !== null,
    lifetime: row.lifetime,
    info: row.info,
    status: row.status,
    asked: row.asked,
    createdAt: moment(row.createdAt),
    createdBy: row.createdBy,
    deadlineAt: moment(row.deadlineAt),
    finishedAt: moment(row.finishedAt),
    links: {
      self,
      devices: `${self}/devices`,
      temporal: row.connector === null ? null : executions.executionUrl(platformShipmentWorkflowId(row.id)),
    },
  };
}

const Sums = closed(
  {
    asked: Type.Integer(),
    sent: Type.Integer({ description: 'something was sent that names the device' }),
    confirmed: Type.Integer({ description: 'seen on the platform, as wanted' }),
    refused: Type.Integer(),
    unknown: Type.Integer(),
    notSent: Type.Integer(),
    recorded: Type.Integer(),
    open: Type.Integer(),
    closes: Type.Boolean({
      description:
        'asked = confirmed + refused + unknown + notSent + recorded + open, and everything that is confirmed was seen as wanted',
    }),
    why: Type.Array(
      closed({
        status: PlatformDeviceStatusName,
        reason: nullable(PlatformReasonName),
        code: nullable(Type.Integer({ description: 'of the platform' })),
        words: Type.String(),
        devices: Type.Integer(),
      }),
      { description: 'how many devices ended otherwise, and why' },
    ),
  },
  { title: 'PlatformReconciliation' },
);

export const PlatformShipmentDetail = closed(
  {
    ...SHIPMENT_FIELDS,
    reconciliation: Sums,
    live: nullable(
      closed(
        {
          phase: Type.Enum(['sending', 'waiting', 'paused', 'ending'], { type: 'string' }),
          why: nullable(Type.String()),
          wakesAt: nullable(Moment),
        },
        { description: 'what its workflow does now; null: it has ended or cannot be asked' },
      ),
    ),
  },
  { title: 'PlatformShipmentDetail' },
);

export function showSums({ why, ...sums }: Reconciliation): Static<typeof Sums> {
  return { ...sums, why: why.map((each) => ({ ...each, status: each.status as PlatformDeviceRow['status'] })) };
}

// ---------------------------------------------------------------- devices

const Seen = nullable(
  closed({
    account: nullable(Type.String()),
    expirations: Type.Record(Type.String(), Type.String(), { description: 'until when each account may use it' }),
    expiration: nullable(Type.String()),
  }),
);
const DEVICE_FIELDS = {
  id: Type.Integer(),
  imei: Type.String(),
  customer: nullable(Type.String()),
  deviceId: nullable(Type.String()),
  status: PlatformDeviceStatusName,
  reason: nullable(PlatformReasonName),
  reasonText: nullable(Type.String()),
  code: nullable(Type.Integer({ description: 'of the platform' })),
  words: Type.String(),
  attempts: Type.Integer({ description: 'calls that named it and may have changed something' }),
  seen: Seen,
  seenAt: nullable(Moment),
  firstSentAt: nullable(Moment),
  finishedAt: nullable(Moment),
  decision: nullable(PlatformDecisionName),
  decidedBy: nullable(Type.String()),
  decidedAt: nullable(Moment),
  note: Type.String(),
};
export const PlatformDevice = closed(DEVICE_FIELDS, { title: 'PlatformShipmentDevice' });

export function showPlatformDevice(row: PlatformDeviceRow): Static<typeof PlatformDevice> {
  return {
    id: row.id,
    imei: row.imei,
    customer: row.customer,
    deviceId: row.deviceId,
    status: row.status,
    reason: row.reason,
    reasonText: reasonText(row),
    code: row.code,
    words: row.words,
    attempts: row.attempts,
    seen: row.seen,
    seenAt: moment(row.seenAt),
    firstSentAt: moment(row.firstSentAt),
    finishedAt: moment(row.finishedAt),
    decision: row.decision,
    decidedBy: row.decidedBy,
    decidedAt: moment(row.decidedAt),
    note: row.note,
  };
}

function reasonText({ reason, words }: Pick<PlatformDeviceRow, 'reason' | 'words'>): string | null {
  if (reason === null) return null;
  const text: string = PLATFORM_REASONS[reason] ?? reason;
  return words === '' || words === text ? text : `${text}: ${words}`;
}

export const PlatformAttention = closed(
  {
    ...DEVICE_FIELDS,
    shipmentId: Id,
    platform: Type.String(),
    advice: Type.String(),
    since: Moment,
    payload: closed({ info: PlatformInfoBody, lifetime: Type.Boolean(), wantedExpiration: nullable(Type.String()) }),
    decisions: Type.Array(PlatformDecisionName),
    links: closed({ shipment: Type.String(), temporal: nullable(Type.String()) }),
  },
  { title: 'PlatformAttention' },
);

export function showPlatformAttention(
  { device, shipment }: NeedsPersonRow,
  executions: TaskExecutions,
): Static<typeof PlatformAttention> {
  const { links } = showShipment(shipment, executions);
  return {
    ...showPlatformDevice(device),
    shipmentId: shipment.id,
    platform: shipment.platformName,
    advice: adviceOf(device),
    since: moment(device.finishedAt ?? device.createdAt),
    payload: { info: shipment.info, lifetime: shipment.lifetime, wantedExpiration: shipment.wantedExpiration },
    decisions: [...PLATFORM_DECISIONS],
    links: { shipment: links.self, temporal: links.temporal },
  };
}

function adviceOf({ reason, code, status }: PlatformDeviceRow): string {
  if (reason === 'other_account') {
    return 'have the other account release it on the platform, then retry; or write it off';
  }
  if (code !== null) return `${meaningOf(code).advice}; then retry, or write it off`;
  if (status === 'not_sent') return 'retry it, or write it off: nothing was sent';
  return 'look for it on the platform; a retry looks first and sends only what is missing';
}

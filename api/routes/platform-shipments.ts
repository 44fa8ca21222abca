/**
 * Secondary shipments: order, list, look into, stop. What of them needs a person is in `platform-attention.ts`.
 */
import { Type } from 'typebox';
import { audit } from '../audit.ts';
import { within } from '../http/deadlines.ts';
import { CreatedPlatformShipment, orderPlatformShipment, PlatformOrderBody } from '../shipments/platform-orders.ts';
import {
  PlatformDevice,
  PlatformDeviceStatusName,
  PlatformReasonName,
  PlatformShipment,
  PlatformShipmentDetail,
  PlatformStatusName,
  showPlatformDevice,
  showShipment,
  showSums,
} from '../shipments/platform-views.ts';
import { loggable, notFound, problem } from '../problems.ts';
import { Answer, route, type Services } from '../route.ts';
import {
  AfterId,
  AfterLargeId,
  closed,
  ControlBody,
  Id,
  Limit,
  LogEntry,
  moment,
  momentIn,
  page,
  readPage,
  text,
} from '../schemas.ts';
import * as shipments from '../../db/shipments/platform-shipments.ts';
import { reconcile } from '../../db/shipments/platform-sums.ts';
import { endOpen, logShipment } from '../../db/shipments/platform-work.ts';

/** A page is shown without live state when its workflow does not answer in this time. */
const VIEW_MS = 2_000;
const ORDER_BODY_LIMIT = 8 * 1024 * 1024;

const One = closed({ shipmentId: Id });
const Imei = Type.Optional(text(32, { minLength: 1 }));

export const platformShipmentRoutes = [
  route({
    method: 'post',
    path: '/api/v1/platform-shipments',
    id: 'createPlatformShipment',
    tag: 'shipments',
    summary: 'Ship devices of the matched list to a platform',
    description:
      'Answers when the order is stored; its workflow does the rest. A device has at most one open secondary shipment: those that have one are refused by name, and the others go. The same Idempotency-Key with the same body answers the same shipment again.',
    permission: 'shipment:write',
    body: PlatformOrderBody,
    bodyLimit: ORDER_BODY_LIMIT,
    status: 202,
    response: CreatedPlatformShipment,
    problems: ['order_refused', 'not_found'],
    atomic: true,
    idempotent: true,
    handle: async (input, services) => {
      const made = await orderPlatformShipment(services, input, input.body);
      return new Answer(made, { headers: { Location: made.links.self } });
    },
  }),
  route({
    method: 'get',
    path: '/api/v1/platform-shipments',
    id: 'listPlatformShipments',
    tag: 'shipments',
    summary: 'List secondary shipments, newest first',
    permission: 'device:read',
    query: closed({
      status: Type.Optional(PlatformStatusName),
      platformId: Type.Optional(Id),
      createdBy: Type.Optional(text(200, { description: 'name of the key of its maker' })),
      imei: Imei,
      from: Type.Optional(Type.String({ format: 'date-time', description: 'made then or later' })),
      to: Type.Optional(Type.String({ format: 'date-time', description: 'made before' })),
      limit: Limit,
      after: AfterId,
    }),
    status: 200,
    response: page(PlatformShipment, 'PlatformShipmentPage'),
    handle: ({ query: { limit, after, from, to, ...filter }, caller }, { db, executions }) =>
      readPage(
        limit,
        (limit) =>
          shipments.listPlatformShipments(
            db,
            caller.departmentId,
            { ...filter, from: momentIn(from), to: momentIn(to) },
            { before: after, limit },
          ),
        (row) => showShipment(row, executions),
        ({ id }) => id,
      ),
  }),
  route({
    method: 'get',
    path: '/api/v1/platform-shipments/{shipmentId}',
    id: 'getPlatformShipment',
    tag: 'shipments',
    summary: 'One secondary shipment with its reconciliation, and what its workflow does now',
    permission: 'device:read',
    params: One,
    status: 200,
    response: PlatformShipmentDetail,
    handle: async ({ params: { shipmentId }, caller, log }, { db, executions }) => {
      const row = await findOwnShipment(db, caller.departmentId, shipmentId);
      const [sums, view] = await Promise.all([
        reconcile(db, shipmentId),
        row.status !== 'running'
          ? null
          : within(VIEW_MS, executions.platformShipmentView(shipmentId)).catch((err: unknown) => {
              log.warn({ err, shipmentId }, 'shipment shown without live state');
              return null;
            }),
      ]);
      const live = view && {
        phase: view.phase,
        why: view.why,
        wakesAt: view.wakesAtMs === null ? null : new Date(view.wakesAtMs).toISOString(),
      };
      return { ...showShipment(row, executions), reconciliation: showSums(sums), live };
    },
  }),
  route({
    method: 'get',
    path: '/api/v1/platform-shipments/{shipmentId}/devices',
    id: 'listPlatformShipmentDevices',
    tag: 'shipments',
    summary: 'What became of each device of a secondary shipment',
    permission: 'device:read',
    params: One,
    query: closed({
      status: Type.Optional(PlatformDeviceStatusName),
      reason: Type.Optional(PlatformReasonName),
      imei: Imei,
      limit: Limit,
      after: AfterLargeId,
    }),
    status: 200,
    response: page(PlatformDevice, 'PlatformShipmentDevicePage'),
    handle: async ({ params: { shipmentId }, query: { limit, after = 0, ...filter }, caller }, { db }) => {
      await findOwnShipment(db, caller.departmentId, shipmentId);
      return readPage(
        limit,
        (limit) => shipments.listPlatformDevices(db, shipmentId, filter, { after, limit }),
        showPlatformDevice,
        ({ id }) => id,
      );
    },
  }),
  route({
    method: 'get',
    path: '/api/v1/platform-shipments/{shipmentId}/log',
    id: 'listPlatformShipmentLog',
    tag: 'shipments',
    summary: 'Every call that was made for a secondary shipment, and every decision about it',
    permission: 'device:read',
    params: One,
    query: closed({ limit: Limit, after: AfterLargeId }),
    status: 200,
    response: page(LogEntry, 'PlatformShipmentLogPage'),
    handle: async ({ params: { shipmentId }, query: { limit, after = 0 }, caller }, { db }) => {
      await findOwnShipment(db, caller.departmentId, shipmentId);
      return readPage(
        limit,
        (limit) => shipments.listPlatformLog(db, shipmentId, { after, limit }),
        ({ id, at, author, event, cause, details }) => ({ id, at: moment(at), author, event, cause, details }),
        ({ id }) => id,
      );
    },
  }),
  route({
    method: 'post',
    path: '/api/v1/platform-shipments/{shipmentId}/stop',
    id: 'stopPlatformShipment',
    tag: 'shipments',
    summary: 'Send nothing more of a secondary shipment',
    description:
      'Devices of which nothing was sent are not sent any more, and may be shipped again. What was sent is still found out about.',
    permission: 'shipment:write',
    params: One,
    body: ControlBody,
    status: 200,
    response: PlatformShipment,
    problems: ['control_refused'],
    atomic: true,
    handle: async (input, services) => {
      const { params, body, caller } = input;
      const { db, executions } = services;
      const { shipmentId } = params;
      const row = await findOwnShipment(db, caller.departmentId, shipmentId, { lock: true });
      if (row.status !== 'running') throw problem('control_refused', `Secondary shipment ${shipmentId} has ended.`);
      const devices = await endOpen(db, shipmentId, 'stopped', { onlyUnsent: true, release: true });
      const { cause = '' } = body;
      await logShipment(db, shipmentId, { author: caller.name, event: 'stopped', cause, details: { devices } });
      await audit(db, input, { kind: 'platformShipment', id: shipmentId, after: { stopped: true, devices, cause } });
      services.afterCommit(() => wakeShipment(services, shipmentId));
      return showShipment(row, executions);
    },
  }),
];

/** A shipment of the department; any other is answered as if there were none. */
export async function findOwnShipment(
  db: Services['db'],
  departmentId: number,
  shipmentId: number,
  options: { lock?: boolean } = {},
) {
  const row = await shipments.findPlatformShipment(db, departmentId, shipmentId, options);
  if (row === null) throw notFound('secondary shipment', shipmentId);
  return row;
}

export async function wakeShipment({ executions, log }: Services, shipmentId: number): Promise<void> {
  try {
    await executions.wakePlatformShipment(shipmentId);
  } catch (error) {
    log.warn({ err: loggable(error), shipmentId }, 'the shipment was not woken, it looks by itself within minutes');
  }
}

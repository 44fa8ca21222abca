/**
 * Primary shipment: plan, order, list, look into, stop; and the total shipment record.
 */
import { Type } from 'typebox';
import { audit } from '../audit.ts';
import { notFound, problem } from '../problems.ts';
import { Answer, route, type Services } from '../route.ts';
import { AfterId, AfterLargeId, AfterPlace, closed, ControlBody, Limit, page, readPage, text } from '../schemas.ts';
import { orderShipment, planOrder, ShipmentOrderBody } from '../shipments/shipment-orders.ts';
import {
  CreatedShipment,
  Imei,
  Shipment,
  ShipmentDetail,
  ShipmentDevice,
  ShipmentDeviceStatusName,
  ShipmentId,
  ShipmentPlanView,
  ShipmentReasonName,
  ShipmentRecord,
  ShipmentStatusName,
  SHOWN_IN_PLAN,
  showPlanned,
  showRecord,
  showShipment,
  showShipmentDevice,
} from '../shipments/shipment-views.ts';
import * as lists from '../../db/shipments/shipment-lists.ts';
import { reconcileShipment } from '../../db/shipments/shipment-sums.ts';
import { stopShipment } from '../../db/shipments/shipments.ts';

const ORDER_BODY_LIMIT = 8 * 1024 * 1024;
const One = closed({ shipmentId: ShipmentId });
const Name = Type.Optional(text(200, { minLength: 1 }));

export const shipmentRoutes = [
  route({
    method: 'post',
    path: '/api/v1/shipments/plan',
    id: 'planShipment',
    tag: 'shipments',
    summary: 'What would be shipped, refused and classified, if it were ordered now',
    description: 'Reads and judges exactly as the shipment does, and writes nothing.',
    permission: 'shipment:write',
    body: ShipmentOrderBody,
    bodyLimit: ORDER_BODY_LIMIT,
    status: 200,
    response: ShipmentPlanView,
    problems: ['order_refused'],
    handle: async ({ body, caller }, { db }) => {
      const plan = await planOrder(db, caller.departmentId, body, SHOWN_IN_PLAN);
      const { refusedDevices, shippedDevices } = plan;
      return {
        ...plan,
        refusedDevices: refusedDevices.map(showPlanned),
        shippedDevices: shippedDevices.map(showPlanned),
      };
    },
  }),
  route({
    method: 'post',
    path: '/api/v1/shipments',
    id: 'createShipment',
    tag: 'shipments',
    summary: 'Ship devices that MES has packed: register, record, classify',
    description:
      'By IMEIs, by work order or by carton. Answers when the order is stored; its workflow does the rest. Devices go to the department of the key. What cannot be shipped is refused by name, and the others go. A device that was packed again belongs to where it was packed last.',
    permission: 'shipment:write',
    body: ShipmentOrderBody,
    bodyLimit: ORDER_BODY_LIMIT,
    status: 202,
    response: CreatedShipment,
    problems: ['order_refused'],
    atomic: true,
    idempotent: true,
    handle: async (input, services) => {
      const made = await orderShipment(services, input, input.body);
      return new Answer(made, { headers: { Location: made.links.self } });
    },
  }),
  route({
    method: 'get',
    path: '/api/v1/shipments',
    id: 'listShipments',
    tag: 'shipments',
    summary: 'List primary shipments, newest first',
    permission: 'device:read',
    query: closed({
      status: Type.Optional(ShipmentStatusName),
      createdBy: Type.Optional(text(200, { description: 'name of the key of its maker' })),
      imei: Type.Optional(Imei),
      order: Name,
      carton: Name,
      limit: Limit,
      after: AfterLargeId,
    }),
    status: 200,
    response: page(Shipment, 'ShipmentPage'),
    handle: ({ query: { limit, after, ...filter }, caller }, { db, executions }) =>
      readPage(
        limit,
        (limit) => lists.listShipments(db, caller.departmentId, filter, { before: after, limit }),
        (row) => showShipment(row, executions),
        ({ id }) => id,
      ),
  }),
  route({
    method: 'get',
    path: '/api/v1/shipments/{shipmentId}',
    id: 'getShipment',
    tag: 'shipments',
    summary: 'One primary shipment with its sums',
    permission: 'device:read',
    params: One,
    status: 200,
    response: ShipmentDetail,
    handle: async ({ params: { shipmentId }, caller }, { db, executions }) => {
      const row = await findOwn(db, caller.departmentId, shipmentId);
      return { ...showShipment(row, executions), sums: await reconcileShipment(db, shipmentId) };
    },
  }),
  route({
    method: 'get',
    path: '/api/v1/shipments/{shipmentId}/devices',
    id: 'listShipmentDevices',
    tag: 'shipments',
    summary: 'What became of each device of a primary shipment',
    permission: 'device:read',
    params: One,
    query: closed({
      status: Type.Optional(ShipmentDeviceStatusName),
      reason: Type.Optional(ShipmentReasonName),
      imei: Type.Optional(Imei),
      customer: Name,
      limit: Limit,
      after: AfterId,
    }),
    status: 200,
    response: page(ShipmentDevice, 'ShipmentDevicePage'),
    handle: async ({ params: { shipmentId }, query: { limit, after = 0, ...filter }, caller }, { db }) => {
      await findOwn(db, caller.departmentId, shipmentId);
      return readPage(
        limit,
        (limit) => lists.listShipmentDevices(db, shipmentId, filter, { after, limit }),
        showShipmentDevice,
        ({ place }) => place,
      );
    },
  }),
  route({
    method: 'post',
    path: '/api/v1/shipments/{shipmentId}/stop',
    id: 'stopShipment',
    tag: 'shipments',
    summary: 'Ship nothing more of a primary shipment',
    description: 'What is open is refused, and may be ordered again. What was shipped stays shipped.',
    permission: 'shipment:write',
    params: One,
    body: ControlBody,
    status: 200,
    response: Shipment,
    problems: ['control_refused'],
    atomic: true,
    handle: async (input, { db, executions }) => {
      const { params, body, caller } = input;
      const { shipmentId } = params;
      const row = await findOwn(db, caller.departmentId, shipmentId, { lock: true });
      if (row.status !== 'running') throw problem('control_refused', `Shipment ${shipmentId} has ended.`);
      const devices = await stopShipment(db, shipmentId, caller.name);
      const after = { stopped: true, devices, cause: body.cause ?? '' };
      await audit(db, input, { kind: 'shipment', id: shipmentId, after });
      return showShipment(await findOwn(db, caller.departmentId, shipmentId), executions);
    },
  }),
  route({
    method: 'get',
    path: '/api/v1/shipment-records',
    id: 'listShipmentRecords',
    tag: 'shipments',
    summary: 'The total shipment record, latest ship date first',
    description:
      'One entry for each device that was shipped; nobody can change or delete one. All given filters must fit; what is searched for is compared whole and exactly.',
    permission: 'device:read',
    query: closed({
      imei: Type.Optional(Imei),
      order: Name,
      carton: Name,
      model: Name,
      company: Name,
      customer: Name,
      classified: Type.Optional(Type.Boolean({ description: 'false: those for which no rule fitted' })),
      shipmentId: Type.Optional(ShipmentId),
      from: Type.Optional(Type.String({ format: 'date', description: 'first ship date' })),
      to: Type.Optional(Type.String({ format: 'date', description: 'last ship date' })),
      limit: Limit,
      after: AfterPlace(lists.RECORD_PLACE),
    }),
    status: 200,
    response: page(ShipmentRecord, 'ShipmentRecordPage'),
    handle: ({ query: { limit, after, ...filter }, caller }, { db }) => {
      const place = after === undefined ? null : lists.readRecordPlace(after);
      return readPage(
        limit,
        (limit) => lists.listShipmentRecords(db, caller.departmentId, filter, { after: place, limit }),
        showRecord,
        lists.recordPlaceOf,
      );
    },
  }),
];

/** A shipment of the department; any other is answered as if there were none. */
async function findOwn(db: Services['db'], departmentId: number, shipmentId: number, options: { lock?: boolean } = {}) {
  const row = await lists.findShipment(db, departmentId, shipmentId, options);
  if (row === null) throw notFound('shipment', shipmentId);
  return row;
}

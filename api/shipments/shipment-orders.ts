/**
 * Orders a primary shipment: the order and its devices in one transaction, then its workflow. What is committed survives
 * whatever happens next: an order whose workflow could not be started is started later.
 */
import { Type, type Static } from 'typebox';
import { audit } from '../audit.ts';
import { within } from '../http/deadlines.ts';
import { loggable, problem } from '../problems.ts';
import type { Actor, Services, TaskExecutions } from '../route.ts';
import { closed, text } from '../schemas.ts';
import { type CreatedShipment, Imei, SHIPPING_INFO, showShipment } from './shipment-views.ts';
import type { Db } from '../../db/index.ts';
import { findShipment } from '../../db/shipments/shipment-lists.ts';
import { insertShipment, MOST_SHIPPED, readNamed, type ShipmentDevices } from '../../db/shipments/shipment-orders.ts';
import { planShipment, type ShipmentPlan } from '../../db/shipments/shipment-plan.ts';
import { reconcileShipment } from '../../db/shipments/shipment-sums.ts';
import { findRunningOrders } from '../../db/shipments/shipments.ts';
import { findOpenFirings, considerCycle, findDueCycles } from '../../db/shipments/trigger-firings.ts';

const MOST_NAMED = 100_000;
/** How long whoever orders waits for Temporal; afterwards the order is started in the background. */
const START_MS = 5_000;
const A_SWEEP = 500;
/** Readings of one sweep: a trigger that was behind catches up over several. */
const ROUNDS = 20;

export const ShipmentOrderBody = closed(
  {
    imeis: Type.Optional(
      Type.Array(Imei, { minItems: 1, maxItems: MOST_NAMED, description: 'devices that MES has packed' }),
    ),
    order: Type.Optional(text(100, { minLength: 1, description: 'or all of a work order (ZhiDan), whole' })),
    carton: Type.Optional(text(100, { minLength: 1, description: 'or all of a carton (BoxNo), whole' })),
    shipDate: Type.String({
      format: 'date',
      description: 'YYYY-MM-DD; later than the production date of each device, by the calendar in Beijing',
    }),
    ...SHIPPING_INFO,
  },
  {
    title: 'ShipmentOrder',
    examples: [{ order: 'CPX01904013A3', shipDate: '2026-03-02', company: '深圳市几米物联有限公司国际部' }],
  },
);
type Order = Static<typeof ShipmentOrderBody>;

/** Orders a shipment. To be called in a transaction; the workflow is started when it is committed. */
export async function orderShipment(
  services: Services,
  actor: Actor,
  body: Order,
): Promise<Static<typeof CreatedShipment>> {
  const { db, executions } = services;
  const { departmentId, name, department } = actor.caller;
  const devices = devicesOf(body);
  const { shipDate, company = '', remark = '' } = body;
  const made = await insertShipment(db, { departmentId, company, shipDate, remark, createdBy: name, devices });
  assertSize(made.asked, devices);
  const row = (await findShipment(db, departmentId, made.id))!;
  const { open, refused } = await reconcileShipment(db, made.id);
  const after = { ...body, asked: made.asked, by: name };
  await audit(db, actor, { kind: 'shipment', id: made.id, after });
  const what = 'order' in devices ? devices.order : 'carton' in devices ? devices.carton : 'devices by IMEI';
  services.afterCommit(() => tryToStart(services, { id: made.id, department, what, devices: made.asked }));
  return { ...showShipment(row, executions), open, refused };
}

/** Plans a shipment: what would become of each device now. Nothing is written. */
export async function planOrder(db: Db, departmentId: number, body: Order, shown: number): Promise<ShipmentPlan> {
  const devices = devicesOf(body);
  const named = await readNamed(db, devices);
  assertSize(named.length, devices);
  const { shipDate, company = '' } = body;
  return planShipment(db, { departmentId, company, shipDate }, named, shown);
}

function devicesOf({ imeis, order, carton }: Order): Exclude<ShipmentDevices, { triggerId: number }> {
  const given = [imeis, order, carton].filter((each) => each !== undefined);
  if (given.length !== 1) {
    throw problem('order_refused', 'Say which devices: exactly one of `imeis`, `order` and `carton`.', {
      errors: [{ path: 'body.imeis', message: 'or body.order, or body.carton' }],
    });
  }
  if (imeis !== undefined) return { imeis: imeis.map((imei) => imei.trim()) };
  return order !== undefined ? { order } : { carton: carton! };
}

function assertSize(asked: number, devices: ShipmentDevices): void {
  if (asked > MOST_SHIPPED) {
    throw problem('order_refused', `These are more than ${MOST_SHIPPED} devices. Ship them in parts, by carton.`);
  }
  if (asked > 0) return;
  const what = 'order' in devices ? 'work order' : 'carton';
  throw problem(
    'order_refused',
    `MES has packed no device under this ${what}. Compare it with the MES list: it is looked for whole and exactly.`,
  );
}

type Startable = Awaited<ReturnType<typeof findRunningOrders>>[number];

async function tryToStart({ executions, log }: Pick<Services, 'executions' | 'log'>, order: Startable) {
  const { id, ...labels } = order;
  try {
    await within(START_MS, executions.startShipment(id, labels));
  } catch (error) {
    log.warn({ err: loggable(error), shipmentId: id }, 'shipment stored, its workflow will be started later');
  }
}

/** Starts the workflows of orders that have none. To be called every half minute; harmless for those that run. */
export async function startUnstartedOrders(db: Db, executions: Pick<TaskExecutions, 'startShipment'>): Promise<void> {
  for (const { id, ...labels } of await findRunningOrders(db, A_SWEEP)) await executions.startShipment(id, labels);
}

/**
 * Puts readings of MES that have ended to the triggers, and starts the workflows of those that fire. To be called every
 * few seconds, by any number of processes: a firing is a row, and its workflow has its name.
 */
export async function fireTriggers(db: Db, executions: Pick<TaskExecutions, 'startFiring'>): Promise<void> {
  // a slow database must not be asked by more and more sweeps
  if (sweeping.has(db)) return;
  sweeping.add(db);
  try {
    await sweepTriggers(db, executions);
  } finally {
    sweeping.delete(db);
  }
}

const sweeping = new WeakSet<Db>();

async function sweepTriggers(db: Db, executions: Pick<TaskExecutions, 'startFiring'>): Promise<void> {
  for (let round = 0; round < ROUNDS; round++) {
    const due = await findDueCycles(db, A_SWEEP);
    for (const each of due) await considerCycle(db, each);
    if (due.length === 0) break;
  }
  for (const { triggerId, cycleId, ...labels } of await findOpenFirings(db, A_SWEEP)) {
    await executions.startFiring(triggerId, cycleId, labels);
  }
}

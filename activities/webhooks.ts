/**
 * The steps of a delivery: one attempt, with what came of it written down; the end without one; a test message.
 */
import { randomBytes } from 'node:crypto';
import { cancellationSignal } from '@temporalio/activity';
import { step } from './failures.ts';
import type { Db } from '../db/index.ts';
import * as deliveries from '../db/events/webhook-deliveries.ts';
import { postWebhook } from '../gateways/webhooks.ts';
import type { PingOutcome } from '../workflows/contract.ts';

export interface WebhookDependencies {
  db: Db;
  executions: ExecutionLinks;
  /** May webhooks lead to private addresses? */
  allowPrivateWebhooks: boolean;
}

/** Addresses in the Temporal Web UI, null where there is none; `api/executions/executions.ts` is the implementation. */
export interface ExecutionLinks {
  shipmentUrl(shipmentId: number): string | null;
  platformShipmentUrl(platformShipmentId: number): string | null;
}

/** What an attempt came to, as far as the workflow must know. */
export type Attempt =
  | { outcome: 'delivered' | 'failed' | 'held' | 'removed' }
  | { outcome: 'again'; error: string; askedMs: number | null };

/** The receiver says that this address is gone for good. */
const GONE = 410;

export function createWebhookActivities(needs: WebhookDependencies) {
  const { db, executions, allowPrivateWebhooks: allowPrivate } = needs;
  return {
    /**
     * Sends a delivery once and writes down what came of it. Repeated after a crash it sends the same message again,
     * unless it was written down before.
     */
    attemptDelivery: (deliveryId: number, { isLast }: { isLast: boolean }): Promise<Attempt> =>
      step(async () => {
        const order = await deliveries.loadDelivery(db, deliveryId);
        if (order === null) return { outcome: 'removed' };
        if (order.status !== 'pending') return { outcome: order.status };
        if (!order.isActive) {
          await deliveries.holdDelivery(db, deliveryId);
          return { outcome: 'held' };
        }
        const message = { ...order, id: `msg_${deliveryId}`, body: JSON.stringify(bodyOf(order.event, executions)) };
        const { status, error, askedMs } = await postWebhook(message, { allowPrivate, signal: cancellationSignal() });
        const isGone = status === GONE;
        const ends = isLast || isGone;
        await deliveries.recordAttempt(db, deliveryId, { status, error, isLast: ends, isGone });
        if (error === null) return { outcome: 'delivered' };
        return ends ? { outcome: 'failed' } : { outcome: 'again', error, askedMs };
      }),

    /** Ends a delivery that somebody stopped. */
    abandonDelivery: (deliveryId: number, why: string) => step(() => deliveries.failDelivery(db, deliveryId, why)),

    /** Sends a test message. */
    pingWebhook: (webhookId: number): Promise<PingOutcome> =>
      step(async () => {
        const target = await deliveries.loadTarget(db, webhookId);
        if (target === null) return { status: null, error: 'the webhook was deleted', tookMs: 0 };
        const body = {
          id: null,
          kind: 'ping',
          at: new Date().toISOString(),
          departmentId: target.departmentId,
          data: {},
        };
        const message = { ...target, id: `ping_${randomBytes(8).toString('hex')}`, body: JSON.stringify(body) };
        const startedAtMs = Date.now();
        const { status, error } = await postWebhook(message, { allowPrivate, signal: cancellationSignal() });
        return { status, error, tookMs: Date.now() - startedAtMs };
      }),
  };
}

export type WebhookActivities = ReturnType<typeof createWebhookActivities>;

/** The body of a message: the event, and where to read more. */
function bodyOf({ upgradeId, ...event }: deliveries.DeliveryOrder['event'], executions: ExecutionLinks) {
  const { taskId, deviceId } = event;
  const links = {
    ...(taskId !== null && { task: `/api/v1/upgrade-tasks/${taskId}` }),
    ...(deviceId !== null && { device: `/api/v1/devices/${deviceId}` }),
    ...(upgradeId !== null && { upgrade: `/api/v1/device-upgrades/${upgradeId}` }),
    ...shipmentLinks(event, executions),
  };
  const { id, kind, at, departmentId, data } = event;
  return { id, kind, at, departmentId, taskId, deviceId, data, links };
}

function shipmentLinks(
  { kind, data }: Pick<deliveries.DeliveryOrder['event'], 'kind' | 'data'>,
  executions: ExecutionLinks,
) {
  const withExecution = (links: object, execution: string | null) =>
    execution === null ? links : { ...links, execution };
  if (kind === 'shipment.finished') {
    const id = Number(data['shipmentId']);
    return withExecution({ shipment: `/api/v1/shipments/${id}` }, executions.shipmentUrl(id));
  }
  if (kind === 'platform_shipment.finished') {
    const id = Number(data['platformShipmentId']);
    return withExecution({ platformShipment: `/api/v1/platform-shipments/${id}` }, executions.platformShipmentUrl(id));
  }
  return {};
}

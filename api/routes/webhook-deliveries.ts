/**
 * What became of each event on its way to a webhook, and sending one again. For administrators.
 */
import { Type } from 'typebox';
import { notFound, problem } from '../problems.ts';
import { Answer, route, type Services } from '../route.ts';
import { AfterLargeId, closed, Id, Limit, Moment, moment, nullable, page, pageOf } from '../schemas.ts';
import { findOwnWebhook } from './webhooks.ts';
import { DELIVERY_STATUSES, EVENT_KINDS } from '../../db/schema.ts';
import * as deliveries from '../../db/events/webhook-deliveries.ts';
import { deliveryWorkflowId } from '../../workflows/contract.ts';

const Delivery = closed(
  {
    id: Type.Integer(),
    eventId: Type.Integer({ description: '`id` in the body that is sent' }),
    kind: Type.Enum(EVENT_KINDS, { type: 'string' }),
    at: Moment,
    taskId: nullable(Type.Integer()),
    deviceId: nullable(Type.String()),
    status: Type.Enum(DELIVERY_STATUSES, { type: 'string', description: 'pending: waits its turn or is tried again' }),
    attempts: Type.Integer(),
    lastStatus: nullable(Type.Integer({ description: 'HTTP status of the last answer; null: none came' })),
    lastError: nullable(Type.String({ description: 'null: it was taken, or not tried yet' })),
    createdAt: Moment,
    startedAt: nullable(Moment),
    lastAttemptAt: nullable(Moment),
    finishedAt: nullable(Moment),
    links: closed({ temporal: nullable(Type.String()) }),
  },
  { title: 'WebhookDelivery' },
);

export const webhookDeliveryRoutes = [
  route({
    method: 'get',
    path: '/api/v1/webhooks/{webhookId}/deliveries',
    id: 'listWebhookDeliveries',
    tag: 'events',
    summary: 'List what was sent to a webhook, newest first',
    description: 'Ended deliveries are kept for 90 days.',
    permission: 'admin',
    params: closed({ webhookId: Id }),
    query: closed({
      status: Type.Optional(Type.Enum(DELIVERY_STATUSES, { type: 'string' })),
      limit: Limit,
      after: AfterLargeId,
    }),
    status: 200,
    response: page(Delivery, 'WebhookDeliveryPage'),
    handle: async ({ params: { webhookId }, query: { status, limit = 100, after }, caller }, { db, executions }) => {
      await findOwnWebhook(db, caller.departmentId, webhookId);
      const rows = await deliveries.listDeliveries(db, webhookId, { status, before: after, limit: limit + 1 });
      return pageOf(
        rows,
        limit,
        (row) => showDelivery(row, executions),
        ({ id }) => id,
      );
    },
  }),
  route({
    method: 'post',
    path: '/api/v1/webhooks/{webhookId}/deliveries/{deliveryId}/resend',
    id: 'resendWebhookDelivery',
    tag: 'events',
    summary: 'Send a delivery again, or now',
    description:
      'One that has ended, well or not, is sent once more with the same `webhook-id`; one that waits for its next attempt is tried at once.',
    permission: 'admin',
    params: closed({ webhookId: Id, deliveryId: Id }),
    status: 202,
    response: Delivery,
    problems: ['control_refused'],
    audits: { kind: 'webhookDelivery', param: 'deliveryId' },
    handle: async ({ params: { webhookId, deliveryId }, caller }, { db, executions }) => {
      const { isActive } = await findOwnWebhook(db, caller.departmentId, webhookId);
      const row = await deliveries.findDelivery(db, webhookId, deliveryId);
      if (row === null) throw notFound('delivery', deliveryId);
      if (!isActive) throw problem('control_refused', `Webhook ${webhookId} is switched off. Switch it on first.`);
      if (!(await deliveries.requeueDelivery(db, deliveryId))) await executions.retryDelivery(deliveryId);
      return new Answer(showDelivery((await deliveries.findDelivery(db, webhookId, deliveryId)) ?? row, executions), {
        headers: { Location: `/api/v1/webhooks/${webhookId}/deliveries` },
      });
    },
  }),
];

function showDelivery(row: deliveries.DeliveryRow, executions: Services['executions']) {
  const { webhookId: _webhook, eventAt, createdAt, startedAt, lastAttemptAt, finishedAt, ...rest } = row;
  return {
    ...rest,
    at: moment(eventAt),
    createdAt: moment(createdAt),
    startedAt: moment(startedAt),
    lastAttemptAt: moment(lastAttemptAt),
    finishedAt: moment(finishedAt),
    links: { temporal: startedAt === null ? null : executions.executionUrl(deliveryWorkflowId(row.id)) },
  };
}

/**
 * Webhooks: where the events of a department are sent. For administrators; what became of each event is in
 * `webhook-deliveries.ts`.
 */
import { Type } from 'typebox';
import { audit, differences } from '../audit.ts';
import { within } from '../http/deadlines.ts';
import { notFound, problem } from '../problems.ts';
import { assertRevision, etagOf, IfMatch } from '../http/revisions.ts';
import { Answer, route, type Services } from '../route.ts';
import { AfterId, closed, Id, Limit, Moment, moment, nullable, page, pageOf, text } from '../schemas.ts';
import type { Db } from '../../db/index.ts';
import { EVENT_KINDS } from '../../db/schema.ts';
import * as webhooks from '../../db/events/webhooks.ts';
import { refuseUrl } from '../../gateways/webhook-targets.ts';
import { newSecret } from '../../gateways/webhooks.ts';

/** After a change of the key the one before still signs for so long. */
const SECRET_OVERLAP_MS = 24 * 3_600_000;
const PING_MS = 25_000;

const Url = text(2_000, { minLength: 1, description: 'https://… or http://…, without a password in it' });
const Kinds = Type.Array(Type.Enum(EVENT_KINDS, { type: 'string' }), {
  uniqueItems: true,
  maxItems: EVENT_KINDS.length,
  description: 'what it wants to hear of; empty: everything, also kinds that come with later versions',
});
const Remark = text(500);

const FIELDS = {
  id: Type.Integer(),
  url: Type.String(),
  kinds: Type.Array(Type.Enum(EVENT_KINDS, { type: 'string' }), { description: 'empty: all' }),
  isActive: Type.Boolean({ description: 'false: events wait until it is switched on again' }),
  offReason: nullable(Type.String({ description: 'why the program switched it off; null: it did not' })),
  failingSince: nullable(
    Type.String({ format: 'date-time', description: 'nothing was taken since; null: the last attempt succeeded' }),
  ),
  waiting: Type.Integer({ description: 'events that are under way or wait for it' }),
  remark: Type.String(),
  revision: Type.Integer({ description: 'counts changes; see `If-Match`' }),
  createdAt: Moment,
  createdBy: Type.String(),
};
const Webhook = closed(FIELDS, { title: 'Webhook' });
const WebhookWithSecret = closed(
  {
    ...FIELDS,
    secret: Type.String({ description: 'key of the signatures (`whsec_…`); in this answer and never again' }),
  },
  { title: 'WebhookWithSecret' },
);
const Ping = closed(
  {
    status: nullable(Type.Integer({ description: 'HTTP status; null: no answer came' })),
    error: nullable(Type.String({ description: 'null: it was taken' })),
    tookMs: Type.Integer(),
  },
  { title: 'WebhookPing' },
);

const One = closed({ webhookId: Id });

export const webhookRoutes = [
  route({
    method: 'get',
    path: '/api/v1/webhooks',
    id: 'listWebhooks',
    tag: 'events',
    summary: 'List webhooks',
    permission: 'admin',
    query: closed({ limit: Limit, after: AfterId }),
    status: 200,
    response: page(Webhook, 'WebhookPage'),
    handle: async ({ query: { limit = 100, after = 0 }, caller }, { db }) =>
      pageOf(
        await webhooks.listWebhooks(db, caller.departmentId, { after, limit: limit + 1 }),
        limit,
        show,
        ({ id }) => id,
      ),
  }),
  route({
    method: 'post',
    path: '/api/v1/webhooks',
    id: 'createWebhook',
    tag: 'events',
    summary: 'Make a webhook',
    description: `Events of the department from now on are posted there as JSON, signed as [Standard Webhooks](https://www.standardwebhooks.com) says, each at least once: any 2xx answer within ten seconds takes it, anything else is tried again for a day. The key of the signatures is in this answer only. At most ${webhooks.WEBHOOKS_PER_DEPARTMENT} for a department.`,
    permission: 'admin',
    body: closed(
      { url: Url, kinds: Type.Optional(Kinds), remark: Type.Optional(Remark) },
      {
        title: 'NewWebhook',
        examples: [
          { url: 'https://example.com/slipway', kinds: ['task.finished', 'device.failed'], remark: 'field service' },
        ],
      },
    ),
    status: 201,
    response: WebhookWithSecret,
    problems: ['webhook_refused'],
    atomic: true,
    idempotent: 'sealed',
    handle: async (input, { db, webhookTargets }) => {
      const { body, caller } = input;
      assertUrl(body.url, webhookTargets);
      const { kinds = [], remark = '', url } = body;
      const secret = newSecret();
      const order = { departmentId: caller.departmentId, url, kinds, remark, secret, createdBy: caller.name };
      const row = await webhooks.createWebhook(db, order);
      if (row === null) {
        throw problem(
          'webhook_refused',
          `The department has ${webhooks.WEBHOOKS_PER_DEPARTMENT} webhooks, the most it may have. Delete one, or let one receiver pass events on.`,
        );
      }
      await audit(db, input, { kind: 'webhook', id: row.id, after: { url, kinds, remark } });
      return new Answer(
        { ...show({ ...row, waiting: 0 }), secret },
        { headers: { ...etagOf(row.revision), Location: `/api/v1/webhooks/${row.id}` } },
      );
    },
  }),
  route({
    method: 'get',
    path: '/api/v1/webhooks/{webhookId}',
    id: 'getWebhook',
    tag: 'events',
    summary: 'Show a webhook',
    permission: 'admin',
    params: One,
    status: 200,
    response: Webhook,
    handle: async ({ params: { webhookId }, caller }, { db }) => {
      const row = await findOwnWebhook(db, caller.departmentId, webhookId);
      return new Answer(show(row), { headers: etagOf(row.revision) });
    },
  }),
  route({
    method: 'patch',
    path: '/api/v1/webhooks/{webhookId}',
    id: 'updateWebhook',
    tag: 'events',
    summary: 'Change a webhook, switch it off or on',
    description:
      'While it is off, events wait. Switched on, it gets all of them, in order; with `skipMissed` it begins with what happens from now on, and what waits ends as failed.',
    permission: 'admin',
    params: One,
    headers: IfMatch,
    body: closed(
      {
        url: Type.Optional(Url),
        kinds: Type.Optional(Kinds),
        isActive: Type.Optional(Type.Boolean()),
        remark: Type.Optional(Remark),
        skipMissed: Type.Optional(Type.Boolean({ description: 'forget what waits and what was missed' })),
      },
      { title: 'WebhookChange', examples: [{ isActive: true }] },
    ),
    status: 200,
    response: Webhook,
    problems: ['webhook_refused', 'edit_conflict'],
    atomic: true,
    handle: async (input, { db, webhookTargets }) => {
      const { params, body } = input;
      if (body.url !== undefined) assertUrl(body.url, webhookTargets);
      const before = await lock(db, input, params.webhookId);
      const { skipMissed, ...fields } = body;
      const change = differences(before, fields);
      if (change === null && skipMissed !== true) return new Answer(show(before), { headers: etagOf(before.revision) });
      const row = await webhooks.updateWebhook(db, params.webhookId, body);
      const after = { ...change?.after, ...(skipMissed === true && { skipMissed }) };
      await audit(db, input, { kind: 'webhook', id: row.id, before: change?.before ?? {}, after });
      return new Answer(show({ ...row, waiting: skipMissed === true ? 0 : before.waiting }), {
        headers: etagOf(row.revision),
      });
    },
  }),
  route({
    method: 'delete',
    path: '/api/v1/webhooks/{webhookId}',
    id: 'deleteWebhook',
    tag: 'events',
    summary: 'Delete a webhook',
    description: 'What waits for it is not sent any more; what is being sent at this moment may still arrive.',
    permission: 'admin',
    params: One,
    headers: IfMatch,
    status: 204,
    response: Type.Null(),
    problems: ['edit_conflict'],
    atomic: true,
    handle: async (input, { db }) => {
      const { webhookId } = input.params;
      const { url, kinds, remark } = await lock(db, input, webhookId);
      await webhooks.deleteWebhook(db, webhookId);
      await audit(db, input, { kind: 'webhook', id: webhookId, before: { url, kinds, remark } });
      return null;
    },
  }),
  route({
    method: 'post',
    path: '/api/v1/webhooks/{webhookId}/rotate-secret',
    id: 'rotateWebhookSecret',
    tag: 'events',
    summary: 'Give a webhook another key',
    description:
      'The new key is in this answer only. For 24 hours every message carries two signatures, one of each key, so that the receiver can change its own without a gap.',
    permission: 'admin',
    params: One,
    headers: IfMatch,
    status: 200,
    response: WebhookWithSecret,
    problems: ['edit_conflict'],
    atomic: true,
    idempotent: 'sealed',
    handle: async (input, { db }) => {
      const before = await lock(db, input, input.params.webhookId);
      const secret = newSecret();
      const row = await webhooks.rotateSecret(db, before.id, { secret, overlapMs: SECRET_OVERLAP_MS });
      await audit(db, input, { kind: 'webhook', id: row.id, before: {}, after: { secret } });
      return new Answer({ ...show({ ...row, waiting: before.waiting }), secret }, { headers: etagOf(row.revision) });
    },
  }),
  route({
    method: 'post',
    path: '/api/v1/webhooks/{webhookId}/ping',
    id: 'pingWebhook',
    tag: 'events',
    summary: 'Send a test message',
    description:
      'Posts a message of the kind `ping` from where the real ones are sent, also when the webhook is off, and answers what came back. It is not repeated and not kept.',
    permission: 'admin',
    params: One,
    status: 200,
    response: Ping,
    problems: ['temporal_unavailable'],
    handle: async ({ params: { webhookId }, caller }, { db, executions }) => {
      await findOwnWebhook(db, caller.departmentId, webhookId);
      const { status, error, tookMs } = await within(PING_MS, executions.pingWebhook(webhookId));
      return { status, error, tookMs };
    },
  }),
];

/** A webhook of the department; any other is answered as if there were none. */
export async function findOwnWebhook(db: Db, departmentId: number, webhookId: number) {
  const row = await webhooks.findWebhook(db, departmentId, webhookId);
  if (row === null) throw notFound('webhook', webhookId);
  return row;
}

/** Locks a webhook for a change, after comparing it with what the caller saw. */
async function lock(tx: Db, input: Parameters<typeof assertRevision>[1], webhookId: number) {
  const row = await webhooks.findWebhook(tx, input.caller.departmentId, webhookId, { lock: true });
  if (row === null) throw notFound('webhook', webhookId);
  await assertRevision(tx, input, { kind: 'webhook', id: webhookId, revision: row.revision });
  return row;
}

function assertUrl(url: string, { allowPrivate }: Services['webhookTargets']): void {
  const refused = refuseUrl(url, allowPrivate);
  if (refused === null) return;
  throw problem('webhook_refused', `Nothing can be sent to this URL: ${refused}.`, {
    errors: [{ path: 'body.url', message: refused }],
  });
}

function show(row: webhooks.WebhookWithLoad) {
  return {
    id: row.id,
    url: row.url,
    kinds: row.kinds as (typeof EVENT_KINDS)[number][],
    isActive: row.isActive,
    offReason: row.offReason,
    failingSince: moment(row.failingSince),
    waiting: row.waiting,
    remark: row.remark,
    revision: row.revision,
    createdAt: moment(row.createdAt),
    createdBy: row.createdBy,
  };
}

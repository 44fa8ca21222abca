/**
 * Devices of secondary shipments that need a person, and what that person decides about them.
 */
import { Type } from 'typebox';
import { audit } from '../audit.ts';
import type { Caller } from '../auth.ts';
import { tryToStart } from '../shipments/platform-orders.ts';
import {
  PlatformAttention,
  PlatformDecisionName,
  PlatformDeviceStatusName,
  PlatformReasonName,
  showPlatformAttention,
} from '../shipments/platform-views.ts';
import { problem } from '../problems.ts';
import { route } from '../route.ts';
import { AfterLargeId, closed, Id, Limit, nullable, pageOf, text } from '../schemas.ts';
import { findOwnShipment, wakeShipment } from './platform-shipments.ts';
import type { Db } from '../../db/index.ts';
import * as shipments from '../../db/shipments/platform-shipments.ts';
import { reclassifyDevices } from '../../db/shipments/reclassify.ts';
import type { PlatformPersonDecision } from '../../workflows/rules/platforms.ts';

const MOST_DECISIONS = 10_000;
const Imei = Type.Optional(text(32, { minLength: 1 }));

export const platformAttentionRoutes = [
  route({
    method: 'get',
    path: '/api/v1/platform-attention',
    id: 'listPlatformAttention',
    tag: 'shipments',
    summary: 'Devices of secondary shipments that need a person, across all shipments, longest waiting first',
    description:
      'What was refused, what nobody knows the outcome of, what was not sent; until it is retried or written off.',
    permission: 'device:read',
    query: closed({
      shipmentId: Type.Optional(Id),
      status: Type.Optional(PlatformDeviceStatusName),
      reason: Type.Optional(PlatformReasonName),
      imei: Imei,
      limit: Limit,
      after: AfterLargeId,
    }),
    status: 200,
    response: closed(
      {
        items: Type.Array(PlatformAttention),
        counts: nullable(closed({ refused: Type.Integer(), unknown: Type.Integer(), notSent: Type.Integer() })),
        next: nullable(Type.Integer()),
      },
      {
        title: 'PlatformAttentionPage',
        description: '`counts` of everything that fits the filter; on the first page only',
      },
    ),
    handle: async ({ query: { limit = 100, after, ...filter }, caller }, { db, executions }) => {
      const { departmentId } = caller;
      const [rows, counts] = await Promise.all([
        shipments.listNeedsPerson(db, departmentId, filter, { after: after ?? 0, limit: limit + 1 }),
        after === undefined ? shipments.countNeedsPerson(db, departmentId, filter) : null,
      ]);
      const shown = pageOf(
        rows,
        limit,
        (row) => showPlatformAttention(row, executions),
        ({ device }) => device.id,
      );
      return { items: shown.items, counts, next: shown.next === null ? null : Number(shown.next) };
    },
  }),
  route({
    method: 'post',
    path: '/api/v1/platform-attention/decide',
    id: 'decidePlatformDevices',
    tag: 'shipments',
    summary: 'Retry, reclassify or write off devices of secondary shipments that need a person',
    description:
      'Retry: what was sent before is looked at first, and only what is missing is sent. Reclassify: whose a device is, is found anew by the rules of now; with a customer it is retried, without one it leaves the matched list and goes on waiting for a person. Write off: the device is given up here and may be shipped again; needs a note. Devices that need no person (any more) are left out and counted.',
    permission: 'shipment:write',
    body: closed(
      {
        ids: Type.Optional(
          Type.Array(Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }), {
            minItems: 1,
            maxItems: MOST_DECISIONS,
            uniqueItems: true,
            description: '`id` of the devices in shipments, not IMEIs',
          }),
        ),
        shipmentId: Type.Optional(Id),
        decision: PlatformDecisionName,
        note: Type.Optional(text(500)),
      },
      {
        title: 'PlatformDecision',
        description: 'Either `ids`, or `shipmentId` for everything in it that needs a person.',
        examples: [{ shipmentId: 12, decision: 'retry', note: 'the account exists now' }],
      },
    ),
    status: 200,
    response: closed(
      {
        decided: Type.Integer(),
        leftOut: nullable(Type.Integer({ description: 'of the ids that were given' })),
        shipmentIds: Type.Array(Type.Integer()),
        unmatched: nullable(
          Type.Integer({
            description: 'of those decided: no rule fits, they are not tried again; null: not classified',
          }),
        ),
      },
      { title: 'PlatformDecisionResult' },
    ),
    problems: ['order_refused'],
    atomic: true,
    handle: async (input, services) => {
      const { body, caller } = input;
      const { db } = services;
      const { ids, shipmentId, decision } = body;
      const note = body.note?.trim() ?? '';
      if ((ids === undefined) === (shipmentId === undefined)) {
        throw problem('order_refused', 'Say which devices: either `ids` or `shipmentId`.');
      }
      if (decision === 'write_off' && note === '') {
        const errors = [{ path: 'body.note', message: 'is required' }];
        throw problem('order_refused', 'Writing off needs a note: others will ask why.', { errors });
      }
      if (shipmentId !== undefined) await findOwnShipment(db, caller.departmentId, shipmentId);
      const about = ids === undefined ? { shipmentId: shipmentId! } : { ids };
      const { decided, retried, unmatched } = await decide(db, caller, decision, about, note);
      const shipmentIds = [...new Set(decided.map((each) => each.shipmentId))];
      await audit(
        db,
        input,
        ...shipmentIds.map((id) => {
          const imeis = decided.filter((each) => each.shipmentId === id).map(({ imei }) => imei);
          return { kind: 'platformShipment', id, after: { decision, note, devices: imeis.length, imeis } };
        }),
      );
      for (const id of new Set(retried.map((each) => each.shipmentId))) {
        const row = await findOwnShipment(db, caller.departmentId, id);
        const start = { id, department: caller.department, platform: row.platformName, devices: row.asked };
        services.afterCommit(async () => {
          await tryToStart(services, start);
          await wakeShipment(services, id);
        });
      }
      const leftOut = ids === undefined ? null : ids.length - decided.length;
      return { decided: decided.length, leftOut, shipmentIds, unmatched };
    },
  }),
];

/** What was decided about, and what of it is tried again. */
async function decide(
  db: Db,
  { departmentId, name: author }: Caller,
  decision: PlatformPersonDecision,
  about: shipments.DecideAbout,
  note: string,
): Promise<{ decided: shipments.Decided[]; retried: shipments.Decided[]; unmatched: number | null }> {
  const by = { author, note };
  if (decision === 'write_off') {
    const decided = await shipments.writeOffDevices(db, departmentId, about, by);
    return { decided, retried: [], unmatched: null };
  }
  if (decision === 'retry') {
    const decided = await shipments.retryDevices(db, departmentId, about, by);
    return { decided, retried: decided, unmatched: null };
  }
  const { retried, unmatched } = await reclassifyDevices(db, departmentId, about, by);
  return { decided: [...retried, ...unmatched], retried, unmatched: unmatched.length };
}

/**
 * Customers found anew for devices that were shipped before: because a rule was missing or wrong, or MES has corrected
 * a name. What was decided when a device was shipped stays in the total shipment record.
 */
import { Type } from 'typebox';
import { audit } from '../audit.ts';
import { notFound, problem } from '../problems.ts';
import { route } from '../route.ts';
import { AfterLargeId, closed, Limit, Moment, moment, nullable, page, readPage, text } from '../schemas.ts';
import { FiredRuleView, Imei, ShipmentId } from '../shipments/shipment-views.ts';
import { listReclassifications, reclassify } from '../../db/shipments/reclassify.ts';
import { findShipment } from '../../db/shipments/shipment-lists.ts';
import { ruleWords } from '../../workflows/rules/customers.ts';

const MOST_NAMED = 10_000;
const SHOWN = 1_000;

const DEVICE = {
  imei: Type.String(),
  company: Type.String({ description: 'by which was decided; empty: nobody knows one' }),
  customerBefore: nullable(Type.String({ description: 'null: it was not in the matched list' })),
  customer: nullable(Type.String({ description: 'null: no rule fits, it is not in the matched list any more' })),
  rule: nullable(FiredRuleView),
  ruleText: nullable(Type.String()),
};

export const reclassificationRoutes = [
  route({
    method: 'post',
    path: '/api/v1/classification/reclassify',
    id: 'reclassifyDevices',
    tag: 'shipments',
    summary: 'Find the customers of shipped devices anew, by the rules of now',
    description:
      'By IMEIs, or all that a primary shipment has shipped. The name is the one of the order; where the order had none, what MES says now. The matched list follows, and devices that have a customer now can go on to a platform. The total shipment record stays as it is. Devices that the department has not shipped are left out and counted.',
    permission: 'shipment:write',
    body: closed(
      {
        imeis: Type.Optional(Type.Array(Imei, { minItems: 1, maxItems: MOST_NAMED })),
        shipmentId: Type.Optional(ShipmentId),
        note: text(500, { minLength: 1, pattern: '\\S', description: 'why' }),
      },
      {
        title: 'Reclassify',
        description: 'Either `imeis` or `shipmentId`.',
        examples: [{ shipmentId: 12, note: 'rule 5 is there now' }],
      },
    ),
    status: 200,
    response: closed(
      {
        devices: Type.Integer(),
        changed: Type.Integer({ description: 'of them: another customer than before, or none any more' }),
        matched: Type.Integer({ description: 'of them: a customer was found' }),
        leftOut: nullable(Type.Integer({ description: 'of the IMEIs that were given' })),
        rulesRevision: Type.Integer({ description: 'of the rules by which was decided' }),
        items: Type.Array(closed(DEVICE), { description: `the first ${SHOWN}` }),
      },
      { title: 'ReclassifyResult' },
    ),
    problems: ['order_refused'],
    atomic: true,
    handle: async (input, { db }) => {
      const { body, caller } = input;
      const { imeis, shipmentId, note } = body;
      if ((imeis === undefined) === (shipmentId === undefined)) {
        throw problem('order_refused', 'Say which devices: either `imeis` or `shipmentId`.', {
          errors: [{ path: 'body.imeis', message: 'or body.shipmentId' }],
        });
      }
      const { departmentId, name: author } = caller;
      if (shipmentId !== undefined && (await findShipment(db, departmentId, shipmentId)) === null) {
        throw notFound('shipment', shipmentId);
      }
      const given = imeis === undefined ? null : [...new Set(imeis.map((imei) => imei.trim()))];
      const about = given === null ? { shipmentId: shipmentId! } : { imeis: given };
      const { rulesRevision, devices: done } = await reclassify(db, departmentId, about, { author, note });
      const changed = done.filter(({ customer, customerBefore }) => customer !== customerBefore);
      const matched = done.filter(({ customer }) => customer !== null);
      const after = { ...about, note, devices: done.length, changed: changed.length, matched: matched.length };
      await audit(db, input, { kind: 'classification', id: shipmentId ?? 'devices', after });
      return {
        devices: done.length,
        changed: changed.length,
        matched: matched.length,
        leftOut: given === null ? null : given.length - done.length,
        rulesRevision,
        items: done.slice(0, SHOWN).map((each) => ({ ...each, ruleText: each.rule && ruleWords(each.rule) })),
      };
    },
  }),
  route({
    method: 'get',
    path: '/api/v1/classification/reclassifications',
    id: 'listReclassifications',
    tag: 'shipments',
    summary: 'What was classified anew after it was shipped, newest first',
    permission: 'device:read',
    query: closed({ imei: Type.Optional(Imei), limit: Limit, after: AfterLargeId }),
    status: 200,
    response: page(
      closed(
        {
          id: Type.Integer(),
          at: Moment,
          ...DEVICE,
          shipmentId: nullable(Type.Integer({ description: 'the primary shipment' })),
          platformShipmentId: nullable(
            Type.Integer({ description: 'the secondary shipment for which it was decided' }),
          ),
          rulesRevision: Type.Integer(),
          author: Type.String(),
          note: Type.String(),
        },
        { title: 'Reclassification' },
      ),
      'ReclassificationPage',
    ),
    handle: ({ query: { limit, after, imei }, caller }, { db }) =>
      readPage(
        limit,
        (limit) => listReclassifications(db, caller.departmentId, { imei, before: after, limit }),
        ({ at, departmentId: _departmentId, ...row }) => ({
          ...row,
          at: moment(at),
          ruleText: row.rule && ruleWords(row.rule),
        }),
        ({ id }) => id,
      ),
  }),
];

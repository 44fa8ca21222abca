/**
 * The rules by which customers are found, and what the models of MES speak. They hold for all departments, so an
 * administrator changes them; whoever ships may see and try them.
 */
import { Type } from 'typebox';
import { audit } from '../audit.ts';
import { problem } from '../problems.ts';
import { assertRevision, etagOf, IfMatch } from '../http/revisions.ts';
import { Answer, route } from '../route.ts';
import { AfterId, AfterText, closed, Limit, Moment, moment, nullable, page, readPage, text } from '../schemas.ts';
import * as classification from '../../db/shipments/classification.ts';
import { MES_PROTOCOLS } from '../../db/schema.ts';
import { checkRules, explainRules, ruleWords } from '../../workflows/rules/customers.ts';

const Rule = closed(
  {
    number: Type.Integer({ minimum: 1, maximum: 9_999, description: 'its place: the first that fits decides' }),
    words: Type.Array(text(200, { minLength: 1 }), {
      minItems: 1,
      maxItems: 20,
      description: 'all must be in the name; case and width of Latin letters do not matter, blanks do',
    }),
    customer: text(100, { minLength: 1 }),
    active: Type.Boolean({ description: 'false: it is passed over' }),
  },
  { title: 'CustomerRule' },
);
const Rules = Type.Array(Rule, { maxItems: 200 });

const Classification = closed(
  { revision: Type.Integer(), rules: Rules, changedAt: Moment, changedBy: Type.String() },
  { title: 'Classification' },
);
const ModelProtocol = closed(
  {
    model: Type.String(),
    protocol: Type.Enum(MES_PROTOCOLS, { type: 'string' }),
    changedAt: Moment,
    changedBy: Type.String(),
  },
  { title: 'ModelProtocol' },
);

export const classificationRoutes = [
  route({
    method: 'get',
    path: '/api/v1/classification',
    id: 'getClassification',
    tag: 'shipments',
    summary: 'The rules by which customers are found',
    permission: 'device:read',
    status: 200,
    response: Classification,
    handle: async (_input, { db }) => {
      const row = await classification.readRules(db);
      return new Answer(show(row), { headers: etagOf(row.revision) });
    },
  }),
  route({
    method: 'patch',
    path: '/api/v1/classification',
    id: 'updateClassification',
    tag: 'shipments',
    summary: 'Change the rules: the whole list, as it is to be',
    description:
      'From now on. What was shipped keeps the rule that fired, as it was; chunks of a shipment that runs are classified by the rules that hold when their turn comes.',
    permission: 'admin',
    headers: IfMatch,
    body: closed({ rules: Rules }, { title: 'ClassificationChange' }),
    status: 200,
    response: Classification,
    problems: ['edit_conflict', 'order_refused'],
    atomic: true,
    handle: async (input, { db }) => {
      const { rules } = input.body;
      const wrong = checkRules(rules);
      if (wrong.length > 0) {
        throw problem('order_refused', 'The rules are refused. Nothing was changed.', {
          errors: wrong.map(({ index, field, message }) => ({ path: `body.rules[${index}].${field}`, message })),
        });
      }
      const before = await classification.readRules(db, { lock: true });
      const { revision } = before;
      await assertRevision(db, input, { kind: 'classification', id: 'rules', revision });
      const sorted = rules.toSorted((one, other) => one.number - other.number);
      const isSame = JSON.stringify(before.rules.map(fieldsOf)) === JSON.stringify(sorted.map(fieldsOf));
      if (isSame) return new Answer(show(before), { headers: etagOf(revision) });
      const changedBy = input.caller.name;
      const row = await classification.replaceRules(db, { revision: revision + 1, rules: sorted, changedBy });
      await audit(db, input, {
        kind: 'classification',
        id: 'rules',
        before: { revision, rules: before.rules },
        after: { revision: row.revision, rules: row.rules },
      });
      return new Answer(show(row), { headers: etagOf(row.revision) });
    },
  }),
  route({
    method: 'get',
    path: '/api/v1/classification/revisions',
    id: 'listClassificationRevisions',
    tag: 'shipments',
    summary: 'Every list of rules there ever was, newest first',
    permission: 'device:read',
    query: closed({ limit: Limit, after: AfterId }),
    status: 200,
    response: page(Classification, 'ClassificationPage'),
    handle: ({ query: { limit, after } }, { db }) =>
      readPage(
        limit,
        (limit) => classification.listRuleLists(db, { before: after, limit }),
        show,
        ({ revision }) => revision,
      ),
  }),
  route({
    method: 'post',
    path: '/api/v1/classification/try',
    id: 'tryClassification',
    tag: 'shipments',
    summary: 'Which rule a name falls under, and why each other does not decide',
    description: 'With `rules`, those are tried instead of the ones that hold. Nothing is written.',
    permission: 'device:read',
    body: closed(
      { name: text(500), rules: Type.Optional(Rules) },
      { title: 'ClassificationTrial', examples: [{ name: '深圳市几米物联有限公司（国际部）' }] },
    ),
    status: 200,
    response: closed(
      {
        name: Type.String(),
        revision: nullable(Type.Integer({ description: 'null: the rules of the request were tried' })),
        customer: nullable(Type.String()),
        rule: nullable(Type.String()),
        verdicts: Type.Array(
          closed({
            ...Rule.properties,
            verdict: Type.Enum(['decided', 'fits_but_later', 'words_missing', 'switched_off'], { type: 'string' }),
            missing: Type.Array(Type.String(), { description: 'words that are not in the name' }),
            explanation: Type.String(),
          }),
        ),
      },
      { title: 'ClassificationVerdict' },
    ),
    handle: async ({ body: { name, rules } }, { db }) => {
      const list = rules === undefined ? await classification.readRules(db) : { rules, revision: null };
      const verdicts = explainRules(name, list.rules);
      const decided = verdicts.find(({ verdict }) => verdict === 'decided')?.rule ?? null;
      return {
        name,
        revision: list.revision,
        customer: decided?.customer ?? null,
        rule: decided && ruleWords(decided),
        verdicts: verdicts.map(({ rule, verdict, missing }) => ({
          ...fieldsOf(rule),
          verdict,
          missing,
          explanation: {
            decided: 'all its words are in the name, and no rule before it fits',
            fits_but_later: `it would fit, but rule ${decided?.number} comes before it`,
            words_missing: `not in the name: ${missing.join(', ')}`,
            switched_off: 'it is switched off',
          }[verdict],
        })),
      };
    },
  }),
  route({
    method: 'get',
    path: '/api/v1/model-protocols',
    id: 'listModelProtocols',
    tag: 'shipments',
    summary: 'Models of MES whose devices do not speak `ams`',
    permission: 'device:read',
    query: closed({ limit: Limit, after: AfterText }),
    status: 200,
    response: page(ModelProtocol, 'ModelProtocolPage'),
    handle: ({ query: { limit, after = '' } }, { db }) =>
      readPage(
        limit,
        (limit) => classification.listModelProtocols(db, { after, limit }),
        showModel,
        ({ model }) => model,
      ),
  }),
  route({
    method: 'patch',
    path: '/api/v1/model-protocols/{model}',
    id: 'setModelProtocol',
    tag: 'shipments',
    summary: 'Say what the devices of a model speak',
    description: 'For devices that are shipped from now on; those that are registered stay what they are.',
    permission: 'admin',
    params: closed({ model: text(100, { minLength: 1 }) }),
    body: closed(
      { protocol: Type.Enum(MES_PROTOCOLS, { type: 'string' }) },
      { title: 'ModelProtocolChange', examples: [{ protocol: 'pcp' }] },
    ),
    status: 200,
    response: ModelProtocol,
    atomic: true,
    handle: async (input, { db }) => {
      const { params, body, caller } = input;
      const { model } = params;
      const before = await classification.findModelProtocol(db, model);
      if (before?.protocol === body.protocol) return showModel(before);
      const row = await classification.setModelProtocol(db, { model, ...body, changedBy: caller.name });
      await audit(db, input, {
        kind: 'modelProtocol',
        id: model,
        before: before && { protocol: before.protocol },
        after: body,
      });
      return showModel(row);
    },
  }),
];

function fieldsOf({ number, words, customer, active }: classification.RuleList['rules'][number]) {
  return { number, words, customer, active };
}

function show({ revision, rules, changedAt, changedBy }: classification.RuleList) {
  return { revision, rules: rules.map(fieldsOf), changedAt: moment(changedAt), changedBy };
}

function showModel({ changedAt, ...row }: classification.ModelProtocolRow) {
  return { ...row, changedAt: moment(changedAt) };
}

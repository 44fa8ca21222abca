/**
 * What needs a person, across all tasks of the department, and deciding about many at once. Deciding about one is in
 * `device-upgrades.ts`.
 */
import { Type } from 'typebox';
import { AttentionItem, AttentionKindName, DecisionName, showAttention } from '../upgrades/attention.ts';
import { audit } from '../audit.ts';
import { demand } from '../auth.ts';
import { decide, type Outcome } from '../upgrades/decisions.ts';
import { problemBody } from '../problems.ts';
import { route } from '../route.ts';
import { Cause, closed, Id, Limit, nullable, pageOf, text } from '../schemas.ts';
import { ATTENTION_KINDS, countAttention, listAttention, type AttentionKey } from '../../db/upgrades/attention.ts';

const MOST_DECISIONS = 1_000;

const Counts = closed(
  Object.fromEntries(ATTENTION_KINDS.map((kind) => [kind, Type.Integer()])) as Record<
    (typeof ATTENTION_KINDS)[number],
    ReturnType<typeof Type.Integer>
  >,
);

const DecisionResult = closed({
  upgradeId: Type.Integer(),
  deviceId: nullable(Type.String()),
  result: Type.Enum(['done', 'told', 'refused', 'failed'], {
    type: 'string',
    description:
      'done: it is so; told: the workflow of the device was told, its status follows; refused, failed: nothing was decided',
  }),
  code: nullable(Type.String({ description: 'of a problem, as single requests answer it' })),
  detail: nullable(Type.String({ description: 'why not' })),
});

export const attentionRoutes = [
  route({
    method: 'get',
    path: '/api/v1/attention',
    id: 'listAttention',
    tag: 'upgrades',
    summary: 'Device upgrades that need a person, across all tasks',
    description:
      'What ended badly and nobody has decided about, devices that fell back after a success, and baseband upgrades that wait to be confirmed.',
    permission: 'device:read',
    query: closed({
      kind: Type.Optional(AttentionKindName),
      taskId: Type.Optional(Id),
      model: Type.Optional(text(100)),
      since: Type.Optional(Type.String({ format: 'date-time', description: 'needs a person since then or later' })),
      order: Type.Optional(
        Type.Enum(['newest', 'oldest'], {
          type: 'string',
          default: 'newest',
          description: 'oldest: longest waiting first',
        }),
      ),
      limit: Limit,
      after: Type.Optional(Type.String({ pattern: '^\\d{1,16}-\\d{1,16}$', description: '`next` of the page before' })),
    }),
    status: 200,
    response: closed(
      {
        items: Type.Array(AttentionItem),
        counts: nullable(Counts),
        next: nullable(Type.String()),
      },
      {
        title: 'AttentionPage',
        description: '`counts` by kind, of everything that fits the filter but its kind; on the first page only',
      },
    ),
    handle: async (
      { query: { limit = 100, after, order = 'newest', since, ...given }, caller },
      { db, executions },
    ) => {
      const filter = { ...given, ...(since === undefined ? {} : { sinceMs: Date.parse(since) }) };
      const key = after === undefined ? null : keyOf(after);
      const [rows, counts] = await Promise.all([
        listAttention(db, caller.departmentId, filter, { order, after: key, limit: limit + 1 }),
        key === null ? countAttention(db, caller.departmentId, filter) : null,
      ]);
      const page = pageOf(
        rows,
        limit,
        (row) => showAttention(row, executions),
        ({ sinceUs, id }) => `${sinceUs}-${id}`,
      );
      return { items: page.items, counts, next: page.next === null ? null : String(page.next) };
    },
  }),
  route({
    method: 'post',
    path: '/api/v1/attention/decide',
    id: 'decideManyDeviceUpgrades',
    tag: 'upgrades',
    summary: 'Decide about many device upgrades at once',
    description: `At most ${MOST_DECISIONS}; each has a result of its own. Asking again is harmless: what was decided is refused.`,
    permission: 'upgrade:write',
    body: closed(
      {
        upgradeIds: Type.Array(Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }), {
          minItems: 1,
          maxItems: MOST_DECISIONS,
        }),
        decision: DecisionName,
        cause: Cause,
      },
      {
        title: 'ManyDecisions',
        examples: [{ upgradeIds: [101, 102], decision: 'retry', cause: 'the antenna is back' }],
      },
    ),
    status: 200,
    response: closed(
      {
        decided: Type.Integer({ description: 'done or told' }),
        refused: Type.Integer(),
        failed: Type.Integer(),
        results: Type.Array(DecisionResult, { description: 'in the order of the ids' }),
      },
      { title: 'DecisionResults' },
    ),
    handle: async ({ body: { upgradeIds, ...decision }, caller, operation }, services) => {
      const ids = [...new Set(upgradeIds)];
      if (ids.length > 1) demand(caller, 'upgrade:batch', 'Deciding about more than one device');
      const outcomes = await decide(services, caller, ids, { decision: decision.decision, cause: decision.cause });
      const results = outcomes.map((outcome) => showOutcome(outcome, operation.requestId));
      const decided = outcomes.filter(({ kind }) => kind === 'done' || kind === 'told');
      await audit(
        services.db,
        { caller, operation },
        ...decided.map(({ upgradeId }) => ({ kind: 'upgrade', id: upgradeId, after: decision })),
      );
      const count = (result: string) => results.filter((each) => each.result === result).length;
      return { decided: decided.length, refused: count('refused'), failed: count('failed'), results };
    },
  }),
];

function keyOf(after: string): AttentionKey {
  const [sinceUs, id] = after.split('-').map(Number);
  return { sinceUs: sinceUs!, id: id! };
}

function showOutcome(outcome: Outcome, requestId: string) {
  const { upgradeId } = outcome;
  if (outcome.kind === 'missing') {
    const detail = `There is no device upgrade ${upgradeId} in your department.`;
    return { upgradeId, deviceId: null, result: 'refused' as const, code: 'not_found', detail };
  }
  const { deviceId, kind: result } = outcome;
  if (outcome.kind === 'refused') return { upgradeId, deviceId, result, code: 'control_refused', detail: outcome.why };
  if (outcome.kind === 'failed') {
    const { code, detail } = problemBody(outcome.error, requestId);
    return { upgradeId, deviceId, result, code, detail };
  }
  return { upgradeId, deviceId, result, code: null, detail: null };
}

/**
 * The audit log: who changed what, when, from what to what.
 */
import { Type } from 'typebox';
import { route } from '../route.ts';
import { AfterLargeId, closed, Limit, Moment, moment, momentIn, nullable, page, readPage, text } from '../schemas.ts';
import { listAudit, type AuditRow } from '../../db/audit.ts';

const Fields = nullable(Type.Record(Type.String(), Type.Unknown()));

const AuditEntry = closed(
  {
    id: Type.Integer(),
    at: Moment,
    author: Type.String({ description: 'name of the key' }),
    keyId: Type.Integer({ description: 'names may be used again, this may not' }),
    action: Type.String({ description: 'what was called: an `operationId` of this document' }),
    targetKind: Type.String({
      description: '`device`, `device-import`, `firmware`, `department`, `api-key`, `task`, …',
    }),
    targetId: Type.String(),
    before: Fields,
    after: Fields,
    requestId: Type.String({ description: 'as in the header `X-Request-Id` of the answer, and in the log' }),
  },
  { title: 'AuditEntry' },
);

export const auditRoutes = [
  route({
    method: 'get',
    path: '/api/v1/audit',
    id: 'listAudit',
    tag: 'people',
    summary: 'Who changed what in your department, newest first',
    description:
      'Every change that was made through this API, written together with the change; nobody can alter it. `before` and `after` hold the fields that changed: no `before`, it was made; no `after`, it was deleted. Of an action on a task `after` is what was asked. Secrets are never in it.',
    permission: 'admin',
    query: closed({
      author: Type.Optional(text(100)),
      action: Type.Optional(text(100)),
      targetKind: Type.Optional(text(40)),
      targetId: Type.Optional(text(100)),
      from: Type.Optional(Type.String({ format: 'date-time', description: 'from this moment on' })),
      to: Type.Optional(Type.String({ format: 'date-time', description: 'before this moment' })),
      limit: Limit,
      after: AfterLargeId,
    }),
    status: 200,
    response: page(AuditEntry, 'AuditPage'),
    handle: ({ query: { limit, after, from, to, ...filter }, caller }, { db }) => {
      const narrowed = { ...filter, from: momentIn(from), to: momentIn(to) };
      return readPage(
        limit,
        (limit) => listAudit(db, caller.departmentId, narrowed, { before: after, limit }),
        showEntry,
        ({ id }) => id,
      );
    },
  }),
];

function showEntry({ departmentId: _department, at, ...row }: AuditRow) {
  return { ...row, at: moment(at) };
}

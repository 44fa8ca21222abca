/**
 * Departments and API keys, for administrators of the whole installation.
 */
import { Type } from 'typebox';
import { audit } from '../audit.ts';
import { generateKey, PERMISSIONS, type Permission } from '../auth.ts';
import { problem } from '../problems.ts';
import { Answer, route } from '../route.ts';
import { AfterId, closed, Id, Limit, Moment, moment, nullable, page, readPage, text } from '../schemas.ts';
import * as people from '../../db/people.ts';

const Name = text(100, {
  minLength: 1,
  pattern: '^\\S([^\\u0000-\\u001f]*\\S)?$',
  description: 'no spaces at its ends',
});

const Department = closed({ id: Type.Integer(), name: Type.String(), createdAt: Moment }, { title: 'Department' });

const KEY_FIELDS = {
  id: Type.Integer(),
  name: Type.String(),
  department: closed({ id: Type.Integer(), name: Type.String() }),
  permissions: Type.Array(Type.Enum(PERMISSIONS, { type: 'string' })),
  createdAt: Moment,
  createdBy: Type.String(),
  lastUsedAt: nullable(Moment),
  revokedAt: nullable(Moment),
};
const ApiKey = closed(KEY_FIELDS, { title: 'ApiKey' });
const NewApiKey = closed(
  { ...KEY_FIELDS, key: Type.String({ description: 'shown in this answer and never again' }) },
  { title: 'NewApiKey' },
);

/** Authors in logs that are not people. */
const RESERVED_NAMES = ['system', 'device'];

export const peopleRoutes = [
  route({
    method: 'get',
    path: '/api/v1/departments',
    id: 'listDepartments',
    tag: 'people',
    summary: 'List departments',
    permission: 'admin',
    query: closed({ limit: Limit, after: AfterId }),
    status: 200,
    response: page(Department, 'DepartmentPage'),
    handle: ({ query: { limit, after = 0 } }, { db }) =>
      readPage(
        limit,
        (limit) => people.listDepartments(db, { after, limit }),
        showDepartment,
        ({ id }) => id,
      ),
  }),
  route({
    method: 'post',
    path: '/api/v1/departments',
    id: 'createDepartment',
    tag: 'people',
    summary: 'Make a department',
    description: 'Devices, files and tasks belong to one department each; nobody else can see or name them.',
    permission: 'admin',
    body: closed({ name: Name }, { title: 'NewDepartment', examples: [{ name: '康凯斯' }] }),
    status: 201,
    response: Department,
    problems: ['name_taken'],
    idempotent: true,
    atomic: true,
    handle: async (input, { db }) => {
      const { name } = input.body;
      const row = await people.createDepartment(db, name);
      if (row === null) throw problem('name_taken', `There is a department "${name}" already. Choose another name.`);
      await audit(db, input, { kind: 'department', id: row.id, after: { name } });
      return showDepartment(row);
    },
  }),
  route({
    method: 'get',
    path: '/api/v1/api-keys',
    id: 'listApiKeys',
    tag: 'people',
    summary: 'List API keys of all departments',
    permission: 'admin',
    query: closed({ limit: Limit, after: AfterId }),
    status: 200,
    response: page(ApiKey, 'ApiKeyPage'),
    handle: ({ query: { limit, after = 0 } }, { db }) =>
      readPage(
        limit,
        (limit) => people.listKeys(db, { after, limit }),
        showKey,
        ({ keyId }) => keyId,
      ),
  }),
  route({
    method: 'post',
    path: '/api/v1/api-keys',
    id: 'createApiKey',
    tag: 'people',
    summary: 'Make an API key',
    description: 'The key itself is in this answer only; what is stored cannot be turned back into it.',
    permission: 'admin',
    body: closed(
      {
        name: Name,
        departmentId: Id,
        permissions: Type.Array(Type.Enum(PERMISSIONS, { type: 'string' }), { uniqueItems: true }),
      },
      {
        title: 'NewApiKeyOrder',
        examples: [{ name: 'night operator', departmentId: 1, permissions: ['device:read', 'upgrade:write'] }],
      },
    ),
    status: 201,
    response: NewApiKey,
    problems: ['name_taken'],
    idempotent: 'sealed',
    atomic: true,
    handle: async (input, { db }) => {
      const { body, caller } = input;
      if (RESERVED_NAMES.includes(body.name.toLowerCase())) {
        throw problem('name_taken', `"${body.name}" stands for the program itself in every log. Choose another name.`);
      }
      const { key, keyHash } = generateKey();
      const made = await people.createKey(db, { ...body, keyHash, createdBy: caller.name });
      if (made === 'no_department') {
        throw problem('validation_failed', `There is no department ${body.departmentId}; make it first.`, {
          errors: [{ path: 'body.departmentId', message: 'names no department' }],
        });
      }
      if (made === 'name_taken') {
        throw problem(
          'name_taken',
          `The department has, or had, a key "${body.name}", and logs name people by it. Choose another name.`,
        );
      }
      const { department, name, permissions } = showKey(made);
      await audit(db, input, { kind: 'api-key', id: made.keyId, after: { name, department, permissions } });
      return new Answer({ ...showKey(made), key }, { headers: { 'Cache-Control': 'no-store' } });
    },
  }),
  route({
    method: 'delete',
    path: '/api/v1/api-keys/{keyId}',
    id: 'revokeApiKey',
    tag: 'people',
    summary: 'Revoke an API key for ever',
    description: 'It may work up to ten seconds longer.',
    permission: 'admin',
    params: closed({ keyId: Id }),
    status: 204,
    response: Type.Null(),
    problems: ['last_admin_key'],
    atomic: true,
    handle: async (input, { db }) => {
      const { keyId } = input.params;
      const outcome = await people.revokeKey(db, keyId);
      if (outcome === 'missing') throw problem('not_found', `There is no API key ${keyId}.`);
      if (outcome === 'last_admin') {
        throw problem(
          'last_admin_key',
          `Key ${keyId} is the last with the permission admin. Make another admin key first.`,
        );
      }
      if (outcome !== 'revoked_before') {
        const { department, name, permissions } = showKey(outcome);
        const before = { name, department, permissions, revoked: false };
        await audit(db, input, { kind: 'api-key', id: keyId, before, after: { ...before, revoked: true } });
      }
      return null;
    },
  }),
];

function showDepartment({ id, name, createdAt }: people.DepartmentRow) {
  return { id, name, createdAt: moment(createdAt) };
}

function showKey(row: people.ApiKeyRow) {
  return {
    id: row.keyId,
    name: row.name,
    department: { id: row.departmentId, name: row.department },
    permissions: row.permissions as Permission[],
    createdAt: moment(row.createdAt),
    createdBy: row.createdBy,
    lastUsedAt: moment(row.lastUsedAt),
    revokedAt: moment(row.revokedAt),
  };
}

/**
 * The OpenAPI 3.1 document, made from the routes. Run as a program it writes `api/openapi.json`; a test fails when the
 * written one is stale.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { TSchema } from 'typebox';
import { PERMISSIONS } from './auth.ts';
import { IDEMPOTENCY_HEADERS } from './http/idempotency.ts';
import { listOf } from './http/lists.ts';
import { PROBLEMS, type ProblemCode } from './problems.ts';
import type { Route } from './route.ts';
import { routes } from './routes/index.ts';
import { ProblemBody } from './schemas.ts';
import { SESSION_COOKIE } from './sessions.ts';
import { checkOf } from './http/validation.ts';

type Json = Record<string, unknown>;

const TAGS = [
  { name: 'operations', description: 'Health, readiness, who am I' },
  { name: 'people', description: 'Departments and API keys; needs the permission admin' },
  { name: 'devices', description: 'The registry (设备注册)' },
  { name: 'firmware', description: 'Upgrade files (升级文件)' },
  { name: 'upgrades', description: 'Tasks (任务管理) and the upgrades of their devices (升级管理)' },
  { name: 'commands', description: 'Commands to single devices: sleep time, restart, version' },
  { name: 'shipments', description: 'Shipments (出货管理), shipments to platforms (二次出货)' },
  { name: 'equipment', description: 'Factory equipment and its sessions with the MOM (设备会话)' },
  { name: 'events', description: 'What happens, live, and where it is sent' },
];

const INTRODUCTION = `Slipway upgrades devices in the field as durable workflows.

**Keys.** Every request below \`/api/v1\` carries \`Authorization: Bearer swk_…\`. A key belongs to one department and has
permissions: ${PERMISSIONS.map((name) => `\`${name}\``).join(', ')}. None implies another. People sign in to the console with a key and have a session in its place (\`/api/v1/session\`). What belongs to another department is answered exactly like what does not exist.

**Errors** are \`application/problem+json\`. Decide by \`code\`, which is stable; show \`detail\`, which says what to do; quote \`requestId\` when you ask for help.

**Lists** take \`limit\` and \`after\`: pass the \`next\` of one page as the \`after\` of the following one until it is null. Every list is a CSV file, too, with \`Accept: text/csv\` or \`?format=csv\`: all of it, not one page, in UTF-8 with a byte order mark, so that spreadsheets show it right. Text that a spreadsheet would take for a formula begins with an apostrophe there.

**Repeating.** What makes something takes an \`Idempotency-Key\`. When an answer was lost, send the same request with the same key: it gets the answer of the first, with \`Idempotent-Replayed: true\`, and nothing is made twice. Keys are forgotten after a day.

**Editing.** Things with a \`revision\` take \`If-Match\` when they are changed or deleted. With the \`ETag\` of what you saw, nobody's change is overwritten unseen (\`edit_conflict\`); without it, the last one wins.

**Who did what** is in the audit log, \`/api/v1/audit\`.

**Metrics** in Prometheus form are at \`/metrics\`, without a key from the machine itself, elsewhere with any valid key.`;

/** The document for a version of the program. */
export function buildOpenApi(version: string): Json {
  const schemas: Json = {};
  const paths: Record<string, Json> = {};
  for (const each of routes) (paths[each.path] ??= {})[each.method] = operation(each, schemas);
  hoist(ProblemBody, schemas);
  return {
    openapi: '3.1.0',
    info: { title: 'Slipway', version, description: INTRODUCTION },
    servers: [{ url: '/' }],
    tags: TAGS,
    security: [{ apiKey: [] }, { session: [] }],
    paths,
    components: {
      securitySchemes: {
        apiKey: { type: 'http', scheme: 'bearer', description: 'swk_…' },
        session: {
          type: 'apiKey',
          in: 'cookie',
          name: SESSION_COOKIE,
          description: 'of someone who signed in to the console; changes only from pages of this server',
        },
      },
      schemas: Object.fromEntries(Object.entries(schemas).toSorted(([a], [b]) => (a < b ? -1 : 1))),
    },
  };
}

function operation(each: Route, schemas: Json): Json {
  const permission =
    each.permission === null || each.permission === 'public' ? '' : `Needs the permission \`${each.permission}\`.`;
  const description = [each.description, permission].filter(Boolean).join('\n\n');
  const body = each.documentedBody ?? each.body;
  return {
    operationId: each.id,
    tags: [each.tag],
    summary: each.summary,
    ...(description === '' ? {} : { description }),
    ...(each.permission === 'public' ? { security: [] } : {}),
    ...withParameters(each, schemas),
    ...(body === undefined
      ? {}
      : {
          requestBody: {
            required: requiresBody(body),
            content: { [each.consumes ?? 'application/json']: { schema: hoist(body, schemas) } },
          },
        }),
    responses: { ...answers(each, schemas), ...problems(each) },
  };
}

function withParameters(each: Route, schemas: Json): Json {
  const parameters = [
    ...parametersOf(each.params, 'path', schemas),
    ...parametersOf(listOf(each)?.query ?? each.query, 'query', schemas),
    ...parametersOf(each.headers, 'header', schemas),
    ...parametersOf(each.idempotent && IDEMPOTENCY_HEADERS, 'header', schemas),
  ];
  return parameters.length === 0 ? {} : { parameters };
}

function parametersOf(schema: TSchema | undefined, place: 'path' | 'query' | 'header', schemas: Json): Json[] {
  const { properties = {}, required = [] } = (schema ?? {}) as {
    properties?: Record<string, TSchema>;
    required?: string[];
  };
  return Object.entries(properties).map(([name, property]) => {
    const { description, ...rest } = hoist(property, schemas) as Json;
    return {
      name: place === 'header' ? headerName(name) : name,
      in: place,
      required: required.includes(name),
      ...(description === undefined ? {} : { description }),
      schema: rest,
    };
  });
}

/** As headers are written: `If-Match`. */
function headerName(name: string): string {
  return name.replaceAll(/(^|-)[a-z]/g, (letters) => letters.toUpperCase()).replace(/-Id$/, '-ID');
}

const CSV = { schema: { type: 'string', description: 'the whole list; one column for each field' } };

function answers(each: Route, schemas: Json): Json {
  const content = {
    [each.produces ?? 'application/json']: { schema: hoist(each.response, schemas) },
    ...(listOf(each) === null ? {} : { 'text/csv': CSV }),
    ...Object.fromEntries(
      Object.entries(each.alsoProduces ?? {}).map(([type, schema]) => [type, { schema: hoist(schema, schemas) }]),
    ),
  };
  const usual =
    each.status === 204 ? { description: 'Done; the answer has no body.' } : { description: each.summary, content };
  const also = Object.entries(each.alsoAnswers ?? {}).map(([status, description]) => [
    status,
    { description, content },
  ]);
  return { [each.status]: withHeaders(each, usual), ...Object.fromEntries(also) };
}

function withHeaders(each: Route, answer: Json): Json {
  const text = { type: 'string' };
  const headers = {
    ...((each.status === 202 || each.status === 201) && {
      Location: { description: 'address of what was made, if it has one', schema: text },
    }),
    ...(each.idempotent !== undefined && {
      'Idempotent-Replayed': { description: '`true`: this is the answer of an earlier request', schema: text },
    }),
  };
  return Object.keys(headers).length === 0 ? answer : { ...answer, headers };
}

/** One response for each status, which lists the codes it may carry. */
function problems(each: Route): Json {
  const byStatus = new Map<number, ProblemCode[]>();
  for (const code of codesOf(each)) {
    const { status } = PROBLEMS[code];
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  return Object.fromEntries(
    [...byStatus]
      .filter(([status]) => each.alsoAnswers?.[status] === undefined)
      .map(([status, codes]) => [
        status,
        {
          description: codes.map((code) => `\`${code}\`: ${PROBLEMS[code].title}`).join('\n\n'),
          content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
        },
      ]),
  );
}

/** What a route may answer beside its own problems follows from what it is. */
function codesOf(each: Route): ProblemCode[] {
  const codes: ProblemCode[] = [];
  const json = (each.consumes ?? 'application/json') === 'application/json';
  if (
    each.query !== undefined ||
    listOf(each) !== null ||
    each.headers !== undefined ||
    (each.body !== undefined && json)
  )
    codes.push('validation_failed');
  if (each.body !== undefined && each.consumes !== 'text/csv') codes.push('body_unreadable');
  if (each.permission !== 'public') codes.push('unauthenticated', 'too_many_failures');
  if (each.permission !== null && each.permission !== 'public') codes.push('permission_missing');
  if (each.permission !== 'public' && each.method !== 'get') codes.push('cross_site_refused');
  // By the path, or by what a change or a question names.
  if (each.params !== undefined || each.body !== undefined || each.method === 'delete') codes.push('not_found');
  if (each.body !== undefined) codes.push('media_type_not_supported');
  if (each.body !== undefined && each.consumes !== 'text/csv') codes.push('body_too_large');
  if (each.method !== 'get') codes.push('changed_meanwhile');
  if (each.idempotent !== undefined) codes.push('validation_failed', 'idempotency_key_reused');
  const { properties: headers = {} }: { properties?: object } = each.headers ?? {};
  if ('if-match' in headers) codes.push('edit_conflict');
  codes.push('internal', 'database_unavailable', ...(each.problems ?? []));
  return [...new Set(codes)].toSorted((a, b) => PROBLEMS[a].status - PROBLEMS[b].status);
}

/** Without a body a request is judged as if it had sent `{}`. */
function requiresBody(schema: TSchema): boolean {
  return checkOf(schema, 'body', 'exact')({}).length > 0;
}

/** A copy of a schema in which everything with a title has become a reference to a named schema. */
function hoist(schema: unknown, schemas: Json): unknown {
  if (Array.isArray(schema)) return schema.map((item) => hoist(item, schemas));
  if (typeof schema !== 'object' || schema === null) return schema;
  const copy = Object.fromEntries(
    Object.entries(schema)
      .filter(([key]) => !key.startsWith('~'))
      .map(([key, value]) => [key, key === 'examples' || key === 'default' ? value : hoist(value, schemas)]),
  );
  const { title } = copy;
  if (typeof title !== 'string') return copy;
  const { title: _title, ...definition } = copy;
  const known = schemas[title];
  if (known !== undefined && JSON.stringify(known) !== JSON.stringify(definition))
    throw new Error(`two schemas are called ${title}`);
  schemas[title] = definition;
  return { $ref: `#/components/schemas/${title}` };
}

/** The text of `api/openapi.json`. */
export function openApiText(): string {
  return `${JSON.stringify(buildOpenApi(packageVersion()), null, 2)}\n`;
}

/** The version of this program; `package.json` lies one folder up, from the compiled program two. */
export function packageVersion(): string {
  const file = ['../package.json', '../../package.json']
    .map((path) => new URL(path, import.meta.url))
    .find((url) => existsSync(url));
  return file === undefined ? 'unknown' : (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const file = fileURLToPath(new URL('openapi.json', import.meta.url));
  writeFileSync(file, openApiText());
  process.stdout.write(`${file} written\n`);
}

/**
 * Is it alive, is it ready, who am I.
 */
import { Type } from 'typebox';
import { PERMISSIONS, type Caller } from '../auth.ts';
import { Answer, route, type Services } from '../route.ts';
import { closed } from '../schemas.ts';
import { within } from '../http/deadlines.ts';
import { pingDatabase } from '../../db/people.ts';

/** A part that does not answer in this time counts as down. */
const CHECK_MS = 2_000;

const PartCheck = closed({ ok: Type.Boolean(), milliseconds: Type.Integer() }, { title: 'PartCheck' });

const Readiness = closed(
  {
    status: Type.Enum(['ready', 'not_ready'], { type: 'string' }),
    checks: closed({ database: PartCheck, temporal: PartCheck }),
  },
  { title: 'Readiness' },
);

/** Who calls, as they are told. */
export const Me = closed(
  {
    keyId: Type.Integer(),
    name: Type.String({ description: 'written as author of what you do' }),
    department: closed({ id: Type.Integer(), name: Type.String() }),
    permissions: Type.Array(Type.Enum(PERMISSIONS, { type: 'string' })),
  },
  { title: 'Me' },
);

export const operationsRoutes = [
  route({
    method: 'get',
    path: '/healthz',
    id: 'getHealth',
    tag: 'operations',
    summary: 'Is the process alive?',
    permission: 'public',
    status: 200,
    response: closed(
      { status: Type.Literal('ok'), version: Type.String(), uptimeSeconds: Type.Integer() },
      { title: 'Health' },
    ),
    handle: (_input, { version }) => ({ status: 'ok' as const, version, uptimeSeconds: Math.floor(process.uptime()) }),
  }),
  route({
    method: 'get',
    path: '/readyz',
    id: 'getReadiness',
    tag: 'operations',
    summary: 'Can it do its work: do the database and Temporal answer?',
    permission: 'public',
    status: 200,
    alsoAnswers: { 503: 'At least one part does not answer; `checks` says which.' },
    response: Readiness,
    handle: async (_input, services) => {
      const [database, temporal] = await Promise.all([
        measure(() => pingDatabase(services.db), services),
        measure(() => services.executions.check(), services),
      ]);
      const ready = database.ok && temporal.ok;
      const body = { status: ready ? ('ready' as const) : ('not_ready' as const), checks: { database, temporal } };
      return new Answer(body, { status: ready ? 200 : 503 });
    },
  }),
  route({
    method: 'get',
    path: '/api/v1/me',
    id: 'getMe',
    tag: 'operations',
    summary: 'Whose key is this, and what may it do?',
    permission: null,
    status: 200,
    response: Me,
    handle: ({ caller }) => showCaller(caller),
  }),
];

/** A caller as `Me`. */
export function showCaller({ keyId, name, departmentId, department, permissions }: Caller) {
  return {
    keyId,
    name,
    department: { id: departmentId, name: department },
    permissions: PERMISSIONS.filter((permission) => permissions.has(permission)),
  };
}

async function measure(ask: () => Promise<unknown>, { log }: Services) {
  const startMs = performance.now();
  const ok = await within(CHECK_MS, ask()).then(
    () => true,
    (error: unknown) => {
      log.warn({ err: error }, 'readiness check failed');
      return false;
    },
  );
  return { ok, milliseconds: Math.round(performance.now() - startMs) };
}

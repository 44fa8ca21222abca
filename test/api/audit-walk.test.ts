/**
 * Every route that changes something leaves its line in the audit log: with its own id, whoever called, and the
 * department. A new route is asked for here without anybody thinking of it.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { routes } from '../../api/routes/index.ts';
import { EXEMPT, HARMLESS, requestsOf, walked } from './audit-requests/index.ts';
import { Scene, type Requests } from './audit-requests/scene.ts';

let scene: Scene;
let requests: Requests;

beforeAll(async () => {
  scene = await Scene.start();
  requests = requestsOf(scene);
}, 120_000);
afterAll(() => scene.api.stop());

const harmless: readonly string[] = HARMLESS;
const named = (those: typeof walked) => those.map((each) => [each.id, each] as const);
const requestFor = (id: string) => {
  expect(requests[id], `write a request for ${id} in audit-requests, or say there why it has none`).toBeDefined();
  return requests[id]!();
};

describe('every route that changes something', () => {
  const writing = walked.filter(({ id }) => !harmless.includes(id));

  it.each(named(writing))('%s leaves a line in the audit log', async (id, { method }) => {
    const request = await requestFor(id);
    const reply = await scene.ask(method, request, undefined, `walk-${id}`);
    expect(reply.status, JSON.stringify(reply.body)).toBeLessThan(300);
    const lines = await scene.api.sql`
      select action, author, department_id from audit_log where request_id = ${`walk-${id}`}`;
    expect(lines.length).toBeGreaterThan(0);
    const { action = id, author = scene.department.operator, departmentId = scene.department.id } = request.line ?? {};
    for (const line of lines) expect(line).toEqual({ action, author, department_id: departmentId });
  });
});

describe('every route that only asks', () => {
  it.each(named(walked.filter(({ id }) => harmless.includes(id))))('%s changes no row', async (id, { method }) => {
    const request = await requestFor(id);
    const before = await scene.rows();
    const reply = await scene.ask(method, request);
    expect(reply.status, JSON.stringify(reply.body)).toBeLessThan(300);
    expect(await scene.rows()).toEqual(before);
  });
});

it('names only routes that there are, and says why one is exempt', () => {
  const ids = new Set(routes.map(({ id }) => id));
  const known = [...Object.keys(requests), ...harmless, ...Object.keys(EXEMPT)];
  expect(known.filter((id) => !ids.has(id))).toEqual([]);
  expect(harmless.filter((id) => Object.hasOwn(EXEMPT, id))).toEqual([]);
  for (const [id, reason] of Object.entries(EXEMPT)) expect(reason, `why is ${id} exempt?`).toMatch(/\w{3,} \w+/);
});

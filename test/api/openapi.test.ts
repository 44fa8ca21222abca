import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { buildOpenApi, openApiText } from '../../api/openapi.ts';
import { PROBLEMS } from '../../api/problems.ts';
import { routes } from '../../api/routes/index.ts';
import { checkOf } from '../../api/http/validation.ts';

type Json = Record<string, unknown>;
const document = buildOpenApi('0');
const operations = Object.values(document['paths'] as Record<string, Json>).flatMap(
  (path) => Object.values(path) as Json[],
);

/** The fields of a form; a file stands for its bytes. */
const UPLOAD = {
  file: '',
  protocol: 'terminal',
  targetVersion: '11',
  compatibleVersion: '10',
  currentVersions: '10',
  md5: '',
};

/** Every object inside a value. */
function* objects(value: unknown): Generator<Json> {
  if (typeof value !== 'object' || value === null) return;
  if (!Array.isArray(value)) yield value as Json;
  for (const part of Object.values(value)) yield* objects(part);
}

describe('the OpenAPI document', () => {
  it('that is checked in is current; if not, run "npm run openapi"', () => {
    expect(readFileSync(new URL('../../api/openapi.json', import.meta.url), 'utf8')).toBe(openApiText());
  });

  it('describes every route once, each with a summary and its problems', () => {
    expect(operations.map(({ operationId }) => String(operationId)).toSorted()).toEqual(
      routes.map(({ id }) => id).toSorted(),
    );
    for (const operation of operations) {
      expect(operation['summary'], String(operation['operationId'])).toMatch(/^\S.{5,}/);
      const statuses = Object.keys(operation['responses'] as Json);
      expect(statuses).toContain('503');
      if ((operation['security'] as unknown[] | undefined)?.length !== 0) expect(statuses).toContain('401');
    }
  });

  it('has a description of its own for each path parameter', () => {
    for (const each of routes) {
      const named = [...each.path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
      const params: { properties?: object } | undefined = each.params;
      expect(Object.keys(params?.properties ?? {}), each.id).toEqual(named);
    }
  });

  it('is made of schemas that can all be checked, before the first request needs one', () => {
    for (const { id, params, query, headers, body, response } of routes) {
      for (const schema of [params, query, headers, body, response]) {
        if (schema === undefined) continue;
        for (const kind of ['exact', 'fromText'] as const)
          expect(() => checkOf(schema, id, kind)(null), id).not.toThrow();
      }
    }
  });

  it('refers only to schemas it has, and uses all it has', () => {
    const { schemas } = document['components'] as { schemas: Json };
    const used = new Set([...objects(document)].map((part) => part['$ref']).filter((ref) => typeof ref === 'string'));
    expect([...used].toSorted()).toEqual(
      Object.keys(schemas)
        .map((name) => `#/components/schemas/${name}`)
        .toSorted(),
    );
  });

  it('names every problem code there is but those that belong to no route', () => {
    const text = JSON.stringify(document);
    const unnamed = Object.keys(PROBLEMS).filter((code) => !text.includes(`\`${code}\``));
    // the second belongs to Temporal's own protocol for codec servers
    expect(unnamed).toEqual(['method_not_allowed', 'payload_unreadable']);
  });

  it('asks for a body exactly where nothing at all is not enough', () => {
    const isRequired = (id: string) =>
      (operations.find((each) => each['operationId'] === id)!['requestBody'] as Json)['required'];
    for (const id of ['updateDevice', 'changeUpgradeTaskPacing', 'registerDevices', 'uploadFirmware'])
      expect(isRequired(id), id).toBe(true);
    for (const id of ['pauseUpgradeTask', 'cancelUpgradeTask']) expect(isRequired(id), id).toBe(false);
  });

  it.each([
    ['createUpgradeTask', 'both a list and a filter', { firmwareIds: [1], deviceIds: ['x'], filter: { q: 'x' } }],
    ['createUpgradeTask', 'neither a list nor a filter', { firmwareIds: [1] }],
    ['planUpgradeTask', 'a ninth file', { firmwareIds: [1, 2, 3, 4, 5, 6, 7, 8, 9], deviceIds: ['x'] }],
    ['changeUpgradeTaskPacing', 'a change of nothing', { cause: 'why not' }],
    ['uploadFirmware', 'a field nobody knows', { ...UPLOAD, colour: 'red' }],
  ])('allows no body that %s refuses for its form: %s', (id, _kind, body) => {
    const { documentedBody, body: checked } = routes.find((each) => each.id === id)!;
    expect(checkOf(documentedBody ?? checked!, id, 'exact')(body)).not.toEqual([]);
  });

  it.each([
    ['createUpgradeTask', { firmwareIds: [1, 2], deviceIds: ['x'] }],
    ['planUpgradeTask', { firmwareIds: [1], filter: { q: 'x' } }],
    ['changeUpgradeTaskPacing', { abort: null }],
    ['uploadFirmware', UPLOAD],
  ])('allows what %s takes', (id, body) => {
    const { documentedBody, body: checked } = routes.find((each) => each.id === id)!;
    expect(checkOf(documentedBody ?? checked!, id, 'exact')(body)).toEqual([]);
  });

  it('shows examples that its own schemas accept', () => {
    const bodies = routes.flatMap(({ id, body, documentedBody }) => {
      const schema: ({ examples?: unknown[] } & object) | undefined = documentedBody ?? body;
      return (schema?.examples ?? []).map((example) => ({ id, schema: schema!, example }));
    });
    expect(bodies.length).toBeGreaterThan(5);
    for (const { id, schema, example } of bodies) expect(checkOf(schema, id, 'exact')(example), id).toEqual([]);
  });
});

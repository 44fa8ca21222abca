/** What the console is made from fits the API: its types are current, and everything the API can say has words. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { PERMISSIONS } from '../../api/auth.ts';
import { typesText } from '../../console/generate-types.ts';
import { words as en } from '../../console/texts/en/words.ts';
import { words as zh } from '../../console/texts/zh/words.ts';
import { PLATFORM_REASONS } from '../../workflows/rules/platforms.ts';
import { FAILURE_CODES } from '../../workflows/rules/retry.ts';
import { REFUSAL_REASONS, WAITING_REASONS } from '../../workflows/rules/statuses.ts';

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
const document = JSON.parse(read('api/openapi.json')) as { components: { schemas: Record<string, unknown> } };

/** Every name that a field with one of these names may have. */
function namesOf(fields: RegExp, schema: unknown, field = ''): string[] {
  if (typeof schema !== 'object' || schema === null) return [];
  const { enum: names, properties, ...rest } = schema as { enum?: string[]; properties?: object };
  return [
    ...(fields.test(field) ? (names ?? []) : []),
    ...Object.entries(properties ?? {}).flatMap(([name, each]) => namesOf(fields, each, name)),
    ...Object.values(rest).flatMap((each) => namesOf(fields, each, field)),
  ];
}

describe('the types of the API', () => {
  it('that are checked in are current; if not, run "npm run openapi"', async () => {
    expect(read('console/api-types.ts')).toBe(await typesText(read('api/openapi.json')));
  });
});

describe.each([
  ['English', en],
  ['Chinese', zh],
])('in %s there are words for', (_language, words) => {
  const missing = (names: readonly string[], texts: object) => [
    ...new Set(names.filter((name) => !Object.hasOwn(texts, name))),
  ];

  it('every status', () => {
    const names = namesOf(/^(status|state|outcome|verdict)$/, document.components.schemas);
    expect(names.length).toBeGreaterThan(50);
    expect(missing(names, words.status)).toEqual([]);
  });

  it('every reason and failure code', () => {
    const names = [
      ...namesOf(/^reason$/, document.components.schemas),
      ...WAITING_REASONS,
      ...REFUSAL_REASONS,
      ...FAILURE_CODES,
      ...Object.keys(PLATFORM_REASONS),
    ];
    expect(missing(names, words.reason)).toEqual([]);
  });

  it('every kind, decision and permission', () => {
    expect(missing(namesOf(/^(kind|kinds|decisions?|protocol)$/, document.components.schemas), words.kind)).toEqual([]);
    expect(missing(PERMISSIONS, words.permission)).toEqual([]);
  });
});

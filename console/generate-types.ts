/**
 * Writes `console/api-types.ts` from `api/openapi.json`: a type for every schema, and a table of all operations, so
 * that a page that asks for what the API does not have is a compile error. A test fails when the file is stale.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { compile } from 'json-schema-to-typescript';

type Json = Record<string, unknown>;

interface Parameter {
  name: string;
  in: 'path' | 'query' | 'header';
  required: boolean;
  description?: string;
  schema: Json;
}

interface Operation {
  operationId: string;
  parameters?: Parameter[];
  requestBody?: { required?: boolean; content: Record<string, { schema: Json }> };
  responses: Record<string, { content?: Record<string, { schema: Json }> }>;
}

interface Document {
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, Json> };
}

const HEADER = `/**
 * Written by console/generate-types.ts from api/openapi.json. Never edited by hand.
 */
`;

/** The text of `console/api-types.ts` for the text of an OpenAPI document. */
export async function typesText(openApi: string): Promise<string> {
  const { paths, components } = JSON.parse(openApi.replaceAll('#/components/schemas/', '#/definitions/')) as Document;
  const definitions: Record<string, Json> = { ...components.schemas };
  const rows: string[] = [];
  const addresses: string[] = [];
  for (const [path, methods] of Object.entries(paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      const { operationId: id } = operation;
      const name = id[0]!.toUpperCase() + id.slice(1);
      const typeOf = (schema: Json | undefined, suffix: string): string => {
        if (schema === undefined) return 'undefined';
        const reference = schema['$ref'];
        if (typeof reference === 'string') return reference.split('/').at(-1)!;
        definitions[`${name}${suffix}`] = schema;
        return `${name}${suffix}`;
      };
      const parameters = (place: Parameter['in']) => operation.parameters?.filter((each) => each.in === place) ?? [];
      const [body] = Object.values(operation.requestBody?.content ?? {});
      const [type, answer] = Object.entries(usualAnswer(operation).content ?? {})[0] ?? [];
      const members = [
        `params: ${typeOf(record(parameters('path')), 'Params')}`,
        `query: ${typeOf(record(parameters('query')), 'Query')}`,
        `body: ${typeOf(body?.schema, 'Body')}`,
        `bodyRequired: ${String(operation.requestBody?.required === true)}`,
        `answer: ${type === 'application/json' ? typeOf(answer?.schema, 'Answer') : type === undefined ? 'undefined' : 'unknown'}`,
      ];
      rows.push(`  ${id}: { ${members.join('; ')} };`);
      addresses.push(`  ${id}: '${method.toUpperCase()} ${path}',`);
    }
  }
  const types = await compile(
    { title: 'Everything', type: 'object', definitions: plain(definitions) } as never,
    'Everything',
    {
      additionalProperties: false,
      bannerComment: '',
      style: { singleQuote: true, printWidth: 120 },
      unreachableDefinitions: true,
      unknownAny: true,
      ignoreMinAndMaxItems: true,
    },
  );
  for (const name of Object.keys(definitions)) {
    if (!new RegExp(`^export (type|interface) ${name}\\b`, 'm').test(types)) throw new Error(`no type for ${name}`);
  }
  return `${HEADER}
${withoutNoise(types)}

/** Every operation of the API: what goes in and what comes out. */
export interface Operations {
${rows.join('\n')}
}

export type OperationId = keyof Operations;

/** Method and address of every operation. */
export const ADDRESSES: Record<OperationId, string> = {
${addresses.join('\n')}
};
`;
}

/** "One of these must be there" is the API's business; as a type it would hide the fields. */
function plain(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(plain);
  if (typeof schema !== 'object' || schema === null) return schema;
  const kept = Object.entries(schema).filter(
    ([key, value]) => !(['anyOf', 'oneOf'].includes(key) && (value as unknown[]).every(onlyDemands)),
  );
  return Object.fromEntries(kept.map(([key, value]) => [key, plain(value)]));
}

/** Nothing but "this field must be there". */
function onlyDemands(schema: unknown): boolean {
  return /^\{("properties":\{("\w+":\{\},?)*\},)?"required":\[[^\]]*\]\}$/.test(JSON.stringify(schema));
}

function withoutNoise(types: string): string {
  return types
    .replace(/^export interface Everything \{[^}]*\}\n/m, '')
    .replaceAll(/^ *\* This interface was referenced by .*\n *\* via the `(definition|patternProperty)` .*\n/gm, '')
    .replaceAll(/^ \* @(minItems|maxItems) \d+\n/gm, '')
    .replaceAll(/^( *\*\n)+( *\*\/\n)/gm, '$2')
    .replaceAll(/^ *\/\*\*\n *\*\/\n/gm, '')
    .trim();
}

function record(parameters: Parameter[]): Json | undefined {
  if (parameters.length === 0) return undefined;
  return {
    type: 'object',
    additionalProperties: false,
    required: parameters.filter(({ required }) => required).map(({ name }) => name),
    properties: Object.fromEntries(
      parameters.map(({ name, schema, description }) => [
        name,
        description === undefined ? schema : { ...schema, description },
      ]),
    ),
  };
}

function usualAnswer(operation: Operation) {
  const [status] = Object.keys(operation.responses).filter((each) => Number(each) < 300);
  return operation.responses[status ?? ''] ?? {};
}

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** Writes the file. */
async function writeTypes(): Promise<void> {
  const text = await typesText(readFileSync(here('../api/openapi.json'), 'utf8'));
  writeFileSync(here('api-types.ts'), text);
  process.stdout.write(`${here('api-types.ts')} written\n`);
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) await writeTypes();

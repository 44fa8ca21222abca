/**
 * Checks input against its schema and says in words what is wrong; ajv does the checking.
 */
import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import type { TSchema } from 'typebox';
import { problem, type FieldError } from '../problems.ts';

/** Returns what is wrong with a value; an empty list means: nothing. */
export type Check = (value: unknown) => FieldError[];

/** More errors than these help nobody. */
const MAX_ERRORS = 50;

const OPTIONS = { allErrors: true, verbose: true, strict: true, strictTypes: false, allowUnionTypes: true } as const;
/** For bodies: what is sent is what is meant. */
const exact = withFormats(new Ajv2020(OPTIONS));
/** For queries, headers and paths: everything arrives as text. */
const fromText = withFormats(new Ajv2020({ ...OPTIONS, coerceTypes: true }));

/** A check whose errors name places below `where`, for example `body`. */
export function checkOf(schema: TSchema, where: string, kind: 'exact' | 'fromText'): Check {
  // Compiled when first needed: all of them together would add a second to every start.
  let validate: ValidateFunction | undefined;
  return (value) => {
    validate ??= (kind === 'exact' ? exact : fromText).compile(schema);
    return validate(value) ? [] : describe(validate.errors ?? [], where);
  };
}

function withFormats(ajv: Ajv2020): Ajv2020 {
  addFormats.default(ajv, ['date', 'date-time', 'uri']);
  return ajv;
}

function describe(errors: readonly ErrorObject[], where: string): FieldError[] {
  // "anyOf" only repeats that none of its branches fits; the branches have said why
  const telling = errors.filter(({ keyword }) => keyword !== 'anyOf' && keyword !== 'if');
  const seen = new Map<string, FieldError>();
  for (const error of telling.length > 0 ? telling : errors) {
    const field = { path: pathOf(error, where), message: messageOf(error) };
    seen.set(`${field.path} ${field.message}`, field);
    if (seen.size === MAX_ERRORS) break;
  }
  return [...seen.values()];
}

function pathOf({ instancePath, keyword, params }: ErrorObject, where: string): string {
  const steps = instancePath
    .split('/')
    .slice(1)
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));
  if (keyword === 'required') steps.push(String(params['missingProperty']));
  if (keyword === 'additionalProperties') steps.push(String(params['additionalProperty']));
  return [where, ...steps].join('.');
}

function messageOf({ keyword, params, message, parentSchema, schema }: ErrorObject): string {
  switch (keyword) {
    case 'required':
      return 'is required';
    case 'additionalProperties':
      return `is not known here; known are ${Object.keys((parentSchema?.['properties'] as object | undefined) ?? {}).join(', ') || 'none'}`;
    case 'enum':
      return `must be one of ${(schema as unknown[]).join(', ')}`;
    case 'const':
      return `must be ${JSON.stringify(params['allowedValue'])}`;
    case 'pattern':
      return String(params['pattern']).includes('u0000')
        ? 'must not hold the character U+0000'
        : `must have the form: ${String(parentSchema?.['description'] ?? params['pattern'])}`;
    default:
      return message ?? 'is wrong';
  }
}

/** Throws when a text in a JSON value of any shape, or a name, cannot be stored: U+0000, lone surrogates. */
export function demandStorable(value: unknown, path: string): void {
  if (isStorable(value)) return;
  const errors = [{ path, message: 'must hold no U+0000 and no half of a character' }];
  throw problem('fields_refused', 'A text cannot be stored.', { errors });
}

function isStorable(value: unknown): boolean {
  if (typeof value === 'string') return !value.includes('\0') && !/\p{Surrogate}/u.test(value);
  if (typeof value !== 'object' || value === null) return true;
  return Object.entries(value).every(([name, part]) => isStorable(name) && isStorable(part));
}

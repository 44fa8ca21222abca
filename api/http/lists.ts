/**
 * What makes a route a list, and what every list can therefore do: pages by key, and the whole of it as CSV.
 */
import { Type, type TSchema } from 'typebox';
import type { Route } from '../route.ts';
import { closed } from '../schemas.ts';

export const LIST_FORMATS = ['json', 'csv'] as const;

const Format = Type.Optional(
  Type.Enum(LIST_FORMATS, {
    type: 'string',
    description: 'csv: the whole list as a file, like `Accept: text/csv`; `limit` does not matter then',
  }),
);

/** A route that answers pages. */
export interface List {
  /** Schema of one entry. */
  item: TSchema;
  /** The query of the route, with the format. */
  query: TSchema;
}

/** Tells whether a route is a list: it reads, and answers `items` and `next`. */
export function listOf(each: Pick<Route, 'method' | 'query' | 'response'>): List | null {
  const { items, next } = (each.response as { properties?: Record<string, { items?: TSchema }> }).properties ?? {};
  if (each.method !== 'get' || items?.items === undefined || next === undefined) return null;
  const { properties = {} } = (each.query ?? {}) as { properties?: Record<string, TSchema> };
  return { item: items.items, query: closed({ ...properties, format: Format }) };
}

/**
 * Shapes that more than one route uses. A schema with a `title` becomes a named schema of the OpenAPI document.
 */
import { Type, type TObject, type TProperties, type TSchema } from 'typebox';
import { COMPONENTS } from '../workflows/rules/versions.ts';

/** Largest id the database can hold; anything above names nothing. */
const MAX_ID = 2_147_483_647;

/** An object that refuses fields nobody knows, so that a misspelt option is an error and not a surprise. */
export function closed<Properties extends TProperties>(
  properties: Properties,
  options: object = {},
): TObject<Properties> {
  return Type.Object(properties, { additionalProperties: false, ...options });
}

export function nullable<Schema extends TSchema>(schema: Schema) {
  return Type.Union([schema, Type.Null()]);
}

/** Text that can be stored: anything but U+0000. */
export function text(maxLength: number, options: object = {}) {
  return Type.String({ maxLength, pattern: '^[^\\u0000]*$', ...options });
}

export const Id = Type.Integer({ minimum: 1, maximum: MAX_ID });
export const Moment = Type.String({ format: 'date-time' });
export const Day = Type.String({ format: 'date', description: 'YYYY-MM-DD' });
export const ComponentName = Type.Enum(COMPONENTS, {
  type: 'string',
  description: 'T1 OTA, T2 OBD, T3 baseband, T4 MCU, T5 GPS; terminals have T1 only',
});
/** Version by component, for example `{"T1": "10"}`. */
export const Versions = Type.Record(Type.String(), Type.String(), {
  description: 'last reported version by component',
  examples: [{ T1: '10' }],
});

export const Limit = Type.Optional(
  Type.Integer({ minimum: 1, maximum: 500, default: 100, description: 'most items in the answer' }),
);
const AFTER = '`next` of the page before';
/** Keyset paging: pass the `next` of the answer before. */
export const AfterId = Type.Optional(Type.Integer({ minimum: 0, maximum: MAX_ID, description: AFTER }));
/** The same where ids are larger: devices in tasks, logs, uploads. */
export const AfterLargeId = Type.Optional(
  Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER, description: AFTER }),
);
export const AfterText = Type.Optional(text(200, { description: AFTER }));
/** A place in a list that is in an order of its own: as its form says. */
export const AfterPlace = (pattern: string) => Type.Optional(text(200, { pattern, description: AFTER }));

/** One page of a list; `next` is null on the last. */
export function page<Item extends TSchema>(item: Item, title: string) {
  return closed({ items: Type.Array(item), next: nullable(Type.Union([Type.String(), Type.Integer()])) }, { title });
}

/** Reads one entry more than a page holds, to know whether there is another page, and cuts the page. */
export async function readPage<Row, Item>(
  limit: number | undefined,
  read: (limit: number) => Promise<readonly Row[]>,
  show: (row: Row) => Item,
  key: (row: Row) => string | number,
) {
  const most = limit ?? 100;
  return pageOf(await read(most + 1), most, show, key);
}

/** Cuts what was read with `limit + 1` into a page. */
export function pageOf<Row, Item>(
  rows: readonly Row[],
  limit: number,
  show: (row: Row) => Item,
  key: (row: Row) => string | number,
) {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  return { items: shown.map(show), next: rows.length > limit && last !== undefined ? key(last) : null };
}

export const Cause = Type.Optional(text(500, { description: 'why; written into the log beside your name' }));
export const ControlBody = closed(
  { cause: Cause },
  { title: 'Control', examples: [{ cause: 'complaints from the field' }] },
);

export const LogEntry = closed(
  {
    id: Type.Integer(),
    at: Moment,
    author: Type.String({ description: '`system`, `device`, or the name of the key of whoever did it' }),
    event: Type.String(),
    cause: Type.String(),
    details: Type.Record(Type.String(), Type.Unknown()),
  },
  { title: 'LogEntry' },
);

export const ProblemBody = Type.Object(
  {
    type: Type.String(),
    title: Type.String(),
    status: Type.Integer(),
    code: Type.String({ description: 'stable; decide by this' }),
    detail: Type.String({ description: 'what happened, to what, and what to do' }),
    requestId: Type.String(),
    errors: Type.Optional(
      Type.Array(closed({ path: Type.String(), code: Type.Optional(Type.String()), message: Type.String() })),
    ),
  },
  { title: 'Problem', additionalProperties: true },
);

/** A moment that was checked for its form. Leap seconds, which have the form and are no moment here, are the second before. */
export function momentIn(text: string): Date;
export function momentIn(text: string | undefined): Date | undefined;
export function momentIn(text: string | undefined): Date | undefined {
  return text === undefined ? undefined : new Date(text.toUpperCase().replace(/:60(?=[.Z+-])/, ':59'));
}

/** A moment as text; null stays null. */
export function moment(at: Date): string;
export function moment(at: Date | null): string | null;
export function moment(at: Date | null): string | null {
  return at === null ? null : at.toISOString();
}

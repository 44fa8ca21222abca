/**
 * Which devices: the conditions that lists, counts and tasks narrow a department's devices by.
 */
import { and, eq, gte, lte, sql, type SQL } from 'drizzle-orm';
import { devices, PROTOCOLS, type Protocol } from '../schema.ts';
import type { Component } from '../../workflows/rules/versions.ts';
import type { UpgradeStatus } from '../../workflows/rules/statuses.ts';

/** What a list or a task may be narrowed by; all given must fit. */
export interface DeviceFilter {
  protocol?: Protocol;
  model?: string;
  /** Of charging piles. */
  powerKw?: number;
  orderNo?: string;
  /** Beginning of an id, an identity or an IMEI. */
  q?: string;
  /** What a person remembers: words of model, order or remark, beginnings or last digits of identity or IMEI. */
  search?: string;
  /** Last reported version; of any component unless `component` says which. */
  version?: string;
  component?: Component;
  seenSince?: Date | undefined;
  seenBefore?: Date | undefined;
  neverSeen?: boolean;
  /** Days, both ends included. */
  productionFrom?: string;
  productionTo?: string;
  shippedFrom?: string;
  shippedTo?: string;
  /** Status of the upgrade that runs for the device. */
  upgradeStatus?: UpgradeStatus;
}

/** The condition for a department's devices that fit a filter. Every part of it can use an index but `seen…`. */
export function deviceCondition(departmentId: number, filter: DeviceFilter): SQL {
  const { protocol, model, powerKw, orderNo, q, search, productionFrom, productionTo, shippedFrom, shippedTo } = filter;
  return and(
    eq(devices.departmentId, departmentId),
    protocol === undefined ? undefined : eq(devices.protocol, protocol),
    model === undefined ? undefined : eq(devices.model, model),
    powerKw === undefined ? undefined : eq(devices.powerKw, powerKw),
    // the index holds only devices that have an order
    orderNo === undefined
      ? undefined
      : and(eq(devices.orderNo, orderNo), orderNo === '' ? undefined : sql`order_no <> ''`),
    q === undefined || q === '' ? undefined : startsLike(q),
    search === undefined || search.trim() === '' ? undefined : remembered(search),
    productionFrom === undefined ? undefined : gte(devices.productionDate, productionFrom),
    productionTo === undefined ? undefined : lte(devices.productionDate, productionTo),
    shippedFrom === undefined ? undefined : gte(devices.shipDate, shippedFrom),
    shippedTo === undefined ? undefined : lte(devices.shipDate, shippedTo),
    ...reported(filter),
    running(departmentId, filter),
  )!;
}

/** True when devices that fit may lie far apart in the order of ids, so that walking along it would not find them soon. */
export function isScattered(filter: DeviceFilter): boolean {
  const { protocol: _protocol, model: _model, orderNo: _orderNo, q: _q, ...rest } = filter;
  return Object.values(rest).some((value) => value !== undefined);
}

function reported({ version, component, seenSince, seenBefore, neverSeen }: DeviceFilter): (SQL | undefined)[] {
  const ofVersion = and(
    version === undefined ? undefined : sql`version = ${version}`,
    component === undefined ? undefined : sql`component = ${component}`,
  );
  const ofContact = and(
    seenSince === undefined ? undefined : sql`last_seen_at >= ${seenSince.toISOString()}::timestamptz`,
    seenBefore === undefined ? undefined : sql`last_seen_at < ${seenBefore.toISOString()}::timestamptz`,
  );
  const contact = sql`from device_contacts where device_id = devices.id`;
  return [
    ofVersion && sql`devices.id in (select device_id from device_versions where ${ofVersion})`,
    ofContact && sql`exists (select 1 ${contact} and ${ofContact})`,
    neverSeen === undefined ? undefined : sql`${neverSeen ? sql`not exists` : sql`exists`} (select 1 ${contact})`,
  ];
}

function running(departmentId: number, { upgradeStatus }: DeviceFilter): SQL | undefined {
  if (upgradeStatus === undefined) return undefined;
  return sql`devices.id in (select device_id from device_upgrades where dispatched_at is not null and finished_at is null
    and status = ${upgradeStatus} and department_id = ${departmentId})`;
}

/**
 * Ids begin with the protocol, so an identity that begins with `q` is an id that begins with `<protocol>-q`. The range
 * (no id holds a `z`) lets the index serve it in any collation; `starts_with` makes it exact.
 */
function startsLike(q: string): SQL {
  const upper = q.toUpperCase();
  const [, protocol, identity] = /^([a-z]+)(-.*)?$/.exec(q.toLowerCase()) ?? [];
  const beginnings = PROTOCOLS.map((name) => `${name}-${upper}`);
  if (protocol !== undefined) beginnings.push(protocol + (identity ?? '').toUpperCase());
  const ranges = beginnings.map(
    (beginning) =>
      sql`(devices.id >= ${beginning} and devices.id <= ${`${beginning}zz`} and starts_with(devices.id, ${beginning}))`,
  );
  if (/^\d+$/.test(q)) ranges.push(sql`(imei >= ${q} and imei <= ${`${q}zz`} and starts_with(imei, ${q}))`);
  return sql`(${sql.join(ranges, sql` or `)})`;
}

/** More words than these nobody remembers. */
const MOST_WORDS = 8;
/** As in the column `search`: what lies between words. */
// oxlint-disable-next-line no-control-regex -- all of ASCII that is no letter and no digit
const BETWEEN = /[\u0001-/:-@[-`{-\u007f，。；：、（）\s]+/;

/**
 * Every word must be found: in model, order or remark by its beginning, in identity or IMEI by beginning or end. What is
 * written with punctuation, like an order, is found as it is written.
 */
function remembered(search: string): SQL {
  const ids = new RegExp(`^(${PROTOCOLS.join('|')})-[0-9a-f]+$`, 'i');
  const words = search
    .trim()
    .split(/\s+/)
    .map((word) => ({ word, parts: word.split(BETWEEN).filter((part) => part !== '') }))
    .filter(({ parts }) => parts.length > 0)
    .slice(0, MOST_WORDS);
  if (words.length === 0) return sql`false`;
  const conditions = words.map(({ word, parts }) => {
    if (ids.test(word)) return startsLike(word);
    return parts.length > 1 ? inText(parts) : sql`(${sql.join(places(parts[0]!), sql` or `)})`;
  });
  return and(...conditions)!;
}

/** Words in a row; the last may go on. Nothing of what separates words can be in them, so they need no escape. */
function inText(words: readonly string[]): SQL {
  const query = words.map((word, index) => `'${word}'${index === words.length - 1 ? ':*' : ''}`).join(' <-> ');
  return sql`devices.search @@ to_tsquery('simple', ${query})`;
}

/** Fewer digits than these are too many devices. */
const FEWEST_DIGITS = 3;

function places(word: string): SQL[] {
  if (!/^[0-9a-f]+$/i.test(word) || word.length < FEWEST_DIGITS) return [inText([word])];
  const end = word.toUpperCase().split('').toReversed().join('');
  const endsLike = (reversed: SQL) =>
    sql`(${reversed} >= ${end} and ${reversed} <= ${`${end}zz`} and starts_with(${reversed}, ${end}))`;
  const inImei = /^\d+$/.test(word) ? [sql`(imei is not null and ${endsLike(sql`reverse(imei)`)})`] : [];
  return [inText([word]), startsLike(word), endsLike(sql`reverse(identity)`), ...inImei];
}

/**
 * Writes the audit log: who changed what, from what to what, in which request. A handler calls `audit` in the
 * transaction of the change; a route whose change happens elsewhere says `audits` in its description.
 */
import type { Actor } from './route.ts';
import { insertAuditRows } from '../db/audit.ts';
import type { Db } from '../db/index.ts';

/** One change. */
export interface AuditEntry {
  /** `device`, `firmware`, `task`, … */
  kind: string;
  id: string | number;
  /** Null or absent: it did not exist. */
  before?: object | null;
  /** Null or absent: it does not exist any more. */
  after?: object | null;
}

/** Writes what an actor changed. Secrets do not get in, whatever is handed over; long values are cut. */
export async function audit(tx: Db, { caller, operation }: Actor, ...entries: readonly AuditEntry[]): Promise<void> {
  await insertAuditRows(
    tx,
    entries.map(({ kind, id, before, after }) => ({
      departmentId: caller.departmentId,
      author: caller.name,
      keyId: caller.keyId,
      action: operation.id,
      targetKind: kind,
      targetId: String(id),
      before: before == null ? null : (fit(before) as Record<string, unknown>),
      after: after == null ? null : (fit(after) as Record<string, unknown>),
      requestId: operation.requestId,
    })),
  );
}

/** The fields that differ, as they were and as they are; null when none does. */
export function differences<Fields extends object>(
  before: Fields,
  after: Partial<Fields>,
): { before: object; after: object } | null {
  const names = (Object.keys(after) as (keyof Fields)[]).filter(
    (name) => after[name] !== undefined && JSON.stringify(after[name]) !== JSON.stringify(before[name]),
  );
  if (names.length === 0) return null;
  const only = (fields: Partial<Fields>) => Object.fromEntries(names.map((name) => [name, fields[name] ?? null]));
  return { before: only(before), after: only(after) };
}

const SECRET = /secret|password|hash$|authorization|token/i;
const MOST_ITEMS = 100;
const MOST_CHARACTERS = 2_000;

/** A copy that can be kept for ever: without secrets, and not larger than a person would read. */
function fit(value: unknown): unknown {
  if (value instanceof Date) return value.toISOString();
  if (typeof value === 'string')
    return value.length > MOST_CHARACTERS ? `${value.slice(0, MOST_CHARACTERS)}… (${value.length} characters)` : value;
  if (Array.isArray(value)) {
    const rest = value.length - MOST_ITEMS;
    return [...value.slice(0, MOST_ITEMS).map(fit), ...(rest > 0 ? [`… and ${rest} more`] : [])];
  }
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, part]) => [name, SECRET.test(name) ? '(secret)' : fit(part)]),
  );
}

/**
 * Departments and API keys. Keys are kept as SHA-256 only; the permissions are plain words that `api/auth.ts` knows.
 */
import { randomBytes } from 'node:crypto';
import { and, asc, desc, eq, gt, isNull, sql } from 'drizzle-orm';
import type { Db } from './index.ts';
import { apiKeys, departments } from './schema.ts';

/** Whoever holds one of these changes the keys of the whole installation; taken one at a time. */
const KEYS_LOCK = 7_231_948;

/** What a presented key stands for. */
export interface KeyHolder {
  keyId: number;
  name: string;
  departmentId: number;
  department: string;
  permissions: string[];
}

/** A key as administrators see it; never the key itself. */
export interface ApiKeyRow extends KeyHolder {
  createdAt: Date;
  createdBy: string;
  lastUsedAt: Date | null;
  revokedAt: Date | null;
}

export interface DepartmentRow {
  id: number;
  name: string;
  createdAt: Date;
}

export interface NewKey {
  keyHash: string;
  departmentId: number;
  name: string;
  permissions: readonly string[];
  createdBy: string;
}

const KEY_COLUMNS = {
  keyId: apiKeys.id,
  name: apiKeys.name,
  departmentId: apiKeys.departmentId,
  department: departments.name,
  permissions: apiKeys.permissions,
  createdAt: apiKeys.createdAt,
  createdBy: apiKeys.createdBy,
  lastUsedAt: apiKeys.lastUsedAt,
  revokedAt: apiKeys.revokedAt,
};

/** Finds the holder of a key by its hash, and notes the use (at most once a minute). Revoked keys have no holder. */
export async function findKeyHolder(db: Db, keyHash: string): Promise<(KeyHolder & { keyHash: string }) | null> {
  const { keyId, name, departmentId, department, permissions } = KEY_COLUMNS;
  const [holder] = await db
    .select({ keyId, name, departmentId, department, permissions, keyHash: apiKeys.keyHash })
    .from(apiKeys)
    .innerJoin(departments, eq(departments.id, apiKeys.departmentId))
    .where(and(eq(apiKeys.keyHash, keyHash), isNull(apiKeys.revokedAt)));
  if (holder === undefined) return null;
  await db
    .update(apiKeys)
    .set({ lastUsedAt: sql`now()` })
    .where(
      and(eq(apiKeys.id, holder.keyId), sql`(last_used_at is null or last_used_at < now() - interval '1 minute')`),
    );
  return holder;
}

/** Departments by id, `limit` at a time. */
export async function listDepartments(db: Db, page: { after: number; limit: number }): Promise<DepartmentRow[]> {
  return db
    .select()
    .from(departments)
    .where(gt(departments.id, page.after))
    .orderBy(asc(departments.id))
    .limit(page.limit);
}

/** Makes a department; null when the name is taken. */
export async function createDepartment(db: Db, name: string): Promise<DepartmentRow | null> {
  const [row] = await db.insert(departments).values({ name }).onConflictDoNothing().returning();
  return row ?? null;
}

/** Keys of all departments by id, revoked ones too. */
export async function listKeys(db: Db, page: { after: number; limit: number }): Promise<ApiKeyRow[]> {
  return db
    .select(KEY_COLUMNS)
    .from(apiKeys)
    .innerJoin(departments, eq(departments.id, apiKeys.departmentId))
    .where(gt(apiKeys.id, page.after))
    .orderBy(asc(apiKeys.id))
    .limit(page.limit);
}

/**
 * Makes a key. A name is used once in a department, also after its key was revoked: logs name people by it.
 */
export async function createKey(db: Db, key: NewKey): Promise<ApiKeyRow | 'name_taken' | 'no_department'> {
  return db.transaction(async (tx) => {
    await tx.execute(sql`select pg_advisory_xact_lock(${KEYS_LOCK})`);
    const [department] = await tx.select().from(departments).where(eq(departments.id, key.departmentId));
    if (department === undefined) return 'no_department';
    const sameName = and(eq(apiKeys.departmentId, key.departmentId), eq(apiKeys.name, key.name));
    if ((await tx.$count(apiKeys, sameName)) > 0) return 'name_taken';
    const [row] = await tx
      .insert(apiKeys)
      .values({ ...key, permissions: [...key.permissions] })
      .returning();
    const { id, createdAt, createdBy, lastUsedAt, revokedAt } = row!;
    const holder = { keyId: id, name: key.name, departmentId: key.departmentId, department: department.name };
    return { ...holder, permissions: [...key.permissions], createdAt, createdBy, lastUsedAt, revokedAt };
  });
}

/** Revokes a key for ever. The last key that may administrate stays, or nobody could ever make another. */
export async function revokeKey(
  db: Db,
  keyId: number,
): Promise<ApiKeyRow | 'revoked_before' | 'missing' | 'last_admin'> {
  return db.transaction(async (tx) => {
    await tx.execute(sql`select pg_advisory_xact_lock(${KEYS_LOCK})`);
    const [key] = await tx
      .select(KEY_COLUMNS)
      .from(apiKeys)
      .innerJoin(departments, eq(departments.id, apiKeys.departmentId))
      .where(eq(apiKeys.id, keyId));
    if (key === undefined) return 'missing';
    if (key.revokedAt !== null) return 'revoked_before';
    const admins = await tx
      .select({ id: apiKeys.id })
      .from(apiKeys)
      .where(and(isNull(apiKeys.revokedAt), sql`'admin' = any(permissions)`))
      .orderBy(desc(apiKeys.id))
      .limit(2);
    if (admins.length === 1 && admins[0]!.id === keyId) return 'last_admin';
    await tx
      .update(apiKeys)
      .set({ revokedAt: sql`now()` })
      .where(eq(apiKeys.id, keyId));
    return key;
  });
}

/** Makes the department `default` and a key in it; the first one only if no key exists. Several programs may try at once. */
export async function createAdminKey(
  db: Db,
  key: Omit<NewKey, 'departmentId'>,
  when: 'when_there_is_none' | 'always',
): Promise<boolean> {
  return db.transaction(async (tx) => {
    await tx.execute(sql`select pg_advisory_xact_lock(${KEYS_LOCK})`);
    if (when === 'when_there_is_none' && (await tx.$count(apiKeys)) > 0) return false;
    await tx.insert(departments).values({ name: 'default' }).onConflictDoNothing();
    const [department] = await tx.select().from(departments).where(eq(departments.name, 'default'));
    // A name is the author in the logs: never two of the same.
    const name = when === 'always' ? `${key.name}-${randomBytes(3).toString('hex')}` : key.name;
    await tx.insert(apiKeys).values({ ...key, name, permissions: [...key.permissions], departmentId: department!.id });
    return true;
  });
}

/** Answers when the database answers. */
export async function pingDatabase(db: Db): Promise<void> {
  await db.execute(sql`select 1`);
}

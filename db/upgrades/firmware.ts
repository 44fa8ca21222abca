/**
 * Firmware: what is known of a file, and its bytes by hash. Two departments may hold the same bytes; they are stored once.
 */
import { createHash } from 'node:crypto';
import { and, asc, eq, gt, inArray, sql } from 'drizzle-orm';
import type { Db } from '../index.ts';
import { firmware, firmwareContents, type Protocol } from '../schema.ts';
import type { Component } from '../../workflows/rules/versions.ts';

export type FirmwareRow = typeof firmware.$inferSelect;
export type NewFirmware = Omit<typeof firmware.$inferInsert, 'id' | 'uploadedAt'>;

export interface FirmwareFilter {
  protocol?: Protocol;
  component?: Component;
  targetVersion?: string;
  model?: string;
  powerKw?: number;
}

/** The stored bytes do not have the hash they are stored under, or are gone. */
export class FirmwareDamaged extends Error {}

/** Stores a file with its bytes, both or neither; `existing` is the id when the department has this very file. */
export async function insertFirmware(
  db: Db,
  file: NewFirmware,
  content: Buffer,
): Promise<{ created: FirmwareRow } | { existing: number }> {
  return db.transaction(async (tx) => {
    await lockContent(tx, file.sha256);
    await tx.insert(firmwareContents).values({ sha256: file.sha256, content }).onConflictDoNothing();
    const [created] = await tx.insert(firmware).values(file).onConflictDoNothing().returning();
    if (created !== undefined) return { created };
    const [existing] = await tx
      .select({ id: firmware.id })
      .from(firmware)
      .where(
        and(
          eq(firmware.departmentId, file.departmentId),
          eq(firmware.protocol, file.protocol),
          eq(firmware.component, file.component),
          eq(firmware.targetVersion, file.targetVersion),
          eq(firmware.sha256, file.sha256),
          eq(firmware.packetSize, file.packetSize),
          sql`coalesce(${firmware.powerKw}, 0) = ${file.powerKw ?? 0}`,
          file.protocol === 'pile' ? eq(firmware.model, file.model ?? '') : undefined,
        ),
      );
    return { existing: existing!.id };
  });
}

/** A department's files by id. */
export async function listFirmware(
  db: Db,
  departmentId: number,
  filter: FirmwareFilter,
  page: { after: number; limit: number },
): Promise<FirmwareRow[]> {
  const conditions = [eq(firmware.departmentId, departmentId), gt(firmware.id, page.after)];
  if (filter.protocol !== undefined) conditions.push(eq(firmware.protocol, filter.protocol));
  if (filter.component !== undefined) conditions.push(eq(firmware.component, filter.component));
  if (filter.targetVersion !== undefined) conditions.push(eq(firmware.targetVersion, filter.targetVersion));
  if (filter.model !== undefined) conditions.push(eq(firmware.model, filter.model));
  if (filter.powerKw !== undefined) conditions.push(eq(firmware.powerKw, filter.powerKw));
  return db
    .select()
    .from(firmware)
    .where(and(...conditions))
    .orderBy(asc(firmware.id))
    .limit(page.limit);
}

/** One file; null when the department has no such file. */
export async function findFirmware(db: Db, departmentId: number, firmwareId: number): Promise<FirmwareRow | null> {
  const [row] = await db
    .select()
    .from(firmware)
    .where(and(eq(firmware.id, firmwareId), eq(firmware.departmentId, departmentId)));
  return row ?? null;
}

/**
 * A department's files among `ids`, in the order of `ids`; ids that name none are left out. With `keep` they cannot be
 * deleted before the end of the transaction.
 */
export async function findFirmwareInOrder(
  db: Db,
  departmentId: number,
  ids: readonly number[],
  { keep = false }: { keep?: boolean } = {},
): Promise<FirmwareRow[]> {
  const query = db
    .select()
    .from(firmware)
    .where(and(eq(firmware.departmentId, departmentId), inArray(firmware.id, [...ids])));
  const found = await (keep ? query.for('key share') : query);
  return ids.flatMap((id) => found.find((file) => file.id === id) ?? []);
}

/**
 * The bytes of a file, checked against their hash.
 *
 * @throws FirmwareDamaged when they are gone or not what they were
 */
export async function readFirmwareContent(db: Db, sha256: string): Promise<Buffer> {
  const [row] = await db.select().from(firmwareContents).where(eq(firmwareContents.sha256, sha256));
  if (row === undefined) throw new FirmwareDamaged(`no bytes are stored for the file with SHA-256 ${sha256}`);
  const actual = createHash('sha256').update(row.content).digest('hex');
  if (actual !== sha256) throw new FirmwareDamaged(`the bytes stored for SHA-256 ${sha256} have ${actual}`);
  return row.content;
}

/** Deletes a file that no task names, and its bytes when no other file has them; answers what was deleted. */
export async function deleteFirmware(
  db: Db,
  departmentId: number,
  firmwareId: number,
): Promise<FirmwareRow | 'missing' | 'in_use'> {
  return db.transaction(async (tx) => {
    const mine = and(eq(firmware.id, firmwareId), eq(firmware.departmentId, departmentId));
    // Before the row: an upload locks the content first, too.
    const [known] = await tx.select({ sha256: firmware.sha256 }).from(firmware).where(mine);
    if (known === undefined) return 'missing';
    await lockContent(tx, known.sha256);
    const [row] = await tx.select().from(firmware).where(mine).for('update');
    if (row === undefined) return 'missing';
    const tasks = await tx.execute(sql`
      select 1 from upgrade_tasks where department_id = ${departmentId} and ${firmwareId} = any(firmware_ids) limit 1`);
    if (tasks.length > 0) return 'in_use';
    await tx.delete(firmware).where(mine);
    await tx.execute(sql`
      delete from firmware_contents c where c.sha256 = ${row.sha256}
        and not exists (select 1 from firmware f where f.sha256 = c.sha256)`);
    return row;
  });
}

/** Uploading and deleting the same bytes wait for each other. */
async function lockContent(tx: Db, sha256: string): Promise<void> {
  await tx.execute(sql`select pg_advisory_xact_lock(hashtextextended(${sha256}, 0))`);
}

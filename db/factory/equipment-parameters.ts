/**
 * Process parameters of equipment: whole lists as numbered versions that never change, and who fetched which.
 */
import { and, desc, eq, lt, sql } from 'drizzle-orm';
import type { Db } from '../index.ts';
import { equipmentParameterFetches, equipmentParameters, equipmentSessions, type StoredParameter } from '../schema.ts';

/** A list as it is set. */
export interface NewParameters {
  equipmentId: number;
  label: string | null;
  productDesc: string | null;
  firstArticleNum: string | null;
  debugNum: string | null;
  parameters: readonly StoredParameter[];
  author: string;
  cause: string;
}

export type ParametersRow = typeof equipmentParameters.$inferSelect;

/** Sets a list as the next version; to be called with the equipment locked. */
export async function setParameters(tx: Db, { author, cause, label, ...rest }: NewParameters): Promise<ParametersRow> {
  const [session] = await tx
    .update(equipmentSessions)
    .set({ parametersVersion: sql`${equipmentSessions.parametersVersion} + 1` })
    .where(eq(equipmentSessions.equipmentId, rest.equipmentId))
    .returning({ version: equipmentSessions.parametersVersion });
  const { version } = session!;
  const [row] = await tx
    .insert(equipmentParameters)
    .values({ ...rest, version, label: label ?? `V${version}`, setBy: author, cause })
    .returning();
  return row!;
}

/** One version of an equipment's parameters; null: there is none of that number. */
export async function findParameters(db: Db, equipmentId: number, version: number): Promise<ParametersRow | null> {
  const [row] = await db
    .select()
    .from(equipmentParameters)
    .where(and(eq(equipmentParameters.equipmentId, equipmentId), eq(equipmentParameters.version, version)));
  return row ?? null;
}

/** Versions of one equipment, newest first, with when each was first fetched. */
export async function listParameterVersions(
  db: Db,
  equipmentId: number,
  { before, limit }: { before: number | undefined; limit: number },
) {
  const { version } = equipmentParameters;
  return db
    .select({
      version,
      label: equipmentParameters.label,
      setAt: equipmentParameters.setAt,
      setBy: equipmentParameters.setBy,
      cause: equipmentParameters.cause,
      count: sql<number>`jsonb_array_length(${equipmentParameters.parameters})`,
      fetchedAt: sql<string | null>`(select to_char(min(f.at) at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
        from equipment_parameter_fetches f
        where f.equipment_id = ${equipmentParameters}.equipment_id and f.version = ${equipmentParameters}.version)`,
    })
    .from(equipmentParameters)
    .where(
      and(eq(equipmentParameters.equipmentId, equipmentId), before === undefined ? undefined : lt(version, before)),
    )
    .orderBy(desc(version))
    .limit(limit);
}

/** Writes down that an equipment fetched a version. To be called with the equipment locked. */
export async function storeFetch(
  tx: Db,
  {
    equipmentId,
    version,
    employeeNo,
    software,
    address,
  }: { equipmentId: number; version: number; employeeNo: string; software: string; address: string },
): Promise<void> {
  await tx.insert(equipmentParameterFetches).values({ equipmentId, version, employeeNo, software, address });
  await tx
    .update(equipmentSessions)
    .set({ fetchedVersion: version, fetchedAt: sql`clock_timestamp()` })
    .where(eq(equipmentSessions.equipmentId, equipmentId));
}

/** Who fetched which version, newest first. */
export async function listFetches(
  db: Db,
  equipmentId: number,
  { before, limit }: { before: number | undefined; limit: number },
) {
  return db
    .select()
    .from(equipmentParameterFetches)
    .where(
      and(
        eq(equipmentParameterFetches.equipmentId, equipmentId),
        before === undefined ? undefined : lt(equipmentParameterFetches.id, before),
      ),
    )
    .orderBy(desc(equipmentParameterFetches.id))
    .limit(limit);
}

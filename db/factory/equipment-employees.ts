/**
 * People who may do by hand at an equipment what needs an account (OpFlag 1).
 */
import { and, asc, eq, gt, sql } from 'drizzle-orm';
import type { Db } from '../index.ts';
import { equipmentEmployees } from '../schema.ts';

export type EmployeeRow = typeof equipmentEmployees.$inferSelect;

/** Employees of a department by number. */
export async function listEmployees(
  db: Db,
  departmentId: number,
  { after, limit }: { after: string; limit: number },
): Promise<EmployeeRow[]> {
  return db
    .select()
    .from(equipmentEmployees)
    .where(and(eq(equipmentEmployees.departmentId, departmentId), gt(equipmentEmployees.number, after)))
    .orderBy(asc(equipmentEmployees.number))
    .limit(limit);
}

/** One employee, or null. */
export async function findEmployee(db: Db, departmentId: number, number: string): Promise<EmployeeRow | null> {
  const [row] = await db
    .select()
    .from(equipmentEmployees)
    .where(and(eq(equipmentEmployees.departmentId, departmentId), eq(equipmentEmployees.number, number)));
  return row ?? null;
}

/** Adds an employee; null: the number is taken. */
export async function createEmployee(
  db: Db,
  employee: typeof equipmentEmployees.$inferInsert,
): Promise<EmployeeRow | null> {
  const [row] = await db.insert(equipmentEmployees).values(employee).onConflictDoNothing().returning();
  return row ?? null;
}

/** Changes an employee; null: there is none. */
export async function changeEmployee(
  db: Db,
  { departmentId, number }: { departmentId: number; number: string },
  change: { name?: string; passwordHash?: string | null; isActive?: boolean },
): Promise<EmployeeRow | null> {
  const [row] = await db
    .update(equipmentEmployees)
    .set({ ...change, updatedAt: sql`clock_timestamp()` })
    .where(and(eq(equipmentEmployees.departmentId, departmentId), eq(equipmentEmployees.number, number)))
    .returning();
  return row ?? null;
}

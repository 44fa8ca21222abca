/**
 * Which devices may still be started tonight: their first file must end, at their own speed, before the window closes.
 * Others would be taken, wait for the next opening, and then begin all at once.
 */
import { sql, type SQL } from 'drizzle-orm';
import type { Db } from '../index.ts';
import { speedNeeded, windowAt, type Window } from '../../workflows/rules/windows.ts';

/**
 * The condition for rows of `device_upgrades`, by the name they have in a query, that may be started now.
 *
 * @returns null when the window is closed, or too little of it is left for any device
 */
export async function fitsTonight(
  tx: Db,
  taskId: number,
  window: Window | null,
  nowMs: number,
): Promise<((row: string) => SQL) | null> {
  if (window === null) return () => sql`true`;
  const position = windowAt(window, nowMs);
  if (!position.open) return null;
  const files = await tx.execute<{ id: number; protocol: string; sizeBytes: number }>(sql`
    select f.id, f.protocol, f.size_bytes as "sizeBytes"
    from upgrade_tasks t join firmware f on f.id = any(t.firmware_ids) where t.id = ${taskId}`);
  const needed = files.map(({ id, protocol, sizeBytes }) => ({
    id,
    ...speedNeeded(protocol, sizeBytes, position.closesAtMs - nowMs),
  }));
  if (needed.every(({ measured, isUsualEnough }) => measured === Infinity && !isUsualEnough)) return null;
  if (needed.every(({ measured, isUsualEnough }) => measured === 0 && isUsualEnough)) return () => sql`true`;
  return (row) => sql`
    case ${sql.raw(row)}.firmware_ids[1] ${sql.join(
      needed.map(
        ({ id, measured, isUsualEnough }) => sql`when ${id}::int then
        coalesce((select case when c.bytes_per_second > 0 then c.bytes_per_second >= ${measured}::float8 end
                  from device_contacts c where c.device_id = ${sql.raw(row)}.device_id), ${isUsualEnough}::boolean) `,
      ),
    )} end`;
}

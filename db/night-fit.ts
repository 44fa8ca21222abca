/**
 * Which devices may still be started tonight: their first file must end, at their own speed, before the window closes.
 * Others would be taken, wait for the next opening, and then begin all at once.
 */
import { sql, type SQL } from 'drizzle-orm';
import type { Db } from './index.ts';
import { speedNeeded, windowAt, type Window } from '../workflows/rules/windows.ts';

/**
 * The condition for devices that may be started now; `deviceId` is the column with their id.
 *
 * @returns null when the window is closed, or too little of it is left for any device
 */
export async function fitsTonight(
  tx: Db,
  taskId: number,
  window: Window | null,
  nowMs: number,
): Promise<((deviceId: SQL) => SQL) | null> {
  if (window === null) return () => sql`true`;
  const position = windowAt(window, nowMs);
  if (!position.open) return null;
  const [file] = await tx.execute<{ protocol: string; sizeBytes: number }>(sql`
    select f.protocol, f.size_bytes as "sizeBytes"
    from upgrade_tasks t join firmware f on f.id = t.firmware_ids[1] where t.id = ${taskId}`);
  const { isUsualEnough, measured } = speedNeeded(file!.protocol, file!.sizeBytes, position.closesAtMs - nowMs);
  if (measured === Infinity && !isUsualEnough) return null;
  if (measured === 0 && isUsualEnough) return () => sql`true`;
  return (deviceId) => sql`
    coalesce((select case when c.bytes_per_second > 0 then c.bytes_per_second >= ${measured}::float8 end
              from device_contacts c where c.device_id = ${deviceId}), ${isUsualEnough}::boolean)`;
}

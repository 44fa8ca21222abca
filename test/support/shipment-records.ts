/**
 * What tests of shipments need: rows of MES as the import stores them, and an order worked off as its workflow would.
 */
import type postgres from 'postgres';
import type { Db } from '../../db/index.ts';
import { closeMesCycle, openMesImport } from '../../db/mes/mes-cycles.ts';
import { storeMesBatch } from '../../db/mes/mes-store.ts';
import { finishShipment, shipChunk } from '../../db/shipments/shipments.ts';
import { batchOf } from '../../gateways/mes/batches.ts';
import { MES_SHAPES } from '../../gateways/mes/tables.ts';

/** A packed device; what is left out is something usual. */
export interface Packed {
  id: number;
  imei: string;
  order?: string;
  carton?: string;
  model?: string;
  company?: string | null;
  /** In Beijing. */
  at?: string | null;
}

let imports = 0;

/** Stores rows of MES as one import, which has ended then. Returns its cycle. */
export async function pack(db: Db, rows: readonly Packed[]): Promise<number> {
  const cycleId = await openMesImport(db, `test/${process.pid}/${++imports}`, 'test');
  const { columns } = MES_SHAPES.carton;
  const raws = rows.map((row) => {
    const values: Record<string, string | null> = {
      Id: String(row.id),
      BoxNo: row.carton ?? 'BOX-1',
      IMEI: row.imei,
      ZhiDan: row.order ?? 'ZD-1',
      SoftModel: row.model ?? 'GV2',
      Version: 'V1',
      CompanyName: row.company === undefined ? '某某公司' : row.company,
      TestTime: row.at === undefined ? '2026-03-01 10:00:00' : row.at,
      Remark2: 'RID',
    };
    return columns.map(({ mes }) => values[mes] ?? null);
  });
  for (let from = 0; from < raws.length; from += 2_000) {
    await storeMesBatch(db, cycleId, batchOf('carton', raws.slice(from, from + 2_000)));
  }
  await closeMesCycle(db, cycleId, { status: 'done', words: '' });
  return cycleId;
}

/** Ships an order to its end. */
export async function work(db: Db, shipmentId: number, chunk = 500) {
  for (;;) {
    const { shipped, refused } = await shipChunk(db, shipmentId, chunk);
    if (shipped + refused > 0) continue;
    const end = await finishShipment(db, shipmentId);
    if (end !== null) return end;
  }
}

/** Readable IMEIs: 15 digits, by number. */
export const imeiOf = (number: number) => `86${String(number).padStart(13, '0')}`;

/** All that was written about a device. */
export async function tracesOf(sql: postgres.Sql, imei: string) {
  const [row] = await sql`select
    (select count(*)::int from shipment_records where imei = ${imei}) as records,
    (select count(*)::int from devices where imei = ${imei}) as devices,
    (select count(*)::int from matched_devices where imei = ${imei}) as matched,
    (select count(*)::int from mes_shipped where imei = ${imei}) as marked`;
  return row as unknown as { records: number; devices: number; matched: number; marked: number };
}

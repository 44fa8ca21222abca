/** Made-up rows of MES, put into a MariaDB many at a time. */
import type { TestMariadb } from './mariadb.ts';

/** Three quarters of a year of packing, a second apart. */
const FIRST_MS = Date.UTC(2024, 0, 1);

export const imeiOf = (n: number) => String(860_000_000_000_000 + n);
const timeOf = (n: number) => new Date(FIRST_MS + n * 1_000).toISOString().slice(0, 19).replace('T', ' ');

export const COMPANIES = [
  '深圳途骏信息科技有限公司',
  '深圳市几米物联有限公司国际部',
  '国贸部营销事业三部',
  '某某物流有限公司',
];

/** One device as MES's two tables have it; orders of 1000, cartons of 20. */
export function mesDevice(n: number) {
  const zhidan = `CPX${String(Math.floor(n / 1_000)).padStart(6, '0')}A3`;
  const testTime = timeOf(n);
  return {
    carton: {
      BoxNo: `${zhidan}-${String(Math.floor((n % 1_000) / 20)).padStart(3, '0')}`,
      IMEI: imeiOf(n),
      ZhiDan: zhidan,
      SoftModel: ['GV2', 'NT33', 'JM66'][Math.floor(n / 1_000) % 3]!,
      Version: 'NT33_20_A1D_D23_R0_V18',
      ProductCode: 'P-204',
      Color: '黑',
      Qty: 20,
      Weight: '12.35',
      Date: testTime.slice(0, 10),
      TACInfo: '86000000',
      CompanyName: COMPANIES[Math.floor(n / 1_000) % COMPANIES.length]!,
      TesterId: 'T07',
      TestTime: testTime,
      Remark1: null,
      Remark2: n.toString(16).padStart(32, '0').toUpperCase(),
      Remark3: null,
      Remark4: null,
      Remark5: null,
      Computer: 'LINE-3',
    },
    sheet: {
      SN: `SN${String(n).padStart(10, '0')}`,
      IMEI1: imeiOf(n),
      IMEI2: `SN${String(n).padStart(10, '0')}`,
      IMEI3: String(14_400_000_000 + n),
      IMEI4: String(8_986_000_000_000 + n).padEnd(20, '0'),
      IMEI5: 'pw1234',
      ZhiDan: zhidan,
      TestTime: testTime,
    },
  };
}

export async function insertMes(server: TestMariadb, table: string, rows: readonly object[]): Promise<void> {
  for (let from = 0; from < rows.length; from += 2_000) {
    const part = rows.slice(from, from + 2_000);
    const names = Object.keys(part[0]!);
    const values = part.map((row) => names.map((name) => (row as Record<string, unknown>)[name]));
    await server.query(`insert into ${table} (${names.join(', ')}) values ?`, [values]);
  }
}

/** Devices from..to-1 into both tables. */
export async function fillMes(server: TestMariadb, from: number, to: number): Promise<void> {
  for (let start = from; start < to; start += 10_000) {
    const devices = Array.from({ length: Math.min(10_000, to - start) }, (_, index) => mesDevice(start + index));
    await insertMes(
      server,
      'Gps_CartonBoxTwenty_Result',
      devices.map(({ carton }) => carton),
    );
    await insertMes(
      server,
      'DataRelativeSheet',
      devices.map(({ sheet }) => sheet),
    );
  }
}

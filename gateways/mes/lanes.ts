/**
 * In which order the tables of MES are read, and what is asked for to go on behind a place. A place is what MES itself
 * says of the last row that was read.
 *
 * Carton rows have a growing `Id`: what is new lies behind the highest. Sheets have none: what is new has a later
 * `TestTime`, and the whole table is read by `IMEI1`, its key.
 */
import { MES_SHAPES, type MesTableName } from './tables.ts';

/** `new`: what has come since. `review`: the whole table. */
export type MesLaneName = 'new' | 'review';

/** The last row that was read: `[Id]`, `[IMEI1]` or `[TestTime, IMEI1]`. */
export type Place = readonly string[];

export interface Question {
  sql: string;
  values: string[];
}

const byTime = (table: MesTableName, lane: MesLaneName) => table === 'sheet' && lane === 'new';

/** What to ask for up to `limit` rows behind a place; null: from the beginning. `upTo`: not beyond this `Id`. */
export function questionFor(
  table: MesTableName,
  lane: MesLaneName,
  { behind, upTo, limit }: { behind: Place | null; upTo?: string | undefined; limit: number },
): Question {
  const { name, columns, at } = MES_SHAPES[table];
  const key = quoted(columns[at.key]!.mes);
  const values: string[] = [];
  const conditions: string[] = [];
  if (byTime(table, lane)) {
    const [time = '', imei = ''] = behind ?? [];
    // the first part lets an index on the time be used
    conditions.push('`TestTime` >= ?', `(\`TestTime\` > ? or ${key} > ?)`);
    values.push(time, time, imei);
  } else {
    if (behind !== null) {
      conditions.push(`${key} > ?`);
      values.push(behind[0]!);
    }
    if (upTo !== undefined) {
      conditions.push(`${key} <= ?`);
      values.push(upTo);
    }
  }
  const order = byTime(table, lane) ? `\`TestTime\`, ${key}` : key;
  const where = conditions.length === 0 ? '' : ` where ${conditions.join(' and ')}`;
  const list = columns.map(({ mes }) => quoted(mes)).join(', ');
  return { sql: `select ${list} from ${quoted(name)}${where} order by ${order} limit ${limit}`, values };
}

/** The place of a row as the driver gives it. */
export function placeOf(table: MesTableName, lane: MesLaneName, raw: readonly unknown[]): Place {
  const { at } = MES_SHAPES[table];
  const said = (index: number) => {
    const value = raw[index] as string | number | null | undefined;
    return value == null ? '' : String(value);
  };
  return byTime(table, lane) ? [said(at.testTime), said(at.key)] : [said(at.key)];
}

export function quoted(name: string): string {
  return `\`${name.replaceAll('`', '``')}\``;
}

/**
 * The two tables of MES that say which devices were made: their columns, in the order in which they are read, and what
 * each of them is called in the copy.
 */

export interface MesColumn {
  /** Its name in MES. */
  mes: string;
  /** Its name in the copy. */
  copy: string;
}

export interface MesTableShape {
  /** Its name in MES. */
  name: string;
  columns: readonly MesColumn[];
  /** Where in a row its parts are. */
  at: { key: number; imei: number; testTime: number };
  /** Columns of the copy that nobody may see. */
  secret: readonly string[];
}

const columnsOf = (names: readonly [mes: string, copy: string][]): MesColumn[] =>
  names.map(([mes, copy]) => ({ mes, copy }));

const cartonColumns = columnsOf([
  ['Id', 'id'],
  ['BoxNo', 'box_no'],
  ['IMEI', 'imei'],
  ['ZhiDan', 'zhidan'],
  ['SoftModel', 'soft_model'],
  ['Version', 'version'],
  ['ProductCode', 'product_code'],
  ['Color', 'color'],
  ['Qty', 'qty'],
  ['Weight', 'weight'],
  ['Date', 'date'],
  ['TACInfo', 'tac_info'],
  ['CompanyName', 'company_name'],
  ['TesterId', 'tester_id'],
  ['TestTime', 'test_time'],
  ['Remark1', 'remark1'],
  ['Remark2', 'remark2'],
  ['Remark3', 'remark3'],
  ['Remark4', 'remark4'],
  ['Remark5', 'remark5'],
  ['Computer', 'computer'],
]);

const sheetColumns = columnsOf([
  ['IMEI1', 'imei1'],
  ['SN', 'sn'],
  ...Array.from({ length: 11 }, (_, index): [string, string] => [`IMEI${index + 2}`, `imei${index + 2}`]),
  ['ZhiDan', 'zhidan'],
  ['TestTime', 'test_time'],
]);

const positionOf = (columns: readonly MesColumn[], name: string) => columns.findIndex(({ mes }) => mes === name);

export const MES_SHAPES = {
  carton: {
    name: 'Gps_CartonBoxTwenty_Result',
    columns: cartonColumns,
    at: { key: 0, imei: positionOf(cartonColumns, 'IMEI'), testTime: positionOf(cartonColumns, 'TestTime') },
    secret: [],
  },
  sheet: {
    name: 'DataRelativeSheet',
    columns: sheetColumns,
    at: { key: 0, imei: 0, testTime: positionOf(sheetColumns, 'TestTime') },
    // password, or the id of a smart lock
    secret: ['imei5'],
  },
} as const satisfies Record<string, MesTableShape>;

export type MesTableName = keyof typeof MES_SHAPES;

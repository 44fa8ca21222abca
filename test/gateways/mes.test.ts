/** What MES says, read without a server: who may write, what a row means, which rows count. */
import { getTableConfig } from 'drizzle-orm/pg-core';
import { describe, expect, it } from 'vitest';
import { mesCartons, mesSheets } from '../../db/schema.ts';
import { batchOf } from '../../gateways/mes/batches.ts';
import { optionsFrom } from '../../gateways/mes/connection.ts';
import { asMesError } from '../../gateways/mes/errors.ts';
import { readGrants } from '../../gateways/mes/grants.ts';
import { readMesRow, timeOf } from '../../gateways/mes/rows.ts';
import { MES_SHAPES } from '../../gateways/mes/tables.ts';

describe('what a user may do', () => {
  it.each([
    "GRANT USAGE ON *.* TO `reader`@`%` IDENTIFIED BY PASSWORD '*0123'",
    'GRANT SELECT ON `mes`.* TO `reader`@`%`',
    'GRANT SELECT (`Id`, `IMEI`), SHOW VIEW ON `mes`.`Gps_CartonBoxTwenty_Result` TO `reader`@`%`',
    'GRANT SELECT ON `strange ON name, INSERT`.* TO `reader`@`%`',
    'SET DEFAULT ROLE `looker` FOR `reader`@`%`',
    'REVOKE INSERT ON `mes`.* FROM `reader`@`%`',
  ])('reads only: %s', (line) => {
    expect(readGrants([line])).toEqual({ beyondReading: [], roles: [] });
  });

  it.each([
    ['GRANT SELECT, INSERT (`Id`), UPDATE ON `mes`.* TO `u`@`%`', ['INSERT on `mes`.*', 'UPDATE on `mes`.*']],
    [
      'GRANT ALL PRIVILEGES ON *.* TO `root`@`localhost` WITH GRANT OPTION',
      ['ALL PRIVILEGES on *.*', 'GRANT OPTION on *.*'],
    ],
    ['GRANT SELECT ON `mes`.* TO `u`@`%` WITH GRANT OPTION', ['GRANT OPTION on `mes`.*']],
    ['GRANT SELECT ON `mes`.* TO `u`@`%` WITH MAX_QUERIES_PER_HOUR 5 GRANT OPTION', ['GRANT OPTION on `mes`.*']],
    ['GRANT EXECUTE ON PROCEDURE `mes`.`p` TO `u`@`%`', ['EXECUTE on PROCEDURE `mes`.`p`']],
    ['GRANT FILE, PROCESS ON *.* TO `u`@`%`', ['FILE on *.*']],
    ["GRANT PROXY ON ''@'%' TO 'root'@'localhost' WITH GRANT OPTION", ["PROXY on ''@'%'", "GRANT OPTION on ''@'%'"]],
    ['GRANT TELEPORT ON *.* TO `u`@`%`', ['TELEPORT on *.*']],
    ['DENY NOTHING', ['what this line means is not known: DENY NOTHING']],
  ])('can do more: %s', (line, beyondReading) => {
    expect(readGrants([line]).beyondReading).toEqual(beyondReading);
  });

  it('goes by its roles, too', () => {
    expect(readGrants(['GRANT `app_read`@`%`,`two`@`%` TO `u`@`%`'])).toEqual({
      beyondReading: [],
      roles: ['`app_read`@`%`', '`two`@`%`'],
    });
    expect(readGrants(['GRANT `boss` TO `u`@`%` WITH ADMIN OPTION'])).toEqual({
      beyondReading: ['ADMIN OPTION for the role `boss`'],
      roles: ['`boss`'],
    });
  });
});

describe('a row', () => {
  it('has the columns of its copy, in MES’s names', () => {
    for (const [shape, table] of [
      [MES_SHAPES.carton, mesCartons],
      [MES_SHAPES.sheet, mesSheets],
    ] as const) {
      const ours = getTableConfig(table).columns.map(({ name }) => name);
      expect(shape.columns.map(({ copy }) => copy).toSorted()).toEqual(
        ours.filter((name) => name !== 'row_hash' && name !== 'cycle_id').toSorted(),
      );
    }
  });

  const carton = (change: Record<number, unknown>) =>
    readMesRow(
      'carton',
      Array.from({ length: 21 }, (_, index) => change[index] ?? null),
    );

  it.each([
    [{ 2: '1' }, 'key_missing'],
    [{ 0: '0', 2: '1' }, 'key_malformed'],
    [{ 0: '1x', 2: '1' }, 'key_malformed'],
    [{ 0: '1', 2: '  ' }, 'imei_missing'],
    [{ 0: '1', 2: '1'.repeat(65) }, 'text_unreadable'],
    [{ 0: '1', 2: '1', 15: 'a\0b' }, 'text_unreadable'],
    [{ 0: '1', 2: '1', 14: 'yesterday' }, 'time_unreadable'],
  ])('is not taken: %j', (change, reason) => {
    expect(carton(change)).toMatchObject({ rejected: { reason } });
  });

  it('is the same whether MES pads it or not, and another when anything moves', () => {
    const hash = (change: Record<number, unknown>) =>
      (carton({ 0: 1, 2: 'x', ...change }) as { row: { hash: string } }).row.hash;
    expect(hash({ 3: ' a ' })).toBe(hash({ 3: 'a' }));
    expect(hash({ 3: '' })).toBe(hash({}));
    expect(hash({ 3: 'a' })).not.toBe(hash({ 4: 'a' }));
  });

  it.each([
    ['2024-05-06 07:08:09', '2024-05-06 07:08:09'],
    ['2024-05-06 07:08:09.120', '2024-05-06 07:08:09.12'],
    ['2024/5/6 7:08', '2024-05-06 07:08:00'],
    ['2024-02-29', '2024-02-29 00:00:00'],
    ['0000-00-00 00:00:00', null],
    ['2023-02-29 00:00:00', undefined],
    ['2024-05-06 24:00:00', undefined],
    ['06.05.2024', undefined],
  ])('takes the time %s as %s', (text, time) => {
    expect(timeOf(text)).toBe(time);
  });

  it('counts once: of sheets with one IMEI1 the later', () => {
    const sheet = (sn: string, time: string | null) => ['86', sn, ...Array.from({ length: 12 }, () => null), time];
    const { rows, rejected } = batchOf('sheet', [
      sheet('b', '2024-01-02'),
      sheet('a', '2024-01-01'),
      sheet('c', '2024-01-03'),
      sheet('d', null),
    ]);
    expect(rows.map(({ values }) => values[1])).toEqual(['c']);
    expect(rejected.map(({ reason }) => reason)).toEqual(['double', 'double', 'double']);
  });
});

it('an address may hold anything in its password, and errors do not tell it', () => {
  expect(optionsFrom('mysql://r:p%40ss%2Fw@h:3307/m%20es?ssl=true')).toMatchObject({
    user: 'r',
    password: 'p@ss/w',
    host: 'h',
    port: 3307,
    database: 'm es',
    ssl: {},
  });
  expect(asMesError(Object.assign(new Error('nope'), { code: 'ER_ACCESS_DENIED_ERROR' })).kind).toBe('refused');
  const lost = asMesError(Object.assign(new Error(''), { code: 'ECONNRESET' }));
  expect([lost.kind, lost.message]).toEqual(['unreachable', 'MES does not answer: ECONNRESET']);
});

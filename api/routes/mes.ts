/**
 * What MES says of devices: found, counted, and what became of its rows. For those who ship: a device of MES belongs to
 * no department before it is shipped, so everybody who may ship sees all of them. Who shipped a device is told to that
 * department only.
 */
import { Type } from 'typebox';
import { route } from '../route.ts';
import {
  AfterLargeId,
  AfterPlace,
  AfterText,
  closed,
  Limit,
  Moment,
  moment,
  nullable,
  page,
  readPage,
  text,
} from '../schemas.ts';
import * as mes from '../../db/mes/mes.ts';
import { MES_TABLES } from '../../db/schema.ts';

const Said = nullable(Type.String());

const MesDevice = closed(
  {
    id: Type.Integer({ description: '`Id` of the carton row; a device that was packed again has two' }),
    imei: Type.String(),
    order: nullable(Type.String({ description: 'work order (ZhiDan)' })),
    carton: nullable(Type.String({ description: 'BoxNo' })),
    model: nullable(Type.String({ description: 'SoftModel' })),
    version: Said,
    productCode: Said,
    color: Said,
    quantity: nullable(Type.String({ description: 'devices in the carton, as MES writes it' })),
    weight: Said,
    date: Said,
    company: nullable(Type.String({ description: 'CompanyName' })),
    testTime: nullable(Type.String({ format: 'date-time', description: 'null: MES has none' })),
    remarks: Type.Array(Said, { description: 'Remark1 to Remark5; the second is the RID of the baseband' }),
    hasSheet: Type.Boolean({ description: 'false: DataRelativeSheet has no row of this IMEI (yet)' }),
    sn: Said,
    sim: Said,
    iccid: Said,
    bluetoothMac: Said,
    equipmentNo: Said,
    isShipped: Type.Boolean(),
    shipment: nullable(
      closed(
        { id: nullable(Type.Integer()), at: Moment },
        { description: 'null: not shipped, or shipped by another department' },
      ),
    ),
  },
  { title: 'MesDevice' },
);

const FILTER = {
  imei: Type.Optional(text(64)),
  order: Type.Optional(text(100, { description: 'work order (ZhiDan), whole' })),
  carton: Type.Optional(text(100, { description: 'BoxNo, whole' })),
  model: Type.Optional(text(100, { description: 'SoftModel, whole' })),
  company: Type.Optional(text(200, { description: 'CompanyName, whole' })),
  sn: Type.Optional(text(100, { description: 'SN or IMEI2' })),
  iccid: Type.Optional(text(100)),
  from: Type.Optional(Type.String({ format: 'date', description: 'first day of the test time, in Beijing' })),
  to: Type.Optional(Type.String({ format: 'date', description: 'last day of the test time, in Beijing' })),
  shipped: Type.Optional(Type.Boolean()),
};

export const mesRoutes = [
  route({
    method: 'get',
    path: '/api/v1/mes/devices',
    id: 'listMesDevices',
    tag: 'mes',
    summary: 'Devices that MES has packed, newest test time first',
    description:
      'All given filters must fit. Devices without a test time come last, and not at all when days are asked for. What is searched for is compared whole and exactly.',
    permission: 'shipment:write',
    query: closed({ ...FILTER, limit: Limit, after: AfterPlace(mes.MES_PLACE) }),
    status: 200,
    response: page(MesDevice, 'MesDevicePage'),
    handle: ({ query: { limit, after, ...filter }, caller }, { db }) => {
      const place = after === undefined ? null : mes.readMesPlace(after);
      return readPage(
        limit,
        (limit) => mes.listMesDevices(db, filter, { after: place, limit }),
        (row) => show(row, caller.departmentId),
        mes.mesPlaceOf,
      );
    },
  }),
  route({
    method: 'get',
    path: '/api/v1/mes/devices/count',
    id: 'countMesDevices',
    tag: 'mes',
    summary: 'How many devices of MES fit',
    description: 'Counted up to 10 000 as long as that takes less than a second; beyond that an estimate, and said so.',
    permission: 'shipment:write',
    query: closed(FILTER),
    status: 200,
    response: closed(
      {
        count: Type.Integer({ minimum: 0 }),
        isExact: Type.Boolean({ description: 'false: an estimate' }),
      },
      { title: 'MesCount' },
    ),
    handle: ({ query }, { db }) => mes.countMesDevices(db, query),
  }),
  route({
    method: 'get',
    path: '/api/v1/mes/changes',
    id: 'listMesChanges',
    tag: 'mes',
    summary: 'What MES changed in rows after they had come, newest first',
    permission: 'shipment:write',
    query: closed({
      imei: Type.Optional(text(64, { description: 'as it was before the change' })),
      cycle: Type.Optional(Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER })),
      limit: Limit,
      after: AfterLargeId,
    }),
    status: 200,
    response: page(
      closed(
        {
          id: Type.Integer(),
          at: Moment,
          cycle: Type.Integer(),
          table: Type.Enum(MES_TABLES, { type: 'string' }),
          key: Type.String({ description: '`Id` of a carton row, `IMEI1` of a sheet' }),
          imei: Type.String(),
          differences: Type.Array(closed({ column: Type.String(), old: Said, new: Said })),
        },
        { title: 'MesChange' },
      ),
      'MesChangePage',
    ),
    handle: ({ query: { limit, after, imei, cycle } }, { db }) =>
      readPage(
        limit,
        (limit) => mes.listMesChanges(db, { imei, cycleId: cycle, before: after, limit }),
        ({ id, at, cycleId, mesTable, rowKey, imei, differences }) => ({
          id,
          at: moment(at),
          cycle: cycleId,
          table: mesTable,
          key: rowKey,
          imei,
          differences,
        }),
        ({ id }) => id,
      ),
  }),
  route({
    method: 'get',
    path: '/api/v1/mes/rejected',
    id: 'listMesRejected',
    tag: 'mes',
    summary: 'Rows of MES that could not be taken',
    description:
      'Until they can: a row that is right later is taken and leaves this list. Of many alike, some are kept; the reports count all.',
    permission: 'shipment:write',
    query: closed({ limit: Limit, after: AfterText }),
    status: 200,
    response: page(
      closed(
        {
          table: Type.Enum(MES_TABLES, { type: 'string' }),
          key: Type.String(),
          reason: Type.String(),
          words: Type.String(),
          row: Type.Record(Type.String(), Said, { description: 'what MES says, by column' }),
          lastCycle: Type.Integer(),
          lastAt: Moment,
        },
        { title: 'MesRejected' },
      ),
      'MesRejectedPage',
    ),
    handle: ({ query: { limit, after = '' } }, { db }) => {
      const [, table = '', key = ''] = /^([a-z]*)-?(.*)$/s.exec(after) ?? [];
      return readPage(
        limit,
        (limit) => mes.listMesRejected(db, { after: [table, key], limit }),
        ({ mesTable, rowKey, reason, words, row, lastCycleId, lastAt }) => ({
          table: mesTable,
          key: rowKey,
          reason,
          words,
          row,
          lastCycle: lastCycleId,
          lastAt: moment(lastAt),
        }),
        ({ mesTable, rowKey }) => `${mesTable}-${rowKey}`,
      );
    },
  }),
];

function show(row: mes.MesDeviceRow, departmentId: number) {
  const { shippedAt, shippedBy, shipmentId, place: _place, qty: quantity, ...said } = row;
  const isOwn = shippedBy === departmentId && shippedAt !== null;
  return {
    ...said,
    quantity,
    isShipped: shippedAt !== null,
    shipment: isOwn ? { id: shipmentId, at: shippedAt } : null,
  };
}

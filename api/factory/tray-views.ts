/**
 * Trays and their journal as the API shows them.
 */
import { Type } from 'typebox';
import { closed, Moment, nullable, text } from '../schemas.ts';
import { TRAY_OPERATIONS } from '../../workflows/rules/trays.ts';

export const Barcode = text(128, { minLength: 1, description: 'blanks inside are real' });

const COUNT = Type.Integer({ minimum: 0 });
export const TRAY_FIELDS = {
  barcode: Type.String(),
  property: nullable(Type.String({ description: 'TrayBarcodeProperty, as equipment is told' })),
  createdAt: Moment,
  usedAt: Moment,
  cells: COUNT,
  notOk: COUNT,
  bindCode: nullable(Type.String({ description: 'of all its cells; null: it is empty' })),
};
export const Tray = closed(TRAY_FIELDS, { title: 'Tray' });

export const TrayLogEntry = closed(
  {
    id: Type.Integer(),
    at: Moment,
    operation: Type.Enum(TRAY_OPERATIONS, { type: 'string' }),
    tray: Type.String(),
    equipment: nullable(Type.String({ description: 'null: a person did it over the API' })),
    author: Type.String({ description: 'number of the employee, or name of the key' }),
    cause: Type.String(),
    sessionId: nullable(Type.String()),
    cells: Type.Array(closed({ serialNo: Type.String(), positionNo: Type.Integer() })),
    details: Type.Record(Type.String(), Type.Unknown()),
  },
  { title: 'TrayLogEntry' },
);

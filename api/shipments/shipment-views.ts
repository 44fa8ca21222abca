/**
 * Primary shipments and the total shipment record as the API shows them.
 */
import { Type, type Static } from 'typebox';
import type { TaskExecutions } from '../route.ts';
import { closed, Day, Moment, moment, nullable, text } from '../schemas.ts';
import type { ShipmentDeviceRow, ShipmentRecordRow, ShipmentRow } from '../../db/shipments/shipment-lists.ts';
import type { PlannedDevice } from '../../db/shipments/shipment-plan.ts';
import { shipmentWorkflowId } from '../../workflows/contract.ts';
import { ruleWords } from '../../workflows/rules/customers.ts';
import {
  CLASSIFIED_BY,
  SHIPMENT_DEVICE_STATUSES,
  SHIPMENT_REASONS,
  SHIPMENT_STATUSES,
  type ShipmentReason,
} from '../../workflows/rules/shipments.ts';

export const ShipmentId = Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER });
export const Imei = text(32, { minLength: 1 });
export const ShipmentStatusName = Type.Enum(SHIPMENT_STATUSES, {
  type: 'string',
  description: 'finished: every device has ended and the sums close; red: they do not, look at `wrong`',
});
export const ShipmentDeviceStatusName = Type.Enum(SHIPMENT_DEVICE_STATUSES, { type: 'string' });
export const ShipmentReasonName = Type.Enum(Object.keys(SHIPMENT_REASONS) as ShipmentReason[], { type: 'string' });
const Count = Type.Integer({ minimum: 0 });

export const SHIPPING_INFO = {
  company: Type.Optional(
    text(200, {
      description: 'by its name the customer is found; without it each device is classified by its CompanyName in MES',
    }),
  ),
  remark: Type.Optional(text(500)),
};

const ShipmentSelectionView = closed(
  {
    by: Type.Enum(['imeis', 'order', 'carton', 'trigger'], { type: 'string' }),
    order: nullable(Type.String()),
    carton: nullable(Type.String()),
    trigger: nullable(Type.Integer()),
  },
  { title: 'ShipmentSelection' },
);

const SHIPMENT_FIELDS = {
  id: Type.Integer(),
  selection: ShipmentSelectionView,
  company: Type.String({ description: "empty: each device's own, as MES has it" }),
  shipDate: Day,
  remark: Type.String(),
  status: ShipmentStatusName,
  asked: Type.Integer({ description: 'devices that were named' }),
  createdAt: Moment,
  createdBy: Type.String(),
  stoppedBy: nullable(Type.String()),
  finishedAt: nullable(Moment),
  links: closed({ self: Type.String(), devices: Type.String(), temporal: nullable(Type.String()) }),
};
export const Shipment = closed(SHIPMENT_FIELDS, { title: 'Shipment' });

export function showShipment(
  row: ShipmentRow,
  executions: Pick<TaskExecutions, 'executionUrl'>,
): Static<typeof Shipment> {
  const { id, selection, company, shipDate, remark, status, asked, createdBy, stoppedBy } = row;
  const self = `/api/v1/shipments/${id}`;
  return {
    id,
    selection: {
      by: selection.by,
      order: selection.by === 'order' ? selection.order : null,
      carton: selection.by === 'carton' ? selection.carton : null,
      trigger: selection.by === 'trigger' ? selection.triggerId : null,
    },
    company,
    shipDate,
    remark,
    status,
    asked,
    createdAt: moment(row.createdAt),
    createdBy,
    stoppedBy,
    finishedAt: moment(row.finishedAt),
    links: { self, devices: `${self}/devices`, temporal: executions.executionUrl(shipmentWorkflowId(id)) },
  };
}

const SUMS = {
  asked: Count,
  shipped: Count,
  refused: Count,
  classified: Type.Integer({ minimum: 0, description: 'of those shipped: a customer was found' }),
  unmatched: Type.Integer({ minimum: 0, description: 'of those shipped: no rule fits' }),
  refusedBy: Type.Array(closed({ reason: ShipmentReasonName, devices: Count })),
  customers: Type.Array(closed({ customer: Type.String(), rule: Type.String(), devices: Count })),
};
export const ShipmentDetail = closed(
  {
    ...SHIPMENT_FIELDS,
    sums: closed(
      {
        ...SUMS,
        open: Count,
        closes: Type.Boolean({
          description:
            'asked = shipped + refused + open; shipped = classified + unmatched = its records; classified = its entries in the matched list',
        }),
        wrong: Type.Array(Type.String(), { description: 'what does not fit' }),
      },
      { title: 'ShipmentSums' },
    ),
  },
  { title: 'ShipmentDetail' },
);

export const CreatedShipment = closed(
  { ...SHIPMENT_FIELDS, open: Count, refused: Count },
  { title: 'CreatedShipment' },
);

export const ShipmentDevice = closed(
  {
    place: Type.Integer({ description: 'in the order in which they were named, from 1' }),
    imei: Type.String(),
    status: ShipmentDeviceStatusName,
    reason: nullable(ShipmentReasonName),
    reasonText: nullable(Type.String()),
    deviceId: nullable(Type.String()),
    customer: nullable(Type.String()),
    rule: nullable(Type.String({ description: 'the rule that fired, as it was' })),
    finishedAt: nullable(Moment),
  },
  { title: 'ShipmentDevice' },
);

export function showShipmentDevice(row: ShipmentDeviceRow): Static<typeof ShipmentDevice> {
  const { place, imei, status, reason, deviceId, customer, rule } = row;
  const finishedAt = moment(row.finishedAt);
  return { place, imei, status, reason, reasonText: reasonTextOf(row), deviceId, customer, rule, finishedAt };
}

function reasonTextOf({ reason, words }: { reason: ShipmentReason | null; words: string }): string | null {
  if (reason === null) return null;
  return words === '' ? SHIPMENT_REASONS[reason] : `${SHIPMENT_REASONS[reason]}: ${words}`;
}

export const ShipmentPlanned = closed(
  {
    imei: Type.String(),
    reason: nullable(ShipmentReasonName),
    reasonText: nullable(Type.String()),
    company: nullable(Type.String({ description: 'by which it is classified' })),
    customer: nullable(Type.String()),
    rule: nullable(Type.String()),
  },
  { title: 'ShipmentPlanned' },
);
export const SHOWN_IN_PLAN = 1_000;
export const PLAN_FIELDS = {
  ...SUMS,
  rulesRevision: Type.Integer(),
  refusedDevices: Type.Array(ShipmentPlanned, { description: `the first ${SHOWN_IN_PLAN}` }),
  shippedDevices: Type.Array(ShipmentPlanned, { description: `the first ${SHOWN_IN_PLAN}` }),
};
export const ShipmentPlanView = closed(PLAN_FIELDS, { title: 'ShipmentPlan' });

export function showPlanned({ words, ...device }: PlannedDevice): Static<typeof ShipmentPlanned> {
  return { ...device, reasonText: reasonTextOf({ reason: device.reason, words }) };
}

// ---------------------------------------------------------------- total shipment record

export const FiredRuleView = closed(
  {
    number: Type.Integer(),
    words: Type.Array(Type.String()),
    customer: Type.String(),
    revision: Type.Integer({ description: 'of the list of rules' }),
  },
  { title: 'FiredRule' },
);
export const ShipmentRecord = closed(
  {
    id: Type.Integer(),
    imei: Type.String(),
    deviceId: Type.String(),
    shipmentId: Type.Integer(),
    orderNo: Type.String(),
    carton: Type.String(),
    model: Type.String(),
    version: Type.String({ description: 'as MES has it' }),
    sn: Type.String(),
    sim: Type.String(),
    iccid: Type.String(),
    rid: Type.String({ description: 'RID of the baseband' }),
    company: Type.String({ description: 'by which it was classified' }),
    companyBy: Type.Enum(CLASSIFIED_BY, { type: 'string', description: 'where that name came from' }),
    mesCompany: Type.String(),
    productionDate: nullable(Day),
    shipDate: Day,
    remark: Type.String(),
    customer: nullable(Type.String()),
    rule: nullable(FiredRuleView),
    ruleText: nullable(Type.String()),
    rulesRevision: Type.Integer(),
    shippedAt: Moment,
    shippedBy: Type.String(),
    links: closed({ shipment: Type.String(), device: Type.String() }),
  },
  { title: 'ShipmentRecord' },
);

export function showRecord(row: ShipmentRecordRow): Static<typeof ShipmentRecord> {
  const { kind: _kind, departmentId: _department, mesId: _mesId, shippedAt, ...said } = row;
  return {
    ...said,
    ruleText: row.rule && ruleWords(row.rule),
    shippedAt: moment(shippedAt),
    links: { shipment: `/api/v1/shipments/${row.shipmentId}`, device: `/api/v1/devices/${row.deviceId}` },
  };
}

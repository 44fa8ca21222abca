/**
 * Primary shipment: the names of what may become of an order and of a device in it, and the decision about one device.
 */

/** `red`: every device has ended, and the sums do not close: somebody must look. */
export const SHIPMENT_STATUSES = ['running', 'finished', 'red'] as const;
export type ShipmentStatus = (typeof SHIPMENT_STATUSES)[number];

export const SHIPMENT_DEVICE_STATUSES = ['open', 'shipped', 'refused'] as const;
export type ShipmentDeviceStatus = (typeof SHIPMENT_DEVICE_STATUSES)[number];

/** Why a device is not shipped, for people. */
export const SHIPMENT_REASONS = {
  bad_imei: 'an IMEI has 15 digits',
  duplicate: 'it was named before in the same order',
  unknown: 'MES has not packed a device with this IMEI; one that does not come from the factory is registered by hand',
  already_shipped: 'it was shipped before',
  other_department: 'it belongs to another department',
  not_after_production: 'the ship date must be later than the production date, not the same day',
  imei_taken: 'another registered device has this IMEI',
  stopped: 'the order was stopped before its turn came',
} as const;
export type ShipmentReason = keyof typeof SHIPMENT_REASONS;

/** What the name was taken from that decided on the customer. */
export const CLASSIFIED_BY = ['shipment', 'mes'] as const;
export type ClassifiedBy = (typeof CLASSIFIED_BY)[number];

/** What is known of a device before it is decided about. */
export interface ShipmentFacts {
  imei: string;
  /** MES has packed it. */
  isPacked: boolean;
  /** YYYY-MM-DD, in Beijing; null: MES has no time. */
  productionDate: string | null;
  /** The department that it was shipped to. */
  shippedTo: number | null;
  /** The department that the registry has it in. */
  registeredIn: number | null;
}

/** Whether a device can be shipped to a department on a day; null: it can. */
export function refusalOf(
  { imei, isPacked, productionDate, shippedTo, registeredIn }: ShipmentFacts,
  { departmentId, shipDate }: { departmentId: number; shipDate: string },
): ShipmentReason | null {
  if (!/^\d{15}$/.test(imei)) return 'bad_imei';
  if (!isPacked) return 'unknown';
  if (shippedTo !== null) return shippedTo === departmentId ? 'already_shipped' : 'other_department';
  if (registeredIn !== null && registeredIn !== departmentId) return 'other_department';
  if (productionDate !== null && shipDate <= productionDate) return 'not_after_production';
  return null;
}

/** The company by which a device is classified: what the order says; without it, what MES says. */
export function companyOf(ordered: string, inMes: string | null): { company: string | null; by: ClassifiedBy } {
  return ordered === '' ? { company: inMes, by: 'mes' } : { company: ordered, by: 'shipment' };
}

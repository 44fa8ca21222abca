/**
 * What would become of devices if they were shipped now: read and judged as the shipment itself does, and nothing is
 * written.
 */
import { readRules } from './classification.ts';
import type { Db } from '../index.ts';
import { judgeDevice, readDeviceFacts, type ShippingInfo } from './shipment-facts.ts';
import type { ShipmentSums } from './shipment-sums.ts';
import { ruleWords } from '../../workflows/rules/customers.ts';
import type { ShipmentReason } from '../../workflows/rules/shipments.ts';

/** A device in a plan. */
export interface PlannedDevice {
  imei: string;
  reason: ShipmentReason | null;
  words: string;
  company: string | null;
  customer: string | null;
  rule: string | null;
}

export interface ShipmentPlan extends Omit<ShipmentSums, 'open' | 'closes' | 'wrong'> {
  rulesRevision: number;
  refusedDevices: PlannedDevice[];
  shippedDevices: PlannedDevice[];
}

const CHUNK = 2_000;

/** Plans devices that were named, in their sequence; `shown`: so many of each kind are told one by one. */
export async function planShipment(
  db: Db,
  info: ShippingInfo,
  named: readonly { imei: string; first: number | null }[],
  shown: number,
): Promise<ShipmentPlan> {
  const list = await readRules(db);
  const refusedBy = new Map<ShipmentReason, number>();
  const customers = new Map<string, { customer: string; rule: string; devices: number }>();
  const refusedDevices: PlannedDevice[] = [];
  const shippedDevices: PlannedDevice[] = [];
  let [shipped, classified] = [0, 0];
  for (let from = 0; from < named.length; from += CHUNK) {
    const chunk = named.slice(from, from + CHUNK);
    const facts = await readDeviceFacts(
      db,
      chunk.filter(({ first }) => first === null).map(({ imei }) => imei),
    );
    for (const { imei, first } of chunk) {
      const judged = first === null ? judgeDevice(facts.get(imei)!, info, list) : null;
      const reason = judged === null ? 'duplicate' : judged.reason;
      const fired = judged?.fired ?? null;
      const device = {
        imei,
        reason,
        words: judged?.words ?? `it is number ${first} of the order`,
        company: judged?.company ?? null,
        customer: fired?.customer ?? null,
        rule: fired && ruleWords(fired),
      };
      if (reason !== null) {
        refusedBy.set(reason, (refusedBy.get(reason) ?? 0) + 1);
        if (refusedDevices.length < shown) refusedDevices.push(device);
        continue;
      }
      shipped++;
      if (shippedDevices.length < shown) shippedDevices.push(device);
      if (fired === null) continue;
      classified++;
      const rule = ruleWords(fired);
      const key = `${fired.customer}\n${rule}`;
      const sum = customers.get(key) ?? { customer: fired.customer, rule, devices: 0 };
      customers.set(key, { ...sum, devices: sum.devices + 1 });
    }
  }
  return {
    asked: named.length,
    shipped,
    refused: named.length - shipped,
    classified,
    unmatched: shipped - classified,
    refusedBy: [...refusedBy]
      .map(([reason, devices]) => ({ reason, devices }))
      .toSorted((one, other) => other.devices - one.devices || (one.reason < other.reason ? -1 : 1)),
    customers: [...customers.values()].toSorted(
      (one, other) => other.devices - one.devices || (one.rule < other.rule ? -1 : 1),
    ),
    rulesRevision: list.revision,
    refusedDevices,
    shippedDevices,
  };
}

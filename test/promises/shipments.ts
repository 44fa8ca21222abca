/** The promises about shipments: every device at most once, and the sums close. Pure functions over what is there. */
import { Findings, type Broken } from './broken.ts';

/** A primary shipment with what was written about its devices. */
export interface ShipmentRecord {
  id: number;
  status: string;
  asked: number;
  createdBy: string;
  devices: {
    imei: string;
    status: string;
    reason: string | null;
    customer: string | null;
    finishedAtMs: number | null;
  }[];
  /** Total shipment records of these devices, whichever shipment made them. */
  records: { imei: string; shipmentId: number; author: string; atMs: number }[];
  /** Places in the matched list. */
  matched: string[];
  /** Registered devices. */
  registered: string[];
  /** Events that told of its end. */
  ends: number;
  /** What the product says of its own sums. */
  closes: boolean;
  wrong: readonly string[];
}

/** Everything that is broken about a primary shipment that should have ended. */
export function brokenByShipment(record: ShipmentRecord): Broken[] {
  const findings = new Findings(`shipment ${record.id}`);
  const { id, status, asked, devices, records, matched, registered, closes, wrong, ends } = record;
  const shipped = devices.filter((each) => each.status === 'shipped');
  const open = devices.filter((each) => each.finishedAtMs === null);
  findings.check(
    status !== 'running' && open.length === 0,
    'every task ends',
    `it is ${status}, ${open.length} devices are open`,
  );
  findings.check(
    devices.length === asked,
    'nothing acknowledged is lost',
    `${asked} were asked for, ${devices.length} are there`,
  );
  findings.check(closes && wrong.length === 0, 'at most one effect', `its sums do not close: ${wrong.join('; ')}`);
  const imeis = records.map(({ imei }) => imei);
  findings.check(new Set(imeis).size === imeis.length, 'at most one effect', 'a device has two total shipment records');
  const own = new Set(records.filter(({ shipmentId }) => shipmentId === id).map(({ imei }) => imei));
  for (const { imei, customer } of shipped) {
    findings.check(own.has(imei), 'at most one effect', `${imei} is shipped and has no record`);
    findings.check(registered.includes(imei), 'at most one effect', `${imei} is shipped and not registered`);
    findings.check(
      customer === null || matched.includes(imei),
      'at most one effect',
      `${imei} is missing in the matched list`,
    );
  }
  findings.check(own.size === shipped.length, 'at most one effect', `${own.size} records, ${shipped.length} shipped`);
  findings.check(ends === 1, 'every transition is accounted for', `its end was told ${ends} times`);
  for (const { imei, author, atMs } of records)
    findings.check(
      author !== '' && atMs > 0,
      'every transition is accounted for',
      `the record of ${imei} has no author or time`,
    );
  for (const { imei, status, reason } of devices)
    findings.check(
      status !== 'refused' || reason !== null,
      'every transition is accounted for',
      `${imei} is refused without a reason`,
    );
  return findings.broken;
}

/** A secondary shipment with what the platform itself has. */
export interface PlatformRecord {
  id: number;
  status: string;
  asked: number;
  wantedAccount: string;
  wantedExpiration: string | null;
  devices: { imei: string; status: string; reason: string | null }[];
  log: { author: string; event: string; atMs: number }[];
  closes: boolean;
  /** What the platform knows of each device; null: nothing. */
  there: ReadonlyMap<string, { imports: number; account: string; expiration: string | undefined } | null>;
}

/** Everything that is broken about a secondary shipment that should have ended. */
export function brokenByPlatformShipment(record: PlatformRecord): Broken[] {
  const findings = new Findings(`platform shipment ${record.id}`);
  const { status, asked, devices, log, closes, there, wantedAccount, wantedExpiration } = record;
  const open = devices.filter((each) => each.status === 'open');
  findings.check(
    status !== 'running' && open.length === 0,
    'every task ends',
    `it is ${status}, ${open.length} devices are open`,
  );
  findings.check(
    devices.length === asked,
    'nothing acknowledged is lost',
    `${asked} were asked for, ${devices.length} are there`,
  );
  findings.check(closes, 'at most one effect', 'its sums do not close');
  for (const device of devices) {
    const { imei, reason } = device;
    const seen = there.get(imei) ?? null;
    findings.check((seen?.imports ?? 0) <= 1, 'at most one effect', `${imei} was imported ${seen?.imports} times`);
    if (device.status === 'confirmed') {
      const isRight =
        seen?.account === wantedAccount && (wantedExpiration === null || seen.expiration === wantedExpiration);
      findings.check(isRight, 'no silent success', `${imei} is confirmed and the platform has ${JSON.stringify(seen)}`);
    }
    if (['refused', 'unknown', 'not_sent'].includes(device.status))
      findings.check(
        reason !== null,
        'every transition is accounted for',
        `${imei} is ${device.status} without a reason`,
      );
  }
  for (const { author, event, atMs } of log)
    findings.check(
      author !== '' && event !== '' && atMs > 0,
      'every transition is accounted for',
      `a line without author, event or time`,
    );
  return findings.broken;
}

/** Devices that MES has packed are shipped; and devices of the matched list go on to a platform. */
import { Story } from './story.ts';
import type { World } from '../world.ts';
import type { Broken } from '../../promises/broken.ts';
import { readShipment } from '../../promises/records.ts';
import { brokenByPlatformShipment, brokenByShipment, type PlatformRecord } from '../../promises/shipments.ts';
import { imeiOf } from '../../support/shipment-records.ts';
import { ACCOUNTS, imeis } from '../../support/tracksolid.ts';

const DEVICES = 12;
const COMPANIES = ['深圳途骏信息科技有限公司', '几米国贸部（营销事业三部）', '某某公司', ''];
let made = 0;

export class ShipmentStory extends Story {
  readonly #first: number;
  #shipmentId: number | null = null;

  constructor(world: World, name: string) {
    super(world, name);
    made += 1;
    this.#first = made * 1_000;
  }

  async prepare(): Promise<void> {}

  protected async act(): Promise<void> {
    const rows = Array.from({ length: DEVICES }, (_, index) => {
      const number = this.#first + index;
      return `${number},BOX-${made},${imeiOf(number)},${this.name},GV2,${COMPANIES[index % COMPANIES.length]},2026-03-01 08:00:00`;
    });
    const csv = ['Id,BoxNo,IMEI,ZhiDan,SoftModel,CompanyName,TestTime', ...rows].join('\n');
    const file = new Blob([csv], { type: 'text/csv' });
    await this.world.call(this.key('rows'), 'POST', '/mes/import/carton', file);
    const order = { order: this.name, shipDate: '2026-03-02', remark: this.name };
    const { id } = await this.world.call<{ id: number }>(this.key('shipment'), 'POST', '/shipments', order);
    this.#shipmentId = id;
  }

  async #ids(): Promise<number[]> {
    const rows = await this.world.sql<
      { id: number }[]
    >`select id::int as id from shipments where remark = ${this.name}`;
    return rows.map(({ id }) => id);
  }

  protected async hasEnded(): Promise<boolean> {
    const rows = await this.world.sql`select status from shipments where remark = ${this.name}`;
    if (rows.length > 0 && rows.every((row) => row['status'] !== 'running')) return true;
    throw new Error(JSON.stringify(rows));
  }

  protected async findKeys(): Promise<string[]> {
    return (await this.#ids()).map((id) => `shipment/${id}`);
  }

  async judge(): Promise<Broken[]> {
    const findings = this.findings();
    const ids = await this.#ids();
    findings.check(ids.length === 1, 'at most one effect', `one order made ${ids.length} shipments`);
    const isThere = this.#shipmentId === null || ids.includes(this.#shipmentId);
    findings.check(
      isThere,
      'nothing acknowledged is lost',
      `shipment ${this.#shipmentId} was acknowledged and is not there`,
    );
    const broken = findings.broken;
    for (const id of ids) {
      const { sums } = await this.world.get<{ sums: { closes: boolean; wrong: string[] } }>(`/shipments/${id}`);
      const record = { ...(await readShipment(this.world.sql, id)), closes: sums.closes, wrong: sums.wrong };
      findings.check(
        record.devices.length === DEVICES,
        'nothing acknowledged is lost',
        `${record.devices.length} of ${DEVICES} rows arrived`,
      );
      const refused = record.devices.filter(({ status }) => status !== 'shipped');
      findings.check(refused.length === 0, 'at most one effect', `not shipped: ${JSON.stringify(refused)}`);
      broken.push(...brokenByShipment(record));
    }
    return broken;
  }
}

/** `new`: nobody has them there; `moved`: they are there in another account. */
export const PLATFORM_VARIANTS = ['new', 'moved'] as const;
export type PlatformVariant = (typeof PLATFORM_VARIANTS)[number];

const PAGE = 3;
const LIFETIME = '2099-12-31 23:59:59';
const ACCOUNT = ACCOUNTS[0]!;

export class PlatformStory extends Story {
  readonly #variant: PlatformVariant;
  readonly #imeis: string[];
  #shipmentId: number | null = null;

  constructor(world: World, name: string, variant: PlatformVariant) {
    super(world, name);
    this.#variant = variant;
    made += 1;
    this.#imeis = imeis(PAGE, 868_120_145_200_000 + made * 10);
    this.addKeys(...this.#imeis);
  }

  async prepare(): Promise<void> {
    if (this.#variant === 'moved') for (const imei of this.#imeis) this.world.standIn.world.place(imei, 'ams');
    await this.world.sql`
      insert into matched_devices (imei, department_id, customer, rule)
      select imei, (select min(id) from departments), ${this.name}, '1' from unnest(${this.#imeis}::text[]) as imei`;
  }

  protected async act(): Promise<void> {
    const { id } = await this.world.call<{ id: number }>(this.key('shipment'), 'POST', '/platform-shipments', {
      platformId: 2,
      matched: { customer: this.name },
      info: { account: ACCOUNT, customerName: this.name, model: 'GV2' },
    });
    this.#shipmentId = id;
  }

  async #rows() {
    return this.world.sql<{ id: number; status: string; wanted: string | null; asked: number }[]>`
      select id, status, wanted_expiration as wanted, asked from platform_shipments where info->>'customerName' = ${this.name}`;
  }

  protected async hasEnded(): Promise<boolean> {
    const rows = await this.#rows();
    if (rows.length > 0 && rows.every(({ status }) => status !== 'running')) return true;
    throw new Error(JSON.stringify(rows));
  }

  protected async findKeys(): Promise<string[]> {
    return (await this.#rows()).map(({ id }) => `platform-shipment/${id}`);
  }

  async judge(): Promise<Broken[]> {
    const findings = this.findings();
    const rows = await this.#rows();
    findings.check(rows.length === 1, 'at most one effect', `one order made ${rows.length} shipments`);
    const isThere = this.#shipmentId === null || rows.some(({ id }) => id === this.#shipmentId);
    findings.check(
      isThere,
      'nothing acknowledged is lost',
      `shipment ${this.#shipmentId} was acknowledged and is not there`,
    );
    const broken = findings.broken;
    for (const { id, status, asked } of rows) {
      const { sql } = this.world;
      const { reconciliation } = await this.world.get<{ reconciliation: { closes: boolean } }>(
        `/platform-shipments/${id}`,
      );
      const devices = await sql<PlatformRecord['devices']>`
        select imei, status, reason from platform_shipment_devices where shipment_id = ${id} order by id`;
      const log = await sql<PlatformRecord['log']>`
        select author, event, (extract(epoch from at) * 1000)::float8 as "atMs" from platform_shipment_log where shipment_id = ${id} order by id`;
      const there = new Map(
        this.#imeis.map((imei) => {
          const seen = this.world.standIn.world.devices.get(imei);
          // What was there before is not ours.
          const imports = (seen?.imports ?? 0) - (this.#variant === 'moved' ? 1 : 0);
          const there = seen && { ...seen, imports, expiration: seen.expirations[ACCOUNT] };
          return [imei, there ?? null] as const;
        }),
      );
      const confirmed = devices.filter((device) => device.status === 'confirmed');
      findings.check(confirmed.length === PAGE, 'every task ends', `ended as ${JSON.stringify(devices)}`);
      const { closes } = reconciliation;
      const wanted = { wantedAccount: ACCOUNT, wantedExpiration: LIFETIME };
      broken.push(
        ...brokenByPlatformShipment({
          id,
          status,
          asked,
          ...wanted,
          devices: [...devices],
          log: [...log],
          closes,
          there,
        }),
      );
    }
    return broken;
  }
}

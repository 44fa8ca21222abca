/** Secondary shipments on a database of their own, against a stand-in of their own; played without a workflow. */
import { setTimeout as delay } from 'node:timers/promises';
import { MockActivityEnvironment } from '@temporalio/testing';
import type postgres from 'postgres';
import {
  createPlatformActivities,
  type PageReport,
  type PlatformActivities,
  type PlatformShipmentEnd,
} from '../../activities/platforms.ts';
import { connectDatabase, migrate, type Database } from '../../db/index.ts';
import { createDepartment } from '../../db/people.ts';
import { insertPlatformShipment, type PlatformOrderDevices } from '../../db/shipments/platform-orders.ts';
import { listPlatforms, type PlatformRow } from '../../db/shipments/platforms.ts';
import type { TracksolidOptions } from '../../gateways/tracksolid/client.ts';
import type { StandInOptions, TracksolidStandIn } from '../../gateways/tracksolid/stand-in.ts';
import { createTestDatabase } from './database.ts';
import { imeis, startStandIn } from './tracksolid.ts';

export const LIFETIME = '2099-12-31 23:59:59';

export interface Scene {
  standIn: TracksolidStandIn;
  url: string;
  activities: PlatformActivities;
}

export class PlatformRecords {
  readonly database: Database;
  readonly sql: postgres.Sql;
  departmentId = 0;
  readonly #drop: () => Promise<void>;
  readonly #closing: (() => Promise<void>)[] = [];
  #platforms: PlatformRow[] = [];
  #made = 0;

  private constructor(database: Database, drop: () => Promise<void>) {
    this.database = database;
    this.sql = database.sql;
    this.#drop = drop;
  }

  static async start(): Promise<PlatformRecords> {
    const test = await createTestDatabase(migrate);
    const records = new PlatformRecords(connectDatabase(test.url), () => test.drop());
    records.departmentId = (await createDepartment(records.db, '康凯斯'))!.id;
    records.#platforms = await listPlatforms(records.db, { after: 0, limit: 100 });
    return records;
  }

  get db() {
    return this.database.db;
  }

  async stop(): Promise<void> {
    for (const close of this.#closing) await close();
    await this.database.close();
    await this.#drop();
  }

  platform(name: string): PlatformRow {
    return this.#platforms.find((each) => each.name === name)!;
  }

  /** IMEIs that no other test has, in the matched list. */
  async matched(count: number): Promise<string[]> {
    this.#made += 1;
    const list = imeis(count, 868_000_000_000_000 + this.#made * 1_000_000);
    await this.sql`
      insert into matched_devices (imei, department_id, customer, rule)
      select imei, ${this.departmentId}, 'hemi', '1' from unnest(${list}::text[]) as imei`;
    return list;
  }

  /** Orders devices onto a platform. */
  async order(
    devices: readonly string[] | PlatformOrderDevices,
    { platform = 'Tracksolid导入+终身', account = 'cust01' } = {},
  ) {
    const chosen = this.platform(platform);
    return this.db.transaction((tx) =>
      insertPlatformShipment(tx, {
        departmentId: this.departmentId,
        platform: chosen,
        info: { account, customerName: '禾米', model: 'GV2' },
        wantedExpiration: chosen.lifetime || chosen.connector === null ? null : '2031-01-01 23:59:59',
        createdBy: 'li',
        devices: 'length' in devices ? { imeis: devices } : devices,
      }),
    );
  }

  /** A platform, and the steps of a worker that is connected to it. */
  async scene(
    ofPlatform: Partial<StandInOptions> = {},
    ofClient: Partial<TracksolidOptions> = {},
    stopping = new AbortController().signal,
  ): Promise<Scene> {
    const { standIn, client, url } = await startStandIn(ofPlatform, { timeoutMs: 1_000, ...ofClient });
    this.#closing.push(() => standIn.close());
    const tracksolid = { client, lifetimeUntil: LIFETIME };
    return { standIn, url, activities: createPlatformActivities({ db: this.db, tracksolid, stopping }) };
  }

  page(activities: PlatformActivities, shipmentId: number, after = 0): Promise<PageReport> {
    return new MockActivityEnvironment().run(activities.shipPage, shipmentId, after) as Promise<PageReport>;
  }

  /** What the workflow does, without its timers: page after page, pass after pass, to the end. */
  async play(activities: PlatformActivities, shipmentId: number): Promise<PlatformShipmentEnd> {
    let after = 0;
    for (;;) {
      const report = await this.page(activities, shipmentId, after);
      if (report.kind === 'paused') throw new Error(`paused: ${report.why}`);
      const isOver = report.kind === 'ended' || (report.after === null && report.open === 0 && report.trouble === null);
      if (isOver) {
        const end = await activities.finishShipment(shipmentId);
        if (end !== null) return end;
      }
      if (report.kind === 'page') {
        if (report.after === null || report.trouble !== null) await delay(Math.min(report.dueInMs ?? 0, 1_000) + 50);
        after = report.after ?? 0;
      }
    }
  }

  /** The devices of a shipment as they are. */
  async devices(shipmentId: number) {
    const rows = await this.sql`
      select imei, status, reason, code, words, step, answer, attempts, imports, looks, first_sent_at is not null as sent,
        released_at is not null as released from platform_shipment_devices where shipment_id = ${shipmentId} order by id`;
    return rows as unknown as {
      imei: string;
      status: string;
      reason: string | null;
      code: number | null;
      words: string;
      step: string;
      answer: string;
      attempts: number;
      imports: number;
      looks: number;
      sent: boolean;
      released: boolean;
    }[];
  }

  async log(shipmentId: number): Promise<{ author: string; event: string; cause: string; details: unknown }[]> {
    const rows = await this.sql`
      select author, event, cause, details from platform_shipment_log where shipment_id = ${shipmentId} order by id`;
    return rows as never;
  }

  /** Lets time pass for whatever waits. */
  async due(shipmentId: number): Promise<void> {
    await this.sql`update platform_shipment_devices set not_before = now() where shipment_id = ${shipmentId}`;
  }
}

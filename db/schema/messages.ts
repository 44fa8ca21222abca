/**
 * Messages to devices, and the one order of offers and reports.
 */
import { sql } from 'drizzle-orm';
import {
  bigint,
  boolean,
  check,
  index,
  integer,
  jsonb,
  pgSequence,
  pgTable,
  smallint,
  text,
  uniqueIndex,
  uuid,
} from 'drizzle-orm/pg-core';
import { at, id, oneOf } from './columns.ts';
import { devices } from './registry.ts';
import { deviceUpgrades } from './tasks.ts';
import type { Component } from '../../workflows/rules/versions.ts';

/**
 * One order for reports and offers: a report proves an offer only when its number is higher than the offer's. Numbers,
 * not times, because clocks go back.
 */
export const deviceEventSeq = pgSequence('device_event_seq');

/** Channel on which gateways hear that the messages of a device have changed; the payload is the device's id. */
export const DEVICE_MESSAGE_CHANNEL = 'device_message';

/** What a gateway needs to send an offer and to serve its bytes. */
export interface OfferPayload {
  firmwareId: number;
  sha256: string;
  sizeBytes: number;
  packetSize: number;
  pinfo: string | null;
  component: Component;
  targetVersion: string;
  /** What the device ran when the gate let it through; if that changes before the offer is taken, the gate is asked again. */
  fromVersion: string;
  /** How long a sending may be without reaction; missing in offers of earlier versions. */
  reactionMs?: number;
  /** The last moments at which a device may begin to fetch, and to install; missing: no permitted hours end. */
  latest?: { startMs: number; installMs: number };
  /** What a charging pile is told with the offer; missing: another kind of device. */
  pile?: { model: 'DC' | 'AC'; powerKw: number; control: 'at_once' | 'when_idle'; downloadTimeoutMinutes: number };
}

/**
 * Messages to devices. A row is written by an activity and sent by whichever gateway holds the device's connection,
 * now or at the next contact. At most one open offer per device.
 */
export const deviceMessages = pgTable(
  'device_messages',
  {
    id: id(),
    deviceId: text('device_id')
      .notNull()
      .references(() => devices.id),
    kind: text('kind').$type<'offer'>().notNull(),
    upgradeId: bigint('upgrade_id', { mode: 'number' }).references(() => deviceUpgrades.id),
    fileIndex: smallint('file_index'),
    attempt: integer('attempt').notNull(),
    payload: jsonb('payload').$type<OfferPayload>().notNull(),
    /** The device may go on asking for bytes without a new offer: an earlier attempt offered the same file. */
    resumable: boolean('resumable').notNull().default(false),
    createdAt: at('created_at')
      .notNull()
      .default(sql`clock_timestamp()`),
    /** Nothing of this message leaves from this moment on. */
    expiresAt: at('expires_at').notNull(),
    sends: smallint('sends').notNull().default(0),
    firstSentAt: at('first_sent_at'),
    lastSentAt: at('last_sent_at'),
    /** When the device said that it will, for protocols that have a word for it: it may begin much later. */
    acceptedAt: at('accepted_at'),
    /** Place of the offer in `device_event_seq`; only reports with a higher number prove it. */
    offerSeq: bigint('offer_seq', { mode: 'number' })
      .notNull()
      .default(sql`nextval('device_event_seq')`),
    firstRequestAt: at('first_request_at'),
    lastRequestAt: at('last_request_at'),
    bytesSent: integer('bytes_sent').notNull().default(0),
    finishedAt: at('finished_at'),
    finishedSeq: bigint('finished_seq', { mode: 'number' }),
    /** The workflow waits without a timer of use: the first contact must wake it. */
    awaitsContact: boolean('awaits_contact').notNull().default(false),
    failureCode: text('failure_code'),
    closedAt: at('closed_at'),
    /** Names the offer in the address of its file, for devices that fetch it; nobody can guess it. */
    token: uuid('token')
      .notNull()
      .default(sql`gen_random_uuid()`),
  },
  (table) => [
    uniqueIndex('device_messages_open_offer')
      .on(table.deviceId)
      .where(sql`kind = 'offer' and closed_at is null`),
    index('device_messages_upgrade').on(table.upgradeId, table.id),
    check('device_messages_kind_known', oneOf('kind', ['offer'])),
  ],
);

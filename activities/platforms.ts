/**
 * The steps of a secondary shipment: one page of devices at a time, and the end.
 */
import { cancellationSignal, heartbeat } from '@temporalio/activity';
import { step } from './failures.ts';
import { workOnPage } from './platform-page.ts';
import type { Db } from '../db/index.ts';
import * as work from '../db/shipments/platform-work.ts';
import { IMEIS_PER_CALL, type TracksolidClient } from '../gateways/tracksolid/client.ts';
import type { PlatformShipmentStatus } from '../workflows/rules/platforms.ts';

/** The connection to Tracksolid. */
export interface TracksolidConnection {
  client: TracksolidClient;
  /** Until when "for a lifetime" is, as the platform writes times. */
  lifetimeUntil: string;
}

export interface PlatformDependencies {
  db: Db;
  /** Null: not configured. */
  tracksolid: TracksolidConnection | null;
  /** Aborted when the worker stops. */
  stopping: AbortSignal;
}

/** What became of a page, as far as the workflow must know. */
export type PageReport =
  | { kind: 'ended' }
  /** `after`: where the next page begins; null: this was the last of this pass. */
  | { kind: 'page'; after: number | null; open: number; dueInMs: number | null; trouble: string | null }
  | { kind: 'paused'; forMs: number; why: string };

const HEARTBEAT_MS = 3_000;
/** Somebody may configure the connection at any time; that takes a restart. */
const UNCONFIGURED_MS = 60_000;

export function createPlatformActivities({ db, tracksolid, stopping }: PlatformDependencies) {
  const shipPage = async (shipmentId: number, after: number): Promise<PageReport> => {
    const order = await work.takeShipment(db, shipmentId, tracksolid?.lifetimeUntil ?? null);
    if (order.status !== 'running') return { kind: 'ended' };
    const report = async (next: number | null, trouble: string | null): Promise<PageReport> => ({
      kind: 'page',
      after: next,
      ...(await work.countOpen(db, shipmentId)),
      trouble,
    });
    if (order.isOver) {
      await work.endOpen(db, shipmentId, 'time_over');
      return report(null, null);
    }
    if (order.connector !== null && tracksolid === null) {
      const why = 'the connection is not configured on this worker: set TRACKSOLID_URL and what belongs to it';
      return { kind: 'paused', forMs: UNCONFIGURED_MS, why };
    }
    if (order.pausedForMs !== null) return { kind: 'paused', forMs: order.pausedForMs, why: order.pauseReason };
    const page = await work.findDue(db, shipmentId, { after, limit: IMEIS_PER_CALL });
    const last = page.at(-1);
    if (last === undefined || tracksolid === null) return report(null, null);
    const stop = AbortSignal.any([cancellationSignal(), stopping]);
    const ids = page.map(({ id }) => id);
    const trouble = await workOnPage({ db, client: tracksolid.client, shipmentId, order, stop }, ids);
    if (trouble?.kind === 'paused') return { kind: 'paused', forMs: 1_000, why: trouble.words };
    // Stopped or in trouble: the same page again, later.
    if (stop.aborted || trouble !== null) return report(after, trouble?.words ?? null);
    return report(page.length === IMEIS_PER_CALL ? last.id : null, null);
  };

  return {
    /** Brings the next hundred devices that are due as far as they come now. */
    shipPage: (shipmentId: number, after: number): Promise<PageReport> =>
      step(async () => {
        const beat = setInterval(() => heartbeat(), HEARTBEAT_MS);
        try {
          return await shipPage(shipmentId, after);
        } finally {
          clearInterval(beat);
        }
      }),

    /** Stops a shipment: what was never sent is not sent any more, what was is still found out about. */
    stopUnsent: (shipmentId: number, by: { author: string; cause: string }): Promise<void> =>
      step(async () => {
        const devices = await work.endOpen(db, shipmentId, 'stopped', { onlyUnsent: true, release: true });
        if (devices > 0) await work.logShipment(db, shipmentId, { ...by, event: 'stopped', details: { devices } });
      }),

    /** Ends a shipment whose devices have ended; null when some are open again. */
    finishShipment: (shipmentId: number): Promise<PlatformShipmentEnd | null> =>
      step(async () => {
        const ended = await work.finishShipment(db, shipmentId);
        if (ended === null) return null;
        const { status, sums } = ended;
        const { asked, sent, confirmed, refused, unknown, notSent, recorded } = sums;
        return { status, asked, sent, confirmed, refused, unknown, notSent, recorded };
      }),
  };
}

/** How a shipment ended: what people read in the Temporal Web UI. */
export interface PlatformShipmentEnd {
  status: PlatformShipmentStatus;
  asked: number;
  sent: number;
  confirmed: number;
  refused: number;
  unknown: number;
  notSent: number;
  recorded: number;
}

export type PlatformActivities = ReturnType<typeof createPlatformActivities>;

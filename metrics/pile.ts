/**
 * What the gateway of the charging piles counts, as Prometheus reads it.
 */
import type { Registry } from 'prom-client';
import type { PileGateway } from '../gateways/pile/server.ts';
import { registerMeasures } from './process.ts';

export function registerPileMetrics(registry: Registry, piles: PileGateway): void {
  const { counters, tcp } = piles;
  registerMeasures(registry, [
    ['pile_connections', 'Open TCP connections of piles', () => piles.online.connections],
    ['piles_online', 'Registered piles logged in to this process', () => piles.online.piles],
    ['pile_connections_accepted_total', 'Connections accepted', () => tcp.accepted],
    ['pile_connections_over_limit_total', 'Connections refused by the limit in all', () => tcp.refusedTotal],
    [
      'pile_connections_over_address_limit_total',
      'Connections refused by the limit per address',
      () => tcp.refusedPerAddress,
    ],
    [
      'pile_accepts_failed_total',
      'Connections the system could not accept, for want of file handles for example',
      () => tcp.failedAccepts,
    ],
    ['pile_logins_total', 'Logins of registered piles', () => counters.logins],
    ['pile_unknown_total', 'Logins refused because nobody registered the pile', () => counters.unknownPiles],
    ['pile_heartbeats_total', 'Heartbeats answered', () => counters.heartbeats],
    ['pile_offline_total', 'Piles disconnected because they had been silent', () => counters.offline],
    ['pile_updates_total', 'Update commands sent', () => counters.updatesSent],
    ['pile_updates_accepted_total', 'Update commands that a pile said it will follow', () => counters.updatesAccepted],
    ['pile_restarts_total', 'Restart commands sent', () => counters.restartsSent],
    ['pile_time_syncs_total', 'Times that piles were told the time', () => counters.timeSyncs],
    ['pile_time_sync_answers_total', 'Times that piles confirmed it', () => counters.timeSyncAnswers],
    [
      'pile_bad_frames_total',
      'Frames that could not be read, and runs of bytes that were none',
      () => counters.badFrames,
    ],
    ['pile_dropped_bytes_total', 'Bytes that belonged to no frame', () => counters.droppedBytes],
    ['pile_ignored_frames_total', 'Frames that led to nothing', () => counters.ignoredFrames],
    [
      'pile_failed_frames_total',
      'Frames that could not be handled, because the database was away for example',
      () => counters.failedFrames,
    ],
  ]);
}

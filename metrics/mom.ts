/**
 * What the MOM's server and the sessions of equipment count, as Prometheus reads it.
 */
import type { Registry } from 'prom-client';
import type { MomInbound } from '../api/factory/mom-inbound.ts';
import type { MomGateway } from '../gateways/mom/server.ts';
import { registerMeasures } from './process.ts';

export function registerMomMetrics(registry: Registry, { counters }: MomGateway, host: MomInbound): void {
  registerMeasures(registry, [
    ['mom_heartbeats_total', 'Heartbeats of equipment', () => counters.heartbeats],
    ['mom_calls_total', 'Calls of equipment beside heartbeats', () => counters.calls],
    ['mom_repeated_total', 'Calls that got the reply of before', () => counters.repeated],
    ['mom_repaired_total', 'Calls whose form was repaired', () => counters.repaired],
    ['mom_rejected_total', 'Calls that could not be read (ResultFlag false)', () => counters.rejected],
    ['mom_refused_total', 'Calls that were refused (Success false)', () => counters.refused],
    ['mom_strangers_total', 'Calls refused at the door', () => counters.strangers],
    ['mom_unavailable_total', 'Calls nobody could handle (503)', () => counters.unavailable],
    ['mom_equipment', 'Equipment that may call', () => host.directory.size],
    ['mom_edges_total', 'Edges of sessions written by this process', () => host.edges],
    ['mom_signs_waiting', 'Signs of life that are not written yet', () => host.backlog],
    ['mom_records_waiting', 'Records of calls that are not written yet', () => host.records.waiting],
    [
      'mom_records_dropped_total',
      'Records of calls that were dropped, because more came than can be kept',
      () => host.records.dropped,
    ],
    ['mom_wakes_waiting', 'Sessions whose workflow is to be woken', () => host.wakes.waiting],
  ]);
}

/**
 * What the gateways count, as Prometheus reads it. The gateways keep plain numbers, so that counting costs nothing and
 * they need to know nothing of Prometheus; here they get names and units.
 */
import type { Registry } from 'prom-client';
import type { Inbound } from '../api/inbound/inbound.ts';
import type { AmsGateway } from '../gateways/ams/gateway.ts';
import type { DeviceHttpServer } from '../gateways/http.ts';
import type { TerminalGateway } from '../gateways/terminal/server.ts';
import { registerMeasures, type Measure } from './process.ts';

export function registerGatewayMetrics(
  registry: Registry,
  terminals: TerminalGateway,
  deviceHttp: DeviceHttpServer,
  trackers: AmsGateway,
  inbound: Inbound,
): void {
  const { counters, tcp } = terminals;
  registerMeasures(registry, [
    ['terminal_connections', 'Open TCP connections of terminals', () => terminals.online.connections],
    ['terminals_online', 'Registered terminals connected to this process', () => terminals.online.terminals],
    ['terminal_connections_accepted_total', 'Connections accepted', () => tcp.accepted],
    ['terminal_connections_over_limit_total', 'Connections refused by the limit in all', () => tcp.refusedTotal],
    [
      'terminal_connections_over_address_limit_total',
      'Connections refused by the limit per address',
      () => tcp.refusedPerAddress,
    ],
    [
      'terminal_accepts_failed_total',
      'Connections the system could not accept, for want of file handles for example',
      () => tcp.failedAccepts,
    ],
    [
      'terminal_connections_idle_total',
      'Connections closed because nothing was said for too long',
      () => tcp.closedIdle,
    ],
    ['terminal_reports_total', 'Binary reports received', () => counters.reports],
    ['terminal_packets_total', 'Upgrade packets served', () => counters.packets],
    ['terminal_packet_bytes_total', 'Bytes of upgrade packets served', () => counters.packetBytes],
    ['terminal_offers_total', 'Upgrade commands sent', () => counters.offersSent],
    ['terminal_commands_total', 'Device commands sent', () => counters.commandsSent],
    ['terminal_unknown_total', 'Connections of terminals that are not registered', () => counters.unknownTerminals],
    ['terminal_ignored_frames_total', 'Frames that led to nothing', () => counters.ignoredFrames],
    [
      'terminal_failed_frames_total',
      'Frames that could not be handled, because the database was away for example',
      () => counters.failedFrames,
    ],
    ['terminal_dropped_bytes_total', 'Bytes that belonged to no frame', () => counters.droppedBytes],
    ['device_http_requests_total', 'Requests of devices over HTTP', () => deviceHttp.counters.requests],
    ['device_http_refused_total', 'Requests of devices answered with 4xx or 5xx', () => deviceHttp.counters.refused],
    ['device_http_failed_total', 'Requests of devices that could not be handled', () => deviceHttp.counters.failed],
    ['device_http_cut_total', 'Requests of devices that never came to their end', () => deviceHttp.counters.cut],
    ...trackerMeasures(trackers),
    ...backlogMeasures(inbound),
  ]);
}

function trackerMeasures(trackers: AmsGateway): Measure[] {
  const { counters } = trackers;
  return [
    ['ams_downloads_active', 'Files being sent to trackers at this moment', () => trackers.downloading],
    ['ams_directives_total', 'Files trackers were told to fetch', () => counters.directives],
    ['ams_directives_repeated_total', 'Times trackers were told so once more', () => counters.directivesRepeated],
    ['ams_offer_waits_total', 'Version uploads that waited for an offer to follow', () => counters.offerWaits],
    ['ams_offer_waits_in_vain_total', 'Those of them that got none', () => counters.offerWaitsInVain],
    ['ams_downloads_total', 'Answers with bytes of a file, whole or in parts', () => counters.downloads],
    ['ams_download_bytes_total', 'Bytes of files handed to sockets', () => counters.downloadBytes],
    ['ams_downloads_ended_total', 'Downloads cut because their offer had ended', () => counters.downloadsEnded],
    ['ams_downloads_stalled_total', 'Downloads cut because nothing moved', () => counters.downloadsStalled],
    ['ams_ended_files_total', 'Requests for files whose offer had ended', () => counters.endedFiles],
    ['ams_unknown_files_total', 'Requests for files that nobody was given', () => counters.unknownFiles],
    [
      'ams_unknown_files_refused_total',
      'Requests not looked up, after too many such',
      () => counters.unknownFilesRefused,
    ],
  ];
}

function backlogMeasures(inbound: Inbound): Measure[] {
  return [
    ['inbound_progress_unwritten', 'Transfers whose progress waits to be written', () => inbound.backlog.progress],
    ['inbound_contacts_unwritten', 'Devices whose last contact waits to be written', () => inbound.backlog.contacts],
    ['inbound_unknown_unwritten', 'Unknown devices that wait to be written', () => inbound.backlog.unknown],
  ];
}

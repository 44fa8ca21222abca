/**
 * What the gateways count, as Prometheus reads it. The gateways keep plain numbers, so that counting costs nothing and
 * they need to know nothing of Prometheus; here they get names and units.
 */
import { Counter, Gauge, type Registry } from 'prom-client';
import type { DeviceHttpServer } from './gateways/http.ts';
import type { TerminalGateway } from './gateways/terminal/server.ts';

/** Name (without `slipway_`), meaning and where to read it; names that end in `_total` only ever rise. */
type Measure = [name: string, help: string, read: () => number];

export function registerGatewayMetrics(
  registry: Registry,
  terminals: TerminalGateway,
  deviceHttp: DeviceHttpServer,
): void {
  const { counters, tcp } = terminals;
  const measures: Measure[] = [
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
  ];
  for (const [suffix, help, read] of measures) {
    const name = `slipway_${suffix}`;
    if (name.endsWith('_total')) {
      const counter: Counter = new Counter({
        name,
        help,
        registers: [registry],
        collect: () => {
          counter.reset();
          counter.inc(read());
        },
      });
    } else {
      const gauge: Gauge = new Gauge({ name, help, registers: [registry], collect: () => gauge.set(read()) });
    }
  }
}

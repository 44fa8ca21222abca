/**
 * What the gateway of the PCP devices counts, as Prometheus reads it.
 */
import type { Registry } from 'prom-client';
import type { PcpGateway } from '../gateways/pcp/gateway.ts';
import { registerMeasures } from './process.ts';

export function registerPcpMetrics(registry: Registry, gateway: PcpGateway): void {
  const { counters } = gateway;
  registerMeasures(registry, [
    ['pcp_devices', 'PCP devices that this process remembers', () => gateway.load.devices],
    ['pcp_requests_active', 'Requests of PCP devices that are being handled', () => gateway.load.working],
    ['pcp_datagrams_total', 'Datagrams received', () => counters.datagrams],
    ['pcp_bad_datagrams_total', 'Datagrams that are no CoAP, or too long', () => counters.badDatagrams],
    ['pcp_requests_total', 'Requests taken', () => counters.requests],
    ['pcp_bad_requests_total', 'Requests for another path or without an IMEI', () => counters.badRequests],
    ['pcp_duplicates_total', 'Requests that came once more and had no second effect', () => counters.duplicates],
    ['pcp_retransmissions_total', 'Messages to devices sent again by CoAP', () => counters.retransmissions],
    ['pcp_ignored_answers_total', 'Acknowledgements and answers that belong to nothing', () => counters.ignored],
    ['pcp_over_address_limit_total', 'Requests dropped by the limit per address', () => counters.overAddressLimit],
    ['pcp_overloaded_total', 'Messages dropped because too much was under way', () => counters.overloaded],
    ['pcp_socket_errors_total', 'Datagrams the system did not send', () => counters.socketErrors],
    ['pcp_registrations_total', 'Registrations of devices', () => counters.registrations],
    ['pcp_slices_total', 'Slices of files served', () => counters.slices],
    ['pcp_slice_bytes_total', 'Bytes of slices served', () => counters.sliceBytes],
    ['pcp_slices_refused_total', 'Slices asked for that there are not', () => counters.slicesRefused],
    ['pcp_queries_total', 'Times devices were asked for their version', () => counters.queriesSent],
    ['pcp_offers_total', 'Times devices were told of a file', () => counters.offersSent],
    ['pcp_executes_total', 'Times devices were told to install', () => counters.executesSent],
    ['pcp_commands_total', 'Commands sent', () => counters.commandsSent],
    ['pcp_business_messages_total', 'Messages that are not PCP', () => counters.businessMessages],
    ['pcp_bad_frames_total', 'PCP messages that cannot be read', () => counters.badFrames],
    ['pcp_ignored_messages_total', 'PCP messages that led to nothing', () => counters.ignoredMessages],
    ['pcp_unknown_total', 'Look-ups of devices that are not registered', () => counters.strangers],
    ['pcp_unknown_refused_total', 'Requests not looked up, after too many such', () => counters.strangersRefused],
    ['pcp_failed_messages_total', 'Messages that could not be handled at once', () => counters.failedMessages],
  ]);
}

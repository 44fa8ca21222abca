/**
 * What the FTP server for piles counts, as Prometheus reads it.
 */
import type { Registry } from 'prom-client';
import type { FtpServer } from '../gateways/pile/ftp.ts';
import { registerMeasures } from './process.ts';

export function registerFtpMetrics(registry: Registry, server: FtpServer): void {
  const { counters, tcp } = server;
  registerMeasures(registry, [
    ['ftp_connections', 'Open control connections of the FTP server', () => server.online.connections],
    ['ftp_downloads_active', 'Files being sent to piles at this moment', () => server.online.downloads],
    ['ftp_passive_ports_waiting', 'Passive ports that wait for a connection', () => server.online.passivePorts],
    ['ftp_connections_accepted_total', 'Control connections accepted', () => tcp.accepted],
    ['ftp_connections_over_limit_total', 'Control connections refused by the limit in all', () => tcp.refusedTotal],
    [
      'ftp_connections_over_address_limit_total',
      'Control connections refused by the limit per address',
      () => tcp.refusedPerAddress,
    ],
    [
      'ftp_connections_unfit_total',
      'Control connections closed: not logged in in time, idle, or no FTP',
      () => counters.closedUnfit,
    ],
    ['ftp_logins_total', 'Logins of piles', () => counters.logins],
    ['ftp_logins_failed_total', 'Logins with a wrong user or password, or late', () => counters.loginsFailed],
    ['ftp_logins_limited_total', 'Logins not looked up, after too many failed ones', () => counters.loginsLimited],
    ['ftp_downloads_total', 'Files asked for, whole or from some place on', () => counters.downloads],
    ['ftp_downloads_resumed_total', 'Those of them that began somewhere in the file', () => counters.downloadsResumed],
    ['ftp_download_bytes_total', 'Bytes of files handed to sockets', () => counters.downloadBytes],
    ['ftp_downloads_ended_total', 'Downloads cut because their offer had ended', () => counters.downloadsEnded],
    ['ftp_downloads_stalled_total', 'Downloads cut because nothing moved', () => counters.downloadsStalled],
    ['ftp_downloads_lost_total', 'Downloads cut by the pile or its network', () => counters.downloadsLost],
    [
      'ftp_data_strangers_total',
      'Data connections from another address than the one that asked for the port',
      () => counters.strangersTurnedAway,
    ],
    [
      'ftp_passive_ports_missing_total',
      'Times all passive ports were taken; widen FTP_PASSIVE_PORTS',
      () => counters.passivePortsMissing,
    ],
  ]);
}

/**
 * The gateways of one process: all of them share one view of the rest of the program, one cache of files and one way
 * out. Part of the composition root (`main.ts`).
 */
import type { Registry } from 'prom-client';
import type { Executions } from './api/executions/executions.ts';
import { Inbound } from './api/inbound/inbound.ts';
import { MomInbound } from './api/factory/mom-inbound.ts';
import type { Config } from './config.ts';
import type { Database } from './db/index.ts';
import { AmsGateway } from './gateways/ams/gateway.ts';
import { FileCache } from './gateways/file-cache.ts';
import { DeviceHttpServer } from './gateways/http.ts';
import { MomGateway } from './gateways/mom/server.ts';
import { PcpGateway } from './gateways/pcp/gateway.ts';
import { FtpServer } from './gateways/pile/ftp.ts';
import { PileGateway } from './gateways/pile/server.ts';
import { standstills } from './gateways/standstills.ts';
import { DEFAULT_TERMINAL_PROFILE } from './gateways/terminal/codec.ts';
import { TerminalGateway } from './gateways/terminal/server.ts';
import type { Logger } from './log.ts';
import { registerGatewayMetrics } from './metrics/gateways.ts';
import { registerMomMetrics } from './metrics/mom.ts';
import { registerPcpMetrics } from './metrics/pcp.ts';
import { registerFtpMetrics } from './metrics/ftp.ts';
import { registerPileMetrics } from './metrics/pile.ts';
import type { Stops } from './worker.ts';

/** Where devices connect; null: this process has no gateways. */
export interface DevicePorts {
  terminalPort: number | null;
  deviceHttpPort: number | null;
  /** UDP. */
  pcpPort: number | null;
  ftpPort: number | null;
  pilePort: number | null;
}

/** A pile is disconnected after three missed heartbeats; this only ends what never was one. */
const PILE_IDLE_MS = 300_000;

/** A process without gateways. */
export const NO_PORTS: DevicePorts = {
  terminalPort: null,
  deviceHttpPort: null,
  pcpPort: null,
  ftpPort: null,
  pilePort: null,
};

/** Starts every gateway of this process; says on which ports they listen. */
export async function startDeviceGateways(
  config: Config,
  log: Logger,
  { database, executions, metrics }: { database: Database; executions: Executions; metrics: Registry },
  stops: Stops,
): Promise<DevicePorts> {
  const inbound = new Inbound({
    database,
    executions,
    log: log.child({ component: 'inbound' }),
    gatewayName: config.gatewayName,
  });
  const files = new FileCache(config.firmwareCacheBytes, (sha256) => inbound.firmware(sha256));
  const terminals = new TerminalGateway({
    host: inbound,
    files,
    log: log.child({ protocol: 'terminal' }),
    limits: {
      maxConnections: config.terminal.maxConnections,
      maxConnectionsPerAddress: config.terminal.maxConnectionsPerAddress,
      idleTimeoutMs: config.terminal.idleTimeoutMs,
    },
    profile: {
      ...DEFAULT_TERMINAL_PROFILE,
      commandKeywords: [...DEFAULT_TERMINAL_PROFILE.commandKeywords, ...config.terminal.snKeywords],
    },
  });
  const trackers = new AmsGateway({
    host: inbound,
    files,
    log: log.child({ protocol: 'ams' }),
    publicUrl: config.deviceHttp.publicUrl,
  });
  const momLog = log.child({ protocol: 'mom' });
  const momHost = new MomInbound({ database, executions, log: momLog, settings: config.mom });
  const mom = new MomGateway({ host: momHost, log: momLog, times: { zIsUtc: config.mom.zIsUtc } });
  const deviceHttp = new DeviceHttpServer(
    [...trackers.routes, ...mom.routes],
    { maxConnections: config.terminal.maxConnections, requestTimeoutMs: 30_000 },
    log.child({ protocol: 'ams' }),
  );
  const pcpDevices = new PcpGateway({
    host: inbound,
    files,
    log: log.child({ protocol: 'pcp' }),
    limits: { requestsPerAddressAndSecond: config.pcp.requestsPerAddressAndSecond },
  });
  const { ftp: settings } = config;
  const ftp = new FtpServer({
    host: inbound,
    files,
    log: log.child({ protocol: 'ftp' }),
    listenHost: settings.host,
    port: settings.port,
    publicHost: settings.publicHost,
    publicPort: settings.publicPort,
    passivePorts: settings.passivePorts,
    times: { idleMs: settings.idleTimeoutMs },
    limits: {
      maxConnections: settings.maxConnections,
      maxConnectionsPerAddress: settings.maxConnectionsPerAddress,
    },
  });
  const piles = new PileGateway({
    host: inbound,
    ftp,
    log: log.child({ protocol: 'pile' }),
    limits: {
      maxConnections: config.pile.maxConnections,
      maxConnectionsPerAddress: config.pile.maxConnectionsPerAddress,
      idleTimeoutMs: PILE_IDLE_MS,
    },
  });
  inbound.listen(terminals);
  inbound.listen(trackers);
  inbound.listen(pcpDevices);
  inbound.listen(ftp);
  inbound.listen(piles);
  const unsubscribe = standstills.subscribe((forMs) =>
    log.warn({ forMs: Math.round(forMs) }, 'this process stood still, the connections of its devices were ended'),
  );
  stops.push({ name: 'standstills', stop: async () => unsubscribe() });
  await inbound.start();
  // Pushed first, stopped last: what the gateways still say while they close must be written.
  stops.push({ name: 'inbound', stop: () => inbound.stop() });
  await momHost.start();
  stops.push({ name: 'MOM', stop: () => momHost.stop() });
  const terminalPort = await terminals.listen(config.terminal.port, config.terminal.host);
  stops.push({ name: 'terminal gateway', stop: () => terminals.close(2_000) });
  const deviceHttpPort = await deviceHttp.listen(config.deviceHttp.port, config.deviceHttp.host);
  stops.push({ name: 'device HTTP', stop: () => deviceHttp.close(2_000) });
  const pcpPort = await pcpDevices.listen(config.pcp.port, config.pcp.host);
  stops.push({ name: 'PCP gateway', stop: () => pcpDevices.close(2_000) });
  const ftpPort = await ftp.listen();
  stops.push({ name: 'FTP server', stop: () => ftp.close(2_000) });
  const pilePort = await piles.listen(config.pile.port, config.pile.host);
  stops.push({ name: 'pile gateway', stop: () => piles.close(2_000) });
  registerFtpMetrics(metrics, ftp);
  registerPileMetrics(metrics, piles);
  registerPcpMetrics(metrics, pcpDevices);
  registerMomMetrics(metrics, mom, momHost);
  registerGatewayMetrics(metrics, terminals, deviceHttp, trackers, inbound);
  log.info({ terminalPort, deviceHttpPort, pcpPort, ftpPort, pilePort }, 'gateways listen');
  return { terminalPort, deviceHttpPort, pcpPort, ftpPort, pilePort };
}

/**
 * The gateways of one process: all of them share one view of the rest of the program, one cache of files and one way
 * out. Part of the composition root (`main.ts`).
 */
import type { Registry } from 'prom-client';
import type { Executions } from './api/executions.ts';
import { Inbound } from './api/inbound.ts';
import type { Config } from './config.ts';
import type { Database } from './db/index.ts';
import { AmsGateway } from './gateways/ams/gateway.ts';
import { FileCache } from './gateways/file-cache.ts';
import { DeviceHttpServer } from './gateways/http.ts';
import { DEFAULT_TERMINAL_PROFILE } from './gateways/terminal/codec.ts';
import { TerminalGateway } from './gateways/terminal/server.ts';
import type { Logger } from './log.ts';
import { registerGatewayMetrics } from './metrics/gateways.ts';
import type { Stops } from './worker.ts';

/** Where devices connect; null: this process has no gateways. */
export interface DevicePorts {
  terminalPort: number | null;
  deviceHttpPort: number | null;
}

/** A process without gateways. */
export const NO_PORTS: DevicePorts = { terminalPort: null, deviceHttpPort: null };

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
  const deviceHttp = new DeviceHttpServer(
    trackers.routes,
    { maxConnections: config.terminal.maxConnections, requestTimeoutMs: 30_000 },
    log.child({ protocol: 'ams' }),
  );
  inbound.listen(terminals);
  inbound.listen(trackers);
  await inbound.start();
  // Pushed first, stopped last: what the gateways still say while they close must be written.
  stops.push({ name: 'inbound', stop: () => inbound.stop() });
  const terminalPort = await terminals.listen(config.terminal.port, config.terminal.host);
  stops.push({ name: 'terminal gateway', stop: () => terminals.close(2_000) });
  const deviceHttpPort = await deviceHttp.listen(config.deviceHttp.port, config.deviceHttp.host);
  stops.push({ name: 'device HTTP', stop: () => deviceHttp.close(2_000) });
  registerGatewayMetrics(metrics, terminals, deviceHttp, trackers, inbound);
  log.info({ terminalPort, deviceHttpPort }, 'gateways listen');
  return { terminalPort, deviceHttpPort };
}

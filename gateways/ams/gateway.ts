/**
 * The gateway of the AMS trackers: what they may call over HTTP (PROTOCOLS 6.4, 10), and who of them must hear that an
 * offer has come or gone.
 */
import {
  AMS_LIMITS,
  AMS_PROTOCOL,
  AMS_TIMES,
  type AmsContext,
  type AmsCounters,
  type AmsLimits,
  type AmsTimes,
} from './context.ts';
import { Directives } from './directives.ts';
import { AmsFiles } from './files.ts';
import { progressRoute } from './progress.ts';
import { Transfers } from '../transfers.ts';
import { versionsRoute } from './uploads.ts';
import type { DeviceHost, GatewayLog } from '../devices.ts';
import type { FileCache } from '../file-cache.ts';
import type { DeviceRoute } from '../http.ts';

export interface AmsGatewayOptions {
  host: DeviceHost;
  /** Firmware by hash, shared by the gateways of a process. */
  files: FileCache;
  log: GatewayLog;
  /** What addresses of files begin with; absent: where the device reached us. */
  publicUrl?: string | undefined;
  times?: Partial<AmsTimes>;
  limits?: Partial<AmsLimits>;
}

/** Answers trackers. */
export class AmsGateway {
  /** What devices call; for `DeviceHttpServer`. */
  readonly routes: readonly DeviceRoute[];
  readonly counters: AmsCounters = {
    directives: 0,
    directivesRepeated: 0,
    offerWaits: 0,
    offerWaitsInVain: 0,
    downloads: 0,
    downloadBytes: 0,
    downloadsEnded: 0,
    downloadsStalled: 0,
    endedFiles: 0,
    unknownFiles: 0,
    unknownFilesRefused: 0,
  };
  readonly #context: AmsContext;
  readonly #transfers: Transfers;
  readonly #directives: Directives;
  #isLooking = false;

  constructor({ host, files, log, publicUrl, times, limits }: AmsGatewayOptions) {
    this.#context = {
      host,
      files,
      log,
      times: { ...AMS_TIMES, ...times },
      limits: { ...AMS_LIMITS, ...limits },
      counters: this.counters,
    };
    this.#transfers = new Transfers({ ...this.#context, protocol: AMS_PROTOCOL });
    const served = new AmsFiles(this.#context, this.#transfers);
    this.#directives = new Directives(this.#context, this.#transfers, served, publicUrl);
    this.routes = [
      versionsRoute(this.#context, this.#directives),
      progressRoute(this.#context, this.#transfers, this.#directives),
      served.route,
    ];
  }

  /** Downloads under way. */
  get downloading(): number {
    return this.#transfers.flows;
  }

  /** The messages of a device have changed: a waiting upload is answered, a download without offer is cut. */
  messagesChanged(deviceId: string): void {
    this.#directives.messagesChanged(deviceId);
    void this.#look(deviceId);
  }

  /** Announcements may have been missed: everybody is looked at again. */
  messagesUncertain(): void {
    this.#directives.messagesUncertain();
    void this.#lookAtAll();
  }

  async #lookAtAll(): Promise<void> {
    if (this.#isLooking) return;
    this.#isLooking = true;
    for (const deviceId of this.#transfers.devices) await this.#look(deviceId);
    this.#isLooking = false;
  }

  async #look(deviceId: string): Promise<void> {
    try {
      await this.#transfers.look(deviceId);
    } catch (error) {
      // Its expiry still ends it, and so does its next write of progress.
      this.#context.log.warn({ err: error, deviceId }, 'the offer of a tracker could not be looked up');
    }
  }
}

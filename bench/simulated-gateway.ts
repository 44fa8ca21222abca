/**
 * Terminals without sockets: does with the rest of the program what the terminal gateway does for a good device. For
 * each offer it asks for the right to send, tells of the transfer, and reports the new version after a new connection.
 */
import { Client, Connection } from '@temporalio/client';
import { Executions } from '../api/executions/executions.ts';
import { Inbound } from '../api/inbound/inbound.ts';
import { connectDatabase, type Database } from '../db/index.ts';
import type { OpenOffer } from '../gateways/devices.ts';
import { createLogger } from '../log.ts';

const ADDRESS = '127.0.0.1:9';

export class SimulatedGateway {
  readonly #inbound: Inbound;
  readonly #deviceMs: number;
  readonly #stops: (() => Promise<void>)[];
  /** Devices with an offer that is being worked on. */
  readonly #busy = new Set<string>();

  private constructor(inbound: Inbound, deviceMs: number, stops: (() => Promise<void>)[]) {
    this.#inbound = inbound;
    this.#deviceMs = deviceMs;
    this.#stops = stops;
  }

  static async start(options: {
    databaseUrl: string;
    temporalAddress: string;
    deviceMs: number;
  }): Promise<SimulatedGateway> {
    const database: Database = connectDatabase(options.databaseUrl);
    const connection = await Connection.connect({ address: options.temporalAddress });
    const executions = new Executions({ client: new Client({ connection }), taskQueue: 'slipway', uiUrl: '' });
    const inbound = new Inbound({ database, executions, log: createLogger({ logLevel: 'warn' }) });
    const gateway = new SimulatedGateway(inbound, options.deviceMs, [
      () => inbound.stop(),
      () => connection.close(),
      () => database.close(),
    ]);
    inbound.listen({
      messagesChanged: (deviceId) => void gateway.#look(deviceId),
      messagesUncertain: () => {},
    });
    await inbound.start();
    return gateway;
  }

  async stop(): Promise<void> {
    for (const stop of this.#stops) await stop();
  }

  async #look(deviceId: string): Promise<void> {
    if (this.#busy.has(deviceId)) return;
    this.#busy.add(deviceId);
    try {
      const offer = await this.#inbound.openOffer(deviceId);
      if (offer === null || offer.sends > 0 || !(await this.#inbound.claimSend(offer))) return;
      await this.#install(offer);
    } catch (error) {
      console.error(`${deviceId}: ${String(error)}`);
    } finally {
      this.#busy.delete(deviceId);
    }
  }

  async #install({ id: offerId, deviceId, component, targetVersion, sizeBytes }: OpenOffer): Promise<void> {
    this.#inbound.progress({ offerId, deviceId, bytes: sizeBytes, finished: true });
    await new Promise((resolve) => setTimeout(resolve, this.#deviceMs));
    await this.#inbound.identify('terminal', deviceId.slice('terminal-'.length), ADDRESS);
    await this.#inbound.openOffer(deviceId);
    this.#inbound.seen(deviceId, ADDRESS, {});
    await this.#inbound.reported({
      deviceId,
      source: 'terminal',
      raw: '',
      versions: [{ component, version: targetVersion }],
    });
  }
}

/**
 * The radio of one device on TCP: everything goes through, later or not at all, as its script says. Cut: both sides see
 * it. Half open: the device is gone and the server is not told for a while. Stall: nothing moves for a while.
 */
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { Incident } from './scripts.ts';

export class Radio {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #incidents: Incident[];
  #bytes = 0;
  #isClosed = false;

  private constructor(targetPort: number, incidents: readonly Incident[], slowMs: number) {
    this.#incidents = [...incidents];
    this.#server = createServer({ noDelay: true }, (device) => this.#join(device, targetPort, slowMs));
  }

  static async open(targetPort: number, { incidents, slowMs }: { incidents: readonly Incident[]; slowMs: number }) {
    const radio = new Radio(targetPort, incidents, slowMs);
    await new Promise<void>((resolve) => radio.#server.listen(0, '127.0.0.1', resolve));
    return radio;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #join(device: Socket, targetPort: number, slowMs: number): void {
    const server = connect({ port: targetPort, host: '127.0.0.1', noDelay: true });
    let isStranded = false;
    for (const socket of [device, server]) {
      this.#sockets.add(socket);
      socket.on('error', () => {});
      socket.once('close', () => this.#sockets.delete(socket));
    }
    device.on('data', (bytes) => server.write(bytes));
    device.once('end', () => server.end());
    device.once('close', () => {
      if (!isStranded) server.destroy();
    });
    // One after the other, or what is late would change places.
    let before = Promise.resolve();
    const pass = async (bytes: Buffer) => {
      if (slowMs > 0) await delay(slowMs);
      this.#bytes += bytes.length;
      const [incident] = this.#incidents;
      if (incident !== undefined && this.#bytes > incident.afterBytes) {
        this.#incidents.shift();
        if (incident.kind === 'stall') await delay(incident.ms);
        else {
          isStranded = incident.kind === 'half-open';
          device.destroy();
          // What the server still says into the void is lost.
          if (isStranded) await delay(incident.ms);
          server.destroy();
          return;
        }
      }
      if (!this.#isClosed && device.writable) device.write(bytes);
    };
    const inTurn = (work: () => unknown) => {
      before = before.then(work).then(() => {});
    };
    server.on('data', (bytes) => inTurn(() => pass(bytes)));
    server.once('end', () => inTurn(() => device.end()));
    server.once('close', () => inTurn(() => device.destroy()));
  }
}

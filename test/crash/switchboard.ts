/**
 * The harness's end of the points: knows which processes there are, arms steps in all of them, and hears who stands
 * where. Whoever asks is told to go on unless somebody wants it held.
 */
import net, { type AddressInfo } from 'node:net';
import { createInterface } from 'node:readline';
import type { AtPoint, FromProcess, ToProcess } from './points.ts';

/** A process that stands at a point. */
export interface Stop extends AtPoint {
  goOn: () => void;
}

/** Decides about a process at a point: true: it stays, and whoever decided so lets it go. */
export type Decide = (stop: Stop) => boolean | Promise<boolean>;

export class Switchboard {
  readonly #server = net.createServer((socket) => this.#accept(socket));
  readonly #processes = new Map<net.Socket, number>();
  #arm: string[] = [];
  #number = 0;
  #decide: Decide = () => false;

  static async listen(): Promise<Switchboard> {
    const board = new Switchboard();
    await new Promise<void>((resolve) => board.#server.listen(0, '127.0.0.1', resolve));
    return board;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** From now on `decide` is asked about these steps; returns when every process knows. */
  async arm(steps: readonly string[], decide: Decide): Promise<void> {
    this.#arm = [...steps];
    this.#decide = decide;
    this.#number += 1;
    for (const socket of this.#processes.keys()) this.#tell(socket);
    const number = this.#number;
    while ([...this.#processes.values()].some((known) => known < number)) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  async close(): Promise<void> {
    for (const socket of this.#processes.keys()) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #tell(socket: net.Socket): void {
    say(socket, { arm: this.#arm, number: this.#number });
  }

  #accept(socket: net.Socket): void {
    this.#processes.set(socket, 0);
    socket.on('error', () => {});
    socket.on('close', () => this.#processes.delete(socket));
    const lines = createInterface({ input: socket });
    // It passes the socket's errors on: whoever was killed has closed it.
    lines
      .on('error', () => {})
      .on('line', (line) => {
        const message = JSON.parse(line) as FromProcess;
        if ('armed' in message) this.#processes.set(socket, message.armed);
        else void this.#hear(socket, message);
      });
    this.#tell(socket);
  }

  async #hear(socket: net.Socket, point: AtPoint): Promise<void> {
    const stop: Stop = { ...point, goOn: () => say(socket, { go: point.at }) };
    // Whoever cannot decide, because its database is away, does not want it held.
    const isHeld = await Promise.resolve(this.#decide(stop)).catch(() => false);
    if (!isHeld) stop.goOn();
  }
}

function say(socket: net.Socket, message: ToProcess): void {
  if (socket.writable) socket.write(`${JSON.stringify(message)}\n`);
}

/** A network that can be cut: passes TCP connections on to a port, until it does not. */
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { Transform } from 'node:stream';

export class TcpProxy {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #isCut = false;
  #losesAnswers = false;

  private constructor(targetPort: () => number) {
    this.#server = createServer((near) => {
      if (this.#isCut) {
        near.destroy();
        return;
      }
      const far = connect(targetPort(), '127.0.0.1');
      for (const [one, other] of [
        [near, far],
        [far, near],
      ] as const) {
        this.#sockets.add(one);
        one.on('error', () => {});
        one.once('close', () => {
          this.#sockets.delete(one);
          other.destroy();
        });
      }
      near.pipe(far);
      const passOrLose = (chunk: Buffer) => (this.#losesAnswers ? undefined : chunk);
      far.pipe(new Transform({ transform: (chunk: Buffer, _, done) => done(null, passOrLose(chunk)) })).pipe(near);
    });
  }

  static async start(targetPort: () => number): Promise<TcpProxy> {
    const proxy = new TcpProxy(targetPort);
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Cuts what is connected, and whoever connects. */
  cut(): void {
    this.#isCut = true;
    for (const socket of this.#sockets) socket.destroy();
  }

  /** From now on requests arrive and their answers do not. */
  loseAnswers(): void {
    this.#losesAnswers = true;
  }

  mend(): void {
    this.#isCut = this.#losesAnswers = false;
  }

  async stop(): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

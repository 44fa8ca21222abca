/**
 * Points at which a process of the program can be held: before a step takes effect, and after it while nobody who asked
 * for it knows. The process asks the harness at each point that is armed, and stands still there until it is told to go
 * on. Without a harness nobody is asked.
 *
 * Only the test program (`program.ts`) imports this; nothing of it is in the product.
 */
import net from 'node:net';
import { createInterface } from 'node:readline';

/** `before`: nothing has been done. `unrecorded`: it is done, and whoever asked for it does not know. */
export type HeldPhase = 'before' | 'unrecorded';

/** A process says where it stands. */
export interface AtPoint {
  at: number;
  step: string;
  phase: HeldPhase;
  /** Whose step it is: a workflow id, a device, an idempotency key. */
  key: string;
  /** What more there is to tell passes apart by. */
  detail: string;
}

/** The harness says which steps are armed (`*`: all), and who may go on. */
export type ToProcess = { arm: string[]; number: number } | { go: number };
export type FromProcess = AtPoint | { armed: number };

/** One process's line to the harness. */
export class Points {
  readonly #socket: net.Socket;
  #armed: ReadonlySet<string> = new Set();
  #asked = 0;
  readonly #waiting = new Map<number, () => void>();

  private constructor(socket: net.Socket) {
    this.#socket = socket;
    const lines = createInterface({ input: socket });
    lines.on('error', () => {}).on('line', (line) => this.#hear(JSON.parse(line) as ToProcess));
    // Nobody listens any more: nobody may be kept waiting.
    socket.on('error', () => {});
    socket.on('close', () => {
      this.#armed = new Set();
      for (const goOn of this.#waiting.values()) goOn();
    });
  }

  static async connect(port: number): Promise<Points> {
    const socket = net.connect({ host: '127.0.0.1', port, noDelay: true });
    const points = new Points(socket);
    await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject));
    return points;
  }

  /** Stands still at a point that is armed until the harness says go. */
  async pass(step: string, phase: HeldPhase, key: string, detail = ''): Promise<void> {
    if (!this.#armed.has(step) && !this.#armed.has('*')) return;
    const at = (this.#asked += 1);
    await new Promise<void>((goOn) => {
      this.#waiting.set(at, goOn);
      this.#say({ at, step, phase, key, detail });
    });
    this.#waiting.delete(at);
  }

  /** The same around a piece of work. */
  async around<Result>(step: string, key: string, detail: string, work: () => Result): Promise<Awaited<Result>> {
    await this.pass(step, 'before', key, detail);
    const result = await work();
    await this.pass(step, 'unrecorded', key, detail);
    return result;
  }

  #hear(message: ToProcess): void {
    if ('go' in message) this.#waiting.get(message.go)?.();
    else {
      this.#armed = new Set(message.arm);
      this.#say({ armed: message.number });
    }
  }

  #say(message: FromProcess): void {
    if (this.#socket.writable) this.#socket.write(`${JSON.stringify(message)}\n`);
  }
}

/**
 * Notices an input that a parser never comes back from: a thread of its own, because the one that fuzzes hangs then. It
 * writes the input down and ends the process.
 */
import { Worker } from 'node:worker_threads';

const HANG_MS = 30_000;
const INPUT_BYTES = 65_536;
const HEAD = 8;

const CODE = `
const { workerData } = require('node:worker_threads');
const fs = require('node:fs');
const { shared, hangMs, path } = workerData;
const head = new Int32Array(shared, 0, 2);
let last = -1, since = Date.now();
setInterval(() => {
  const count = Atomics.load(head, 0);
  if (count !== last) { last = count; since = Date.now(); return; }
  if (Date.now() - since < hangMs) return;
  const input = Buffer.from(new Uint8Array(shared, ${HEAD}, Atomics.load(head, 1)));
  fs.writeFileSync(path, input);
  fs.writeSync(2, 'hangs on an input of ' + input.length + ' bytes, which is now in ' + path + '\\n');
  process.kill(process.pid, 'SIGKILL');
}, 1000);
`;

/** Watches over the inputs it is told of. */
export class Watchdog {
  readonly #shared = new SharedArrayBuffer(HEAD + INPUT_BYTES);
  readonly #head = new Int32Array(this.#shared, 0, 2);
  readonly #bytes = new Uint8Array(this.#shared, HEAD);
  readonly #worker: Worker;

  /** @param path where an input is written that hangs */
  constructor(path: string) {
    this.#worker = new Worker(CODE, { eval: true, workerData: { shared: this.#shared, hangMs: HANG_MS, path } });
    this.#worker.unref();
  }

  /** This input is tried now. */
  trying(input: Buffer): void {
    const length = Math.min(input.length, INPUT_BYTES);
    this.#bytes.set(input.subarray(0, length));
    Atomics.store(this.#head, 1, length);
    Atomics.add(this.#head, 0, 1);
  }

  async stop(): Promise<void> {
    await this.#worker.terminate();
  }
}

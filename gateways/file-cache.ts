/**
 * Firmware bytes by hash, bounded by size. Loads each file once, however many devices ask for it at the same moment.
 */

/** A bounded cache of files; the least recently used go first. */
export class FileCache {
  readonly #maxBytes: number;
  readonly #load: (sha256: string) => Promise<Buffer>;
  readonly #files = new Map<string, Buffer>();
  readonly #loading = new Map<string, Promise<Buffer>>();
  #bytes = 0;

  constructor(maxBytes: number, load: (sha256: string) => Promise<Buffer>) {
    this.#maxBytes = maxBytes;
    this.#load = load;
  }

  /** The bytes of a file. A failed load is not remembered. */
  async get(sha256: string): Promise<Buffer> {
    const cached = this.#files.get(sha256);
    if (cached !== undefined) {
      this.#files.delete(sha256);
      this.#files.set(sha256, cached);
      return cached;
    }
    let loading = this.#loading.get(sha256);
    if (loading === undefined) {
      loading = this.#load(sha256).finally(() => this.#loading.delete(sha256));
      this.#loading.set(sha256, loading);
    }
    const file = await loading;
    if (!this.#files.has(sha256)) this.#keep(sha256, file);
    return file;
  }

  #keep(sha256: string, file: Buffer): void {
    if (file.length > this.#maxBytes) return;
    this.#files.set(sha256, file);
    this.#bytes += file.length;
    for (const [oldest, { length }] of this.#files) {
      if (this.#bytes <= this.#maxBytes) break;
      this.#files.delete(oldest);
      this.#bytes -= length;
    }
  }
}

/**
 * From TCP reads to the frames of one pile (PROTOCOLS 4.1), after rubbish too.
 *
 * A start mark with a possible length and encryption flag begins a candidate, and its bytes are waited for; when its
 * check code fits it is a frame, otherwise one byte is dropped and the search goes on behind it. Timers and sockets
 * belong to the caller: it calls `expire` 5 s after the last byte of an unfinished frame, `end` at the end.
 */
import { hexExcerpt, type DecodeError } from '../errors.ts';
import { START_MARK, type PileErrorName, type PileReading } from './frames.ts';
import { checkCodes, fitFrame, readFrame } from './frame-bytes.ts';

const ERRORS_KEPT = 8;
/** Hex digits of an excerpt. */
const HEX_MAX = 64;
const NO_ERRORS: readonly PileDroppedBytes[] = Object.freeze([]);
const NO_COUNTS: ReadonlyMap<PileErrorName, number> = new Map();

/**
 * One run of bytes that belonged to no frame; `offset` counts from the first byte of the stream. A frame with a wrong
 * check code begins a run of its own, whatever was dropped before it.
 */
export interface PileDroppedBytes extends DecodeError<PileErrorName> {
  /** Length of the run. */
  bytes: number;
  /** Both as on the wire; for `crc_mismatch`. */
  expectedCrc?: string;
  receivedCrc?: string;
}

export interface PileStreamOptions {
  /** Puts the received bytes of each frame into its `raw`. */
  keepRaw?: boolean;
}

/** A frame as a stream gives it; one with a body of the wrong size is in its place, so that it can be counted. */
export type PileReceived = PileReading & { raw?: Buffer };

/** The reader of one connection. Holds no buffer while no frame is unfinished, and never as much as one whole frame. */
export class PileStream {
  /** Bytes that belonged to no frame, since the start. */
  droppedBytes = 0;

  readonly #keepRaw: boolean;
  #pending: Buffer | undefined;
  /** Bytes of the stream before the ones being read. */
  #consumed = 0;
  #errors: PileDroppedBytes[] | undefined;
  #counts: Map<PileErrorName, number> | undefined;
  /** The last byte read was dropped: the next one belongs to the same run. */
  #inRun = false;

  constructor(options: PileStreamOptions = {}) {
    this.#keepRaw = options.keepRaw ?? false;
  }

  /** The last runs of dropped bytes, oldest first, at most eight. The same however the bytes were cut. */
  get errors(): readonly PileDroppedBytes[] {
    return this.#errors ?? NO_ERRORS;
  }

  /** How often each error was met since the start: runs of dropped bytes, and frames with a body of the wrong size. */
  get counts(): ReadonlyMap<PileErrorName, number> {
    return this.#counts ?? NO_COUNTS;
  }

  /** The bytes of an unfinished frame that wait for more; empty when there are none. */
  get pending(): Buffer {
    return Buffer.from(this.#pending ?? []);
  }

  /** How many they are. */
  get pendingBytes(): number {
    return this.#pending?.length ?? 0;
  }

  /** Takes the bytes of one read; the frames they complete. */
  push(chunk: Buffer): PileReceived[] {
    const bytes = this.#pending === undefined ? chunk : Buffer.concat([this.#pending, chunk]);
    this.#pending = undefined;
    return this.#scan(bytes);
  }

  /** The unfinished frame took too long: drops its first byte and searches the rest again. */
  expire(): PileReceived[] {
    const bytes = this.#pending;
    if (bytes === undefined) return [];
    this.#pending = undefined;
    this.#drop(bytes, 0, 1, 'truncated');
    this.#consumed += 1;
    return this.#scan(bytes.subarray(1));
  }

  /** The connection is closed: nothing can be completed any more. */
  end(): PileReceived[] {
    const frames: PileReceived[] = [];
    while (this.#pending !== undefined) frames.push(...this.expire());
    return frames;
  }

  #scan(bytes: Buffer): PileReceived[] {
    const frames: PileReceived[] = [];
    let at = 0;
    while (at < bytes.length) {
      const mark = bytes.indexOf(START_MARK, at);
      const start = mark < 0 ? bytes.length : mark;
      if (start > at) this.#drop(bytes, at, start, 'bad_start');
      at = start;
      if (mark < 0) break;
      const fit = fitFrame(bytes, at);
      if (fit === 'more') break;
      if (typeof fit === 'number') {
        frames.push(this.#take(bytes, at, fit));
        at += fit;
      } else {
        this.#drop(bytes, at, at + 1, fit);
        at += 1;
      }
    }
    this.#consumed += at;
    // A copy of its own, so that the rest of the read is not kept alive.
    if (at < bytes.length) this.#pending = Buffer.from(bytes.subarray(at));
    return frames;
  }

  #take(bytes: Buffer, start: number, length: number): PileReceived {
    this.#inRun = false;
    const reading = readFrame(bytes, start);
    if (!reading.ok) this.#count(reading.error);
    return this.#keepRaw ? { ...reading, raw: Buffer.from(bytes.subarray(start, start + length)) } : reading;
  }

  #drop(bytes: Buffer, start: number, end: number, error: PileErrorName): void {
    this.droppedBytes += end - start;
    const isFrame = error === 'crc_mismatch' || error === 'truncated';
    const run = this.#inRun && !isFrame ? this.#errors?.at(-1) : undefined;
    const hex = hexExcerpt(bytes, start, end);
    if (run !== undefined) {
      run.bytes += end - start;
      run.hex = (run.hex + hex).slice(0, HEX_MAX);
      return;
    }
    this.#inRun = true;
    this.#count(error);
    this.#errors ??= [];
    if (this.#errors.length === ERRORS_KEPT) this.#errors.shift();
    const codes = error === 'crc_mismatch' ? checkCodes(bytes, start) : {};
    this.#errors.push({ error, offset: this.#consumed + start, hex, bytes: end - start, ...codes });
  }

  #count(error: PileErrorName): void {
    this.#counts ??= new Map();
    this.#counts.set(error, (this.#counts.get(error) ?? 0) + 1);
  }
}

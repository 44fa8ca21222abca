/**
 * PCP over a stream (PROTOCOLS 1.3), for links that do not keep payloads apart, such as a serial line or TCP: finds the
 * frames in whatever comes in. In datagrams a payload is one message and none of this applies.
 *
 * At a start mark a frame is taken when version, code, length and check code are right; otherwise the search goes on one
 * byte behind the start mark. An unfinished frame is kept. Timers belong to the caller, who calls `expire` when the rest
 * of one does not come.
 */
import { hexExcerpt, type DecodeError } from '../errors.ts';
import { checkCodeOf } from './check-code.ts';
import { readWord } from './fields.ts';
import type { PcpReason } from './frames.ts';
import { DATA_BYTES_MAX } from './messages.ts';
import {
  HEADER_BYTES,
  isPcpCode,
  PROTOCOL_VERSION,
  readCheckCode,
  readCode,
  readDataLength,
  readVersion,
  START_MARK,
} from './recognition.ts';

const ERRORS_KEPT = 8;

/** One run of bytes that belonged to no frame; `offset` counts from the first byte of the stream. */
export interface PcpDropped extends DecodeError<PcpReason> {
  /** Length of the run. */
  bytes: number;
}

/** The reader of one stream; holds at most one unfinished frame. */
export class PcpStream {
  /** Bytes that belonged to no frame, since the start. */
  droppedBytes = 0;
  /** The unfinished frame. */
  pending: Buffer = Buffer.alloc(0);

  /** Bytes of the stream before the pending ones. */
  #consumed = 0;
  readonly #errors: PcpDropped[] = [];

  /** The last runs of dropped bytes, oldest first, at most eight. */
  get errors(): readonly PcpDropped[] {
    return this.#errors;
  }

  /** Takes the bytes of one read; the payloads they complete, each exactly one frame. */
  push(chunk: Uint8Array): Buffer[] {
    return this.#scan(Buffer.concat([this.pending, chunk]), 0);
  }

  /** The rest of the unfinished frame does not come: drops its first byte and searches what is behind it. */
  expire(): Buffer[] {
    return this.pending.length === 0 ? [] : this.#scan(this.pending, 1);
  }

  /** `skipped` bytes at the start are known to begin no frame. */
  #scan(bytes: Buffer, skipped: number): Buffer[] {
    const frames: Buffer[] = [];
    /** End of the last frame taken. */
    let from = 0;
    let at = skipped;
    while (at < bytes.length) {
      const found = frameAt(bytes, at);
      if (found === 'more') break;
      if (typeof found === 'number') {
        this.#drop(bytes, from, at);
        frames.push(Buffer.from(bytes.subarray(at, at + found)));
        at += found;
        from = at;
      } else {
        at += 1;
      }
    }
    this.#drop(bytes, from, at);
    this.#consumed += at;
    // a copy of its own, so that the rest of the read is not kept alive
    this.pending = Buffer.from(bytes.subarray(at));
    return frames;
  }

  #drop(bytes: Buffer, start: number, end: number): void {
    if (start === end) return;
    this.droppedBytes += end - start;
    if (this.#errors.length === ERRORS_KEPT) this.#errors.shift();
    const why = frameAt(bytes, start);
    this.#errors.push({
      error: typeof why === 'string' && why !== 'more' ? why : 'too_short',
      offset: this.#consumed + start,
      hex: hexExcerpt(bytes, start, end),
      bytes: end - start,
    });
  }
}

/** Length of the frame that starts at a place, why none does, or `more` when that cannot be known yet. */
function frameAt(bytes: Buffer, at: number): number | 'more' | Exclude<PcpReason, 'too_short'> {
  const available = bytes.length - at;
  if (bytes[at] !== START_MARK >> 8) return 'magic';
  if (available < 2) return 'more';
  if (readWord(bytes, at) !== START_MARK) return 'magic';
  if (available < 3) return 'more';
  if (readVersion(bytes, at) !== PROTOCOL_VERSION) return 'version';
  if (available < 4) return 'more';
  if (!isPcpCode(readCode(bytes, at))) return 'code';
  if (available < HEADER_BYTES) return 'more';
  const dataLength = readDataLength(bytes, at);
  if (dataLength > DATA_BYTES_MAX) return 'length';
  const end = at + HEADER_BYTES + dataLength;
  if (end > bytes.length) return 'more';
  return checkCodeOf(bytes, at, end) === readCheckCode(bytes, at) ? end - at : 'crc';
}

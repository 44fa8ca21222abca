/**
 * From TCP reads to the frames of one terminal (PROTOCOLS 2.1, 10): binary reports and text lines in any mixture.
 *
 * At a start mark or `+` a record is taken when its check code and its end fit; otherwise one byte is dropped and the
 * search goes on behind it. An unfinished record is kept, but never hides a whole valid one that follows. Timers and
 * sockets belong to the caller: it calls `expire` 5 s after the last byte of an unfinished record, `end` at the end.
 */
import { hexExcerpt, type DecodeError } from '../errors.ts';
import {
  DEFAULT_TERMINAL_PROFILE,
  type PacketRequest,
  type TerminalErrorName,
  type TerminalFrame,
  type TerminalProfile,
  type UplinkText,
} from './frames.ts';
import { explainCandidate, fitReport, readReport, reportLayouts, type ReportLayout } from './report.ts';
import { isPrintable, readPacketRequest } from './packet-request.ts';
import { readLine, type LineFault } from './text.ts';

/** Bytes of a text line with its line end. */
export const UPLINK_LINE_LIMIT = 1024;

const ERRORS_KEPT = 8;
const PLUS = 0x2b;
const CR = 0x0d;
const LF = 0x0a;
const UPPER_R = 0x52;
const LINE_TOO_LONG: LineFault = Object.freeze({ error: 'line_too_long' });
const BAD_TERMINATOR: LineFault = Object.freeze({ error: 'bad_terminator' });
const NO_TEXT: LineFault = Object.freeze({ error: 'bad_format' });
const NO_ERRORS: readonly DroppedBytes[] = Object.freeze([]);

/** One run of bytes that belonged to no record; `offset` counts from the first byte of the stream. */
export interface DroppedBytes extends DecodeError<TerminalErrorName> {
  /** Length of the run. */
  bytes: number;
}

export interface TerminalStreamOptions {
  profile?: TerminalProfile;
  /** Puts the received bytes of each frame into its `raw`. */
  keepRaw?: boolean;
}

/** The reader of one connection. Holds no buffer while no record is unfinished, and never more than one line. */
export class TerminalStream {
  /** Bytes that belonged to no record, since the start. */
  droppedBytes = 0;

  #profile: TerminalProfile;
  #layouts: readonly ReportLayout[];
  readonly #keepRaw: boolean;
  #pending: Buffer | undefined;
  /** Bytes of the stream before the pending ones. */
  #consumed = 0;
  #errors: DroppedBytes[] | undefined;
  /** Lends its texts to the next request. */
  #lastRequest: PacketRequest | undefined;

  constructor(options: TerminalStreamOptions = {}) {
    this.#profile = options.profile ?? DEFAULT_TERMINAL_PROFILE;
    this.#layouts = reportLayouts(this.#profile);
    this.#keepRaw = options.keepRaw ?? false;
  }

  /** The last runs of dropped bytes, oldest first, at most eight. */
  get errors(): readonly DroppedBytes[] {
    return this.#errors ?? NO_ERRORS;
  }

  /** Bytes of an unfinished record that wait for more. */
  get pendingBytes(): number {
    return this.#pending?.length ?? 0;
  }

  /** Changes the profile, for example to the one SN length of a device that became known. */
  setProfile(profile: TerminalProfile): void {
    this.#profile = profile;
    this.#layouts = reportLayouts(profile);
  }

  /** Takes the bytes of one read; the frames they complete. The array must not be changed. */
  push(chunk: Buffer): TerminalFrame[] {
    if (this.#pending === undefined) {
      // The common case of a transfer: one request, whole, alone. A second line inside makes it unreadable here.
      const end = chunk.length - 2;
      if (end > 0 && chunk[0] === PLUS && chunk[1] === UPPER_R && chunk[end] === CR && chunk[end + 1] === LF) {
        const takes = !this.#keepRaw && chunk.length <= UPLINK_LINE_LIMIT;
        const request = takes ? readPacketRequest(chunk, 0, end, this.#lastRequest) : undefined;
        if (request !== undefined) {
          this.#consumed += chunk.length;
          this.#lastRequest = request;
          return [request];
        }
      }
      return this.#scan(chunk);
    }
    const bytes = Buffer.concat([this.#pending, chunk]);
    this.#pending = undefined;
    return this.#scan(bytes);
  }

  /** The unfinished record took too long: drops its first byte and searches the rest again. */
  expire(): TerminalFrame[] {
    const bytes = this.#pending;
    if (bytes === undefined) return [];
    this.#pending = undefined;
    this.#drop(bytes, 0, 1);
    this.#consumed += 1;
    return this.#scan(bytes.subarray(1));
  }

  /** The connection is closed: nothing can be completed any more. */
  end(): TerminalFrame[] {
    const frames: TerminalFrame[] = [];
    while (this.#pending !== undefined) frames.push(...this.expire());
    return frames;
  }

  #scan(bytes: Buffer): TerminalFrame[] {
    const frames: TerminalFrame[] = [];
    const { startMark } = this.#profile;
    /** End of the last record taken. */
    let from = 0;
    /** The first unfinished record behind it. */
    let held = -1;
    /** The first byte that ends the text that `at` is in: found once, however many `+` the text has. */
    let textEnd = 0;
    let at = 0;
    while (at < bytes.length) {
      let length = 0;
      const byte = bytes[at];
      if (byte === startMark) {
        const layout = fitReport(bytes, at, bytes.length, this.#layouts);
        if (layout === 'more') {
          if (held < 0) held = at;
        } else if (layout !== 'none') {
          length = layout.total;
          if (from < at) this.#drop(bytes, from, at);
          frames.push(this.#kept(readReport(bytes, at, layout), bytes, at, length));
        }
      } else if (byte === PLUS) {
        if (textEnd <= at) textEnd = endOfText(bytes, at + 1);
        const line = this.#line(bytes, at, textEnd);
        if (line === 'more') {
          if (held < 0) held = at;
          break; // all that follows belongs to this line
        }
        if ('type' in line) {
          length = textEnd + 2 - at;
          if (from < at) this.#drop(bytes, from, at);
          frames.push(this.#kept(line, bytes, at, length));
        }
      }
      if (length > 0) {
        at += length;
        from = at;
        held = -1;
      } else {
        at += 1;
      }
    }
    const keepFrom = held < 0 ? bytes.length : held;
    if (from < keepFrom) this.#drop(bytes, from, keepFrom);
    this.#consumed += keepFrom;
    if (keepFrom < bytes.length) {
      // A copy of its own, so that the rest of the read is not kept alive.
      this.#pending = Buffer.allocUnsafeSlow(bytes.length - keepFrom);
      bytes.copy(this.#pending, 0, keepFrom);
    }
    return frames;
  }

  /** Reads the line from the `+` at `start` to `end`, the first byte that is not text. */
  #line(bytes: Buffer, start: number, end: number): UplinkText | LineFault | 'more' {
    if (end + 2 - start > UPLINK_LINE_LIMIT) return LINE_TOO_LONG;
    if (end === bytes.length || (bytes[end] === CR && end + 1 === bytes.length)) return 'more';
    if (bytes[end] !== CR || bytes[end + 1] !== LF) {
      return bytes[end] === CR || bytes[end] === LF ? BAD_TERMINATOR : NO_TEXT;
    }
    const request = readPacketRequest(bytes, start, end, this.#lastRequest);
    if (request === undefined) {
      return readLine(bytes, start, end, { profile: this.#profile, uplinkOnly: true }) as UplinkText | LineFault;
    }
    this.#lastRequest = request;
    return request;
  }

  #kept<Frame extends TerminalFrame>(frame: Frame, bytes: Buffer, start: number, length: number): Frame {
    return this.#keepRaw ? { ...frame, raw: Buffer.from(bytes.subarray(start, start + length)) } : frame;
  }

  #drop(bytes: Buffer, start: number, end: number): void {
    this.droppedBytes += end - start;
    this.#errors ??= [];
    if (this.#errors.length === ERRORS_KEPT) this.#errors.shift();
    this.#errors.push({
      error: this.#explain(bytes, start),
      offset: this.#consumed + start,
      hex: hexExcerpt(bytes, start, end),
      bytes: end - start,
    });
  }

  #explain(bytes: Buffer, start: number): TerminalErrorName {
    if (bytes[start] === this.#profile.startMark) return explainCandidate(bytes, start, bytes.length, this.#layouts);
    if (bytes[start] !== PLUS) return 'bad_start';
    const line = this.#line(bytes, start, endOfText(bytes, start + 1));
    return line === 'more' || 'type' in line ? 'incomplete' : line.error;
  }
}

function endOfText(bytes: Buffer, start: number): number {
  let end = start;
  while (end < bytes.length && isPrintable(bytes[end] as number)) end += 1;
  return end;
}

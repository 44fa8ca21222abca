/**
 * Lines of a control connection out of a stream of bytes, and the command in a line. Made for crude clients: a line
 * ends with LF, with or without CR; case and blanks do not matter. Never throws, holds less than a line.
 */

/** Longest line, with its end; a path has 32 bytes. */
const LINE_BYTES = 512;
const LF = 0x0a;
const EMPTY = Buffer.alloc(0);

/** One line; null: it was too long. */
export type Line = string | null;

/** Cuts a stream into lines. */
export class FtpLines {
  #rest = EMPTY;
  #isSkipping = false;

  /** The lines that are complete with these bytes. */
  push(chunk: Buffer): Line[] {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const lines: Line[] = [];
    let start = 0;
    for (let end = bytes.indexOf(LF); end >= 0; end = bytes.indexOf(LF, start)) {
      const isShort = !this.#isSkipping && end - start < LINE_BYTES;
      lines.push(isShort ? bytes.toString('latin1', start, end) : null);
      this.#isSkipping = false;
      start = end + 1;
    }
    // Nothing of a line that will be refused is kept; what is kept is a copy, so that it does not keep the chunk.
    this.#isSkipping ||= bytes.length - start >= LINE_BYTES;
    this.#rest = this.#isSkipping ? EMPTY : Buffer.from(bytes.subarray(start));
    return lines;
  }
}

/** A command as a client gave it. */
export interface FtpCommand {
  /** In upper case. */
  verb: string;
  /** Without blanks around it; may be empty. */
  argument: string;
}

/** What a line asks for; null: nothing that could be a command. `''` is an empty line, which is no mistake. */
export function readCommand(line: string): FtpCommand | '' | null {
  // Before ABOR a careful client sends two Telnet signals, which are no part of the line.
  const text = line.replace(/^[\u00f0-\u00ff]+/, '').replaceAll(/^[\s\0]+|[\s\0]+$/g, '');
  if (text === '') return '';
  const { verb, argument } = /^(?<verb>[A-Za-z]{3,4})(?:[ \t]+(?<argument>.*))?$/.exec(text)?.groups ?? {};
  if (verb === undefined || /\p{Cc}/u.test(argument ?? '')) return null;
  return { verb: verb.toUpperCase(), argument: argument ?? '' };
}

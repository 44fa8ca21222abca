/**
 * Payloads as a modem shows them: `+NNMI:8,FFFE01134c9a0000` when one comes in, `AT+NMGS=8,FFFE…` when one goes out
 * (PROTOCOLS 1.5). The number counts bytes, not digits; the digits may be in either case.
 */

/** Characters of the longest line that is looked at. */
const LINE_LIMIT = 16 * 1024;

/** The payload of a line, or why the line has none; null when the text is no such line. */
export type AtText = { ok: true; payload: Buffer } | { ok: false; error: 'bad_hex' | 'bad_length'; message: string };

/** Reads one line, with or without a line end around it. */
export function readAtText(text: string): AtText | null {
  if (text.length > LINE_LIMIT) return null;
  const found = /^(?:\+NNMI:|AT\+NMGS=)([0-9]{1,5}),(.*)$/i.exec(text.trim());
  if (found === null) return null;
  const [, length, digits] = found as unknown as [string, string, string];
  if (!/^(?:[0-9A-F]{2})*$/i.test(digits)) {
    return { ok: false, error: 'bad_hex', message: 'what follows the comma must be pairs of hex digits' };
  }
  const payload = Buffer.from(digits, 'hex');
  if (payload.length !== Number(length)) {
    return { ok: false, error: 'bad_length', message: `the line says ${length} bytes and holds ${payload.length}` };
  }
  return { ok: true, payload };
}

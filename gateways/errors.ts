/**
 * The errors of the gateways: one thrown class with a code, and the plain shape in which a codec reports bad bytes.
 *
 * Codecs never throw on what a device sends; they throw `GatewayError` only when asked to build a frame that must not
 * be built. What follows from a code is decided outside (`activities/failures.ts`).
 */

/** Codes of `GatewayError`. */
export const GATEWAY_ERROR_CODES = [
  /** A field of a frame to be built has a value the protocol cannot carry. */
  'invalid_field',
  /** The parameter of a device command is outside its documented range. */
  'para_out_of_range',
  /** A terminal would refuse this upgrade command; `details.terminalResult` is the code it would answer. */
  'ota_command_invalid',
  /** The stored bytes of a file are not what they were, or gone. */
  'file_damaged',
] as const;
export type GatewayErrorCode = (typeof GATEWAY_ERROR_CODES)[number];

/** A refusal or failure of a gateway, with a code to decide by and details to show. */
export class GatewayError extends Error {
  readonly code: GatewayErrorCode;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(
    code: GatewayErrorCode,
    message: string,
    details: Readonly<Record<string, unknown>> = {},
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = 'GatewayError';
    this.code = code;
    this.details = details;
  }
}

/** Why bytes were not understood: a named error, where it was seen and the bytes around it. */
export interface DecodeError<Name extends string = string> {
  error: Name;
  /** Bytes from the start of the input (or of the stream) to the place the error is about. */
  offset: number;
  /** At most 32 bytes of the input from there on, upper-case hex. */
  hex: string;
}

const EXCERPT_BYTES = 32;

/** At most 32 bytes of a range as upper-case hex. */
export function hexExcerpt(bytes: Uint8Array, start: number, end: number = bytes.length): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
    .toString('hex', start, Math.min(end, start + EXCERPT_BYTES))
    .toUpperCase();
}

/** Refuses to build a frame with a value the protocol cannot carry. Throws `invalid_field`. */
export function requireField(holds: boolean, name: string, value: unknown, form: string): void {
  if (!holds) throw new GatewayError('invalid_field', `${name} must be ${form}`, { field: name, value });
}

/** The same for a whole number within bounds. */
export function requireInteger(name: string, value: number, min: number, max: number): void {
  requireField(Number.isInteger(value) && value >= min && value <= max, name, value, `an integer ${min}..${max}`);
}

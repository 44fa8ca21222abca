/**
 * Checks of single fields and the excerpts of errors, shared by the codec of this folder.
 */
import { GatewayError } from '../errors.ts';

const EXCERPT_BYTES = 32;

/** At most 32 bytes of a range as upper-case hex. */
export function hexExcerpt(bytes: Buffer, start: number, end: number): string {
  return bytes.toString('hex', start, Math.min(end, start + EXCERPT_BYTES)).toUpperCase();
}

/** Refuses to build a frame with a value the protocol cannot carry. Throws `invalid_field`. */
export function requireField(holds: boolean, name: string, value: unknown, form: string): void {
  if (!holds) throw new GatewayError('invalid_field', `${name} must be ${form}`, { field: name, value });
}

/** The same for a whole number within bounds. */
export function requireInteger(name: string, value: number, min: number, max: number): void {
  requireField(Number.isInteger(value) && value >= min && value <= max, name, value, `an integer ${min}..${max}`);
}

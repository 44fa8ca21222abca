/**
 * The codec of PCP (the PCP document, PROTOCOLS 1, 10): everything that turns bytes into messages and messages into
 * bytes. Pure and total: bad bytes give named errors, only building an illegal frame throws.
 *
 * - `frames.ts` the types, `fields.ts` single fields, `check-code.ts` the check code
 * - `recognition.ts` PCP or business message, `messages.ts` the messages of both directions
 * - `fragments.ts` a file as fragments, `results.ts` what results mean
 * - `stream.ts` frames in a stream, `at-text.ts` payloads as the hex text of a modem
 */
export { checkCodeOf } from './check-code.ts';
export { hexOf } from './fields.ts';
export * from './frames.ts';
export { DATA_BYTES_MAX, decodePcp, encodePcp } from './messages.ts';
export { DEFAULT_FRAGMENT_SIZE, FRAGMENT_TOTAL_MAX, fragmentOf, fragmentTotal } from './fragments.ts';
export { pcpResult, type PcpResult, type PcpRetry } from './results.ts';
export { PROTOCOL_VERSION } from './recognition.ts';
export { PcpStream, type PcpDropped } from './stream.ts';
export { readAtText, type AtText } from './at-text.ts';

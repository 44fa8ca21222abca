/**
 * The codec of the charging pile (the charging-pile document, PROTOCOLS 4, 10): everything that turns bytes into frames
 * and frames into bytes. Pure and total: bad bytes give named errors, only building an illegal frame throws.
 *
 * - `frames.ts` the types, `layouts.ts` the bodies as tables, `fields.ts` checks of fields
 * - `frame-bytes.ts` one frame, `stream.ts` the reader of a TCP stream
 */
export * from './frames.ts';
export { decodeFrame, encodeFrame, nextSequence, wireHex } from './frame-bytes.ts';
export { PileStream, type PileDroppedBytes, type PileReceived } from './stream.ts';

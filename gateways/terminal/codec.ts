/**
 * The codec of the 2G terminal (the 2G terminal document, PROTOCOLS 2, 3, 10): everything that turns bytes into frames
 * and frames into bytes. Pure and total: bad bytes give named errors, only building an illegal frame throws.
 *
 * - `report.ts` the binary report, `ota.ts` the upgrade command and its packets
 * - `text.ts` reads text lines, `lines.ts` builds them, `packet-request.ts` reads the frequent one fast
 * - `stream.ts` the reader of a TCP stream, `frames.ts` the types
 *
 * Connections, answers and timers are in `session.ts`.
 */
export * from './frames.ts';
export { decodeReport, encodeReport, type ReportFields } from './report.ts';
export { COMMAND_ERRORS, decodeText, type TextOptions } from './text.ts';
export { SLEEP_MINUTES_MAX, SLEEP_MINUTES_MIN, sleepMinutes } from './fields.ts';
export {
  encodeCommand,
  encodeOtaError,
  encodeOtaOver,
  encodePacketRequest,
  encodeResponse,
  terminalVersion,
  type CommandFields,
  type PacketRequestFields,
  type ResponseFields,
} from './lines.ts';
export {
  checkOtaCommand,
  DEFAULT_PACKET_SIZE,
  encodeOtaCommand,
  FILE_SIZE_MAX,
  FILE_SIZE_MIN,
  OTA_COMMAND_KEYWORDS,
  OTA_ERRORS,
  otaErrorMeaning,
  packetCount,
  packetOf,
  pinfoVersion,
  type OtaOffer,
} from './ota.ts';
export { TerminalStream, UPLINK_LINE_LIMIT, type DroppedBytes, type TerminalStreamOptions } from './stream.ts';

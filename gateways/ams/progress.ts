/**
 * `POST /ams/{imei}/progress`: how far a tracker is with what it fetches, or why it gave up. A tracker need not say
 * anything; what it fetches is seen anyway.
 */
import { AMS_PROTOCOL, type AmsContext } from './context.ts';
import type { Directives } from './directives.ts';
import { FILE_DAMAGED, type Transfers } from '../transfers.ts';
import { deviceOf } from './uploads.ts';
import { problem, type DeviceAnswer, type DeviceRequest, type DeviceRoute } from '../http.ts';

const BODY_BYTES = 1_024;

/** The route of progress reports. */
export function progressRoute(context: AmsContext, transfers: Transfers, directives: Directives): DeviceRoute {
  return {
    methods: ['POST'],
    path: /^\/ams\/(?<imei>[^/]{1,64})\/progress$/,
    maxBodyBytes: BODY_BYTES,
    handle: (request) => takeProgress(context, transfers, directives, request),
  };
}

/** What a tracker may say. */
type Word = { error: string } | { percent: number } | { bytes: number };

async function takeProgress(
  context: AmsContext,
  transfers: Transfers,
  directives: Directives,
  request: DeviceRequest,
): Promise<DeviceAnswer> {
  const device = await deviceOf(context, request);
  if ('status' in device) return device;
  const word = readWord(request.body);
  if (word === null) {
    return problem(422, 'bad_progress', 'write {"percent":0..100}, {"bytes":0..size} or {"error":"word"}');
  }
  const { host } = context;
  const offer = device.deviceId.startsWith(`${AMS_PROTOCOL}-`) ? await host.openOffer(device.deviceId) : null;
  // Nothing that was never told can make progress or fail.
  if (offer === null || offer.sends === 0) {
    return problem(409, 'nothing_offered', 'no file waits for this device; upload your versions');
  }
  if ('error' in word) {
    const kind = word.error === FILE_DAMAGED ? 'unknown' : word.error; // that is not for a device to say
    await host.failed(offer, { protocol: AMS_PROTOCOL, errcode: null, kind });
    directives.expect(offer.deviceId);
    return ACCEPTED;
  }
  const { sizeBytes } = offer;
  const bytes = 'bytes' in word ? word.bytes : Math.floor((sizeBytes * word.percent) / 100);
  if (bytes > sizeBytes) return problem(422, 'bad_progress', `the file has ${sizeBytes} bytes`);
  transfers.told(offer, bytes);
  return ACCEPTED;
}

const ACCEPTED: DeviceAnswer = { status: 200, body: { accepted: true } };

/** Reads the body; null when it says nothing that is known. An error comes before a number. */
function readWord(body: string): Word | null {
  let said: unknown;
  try {
    said = JSON.parse(body);
  } catch {
    return null;
  }
  if (typeof said !== 'object' || said === null) return null;
  const { error, bytes, percent } = said as Record<string, unknown>;
  // PostgreSQL keeps no NUL in text.
  if (typeof error === 'string' && /^[^\0]{1,100}$/.test(error)) return { error: error.toLowerCase() };
  if (error !== undefined) return null;
  if (isNumber(bytes) && Number.isInteger(bytes)) return { bytes };
  if (isNumber(percent) && percent <= 100) return { percent };
  return null;
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && Number.isFinite(value);
}

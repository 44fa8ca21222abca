/**
 * `POST /ams/{imei}/versions`: what a tracker runs (PROTOCOLS 6.4), answered with what it is to fetch (PROTOCOLS 10).
 * Any device that was registered with an IMEI may upload versions; only trackers are told to fetch something.
 */
import { AMS_PROTOCOL, type AmsContext } from './context.ts';
import type { Directives } from './directives.ts';
import { VERSIONS_TEXT_LIMIT, readVersions } from './versions.ts';
import { problem, type DeviceAnswer, type DeviceRequest, type DeviceRoute } from '../http.ts';

/** The route of version uploads. */
export function versionsRoute(context: AmsContext, directives: Directives): DeviceRoute {
  return {
    methods: ['POST'],
    path: /^\/ams\/(?<imei>[^/]{1,64})\/versions$/,
    maxBodyBytes: VERSIONS_TEXT_LIMIT,
    handle: (request) => takeVersions(context, directives, request),
  };
}

/** The registered device a path names, or the refusal. */
export async function deviceOf(
  { host }: AmsContext,
  { params, address }: DeviceRequest,
): Promise<{ deviceId: string } | DeviceAnswer> {
  const imei = params['imei'] ?? '';
  if (!/^\d{15}$/.test(imei)) return problem(400, 'bad_imei', 'an IMEI has 15 digits');
  const device = await host.findByImei(imei, address);
  return device ?? problem(404, 'not_registered', `no device with IMEI ${imei} is registered`);
}

async function takeVersions(
  context: AmsContext,
  directives: Directives,
  request: DeviceRequest,
): Promise<DeviceAnswer> {
  const device = await deviceOf(context, request);
  if ('status' in device) return device;
  const { deviceId } = device;
  const { host } = context;
  // PostgreSQL keeps no NUL in text; nothing a device means by it could be shown anyway.
  const text = request.body.replaceAll('\0', '\uFFFD');
  const read = readVersions(text);
  if (!read.ok) {
    await host.refusedReport({ deviceId, source: AMS_PROTOCOL, raw: text, error: read.error });
    return problem(422, read.error, "write {t:'1',v:'VERSION'},… ; nothing of this upload was stored as a version");
  }
  const versions = read.versions
    .filter(({ kind }) => kind !== 'unknown')
    .map(({ t, v }) => ({ component: `T${t}`, version: v }));
  const { warnings } = read;
  // Stored first: a proof or the opening of a gate by this very upload counts.
  const isWoken = await host.reported({ deviceId, source: AMS_PROTOCOL, raw: text, versions, warnings });
  const directive = await directives.find(deviceId, request.origin, isWoken);
  return { status: 200, body: { directive, warnings } };
}

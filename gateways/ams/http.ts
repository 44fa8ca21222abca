/**
 * What AMS devices call: the version upload (PROTOCOLS 6.4). Any device that was registered with an IMEI may use it.
 */
import { VERSIONS_TEXT_LIMIT, readVersions } from './versions.ts';
import type { DeviceHost } from '../devices.ts';
import type { DeviceAnswer, DeviceRequest, DeviceRoute } from '../http.ts';

/** The paths of AMS devices. */
export function amsRoutes(host: DeviceHost): DeviceRoute[] {
  return [
    {
      method: 'POST',
      path: /^\/ams\/(?<imei>[^/]{1,64})\/versions$/,
      maxBodyBytes: VERSIONS_TEXT_LIMIT,
      handle: (request) => takeVersions(host, request),
    },
  ];
}

async function takeVersions(host: DeviceHost, { params, body, address }: DeviceRequest): Promise<DeviceAnswer> {
  const imei = params['imei'] ?? '';
  if (!/^\d{15}$/.test(imei)) {
    return { status: 400, body: { error: 'bad_imei', message: 'an IMEI has 15 digits' } };
  }
  const device = await host.findByImei(imei, address);
  if (device === null) {
    return { status: 404, body: { error: 'not_registered', message: `no device with IMEI ${imei} is registered` } };
  }
  const { deviceId } = device;
  // PostgreSQL keeps no NUL in text; nothing a device means by it could be shown anyway.
  const text = body.replaceAll('\0', '\uFFFD');
  const read = readVersions(text);
  if (!read.ok) {
    await host.refusedReport({ deviceId, source: 'ams', raw: text, error: read.error });
    return {
      status: 422,
      body: {
        error: read.error,
        message: "write {t:'1',v:'VERSION'},… ; nothing of this upload was stored as a version",
      },
    };
  }
  const versions = read.versions
    .filter(({ kind }) => kind !== 'unknown')
    .map(({ t, v }) => ({ component: `T${t}`, version: v }));
  await host.reported({ deviceId, source: 'ams', raw: text, versions, warnings: read.warnings });
  // No tracker is upgraded over HTTP yet, so there is never a file waiting.
  return { status: 200, body: { directive: null, warnings: read.warnings } };
}

/** Texts of devices. */
import { dictionary } from '../../../shell/locale.ts';
import { devices as en } from '../../../texts/en/devices.ts';
import { devices as zh } from '../../../texts/zh/devices.ts';

export const t = dictionary(en, zh);

/** The page of a device. */
export const deviceAddress = (deviceId: string) => `/devices/${encodeURIComponent(deviceId)}`;

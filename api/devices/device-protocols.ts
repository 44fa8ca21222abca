/**
 * What each protocol asks of a registered device, one entry per protocol: how it is named, and what else must be known
 * of it. How a row of an import is read is in `device-rows.ts`.
 */
import type { Protocol } from '../../db/schema.ts';

/** What a protocol says of its devices. */
export interface DeviceRules {
  /** The identity as it is stored; null: it is none. */
  readIdentity: (text: string) => string | null;
  /** What an identity is, for refusals. */
  identityIs: string;
  /** The identity is the IMEI, too. */
  isNamedByImei: boolean;
}

/** Kinds of charging piles. */
export const PILE_MODELS = ['DC', 'AC'] as const;
/** Two bytes carry it (PROTOCOLS 4.2, frame 94). */
export const MAX_POWER_KW = 65_535;

const BY_IMEI = {
  readIdentity: (text: string) => (isImei(text) ? text : null),
  isNamedByImei: true,
};
const ROUNDED = 'spreadsheets round long numbers, so mark the column as text';

/** Every protocol's rules. */
export const DEVICE_RULES: Readonly<Record<Protocol, DeviceRules>> = {
  terminal: {
    readIdentity: (text) =>
      /^[0-9a-fA-F]+$/.test(text) && [10, 12, 16].includes(text.length) ? text.toUpperCase() : null,
    identityIs: 'the SN of a terminal is 10, 12 or 16 digits 0-9 and A-F; copy it from the label',
    isNamedByImei: false,
  },
  ams: { ...BY_IMEI, identityIs: `a tracker is named by its IMEI, 15 digits; ${ROUNDED}` },
  pcp: { ...BY_IMEI, identityIs: `a PCP device is named by its IMEI, 15 digits; ${ROUNDED}` },
  pile: {
    readIdentity: (text) => (/^\d{14}$/.test(text) ? text : null),
    identityIs: `a charging pile is named by its pile number, 14 digits; ${ROUNDED}`,
    isNamedByImei: false,
  },
};

/** True for 15 digits. */
export function isImei(text: string): boolean {
  return /^\d{15}$/.test(text);
}

/** True for a whole number of kW that a pile can have. */
export function isPower(kilowatts: number): boolean {
  return Number.isInteger(kilowatts) && kilowatts >= 1 && kilowatts <= MAX_POWER_KW;
}

/**
 * What is wrong with model and power of a device as they would be stored; null when nothing is. The file of a pile is
 * chosen by both, and sent with both: a pile is not registered without them.
 */
export function kindFault(
  protocol: Protocol,
  { model, powerKw }: { model: string; powerKw: number | null },
): { field: 'model' | 'powerKw'; code: string; message: string } | null {
  if (protocol !== 'pile') {
    return powerKw === null ? null : { field: 'powerKw', code: 'power_not_for_protocol', message: POWER_OF_PILES };
  }
  if (!PILE_MODELS.some((known) => known === model)) {
    const is = model === '' ? 'the model of the pile is missing' : `"${model.slice(0, 50)}" is no model of a pile`;
    return { field: 'model', code: 'model_wrong', message: `${is}; write DC or AC, as the plate says` };
  }
  if (powerKw === null || !isPower(powerKw)) return { field: 'powerKw', code: 'power_wrong', message: POWER_MISSING };
  return null;
}

export const POWER_OF_PILES = 'powerKw is the power of a charging pile; leave it out for other devices';
export const POWER_MISSING = `powerKw is needed for a charging pile: its rated power in whole kW, 1 to ${MAX_POWER_KW}, as the plate says`;

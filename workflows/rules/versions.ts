/**
 * What a version belongs to and how the text an operator types becomes a list of versions.
 *
 * Versions are compared exactly and with case: `V1.0` and `v1.0` are different firmware.
 */

/** Components a version report can name: OTA, OBD, baseband, MCU, GPS. Terminals, PCP devices and piles have `T1` only. */
export const COMPONENTS = ['T1', 'T2', 'T3', 'T4', 'T5'] as const;
export type Component = (typeof COMPONENTS)[number];

/** Baseband: the reported version opens the way, but only a person closes the upgrade. */
export function needsOperatorConfirmation(component: Component): boolean {
  return component === 'T3';
}

/** Splits the "current versions" field: CR LF or LF, trimmed, blanks and doubles dropped, order kept. */
export function splitVersions(text: string): string[] {
  return [
    ...new Set(
      text
        .split(/\r?\n/)
        .map((line) => line.trim())
        .filter((line) => line !== ''),
    ),
  ];
}

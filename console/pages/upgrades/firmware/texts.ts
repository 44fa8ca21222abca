/** Texts of upgrade files; kinds of devices and components are named alike on every page. */
import { dictionary } from '../../../shell/locale.ts';
import { firmware as en } from '../../../texts/en/firmware.ts';
import { firmware as zh } from '../../../texts/zh/firmware.ts';

export const t = dictionary(en, zh);

export const PROTOCOLS = ['terminal', 'ams', 'pcp', 'pile'] as const;
export type Protocol = (typeof PROTOCOLS)[number];
export const COMPONENTS = ['T1', 'T2', 'T3', 'T4', 'T5'] as const;
export type Component = (typeof COMPONENTS)[number];

/** Choices for a `SelectField`. */
export const protocolChoices = () => PROTOCOLS.map((value) => ({ value, label: t().protocols[value] }));
export const componentChoices = () => COMPONENTS.map((value) => ({ value, label: t().components[value] }));
export const protocolText = (protocol: string) => t().protocols[protocol as Protocol] ?? protocol;

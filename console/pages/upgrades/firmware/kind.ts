/** What devices a file is for, in words. */
import type { Firmware } from '../../../api-types.ts';
import { protocolText, t } from './texts.ts';

export function kindText(file: Firmware): string {
  const parts = [
    protocolText(file.protocol),
    file.protocol === 'ams' && t().components[file.component],
    file.model,
    file.powerKw !== null && `${file.powerKw} kW`,
  ];
  return parts.filter(Boolean).join(' · ');
}

/** Texts of the pages about trays. */
import { dictionary } from '../../shell/locale.ts';
import { trays as en } from '../../texts/en/trays.ts';
import { trays as zh } from '../../texts/zh/trays.ts';

export const t = dictionary(en, zh);

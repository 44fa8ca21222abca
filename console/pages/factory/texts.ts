/** Texts of the equipment pages. */
import { dictionary } from '../../shell/locale.ts';
import { factory as en } from '../../texts/en/factory.ts';
import { factory as zh } from '../../texts/zh/factory.ts';

export const t = dictionary(en, zh);

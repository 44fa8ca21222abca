/** Texts of the overview. */
import { dictionary } from '../../shell/locale.ts';
import { overview as en } from '../../texts/en/overview.ts';
import { overview as zh } from '../../texts/zh/overview.ts';

export const t = dictionary(en, zh);

/** Texts of the administrators' pages. */
import { dictionary } from '../../shell/locale.ts';
import { admin as en } from '../../texts/en/admin.ts';
import { admin as zh } from '../../texts/zh/admin.ts';

export const t = dictionary(en, zh);

/** Texts of the making of a task. */
import { dictionary } from '../../../shell/locale.ts';
import { wizard as en } from '../../../texts/en/wizard.ts';
import { wizard as zh } from '../../../texts/zh/wizard.ts';

export const t = dictionary(en, zh);

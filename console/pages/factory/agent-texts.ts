/** Texts of the pages about agents. */
import { dictionary } from '../../shell/locale.ts';
import { agents as en } from '../../texts/en/agents.ts';
import { agents as zh } from '../../texts/zh/agents.ts';

export const t = dictionary(en, zh);

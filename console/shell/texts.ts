/** Texts of the frame, and those that every page needs. */
import { shell as en } from '../texts/en/shell.ts';
import { shell as zh } from '../texts/zh/shell.ts';
import { dictionary } from './locale.ts';

export const t = dictionary(en, zh);

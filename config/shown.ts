/**
 * Settings as administrators see them: what was given, or that something was; never a secret.
 */
import type { Variable } from './formats.ts';

/** One setting of a running process. */
export interface ShownSetting {
  name: string;
  /** As it was given; `(set)` for a secret; null: the default counts. */
  value: string | null;
  isSecret: boolean;
  /** What counts when nothing is given, in words. */
  default: string;
  meaning: string;
  /** What may be written. */
  format: string;
}

const SECRET = '(set)';
/** Between `//` and the host of an address: a name, perhaps with a password. */
const CREDENTIALS = /(\/\/)[^/?#\s]*@/g;

/** The settings of an environment, by a table and its descriptions. */
export function showSettings(
  table: Readonly<Record<string, Variable<unknown>>>,
  descriptions: readonly Omit<ShownSetting, 'value' | 'isSecret'>[],
  env: Readonly<Record<string, string | undefined>>,
): ShownSetting[] {
  return descriptions.map(({ name, default: fallback, meaning, format }) => {
    const isSecret = table[name]?.secret === true;
    const given = env[name]?.trim() ?? '';
    const value = given === '' ? null : isSecret ? SECRET : given.replaceAll(CREDENTIALS, '$1***@');
    return { name, value, isSecret, default: fallback, meaning, format };
  });
}

/**
 * The two languages. A dictionary is a function that answers the texts of the current language; components that call
 * it are drawn again when the language changes.
 */
import { effect, signal } from '@preact/signals';
import type { Texts } from './dictionary.ts';
import { recall, remember } from './memory.ts';

export type { Texts } from './dictionary.ts';

export const LOCALES = ['zh', 'en'] as const;
export type Locale = (typeof LOCALES)[number];

export const locale = signal<Locale>(firstLocale());

effect(() => {
  document.documentElement.lang = locale.value === 'zh' ? 'zh-CN' : 'en';
});

export function setLocale(next: Locale): void {
  locale.value = next;
  remember('locale', next);
}

/** For dates and numbers. */
export function localeTag(): string {
  return locale.value === 'zh' ? 'zh-CN' : 'en-GB';
}

/** `const t = dictionary(en, zh)`; in a component `t().save`. */
export function dictionary<English extends object>(en: English, zh: Texts<English>): () => Texts<English> {
  return () => (locale.value === 'zh' ? zh : (en as Texts<English>));
}

function firstLocale(): Locale {
  const kept = recall('locale');
  if (kept === 'zh' || kept === 'en') return kept;
  return navigator.languages
    .find((each) => /^(zh|en)/i.test(each))
    ?.toLowerCase()
    .startsWith('zh') === true
    ? 'zh'
    : 'en';
}

/** Language, and light or dark. */
import { MoonIcon, SunIcon } from '../parts/icons.tsx';
import { locale, setLocale } from './locale.ts';
import { t } from './texts.ts';
import { switchTheme, theme } from './theme.ts';

export function LanguageSwitch() {
  const other = locale.value === 'zh' ? 'en' : 'zh';
  return (
    <button type="button" class="button quiet" lang={other === 'zh' ? 'zh-CN' : 'en'} onClick={() => setLocale(other)}>
      {t().account.switchLanguage}
    </button>
  );
}

export function ThemeSwitch() {
  const isDark = theme() === 'dark';
  const label = isDark ? t().account.toLight : t().account.toDark;
  return (
    <button type="button" class="button quiet icon-only" title={label} aria-label={label} onClick={switchTheme}>
      {isDark ? <SunIcon /> : <MoonIcon />}
    </button>
  );
}

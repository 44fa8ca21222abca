/** Light or dark: as the system says, unless somebody chose. */
import { effect, signal } from '@preact/signals';
import { recall, remember } from './memory.ts';

export type Theme = 'light' | 'dark';

const system = matchMedia('(prefers-color-scheme: dark)');
const kept = recall('theme');
const chosen = signal<Theme | null>(kept === 'light' || kept === 'dark' ? kept : null);
const bySystem = signal<Theme>(system.matches ? 'dark' : 'light');
system.addEventListener('change', ({ matches }) => (bySystem.value = matches ? 'dark' : 'light'));

/** What is shown now. */
export function theme(): Theme {
  return chosen.value ?? bySystem.value;
}

export function switchTheme(): void {
  chosen.value = theme() === 'dark' ? 'light' : 'dark';
  remember('theme', chosen.value);
}

effect(() => {
  document.documentElement.dataset['theme'] = theme();
});

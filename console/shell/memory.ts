/**
 * Small things this browser remembers: language, light or dark. Where storage is forbidden, nothing is remembered.
 */
const PREFIX = 'slipway.';

export function recall(name: string): string | null {
  try {
    return localStorage.getItem(PREFIX + name);
  } catch {
    return null;
  }
}

export function remember(name: string, value: string): void {
  try {
    localStorage.setItem(PREFIX + name, value);
  } catch {
    // private windows may refuse
  }
}

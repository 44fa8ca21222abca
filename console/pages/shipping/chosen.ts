/**
 * Devices that were chosen on one page and go to another: too many for an address. Kept while the tab is open, so that
 * reading the page again loses nothing.
 */
const NAME = 'slipway.chosen-imeis';

export function keepChosen(imeis: Iterable<string>): void {
  try {
    sessionStorage.setItem(NAME, [...imeis].join('\n'));
  } catch {
    // no storage, or too much for it: the form begins empty
  }
}

/** What was kept last, one IMEI per line. */
export function readChosen(): string {
  try {
    return sessionStorage.getItem(NAME) ?? '';
  } catch {
    return '';
  }
}

export function forgetChosen(): void {
  try {
    sessionStorage.removeItem(NAME);
  } catch {
    // nothing was kept
  }
}

/** IMEIs from text as people paste it: lines, blanks, commas, semicolons, also the wide ones. */
export function readImeis(text: string): string[] {
  return text.split(/[\s,;，；、"']+/).filter((each) => each !== '');
}

/**
 * How many columns of a terminal a text takes: Chinese characters and emoji take two, combining marks none. Whatever
 * could move the cursor or change colours is taken out first: texts come from devices and other people.
 */

// C0 and C1 controls, and those that turn the direction of writing
// oxlint-disable-next-line no-control-regex -- taking them out is what this is for
const CONTROLS = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]+/g;
const PLAIN = /^[\u0020-\u007e]*$/;
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe4f\uff00-\uff60\uffe0-\uffe6]|[\u{1f300}-\u{1f64f}\u{1f680}-\u{1f6ff}\u{1f900}-\u{1f9ff}\u{20000}-\u{3fffd}]/u;
const NOTHING = /^[\p{Mn}\p{Me}\p{Cf}]+$/u;

let segmenter: Intl.Segmenter | null = null;

/** A text on one line, without anything that a terminal would obey. */
export function oneLine(text: string): string {
  return PLAIN.test(text) ? text : text.replaceAll(CONTROLS, ' ').trim();
}

/** Columns a text takes; it holds no controls. */
export function widthOf(text: string): number {
  if (PLAIN.test(text)) return text.length;
  let width = 0;
  for (const character of charactersOf(text)) width += characterWidth(character);
  return width;
}

/** The beginning of a text that fits, with `…` where something is missing. */
export function cut(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  let kept = '';
  let taken = 0;
  for (const character of charactersOf(text)) {
    const wide = characterWidth(character);
    if (taken + wide > width - 1) break;
    kept += character;
    taken += wide;
  }
  return width < 1 ? '' : `${kept}…`;
}

/** The text and as many blanks as it needs to take `width` columns. */
export function pad(text: string, width: number, align: 'left' | 'right' = 'left'): string {
  const blanks = ' '.repeat(Math.max(0, width - widthOf(text)));
  return align === 'right' ? blanks + text : text + blanks;
}

function* charactersOf(text: string): Generator<string> {
  segmenter ??= new Intl.Segmenter('en', { granularity: 'grapheme' });
  for (const { segment } of segmenter.segment(text)) yield segment;
}

function characterWidth(character: string): number {
  if (NOTHING.test(character)) return 0;
  return WIDE.test(character) ? 2 : 1;
}

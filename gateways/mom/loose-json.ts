/**
 * Reads JSON as the host computers of equipment send it (PROTOCOLS 5.3), when strict JSON has failed: comments,
 * full-width commas, a stray quote, line breaks inside strings. What was repaired is named; what has lost its structure
 * (a bracket too many, a missing comma) is refused.
 *
 * Total and linear: one pass over the text, nesting is limited. Keys are left as they are, blanks included.
 */

/** Lists and objects inside each other; real bodies have three. */
export const DEPTH_LIMIT = 16;

/** Repairs, each reported at most once. */
export type LooseRepair =
  | 'byte_order_mark'
  | 'comment'
  | 'full_width_punctuation'
  | 'trailing_comma'
  | 'stray_quote'
  | 'line_break_in_string'
  | 'control_character'
  | 'bad_escape'
  | 'literal_case'
  | 'number_form';

/** A number that would lose digits as a JavaScript number, or is none in JSON: kept as it was written. */
export class WrittenNumber {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

export type LooseJson =
  { ok: true; value: unknown; repairs: LooseRepair[] } | { ok: false; offset: number; expected: string };

/** Reads one value. Objects have no prototype; numbers that are not what they look like are `WrittenNumber`. */
export function parseLoose(text: string): LooseJson {
  const reader = new Reader(text);
  try {
    const value = reader.document();
    return { ok: true, value, repairs: [...reader.repairs] };
  } catch (error) {
    if (error instanceof Fault) return { ok: false, offset: error.offset, expected: error.message };
    throw error;
  }
}

/** Where reading cannot go on; never leaves this file. */
class Fault extends Error {
  readonly offset: number;
  constructor(offset: number, expected: string) {
    super(expected);
    this.offset = offset;
  }
}

const SHORT_ESCAPES: Readonly<Record<string, string>> = {
  '"': '"',
  '\\': '\\',
  '/': '/',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
};
const LITERALS: Readonly<Record<string, boolean | null>> = { true: true, false: false, null: null };

class Reader {
  readonly repairs = new Set<LooseRepair>();
  readonly #text: string;
  #at = 0;
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
  }

  document(): unknown {
    if (this.#text.startsWith('\ufeff')) {
      this.repairs.add('byte_order_mark');
      this.#at = 1;
    }
    this.#skipHeading();
    const value = this.#value();
    if (this.#peek() !== '') throw new Fault(this.#at, 'nothing more after the object');
    return value;
  }

  /** A heading such as `#样例 1` stands before the object, sometimes on the same line. */
  #skipHeading(): void {
    while (this.#peek(false) === '#') {
      this.repairs.add('comment');
      while (this.#at < this.#text.length && !'\r\n{'.includes(this.#text[this.#at] as string)) this.#at += 1;
    }
  }

  #value(): unknown {
    const next = this.#peek();
    if (next === '{') return this.#nested(() => this.#object());
    if (next === '[') return this.#nested(() => this.#list());
    if (next === '"') return this.#string();
    return this.#word();
  }

  #nested<T>(read: () => T): T {
    if (this.#depth === DEPTH_LIMIT) throw new Fault(this.#at, `at most ${DEPTH_LIMIT} levels`);
    this.#depth += 1;
    this.#at += 1;
    const value = read();
    this.#depth -= 1;
    return value;
  }

  #object(): Record<string, unknown> {
    const members = Object.create(null) as Record<string, unknown>;
    while (this.#peek() !== '}') {
      if (this.#peek() !== '"') throw new Fault(this.#at, 'a key in quotes');
      const key = this.#string();
      if (!this.#take(':', '：')) throw new Fault(this.#at, 'a colon');
      const value = this.#value();
      members[key] = value;
      if (Array.isArray(value)) this.#skipStrayQuote();
      this.#separator('}');
    }
    this.#at += 1;
    return members;
  }

  #list(): unknown[] {
    const items: unknown[] = [];
    while (this.#peek() !== ']') {
      items.push(this.#value());
      this.#separator(']');
    }
    this.#at += 1;
    return items;
  }

  /** Takes the comma between entries; the end may follow it. */
  #separator(end: '}' | ']'): void {
    if (this.#take(',', '，')) {
      if (this.#peek() === end) this.repairs.add('trailing_comma');
    } else if (this.#peek() !== end) {
      throw new Fault(this.#at, `a comma or ${end}`);
    }
  }

  /** `]"}` or `]",`: the quote is nobody's. */
  #skipStrayQuote(): void {
    if (this.#peek() !== '"') return;
    const before = this.#at;
    this.#at += 1;
    if (['}', ',', '，'].includes(this.#peek())) this.repairs.add('stray_quote');
    else this.#at = before;
  }

  #string(): string {
    const start = this.#at + 1;
    let end = start;
    let isPlain = true;
    for (; this.#text[end] !== '"'; end += 1) {
      const code = this.#text.charCodeAt(end);
      if (Number.isNaN(code)) throw new Fault(start - 1, 'the end of this string');
      if (code === 0x5c) end += 1;
      if (code === 0x5c || code < 0x20) isPlain = false;
    }
    this.#at = end + 1;
    const raw = this.#text.slice(start, end);
    return isPlain ? raw : this.#unescaped(this.#joined(raw));
  }

  /** Without line breaks and the blanks around them. */
  #joined(raw: string): string {
    const lines = raw.split(/[\r\n]+/);
    if (lines.length === 1) return raw;
    this.repairs.add('line_break_in_string');
    const last = lines.length - 1;
    return lines
      .map((line, index) => (index === 0 ? line.trimEnd() : index === last ? line.trimStart() : line.trim()))
      .join('');
  }

  #unescaped(raw: string): string {
    // oxlint-disable-next-line no-control-regex -- they are what is looked for
    if (/[\u0000-\u001f]/.test(raw)) this.repairs.add('control_character');
    return raw.replace(/\\(?:u([0-9A-Fa-f]{4})|([\s\S]?))/g, (whole, hex: string | undefined, short = '') => {
      if (hex !== undefined) return String.fromCharCode(Number.parseInt(hex, 16));
      const character = Object.hasOwn(SHORT_ESCAPES, short) ? SHORT_ESCAPES[short] : undefined;
      if (character === undefined) this.repairs.add('bad_escape'); // a path of Windows, most likely
      return character ?? whole;
    });
  }

  /** A number, or true, false, null in any case. */
  #word(): unknown {
    const start = this.#at;
    while (this.#at < this.#text.length && /[\w.+-]/.test(this.#text[this.#at] as string)) this.#at += 1;
    const word = this.#text.slice(start, this.#at);
    const lower = word.toLowerCase();
    if (Object.hasOwn(LITERALS, lower)) {
      if (lower !== word) this.repairs.add('literal_case');
      return LITERALS[lower];
    }
    if (!/^[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?$/.test(word)) throw new Fault(start, 'a value');
    if (!/^-?(?:0|[1-9]\d*)(?:\.|e|$)/i.test(word)) this.repairs.add('number_form');
    const number = Number(word);
    return String(number) === word ? number : new WrittenNumber(word);
  }

  #take(character: string, fullWidth: string): boolean {
    const next = this.#peek();
    if (next !== character && next !== fullWidth) return false;
    if (next === fullWidth) this.repairs.add('full_width_punctuation');
    this.#at += 1;
    return true;
  }

  /** The next character after white space and comments, `''` at the end. */
  #peek(skipsHash = true): string {
    for (;;) {
      const character = this.#text[this.#at] ?? '';
      if (character !== '' && character.trim() === '') this.#at += 1;
      else if (!this.#skipComment(character, skipsHash)) return character;
    }
  }

  #skipComment(character: string, skipsHash: boolean): boolean {
    const second = character === '/' ? this.#text[this.#at + 1] : undefined;
    if (second === '*') {
      const end = this.#text.indexOf('*/', this.#at + 2);
      if (end === -1) throw new Fault(this.#at, 'the end of this comment');
      this.#at = end + 2;
    } else if (second === '/' || (character === '#' && skipsHash)) {
      while (this.#at < this.#text.length && !'\r\n'.includes(this.#text[this.#at] as string)) this.#at += 1;
    } else {
      return false;
    }
    this.repairs.add('comment');
    return true;
  }
}

/**
 * Reads what an AMS tracker uploads as its versions (PROTOCOLS 6.4): a JSON array without its outer brackets and with
 * loose quoting, for example `{t:'3',v:'JM66_10_A1D_B4_F1'},{t:'1',v:'JM66_10_A1D_B4_R0_V02'}`.
 *
 * Total: every text gives a list or one named error, and an error refuses the whole upload. The text is tokenised, never
 * split, because commas, braces and colons inside strings are data. It is not a reader for JSON in general.
 */

/** What each type stands for. */
export const VERSION_KINDS: Readonly<Record<string, string>> = {
  1: 'OTA',
  2: 'OBD',
  3: 'baseband',
  4: 'MCU',
  5: 'GPS',
};

/** Characters of an upload; a longer one is refused as `syntax` unread, real ones have a few hundred. */
export const VERSIONS_TEXT_LIMIT = 65_536;

/** One component and its version, in the order of the upload. */
export interface UploadedVersion {
  /** `1`..`5`, or the text of an unknown type. */
  t: string;
  kind: string;
  v: string;
}

export const VERSIONS_ERRORS = ['empty', 'syntax', 'missing_type', 'missing_version'] as const;
export type VersionsError = (typeof VERSIONS_ERRORS)[number];

/**
 * Warnings, each at most once, in the order of their first cause: `trailing_comma`, `full_width_punctuation`,
 * `unquoted_value`, `empty_list`, `unknown_type:<t>`, `duplicate_type:<t>`, `empty_version:<t>`, `extra_key:<k>`.
 */
export type ReadVersions =
  { ok: true; versions: UploadedVersion[]; warnings: string[] } | { ok: false; error: VersionsError };

/** Reads one upload. */
export function readVersions(text: string): ReadVersions {
  if (text.length > VERSIONS_TEXT_LIMIT) return { ok: false, error: 'syntax' };
  if (text.trim() === '') return { ok: false, error: 'empty' };
  return new Reader(text).list();
}

/** A value: `text` null for a missing one (`null`); `quoted` tells `'null'` from `null`. */
interface Value {
  text: string | null;
  quoted: boolean;
}

/** Where reading cannot go on; never leaves this file. */
class SyntaxFault extends Error {}

class Reader {
  readonly #text: string;
  readonly #versions = new Map<string, UploadedVersion>();
  readonly #warnings = new Set<string>();
  /** The first entry that lacks something; a syntax error further on still comes first. */
  #incomplete: VersionsError | null = null;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  list(): ReadVersions {
    try {
      this.#readList();
    } catch (error) {
      if (error instanceof SyntaxFault) return { ok: false, error: 'syntax' };
      throw error;
    }
    if (this.#incomplete) return { ok: false, error: this.#incomplete };
    return { ok: true, versions: [...this.#versions.values()], warnings: [...this.#warnings] };
  }

  #readList(): void {
    const bracketed = this.#take('[');
    if (bracketed && this.#take(']')) {
      this.#warnings.add('empty_list');
    } else {
      do this.#entry();
      while (this.#commaBeforeEntry());
      if (bracketed && !this.#take(']')) throw new SyntaxFault();
    }
    if (this.#peek() !== '') throw new SyntaxFault();
  }

  /** Takes the comma between objects; true when another object follows it. */
  #commaBeforeEntry(): boolean {
    const fullWidth = this.#take('，');
    if (!fullWidth && !this.#take(',')) return false;
    if (fullWidth) this.#warnings.add('full_width_punctuation');
    const next = this.#peek();
    if (next !== '' && next !== ']') return true;
    this.#warnings.add('trailing_comma');
    return false;
  }

  #entry(): void {
    let type: Value | undefined;
    let version: Value | undefined;
    this.#expect('{');
    while (!this.#take('}')) {
      const key = this.#key();
      this.#expect(':');
      const value = this.#value();
      const name = key.toLowerCase();
      if (name === 't') type = value;
      else if (name === 'v') version = value;
      else this.#warnings.add(`extra_key:${key}`);
      // JSON numbers need no quotes as a type; a version is text, so a bare one is flagged
      const flagged = name === 'v' || (name === 't' && !/^-?[0-9]+$/.test(value.text ?? '0'));
      if (!value.quoted && value.text !== null && flagged) this.#warnings.add('unquoted_value');
      if (this.#take(',')) {
        if (this.#peek() === '}') this.#warnings.add('trailing_comma');
      } else if (this.#peek() !== '}') {
        throw new SyntaxFault();
      }
    }
    this.#store(typeOf(type?.text ?? ''), version?.text?.trim() ?? null);
  }

  #store(t: string, v: string | null): void {
    if (t === '') {
      this.#incomplete ??= 'missing_type';
    } else if (v === null) {
      this.#incomplete ??= 'missing_version';
    } else if (v === '') {
      this.#warnings.add(`empty_version:${t}`);
    } else {
      const kind = Object.hasOwn(VERSION_KINDS, t) ? (VERSION_KINDS[t] as string) : 'unknown';
      if (kind === 'unknown') this.#warnings.add(`unknown_type:${t}`);
      // the last one wins and takes the place of its last occurrence
      if (this.#versions.delete(t)) this.#warnings.add(`duplicate_type:${t}`);
      this.#versions.set(t, { t, kind, v });
    }
  }

  #key(): string {
    const quote = this.#peek();
    if (quote === "'" || quote === '"') return this.#string(quote).trim();
    const word = this.#word();
    if (/\s/.test(word)) throw new SyntaxFault();
    return word;
  }

  #value(): Value {
    const quote = this.#peek();
    if (quote === "'" || quote === '"') return { text: this.#string(quote), quoted: true };
    const word = this.#word();
    return { text: word.toLowerCase() === 'null' ? null : word, quoted: false };
  }

  /** A quoted string; a backslash makes the next character data, whatever it is. */
  #string(quote: string): string {
    let content = '';
    let from = this.#at + 1;
    for (let at = from; at < this.#text.length; at += 1) {
      const character = this.#text[at];
      if (character === quote) {
        this.#at = at + 1;
        return content + this.#text.slice(from, at);
      }
      if (character === '\\') {
        content += this.#text.slice(from, at);
        from = at + 1;
        at += 1;
      }
    }
    throw new SyntaxFault();
  }

  /** Bare text up to the next punctuation mark, without the white space around it; at least one character. */
  #word(): string {
    const start = this.#at;
    while (this.#at < this.#text.length && !STRUCTURE.includes(this.#text[this.#at] as string)) this.#at += 1;
    const word = this.#text.slice(start, this.#at).trim();
    const next = this.#text[this.#at];
    if (word === '' || (next !== undefined && !',:}'.includes(next))) throw new SyntaxFault();
    return word;
  }

  #expect(character: string): void {
    if (!this.#take(character)) throw new SyntaxFault();
  }

  /** Takes the next character after white space if it is this one. */
  #take(character: string): boolean {
    if (this.#peek() !== character) return false;
    this.#at += 1;
    return true;
  }

  /** The next character after white space, `''` at the end. */
  #peek(): string {
    while (this.#at < this.#text.length && (this.#text[this.#at] as string).trim() === '') this.#at += 1;
    return this.#text[this.#at] ?? '';
  }
}

/** Characters that end a bare word. */
const STRUCTURE = '{}[],:\'"，';

/** `3`, `T3` and `t3` are the same type; anything else keeps its text. */
function typeOf(text: string): string {
  const trimmed = text.trim();
  return /^[Tt]([0-9]+)$/.exec(trimmed)?.[1] ?? trimmed;
}

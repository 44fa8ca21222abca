/**
 * The access token: fetched when there is none, kept while it is good, renewed once when the platform refuses it,
 * however many calls are under way.
 */

/** An access token, and until when it is used: somewhat shorter than it lives, because clocks differ and calls take time. */
export interface Token {
  value: string;
  goodUntilMs: number;
}

/**
 * Where a token is kept. `use` answers the token to call with: the kept one, unless there is none, it is about to end,
 * or it is the one that was `refused`; then what `fetch` gives, which is kept. Whoever keeps tokens for several
 * processes lets one of them fetch.
 */
export interface TokenStore {
  use(refused: string | null, fetch: () => Promise<Token>): Promise<Token>;
}

/** Tells whether a kept token may be used. */
export function isUsable(token: Token | null, refused: string | null, nowMs = Date.now()): token is Token {
  return token !== null && token.value !== refused && token.goodUntilMs > nowMs;
}

/** A token that was just given for so many seconds. */
export function freshToken(value: string, lifeS: number, nowMs = Date.now()): Token {
  return { value, goodUntilMs: nowMs + lifeS * 1_000 - Math.min(60_000, lifeS * 100) };
}

/** Keeps a token in memory, before another place if one is given; callers at the same time share one fetch. */
export class Tokens implements TokenStore {
  readonly #behind: TokenStore | null;
  #kept: Token | null = null;
  #fetching: Promise<Token> | null = null;

  constructor(behind: TokenStore | null = null) {
    this.#behind = behind;
  }

  async use(refused: string | null, fetch: () => Promise<Token>): Promise<Token> {
    if (isUsable(this.#kept, refused)) return this.#kept;
    // Who comes while a token is being fetched gets that one, whatever was refused to him: it is newer.
    this.#fetching ??= this.#fetch(refused, fetch).finally(() => (this.#fetching = null));
    return this.#fetching;
  }

  async #fetch(refused: string | null, fetch: () => Promise<Token>): Promise<Token> {
    this.#kept = await (this.#behind === null ? fetch() : this.#behind.use(refused, fetch));
    return this.#kept;
  }
}

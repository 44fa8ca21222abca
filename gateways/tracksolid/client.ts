/**
 * Tracksolid as a client: signed calls, one token for all of them, a limit of calls per second (PROTOCOLS 7). One call
 * is one request, with one exception: a token that the platform refuses is renewed once and the call made again, which
 * is safe, because nothing is done without a token. Whether and when anything else is repeated is decided outside.
 *
 * What it says never holds the secret, the password or a token.
 */
import { ANSWER_CLASSES, leavesDoubt, meaningOf } from './codes.ts';
import { fillImportFields, type ImportFields, type ImportWord } from './import-fields.ts';
import { Pace } from './pace.ts';
import { plainWords, postForm, type Outcome, type Unanswered } from './post.ts';
import { readDetail, readImeiCodes, textIn, type PlatformDevice } from './results.ts';
import { givenParameters, platformTime, signatureOf, type Parameters } from './signing.ts';
import { freshToken, Tokens, type Token, type TokenStore } from './tokens.ts';

/** At most so many IMEIs in one call. */
export const IMEIS_PER_CALL = 100;

export interface TracksolidOptions {
  /** The whole address, with `/route/rest`. */
  url: string;
  appKey: string;
  appSecret: string;
  /** The account that the program works for; devices come from it and go to accounts below it. */
  user: string;
  /** Lower-case MD5 of its password. */
  passwordMd5: string;
  timeoutMs: number;
  callsPerSecond: number;
  /** There is no public method that imports devices: the name is that of the installation. */
  importMethod: string;
  importFields: ImportFields;
  /** Where the token is kept beside this process. */
  tokens?: TokenStore;
  /** Seconds a token is asked for, 60..7200. */
  tokenLifeS?: number;
  /** Hears of every request that came to its turn: for measurements. */
  onCall?: (call: MeasuredCall) => void;
}

/** What a request came to: what follows from the code of its answer, or that there was none. */
export const CALL_OUTCOMES = [...ANSWER_CLASSES, 'no_answer', 'not_sent'] as const;

/** One request, as it is counted. */
export interface MeasuredCall {
  method: string;
  outcome: (typeof CALL_OUTCOMES)[number];
  /** From its turn to its outcome. */
  seconds: number;
}

/** What an import says of the devices. */
export type ImportOrder = Record<Exclude<ImportWord, 'imeis' | 'lifetime' | 'source'>, string> & {
  imeis: readonly string[];
  lifetime: boolean;
};

/** A call about several devices: what came of it, and of each device that the answer names. */
export interface ListOutcome {
  outcome: Outcome;
  devices: ReadonlyMap<string, { code: number; words: string }>;
}

/** A look at one device: there it is, it is not there (for us), or nobody knows. */
export type Look =
  { kind: 'there'; device: PlatformDevice } | { kind: 'absent' } | { kind: 'failed'; outcome: Outcome };

/** Asked right before a call leaves: what it was meant for may be past. */
type MayLeave = () => boolean;

/** Says of a device that it is not there, or not ours. */
const NOT_OURS = 1002;

/** Thrown inside only: the token could not be had. */
class NoToken extends Error {
  readonly outcome: Outcome;
  constructor(outcome: Outcome) {
    super('no token');
    this.outcome = outcome;
  }
}

/** One connection to the platform; make one per process and share it. */
export class TracksolidClient {
  readonly user: string;
  readonly timeoutMs: number;
  readonly #options: TracksolidOptions;
  readonly #pace: Pace;
  readonly #tokens: Tokens;
  /** The last token that was used, so that it can be taken out of what the platform says. */
  #lastToken = '';

  constructor(options: TracksolidOptions) {
    this.#options = options;
    this.user = options.user;
    this.timeoutMs = options.timeoutMs;
    this.#pace = new Pace(options.callsPerSecond);
    this.#tokens = new Tokens(options.tokens ?? null);
  }

  /** Makes devices known to the platform, in an account. */
  async importDevices(order: ImportOrder, signal?: AbortSignal, mayLeave?: MayLeave): Promise<ListOutcome> {
    const values = {
      ...order,
      imeis: order.imeis.join(','),
      lifetime: order.lifetime ? '1' : '0',
      source: this.user,
    };
    const fields = fillImportFields(this.#options.importFields, values);
    return this.#list(order.imeis, this.#options.importMethod, fields, signal, mayLeave);
  }

  /** Moves devices from one account to another. */
  moveDevices(
    order: { from: string; to: string; imeis: readonly string[] },
    signal?: AbortSignal,
    mayLeave?: MayLeave,
  ) {
    const { from, to, imeis } = order;
    const fields = { src_account: from, dest_account: to, imeis: imeis.join(',') };
    return this.#list(imeis, 'jimi.open.device.move', fields, signal, mayLeave);
  }

  /** Sets until when the user of devices may use them. */
  updateExpiration(order: { imeis: readonly string[]; expiration: string }, signal?: AbortSignal, mayLeave?: MayLeave) {
    const { imeis, expiration } = order;
    const fields = { imei_list: imeis.join(','), new_expiration: expiration };
    return this.#list(imeis, 'jimi.user.device.expiration.update', fields, signal, mayLeave);
  }

  /** Looks at one device. */
  async look(imei: string, signal?: AbortSignal): Promise<Look> {
    const outcome = await this.call('jimi.track.device.detail', { imei }, signal);
    if (outcome.kind !== 'answered' || (outcome.code !== 0 && outcome.code !== NOT_OURS)) {
      return { kind: 'failed', outcome };
    }
    const device = outcome.code === 0 ? readDetail(outcome.result, imei) : null;
    return device === null ? { kind: 'absent' } : { kind: 'there', device };
  }

  /** Calls a method with the token; a refused token is renewed once. */
  async call(method: string, parameters: Parameters, signal?: AbortSignal, mayLeave?: MayLeave): Promise<Outcome> {
    try {
      let token = await this.#token(null);
      let outcome = await this.#send(method, { ...parameters, access_token: token.value }, signal, mayLeave);
      if (isRefusedToken(outcome)) {
        token = await this.#token(token.value);
        outcome = await this.#send(method, { ...parameters, access_token: token.value }, signal, mayLeave);
        if (isRefusedToken(outcome)) {
          return { kind: 'no_token', code: 1004, words: 'the platform refuses a token that it has just given' };
        }
      }
      return outcome;
    } catch (error) {
      if (error instanceof NoToken) return noToken(error.outcome);
      if (signal?.aborted === true) return { kind: 'unsent', words: 'it was given up before it was sent' };
      throw error;
    }
  }

  async #list(
    imeis: readonly string[],
    method: string,
    fields: Parameters,
    signal: AbortSignal | undefined,
    mayLeave: MayLeave | undefined,
  ): Promise<ListOutcome> {
    if (imeis.length === 0 || imeis.length > IMEIS_PER_CALL) {
      throw new RangeError(`a call takes 1 to ${IMEIS_PER_CALL} IMEIs, not ${imeis.length}`);
    }
    const outcome = await this.call(method, fields, signal, mayLeave);
    const devices = outcome.kind === 'answered' ? readImeiCodes(outcome, imeis) : new Map();
    return { outcome, devices };
  }

  async #token(refused: string | null): Promise<Token> {
    const token = await this.#tokens.use(refused, () => this.#login());
    this.#lastToken = token.value;
    return token;
  }

  /** Fetches a token. Not given up when one of the callers is: others wait for the same one. */
  async #login(): Promise<Token> {
    const { user, passwordMd5, tokenLifeS = 7_200 } = this.#options;
    const outcome = await this.#send('jimi.oauth.token.get', {
      user_id: user,
      user_pwd_md5: passwordMd5,
      expires_in: tokenLifeS,
    });
    const value = outcome.kind === 'answered' && outcome.code === 0 ? textIn(outcome.result, 'accessToken') : null;
    if (outcome.kind !== 'answered' || value === null) throw new NoToken(outcome);
    const lifeS = Number(textIn(outcome.result, 'expiresIn'));
    return freshToken(value, lifeS > 0 ? Math.min(lifeS, 7_200) : tokenLifeS);
  }

  async #send(
    method: string,
    parameters: Parameters,
    signal?: AbortSignal,
    mayLeave: MayLeave = () => true,
  ): Promise<Outcome> {
    const { url, appKey, appSecret, timeoutMs } = this.#options;
    await this.#pace.turn(signal);
    if (!mayLeave()) return { kind: 'unsent', words: 'it was too late to send it' };
    const given = givenParameters({
      ...parameters,
      method,
      app_key: appKey,
      // Made when the call leaves: it is good for ten minutes only.
      timestamp: platformTime(Date.now()),
      sign_method: 'md5',
      v: '1.0',
      format: 'json',
    });
    const startedMs = performance.now();
    const outcome = await postForm(url, { ...given, sign: signatureOf(appSecret, given) }, { timeoutMs, signal });
    const seconds = (performance.now() - startedMs) / 1_000;
    this.#options.onCall?.({ method, outcome: countedAs(outcome), seconds });
    return outcome.kind === 'answered'
      ? { ...outcome, message: this.#withoutSecrets(outcome.message, given) }
      : outcome;
  }

  /** Platforms like to repeat in their complaints what they were sent. */
  #withoutSecrets(text: string, given: Record<string, string>): string {
    const { appSecret, passwordMd5 } = this.#options;
    const secrets = [appSecret, passwordMd5, this.#lastToken, given['access_token'] ?? ''];
    return secrets
      .filter((secret) => secret.length > 3)
      .reduce((shown, secret) => shown.replaceAll(secret, '(secret)'), text);
  }
}

/**
 * What a caller must do about an outcome: `again`: wait, nothing was done; `look`: it may have been done, read back
 * before anything else; `pause`: leave the platform alone; the rest as in the table of codes.
 */
export type Verdict = 'done' | 'again' | 'look' | 'pause' | 'check' | 'never';

/** Judges what came of a call that changes something. */
export function verdictOf(outcome: Outcome): Verdict {
  if (outcome.kind === 'unknown') return 'look';
  if (outcome.kind === 'unsent') return 'again';
  if (outcome.kind === 'no_token') {
    return outcome.code === null || meaningOf(outcome.code).class === 'again' ? 'again' : 'pause';
  }
  return verdictOfCode(outcome.code);
}

/** The same for the code that an answer gives for one device. */
export function verdictOfCode(code: number): Verdict {
  if (leavesDoubt(code)) return 'look';
  const answerClass = meaningOf(code).class;
  return answerClass === 'token' ? 'again' : answerClass;
}

/** An outcome in one sentence, for people. */
export function wordsOf(outcome: Outcome): string {
  if (outcome.kind !== 'answered') return outcome.words;
  return wordsOfCode(outcome.code, outcome.message);
}

/** A code with what it means and what the platform said. */
export function wordsOfCode(code: number, said: string): string {
  const { words } = meaningOf(code);
  return plainWords(said === '' || said === words ? `${code}: ${words}` : `${code}: ${words} (“${said}”)`);
}

function countedAs(outcome: Outcome): MeasuredCall['outcome'] {
  if (outcome.kind === 'answered') return meaningOf(outcome.code).class;
  return outcome.kind === 'unknown' ? 'no_answer' : 'not_sent';
}

function isRefusedToken(outcome: Outcome): boolean {
  return outcome.kind === 'answered' && meaningOf(outcome.code).class === 'token';
}

function noToken(outcome: Outcome): Unanswered {
  if (outcome.kind !== 'answered') return { kind: 'no_token', code: null, words: `no token: ${wordsOf(outcome)}` };
  const { code } = outcome;
  if (code === 0) return { kind: 'no_token', code: null, words: 'no token: the answer holds none' };
  return { kind: 'no_token', code, words: `no token: ${wordsOf(outcome)}` };
}

/**
 * Posts one form and says what is known of it afterwards. The one thing that matters here: whether what was asked may
 * have been done although no answer came.
 */

/** Of an answer so much is read; a list of a hundred devices is far below. */
const ANSWER_BYTES = 16 * 1024 * 1024;
const WORDS_CHARACTERS = 300;

/** What came of a call. */
export type Outcome =
  /** The platform answered; `code` says what. */
  | { kind: 'answered'; code: number; message: string; result: unknown }
  /** Nothing was done: it did not get there, or was turned away at the door. */
  | { kind: 'unsent'; words: string }
  /** No answer that can be read: it may have been done. */
  | { kind: 'unknown'; words: string }
  /** Not even a token could be had: nothing was done. With the code that came instead, if one came. */
  | { kind: 'no_token'; code: number | null; words: string };

/** A call that did not get a token, as an outcome. */
export type Unanswered = Exclude<Outcome, { kind: 'answered' }>;

/** Faults of a connection that was never made. */
const NEVER_CONNECTED = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
]);

/** Posts a form; never throws for what the network or the platform does. */
export async function postForm(
  url: string,
  form: Record<string, string>,
  { timeoutMs, signal }: { timeoutMs: number; signal?: AbortSignal | undefined },
): Promise<Outcome> {
  if (isAborted(signal)) return { kind: 'unsent', words: 'it was given up before it was sent' };
  const deadline = AbortSignal.timeout(timeoutMs);
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8', accept: 'application/json' },
      body: new URLSearchParams(form).toString(),
      redirect: 'manual',
      signal: signal === undefined ? deadline : AbortSignal.any([deadline, signal]),
    });
    return judge(response.status, await textOf(response));
  } catch (error) {
    if (deadline.aborted) return { kind: 'unknown', words: `no answer within ${timeoutMs / 1_000} s` };
    if (isAborted(signal)) return { kind: 'unknown', words: 'it was given up before the answer came' };
    const code = codeOf(error);
    if (NEVER_CONNECTED.has(code)) return { kind: 'unsent', words: `the platform cannot be reached (${code})` };
    return { kind: 'unknown', words: `the connection broke before the answer came (${code})` };
  }
}

/** Text that can be stored and shown: on one line, not long. */
export function plainWords(text: unknown): string {
  const words = typeof text === 'string' ? text : text == null ? '' : JSON.stringify(text);
  return words
    .replaceAll(/[\p{C}\s]+/gu, ' ')
    .trim()
    .slice(0, WORDS_CHARACTERS);
}

async function textOf(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  if (response.body === null) return '';
  for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
    length += chunk.length;
    if (length > ANSWER_BYTES) throw Object.assign(new Error('the answer is too long'), { code: 'ANSWER_TOO_LONG' });
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** Asked anew each time: signals change. */
function isAborted(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true;
}

function judge(status: number, text: string): Outcome {
  const answer = readAnswer(text);
  if (answer !== null) return { kind: 'answered', ...answer };
  if (status >= 200 && status < 300) return { kind: 'unknown', words: 'the answer cannot be read' };
  // Behind a broken gateway the work may have been done; a door that is shut has let nothing in.
  if (status >= 500) return { kind: 'unknown', words: `HTTP ${status} instead of an answer` };
  return { kind: 'unsent', words: `HTTP ${status} instead of an answer: look at TRACKSOLID_URL` };
}

/** An answer as documented; `code` may be text. Null: it is none. */
function readAnswer(text: string): { code: number; message: string; result: unknown } | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return null;
  const { code, message, result, data } = value as Record<string, unknown>;
  const isNumber = (typeof code === 'number' && Number.isInteger(code)) || /^-?\d{1,9}$/.test(String(code).trim());
  if (!isNumber || code === null) return null;
  return { code: Number(code), message: plainWords(message), result: result ?? data ?? null };
}

function codeOf(error: unknown): string {
  for (let link = error, depth = 0; depth < 5 && link instanceof Error; link = link.cause, depth++) {
    const { code } = link as { code?: unknown };
    if (typeof code === 'string') return code;
    if (link instanceof AggregateError && link.errors.length > 0) link.cause ??= link.errors[0];
  }
  return error instanceof Error ? error.name : 'unknown';
}

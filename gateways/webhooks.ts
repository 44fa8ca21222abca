/**
 * Posts one message to a webhook, signed as Standard Webhooks says (https://www.standardwebhooks.com). Knows sockets
 * and signatures; what is sent, how often, and what follows is decided elsewhere.
 *
 * The name is resolved once, every address it has is checked, and the connection goes to one of those: a name that
 * changes its mind between the check and the connection gains nothing. Redirects are not followed.
 */
import { createHmac, randomBytes } from 'node:crypto';
import dns from 'node:dns';
import http, { type IncomingMessage, type RequestOptions } from 'node:http';
import https from 'node:https';
import { refuseAddress, refuseUrl } from './webhook-targets.ts';

/** One message. */
export interface WebhookMessage {
  url: string;
  /** The same for every attempt: receivers drop doubles by it. */
  id: string;
  body: string;
  /** Each makes a signature; more than one while a receiver changes its own. */
  secrets: readonly string[];
}

export interface PostOptions {
  allowPrivate: boolean;
  timeoutMs?: number;
  /** Instead of the system's: finds the addresses of a name. */
  resolve?: typeof dns.lookup;
  signal?: AbortSignal;
}

/** What came of a post. */
export interface PostOutcome {
  /** HTTP status; null when no answer came. */
  status: number | null;
  /** In words; null: it was taken. */
  error: string | null;
  /** How long the receiver asks to be left alone. */
  askedMs: number | null;
}

const TIMEOUT_MS = 10_000;
/** Of an answer so much is read; nobody needs more. */
const ANSWER_BYTES = 16_384;
const SHOWN_CHARACTERS = 200;
const SECRET_PREFIX = 'whsec_';

/** A new key for signatures, in the form that Standard Webhooks libraries take. */
export function newSecret(): string {
  return SECRET_PREFIX + randomBytes(32).toString('base64');
}

/** The value of `webhook-signature`. */
export function signatures(secrets: readonly string[], id: string, timestamp: string, body: string): string {
  return secrets
    .map((secret) => {
      const key = Buffer.from(secret.replace(SECRET_PREFIX, ''), 'base64');
      return `v1,${createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')}`;
    })
    .join(' ');
}

/** Posts a message; never throws for what the network or the receiver does. */
export async function postWebhook(message: WebhookMessage, options: PostOptions): Promise<PostOutcome> {
  const refused = refuseUrl(message.url, options.allowPrivate);
  if (refused !== null) return nothing(`the address is refused: ${refused}`);
  const timeoutMs = options.timeoutMs ?? TIMEOUT_MS;
  const deadline = AbortSignal.timeout(timeoutMs);
  const signal = options.signal === undefined ? deadline : AbortSignal.any([deadline, options.signal]);
  try {
    const answer = await send(message, {
      signal,
      lookup: checkedLookup(options.allowPrivate, options.resolve ?? dns.lookup),
    });
    return judge(answer, await begin(answer));
  } catch (error) {
    if (deadline.aborted) return nothing(`no whole answer within ${timeoutMs / 1_000} s`);
    if (options.signal?.aborted === true) throw error;
    return nothing(wordsOf(error));
  }
}

function send({ url, id, body, secrets }: WebhookMessage, options: RequestOptions): Promise<IncomingMessage> {
  const timestamp = `${Math.floor(Date.now() / 1_000)}`;
  return new Promise((resolve, reject) => {
    const request = (url.startsWith('https:') ? https : http).request(
      url,
      {
        ...options,
        method: 'POST',
        // A connection of its own: a kept one would go to an address that was checked for another message.
        agent: false,
        headers: {
          'content-type': 'application/json',
          'content-length': Buffer.byteLength(body),
          'user-agent': 'Slipway',
          'webhook-id': id,
          'webhook-timestamp': timestamp,
          'webhook-signature': signatures(secrets, id, timestamp, body),
        },
      },
      resolve,
    );
    request.once('error', reject);
    request.end(body);
  });
}

/** Resolves a name and refuses it when any of its addresses is refused. */
function checkedLookup(allowPrivate: boolean, resolve: typeof dns.lookup): NonNullable<RequestOptions['lookup']> {
  return (hostname, options, callback) => {
    resolve(hostname, { ...options, all: true }, (error, found) => {
      if (error !== null) return callback(error, '', 0);
      for (const { address } of found) {
        const refused = refuseAddress(address, allowPrivate);
        if (refused !== null)
          return callback(new Error(`the address is refused: ${hostname} leads to a refused one: ${refused}`), '', 0);
      }
      const [first] = found;
      if (first === undefined) return callback(new Error(`${hostname} has no address`), '', 0);
      if (options.all === true) callback(null, found);
      else callback(null, first.address, first.family);
    });
  };
}

/** The beginning of an answer; the rest is not waited for. */
async function begin(answer: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    length += chunk.length;
    // Leaving the loop destroys the connection.
    if (length >= ANSWER_BYTES) break;
  }
  return Buffer.concat(chunks).toString('utf8', 0, ANSWER_BYTES);
}

function judge(answer: IncomingMessage, body: string): PostOutcome {
  const status = answer.statusCode ?? 0;
  if (status >= 200 && status < 300) return { status, error: null, askedMs: null };
  const { location } = answer.headers;
  const redirect =
    location === undefined
      ? ''
      : ` to ${location.slice(0, SHOWN_CHARACTERS)}; redirects are not followed, change the URL`;
  const said = body
    .replaceAll(/[\p{C}\s]+/gu, ' ')
    .trim()
    .slice(0, SHOWN_CHARACTERS);
  const error = `HTTP ${status}${redirect}${said === '' ? '' : `: ${said}`}`;
  return { status, error, askedMs: askedMs(answer.headers['retry-after']) };
}

/** `Retry-After`: seconds, or a date. */
function askedMs(text: string | undefined): number | null {
  if (text === undefined) return null;
  const ms = /^\d{1,9}$/.test(text) ? Number(text) * 1_000 : Date.parse(text) - Date.now();
  return Number.isFinite(ms) ? Math.max(0, ms) : null;
}

function nothing(error: string): PostOutcome {
  return { status: null, error: error.slice(0, 500), askedMs: null };
}

const WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nobody listens there',
  ECONNRESET: 'the connection was cut before an answer came',
  ENOTFOUND: 'the name has no address',
  EAI_AGAIN: 'the name could not be resolved just now',
  EHOSTUNREACH: 'there is no way there',
  ENETUNREACH: 'there is no way there',
  CERT_HAS_EXPIRED: 'the certificate has expired',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'the certificate is self-signed',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'the certificate is signed by nobody known',
  ERR_TLS_CERT_ALTNAME_INVALID: 'the certificate is for another name',
};

function wordsOf(error: unknown): string {
  const first = error instanceof AggregateError ? (error.errors[0] as unknown) : error;
  const { code, message = String(first) } = first as { code?: string; message?: string };
  const words = code === undefined ? undefined : WORDS[code];
  return words === undefined ? message : `${words} (${code})`;
}

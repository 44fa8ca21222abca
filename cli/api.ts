/**
 * Speaks to the API, and turns whatever goes wrong on the way into a `Failure` with advice.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { EXIT, Failure, type Detail } from './failures.ts';
import type { Login } from './settings.ts';
import type { Page } from './shapes.ts';

/** Making a task of 100 000 devices takes seconds; nothing ordinary takes minutes. */
const ANSWER_MS = 120_000;
/** Times a request that may safely be repeated is tried in all. */
const TRIES = 4;

export type Query = Record<string, string | number | boolean | undefined>;

interface Problem {
  code?: string;
  detail?: string;
  requestId?: string;
  errors?: Detail[];
}

export class Api {
  readonly url: string;
  readonly #key: string;

  constructor({ url, key }: Login) {
    this.url = url;
    this.#key = key;
  }

  get<Answer>(path: string, query: Query = {}, signal?: AbortSignal): Promise<Answer> {
    return this.#json('GET', path + queryText(query), undefined, {}, signal);
  }

  send<Answer>(
    method: 'POST' | 'PATCH' | 'DELETE',
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Answer> {
    return this.#json(method, path, body, headers);
  }

  /** Repeats a creation until it is answered: its idempotency key makes that harmless. */
  async create<Answer>(path: string, body: unknown, idempotencyKey: string): Promise<Answer> {
    for (let tried = 1; ; tried++) {
      try {
        return await this.send('POST', path, body, { 'idempotency-key': idempotencyKey });
      } catch (error) {
        if (!isPassing(error) || tried === TRIES) throw error;
        await delay(500 * 2 ** tried);
      }
    }
  }

  /** All pages of a list, one after the other. */
  async *pages<Item>(path: string, query: Query): AsyncGenerator<Page<Item>> {
    for (let after: string | number | undefined; ;) {
      const page = await this.get<Page<Item>>(path, { ...query, after: after ?? query.after });
      yield page;
      if (page.next === null) return;
      after = page.next;
    }
  }

  /** The raw answer, for streams; the caller reads and ends it. */
  async open(path: string, headers: Record<string, string>, signal: AbortSignal): Promise<Response> {
    const response = await this.#fetch('GET', path, undefined, headers, signal);
    if (!response.ok) throw await failureOf(response, this.url);
    return response;
  }

  /** Address and authorization of a request that is made by hand. */
  request(path: string): { url: URL; headers: Record<string, string> } {
    return { url: new URL(`${this.url}/api/v1${path}`), headers: { authorization: `Bearer ${this.#key}` } };
  }

  async #json<Answer>(
    method: string,
    path: string,
    body: unknown,
    headers: Record<string, string>,
    signal?: AbortSignal,
  ): Promise<Answer> {
    const timeout = AbortSignal.timeout(ANSWER_MS);
    const response = await this.#fetch(
      method,
      path,
      body,
      headers,
      signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
    );
    if (!response.ok) throw await failureOf(response, this.url);
    if (response.status === 204) return null as Answer;
    try {
      return (await response.json()) as Answer;
    } catch (cause) {
      throw new Failure(
        `${this.url} answered something that is not Slipway's. Check the address with "slipway login".`,
        { exitCode: EXIT.unreachable, code: 'unreachable', cause },
      );
    }
  }

  async #fetch(
    method: string,
    path: string,
    body: unknown,
    headers: Record<string, string>,
    signal: AbortSignal,
  ): Promise<Response> {
    const isRaw = body === undefined || body instanceof FormData;
    const request = this.request(path);
    try {
      return await fetch(request.url, {
        method,
        // A redirection could lead the key elsewhere.
        redirect: 'error',
        headers: { ...request.headers, ...(isRaw ? {} : { 'content-type': 'application/json' }), ...headers },
        ...(body === undefined ? {} : { body: isRaw ? body : JSON.stringify(body) }),
        signal,
      });
    } catch (error) {
      throw unreachable(this.url, error);
    }
  }
}

/** True for failures that may be gone in some seconds. */
export function isPassing(error: unknown): boolean {
  return error instanceof Failure && error.exitCode === EXIT.unreachable;
}

/** The failure that an answer stands for, read to its end. */
export async function failureOf(response: Response, url: string): Promise<Failure> {
  const text = await response.text().catch(() => '');
  return failureFrom(response.status, text, url);
}

/** The failure that a status and a body stand for. */
export function failureFrom(status: number, text: string, url: string): Failure {
  const problem = parseProblem(text);
  const exitCode =
    status === 401 || status === 403
      ? EXIT.notAllowed
      : [502, 503, 504].includes(status)
        ? EXIT.unreachable
        : EXIT.failed;
  if (problem === null) {
    return new Failure(`${url} answered ${status} and not as Slipway does. Is it the address of Slipway's API?`, {
      exitCode: exitCode === EXIT.failed ? EXIT.unreachable : exitCode,
      code: 'unreachable',
    });
  }
  const { code = 'failed', detail, requestId, errors } = problem;
  const advice = code === 'unauthenticated' ? ' Run "slipway login" with a key that works.' : '';
  return new Failure(`${detail ?? `the API answered ${status}`}${advice}`, {
    exitCode,
    code,
    requestId: requestId ?? null,
    details: errors ?? [],
  });
}

function parseProblem(text: string): Problem | null {
  try {
    const body = JSON.parse(text) as Problem | null;
    return typeof body?.detail === 'string' || typeof body?.code === 'string' ? body : null;
  } catch {
    return null;
  }
}

const WORDS: Record<string, string> = {
  ECONNREFUSED: 'nothing listens there',
  ENOTFOUND: 'the name is not known',
  EAI_AGAIN: 'the name cannot be looked up now',
  ECONNRESET: 'the connection was cut',
  ETIMEDOUT: 'no answer',
  UND_ERR_SOCKET: 'the connection was cut',
  UND_ERR_CONNECT_TIMEOUT: 'no answer',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is self-signed; give its authority in NODE_EXTRA_CA_CERTS',
  SELF_SIGNED_CERT_IN_CHAIN: 'its certificate is self-signed; give its authority in NODE_EXTRA_CA_CERTS',
  CERT_HAS_EXPIRED: 'its certificate has expired',
};

/** The failure of a request that was never answered. */
export function unreachable(url: string, error: unknown): Failure {
  const { name, cause } = error as { name?: string; cause?: unknown };
  const found = causeCode(error) ?? causeCode(cause);
  const why =
    name === 'TimeoutError'
      ? 'no answer in time'
      : found === null
        ? ((cause as Error | undefined)?.message ?? (error as Error).message)
        : (WORDS[found] ?? found);
  return new Failure(`Cannot reach Slipway at ${url}: ${why}. Check the address and whether it runs.`, {
    exitCode: EXIT.unreachable,
    code: 'unreachable',
    cause: error,
  });
}

function causeCode(error: unknown): string | null {
  const { code, errors } = (error ?? {}) as { code?: unknown; errors?: unknown[] };
  if (typeof code === 'string') return code;
  return errors === undefined ? null : causeCode(errors[0]);
}

function queryText(query: Query): string {
  const entries = Object.entries(query).filter(([, value]) => value !== undefined);
  const text = new URLSearchParams(
    Object.fromEntries(entries.map(([name, value]) => [name, String(value)])),
  ).toString();
  return text === '' ? '' : `?${text}`;
}

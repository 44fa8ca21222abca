/**
 * Asks the API. Everything a page does goes through `call`, whose input and answer are typed by the operation's name;
 * whatever goes wrong arrives as an `ApiProblem`.
 */
import { ADDRESSES, type OperationId, type Operations, type Problem } from '../api-types.ts';

/** Undefined stands for "not given": filters that are empty need no special case. */
type Loose<Query> = { [Name in keyof Query]?: Query[Name] | undefined };
type Given<Name extends string, Value, Required> = [Value] extends [undefined]
  ? { [N in Name]?: undefined }
  : Required extends true
    ? { [N in Name]: Value }
    : { [N in Name]?: Value };
type Inputs = {
  [Id in OperationId]: Given<'params', Operations[Id]['params'], true> &
    Given<'body', RawOr<Operations[Id]['body']>, Operations[Id]['bodyRequired']> & {
      query?: Operations[Id]['query'] extends undefined ? undefined : Loose<Operations[Id]['query']>;
    };
};
/** Text that is no JSON may come from a file. */
type RawOr<Body> = [Body] extends [string] ? Blob | string : Body;

/** What an operation takes. */
export type Input<Id extends OperationId> = Inputs[Id];

export type Output<Id extends OperationId> = Operations[Id]['answer'];

export interface CallOptions {
  signal?: AbortSignal;
  /** Makes sending the same thing again harmless; `newIdempotencyKey()` once per intention, not per attempt. */
  idempotencyKey?: string;
  /** `revision` of what was seen: somebody else's change is not overwritten. */
  ifMatch?: string | number;
  /** Media type of a body that is no JSON. */
  contentType?: string;
}

/** One thing wrong with a request, by path: `body.options.window.from`. */
export type FieldProblem = NonNullable<Problem['errors']>[number];

/** The API, or the way to it, refused. `message` says what happened and what to do. */
export class ApiProblem extends Error {
  readonly status: number;
  readonly code: string;
  readonly title: string;
  readonly requestId: string;
  readonly errors: readonly FieldProblem[];
  /** Everything else that came with it. */
  readonly members: Readonly<Record<string, unknown>>;

  constructor(body: Partial<Problem> & { status: number; code: string; title: string; detail: string }) {
    super(body.detail);
    this.status = body.status;
    this.code = body.code;
    this.title = body.title;
    this.requestId = body.requestId ?? '';
    this.errors = body.errors ?? [];
    this.members = body;
  }
}

/** Called when the API says that nobody is signed in. */
let onSignedOut: () => void = () => {};
export function whenSignedOut(listener: () => void): void {
  onSignedOut = listener;
}

/** Every request that changes something says that it comes from a page of this console: other sites cannot. */
export const CONSOLE_HEADER = { 'X-Slipway-Console': '1' };

/** Calls an operation; throws `ApiProblem`, or an `AbortError` when `signal` fires. */
export async function call<Id extends OperationId>(
  id: Id,
  ...[input, options = {}]: Record<string, never> extends Input<Id>
    ? [input?: Input<Id>, options?: CallOptions]
    : [input: Input<Id>, options?: CallOptions]
): Promise<Output<Id>> {
  const given = ((input as unknown) ?? {}) as { params?: object; query?: object; body?: unknown };
  const [method] = ADDRESSES[id].split(' ') as [string];
  const isRaw = given.body instanceof FormData || given.body instanceof Blob || typeof given.body === 'string';
  const response = await send(addressOf(id, given), {
    method,
    ...(given.body === undefined ? {} : { body: isRaw ? (given.body as BodyInit) : JSON.stringify(given.body) }),
    headers: headersFor(given.body, isRaw, options),
    signal: options.signal ?? null,
  });
  if (!response.ok) throw await problemOf(response);
  if (response.status === 204) return undefined;
  return (await response.json()) as Output<Id>;
}

/** The address of an operation, also for links: `addressOf('listDevices', { query: { format: 'csv' } })`. */
export function addressOf(id: OperationId, { params = {}, query = {} }: { params?: object; query?: object }): string {
  const [, path] = ADDRESSES[id].split(' ') as [string, string];
  const values = params as Record<string, string | number>;
  const filled = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(String(values[name])));
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== null && value !== '') search.set(name, String(value));
  }
  return search.size === 0 ? filled : `${filled}?${search.toString()}`;
}

/** A key for one intention of a person: pressing the button again after an error repeats, never doubles. */
export function newIdempotencyKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** Sends a file with progress (0 to 1), which `fetch` cannot tell. */
export function upload<Id extends OperationId>(
  id: Id,
  body: FormData,
  { onProgress, signal }: { onProgress?: (share: number) => void; signal?: AbortSignal } = {},
): Promise<Output<Id>> {
  const [method] = ADDRESSES[id].split(' ') as [string];
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open(method, addressOf(id, {}));
    for (const [name, value] of Object.entries(CONSOLE_HEADER)) request.setRequestHeader(name, value);
    request.upload.addEventListener('progress', ({ loaded, total }) => onProgress?.(total > 0 ? loaded / total : 0));
    request.addEventListener('error', () => reject(unreachable()));
    request.addEventListener('abort', () => reject(new DOMException('Aborted', 'AbortError')));
    request.addEventListener('load', () => {
      const { status, responseText } = request;
      if (status >= 200 && status < 300) return resolve(JSON.parse(responseText) as Output<Id>);
      reject(readProblem(status, responseText));
    });
    signal?.addEventListener('abort', () => request.abort());
    request.send(body);
  });
}

/** Was it the page itself that gave up? Then nobody needs to hear of it. */
export function isAbort(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'AbortError';
}

/** Any error as a problem that can be shown. */
export function asProblem(error: unknown): ApiProblem {
  if (error instanceof ApiProblem) return error;
  const detail = error instanceof Error ? error.message : String(error);
  return new ApiProblem({ status: 0, code: 'console_error', title: 'The page failed', detail });
}

function headersFor(body: unknown, isRaw: boolean, options: CallOptions): Record<string, string> {
  const type = options.contentType ?? (body === undefined || isRaw ? undefined : 'application/json');
  return {
    Accept: 'application/json',
    ...CONSOLE_HEADER,
    ...(type !== undefined && { 'Content-Type': type }),
    ...(options.idempotencyKey !== undefined && { 'Idempotency-Key': options.idempotencyKey }),
    ...(options.ifMatch !== undefined && { 'If-Match': quoted(options.ifMatch) }),
  };
}

function quoted(revision: string | number): string {
  return String(revision).startsWith('"') ? String(revision) : `"${revision}"`;
}

async function send(address: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(address, { credentials: 'same-origin', ...init });
  } catch (error) {
    throw isAbort(error) ? error : unreachable();
  }
}

async function problemOf(response: Response): Promise<ApiProblem> {
  return readProblem(response.status, await response.text().catch(() => ''));
}

function readProblem(status: number, text: string): ApiProblem {
  if (status === 401) onSignedOut();
  try {
    return new ApiProblem(JSON.parse(text) as Problem);
  } catch {
    const detail = `The answer was ${status} and not from Slipway itself. A proxy in between may be at fault.`;
    return new ApiProblem({ status, code: 'bad_answer', title: 'The answer cannot be read', detail });
  }
}

function unreachable(): ApiProblem {
  const detail = 'No answer came. Check the connection; what you typed is still here, try again.';
  return new ApiProblem({ status: 0, code: 'unreachable', title: 'Slipway cannot be reached', detail });
}

/**
 * Everything that can go wrong in front of a caller: one catalogue of stable codes, and the one place where an error
 * becomes an answer (`application/problem+json`). What nobody foresaw becomes `internal` and tells nothing.
 */
import { isGrpcServiceError } from '@temporalio/client';
import type { ErrorRequestHandler } from 'express';
import type { Logger } from 'pino';
import { logOf, requestIdOf } from './http/requests.ts';

/** Code → status and title. A code is never reused for another meaning. */
export const PROBLEMS = {
  validation_failed: { status: 400, title: 'The request does not have the required form' },
  body_unreadable: { status: 400, title: 'The body cannot be read' },
  csv_unreadable: { status: 400, title: 'The CSV file cannot be read' },
  unauthenticated: { status: 401, title: 'A valid API key is required' },
  permission_missing: { status: 403, title: 'The key lacks a permission' },
  cross_site_refused: { status: 403, title: 'The request may come from another site' },
  not_found: { status: 404, title: 'There is no such thing' },
  method_not_allowed: { status: 405, title: 'The address does not know this method' },
  name_taken: { status: 409, title: 'The name is taken' },
  last_admin_key: { status: 409, title: 'The last admin key cannot be revoked' },
  imei_taken: { status: 409, title: 'Another device has this IMEI' },
  device_has_upgrades: { status: 409, title: 'The device has upgrades' },
  device_has_commands: { status: 409, title: 'The device was given commands' },
  equipment_has_history: { status: 409, title: 'The equipment has a history' },
  command_exists: { status: 409, title: 'The same command is under way' },
  firmware_exists: { status: 409, title: 'This file was uploaded before' },
  firmware_in_use: { status: 409, title: 'The file is used by a task' },
  idempotency_key_reused: { status: 409, title: 'The idempotency key belongs to another request' },
  control_refused: { status: 409, title: 'This cannot be done now' },
  agent_queue_full: { status: 409, title: 'Too many calls wait for the MOM' },
  cell_in_tray: { status: 409, title: 'The cell is in a tray' },
  tray_refused: { status: 422, title: 'This cannot be done with the tray' },
  mes_not_configured: { status: 409, title: 'Nobody was told where MES is' },
  mes_is_read: { status: 409, title: 'Rows of MES come from MES itself' },
  changed_meanwhile: { status: 409, title: 'Something changed at the same moment' },
  edit_conflict: { status: 412, title: 'Somebody else changed it since you read it' },
  body_too_large: { status: 413, title: 'The body is too large' },
  media_type_not_supported: { status: 415, title: 'The body has the wrong media type' },
  fields_refused: { status: 422, title: 'What the fields say cannot be used' },
  firmware_refused: { status: 422, title: 'The file is refused' },
  order_refused: { status: 422, title: 'The order cannot be carried out' },
  command_refused: { status: 422, title: 'The command cannot be given' },
  payload_unreadable: { status: 422, title: 'A payload cannot be deciphered' },
  parameters_refused: { status: 422, title: 'The parameters are refused' },
  webhook_refused: { status: 422, title: 'The webhook is refused' },
  too_many_streams: { status: 429, title: 'All event streams are taken' },
  too_many_failures: { status: 429, title: 'Too many refused keys from this address' },
  internal: { status: 500, title: 'Something went wrong inside' },
  firmware_damaged: { status: 500, title: 'The stored file is damaged' },
  database_unavailable: { status: 503, title: 'The database does not answer' },
  temporal_unavailable: { status: 503, title: 'The workflow engine does not answer' },
} as const satisfies Record<string, { status: number; title: string }>;

export type ProblemCode = keyof typeof PROBLEMS;

/** One thing wrong with a request: where, what, and what to do about it. */
export interface FieldError {
  /** For example `body.options.window.from`, `query.limit`. */
  path: string;
  code?: string;
  message: string;
}

/** What a problem may carry beside its code and detail. */
export interface ProblemExtra {
  errors?: readonly FieldError[];
  headers?: Readonly<Record<string, string>>;
  /** Further members of the body, for example the id of what exists already. */
  members?: Readonly<Record<string, unknown>>;
  cause?: unknown;
}

/** A catalogued problem on its way to the caller. */
export class Problem extends Error {
  readonly code: ProblemCode;
  readonly extra: ProblemExtra;

  constructor(code: ProblemCode, detail: string, extra: ProblemExtra) {
    super(detail, extra.cause === undefined ? undefined : { cause: extra.cause });
    this.code = code;
    this.extra = extra;
  }
}

/** Makes a problem, to be thrown. `detail` says what happened, to what, and what to do. */
export function problem(code: ProblemCode, detail: string, extra: ProblemExtra = {}): Problem {
  return new Problem(code, detail, extra);
}

/** A thing that is missing and a thing of another department get this very answer. */
export function notFound(what: string, id: string | number): Problem {
  return problem('not_found', `There is no ${what} ${id} in your department.`);
}

/** The last handler: turns whatever was thrown into problem+json, and logs once what a person must look at. */
export function problemHandler(logger: Logger): ErrorRequestHandler {
  return (error: unknown, request, response, next) => {
    const answer = asProblem(error);
    const { status } = PROBLEMS[answer.code];
    const log = logOf(response) ?? logger;
    if (status === 500) log.error({ err: loggable(error) }, 'request failed');
    else if (status === 503) log.warn({ err: loggable(error) }, 'request could not be served');
    if (response.headersSent) return next(error);
    for (const [name, value] of Object.entries(answer.extra.headers ?? {})) response.setHeader(name, value);
    if (status === 503) response.setHeader('Retry-After', '5');
    response.status(status).type('application/problem+json');
    response.send(JSON.stringify(problemBody(answer, requestIdOf(response))));
  };
}

/** What is told of an error: the body of a problem. */
export function problemBody(error: unknown, requestId: string) {
  const { code, message: detail, extra } = asProblem(error);
  const { status, title } = PROBLEMS[code];
  const { errors, members } = extra;
  const type = `urn:slipway:problem:${code}`;
  return { type, title, status, code, detail, requestId, ...(errors && { errors }), ...members };
}

/** What a log may hold of an error: database errors carry their parameters, which may be whole files or key hashes. */
export function loggable(error: unknown): unknown {
  if (!(error instanceof Error) || !('query' in error) || !('params' in error)) return error;
  const { cause } = error;
  return cause instanceof Error
    ? Object.assign(new Error(cause.message), { stack: cause.stack, query: error.query })
    : cause;
}

/** The catalogued problem for any error. */
export function asProblem(error: unknown): Problem {
  for (const link of causes(error)) {
    const known = link instanceof Problem ? link : (fromTemporal(link) ?? fromDatabase(link) ?? fromHttp(link));
    if (known !== null) return known;
  }
  return problem(
    'internal',
    'The request failed for a reason that is not yours. Try again; if it stays so, give the request id to whoever runs this service.',
  );
}

function fromTemporal(error: unknown): Problem | null {
  // gRPC: cancelled, deadline exceeded, resource exhausted, unavailable
  if (!isGrpcServiceError(error) || ![1, 4, 8, 14].includes(error.code)) return null;
  return problem(
    'temporal_unavailable',
    'The workflow engine (Temporal) does not answer in time. What was stored stays stored; try again in some seconds.',
    { cause: error },
  );
}

const CONNECTION_ERRORS =
  /^(ECONN|EPIPE|ENOTFOUND|EHOSTUNREACH|ETIMEDOUT|EAI_AGAIN|CONNECT_TIMEOUT|CONNECTION_|08|57P0|53300|57014)/;

function fromDatabase(error: unknown): Problem | null {
  const code = codeOf(error);
  if (code === null) return null;
  if (CONNECTION_ERRORS.test(code)) {
    return problem(
      'database_unavailable',
      'The database does not answer. Nothing was changed unless told otherwise; try again in some seconds.',
      {
        cause: error,
      },
    );
  }
  // unique violation, foreign key violation, serialization failure, deadlock: two requests at one moment
  if (['23505', '23503', '40001', '40P01'].includes(code)) {
    return problem(
      'changed_meanwhile',
      'Another request changed the same thing at the same moment. Nothing was written; try again.',
      {
        cause: error,
      },
    );
  }
  // characters that cannot be stored
  if (code === '22021' || code === '22P05') {
    return problem(
      'validation_failed',
      'A text holds a character that cannot be stored (U+0000). Remove it and try again.',
    );
  }
  // a day or moment that has the form and that no database knows: the year 0000
  if (code === '22007' || code === '22008') {
    return problem('validation_failed', 'A day or moment lies outside of what can be stored (years 0001 to 9999).');
  }
  return null;
}

/** Errors of the body parsers and the router. */
function fromHttp(error: unknown): Problem | null {
  const { status, type, limit } = error as { status?: unknown; type?: unknown; limit?: unknown };
  if (type === 'entity.too.large') {
    return problem(
      'body_too_large',
      `The body is larger than ${Number(limit).toLocaleString('en')} bytes, the most this address takes. Send it in parts.`,
    );
  }
  if (type === 'encoding.unsupported' || type === 'charset.unsupported') {
    return problem('media_type_not_supported', 'The body must be UTF-8 and not compressed.');
  }
  if (status === 400)
    return problem(
      'body_unreadable',
      `The request cannot be read: ${(error as Error).message}. Check the JSON and the address.`,
    );
  return null;
}

function codeOf(error: unknown): string | null {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : null;
}

/** An error and what it was caused by, from the outside in. */
function* causes(error: unknown): Generator<unknown> {
  for (let link = error, depth = 0; link instanceof Error && depth < 8; link = link.cause, depth++) {
    yield link;
    if (link instanceof AggregateError && link.errors[0] instanceof Error) yield link.errors[0];
  }
}

/**
 * Serves routes: from the description of a route to an Express handler. Checks what comes in, runs the handler with
 * what its description promises (one transaction, one answer per idempotency key, a line in the audit log), checks and
 * sends what goes out.
 */
import express, { type Request, type RequestHandler, type Router } from 'express';
import { sendAnswer, toAnswer } from './answers.ts';
import { audit } from '../audit.ts';
import { NOBODY, demand } from '../auth.ts';
import { csvOf } from './csv.ts';
import { IDEMPOTENCY_HEADERS, once } from './idempotency.ts';
import { listOf, type LIST_FORMATS } from './lists.ts';
import { loggable, problem, type FieldError } from '../problems.ts';
import { callerOf, logOf, requestIdOf, setRouteId } from './requests.ts';
import type { CheckedInput, Route, Services } from '../route.ts';
import { checkOf } from './validation.ts';
import type { Db } from '../../db/index.ts';

/** What is the same for all requests. */
export type SharedServices = Omit<Services, 'afterCommit'>;

/**
 * Puts routes on a router, addresses without parameters first: `devices/count` is never a device called "count", not
 * even for a method that it does not have. Addresses that exist answer other methods with 405.
 */
export function mount(router: Router, routes: readonly Route[], services: SharedServices): void {
  // "{" comes after every letter
  for (const address of [...new Set(routes.map((each) => each.path))].toSorted()) {
    const own = routes.filter((each) => each.path === address);
    const path = address.replaceAll(/\{(\w+)\}/g, ':$1');
    for (const each of own) router[each.method](path, ...handlersOf(each, services));
    const allowed = own.map(({ method }) => method.toUpperCase());
    router.all(path, (request) => {
      throw problem('method_not_allowed', `${request.method} is not possible here; possible: ${allowed.join(', ')}.`, {
        headers: { Allow: allowed.join(', ') },
      });
    });
  }
}

const DEFAULT_BODY_LIMIT = 256 * 1024;

function handlersOf(each: Route, services: SharedServices): RequestHandler[] {
  const handlers = [admission(each)];
  if (each.body !== undefined && isJson(each)) {
    handlers.push(express.json({ limit: each.bodyLimit ?? DEFAULT_BODY_LIMIT, inflate: false }));
  }
  return [...handlers, serving(each, services)];
}

/** Before the body is read: may this caller do this, and is the body of the right kind? */
function admission(each: Route): RequestHandler {
  return (request, response, next) => {
    setRouteId(response, each.id);
    if (each.permission !== null && each.permission !== 'public') {
      demand(callerOf(response) ?? NOBODY, each.permission, each.summary);
    }
    const wanted = each.consumes ?? 'application/json';
    if (each.body !== undefined && !isEmpty(request) && request.is(wanted) === false) {
      throw problem('media_type_not_supported', `The body must be ${wanted}; say so in Content-Type.`);
    }
    next();
  };
}

function serving(each: Route, services: SharedServices): RequestHandler {
  const list = listOf(each);
  const checks = {
    params: each.params && checkOf(each.params, 'path', 'fromText'),
    query: checkOf(list?.query ?? each.query ?? EMPTY, 'query', 'fromText'),
    headers: each.headers && checkOf(each.headers, 'header', 'fromText'),
    idempotency: each.idempotent && checkOf(IDEMPOTENCY_HEADERS, 'header', 'fromText'),
    body: each.body && isJson(each) ? checkOf(each.body, 'body', 'exact') : undefined,
    response: each.produces === undefined ? checkOf(each.response, 'response', 'exact') : undefined,
  };
  return async (request, response) => {
    const params = { ...request.params };
    // An address that cannot name anything names nothing: the same answer as for a thing that is missing.
    if (checks.params && checks.params(params).length > 0) {
      throw problem('not_found', `There is nothing at ${request.path}.`);
    }
    const query: Record<string, unknown> = { ...request.query };
    const headers = pick(request.headers, each.headers);
    const idempotency = pick(request.headers, each.idempotent && IDEMPOTENCY_HEADERS);
    const json = checks.body ? (request.body ?? {}) : undefined;
    assertValid([
      ...checks.query(query),
      ...(checks.headers?.(headers) ?? []),
      ...((checks.idempotency || undefined)?.(idempotency) ?? []),
      ...(checks.body?.(json) ?? []),
    ]);
    const format = list === null ? undefined : wantedFormat(request, query);
    const input: CheckedInput = {
      params,
      query,
      headers,
      body: each.reader === undefined ? json : await each.reader.read(request),
      caller: callerOf(response) ?? NOBODY,
      operation: { id: each.id, requestId: requestIdOf(response) },
      request,
      log: logOf(response) ?? services.log,
    };
    const key = idempotency['idempotency-key'] as string | undefined;
    const result =
      format === 'csv'
        ? csvOf(each, input, { ...services, afterCommit: refuseAfterCommit }, list!)
        : await perform(each, input, services, key);
    await sendAnswer(each, response, result, checks.response, services);
  };
}

/** Runs the handler with everything its description promises around it. */
async function perform(each: Route, input: CheckedInput, shared: SharedServices, key: string | undefined) {
  if (each.method === 'get') return each.handle(input, { ...shared, afterCommit: refuseAfterCommit });
  const works: (() => Promise<unknown>)[] = [];
  const act = async (db: Db) => {
    const result = await each.handle(input, { ...shared, db, afterCommit: (work) => void works.push(work) });
    if (each.audits !== undefined) {
      const { kind, param } = each.audits;
      const id = String((input.params as Record<string, unknown>)[param]);
      await audit(db, input, { kind, id, after: input.body ?? {} });
    }
    return result;
  };
  const result = await (key !== undefined
    ? once(each, input, key, shared.db, async (tx) => toAnswer(each, await act(tx)))
    : each.atomic === true
      ? shared.db.transaction(act)
      : act(shared.db));
  for (const work of works) {
    await work().catch((error: unknown) =>
      input.log.error({ err: loggable(error), routeId: each.id }, 'committed, but what should follow failed'),
    );
  }
  return result;
}

function refuseAfterCommit(): never {
  throw new Error('a route that only reads commits nothing');
}

/** The query wins over `Accept`, for people who follow a link. */
function wantedFormat(request: Request, query: Record<string, unknown>): (typeof LIST_FORMATS)[number] {
  const { format } = query;
  delete query['format'];
  if (format !== undefined) return format as (typeof LIST_FORMATS)[number];
  const asked = request.headers.accept?.includes('csv') === true;
  return asked && request.accepts(['application/json', 'text/csv']) === 'text/csv' ? 'csv' : 'json';
}

function assertValid(errors: readonly FieldError[]): void {
  if (errors.length === 0) return;
  const [first] = errors;
  const more = errors.length > 1 ? ` (and ${errors.length - 1} more, see errors)` : '';
  throw problem('validation_failed', `${first!.path} ${first!.message}${more}.`, { errors });
}

const EMPTY = { type: 'object', properties: {}, additionalProperties: false } as const;

function isJson(each: Route): boolean {
  return (each.consumes ?? 'application/json') === 'application/json';
}

/** Clients send `Content-Length: 0` where they mean: no body. */
function isEmpty({ headers }: Request): boolean {
  return headers['transfer-encoding'] === undefined && Number(headers['content-length'] ?? 0) === 0;
}

function pick(headers: Request['headers'], schema: { properties?: object } | undefined): Record<string, unknown> {
  const names = Object.keys(schema?.properties ?? {});
  return Object.fromEntries(names.filter((name) => headers[name] !== undefined).map((name) => [name, headers[name]]));
}

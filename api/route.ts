/**
 * A route is data: from one description come the Express handler, the checks of what goes in and out, and the
 * operation in the OpenAPI document. A handler gets checked input and returns the body.
 */
import express, { type Request, type RequestHandler, type Response, type Router } from 'express';
import type { Logger } from 'pino';
import { Type, type Static, type TSchema, type TUnsafe } from 'typebox';
import { NOBODY, demand, type Caller, type Permission } from './auth.ts';
import type { Executions } from './executions.ts';
import { problem, type FieldError, type ProblemCode } from './problems.ts';
import { callerOf, logOf, requestIdOf, setRouteId } from './requests.ts';
import { checkOf, type Check } from './validation.ts';
import type { Db } from '../db/index.ts';

/** What the API needs of Temporal; `Executions` provides it, tests may stand in for it. */
export type TaskExecutions = Pick<
  Executions,
  'startTask' | 'updateTask' | 'retryFailed' | 'taskView' | 'upgradeView' | 'controlUpgrade' | 'executionUrl' | 'check'
>;

/** What handlers work with. */
export interface Services {
  db: Db;
  executions: TaskExecutions;
  log: Logger;
  version: string;
  /** How long a new task waits when its maker does not say. */
  defaultDispatchDelayMs: number;
  /** What happens when an answer does not fit its schema: tests throw, production logs. */
  responseCheck: 'throw' | 'log';
}

/** One request, checked. */
interface RouteInput<Params, Query, Headers, Body> {
  params: Params;
  query: Query;
  headers: Headers;
  body: Body;
  caller: Caller;
  /** For routes that read the body as a stream. */
  request: Request;
  log: Logger;
}

/** A body with more than the usual status and headers. */
export class Answer<Body> {
  constructor(
    readonly body: Body,
    readonly options: { status?: number; headers?: Readonly<Record<string, string>> } = {},
  ) {}
}

/** A file to download. */
export class FileAnswer {
  constructor(
    readonly bytes: Buffer,
    readonly fileName: string,
    readonly headers: Readonly<Record<string, string>> = {},
  ) {}
}

/** Response schema of routes that answer a file. */
export const FileBytes = Type.Unsafe<FileAnswer>({ type: 'string', contentMediaType: 'application/octet-stream' });

type NoFields = TUnsafe<Record<string, never>>;
type Method = 'get' | 'post' | 'patch' | 'delete';

interface RouteDescription {
  method: Method;
  /** As in OpenAPI: `/api/v1/devices/{deviceId}`. */
  path: string;
  /** Operation id; also the label of the route's metrics. */
  id: string;
  tag: string;
  summary: string;
  description?: string;
  /** Null: any valid key; `public`: no key. */
  permission: Permission | null | 'public';
  /** Status of the usual answer. */
  status: number;
  /** Media type of the body; anything but JSON is read by the handler as a stream. */
  consumes?: 'application/json' | 'text/csv' | 'multipart/form-data';
  produces?: 'application/json' | 'application/octet-stream';
  /** Most bytes of a JSON body. */
  bodyLimit?: number;
  /** Body schema for people where the checked one is looser, because rows are judged one by one. */
  documentedBody?: TSchema;
  /** Problems beyond those that the description itself implies. */
  problems?: readonly ProblemCode[];
  /** Further statuses with the same body. */
  alsoAnswers?: Readonly<Record<number, string>>;
}

interface RouteSpec<
  Params extends TSchema,
  Query extends TSchema,
  Headers extends TSchema,
  Body extends TSchema,
  Result extends TSchema,
> extends RouteDescription {
  params?: Params;
  query?: Query;
  headers?: Headers;
  body?: Body;
  response: Result;
  handle(
    input: RouteInput<Static<Params>, Static<Query>, Static<Headers>, Static<Body>>,
    services: Services,
  ): Promise<Static<Result> | Answer<Static<Result>>> | Static<Result> | Answer<Static<Result>>;
}

/** A route with its types forgotten, as the app and the OpenAPI document see it. */
export interface Route extends RouteDescription {
  params?: TSchema;
  query?: TSchema;
  headers?: TSchema;
  body?: TSchema;
  response: TSchema;
  handle(input: RouteInput<unknown, unknown, unknown, unknown>, services: Services): unknown;
}

/** Describes a route; the types of the handler's input and output follow from the schemas. */
export function route<
  Result extends TSchema,
  Params extends TSchema = NoFields,
  Query extends TSchema = NoFields,
  Headers extends TSchema = NoFields,
  Body extends TSchema = NoFields,
>(spec: RouteSpec<Params, Query, Headers, Body, Result>): Route {
  return spec;
}

/** Puts routes on a router. Addresses that exist answer other methods with 405. */
export function mount(router: Router, routes: readonly Route[], services: Services): void {
  const methods = new Map<string, string[]>();
  for (const each of routes) {
    const path = each.path.replaceAll(/\{(\w+)\}/g, ':$1');
    methods.set(path, [...(methods.get(path) ?? []), each.method.toUpperCase()]);
    router[each.method](path, ...handlersOf(each, services));
  }
  for (const [path, allowed] of methods) {
    router.all(path, (request) => {
      throw problem('method_not_allowed', `${request.method} is not possible here; possible: ${allowed.join(', ')}.`, {
        headers: { Allow: allowed.join(', ') },
      });
    });
  }
}

const DEFAULT_BODY_LIMIT = 256 * 1024;

function handlersOf(each: Route, services: Services): RequestHandler[] {
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

function serving(each: Route, services: Services): RequestHandler {
  const checks = {
    params: each.params && checkOf(each.params, 'path', 'fromText'),
    query: checkOf(each.query ?? EMPTY, 'query', 'fromText'),
    headers: each.headers && checkOf(each.headers, 'header', 'fromText'),
    body: each.body && isJson(each) ? checkOf(each.body, 'body', 'exact') : undefined,
    response: each.produces === undefined ? checkOf(each.response, 'response', 'exact') : undefined,
  };
  return async (request, response) => {
    const params = { ...request.params };
    // An address that cannot name anything names nothing: the same answer as for a thing that is missing.
    if (checks.params && checks.params(params).length > 0) {
      throw problem('not_found', `There is nothing at ${request.path}.`);
    }
    const query = { ...request.query };
    const headers = pick(request.headers, each.headers);
    const body = checks.body ? (request.body ?? {}) : undefined;
    assertValid([...checks.query(query), ...(checks.headers?.(headers) ?? []), ...(checks.body?.(body) ?? [])]);
    const caller = callerOf(response) ?? NOBODY;
    const log = logOf(response) ?? services.log;
    const result = await each.handle({ params, query, headers, body, caller, request, log }, services);
    answer(each, response, result, checks.response, services);
  };
}

function answer(each: Route, response: Response, result: unknown, check: Check | undefined, services: Services): void {
  if (result instanceof FileAnswer) {
    response.attachment(result.fileName);
    response.set(result.headers).type('application/octet-stream').send(result.bytes);
    return;
  }
  const { body, options } = result instanceof Answer ? (result as Answer<unknown>) : new Answer(result);
  const errors = check?.(body) ?? [];
  if (errors.length > 0) {
    const message = `${each.id} answers what its schema does not allow`;
    if (services.responseCheck === 'throw') throw new Error(`${message}: ${JSON.stringify(errors)}`);
    services.log.error({ routeId: each.id, requestId: requestIdOf(response), errors }, message);
  }
  response.status(options.status ?? each.status).set(options.headers ?? {});
  if (each.status === 204) response.end();
  else response.json(body);
}

function assertValid(errors: readonly FieldError[]): void {
  if (errors.length === 0) return;
  const [first] = errors;
  const more = errors.length > 1 ? ` (and ${errors.length - 1} more, see errors)` : '';
  throw problem('validation_failed', `${first!.path} ${first!.message}${more}.`, { errors });
}

const EMPTY = Type.Object({}, { additionalProperties: false });

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

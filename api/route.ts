/**
 * A route is data: from one description come the Express handler (`serving.ts`), the checks of what goes in and out,
 * and the operation in the OpenAPI document. A handler gets checked input and returns the body.
 */
import type { Request, Response } from 'express';
import type { Logger } from 'pino';
import { Type, type Static, type TSchema, type TUnsafe } from 'typebox';
import type { Authentication, Caller, Permission } from './auth.ts';
import type { EventHub } from './events/events.ts';
import type { Executions } from './executions/executions.ts';
import type { MesScheduling } from './executions/mes-schedule.ts';
import type { ProblemCode } from './problems.ts';
import type { Db } from '../db/index.ts';

/** What the API needs of Temporal; `Executions` provides it, tests may stand in for it. */
export type TaskExecutions = Pick<
  Executions,
  | 'pingWebhook'
  | 'retryDelivery'
  | 'startTask'
  | 'updateTask'
  | 'retryFailed'
  | 'taskView'
  | 'upgradeView'
  | 'controlUpgrade'
  | 'startCommand'
  | 'signalCommand'
  | 'startShipment'
  | 'startFiring'
  | 'startPlatformShipment'
  | 'wakePlatformShipment'
  | 'platformShipmentView'
  | 'wakeEquipment'
  | 'equipmentView'
  | 'changeAgent'
  | 'agentView'
  | 'startAgent'
  | 'executionUrl'
  | 'check'
>;

/** One setting of the process, as administrators may see it: a secret is only said to be set. */
export interface Setting {
  name: string;
  value: string | null;
  isSecret: boolean;
  default: string;
  meaning: string;
  format: string;
}

/** What handlers work with. */
export interface Services {
  /** In a route that is `atomic`, or was asked with an idempotency key: the transaction that holds all of it. */
  db: Db;
  executions: TaskExecutions;
  /** When MES is read; null: nobody said. */
  mes: MesScheduling | null;
  /** Serves those who follow live. */
  events: Pick<EventHub, 'serve'>;
  /** Begins and ends sessions of the console. */
  sessions: Pick<Authentication, 'sessionOf' | 'signIn' | 'signOut'>;
  log: Logger;
  /** Where webhooks may lead. */
  webhookTargets: { allowPrivate: boolean };
  version: string;
  /** How long a new task waits when its maker does not say. */
  defaultDispatchDelayMs: number;
  /** What the process was started with, without secrets. */
  settings: readonly Setting[];
  /** What happens when an answer does not fit its schema: tests throw, production logs. */
  responseCheck: 'throw' | 'log';
  /**
   * For what must not begin before everything is committed, such as starting a workflow. The answer waits for it; when
   * it fails, that is logged and changes nothing.
   */
  afterCommit(work: () => Promise<unknown>): void;
}

/** Who does what: all that a line of the audit log needs to know of a request. */
export interface Actor {
  caller: Caller;
  operation: { id: string; requestId: string };
}

/** One request, checked. */
interface RouteInput<Params, Query, Headers, Body> extends Actor {
  params: Params;
  query: Query;
  headers: Headers;
  body: Body;
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

/** A body that is sent while it is made: text of any length in little memory. */
export class StreamAnswer {
  constructor(
    readonly parts: AsyncIterable<string>,
    readonly options: {
      type: string;
      headers?: Readonly<Record<string, string>>;
      /** Last words when `parts` fails in the middle; without them the connection is cut, so that nobody takes a part for the whole. */
      lastWords?: (error: unknown) => string;
    },
  ) {}
}

/** An answer that stays open: whoever serves it writes the head, too. What fails before that is a problem like any other. */
export class LiveAnswer {
  constructor(readonly serve: (response: Response) => Promise<void>) {}
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
  produces?: 'application/json' | 'application/octet-stream' | 'text/event-stream';
  /** Most bytes of a JSON body. */
  bodyLimit?: number;
  /** Body schema for people where the checked one is looser, because rows are judged one by one. */
  documentedBody?: TSchema;
  /** Problems beyond those that the description itself implies. */
  problems?: readonly ProblemCode[];
  /** Further statuses with the same body. */
  alsoAnswers?: Readonly<Record<number, string>>;
  /** What the same request answers to another `Accept`, by media type. Lists need not say it: they all answer CSV. */
  alsoProduces?: Readonly<Record<string, TSchema>>;
  /** Everything the handler writes is one transaction. Not for handlers that wait for Temporal. */
  atomic?: true;
  /**
   * Takes an `Idempotency-Key`: the same request again gets the same answer and changes nothing. `sealed`: the answer
   * shows a secret, and is kept in a form that only the same API key opens.
   */
  idempotent?: true | 'sealed';
  /**
   * Writes a line of the audit log when the handler has succeeded: the thing that this path parameter names, and the
   * body as what was asked. For changes that happen outside the handler's transaction; others call `audit`.
   */
  audits?: { kind: string; param: string };
}

/** For bodies that are no JSON: reads them before the handler, and before any transaction, begins. */
interface BodyReader<Body> {
  /** May throw problems. */
  read(request: Request): Promise<Body>;
  /** What makes two bodies the same request, for the idempotency key. */
  fingerprint(body: Body): unknown;
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
  reader?: BodyReader<Static<Body>>;
  response: Result;
  handle(
    input: RouteInput<Static<Params>, Static<Query>, Static<Headers>, Static<Body>>,
    services: Services,
  ): Promise<HandlerResult<Result>> | HandlerResult<Result>;
}

type HandlerResult<Result extends TSchema> = Static<Result> | Answer<Static<Result>> | StreamAnswer;

/** A route with its types forgotten, as the app and the OpenAPI document see it. */
export interface Route extends RouteDescription {
  params?: TSchema;
  query?: TSchema;
  headers?: TSchema;
  body?: TSchema;
  reader?: BodyReader<unknown>;
  response: TSchema;
  handle(input: CheckedInput, services: Services): unknown;
}

export type CheckedInput = RouteInput<unknown, Record<string, unknown>, unknown, unknown>;

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

/**
 * The HTTP API, assembled in order: request id, log, security headers, keys, routes, problems. Knows no environment
 * and opens no port; `main.ts` does both.
 */
import { createServer, type Server } from 'node:http';
import type { Socket } from 'node:net';
import express, { type Express } from 'express';
import helmet from 'helmet';
import type { Logger } from 'pino';
import { pinoHttp } from 'pino-http';
import type { Registry } from 'prom-client';
import { Authentication } from './auth.ts';
import { consolePages, type ConsoleFiles } from './console.ts';
import { docs } from './http/docs.ts';
import { EventHub } from './events/events.ts';
import { isLocal, measuring, metricsPage } from './metrics.ts';
import { payloadCodec, type PayloadCodecOptions } from './payload-codec.ts';
import { problem, problemHandler } from './problems.ts';
import { callerOf, newRequestId, requestIdOf, routeIdOf, setRequestId, setRouteId } from './http/requests.ts';
import type { MesScheduling } from './executions/mes-schedule.ts';
import type { Services, TaskExecutions } from './route.ts';
import { probes, routes } from './routes/index.ts';
import { sessionRoutes } from './routes/session.ts';
import { mount, type SharedServices } from './http/serving.ts';
import { packageVersion } from './openapi.ts';
import type { Db } from '../db/index.ts';
import { withoutPipelining } from '../gateways/http-pipelining.ts';
import { Offenders } from './http/offenders.ts';

export { ensureFirstKey, makeAdminKey } from './auth.ts';
export { forgetAnswers } from './http/idempotency.ts';
export { forgetAgentCalls, startAgents } from './factory/agent-sweep.ts';
export { startUnstartedShipments } from './shipments/platform-orders.ts';
export { fireTriggers, startUnstartedOrders } from './shipments/shipment-orders.ts';
export { restartLostTasks, startUnstartedTasks } from './upgrades/task-creation.ts';

export interface AppOptions {
  db: Db;
  executions: TaskExecutions;
  /** When MES is read. */
  mes?: MesScheduling;
  /** Serves live streams; whoever gives one stops it. Without it the app makes one that hears no announcements. */
  events?: EventHub;
  log: Logger;
  /** May webhooks lead to private addresses? */
  allowPrivateWebhooks?: boolean;
  metrics: Registry;
  /** Further measurements in Prometheus' text form: those of the Temporal SDK. */
  moreMetrics?: () => Promise<string>;
  /** Shown by `/healthz` and in the OpenAPI document; that of `package.json` unless given. */
  version?: string;
  /** How long a new task waits when its maker does not say. */
  defaultDispatchDelayMs?: number;
  /** What the process was started with, without secrets. */
  settings?: Services['settings'];
  /** Where the built console lies; without it only the API is served. */
  console?: ConsoleFiles;
  /** Deciphers payloads for the Web UI; without it there is no such address. */
  payloads?: PayloadCodecOptions;
  /** Only `/healthz`, `/readyz` and `/metrics`: for processes without the role api. */
  probesOnly?: boolean;
  /** How many proxies stand in front; their word on the caller's address is taken. */
  trustedProxies?: number;
  /** Requests with a refused key that one address may make in a minute. */
  authFailuresPerMinute?: number;
  /** What happens when an answer does not fit its schema: tests throw, production logs. */
  responseCheck?: 'throw' | 'log';
}

/** Builds the app. */
export function createApp(options: AppOptions): Express {
  const { db, executions, log, metrics, version = packageVersion() } = options;
  const authentication = new Authentication(db, { failuresPerMinute: options.authFailuresPerMinute ?? 30 });
  const { handler: keys } = authentication;
  const services: SharedServices = {
    db,
    executions,
    mes: options.mes ?? null,
    events: options.events ?? new EventHub({ database: { db }, log, maxStreams: 1_000 }),
    log,
    webhookTargets: { allowPrivate: options.allowPrivateWebhooks ?? false },
    version,
    defaultDispatchDelayMs: options.defaultDispatchDelayMs ?? 10 * 60_000,
    settings: options.settings ?? [],
    responseCheck: options.responseCheck ?? 'log',
    sessions: authentication,
  };

  const app = express();
  app.disable('x-powered-by');
  app.set('etag', false);
  app.set('trust proxy', options.trustedProxies ?? 0);
  app.use((request, response, next) => {
    const requestId = newRequestId(request);
    setRequestId(response, requestId);
    response.setHeader('X-Request-Id', requestId);
    next();
  });
  app.use(requestLog(log), measuring(metrics), securityHeaders());
  app.get(
    '/metrics',
    (request, response, next) => {
      setRouteId(response, 'getMetrics');
      return isLocal(request) ? next() : keys(request, response, next);
    },
    metricsPage(metrics, options.moreMetrics ?? (async () => '')),
  );
  if (options.probesOnly === true) {
    mount(app, probes, services);
  } else {
    app.use(docs(version));
    if (options.payloads !== undefined) app.use(payloadCodec(options.payloads, authentication));
    app.use('/api/v1', (_request, response, next) => {
      response.setHeader('Cache-Control', 'no-store');
      next();
    });
    mount(app, sessionRoutes, services);
    app.use('/api/v1', keys);
    mount(
      app,
      routes.filter((each) => !sessionRoutes.includes(each)),
      services,
    );
    if (options.console !== undefined) app.use(consolePages(options.console));
  }
  app.use((request) => {
    throw problem('not_found', `There is nothing at ${request.path}. The addresses are listed at /docs.`);
  });
  app.use(problemHandler(log));
  return app;
}

/** Limits of the server towards those who hold connections or pour requests into them. */
export interface ServerLimits {
  /** A connection on which nothing moves in either direction: an answer that is not read would be kept for ever. */
  stalledMs: number;
  /** How long an address is turned away that does not wait for answers. */
  offenderMs: number;
}

/** A server that carries the app, with limits: who sends slowly or does not read holds no connection for ever. */
export function apiServer(
  app: Express,
  log: Pick<Logger, 'warn'>,
  { stalledMs, offenderMs }: ServerLimits = { stalledMs: 300_000, offenderMs: 10_000 },
): Server {
  const offenders = new Offenders(offenderMs);
  const turnAway = ({ remoteAddress: address = '' }: Socket) => {
    const words = 'an address that sends requests without waiting for answers is turned away for a while';
    if (!offenders.has(address)) log.warn({ address, seconds: offenderMs / 1_000 }, words);
    offenders.add(address);
  };
  const server = createServer(withoutPipelining(app, turnAway));
  server.on('connection', (socket) => {
    if (offenders.has(socket.remoteAddress ?? '')) socket.destroy();
  });
  server.headersTimeout = 20_000;
  // whole requests: large enough for an import of 64 MiB over a slow line
  server.requestTimeout = 300_000;
  server.keepAliveTimeout = 65_000;
  server.maxHeadersCount = 100;
  server.timeout = stalledMs;
  return server;
}

/** One line for each request: no bodies, no headers, no keys. */
function requestLog(logger: Logger) {
  return pinoHttp({
    logger,
    genReqId: (_request, response) => requestIdOf(response as express.Response),
    quietReqLogger: true,
    customAttributeKeys: { reqId: 'requestId' },
    autoLogging: { ignore: (request) => ['/healthz', '/readyz', '/metrics'].includes(request.url ?? '') },
    serializers: {
      req: ({ method, url, remoteAddress }: { method: string; url: string; remoteAddress: string }) => ({
        method,
        url,
        remoteAddress,
      }),
      res: ({ statusCode }: { statusCode: number }) => ({ statusCode }),
    },
    // asked twice, at the beginning when nothing is known yet: what is null then must not stand in the line
    customProps: (_request, response) => {
      const routeId = routeIdOf(response as express.Response);
      const caller = callerOf(response as express.Response);
      return {
        ...(routeId !== null && { routeId }),
        ...(caller !== null && { caller: caller.name, departmentId: caller.departmentId }),
      };
    },
    customLogLevel: (_request, response) => (response.statusCode >= 500 ? 'warn' : 'info'),
  });
}

/** Pages may load what this server serves and nothing else. TLS, and with it HSTS, is the proxy's business. */
function securityHeaders() {
  return helmet({
    strictTransportSecurity: false,
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'none'"],
        scriptSrc: ["'self'"],
        styleSrc: ["'self'"],
        imgSrc: ["'self'", 'data:'],
        connectSrc: ["'self'"],
        fontSrc: ["'self'"],
        baseUri: ["'none'"],
        formAction: ["'self'"],
        frameAncestors: ["'none'"],
      },
    },
  });
}

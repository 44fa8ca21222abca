/**
 * Routes of a test's own, served as the app serves its routes: for what a route can promise in its description.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';
import type { Caller } from '../../api/auth.ts';
import { problemHandler } from '../../api/problems.ts';
import { setCaller } from '../../api/http/requests.ts';
import type { Route } from '../../api/route.ts';
import { mount, type SharedServices } from '../../api/http/serving.ts';

/** Serves routes to one caller; `said` is what was logged as an error. */
export async function serveRoutes(routes: readonly Route[], services: Partial<SharedServices>, departmentId = 1) {
  const app = express();
  const said: string[] = [];
  const caller: Caller = { keyId: 1, name: 'test', departmentId, department: 'test', permissions: new Set() };
  app.use((_request, response, next) => {
    setCaller(response, caller);
    next();
  });
  const log = { error: (_about: unknown, message: string) => void said.push(message) };
  mount(app, routes, { log, responseCheck: 'throw', ...services } as unknown as SharedServices);
  app.use(problemHandler(log as never));
  const server = createServer(app);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    said,
    stop: () =>
      new Promise<unknown>((resolve) => {
        server.close(resolve);
        server.closeAllConnections();
      }),
  };
}

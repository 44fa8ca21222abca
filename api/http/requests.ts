/**
 * What belongs to one request while it is served: its id, its log, who calls, which route. Kept on `response.locals`,
 * read and written here only.
 */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Response } from 'express';
import type { Logger } from 'pino';
import type { Caller } from '../auth.ts';

/** Takes over the id a proxy gave, if it looks like one; else makes one. */
export function newRequestId(request: IncomingMessage): string {
  const given = request.headers['x-request-id'];
  return typeof given === 'string' && /^[\w.-]{1,64}$/.test(given) ? given : randomUUID();
}

export function requestIdOf(response: Response): string {
  return String(response.locals['requestId'] ?? '');
}

export function setRequestId(response: Response, requestId: string): void {
  response.locals['requestId'] = requestId;
}

/** The request's own logger; null before there is one. */
export function logOf(response: Response): Logger | null {
  return (response.req as { log?: Logger }).log ?? null;
}

/** Who calls; null on addresses that need no key. */
export function callerOf(response: Response): Caller | null {
  return (response.locals['caller'] as Caller | undefined) ?? null;
}

export function setCaller(response: Response, caller: Caller): void {
  response.locals['caller'] = caller;
}

/** Operation id of the route that serves the request; null when none does. */
export function routeIdOf(response: Response): string | null {
  return (response.locals['routeId'] as string | undefined) ?? null;
}

export function setRouteId(response: Response, routeId: string): void {
  response.locals['routeId'] = routeId;
}

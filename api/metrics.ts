/**
 * What Prometheus reads, and the API's own measurement: how long each route takes.
 *
 * `/metrics` needs no key from the machine itself; a request that a proxy on this machine passed on is not from the
 * machine itself. From elsewhere any valid key opens it: the figures name no device.
 */
import type { Request, RequestHandler, Response } from 'express';
import { Gauge, Histogram, type Registry } from 'prom-client';
import { routeIdOf } from './http/requests.ts';

const DURATION = 'slipway_http_request_duration_seconds';
const STREAMS = 'slipway_sse_clients';

/** Measures every request under the id of its route; of streams, which last as long as somebody looks, only how many. */
export function measuring(registry: Registry): RequestHandler {
  const durations =
    (registry.getSingleMetric(DURATION) as Histogram<'route' | 'method' | 'status'> | undefined) ??
    new Histogram({
      name: DURATION,
      help: 'Time from the first byte of a request to the last of its answer, by route id; streams are left out',
      labelNames: ['route', 'method', 'status'] as const,
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
      registers: [registry],
    });
  const open = new Set<Response>();
  countOpen(registry, open);
  return (request, response, next) => {
    const stop = durations.startTimer();
    open.add(response);
    response.once('close', () => {
      open.delete(response);
      if (isStream(response)) return;
      stop({ route: routeIdOf(response) ?? 'none', method: request.method, status: String(response.statusCode) });
    });
    next();
  };
}

function countOpen(registry: Registry, open: ReadonlySet<Response>): void {
  if (registry.getSingleMetric(STREAMS) !== undefined) return;
  const registers = [registry];
  const requests: Gauge = new Gauge({
    name: 'slipway_http_requests_in_progress',
    help: 'Requests being answered now, this one included; streams are left out',
    registers,
    collect: () => requests.set([...open].filter((response) => !isStream(response)).length),
  });
  const streams: Gauge = new Gauge({
    name: STREAMS,
    help: 'Clients that follow server-sent events',
    registers,
    collect: () => streams.set([...open].filter(isStream).length),
  });
}

function isStream(response: Response): boolean {
  return String(response.getHeader('content-type') ?? '').startsWith('text/event-stream');
}

/** Answers the registry and, behind it, what another source in this process has to say. */
export function metricsPage(registry: Registry, more: () => Promise<string>): RequestHandler {
  return async (_request, response) => {
    const [own, others] = await Promise.all([registry.metrics(), more().catch(() => '')]);
    response.type(registry.contentType).send(own + others);
  };
}

/** True for requests that come from this machine and were not passed on by a proxy. */
export function isLocal(request: Request): boolean {
  const address = request.socket.remoteAddress ?? '';
  const proxied = ['x-forwarded-for', 'forwarded', 'x-real-ip'].some((name) => request.headers[name] !== undefined);
  return !proxied && (address === '::1' || /^(::ffff:)?127\./.test(address));
}

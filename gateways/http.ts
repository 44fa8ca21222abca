/**
 * The HTTP listener for devices, on a port of its own: small bodies, short times, no sessions, no cookies. What the
 * paths mean is the business of the protocols that register them.
 */
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import type { GatewayLog } from './devices.ts';

/** A request as a protocol sees it. */
export interface DeviceRequest {
  /** The groups of the path's pattern. */
  params: Record<string, string>;
  body: string;
  address: string;
}

/** What a protocol answers. */
export interface DeviceAnswer {
  status: number;
  body: unknown;
}

/** A path that devices call. */
export interface DeviceRoute {
  method: 'POST';
  path: RegExp;
  maxBodyBytes: number;
  handle(request: DeviceRequest): Promise<DeviceAnswer>;
}

/** Limits of the listener. */
export interface DeviceHttpLimits {
  maxConnections: number;
  /** Headers and body must have arrived by then. */
  requestTimeoutMs: number;
}

/** Listens for devices that speak HTTP. */
export class DeviceHttpServer {
  readonly counters = { requests: 0, refused: 0, failed: 0 };
  readonly #server: http.Server;
  readonly #routes: readonly DeviceRoute[];
  readonly #log: GatewayLog;

  constructor(routes: readonly DeviceRoute[], limits: DeviceHttpLimits, log: GatewayLog) {
    this.#routes = routes;
    this.#log = log;
    this.#server = http.createServer(
      {
        requestTimeout: limits.requestTimeoutMs,
        headersTimeout: limits.requestTimeoutMs,
        keepAliveTimeout: limits.requestTimeoutMs,
        maxHeaderSize: 8_192,
        connectionsCheckingInterval: 1_000,
      },
      (request, response) => void this.#serve(request, response),
    );
    this.#server.maxConnections = limits.maxConnections;
  }

  async listen(port: number, host: string): Promise<number> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ port, host }, resolve);
    });
    return (this.#server.address() as AddressInfo).port;
  }

  async close(graceMs: number): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeIdleConnections();
    const timer = setTimeout(() => this.#server.closeAllConnections(), graceMs);
    await closed;
    clearTimeout(timer);
  }

  async #serve(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    this.counters.requests += 1;
    const { status, body } = await this.#answer(request).catch((error: unknown) => {
      this.counters.failed += 1;
      this.#log.warn({ err: error, url: request.url }, 'a device request could not be handled');
      return { status: 503, body: { error: 'unavailable', message: 'try again in a minute' } };
    });
    if (status >= 400) this.counters.refused += 1;
    const text = JSON.stringify(body);
    response.writeHead(status, {
      'content-type': 'application/json; charset=utf-8',
      'content-length': Buffer.byteLength(text),
      // A body that was not read to its end would be taken for the next request.
      ...(request.complete ? {} : { connection: 'close' }),
    });
    response.end(text);
  }

  async #answer(request: http.IncomingMessage): Promise<DeviceAnswer> {
    const path = (request.url ?? '').split('?')[0] ?? '';
    const route = this.#routes.find((candidate) => candidate.path.test(path));
    if (route === undefined) return { status: 404, body: { error: 'not_found', message: `there is nothing at ${path}` } };
    if (request.method !== route.method) {
      return { status: 405, body: { error: 'method_not_allowed', message: `use ${route.method}` } };
    }
    const body = await readBody(request, route.maxBodyBytes);
    if (body === null) {
      return { status: 413, body: { error: 'too_large', message: `at most ${route.maxBodyBytes} bytes` } };
    }
    const params = route.path.exec(path)?.groups ?? {};
    return route.handle({ params, body, address: request.socket.remoteAddress ?? 'unknown' });
  }
}

/** The body as text; null when it is longer than allowed. */
async function readBody(request: http.IncomingMessage, maxBytes: number): Promise<string | null> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maxBytes) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/**
 * The HTTP listener for devices, on a port of its own: small bodies, short times, no sessions, no cookies. What the
 * paths mean is the business of the protocols that register them.
 */
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import type { GatewayLog } from './devices.ts';
import { standstills } from './standstills.ts';
import { BACKLOG } from './tcp.ts';
import { sendBytes, type SendOptions, type SendOutcome } from './http-bytes.ts';
import { withoutPipelining } from './http-pipelining.ts';

/** In a path, what opens a file to whoever knows it: it is not written into a log. */
const TOKEN = /[0-9a-f]{32}/gi;

/** A request as a protocol sees it. */
export interface DeviceRequest {
  method: DeviceMethod;
  /** The groups of the path's pattern. */
  params: Record<string, string>;
  headers: http.IncomingHttpHeaders;
  body: string;
  address: string;
  /** Where the device reached us, as it says itself, for example `http://10.0.0.5:7780`. */
  origin: string;
}

/** What a protocol answers: something small, or bytes. */
export interface DeviceAnswer {
  status: number;
  body: unknown;
  headers?: http.OutgoingHttpHeaders;
}

/** A file, or a part of one, that is sent as the device takes it. */
export interface DeviceBytes {
  status: number;
  headers: http.OutgoingHttpHeaders;
  bytes: Buffer;
  options: SendOptions;
  /** It is over, complete or not. */
  ended: (outcome: SendOutcome) => void;
}

export type DeviceMethod = 'GET' | 'HEAD' | 'POST';

/** A path that devices call. */
export interface DeviceRoute {
  methods: readonly DeviceMethod[];
  path: RegExp;
  maxBodyBytes: number;
  handle(request: DeviceRequest): Promise<DeviceAnswer | DeviceBytes>;
}

/** Limits of the listener. */
export interface DeviceHttpLimits {
  maxConnections: number;
  /** Headers and body must have arrived by then; an idle connection is closed after it, too. */
  requestTimeoutMs: number;
}

const HEADER_BYTES = 8_192;
/** Of a body that is too long so much is read and thrown away: who is still sending does not hear the answer. */
const DISCARDED_BYTES = 1_048_576;
/** How often connections are looked at for requests that take too long, at most. */
const CHECK_MS = 1_000;
const RETRY_AFTER_S = 60;
/** Requests that wait for the rest of the program; more than these are asked to come again. */
const HANDLED_AT_ONCE = 500;

/** Listens for devices that speak HTTP. */
export class DeviceHttpServer {
  /** `refused` counts answers from 400 on, `failed` those of them that were our fault, `cut` requests without their end. */
  readonly counters = { requests: 0, refused: 0, failed: 0, cut: 0 };
  readonly #server: http.Server;
  readonly #routes: readonly DeviceRoute[];
  readonly #log: GatewayLog;
  #isClosing = false;
  #unsubscribe = () => {};
  #handling = 0;
  #onHandled: () => void = () => {};

  constructor(routes: readonly DeviceRoute[], limits: DeviceHttpLimits, log: GatewayLog) {
    this.#routes = routes;
    this.#log = log;
    this.#server = http.createServer(
      {
        requestTimeout: limits.requestTimeoutMs,
        headersTimeout: limits.requestTimeoutMs,
        keepAliveTimeout: limits.requestTimeoutMs,
        maxHeaderSize: HEADER_BYTES,
        connectionsCheckingInterval: Math.min(CHECK_MS, limits.requestTimeoutMs),
      },
      withoutPipelining((request, response) => void this.#serve(request, response)),
    );
    this.#server.maxConnections = limits.maxConnections;
  }

  /** Starts listening; returns the port, which matters when 0 was asked for. */
  async listen(port: number, host: string): Promise<number> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ port, host, backlog: BACKLOG }, () => {
        this.#server.off('error', reject);
        resolve();
      });
    });
    this.#unsubscribe = standstills.subscribe(() => this.#server.closeAllConnections());
    // Without a listener a connection that cannot be taken, for example for want of files, would end the process.
    this.#server.on('error', (error) => this.#log.warn({ err: error }, 'a device connection could not be taken'));
    return (this.#server.address() as AddressInfo).port;
  }

  /** Stops accepting and lets requests in progress finish, also those whose device has left; after `graceMs` without asking. */
  async close(graceMs: number): Promise<void> {
    this.#isClosing = true;
    this.#unsubscribe();
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeIdleConnections();
    const handled = new Promise<void>((resolve) => {
      this.#onHandled = resolve;
      if (this.#handling === 0) resolve();
    });
    const patience = new Promise<void>((resolve) => setTimeout(resolve, graceMs).unref());
    const timer = setTimeout(() => this.#server.closeAllConnections(), graceMs);
    await closed;
    await Promise.race([handled, patience]);
    clearTimeout(timer);
  }

  async #serve(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    this.counters.requests += 1;
    if (standstills.isDeaf) {
      this.counters.cut += 1;
      request.socket.destroy();
      return;
    }
    const path = (request.url ?? '').split('?')[0] ?? '';
    const route = this.#routes.find((candidate) => candidate.path.test(path));
    const body = await readBody(request, route?.maxBodyBytes ?? 0);
    if (body === 'cut') {
      this.counters.cut += 1;
      return; // there is nobody to answer
    }
    const answer = await this.#answer(request, path, route, body.text).catch((error: unknown) => {
      this.counters.failed += 1;
      this.#log.warn({ err: error, path: path.replace(TOKEN, '…') }, 'a device request could not be handled');
      return UNAVAILABLE;
    });
    if (answer.status >= 400) this.counters.refused += 1;
    if ('bytes' in answer) return this.#send(response, answer);
    const text = JSON.stringify(answer.body);
    const headers: http.OutgoingHttpHeaders = {
      'content-type': 'application/json; charset=utf-8',
      'content-length': Buffer.byteLength(text),
      ...answer.headers,
    };
    if (answer.status === 503) headers['retry-after'] = String(RETRY_AFTER_S);
    // A body that was not read to its end would be taken for the next request.
    if (this.#isClosing || !body.isWhole) headers.connection = 'close';
    response.writeHead(answer.status, headers).end(text);
  }

  async #send(response: http.ServerResponse, { status, headers, bytes, options, ended }: DeviceBytes): Promise<void> {
    response.writeHead(status, this.#isClosing ? { ...headers, connection: 'close' } : headers);
    ended(await sendBytes(response, bytes, options));
  }

  async #answer(
    request: http.IncomingMessage,
    path: string,
    route: DeviceRoute | undefined,
    body: string | null,
  ): Promise<DeviceAnswer | DeviceBytes> {
    if (route === undefined) return problem(404, 'not_found', `there is nothing at ${path}`);
    const method = route.methods.find((allowed) => allowed === request.method);
    if (method === undefined) {
      const refusal = problem(405, 'method_not_allowed', `use ${route.methods.join(' or ')}`);
      return { ...refusal, headers: { allow: route.methods.join(', ') } };
    }
    if (body === null) return problem(413, 'too_large', `at most ${route.maxBodyBytes} bytes`);
    if (this.#handling >= HANDLED_AT_ONCE) return UNAVAILABLE;
    this.#handling += 1;
    try {
      const params = route.path.exec(path)?.groups ?? {};
      const { headers, socket } = request;
      const address = socket.remoteAddress ?? 'unknown';
      return await route.handle({ method, params, headers, body, address, origin: originOf(request) });
    } finally {
      this.#handling -= 1;
      if (this.#handling === 0) this.#onHandled();
    }
  }
}

/** Where the device reached us: as it says, or the address it connected to when what it says is no name. */
function originOf({ headers: { host }, socket }: http.IncomingMessage): string {
  if (host !== undefined && /^(?:[A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::\d{1,5})?$/.test(host)) {
    return `http://${host}`;
  }
  const address = (socket.localAddress ?? '127.0.0.1').replace(/^::ffff:/, '');
  return `http://${address.includes(':') ? `[${address}]` : address}:${socket.localPort ?? 80}`;
}

const UNAVAILABLE = problem(503, 'unavailable', 'try again in a minute');

/** A refusal as devices get it: a word to decide by and a sentence for whoever builds the device. */
export function problem(status: number, error: string, message: string): DeviceAnswer {
  return { status, body: { error, message } };
}

interface Body {
  /** Null when it is longer than allowed. */
  text: string | null;
  isWhole: boolean;
}

/** Reads the body, and throws away what is too long of it; `cut` when it does not come to its end. */
function readBody(request: http.IncomingMessage, maxBytes: number): Promise<Body | 'cut'> {
  return new Promise((resolve) => {
    let chunks: Buffer[] = [];
    let bytes = 0;
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes <= maxBytes) chunks.push(chunk);
      else chunks = [];
      if (bytes <= maxBytes + DISCARDED_BYTES) return;
      request.pause();
      resolve({ text: null, isWhole: false });
    });
    request.on('end', () => {
      resolve({ text: bytes > maxBytes ? null : Buffer.concat(chunks).toString('utf8'), isWhole: true });
    });
    request.on('error', () => resolve('cut'));
    request.on('close', () => resolve('cut'));
  });
}

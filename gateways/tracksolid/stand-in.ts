/**
 * A stand-in for Tracksolid: a real HTTP server that checks signatures, times and tokens, knows accounts and devices,
 * and misbehaves as told. For tests, for the demo, and for people who try Slipway without an account there.
 *
 * `GET /` tells what it knows and what it has answered; `POST /faults` with JSON changes its faults.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { readPlatformTime, signatureOf } from './signing.ts';
import { StandInWorld, type Answer } from './stand-in-world.ts';

/** Misbehaviour; shares are of the calls that it concerns, 0..1. */
export interface StandInFaults {
  /** Does the work, and never answers. */
  silentAfterWork: number;
  /** Does nothing, and never answers. */
  silentBeforeWork: number;
  /** Does the work, and cuts the connection. */
  cutAfterWork: number;
  /** Does the work so much later than it falls silent. */
  lateWork: { share: number; afterMs: number };
  /** Says that it is busy (-1) and does nothing. */
  busy: number;
  /** Says that it is busy (-1) and has done everything. */
  busyAfterWork: number;
  /** Answers something that is no JSON, after the work. */
  garbage: number;
  /** The faults above happen to calls that only read, too. */
  readsToo: boolean;
  /** More calls in a second are answered 1006. */
  callsPerSecond: number | null;
  /** Answers 1005 to everything. */
  addressBlocked: boolean;
  /** Devices cannot be seen for so long after their import. */
  hiddenForMs: number;
  /** Each answer takes so long. */
  answerMs: number;
}

/** Works as it should. */
export const NO_FAULTS: StandInFaults = {
  silentAfterWork: 0,
  silentBeforeWork: 0,
  cutAfterWork: 0,
  lateWork: { share: 0, afterMs: 0 },
  busy: 0,
  busyAfterWork: 0,
  garbage: 0,
  readsToo: false,
  callsPerSecond: null,
  addressBlocked: false,
  hiddenForMs: 0,
  answerMs: 0,
};

export interface StandInOptions {
  appKey: string;
  appSecret: string;
  user: string;
  /** Lower-case MD5. */
  passwordMd5: string;
  accounts?: readonly string[];
  importMethod?: string;
  takesDoubles?: boolean;
  /** Seconds; what a caller asks for is cut to it. */
  tokenLifeS?: number;
  /** A new token ends the one before. */
  oneToken?: boolean;
  faults?: Partial<StandInFaults>;
  /** Decides about shares; the same numbers give the same run. */
  seed?: number;
}

/** One call as it came in. */
export interface SeenCall {
  method: string;
  /** What it was answered; null: nothing. */
  code: number | null;
  fault: string | null;
  imeis: number;
}

const TIME_TOLERANCE_MS = 10 * 60_000;
const BODY_BYTES = 1024 * 1024;
const CALLS_KEPT = 100_000;

/** What happens to a call beside what it asks for. */
type Fault = Exclude<
  keyof StandInFaults,
  'readsToo' | 'callsPerSecond' | 'addressBlocked' | 'hiddenForMs' | 'answerMs'
>;

export class TracksolidStandIn {
  readonly world: StandInWorld;
  faults: StandInFaults;
  readonly calls: SeenCall[] = [];
  readonly #options: Required<Pick<StandInOptions, 'importMethod' | 'tokenLifeS' | 'oneToken'>> & StandInOptions;
  readonly #tokens = new Map<string, number>();
  readonly #server = http.createServer((request, response) => void this.#serve(request, response));
  readonly #sockets = new Set<Socket>();
  readonly #random: () => number;
  #second = { at: 0, calls: 0 };

  constructor(options: StandInOptions) {
    this.#options = { importMethod: 'x.ams.device.import', tokenLifeS: 7_200, oneToken: false, ...options };
    const { user, accounts = [], takesDoubles = false } = options;
    this.world = new StandInWorld({ user, accounts, takesDoubles, importMethod: this.#options.importMethod });
    this.faults = { ...NO_FAULTS, ...options.faults };
    this.#random = randomFrom(options.seed ?? 1);
    this.#server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
  }

  /** Listens; answers the address to call. */
  async listen(port = 0, host = '127.0.0.1'): Promise<string> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject).listen(port, host, resolve);
    });
    const address = this.#server.address() as AddressInfo;
    return `http://${host}:${address.port}/route/rest`;
  }

  /** Ends at once, with every connection. */
  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  /** Makes every token bad that it has given. */
  revokeTokens(): void {
    this.#tokens.clear();
  }

  /** How often a method was called. */
  count(method: string): number {
    return this.calls.filter((call) => call.method === method).length;
  }

  /** How many devices were imported how often. */
  get imports(): { devices: number; doubles: number } {
    const devices = [...this.world.devices.values()];
    return { devices: devices.length, doubles: devices.filter(({ imports }) => imports > 1).length };
  }

  /** In one line. */
  line(): string {
    const codes = new Map<string, number>();
    for (const { code, fault } of this.calls) {
      const name = fault ?? String(code);
      codes.set(name, (codes.get(name) ?? 0) + 1);
    }
    const { devices, doubles } = this.imports;
    const answers = [...codes].map(([name, times]) => `${name}:${times}`).join(' ');
    return `${this.calls.length} calls (${answers || 'none'}) · ${devices} devices · ${doubles} imported twice`;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const body = await bodyOf(request);
      const path = request.url?.split('?', 1)[0];
      if (path === '/' && request.method === 'GET') return this.#tell(response);
      if (path === '/faults' && request.method === 'POST') {
        Object.assign(this.faults, JSON.parse(body) as Partial<StandInFaults>);
        return send(response, 200, this.faults);
      }
      if (path !== '/route/rest') return send(response, 404, 'not here');
      if (request.method !== 'POST') return send(response, 200, { code: 1007, message: 'POST only' });
      await this.#call(Object.fromEntries(new URLSearchParams(body)), response);
    } catch {
      response.destroy();
    }
  }

  #tell(response: ServerResponse): void {
    const devices = [...this.world.devices.values()].slice(-1_000);
    const accounts = [...this.world.accounts];
    send(response, 200, { summary: this.line(), ...this.imports, accounts, faults: this.faults, latest: devices });
  }

  async #call(parameters: Record<string, string>, response: ServerResponse): Promise<void> {
    const method = parameters['method'] ?? '';
    const list = parameters['imeis'] ?? parameters['imei_list'] ?? parameters['imei'] ?? '';
    const call: SeenCall = { method, code: null, fault: null, imeis: list === '' ? 0 : list.split(',').length };
    if (this.calls.length < CALLS_KEPT) this.calls.push(call);
    const { answerMs } = this.faults;
    if (answerMs > 0) await new Promise((resolve) => setTimeout(resolve, answerMs));
    const refused = this.#refuse(parameters);
    const answerWith = (answer: Answer) => {
      call.code = answer.code;
      send(response, 200, { code: answer.code, message: answer.message, result: answer.result ?? null });
    };
    if (refused !== null) return answerWith(refused);
    if (method === 'jimi.oauth.token.get') return answerWith(this.#login(parameters));
    const work = () => this.#work(method, parameters);
    const fault = this.faults.readsToo || this.world.changes(method) ? this.#fault() : null;
    call.fault = fault;
    switch (fault) {
      case null:
        return answerWith(work());
      case 'silentAfterWork':
        work();
        return;
      case 'silentBeforeWork':
        return;
      case 'lateWork':
        setTimeout(work, this.faults.lateWork.afterMs).unref();
        return;
      case 'cutAfterWork':
        work();
        response.destroy();
        return;
      case 'busyAfterWork':
        work();
        return answerWith({ code: -1, message: 'system busy' });
      case 'busy':
        return answerWith({ code: -1, message: 'system busy' });
      case 'garbage':
        work();
        return send(response, 200, '<html>nginx</html>');
    }
  }

  /** Everything that is checked before anything is done. */
  #refuse(parameters: Record<string, string>): Answer | null {
    const { appKey, appSecret } = this.#options;
    if (this.faults.addressBlocked) return { code: 1005, message: 'IP over limit' };
    if (this.#isTooFrequent()) return { code: 1006, message: 'too frequent' };
    const { app_key: key, sign = '', timestamp = '', v, sign_method: kind, format } = parameters;
    if (key !== appKey || kind !== 'md5' || format !== 'json') return { code: 1001, message: 'common parameters' };
    if (v !== '0.9' && !equal(sign, signatureOf(appSecret, parameters))) return { code: 1001, message: 'sign' };
    const atMs = readPlatformTime(timestamp);
    if (atMs === null || Math.abs(atMs - Date.now()) > TIME_TOLERANCE_MS) return { code: 1001, message: 'timestamp' };
    if (parameters['method'] === 'jimi.oauth.token.get') return null;
    const untilMs = this.#tokens.get(parameters['access_token'] ?? '') ?? 0;
    return untilMs > Date.now() ? null : { code: 1004, message: 'token invalid' };
  }

  #login({ user_id: user, user_pwd_md5: password = '', expires_in: life }: Record<string, string>): Answer {
    const lifeS = Number(life);
    if (!(lifeS >= 60 && lifeS <= 7_200)) return { code: 1001, message: 'expires_in' };
    if (user !== this.#options.user || !equal(password, this.#options.passwordMd5)) {
      return { code: 1002, message: 'user or password' };
    }
    const given = Math.min(lifeS, this.#options.tokenLifeS);
    if (this.#options.oneToken) this.#tokens.clear();
    const accessToken = randomBytes(16).toString('hex');
    this.#tokens.set(accessToken, Date.now() + given * 1_000);
    const result = { accessToken, refreshToken: randomBytes(16).toString('hex'), expiresIn: given, account: user };
    return { code: 0, message: 'success', result };
  }

  #work(method: string, parameters: Record<string, string>): Answer {
    const { hiddenForMs } = this.faults;
    const answer = this.world.call(method, parameters);
    if (answer === null) return { code: 1001, message: `no method ${method}` };
    const { importTime } = (answer.result ?? {}) as { importTime?: string };
    if (hiddenForMs > 0 && importTime !== undefined) {
      if (Date.now() - (readPlatformTime(importTime) ?? 0) < hiddenForMs) return { code: 1002, message: 'not yours' };
    }
    return answer;
  }

  #isTooFrequent(): boolean {
    const at = Math.floor(Date.now() / 1_000);
    this.#second = this.#second.at === at ? { at, calls: this.#second.calls + 1 } : { at, calls: 1 };
    return this.faults.callsPerSecond !== null && this.#second.calls > this.faults.callsPerSecond;
  }

  /** One number decides, so that shares add up. */
  #fault(): Fault | null {
    const { silentAfterWork, silentBeforeWork, cutAfterWork, lateWork, busy, busyAfterWork, garbage } = this.faults;
    const shares = { silentAfterWork, silentBeforeWork, cutAfterWork, busy, busyAfterWork, garbage };
    let left = this.#random();
    for (const [fault, share] of Object.entries({ ...shares, lateWork: lateWork.share })) {
      if (left < share) return fault as Fault;
      left -= share;
    }
    return null;
  }
}

function send(response: ServerResponse, status: number, body: unknown): void {
  const isText = typeof body === 'string';
  response.writeHead(status, { 'content-type': isText ? 'text/html' : 'application/json; charset=utf-8' });
  response.end(isText ? body : JSON.stringify(body, null, isText ? 0 : 1));
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > BODY_BYTES) throw new Error('the body is too long');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function equal(a: string, b: string): boolean {
  const hash = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(hash(a), hash(b));
}

/** Numbers 0..1 that only depend on the seed (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

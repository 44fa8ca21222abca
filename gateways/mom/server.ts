/**
 * The MOM's side of MachineIntegration (PROTOCOLS 5): what equipment calls over HTTP. Reads, asks the host who may
 * call, has it do what was asked, and answers in the document's envelope; what a call means is the host's business.
 */
import {
  MOM_UNAVAILABLE,
  type MomCall,
  type MomCallRecord,
  type MomHost,
  type MomName,
  type MomReply,
} from './contract.ts';
import { answerMembers, fingerprintOf, identityOf, keepable, parseBody, readRequest } from './envelope.ts';
import type { TimeSettings } from './times.ts';
import { nameOf, statusOf } from './values.ts';
import type { GatewayLog } from '../devices.ts';
import type { DeviceAnswer, DeviceRequest, DeviceRoute } from '../http.ts';

export interface MomGatewayOptions {
  host: MomHost;
  log: GatewayLog;
  times?: TimeSettings;
  /** The header that carries the shared token. */
  tokenHeader?: string;
  /** A call that is not handled by then is answered 503; what it does goes on, and its repetition gets the reply. */
  handleTimeoutMs?: number;
}

/** What the gateway has seen since it started. */
export interface MomCounters {
  heartbeats: number;
  calls: number;
  repeated: number;
  /** Calls that needed a repair. */
  repaired: number;
  /** ResultFlag false. */
  rejected: number;
  /** Success false. */
  refused: number;
  /** Refused at the door. */
  strangers: number;
  unavailable: number;
}

/** Nothing longer is read; what is above `REQUEST_LIMIT` characters is answered in the envelope. */
const BODY_BYTES = 1_048_576;
const DONE_MESSAGE = '执行成功';
/** Oddities of heartbeats are recorded once, and once more after this time. */
const SAME_WARNINGS_MS = 3_600_000;
const REMEMBERED_EQUIPMENT = 50_000;
/** Failures of the rest of the program are logged so often. */
const LOG_EVERY_MS = 10_000;

/** A call while it is being answered. */
interface Incoming {
  name: MomName | null;
  calledAs: string;
  address: string;
  receivedAtMs: number;
  raw: string;
  sessionId: string;
  equipmentCode: string;
  isAdmitted: boolean;
  warnings: readonly string[];
}

/** How a call ended. */
interface Outcome {
  resultFlag: boolean;
  failure: string | null;
  message: string;
  reply?: MomReply & { ok: true };
  isRepeated?: boolean;
}

/** Answers equipment. */
export class MomGateway {
  /** What equipment calls; for `DeviceHttpServer`. */
  readonly routes: readonly DeviceRoute[];
  readonly counters: MomCounters = {
    heartbeats: 0,
    calls: 0,
    repeated: 0,
    repaired: 0,
    rejected: 0,
    refused: 0,
    strangers: 0,
    unavailable: 0,
  };
  readonly #host: MomHost;
  readonly #log: GatewayLog;
  readonly #times: TimeSettings;
  readonly #tokenHeader: string;
  readonly #handleTimeoutMs: number;
  /** Calls being handled, so that a repetition that comes at the same time waits for the first. */
  readonly #handling = new Map<string, Promise<MomReply>>();
  readonly #heartbeatWarnings = new Map<string, { warnings: string; atMs: number }>();
  #loggedAtMs = -Infinity;

  constructor({ host, log, times, tokenHeader = 'x-mom-token', handleTimeoutMs = 10_000 }: MomGatewayOptions) {
    this.#host = host;
    this.#log = log;
    this.#times = times ?? { zIsUtc: false };
    this.#tokenHeader = tokenHeader.toLowerCase();
    this.#handleTimeoutMs = handleTimeoutMs;
    this.routes = [
      {
        methods: ['POST'],
        path: /^\/api\/MachineIntegration\/(?<name>[^/]{1,200})\/?$/i,
        maxBodyBytes: BODY_BYTES,
        handle: (request) => this.#serve(request),
      },
    ];
  }

  async #serve({ params, headers, body, address }: DeviceRequest): Promise<DeviceAnswer> {
    const calledAs = decoded(params.name ?? '');
    const call: Incoming = {
      name: nameOf(calledAs),
      calledAs,
      address,
      receivedAtMs: Date.now(),
      raw: body,
      sessionId: '',
      equipmentCode: '',
      isAdmitted: false,
      warnings: [],
    };
    if (call.name === 'EqptAlive') this.counters.heartbeats += 1;
    else this.counters.calls += 1;
    const token = headers[this.#tokenHeader];
    let outcome: Outcome;
    try {
      outcome = await this.#outcomeOf(call, typeof token === 'string' ? token : null);
    } catch (error) {
      this.#unavailable(error, call);
      outcome = {
        resultFlag: false,
        failure: MOM_UNAVAILABLE,
        message: 'temporarily unavailable, send it again later',
      };
    }
    this.#finish(call, outcome);
    return { status: outcome.failure === MOM_UNAVAILABLE ? 503 : 200, body: answerOf(call, outcome) };
  }

  async #outcomeOf(call: Incoming, token: string | null): Promise<Outcome> {
    const body = parseBody(call.raw);
    if (body.ok) Object.assign(call, identityOf(body));
    const { address, name, equipmentCode } = call;
    const asked = this.#host.admit({ address, token, equipmentCode: equipmentCode === '' ? null : equipmentCode });
    const admission = asked instanceof Promise ? await asked : asked;
    if (!admission.ok) {
      this.counters.strangers += 1;
      return { resultFlag: true, failure: admission.failure, message: admission.message ?? DOOR[admission.failure] };
    }
    call.isAdmitted = true;
    if (!body.ok) return { resultFlag: false, failure: body.failure, message: body.message };
    if (name === null) {
      const message = `unknown interface: ${call.calledAs}`;
      return { resultFlag: false, failure: 'unknown_interface', message };
    }
    const read = readRequest(name, body, this.#times);
    call.warnings = read.warnings;
    if (!read.ok) return { resultFlag: false, failure: read.failure, message: read.message };
    const { request } = read;
    if ('statusCode' in request && statusOf(request.statusCode) === null) {
      const message = `unknown StatusCode ${request.statusCode.slice(0, 40)}`;
      return { resultFlag: true, failure: 'unknown_status', message };
    }
    const { calledAs, receivedAtMs, warnings } = call;
    const fingerprint = name === 'EqptAlive' ? '' : fingerprintOf(request);
    const handled = this.#handle({ name, calledAs, request, address, receivedAtMs, warnings, fingerprint } as MomCall);
    const reply = handled instanceof Promise ? await handled : handled;
    const isRepeated = reply.isRepeated === true;
    if (isRepeated) this.counters.repeated += 1;
    if (!reply.ok) return { resultFlag: true, failure: reply.failure, message: reply.message, isRepeated };
    return { resultFlag: true, failure: null, message: reply.message ?? DONE_MESSAGE, reply, isRepeated };
  }

  #handle(call: MomCall): MomReply | Promise<MomReply> {
    if (call.name === 'EqptAlive') {
      const reply = this.#host.handle(call);
      return reply instanceof Promise ? this.#inTime(reply) : reply;
    }
    const { sessionId, equipmentCode } = call.request;
    const key = JSON.stringify([equipmentCode, call.name, sessionId, call.fingerprint]);
    const first = this.#handling.get(key);
    if (first !== undefined) return this.#inTime(first.then((reply) => ({ ...reply, isRepeated: true })));
    const handled = Promise.resolve(this.#host.handle(call)).finally(() => this.#handling.delete(key));
    this.#handling.set(key, handled);
    return this.#inTime(handled);
  }

  /** The reply, or a rejection when it takes too long. */
  #inTime(reply: Promise<MomReply>): Promise<MomReply> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error(`not handled in ${this.#handleTimeoutMs} ms`)),
        this.#handleTimeoutMs,
      );
      reply.then(resolve, reject).finally(() => clearTimeout(timer));
    });
  }

  #finish(call: Incoming, { resultFlag, failure, message, isRepeated = false }: Outcome): void {
    const { name, calledAs, address, isAdmitted, equipmentCode, sessionId, receivedAtMs, warnings } = call;
    if (warnings.length > 0) this.counters.repaired += 1;
    if (failure !== null && failure !== MOM_UNAVAILABLE) this.counters[resultFlag ? 'refused' : 'rejected'] += 1;
    if (name === 'EqptAlive' && failure === null && !this.#isNews(call)) return;
    const record: MomCallRecord = {
      name,
      calledAs,
      address,
      isAdmitted,
      equipmentCode: equipmentCode === '' ? null : equipmentCode,
      sessionId: sessionId === '' ? null : sessionId,
      receivedAtMs,
      tookMs: Math.max(0, Date.now() - receivedAtMs),
      resultFlag,
      success: failure === null,
      failure,
      message,
      isRepeated,
      warnings,
      raw: failure !== null || warnings.length > 0 ? keepable(call.raw) : null,
    };
    try {
      this.#host.record(record);
    } catch (error) {
      this.#unavailable(error, call); // the answer is due all the same
    }
  }

  /** Whether a heartbeat has warnings that this equipment's heartbeats did not have lately. */
  #isNews({ warnings, equipmentCode, receivedAtMs }: Incoming): boolean {
    if (warnings.length === 0) return false;
    const joined = warnings.join();
    const known = this.#heartbeatWarnings.get(equipmentCode);
    if (known?.warnings === joined && Math.abs(receivedAtMs - known.atMs) < SAME_WARNINGS_MS) return false;
    this.#heartbeatWarnings.delete(equipmentCode);
    this.#heartbeatWarnings.set(equipmentCode, { warnings: joined, atMs: receivedAtMs });
    const [oldest] = this.#heartbeatWarnings.keys();
    if (this.#heartbeatWarnings.size > REMEMBERED_EQUIPMENT && oldest !== undefined) {
      this.#heartbeatWarnings.delete(oldest);
    }
    return true;
  }

  #unavailable(error: unknown, { calledAs, equipmentCode }: Incoming): void {
    this.counters.unavailable += 1;
    const nowMs = performance.now();
    if (nowMs - this.#loggedAtMs < LOG_EVERY_MS) return;
    this.#loggedAtMs = nowMs;
    const { unavailable } = this.counters;
    this.#log.warn({ err: error, calledAs, equipmentCode, unavailable }, 'calls of equipment cannot be handled');
  }
}

const DOOR = {
  address_not_allowed: 'this network address may not call',
  token_wrong: 'the token header is missing or wrong',
  equipment_unknown: 'unknown EquipmentCode',
  unknown_status: 'unknown StatusCode',
} as const;

function answerOf(call: Incoming, { resultFlag, failure, message, reply }: Outcome): Record<string, unknown> {
  const { name, sessionId, equipmentCode } = call;
  const success = failure === null;
  const envelope = { sessionId, respondedAtMs: Date.now(), equipmentCode, resultFlag, success, message };
  return answerMembers(name, envelope, reply?.answer ?? null);
}

/** The name in the path: the document prints a blank before it. */
function decoded(name: string): string {
  try {
    return decodeURIComponent(name).trim().slice(0, 64);
  } catch {
    return name.slice(0, 64);
  }
}

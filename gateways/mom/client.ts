/**
 * The equipment's side of MachineIntegration (PROTOCOLS 5): calls a MOM. Nothing a MOM says or does makes it throw; it
 * tells apart who could not be reached (keep the call, send it again), who did not understand the call (never send it
 * again as it is), and who understood and refused.
 */
import http from 'node:http';
import https from 'node:https';
import type { MomAnswers, MomName, MomRequests } from './contract.ts';
import { ANSWER_LIMIT, readAnswer, REQUEST_LIMIT, writeRequest } from './envelope.ts';
import type { TimeSettings } from './times.ts';
import { displayMessage } from './values.ts';
import { requireField } from '../errors.ts';

export interface MomClientOptions {
  /** Where the MOM is, for example `http://10.0.0.9:8080`; a path before `/api` may follow. */
  url: string;
  /** From the first byte sent to the last byte received. */
  timeoutMs?: number;
  token?: string | undefined;
  tokenHeader?: string;
  times?: TimeSettings;
  /** Connections at a time; calls beyond it wait, and their time runs. */
  maxConnections?: number;
}

/** Why a MOM counts as not reachable. */
export const UNREACHABLE_REASONS = ['connection', 'timeout', 'status', 'too_large', 'unreadable'] as const;
export type UnreachableReason = (typeof UNREACHABLE_REASONS)[number];

/** What an answer says of itself. */
export interface MomAnswerInfo {
  /** For a person, in the MOM's language; may be empty. */
  message: string;
  /** The MOM's clock; null when it did not say. */
  respondedAtMs: number | null;
  receivedAtMs: number;
  tookMs: number;
  /** Repairs of the answer, `session_differs`, `equipment_differs`. */
  warnings: readonly string[];
}

/** What came of a call. */
export type MomOutcome<Name extends MomName> =
  | ({ kind: 'done'; fields: MomAnswers[Name] } & MomAnswerInfo)
  /** Understood and refused: Success false. */
  | ({ kind: 'refused' } & MomAnswerInfo)
  /** Not received properly: ResultFlag false. The same text will not be received any better. */
  | ({ kind: 'rejected' } & MomAnswerInfo)
  /** Nobody answered in a way that says whether the call has arrived. */
  | { kind: 'unreachable'; reason: UnreachableReason; detail: string; tookMs: number };

/** What came back over HTTP. */
type MomResponse = { status: number; text: string } | { reason: UnreachableReason; detail: string };

/** Calls one MOM. */
export class MomClient {
  readonly #base: string;
  readonly #options: Required<Omit<MomClientOptions, 'url' | 'token'>>;
  readonly #headers: http.OutgoingHttpHeaders;
  readonly #agent: http.Agent;
  readonly #request: typeof http.request;

  /** Throws `invalid_field` when the address is none. */
  constructor({ url, token, ...options }: MomClientOptions) {
    const isAddress = URL.canParse(url) && /^https?:$/.test(new URL(url).protocol);
    requireField(isAddress, 'url', url, 'an address that begins with http:// or https://');
    this.#base = `${url.replace(/\/+$/, '')}/api/MachineIntegration/`;
    this.#options = {
      timeoutMs: 10_000,
      tokenHeader: 'x-mom-token',
      times: { zIsUtc: false },
      maxConnections: 4,
      ...options,
    };
    const { tokenHeader, maxConnections } = this.#options;
    this.#headers = {
      'content-type': 'application/json; charset=utf-8',
      accept: 'application/json',
      ...(token !== undefined && { [tokenHeader]: token }),
    };
    const isSecure = this.#base.startsWith('https:');
    const { Agent, request } = isSecure ? https : http;
    this.#agent = new Agent({ keepAlive: true, maxSockets: maxConnections });
    this.#request = request;
  }

  /**
   * Makes a call. Rejects only when `signal` is aborted, with its reason, and with `invalid_field` when the request is
   * longer than any MOM takes. `text` is sent instead of the clean form, by simulators.
   */
  async call<Name extends MomName>(
    name: Name,
    request: MomRequests[Name],
    { signal, text = writeRequest(name, request) }: { signal?: AbortSignal | undefined; text?: string } = {},
  ): Promise<MomOutcome<Name>> {
    requireField(
      text.length <= REQUEST_LIMIT,
      name,
      `${text.length} characters`,
      `at most ${REQUEST_LIMIT} characters`,
    );
    const startedAt = performance.now();
    const response = await this.#post(name, text, signal);
    const tookMs = Math.round(performance.now() - startedAt);
    if ('reason' in response) return { kind: 'unreachable', ...response, tookMs };
    if (response.status !== 200) {
      return { kind: 'unreachable', reason: 'status', detail: `HTTP ${response.status}`, tookMs };
    }
    const read = readAnswer(name, response.text, this.#options.times);
    if (!read.ok) return { kind: 'unreachable', reason: 'unreadable', detail: read.message, tookMs };
    const { answer } = read;
    const info: MomAnswerInfo = {
      message: displayMessage(answer.message ?? ''),
      respondedAtMs: answer.respondedAtMs,
      receivedAtMs: Date.now(),
      tookMs,
      warnings: [...read.warnings, ...differences(answer, request)],
    };
    if (!answer.resultFlag) return { kind: 'rejected', ...info };
    return answer.fields === null ? { kind: 'refused', ...info } : { kind: 'done', fields: answer.fields, ...info };
  }

  async #post(name: string, text: string, signal?: AbortSignal): Promise<MomResponse> {
    signal?.throwIfAborted();
    const timeout = AbortSignal.timeout(Math.ceil(this.#options.timeoutMs));
    const either = signal === undefined ? timeout : AbortSignal.any([timeout, signal]);
    try {
      return await this.#exchange(name, text, either);
    } catch (error) {
      signal?.throwIfAborted();
      if (timeout.aborted) return { reason: 'timeout', detail: `no answer in ${this.#options.timeoutMs} ms` };
      return { reason: 'connection', detail: error instanceof Error ? error.message : String(error) };
    }
  }

  /** Closes idle connections; do it when nothing is under way. */
  close(): void {
    this.#agent.destroy();
  }

  async #exchange(name: string, text: string, signal: AbortSignal): Promise<MomResponse> {
    for (let isFirst = true; ; isFirst = false) {
      const request = this.#request(this.#base + encodeURIComponent(name), {
        method: 'POST',
        agent: this.#agent,
        headers: { ...this.#headers, 'content-length': Buffer.byteLength(text) },
        signal,
      });
      try {
        return await responseTo(request, text);
      } catch (error) {
        // The server has closed a connection that was idle; the call never began.
        const isStale = request.reusedSocket && (error as NodeJS.ErrnoException).code === 'ECONNRESET';
        if (!isStale || !isFirst || signal.aborted) throw error;
      }
    }
  }
}

function responseTo(request: http.ClientRequest, text: string): Promise<MomResponse> {
  return new Promise((resolve, reject) => {
    request.on('error', reject);
    request.once('response', (response) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes <= ANSWER_LIMIT) return chunks.push(chunk);
        resolve({ reason: 'too_large', detail: `more than ${ANSWER_LIMIT} bytes` });
        return request.destroy();
      });
      response.once('end', () => {
        resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString('utf8') });
      });
      response.on('error', reject);
      response.once('close', () => reject(new Error('the answer was cut off')));
    });
    request.end(text);
  });
}

function differences(
  answer: { sessionId: string; equipmentCode: string },
  request: { sessionId: string; equipmentCode: string },
): string[] {
  const isSame = (one: string, other: string) => one.toLowerCase() === other.trim().toLowerCase();
  return [
    ...(isSame(answer.sessionId, request.sessionId) ? [] : ['session_differs']),
    ...(isSame(answer.equipmentCode, request.equipmentCode) ? [] : ['equipment_differs']),
  ];
}

/**
 * One UDP port that speaks CoAP in both directions (RFC 7252): answers requests of devices and sends them requests, all
 * from the same port, because anything from another one fails behind NAT.
 *
 * A datagram that comes twice has one effect: what is being handled is not handled again, and what was answered is
 * answered with the same bytes. Everything that is remembered is bounded in number and in time.
 */
import { randomBytes } from 'node:crypto';
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import { answerOptions, COAP, decodeCoap, encodeCoap, requestOptions, type CoapMessage } from './coap-codec.ts';
import { Outgoing, type PostOptions } from './coap-outgoing.ts';
import type { CoapCounters, CoapLimits, CoapTimes } from './context.ts';
import { standstills } from '../standstills.ts';

/** Where a device was heard from. */
export interface CoapEndpoint {
  address: string;
  port: number;
}

export interface CoapRequest {
  endpoint: CoapEndpoint;
  code: number;
  path: readonly string[];
  query: readonly string[];
  payload: Buffer;
}

/** What a request is answered with. */
export interface CoapAnswer {
  code: number;
  payload?: Buffer;
  /** Path of what was made. */
  location?: readonly string[];
  /** Asked again, it is answered anew and need not be remembered. */
  isStateless?: boolean;
}

/** Handles a request; null: it stays without an answer, and the device asks again. Must not reject. */
export type CoapHandler = (request: CoapRequest) => CoapAnswer | null | Promise<CoapAnswer | null>;

/** A request that was handled, or is being handled as long as there are no bytes. */
interface Exchange {
  atMs: number;
  answer: Buffer | null;
}

const RECEIVE_BUFFER_BYTES = 4_194_304;

export class CoapPort {
  readonly #onRequest: CoapHandler;
  readonly #limits: Readonly<CoapLimits>;
  readonly #times: Readonly<CoapTimes>;
  readonly #counters: CoapCounters;
  #socket: Socket | null = null;
  readonly #exchanges = new Map<string, Exchange>();
  /** Requests and separate answers to devices, by endpoint and message id; requests also by token. */
  readonly #byMessage = new Map<string, Outgoing>();
  readonly #byToken = new Map<string, Outgoing>();
  #messageId = randomBytes(2).readUInt16BE(0);
  /** Requests per address in this second. */
  readonly #perAddress = new Map<string, number>();
  /** What leaves at the end of this turn. */
  readonly #outbox: { bytes: Buffer; endpoint: CoapEndpoint }[] = [];
  #working = 0;
  #onIdle: (() => void) | null = null;
  #clock: NodeJS.Timeout | undefined;
  #unsubscribe = () => {};

  constructor(
    onRequest: CoapHandler,
    { limits, times, counters }: { limits: CoapLimits; times: CoapTimes; counters: CoapCounters },
  ) {
    this.#onRequest = onRequest;
    this.#limits = limits;
    this.#times = times;
    this.#counters = counters;
  }

  /** Requests that are being handled. */
  get working(): number {
    return this.#working;
  }

  /** Starts listening; returns the port. */
  async listen(port: number, host: string): Promise<number> {
    const socket = createSocket({ type: isIPv6(host) ? 'udp6' : 'udp4' });
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject);
      socket.bind(port, host, () => {
        socket.off('error', reject);
        resolve();
      });
    });
    try {
      socket.setRecvBufferSize(RECEIVE_BUFFER_BYTES);
    } catch {
      // the system allows less; bursts lose more then
    }
    socket.on('message', (datagram, from) => this.#receive(datagram, from));
    socket.on('error', () => (this.#counters.socketErrors += 1));
    this.#socket = socket;
    this.#clock = setInterval(() => this.#tick(performance.now()), 1_000);
    this.#clock.unref();
    this.#unsubscribe = standstills.subscribe(() => this.#forgetWords());
    return socket.address().port;
  }

  /** Takes nothing in any more, answers what is being handled, at most for `graceMs`, and closes. */
  async close(graceMs: number): Promise<void> {
    clearInterval(this.#clock);
    this.#unsubscribe();
    this.#socket?.removeAllListeners('message');
    for (const outgoing of this.#byMessage.values()) outgoing.stop();
    if (this.#working > 0) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, graceMs);
        this.#onIdle = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    this.#flush();
    const socket = this.#socket;
    this.#socket = null;
    if (socket !== null) await new Promise<void>((resolve) => socket.close(resolve));
  }

  /** Sends a confirmable POST with these bytes to `/t/d` of a device; null when too much is under way. */
  post(endpoint: CoapEndpoint, payload: Buffer, options: PostOptions = {}): Outgoing | null {
    if (this.#byMessage.size >= this.#limits.outgoing) {
      this.#counters.overloaded += 1;
      return null;
    }
    const token = randomBytes(4);
    const messageId = this.#nextId();
    const parts = { code: COAP.post, messageId, token, options: requestOptions(['t', 'd']), payload };
    const outgoing = this.#start(endpoint, messageId, encodeCoap({ type: 'con', ...parts }), options);
    this.#byToken.set(token.toString('hex'), outgoing);
    outgoing.onEnd = () => {
      this.#byToken.delete(token.toString('hex'));
      this.#byMessage.delete(keyOf(endpoint, messageId));
    };
    return outgoing;
  }

  #start(endpoint: CoapEndpoint, messageId: number, bytes: Buffer, options: PostOptions): Outgoing {
    const key = keyOf(endpoint, messageId);
    const outgoing = new Outgoing(endpoint, this.#times, options, () => {
      if (outgoing.sendings > 1) this.#counters.retransmissions += 1;
      this.#send(bytes, endpoint);
    });
    outgoing.onEnd = () => this.#byMessage.delete(key);
    this.#byMessage.set(key, outgoing);
    outgoing.send();
    return outgoing;
  }

  #receive(datagram: Buffer, from: RemoteInfo): void {
    const counters = this.#counters;
    counters.datagrams += 1;
    if (standstills.isDeaf) {
      counters.ignored += 1; // it is sent again by whoever still waits
      return;
    }
    const isAcceptable = datagram.length <= this.#limits.datagramBytes && from.port > 0;
    const decoded = isAcceptable ? decodeCoap(datagram) : null;
    if (decoded?.ok !== true) {
      counters.badDatagrams += 1;
      return;
    }
    const { message } = decoded;
    const endpoint = { address: from.address, port: from.port };
    const kind = message.code >> 5;
    if (message.code === COAP.empty) this.#onEmpty(message, endpoint);
    else if (kind === 0 && (message.type === 'con' || message.type === 'non')) {
      this.#onMessage(message, endpoint, fingerprint(datagram));
    } else if ((kind === 2 || kind === 4 || kind === 5) && message.type !== 'rst') this.#onAnswer(message, endpoint);
    else counters.badDatagrams += 1;
  }

  #onEmpty({ type, messageId }: CoapMessage, endpoint: CoapEndpoint): void {
    // "Are you there?" is asked with an empty message that wants an acknowledgement, and answered with a reset.
    if (type === 'con') return this.#send(encodeCoap({ type: 'rst', code: COAP.empty, messageId }), endpoint);
    const outgoing = this.#byMessage.get(keyOf(endpoint, messageId));
    if (type === 'ack') outgoing?.acknowledged();
    else if (type === 'rst') outgoing?.refused();
    if (outgoing === undefined) this.#counters.ignored += 1;
  }

  #onAnswer(message: CoapMessage, endpoint: CoapEndpoint): void {
    const { type, messageId, token, code } = message;
    const outgoing = this.#byToken.get(token.toString('hex'));
    const isOurs = outgoing?.endpoint.address === endpoint.address;
    if (type === 'con') {
      const reply = isOurs ? 'ack' : 'rst';
      this.#send(encodeCoap({ type: reply, code: COAP.empty, messageId }), endpoint);
    }
    if (isOurs) outgoing?.answered(code, Buffer.from(message.payload));
    else this.#counters.ignored += 1;
  }

  #onMessage(message: CoapMessage, endpoint: CoapEndpoint, print: number): void {
    const counters = this.#counters;
    const key = `${keyOf(endpoint, message.messageId)}/${print}`;
    const known = this.#exchanges.get(key);
    if (known !== undefined) {
      counters.duplicates += 1;
      if (known.answer !== null) this.#send(known.answer, endpoint);
      return;
    }
    if (!this.#mayCome(endpoint.address)) return;
    counters.requests += 1;
    if (message.unknownOption !== null) {
      return this.#answer(message, endpoint, key, { code: COAP.badOption, isStateless: true });
    }
    const { code, path, query } = message;
    const request = { endpoint, code, path, query, payload: message.payload };
    const answer = this.#onRequest(request);
    if (answer instanceof Promise) void this.#handle(answer, message, endpoint, key);
    else if (answer !== null) this.#answer(message, endpoint, key, answer);
  }

  /** Counts a request against the limits. */
  #mayCome(address: string): boolean {
    const count = (this.#perAddress.get(address) ?? 0) + 1;
    const isOneTooMany = count === 1 && this.#perAddress.size >= this.#limits.addresses;
    if (count > this.#limits.requestsPerAddressAndSecond || isOneTooMany) {
      this.#counters.overAddressLimit += 1;
      return false;
    }
    this.#perAddress.set(address, count);
    if (this.#working < this.#limits.working) return true;
    this.#counters.overloaded += 1;
    return false;
  }

  /** Waits for an answer that takes its time; a device that waits is told that its request has come. */
  async #handle(
    answer: Promise<CoapAnswer | null>,
    message: CoapMessage,
    endpoint: CoapEndpoint,
    key: string,
  ): Promise<void> {
    const before = standstills.long;
    this.#working += 1;
    this.#remember(key, null);
    let isAcknowledged = false;
    const timer =
      message.type === 'con'
        ? setTimeout(() => {
            isAcknowledged = true;
            const ack = encodeCoap({ type: 'ack', code: COAP.empty, messageId: message.messageId });
            this.#remember(key, ack);
            this.#send(ack, endpoint);
          }, this.#times.acknowledgeMs)
        : undefined;
    const given = await answer.catch(() => ({ code: COAP.unavailable }));
    clearTimeout(timer);
    if (given === null || standstills.long !== before) this.#exchanges.delete(key);
    else if (isAcknowledged) this.#answerLate(message, endpoint, given);
    else this.#answer(message, endpoint, key, given);
    this.#working -= 1;
    if (this.#working === 0) this.#onIdle?.();
  }

  #answer(message: CoapMessage, endpoint: CoapEndpoint, key: string, answer: CoapAnswer): void {
    const isConfirmable = message.type === 'con';
    const bytes = this.#answerBytes(message, answer, {
      type: isConfirmable ? 'ack' : 'non',
      messageId: isConfirmable ? message.messageId : this.#nextId(),
    });
    if (answer.isStateless === true) this.#exchanges.delete(key);
    else this.#remember(key, bytes);
    this.#send(bytes, endpoint);
  }

  /** An answer of its own, after the acknowledgement; the device acknowledges it. */
  #answerLate(message: CoapMessage, endpoint: CoapEndpoint, answer: CoapAnswer): void {
    const messageId = this.#nextId();
    this.#start(endpoint, messageId, this.#answerBytes(message, answer, { type: 'con', messageId }), {});
  }

  #answerBytes(
    { token }: CoapMessage,
    { code, payload = Buffer.alloc(0), location = [] }: CoapAnswer,
    head: { type: 'ack' | 'non' | 'con'; messageId: number },
  ): Buffer {
    return encodeCoap({ ...head, code, token, options: answerOptions(location, payload.length > 0), payload });
  }

  #remember(key: string, answer: Buffer | null): void {
    this.#exchanges.delete(key);
    this.#exchanges.set(key, { atMs: performance.now(), answer });
    if (this.#exchanges.size <= this.#limits.exchanges) return;
    for (const oldest of this.#exchanges.keys()) {
      this.#exchanges.delete(oldest);
      break;
    }
  }

  /**
   * Leaves at the end of this turn, with the answers to all datagrams that came together. One by one each would wake
   * its receiver, and on a busy machine that takes the processor from us for every datagram.
   */
  #send(bytes: Buffer, endpoint: CoapEndpoint): void {
    this.#outbox.push({ bytes, endpoint });
    if (this.#outbox.length === 1) setImmediate(() => this.#flush());
  }

  #flush(): void {
    standstills.look();
    for (const { bytes, endpoint } of this.#outbox.splice(0)) {
      this.#socket?.send(bytes, endpoint.port, endpoint.address, (error) => {
        if (error !== null) this.#counters.socketErrors += 1;
      });
    }
  }

  /** This process stood still: what it was about to say, it does not say any more. */
  #forgetWords(): void {
    this.#outbox.length = 0;
    for (const outgoing of this.#byMessage.values()) outgoing.stop();
  }

  #nextId(): number {
    this.#messageId = (this.#messageId + 1) & 0xffff;
    return this.#messageId;
  }

  #tick(nowMs: number): void {
    this.#perAddress.clear();
    for (const [key, { atMs, answer }] of this.#exchanges) {
      if (nowMs - atMs < this.#times.duplicateMs) break; // the rest came later
      if (answer !== null) this.#exchanges.delete(key);
    }
  }
}

function keyOf({ address, port }: CoapEndpoint, messageId: number): string {
  return `${address} ${port} ${messageId}`;
}

/** Tells a datagram from another one with the same number: small devices count from the beginning when they restart. */
function fingerprint(datagram: Buffer): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < datagram.length; at += 1) hash = Math.imul(hash ^ (datagram[at] as number), 0x01000193);
  return hash;
}

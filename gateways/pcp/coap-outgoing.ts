/**
 * One confirmable message on its way to a device: sent again, each time after twice the wait, until the device says that
 * it has come (RFC 7252, 4.2).
 */
import type { CoapTimes } from './context.ts';
import type { CoapEndpoint } from './coap-port.ts';

export interface PostOptions {
  /** Asked before the message is sent once more; false ends it. */
  mayLeave?: () => Promise<boolean>;
  /** The device answered; called at most once. */
  onAnswer?: (code: number, payload: Buffer) => void;
}

export class Outgoing {
  readonly endpoint: CoapEndpoint;
  /** How often it has left. */
  sendings = 0;
  onEnd: () => void = () => {};
  readonly #times: Readonly<CoapTimes>;
  readonly #options: PostOptions;
  readonly #emit: () => void;
  #timer: NodeJS.Timeout | undefined;
  readonly #life: NodeJS.Timeout;
  #hasEnded = false;
  #isAcknowledged = false;

  constructor(endpoint: CoapEndpoint, times: Readonly<CoapTimes>, options: PostOptions, emit: () => void) {
    this.endpoint = endpoint;
    this.#times = times;
    this.#options = options;
    this.#emit = emit;
    this.#life = setTimeout(() => this.stop(), times.outgoingLifeMs);
    this.#life.unref();
  }

  /** Sends it, and again later. */
  send(): void {
    this.sendings += 1;
    this.#emit();
    const { retransmissions, retransmitMs } = this.#times;
    if (this.sendings > retransmissions) return;
    // a little apart, so that devices that came together do not stay together
    const waitMs = retransmitMs * (1 + Math.random() / 2) * 2 ** (this.sendings - 1);
    this.#timer = setTimeout(() => void this.#again(), waitMs);
    this.#timer.unref();
  }

  /** It has come; an answer may still follow. */
  acknowledged(): void {
    this.#isAcknowledged = true;
    clearTimeout(this.#timer);
    if (this.#options.onAnswer === undefined) this.stop();
  }

  /** The device does not understand it, or has forgotten why. */
  refused(): void {
    this.stop();
  }

  answered(code: number, payload: Buffer): void {
    if (this.#hasEnded) return;
    this.stop();
    this.#options.onAnswer?.(code, payload);
  }

  /** Does not send it any more, and listens to no answer. */
  stop(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#life);
    this.onEnd();
  }

  async #again(): Promise<void> {
    // Who cannot be asked has not allowed it.
    const mayLeave = (await this.#options.mayLeave?.().catch(() => false)) ?? true;
    if (mayLeave && !this.#hasEnded && !this.#isAcknowledged) this.send();
  }
}

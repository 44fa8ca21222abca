/**
 * Who may log in: whoever has user and password of an open offer. Failed logins are limited by network address, for a
 * growing time; but a pile that has logged in before is never locked out by a neighbour behind the same address.
 */
import { isPasswordOf, offerIn } from './ftp-credentials.ts';
import type { FtpCounters, FtpLimits } from './ftp-context.ts';
import type { DeviceHost, GatewayLog, OpenOffer } from '../devices.ts';

/** What comes of a login. */
export type LoginOutcome =
  | { kind: 'welcome'; offer: OpenOffer }
  /** Wrong user or password, or the offer has ended: who asks is not told which. */
  | { kind: 'refused' }
  | { kind: 'too_many'; retryMs: number }
  /** The rest of the program is away. */
  | { kind: 'unavailable' };

/** Failed logins of one network address. */
interface Failures {
  count: number;
  /** Being looked up at this moment. */
  pending: number;
  lastMs: number;
  /** Nothing is looked up before. */
  untilMs: number;
}

/** Addresses and offers that are remembered; the oldest go first. */
const REMEMBERED_MAX = 20_000;

export interface FtpLoginsOptions {
  host: Pick<DeviceHost, 'offerById'>;
  log: GatewayLog;
  limits: Readonly<FtpLimits>;
  counters: FtpCounters;
}

/** Judges logins. */
export class FtpLogins {
  readonly #options: FtpLoginsOptions;
  readonly #failures = new Map<string, Failures>();
  /** Offers whose pile has logged in here. */
  readonly #known = new Map<number, OpenOffer>();

  constructor(options: FtpLoginsOptions) {
    this.#options = options;
  }

  /** Judges one attempt of `address`. */
  async check(user: string, password: string, address: string): Promise<LoginOutcome> {
    const { host, log, counters } = this.#options;
    const offerId = offerIn(user);
    const known = offerId === null ? undefined : this.#known.get(offerId);
    const isKnown = known !== undefined && isPasswordOf(known, password);
    const failures = this.#failuresOf(address);
    const waitMs = isKnown ? 0 : this.#waitMs(failures);
    if (waitMs > 0) {
      counters.loginsLimited += 1;
      return { kind: 'too_many', retryMs: waitMs };
    }
    // Counted before it is looked up: those that come at the same moment count, too.
    failures.pending += 1;
    let offer: OpenOffer | null = null;
    try {
      offer = offerId === null ? null : await host.offerById(offerId);
    } catch (error) {
      // Bytes do not need the database: who was being served goes on being served.
      if (!isKnown || known.expiresAtMs <= Date.now()) {
        log.warn({ err: error, address }, 'a login of a pile could not be looked up');
        return { kind: 'unavailable' };
      }
      offer = known;
    } finally {
      failures.pending -= 1;
    }
    if (offer === null || offer.expiresAtMs <= Date.now() || !isPasswordOf(offer, password)) {
      if (offer === null && offerId !== null) this.#known.delete(offerId);
      this.#failed(failures);
      return { kind: 'refused' };
    }
    counters.logins += 1;
    remember(this.#known, offer.id, offer);
    return { kind: 'welcome', offer };
  }

  #waitMs({ count, pending, untilMs }: Failures): number {
    const { freeFailures, firstWaitMs } = this.#options.limits;
    if (count + pending < freeFailures) return 0;
    // One at a time from here on.
    return pending > 0 ? firstWaitMs : Math.max(0, untilMs - performance.now());
  }

  #failed(failures: Failures): void {
    const { limits, counters } = this.#options;
    counters.loginsFailed += 1;
    failures.count += 1;
    failures.lastMs = performance.now();
    const over = failures.count - limits.freeFailures;
    if (over >= 0) failures.untilMs = failures.lastMs + Math.min(limits.firstWaitMs * 2 ** over, limits.longestWaitMs);
  }

  #failuresOf(address: string): Failures {
    const nowMs = performance.now();
    const known = this.#failures.get(address);
    const isOld = known !== undefined && nowMs - known.lastMs >= this.#options.limits.forgetFailuresMs;
    if (known !== undefined && (!isOld || known.pending > 0)) return known;
    const fresh = { count: 0, pending: 0, lastMs: nowMs, untilMs: 0 };
    remember(this.#failures, address, fresh);
    return fresh;
  }
}

function remember<Key, Value>(map: Map<Key, Value>, key: Key, value: Value): void {
  map.delete(key);
  map.set(key, value);
  if (map.size <= REMEMBERED_MAX) return;
  const [oldest] = map.keys();
  if (oldest !== undefined) map.delete(oldest);
}

/**
 * What gateways tell beside reports, collected and written about once a second: business messages of devices, and
 * frames that could not be read. Both are bounded; what is more is dropped and counted, the devices do not notice.
 */
import type { Db } from '../../db/index.ts';
import {
  BUSINESS_KEPT,
  writeBusinessMessages,
  writeFrameErrors,
  type BusinessMessage,
} from '../../db/devices/traffic.ts';
import type { GatewayLog } from '../../gateways/devices.ts';

/** Bytes of one business message that are kept. */
const PAYLOAD_KEPT_BYTES = 2_048;
const EXCERPT_KEPT = 128;
const WAITING_MESSAGES = 10_000;
const WAITING_KINDS = 10_000;

/** Collects and writes. */
export class InboundTraffic {
  /** Messages that were dropped because more came than can be written. */
  dropped = 0;
  readonly #db: Db;
  readonly #log: GatewayLog;
  #messages: BusinessMessage[] = [];
  #errors = new Map<string, { deviceId: string; kind: string; count: number; excerpt: string }>();

  constructor(db: Db, log: GatewayLog) {
    this.#db = db;
    this.#log = log;
  }

  business({ deviceId, payload, reason }: { deviceId: string; payload: Buffer; reason: string }): void {
    if (this.#messages.length >= WAITING_MESSAGES) {
      this.dropped += 1;
      return;
    }
    this.#messages.push({
      deviceId,
      reason,
      // Copied: a view would keep the whole buffer it was cut from.
      payload: Buffer.from(payload.subarray(0, PAYLOAD_KEPT_BYTES)),
      atMs: Date.now(),
    });
  }

  badFrame({ deviceId, kind, excerpt }: { deviceId: string; kind: string; excerpt: string }): void {
    const key = `${deviceId} ${kind}`;
    const known = this.#errors.get(key);
    if (known === undefined && this.#errors.size >= WAITING_KINDS) return;
    const cut = excerpt.slice(0, EXCERPT_KEPT);
    this.#errors.set(key, { deviceId, kind, count: (known?.count ?? 0) + 1, excerpt: cut });
  }

  /** Writes what is collected; what cannot be written now is kept, within the bounds. */
  async flush(): Promise<void> {
    const messages = this.#messages;
    const errors = this.#errors;
    this.#messages = [];
    this.#errors = new Map();
    try {
      if (messages.length > 0) await writeBusinessMessages(this.#db, newestOfEach(messages));
    } catch (error) {
      this.#log.warn({ err: error }, 'business messages could not be written, they are kept');
      this.#messages = [...messages, ...this.#messages].slice(-WAITING_MESSAGES);
    }
    try {
      if (errors.size > 0) await writeFrameErrors(this.#db, [...errors.values()]);
    } catch (error) {
      this.#log.warn({ err: error }, 'unreadable frames could not be counted, they are counted later');
      for (const [key, { count, ...entry }] of errors) {
        this.#errors.set(key, {
          ...entry,
          ...this.#errors.get(key),
          count: count + (this.#errors.get(key)?.count ?? 0),
        });
      }
    }
  }
}

/** A device that talks a lot would push its own messages out anyway. */
function newestOfEach(messages: readonly BusinessMessage[]): BusinessMessage[] {
  const counts = new Map<string, number>();
  return messages
    .toReversed()
    .filter(({ deviceId }) => {
      const count = (counts.get(deviceId) ?? 0) + 1;
      counts.set(deviceId, count);
      return count <= BUSINESS_KEPT;
    })
    .toReversed();
}

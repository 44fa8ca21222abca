/**
 * Who called, collected and written about once a second: last contacts of devices, and callers nobody registered.
 */
import * as reports from '../../db/devices/reports.ts';
import type { Db } from '../../db/index.ts';
import type { GatewayLog } from '../../gateways/devices.ts';

/** Strangers beyond this many are counted but not listed. */
const UNKNOWN_LISTED = 100_000;

interface Contact {
  deviceId: string;
  address: string;
  details: Record<string, unknown>;
  atMs: number;
}

/** Collects and writes. */
export class InboundContacts {
  readonly #db: Db;
  readonly #log: GatewayLog;
  readonly #gatewayName: string;
  #contacts = new Map<string, Contact>();
  #strangers = new Map<string, { protocol: string; identity: string; address: string; contacts: number }>();

  constructor(db: Db, log: GatewayLog, gatewayName: string) {
    this.#db = db;
    this.#log = log;
    this.#gatewayName = gatewayName;
  }

  /** What is collected and not written yet. */
  get backlog(): { contacts: number; unknown: number } {
    return { contacts: this.#contacts.size, unknown: this.#strangers.size };
  }

  seen(deviceId: string, address: string, details: Record<string, unknown>): void {
    const known = this.#contacts.get(deviceId);
    this.#contacts.set(deviceId, { deviceId, address, details: { ...known?.details, ...details }, atMs: Date.now() });
  }

  /** Counts a caller that is not registered. */
  stranger(protocol: string, identity: string, address: string): void {
    const key = `${protocol} ${identity}`;
    const contacts = (this.#strangers.get(key)?.contacts ?? 0) + 1;
    if (this.#strangers.size < UNKNOWN_LISTED) this.#strangers.set(key, { protocol, identity, address, contacts });
  }

  /** Writes what is collected; contacts that could not be written are kept for the next time. */
  async flush(): Promise<void> {
    await this.#flushContacts();
    await this.#flushStrangers();
  }

  async #flushContacts(): Promise<void> {
    const entries = this.#contacts;
    if (entries.size === 0) return;
    this.#contacts = new Map();
    try {
      await reports.writeContacts(this.#db, [...entries.values()], this.#gatewayName);
    } catch (error) {
      this.#log.warn({ err: error }, 'last contacts could not be written, they are kept');
      for (const [id, entry] of entries) {
        const newer = this.#contacts.get(id);
        this.#contacts.set(id, { ...entry, ...newer, details: { ...entry.details, ...newer?.details } });
      }
    }
  }

  async #flushStrangers(): Promise<void> {
    const entries = this.#strangers;
    if (entries.size === 0) return;
    this.#strangers = new Map();
    try {
      await reports.writeUnknownDevices(this.#db, [...entries.values()], UNKNOWN_LISTED);
    } catch (error) {
      this.#log.warn({ err: error }, 'unknown devices could not be written, these contacts are not counted');
    }
  }
}

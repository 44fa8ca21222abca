/**
 * Equipment in the memory of a gateway process: who may call from where, and which flag its next heartbeat is answered
 * with. Refreshed when an equipment or its flags change (`NOTIFY`), and as a whole once in a while.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { BlockList } from 'node:net';
import { directoryMark, loadDirectory, type DirectoryEntry } from '../../db/factory/equipment.ts';
import type { Database, Db } from '../../db/index.ts';
import { EQUIPMENT_CHANNEL } from '../../db/schema.ts';
import type { GatewayLog } from '../../gateways/devices.ts';
import type { Admission, MomCaller } from '../../gateways/mom/contract.ts';
import { allows, networksOf } from '../../gateways/mom/networks.ts';

/** Announcements are lost while the connection is; this bounds for how long that matters. */
const RELOAD_MS = 30_000;
/** Announcements of one moment are read together. */
const GATHER_MS = 20;

export interface DirectoryOptions {
  database: Database;
  log: GatewayLog;
  /** The shared token; null: none is asked for. */
  token: string | null;
  /** Addresses and networks that may call at all; empty: any. */
  allowedAddresses: readonly string[];
}

/** Who may call, answered from memory. */
export class MomDirectory {
  readonly #db: Db;
  readonly #options: DirectoryOptions;
  readonly #token: Buffer | null;
  readonly #site: BlockList | null;
  #entries = new Map<string, DirectoryEntry>();
  readonly #codes = new Map<number, string>();
  readonly #networks = new WeakMap<DirectoryEntry, BlockList | null>();
  #changed = new Set<number>();
  #gathering: NodeJS.Timeout | null = null;
  #reloads: NodeJS.Timeout | null = null;
  #reading: Promise<void> = Promise.resolve();
  /** What was true when all was read; null: something was read since. */
  #mark: string | null = null;
  #unlisten: () => Promise<void> = async () => {};

  constructor(options: DirectoryOptions) {
    this.#options = options;
    this.#db = options.database.db;
    this.#token = options.token === null ? null : digest(options.token);
    this.#site = networksOf(options.allowedAddresses);
  }

  /** Reads everything, and follows what changes from then on. */
  async start(): Promise<void> {
    const subscription = await this.#options.database.sql.listen(
      EQUIPMENT_CHANNEL,
      (payload) => this.#gather(Number(payload)),
      // Called at every connection: in between, announcements were lost.
      () => this.#reloadLater(),
    );
    this.#unlisten = () => subscription.unlisten();
    await this.reload(null);
    this.#reloads = setInterval(() => this.#reloadLater(), RELOAD_MS);
  }

  async stop(): Promise<void> {
    if (this.#reloads !== null) clearInterval(this.#reloads);
    if (this.#gathering !== null) clearTimeout(this.#gathering);
    this.#reloads = this.#gathering = null;
    await this.#unlisten().catch(() => {});
    await this.#reading.catch(() => {});
  }

  get size(): number {
    return this.#entries.size;
  }

  /** The equipment of a code; undefined: nobody registered it, or it is retired. */
  get(code: string): DirectoryEntry | undefined {
    return this.#entries.get(code);
  }

  /** May this caller call? Who is refused at the door learns nothing about codes. */
  admit({ address, token, equipmentCode }: MomCaller): Admission {
    if (!allows(this.#site, address)) return { ok: false, failure: 'address_not_allowed' };
    if (this.#token !== null && (token === null || !timingSafeEqual(digest(token), this.#token))) {
      return { ok: false, failure: 'token_wrong' };
    }
    if (equipmentCode === null) return { ok: true };
    const entry = this.#entries.get(equipmentCode);
    if (entry === undefined) return { ok: false, failure: 'equipment_unknown' };
    let networks = this.#networks.get(entry);
    if (networks === undefined) {
      networks = networksOf(entry.allowedAddresses);
      this.#networks.set(entry, networks);
    }
    return allows(networks, address) ? { ok: true } : { ok: false, failure: 'address_not_allowed' };
  }

  /** Reads some equipment again, or (null) all; one reading at a time, so that an older one never wins. */
  reload(ids: readonly number[] | null): Promise<void> {
    const reading = this.#reading.catch(() => {}).then(() => this.#read(ids));
    this.#reading = reading;
    return reading;
  }

  async #read(ids: readonly number[] | null): Promise<void> {
    // Before the rows: what changes in between is found the next time.
    const mark = ids === null ? await directoryMark(this.#db) : null;
    if (mark !== null && mark === this.#mark) return;
    // Also when reading fails, or when only a part is read: its announcement may be the last that arrives.
    this.#mark = null;
    const rows = await loadDirectory(this.#db, ids);
    if (ids === null) {
      this.#entries = new Map();
      this.#codes.clear();
    } else {
      for (const id of ids) {
        const code = this.#codes.get(id);
        if (code !== undefined) this.#entries.delete(code);
        this.#codes.delete(id);
      }
    }
    for (const row of rows) {
      this.#entries.set(row.code, row);
      this.#codes.set(row.id, row.code);
    }
    this.#mark = mark;
  }

  #gather(id: number): void {
    if (!Number.isSafeInteger(id) || id < 1) return;
    this.#changed.add(id);
    this.#gathering ??= setTimeout(() => {
      this.#gathering = null;
      const ids = [...this.#changed];
      this.#changed = new Set();
      this.#tryToReload(ids);
    }, GATHER_MS);
  }

  #reloadLater(): void {
    if (this.#reloads !== null) this.#tryToReload(null);
  }

  #tryToReload(ids: readonly number[] | null): void {
    this.reload(ids).catch((error: unknown) => {
      this.#options.log.warn({ err: error }, 'changed equipment could not be read, all of it is read again soon');
    });
  }
}

/** Equal lengths, so that comparing tells nothing about the token. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

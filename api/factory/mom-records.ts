/**
 * What is kept of calls, collected and written about once a second: records of equipment's calls, and counts of callers
 * that were not let in. Both are bounded; what is more is dropped and counted.
 */
import type { DirectoryEntry } from '../../db/factory/equipment.ts';
import { writeCalls, writeStrangers, type CallRecord, type StrangerCalls } from '../../db/factory/equipment-calls.ts';
import type { Db } from '../../db/index.ts';
import type { GatewayLog } from '../../gateways/devices.ts';
import type { MomCallRecord } from '../../gateways/mom/contract.ts';

const WAITING_CALLS = 20_000;
const WAITING_STRANGERS = 2_000;
/** Beyond so many nobody new is listed. */
const STRANGERS_LISTED = 10_000;
/** Rows of one statement. */
const WRITTEN_AT_ONCE = 2_000;

/** Collects and writes. */
export class MomRecords {
  dropped = 0;
  readonly #db: Db;
  readonly #log: GatewayLog;
  #calls: CallRecord[] = [];
  #strangers = new Map<string, StrangerCalls>();

  constructor(db: Db, log: GatewayLog) {
    this.#db = db;
    this.#log = log;
  }

  get waiting(): number {
    return this.#calls.length + this.#strangers.size;
  }

  add(record: MomCallRecord, entry: DirectoryEntry | undefined): void {
    const { isAdmitted, equipmentCode, calledAs, address, failure, tookMs, ...rest } = record;
    if (!isAdmitted || entry === undefined) {
      this.#stranger({ address, code: equipmentCode ?? '', failure: failure ?? '', calls: 1, lastName: calledAs });
    } else if (this.#calls.length < WAITING_CALLS) {
      const warnings = [...rest.warnings];
      this.#calls.push({
        ...rest,
        equipmentId: entry.id,
        calledAs,
        address,
        failure,
        tookMs: Math.round(tookMs),
        warnings,
      });
    } else {
      this.dropped += 1;
    }
  }

  /** Writes what is collected; what could not be written is kept for the next time, within the bounds. */
  async flush(): Promise<void> {
    while (this.#calls.length > 0) {
      const batch = this.#calls.splice(0, WRITTEN_AT_ONCE);
      try {
        await writeCalls(this.#db, batch);
      } catch (error) {
        this.#log.warn({ err: error }, 'calls of equipment could not be recorded, they are kept');
        this.#calls = [...batch, ...this.#calls].slice(0, WAITING_CALLS);
        break;
      }
    }
    const strangers = this.#strangers;
    if (strangers.size === 0) return;
    this.#strangers = new Map();
    try {
      await writeStrangers(this.#db, [...strangers.values()], STRANGERS_LISTED);
    } catch (error) {
      this.#log.warn({ err: error }, 'callers that were not let in could not be counted, they are kept');
      for (const stranger of strangers.values()) this.#stranger(stranger);
    }
  }

  #stranger({ address, code, failure, calls, lastName }: StrangerCalls): void {
    const short = { address, code: code.slice(0, 128), failure, lastName: lastName.slice(0, 64) };
    const key = JSON.stringify([address, short.code, failure]);
    const known = this.#strangers.get(key);
    if (known !== undefined) this.#strangers.set(key, { ...short, calls: known.calls + calls });
    else if (this.#strangers.size < WAITING_STRANGERS) this.#strangers.set(key, { ...short, calls });
    else this.dropped += calls;
  }
}

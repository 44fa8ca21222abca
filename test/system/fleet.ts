/**
 * Simulated terminals behind a wire, and what every test asks of them: did each take each file, exactly?
 */
import { expect } from 'vitest';
import { demoFirmware, type Operator } from '../../bench/operator.ts';
import { snAt } from '../../gateways/terminal/fleet.ts';
import { TerminalSimulator, type TerminalSimulatorOptions } from '../../gateways/terminal/simulator.ts';
import { waitFor } from '../support/wait.ts';
import { readTransfers, type Transfer, type Wire } from './wire.ts';

/** A device of a task, as the API shows it. */
export interface Row {
  id: number;
  deviceId: string;
  status: string;
  reason: string | null;
  attempt: number;
  fileIndex: number;
  finishedAt: string | null;
  proofs: { fileIndex: number; version: string; fromVersion: string | null; note?: string }[];
}

/** A line of a progress log. */
export interface LogLine {
  author: string;
  event: string;
  status: string | null;
  fileIndex: number | null;
  attempt: number | null;
  cause: string;
}

export interface TaskDetail {
  id: number;
  status: string;
  counts: Record<string, number>;
}

/** Bytes of a file when a test does not care: the smallest a terminal takes, ten packets. */
export const SMALL = 10_240;
/** Most waits take a second or two; the rest is for a busy machine. */
export const PATIENCE_MS = 60_000;
/** Long enough for an offer that was lost on its way, which is sent again after a minute. */
const PROVEN_MS = 100_000;
/** Ending a task takes longer when its dispatcher was killed: its next attempt begins after 30 seconds without a heartbeat. */
const ENDED_MS = 100_000;

/** Quick terminals: they report every second and flash in a tenth of one. */
export const QUICK = {
  host: '127.0.0.1',
  reportIntervalMs: 1_000,
  upgradeDelayMs: 100,
  reconnectDelayMs: 100,
} satisfies Partial<TerminalSimulatorOptions>;

/** Some terminals that start with one version and take the same files. */
export class Fleet {
  readonly terminals: TerminalSimulator[];
  readonly sns: string[];
  deviceIds: string[] = [];
  readonly wire: Wire;

  constructor(
    wire: Wire,
    size: number,
    firstSn: string,
    version: number,
    options: Partial<TerminalSimulatorOptions> = {},
  ) {
    this.wire = wire;
    this.sns = Array.from({ length: size }, (_, index) => snAt(firstSn, index));
    this.terminals = this.sns.map(
      (sn) => new TerminalSimulator({ ...QUICK, port: wire.port, sn, softwareVersion: version, ...options }),
    );
  }

  /** Registers the terminals, connects them and waits until all have reported. */
  async start(operator: Operator): Promise<this> {
    this.deviceIds = await operator.registerTerminals(this.sns);
    for (const terminal of this.terminals) terminal.start();
    await waitFor(() => this.sns.every((sn) => this.wire.events(sn).some(({ kind }) => kind === 'report')), {
      deadlineMs: PATIENCE_MS,
      message: 'not every terminal reported',
    });
    return this;
  }

  /** The version all terminals run; they do unless something went wrong. */
  get version(): number {
    const versions = new Set(this.terminals.map(({ softwareVersion }) => softwareVersion));
    expect(versions.size, `versions ${[...versions].join(', ')}`).toBe(1);
    return [...versions][0]!;
  }

  /** Whether every terminal runs this version. */
  runs(version: number): boolean {
    return this.terminals.every(({ softwareVersion }) => softwareVersion === version);
  }

  /** Orders a task with as many files as wanted, each one version up. */
  async order(
    operator: Operator,
    { files = 2, sizeBytes = SMALL, options = {} }: { files?: 1 | 2; sizeBytes?: number; options?: object } = {},
  ): Promise<Task> {
    const from = this.version;
    const firmwareIds: number[] = [];
    for (let version = from + 1; version <= from + files; version++) {
      firmwareIds.push(await uploadOnce(operator, version, version - 1, sizeBytes));
    }
    const { id } = await operator.createTask({
      firmwareIds,
      deviceIds: this.deviceIds,
      options: { dispatchDelayMinutes: 0, deadlineHours: 1, ...options },
    });
    return new Task(id, from, files);
  }

  /**
   * Will hold terminals back in the transfer of this version: the first `standing` in its middle, each at another packet,
   * the others at its `last` packet, so that until then they move and none gets beyond this file.
   */
  hold(version: number, standing = this.sns.length, last = Infinity): void {
    this.sns.forEach((sn, index) => this.wire.hold(sn, version, index < standing ? 4 + index * 2 : last));
  }

  /** Waits until the first terminals stand still in the middle of this transfer, and all others have begun with it. */
  async untilHeld(version: number, standing = this.sns.length): Promise<void> {
    const hasBegun = (sn: string) => {
      const events = this.wire.events(sn);
      const offered = events.findLastIndex((event) => event.kind === 'offer' && event.version === version);
      return offered >= 0 && events.slice(offered).some(({ kind }) => kind === 'request');
    };
    await waitFor(() => this.sns.every((sn, index) => hasBegun(sn) && (index >= standing || this.wire.isHeld(sn))), {
      deadlineMs: PATIENCE_MS,
      message: 'not every terminal is in the middle of a transfer',
    });
  }

  /** What the wire saw of each terminal since it was cleared; throws when a transfer was not exact. */
  transfers(): Transfer[][] {
    return this.sns.map((sn) => readTransfers(sn, this.wire.events(sn)));
  }

  async stop(): Promise<void> {
    await Promise.all(this.terminals.map((terminal) => terminal.stop()));
  }
}

const uploads = new WeakMap<Operator, Map<string, Promise<number>>>();

/** Uploads a file, or finds the same one uploaded by another test before. */
export function uploadOnce(operator: Operator, version: number, from: number, sizeBytes = SMALL): Promise<number> {
  const known = uploads.get(operator) ?? new Map<string, Promise<number>>();
  uploads.set(operator, known);
  const key = `${version} ${from} ${sizeBytes}`;
  const upload = known.get(key) ?? operator.uploadFirmware(demoFirmware(version, from, sizeBytes));
  known.set(key, upload);
  return upload;
}

/** A task a test has ordered. */
export class Task {
  readonly id: number;
  readonly from: number;
  readonly files: number;

  constructor(id: number, from: number, files: number) {
    this.id = id;
    this.from = from;
    this.files = files;
  }

  async rows(operator: Operator): Promise<Row[]> {
    return (await operator.devices(this.id)) as unknown as Row[];
  }

  /** The row of the only device. */
  async row(operator: Operator): Promise<Row> {
    const [row] = await this.rows(operator);
    return row!;
  }

  /** The progress log of a device; of the only one, if not told otherwise. */
  async log(operator: Operator, upgradeId?: number): Promise<LogLine[]> {
    upgradeId ??= (await this.row(operator)).id;
    const { items } = await operator.call<{ items: LogLine[] }>('GET', `/device-upgrades/${upgradeId}/log?limit=500`);
    return items;
  }

  async detail(operator: Operator): Promise<TaskDetail> {
    return operator.call('GET', `/upgrade-tasks/${this.id}`);
  }

  control(operator: Operator, action: string, cause = 'a test'): Promise<unknown> {
    return operator.call('POST', `/upgrade-tasks/${this.id}/${action}`, { cause });
  }

  /** Waits until the only device's row is as wanted. */
  async untilRow(operator: Operator, wanted: Partial<Row>, deadlineMs = PATIENCE_MS): Promise<Row> {
    return waitFor(
      async () => {
        const row = await this.row(operator);
        if (Object.entries(wanted).every(([name, value]) => row[name as keyof Row] === value)) return row;
        throw new Error(`it is ${row.status} (${row.reason}), file ${row.fileIndex}, attempt ${row.attempt}`);
      },
      { deadlineMs, message: `the device of task ${this.id} did not become ${JSON.stringify(wanted)}` },
    );
  }

  /** Waits until every device has ended. */
  async untilDevicesEnded(operator: Operator, deadlineMs = PROVEN_MS): Promise<Row[]> {
    return waitFor(
      async () => {
        const rows = await this.rows(operator);
        const open = rows.filter(({ finishedAt }) => finishedAt === null);
        if (open.length === 0) return rows;
        throw new Error(
          `not ended: ${open.map(({ deviceId, status, reason }) => `${deviceId} ${status} ${reason ?? ''}`).join(', ')}`,
        );
      },
      { deadlineMs, message: `task ${this.id}: devices have not ended` },
    );
  }

  async untilFinished(operator: Operator, deadlineMs = ENDED_MS): Promise<TaskDetail> {
    return waitFor(
      async () => {
        const detail = await this.detail(operator);
        if (['finished', 'cancelled'].includes(detail.status)) return detail;
        throw new Error(`it is ${detail.status}: ${JSON.stringify(detail.counts)}`);
      },
      { deadlineMs, message: `task ${this.id} has not ended` },
    );
  }
}

/** Waits until every device has ended, and checks that each is proven on all files: by its row and by its own word. */
export async function expectAllProven(fleet: Fleet, task: Task, operator: Operator): Promise<Row[]> {
  const rows = await task.untilDevicesEnded(operator);
  expect(rows.map(({ deviceId }) => deviceId).toSorted()).toEqual(fleet.deviceIds.toSorted());
  for (const row of rows) {
    expect(row).toMatchObject({ status: 'succeeded', reason: null });
    const versions = Array.from({ length: task.files }, (_, index) => String(task.from + index + 1));
    expect(row.proofs.map(({ version }) => version)).toEqual(versions);
    expect(row.proofs.every(({ note }) => note === undefined)).toBe(true);
  }
  expect(fleet.terminals.map(({ softwareVersion }) => softwareVersion)).toEqual(
    fleet.sns.map(() => task.from + task.files),
  );
  return rows;
}

/**
 * Checks on the wire that every file went over exactly once: one offer, every packet in order, none twice except the one
 * that was on its way when a connection ended.
 */
export function expectExactTransfers(fleet: Fleet, task: Task, { sizeBytes = SMALL, mostRepeats = 0 } = {}): void {
  const packets = Math.ceil(sizeBytes / 1024);
  for (const [index, transfers] of fleet.transfers().entries()) {
    const sn = fleet.sns[index];
    expect(
      transfers.map(({ version, offers, packets: asked }) => ({ version, offers, packets: asked })),
      sn,
    ).toEqual(Array.from({ length: task.files }, (_, file) => ({ version: task.from + file + 1, offers: 1, packets })));
    for (const { repeated } of transfers)
      expect(repeated, `${sn}: packets asked for again`).toBeLessThanOrEqual(mostRepeats);
  }
}

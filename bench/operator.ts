/**
 * What an operator does, through the REST API and nothing else: register, upload, order, watch. The demo, the
 * measurements and the system tests use it.
 */
import { createHash } from 'node:crypto';

/** A firmware file to upload. */
export interface DemoFirmware {
  /** Absent: terminal. */
  protocol?: 'terminal' | 'ams' | 'pcp' | 'pile';
  /** Absent: the only one a terminal has. */
  component?: string;
  fileName: string;
  content: Buffer;
  pinfo?: string;
  /** Of piles, with the power. */
  model?: string;
  powerKw?: number;
  targetVersion: string;
  compatibleVersion: string;
  currentVersions: string[];
}

/** One device of a task, as the API shows it; the rest of the fields are there too. */
export interface UpgradeRow {
  id: number;
  deviceId: string;
  status: string;
  reason: string | null;
}

/** A problem the API answered, with its body. */
export class ApiError extends Error {
  readonly status: number;
  readonly body: unknown;

  constructor(method: string, path: string, status: number, body: unknown) {
    super(`${method} ${path}: ${status} ${JSON.stringify(body)}`);
    this.status = status;
    this.body = body;
  }
}

/** Speaks to one API with one key. */
export class Operator {
  readonly #url: string;
  readonly #key: string;

  constructor(url: string, key: string) {
    this.#url = url;
    this.#key = key;
  }

  async call<Answer = Record<string, unknown>>(method: string, path: string, body?: unknown): Promise<Answer> {
    // they say themselves what they are
    const isForm = body instanceof FormData || body instanceof Blob;
    const response = await fetch(`${this.#url}/api/v1${path}`, {
      method,
      headers: {
        authorization: `Bearer ${this.#key}`,
        ...(body === undefined || isForm ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: isForm ? body : JSON.stringify(body) }),
    });
    const answer: unknown = response.status === 204 ? null : await response.json();
    if (!response.ok) throw new ApiError(method, path, response.status, answer);
    return answer as Answer;
  }

  /** Registers terminals; returns their ids. */
  async registerTerminals(sns: readonly string[], model = 'GV2'): Promise<string[]> {
    return this.#register('terminal', sns, model);
  }

  /** Registers trackers; returns their ids. */
  async registerTrackers(imeis: readonly string[], model = 'GT06'): Promise<string[]> {
    return this.#register('ams', imeis, model);
  }

  /** Registers PCP devices; returns their ids. */
  async registerPcpDevices(imeis: readonly string[], model = 'NB1'): Promise<string[]> {
    return this.#register('pcp', imeis, model);
  }

  /** Registers charging piles; returns their ids. */
  async registerPiles(pileNumbers: readonly string[], model: 'DC' | 'AC' = 'DC', powerKw = 15): Promise<string[]> {
    return this.#register('pile', pileNumbers, model, { powerKw });
  }

  async #register(
    protocol: string,
    identities: readonly string[],
    model: string,
    more: object = {},
  ): Promise<string[]> {
    const ids: string[] = [];
    for (let at = 0; at < identities.length; at += 5_000) {
      const rows = identities.slice(at, at + 5_000).map((identity) => ({ protocol, identity, model, ...more }));
      const { results } = await this.call<{ results: { deviceId: string }[] }>('POST', '/devices', rows);
      ids.push(...results.map(({ deviceId }) => deviceId));
    }
    return ids;
  }

  async uploadFirmware(firmware: DemoFirmware): Promise<number> {
    const form = new FormData();
    form.set('protocol', firmware.protocol ?? 'terminal');
    if (firmware.component !== undefined) form.set('component', firmware.component);
    form.set('targetVersion', firmware.targetVersion);
    form.set('compatibleVersion', firmware.compatibleVersion);
    form.set('currentVersions', firmware.currentVersions.join('\n'));
    if (firmware.pinfo !== undefined) form.set('pinfo', firmware.pinfo);
    if (firmware.model !== undefined) form.set('model', firmware.model);
    if (firmware.powerKw !== undefined) form.set('powerKw', String(firmware.powerKw));
    form.set('md5', createHash('md5').update(firmware.content).digest('hex'));
    form.set('file', new Blob([new Uint8Array(firmware.content)]), firmware.fileName);
    const { id } = await this.call<{ id: number }>('POST', '/firmware', form);
    return id;
  }

  async createTask(order: Record<string, unknown>): Promise<{ id: number; links: { execution: string } }> {
    return this.call('POST', '/upgrade-tasks', order);
  }

  /** Devices of a task by status. */
  async counts(taskId: number): Promise<{ status: string; counts: Record<string, number> }> {
    return this.call('GET', `/upgrade-tasks/${taskId}`);
  }

  /** All devices of a task. */
  async devices(taskId: number): Promise<UpgradeRow[]> {
    const all: UpgradeRow[] = [];
    for (let after: number | null = 0; after !== null;) {
      const page: { items: UpgradeRow[]; next: number | null } = await this.call(
        'GET',
        `/upgrade-tasks/${taskId}/devices?limit=500&after=${after}`,
      );
      all.push(...page.items);
      after = page.next;
    }
    return all;
  }

  /** Waits until a task has ended; `tick` hears the counts each time. */
  async untilEnded(
    taskId: number,
    {
      deadlineMs,
      pollMs = 500,
      tick = () => {},
    }: { deadlineMs: number; pollMs?: number; tick?: (counts: Record<string, number>) => void },
  ): Promise<Record<string, number>> {
    const untilMs = Date.now() + deadlineMs;
    for (;;) {
      const { status, counts } = await this.counts(taskId);
      tick(counts);
      if (status === 'finished' || status === 'cancelled') return counts;
      if (Date.now() > untilMs) throw new Error(`task ${taskId} is still ${status}: ${JSON.stringify(counts)}`);
      await new Promise((resolve) => setTimeout(resolve, pollMs));
    }
  }
}

/** A made-up firmware file for terminals; every version has other bytes. */
export function demoFirmware(version: number, from: number, sizeBytes = 64 * 1024): DemoFirmware {
  const content = madeUpBytes(version, sizeBytes);
  const pinfo = `${version}10d100`;
  return {
    fileName: `${pinfo}_V${version}.bin`,
    content,
    pinfo,
    targetVersion: String(version),
    compatibleVersion: String(from),
    currentVersions: [String(from)],
  };
}

/** A made-up firmware file for one component of trackers, from version to version as they name them. */
export function demoTrackerFirmware(component: string, version: number, from: number, sizeBytes: number): DemoFirmware {
  const targetVersion = trackerVersion(component, version);
  return {
    protocol: 'ams',
    component,
    fileName: `${targetVersion}.bin`,
    content: madeUpBytes(version, sizeBytes),
    targetVersion,
    compatibleVersion: trackerVersion(component, from),
    currentVersions: [trackerVersion(component, from)],
  };
}

/** A made-up firmware file for PCP devices, from version to version. */
export function demoPcpFirmware(version: number, from: number, sizeBytes = 64 * 1024): DemoFirmware {
  return {
    protocol: 'pcp',
    fileName: `${pcpVersion(version)}.bin`,
    content: madeUpBytes(version, sizeBytes),
    targetVersion: pcpVersion(version),
    compatibleVersion: pcpVersion(from),
    currentVersions: [pcpVersion(from)],
  };
}

/** A made-up program for piles of 15 kW DC, from version to version. */
export function demoPileFirmware(version: number, from: number, sizeBytes = 64 * 1024): DemoFirmware {
  return {
    protocol: 'pile',
    fileName: `DC-15KW-${pileVersion(version)}.bin`,
    content: madeUpBytes(version, sizeBytes),
    model: 'DC',
    powerKw: 15,
    targetVersion: pileVersion(version),
    compatibleVersion: pileVersion(from),
    currentVersions: [pileVersion(from)],
  };
}

/** How the made-up piles name their versions. */
export function pileVersion(version: number): string {
  return `V4.1.${version}`;
}

/** How the made-up PCP devices name their versions. */
export function pcpVersion(version: number): string {
  return `NB1_V${version}`;
}

/** How the made-up trackers name their versions. */
export function trackerVersion(component: string, version: number): string {
  return `GT06_20_${component}_V${version}`;
}

function madeUpBytes(version: number, sizeBytes: number): Buffer {
  const content = Buffer.alloc(sizeBytes);
  for (let at = 0; at < sizeBytes; at++) content[at] = (at * 7 + version * 31 + (at >> 8)) & 0xff;
  return content;
}

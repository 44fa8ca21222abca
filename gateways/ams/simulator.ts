/**
 * A simulated AMS tracker: uploads its versions, fetches what it is told to, checks it, flashes it, uploads again
 * (PROTOCOLS 6.4, 10). It can be told to misbehave in the ways real ones do.
 */
import { createHash, type Hash } from 'node:crypto';
import { EventEmitter } from 'node:events';
import http from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import type { Directive } from './directives.ts';
import { GatewayError } from '../errors.ts';

/** Misbehaviour; bytes count from the beginning of the file. */
export interface AmsFaults {
  /** Cuts the connection once per file after so many bytes, then goes on where it was. */
  cutAtByte?: number;
  /** Takes a whole file as corrupt that many times, says so and fetches it again when told to. */
  corruptTimes?: number;
  /** Flashes nothing and keeps its versions. */
  lie?: boolean;
  /** Falls back to the old version this long after an upgrade. */
  revertAfterMs?: number;
  /** Stops fetching at this byte, for ever, and says nothing about it. */
  silentAtByte?: number;
  /** Gives up every directive at once with this word. */
  giveUp?: string;
  /** Reads no faster than this. */
  bytesPerSecond?: number;
}

export interface AmsSimulatorOptions {
  /** Where the server listens for devices, for example `http://127.0.0.1:7780`. */
  url: string;
  /** 15 digits. */
  imei: string;
  /** What it runs, by component `T1`..`T5`. */
  versions: Readonly<Record<string, string>>;
  pollIntervalMs?: number;
  /** Time to flash and to start again. */
  upgradeDelayMs?: number;
  /** Wait before something is tried again that failed for want of a server; doubles up to 30 s. */
  retryDelayMs?: number;
  /** Says at each quarter of a file how far it is. */
  saysProgress?: boolean;
  faults?: AmsFaults;
}

/** What a simulated tracker tells. */
export interface AmsSimulatorEvents {
  /** Its versions were taken. */
  reported: [directive: Directive | null];
  /** The server answered with an error, or not at all (0). */
  refused: [status: number];
  /** It asks for a file from this byte on. */
  asked: [from: number];
  bytes: [count: number];
  /** A response ended before its file. */
  cut: [at: number];
  failed: [word: string];
  fetched: [];
  upgraded: [component: string, version: string];
  reverted: [component: string, version: string];
}

const RETRY_MAX_MS = 30_000;
/** A file is asked for so often in a row without a byte coming before the versions are uploaded again. */
const VAIN_TRIES = 5;

/** What has come of a file. */
interface Download {
  md5: string;
  at: number;
  hash: Hash;
  hasCut: boolean;
}

/** One simulated tracker. `start` it, watch it through events and properties, `stop` it. */
export class AmsSimulator extends EventEmitter<AmsSimulatorEvents> {
  readonly imei: string;
  /** What it runs now. */
  readonly versions: Record<string, string>;
  /** Versions it changed to by an upgrade. */
  upgrades = 0;
  bytesReceived = 0;

  readonly #options: Required<Omit<AmsSimulatorOptions, 'imei' | 'versions'>>;
  readonly #agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  readonly #stop = new AbortController();
  /** Ends its wait for the next upload. */
  #nap = new AbortController();
  #running: Promise<void> = Promise.resolve();
  #download: Download | null = null;
  #isFetching = false;
  #corruptLeft: number;
  #revertTimer: NodeJS.Timeout | undefined;

  /** Throws `invalid_field` when the IMEI or the versions cannot be sent. */
  constructor({ imei, versions, ...options }: AmsSimulatorOptions) {
    super();
    if (!/^\d{15}$/.test(imei)) throw new GatewayError('invalid_field', `"${imei}" is no IMEI of 15 digits`);
    const wrong = Object.entries(versions).find(([component, v]) => !/^T[1-5]$/.test(component) || v.trim() === '');
    if (wrong !== undefined)
      throw new GatewayError('invalid_field', `"${wrong.join('=')}" is no T1..T5 with a version`);
    this.imei = imei;
    this.versions = { ...versions };
    this.#options = {
      pollIntervalMs: 30_000,
      upgradeDelayMs: 500,
      retryDelayMs: 1_000,
      saysProgress: false,
      faults: {},
      ...options,
    };
    this.#corruptLeft = this.#options.faults.corruptTimes ?? 0;
  }

  /** Whether it is fetching a file. */
  get isFetching(): boolean {
    return this.#isFetching;
  }

  start(): this {
    this.#running = this.#live().catch((error: unknown) => {
      if (!this.#stop.signal.aborted) throw error;
    });
    return this;
  }

  /** Falls silent for good. */
  async stop(): Promise<void> {
    clearTimeout(this.#revertTimer);
    this.#stop.abort();
    await this.#running;
    this.#agent.destroy();
  }

  async #live(): Promise<void> {
    const { signal } = this.#stop;
    for (let failures = 0; !signal.aborted;) {
      const directive = await this.#upload();
      failures = directive === 'refused' ? failures + 1 : 0;
      if (directive === 'refused') await delay(this.#retryMs(failures), undefined, { signal });
      else if (directive === null || !(await this.#obey(directive))) await this.#untilNextPoll();
    }
  }

  async #untilNextPoll(): Promise<void> {
    this.#nap = new AbortController();
    const signal = AbortSignal.any([this.#stop.signal, this.#nap.signal]);
    await delay(this.#options.pollIntervalMs, undefined, { signal }).catch(() => this.#stop.signal.throwIfAborted());
  }

  async #upload(): Promise<Directive | null | 'refused'> {
    const body = Object.entries(this.versions)
      .map(([component, version]) => `{t:'${component.slice(1)}',v:'${version.replaceAll(/['\\]/g, '\\$&')}'}`)
      .join(',');
    const answer = await this.#post('versions', body);
    if (answer?.status !== 200) {
      this.emit('refused', answer?.status ?? 0);
      return 'refused';
    }
    const { directive } = JSON.parse(answer.text) as { directive: Directive | null };
    this.emit('reported', directive);
    return directive;
  }

  /** Fetches and flashes; false: there is nothing more to say now. */
  async #obey(directive: Directive): Promise<boolean> {
    const { faults, upgradeDelayMs } = this.#options;
    if (faults.giveUp !== undefined) return this.#fail(faults.giveUp);
    this.#isFetching = true;
    const isWhole = await this.#fetch(directive).finally(() => (this.#isFetching = false));
    if (!isWhole) {
      await delay(this.#options.retryDelayMs, undefined, { signal: this.#stop.signal });
      return true;
    }
    const md5 = this.#download?.hash.digest('hex');
    this.#download = null;
    if (this.#corruptLeft > 0 || md5 !== directive.md5) {
      this.#corruptLeft -= 1;
      await this.#fail('checksum');
      return true;
    }
    this.emit('fetched');
    await delay(upgradeDelayMs, undefined, { signal: this.#stop.signal });
    if (faults.lie !== true) this.#flash(directive);
    return true;
  }

  async #fail(word: string): Promise<false> {
    await this.#post('progress', JSON.stringify({ error: word }));
    this.emit('failed', word);
    return false;
  }

  #flash({ component, version }: Directive): void {
    const before = this.versions[component];
    this.versions[component] = version;
    this.upgrades += 1;
    this.emit('upgraded', component, version);
    const { revertAfterMs } = this.#options.faults;
    if (revertAfterMs === undefined || before === undefined) return;
    clearTimeout(this.#revertTimer);
    this.#revertTimer = setTimeout(() => {
      this.versions[component] = before;
      this.emit('reverted', component, before);
      this.#nap.abort(); // it starts again, and reports
    }, revertAfterMs);
  }

  /** True when the whole file is here; false when its address is not valid any more, or nobody answers. */
  async #fetch(directive: Directive): Promise<boolean> {
    if (this.#download?.md5 !== directive.md5) this.#download = started(directive);
    for (let vain = 0; vain < VAIN_TRIES;) {
      const { at } = this.#download;
      if (at === directive.size) return true;
      const status = await this.#fetchFrom(directive, this.#download);
      if (status === 404 || status === 410) return false;
      // Another file under the same address, or a part that does not exist: from the beginning.
      if (status === 416) this.#download = started(directive);
      vain = this.#download.at > at ? 0 : vain + 1;
      if (this.#download.at === directive.size) return true;
      await delay(this.#retryMs(vain + 1), undefined, { signal: this.#stop.signal });
    }
    return false;
  }

  /** Asks for what is missing and takes what comes; the status, 0 without an answer. */
  async #fetchFrom(directive: Directive, download: Download): Promise<number> {
    this.emit('asked', download.at);
    const headers = download.at === 0 ? {} : { range: `bytes=${download.at}-` };
    try {
      const response = await this.#request(directive.url, { method: 'GET', headers });
      const status = response.statusCode ?? 0;
      if (status !== 200 && status !== 206) {
        response.resume();
        return status;
      }
      if (status === 200 && download.at > 0) Object.assign(download, started(directive));
      await this.#take(response, directive, download);
      return status;
    } catch (error) {
      if (this.#stop.signal.aborted) throw error;
      this.emit('cut', download.at);
      return 0;
    }
  }

  async #take(response: http.IncomingMessage, directive: Directive, download: Download): Promise<void> {
    const { faults, saysProgress } = this.#options;
    const { signal } = this.#stop;
    for await (const chunk of response as AsyncIterable<Buffer>) {
      const limit = faults.silentAtByte ?? (download.hasCut ? undefined : faults.cutAtByte) ?? Infinity;
      const bytes = chunk.subarray(0, Math.max(0, limit - download.at));
      const quarter = Math.floor((4 * download.at) / directive.size);
      download.hash.update(bytes);
      download.at += bytes.length;
      this.bytesReceived += bytes.length;
      this.emit('bytes', bytes.length);
      if (download.at >= limit) {
        if (faults.silentAtByte !== undefined) await untilStopped(signal);
        download.hasCut = true;
        response.destroy();
        throw new Error('cut on purpose');
      }
      const percent = Math.floor((100 * download.at) / directive.size);
      if (saysProgress && Math.floor(percent / 25) > quarter) await this.#post('progress', JSON.stringify({ percent }));
      if (faults.bytesPerSecond !== undefined) {
        await delay((1_000 * bytes.length) / faults.bytesPerSecond, undefined, { signal });
      }
    }
  }

  /** The answer to a small request; null without one. */
  async #post(what: string, body: string): Promise<{ status: number; text: string } | null> {
    const url = `${this.#options.url}/ams/${this.imei}/${what}`;
    try {
      const headers = { 'content-type': 'text/plain; charset=utf-8', 'content-length': Buffer.byteLength(body) };
      const response = await this.#request(url, { method: 'POST', headers }, body);
      const chunks: Buffer[] = [];
      for await (const chunk of response as AsyncIterable<Buffer>) chunks.push(chunk);
      return { status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString('utf8') };
    } catch (error) {
      if (this.#stop.signal.aborted) throw error;
      return null;
    }
  }

  #request(url: string, options: http.RequestOptions, body?: string): Promise<http.IncomingMessage> {
    return new Promise((resolve, reject) => {
      // What is said in the middle of a download goes over a connection of its own.
      const agent = this.#isFetching && options.method === 'POST' ? false : this.#agent;
      const request = http.request(url, { ...options, agent, signal: this.#stop.signal }, resolve);
      request.once('error', reject);
      request.end(body);
    });
  }

  #retryMs(failures: number): number {
    return Math.min(this.#options.retryDelayMs * 2 ** Math.max(0, failures - 1), RETRY_MAX_MS);
  }
}

/** Never comes back, except by rejecting when the tracker stops. */
function untilStopped(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(new Error('stopped')), { once: true });
  });
}

function started({ md5 }: Directive): Download {
  return { md5, at: 0, hash: createHash('md5'), hasCut: false };
}

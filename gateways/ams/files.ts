/**
 * `GET /ams/files/<token>`: the file of an open offer, whole or in parts (PROTOCOLS 10). The address lives exactly as
 * long as the offer, in any gateway, also after a restart: the token is in the offer's row.
 */
import { AMS_PROTOCOL, type AmsContext } from './context.ts';
import { readRange } from './ranges.ts';
import type { Transfers } from '../transfers.ts';
import type { OpenOffer } from '../devices.ts';
import { problem, type DeviceAnswer, type DeviceBytes, type DeviceRequest, type DeviceRoute } from '../http.ts';

const CHUNK_BYTES = 16_384;
const MINUTE_MS = 60_000;
/** Network addresses and tokens that are remembered; the oldest go first. */
const REMEMBERED_MAX = 20_000;

/** Serves files. */
export class AmsFiles {
  readonly route: DeviceRoute = {
    methods: ['GET', 'HEAD'],
    path: /^\/ams\/files\/(?<name>[^/]{1,200})$/,
    maxBodyBytes: 0,
    handle: (request) => this.#serve(request),
  };
  readonly #context: AmsContext;
  readonly #transfers: Transfers;
  /** Whose file it is, by the name in its path: a second look needs no query, and is no guess. */
  readonly #owners = new Map<string, string>();
  /** Names that nobody was given, by network address. */
  readonly #guesses = new Map<string, { count: number; sinceMs: number }>();

  constructor(context: AmsContext, transfers: Transfers) {
    this.#context = context;
    this.#transfers = transfers;
  }

  /** The path of an offer's file; who asks for it is known from now on. */
  pathOf({ id, token, deviceId }: OpenOffer): string {
    const name = `${id}-${token.replaceAll('-', '')}`;
    remember(this.#owners, name, deviceId);
    return `/ams/files/${name}`;
  }

  async #serve({ method, params, headers, address }: DeviceRequest): Promise<DeviceAnswer | DeviceBytes> {
    const { host, counters } = this.#context;
    const name = params['name'] ?? '';
    const owner = await this.#ownerOf(name, address);
    if (typeof owner !== 'string') return owner;
    host.seen(owner, address, {});
    const offer = await host.openOffer(owner).catch((error: unknown) => {
      // Bytes do not need the database: who was being served goes on being served.
      const last = this.#transfers.lastOffer(owner);
      if (last === null) throw error;
      return last;
    });
    const isOpen = offer !== null && offer.id === numberIn(name) && offer.expiresAtMs > Date.now();
    const file = isOpen ? await this.#transfers.fileOf(offer) : null;
    if (!isOpen || file === null) {
      counters.endedFiles += 1;
      return OFFER_ENDED;
    }
    return this.#answer(offer, file, { isHead: method === 'HEAD', range: headers.range, ifRange: headers['if-range'] });
  }

  #answer(
    offer: OpenOffer,
    file: Buffer,
    { isHead, range, ifRange }: { isHead: boolean; range: string | undefined; ifRange: string | string[] | undefined },
  ): DeviceAnswer | DeviceBytes {
    const etag = `"${offer.sha256}"`;
    // A part of another file would be worse than the whole of this one.
    const isSame = ifRange === undefined || ifRange === etag;
    const asked = isSame && !isHead ? readRange(range, file.length) : ({ kind: 'whole' } as const);
    const common = { 'accept-ranges': 'bytes', 'cache-control': 'no-store', etag };
    if (asked.kind === 'none') {
      const refusal = problem(416, 'range_wrong', `the file has ${file.length} bytes`);
      return { ...refusal, headers: { ...common, 'content-range': `bytes */${file.length}` } };
    }
    const part = asked.kind === 'part' ? asked : { start: 0, end: file.length, isSuffix: false };
    const bytes = file.subarray(part.start, part.end);
    const headers = {
      ...common,
      'content-type': 'application/octet-stream',
      'content-length': bytes.length,
      ...(asked.kind === 'part' && { 'content-range': `bytes ${part.start}-${part.end - 1}/${file.length}` }),
    };
    const { times, counters } = this.#context;
    const chunks = { chunkBytes: CHUNK_BYTES, stallMs: times.stallMs };
    if (isHead) {
      const options = { ...chunks, signal: new AbortController().signal, sent: () => {} };
      return { status: 200, headers, bytes: Buffer.alloc(0), options, ended: () => {} };
    }
    counters.downloads += 1;
    const { signal, sent, done } = this.#transfers.begin(offer, part.start, part.isSuffix);
    return {
      status: asked.kind === 'part' ? 206 : 200,
      headers,
      bytes,
      options: { ...chunks, signal, sent },
      ended: (outcome) => {
        if (outcome === 'stalled') counters.downloadsStalled += 1;
        done();
      },
    };
  }

  /** Whose file it is, or why the device hears nothing of it. */
  async #ownerOf(name: string, address: string): Promise<string | DeviceAnswer> {
    const known = this.#owners.get(name);
    if (known !== undefined) return known;
    const { host, counters } = this.#context;
    const guess = this.#guessesOf(address);
    if (guess.count >= this.#context.limits.unknownFilesPerMinute) {
      counters.unknownFilesRefused += 1;
      return TOO_MANY;
    }
    // Counted before it is looked up: those that come at the same moment count, too.
    guess.count += 1;
    const token = /^\d{1,15}-([0-9a-f]{32})$/.exec(name)?.[1];
    const owner = token === undefined ? null : await host.offerOwner(numberIn(name), token);
    if (!owner?.startsWith(`${AMS_PROTOCOL}-`)) {
      counters.unknownFiles += 1;
      return problem(404, 'not_found', 'nobody was given this address; upload your versions to get one');
    }
    guess.count -= 1;
    remember(this.#owners, name, owner);
    return owner;
  }

  #guessesOf(address: string): { count: number; sinceMs: number } {
    const nowMs = Date.now();
    const known = this.#guesses.get(address);
    if (known !== undefined && nowMs - known.sinceMs < MINUTE_MS) return known;
    const fresh = { count: 0, sinceMs: nowMs };
    remember(this.#guesses, address, fresh);
    return fresh;
  }
}

const OFFER_ENDED = problem(
  410,
  'offer_ended',
  'this address is not valid any more; upload your versions to learn what to do',
);
const TOO_MANY: DeviceAnswer = {
  ...problem(429, 'too_many_unknown', 'too many addresses that nobody was given; try again in a minute'),
  headers: { 'retry-after': '60' },
};

function numberIn(name: string): number {
  return Number(name.slice(0, name.indexOf('-')));
}

function remember<Value>(map: Map<string, Value>, key: string, value: Value): void {
  map.delete(key);
  map.set(key, value);
  if (map.size <= REMEMBERED_MAX) return;
  const [oldest] = map.keys();
  if (oldest !== undefined) map.delete(oldest);
}

/**
 * Who calls: API keys, sessions of the console, what they may do, and the wall between departments.
 *
 * A key is `swk_` and 32 random bytes. Only its SHA-256 is stored, so neither a backup nor a log can leak one. A key
 * that was revoked, and every session of it, may work up to ten seconds longer, the life of the cache.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Request, RequestHandler, Response } from 'express';
import { ipKeyGenerator, rateLimit } from 'express-rate-limit';
import { problem } from './problems.ts';
import { setCaller } from './http/requests.ts';
import { demandOwnPage, newSessionToken, SESSION_LIFE, sessionTokenOf } from './sessions.ts';
import { createSession, endSession, findSession } from '../db/console-sessions.ts';
import type { Db } from '../db/index.ts';
import { createAdminKey, findKeyHolder, type KeyHolder } from '../db/people.ts';

/** What a key may be allowed to do. Having one never implies another. */
export const PERMISSIONS = [
  'device:read', // see devices, files, tasks
  'device:write', // register, change and delete devices
  'firmware:write', // upload and delete files
  'firmware:override', // upload a file whose name does not hold its version
  'upgrade:write', // make and control tasks
  'upgrade:batch', // tasks of more than one device; dispatch delays under a minute
  'shipment:write',
  'mom:write',
  'admin', // departments and keys
] as const;
export type Permission = (typeof PERMISSIONS)[number];

/** Who calls, as every route sees it. Queries filter by `departmentId`, without exception. */
export interface Caller {
  keyId: number;
  /** Written as author of whatever the caller does. */
  name: string;
  departmentId: number;
  department: string;
  permissions: ReadonlySet<string>;
}

/** Stands in where no key is asked for; belongs to no department and may do nothing. */
export const NOBODY: Caller = { keyId: 0, name: 'nobody', departmentId: 0, department: '', permissions: new Set() };

const KEY_FORM = /^swk_[A-Za-z0-9_-]{43}$/;
const CACHE_MS = 10_000;
const CACHE_SIZE = 1_000;

/** A new key and what of it is stored. */
export function generateKey(): { key: string; keyHash: string } {
  const key = `swk_${randomBytes(32).toString('base64url')}`;
  return { key, keyHash: hashOf(key) };
}

/**
 * Makes the first key, with every permission, when there is none at all.
 *
 * @returns the key, to be shown once, or null when keys exist
 */
export async function ensureFirstKey(db: Db): Promise<string | null> {
  return makeKey(db, 'when_there_is_none');
}

/** Makes one more key with every permission, for an installation whose keys are lost; to be shown once. */
export async function makeAdminKey(db: Db): Promise<string | null> {
  return makeKey(db, 'always');
}

async function makeKey(db: Db, when: 'when_there_is_none' | 'always'): Promise<string | null> {
  const { key, keyHash } = generateKey();
  const made = await createAdminKey(
    db,
    { keyHash, name: 'admin', permissions: PERMISSIONS, createdBy: 'system' },
    when,
  );
  return made ? key : null;
}

/** Knows who calls: by the key or the session that a request carries. Refused ones are counted per address and slowed down. */
export class Authentication {
  readonly #db: Db;
  readonly #cache = new KeyCache();
  readonly #countFailure: (request: Request) => Promise<void>;

  constructor(db: Db, options: { failuresPerMinute: number }) {
    this.#db = db;
    this.#countFailure = failureCounter(options.failuresPerMinute);
  }

  /** Asks every request for a key or a session. A key wins where both are there. */
  readonly handler: RequestHandler = async (request, response, next) => {
    await this.admit(request, response);
    next();
  };

  /** Who asks; throws without a key or a session. `isTrustedPage`: the page it comes from may act for a session. */
  async admit(request: Request, response: Response, { isTrustedPage = false } = {}): Promise<Caller> {
    const key = keyIn(request);
    const token = key === undefined ? sessionTokenOf(request) : undefined;
    const caller = token === undefined ? await this.#byKey(key) : await this.#bySession(token);
    if (caller === null) {
      await this.#countFailure(request);
      throw refused(key, token);
    }
    if (token !== undefined && !isTrustedPage) demandOwnPage(request);
    setCaller(response, caller);
    return caller;
  }

  /** Whose session a request carries; null without one. */
  async sessionOf(request: Request): Promise<Caller | null> {
    const token = sessionTokenOf(request);
    return token === undefined ? null : this.#bySession(token);
  }

  /** Begins a session with a key; throws as any request with a refused key would. */
  async signIn(request: Request, key: string): Promise<{ caller: Caller; sessionId: number; token: string }> {
    demandOwnPage(request);
    const caller = await this.#byKey(key);
    if (caller === null) {
      await this.#countFailure(request);
      throw refused(key, undefined);
    }
    const token = newSessionToken();
    const session = { keyId: caller.keyId, tokenHash: hashOf(token) };
    return { caller, sessionId: await createSession(this.#db, session, SESSION_LIFE), token };
  }

  /** Ends the session a request carries: here at once, in other processes when their cache forgets it. */
  async signOut(request: Request): Promise<{ caller: Caller; sessionId: number } | null> {
    demandOwnPage(request);
    const token = sessionTokenOf(request);
    if (token === undefined) return null;
    const caller = await this.#bySession(token);
    const sessionId = await endSession(this.#db, hashOf(token));
    this.#cache.forget(hashOf(token));
    return caller === null || sessionId === null ? null : { caller, sessionId };
  }

  async #byKey(key: string | undefined): Promise<Caller | null> {
    if (key === undefined || !KEY_FORM.test(key)) return null;
    const known = this.#cache.get(hashOf(key));
    if (known !== undefined) return known;
    const holder = await findHolder(this.#db, key);
    return holder === null ? null : this.#cache.put(hashOf(key), holder);
  }

  async #bySession(token: string): Promise<Caller | null> {
    const tokenHash = hashOf(token);
    const known = this.#cache.get(tokenHash);
    if (known !== undefined) return known;
    const holder = await findSession(this.#db, tokenHash, SESSION_LIFE);
    return holder === null ? null : this.#cache.put(tokenHash, holder);
  }
}

function keyIn(request: Request): string | undefined {
  return /^Bearer +(\S+) *$/i.exec(request.headers.authorization ?? '')?.[1];
}

/** Throws unless the caller has the permission. */
export function demand(caller: Caller, permission: Permission, what: string): void {
  if (caller.permissions.has(permission)) return;
  throw problem(
    'permission_missing',
    `${what} needs the permission ${permission}, which the key "${caller.name}" does not have. Ask an administrator for a key that has it.`,
    { members: { permission } },
  );
}

function refused(key: string | undefined, token: string | undefined) {
  const detail =
    key !== undefined
      ? 'The API key is unknown or revoked. Check that it was copied whole; an administrator can make a new one.'
      : token !== undefined
        ? 'The session has ended. Sign in again.'
        : 'The request carries no API key. Send it as "Authorization: Bearer swk_…".';
  return problem('unauthenticated', detail, { headers: { 'WWW-Authenticate': 'Bearer realm="slipway"' } });
}

async function findHolder(db: Db, key: string): Promise<KeyHolder | null> {
  const keyHash = hashOf(key);
  const holder = await findKeyHolder(db, keyHash);
  return holder !== null && timingSafeEqual(Buffer.from(holder.keyHash), Buffer.from(keyHash)) ? holder : null;
}

/** Holders by hash, for some seconds. A refused key is never cached: a new key works at once. */
class KeyCache {
  readonly #entries = new Map<string, { caller: Caller; untilMs: number }>();

  get(keyHash: string): Caller | undefined {
    const entry = this.#entries.get(keyHash);
    if (entry !== undefined && entry.untilMs > Date.now()) return entry.caller;
    this.#entries.delete(keyHash);
    return undefined;
  }

  forget(keyHash: string): void {
    this.#entries.delete(keyHash);
  }

  put(keyHash: string, { keyId, name, departmentId, department, permissions }: KeyHolder): Caller {
    const caller = { keyId, name, departmentId, department, permissions: new Set(permissions) };
    if (this.#entries.size >= CACHE_SIZE) this.#entries.clear();
    this.#entries.set(keyHash, { caller, untilMs: Date.now() + CACHE_MS });
    return caller;
  }
}

/**
 * Counts refusals only: express-rate-limit as a counter. A valid key is never slowed down, also where many callers
 * share one address; keys cannot be guessed, so the limit is there to spare the database.
 */
function failureCounter(perMinute: number): (request: Request) => Promise<void> {
  const limiter = rateLimit({
    windowMs: 60_000,
    limit: perMinute,
    standardHeaders: false,
    legacyHeaders: false,
    validate: false,
    keyGenerator: (request) => ipKeyGenerator(request.ip ?? 'unknown'),
    handler: (_request, _response, next) => next(tooManyFailures()),
  });
  return (request) =>
    new Promise((resolve, reject) => {
      // it writes nothing: neither headers nor an answer are asked of it
      void limiter(request, request.res as Response, (error?: unknown) =>
        error === undefined ? resolve() : reject(error),
      );
    });
}

function tooManyFailures() {
  return problem(
    'too_many_failures',
    'Too many requests with a refused key came from this address. Wait a minute, then use a valid key.',
    { headers: { 'Retry-After': '60' } },
  );
}

function hashOf(key: string): string {
  return createHash('sha256').update(key).digest('hex');
}

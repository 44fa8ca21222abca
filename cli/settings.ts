/**
 * Where Slipway is and with which key: from the environment, or from what `slipway login` stored. The only file of the
 * command line that reads the environment or writes to disk.
 */
import { chmodSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';
import { EXIT, Failure } from './failures.ts';

export interface Login {
  url: string;
  key: string;
}

const { env } = process;

/** `~/.config/slipway/config.json`, or where `XDG_CONFIG_HOME` says. */
export function configPath(): string {
  const base = env.XDG_CONFIG_HOME;
  return join(base !== undefined && isAbsolute(base) ? base : join(homedir(), '.config'), 'slipway', 'config.json');
}

/** What the environment says of address and key. */
export function fromEnvironment(): { url: string | undefined; key: string | undefined } {
  return { url: env.SLIPWAY_URL || undefined, key: env.SLIPWAY_KEY || undefined };
}

/** False where people asked for no colours (no-color.org), and where the terminal cannot show any. */
export function wantsColours(): boolean {
  return !env.NO_COLOR && env.TERM !== 'dumb';
}

/**
 * Address and key for a command. The stored key is only ever sent to the address it was stored for.
 *
 * @throws Failure when there is none
 */
export function findLogin(urlOption: string | undefined): Login {
  const given = fromEnvironment();
  const stored = readLogin();
  const wanted = urlOption ?? given.url;
  const url = wanted === undefined ? stored?.url : readUrl(wanted);
  if (url === undefined) throw new Failure(notLoggedIn('You are not logged in.'), { exitCode: EXIT.notAllowed });
  if (given.key !== undefined) return { url, key: given.key };
  if (stored?.url === url) return stored;
  throw new Failure(notLoggedIn(`There is no key for ${url}.`), { exitCode: EXIT.notAllowed });
}

function notLoggedIn(what: string): string {
  return `${what} Run "slipway login", or set SLIPWAY_URL and SLIPWAY_KEY.`;
}

/** An address as it is stored: no slash at its end, nothing behind the host that the API itself adds. */
export function readUrl(text: string): string {
  const full = /^[a-z]+:\/\//i.test(text) ? text : `http://${text}`;
  const url = URL.canParse(full) ? new URL(full) : null;
  if (url === null || !['http:', 'https:'].includes(url.protocol) || url.username !== '' || url.search !== '') {
    throw new Failure(`"${text}" is no address of a Slipway API; write for example https://slipway.example.com.`);
  }
  return (url.origin + url.pathname).replace(/\/+$/, '').replace(/\/api\/v1$/, '');
}

/** True when the key would cross a network in the clear. */
export function isExposed(url: string): boolean {
  const { protocol, hostname } = new URL(url);
  return protocol === 'http:' && !/^(localhost|127\.[\d.]+|\[::1\])$/.test(hostname);
}

export function readLogin(): Login | null {
  const path = configPath();
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
    // Somebody made it readable for others: a key does not stay like that.
    if (process.platform !== 'win32' && (statSync(path).mode & 0o077) !== 0) chmodSync(path, 0o600);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw new Failure(`${path} cannot be read (${(error as Error).message}). Run "slipway login" again.`);
  }
  try {
    const { url, key } = JSON.parse(text) as Partial<Login>;
    if (typeof url === 'string' && typeof key === 'string') return { url, key };
  } catch {
    // falls through to the same advice
  }
  throw new Failure(`${path} does not hold a login. Run "slipway login" again.`);
}

/** Stores a login, readable for its owner only, in place of the one before. */
export function saveLogin(login: Login): string {
  const path = configPath();
  const draft = `${path}.${process.pid}`;
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  writeFileSync(draft, `${JSON.stringify(login, null, 2)}\n`, { mode: 0o600 });
  renameSync(draft, path);
  return path;
}

/** Forgets the login; false when there was none. */
export function removeLogin(): boolean {
  const path = configPath();
  try {
    rmSync(path);
    return true;
  } catch {
    return false;
  }
}

/**
 * Sessions of the console: the cookie that stands for a key in a browser, and the proof that a request comes from a
 * page of this server. What a session may do is what its key may do; `auth.ts` asks for it.
 *
 * Scripts cannot read the cookie, other sites cannot make the browser send it, and it is not the key: whoever finds it
 * in a backup of a browser has it for twelve idle hours, not for ever.
 */
import { randomBytes } from 'node:crypto';
import type { Request } from 'express';
import { problem } from './problems.ts';
import type { SessionLife } from '../db/console-sessions.ts';

export const SESSION_COOKIE = 'slipway_session';
/** What pages of the console send with everything; a form or an image of another site cannot. */
export const CONSOLE_HEADER = 'x-slipway-console';
/** Half a day without use, a week in all. */
export const SESSION_LIFE: SessionLife = { idleSeconds: 12 * 3_600, totalSeconds: 7 * 24 * 3_600 };

const TOKEN_FORM = /^sws_[A-Za-z0-9_-]{43}$/;

export function newSessionToken(): string {
  return `sws_${randomBytes(32).toString('base64url')}`;
}

/** The token in the request's cookie; undefined without one that could be ours. */
export function sessionTokenOf(request: Request): string | undefined {
  for (const part of (request.headers.cookie ?? '').split(';')) {
    const [name, value = ''] = part.trim().split('=', 2);
    if (name === SESSION_COOKIE && TOKEN_FORM.test(value)) return value;
  }
  return undefined;
}

/** `Set-Cookie` for a new session, or, with null, for none any more. */
export function sessionCookie(request: Request, token: string | null): string {
  const parts = [
    `${SESSION_COOKIE}=${token ?? ''}`,
    'Path=/',
    `Max-Age=${token === null ? 0 : SESSION_LIFE.totalSeconds}`,
    'HttpOnly',
    'SameSite=Strict',
    ...(request.secure ? ['Secure'] : []),
  ];
  return parts.join('; ');
}

/**
 * Throws when a request that changes something may come from a page of another site. Browsers say themselves where a
 * request comes from, unless the server is reached without TLS; the header is what such pages cannot add.
 */
export function demandOwnPage(request: Request): void {
  if (request.method === 'GET' || request.method === 'HEAD') return;
  const site = request.headers['sec-fetch-site'];
  const isOwn = site === undefined ? request.headers[CONSOLE_HEADER] === '1' : site === 'same-origin';
  if (isOwn) return;
  throw problem(
    'cross_site_refused',
    'A change in the name of a console session must come from a page of this server. Programs send an API key as "Authorization: Bearer swk_…", or the header "X-Slipway-Console: 1" with the session.',
  );
}

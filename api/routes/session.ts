/**
 * Sessions of the console: signing in with a key, who is signed in, signing out. They ask for no key themselves, so
 * they are served before everything that does.
 */
import { Type } from 'typebox';
import { audit } from '../audit.ts';
import type { Caller } from '../auth.ts';
import { Answer, route, type Services } from '../route.ts';
import { closed, nullable, text } from '../schemas.ts';
import { sessionCookie } from '../sessions.ts';
import { Me, showCaller } from './operations.ts';

const Session = closed(
  {
    me: nullable(Me),
    version: Type.String({ description: 'of this server' }),
    links: closed({
      temporalUi: nullable(
        Type.String({
          description: 'executions in the Temporal Web UI; null: nobody is signed in, or it has no address',
        }),
      ),
    }),
  },
  { title: 'ConsoleSession' },
);

const FROM_PAGE =
  'Only from pages of this server: browsers say so themselves (`Sec-Fetch-Site`); without that, send `X-Slipway-Console: 1`.';

export const sessionRoutes = [
  route({
    method: 'get',
    path: '/api/v1/session',
    id: 'getSession',
    tag: 'people',
    summary: 'Who is signed in to the console here?',
    description: 'Looks at the session cookie only. Without a session, `me` is null.',
    permission: 'public',
    status: 200,
    response: Session,
    handle: async ({ request }, services) => showSession(await services.sessions.sessionOf(request), services),
  }),
  route({
    method: 'post',
    path: '/api/v1/session',
    id: 'startSession',
    tag: 'people',
    summary: 'Sign in to the console',
    description: `Takes an API key and answers a cookie that stands for it in this browser: unreadable for scripts, for at most a week, for twelve hours without use, and no longer than the key is valid. ${FROM_PAGE}`,
    permission: 'public',
    body: closed(
      { key: text(200, { description: 'swk_…' }) },
      { title: 'SignIn', examples: [{ key: 'swk_0000000000000000000000000000000000000000000' }] },
    ),
    status: 201,
    response: Session,
    problems: ['unauthenticated', 'too_many_failures', 'cross_site_refused'],
    handle: async ({ body, request, operation }, services) => {
      const { caller, sessionId, token } = await services.sessions.signIn(request, body.key);
      await audit(services.db, { caller, operation }, { kind: 'session', id: sessionId, after: {} });
      return new Answer(showSession(caller, services), { headers: { 'Set-Cookie': sessionCookie(request, token) } });
    },
  }),
  route({
    method: 'delete',
    path: '/api/v1/session',
    id: 'endSession',
    tag: 'people',
    summary: 'Sign out of the console',
    description: `Ends the session of the cookie; without one, nothing happens. ${FROM_PAGE}`,
    permission: 'public',
    status: 204,
    response: Type.Null(),
    problems: ['cross_site_refused'],
    handle: async ({ request, operation }, { db, sessions }) => {
      const ended = await sessions.signOut(request);
      if (ended !== null) {
        const { caller, sessionId } = ended;
        await audit(db, { caller, operation }, { kind: 'session', id: sessionId, before: {} });
      }
      return new Answer(null, { headers: { 'Set-Cookie': sessionCookie(request, null) } });
    },
  }),
];

function showSession(caller: Caller | null, { version, executions }: Services) {
  const list = caller === null ? null : executions.executionUrl('');
  return {
    me: caller === null ? null : showCaller(caller),
    version,
    links: { temporalUi: list?.replace(/\/$/, '') ?? null },
  };
}

/**
 * Who is signed in, and what they may do. What one may not do is not shown; the API refuses it anyway.
 */
import { signal } from '@preact/signals';
import type { ConsoleSession, Me } from '../api-types.ts';
import { asProblem, call, whenSignedOut, type ApiProblem } from './call.ts';

export type Permission = Me['permissions'][number];

/** `undefined`: nobody asked yet; null: nobody is signed in. */
export const me = signal<Me | null | undefined>(undefined);
/** Where the executions are shown; null: nobody knows. */
export const temporalUi = signal<string | null>(null);
/** Why the sign-in page is shown, where there is a reason. */
export const sessionNote = signal<'ended' | ApiProblem | null>(null);

whenSignedOut(() => {
  if (me.value) sessionNote.value = 'ended';
  if (me.value !== undefined) me.value = null;
});

/** Asks who is signed in; to be called once, when the page begins. */
export async function loadSession(): Promise<void> {
  try {
    take(await call('getSession'));
  } catch (error) {
    sessionNote.value = asProblem(error);
    me.value = null;
  }
}

/** Signs in with an API key; throws `ApiProblem`. The key is not kept in the page. */
export async function signIn(key: string): Promise<void> {
  take(await call('startSession', { body: { key } }));
  sessionNote.value = null;
}

function take(session: ConsoleSession): void {
  temporalUi.value = session.links.temporalUi;
  me.value = session.me;
}

/** Signs out, here and on the server. */
export async function signOut(): Promise<void> {
  await call('endSession');
  sessionNote.value = null;
  me.value = null;
}

/** May the one who is signed in do this? Use it in components: they follow a change. */
export function may(permission: Permission): boolean {
  return me.value?.permissions.includes(permission) ?? false;
}

/** What was chosen for a new task; it outlives a look at another page. */
import { signal } from '@preact/signals';
import { newDraft, protocolsOf, type Draft } from './order.ts';

export const draft = signal<Draft>(newDraft());

export type SetDraft = (change: Partial<Draft>) => void;

export const set: SetDraft = (change) => {
  draft.value = { ...draft.value, ...change };
};

/** Forgets what was chosen: the task is made. */
export function forgetDraft(): void {
  draft.value = newDraft();
}

/** Files, and the kind of devices that follows from them. */
export function withFiles(files: Draft['files']): Partial<Draft> {
  const kinds = protocolsOf(files);
  const only = kinds.length === 1 ? kinds[0]! : '';
  return { files, as: only, filter: { ...draft.value.filter, protocol: only } };
}

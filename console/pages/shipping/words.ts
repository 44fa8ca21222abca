/** What the codes of shipments mean, in the language of the moment; a code that nobody knows is shown as it is. */
import type { Tone } from '../../parts/badge.tsx';
import { t } from './texts.ts';

type Words = Readonly<Record<string, string>>;

function wordOf(words: Words, code: string): string {
  return words[code] ?? code;
}

export const shipmentStatus = (status: string) => wordOf(t().status, status);
export const shipmentReason = (reason: string) => wordOf(t().reasons, reason);
export const shipmentAdvice = (reason: string) => wordOf(t().advice, reason);
export const cycleStatus = (status: string) => wordOf(t().mes.status, status);
export const mesReason = (reason: string) => wordOf(t().mes.reasons, reason);
export const platformStatus = (status: string) => wordOf(t().platforms.status, status);
export const platformReason = (reason: string) => wordOf(t().platforms.reasons, reason);
export const fieldName = (field: string) => wordOf(t().platforms.fields, field);

const TONES: Readonly<Record<string, Tone>> = {
  running: 'info',
  open: 'info',
  firing: 'info',
  finished: 'good',
  done: 'good',
  shipped: 'good',
  confirmed: 'good',
  red: 'bad',
  mismatch: 'bad',
  refused: 'bad',
  rejected: 'bad',
  unknown: 'warn',
  unreachable: 'warn',
  attention: 'warn',
  not_sent: 'warn',
};

/** The colour of a status of shipping. */
export const toneOf = (status: string): Tone => TONES[status] ?? 'idle';

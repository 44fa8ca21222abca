/** Statuses as words on a colour. The colour only repeats what the word says. */
import type { ComponentChildren } from 'preact';
import { statusText } from './words.ts';

export type Tone = 'good' | 'bad' | 'warn' | 'info' | 'idle';

export function Badge({ tone, children, title }: { tone: Tone; children: ComponentChildren; title?: string }) {
  return (
    <span class={`badge ${tone}`} {...(title !== undefined && { title })}>
      {children}
    </span>
  );
}

/** Any status of the API: of tasks, device upgrades, commands, shipments, equipment. */
export function StatusBadge({ status }: { status: string }) {
  return <Badge tone={toneOf(status)}>{statusText(status)}</Badge>;
}

const TONES: Record<Tone, readonly string[]> = {
  good: 'succeeded finished shipped confirmed delivered followed online alive Running done created updated ready ok goes decided'.split(
    ' ',
  ),
  bad: 'failed unproven expired reverted refused red quarantined offline Down Alerting Offline unreachable mismatch rejected not_ready ng'.split(
    ' ',
  ),
  warn: 'partial paused awaiting_approval awaiting_confirmation cancelling unknown suspect attention abandoned rework hold words_missing Maintenance'.split(
    ' ',
  ),
  info: 'running offered transferring confirming sent accepted open sending pending firing told changed new'.split(' '),
  idle: [],
};

/** The colour of a status. */
export function toneOf(status: string): Tone {
  return (Object.keys(TONES) as Tone[]).find((tone) => TONES[tone].includes(status)) ?? 'idle';
}

/** How far: one bar, or one bar of several parts. */
import type { Tone } from './badge.tsx';

/** `value` of `max`; null: nobody knows yet. */
export function Progress({ value, max, label }: { value: number | null; max: number; label: string }) {
  const percent = value === null || max <= 0 ? null : Math.min(100, Math.floor((value / max) * 100));
  return (
    <span class="progress">
      <progress aria-label={label} max={100} {...(percent !== null && { value: percent })} />
      <span class="progress-text">{percent === null ? '' : `${percent} %`}</span>
    </span>
  );
}

export interface Part {
  id: string;
  label: string;
  count: number;
  tone: Tone;
}

/** Counts by status as one bar, with the same in words for those who do not see it. */
export function StackedBar({ parts, label }: { parts: readonly Part[]; label: string }) {
  const shown = parts.filter(({ count }) => count > 0);
  const words = shown.map(({ label, count }) => `${label} ${count}`).join(', ');
  return (
    <span class="stacked" role="img" aria-label={`${label}: ${words}`} title={words}>
      {shown.map(({ id, count, tone }) => (
        <span key={id} class={`stacked-part ${tone}`} style={{ flexGrow: count }} />
      ))}
    </span>
  );
}

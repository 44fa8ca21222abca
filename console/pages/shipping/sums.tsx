/** Sums that close, so that one sees it: a bar, the parts with their counts, and the equation. */
import type { Tone } from '../../parts/badge.tsx';
import { StackedBar } from '../../parts/progress.tsx';
import { countText } from '../../parts/time.tsx';

export interface Summand {
  id: string;
  label: string;
  count: number;
  tone: Tone;
  /** Shows the devices behind the number. */
  onPick?: () => void;
  isPicked?: boolean;
}

/** A total and its parts; parts that can be picked are buttons. */
export function Sum({ total, totalLabel, parts }: { total: number; totalLabel: string; parts: readonly Summand[] }) {
  return (
    <div class="sum">
      <StackedBar label={totalLabel} parts={parts} />
      <div class="sum-parts">
        <span class="sum-part">
          <b>{countText(total)}</b>
          <span>{totalLabel}</span>
        </span>
        {parts.map(({ id, label, count, tone, onPick, isPicked }, index) => {
          const content = (
            <>
              <b>{countText(count)}</b>
              <span class={`sum-name ${tone}`}>{label}</span>
            </>
          );
          return (
            <span class="row" key={id}>
              <span class="sum-sign" aria-hidden="true">
                {index === 0 ? '=' : '+'}
              </span>
              {onPick === undefined || count === 0 ? (
                <span class="sum-part" data-sum={id}>
                  {content}
                </span>
              ) : (
                <button type="button" class="sum-part" data-sum={id} aria-pressed={isPicked === true} onClick={onPick}>
                  {content}
                </button>
              )}
            </span>
          );
        })}
      </div>
    </div>
  );
}

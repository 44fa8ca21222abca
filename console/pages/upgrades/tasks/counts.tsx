/** Devices by status as chips; one that is pressed filters the table below. */
import { toneOf } from '../../../parts/badge.tsx';
import { countText } from '../../../parts/time.tsx';
import { statusText } from '../../../parts/words.ts';
import { useFilters } from '../../../shell/router.tsx';
import { sumsOf, t, UPGRADE_STATUSES, type Counts } from './texts.ts';

export function StatusCounts({ counts }: { counts: Counts }) {
  const [{ status }, setFilters] = useFilters({ status: '' });
  const chip = (id: string, label: string, count: number, tone: string) => (
    <button
      key={id}
      type="button"
      class={`count-chip ${tone}`}
      aria-pressed={status === id}
      onClick={() => setFilters({ status: status === id ? '' : id })}
    >
      <b>{countText(count)}</b> {label}
    </button>
  );
  return (
    <div class="count-chips">
      {chip('', t().one.all, sumsOf(counts).all, 'idle')}
      {UPGRADE_STATUSES.filter((each) => (counts[each] ?? 0) > 0 || status === each).map((each) =>
        chip(each, statusText(each), counts[each] ?? 0, toneOf(each)),
      )}
    </div>
  );
}

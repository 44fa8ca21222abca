/**
 * Devices of a task by status, as one bar. The list of tasks does not have the counts: they are asked for the tasks
 * that are seen, a few at a time, and follow the live events.
 */
import { signal, type Signal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { call } from '../../../api/call.ts';
import { useLive } from '../../../api/live.ts';
import { toneOf } from '../../../parts/badge.tsx';
import { StackedBar } from '../../../parts/progress.tsx';
import { countText } from '../../../parts/time.tsx';
import { statusText } from '../../../parts/words.ts';
import { sumsOf, t, taskName, UPGRADE_STATUSES, type Counts } from './texts.ts';

const known = new Map<number, Signal<Counts | null>>();
const wanted: number[] = [];
let underWay = 0;
const AT_ONCE = 3;

/** Counts of a task; null while nobody knows. */
function countsOf(taskId: number): Signal<Counts | null> {
  const there = known.get(taskId);
  if (there !== undefined) return there;
  const made = signal<Counts | null>(null);
  known.set(taskId, made);
  return made;
}

function ask(taskId: number): void {
  if (!wanted.includes(taskId)) wanted.push(taskId);
  while (underWay < AT_ONCE && wanted.length > 0) {
    const next = wanted.shift()!;
    underWay += 1;
    void fetchCounts(next).finally(() => {
      underWay -= 1;
      if (wanted.length > 0) ask(wanted.shift()!);
    });
  }
}

async function fetchCounts(taskId: number): Promise<void> {
  try {
    const { counts } = await call('getUpgradeTask', { params: { taskId } });
    countsOf(taskId).value = counts;
  } catch {
    known.delete(taskId); // asked again when it is shown again
  }
}

/** Keeps what is shown true; once on each page that shows bars. */
export function useLiveCounts(): void {
  useLive((events) => {
    for (const { type, data } of events) {
      if (type === 'counts') countsOf(data.taskId).value = data.counts;
      if (type === 'reset') for (const taskId of known.keys()) ask(taskId);
    }
  });
}

export function TaskProgress({ task }: { task: { id: number; name: string; status: string } }) {
  const counts = countsOf(task.id);
  useEffect(() => ask(task.id), [task.id, task.status]);
  return counts.value === null ? (
    <span class="muted">…</span>
  ) : (
    <CountsBar counts={counts.value} label={t().progressOf(taskName(task))} />
  );
}

export function CountsBar({ counts, label }: { counts: Counts; label: string }) {
  const { ended, all } = sumsOf(counts);
  const parts = [...UPGRADE_STATUSES]
    .sort((a, b) => ORDER.indexOf(toneOf(a)) - ORDER.indexOf(toneOf(b)))
    .map((status) => ({
      id: status,
      label: statusText(status),
      count: counts[status] ?? 0,
      tone: toneOf(status),
    }));
  return (
    <span class="counts-bar">
      <StackedBar parts={parts} label={label} />
      <span class="counts-text">{t().ofDevices(countText(ended), countText(all))}</span>
    </span>
  );
}
const ORDER = ['good', 'bad', 'warn', 'info', 'idle'];

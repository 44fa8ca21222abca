/**
 * How a task went and goes: what succeeded, what ended otherwise, what is under way. The past is put together from the
 * moments at which devices ended; that is read once, and only of tasks that are not too large.
 */
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { UpgradeTaskDetail } from '../../../api-types.ts';
import { call } from '../../../api/call.ts';
import { Chart } from '../../../parts/chart.tsx';
import { sumsOf, t, type Counts } from './texts.ts';

interface Point {
  atMs: number;
  succeeded: number;
  other: number;
  active: number | null;
}

/** Devices whose past is read. */
const LOOK_BACK = 5_000;
const DRAW_EVERY_MS = 2_000;
const MOST_POINTS = 600;

export function TaskChart({ task, counts }: { task: UpgradeTaskDetail; counts: Counts }) {
  const past = usePast(task);
  const live = useRef<Point[]>([]);
  const [drawn, setDrawn] = useState(0);
  const sums = sumsOf(counts);
  const isLive = task.finishedAt === null && task.startedAt !== null;
  useEffect(() => {
    if (!isLive && live.current.length === 0) return undefined;
    const { succeeded, ended, active } = sumsOf(counts);
    const point = { atMs: Date.now(), succeeded, other: ended - succeeded, active };
    const points = [...live.current, point];
    live.current =
      points.length > MOST_POINTS ? points.filter((_, index) => index % 2 === 0 || index > MOST_POINTS / 2) : points;
    // the last change is drawn, too, when nothing follows it
    const timer = setTimeout(() => setDrawn(Date.now()), Math.max(0, DRAW_EVERY_MS - (Date.now() - drawn)));
    return () => clearTimeout(timer);
  }, [sums.succeeded, sums.ended, sums.active, isLive]);
  const shape = useMemo(() => {
    const points = [...(past ?? []), ...live.current];
    const words = t().one;
    return {
      times: points.map(({ atMs }) => atMs),
      series: [
        {
          label: words.seriesSucceeded,
          tone: 'good' as const,
          values: points.map((each) => each.succeeded),
          isArea: true,
        },
        { label: words.seriesActive, tone: 'info' as const, values: points.map((each) => each.active) },
        { label: words.seriesOther, tone: 'bad' as const, values: points.map((each) => each.other) },
      ],
    };
  }, [past, drawn]);
  if (shape.times.length < 2) return null;
  return (
    <>
      <Chart label={t().one.chartLabel} times={shape.times} series={shape.series} height={180} />
      {task.deviceCount > LOOK_BACK && <p class="hint">{t().one.chartHint}</p>}
    </>
  );
}

/** The points before this page was opened. */
function usePast(task: UpgradeTaskDetail): Point[] | null {
  const [past, setPast] = useState<Point[] | null>(null);
  const { id: taskId, startedAt, deviceCount } = task;
  useEffect(() => {
    if (startedAt === null || deviceCount > LOOK_BACK) return undefined;
    const abort = new AbortController();
    void readEnds(taskId, abort.signal)
      .then((ends) => setPast(pointsOf(Date.parse(startedAt), ends)))
      .catch(() => {});
    return () => abort.abort();
  }, [taskId, startedAt]);
  return past;
}

async function readEnds(taskId: number, signal: AbortSignal) {
  const ends: { atMs: number; isGood: boolean }[] = [];
  let after: number | undefined;
  do {
    const query = { limit: 500, after };
    const page = await call('listUpgradeTaskDevices', { params: { taskId }, query }, { signal });
    for (const { finishedAt, status } of page.items) {
      if (finishedAt !== null) ends.push({ atMs: Date.parse(finishedAt), isGood: status === 'succeeded' });
    }
    after = page.next === null ? undefined : Number(page.next);
  } while (after !== undefined);
  return ends.sort((a, b) => a.atMs - b.atMs);
}

/** At most some hundred points, however many devices ended. */
function pointsOf(startMs: number, ends: readonly { atMs: number; isGood: boolean }[]): Point[] {
  const points: Point[] = [{ atMs: startMs, succeeded: 0, other: 0, active: null }];
  const everyth = Math.max(1, Math.floor(ends.length / 300));
  let succeeded = 0;
  for (const [index, { atMs, isGood }] of ends.entries()) {
    if (isGood) succeeded += 1;
    if (index % everyth === 0 || index === ends.length - 1) {
      points.push({ atMs: Math.max(atMs, startMs), succeeded, other: index + 1 - succeeded, active: null });
    }
  }
  return points;
}

/** Lines over time, drawn by uPlot, which is fetched when the first chart is shown. */
import { useEffect, useRef } from 'preact/hooks';
import { localeTag, locale } from '../shell/locale.ts';
import { theme } from '../shell/theme.ts';
import type { Tone } from './badge.tsx';

export interface Series {
  label: string;
  tone: Tone;
  /** One value per moment; null: nobody knows. */
  values: readonly (number | null)[];
  /** Filled down to the ground. */
  isArea?: boolean;
}

const HEIGHT_PX = 220;

/** `times` in milliseconds, ascending. Say in `label` what the chart shows: those who do not see it get nothing else. */
export function Chart({
  label,
  times,
  series,
  height = HEIGHT_PX,
}: {
  label: string;
  times: readonly number[];
  series: readonly Series[];
  height?: number;
}) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<{ setData: (data: never) => void; destroy: () => void } | null>(null);
  const data = [times.map((each) => each / 1_000), ...series.map(({ values }) => values)];
  const latest = useRef(data);
  latest.current = data;
  const shape = JSON.stringify([series.map(({ label, tone }) => [label, tone]), theme(), locale.value, height]);
  useEffect(() => {
    let isGone = false;
    let watcher: ResizeObserver | null = null;
    const draw = async () => {
      const [{ default: UPlot }] = await Promise.all([import('uplot'), import('uplot/dist/uPlot.min.css')]);
      const element = box.current;
      if (isGone || element === null) return;
      const style = getComputedStyle(document.documentElement);
      const color = (name: string) => style.getPropertyValue(name).trim();
      const axis = { stroke: color('--ink-2'), grid: { stroke: color('--line'), width: 1 }, ticks: { show: false } };
      const made = new UPlot(
        {
          width: element.clientWidth,
          height,
          cursor: { y: false },
          legend: { live: true },
          scales: { y: { range: (_plot, _low, high) => [0, Math.max(1, high)] } },
          axes: [
            axis,
            { ...axis, size: 48, values: (_plot, values) => values.map((value) => value.toLocaleString(localeTag())) },
          ],
          series: [
            {
              value: (_plot, value) => (value === null ? '' : new Date(value * 1_000).toLocaleTimeString(localeTag())),
            },
            ...series.map(({ label, tone, isArea }) => ({
              label,
              stroke: color(`--${tone}`),
              width: 2,
              ...(isArea === true && { fill: color(`--${tone}-soft`) }),
              points: { show: false },
            })),
          ],
        },
        latest.current as never,
        element,
      );
      plot.current = made as never;
      watcher = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height }));
      watcher.observe(element);
    };
    void draw();
    return () => {
      isGone = true;
      watcher?.disconnect();
      plot.current?.destroy();
      plot.current = null;
    };
  }, [shape]);
  useEffect(() => plot.current?.setData(data as never), [times, series]);
  return <div class="chart" role="img" aria-label={label} ref={box} style={{ minHeight: `${height}px` }} />;
}

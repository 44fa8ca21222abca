/** Moments as people read them: near ones relative, all with the exact one behind. */
import { signal } from '@preact/signals';
import { locale, localeTag } from '../shell/locale.ts';
import { t } from '../shell/texts.ts';

/** Ticks twice a minute, so that "3 minutes ago" grows old. */
const now = signal(Date.now());
setInterval(() => {
  if (!document.hidden) now.value = Date.now();
}, 30_000);

const UNITS: readonly [Intl.RelativeTimeFormatUnit, number][] = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
  ['second', 1_000],
];

/** A moment of the API. `relative`: "3 minutes ago", for moments within a week. */
export function Time({ at, relative = false }: { at: string | null | undefined; relative?: boolean }) {
  if (at == null) return <span class="muted">{t().common.never}</span>;
  const text = timeText(at);
  // what happened since the last tick has not happened in the future
  const distance = Date.parse(at) - Math.max(now.value, Date.now());
  const isNear = Math.abs(distance) < 7 * 86_400_000;
  return (
    <time dateTime={at} title={`${text} · ${at}`}>
      {relative && isNear ? relativeText(distance) : text}
    </time>
  );
}

/** In the time zone of the browser: 2026-03-02 14:05:09. */
export function timeText(at: string): string {
  const date = new Date(at);
  if (Number.isNaN(date.getTime())) return at;
  const two = (value: number) => String(value).padStart(2, '0');
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

/** "in 3 minutes", "2 hours ago"; milliseconds from now. */
export function relativeText(distanceMs: number): string {
  const [unit, size] = UNITS.find(([, each]) => Math.abs(distanceMs) >= each) ?? ['second', 1_000];
  return formatOf(locale.value).format(Math.trunc(distanceMs / size), unit);
}

/** 1 h 05 min, 40 s; the two largest units. */
export function durationText(milliseconds: number): string {
  const seconds = Math.max(0, Math.round(milliseconds / 1_000));
  const isChinese = locale.value === 'zh';
  const [day, hour, minute, second] = isChinese ? ['天', '小时', '分', '秒'] : [' d', ' h', ' min', ' s'];
  const parts: [number, string | undefined][] = [
    [Math.floor(seconds / 86_400), day],
    [Math.floor(seconds / 3_600) % 24, hour],
    [Math.floor(seconds / 60) % 60, minute],
    [seconds % 60, second],
  ];
  const from = parts.findIndex(([count]) => count > 0);
  if (from < 0) return `0${second}`;
  return parts
    .slice(from, from + 2)
    .filter(([count]) => count > 0)
    .map(([count, unit]) => `${count}${unit}`)
    .join(' ');
}

/** Whole numbers with separators. */
export function countText(count: number): string {
  return count.toLocaleString(localeTag());
}

/** Bytes as people say them. */
export function bytesText(bytes: number): string {
  if (bytes < 1_024) return `${bytes} B`;
  const isMega = bytes >= 1_048_576;
  return `${(bytes / (isMega ? 1_048_576 : 1_024)).toFixed(1)} ${isMega ? 'MiB' : 'KiB'}`;
}

const formats = new Map<string, Intl.RelativeTimeFormat>();
function formatOf(language: string): Intl.RelativeTimeFormat {
  const known = formats.get(language) ?? new Intl.RelativeTimeFormat(language, { numeric: 'auto' });
  formats.set(language, known);
  return known;
}

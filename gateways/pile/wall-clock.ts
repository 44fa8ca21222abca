/**
 * The time a pile is told: that of its wall clock, without a zone, as the codec takes it. Piles are in China; there are
 * eight hours between it and UTC, all year.
 */
const BEIJING_MS = 8 * 60 * 60_000;

/** Beijing time as `2020-03-16T17:14:47.000`. */
export function beijingTime(nowMs: number): string {
  return new Date(nowMs + BEIJING_MS).toISOString().slice(0, -1);
}

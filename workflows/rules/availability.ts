/**
 * How long an equipment was in which state: from the changes it reported, in the order of the time they name, and from
 * the edges of its session. Late changes only mean that the same function is asked again.
 */
import { EQUIPMENT_STATUSES, type EquipmentStatus } from './equipment.ts';

/** What a stretch of time can be; `Unknown` before the first report, `Offline` while nobody could know. */
export const TIME_STATES = [...EQUIPMENT_STATUSES, 'Offline', 'Unknown'] as const;
export type TimeState = (typeof TIME_STATES)[number];

/** The equipment changed its status. `order` decides between changes of the same moment: the higher came later. */
export interface StatusChange {
  atMs: number;
  order: number;
  status: EquipmentStatus;
}

/** The session ended or began again. */
export interface SessionChange {
  atMs: number;
  order: number;
  isOffline: boolean;
}

/** A stretch of time in one state. */
export interface Stretch {
  state: TimeState;
  fromMs: number;
  toMs: number;
}

const DAY_MS = 86_400_000;
/** Beijing has no summer time. */
const BEIJING_MS = 8 * 3_600_000;

/**
 * The states between two moments, without a gap. While the session is offline the equipment's state is not known, so the
 * time counts as offline; but where it told afterwards what it changed to meanwhile, its word counts from there on.
 */
export function stretchesOf(
  changes: readonly StatusChange[],
  sessions: readonly SessionChange[],
  { fromMs, toMs }: { fromMs: number; toMs: number },
): Stretch[] {
  const steps = [
    ...changes.map((change) => ({ ...change, kind: 1 as const })),
    ...sessions.map((change) => ({ ...change, kind: 0 as const })),
  ].toSorted((a, b) => a.atMs - b.atMs || a.kind - b.kind || a.order - b.order);
  const stretches: Stretch[] = [];
  let status: EquipmentStatus | null = null;
  let isOffline = false;
  let isTold = false;
  let at = fromMs;
  const until = (end: number) => {
    const state = isOffline && !isTold ? 'Offline' : (status ?? 'Unknown');
    const last = stretches.at(-1);
    const stop = Math.min(end, toMs);
    if (stop <= at) return;
    if (last?.state === state) last.toMs = stop;
    else stretches.push({ state, fromMs: at, toMs: stop });
    at = stop;
  };
  for (const step of steps) {
    until(step.atMs);
    if (step.kind === 1) {
      status = step.status;
      isTold = isOffline;
    } else if (step.isOffline !== isOffline) {
      isOffline = step.isOffline;
      isTold = false;
    }
  }
  until(toMs);
  return stretches;
}

/** Milliseconds in each state; their sum is the length of the whole. */
export function timeInState(stretches: readonly Stretch[]): Record<TimeState, number> {
  const sums = Object.fromEntries(TIME_STATES.map((state) => [state, 0])) as Record<TimeState, number>;
  for (const { state, fromMs, toMs } of stretches) sums[state] += toMs - fromMs;
  return sums;
}

/** The part of the time in which the equipment could have worked: running or waiting. Null: of nothing. */
export function availabilityOf(sums: Readonly<Record<TimeState, number>>): number | null {
  const whole = TIME_STATES.reduce((sum, state) => sum + sums[state], 0);
  return whole === 0 ? null : (sums.Running + sums.Waiting) / whole;
}

/** Where a Beijing day begins and ends. */
export function beijingDay(day: string): { fromMs: number; toMs: number } {
  const fromMs = Date.parse(`${day}T00:00:00Z`) - BEIJING_MS;
  return { fromMs, toMs: fromMs + DAY_MS };
}

/** The Beijing day of a moment, `YYYY-MM-DD`. */
export function beijingDayOf(atMs: number): string {
  return new Date(atMs + BEIJING_MS).toISOString().slice(0, 10);
}

/** The Beijing days from one to another, both included. */
export function beijingDays(from: string, to: string): string[] {
  const days: string[] = [];
  for (let at = Date.parse(from); at <= Date.parse(to); at += DAY_MS)
    days.push(new Date(at).toISOString().slice(0, 10));
  return days;
}

/**
 * The areas there are, in the order of the report: what is cheap comes first, so that an interrupted run says something.
 */
import type { Area } from './area.ts';

const LOADS: Readonly<Record<string, () => Promise<Area>>> = {
  packets: async () => (await import('./packets.ts')).packets,
  api: async () => (await import('./api.ts')).api,
  events: async () => (await import('./events.ts')).events,
  mom: async () => (await import('./mom.ts')).mom,
  mes: async () => (await import('./mes.ts')).mes,
  upgrades: async () => (await import('./upgrades.ts')).upgrades,
  rollout: async () => (await import('./rollout.ts')).rollout,
};

export const AREA_NAMES = Object.keys(LOADS);

/** An area by its name; throws when there is none. */
export async function areaOf(name: string): Promise<Area> {
  const load = Object.hasOwn(LOADS, name) ? LOADS[name] : undefined;
  if (load === undefined) throw new Error(`there is no area ${name}: ${AREA_NAMES.join(', ')}`);
  return load();
}

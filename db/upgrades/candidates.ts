/**
 * Devices of a task that were not started yet, by the keys that limits are about. Kept by the dispatcher for some
 * seconds, so that thousands of devices of a full key need not be read at every step. Only a proposal: whoever starts
 * devices reads again what is true.
 */
import { sql } from 'drizzle-orm';
import type { Db } from '../index.ts';
import type { DeviceKeys, KeyLimit, Places } from '../../workflows/rules/pacing.ts';

/** Devices with the same keys, in the order of the task. */
interface Group {
  keys: DeviceKeys;
  /** Ids and places in the order, from `next` on. */
  ids: number[];
  positions: number[];
  next: number;
}

/** The devices of one task, proposed once each. */
export class Candidates {
  readonly readAtMs: number;
  /** How long reading them took. */
  readonly tookMs: number;
  readonly #of: string;
  readonly #groups: Group[];

  private constructor(groups: Group[], of: string, readAtMs: number) {
    this.#groups = groups;
    this.#of = of;
    this.readAtMs = Date.now();
    this.tookMs = this.readAtMs - readAtMs;
  }

  /** Reads all devices that could be started now. */
  static async read(db: Db, taskId: number, limits: readonly KeyLimit[]): Promise<Candidates> {
    const startedAtMs = Date.now();
    const keys = [...new Set(limits.map(({ key }) => key))];
    const groups = await db.execute<{ keys: DeviceKeys; ids: number[]; positions: number[] }>(sql`
      with left_over as (
        select u.id, u.position,
          jsonb_build_array(${sql.join(
            keys.map((key) => sql`pacing_key(${key}, u.department_id, d.model, d.order_no, c.gateway)`),
            sql`, `,
          )}) as keys
        from device_upgrades u join devices d on d.id = u.device_id left join device_contacts c on c.device_id = u.device_id
        where u.task_id = ${taskId} and u.dispatched_at is null and u.finished_at is null
          and (u.not_before is null or u.not_before <= clock_timestamp())
      )
      select keys, jsonb_agg(id order by position) as ids, jsonb_agg(position order by position) as positions
      from left_over group by keys`);
    return new Candidates(
      groups.map((group) => ({
        ...group,
        keys: Object.fromEntries(keys.map((key, index) => [key, (group.keys as unknown as (string | null)[])[index]])),
        next: 0,
      })),
      JSON.stringify(keys),
      startedAtMs,
    );
  }

  /** True when they were read for these limits; only the keys matter. */
  isFor(limits: readonly KeyLimit[]): boolean {
    return this.#of === JSON.stringify([...new Set(limits.map(({ key }) => key))]);
  }

  /** None is left to propose. */
  get isEmpty(): boolean {
    return this.#groups.every(({ ids, next }) => next >= ids.length);
  }

  /** The next devices in the order of the task, at most so many, without those whose keys are full. */
  next(places: Places, most: number): number[] {
    const room = places.copy();
    const open = this.#groups.filter(({ keys, ids, next }) => next < ids.length && room.hasRoom(keys));
    const chosen: number[] = [];
    while (chosen.length < most && open.length > 0) {
      const first = open.reduce((a, b) => (a.positions[a.next]! <= b.positions[b.next]! ? a : b));
      if (room.take(first.keys)) chosen.push(first.ids[first.next++]!);
      if (first.next >= first.ids.length || !room.hasRoom(first.keys)) open.splice(open.indexOf(first), 1);
    }
    return chosen;
  }
}

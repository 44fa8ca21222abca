/**
 * Whose turn is it? Devices in their order, of which some must be passed over: a key they share is full, or what is left
 * of the night is too short for them. Every answer costs a few steps in heaps, however many devices wait.
 */
import type { KeyLimit, LimitKey } from './pacing.ts';

/** A heap: the least item is always at hand. */
export class Heap<Item> {
  readonly #items: Item[] = [];
  readonly #isLess: (a: Item, b: Item) => boolean;

  constructor(isLess: (a: Item, b: Item) => boolean) {
    this.#isLess = isLess;
  }

  get least(): Item | undefined {
    return this.#items[0];
  }

  push(item: Item): void {
    const items = this.#items;
    let at = items.push(item) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!this.#isLess(item, items[parent]!)) break;
      items[at] = items[parent]!;
      at = parent;
    }
    items[at] = item;
  }

  pop(): Item | undefined {
    const items = this.#items;
    const least = items[0];
    const last = items.pop();
    if (items.length === 0 || last === undefined) return least;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= items.length) break;
      if (child + 1 < items.length && this.#isLess(items[child + 1]!, items[child]!)) child += 1;
      if (!this.#isLess(items[child]!, last)) break;
      items[at] = items[child]!;
      at = child;
    }
    items[at] = last;
    return least;
  }
}

/** Counts devices under way by what they have in common. */
export class SharedKeys {
  readonly #ids = new Map<string, number>();
  readonly #max: number[] = [];
  readonly #taken: number[] = [];
  readonly #limits: readonly KeyLimit[];

  constructor(limits: readonly KeyLimit[]) {
    this.#limits = limits;
  }

  /** The limits that hold for a device with these keys, as numbers. */
  idsOf(keys: Partial<Record<LimitKey, string | null>>): number[] {
    return this.#limits.flatMap(({ key, max }, limit) => {
      const value = keys[key];
      if (value == null) return [];
      const name = `${limit} ${value}`;
      let id = this.#ids.get(name);
      if (id === undefined) {
        id = this.#max.push(max) - 1;
        this.#taken.push(0);
        this.#ids.set(name, id);
      }
      return [id];
    });
  }

  hasRoom(id: number): boolean {
    return this.#taken[id]! < this.#max[id]!;
  }

  take(ids: readonly number[]): void {
    for (const id of ids) this.#taken[id]! += 1;
  }

  release(ids: readonly number[]): void {
    for (const id of ids) this.#taken[id]! -= 1;
  }
}

/** Devices that share all their keys, so that each of them has room or none has. */
interface Group {
  ids: readonly number[];
  /** Places in the order, ascending. */
  places: number[];
  /** How many of them have had their turn or were passed over for tonight. */
  done: number;
  /** Those that were passed over. */
  passed: number[];
}

/** Devices that wait for their turn, in their order. A device is known by its place in the order. */
export class Line {
  #waiting = 0;
  readonly #keys: SharedKeys;
  readonly #groups = new Map<string, Group>();
  /** Groups that may have the next turn. */
  #ready = newHeap();
  /** Groups that wait for room, by the limit that is full. As often as it gets room, one of them becomes ready. */
  #blocked = new Map<number, Heap<Group>>();

  constructor(keys: SharedKeys) {
    this.#keys = keys;
  }

  /** How many have not had their turn. */
  get waiting(): number {
    return this.#waiting;
  }

  /** Puts a device into the line; to be followed by `beginNight`. */
  add(place: number, ids: readonly number[]): void {
    const name = ids.join(' ');
    const group = this.#groups.get(name) ?? { ids, places: [], done: 0, passed: [] };
    group.places.push(place);
    this.#groups.set(name, group);
    this.#waiting += 1;
  }

  /** Whoever was passed over is in its place again. */
  beginNight(): void {
    this.#ready = newHeap();
    this.#blocked = new Map();
    for (const [name, group] of this.#groups) {
      if (group.passed.length > 0) {
        group.places = group.passed.concat(group.places.slice(group.done)).sort((a, b) => a - b);
        group.done = 0;
        group.passed = [];
      }
      if (group.done < group.places.length) this.#ready.push(group);
      else this.#groups.delete(name);
    }
  }

  /** The first device whose keys have room and that fits; null when there is none. Its keys are taken. */
  next(fits: (place: number) => boolean): number | null {
    for (;;) {
      const group = this.#ready.pop();
      if (group === undefined) return null;
      const full = group.ids.find((id) => !this.#keys.hasRoom(id));
      if (full !== undefined) {
        this.#block(group, full);
        continue;
      }
      const { places, passed } = group;
      const isHeadPassed = !fits(places[group.done]!);
      while (group.done < places.length && !fits(places[group.done]!)) passed.push(places[group.done++]!);
      // Those that wait for the same room stood behind the one that is passed over, not behind the next one.
      if (isHeadPassed) this.wake(group.ids);
      const place = places[group.done];
      if (place === undefined) continue;
      if (this.#ready.least !== undefined && headOf(this.#ready.least) < place) {
        // Others stand before the one that fits.
        this.#ready.push(group);
        continue;
      }
      group.done += 1;
      this.#keys.take(group.ids);
      this.#waiting -= 1;
      if (group.done < places.length) this.#ready.push(group);
      this.wake(group.ids);
      return place;
    }
  }

  /** Lets one group that waits for each of these limits try again, if there is room. */
  wake(ids: readonly number[]): void {
    for (const id of ids) {
      const next = this.#keys.hasRoom(id) ? this.#blocked.get(id)?.pop() : undefined;
      if (next !== undefined) this.#ready.push(next);
    }
  }

  #block(group: Group, full: number): void {
    const blocked = this.#blocked.get(full) ?? newHeap();
    blocked.push(group);
    this.#blocked.set(full, blocked);
    // It does not use the room that other limits may have had for it.
    this.wake(group.ids);
  }
}

function newHeap(): Heap<Group> {
  return new Heap((a, b) => headOf(a) < headOf(b));
}

function headOf({ places, done }: Group): number {
  return places[done]!;
}

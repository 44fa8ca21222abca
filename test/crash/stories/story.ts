/** What every story of the matrix is: something that somebody asks of the program, with an end that can be judged. */
import { Findings, type Broken } from '../../promises/broken.ts';
import type { AtPoint } from '../points.ts';
import type { World } from '../world.ts';
import { waitFor } from '../../support/wait.ts';

/** From the blow to the end: longer than the longest pause in which the program waits for somebody who died. */
const END_MS = 180_000;

/** A point as a story sees it. */
export type Pass = Pick<AtPoint, 'step' | 'phase' | 'key' | 'detail'>;

export abstract class Story {
  /** Names everything it makes; also what its request keys begin with. */
  readonly name: string;
  protected readonly world: World;
  /** Keys of its own: workflow ids, devices, what it is called. */
  readonly #keys = new Set<string>();
  #started: Promise<unknown> = Promise.resolve();
  #failure: unknown = null;

  constructor(world: World, name: string) {
    this.world = world;
    this.name = name;
  }

  /** Everything that is there before anybody asks for anything; `step` is the one at which it will be held. */
  abstract prepare(step: string): Promise<void>;
  /** Asks for it, as often as it takes; `step` is the one at which it will be held. */
  protected abstract act(step: string): Promise<void>;
  /** True when nothing more will happen by itself. */
  protected abstract hasEnded(): Promise<boolean>;
  /** What is broken about it. */
  abstract judge(): Promise<Broken[]>;
  /** Looks its workflows up, whose ids nobody knew before. */
  protected abstract findKeys(): Promise<string[]>;
  async close(): Promise<void> {}

  start(step: string): void {
    this.#started = this.act(step).catch((error: unknown) => (this.#failure = error));
  }

  /** Waits for the end; rejects when it does not come. */
  async end(): Promise<void> {
    await waitFor(() => this.hasEndedNow(), { deadlineMs: END_MS, message: `${this.name} does not end` });
    await this.#started;
  }

  /** False as long as nobody can say. */
  async hasEndedNow(): Promise<boolean> {
    if (this.#failure !== null) throw this.#failure;
    return this.hasEnded();
  }

  protected addKeys(...keys: string[]): void {
    for (const key of keys) this.#keys.add(key);
  }

  /** Whether a process stands at a point of this story. */
  async owns({ key }: Pass): Promise<boolean> {
    if (key === '*' || this.#keys.has(key) || key.startsWith(`${this.name}/`)) return true;
    if (!/^[a-z-]+\/\d+$/.test(key)) return false;
    this.addKeys(...(await this.findKeys()));
    return this.#keys.has(key);
  }

  /** Whether the effect of a step that has just been taken is written where whoever asked for it keeps it. */
  isRecorded(pass: Pass): Promise<boolean> | boolean | null {
    return pass.step.startsWith('activity ') ? this.#isInHistory(pass) : null;
  }

  protected findings(): Findings {
    return new Findings(this.name);
  }

  protected key(what: string): string {
    return `${this.name}/${what}`;
  }

  async #isInHistory({ step, key }: Pass): Promise<boolean> {
    const name = step.slice('activity '.length);
    const { events } = await this.world.temporal.workflow.getHandle(key).fetchHistory();
    const scheduled = new Map<string, string>();
    for (const event of events ?? []) {
      const type = event.activityTaskScheduledEventAttributes?.activityType?.name;
      if (type != null) scheduled.set(String(event.eventId), type);
      const by = event.activityTaskCompletedEventAttributes?.scheduledEventId;
      if (by != null && scheduled.get(String(by)) === name) return true;
      const marked = event.markerRecordedEventAttributes?.details?.['data']?.payloads?.[0]?.data;
      if (marked != null && Buffer.from(marked).includes(`"${name}"`)) return true;
    }
    return false;
  }
}

/**
 * Runs cells: begins their stories, holds each at its step, ends a part of the program, starts it again, lets everybody
 * go on, and judges every story when it has come to its end.
 *
 * Many stories are struck by one blow. Each has things of its own, so what is broken is broken in one cell.
 */
import { nameOf, type Cell } from './cells.ts';
import { CommandStory, type CommandVariant } from './stories/command.ts';
import { AgentStory, EquipmentStory } from './stories/session.ts';
import { PlatformStory, ShipmentStory, type PlatformVariant } from './stories/shipment.ts';
import type { Story } from './stories/story.ts';
import { UpgradeStory, type UpgradeVariant } from './stories/upgrade.ts';
import type { Stop } from './switchboard.ts';
import type { World } from './world.ts';
import type { Broken } from '../promises/broken.ts';
import { waitFor } from '../support/wait.ts';

export interface CellResult {
  cell: Cell;
  name: string;
  outcome: 'pass' | 'fail' | 'not reached';
  broken: Broken[];
  /** What else went wrong. */
  error: string | null;
  /** Of the whole blow. */
  seconds: number;
  /** The last words of all processes, where something went wrong. */
  tail: string | null;
}

/** A step nobody has come to by then is not come to. */
const REACH_MS = 45_000;
/** After a step has been taken, for records that nobody outside can see. */
const GONE_ON_MS = 300;

const ENDED_MS = 3_000;

/** One story on its way to its step. */
class Walker {
  readonly cell: Cell;
  readonly story: Story;
  /** `passed`: it has taken the step, its record is awaited. */
  state: 'walking' | 'passed' | 'reached' | 'ended' = 'walking';
  #held: Stop | null = null;
  #isReleased = false;
  #endedAtMs: number | null = null;
  error: Error | null = null;

  constructor(cell: Cell, story: Story) {
    this.cell = cell;
    this.story = story;
  }

  /** Whether this process stands still for this story. */
  async decide(stop: Stop): Promise<boolean> {
    const { step, detail, phase } = this.cell;
    if (this.state === 'walking') {
      const wanted = phase === 'before' ? 'before' : 'unrecorded';
      const isHere = stop.step === step && stop.phase === wanted && (detail === undefined || stop.detail === detail);
      // Where the story does not say what it is about, any pass is its own.
      if (!isHere || !(await this.story.owns(stop)) || this.state !== 'walking' || this.#isReleased) return false;
      if (phase === 'after') {
        this.state = 'passed';
        void this.#awaitRecord(stop);
        return false;
      }
      this.state = 'reached';
      this.#held = stop;
      return true;
    }
    // Behind its step it goes no further than the next one.
    const isBehind = this.state === 'reached' && phase === 'after' && stop.phase === 'before';
    if (!isBehind || stop.key === '*' || !(await this.story.owns(stop))) return false;
    // Looked at behind the wait: two processes may have come to points of this story at once, and only one is let go.
    if (this.#held !== null || this.#isReleased) return false;
    this.#held = stop;
    return true;
  }

  /** Whoever stands still for this story goes on, and nobody stands still for it again. */
  release(): void {
    this.#isReleased = true;
    this.#held?.goOn();
  }

  /** Whether the story ended a moment ago: its last step may still be on its way here. */
  async hasEnded(): Promise<boolean> {
    if (!(await this.story.hasEndedNow().catch(() => false))) return false;
    this.#endedAtMs ??= Date.now();
    return Date.now() - this.#endedAtMs >= ENDED_MS;
  }

  /** A story may end without the record: a workflow whose task was refused finds what the step did, and goes on from it. */
  async #awaitRecord(stop: Stop): Promise<void> {
    const passedMs = Date.now();
    const isRecorded = async () => (await this.story.isRecorded(stop)) ?? Date.now() - passedMs >= GONE_ON_MS;
    try {
      this.state = await waitFor(
        async () => ((await isRecorded()) ? 'reached' : (await this.hasEnded()) ? 'ended' : null),
        { deadlineMs: REACH_MS },
      );
    } catch (error) {
      this.error = asError(error);
    }
  }
}

/**
 * One blow: all stories of these cells come to their steps, then what they are about dies. Where cells are about several
 * parts, these die one after the other, and nobody waits in between for anything but the part.
 */
export async function strike(world: World, cells: readonly Cell[], random: () => number): Promise<CellResult[]> {
  const startedMs = performance.now();
  const walkers = cells.map((cell) => new Walker(cell, storyOf(world, cell)));
  const components = [...new Set(cells.map(({ component }) => component))];
  try {
    await inLanes(walkers, async (walker) => prepare(walker));
    await world.board.arm(['*'], async (stop) => {
      for (const walker of walkers) if (await walker.decide(stop)) return true;
      return false;
    });
    for (const walker of walkers) if (walker.error === null) walker.story.start(walker.cell.step);
    await untilReached(walkers);
    for (const component of components) {
      const struck = walkers.filter(({ cell }) => cell.component === component);
      const release = () => struck.forEach((walker) => walker.release());
      await world.kill(component);
      await world.board.arm([], () => false);
      // Some find the part gone, some find it new.
      if (random() < 0.5) release();
      await world.restart(component);
      release();
    }
    await Promise.all(walkers.map(finish));
    world.assertAllRun();
  } catch (error) {
    for (const walker of walkers) walker.error ??= asError(error);
  }
  const results = await Promise.all(walkers.map((walker) => resultOf(world, walker, startedMs)));
  await Promise.all(walkers.map(({ story }) => story.close()));
  return results;
}

async function prepare(walker: Walker): Promise<void> {
  try {
    await waitFor(() => walker.story.prepare(walker.cell.step).then(() => true), {
      deadlineMs: REACH_MS,
      message: 'not prepared',
    });
  } catch (error) {
    walker.error = asError(error);
  }
}

async function untilReached(walkers: readonly Walker[]): Promise<void> {
  const isThere = async (walker: Walker) => {
    if (walker.state === 'walking' && (await walker.hasEnded())) walker.state = 'ended';
    return ['reached', 'ended'].includes(walker.state) || walker.error !== null;
  };
  const deadlineMs = Date.now() + REACH_MS;
  while (Date.now() < deadlineMs) {
    const there = await Promise.all(walkers.map(isThere));
    if (there.every(Boolean)) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function finish(walker: Walker): Promise<void> {
  if (walker.error !== null) return;
  try {
    await walker.story.end();
  } catch (error) {
    walker.error = asError(error);
  }
}

async function resultOf(world: World, walker: Walker, startedMs: number): Promise<CellResult> {
  const { cell, story, state } = walker;
  const broken = await story.judge().catch((error: unknown) => {
    walker.error ??= asError(error);
    return [];
  });
  const { error } = walker;
  const isFine = error === null && broken.length === 0;
  return {
    cell,
    name: nameOf(cell),
    outcome: !isFine ? 'fail' : state === 'reached' ? 'pass' : 'not reached',
    broken,
    error: error?.message ?? null,
    seconds: Math.round((performance.now() - startedMs) / 100) / 10,
    tail: isFine ? null : world.tail(),
  };
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error('something was thrown that is no error', { cause: error });
}

let made = 0;

function storyOf(world: World, { story, variant }: Cell): Story {
  made += 1;
  const name = `crash-${process.pid}-${made}`;
  if (story === 'upgrade') return new UpgradeStory(world, name, variant as UpgradeVariant);
  if (story === 'command') return new CommandStory(world, name, variant as CommandVariant);
  if (variant === 'agent') return new AgentStory(world, name);
  if (story === 'session') return new EquipmentStory(world, name);
  if (variant === 'primary') return new ShipmentStory(world, name);
  return new PlatformStory(world, name, variant as PlatformVariant);
}

/** Eight at a time: the database has other work. */
async function inLanes<Item>(items: readonly Item[], work: (item: Item) => Promise<void>): Promise<void> {
  const queue = items[Symbol.iterator]();
  await Promise.all(
    Array.from({ length: 8 }, async () => {
      for (const item of queue) await work(item);
    }),
  );
}

/**
 * What a versioned worker does for its build: makes it the current one where that is its business, and says when the
 * workflows of another build stand still because nobody works for it.
 */
import { strandedBuilds, type Deployments } from './api/deployments.ts';
import type { Logger } from './log.ts';
import type { Stops } from './worker.ts';

/** Until Temporal knows the build, which it does with the first poll of a worker. */
const SOON_MS = 1_000;
const WATCH_MS = 60_000;
/** Workers that restart are away for a moment: said when it is so twice in a row. */
const LOOKS_BEFORE_WORDS = 2;

interface BuildOptions {
  deployments: Deployments;
  buildId: string;
  /** Else only when no build is current. */
  becomesCurrent: boolean;
  log: Logger;
  /** Hears how many builds stand still. */
  onStranded: (count: number) => void;
}

/** Looks after the build of this worker until it stops. */
export function lookAfterBuild(
  { deployments, buildId, becomesCurrent, log, onStranded }: BuildOptions,
  stops: Stops,
): void {
  let timer: NodeJS.Timeout | undefined;
  let isStopped = false;
  let isSettled = false;
  const stood = new Map<string, number>();

  const settle = async () => {
    const { current, builds } = await deployments.describe();
    if (!builds.some((build) => build.buildId === buildId)) return;
    const isDue = current !== buildId && (becomesCurrent || current === null);
    if (isDue) await deployments.setCurrent(buildId);
    isSettled = true;
    if (isDue) log.info({ buildId, before: current }, 'this build is the current one now: new workflows begin on it');
    else if (current !== buildId) {
      log.warn(
        { buildId, current },
        'workers of this build wait: another build is the current one (see "New versions")',
      );
    }
  };
  const watch = async () => {
    const stranded = strandedBuilds(await deployments.describe());
    for (const known of stood.keys()) if (!stranded.includes(known)) stood.delete(known);
    for (const each of stranded) stood.set(each, (stood.get(each) ?? 0) + 1);
    const standing = [...stood].filter(([, looks]) => looks >= LOOKS_BEFORE_WORDS).map(([each]) => each);
    onStranded(standing.length);
    if (standing.length === 0) return;
    log.error({ builds: standing }, 'workflows stand still: no worker of their build runs (see "New versions")');
  };
  const turn = async () => {
    try {
      await (isSettled ? watch() : settle());
    } catch (error) {
      log.warn(
        { err: error, buildId },
        'Temporal could not be asked about the builds of the workers, it is tried again',
      );
    }
    if (!isStopped) timer = setTimeout(() => void turn(), isSettled ? WATCH_MS : SOON_MS);
    timer?.unref();
  };
  void turn();
  stops.push({
    name: 'build of the worker',
    stop: async () => {
      isStopped = true;
      clearTimeout(timer);
    },
  });
}

/**
 * Settings of the workers: part of the one table in `config.ts`.
 */
import { boolean, integer, optional, variable, word, type ValuesOf } from './formats.ts';

/** The settings, in the order the README shows them. */
export const workerVariables = {
  /* A cached workflow costs about 300 KB of memory, an uncached one a short replay: 1000 keep a worker near half a gigabyte. */
  WORKER_MAX_CACHED_WORKFLOWS: variable(
    'Workflows a worker keeps in memory between steps (about 300 KB each)',
    integer(2, 100_000),
    1000,
  ),
  WORKER_MAX_CONCURRENT_ACTIVITIES: variable('Activities a worker runs at the same time', integer(1, 10_000), 100),
  WORKER_DEPLOYMENT: optional(
    'Name of the Temporal Worker Deployment: workers of several builds run side by side, and a workflow that has begun on one build ends on it',
    word('slipway'),
    { defaultText: 'not set: one build at a time' },
  ),
  /* Made from the code of the workflows: nobody can forget to change it, and builds that differ elsewhere only are the same to Temporal. */
  WORKER_BUILD_ID: optional('Name of this build within WORKER_DEPLOYMENT', word('2026-11-22'), {
    defaultText: 'made from the code of the workflows',
  }),
  WORKER_BECOMES_CURRENT: variable(
    'true: a worker that starts makes its build the one on which new workflows begin; false: only when there is none yet',
    boolean,
    false,
  ),
};

/** How workers are run. */
export function arrangeWorkers(values: ValuesOf<typeof workerVariables>) {
  return {
    maxCachedWorkflows: values.WORKER_MAX_CACHED_WORKFLOWS,
    maxConcurrentActivities: values.WORKER_MAX_CONCURRENT_ACTIVITIES,
    /** Null: workers are not versioned. */
    deployment:
      values.WORKER_DEPLOYMENT === undefined
        ? null
        : {
            name: values.WORKER_DEPLOYMENT,
            /** Undefined: made from the code of the workflows. */
            buildId: values.WORKER_BUILD_ID,
            becomesCurrent: values.WORKER_BECOMES_CURRENT,
          },
  };
}

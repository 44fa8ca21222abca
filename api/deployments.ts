/**
 * The builds of the workers as Temporal knows them: which one new workflows begin on, which ones still have workflows of
 * their own, and whether anybody works for them.
 */
import type { Client } from '@temporalio/client';

/** What Temporal calls the states of a build. */
const STATUSES = ['unknown', 'inactive', 'current', 'ramping', 'draining', 'drained', 'created'] as const;

const WORKFLOW_QUEUE: number = 1;
/** A worker that lives asks for work at least once a minute. */
const POLLED_MS = 90_000;
/** gRPC's NOT_FOUND: nobody has polled under this name yet. */
const NOT_FOUND = 5;

/** One build. */
export interface Build {
  buildId: string;
  /** `draining`: not current any more, and workflows that began on it still run. `drained`: nothing needs it. */
  status: (typeof STATUSES)[number];
  /** Workers of this build that have asked for work lately. */
  workers: number;
}

/** What is known of a deployment. */
interface Deployment {
  /** On which new workflows begin; null: none was chosen yet. */
  current: string | null;
  builds: Build[];
}

/** The builds of one deployment. */
export class Deployments {
  readonly #client: Client;
  readonly #name: string;
  readonly #taskQueue: string;

  constructor({ client, name, taskQueue }: { client: Client; name: string; taskQueue: string }) {
    this.#client = client;
    this.#name = name;
    this.#taskQueue = taskQueue;
  }

  /** All builds that Temporal knows, the newest first. */
  async describe(): Promise<Deployment> {
    const { namespace } = this.#client.options;
    const service = this.#client.workflowService;
    const [info, queue] = await Promise.all([
      service.describeWorkerDeployment({ namespace, deploymentName: this.#name }).catch((error: unknown) => {
        if ((error as { code?: unknown }).code === NOT_FOUND) return null;
        throw error;
      }),
      // oxlint-disable-next-line typescript/no-unsafe-enum-assignment -- its names are in a package of the SDK that is not ours to import
      service.describeTaskQueue({ namespace, taskQueue: { name: this.#taskQueue }, taskQueueType: WORKFLOW_QUEUE }),
    ]);
    const polledSince = Date.now() - POLLED_MS;
    const polled = new Map<string, number>();
    for (const { deploymentOptions, lastAccessTime } of queue.pollers ?? []) {
      const buildId = deploymentOptions?.buildId ?? '';
      const isOurs = deploymentOptions?.deploymentName === this.#name && buildId !== '';
      if (isOurs && Number(lastAccessTime?.seconds ?? 0) * 1_000 > polledSince) {
        polled.set(buildId, (polled.get(buildId) ?? 0) + 1);
      }
    }
    const { versionSummaries, routingConfig } = info?.workerDeploymentInfo ?? {};
    const madeAt = ({ createTime }: { createTime?: { seconds?: unknown } | null }) => Number(createTime?.seconds ?? 0);
    const builds = (versionSummaries ?? [])
      .toSorted((a, b) => madeAt(b) - madeAt(a))
      .map(({ deploymentVersion, status }) => {
        const buildId = deploymentVersion?.buildId ?? '';
        return { buildId, status: STATUSES[status ?? 0] ?? 'unknown', workers: polled.get(buildId) ?? 0 };
      });
    return { current: routingConfig?.currentDeploymentVersion?.buildId || null, builds };
  }

  /**
   * New workflows begin on this build from now on, and those that are not pinned go over to it. Refused by Temporal for
   * a build that no worker has, unless `force`.
   */
  async setCurrent(buildId: string, { force = false } = {}): Promise<void> {
    await this.#client.workflowService.setWorkerDeploymentCurrentVersion({
      namespace: this.#client.options.namespace,
      deploymentName: this.#name,
      buildId,
      identity: 'slipway',
      ignoreMissingTaskQueues: force,
      allowNoPollers: force,
    });
  }
}

/** Builds whose workflows nobody works for: they stand still until a worker of that build runs again. */
export function strandedBuilds({ builds }: Deployment): string[] {
  const isNeeded = ({ status }: Build) => status === 'current' || status === 'ramping' || status === 'draining';
  return builds.filter((build) => isNeeded(build) && build.workers === 0).map(({ buildId }) => buildId);
}

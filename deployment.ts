/**
 * The builds of the workers, for whoever brings a new one out or takes one back: `node --import tsx deployment.ts show`
 * and `… current <build>`. Reads the same settings as the program.
 */
import { Client, Connection } from '@temporalio/client';
import { Command } from 'commander';
import { Deployments, strandedBuilds } from './api/deployments.ts';
import { ConfigError, loadConfig } from './config.ts';
import { connectionOptions } from './worker.ts';
import { workflowBuildId } from './workflow-bundle.ts';

const program = new Command('deployment').description(
  'Which build of the workers new workflows begin on. Needs WORKER_DEPLOYMENT and TEMPORAL_ADDRESS.',
);
program
  .command('show')
  .description('all builds, what still runs on them, and how many workers they have')
  .action(() =>
    withDeployments(async (deployments) => {
      const deployment = await deployments.describe();
      process.stdout.write(
        `build of this program  ${buildId()}\ncurrent build          ${deployment.current ?? 'none'}\n\n`,
      );
      for (const { buildId: name, status, workers } of deployment.builds) {
        process.stdout.write(
          `${name.padEnd(24)}${status.padEnd(10)}${workers} ${workers === 1 ? 'worker' : 'workers'}\n`,
        );
      }
      const stranded = strandedBuilds(deployment);
      if (stranded.length === 0) return;
      process.stdout.write(
        `\nNobody works for ${stranded.join(', ')}: what began there stands still. Start a worker of it again.\n`,
      );
      process.exitCode = 1;
    }),
  );
program
  .command('current')
  .argument('[build]', 'the build; without it, that of this program')
  .option('--force', 'also a build that no worker has')
  .description('makes a build the one on which new workflows begin; an older one takes a newer one back')
  .action((build: string | undefined, { force }: { force?: boolean }) =>
    withDeployments(async (deployments) => {
      const chosen = build ?? buildId();
      await deployments.setCurrent(chosen, { force: force === true });
      process.stdout.write(`New workflows begin on ${chosen}.\n`);
    }),
  );

function buildId(): string {
  return loadConfig().worker.deployment?.buildId ?? workflowBuildId();
}

async function withDeployments(work: (deployments: Deployments) => Promise<void>): Promise<void> {
  const config = loadConfig();
  const { address, namespace, taskQueue } = config.temporal;
  const name = config.worker.deployment?.name;
  if (name === undefined || address === undefined) {
    throw new Error('Set WORKER_DEPLOYMENT and TEMPORAL_ADDRESS as they are set for the workers.');
  }
  const servers = { temporalAddress: address };
  const connection = await Connection.connect(connectionOptions(config, servers));
  try {
    await work(new Deployments({ client: new Client({ connection, namespace }), name, taskQueue }));
  } finally {
    await connection.close();
  }
}

program.parseAsync().catch((error: unknown) => {
  const { details, message } = error as { details?: string; message?: string };
  process.stderr.write(`${error instanceof ConfigError ? error.message : (details ?? message ?? String(error))}\n`);
  process.exitCode = 1;
});

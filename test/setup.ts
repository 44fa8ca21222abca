/** Before all tests: the servers of the run; stopped at the end. */
import type { TestProject } from 'vitest/node';
import { startRunServers } from './support/run-servers.ts';

export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const { context, stop } = await startRunServers();
  project.provide('postgresUrl', context.postgresUrl);
  project.provide('temporalAddress', context.temporalAddress);
  project.provide('temporalCliPath', context.temporalCliPath);
  project.provide('testServerPath', context.testServerPath);
  return stop;
}

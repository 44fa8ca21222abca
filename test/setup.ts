/** Before all tests: one PostgreSQL and one Temporal dev server for the whole run, both forgetful and therefore fast; stopped at the end. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { loadConfig } from '../config.ts';
import {
  findTemporalCli,
  findTestServer,
  searchAttributes,
  startEmbeddedPostgres,
  startTemporalDevServer,
} from '../embedded.ts';
import { createLogger } from '../log.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** The empty database `slipway`; tests make their own with `createTestDatabase`. */
    postgresUrl: string;
    /** host:port of the dev server, namespace `default`, search attributes registered. */
    temporalAddress: string;
    temporalCliPath: string;
    /** The time-skipping test server, for `TestWorkflowEnvironment.createTimeSkipping`. */
    testServerPath: string;
  }
}

export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const config = loadConfig();
  const log = createLogger({ logLevel: 'warn' });
  const dataDir = mkdtempSync(join(tmpdir(), 'slipway-test-'));
  const finding = { cacheDir: config.cacheDir, log };
  const [postgres, cli, testServer] = await Promise.all([
    startEmbeddedPostgres({
      dataDir,
      port: 0,
      log,
      settings: { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off', max_wal_size: '4GB' },
    }),
    findTemporalCli({ ...finding, override: config.temporal.cli }),
    findTestServer({ ...finding, override: config.temporal.testServer }),
  ]);
  const temporal = await startTemporalDevServer({
    cliPath: cli.path,
    dataDir,
    port: 0,
    namespace: 'default',
    searchAttributes,
    log,
    inMemory: true,
  });

  project.provide('postgresUrl', postgres.url);
  project.provide('temporalAddress', temporal.address);
  project.provide('temporalCliPath', cli.path);
  project.provide('testServerPath', testServer.path);

  return async () => {
    await Promise.all([temporal.stop(), postgres.stop()]);
    rmSync(dataDir, { recursive: true, force: true });
  };
}

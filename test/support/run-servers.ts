/**
 * The servers that everything of one run shares: one PostgreSQL and one Temporal dev server, both forgetful and therefore
 * fast. The test run starts them in `test/setup.ts`; commands that try the promises outside of it start them here.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inject, type ProvidedContext } from 'vitest';
import { loadConfig } from '../../config.ts';
import {
  findTemporalCli,
  findTestServer,
  searchAttributes,
  startEmbeddedPostgres,
  startTemporalDevServer,
} from '../../embedded.ts';
import { createLogger } from '../../log.ts';

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

/** The servers of a run. */
export interface RunServers {
  context: ProvidedContext;
  stop: () => Promise<void>;
}

/** Programs that are fetched (once) and started by whoever needs them. */
export type Programs = Pick<ProvidedContext, 'temporalCliPath' | 'testServerPath'>;

let brought: Partial<ProvidedContext> = {};

/** Something the run provides. */
export function provided<Name extends keyof ProvidedContext>(name: Name): ProvidedContext[Name] {
  return brought[name] ?? inject(name);
}

/** For a command outside the test runner: `provided` answers these from now on. */
export function provideHere(context: Partial<ProvidedContext>): void {
  brought = { ...brought, ...context };
}

/** Finds the Temporal programs, or fetches them. */
export async function findPrograms(): Promise<Programs> {
  const config = loadConfig();
  const finding = { cacheDir: config.cacheDir, log: createLogger({ logLevel: 'warn' }) };
  const [cli, testServer] = await Promise.all([
    findTemporalCli({ ...finding, override: config.temporal.cli }),
    findTestServer({ ...finding, override: config.temporal.testServer }),
  ]);
  return { temporalCliPath: cli.path, testServerPath: testServer.path };
}

/** Starts both servers on a folder of their own, which goes when they stop. */
export async function startRunServers(): Promise<RunServers> {
  const log = createLogger({ logLevel: 'warn' });
  const dataDir = mkdtempSync(join(tmpdir(), 'slipway-test-'));
  const [postgres, programs] = await Promise.all([
    startEmbeddedPostgres({
      dataDir,
      port: 0,
      log,
      settings: { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off', max_wal_size: '4GB' },
    }),
    findPrograms(),
  ]);
  const temporal = await startTemporalDevServer({
    cliPath: programs.temporalCliPath,
    dataDir,
    port: 0,
    namespace: 'default',
    searchAttributes,
    log,
    inMemory: true,
  });
  return {
    context: { ...programs, postgresUrl: postgres.url, temporalAddress: temporal.address },
    stop: async () => {
      await Promise.all([temporal.stop(), postgres.stop()]);
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

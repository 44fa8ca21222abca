/**
 * Slipway in a minute: embedded servers, simulated devices of every kind, one task that brings each of them by two files
 * to the newest version, a factory, and a work order that is shipped as far as a platform. `npm run demo` shows it and
 * stays; `npm run demo -- --exit` waits for everything, prints one JSON line and tells by its exit code whether nothing
 * is missing.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { Operator } from './bench/operator.ts';
import { loadConfig } from './config.ts';
import { demoFleets, type DemoFleet } from './demo/devices.ts';
import { startFactory, type DemoFactory } from './demo/factory.ts';
import { startClerk } from './demo/shipping.ts';
import { createLogger } from './log.ts';
import { startProgram } from './main.ts';

/** `--exit` gives up after this time. */
const PATIENCE_MS = 180_000;
const EQUIPMENT_PATIENCE_MS = 60_000;
const SHIPPING_PATIENCE_MS = 120_000;
const LOOPBACK = Object.fromEntries(
  ['TERMINAL_HOST', 'DEVICE_HTTP_HOST', 'PCP_HOST', 'PILE_HOST', 'FTP_HOST'].map((name) => [name, '127.0.0.1']),
);
const ANY_PORTS = Object.fromEntries(
  ['API', 'TERMINAL', 'DEVICE_HTTP', 'PCP', 'PILE', 'FTP', 'TEMPORAL', 'TEMPORAL_UI'].map((name) => [
    `${name}_PORT`,
    '0',
  ]),
);

async function demo({ exit }: { exit: boolean }): Promise<number> {
  const startedMs = Date.now();
  const base = loadConfig();
  // A folder of its own, new each time: a demo must not touch, or be touched by, what someone keeps in .slipway.
  mkdirSync(base.dataDir, { recursive: true });
  const dataDir = mkdtempSync(join(base.dataDir, 'demo-'));
  const clerk = await startClerk();
  const config = loadConfig({
    LOG_LEVEL: 'warn',
    ...(exit ? { ...ANY_PORTS, FTP_PASSIVE_PORTS: '0' } : {}),
    ...process.env,
    ...LOOPBACK,
    ...clerk.settings,
    SLIPWAY_DATA_DIR: dataDir,
    SLIPWAY_CACHE_DIR: base.cacheDir,
    EMBEDDED_POSTGRES_PORT: '0',
  });
  const say = exit ? () => {} : (text: string) => process.stdout.write(`${text}\n`);
  say('Starting PostgreSQL, Temporal and Slipway …');
  const program = await startProgram(config, createLogger(config));
  const fleets = demoFleets(program);
  let factory: DemoFactory | null = null;
  const stop = async () => {
    await Promise.all([...fleets.map((fleet) => fleet.stop()), factory?.stop()]);
    await program.stop();
    await clerk.stop();
    rmSync(dataDir, { recursive: true, force: true });
  };
  try {
    const operator = new Operator(program.apiUrl ?? '', program.newKey ?? '');
    const task = await orderAll(operator, fleets);
    factory = await startFactory(operator, `http://127.0.0.1:${program.deviceHttpPort}`);
    const shipping = clerk.ship(operator, SHIPPING_PATIENCE_MS);
    // Waited for at the end; what goes wrong before that must not end the process.
    shipping.catch(() => {});
    say(`
  console           ${program.apiUrl}
  API and docs      ${program.apiUrl}/docs
  API key           ${program.newKey}
  Temporal Web UI   ${program.temporalUiUrl}
  this task         ${task.links.execution}
${fleets.map(({ kind, address }) => `  ${kind.padEnd(18)}${address}`).join('\n')}
`);
    const ended = await operator.untilEnded(task.id, {
      deadlineMs: exit ? PATIENCE_MS : 3_600_000,
      tick: (counts) => say(`  ${inWords(counts)}`),
    });
    const devices = sum(fleets, (fleet) => fleet.devices);
    const succeeded = ended['succeeded'] ?? 0;
    const alive = await factory.alive(EQUIPMENT_PATIENCE_MS);
    const { shipped, onPlatform, isWhole, links } = await shipping;
    const seconds = Math.round((Date.now() - startedMs) / 100) / 10;
    const isProven =
      succeeded === devices &&
      sum(fleets, (fleet) => fleet.arrived()) === devices &&
      alive === factory.equipments &&
      isWhole;
    if (exit) {
      process.stdout.write(
        `${JSON.stringify({ devices, succeeded, failed: devices - succeeded, equipment: alive, shipped, onPlatform, seconds })}\n`,
      );
      await stop();
      return isProven ? 0 : 1;
    }
    const kinds = fleets.map((fleet) => `${fleet.devices} ${fleet.kind}`).join(', ');
    say(
      `\n${succeeded} of ${devices} devices (${kinds}) are proven on both files, after ${seconds} s; ${alive} of ${factory.equipments} equipments have a session with the MOM, one of them by an agent; ${shipped} devices of a work order are shipped, and ${onPlatform} of them, those of a known customer, are on a stand-in for Tracksolid.

  the shipment      ${links.shipment}
  to the platform   ${links.platformShipment}

Look around; Ctrl-C ends the demo.`,
    );
    await new Promise<void>((resolve) => process.once('SIGINT', () => resolve()).once('SIGTERM', () => resolve()));
    await stop();
    return 0;
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Registers and starts all devices, uploads their files, and orders one task for all of them. */
async function orderAll(operator: Operator, fleets: readonly DemoFleet[]) {
  const deviceIds: string[] = [];
  const firmwareIds: number[] = [];
  for (const fleet of fleets) {
    deviceIds.push(...(await fleet.register(operator)));
    fleet.start();
    for (const file of fleet.files) firmwareIds.push(await operator.uploadFirmware(file));
  }
  return operator.createTask({
    name: 'Demo: every kind of device, two files each',
    firmwareIds,
    deviceIds,
    options: { dispatchDelayMinutes: 0, deadlineHours: 1 },
  });
}

function sum(fleets: readonly DemoFleet[], count: (fleet: DemoFleet) => number): number {
  return fleets.reduce((total, fleet) => total + count(fleet), 0);
}

function inWords(counts: Record<string, number>): string {
  return Object.entries(counts)
    .map(([status, devices]) => `${status} ${devices}`)
    .join(', ');
}

const options = new Command('demo')
  .description(
    'Embedded servers, simulated devices of every kind, one task with two files for each of them, a factory, a shipment',
  )
  .option('--exit', 'wait for everything, print one JSON line and exit', false)
  .parse()
  .opts<{ exit: boolean }>();

demo(options).then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`The demo failed: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  },
);

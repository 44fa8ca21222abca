/**
 * The layout of the compose file with plain processes: each role with exactly the environment that the file gives it,
 * but for addresses and ports, which are those of this machine. Its health checks are run as they are written.
 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { freePort } from '../support/ports.ts';
import { firstOperator, Slipway, TestServers, type Settings } from '../support/program.ts';
import { waitFor } from '../support/wait.ts';
import { expectAllProven, Fleet } from '../system/fleet.ts';
import { Wire } from '../system/wire.ts';
import { composeWith } from './manifests.ts';

const PAYLOAD_KEY = '2026-11:q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA=';
const { services } = composeWith({
  SLIPWAY_NAME: 'slipway.example.com',
  DEVICE_ADDRESS: '127.0.0.1',
  TEMPORAL_UI_URL: 'https://temporal.example.com',
  POSTGRES_PASSWORD: 'a1',
  SLIPWAY_DB_PASSWORD: 'b2',
  TEMPORAL_DB_PASSWORD: 'c3',
  TEMPORAL_PAYLOAD_KEYS: PAYLOAD_KEY,
});

let servers: TestServers;
const parts: Partial<Record<string, Slipway>> = {};
const ports: Partial<Record<string, number>> = {};

beforeAll(async () => {
  servers = await TestServers.start();
  for (const role of ['api', 'worker', 'gateway']) ports[role] = await freePort();
  const started = Object.keys(ports).map(async (role) => {
    parts[role] = await Slipway.start(here(role));
  });
  await Promise.all(started);
}, 150_000);

afterAll(async () => {
  await Promise.all(Object.values(parts).map(async (part) => part?.kill()));
  await servers?.stop();
}, 60_000);

/** The environment of a role, moved to this machine. */
function here(role: string): Settings {
  const given = services[role]!.environment!;
  const ours = servers.settings();
  const moved = Object.keys(given).filter((name) => /_(?:PORT|PORTS|HOST)$/.test(name) && name in ours);
  const probes = role === 'api' ? 'API_PORT' : 'PROBE_PORT';
  return {
    ...given,
    ...Object.fromEntries(moved.map((name) => [name, ours[name]!])),
    DATABASE_URL: ours['DATABASE_URL']!,
    TEMPORAL_ADDRESS: ours['TEMPORAL_ADDRESS']!,
    SLIPWAY_CACHE_DIR: ours['SLIPWAY_CACHE_DIR']!,
    SLIPWAY_DATA_DIR: ours['SLIPWAY_DATA_DIR']!,
    API_HOST: '127.0.0.1',
    [probes]: String(ports[role]),
  };
}

/** Runs the health check of a role; its exit code. */
async function health(role: string): Promise<number> {
  const [, program = '', ...args] = services[role]!.healthcheck!.test;
  const port = role === 'api' ? services[role]!.environment!['API_PORT']! : services[role]!.environment!['PROBE_PORT']!;
  const command = args.map((arg) => arg.replace(`127.0.0.1:${port}`, `127.0.0.1:${ports[role]}`));
  try {
    await promisify(execFile)(program === 'node' ? process.execPath : program, command);
    return 0;
  } catch (error) {
    return (error as { code: number }).code;
  }
}

test('a task goes through all three roles to its end, and each is healthy', async () => {
  const { operator } = await firstOperator(parts['api']!);
  const wire = await Wire.open(parts['gateway']!.terminalPort);
  const fleet = await new Fleet(wire, 2, '6134441361', 10).start(operator);
  try {
    expect(await Promise.all(Object.keys(parts).map(health))).toEqual([0, 0, 0]);
    const task = await fleet.order(operator);
    await expectAllProven(fleet, task, operator);
    expect(await task.untilFinished(operator)).toMatchObject({ status: 'finished' });
    const { links } = await operator.call<{ links: { execution: string } }>('GET', `/upgrade-tasks/${task.id}`);
    expect(links.execution).toMatch(/^https:\/\/temporal\.example\.com\//);
  } finally {
    await fleet.stop();
    await wire.close();
  }
}, 240_000);

test('the health checks fail when Temporal is away, and without it no process ends', async () => {
  await servers.killTemporal();
  const isDown = async () => (await Promise.all(Object.keys(parts).map(health))).every((code) => code !== 0);
  await waitFor(isDown, { deadlineMs: 60_000, message: 'a health check says that all is well' });
  expect(Object.values(parts).every((part) => part!.isRunning)).toBe(true);
}, 90_000);

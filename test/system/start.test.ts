/**
 * Starting and stopping the program as people do: twice on the same data, two at once, with wrong settings, and in the
 * middle of work.
 */
import { readFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import type { Operator } from '../../bench/operator.ts';
import { listProcesses } from '../../embedded/processes.ts';
import { DataFolder, firstOperator, operatorOf, Slipway, SOURCE_ENTRY, testSettings } from '../support/program.ts';
import { expectAllProven, expectExactTransfers, Fleet } from './fleet.ts';
import { Wire } from './wire.ts';

const TEST_MS = 180_000;
/** On a machine that does nothing else it is below 6 s. */
const SECOND_START_MS = 20_000;
/** Well below the time after which a stop no longer waits for work in progress: a task that goes on for days is none. */
const STOP_MS = 20_000;

test('the command that is timed here is the one of `npm start`', () => {
  const { scripts } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    scripts: Record<string, string>;
  };
  expect(scripts['start']).toBe(`node --import tsx ${SOURCE_ENTRY}`);
});

test(
  'every wrong setting is reported at once, and nothing is started',
  async () => {
    const folder = new DataFolder();
    const wrong = {
      SLIPWAY_ROLE: 'worker,dispatcher',
      API_PORT: 'eighty',
      TERMINAL_IDLE_TIMEOUT_S: '0',
      DATABASE_URL: 'mysql://somewhere',
    };
    const slipway = new Slipway({ ...testSettings(folder.path), ...wrong }, SOURCE_ENTRY);
    onTestFinished(async () => {
      await slipway.kill();
      await folder.remove();
    });
    expect(await slipway.exited).toEqual({ code: 1, signal: null });
    expect(slipway.errors).toContain('4 settings are wrong');
    for (const name of ['SLIPWAY_ROLE', 'API_PORT', 'TERMINAL_IDLE_TIMEOUT_S', 'DATABASE_URL'])
      expect(slipway.errors).toContain(`  ${name} `);
    expect(slipway.errors).not.toContain('    at ');
    expect(await serversOn(folder)).toEqual([]);
  },
  TEST_MS,
);

describe('on one data folder', () => {
  let folder: DataFolder;
  let slipway: Slipway;
  let key: string;
  let operator: Operator;

  beforeAll(async () => {
    folder = new DataFolder();
    slipway = await Slipway.start(testSettings(folder.path), SOURCE_ENTRY);
    ({ operator, key } = await firstOperator(slipway));
  }, 120_000);

  afterEach(({ task }) => {
    if (task.result?.state === 'fail')
      process.stderr.write(`--- the program of the failed test "${task.name}":\n${slipway.tail(30)}\n`);
  });

  afterAll(async () => {
    await slipway?.kill();
    await folder?.remove();
  }, 60_000);

  test(
    'a start while another runs says so and ends, and the first one is not disturbed',
    async () => {
      const second = new Slipway(testSettings(folder.path), SOURCE_ENTRY);
      onTestFinished(async () => void (await second.kill()));
      expect(await second.exited).toEqual({ code: 1, signal: null });
      expect(second.errors).toContain(`Slipway already runs on ${folder.path} (process ${slipway.pid})`);
      expect(second.errors).toContain('SLIPWAY_DATA_DIR');
      expect(second.errors).not.toContain('    at ');
      expect(await operator.call('GET', '/me')).toMatchObject({ name: 'admin' });
    },
    TEST_MS,
  );

  test(
    'a second start keeps the data, is quick and prints no second key',
    async () => {
      const deviceIds = await operator.registerTerminals(['6134441301']);
      expect(await slipway.kill('SIGINT')).toEqual({ code: 0, signal: null });
      expect(await serversOn(folder)).toEqual([]);
      slipway = await Slipway.start(testSettings(folder.path), SOURCE_ENTRY);
      process.stdout.write(`the second start was ready after ${(slipway.readyMs / 1000).toFixed(1)} s\n`);
      expect(slipway.readyMs).toBeLessThan(SECOND_START_MS);
      expect(slipway.errors).toBe('');
      operator = operatorOf(slipway, key);
      expect(await operator.call('GET', '/devices')).toMatchObject({ items: [{ id: deviceIds[0] }] });
    },
    TEST_MS,
  );

  test(
    'SIGTERM in the middle of transfers stops cleanly, and the next start goes on with them',
    async () => {
      const wire = await Wire.open(slipway.terminalPort);
      const fleet = await new Fleet(wire, 4, '6134441401', 10).start(operator);
      try {
        fleet.hold(11);
        const task = await fleet.order(operator, { sizeBytes: 20_480 });
        await fleet.untilHeld(11);
        const askedMs = performance.now();
        expect(await slipway.kill('SIGTERM')).toEqual({ code: 0, signal: null });
        const tookMs = performance.now() - askedMs;
        process.stdout.write(`the stop took ${(tookMs / 1000).toFixed(1)} s\n`);
        expect(tookMs).toBeLessThan(STOP_MS);
        expect(await serversOn(folder)).toEqual([]);
        wire.release();
        slipway = await Slipway.start(testSettings(folder.path), SOURCE_ENTRY);
        wire.target = slipway.terminalPort;
        operator = operatorOf(slipway, key);
        await expectAllProven(fleet, task, operator);
        expectExactTransfers(fleet, task, { sizeBytes: 20_480, mostRepeats: 1 });
      } finally {
        await fleet.stop();
        await wire.close();
      }
    },
    TEST_MS,
  );
});

/** Embedded servers that run on a folder. */
async function serversOn({ path }: DataFolder): Promise<string[]> {
  return (await listProcesses()).flatMap(({ command }) => (command.includes(` ${path}/`) ? [command] : []));
}

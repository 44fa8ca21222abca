/**
 * The crash matrix in short: each part of the program dies once, each kind of story is struck at least once, and every
 * promise is checked. All of it is `npm run crash -- --all`.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { allCells, nameOf, randomFrom, type Cell } from './cells.ts';
import { strike } from './matrix.ts';
import { World } from './world.ts';
import { wordsOf } from '../promises/broken.ts';

/** Half a minute when nothing else runs. */
const TEST_MS = 480_000;

let world: World;

beforeAll(async () => {
  world = await World.start();
}, 300_000);

afterAll(async () => {
  await world?.stop();
}, 120_000);

const cellsOf = (names: readonly string[]): Cell[] =>
  names.map((name) => allCells().find((cell) => nameOf(cell) === name) ?? expect.fail(`there is no cell ${name}`));

test.each([
  [
    'the worker',
    [
      'command/here/activity openCommandAttempt/unrecorded/worker',
      'shipment/primary/activity finishDevices/unrecorded/worker',
    ],
  ],
  [
    'the gateway, the API, the Temporal server and PostgreSQL, one after the other',
    [
      'upgrade/good/host claimSend/unrecorded/gateway',
      'session/equipment/mom handle: EqptStatus/unrecorded/gateway',
      'upgrade/good/route createUpgradeTask/unrecorded/api',
      'session/equipment/activity readEquipmentSession/unrecorded/temporal',
      'shipment/new/platform importDevices/unrecorded/postgres',
      'upgrade/good/activity recordProof/before/postgres',
    ],
  ],
])(
  '%s can die at a step, and no promise is broken',
  async (_, names) => {
    for (const { name, outcome, broken, error, tail } of await strike(world, cellsOf(names), randomFrom(1))) {
      expect(outcome, `${name}: ${error ?? ''}\n${wordsOf(broken)}\n${tail ?? ''}`).toBe('pass');
    }
  },
  TEST_MS,
);

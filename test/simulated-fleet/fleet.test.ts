import { afterAll, beforeAll, expect, it } from 'vitest';
import { FleetStage } from './fleet.ts';

const DEVICES = 44;

let stage: FleetStage;
beforeAll(async () => {
  stage = await FleetStage.start();
}, 180_000);
afterAll(() => stage?.stop(), 60_000);

/** Hundreds of them, from any seed: `npm run simulate-fleet -- --seed 1`. */
it('devices of every kind and protocol end as what is true of them, and every promise is kept', async () => {
  const { lines, judged, failures } = await stage.run(1, DEVICES);
  expect(failures.join('\n\n')).toBe('');
  expect(lines.map(({ kind, devices, right }) => ({ kind, wrong: devices - right }))).toEqual(
    lines.map(({ kind }) => ({ kind, wrong: 0 })),
  );
  // One of each kind and protocol, and each was judged.
  expect(lines).toHaveLength(12);
  expect(judged.upgrades).toBe(DEVICES);
  expect(judged.proofs).toBeGreaterThan(DEVICES / 3);
}, 420_000);

/** The short form of `npm run many-processes`: a few devices, and each kind of process dies once. */
import { expect, test } from 'vitest';
import { run } from './run.ts';

test('devices are upgraded exactly and no order is lost while an API, a worker and a gateway are killed', async () => {
  const said: string[] = [];
  const result = await run({
    devices: 40,
    crew: { api: 1, worker: 2, gateway: 2 },
    roundMs: 3_000,
    killServers: false,
    perTask: 10,
    seed: 1,
    limitMs: 240_000,
    rounds: 1,
    tell: (line) => said.push(line),
  });
  expect(result.broken, said.join('\n')).toEqual([]);
  expect(result.troubles).toEqual([]);
  expect(result.kills).toMatchObject({ api: 1, worker: 1, gateway: 1 });
  expect(result.calls.answered).toBe(8);
}, 420_000);

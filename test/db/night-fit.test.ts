import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Candidates } from '../../db/upgrades/candidates.ts';
import { startNext, type Memory } from '../../db/upgrades/pacing.ts';
import { atMost, type Pacing } from '../../workflows/rules/pacing.ts';
import type { Window } from '../../workflows/rules/windows.ts';
import { Records } from './records.ts';

let records: Records;
beforeAll(async () => {
  records = await Records.start();
});
afterAll(() => records.stop());

/** Open since an hour, and for two to three more minutes. */
function closingSoon(): Window {
  const clock = (ms: number) => new Date(ms).toISOString().slice(11, 16);
  return { from: clock(Date.now() - 3_600_000), to: clock(Date.now() + 3 * 60_000), zone: 'UTC' };
}

/** One that was never measured, a quick one, a slow one. A file of 100 KiB takes 260, 77 and more than 1 000 seconds. */
async function fleet(pacing: Pacing, window: Window | null) {
  const [usual, quick, slow] = [await records.device(), await records.device(), await records.device()];
  await records.sql`
    insert into device_contacts (device_id, last_seen_at, address, bytes_per_second)
    values (${quick}, now(), 'x', 8000), (${slow}, now(), 'x', 100)`;
  const { taskId } = await records.task([usual, slow, quick], {
    files: [{ sizeBytes: 102_400 }],
    options: { pacing, window },
  });
  return { usual, quick, slow, taskId };
}

const newMemory = (candidates: Candidates | null = null): Memory => ({
  position: 0,
  candidates,
  finished: 0,
  succeeded: 0,
});
const ids = (step: Awaited<ReturnType<typeof startNext>>) => step.started.map(({ input }) => input.deviceId);

describe('shortly before the window closes', () => {
  it('only who ends in time is started, the others are passed over and keep their place', async () => {
    const { taskId, quick, usual, slow } = await fleet(atMost(50), closingSoon());
    const memory = newMemory();
    expect(ids(await startNext(records.db, taskId, memory))).toEqual([quick]);
    const idle = await startNext(records.db, taskId, memory);
    expect(ids(idle)).toEqual([]);
    expect(idle.isLeft).toBe(true);
    // The next night.
    await records.sql`update upgrade_tasks set options = jsonb_set(options, '{window}', 'null') where id = ${taskId}`;
    expect(ids(await startNext(records.db, taskId, memory))).toEqual([usual, slow]);
  });

  it('so it is where limits by key are used', async () => {
    const pacing: Pacing = { ...atMost(50), limits: [{ key: 'model', max: 10 }] };
    const { taskId, quick } = await fleet(pacing, closingSoon());
    const candidates = await Candidates.read(records.db, taskId, pacing.limits);
    expect(ids(await startNext(records.db, taskId, newMemory(candidates)))).toEqual([quick]);
  });

  it('what is started does not depend on the speed where there is no window', async () => {
    const { taskId, usual, slow, quick } = await fleet(atMost(50), null);
    expect(ids(await startNext(records.db, taskId, newMemory()))).toEqual([usual, slow, quick]);
  });
});

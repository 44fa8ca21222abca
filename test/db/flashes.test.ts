/** The right to let a device flash what it has: once it is written, and never while somebody has said stop. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { claimFlash } from '../../db/upgrades/flashes.ts';
import { writeFailure, writeProgress } from '../../db/upgrades/messages.ts';
import { closeOffer } from '../../db/upgrades/offers.ts';
import { recordTaskStatus } from '../../db/upgrades/task-changes.ts';
import { Records } from './records.ts';

let records: Records;
beforeAll(async () => {
  records = await Records.start();
});
afterAll(() => records.stop());

interface Offered {
  upgradeId: number;
  deviceId: string;
  offerId: number;
}

const claim = ({ offerId }: { offerId: number }, attempt = 1) => claimFlash(records.db, offerId, attempt);
const fail = ({ offerId }: Offered) =>
  writeFailure(records.db, offerId, { code: 'pcp_no_space', words: 'no space left', details: { errcode: 5 } });
const close = ({ upgradeId }: Offered) =>
  closeOffer(records.db, { upgradeId, attempt: 1, code: 'no_reaction', reason: null, retry: '' });

/** What an operator's control writes. */
async function turnTask({ upgradeId }: { upgradeId: number }, status: 'running' | 'paused' | 'cancelling') {
  const [row] = await records.sql<{ task_id: number }[]>`select task_id from device_upgrades where id = ${upgradeId}`;
  await recordTaskStatus(records.db, row!.task_id, status, { author: 'li', event: status });
}

/** Each makes it wrong to say the word. */
const REASONS: [string, (offered: Offered) => Promise<unknown>][] = [
  ['closed', close],
  ['expired', ({ offerId }) => records.expire(offerId)],
  ['refused by the device', fail],
  ['while its task is paused', (offered) => turnTask(offered, 'paused')],
  ['once its task is being cancelled', (offered) => turnTask(offered, 'cancelling')],
];

describe('the right to let a device flash', () => {
  it('is written before the word leaves: the device has everything, and its proof is awaited', async () => {
    const offered = await records.offered();
    await writeProgress(records.db, [
      { offerId: offered.offerId, deviceId: offered.deviceId, bytes: 1_024, finished: false },
    ]);
    expect(await claim(offered)).toBe(true);
    expect(await records.row(offered)).toMatchObject({ status: 'confirming' });
    expect((await records.log(offered)).at(-1)).toMatchObject({
      event: 'transfer_finished',
      cause: 'the device has the whole file, it is told to install it',
    });
  });

  it('is given again, and leaves one line in the log', async () => {
    const offered = await records.offered();
    for (let time = 0; time < 3; time += 1) expect(await claim(offered)).toBe(true);
    expect((await records.events(offered)).filter((event) => event === 'transfer_finished')).toHaveLength(1);
  });

  it.each(REASONS)('is refused when the offer is %s', async (_, happen) => {
    const offered = await records.offered();
    await happen(offered);
    const events = await records.events(offered);
    expect(await claim(offered)).toBe(false);
    expect(await records.events(offered)).toEqual(events);
  });

  it.each(REASONS)(
    'is not given once more when the offer is %s: the first word may have been lost',
    async (_, happen) => {
      const offered = await records.offered();
      expect(await claim(offered)).toBe(true);
      await happen(offered);
      expect(await claim(offered)).toBe(false);
    },
  );

  it('is given again when the task goes on', async () => {
    const offered = await records.offered();
    expect(await claim(offered)).toBe(true);
    await turnTask(offered, 'paused');
    await turnTask(offered, 'running');
    expect(await claim(offered)).toBe(true);
  });

  it('is refused to another attempt and for an offer that does not exist', async () => {
    const offered = await records.offered();
    expect([await claim(offered, 0), await claim(offered, 2), await claim({ offerId: 9_999_999 })]).toEqual([
      false,
      false,
      false,
    ]);
  });
});

/** A workflow task that is lost after its steps were taken is taken again: what was ended by itself is not taken for overtaken. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Records } from './records.ts';
import { closeOffer, openOffer, readOffer } from '../../db/upgrades/offers.ts';

let records: Records;
beforeAll(async () => {
  records = await Records.start();
});
afterAll(() => records.stop());

const END = { reason: null, code: 'version_unchanged', retry: 'attempt 2 of 3' } as const;

it('an attempt it has closed itself ends the same way when it is read again, also after the next offer', async () => {
  const { upgradeId } = await records.offered();
  const first = { upgradeId, attempt: 1 };
  await closeOffer(records.db, { ...first, ...END });
  expect(await readOffer(records.db, first)).toMatchObject({ failure: 'version_unchanged', report: null });
  await closeOffer(records.db, { ...first, ...END });
  const opened = await openOffer(records.db, { upgradeId, attempt: 2, fileIndex: 0 });
  expect(opened.kind).toBe('offered');
  expect(await readOffer(records.db, first)).toMatchObject({ failure: 'version_unchanged' });
  await closeOffer(records.db, { ...first, ...END });
  expect(await openOffer(records.db, { upgradeId, attempt: 2, fileIndex: 0 })).toMatchObject({ kind: 'offered' });
  expect((await records.events({ upgradeId })).filter((event) => event === 'attempt_ended')).toHaveLength(1);
});

it('an upgrade that another execution has taken over is not its own any more', async () => {
  const { upgradeId } = await records.offered();
  await closeOffer(records.db, { upgradeId, attempt: 1, ...END });
  await openOffer(records.db, { upgradeId, attempt: 3, fileIndex: 0 });
  expect(await readOffer(records.db, { upgradeId, attempt: 1 })).toBeNull();
});

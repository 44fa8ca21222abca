import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  claimSend,
  findOpenOffer,
  findUnreadEdges,
  writeAcceptance,
  writeFailure,
  writeProgress,
} from '../../db/upgrades/messages.ts';
import { closeOffer, openOffer, readOffer } from '../../db/upgrades/offers.ts';
import { writeContacts } from '../../db/devices/reports.ts';
import { finishUpgrade, recordProof } from '../../db/upgrades/upgrades.ts';
import { OFFER_SENDS } from '../../workflows/rules/offers.ts';
import { recordTaskStatus } from '../../db/upgrades/task-changes.ts';
import { MINUTE, Records } from './records.ts';

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

const SIZE = 20_480;

const claim = ({ offerId }: { offerId: number }, attempt = 1) => claimSend(records.db, offerId, attempt);
const progress = ({ offerId, deviceId }: Offered, bytes: number, finished = bytes === SIZE) =>
  writeProgress(records.db, [{ offerId, deviceId, bytes, finished }]);
const fail = ({ offerId }: Offered, code = 'terminal_803') =>
  writeFailure(records.db, offerId, { code, words: 'in words', details: { errcode: 803 } });
const close = ({ upgradeId }: Offered) =>
  closeOffer(records.db, { upgradeId, attempt: 1, code: 'no_reaction', reason: null, retry: '' });
const finish = ({ upgradeId }: Offered) =>
  finishUpgrade(records.db, {
    upgradeId,
    status: 'cancelled',
    reason: null,
    entry: { author: 'li', event: 'cancelled' },
  });

/** What an operator's control writes. */
async function turnTask({ upgradeId }: { upgradeId: number }, status: 'paused' | 'cancelling') {
  const [row] = await records.sql<{ task_id: number }[]>`select task_id from device_upgrades where id = ${upgradeId}`;
  await recordTaskStatus(records.db, row!.task_id, status, { author: 'li', event: status });
}

describe('the open offer of a device', () => {
  it('has all that is needed to send and serve it', async () => {
    const { deviceId, offerId } = await records.offered();
    const offer = await findOpenOffer(records.db, deviceId);
    expect(offer).toMatchObject({
      id: offerId,
      deviceId,
      attempt: 1,
      sends: 0,
      lastSentAtMs: null,
      firstRequestAtMs: null,
      lastRequestAtMs: null,
      finishedAtMs: null,
      resumable: false,
      component: 'T1',
      fromVersion: '10',
      targetVersion: '11',
      pinfo: '1110d100',
      sizeBytes: SIZE,
      packetSize: 1024,
      sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
    expect(offer!.expiresAtMs).toBeGreaterThan(Date.now());
  });

  it.each<[string, (offered: Offered) => Promise<unknown>]>([
    ['closed', close],
    ['expired', ({ offerId }) => records.expire(offerId)],
    ['refused by the device', fail],
    ['one of an upgrade that has ended', finish],
  ])('is none when it is %s', async (_, happen) => {
    const offered = await records.offered();
    await happen(offered);
    expect(await findOpenOffer(records.db, offered.deviceId)).toBeNull();
  });

  it('is none for a device that was offered nothing', async () => {
    expect(await findOpenOffer(records.db, await records.device())).toBeNull();
    expect(await findOpenOffer(records.db, 'terminal-nobody')).toBeNull();
  });
});

describe('the right to send an offer', () => {
  it('is given three times, and each is in the log before the frame leaves', async () => {
    const offered = await records.offered();
    for (let sending = 1; sending <= OFFER_SENDS; sending++) {
      expect(await claim(offered)).toEqual({ claimed: true, edge: false });
    }
    expect(await claim(offered)).toEqual({ claimed: false, edge: false });
    expect(await records.message(offered.upgradeId)).toMatchObject({ sends: 3 });
    const lines = (await records.log(offered)).filter(({ event }) => event === 'offer_sent');
    expect(lines.map(({ cause }) => cause)).toEqual(['sending 1 of 3', 'sending 2 of 3', 'sending 3 of 3']);
    expect(lines[0]).toMatchObject({ author: 'system', attempt: 1, fileIndex: 0 });
  });

  it.each<[string, (offered: Offered) => Promise<unknown>]>([
    ['closed', close],
    ['expired', ({ offerId }) => records.expire(offerId)],
    ['refused by the device', fail],
    ['being served', (offered) => progress(offered, 1_024)],
    ['served', (offered) => progress(offered, SIZE)],
    ['one of an upgrade that has ended', finish],
    ['for a device that reports another version now', ({ deviceId }) => records.report(deviceId, { T1: '09' })],
    ['while its task is paused', (offered) => turnTask(offered, 'paused')],
    ['once its task is being cancelled', (offered) => turnTask(offered, 'cancelling')],
    ['for a device that runs the target now', ({ deviceId }) => records.report(deviceId, { T1: '11' })],
    [
      'for a device of which no version is known any more',
      ({ deviceId }) => records.sql`delete from device_versions where device_id = ${deviceId}`,
    ],
  ])('is refused when it is %s', async (_, happen) => {
    const offered = await records.offered();
    await happen(offered);
    const events = await records.events(offered);
    expect(await claim(offered)).toEqual({ claimed: false, edge: false });
    expect(await records.message(offered.upgradeId)).toMatchObject({ sends: 0 });
    expect(await records.events(offered)).toEqual(events);
  });

  it('is refused to another attempt and for an offer that does not exist', async () => {
    const offered = await records.offered();
    expect(await claim(offered, 0)).toMatchObject({ claimed: false });
    expect(await claim(offered, 2)).toMatchObject({ claimed: false });
    expect(await claim({ offerId: 9_999_999 })).toMatchObject({ claimed: false });
  });

  it('is not refused because of what other components report', async () => {
    const offered = await records.offered();
    await records.report(offered.deviceId, { T4: '99' });
    expect(await claim(offered)).toMatchObject({ claimed: true });
  });

  it('is counted right when gateways claim at the same time', async () => {
    const offered = await records.offered();
    const claims = await Promise.all(Array.from({ length: 12 }, () => claim(offered)));
    expect(claims.filter(({ claimed }) => claimed)).toHaveLength(OFFER_SENDS);
    expect(await records.message(offered.upgradeId)).toMatchObject({ sends: OFFER_SENDS });
    const causes = (await records.log(offered))
      .map(({ cause }) => cause)
      .filter((cause) => cause.startsWith('sending'));
    expect(causes).toEqual(['sending 1 of 3', 'sending 2 of 3', 'sending 3 of 3']);
  });
});

describe('the first contact of a device that was away', () => {
  const away = { device: { online: false } };

  it('wakes the workflow once, and the device is no longer shown as offline', async () => {
    const offered = await records.offered(away);
    expect(await records.row(offered)).toMatchObject({ reason: 'offline', edge: false });
    expect(await claim(offered)).toEqual({ claimed: true, edge: true });
    expect(await records.row(offered)).toMatchObject({ status: 'offered', reason: null, edge: true });
    expect(await claim(offered)).toEqual({ claimed: true, edge: false });
    expect((await progress(offered, 1_024)).contacted).toEqual([]);
  });

  it('may be a packet request: it goes on where an earlier offer ended', async () => {
    const offered = await records.offered(away);
    expect(await progress(offered, 1_024)).toEqual({ closedDevices: [], contacted: [offered.deviceId] });
    expect(await records.row(offered)).toMatchObject({ status: 'transferring', reason: null, edge: true });
    expect(await progress(offered, 2_048)).toEqual({ closedDevices: [], contacted: [] });
  });

  it('after it went away again wakes again', async () => {
    const offered = await records.offered();
    await claim(offered);
    const { upgradeId, offerId } = offered;
    expect(await readOffer(records.db, { upgradeId, attempt: 1 })).toMatchObject({ sends: 1, awaitsContact: false });
    await records.age(offerId, 10 * MINUTE);
    expect(await readOffer(records.db, { upgradeId, attempt: 1 })).toMatchObject({ sends: 1, awaitsContact: true });
    expect(await records.row(offered)).toMatchObject({ status: 'offered', reason: 'offline' });
    expect(await claim(offered)).toEqual({ claimed: true, edge: true });
    expect(await records.row(offered)).toMatchObject({ reason: null });
  });

  it('does not come from one that was sent the offer often enough and is silent', async () => {
    const offered = await records.offered();
    for (let sending = 0; sending < OFFER_SENDS; sending++) await claim(offered);
    await records.age(offered.offerId, 10 * MINUTE);
    expect(await readOffer(records.db, { ...offered, attempt: 1 })).toMatchObject({ sends: 3, awaitsContact: false });
    expect(await records.row(offered)).toMatchObject({ status: 'offered', reason: null });
  });
});

describe('the word of a device that it will take an offer', () => {
  const accept = ({ offerId }: { offerId: number }, attempt = 1) => writeAcceptance(records.db, offerId, attempt);
  const look = (offered: Offered) => readOffer(records.db, { ...offered, attempt: 1 });

  it('is written once, and the first byte after it wakes the workflow', async () => {
    const offered = await records.offered();
    await claim(offered);
    await accept(offered);
    const acceptedAtMs = (await look(offered))?.acceptedAtMs;
    expect(acceptedAtMs).toBeGreaterThan(0);
    await accept(offered);
    expect((await look(offered))?.acceptedAtMs).toBe(acceptedAtMs);
    const lines = (await records.log(offered)).filter(({ event }) => event === 'accepted');
    expect(lines).toEqual([expect.objectContaining({ author: 'device', attempt: 1, fileIndex: 0 })]);
    expect((await progress(offered, 1_024)).contacted).toEqual([offered.deviceId]);
    expect((await progress(offered, 2_048)).contacted).toEqual([]);
  });

  it('keeps it from being shown as away, however long it waits', async () => {
    const offered = await records.offered();
    await claim(offered);
    await accept(offered);
    await records.age(offered.offerId, 120 * MINUTE);
    expect(await look(offered)).toMatchObject({ awaitsContact: false });
    expect(await records.row(offered)).toMatchObject({ status: 'offered', reason: null });
  });

  it.each<[string, (offered: Offered) => Promise<unknown>]>([
    ['closed', close],
    ['refused by the device', fail],
    ['one of an upgrade that has ended', finish],
  ])('is nothing for an offer that is %s', async (_, happen) => {
    const offered = await records.offered();
    await claim(offered);
    await happen(offered);
    const events = await records.events(offered);
    await accept(offered);
    await accept(offered, 2);
    expect(await records.events(offered)).toEqual(events);
  });

  it('is judged by the times a pile was given', async () => {
    const offered = await records.offered();
    expect(await look(offered)).toMatchObject({ acceptedAtMs: null, ownTimes: null });
    const pile = { model: 'DC', powerKw: 15, control: 'when_idle', downloadTimeoutMinutes: 20 };
    await records.sql`update device_messages set payload = payload || ${records.sql.json({ pile })} where id = ${offered.offerId}`;
    expect(await look(offered)).toMatchObject({
      ownTimes: { beginMs: 24 * 60 * MINUTE, transferMs: 25 * MINUTE, settleMs: 0 },
    });
    expect(await look(offered)).not.toHaveProperty('pile');
  });
});

describe('progress', () => {
  it('moves the status and leaves a line for the first request, each tenth and the last byte', async () => {
    const offered = await records.offered();
    const steps: [number, string, string[]][] = [
      [1_024, 'transferring', ['first request']],
      [2_047, 'transferring', []],
      [2_048, 'transferring', ['10 %']],
      [2_048, 'transferring', []],
      [11_500, 'transferring', ['50 %']],
      [SIZE - 1, 'transferring', ['90 %']],
      [SIZE, 'confirming', ['the device has the whole file']],
    ];
    for (const [bytes, status, causes] of steps) {
      const before = (await records.log(offered)).length;
      expect(await progress(offered, bytes)).toEqual({ closedDevices: [], contacted: [] });
      const lines = (await records.log(offered)).slice(before);
      expect(lines.map(({ cause }) => cause)).toEqual(causes);
      for (const line of lines)
        expect(line).toMatchObject({ author: 'device', attempt: 1, details: { bytes, of: SIZE } });
      expect(await records.row(offered)).toMatchObject({ status, reason: null, bytesSent: bytes });
    }
    expect((await records.events(offered)).slice(1)).toEqual([
      'transfer_started',
      'transferred',
      'transferred',
      'transferred',
      'transfer_finished',
    ]);
  });

  it('of a whole transfer at once leaves the first and the last line', async () => {
    const offered = await records.offered();
    await progress(offered, SIZE);
    expect((await records.log(offered)).slice(1).map(({ event, status }) => [event, status])).toEqual([
      ['transfer_started', 'transferring'],
      ['transfer_finished', 'confirming'],
    ]);
    expect(await records.row(offered)).toMatchObject({ status: 'confirming' });
  });

  it('that comes late does not take back that the device has everything', async () => {
    const offered = await records.offered();
    await progress(offered, SIZE);
    const { finishedAt } = await records.message(offered.upgradeId);
    await progress(offered, 5_000, false);
    await progress(offered, SIZE);
    expect((await records.message(offered.upgradeId)).finishedAt).toEqual(finishedAt);
    expect(await records.row(offered)).toMatchObject({ status: 'confirming' });
    expect((await records.events(offered)).filter((event) => event === 'transfer_finished')).toHaveLength(1);
  });

  it('of two gateways at once leaves no line twice and never goes back', async () => {
    for (let round = 0; round < 20; round++) {
      const offered = await records.offered();
      await Promise.all([progress(offered, 5_000), progress(offered, SIZE), progress(offered, 7_000)]);
      const events = await records.events(offered);
      expect(events.filter((event) => event === 'transfer_started')).toHaveLength(1);
      expect(events.filter((event) => event === 'transfer_finished')).toHaveLength(1);
      expect(await records.row(offered)).toMatchObject({ status: 'confirming' });
    }
  });

  it.each<[string, (offered: Offered) => Promise<unknown>]>([
    ['was closed', close],
    ['was refused by the device', fail],
    ['is one of an upgrade that has ended', finish],
  ])('on an offer that %s changes nothing, and the gateway hears that nothing may be served', async (_, happen) => {
    const offered = await records.offered();
    await happen(offered);
    const [row, events] = [await records.row(offered), await records.events(offered)];
    expect(await progress(offered, 4_096)).toEqual({ closedDevices: [offered.deviceId], contacted: [] });
    expect(await records.row(offered)).toEqual(row);
    expect(await records.events(offered)).toEqual(events);
    expect(await records.message(offered.upgradeId)).toMatchObject({ bytesSent: 0 });
  });

  it('on an offer that has expired is still written: the device was served before', async () => {
    const offered = await records.offered();
    await records.expire(offered.offerId);
    expect(await progress(offered, 4_096)).toEqual({ closedDevices: [], contacted: [] });
    expect(await records.row(offered)).toMatchObject({ bytesSent: 4_096 });
  });

  it('on an offer that does not exist says that it is closed', async () => {
    const entry = { offerId: 9_999_999, deviceId: 'terminal-nobody', bytes: 1, finished: false };
    expect(await writeProgress(records.db, [entry])).toEqual({ closedDevices: ['terminal-nobody'], contacted: [] });
    expect(await writeProgress(records.db, [])).toEqual({ closedDevices: [], contacted: [] });
  });

  it('of many devices is written at once, each for itself', async () => {
    const all = await Promise.all(
      Array.from({ length: 60 }, (_, index) => records.offered({ device: { online: index % 3 > 0 } })),
    );
    await Promise.all(all.slice(0, 10).map(close));
    const written = await writeProgress(
      records.db,
      all.map(({ offerId, deviceId }, index) => ({
        offerId,
        deviceId,
        bytes: index % 2 === 0 ? SIZE : 1_024,
        finished: index % 2 === 0,
      })),
    );
    const ids = (some: Offered[]) => some.map(({ deviceId }) => deviceId).sort();
    expect(written.closedDevices.sort()).toEqual(ids(all.slice(0, 10)));
    expect(written.contacted.sort()).toEqual(ids(all.filter((_, index) => index >= 10 && index % 3 === 0)));
    const rows = await Promise.all(all.map((offered) => records.row(offered)));
    expect(rows.map(({ status }) => status)).toEqual(
      all.map((_, index) => (index < 10 ? 'waiting' : index % 2 === 0 ? 'confirming' : 'transferring')),
    );
  });
});

describe('that a device gave up', () => {
  it('is kept once, with its words, and must be heard', async () => {
    const offered = await records.offered();
    expect(await fail(offered)).toBe(true);
    expect(await fail(offered, 'terminal_745')).toBe(false);
    expect(await records.message(offered.upgradeId)).toMatchObject({ failureCode: 'terminal_803', open: true });
    expect(await records.row(offered)).toMatchObject({ status: 'offered', edge: true });
    expect((await records.log(offered)).slice(1)).toMatchObject([
      {
        author: 'device',
        event: 'device_error',
        attempt: 1,
        fileIndex: 0,
        cause: 'in words',
        details: { code: 'terminal_803', errcode: 803 },
      },
    ]);
  });

  it.each<[string, (offered: Offered) => Promise<unknown>]>([
    ['closed', close],
    ['one of an upgrade that has ended', finish],
  ])('is of no interest when its offer is %s', async (_, happen) => {
    const offered = await records.offered();
    await happen(offered);
    expect(await fail(offered)).toBe(false);
    expect(await records.row(offered)).toMatchObject({ edge: false });
    expect(await records.events(offered)).not.toContain('device_error');
  });

  it('is of no interest when there never was an offer', async () => {
    const offered = await records.offered();
    expect(await fail({ ...offered, offerId: 9_999_999 })).toBe(false);
  });
});

describe('what was written and not read', () => {
  const written = async (upgrade: Offered, ms: number) =>
    records.sql`update device_upgrades set edge_at = clock_timestamp() - make_interval(secs => ${ms / 1_000}) where id = ${upgrade.upgradeId}`;
  const find = (olderThanMs: number, limit = 1_000) => findUnreadEdges(records.db, olderThanMs, limit);

  it('is found after a while, the oldest first, until the workflow reads it', async () => {
    const [older, old, fresh] = await Promise.all([records.offered(), records.offered(), records.offered()]);
    await written(old, 20_000);
    await written(older, 30_000);
    await written(fresh, 5_000);
    const found = await find(15_000);
    expect(found.indexOf(older.deviceId)).toBeGreaterThanOrEqual(0);
    expect(found.indexOf(old.deviceId)).toBeGreaterThan(found.indexOf(older.deviceId));
    expect(found).not.toContain(fresh.deviceId);
    expect(await find(15_000, 1)).toEqual([older.deviceId]);
    await readOffer(records.db, { ...older, attempt: 1 });
    await finish(old);
    expect(await find(15_000)).not.toContain(older.deviceId);
    expect(await find(15_000)).not.toContain(old.deviceId);
    await finish(fresh);
  });

  it('is of no interest to a device that no workflow has', async () => {
    const offered = await records.offered();
    await written(offered, 30_000);
    await records.sql`update device_upgrades set dispatched_at = null where id = ${offered.upgradeId}`;
    expect(await find(15_000)).not.toContain(offered.deviceId);
  });
});

describe('workflows and gateways at the same devices at the same time', () => {
  const DEVICES = 12;
  const STEPS = 40;
  /** Much more than it takes, much less than a deadlock or a lock that is never released would. */
  const AT_MOST_MS = 30_000;

  it('never deadlock, never wait for each other for long, and leave nothing that contradicts itself', async () => {
    const random = sequence(20_260_301);
    const pick = <Item>(items: readonly Item[]) => items[Math.floor(random() * items.length)]!;
    const deviceIds = await Promise.all(Array.from({ length: DEVICES }, () => records.device({ online: true })));
    // Two tasks on every device: the workflow id keeps them apart in life, the database must do without it.
    const tasks = await Promise.all([records.task(deviceIds), records.task([...deviceIds].reverse())]);
    const upgrades = tasks.flatMap((task) => task.upgrades);
    await Promise.all(upgrades.map((upgrade) => records.dispatched(upgrade)));
    const startedMs = performance.now();

    const drive = async ({ upgradeId, deviceId }: (typeof upgrades)[number]) => {
      for (let attempt = 1; attempt <= STEPS / 4; attempt++) {
        const key = { upgradeId, attempt };
        const opened = await untilFree(() => openOffer(records.db, { ...key, fileIndex: 0 }));
        if (opened.kind === 'already_current') await records.report(deviceId, { T1: '10' });
        await readOffer(records.db, key);
        await recordProof(records.db, { ...key, fileIndex: 0, last: false });
        if (random() < 0.1) break;
        await closeOffer(records.db, { ...key, code: 'transfer_silent', reason: null, retry: '' });
      }
      const entry = { author: 'system', event: 'failed' };
      await finishUpgrade(records.db, { upgradeId, status: 'failed', reason: 'no_reaction', entry });
    };

    const serve = async () => {
      for (let step = 0; step < STEPS; step++) {
        const offers = (await Promise.all(deviceIds.map((deviceId) => findOpenOffer(records.db, deviceId)))).filter(
          (offer) => offer !== null,
        );
        const shuffled = offers.map((offer) => ({ offer, place: random() })).sort((a, b) => a.place - b.place);
        const written = shuffled.map(({ offer: { id, deviceId, sizeBytes } }) => {
          const finished = random() < 0.2;
          return { offerId: id, deviceId, bytes: finished ? sizeBytes : Math.floor(random() * sizeBytes), finished };
        });
        const [some] = shuffled;
        await Promise.all([
          writeProgress(records.db, written),
          records.report(pick(deviceIds), { T1: pick(['10', '10', '11']), T4: 'x' }),
          writeContacts(
            records.db,
            deviceIds.map((deviceId) => ({ deviceId, address: 'a', details: {}, atMs: Date.now() })),
          ),
          records.report(pick(deviceIds), { T1: '10' }),
          findUnreadEdges(records.db, 0, 100),
          ...(some === undefined ? [] : [claimSend(records.db, some.offer.id, some.offer.attempt)]),
          ...(some === undefined || random() > 0.2
            ? []
            : [writeFailure(records.db, some.offer.id, { code: 'terminal_803', words: '', details: {} })]),
        ]);
      }
    };

    await Promise.all([...upgrades.map(drive), serve(), serve(), serve()]);
    expect(performance.now() - startedMs).toBeLessThan(AT_MOST_MS);
    const rows = await Promise.all(upgrades.map((upgrade) => records.row(upgrade)));
    expect(rows.every(({ ended }) => ended)).toBe(true);
    for (const deviceId of deviceIds) expect(await findOpenOffer(records.db, deviceId)).toBeNull();
    await records.checkChanges();
  }, 60_000);
});

/** Of two offers made for a device in the same moment one is refused by the index, and its step repeated. */
async function untilFree<Result>(step: () => Promise<Result>): Promise<Result> {
  for (;;) {
    try {
      return await step();
    } catch (error) {
      const { cause } = error as { cause?: { code?: string; constraint_name?: string } };
      if (cause?.constraint_name !== 'device_messages_open_offer') throw error;
    }
  }
}

/** The same numbers in every run (mulberry32). */
function sequence(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

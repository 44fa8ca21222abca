/** Simulated piles against the gateway and the FTP server. */
import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { createPiles, pileNumberAt, PileStatus } from '../../gateways/pile/fleet.ts';
import { PILE } from '../support/pile-client.ts';
import { programOf, startPile } from '../support/pile-world.ts';
import { waitFor } from '../support/wait.ts';

const FILE = programOf(100_000);
/** More than the system's buffers take, so that there is a middle. */
const LARGE = programOf(8_000_000);
const hashOf = (file: Buffer) => createHash('sha256').update(file).digest('hex');

describe('a simulated pile', () => {
  test('logs in, takes the time and beats', async () => {
    const { host, pile, gateway } = await startPile({}, { guns: 2, heartbeatMs: 30 });
    await waitFor(() => gateway.counters.heartbeats >= 4);
    expect(pile.isLoggedIn).toBe(true);
    expect(pile.clock).toMatch(/^20\d\d-/);
    expect(host.sightings.at(-1)).toMatchObject({ details: { guns: { '01': 'normal', '02': 'normal' } } });
    expect(gateway.counters.timeSyncAnswers).toBeGreaterThan(0);
    expect(gateway.counters.badFrames).toBe(0);
  });

  test('fetches the file it is told of, restarts and logs in with the new version', async () => {
    const { host, pile, said, offer } = await startPile();
    const hashes: string[] = [];
    pile.on('fetched', (sha256) => hashes.push(sha256));
    await waitFor(() => pile.isLoggedIn);
    offer(FILE);
    await waitFor(() => host.versions().includes('V4.1.51'));
    expect(said).toEqual([
      'logged in V4.1.50',
      'asked from 0',
      'fetched',
      'upgraded V4.1.51',
      ...(said.length > 4 ? ['logged in V4.1.51'] : []),
    ]);
    expect(hashes).toEqual([hashOf(FILE)]);
    expect(host.acceptances).toHaveLength(1);
    expect(host.steps.at(-1)).toMatchObject({ bytes: FILE.length, finished: true });
    expect(pile.bytesReceived).toBe(FILE.length);
  });

  test('whose FTP connection is cut goes on where it was, with other hops between', async () => {
    // Slow enough that it is back from the lost connection before the file is through.
    const { host, pile, said, offer } = await startPile({
      cutAtByte: 3_000_000,
      dropAtByte: 5_000_000,
      bytesPerSecond: 8_000_000,
    });
    const hashes: string[] = [];
    pile.on('fetched', (sha256) => hashes.push(sha256));
    offer(LARGE);
    await waitFor(() => host.versions().includes('V4.1.51'), { deadlineMs: 30_000 });
    expect(said.filter((each) => /asked|cut/.test(each))).toEqual(['asked from 0', 'cut', 'asked to go on']);
    expect(pile.bytesReceived).toBe(LARGE.length);
    expect(hashes).toEqual([hashOf(LARGE)]);
    // Its other connection was cut in the middle, and it logged in with the old version.
    await waitFor(() => said.filter((each) => each.startsWith('logged in')).length >= 3);
    expect(host.failures).toEqual([]);
    expect(host.offers[0]?.sends).toBe(1);
  });

  test('waits until nobody charges when it is told to, and interrupts when it is told that', async () => {
    const { host, pile, offer, said } = await startPile({}, { chargingMs: 600_000 });
    await waitFor(() => pile.isLoggedIn);
    offer(FILE, { pile: { model: 'DC', powerKw: 15, control: 'when_idle', downloadTimeoutMinutes: 30 } });
    await waitFor(() => host.acceptances.length === 1);
    await waitFor(() => pile.isUpdating);
    expect(said).not.toContain('asked from 0');
    pile.charge(0);
    await waitFor(() => host.versions().includes('V4.1.51'));
    pile.charge(600_000);
    offer(FILE, { targetVersion: 'V4.1.52', attempt: 2 });
    await waitFor(() => host.versions().includes('V4.1.52'));
    expect(pile.isCharging).toBe(false);
  });

  test('answers a repeat of what it is doing and does it once', async () => {
    const { host, pile, offer } = await startPile({}, { chargingMs: 600_000 });
    await waitFor(() => pile.isLoggedIn);
    let offered = 0;
    pile.on('offered', () => (offered += 1));
    const order = { model: 'DC', powerKw: 15, control: 'when_idle', downloadTimeoutMinutes: 30 } as const;
    const first = offer(FILE, { pile: order, lastSentAtMs: null });
    await waitFor(() => host.acceptances.length === 1);
    // It comes back on another connection before it has begun.
    first.lastSentAtMs = 0;
    await pile.reconnect();
    await waitFor(() => host.acceptances.length === 2);
    pile.charge(0);
    await waitFor(() => host.versions().includes('V4.1.51'));
    expect(offered).toBe(2);
    expect(pile.upgrades).toBe(1);
  });

  test.each([
    ['of another model', { model: 'AC' as const }, 2],
    ['of other power', { powerKw: 30 }, 2],
  ])('%s says that the file does not fit', async (_, over, state) => {
    const { host, offer, said } = await startPile({}, over);
    offer(FILE);
    await waitFor(() => host.failures.length === 1);
    expect(host.failures[0]?.failure).toMatchObject({ errcode: state, kind: 'wrong_model' });
    expect(said).toContain(`failed ${state}`);
  });

  test('may refuse, be too slow, or say nothing', async () => {
    const refuses = await startPile({ refuse: 1 });
    refuses.offer(FILE);
    await waitFor(() => refuses.host.failures[0]?.failure.kind === 'wrong_number');

    const slow = await startPile({ downloadTimesOut: true }, { minuteMs: 10 });
    slow.offer(FILE);
    await waitFor(() => slow.host.failures[0]?.failure.kind === 'download_timeout');
    expect(slow.host.acceptances).toHaveLength(1);

    const tooSlow = await startPile({ bytesPerSecond: 1_000_000 }, { minuteMs: 10 });
    tooSlow.offer(LARGE);
    await waitFor(() => tooSlow.host.failures[0]?.failure.kind === 'download_timeout');
    expect(tooSlow.pile.bytesReceived).toBeLessThan(LARGE.length);

    const mute = await startPile({ mute: true }, {}, { answerMs: 30 });
    const { id } = mute.offer(FILE);
    await waitFor(() => mute.host.offers.find((each) => each.id === id)?.sends === 3);
    expect(mute.pile.bytesReceived).toBe(0);
  });

  test('may keep its version, fall back, or never come back', async () => {
    const liar = await startPile({ lie: true });
    liar.offer(FILE);
    await waitFor(() => liar.host.reports.length >= 2);
    expect(liar.pile.bytesReceived).toBe(FILE.length);
    expect(new Set(liar.host.versions())).toEqual(new Set(['V4.1.50']));

    const back = await startPile({ revertAfterMs: 100 });
    const { deviceId } = back.offer(FILE);
    await waitFor(() => back.host.versions().includes('V4.1.51'));
    back.host.close(deviceId);
    await waitFor(() => back.host.versions().join() === 'V4.1.50,V4.1.51,V4.1.50');

    const gone = await startPile({ vanish: true });
    gone.offer(FILE);
    await waitFor(() => gone.said.includes('fetched'));
    await waitFor(() => gone.gateway.online.piles === 0);
    expect(gone.host.versions()).toEqual(['V4.1.50']);
  });

  test('with rubbish between its frames, each of them twice, upgrades all the same', async () => {
    const { host, gateway, offer, pile } = await startPile(
      { garbage: true, double: true },
      {},
      { partialFrameMs: 100 },
    );
    offer(FILE);
    await waitFor(() => host.versions().includes('V4.1.51'), { deadlineMs: 30_000 });
    expect(pile.upgrades).toBe(1);
    expect(host.failures).toEqual([]);
    expect(gateway.counters.badFrames).toBeGreaterThan(0);
    await waitFor(() => host.badFrames.length > 0);
  });

  test('restarts when it is told to, when nobody charges, and not in the middle of an update', async () => {
    const { host, pile, deviceId, offer } = await startPile({}, { chargingMs: 600_000 });
    const told = async (control: 'at_once' | 'when_idle') => {
      const { length } = host.commands.answers;
      host.commands.order(deviceId, { kind: 'restart', control });
      await waitFor(() => host.commands.answers.length > length);
      return host.commands.answers.at(-1)!.answer;
    };
    await waitFor(() => pile.isLoggedIn);
    expect(await told('when_idle')).toEqual({ said: 'restart', accepted: true });
    expect(host.reports).toHaveLength(1);
    pile.charge(0);
    await waitFor(() => host.reports.length === 2);
    expect(await told('at_once')).toEqual({ said: 'restart', accepted: true });
    await waitFor(() => host.reports.length === 3);
    pile.charge(600_000);
    offer(FILE, { pile: { model: 'DC', powerKw: 15, control: 'when_idle', downloadTimeoutMinutes: 30 } });
    await waitFor(() => pile.isUpdating);
    expect(await told('when_idle')).toEqual({ said: 'restart', accepted: false });
  });

  test('whose file is taken back gives up, and hears of the next one', async () => {
    const { host, pile, offer } = await startPile({ bytesPerSecond: 2_000_000 });
    const { deviceId } = offer(LARGE);
    await waitFor(() => pile.bytesReceived > 500_000);
    host.close(deviceId);
    host.announce(deviceId);
    await waitFor(() => !pile.isUpdating);
    expect(host.failures).toEqual([]);
    offer(FILE, { attempt: 2 });
    await waitFor(() => host.versions().includes('V4.1.51'));
  });

  test('comes back when the gateway had been away, and when nobody answers', async () => {
    const { pile, gateway, host } = await startPile({}, { heartbeatMs: 30 });
    await waitFor(() => pile.isLoggedIn);
    const release = host.hold('identify'); // logins are not answered any more
    await pile.reconnect();
    await waitFor(() => gateway.tcp.accepted >= 3);
    release();
    await waitFor(() => pile.isLoggedIn);
  });
});

describe('a fleet of piles', () => {
  test('counts its numbers up and says what it does', () => {
    const fleet = createPiles({
      host: '127.0.0.1',
      port: 1,
      devices: 4,
      startPile: PILE,
      programVersion: 'V1',
      faultShare: 0.5,
      faults: { lie: true },
    });
    expect(fleet.map(({ pileCode }) => pileCode)).toEqual([0, 1, 2, 3].map((index) => pileNumberAt(PILE, index)));
    expect(new PileStatus(fleet).line()).toContain('0/4 logged in');
    expect(new PileStatus(fleet).line()).toContain('versions V1:4');
    expect(() => pileNumberAt('99999999999999', 1)).toThrow('14 digits');
    expect(() =>
      createPiles({
        host: 'x',
        port: 1,
        devices: 1,
        startPile: PILE,
        programVersion: 'too long a version',
        faultShare: 0,
        faults: {},
      }),
    ).toThrow();
  });
});

/**
 * Charging piles upgrade with the real program: two files in order, through kills, cuts and lies. What a pile has is its
 * own word and the bytes it got; what Slipway says of it is the API's.
 */
import { createHash } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { demoPileFirmware, pileVersion, type Operator } from '../../bench/operator.ts';
import { pileNumberAt } from '../../gateways/pile/fleet.ts';
import type { PileFaults, PileSimulatorOptions } from '../../gateways/pile/simulator-options.ts';
import { PileSimulator } from '../../gateways/pile/simulator.ts';
import { firstOperator, Slipway, TestServers, type Settings } from '../support/program.ts';
import { waitFor } from '../support/wait.ts';
import { PATIENCE_MS, Task, type Row } from './fleet.ts';

const SIZE = 262_144;
/** More than the system's buffers between two processes take. */
const LARGE = 16_000_000;
/** Slow enough that a file takes some seconds, and everything can happen in the middle of it. */
const SLOW = 2_000_000;
const TEST_MS = 150_000;

let servers: TestServers;
let rest: Slipway;
let gateway: Slipway;
let operator: Operator;
let made = 0;
const piles: PileSimulator[] = [];

/** Piles know their server by its port, and were told that of the FTP server: a gateway that comes back has the same. */
function gatewaySettings(): Settings {
  const { pilePort, ftpPort } = gateway.ready;
  return { ...servers.settings('gateway'), PILE_PORT: String(pilePort), FTP_PORT: String(ftpPort) };
}

beforeAll(async () => {
  servers = await TestServers.start();
  [rest, gateway] = await Promise.all([
    Slipway.start(servers.settings('api', 'worker')),
    Slipway.start(servers.settings('gateway')),
  ]);
  ({ operator } = await firstOperator(rest));
}, 120_000);

afterEach(async ({ task }) => {
  await Promise.all(piles.splice(0).map((pile) => pile.stop()));
  if (task.result?.state !== 'fail') return;
  for (const [name, part] of Object.entries({ rest, gateway })) {
    process.stderr.write(`--- ${name} of the failed test "${task.name}":\n${part.tail(15)}\n`);
  }
});

afterAll(async () => {
  await Promise.all([rest, gateway].map((part) => part?.kill()));
  await servers?.stop();
}, 60_000);

interface Watched {
  pile: PileSimulator;
  /** Hashes of the files it has fetched. */
  fetched: string[];
  /** Where it asked for bytes from. */
  asked: number[];
  /** Update commands that reached it, by the user they name: one per offer. */
  offered: string[];
  /** States it has answered when it gave up. */
  failed: number[];
}

/** Some piles of 15 kW DC that nobody has used before, registered and running. */
async function fleet(count: number, faults: PileFaults = {}, over: Partial<PileSimulatorOptions> = {}) {
  const group = Array.from({ length: count }, (): Watched => {
    const pile = new PileSimulator({
      host: '127.0.0.1',
      port: gateway.ready.pilePort!,
      pileCode: pileNumberAt('55031412782305', made++),
      programVersion: pileVersion(10),
      heartbeatMs: 1_000,
      upgradeDelayMs: 100,
      reconnectDelayMs: 100,
      faults,
      ...over,
    });
    piles.push(pile);
    const watched: Watched = { pile, fetched: [], asked: [], offered: [], failed: [] };
    pile.on('fetched', (sha256) => watched.fetched.push(sha256));
    pile.on('asked', (from) => watched.asked.push(from));
    pile.on('offered', ({ username }) => watched.offered.push(username));
    pile.on('failed', (state) => watched.failed.push(state));
    return watched;
  });
  const deviceIds = await operator.registerPiles(group.map(({ pile }) => pile.pileCode));
  for (const { pile } of group) pile.start();
  return { group, deviceIds };
}

let files = 0;
/** Orders files, each one version up from 10. Every order has files of its own. */
async function order(deviceIds: string[], count: 1 | 2 = 1, options: object = {}, sizeBytes = SIZE) {
  const firmwareIds: number[] = [];
  const hashes: string[] = [];
  for (let version = 11; version < 11 + count; version += 1) {
    const firmware = demoPileFirmware(version, version - 1, sizeBytes);
    firmware.content.writeUInt32BE((files += 1), 0);
    hashes.push(createHash('sha256').update(firmware.content).digest('hex'));
    firmwareIds.push(await operator.uploadFirmware(firmware));
  }
  const { id } = await operator.createTask({
    firmwareIds,
    deviceIds,
    options: { dispatchDelayMinutes: 0, deadlineHours: 1, ...options },
  });
  return { task: new Task(id, 10, count), hashes };
}

const isInTheMiddle = ({ pile }: Watched) => pile.bytesReceived > LARGE / 16 && pile.bytesReceived < LARGE;

function expectProven(rows: Row[], group: Watched[], hashes: string[]): void {
  const targets = [11, 12].slice(0, hashes.length).map(pileVersion);
  for (const row of rows) {
    expect(row).toMatchObject({ status: 'succeeded', reason: null });
    expect(row.proofs.map(({ version }) => version)).toEqual(targets);
  }
  for (const { pile, fetched } of group) {
    expect(pile.programVersion).toBe(targets.at(-1));
    expect(fetched).toEqual(hashes);
  }
}

describe('a task with two files', () => {
  test(
    'is taken by every pile, in order, each byte once, each told once',
    async () => {
      const { group, deviceIds } = await fleet(4);
      const { task, hashes } = await order(deviceIds, 2);
      const rows = await task.untilDevicesEnded(operator);
      expectProven(rows, group, hashes);
      for (const { pile, offered } of group) {
        expect(pile.bytesReceived).toBe(2 * SIZE);
        expect(new Set(offered).size).toBe(2);
        expect(offered).toHaveLength(2);
      }
      const events = (await task.log(operator, rows[0]!.id)).map(({ event }) => event);
      for (const event of ['offered', 'offer_sent', 'accepted', 'transfer_started', 'transfer_finished']) {
        expect(
          events.filter((each) => each === event),
          event,
        ).toHaveLength(2);
      }
    },
    TEST_MS,
  );

  test(
    'is taken with rubbish between the frames, doubled frames, and both connections cut',
    async () => {
      const faults = { garbage: true, double: true, cutAtByte: SIZE / 4, dropAtByte: SIZE / 2 };
      const { group, deviceIds } = await fleet(2, faults);
      const { task, hashes } = await order(deviceIds, 2);
      expectProven(await task.untilDevicesEnded(operator), group, hashes);
      for (const { pile, asked } of group) {
        expect(pile.bytesReceived).toBe(2 * SIZE);
        expect(asked).toEqual([0, SIZE / 4, 0, SIZE / 4]);
      }
    },
    TEST_MS,
  );
});

describe('a kill -9 in the middle of downloads', () => {
  test(
    'of the gateway: every pile goes on at the byte it is at, and is not told again',
    async () => {
      const { group, deviceIds } = await fleet(3, { bytesPerSecond: SLOW });
      const { task, hashes } = await order(deviceIds, 1, {}, LARGE);
      await waitFor(() => group.every(isInTheMiddle), { deadlineMs: PATIENCE_MS });
      const settings = gatewaySettings();
      await gateway.kill();
      gateway = await Slipway.start(settings);
      expectProven(await task.untilDevicesEnded(operator), group, hashes);
      for (const { pile, asked, offered } of group) {
        expect(pile.bytesReceived).toBe(LARGE);
        expect(asked[0]).toBe(0);
        expect(asked.at(-1)).toBeGreaterThan(0);
        expect(offered).toHaveLength(1);
      }
    },
    TEST_MS,
  );

  test(
    'of everything else: downloads go on, and what is proven meanwhile counts',
    async () => {
      const { group, deviceIds } = await fleet(2, { bytesPerSecond: SLOW });
      const { task, hashes } = await order(deviceIds, 1, {}, LARGE);
      await waitFor(() => group.every(isInTheMiddle), { deadlineMs: PATIENCE_MS });
      const { apiUrl } = rest.ready;
      await rest.kill();
      await waitFor(() => group.every(({ pile }) => pile.programVersion === pileVersion(11)), {
        deadlineMs: PATIENCE_MS,
      });
      rest = await Slipway.start({ ...servers.settings('api', 'worker'), API_PORT: new URL(apiUrl!).port });
      expectProven(await task.untilDevicesEnded(operator), group, hashes);
      for (const { pile } of group) expect(pile.bytesReceived).toBe(LARGE);
    },
    TEST_MS,
  );
});

describe('no silent success', () => {
  test(
    'a pile that takes everything and logs in with the old version fails each attempt at once',
    async () => {
      const { group, deviceIds } = await fleet(1, { lie: true });
      const { task } = await order(deviceIds, 1, { attemptsPerFile: 2 });
      const [row] = await task.untilDevicesEnded(operator);
      expect(row).toMatchObject({ status: 'failed', reason: 'version_unchanged', proofs: [] });
      expect(group[0]!.pile.bytesReceived).toBe(2 * SIZE);
      expect(new Set(group[0]!.offered).size).toBe(2);
    },
    TEST_MS,
  );

  test(
    'a pile that logs in with the old version in the middle is let finish',
    async () => {
      const { group, deviceIds } = await fleet(1, { bytesPerSecond: SLOW, dropAtByte: LARGE / 4 });
      const { task, hashes } = await order(deviceIds, 1, {}, LARGE);
      let logins = 0;
      group[0]!.pile.on('loggedIn', () => (logins += 1));
      const [row] = await task.untilDevicesEnded(operator);
      expectProven([row!], group, hashes);
      expect(row).toMatchObject({ attempt: 1 });
      expect(logins).toBeGreaterThan(1);
    },
    TEST_MS,
  );

  test(
    'a pile that falls back after a success becomes reverted',
    async () => {
      const { deviceIds } = await fleet(1, { revertAfterMs: 1_500 });
      const { task } = await order(deviceIds);
      await task.untilRow(operator, { status: 'succeeded' });
      await task.untilRow(operator, { status: 'reverted' });
    },
    TEST_MS,
  );

  test(
    'a pile that never comes back is unproven',
    async () => {
      const { deviceIds } = await fleet(1, { vanish: true });
      const { task } = await order(deviceIds, 1, { limits: { proofMinutes: 0.05 } });
      const [row] = await task.untilDevicesEnded(operator);
      expect(row).toMatchObject({ status: 'unproven', reason: 'no_report' });
    },
    TEST_MS,
  );

  test.each([
    [{ refuse: 1 }, 'pile_wrong_number'],
    [{ refuse: 2 }, 'pile_wrong_model'],
    [{ refuse: 77 }, 'pile_unknown'],
  ])(
    'a pile that answers %o has failed, and is not asked again',
    async (faults, reason) => {
      const { group, deviceIds } = await fleet(1, faults);
      const { task } = await order(deviceIds);
      const [row] = await task.untilDevicesEnded(operator);
      expect(row).toMatchObject({ status: 'failed', reason, attempt: 1 });
      expect(group[0]!.pile.bytesReceived).toBe(0);
    },
    TEST_MS,
  );

  test(
    'a pile whose download takes too long says so, and is given it again',
    async () => {
      const { group, deviceIds } = await fleet(1, { downloadTimesOut: true }, { minuteMs: 100 });
      const { task } = await order(deviceIds, 1, {
        attemptsPerFile: 2,
        pile: { control: 'when_idle', downloadTimeoutMinutes: 1 },
      });
      const [row] = await task.untilDevicesEnded(operator);
      expect(row).toMatchObject({ status: 'failed', reason: 'pile_download_timeout' });
      expect(group[0]!.failed).toEqual([3, 3]);
    },
    TEST_MS,
  );
});

describe('a pile on which somebody charges', () => {
  test(
    'accepts and waits; it is not told again, and upgrades when nobody charges any more',
    async () => {
      const { group, deviceIds } = await fleet(1, {}, { chargingMs: 600_000 });
      const [watched] = group;
      const { task, hashes } = await order(deviceIds, 1, {
        pile: { control: 'when_idle', downloadTimeoutMinutes: 5 },
        // Would end an offer without a reaction within moments.
        limits: { silenceMinutes: 0.05, reactionSeconds: 0.5 },
      });
      await waitFor(async () => (await task.log(operator)).some(({ event }) => event === 'accepted'), {
        deadlineMs: PATIENCE_MS,
      });
      const { length } = watched!.offered;
      // Long enough that it would have been sent often enough, and be given up.
      const untilMs = Date.now() + 8_000;
      await waitFor(() => Date.now() > untilMs, { deadlineMs: 20_000 });
      expect(await task.row(operator)).toMatchObject({ status: 'offered', reason: null, attempt: 1 });
      expect(watched!.offered).toHaveLength(length);
      watched!.pile.charge(0);
      expectProven(await task.untilDevicesEnded(operator), group, hashes);
    },
    TEST_MS,
  );

  test(
    'is interrupted when the task says so, which has to be confirmed',
    async () => {
      const { group, deviceIds } = await fleet(1, {}, { chargingMs: 600_000 });
      const pile = { control: 'at_once', downloadTimeoutMinutes: 5 };
      await expect(order(deviceIds, 1, { pile })).rejects.toThrow('422');
      const { task, hashes } = await order(deviceIds, 1, { pile: { ...pile, confirm: true } });
      expectProven(await task.untilDevicesEnded(operator), group, hashes);
    },
    TEST_MS,
  );
});

describe('nothing leaves when it must not', () => {
  test(
    'a cancelled task: the download is cut, and the pile keeps its version',
    async () => {
      // So slow that it is in the middle for half a minute: a person's word takes its time on a busy machine.
      const { group, deviceIds } = await fleet(1, { bytesPerSecond: SLOW / 4 });
      const { task } = await order(deviceIds, 1, {}, LARGE);
      await waitFor(() => isInTheMiddle(group[0]!), { deadlineMs: PATIENCE_MS });
      await task.control(operator, 'cancel');
      await task.untilRow(operator, { status: 'cancelled' });
      await waitFor(() => !group[0]!.pile.isUpdating, { deadlineMs: PATIENCE_MS });
      expect(group[0]!.pile.bytesReceived).toBeLessThan(LARGE);
      expect(group[0]!.pile.programVersion).toBe(pileVersion(10));
    },
    TEST_MS,
  );

  test(
    'a paused task: no pile is told of its file until it goes on',
    async () => {
      const { group, deviceIds } = await fleet(1);
      const [watched] = group;
      await waitFor(() => watched!.pile.isLoggedIn, { deadlineMs: PATIENCE_MS });
      await watched!.pile.stop();
      const { task } = await order(deviceIds);
      await task.untilRow(operator, { status: 'offered' });
      await task.control(operator, 'pause');
      const back = new PileSimulator({
        host: '127.0.0.1',
        port: gateway.ready.pilePort!,
        pileCode: watched!.pile.pileCode,
        programVersion: pileVersion(10),
        heartbeatMs: 200,
        upgradeDelayMs: 100,
      });
      piles.push(back);
      let offered = 0;
      back.on('offered', () => (offered += 1));
      back.start();
      await waitFor(() => back.isLoggedIn, { deadlineMs: PATIENCE_MS });
      // A new connection and its login: what was decided at the first is over.
      await back.reconnect();
      await waitFor(() => back.isLoggedIn, { deadlineMs: PATIENCE_MS });
      expect(offered).toBe(0);
      await task.control(operator, 'resume');
      const [row] = await task.untilDevicesEnded(operator);
      expect(row).toMatchObject({ status: 'succeeded' });
    },
    TEST_MS,
  );

  test(
    'outside the window: a pile that is logged in is told nothing',
    async () => {
      const { group, deviceIds } = await fleet(1);
      await waitFor(() => group[0]!.pile.isLoggedIn, { deadlineMs: PATIENCE_MS });
      const hour = new Date(Date.now() + 6 * 3_600_000).getUTCHours();
      const at = (plus: number) => `${String((hour + plus) % 24).padStart(2, '0')}:00`;
      const { task } = await order(deviceIds, 1, {
        deadlineHours: 48,
        window: { from: at(0), to: at(2), zone: 'UTC' },
      });
      await waitFor(async () => (await task.detail(operator)).status === 'running', { deadlineMs: PATIENCE_MS });
      await group[0]!.pile.reconnect();
      await waitFor(() => group[0]!.pile.isLoggedIn, { deadlineMs: PATIENCE_MS });
      expect(group[0]!.offered).toEqual([]);
      expect(await task.row(operator)).toMatchObject({ attempt: 0, finishedAt: null });
      await task.control(operator, 'cancel');
      await task.untilRow(operator, { status: 'cancelled' });
    },
    TEST_MS,
  );
});

test(
  'a pile nobody registered is refused and listed',
  async () => {
    const stranger = new PileSimulator({
      host: '127.0.0.1',
      port: gateway.ready.pilePort!,
      pileCode: '99999999999901',
      programVersion: pileVersion(10),
      heartbeatMs: 1_000,
    });
    piles.push(stranger);
    stranger.start();
    await new Promise<void>((resolve) => stranger.once('refused', resolve));
    await waitFor(
      async () => {
        const { items } = await operator.call<{ items: { identity: string }[] }>('GET', '/unknown-devices?limit=500');
        return items.some(({ identity }) => identity === '99999999999901');
      },
      { deadlineMs: PATIENCE_MS },
    );
  },
  TEST_MS,
);

/**
 * Commands to charging piles and PCP devices with the real program, one process: what is refused before anything leaves,
 * what waits for a contact, and what counts as done.
 */
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { ApiError, pcpVersion, pileVersion, type Operator } from '../../bench/operator.ts';
import { PcpSimulator } from '../../gateways/pcp/simulator.ts';
import { PileSimulator } from '../../gateways/pile/simulator.ts';
import { firstOperator, Slipway, TestServers } from '../support/program.ts';
import { waitFor } from '../support/wait.ts';
import { PATIENCE_MS } from './fleet.ts';

const TEST_MS = 150_000;
const PILE = '55031412790001';
const IMEI = '863703030090001';

interface Command {
  id: number;
  status: string;
  reason: string | null;
  waitsFor: string | null;
  sends: number;
  result: Record<string, unknown> | null;
  log: { event: string }[];
}

let servers: TestServers;
let slipway: Slipway;
let operator: Operator;
const devices: { stop(): Promise<void> }[] = [];

beforeAll(async () => {
  servers = await TestServers.start();
  slipway = await Slipway.start(servers.settings());
  ({ operator } = await firstOperator(slipway));
}, 180_000);

afterEach(async ({ task }) => {
  await Promise.all(devices.splice(0).map((device) => device.stop()));
  if (task.result?.state === 'fail') process.stderr.write(`--- "${task.name}":\n${slipway.tail(15)}\n`);
});

afterAll(async () => {
  await slipway?.kill();
  await servers?.stop();
}, 60_000);

const give = (deviceId: string, body: object) => operator.call<Command>('POST', `/devices/${deviceId}/commands`, body);
const until = (id: number, holds: (command: Command) => boolean): Promise<Command> =>
  waitFor<Command | null>(
    async () => {
      const command = await operator.call<Command>('GET', `/commands/${id}`);
      return holds(command) ? command : null;
    },
    { deadlineMs: PATIENCE_MS, message: `command ${id} did not come so far` },
  );

test(
  'a pile restarts at once only with a confirmation, and that is done when it logs in again',
  async () => {
    const [deviceId] = await operator.registerPiles([PILE]);
    const refused = await give(deviceId!, { kind: 'restart', control: 'at_once' }).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(ApiError);
    expect(refused).toMatchObject({
      status: 422,
      body: { code: 'command_refused', detail: expect.stringContaining('confirm') },
    });
    const pile = new PileSimulator({
      host: '127.0.0.1',
      port: slipway.ready.pilePort!,
      pileCode: PILE,
      programVersion: pileVersion(10),
      heartbeatMs: 1_000,
      // It agrees, and is away until it is let back.
      upgradeDelayMs: 3_600_000,
    });
    devices.push(pile);
    const restarts: number[] = [];
    pile.on('restarting', (control) => restarts.push(control));
    pile.start();
    await waitFor(() => pile.isLoggedIn, { deadlineMs: PATIENCE_MS });
    const { id } = await give(deviceId!, { kind: 'restart', control: 'at_once', confirm: true });
    await until(id, ({ status }) => status === 'accepted');
    expect(restarts).toEqual([1]);
    await pile.stop();
    const back = new PileSimulator({
      host: '127.0.0.1',
      port: slipway.ready.pilePort!,
      pileCode: PILE,
      programVersion: pileVersion(10),
    });
    devices.push(back);
    back.start();
    const done = await until(id, ({ status }) => status !== 'accepted');
    expect(done).toMatchObject({ status: 'succeeded', sends: 1, reason: null });
    const events = done.log.map(({ event }) => event);
    expect(events.slice(events.indexOf('sent'))).toEqual(['sent', 'answered', 'accepted', 'logged_in', 'succeeded']);
  },
  TEST_MS,
);

test(
  'a sleeping PCP device is asked for its version at its next contact',
  async () => {
    const [deviceId] = await operator.registerPcpDevices([IMEI]);
    const { id } = await give(deviceId!, { kind: 'query_version' });
    const waiting = await until(id, ({ waitsFor }) => waitsFor === 'contact');
    expect(waiting).toMatchObject({ status: 'waiting', sends: 0 });
    const device = new PcpSimulator({
      host: '127.0.0.1',
      port: slipway.ready.pcpPort!,
      imei: IMEI,
      version: pcpVersion(10),
    });
    devices.push(device);
    device.start();
    const done = await until(id, ({ status }) => status !== 'waiting' && status !== 'sent');
    expect(done).toMatchObject({ status: 'succeeded', sends: 1, result: { version: pcpVersion(10) } });
    const { versions } = await operator.call<{ versions: object[] }>('GET', `/devices/${deviceId}`);
    expect(versions).toEqual([expect.objectContaining({ component: 'T1', version: pcpVersion(10) })]);
  },
  TEST_MS,
);

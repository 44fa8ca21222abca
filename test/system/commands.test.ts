/**
 * Commands with the real program in three processes, each killed in turn: what was answered 202 is sent once under each
 * number and comes to an end that is true.
 */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Operator } from '../../bench/operator.ts';
import { TerminalSimulator, type TerminalFaults } from '../../gateways/terminal/simulator.ts';
import { firstOperator, operatorOf, Slipway, TestServers, type Settings } from '../support/program.ts';
import { waitFor } from '../support/wait.ts';
import { PATIENCE_MS, QUICK } from './fleet.ts';

/** A process that starts on a busy machine takes up to half a minute, and some tests start three. */
const TEST_MS = 300_000;

interface Command {
  id: number;
  status: string;
  reason: string | null;
  attempt: number;
  sends: number;
  result: Record<string, unknown> | null;
  log: { author: string; event: string; status: string; attempt: number; cause: string }[];
}

const parts: Partial<Record<'api' | 'worker' | 'gateway', Slipway>> = {};
const ROLES = ['api', 'worker', 'gateway'] as const;
type Role = (typeof ROLES)[number];
let servers: TestServers;
let operator: Operator;
let key: string;
const ports: Settings = {};
const terminals: TerminalSimulator[] = [];

const settingsOf = (role: Role): Settings => ({ ...servers.settings(role), ...ports });

/** Kills a process as a power cut would and starts it again on its old ports. */
async function restart(role: Role): Promise<void> {
  await parts[role]!.kill();
  parts[role] = await Slipway.start(settingsOf(role));
  if (role === 'api') operator = operatorOf(parts.api!, key);
}

beforeAll(async () => {
  servers = await TestServers.start();
  const started = await Promise.all(ROLES.map((role) => Slipway.start(settingsOf(role))));
  ROLES.forEach((role, index) => (parts[role] = started[index]!));
  ({ operator, key } = await firstOperator(parts.api!));
  ports['TERMINAL_PORT'] = String(parts.gateway!.terminalPort);
}, 180_000);

afterEach(async ({ task }) => {
  await Promise.all(terminals.splice(0).map((terminal) => terminal.stop()));
  if (task.result?.state !== 'fail') return;
  for (const [name, part] of Object.entries(parts)) {
    process.stderr.write(`--- ${name} of the failed test "${task.name}":\n${part.tail(15)}\n`);
  }
});

afterAll(async () => {
  await Promise.all(Object.values(parts).map((part) => part.kill()));
  await servers?.stop();
}, 60_000);

let made = 0;
/** A registered terminal that is not connected, and what it will have heard. */
async function terminal(faults: TerminalFaults = {}) {
  const sn = `62000000${String(++made).padStart(2, '0')}`;
  const [deviceId] = await operator.registerTerminals([sn]);
  const port = Number(ports['TERMINAL_PORT']);
  const simulated = new TerminalSimulator({ ...QUICK, port, sn, softwareVersion: 10, faults });
  terminals.push(simulated);
  const heard: string[] = [];
  simulated.on('command', (cmd, para) => heard.push(para === null ? cmd : `${cmd} ${para}`));
  return { deviceId: deviceId!, simulated, heard };
}

const give = (deviceId: string, body: object) => operator.call<Command>('POST', `/devices/${deviceId}/commands`, body);
const look = (id: number) => operator.call<Command>('GET', `/commands/${id}`);
const until = (id: number, holds: (command: Command) => boolean): Promise<Command> =>
  waitFor<Command | null>(
    async () => {
      const command = await look(id);
      return holds(command) ? command : null;
    },
    { deadlineMs: PATIENCE_MS * 2, message: `command ${id} did not come so far` },
  );
const ended = (id: number) => until(id, ({ status }) => !['waiting', 'sent', 'accepted'].includes(status));

describe('a command', () => {
  test(
    'for a terminal that is away outlives every process, is sent once and succeeds',
    async () => {
      const { deviceId, simulated, heard } = await terminal();
      const { id } = await give(deviceId, { kind: 'set_sleep', minutes: 720 });
      for (const role of ROLES) await restart(role);
      await until(id, ({ attempt }) => attempt === 1);
      expect(await look(id)).toMatchObject({ status: 'waiting', attempt: 1, sends: 0 });
      simulated.start();
      expect(await ended(id)).toMatchObject({ status: 'succeeded', attempt: 1, sends: 1, result: { minutes: 720 } });
      expect([heard, simulated.sleepMinutes]).toEqual([['SLPT 720'], 720]);
    },
    TEST_MS,
  );

  test(
    'that is answered while no worker runs has succeeded when one does',
    async () => {
      const { deviceId, simulated, heard } = await terminal();
      const { id } = await give(deviceId, { kind: 'set_sleep', minutes: 600 });
      await until(id, ({ attempt }) => attempt === 1);
      await parts.worker!.kill();
      simulated.start();
      await until(id, ({ log }) => log.some(({ event }) => event === 'answered'));
      await restart('gateway');
      await simulated.stop();
      parts.worker = await Slipway.start(settingsOf('worker'));
      expect(await ended(id)).toMatchObject({ status: 'succeeded', sends: 1 });
      expect(heard).toEqual(['SLPT 600']);
    },
    TEST_MS,
  );

  test(
    'given while Temporal is away is taken, and carried out when it is back',
    async () => {
      const { deviceId, simulated, heard } = await terminal();
      simulated.start();
      await servers.killTemporal();
      const { id } = await give(deviceId, { kind: 'read_sleep' });
      await servers.startTemporal();
      expect(await ended(id)).toMatchObject({ status: 'succeeded', result: { minutes: 600 } });
      expect(heard).toEqual(['CHKSLPT']);
    },
    TEST_MS,
  );

  test(
    'whose gateway dies between sending and answer is sent again under the next number, and no number twice',
    async () => {
      const { deviceId, simulated, heard } = await terminal({ commandSilent: true });
      simulated.start();
      const { id } = await give(deviceId, { kind: 'set_sleep', minutes: 900 });
      await until(id, ({ sends }) => sends === 1);
      await restart('gateway');
      const { log } = await until(id, ({ sends }) => sends === 2);
      expect(log.filter(({ event }) => event === 'sent').map(({ attempt }) => attempt)).toEqual([1, 2]);
      await waitFor(() => heard.length === 2, { deadlineMs: PATIENCE_MS });
      expect(heard).toEqual(['SLPT 900', 'SLPT 900']);
    },
    TEST_MS,
  );

  test(
    'answered with another value asks what is stored; commands of one device go one after the other',
    async () => {
      const { deviceId, simulated, heard } = await terminal({ wrongEcho: true });
      const first = await give(deviceId, { kind: 'set_sleep', minutes: 660 });
      const second = await give(deviceId, { kind: 'read_sleep' });
      simulated.start();
      expect(await ended(first.id)).toMatchObject({ status: 'succeeded', sends: 2, result: { minutes: 660 } });
      expect(await ended(second.id)).toMatchObject({ status: 'succeeded', sends: 1, result: { minutes: 660 } });
      expect(heard).toEqual(['SLPT 660', 'CHKSLPT', 'CHKSLPT']);
    },
    TEST_MS,
  );

  test(
    'that was taken back is never sent',
    async () => {
      const { deviceId, simulated, heard } = await terminal();
      const { id } = await give(deviceId, { kind: 'set_sleep', minutes: 600 });
      const kept = await give(deviceId, { kind: 'read_sleep' });
      await operator.call('POST', `/commands/${id}/cancel`, { cause: 'wrong device' });
      simulated.start();
      await ended(kept.id);
      expect([heard, (await look(id)).status]).toEqual([['CHKSLPT'], 'cancelled']);
    },
    TEST_MS,
  );
});

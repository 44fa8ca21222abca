/** A gateway and a terminal that says what the test wants: when a command leaves, when it must not, what is told of answers. */
import { describe, expect, it } from 'vitest';
import { TerminalSimulator, type TerminalFaults } from '../../gateways/terminal/simulator.ts';
import { encodeCommand, encodeResponse } from '../../gateways/terminal/codec.ts';
import { Client, COMMAND, FILE, otaError, over, PACKETS, SN, startGateway } from '../support/terminal-client.ts';
import { waitFor } from '../support/wait.ts';

const SLEEP = { kind: 'set_sleep', minutes: 600 } as const;
const SLPT = encodeCommand({ softwareVer: 10, cmd: 'SLPT', para: '600' });
const CHKSLPT = encodeCommand({ softwareVer: 10, cmd: 'CHKSLPT' });

type Gateway = Awaited<ReturnType<typeof startGateway>>;

/** A terminal that has said who it is, and whom the gateway has looked after. */
async function connected({ port, host }: Gateway, sfwVal = 10): Promise<Client> {
  const [client, looks] = [await Client.open(port), host.commands.looks];
  client.report(sfwVal);
  await waitFor(() => host.commands.looks > looks);
  return client;
}

describe('a command', () => {
  it('leaves at once for a terminal that is connected, with the version it last reported', async () => {
    const gateway = await startGateway();
    const client = await connected(gateway);
    gateway.host.commands.order(gateway.deviceId, SLEEP);
    expect(await client.take(SLPT.length)).toEqual(SLPT);
    expect(gateway.host.commands.claims).toEqual(['1/1']);
    expect(gateway.gateway.counters.commandsSent).toBe(1);
  });

  it('names a version below ten with two digits', async () => {
    const gateway = await startGateway();
    const client = await connected(gateway, 7);
    gateway.host.commands.order(gateway.deviceId, { kind: 'read_sleep' });
    const line = encodeCommand({ softwareVer: '07', cmd: 'CHKSLPT' });
    expect((await client.take(line.length)).toString()).toBe(line.toString());
    expect(line.toString()).toContain('+B1301,07,CHKSLPT,');
  });

  it('waits for a terminal that is away, and leaves when it reports', async () => {
    const { port, host, deviceId } = await startGateway();
    host.commands.order(deviceId, { kind: 'read_sleep' });
    expect(host.commands.claims).toEqual([]);
    const client = await Client.open(port);
    client.report();
    expect(await client.take(CHKSLPT.length)).toEqual(CHKSLPT);
  });

  it('leaves once under one number, whatever happens, and again under the next', async () => {
    const gateway = await startGateway();
    const { host, deviceId } = gateway;
    const client = await connected(gateway);
    host.commands.order(deviceId, SLEEP, 1, 7);
    await client.take(SLPT.length);
    host.announce(deviceId);
    gateway.gateway.messagesUncertain();
    gateway.gateway.commandsChanged(null);
    const looks = host.commands.looks;
    await waitFor(() => host.commands.looks > looks);
    await client.cut();
    const again = await connected(gateway);
    expect(again.received).toHaveLength(0);
    host.commands.order(deviceId, SLEEP, 2, 7);
    expect(await again.take(SLPT.length)).toEqual(SLPT);
    expect(host.commands.claims).toEqual(['7/1', '7/2']);
  });

  it('does not leave when the right to send it was lost', async () => {
    const gateway = await startGateway();
    const client = await connected(gateway);
    gateway.host.commands.outcome = 'gone';
    const { looks } = gateway.host.commands;
    gateway.host.commands.order(gateway.deviceId, SLEEP);
    await waitFor(() => gateway.host.commands.looks > looks);
    client.report();
    await waitFor(() => gateway.host.sightings.length >= 2);
    expect(client.received).toHaveLength(0);
  });

  it('of which no line can be made is reported as such, not sent', async () => {
    const gateway = await startGateway();
    const client = await connected(gateway);
    gateway.host.commands.order(gateway.deviceId, { kind: 'set_sleep', minutes: 5 });
    await waitFor(() => gateway.host.commands.unsendables.length === 1);
    gateway.host.commands.order(gateway.deviceId, { kind: 'query_version' });
    await waitFor(() => gateway.host.commands.unsendables.length === 2);
    expect([client.received.length, gateway.host.commands.claims]).toEqual([0, []]);
  });

  it('is sent when the database is back', async () => {
    const gateway = await startGateway();
    const client = await connected(gateway);
    gateway.host.commands.isBroken = true;
    const { looks } = gateway.host.commands;
    gateway.host.commands.order(gateway.deviceId, SLEEP);
    await waitFor(() => gateway.host.commands.looks > looks);
    gateway.host.commands.isBroken = false;
    expect(await client.take(SLPT.length)).toEqual(SLPT);
  });

  it('does not leave on a connection of a terminal that nobody registered', async () => {
    const { port, host } = await startGateway();
    host.commands.order('terminal-AAAAAAAAAA', SLEEP);
    const client = await Client.open(port);
    client.report(10, 'AAAAAAAAAA');
    await waitFor(() => host.unknown.length === 1);
    expect([client.received.length, host.commands.looks]).toEqual([0, 0]);
  });
});

describe('beside an upgrade', () => {
  it('it leaves before the offer, and the offer right behind it', async () => {
    const { port, host, deviceId } = await startGateway();
    host.commands.order(deviceId, SLEEP);
    host.offer(deviceId, FILE);
    const client = await Client.open(port);
    client.report();
    expect(await client.take(SLPT.length)).toEqual(SLPT);
    await client.takeCommand();
  });

  it.each([
    ['OVER', () => over()],
    ['an error', () => otaError(801, 'PATCHERR')],
  ])('no line leaves from the offer until %s', async (_, end) => {
    const gateway = await startGateway();
    const { host, deviceId } = gateway;
    const client = await connected(gateway);
    host.offer(deviceId, FILE);
    expect(await client.takeCommand()).toEqual(COMMAND);
    host.commands.order(deviceId, SLEEP);
    for (let pcnt = 1; pcnt <= PACKETS; pcnt++) {
      await client.fetch(pcnt);
      host.commands.order(deviceId, SLEEP, pcnt + 1, 1);
    }
    client.report();
    await waitFor(() => host.sightings.length >= 2);
    expect([client.received.length, host.commands.claims]).toEqual([0, []]);
    client.send(end());
    client.report();
    expect(await client.take(SLPT.length)).toEqual(SLPT);
  });

  it('no line leaves to a terminal that goes on with its transfer on another connection', async () => {
    const gateway = await startGateway();
    const { host, deviceId } = gateway;
    const first = await connected(gateway);
    host.offer(deviceId, FILE);
    await first.takeCommand();
    await first.fetch(1);
    await first.cut();
    host.commands.order(deviceId, SLEEP);
    const second = await Client.open(gateway.port);
    second.report();
    await second.fetch(2);
    expect([second.received.length, host.commands.claims]).toEqual([0, []]);
  });

  it('a device that another gateway is upgrading is left alone', async () => {
    const gateway = await startGateway();
    const client = await connected(gateway);
    gateway.host.commands.outcome = 'busy';
    gateway.host.commands.order(gateway.deviceId, SLEEP);
    client.report();
    await waitFor(() => gateway.host.sightings.length >= 2);
    expect([client.received.length, gateway.host.commands.claims]).toEqual([0, []]);
    gateway.host.commands.outcome = null;
    gateway.gateway.commandsChanged(gateway.deviceId);
    expect(await client.take(SLPT.length)).toEqual(SLPT);
  });
});

describe('an answer', () => {
  it.each([
    ['SLPT', '600'],
    ['CHKSLPT', '600'],
    ['SLPT', '05'],
    ['CHKSLPT', null],
  ] as const)('%s %s is passed on as it is, together with the version in it', async (cmd, para) => {
    const gateway = await startGateway();
    const client = await connected(gateway);
    client.send(encodeResponse({ sn: SN, softwareVer: 12, cmd, para }));
    await waitFor(() => gateway.host.commands.answers.length === 1);
    expect(gateway.host.commands.answers).toEqual([
      { deviceId: gateway.deviceId, answer: { said: 'value', cmd, value: para } },
    ]);
    expect(gateway.host.versions()).toEqual(['10', '12']);
  });

  it('to something else is none of a command', async () => {
    const gateway = await startGateway();
    const client = await connected(gateway);
    client.send(encodeResponse({ sn: SN, softwareVer: 12, cmd: 'STOCK', para: '1' }));
    await waitFor(() => gateway.host.versions().includes('12'));
    expect(gateway.host.commands.answers).toEqual([]);
  });

  it('is not lost when the database is away', async () => {
    const gateway = await startGateway();
    const client = await connected(gateway);
    gateway.host.commands.isBroken = true;
    client.send(encodeResponse({ sn: SN, softwareVer: 10, cmd: 'SLPT', para: '600' }));
    await waitFor(() => gateway.gateway.counters.failedFrames > 0);
    gateway.host.commands.isBroken = false;
    await waitFor(() => gateway.host.commands.answers.length === 1);
  });
});

describe('a simulated terminal', () => {
  async function told(faults: TerminalFaults) {
    const { port, host, deviceId } = await startGateway();
    const terminal = new TerminalSimulator({ host: '127.0.0.1', port, sn: SN, softwareVersion: 10, faults }).start();
    const heard: string[] = [];
    terminal.on('command', (cmd) => heard.push(cmd));
    host.commands.order(deviceId, { kind: 'set_sleep', minutes: 720 });
    await waitFor(() => heard.length === 1);
    const answered = async () => {
      await waitFor(() => host.commands.answers.length === 1);
      return host.commands.answers[0]!.answer;
    };
    return { terminal, host, answered };
  }

  it('takes a sleep time and says so', async () => {
    const { terminal, answered } = await told({});
    expect(await answered()).toEqual({ said: 'value', cmd: 'SLPT', value: '720' });
    expect(terminal.sleepMinutes).toBe(720);
    await terminal.stop();
  });

  it('answers with an error code and changes nothing', async () => {
    const { terminal, answered } = await told({ commandError: '05' });
    expect(await answered()).toEqual({ said: 'value', cmd: 'SLPT', value: '05' });
    expect(terminal.sleepMinutes).toBe(600);
    await terminal.stop();
  });

  it('answers another value, though it took the right one', async () => {
    const { terminal, answered } = await told({ wrongEcho: true });
    expect(await answered()).toEqual({ said: 'value', cmd: 'SLPT', value: '721' });
    expect(terminal.sleepMinutes).toBe(720);
    await terminal.stop();
  });

  it('says nothing', async () => {
    const { terminal, host } = await told({ commandSilent: true });
    await terminal.stop();
    expect(host.commands.answers).toEqual([]);
  });
});

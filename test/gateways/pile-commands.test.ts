/** Restarts that people order, on the wire: once under each number, and proven by the next login. */
import { describe, expect, test } from 'vitest';
import { login, PILE, PileClient, startPileGateway } from '../support/pile-client.ts';
import { waitFor } from '../support/wait.ts';

const RESTART = { kind: 'restart', control: 'when_idle' } as const;
const answer = (seq: number, setResult: number) =>
  ({ name: 'rebootReply', seq, body: { pileCode: PILE, setResult } }) as const;

describe('a restart that was ordered', () => {
  test('leaves at once for a pile that is logged in, and its answer is passed on', async () => {
    const { host, port, deviceId } = await startPileGateway();
    const client = await PileClient.loggedIn(port);
    host.commands.order(deviceId, RESTART);
    const { seq, body } = await client.take('reboot');
    expect(body).toEqual({ pileCode: PILE, executeControl: 2 });
    client.send(answer(seq, 1));
    await waitFor(() => host.commands.answers.length === 1);
    expect(host.commands.answers).toEqual([{ deviceId, answer: { said: 'restart', accepted: true } }]);
  });

  test('waits for a pile that is away, and leaves after its login', async () => {
    const { host, port, deviceId } = await startPileGateway();
    host.commands.order(deviceId, { kind: 'restart', control: 'at_once' });
    const client = await PileClient.loggedIn(port);
    expect((await client.take('reboot')).body.executeControl).toBe(1);
    expect(host.commands.claims).toEqual(['1/1']);
  });

  test('has the same sequence when it is sent again on its connection, and another one on the next', async () => {
    const { host, port, deviceId } = await startPileGateway();
    const first = await PileClient.loggedIn(port);
    host.commands.order(deviceId, RESTART, 1, 7);
    const sent = await first.take('reboot');
    host.commands.order(deviceId, RESTART, 2, 7);
    expect(await first.take('reboot')).toEqual(sent);
    first.socket.destroy();
    const second = await PileClient.loggedIn(port);
    host.commands.order(deviceId, RESTART, 3, 7);
    await second.take('reboot');
    expect(host.commands.claims).toEqual(['7/1', '7/2', '7/3']);
  });

  test('is told of every login, and of a no', async () => {
    const { host, port, deviceId } = await startPileGateway();
    const client = await PileClient.loggedIn(port);
    expect(host.commands.logins).toEqual([deviceId]);
    host.commands.order(deviceId, RESTART);
    const { seq } = await client.take('reboot');
    client.send(answer(seq, 0));
    await waitFor(() => host.commands.answers.length === 1);
    expect(host.commands.answers[0]!.answer).toEqual({ said: 'restart', accepted: false });
    client.send(login());
    await waitFor(() => host.commands.logins.length === 2);
  });

  test('an answer to nothing is counted and belongs to no command', async () => {
    const { host, port, deviceId, gateway } = await startPileGateway();
    const client = await PileClient.loggedIn(port);
    client.send(answer(9, 1));
    await waitFor(() => gateway.counters.ignoredFrames === 1);
    host.commands.order(deviceId, RESTART);
    const { seq } = await client.take('reboot');
    const { length } = host.commands.answers;
    client.send(answer(seq + 1, 1));
    await waitFor(() => gateway.counters.ignoredFrames === 2);
    expect(host.commands.answers).toHaveLength(length);
  });

  test('what answers the command before is not taken for the answer to this one', async () => {
    const { host, port, deviceId, gateway } = await startPileGateway();
    const client = await PileClient.loggedIn(port);
    host.commands.order(deviceId, RESTART);
    const first = await client.take('reboot');
    host.commands.order(deviceId, { kind: 'restart', control: 'at_once' });
    const second = await client.take('reboot');
    client.send(answer(first.seq, 0));
    await waitFor(() => gateway.counters.ignoredFrames === 1);
    expect(host.commands.answers).toEqual([]);
    client.send(answer(second.seq, 1));
    await waitFor(() => host.commands.answers.length === 1);
    expect(host.commands.answers[0]!.answer).toEqual({ said: 'restart', accepted: true });
  });

  test('does not leave while the pile is being updated', async () => {
    const { host, port, deviceId, gateway } = await startPileGateway();
    const client = await PileClient.loggedIn(port);
    host.commands.outcome = 'busy';
    const { looks } = host.commands;
    host.commands.order(deviceId, RESTART);
    await waitFor(() => host.commands.looks > looks);
    await client.heard();
    expect(client.frames.filter(({ name }) => name === 'reboot')).toEqual([]);
    host.commands.outcome = null;
    gateway.commandsChanged(deviceId);
    await client.take('reboot');
  });
});

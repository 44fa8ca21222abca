/** When the gateway of the piles sends an update command, and what it makes of the answers. */
import { describe, expect, test } from 'vitest';
import { encodeFrame } from '../../gateways/pile/codec.ts';
import { FTP, login, ORDER, PILE, PileClient, startPileGateway, updateReply } from '../support/pile-client.ts';
import { waitFor } from '../support/wait.ts';

describe('an update command', () => {
  test('is sent at the login, with model and power of the pile and where the file is', async () => {
    const { port, offer, gateway } = await startPileGateway();
    const stored = offer({ pile: { model: 'AC', powerKw: 7, control: 'at_once', downloadTimeoutMinutes: 20 } });
    const client = await PileClient.loggedIn(port);
    const { seq, body } = await client.take('update');
    expect(seq).toBe(1);
    expect(body).toEqual({
      pileCode: PILE,
      pileModel: 2,
      power: 7,
      serverAddress: '203.0.113.10',
      serverPort: 2121,
      username: 'u1',
      password: 'secret',
      filePath: 'o1.bin',
      executeControl: 1,
      downloadTimeoutMin: 20,
    });
    expect(stored.sends).toBe(1);
    expect(gateway.counters.updatesSent).toBe(1);
  });

  test('is sent to a pile that is logged in when its offer is announced, and to nobody before the login', async () => {
    const { port, offer, host, deviceId } = await startPileGateway();
    const stranger = await PileClient.open(port);
    const client = await PileClient.loggedIn(port);
    offer();
    await client.take('update');
    host.announce(deviceId);
    await client.heard();
    expect(stranger.frames).toEqual([]);
  });

  test('without an answer is sent three times, under the same number, to the byte', async () => {
    const { port, offer, host } = await startPileGateway({ times: { answerMs: 80 } });
    const stored = offer();
    const client = await PileClient.loggedIn(port);
    const sent = [await client.take('update'), await client.take('update'), await client.take('update')];
    expect(sent[1]).toEqual(sent[0]);
    expect(sent[2]).toEqual(sent[0]);
    await waitFor(() => host.count('claimSend') === 4);
    await client.heard();
    expect(stored.sends).toBe(3);
  });

  test('is repeated after the time its offer names, where it names one', async () => {
    const { port, offer } = await startPileGateway();
    offer({ reactionMs: 50 });
    const client = await PileClient.loggedIn(port);
    await client.take('update');
    await client.take('update');
  });

  test('is sent under a new number after a reconnect, which may be a repeat of one that was accepted', async () => {
    const { port, offer, host } = await startPileGateway({ times: { answerMs: 1_000 } });
    const stored = offer();
    const first = await PileClient.loggedIn(port);
    const { seq } = await first.take('update');
    first.send(updateReply(0, seq));
    await waitFor(() => host.acceptances.length === 1);
    const second = await PileClient.open(port);
    second.send(
      login(),
      encodeFrame({ name: 'heartbeat', seq: 1, body: { pileCode: PILE, gunNo: '01', gunStatus: 0 } }),
    );
    await second.take('loginReply');
    await second.take('timeSync');
    const again = await second.take('update');
    expect(again.body.filePath).toBe('o1.bin');
    second.send(updateReply(0, again.seq));
    await waitFor(() => host.acceptances.length === 2);
    await waitFor(() => Date.now() - (stored.lastSentAtMs ?? 0) > 1_500);
    await second.heard();
    expect(stored.sends).toBe(2);
  });

  test('is not sent again on a connection once the pile has accepted it, however long it waits', async () => {
    const { port, offer, host, deviceId } = await startPileGateway({ times: { answerMs: 40 } });
    const stored = offer();
    const client = await PileClient.loggedIn(port);
    const { seq } = await client.take('update');
    client.send(updateReply(0, seq));
    await waitFor(() => host.acceptances.length === 1);
    const { sends } = stored;
    await waitFor(() => Date.now() - (stored.lastSentAtMs ?? 0) > 200);
    host.announce(deviceId);
    await waitFor(() => host.count('openOffer') >= 3);
    client.frames.length = 0; // a repeat may have crossed the answer
    await client.heard();
    expect(stored.sends).toBe(sends);
  });

  test('is not sent while the file is being fetched, nor when all of it is there', async () => {
    for (const over of [{ firstRequestAtMs: Date.now() }, { finishedAtMs: Date.now() }]) {
      const { port, offer, host } = await startPileGateway();
      offer(over);
      const client = await PileClient.loggedIn(port);
      await waitFor(() => host.count('openOffer') > 0);
      await client.heard();
      expect(host.count('claimSend')).toBe(0);
    }
  });

  test('is not sent when the claim is refused: overtaken, paused, past its time', async () => {
    const { port, offer, host } = await startPileGateway();
    const stored = offer();
    const release = host.hold('claimSend');
    const client = await PileClient.loggedIn(port);
    await waitFor(() => host.waiting('claimSend') === 1);
    stored.attempt = 2;
    release();
    await client.heard();
    expect(stored.sends).toBe(0);
    expect(client.frames).toEqual([]);
  });

  test('is not sent to a pile that runs the target', async () => {
    const { port, offer, host } = await startPileGateway();
    offer();
    const client = await PileClient.loggedIn(port, 'V4.1.51');
    await waitFor(() => host.count('openOffer') > 0);
    await client.heard();
    expect(host.count('claimSend')).toBe(0);
  });

  test.each([
    ['nobody says for which model and power', { pile: undefined }, FTP],
    [
      'the address does not fit its field',
      {},
      { accessFor: () => ({ ...FTP.accessFor({ id: 1 } as never), host: 'ftp.piles.example.com' }) },
    ],
    ['the power is none', { pile: { ...ORDER, powerKw: 0 } }, FTP],
  ])('that cannot be built because %s ends the offer and takes no number', async (_, over, ftp) => {
    const { port, offer, host, log } = await startPileGateway({ ftp });
    const { pile, ...stored } = { ...offer(), ...over };
    host.offers[0] = { ...stored, ...(pile && { pile }) };
    const client = await PileClient.loggedIn(port);
    await waitFor(() => host.failures.length === 1);
    expect(host.failures[0]?.failure).toEqual({ protocol: 'pile', errcode: null, kind: 'not_sendable' });
    expect(host.count('claimSend')).toBe(0);
    expect(log.of('warn')).toEqual(['an update command for a pile cannot be built']);
    await client.heard();
  });

  test('that could not be asked for is asked for again', async () => {
    const { port, offer, host } = await startPileGateway();
    host.broken.add('openOffer');
    offer();
    const client = await PileClient.loggedIn(port);
    await waitFor(() => host.count('openOffer') >= 2);
    host.broken.delete('openOffer');
    await client.take('update');
  });
});

describe('the answer of a pile', () => {
  test.each([
    [1, 'wrong_number'],
    [2, 'wrong_model'],
    [3, 'download_timeout'],
    [9, 'unknown'],
  ])('with state %i ends the offer as %s', async (state, kind) => {
    const { port, offer, host, gateway } = await startPileGateway();
    offer();
    const client = await PileClient.loggedIn(port);
    const { seq } = await client.take('update');
    // The same frame twice is one answer.
    client.send(updateReply(state, seq), updateReply(state, seq));
    await waitFor(() => gateway.counters.ignoredFrames === 1);
    expect(host.failures).toEqual([{ offerId: 1, failure: { protocol: 'pile', errcode: state, kind } }]);
    expect(host.acceptances).toEqual([]);
  });

  test('may come twice: that it will, and later that the time was not enough', async () => {
    const { port, offer, host, gateway } = await startPileGateway();
    offer();
    const client = await PileClient.loggedIn(port);
    const { seq } = await client.take('update');
    client.send(updateReply(0, seq), updateReply(0, seq));
    await waitFor(() => host.acceptances.length === 2);
    expect(gateway.counters.updatesAccepted).toBe(1);
    client.send(updateReply(3, seq));
    await waitFor(() => host.failures.length === 1);
    expect(host.failures[0]?.failure.kind).toBe('download_timeout');
  });

  test('after a reconnect, whatever its number, is for the open offer', async () => {
    const { port, offer, host } = await startPileGateway({ times: { answerMs: 60_000 } });
    offer({ sends: 1, lastSentAtMs: Date.now() });
    const client = await PileClient.loggedIn(port);
    client.send(updateReply(3, 77));
    await waitFor(() => host.failures.length === 1);
  });

  test('to the command of an offer before is not for the one that is open', async () => {
    const { port, offer, host, gateway } = await startPileGateway();
    offer();
    const client = await PileClient.loggedIn(port);
    const first = await client.take('update');
    offer({ attempt: 2 });
    const second = await client.take('update');
    expect([second.seq, second.body.filePath]).toEqual([first.seq + 1, 'o2.bin']);
    client.send(updateReply(3, first.seq));
    await waitFor(() => gateway.counters.ignoredFrames === 1);
    expect(host.failures).toEqual([]);
    client.send(updateReply(3, second.seq));
    await waitFor(() => host.failures.length === 1);
    expect(host.failures[0]?.offerId).toBe(2);
  });

  test('to nothing is ignored', async () => {
    const { port, host, gateway, offer } = await startPileGateway();
    const client = await PileClient.loggedIn(port);
    client.send(updateReply(1, 0));
    await waitFor(() => gateway.counters.ignoredFrames === 1);
    const release = host.hold('claimSend');
    offer(); // never sent
    await waitFor(() => host.waiting('claimSend') === 1);
    host.close('pile-55031412782305');
    release();
    client.send(updateReply(1, 0));
    await waitFor(() => gateway.counters.ignoredFrames === 2);
    expect(host.failures).toEqual([]);
  });

  test('that comes while the database is away is written when it is back', async () => {
    const { port, offer, host, gateway } = await startPileGateway();
    offer();
    const client = await PileClient.loggedIn(port);
    const { seq } = await client.take('update');
    host.broken.add('failed');
    client.send(updateReply(2, seq));
    await waitFor(() => gateway.counters.failedFrames >= 1);
    host.broken.delete('failed');
    await waitFor(() => host.failures.length === 1);
  });
});

/** A process that really stands still: nothing of it runs for a while, as when it is stopped from outside. */
import { connect } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { claimForNow } from '../../api/inbound/claims.ts';
import { standstills } from '../../gateways/standstills.ts';
import { TcpListener } from '../../gateways/tcp.ts';
import { waitFor } from '../support/wait.ts';

let end: () => void;
beforeEach(() => (end = standstills.subscribe(() => {})));
afterEach(() => end());

function standStill(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

/** A claim during which the process stands still, and what is asked afterwards. */
async function claimAndStandStill(ms: number, answers: boolean[]): Promise<{ may: boolean; asked: number }> {
  let asked = 0;
  const claim = async () => {
    await Promise.resolve();
    standStill(ms);
    return true;
  };
  const may = await claimForNow(claim, async () => answers[asked++]!);
  return { may, asked };
}

test('a claim that was answered at once holds, and nobody is asked again', async () => {
  expect(await claimAndStandStill(1, [false])).toEqual({ may: true, asked: 0 });
});

test('after a short standstill what has changed since decides', async () => {
  expect(await claimAndStandStill(1_100, [true])).toEqual({ may: true, asked: 1 });
  expect(await claimAndStandStill(1_100, [false])).toEqual({ may: false, asked: 1 });
});

test('after a long one nothing leaves and nothing that had arrived is heard; whoever connects again is', async () => {
  const heard: string[] = [];
  const listener = new TcpListener(
    { maxConnections: 10, maxConnectionsPerAddress: 10, idleTimeoutMs: 60_000 },
    { opened: () => {}, received: (_, chunk) => heard.push(chunk.toString()), closed: () => {} },
  );
  const port = await listener.listen(0, '127.0.0.1');
  const before = connect(port, '127.0.0.1').on('error', () => {});
  before.write('first');
  await waitFor(() => heard.length === 1);
  before.write('said before it stood still');
  expect(await claimAndStandStill(5_100, [true])).toEqual({ may: false, asked: 0 });
  await waitFor(() => before.destroyed, { message: 'the connection was not ended' });
  expect(heard).toEqual(['first']);
  expect(listener.stats.closedAfterStandstill).toBe(1);
  await waitFor(() => !standstills.isDeaf);
  const after = connect(port, '127.0.0.1').on('error', () => {});
  after.write('again');
  await waitFor(() => heard.length === 2);
  after.destroy();
  await listener.close(100);
});

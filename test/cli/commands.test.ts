/** Device commands on the command line, against a real API on a real database. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { finishCommand } from '../../db/commands/command-steps.ts';
import { registerTerminals, TestApi, type TestDepartment } from '../api/harness.ts';
import { waitFor } from '../support/wait.ts';
import { Person } from './run.ts';

let api: TestApi;
let jimi: TestDepartment;
let person: Person;
let deviceId: string;

beforeAll(async () => {
  api = await TestApi.start();
  jimi = await api.department('jimi');
  person = new Person({ SLIPWAY_URL: api.url, SLIPWAY_KEY: jimi.key });
  [deviceId] = (await registerTerminals(api, jimi, ['6134441313'])) as [string];
});
afterAll(async () => {
  person?.leave();
  await api?.stop();
});

describe('device commands', () => {
  test('are given, listed, shown and taken back', async () => {
    const given = await person.run(['-q', 'command', 'send', deviceId, 'set-sleep', '--minutes', '600']);
    expect([given.code, given.errors]).toEqual([0, '']);
    const id = given.out.trim();
    const list = await person.run(['command', 'list', '--status', 'waiting']);
    expect(list.out).toContain(deviceId);
    expect(list.out).toContain('set_sleep 600');
    expect(list.out).toContain('waits for contact');
    const shown = await person.run(['command', 'show', id]);
    expect(shown.out).toContain('ordered');
    const cancelled = await person.run(['command', 'cancel', id, '--cause', 'wrong device']);
    expect(cancelled.out).toBe(`Command ${id} is cancelled.\n`);
    const again = await person.run(['command', 'cancel', id]);
    expect([again.code, again.errors]).toEqual([1, expect.stringContaining('has ended as cancelled')]);
    expect((await person.run(['command', 'list', '--status', 'failed'])).errors).toContain('No command fits.');
  });

  test('that are refused say why', async () => {
    const refused = await person.run(['command', 'send', deviceId, 'restart', '--control', 'at_once']);
    expect(refused.code).toBe(1);
    expect(refused.errors).toContain('does not know restart');
  });

  test.each([
    ['succeeded', 0, 'minutes 720'],
    ['failed', 2, 'three sendings'],
  ] as const)('can be waited for: %s', async (status, code, words) => {
    const running = person.start(['command', 'send', deviceId, 'set_sleep', '--minutes', '720', '--wait']);
    const id = await waitFor(() => /Command (\d+) waits/.exec(running.errors)?.[1], { deadlineMs: 30_000 });
    await finishCommand(api.db, {
      commandId: Number(id),
      status,
      reason: status === 'failed' ? 'no_answer' : null,
      author: 'device',
      cause: '',
      ...(status === 'succeeded' && { result: { minutes: 720 } }),
    });
    const finished = await running.finished;
    expect([finished.code, finished.out]).toEqual([code, expect.stringContaining(words)]);
  });
});

/** A predicate that cannot fail proves nothing: each lie about an upgrade must be told by the promise that it breaks. */
import { expect, test } from 'vitest';
import type { PromiseName } from './broken.ts';
import {
  brokenBetweenUpgrades,
  brokenByEndedUpgrade,
  brokenByTask,
  type DeviceWord,
  type TaskRecord,
  type UpgradeRecord,
} from './upgrades.ts';

type Story = { record: UpgradeRecord; word: DeviceWord };

function good(): Story {
  const line = (id: number, author: string, event: string, status: string | null) =>
    ({ id, atMs: 1_000 * id, author, event, status, fileIndex: 0, attempt: 1, cause: 'because' }) as const;
  return {
    record: {
      id: 1,
      taskId: 1,
      deviceId: 'terminal-A',
      status: 'succeeded',
      reason: null,
      attempt: 1,
      files: 1,
      proofs: [{ fileIndex: 0, component: 'T1', version: '11' }],
      dispatchedAtMs: 1_500,
      finishedAtMs: 7_000,
      log: [
        line(1, 'operator', 'scheduled', 'scheduled'),
        line(2, 'system', 'offered', 'offered'),
        line(3, 'system', 'offer_sent', null),
        line(4, 'device', 'transfer_started', 'transferring'),
        line(5, 'device', 'transfer_finished', 'confirming'),
        line(7, 'device', 'proven', 'succeeded'),
      ] as UpgradeRecord['log'],
      offers: [
        {
          id: 1,
          fileIndex: 0,
          attempt: 1,
          targetVersion: '11',
          reactionMs: 60_000,
          createdAtMs: 2_000,
          sends: 1,
          closedAtMs: 7_000,
          offerSeq: 5,
        },
      ],
    },
    word: {
      reports: [
        { component: 'T1', version: '10', atMs: 1_000 },
        { component: 'T1', version: '11', atMs: 6_500 },
      ],
      offers: [{ version: '11', atMs: 3_000 }],
      runs: { T1: '11' },
    },
  };
}

const told = ({ record, word }: Story) => brokenByEndedUpgrade(record, word).map(({ promise }) => promise);

test('a good upgrade breaks no promise', () => {
  expect(told(good())).toEqual([]);
});

const LIES: [string, PromiseName, (story: Story) => void][] = [
  ['success without a proof', 'no silent success', ({ record }) => (record.proofs = [])],
  ['a proof nobody offered', 'no silent success', ({ record }) => (record.offers = [])],
  ['a proof older than the offer', 'no silent success', ({ word }) => (word.reports = word.reports.slice(0, 1))],
  ['a device that runs something else', 'no silent success', ({ word }) => (word.runs = { T1: '10' })],
  ['a proof by ourselves', 'no silent success', ({ record }) => (record.log.at(-1)!.author = 'system')],
  ['no end', 'every task ends', ({ record }) => (record.finishedAtMs = null)],
  ['an offer left open', 'every task ends', ({ record }) => (record.offers[0]!.closedAtMs = null)],
  ['a transition without author', 'every transition is accounted for', ({ record }) => (record.log[3]!.author = '')],
  ['a transition without cause', 'every transition is accounted for', ({ record }) => (record.log[3]!.cause = '')],
  ['a transition that rules forbid', 'every transition is accounted for', ({ record }) => record.log.splice(1, 1)],
  ['a status nobody logged', 'every transition is accounted for', ({ record }) => (record.status = 'unproven')],
  ['a sending without a line', 'every transition is accounted for', ({ record }) => (record.offers[0]!.sends = 2)],
  ['an attempt offered twice', 'one at a time', ({ record }) => record.offers.push(record.offers[0]!)],
  [
    'a frame nobody claimed',
    'one at a time',
    ({ word }) => (word.offers = [...word.offers!, { version: '11', atMs: 3_100 }]),
  ],
  [
    'a sending by a stale attempt',
    'one at a time',
    ({ record }) => {
      record.offers.push({ ...record.offers[0]!, id: 2, attempt: 2, sends: 0 });
      record.log.splice(2, 0, { ...record.log[1]!, id: 2.5, attempt: 2 });
    },
  ],
  [
    'an offer after the end',
    'one at a time',
    ({ record }) => record.log.push({ ...record.log[2]!, id: 8, atMs: 8_000 }) && (record.offers[0]!.sends = 2),
  ],
];

test.each(LIES)('%s breaks "%s"', (_, promise, lie) => {
  const story = good();
  lie(story);
  expect(told(story)).toContain(promise);
});

test('two upgrades of one device must not overlap', () => {
  const [first, second] = [good().record, { ...good().record, id: 2, taskId: 2 }];
  expect(brokenBetweenUpgrades([first, second]).map(({ promise }) => promise)).toEqual(['one at a time']);
  const offers = second.offers.map((offer) => ({ ...offer, createdAtMs: 7_500 }));
  expect(brokenBetweenUpgrades([first, { ...second, offers, finishedAtMs: 9_000 }])).toEqual([]);
});

test('a task must end once, with all of its devices', () => {
  const task: TaskRecord = {
    id: 1,
    status: 'finished',
    deviceCount: 1,
    finishedAtMs: 9_000,
    devices: 1,
    openDevices: 0,
    log: [{ atMs: 9_000, author: 'system', event: 'finished', cause: 'every device has ended' }],
  };
  expect(brokenByTask(task)).toEqual([]);
  const promises = (over: Partial<TaskRecord>) => brokenByTask({ ...task, ...over }).map(({ promise }) => promise);
  expect(promises({ status: 'running' })).toContain('every task ends');
  expect(promises({ openDevices: 1 })).toContain('every task ends');
  expect(promises({ devices: 0 })).toContain('nothing acknowledged is lost');
  expect(promises({ log: [...task.log, ...task.log] })).toContain('every transition is accounted for');
});

/** Each lie about a session of an equipment must be told by the promise that it breaks. */
import { expect, test } from 'vitest';
import type { PromiseName } from './broken.ts';
import { brokenBySession, type EquipmentWord, type SessionRecord } from './sessions.ts';

type Story = { record: SessionRecord; word: EquipmentWord };

function good(): Story {
  return {
    record: {
      code: 'A1',
      state: 'alive',
      edges: [{ edge: 'online', from: 'never', to: 'alive', cause: 'EqptRun', atMs: 1_000 }],
      statuses: ['R0', 'R1'],
      alarms: ['AIR-01 raised', 'AIR-01 cleared'],
      flags: [
        { action: 'water_content', status: 'followed', raisedAtMs: 2_000, servedAtMs: 2_500, endedAtMs: 3_000 },
        { action: 'parameters', status: 'followed', raisedAtMs: 2_100, servedAtMs: 3_500, endedAtMs: 4_000 },
      ],
      followUps: [1],
    },
    word: {
      neverSilent: true,
      statuses: ['R0', 'R1'],
      alarms: ['AIR-01 raised', 'AIR-01 cleared'],
      followUpCalls: 1,
      followed: 1,
    },
  };
}

function verdict(lie: (story: Story) => void): PromiseName[] {
  const story = good();
  lie(story);
  return brokenBySession(story.record, story.word).map(({ promise }) => promise);
}

test('a session that went well breaks no promise', () => {
  expect(verdict(() => {})).toEqual([]);
});

test('a call that was kept and never answered, and its repetition, break none', () => {
  const twice = ({ record, word }: Story) => {
    record.followUps.push(null);
    word.followUpCalls = 2;
  };
  expect(verdict(twice)).toEqual([]);
});

test.each<[string, PromiseName, (story: Story) => void]>([
  [
    'one that was called offline, and was never silent',
    'sessions tell the truth',
    ({ record }) => {
      record.edges.push({ edge: 'offline', from: 'alive', to: 'offline', cause: 'silence', atMs: 5_000 });
      record.state = 'offline';
    },
  ],
  [
    'an edge that begins elsewhere',
    'every transition is accounted for',
    ({ record }) => void (record.edges[0]!.from = 'offline'),
  ],
  ['an edge without a cause', 'every transition is accounted for', ({ record }) => void (record.edges[0]!.cause = '')],
  ['a state that no edge led to', 'every transition is accounted for', ({ record }) => void (record.state = 'suspect')],
  ['a status that is lost', 'nothing acknowledged is lost', ({ record }) => void record.statuses.pop()],
  [
    'an alarm that is kept twice',
    'nothing acknowledged is lost',
    ({ record }) => void record.alarms.push('AIR-01 cleared'),
  ],
  ['a flag that never ended', 'sessions tell the truth', ({ record }) => void (record.flags[1]!.endedAtMs = null)],
  [
    'a flag that was served before the older one had ended',
    'sessions tell the truth',
    ({ record }) => void (record.flags[1]!.servedAtMs = 1_000),
  ],
  [
    'a flag that was ended twice',
    'at most one effect',
    ({ record, word }) => {
      record.followUps.push(1);
      word.followUpCalls = 2;
    },
  ],
  ['a follow-up that nobody called', 'at most one effect', ({ record }) => void record.followUps.push(null)],
  [
    'a follow-up that was answered and is not kept',
    'nothing acknowledged is lost',
    ({ record }) => void (record.followUps = []),
  ],
])('%s breaks the promise "%s"', (_what, promise, lie) => {
  expect(verdict(lie)).toEqual([promise]);
});

/** The one sentence an operator reads, for every way in which a device can stand. */
import { describe, expect, it } from 'vitest';
import { whyOf } from '../../api/upgrades/why.ts';
import type { Standing } from '../../db/devices/lineage.ts';
import { UPGRADE_STATUSES, WAITING_REASONS } from '../../workflows/rules/statuses.ts';

const NOW = Date.parse('2026-03-05T12:00:00Z');
const HOUR = 3_600_000;
const NIGHT = { from: '00:00', to: '06:00', zone: 'Asia/Shanghai' };

const standing = (change: Partial<Standing> = {}): Standing => ({
  upgradeId: 70,
  taskId: 7,
  taskName: 'night batch',
  taskStatus: 'running',
  status: 'scheduled',
  reason: null,
  dispatched: true,
  endedMs: null,
  bytesSent: 0,
  decision: null,
  decidedBy: null,
  window: null,
  maxConcurrent: 50,
  dispatchMs: NOW - HOUR,
  approvalMs: null,
  before: 0,
  holderTaskId: null,
  protocol: 'terminal',
  model: 'GV2',
  powerKw: null,
  versions: { T1: '10' },
  running: '10',
  file: {
    component: 'T1',
    targetVersion: '11',
    compatibleVersion: '10',
    currentVersions: ['10'],
    model: null,
    powerKw: null,
    sizeBytes: 20_480,
  },
  bytesPerSecond: null,
  lastSeenMs: null,
  nowMs: NOW,
  ...change,
});
const planned = (change: Partial<Standing> = {}) => standing({ dispatched: false, ...change });
const ended = (status: Standing['status'], change: Partial<Standing> = {}) =>
  standing({ status, endedMs: NOW - HOUR, ...change });

const CASES: [Standing | null, string, string][] = [
  [null, 'no_task', 'it is in no task; make one to upgrade it'],
  [
    planned({ taskStatus: 'awaiting_approval', approvalMs: NOW + HOUR }),
    'awaiting_approval',
    'waits: a second person must approve task 7 before 2026-03-05T13:00:00.000Z',
  ],
  [planned({ taskStatus: 'paused' }), 'paused', 'waits: task 7 is paused; resume it to go on'],
  [planned({ taskStatus: 'cancelling' }), 'cancelling', 'ends: task 7 is being cancelled'],
  [
    planned({ taskStatus: 'scheduled', dispatchMs: NOW + HOUR }),
    'scheduled',
    'waits: task 7 begins at 2026-03-05T13:00:00.000Z, when its dispatch delay is over',
  ],
  [planned({ taskStatus: 'scheduled' }), 'scheduled', 'waits: task 7 is just beginning'],
  [planned({ holderTaskId: 5 }), 'busy', 'waits: task 5 is upgrading this device; then task 7 takes it up'],
  [planned({ window: NIGHT }), 'window', 'waits: outside the permitted hours until 00:00 Asia/Shanghai (task 7)'],
  [
    planned({ window: { ...NIGHT, to: '00:10' }, bytesPerSecond: 40 }),
    'window',
    'waits in vain: it needs 12 minutes, the permitted hours 00:00 to 00:10 Asia/Shanghai are shorter (task 7)',
  ],
  [planned({ before: 1 }), 'turn', 'waits for its turn in task 7: 1 device is before it, at most 50 go at one time'],
  [
    planned({ before: 812 }),
    'turn',
    'waits for its turn in task 7: 812 devices are before it, at most 50 go at one time',
  ],
  [planned(), 'turn', 'waits for its turn in task 7: it is next, at most 50 go at one time'],
  [standing(), 'starting', 'is just being started (task 7)'],
  [
    standing({ status: 'waiting', reason: 'version_mismatch', versions: { T1: '09' } }),
    'version_mismatch',
    'waits: the device runs 09, the file replaces only 10 (task 7)',
  ],
  [
    standing({ status: 'waiting', reason: 'no_version_uploaded', versions: {} }),
    'no_version_uploaded',
    'waits: the device has not reported a version of T1 yet (task 7)',
  ],
  [
    standing({ status: 'waiting', reason: 'window', window: NIGHT }),
    'window',
    'waits: outside the permitted hours until 00:00 Asia/Shanghai (task 7)',
  ],
  [
    standing({ status: 'waiting', reason: 'window', window: NIGHT, nowMs: Date.parse('2026-03-05T16:00:01Z') }),
    'window',
    'is just going on, the permitted hours have begun (task 7)',
  ],
  [
    standing({ status: 'waiting', reason: 'busy', holderTaskId: 5 }),
    'busy',
    'waits: task 5 is upgrading this device; then task 7 takes it up',
  ],
  [standing({ status: 'waiting', reason: 'task_paused' }), 'paused', 'waits: task 7 is paused; resume it to go on'],
  [
    standing({ status: 'waiting', reason: 'retry_later' }),
    'retry_later',
    'waits: the device asked to be tried again later (task 7)',
  ],
  [
    standing({ status: 'offered', reason: 'offline', lastSeenMs: NOW - HOUR }),
    'offline',
    'waits: not connected, last heard of at 2026-03-05T11:00:00.000Z; T1 11 is offered at its next contact (task 7)',
  ],
  // 16:00Z to 22:00Z; five minutes before its end, for twelve minutes of transfer.
  [
    standing({
      status: 'offered',
      reason: 'offline',
      window: NIGHT,
      bytesPerSecond: 30,
      lastSeenMs: NOW,
      nowMs: Date.parse('2026-03-05T21:55:00Z'),
    }),
    'window',
    'waits: too late to end before the permitted hours are over at 06:00, goes on at 00:00 Asia/Shanghai (task 7)',
  ],
  [standing({ status: 'offered' }), 'offered', 'is being offered T1 11 now (task 7)'],
  [standing({ status: 'transferring', bytesSent: 7_680 }), 'transferring', 'is loading T1 11: 37 % (task 7)'],
  [standing({ status: 'confirming' }), 'confirming', 'has the whole file; its report of T1 11 is awaited (task 7)'],
  [
    standing({ status: 'confirming', reason: 'awaiting_operator' }),
    'awaiting_operator',
    'reports T1 11; a person must confirm it (task 7)',
  ],
  [ended('succeeded', { running: '11' }), 'succeeded', 'it did: T1 11 since 2026-03-05T11:00:00.000Z (task 7)'],
  [
    ended('succeeded', { running: '12' }),
    'succeeded',
    'it did: T1 11 since 2026-03-05T11:00:00.000Z; it reports 12 now (task 7)',
  ],
  [
    ended('failed', { reason: 'terminal_801' }),
    'failed',
    'failed: programming the flash failed; if it happens again the terminal needs service; needs a person (task 7)',
  ],
  [
    ended('unproven', { reason: 'no_report', decision: 'give_up', decidedBy: 'li' }),
    'unproven',
    'unproven: the device has the whole file and reported no version in time; look at the device, then retry it; li gave it up (task 7)',
  ],
  [
    ended('reverted', { reason: 'reverted' }),
    'reverted',
    'reverted: the device reports a version again that this upgrade had replaced; needs a person (task 7)',
  ],
  [
    ended('cancelled', { reason: 'cancelled_by_operator' }),
    'cancelled',
    'cancelled: a person stopped it; a new task takes it up again (task 7)',
  ],
];

describe('why a device did not upgrade', () => {
  it.each(CASES.map(([facts, code, answer]) => ({ facts, code, answer })))('$answer', ({ facts, code, answer }) => {
    expect(whyOf(facts)).toMatchObject({ code, answer });
  });

  it('says until when, where that is known', () => {
    expect(whyOf(planned({ window: NIGHT })).untilMs).toBe(Date.parse('2026-03-05T16:00:00Z'));
    expect(whyOf(planned({ dispatchMs: NOW + HOUR })).untilMs).toBe(NOW + HOUR);
    expect(whyOf(standing()).untilMs).toBeNull();
  });

  it('has a sentence for every status and every reason, alive and ended', () => {
    for (const status of UPGRADE_STATUSES) {
      for (const reason of [null, ...WAITING_REASONS, 'terminal_801', 'nobody knows']) {
        for (const facts of [standing({ status, reason }), planned({ status, reason }), ended(status, { reason })]) {
          const { answer } = whyOf(facts);
          expect(answer).toMatch(/^\w{2,}.*\btask 7\b/);
          expect(answer).not.toMatch(/null|undefined|NaN|;;|: ;/);
        }
      }
    }
  });
});

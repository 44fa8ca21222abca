import { describe, expect, it } from 'vitest';
import {
  isEnd,
  LIVE_UPGRADE_STATUSES,
  mayFollow,
  REFUSAL_REASONS,
  RETRYABLE_UPGRADE_STATUSES,
  TASK_STATUSES,
  UPGRADE_STATUSES,
  UPGRADE_TRANSITIONS,
  WAITING_REASONS,
  type UpgradeStatus,
} from '../../workflows/rules/statuses.ts';

const ENDS = ['succeeded', 'failed', 'unproven', 'expired', 'cancelled', 'partial', 'skipped', 'reverted'] as const;

/** Drawn by hand: what may follow what. Whatever is not named may not. */
const ALLOWED: Record<UpgradeStatus, string> = {
  scheduled: 'waiting offered confirming succeeded failed expired cancelled partial skipped',
  waiting: 'waiting offered confirming succeeded failed unproven expired cancelled partial skipped',
  offered: 'waiting offered transferring confirming succeeded failed unproven expired cancelled partial skipped',
  transferring: 'waiting offered confirming succeeded failed unproven expired cancelled partial skipped',
  confirming: 'waiting offered confirming succeeded failed unproven expired cancelled partial skipped',
  succeeded: 'reverted scheduled',
  unproven: 'succeeded scheduled',
  failed: 'scheduled',
  expired: 'scheduled',
  partial: 'scheduled',
  reverted: 'scheduled',
  cancelled: '',
  skipped: 'scheduled',
};

describe('a transition', () => {
  const pairs = UPGRADE_STATUSES.flatMap((from) => UPGRADE_STATUSES.map((to) => [from, to] as const));

  it.each(pairs)('%s → %s', (from, to) => {
    expect(mayFollow(from, to)).toBe(ALLOWED[from].split(' ').includes(to));
  });

  it('is listed once', () => {
    for (const followers of Object.values(UPGRADE_TRANSITIONS)) expect(new Set(followers).size).toBe(followers.length);
  });
});

describe('an end', () => {
  it.each(ENDS)('%s is one', (status) => {
    expect(isEnd(status)).toBe(true);
  });

  it.each(LIVE_UPGRADE_STATUSES)('%s is none', (status) => {
    expect(isEnd(status)).toBe(false);
  });

  it('is left by a retry or by what the device says later, and by nothing else', () => {
    for (const end of ENDS) {
      const followers = UPGRADE_TRANSITIONS[end].filter((status) => status !== 'scheduled');
      expect(followers.every(isEnd)).toBe(true);
    }
  });

  it('can be reached from every live status', () => {
    for (const live of LIVE_UPGRADE_STATUSES) expect(UPGRADE_TRANSITIONS[live].some(isEnd)).toBe(true);
  });

  it('that can be retried goes back to scheduled', () => {
    for (const status of RETRYABLE_UPGRADE_STATUSES) expect(mayFollow(status, 'scheduled')).toBe(true);
  });

  it('that a person chose is final', () => {
    expect(UPGRADE_TRANSITIONS.cancelled).toEqual([]);
  });
});

describe('the names', () => {
  it('are live or ends, nothing between', () => {
    expect([...LIVE_UPGRADE_STATUSES, ...ENDS].sort()).toEqual([...UPGRADE_STATUSES].sort());
  });

  it.each([
    ['upgrade statuses', UPGRADE_STATUSES],
    ['task statuses', TASK_STATUSES],
    ['reasons', [...WAITING_REASONS, ...REFUSAL_REASONS]],
  ])('of %s are single and fit into SQL as they are', (_, names) => {
    expect(new Set(names).size).toBe(names.length);
    for (const name of names) expect(name).toMatch(/^[a-z_]+$/);
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PROTOCOLS } from '../../db/schema.ts';
import { COMMAND_ERRORS } from '../../gateways/terminal/text.ts';
import {
  ANSWER_MS,
  COMMAND_FAILURES,
  COMMAND_KINDS,
  COMMAND_PROTOCOLS,
  COMMAND_SENDS,
  COMMAND_STATUSES,
  COMMAND_TRANSITIONS,
  commandWords,
  isCommandEnd,
  judgeAnswer,
  judgeCommand,
  mayFollowCommand,
  RESTART_MS,
  type CommandAnswer,
  type CommandFacts,
  type CommandOrder,
} from '../../workflows/rules/commands.ts';

const NOW = 1_800_000_000_000;
const HOUR = 3_600_000;
const SLEEP = { kind: 'set_sleep', minutes: 600 } as const;
const READ = { kind: 'read_sleep' } as const;

function facts(change: Partial<CommandFacts> = {}): CommandFacts {
  return {
    status: 'waiting',
    reason: null,
    order: SLEEP,
    stage: 'order',
    attempt: 1,
    stageAttempt: 1,
    sends: 0,
    sentAtMs: null,
    awaitsContact: false,
    answer: null,
    acceptedAtMs: null,
    proven: false,
    online: true,
    expiresAtMs: NOW + HOUR,
    nowMs: NOW,
    ...change,
  };
}
const sentAgo = (ms: number, change: Partial<CommandFacts> = {}) =>
  facts({ status: 'sent', sends: 1, sentAtMs: NOW - ms, ...change });
const says = (value: string | null, cmd = 'SLPT'): CommandAnswer => ({ said: 'value', cmd, value });

describe('statuses', () => {
  it('that are ends lead nowhere, and every other can end', () => {
    for (const status of COMMAND_STATUSES) {
      expect(COMMAND_TRANSITIONS[status].length === 0).toBe(isCommandEnd(status));
      if (!isCommandEnd(status)) expect(COMMAND_TRANSITIONS[status].some(isCommandEnd)).toBe(true);
    }
  });

  it('what the device agreed to cannot be taken back, and nothing begins again', () => {
    expect(mayFollowCommand('accepted', 'cancelled')).toBe(false);
    expect(mayFollowCommand('accepted', 'sent')).toBe(false);
    expect(mayFollowCommand('succeeded', 'waiting')).toBe(false);
    expect(mayFollowCommand('waiting', 'cancelled')).toBe(true);
  });
});

it('every kind belongs to a protocol there is, and reads well', () => {
  for (const kind of COMMAND_KINDS) expect(PROTOCOLS).toContain(COMMAND_PROTOCOLS[kind]);
  expect(commandWords(SLEEP)).toBe('set_sleep 600 minutes');
  expect(commandWords({ kind: 'restart', control: 'at_once' })).toBe('restart at_once');
  expect(commandWords(READ)).toBe('read_sleep');
});

describe('what an answer means', () => {
  it.each<[string, CommandOrder, 'order' | 'check', CommandAnswer, object]>([
    ['the value it was told', SLEEP, 'order', says('600'), { status: 'succeeded', result: { minutes: 600 } }],
    ['the same under the name of the query', SLEEP, 'order', says('600', 'CHKSLPT'), { status: 'succeeded' }],
    ['another value: ask', SLEEP, 'order', says('60'), { kind: 'check' }],
    ['a value with a zero in front: ask', SLEEP, 'order', says('0600'), { kind: 'check' }],
    ['an unknown code: ask', SLEEP, 'order', says('07'), { kind: 'check' }],
    ['nothing: ask', SLEEP, 'order', says(null), { kind: 'check' }],
    ['asked, the value', SLEEP, 'check', says('600', 'CHKSLPT'), { status: 'succeeded' }],
    ['asked, another value', SLEEP, 'check', says('60', 'CHKSLPT'), { status: 'failed', reason: 'value_not_taken' }],
    ['asked, rubbish', SLEEP, 'check', says('x,y'), { status: 'failed', reason: 'answer_unreadable' }],
    ['asked, an error', SLEEP, 'check', says('05'), { status: 'failed', reason: 'terminal_05' }],
    ['a reading', READ, 'order', says('720', 'CHKSLPT'), { status: 'succeeded', result: { minutes: 720 } }],
    ['a reading out of range is a reading', READ, 'order', says('5'), { status: 'succeeded', result: { minutes: 5 } }],
    ['no reading', READ, 'order', says(''), { status: 'failed', reason: 'answer_unreadable' }],
    [
      'a yes',
      { kind: 'restart', control: 'at_once' },
      'order',
      { said: 'restart', accepted: true },
      { kind: 'accepted' },
    ],
    [
      'a no',
      { kind: 'restart', control: 'at_once' },
      'order',
      { said: 'restart', accepted: false },
      { status: 'failed', reason: 'pile_refused' },
    ],
    [
      'a version',
      { kind: 'query_version' },
      'order',
      { said: 'version', result: 0, version: 'V1.0' },
      { status: 'succeeded', result: { version: 'V1.0' } },
    ],
    [
      'no version',
      { kind: 'query_version' },
      'order',
      { said: 'version', result: 9, version: '' },
      { status: 'failed', reason: 'pcp_refused' },
    ],
    ['no frame', SLEEP, 'order', { said: 'nothing', why: 'no version' }, { status: 'failed', reason: 'not_sendable' }],
  ])('%s', (_, order, stage, answer, verdict) => {
    expect(judgeAnswer(order, stage, answer)).toMatchObject(verdict);
  });

  it.each(Object.keys(COMMAND_ERRORS))(
    'error code %s of a terminal fails it, with the words of the document',
    (code) => {
      for (const order of [SLEEP, READ]) {
        const verdict = judgeAnswer(order, 'order', says(code));
        expect(verdict).toMatchObject({ status: 'failed', reason: `terminal_${code}`, author: 'device' });
      }
      expect(COMMAND_FAILURES).toHaveProperty(`terminal_${code}`);
    },
  );

  it('an answer to something else is never a success', () => {
    const wrong: [CommandOrder, CommandAnswer][] = [
      [SLEEP, { said: 'restart', accepted: true }],
      [{ kind: 'restart', control: 'at_once' }, says('600')],
      [{ kind: 'query_version' }, says('600')],
    ];
    for (const [order, answer] of wrong)
      expect(judgeAnswer(order, 'order', answer)).toMatchObject({ status: 'failed' });
  });

  it('whatever a terminal says, only the very value it was told is a success', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 60, max: 44_640 }),
        fc.string(),
        fc.constantFrom('order', 'check'),
        (minutes, value, stage) => {
          const verdict = judgeAnswer({ kind: 'set_sleep', minutes }, stage as 'order', says(value));
          expect('status' in verdict && verdict.status === 'succeeded').toBe(value === String(minutes));
        },
      ),
    );
  });
});

describe('what follows', () => {
  it('not sent yet: it looks once after the time of an answer, then only the contact wakes it', () => {
    expect(judgeCommand(facts())).toMatchObject({ kind: 'wait', ms: ANSWER_MS });
    expect(judgeCommand(facts({ awaitsContact: true }))).toMatchObject({ kind: 'wait', ms: HOUR });
  });

  it('sent: thirty seconds for the answer, three times in all', () => {
    expect(judgeCommand(sentAgo(10_000))).toMatchObject({ kind: 'wait', ms: 20_000 });
    expect(judgeCommand(sentAgo(ANSWER_MS))).toMatchObject({ kind: 'again' });
    expect(judgeCommand(sentAgo(ANSWER_MS, { stageAttempt: COMMAND_SENDS - 1 }))).toMatchObject({ kind: 'again' });
    expect(judgeCommand(sentAgo(ANSWER_MS, { stageAttempt: COMMAND_SENDS }))).toMatchObject({
      status: 'failed',
      reason: 'no_answer',
    });
  });

  it('the deadline ends it, and says how often it was sent', () => {
    const late = { expiresAtMs: NOW };
    expect(judgeCommand(facts(late))).toMatchObject({
      status: 'expired',
      cause: expect.stringContaining('never sent'),
    });
    expect(judgeCommand(sentAgo(1_000, late))).toMatchObject({
      status: 'expired',
      cause: expect.stringContaining('sent 1 times'),
    });
    expect(judgeCommand(sentAgo(1_000, { ...late, answer: says('600') }))).toMatchObject({ status: 'succeeded' });
    expect(judgeCommand(sentAgo(1_000, { ...late, answer: says('60') }))).toMatchObject({ status: 'expired' });
  });

  it('agreed to restart at once: half an hour for the login, and never past the deadline', () => {
    const order = { kind: 'restart', control: 'at_once' } as const;
    const agreed = (agoMs: number, change: Partial<CommandFacts> = {}) =>
      facts({ order, status: 'accepted', acceptedAtMs: NOW - agoMs, ...change });
    expect(judgeCommand(agreed(60_000))).toMatchObject({ kind: 'wait', ms: RESTART_MS - 60_000 });
    expect(judgeCommand(agreed(60_000, { expiresAtMs: NOW + 1_000 }))).toMatchObject({ kind: 'wait', ms: 1_000 });
    expect(judgeCommand(agreed(RESTART_MS))).toMatchObject({ status: 'failed', reason: 'no_login' });
    expect(judgeCommand(agreed(RESTART_MS, { proven: true }))).toMatchObject({ status: 'succeeded' });
    expect(judgeCommand(agreed(1, { expiresAtMs: NOW }))).toMatchObject({ status: 'expired' });
  });

  it('agreed to restart when idle: until the deadline', () => {
    const order = { kind: 'restart', control: 'when_idle' } as const;
    const agreed = facts({ order, status: 'accepted', acceptedAtMs: NOW - 20 * HOUR, expiresAtMs: NOW + HOUR });
    expect(judgeCommand(agreed)).toMatchObject({ kind: 'wait', ms: HOUR });
  });

  it('whatever the facts, a wait ends by the deadline, and after it nothing is sent', () => {
    const times = fc.integer({ min: -2 * HOUR, max: 2 * HOUR });
    fc.assert(
      fc.property(
        fc.record({
          status: fc.constantFrom<CommandFacts['status']>('waiting', 'sent', 'accepted'),
          sentAtMs: fc.option(times.map((ms) => NOW + ms)),
          acceptedAtMs: fc.option(times.map((ms) => NOW + ms)),
          expiresAtMs: times.map((ms) => NOW + ms),
          stageAttempt: fc.integer({ min: 1, max: 3 }),
          awaitsContact: fc.boolean(),
          answer: fc.option(fc.constantFrom(says('600'), says('60'), says('05'))),
          proven: fc.boolean(),
        }),
        (change) => {
          const verdict = judgeCommand(facts(change));
          const leftMs = change.expiresAtMs - NOW;
          if (verdict.kind === 'wait') expect(verdict.ms).toBeLessThanOrEqual(leftMs);
          if (verdict.kind === 'wait') expect(verdict.ms).toBeGreaterThan(0);
          if (leftMs <= 0) expect(['end']).toContain(verdict.kind);
        },
      ),
    );
  });
});

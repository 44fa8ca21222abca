import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  afterLook,
  checkPlatformInfo,
  LOOK_AGAIN_MS,
  PLATFORM_ANSWERS,
  PLATFORM_STEPS,
  platformWaitMs,
  TRIES_PER_STEP,
  type PlatformHistory,
} from '../../workflows/rules/platforms.ts';

const OWN = 'ams';
const WANTED = { account: 'cust01', expiration: '2099-12-31 23:59:59' };
const FRESH: PlatformHistory = { answer: 'none', lastStep: null, imports: 0, moves: 0, expires: 0, looks: 0 };
const seen = (account: string | null, until?: string) => ({
  account,
  expirations: until === undefined || account === null ? {} : { [account]: until },
  expiration: null,
});

describe('after a look', () => {
  it('a device that is as wanted is confirmed, whatever happened before', () => {
    const history = fc.record({
      answer: fc.constantFrom(...PLATFORM_ANSWERS),
      lastStep: fc.constantFrom(...PLATFORM_STEPS, null),
      imports: fc.nat(9),
      moves: fc.nat(9),
      expires: fc.nat(9),
      looks: fc.nat(9),
    });
    fc.assert(
      fc.property(history, (past) => {
        expect(afterLook(WANTED, seen('cust01', WANTED.expiration), OWN, past)).toEqual({ kind: 'confirmed' });
      }),
    );
  });

  it('a device that is not there is imported, until it was tried often enough', () => {
    expect(afterLook(WANTED, null, OWN, FRESH)).toEqual({ kind: 'do', step: 'import' });
    const doubted = { ...FRESH, answer: 'doubt' as const };
    expect(afterLook(WANTED, null, OWN, { ...doubted, imports: TRIES_PER_STEP - 1 })).toMatchObject({ kind: 'do' });
    expect(afterLook(WANTED, null, OWN, { ...doubted, imports: TRIES_PER_STEP })).toMatchObject({
      kind: 'unknown',
      reason: 'no_answer',
    });
  });

  it('a device that was taken and is not to be seen is waited for, never imported again', () => {
    const taken = { ...FRESH, answer: 'ok' as const, lastStep: 'import' as const, imports: 1 };
    for (const [looks, afterMs] of LOOK_AGAIN_MS.entries()) {
      expect(afterLook(WANTED, null, OWN, { ...taken, looks })).toEqual({ kind: 'look', afterMs });
    }
    expect(afterLook(WANTED, null, OWN, { ...taken, looks: LOOK_AGAIN_MS.length })).toMatchObject({
      kind: 'unknown',
      reason: 'not_visible',
    });
  });

  it('a device that exists already and is not for us belongs to somebody else', () => {
    const exists = { ...FRESH, answer: 'exists' as const, imports: 1 };
    expect(afterLook(WANTED, null, OWN, exists)).toMatchObject({ kind: 'refused', reason: 'other_account' });
    expect(afterLook(WANTED, seen('cust02'), OWN, exists)).toMatchObject({
      kind: 'refused',
      words: 'it belongs to cust02, and not to cust01',
    });
    expect(afterLook(WANTED, seen(null), OWN, exists)).toMatchObject({ kind: 'refused' });
  });

  it('a device of our own account is moved, one with another end gets the right one', () => {
    expect(afterLook(WANTED, seen(OWN), OWN, FRESH)).toEqual({ kind: 'do', step: 'move' });
    expect(afterLook(WANTED, seen('cust01', '2027-01-01 00:00:00'), OWN, FRESH)).toEqual({
      kind: 'do',
      step: 'expire',
    });
    expect(afterLook(WANTED, seen(OWN), OWN, { ...FRESH, moves: TRIES_PER_STEP })).toMatchObject({
      kind: 'unknown',
      reason: 'not_as_wanted',
    });
    expect(afterLook({ ...WANTED, expiration: null }, seen('cust01'), OWN, FRESH)).toEqual({ kind: 'confirmed' });
  });

  it('one time for all accounts counts when no account has its own', () => {
    const plain = { account: 'cust01', expirations: {}, expiration: WANTED.expiration };
    expect(afterLook(WANTED, plain, OWN, FRESH)).toEqual({ kind: 'confirmed' });
    const own = { ...plain, expirations: { ams: '2027-01-01 00:00:00' } };
    expect(afterLook(WANTED, own, OWN, FRESH)).toMatchObject({ kind: 'do', step: 'expire' });
  });

  it('ends: whatever the platform shows, no device is worked on for ever', () => {
    const view = fc.oneof(
      fc.constant(null),
      fc.record({
        account: fc.constantFrom('ams', 'cust01', 'cust02', null),
        expirations: fc.constantFrom({}, { cust01: WANTED.expiration }, { cust01: '2027-01-01 00:00:00' }),
        expiration: fc.constantFrom(null, WANTED.expiration),
      }),
    );
    fc.assert(
      fc.property(
        fc.infiniteStream(view),
        fc.infiniteStream(fc.constantFrom('doubt' as const, 'ok' as const, 'exists' as const)),
        (views, answers) => {
          let history = FRESH;
          for (let looks = 0; looks < 200; looks++) {
            const decision = afterLook(WANTED, views.next().value ?? null, OWN, history);
            if (decision.kind === 'look') {
              history = { ...history, looks: history.looks + 1 };
            } else if (decision.kind === 'do') {
              const { step } = decision;
              const counter = { import: 'imports', move: 'moves', expire: 'expires' }[step] as 'imports';
              const answer = answers.next().value ?? 'doubt';
              history = { ...history, [counter]: history[counter] + 1, lastStep: step, answer, looks: 0 };
            } else return;
          }
          throw new Error('worked on for ever');
        },
      ),
    );
  });
});

describe('the wait after a failure', () => {
  it('grows to two minutes and varies by half', () => {
    expect(platformWaitMs(1, 1)).toBe(1_000);
    expect(platformWaitMs(1, 0)).toBe(500);
    expect(platformWaitMs(4, 1)).toBe(8_000);
    expect(platformWaitMs(1_000, 1)).toBe(120_000);
  });
});

describe('the extra shipping information', () => {
  const asked = [
    { name: 'account', required: true },
    { name: 'expiresOn', required: true },
    { name: 'remark', required: false },
  ] as const;
  const wrong = (info: object) => checkPlatformInfo(asked, info, '2026-01-01').map(({ field }) => field);

  it('is complete, fits, and holds nothing that nobody asked for', () => {
    expect(wrong({ account: 'cust01', expiresOn: '2027-01-01' })).toEqual([]);
    expect(wrong({ account: 'cust01', expiresOn: '2027-01-01', remark: 'x' })).toEqual([]);
    expect(wrong({})).toEqual(['account', 'expiresOn']);
    expect(wrong({ account: ' ', expiresOn: '2027-01-01' })).toEqual(['account']);
    expect(wrong({ account: 'a b', expiresOn: '2027-01-01' })).toEqual(['account']);
    expect(wrong({ account: 'cust01', expiresOn: '2027-01-01', model: 'GV2' })).toEqual(['model']);
  });

  it.each(['2026-01-01', '2025-12-31', '2027-02-30', '2027-1-1', 'tomorrow'])('takes no end on %s', (expiresOn) => {
    expect(wrong({ account: 'cust01', expiresOn })).toEqual(['expiresOn']);
  });
});

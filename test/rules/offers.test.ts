import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  judgeOffer,
  OFFER_SENDS,
  pileTimes,
  type OfferFacts,
  type OfferVerdict,
  type StageLimits,
} from '../../workflows/rules/offers.ts';
import { FAILURE_CODES, failureMeaning } from '../../workflows/rules/retry.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

const LIMITS: StageLimits = {
  waitOnlineMs: 24 * HOUR,
  transferMs: HOUR,
  proofMs: 30 * MINUTE,
  silenceMs: 10 * MINUTE,
  reactionMs: MINUTE,
  settleMs: 2 * MINUTE,
};

/** An offer made at 0 that expires after a week, of which nothing was heard. */
const OFFER: OfferFacts = {
  nowMs: 0,
  createdAtMs: 0,
  expiresAtMs: 7 * 24 * HOUR,
  sends: 0,
  lastSentAtMs: null,
  awaitsContact: true,
  firstRequestAtMs: null,
  lastRequestAtMs: null,
  finishedAtMs: null,
  failure: null,
  report: null,
  fromVersion: '10',
};

const sent = { sends: 1, lastSentAtMs: 0, awaitsContact: false };
const asked = { ...sent, firstRequestAtMs: 0, lastRequestAtMs: 0 };
/** A pile that takes half an hour at most, and may wait a day for nobody to charge. */
const idle = { ownTimes: pileTimes({ control: 'when_idle', downloadTimeoutMinutes: 30 }) };
const atOnce = { ownTimes: pileTimes({ control: 'at_once', downloadTimeoutMinutes: 30 }) };
const accepted = { ...sent, acceptedAtMs: 0 };
const finished = { ...asked, finishedAtMs: 0 };
const report = (version: string, afterFinish = false, atMs = 0) => ({
  report: { version, isTarget: version === '11', atMs, afterFinish },
});
const waits = (stage: 'offered' | 'transferring' | 'confirming', ms: number): OfferVerdict => ({
  kind: 'wait',
  stage,
  ms,
});
const failed = (code: (typeof FAILURE_CODES)[number]): OfferVerdict => ({ kind: 'failed', code });

interface Case {
  when: string;
  facts: Partial<OfferFacts>;
  limits?: Partial<StageLimits>;
  answer: OfferVerdict;
}

const CASES: Case[] = [
  // proof
  { when: 'the target is reported', facts: { ...finished, ...report('11', true) }, answer: { kind: 'proven' } },
  { when: 'the target is reported, nothing was sent', facts: report('11'), answer: { kind: 'proven' } },
  {
    when: 'the target is reported after the device gave up',
    facts: { ...asked, ...report('11'), failure: 'terminal_803' },
    answer: { kind: 'proven' },
  },
  {
    when: 'the target is reported after every limit has passed',
    facts: { ...finished, ...report('11', true), nowMs: 30 * 24 * HOUR },
    answer: { kind: 'proven' },
  },

  // what the device said
  { when: 'the device refused', facts: { ...sent, failure: 'terminal_745' }, answer: failed('terminal_745') },
  {
    when: 'the device refused and the offer has expired',
    facts: { ...sent, failure: 'terminal_745', nowMs: OFFER.expiresAtMs },
    answer: failed('terminal_745'),
  },
  {
    when: 'the device gave up when nothing was served any more',
    facts: { ...asked, failure: 'terminal_805', nowMs: OFFER.expiresAtMs },
    answer: failed('offer_expired'),
  },
  {
    when: 'the device gave up while it was still served',
    facts: { ...asked, failure: 'terminal_805', nowMs: OFFER.expiresAtMs - 1 },
    answer: failed('terminal_805'),
  },
  {
    when: 'the offer has expired and flashing fails with every byte in hand',
    facts: { ...finished, failure: 'terminal_801', nowMs: OFFER.expiresAtMs },
    answer: failed('terminal_801'),
  },
  {
    when: 'the device failed although it had every byte',
    facts: { ...finished, failure: 'terminal_801' },
    answer: failed('terminal_801'),
  },

  // waiting for the proof
  {
    when: 'it has every byte and says nothing',
    facts: { ...finished, nowMs: 5 * MINUTE },
    answer: waits('confirming', 25 * MINUTE),
  },
  {
    when: 'it has every byte and says nothing for too long',
    facts: { ...finished, nowMs: 30 * MINUTE },
    answer: { kind: 'unproven' },
  },
  {
    when: 'it has every byte when the offer expires: its proof is still awaited',
    facts: { ...finished, expiresAtMs: MINUTE, nowMs: 2 * MINUTE },
    answer: waits('confirming', 28 * MINUTE),
  },
  {
    when: 'the old version is reported while it is flashing',
    facts: { ...finished, ...report('10', true), nowMs: 30 * SECOND },
    answer: waits('confirming', 30 * MINUTE - 30 * SECOND),
  },
  {
    when: 'the old version was reported only while it was flashing, and the time for the proof is over',
    facts: { ...finished, ...report('10', true, 2 * MINUTE - 1), nowMs: 30 * MINUTE },
    answer: { kind: 'unproven' },
  },
  {
    when: 'the old version is reported once it must have settled',
    facts: { ...finished, ...report('10', true, 2 * MINUTE), nowMs: 2 * MINUTE },
    answer: failed('version_unchanged'),
  },
  {
    when: 'a third version is reported once it must have settled',
    facts: { ...finished, ...report('09', true, 2 * MINUTE), nowMs: 2 * MINUTE },
    answer: failed('version_unchanged'),
  },
  {
    when: 'the old version was reported during the transfer: that says nothing',
    facts: { ...finished, ...report('10'), nowMs: 5 * MINUTE },
    answer: waits('confirming', 25 * MINUTE),
  },
  {
    when: 'the old version was reported during the transfer, and nothing after it',
    facts: { ...finished, ...report('10'), nowMs: 30 * MINUTE },
    answer: { kind: 'unproven' },
  },
  {
    when: 'the time for the proof is shorter than settling takes',
    facts: { ...finished, ...report('10', true), nowMs: 30 * SECOND },
    limits: { proofMs: MINUTE },
    answer: waits('confirming', 30 * SECOND),
  },
  {
    when: 'the time for the proof is over before it has settled',
    facts: { ...finished, ...report('10', true, MINUTE), nowMs: MINUTE },
    limits: { proofMs: MINUTE },
    answer: failed('version_unchanged'),
  },

  // expiry
  {
    when: 'the offer expires before anything happened',
    facts: { nowMs: HOUR, expiresAtMs: HOUR },
    answer: failed('offer_expired'),
  },
  {
    when: 'the offer expires within the transfer',
    facts: { ...asked, lastRequestAtMs: HOUR, nowMs: HOUR, expiresAtMs: HOUR },
    answer: failed('offer_expired'),
  },
  {
    when: 'it is sent often enough and expires: nobody is to blame',
    facts: { ...sent, sends: OFFER_SENDS, lastSentAtMs: 0, nowMs: HOUR, expiresAtMs: HOUR },
    answer: failed('offer_expired'),
  },

  // the transfer
  {
    when: 'it asks for packets',
    facts: { ...asked, lastRequestAtMs: 5 * MINUTE, nowMs: 6 * MINUTE },
    answer: waits('transferring', 9 * MINUTE),
  },
  {
    when: 'it asked once',
    facts: { ...asked, lastRequestAtMs: null, nowMs: MINUTE },
    answer: waits('transferring', 9 * MINUTE),
  },
  { when: 'it stops asking', facts: { ...asked, nowMs: 10 * MINUTE }, answer: failed('transfer_silent') },
  {
    when: 'it takes too long',
    facts: { ...asked, lastRequestAtMs: HOUR, nowMs: HOUR },
    answer: failed('transfer_timeout'),
  },
  {
    when: 'the limit of the transfer is nearer than that of silence',
    facts: { ...asked, lastRequestAtMs: 59 * MINUTE, nowMs: 59 * MINUTE },
    answer: waits('transferring', MINUTE),
  },
  {
    when: 'the end of the night is nearer than that of silence',
    facts: { ...asked, lastRequestAtMs: 5 * MINUTE, nowMs: 6 * MINUTE, expiresAtMs: 8 * MINUTE },
    answer: waits('transferring', 2 * MINUTE),
  },
  {
    when: 'the old version is reported within the transfer: that is neutral',
    facts: { ...asked, ...report('10'), nowMs: MINUTE },
    answer: waits('transferring', 9 * MINUTE),
  },
  {
    when: 'another version is reported within the transfer: that is neutral too',
    facts: { ...asked, ...report('09'), nowMs: MINUTE },
    answer: waits('transferring', 9 * MINUTE),
  },

  // before the first request
  { when: 'another version is reported', facts: { ...sent, ...report('09') }, answer: failed('version_changed') },
  {
    when: 'the same version is reported again',
    facts: { ...sent, ...report('10'), nowMs: MINUTE },
    answer: waits('offered', 10 * MINUTE),
  },
  {
    when: 'it does not react to the last sending',
    facts: { ...sent, sends: OFFER_SENDS, lastSentAtMs: 2 * MINUTE, nowMs: 3 * MINUTE },
    answer: failed('no_reaction'),
  },
  {
    when: 'it still has time to react to the last sending',
    facts: { ...sent, sends: OFFER_SENDS, lastSentAtMs: 2 * MINUTE, nowMs: 3 * MINUTE - 1 },
    answer: waits('offered', 10 * MINUTE),
  },
  {
    when: 'it did not react to the first sending: two are left',
    facts: { ...sent, nowMs: 5 * MINUTE },
    answer: waits('offered', 10 * MINUTE),
  },
  { when: 'it has no contact', facts: { nowMs: HOUR }, answer: waits('offered', 23 * HOUR) },
  {
    when: 'it has no contact and the window closes first',
    facts: { nowMs: HOUR, expiresAtMs: 3 * HOUR },
    answer: waits('offered', 2 * HOUR),
  },
  { when: 'it has no contact in time', facts: { nowMs: 24 * HOUR }, answer: { kind: 'offline' } },
  {
    when: 'the time for contact ends before the next look',
    facts: { ...sent, nowMs: 24 * HOUR - MINUTE },
    answer: waits('offered', MINUTE),
  },
  {
    when: 'it was sent and went away: its next contact wakes, no timer has to',
    facts: { ...sent, awaitsContact: true, nowMs: HOUR },
    answer: waits('offered', 23 * HOUR),
  },
  {
    when: 'it was sent and stays away',
    facts: { ...sent, awaitsContact: true, nowMs: 24 * HOUR },
    answer: { kind: 'offline' },
  },
  {
    when: 'a limit is due within the same second: no loop of timers',
    facts: { nowMs: 24 * HOUR - 1 },
    answer: waits('offered', SECOND),
  },

  // a device that has said that it will
  {
    when: 'it will begin when nobody charges: nothing is looked at in between',
    facts: { ...accepted, ...idle, nowMs: HOUR },
    answer: waits('offered', 23 * HOUR),
  },
  {
    when: 'it accepted the last sending long ago: that was a reaction',
    facts: { ...accepted, ...idle, sends: OFFER_SENDS, nowMs: 5 * HOUR },
    answer: waits('offered', 19 * HOUR),
  },
  {
    when: 'it was away for most of the day, accepted, and waits: its own day begins with its word',
    facts: { ...accepted, ...idle, acceptedAtMs: 23 * HOUR, nowMs: 25 * HOUR },
    answer: waits('offered', 22 * HOUR),
  },
  {
    when: 'it accepted and nobody stopped charging for a day',
    facts: { ...accepted, ...idle, nowMs: 24 * HOUR },
    answer: failed('not_begun'),
  },
  {
    when: 'it should begin at once and has not, within the minutes of the download and five',
    facts: { ...accepted, ...atOnce, nowMs: 34 * MINUTE },
    answer: waits('offered', MINUTE),
  },
  {
    when: 'it should have begun at once',
    facts: { ...accepted, ...atOnce, nowMs: 35 * MINUTE },
    answer: failed('not_begun'),
  },
  {
    when: 'it accepted and names no times: those of the task',
    facts: { ...accepted, nowMs: HOUR },
    answer: waits('offered', 23 * HOUR),
  },
  {
    when: 'it waits for its turn and the window closes first',
    facts: { ...accepted, ...idle, nowMs: HOUR, expiresAtMs: 3 * HOUR },
    answer: waits('offered', 2 * HOUR),
  },
  {
    when: 'it accepted, and another version is reported',
    facts: { ...accepted, ...idle, ...report('09') },
    answer: failed('version_changed'),
  },
  {
    when: 'it fetches by its own clock: silence is its own business',
    facts: { ...accepted, ...asked, ...idle, nowMs: 20 * MINUTE },
    answer: waits('transferring', 15 * MINUTE),
  },
  {
    when: 'it fetches longer than it was given, and five minutes more',
    facts: { ...accepted, ...asked, ...idle, lastRequestAtMs: 35 * MINUTE, nowMs: 35 * MINUTE },
    answer: failed('transfer_timeout'),
  },
  {
    when: 'it has every byte and logs in with the old version: it says that only once it has started again',
    facts: { ...finished, ...idle, ...report('10', true, 1), nowMs: 1 },
    answer: failed('version_unchanged'),
  },
  {
    when: 'it logged in with the old version while it was fetching: that is neutral',
    facts: { ...finished, ...idle, ...report('10'), nowMs: 1 },
    answer: waits('confirming', 30 * MINUTE - 1),
  },
  {
    when: 'it is given more time to fetch than the task allows others',
    facts: { ...asked, ownTimes: { beginMs: 0, transferMs: 2 * HOUR, settleMs: 0 }, nowMs: 90 * MINUTE },
    answer: waits('transferring', 30 * MINUTE),
  },
];

describe('an offer', () => {
  it.each(CASES)('$when', ({ facts, limits, answer }) => {
    expect(judgeOffer({ ...OFFER, ...facts }, { ...LIMITS, ...limits })).toEqual(answer);
  });
});

const duration = fc.oneof(fc.integer({ min: SECOND, max: 10 * MINUTE }), fc.integer({ min: SECOND, max: 48 * HOUR }));
const limits = fc.record<StageLimits>({
  waitOnlineMs: duration,
  transferMs: duration,
  proofMs: duration,
  silenceMs: duration,
  reactionMs: duration,
  settleMs: duration,
});

/** An offer at any moment of its life, with what can have happened until then. */
const facts: fc.Arbitrary<OfferFacts> = fc
  .record({
    times: fc
      .array(fc.nat({ max: 48 * HOUR }), { minLength: 5, maxLength: 5 })
      .map((times) => times.sort((a, b) => a - b)),
    reached: fc.integer({ min: 0, max: 3 }),
    away: fc.boolean(),
    sends: fc.integer({ min: 1, max: OFFER_SENDS }),
    expiresAtMs: fc.integer({ min: 1, max: 72 * HOUR }),
    failure: fc.option(fc.constantFrom(...FAILURE_CODES)),
    version: fc.option(fc.constantFrom('09', '10', '11')),
    afterFinish: fc.boolean(),
    accepts: fc.boolean(),
    ownTimes: fc.option(fc.record({ beginMs: duration, transferMs: duration, settleMs: duration })),
  })
  .map(({ times, reached, away, sends, expiresAtMs, failure, version, afterFinish, accepts, ownTimes }) => ({
    createdAtMs: 0,
    expiresAtMs,
    sends: reached > 0 ? sends : 0,
    lastSentAtMs: reached > 0 ? times[0]! : null,
    awaitsContact: reached === 0 || away,
    acceptedAtMs: accepts && reached > 0 ? times[0]! : null,
    ownTimes,
    firstRequestAtMs: reached > 1 ? times[1]! : null,
    lastRequestAtMs: reached > 1 ? times[2]! : null,
    finishedAtMs: reached > 2 ? times[3]! : null,
    nowMs: times[4]!,
    failure,
    report: version === null ? null : report(version, reached > 2 && afterFinish, times[4]!).report,
    fromVersion: '10',
  }));

/** The moment at which the stage an offer is in must be over. */
function stageEndsAtMs(of: OfferFacts, limit: StageLimits): number {
  if (of.finishedAtMs !== null) return of.finishedAtMs + limit.proofMs;
  if (of.firstRequestAtMs === null) {
    const begunAtMs = of.acceptedAtMs == null ? null : of.acceptedAtMs + (of.ownTimes?.beginMs ?? limit.waitOnlineMs);
    return Math.min(begunAtMs ?? of.createdAtMs + limit.waitOnlineMs, of.expiresAtMs);
  }
  if (of.ownTimes != null) return Math.min(of.firstRequestAtMs + of.ownTimes.transferMs, of.expiresAtMs);
  const silentAtMs = (of.lastRequestAtMs ?? of.firstRequestAtMs) + limit.silenceMs;
  return Math.min(of.firstRequestAtMs + limit.transferMs, silentAtMs, of.expiresAtMs);
}

describe('for every offer', () => {
  it('proof beats everything', () => {
    fc.assert(
      fc.property(facts, limits, (some, limit) => {
        expect(judgeOffer({ ...some, ...report('11', some.finishedAtMs !== null) }, limit)).toEqual({ kind: 'proven' });
      }),
    );
  });

  it('nothing else proves it', () => {
    fc.assert(
      fc.property(facts, limits, (some, limit) => {
        fc.pre(some.report?.isTarget !== true);
        expect(judgeOffer(some, limit).kind).not.toBe('proven');
      }),
    );
  });

  it('what the device said beats every clock, but a device that was cut off is not to blame', () => {
    fc.assert(
      fc.property(facts, limits, fc.constantFrom(...FAILURE_CODES), (some, limit, failure) => {
        fc.pre(some.report?.isTarget !== true);
        const isCutOff = some.nowMs >= some.expiresAtMs && some.finishedAtMs === null;
        const code = isCutOff && failureMeaning(failure).retry === 'now' ? 'offer_expired' : failure;
        expect(judgeOffer({ ...some, failure }, limit)).toEqual({ kind: 'failed', code });
      }),
    );
  });

  it('no wait is longer than the limit of its stage, or shorter than a second', () => {
    fc.assert(
      fc.property(facts, limits, (some, limit) => {
        const verdict = judgeOffer(some, limit);
        if (verdict.kind !== 'wait') return;
        expect(verdict.ms).toBeGreaterThanOrEqual(SECOND);
        expect(some.nowMs + verdict.ms).toBeLessThanOrEqual(Math.max(stageEndsAtMs(some, limit), some.nowMs + SECOND));
        const stage =
          some.finishedAtMs === null ? (some.firstRequestAtMs === null ? 'offered' : 'transferring') : 'confirming';
        expect(verdict.stage).toBe(stage);
      }),
      { numRuns: 1_000 },
    );
  });

  it('a device of which nothing more is heard comes to an end, in few looks', () => {
    fc.assert(
      fc.property(facts, limits, (some, limit) => {
        const looks = 4 + (some.awaitsContact ? 0 : limit.waitOnlineMs / Math.max(SECOND, limit.silenceMs));
        const endsAtMs = Math.max(stageEndsAtMs(some, limit), some.nowMs) + SECOND;
        const seen = { ...some };
        for (let look = 0; ; look++) {
          const verdict = judgeOffer(seen, limit);
          if (verdict.kind !== 'wait') break;
          expect(look).toBeLessThan(looks);
          seen.nowMs += verdict.ms;
          expect(seen.nowMs).toBeLessThanOrEqual(endsAtMs);
        }
      }),
      { numRuns: 1_000 },
    );
  });

  it('whatever the device does between two looks, the end comes within the sum of the limits', () => {
    type Act = 'nothing' | 'sent' | 'accepts' | 'asks' | 'finishes' | 'reports';
    const acts = fc.infiniteStream(
      fc.tuple(
        fc.constantFrom<Act>('nothing', 'sent', 'accepts', 'asks', 'finishes', 'reports'),
        fc.double({ min: 0, max: 1, noNaN: true }),
      ),
    );
    fc.assert(
      fc.property(limits, fc.integer({ min: 1, max: 72 * HOUR }), acts, (limit, expiresAtMs, behaviour) => {
        const seen: OfferFacts = { ...OFFER, expiresAtMs };
        // Its day may begin at the end of the one we waited for its contact.
        const boundMs = 2 * limit.waitOnlineMs + limit.transferMs + limit.proofMs + 3 * SECOND;
        for (const [act, when] of behaviour) {
          const verdict = judgeOffer(seen, limit);
          if (verdict.kind !== 'wait') break;
          const atMs = Math.round(seen.nowMs + when * verdict.ms);
          if (act === 'sent' && seen.firstRequestAtMs === null && seen.sends < OFFER_SENDS) {
            Object.assign(seen, { sends: seen.sends + 1, lastSentAtMs: atMs });
          }
          if (act === 'accepts' && seen.sends > 0) seen.acceptedAtMs ??= atMs;
          if (act === 'asks' && seen.finishedAtMs === null) {
            Object.assign(seen, { firstRequestAtMs: seen.firstRequestAtMs ?? atMs, lastRequestAtMs: atMs });
          }
          if (act === 'finishes' && seen.firstRequestAtMs !== null) seen.finishedAtMs ??= atMs;
          if (act === 'reports')
            seen.report = { version: '10', isTarget: false, atMs, afterFinish: seen.finishedAtMs !== null };
          seen.nowMs += verdict.ms;
          expect(seen.nowMs).toBeLessThanOrEqual(boundMs);
        }
      }),
      { numRuns: 1_000 },
    );
  });
});

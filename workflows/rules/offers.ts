/**
 * Is this offer moving, proven, or over? Judged from what the gateways wrote about it.
 *
 * The workflow asks whenever a signal or one of its timers wakes it; the answer is either an end or how long to wait
 * before asking again. All times are the database's clock, so several machines cannot disagree.
 */
import { failureMeaning, type FailureCode } from './retry.ts';

/** How long each stage may take. Defaults of the task options; all in milliseconds. */
export interface StageLimits {
  /** From the offer until the device has contact. */
  waitOnlineMs: number;
  /** From the first request until the last byte. */
  transferMs: number;
  /** From the last byte until the proof. */
  proofMs: number;
  /** Without a request this long the transfer has stopped (the document's 10 minutes). */
  silenceMs: number;
  /** An offer without reaction is repeated after this time, three times in all. */
  reactionMs: number;
  /** Reports of the old version this soon after the last byte say nothing: the device is still flashing. */
  settleMs: number;
}

/** After the deadline, devices that have every byte are awaited this much longer than their proof limit, then given up. */
export const LAST_DEVICES_MS = 10 * 60_000;

/** How often an offer is sent before "no reaction". */
export const OFFER_SENDS = 3;

/** Times of a device that begins and fetches by its own clock, and says when it gives up. */
export interface OwnTimes {
  /** From its word that it will until the first byte. */
  beginMs: number;
  /** From the first byte until the last. */
  transferMs: number;
  /** From the last byte on: a report of another version says nothing before. */
  settleMs: number;
}

const MINUTE_MS = 60_000;
/** A pile that begins when nobody charges may wait a day for that (PROTOCOLS 4.3). */
const IDLE_WAIT_MS = 24 * 60 * MINUTE_MS;
/** Beyond the minutes a pile was given: for its clock, and for saying that they are over. */
const DOWNLOAD_MARGIN_MS = 5 * MINUTE_MS;

/** The times of a charging pile, from what it is told with the offer. */
export function pileTimes(order: { control: 'at_once' | 'when_idle'; downloadTimeoutMinutes: number }): OwnTimes {
  const transferMs = order.downloadTimeoutMinutes * MINUTE_MS + DOWNLOAD_MARGIN_MS;
  // It says its version when it logs in, and after the last byte it does so because it has started again.
  return { beginMs: order.control === 'when_idle' ? IDLE_WAIT_MS : transferMs, transferMs, settleMs: 0 };
}

/** What is known of the offer of the current file. */
export interface OfferFacts {
  nowMs: number;
  createdAtMs: number;
  /** After this moment nothing of the offer leaves: the end of the night window or the task's deadline. */
  expiresAtMs: number;
  sends: number;
  lastSentAtMs: number | null;
  /** The device is away and its next contact wakes the workflow, so no timer has to. */
  awaitsContact: boolean;
  /** When the device said that it will take it; absent or null: it has not, or its protocol has no word for that. */
  acceptedAtMs?: number | null;
  /** Absent or null: the limits of the task are all there is. */
  ownTimes?: OwnTimes | null;
  firstRequestAtMs: number | null;
  lastRequestAtMs: number | null;
  finishedAtMs: number | null;
  failure: FailureCode | null;
  /** A version report of the file's component that is newer than the offer. */
  report: { version: string; isTarget: boolean; atMs: number; afterFinish: boolean } | null;
  /** The version the gate let through; another one before the first request means: ask the gate again. */
  fromVersion: string;
}

/** What follows from the facts. */
export type OfferVerdict =
  | { kind: 'proven' }
  | { kind: 'failed'; code: FailureCode }
  | { kind: 'unproven' }
  | { kind: 'offline' }
  | { kind: 'wait'; stage: 'offered' | 'transferring' | 'confirming'; ms: number };

/**
 * Judges an offer. The order matters: proof beats everything, then what the device said, then the clocks, from the
 * latest stage back to the first.
 */
export function judgeOffer(facts: OfferFacts, limits: StageLimits): OfferVerdict {
  if (facts.report?.isTarget) return { kind: 'proven' };
  if (facts.failure !== null) return { kind: 'failed', code: blameable(facts, facts.failure) };
  if (facts.finishedAtMs !== null) return judgeProof(facts, limits, facts.finishedAtMs);
  // Checked after `finished` on purpose: a device that has every byte will flash, window or not, so its proof is awaited.
  if (facts.nowMs >= facts.expiresAtMs) return { kind: 'failed', code: 'offer_expired' };
  if (facts.firstRequestAtMs !== null) return judgeTransfer(facts, limits, facts.firstRequestAtMs);
  if (facts.report !== null && facts.report.version !== facts.fromVersion)
    return { kind: 'failed', code: 'version_changed' };
  if (facts.acceptedAtMs != null) return judgeBeginning(facts, limits, facts.acceptedAtMs);
  if (facts.sends >= OFFER_SENDS && elapsed(facts, facts.lastSentAtMs) >= limits.reactionMs) {
    return { kind: 'failed', code: 'no_reaction' };
  }
  const onlineUntilMs = facts.createdAtMs + limits.waitOnlineMs;
  if (facts.nowMs >= onlineUntilMs) return { kind: 'offline' };
  const checkMs = facts.awaitsContact ? limits.waitOnlineMs : limits.silenceMs;
  return wait('offered', facts, Math.min(facts.nowMs + checkMs, onlineUntilMs, facts.expiresAtMs));
}

/**
 * Once nothing was served any more the device could only give up: that is the clock's fault and costs no attempt. What
 * goes wrong with all the bytes in hand is not.
 */
function blameable(facts: OfferFacts, failure: FailureCode): FailureCode {
  const isCutOff = facts.nowMs >= facts.expiresAtMs && facts.finishedAtMs === null;
  return isCutOff && failureMeaning(failure).retry === 'now' ? 'offer_expired' : failure;
}

function judgeProof(facts: OfferFacts, limits: StageLimits, finishedAtMs: number): OfferVerdict {
  const settledAtMs = finishedAtMs + (facts.ownTimes?.settleMs ?? limits.settleMs);
  const provenUntilMs = finishedAtMs + limits.proofMs;
  // While the device may still be flashing a report of the old version says nothing; after that it says everything.
  const isSettled = facts.report !== null && facts.report.atMs >= Math.min(settledAtMs, provenUntilMs);
  if (facts.report?.afterFinish && isSettled) return { kind: 'failed', code: 'version_unchanged' };
  if (facts.nowMs >= provenUntilMs) return { kind: 'unproven' };
  return wait('confirming', facts, provenUntilMs);
}

/** The device has said that it will: neither silence nor being away counts, and its first byte wakes the workflow. */
function judgeBeginning(facts: OfferFacts, limits: StageLimits, acceptedAtMs: number): OfferVerdict {
  const begunUntilMs = acceptedAtMs + (facts.ownTimes?.beginMs ?? limits.waitOnlineMs);
  if (facts.nowMs >= begunUntilMs) return { kind: 'failed', code: 'not_begun' };
  return wait('offered', facts, Math.min(begunUntilMs, facts.expiresAtMs));
}

function judgeTransfer(facts: OfferFacts, limits: StageLimits, firstRequestAtMs: number): OfferVerdict {
  const transferredUntilMs = firstRequestAtMs + (facts.ownTimes?.transferMs ?? limits.transferMs);
  if (facts.nowMs >= transferredUntilMs) return { kind: 'failed', code: 'transfer_timeout' };
  // It says so itself when it gives up; until then it tries, and must not be told the same again.
  if (facts.ownTimes != null) return wait('transferring', facts, Math.min(transferredUntilMs, facts.expiresAtMs));
  const silentAtMs = (facts.lastRequestAtMs ?? firstRequestAtMs) + limits.silenceMs;
  if (facts.nowMs >= silentAtMs) return { kind: 'failed', code: 'transfer_silent' };
  return wait('transferring', facts, Math.min(transferredUntilMs, silentAtMs, facts.expiresAtMs));
}

/** Never less than a second: a limit of the same instant must not make a loop of timers. */
function wait(stage: 'offered' | 'transferring' | 'confirming', facts: OfferFacts, untilMs: number): OfferVerdict {
  return { kind: 'wait', stage, ms: Math.max(1_000, untilMs - facts.nowMs) };
}

function elapsed(facts: OfferFacts, sinceMs: number | null): number {
  return sinceMs === null ? 0 : facts.nowMs - sinceMs;
}

/**
 * The stage limits of a task as they are for one protocol: what an order leaves open is as usual there.
 */
import type { StageLimits } from './offers.ts';

/** Limits as an order gives them. */
export type OrderedLimits = Omit<StageLimits, 'reactionMs'> & {
  /** Null: as usual for the protocol of each device. */
  reactionMs: number | null;
};

/** A 2G terminal that is busy answers late; PROTOCOLS 1.6 and 4.3 give the others 30 seconds. */
const USUAL_REACTION_MS: Readonly<Record<string, number>> = { pcp: 30_000, pile: 30_000 };
const LONGEST_USUAL_REACTION_MS = 60_000;

/** How long a device of this protocol may be without reaction to an offer, unless an order says otherwise. */
export function usualReactionMs(protocol: string): number {
  return USUAL_REACTION_MS[protocol] ?? LONGEST_USUAL_REACTION_MS;
}

/** The limits for a device of this protocol. */
export function limitsFor(protocol: string, limits: OrderedLimits): StageLimits {
  return { ...limits, reactionMs: limits.reactionMs ?? usualReactionMs(protocol) };
}

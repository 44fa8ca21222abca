/**
 * The options of a task: what is stored of what a person sends, and how it is shown again. Friendly units outside,
 * milliseconds inside.
 */
import type { Static } from 'typebox';
import type { AbortBody, ApprovalBody, OptionsBody, PileBody } from './order-fields.ts';
import {
  USUAL_PILE_OPTIONS,
  type Approval,
  type JoinFilter,
  type PileOptions,
  type TaskOptions,
} from '../../db/schema.ts';
import { atMost, type AbortRule, type Pacing } from '../../workflows/rules/pacing.ts';
import { DEFAULT_WINDOW } from '../../workflows/rules/windows.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** What is stored of the options; friendly units become milliseconds. */
export function readOptions(
  { options: body = {}, filter }: { options?: Static<typeof OptionsBody>; filter?: JoinFilter },
  defaultDispatchDelayMs: number,
): TaskOptions {
  const limits = body.limits ?? {};
  return {
    pacing: { ...atMost(50), ...readPacing(body) },
    abort: readAbort(body.abort ?? []),
    approval: readApproval(body.approval ?? null),
    joins: body.joins === true ? (filter ?? null) : null,
    window: body.window ?? (body.night === true ? DEFAULT_WINDOW : null),
    attemptsPerFile: body.attemptsPerFile ?? 3,
    notEligible: body.notEligible ?? 'wait',
    lifeMs: Math.round((body.deadlineHours ?? 168) * HOUR),
    dispatchDelayMs: Math.round((body.dispatchDelayMinutes ?? defaultDispatchDelayMs / MINUTE) * MINUTE),
    limits: {
      waitOnlineMs: Math.round((limits.waitOnlineHours ?? 24) * HOUR),
      transferMs: Math.round((limits.transferMinutes ?? 60) * MINUTE),
      proofMs: Math.round((limits.proofMinutes ?? 30) * MINUTE),
      silenceMs: Math.round((limits.silenceMinutes ?? 10) * MINUTE),
      reactionMs: limits.reactionSeconds === undefined ? null : Math.round(limits.reactionSeconds * SECOND),
      settleMs: Math.round((limits.settleSeconds ?? 120) * SECOND),
    },
    pile: {
      control: body.pile?.control ?? USUAL_PILE_OPTIONS.control,
      downloadTimeoutMinutes: body.pile?.downloadTimeoutMinutes ?? USUAL_PILE_OPTIONS.downloadTimeoutMinutes,
    },
  };
}

/** Stored options in the units in which they were given. */
export function showOptions(options: TaskOptions): Static<typeof OptionsBody> {
  const { limits } = options;
  return {
    dispatchDelayMinutes: options.dispatchDelayMs / MINUTE,
    window: options.window,
    ...showPacing(options),
    approval: showApproval(options.approval),
    joins: options.joins !== null,
    attemptsPerFile: options.attemptsPerFile,
    notEligible: options.notEligible,
    limits: {
      waitOnlineHours: limits.waitOnlineMs / HOUR,
      transferMinutes: limits.transferMs / MINUTE,
      proofMinutes: limits.proofMs / MINUTE,
      silenceMinutes: limits.silenceMs / MINUTE,
      ...(limits.reactionMs === null ? {} : { reactionSeconds: limits.reactionMs / SECOND }),
      settleSeconds: limits.settleMs / SECOND,
    },
    pile: showPileOptions(options.pile ?? USUAL_PILE_OPTIONS),
  };
}

/** As they can be sent again: what was confirmed is. */
function showPileOptions({ control, downloadTimeoutMinutes }: PileOptions): Static<typeof PileBody> {
  return { control, ...(control === 'at_once' ? { confirm: true } : {}), downloadTimeoutMinutes };
}

/** What an order or a change says of the pacing; nothing of what it does not name. */
export function readPacing(body: PacingBody): Partial<Pacing> {
  const { maxConcurrent, ratePerMinute, growth, keyLimits } = body;
  return {
    ...(maxConcurrent === undefined ? {} : { maxConcurrent }),
    ...(ratePerMinute === undefined ? {} : { ratePerMinute }),
    ...(growth === undefined ? {} : { growth }),
    ...(keyLimits === undefined ? {} : { limits: keyLimits }),
  };
}

type PacingBody = Pick<Static<typeof OptionsBody>, 'maxConcurrent' | 'ratePerMinute' | 'growth' | 'keyLimits'>;

export function readAbort(rules: Static<typeof AbortBody>): AbortRule[] {
  return rules.map(({ failures = 'any', ...rule }) => ({ ...rule, failures }));
}

/** Pacing and rules as they can be sent again. */
export function showPacing({ pacing, abort }: Pick<TaskOptions, 'pacing' | 'abort'>) {
  const { limits, ...rest } = pacing;
  return { ...rest, keyLimits: [...limits], abort: [...abort] };
}

function readApproval(body: Static<typeof ApprovalBody> | null): Approval | null {
  if (body === null) return null;
  const { withinHours = 24, onExpiry = 'cancel', fourEyes = true } = body;
  return { withinMs: Math.round(withinHours * HOUR), onExpiry, fourEyes };
}

function showApproval(approval: Approval | null): Static<typeof ApprovalBody> | null {
  if (approval === null) return null;
  const { withinMs, onExpiry, fourEyes } = approval;
  return { required: true, withinHours: withinMs / HOUR, onExpiry, fourEyes };
}

/**
 * What a person may write into the options of a task: fields, limits, defaults and what they mean. What is stored of them
 * is in `order-options.ts`.
 */
import { Type } from 'typebox';
import { closed, nullable, text } from '../schemas.ts';
import { USUAL_PILE_OPTIONS } from '../../db/schema.ts';
import { ABORT_CLASSES, ABORT_EFFECTS, LIMIT_KEYS } from '../../workflows/rules/pacing.ts';
import { DEFAULT_WINDOW } from '../../workflows/rules/windows.ts';

/** The least of any amount is a millisecond at least: less would be stored as none at all. */
const amount = (maximum: number, fallback: number, description: string) =>
  Type.Optional(Type.Number({ minimum: 0.001, maximum, default: fallback, description }));

const WindowBody = closed(
  {
    from: Type.String({ pattern: '^([01]\\d|2[0-3]):[0-5]\\d$', description: 'HH:MM, inclusive' }),
    to: Type.String({
      pattern: '^([01]\\d|2[0-3]):[0-5]\\d$',
      description: 'HH:MM, exclusive; not later than `from` means the next day',
    }),
    zone: text(64, { minLength: 1, description: 'IANA name, for example Asia/Shanghai' }),
  },
  { title: 'Window', examples: [DEFAULT_WINDOW] },
);

const LimitsBody = closed(
  {
    waitOnlineHours: amount(2_160, 24, 'from the offer until the device has contact'),
    transferMinutes: amount(10_080, 60, 'from the first request until the last byte'),
    proofMinutes: amount(10_080, 30, 'from the last byte until a version report proves it'),
    silenceMinutes: amount(1_440, 10, 'without a request this long the transfer has stopped'),
    reactionSeconds: Type.Optional(
      Type.Number({
        minimum: 0.001,
        maximum: 3_600,
        description:
          'an offer without reaction is repeated after this time; absent: as usual for each protocol, 60 for terminals and trackers, 30 for PCP devices and piles',
      }),
    ),
    settleSeconds: amount(3_600, 120, 'reports of the old version this soon after the last byte say nothing'),
  },
  { title: 'StageLimits' },
);

const GrowthBody = closed(
  {
    basePerMinute: Type.Integer({ minimum: 1, maximum: 100_000, description: 'starts a minute in the beginning' }),
    factor: Type.Number({ minimum: 1.1, maximum: 5, description: 'how much faster it gets each time' }),
    everyDevices: Type.Integer({
      minimum: 1,
      maximum: 100_000,
      description: 'each time so many further devices have got through, the rate is multiplied by `factor`',
    }),
    by: Type.Enum(['finished', 'succeeded'], {
      type: 'string',
      description: 'what counts as got through: every end but cancelled and skipped, or success only',
    }),
  },
  { title: 'Growth', examples: [{ basePerMinute: 10, factor: 2, everyDevices: 100, by: 'succeeded' }] },
);

const KeyLimitBody = closed(
  {
    key: Type.Enum(LIMIT_KEYS, {
      type: 'string',
      description:
        'what devices have in common: the department, the model, the order they belong to, the gateway they were last connected to. A device without it is not limited',
    }),
    max: Type.Integer({ minimum: 1, maximum: 100_000, description: 'devices of one key under way at one time' }),
  },
  { title: 'KeyLimit', examples: [{ key: 'gateway', max: 20 }] },
);

/** How fast devices are started; the same when an order is given and when it is changed later. */
export const PACING_OPTIONS = {
  maxConcurrent: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: 2_000,
      default: 50,
      description: 'devices under way at one time; those that are away or wait for something do not count',
    }),
  ),
  ratePerMinute: Type.Optional(
    nullable(
      Type.Integer({
        minimum: 1,
        maximum: 100_000,
        description: 'at most so many are started in any minute, spread evenly; null: no limit',
      }),
    ),
  ),
  growth: Type.Optional(nullable(GrowthBody)),
  keyLimits: Type.Optional(
    Type.Array(KeyLimitBody, {
      maxItems: 10,
      description:
        'never more devices of one key under way, counted over all tasks of the department; devices whose key is full are passed over and others go on',
    }),
  ),
};

const AbortRuleBody = closed(
  {
    failures: Type.Optional(
      Type.Enum(ABORT_CLASSES, {
        type: 'string',
        default: 'any',
        description: 'which ends count as failures; any: failed, unproven, expired, partial and reverted together',
      }),
    ),
    percent: Type.Number({
      exclusiveMinimum: 0,
      maximum: 100,
      description:
        'of the devices that have ended since the start or the last resume; cancelled and skipped ones do not count',
    }),
    afterFinished: Type.Integer({
      minimum: 1,
      maximum: 100_000,
      description: 'not before so many devices have ended',
    }),
    effect: Type.Enum(ABORT_EFFECTS, {
      type: 'string',
      description:
        'pause: a person must resume it; cancel_waiting: devices that were not offered anything yet are cancelled, the others go on; cancel: all are cancelled but those that have the whole file',
    }),
  },
  { title: 'AbortRule', examples: [{ failures: 'any', percent: 10, afterFinished: 50, effect: 'pause' }] },
);

/** When a task stops by itself. */
export const AbortBody = Type.Array(AbortRuleBody, {
  maxItems: 5,
  description: 'the first rule that is fulfilled stops the task; the log says which, with the numbers',
});

export const ApprovalBody = closed(
  {
    required: Type.Literal(true),
    withinHours: amount(2_160, 24, 'from now; nobody can approve it later, and never after the deadline of the task'),
    onExpiry: Type.Optional(
      Type.Enum(['cancel', 'start'], {
        type: 'string',
        default: 'cancel',
        description: 'what happens when nobody has decided by then',
      }),
    ),
    fourEyes: Type.Optional(
      Type.Boolean({
        default: true,
        description: 'whoever makes the task cannot approve it: another key of another name must',
      }),
    ),
  },
  {
    title: 'Approval',
    description:
      'nothing is started until somebody with upgrade:write has approved the task; the dispatch delay runs meanwhile',
    examples: [{ required: true, withinHours: 8, onExpiry: 'cancel', fourEyes: true }],
  },
);

export const PileBody = closed(
  {
    control: Type.Optional(
      Type.Enum(['when_idle', 'at_once'], {
        type: 'string',
        default: USUAL_PILE_OPTIONS.control,
        description: 'when_idle: a pile begins when nothing is charging; at_once: it interrupts whoever is charging',
      }),
    ),
    confirm: Type.Optional(
      Type.Boolean({ description: 'needed for at_once: true says that charging may be interrupted', default: false }),
    ),
    downloadTimeoutMinutes: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 255,
        default: USUAL_PILE_OPTIONS.downloadTimeoutMinutes,
        description: 'a pile that has not loaded the file within this time gives up',
      }),
    ),
  },
  {
    title: 'PileOptions',
    description: 'what charging piles are told with the offer',
    examples: [{ control: 'when_idle', downloadTimeoutMinutes: 30 }],
  },
);

export const OptionsBody = closed(
  {
    dispatchDelayMinutes: Type.Optional(
      Type.Number({
        minimum: 0,
        maximum: 43_200,
        default: 10,
        description: 'time to change or cancel the task before the first device; less than 1 needs upgrade:batch',
      }),
    ),
    night: Type.Optional(Type.Boolean({ default: false, description: 'true: only 00:00 to 06:00 in Asia/Shanghai' })),
    window: Type.Optional(nullable(WindowBody)),
    ...PACING_OPTIONS,
    abort: Type.Optional(AbortBody),
    approval: Type.Optional(nullable(ApprovalBody)),
    joins: Type.Optional(
      Type.Boolean({
        default: false,
        description:
          'needs `filter`: devices that are registered later, or report a version later that the first file may replace, join the task while it runs; it then lives until its deadline',
      }),
    ),
    attemptsPerFile: Type.Optional(Type.Integer({ minimum: 1, maximum: 10, default: 3 })),
    notEligible: Type.Optional(
      Type.Enum(['wait', 'skip'], {
        type: 'string',
        default: 'wait',
        description: 'devices that may not take the file yet',
      }),
    ),
    deadlineHours: amount(2_160, 168, 'from now; afterwards nothing is offered any more'),
    limits: Type.Optional(LimitsBody),
    pile: Type.Optional(PileBody),
  },
  { title: 'TaskOptions' },
);

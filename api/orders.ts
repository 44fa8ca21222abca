/**
 * An order to upgrade devices, from what a person sends to what is planned. `POST /upgrade-tasks/plan` and
 * `POST /upgrade-tasks` both come through `planOrder`, so what is planned is what happens on an unchanged fleet.
 */
import { Type, type Static } from 'typebox';
import { demand, type Caller } from './auth.ts';
import { forecast, impossible, warningsOf, type Forecast, type Warning } from './order-rules.ts';
import { problem, type FieldError } from './problems.ts';
import { closed, Id, nullable, text } from './schemas.ts';
import type { Db } from '../db/index.ts';
import { PROTOCOLS, type TaskOptions } from '../db/schema.ts';
import { MAX_TASK_DEVICES, planUpgrade, type PlanRequest, type UpgradePlan } from '../db/tasks.ts';
import { atMost } from '../workflows/rules/pacing.ts';
import { DEFAULT_WINDOW } from '../workflows/rules/windows.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

const amount = (maximum: number, fallback: number, description: string) =>
  Type.Optional(Type.Number({ exclusiveMinimum: 0, maximum, default: fallback, description }));

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
    reactionSeconds: amount(3_600, 60, 'an offer without reaction is repeated after this time'),
    settleSeconds: amount(3_600, 120, 'reports of the old version this soon after the last byte say nothing'),
  },
  { title: 'StageLimits' },
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
    maxConcurrent: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 2_000, default: 50, description: 'devices under way at one time' }),
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
  },
  { title: 'TaskOptions' },
);

export const OrderBody = closed(
  {
    name: Type.Optional(text(200, { minLength: 1 })),
    firmwareIds: Type.Array(Id, {
      minItems: 1,
      description: 'one or two files, in the order in which they are installed',
    }),
    deviceIds: Type.Optional(
      Type.Array(text(100), {
        description: `the devices, in the order in which they are started; at most ${MAX_TASK_DEVICES}. Either this or filter`,
      }),
    ),
    filter: Type.Optional(
      closed(
        {
          protocol: Type.Optional(Type.Enum(PROTOCOLS, { type: 'string' })),
          model: Type.Optional(text(100)),
          q: Type.Optional(text(40, { minLength: 1, description: 'beginning of an id, an identity or an IMEI' })),
        },
        { minProperties: 1, description: 'all devices of the department that fit. Either this or deviceIds' },
      ),
    ),
    options: Type.Optional(OptionsBody),
  },
  {
    title: 'UpgradeOrder',
    examples: [
      {
        name: 'GV2 to 11, then 12',
        firmwareIds: [7, 8],
        deviceIds: ['terminal-6134441313'],
        options: { night: true, maxConcurrent: 100, limits: { transferMinutes: 90 } },
      },
    ],
  },
);
export type Order = Static<typeof OrderBody>;

/** An order that can be carried out, with what will come of it. */
export interface PlannedOrder {
  plan: UpgradePlan;
  options: TaskOptions;
  dispatchAtMs: number;
  deadlineAtMs: number;
  forecast: Forecast;
  warnings: Warning[];
}

/**
 * Plans an order: which devices go, which not and why, and how long it takes.
 *
 * @throws Problem `order_refused` with every reason why it is impossible, `permission_missing`
 */
export async function planOrder(
  db: Db,
  caller: Caller,
  order: Order,
  defaultDispatchDelayMs: number,
): Promise<PlannedOrder> {
  assertChosen(order);
  const options = readOptions(order.options ?? {}, defaultDispatchDelayMs);
  const delayMinutes = order.options?.dispatchDelayMinutes;
  if (delayMinutes !== undefined && delayMinutes < 1)
    demand(caller, 'upgrade:batch', 'A dispatch delay of less than a minute');
  const { departmentId } = caller;
  const chosen: PlanRequest['chosen'] =
    order.deviceIds === undefined ? { filter: order.filter! } : { deviceIds: order.deviceIds };
  const plan = await planUpgrade(db, {
    departmentId,
    firmwareIds: order.firmwareIds,
    chosen,
    notEligible: options.notEligible,
  });
  if (plan.devices.length > 1) demand(caller, 'upgrade:batch', 'Upgrading more than one device');

  const dispatchAtMs = plan.nowMs + options.dispatchDelayMs;
  const deadlineAtMs = plan.nowMs + options.lifeMs;
  const times = { plan, options, dispatchAtMs, deadlineAtMs };
  const errors = impossible(times);
  if (errors.length > 0) throw orderRefused(errors);
  const expected = forecast(times);
  return { ...times, forecast: expected, warnings: warningsOf(times, expected) };
}

/** What is stored of the options; friendly units become milliseconds. */
function readOptions(body: Static<typeof OptionsBody>, defaultDispatchDelayMs: number): TaskOptions {
  const limits = body.limits ?? {};
  return {
    pacing: atMost(body.maxConcurrent ?? 50),
    abort: [],
    approval: null,
    joins: null,
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
      reactionMs: Math.round((limits.reactionSeconds ?? 60) * SECOND),
      settleMs: Math.round((limits.settleSeconds ?? 120) * SECOND),
    },
  };
}

/** Stored options in the units in which they were given. */
export function showOptions(options: TaskOptions): Static<typeof OptionsBody> {
  const { limits } = options;
  return {
    dispatchDelayMinutes: options.dispatchDelayMs / MINUTE,
    window: options.window,
    maxConcurrent: options.pacing.maxConcurrent,
    attemptsPerFile: options.attemptsPerFile,
    notEligible: options.notEligible,
    limits: {
      waitOnlineHours: limits.waitOnlineMs / HOUR,
      transferMinutes: limits.transferMs / MINUTE,
      proofMinutes: limits.proofMs / MINUTE,
      silenceMinutes: limits.silenceMs / MINUTE,
      reactionSeconds: limits.reactionMs / SECOND,
      settleSeconds: limits.settleMs / SECOND,
    },
  };
}

function assertChosen(order: Order): void {
  const errors: FieldError[] = [];
  if (order.firmwareIds.length > 2) {
    errors.push({
      path: 'body.firmwareIds',
      code: 'too_many_files',
      message: `a task has one or two files, not ${order.firmwareIds.length}; make a second task for the rest`,
    });
  }
  if ((order.deviceIds === undefined) === (order.filter === undefined)) {
    errors.push({
      path: 'body.deviceIds',
      code: 'devices_not_chosen',
      message: 'give either deviceIds or filter, and not both',
    });
  }
  if (order.options?.night === true && order.options.window != null) {
    errors.push({
      path: 'body.options.window',
      code: 'window_and_night',
      message: 'night already means a window; give either night or window',
    });
  }
  if (errors.length > 0) throw orderRefused(errors);
}

function orderRefused(errors: readonly FieldError[]) {
  const [first] = errors;
  const more = errors.length > 1 ? ` (and ${errors.length - 1} more reasons, see errors)` : '';
  return problem('order_refused', `The order cannot be carried out: ${first!.message}${more}.`, { errors });
}

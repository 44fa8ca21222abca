/**
 * An order to upgrade devices, from what a person sends to what is planned. `POST /upgrade-tasks/plan` and
 * `POST /upgrade-tasks` both come through `planOrder`, so what is planned is what happens on an unchanged fleet.
 */
import { Type, type Static } from 'typebox';
import { demand, type Caller } from '../auth.ts';
import { forecast, impossible, timed, warningsOf, type Forecast, type Warning } from './order-rules.ts';
import { problem, type FieldError } from '../problems.ts';
import { OptionsBody } from './order-fields.ts';
import { readOptions } from './order-options.ts';
import { MAX_POWER_KW } from '../devices/device-protocols.ts';
import { closed, Id, text } from '../schemas.ts';
import type { Db } from '../../db/index.ts';
import { PROTOCOLS, type TaskOptions } from '../../db/schema.ts';
import { MAX_TASK_DEVICES, planUpgrade, type PlanRequest, type UpgradePlan } from '../../db/upgrades/plans.ts';
import { MOST_TASK_FILES } from '../../workflows/rules/eligibility.ts';

export { OptionsBody } from './order-fields.ts';
export { showOptions } from './order-options.ts';

export const OrderBody = closed(
  {
    name: Type.Optional(text(200, { minLength: 1 })),
    firmwareIds: Type.Array(Id, {
      minItems: 1,
      description: `one or two files for each kind of device, in the order in which they are installed; at most ${MOST_TASK_FILES}. Each device gets those of its protocol, a charging pile those of its model and power`,
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
          powerKw: Type.Optional(Type.Integer({ minimum: 1, maximum: MAX_POWER_KW, description: 'of charging piles' })),
          orderNo: Type.Optional(text(100, { minLength: 1, description: 'factory or customer order' })),
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

const CHOICES = ['deviceIds', 'filter'] as const;

/** What the document says of an order beyond that; an order that breaks it is refused with all its other faults at once. */
export const DocumentedOrder = {
  ...OrderBody,
  properties: {
    ...OrderBody.properties,
    firmwareIds: { ...OrderBody.properties.firmwareIds, maxItems: MOST_TASK_FILES },
  },
  oneOf: CHOICES.map((field) => ({ properties: { [field]: {} }, required: [field] })),
};

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
  const options = readOptions(order, defaultDispatchDelayMs);
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
  if (options.joins !== null) demand(caller, 'upgrade:batch', 'A task that devices may join');

  const dispatchAtMs = plan.nowMs + options.dispatchDelayMs;
  const deadlineAtMs = plan.nowMs + options.lifeMs;
  const times = timed({ plan, options, dispatchAtMs, deadlineAtMs });
  const errors = impossible(times);
  if (errors.length > 0) throw orderRefused(errors);
  const expected = forecast(times);
  return { ...times, forecast: expected, warnings: warningsOf(times, expected) };
}

function assertChosen(order: Order): void {
  const errors: FieldError[] = [];
  if (order.firmwareIds.length > MOST_TASK_FILES) {
    errors.push({
      path: 'body.firmwareIds',
      code: 'too_many_files',
      message: `a task has at most ${MOST_TASK_FILES} files, not ${order.firmwareIds.length}; make a second task for the rest`,
    });
  }
  if (order.options?.pile?.control === 'at_once' && order.options.pile.confirm !== true) {
    errors.push({
      path: 'body.options.pile.confirm',
      code: 'confirm_required',
      message:
        'at_once interrupts whoever is charging; add confirm: true if that is meant, or let piles begin when_idle',
    });
  }
  if ((order.deviceIds === undefined) === (order.filter === undefined)) {
    errors.push({
      path: 'body.deviceIds',
      code: 'devices_not_chosen',
      message: 'give either deviceIds or filter, and not both',
    });
  }
  if (order.options?.joins === true && order.filter === undefined) {
    errors.push({
      path: 'body.options.joins',
      code: 'joins_without_filter',
      message: 'devices can join only what a filter describes; give filter instead of deviceIds, or leave out joins',
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

/**
 * How a plan looks in answers: in sums, and device by device.
 */
import { Type, type Static } from 'typebox';
import { ProtocolName } from '../devices/device-views.ts';
import type { PlannedOrder } from './orders.ts';
import { reasonText } from './reasons.ts';
import { closed, ComponentName, nullable } from '../schemas.ts';
import type { FirmwareRow } from '../../db/upgrades/firmware.ts';
import { PLAN_OUTCOMES } from '../../db/upgrades/plans.ts';
import { assumedBytesPerSecond, expectedDurationMs } from '../../workflows/rules/windows.ts';

const COUNT = Type.Integer({ minimum: 0 });
const at = (description: string) => nullable(Type.String({ format: 'date-time', description }));

export const PlanOutcomeName = Type.Enum(PLAN_OUTCOMES, {
  type: 'string',
  description:
    'goes: at once; waits: is in the task and begins when the reason is gone; skipped: is listed and left alone; refused: is not taken into the task',
});

/** What plan and creation say alike. */
export const PLAN_FIELDS = {
  counts: closed({ asked: COUNT, goes: COUNT, waits: COUNT, skipped: COUNT, refused: COUNT }),
  reasons: Type.Array(
    closed({ outcome: PlanOutcomeName, reason: Type.String(), reasonText: nullable(Type.String()), devices: COUNT }),
  ),
  nights: nullable(
    Type.Integer({ description: 'windows until every device that can go has ended; null without a window' }),
  ),
  expectedEndAt: at('of the devices that can go, when all behave; null: not before the deadline'),
  latestEndAt: Type.String({ format: 'date-time', description: 'the task has ended by then, whatever devices do' }),
  warnings: Type.Array(closed({ code: Type.String(), message: Type.String() })),
};

export const PlanDevice = closed(
  {
    position: nullable(Type.Integer({ description: 'place in the order of starting, from 0; null when refused' })),
    deviceId: Type.String(),
    firmwareIds: Type.Array(Type.Integer(), { description: 'the files that are for it, in their order' }),
    outcome: PlanOutcomeName,
    reason: nullable(Type.String()),
    explanation: Type.String(),
    wave: nullable(
      Type.Integer({ description: 'step of growth in which its turn comes, from 1; always 1 without growth' }),
    ),
    night: nullable(Type.Integer({ description: 'window in which its turn comes, from 1; null without a window' })),
    earliestStartAt: at('it is not offered the file before, whatever happens'),
    expectedStartAt: at('when all behave; null: it waits, or does not end before the deadline'),
    expectedEndAt: at('when all behave'),
    latestEndAt: at('it has ended by then, whatever happens'),
  },
  { title: 'PlannedDevice' },
);

export const TaskFile = closed({
  firmwareId: Type.Integer(),
  fileName: Type.String(),
  protocol: ProtocolName,
  model: nullable(Type.String({ description: 'only devices of this model; null: any' })),
  powerKw: nullable(Type.Integer({ description: 'only charging piles of this power; null: not for piles' })),
  component: ComponentName,
  targetVersion: Type.String(),
  sizeBytes: Type.Integer(),
  expectedMinutes: Type.Number({
    description: 'from the offer to the end of the flash, of a device as they usually are',
  }),
});

/** The part of an answer that plan and creation have in common. */
export function showPlan({ plan, forecast, warnings }: PlannedOrder) {
  const counts = { asked: plan.devices.length, goes: 0, waits: 0, skipped: 0, refused: 0 };
  const reasons = new Map<
    string,
    { outcome: (typeof PLAN_OUTCOMES)[number]; reason: string; reasonText: string | null; devices: number }
  >();
  for (const { outcome, reason } of plan.devices) {
    counts[outcome]++;
    if (reason === null) continue;
    const key = `${outcome} ${reason}`;
    const entry = reasons.get(key) ?? { outcome, reason, reasonText: reasonText(reason), devices: 0 };
    entry.devices += 1;
    reasons.set(key, entry);
  }
  return {
    counts,
    reasons: [...reasons.values()],
    nights: forecast.nights,
    expectedEndAt: momentOf(forecast.expectedEndAtMs),
    latestEndAt: new Date(forecast.latestEndAtMs).toISOString(),
    warnings,
  };
}

/** A page of the devices of a plan. `next` counts all of them, also those that are refused and have no place. */
export function showPlanDevices(
  { plan, forecast }: PlannedOrder,
  { outcome, limit, after }: { outcome?: string; limit: number; after: number },
): { devices: Static<typeof PlanDevice>[]; next: number | null } {
  const devices: Static<typeof PlanDevice>[] = [];
  let position = 0;
  for (const [index, device] of plan.devices.entries()) {
    const place = device.outcome === 'refused' ? null : position++;
    if (index <= after || (outcome !== undefined && device.outcome !== outcome)) continue;
    if (devices.length === limit) return { devices, next: limit === 0 ? null : index - 1 };
    const turn = forecast.turns.get(device.deviceId);
    devices.push({
      position: place,
      deviceId: device.deviceId,
      firmwareIds: device.files.map(({ id }) => id),
      outcome: device.outcome,
      reason: device.reason,
      explanation: device.explanation,
      wave: turn?.wave ?? null,
      night: turn?.night ?? null,
      earliestStartAt: momentOf(turn?.earliestStartAtMs),
      expectedStartAt: momentOf(turn?.expectedStartAtMs),
      expectedEndAt: momentOf(turn?.expectedEndAtMs),
      latestEndAt: turn === undefined ? null : momentOf(forecast.latestDeviceEndAtMs),
    });
  }
  return { devices, next: null };
}

export function showFile(file: FirmwareRow) {
  const { id, fileName, protocol, model, powerKw, component, targetVersion, sizeBytes } = file;
  const durationMs = expectedDurationMs(sizeBytes, assumedBytesPerSecond(protocol, null));
  const expectedMinutes = Math.ceil(durationMs / 6_000) / 10;
  return { firmwareId: id, fileName, protocol, model, powerKw, component, targetVersion, sizeBytes, expectedMinutes };
}

function momentOf(ms: number | null | undefined): string | null {
  return ms == null ? null : new Date(ms).toISOString();
}

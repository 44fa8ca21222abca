/**
 * What can be said about an order before it begins: when each device gets its turn, why the order could never be carried
 * out, what the person who gives it may have overlooked. Pure; the files and devices come from the plan.
 */
import type { FieldError } from '../problems.ts';
import type { FirmwareRow } from '../../db/upgrades/firmware.ts';
import { MAX_TASK_DEVICES, type PlannedDevice, type UpgradePlan } from '../../db/upgrades/plans.ts';
import type { TaskOptions } from '../../db/schema.ts';
import { filesByKind, MOST_DEVICE_FILES } from '../../workflows/rules/eligibility.ts';
import {
  latestDeviceEndMs,
  latestTaskEndMs,
  scheduleTask,
  type Schedule,
  type Turn,
} from '../../workflows/rules/schedule.ts';
import type { TaskTimes } from '../../workflows/rules/play.ts';
import {
  assumedBytesPerSecond,
  earliestStart,
  expectedDurationMs,
  isZone,
  NEVER_MS,
  nightsFrom,
  type Window,
} from '../../workflows/rules/windows.ts';

/** An order with the plan that was made of it. */
export interface Order {
  plan: UpgradePlan;
  options: TaskOptions;
  dispatchAtMs: number;
  deadlineAtMs: number;
}

/** A plan with the turn of each device. */
export interface TimedPlan extends Order {
  schedule: Schedule;
  /** By device id, of those that are in the task and not left alone. */
  turns: ReadonlyMap<string, Turn>;
}

export interface Forecast {
  /** Windows needed until every device that can go has had its turn; null without a window, or when it never ends. */
  nights: number | null;
  /** When the last device that can go is expected to be done; null when that is after the deadline. */
  expectedEndAtMs: number | null;
  /** When the task has ended at the latest, whatever devices do. */
  latestEndAtMs: number;
  /** When each of its devices has. */
  latestDeviceEndAtMs: number;
  turns: ReadonlyMap<string, Turn>;
}

/** Something that is possible and most likely not meant. */
export interface Warning {
  code: string;
  message: string;
}

/** With the deadline far away, a file that fits none of so many days' windows fits none that people think of. */
const ORDINARY_DAYS_MS = 8 * 24 * 60 * 60_000;

/** Gives each device its turn; one whose file fits no night waits, whatever else is right with it. */
export function timed(order: Order): TimedPlan {
  const { plan, options } = order;
  const taken = plan.devices.filter(({ outcome }) => outcome === 'goes' || outcome === 'waits');
  // What is wrong with the zone is said elsewhere, and more devices than there may be are not asked about.
  const isPlayable = (options.window === null || isZone(options.window.zone)) && !plan.tooMany;
  const schedule = scheduleTask(
    (isPlayable ? taken : []).map((device) => ({
      isReady: device.outcome === 'goes',
      durationsMs: durationsOf(device.files, device),
      keys: device.pace?.keys ?? {},
    })),
    timesOf(order),
  );
  const turns = new Map(
    taken.slice(0, schedule.turns.length).map(({ deviceId }, place) => [deviceId, schedule.turns[place]!]),
  );
  const devices = plan.devices.map((device) =>
    device.outcome === 'goes' && turns.get(device.deviceId)?.fitting === 0 ? tooSlow(device) : device,
  );
  return { ...order, plan: { ...plan, devices }, schedule, turns };
}

/** Every reason why an order could never be carried out; empty when there is none. */
export function impossible(order: TimedPlan): FieldError[] {
  const { plan } = order;
  if (plan.missingFirmwareIds.length > 0) {
    return plan.missingFirmwareIds.map((id) =>
      error('firmwareIds', 'firmware_not_found', `there is no file ${id} in your department; upload it first`),
    );
  }
  return [...wrongFiles(plan.files), ...wrongTimes(order), ...wrongDevices(order)];
}

/** How long an order takes. */
export function forecast(order: TimedPlan): Forecast {
  const times = timesOf(order);
  return {
    nights: order.schedule.nights,
    expectedEndAtMs: order.schedule.expectedEndAtMs,
    latestEndAtMs: latestTaskEndMs(times),
    latestDeviceEndAtMs: latestDeviceEndMs(times),
    turns: order.turns,
  };
}

/** What the person should look at again. */
export function warningsOf(order: TimedPlan, { nights }: Forecast): Warning[] {
  const { plan, schedule } = order;
  const warnings: Warning[] = [];
  if (schedule.late > 0) {
    const needed = nights === null ? '' : ` (it takes ${nights} nights)`;
    warnings.push({
      code: 'deadline_too_early',
      message: `${schedule.late} of the devices that can go do not end before the deadline${needed}; raise deadlineHours, or let more devices go at one time or in a minute`,
    });
  }
  const slow = plan.devices.filter(({ outcome, reason }) => outcome === 'waits' && reason === 'window').length;
  if (slow > 0) {
    warnings.push({
      code: 'devices_too_slow_for_window',
      message: `${slow} devices are so slow that the file fits none of the windows before the deadline; they are never started unless the window is made longer`,
    });
  }
  const halfway = plan.devices.filter(({ deviceId, outcome, files, pace }) => {
    const fitting = order.turns.get(deviceId)?.fitting ?? 0;
    return outcome === 'goes' && fitting > 0 && fitting < files.length - (pace?.firstFile ?? 0);
  }).length;
  if (halfway > 0) {
    warnings.push({
      code: 'second_file_longer_than_window',
      message: `the second file fits none of the windows before the deadline of ${halfway} devices, which end with the first file only; make the window longer`,
    });
  }
  const kinds = filesByKind(plan.files);
  kinds.forEach((files) => warnings.push(...files.flatMap((_, index) => unreachable(files, index))));
  const piles = plan.devices.filter(
    ({ outcome, files }) => outcome !== 'refused' && files[0]?.protocol === 'pile',
  ).length;
  if (piles > 0 && order.options.pile?.control === 'at_once') {
    warnings.push({
      code: 'charging_interrupted',
      message: `${piles} charging piles begin at once and interrupt whoever is charging then; with when_idle they wait`,
    });
  }
  return warnings;
}

/** Protocols whose devices report one version and nothing else. */
const ONE_VERSION = { terminal: 'a terminal', pcp: 'a PCP device', pile: 'a charging pile' } as Record<string, string>;

/** Before a file such a device reports what it then runs: if that is not the compatible version, it waits for ever. */
function unreachable(files: readonly FirmwareRow[], index: number): Warning[] {
  const { id, protocol, currentVersions, compatibleVersion } = files[index]!;
  const reported = index === 0 ? currentVersions : [files[index - 1]!.targetVersion];
  const device = ONE_VERSION[protocol];
  if (device === undefined || reported.includes(compatibleVersion)) return [];
  return [
    {
      code: 'compatible_version_unreachable',
      message: `file ${id} asks for the compatible version ${compatibleVersion}, but ${device} that may take it reports ${reported.join(' or ')} and nothing else: it would wait for ever`,
    },
  ];
}

function wrongFiles(files: readonly FirmwareRow[]): FieldError[] {
  const twice = files.find(({ id }, index) => files.findIndex((other) => other.id === id) < index);
  if (twice !== undefined) {
    return [error('firmwareIds', 'same_file_twice', `file ${twice.id} is given twice; give it once`)];
  }
  return filesByKind(files).flatMap(wrongPair);
}

/** What is wrong with the files for one kind of device. */
function wrongPair(files: readonly FirmwareRow[]): FieldError[] {
  const [first, second] = files as [FirmwareRow, FirmwareRow?];
  if (second === undefined) return [];
  if (files.length > MOST_DEVICE_FILES) {
    const kind =
      first.protocol === 'pile' ? `${first.model} piles of ${first.powerKw} kW` : `protocol ${first.protocol}`;
    return [
      error(
        'firmwareIds',
        'too_many_files',
        `a device takes one or two files in a task, and ${files.length} are for ${kind} (${files.map(({ id }) => id).join(', ')}); make a second task for the rest`,
      ),
    ];
  }
  if (first.component === second.component && !second.currentVersions.includes(first.targetVersion)) {
    return [
      error(
        'firmwareIds',
        'second_file_unreachable',
        `after file ${first.id} a device runs ${first.targetVersion}, but file ${second.id} replaces only ${second.currentVersions.join(', ')}; change their order, or upload the second file again with ${first.targetVersion} among its current versions`,
      ),
    ];
  }
  return [];
}

function wrongTimes(order: TimedPlan): FieldError[] {
  const { options, dispatchAtMs, deadlineAtMs } = order;
  const { window } = options;
  if (window !== null && !isZone(window.zone)) {
    return [
      error(
        'options.window.zone',
        'zone_unknown',
        `there is no time zone "${window.zone}"; give an IANA name, for example Asia/Shanghai`,
      ),
    ];
  }
  const errors: FieldError[] = [];
  if (deadlineAtMs <= dispatchAtMs) {
    errors.push(
      error(
        'options.deadlineHours',
        'deadline_before_dispatch',
        'the deadline comes before the first device would be started; raise deadlineHours or lower dispatchDelayMinutes',
      ),
    );
  }
  return window === null ? errors : [...errors, ...wrongWindow(order, window)];
}

/** A window in which nothing could ever be started. */
function wrongWindow({ plan, dispatchAtMs, deadlineAtMs, turns }: TimedPlan, window: Window): FieldError[] {
  const taken = plan.devices.filter(({ deviceId }) => turns.has(deviceId));
  const isInTime = deadlineAtMs > dispatchAtMs;
  if (isInTime && taken.some(({ deviceId }) => turns.get(deviceId)!.fitting > 0)) return [];
  // Of the quickest device; where there is none, of one as they usually are.
  const longest = (device?: PlannedDevice) => Math.max(0, ...durationsOf(device?.files ?? plan.files, device));
  const durationMs =
    taken.length === 0 ? longest() : taken.reduce((least, device) => Math.min(least, longest(device)), Infinity);
  const untilMs = Math.max(deadlineAtMs, dispatchAtMs + ORDINARY_DAYS_MS);
  const startMs = earliestStart(window, dispatchAtMs, durationMs, untilMs);
  if (startMs === NEVER_MS) {
    return [
      error(
        'options.window',
        'file_longer_than_window',
        `the largest file takes about ${minutes(durationMs)} minutes and the longest window before the deadline has ${minutes(longestWindowMs(window, dispatchAtMs, untilMs))}: it could never be started; make the window longer`,
      ),
    ];
  }
  if (!isInTime || startMs < deadlineAtMs) return [];
  return [
    error(
      'options.deadlineHours',
      'deadline_before_window',
      `the deadline comes before ${new Date(startMs).toISOString()}, when the file fits into the window for the first time; raise deadlineHours`,
    ),
  ];
}

function wrongDevices({ plan, options }: Order): FieldError[] {
  if (plan.tooMany) {
    return [
      error('deviceIds', 'too_many_devices', `a task has at most ${MAX_TASK_DEVICES} devices; make several tasks`),
    ];
  }
  // Whom the task is for may come later.
  if (options.joins !== null) return [];
  if (plan.devices.some(({ outcome }) => outcome === 'goes' || outcome === 'waits')) return [];
  const reasons = [...new Set(plan.devices.map(({ reason }) => reason))].join(', ');
  const why =
    reasons === ''
      ? 'no device fits; check deviceIds or filter'
      : `none of the devices can take part (${reasons}); the plan says why for each`;
  return [error('deviceIds', 'no_devices', why)];
}

function timesOf({ plan, options, dispatchAtMs, deadlineAtMs }: Order): TaskTimes {
  const { pacing, window, limits, approval } = options;
  const approvalDeadlineAtMs = approval === null ? null : plan.nowMs + approval.withinMs;
  return { pacing, window, dispatchAtMs, deadlineAtMs, approvalDeadlineAtMs, proofMs: limits.proofMs };
}

/** How long each file takes that a device, or one as they usually are, still needs. */
function durationsOf(files: readonly FirmwareRow[], device?: PlannedDevice): number[] {
  return files
    .slice(device?.pace?.firstFile ?? 0)
    .map(({ sizeBytes, protocol }) =>
      expectedDurationMs(sizeBytes, device?.pace?.bytesPerSecond ?? assumedBytesPerSecond(protocol, null)),
    );
}

function tooSlow(device: PlannedDevice): PlannedDevice {
  const takes = minutes(durationsOf(device.files, device)[0] ?? 0);
  const speed = Math.round(device.pace?.bytesPerSecond ?? 0);
  const explanation = `at ${speed} bytes per second the file takes about ${takes} minutes, longer than any of the windows before the deadline`;
  return { ...device, outcome: 'waits', reason: 'window', explanation };
}

function longestWindowMs(window: Window, fromMs: number, untilMs: number): number {
  let longest = 0;
  for (const { opensAtMs, closesAtMs } of nightsFrom(window, fromMs)) {
    if (opensAtMs >= untilMs) break;
    longest = Math.max(longest, closesAtMs - opensAtMs);
  }
  return longest;
}

function error(field: string, code: string, message: string): FieldError {
  return { path: `body.${field}`, code, message };
}

function minutes(ms: number): number {
  return Math.ceil(ms / 60_000);
}

/**
 * What can be said about an order before it begins: why it could never be carried out, how long it takes, what the
 * person who gives it may have overlooked. Pure; the files and devices come from the plan.
 */
import type { FieldError } from './problems.ts';
import type { FirmwareRow } from '../db/firmware.ts';
import type { TaskOptions } from '../db/schema.ts';
import { MAX_TASK_DEVICES, type UpgradePlan } from '../db/tasks.ts';
import { LAST_DEVICES_MS } from '../workflows/rules/offers.ts';
import {
  earliestStart,
  expectedDurationMs,
  isZone,
  shortestWindowMs,
  windowAt,
  type Window,
} from '../workflows/rules/windows.ts';

/** A plan with its times. */
export interface TimedPlan {
  plan: UpgradePlan;
  options: TaskOptions;
  dispatchAtMs: number;
  deadlineAtMs: number;
}

export interface Forecast {
  /** Windows needed until every device that can go has had its turn; null without a window. */
  nights: number | null;
  /** When the last device that can go is expected to be done; null when that is after the deadline. */
  expectedEndAtMs: number | null;
  /** When the task has ended at the latest, whatever devices do. */
  latestEndAtMs: number;
}

/** Something that is possible and most likely not meant. */
export interface Warning {
  code: string;
  message: string;
}

/** Time for timers to fire and the last rows to be written. */
const END_MARGIN_MS = 5 * 60_000;

/** Every reason why an order could never be carried out; empty when there is none. */
export function impossible(order: TimedPlan): FieldError[] {
  const { plan } = order;
  if (plan.missingFirmwareIds.length > 0) {
    return plan.missingFirmwareIds.map((id) =>
      error('firmwareIds', 'firmware_not_found', `there is no file ${id} in your department; upload it first`),
    );
  }
  return [...wrongFiles(plan.files), ...wrongTimes(order), ...wrongDevices(plan)];
}

/** How long an order takes when every device behaves: devices side by side, files one after the other. */
export function forecast({ plan, options, dispatchAtMs, deadlineAtMs }: TimedPlan): Forecast {
  const devices = plan.devices.filter(({ outcome }) => outcome === 'goes').length;
  const durations = plan.files.map((file) => expectedDurationMs(file.sizeBytes));
  const turns = Math.ceil(devices / options.pacing.maxConcurrent);
  const latestEndAtMs = deadlineAtMs + options.limits.proofMs + LAST_DEVICES_MS + END_MARGIN_MS;
  if (options.window === null) {
    const endAtMs = dispatchAtMs + turns * durations.reduce((sum, duration) => sum + duration, 0);
    return { nights: null, expectedEndAtMs: endAtMs <= deadlineAtMs ? endAtMs : null, latestEndAtMs };
  }
  const nights = nightsNeeded(turns, durations, shortestWindowMs(options.window, plan.nowMs));
  return { nights, expectedEndAtMs: endOfNight(options.window, nights, dispatchAtMs, deadlineAtMs), latestEndAtMs };
}

/** What the person should look at again. */
export function warningsOf({ plan, options }: TimedPlan, expected: Forecast): Warning[] {
  const warnings: Warning[] = [];
  if (expected.expectedEndAtMs === null) {
    warnings.push({
      code: 'deadline_too_early',
      message: `with ${options.pacing.maxConcurrent} devices at a time not all of them get their turn before the deadline; raise maxConcurrent or deadlineHours`,
    });
  }
  plan.files.forEach((file, index) => {
    // A terminal reports one version only, so before this file it reports what it then runs and nothing else.
    const reported = index === 0 ? file.currentVersions : [plan.files[index - 1]!.targetVersion];
    if (file.protocol !== 'terminal' || reported.includes(file.compatibleVersion)) return;
    warnings.push({
      code: 'compatible_version_unreachable',
      message: `file ${file.id} asks for the compatible version ${file.compatibleVersion}, but a terminal that may take it reports ${reported.join(' or ')} and nothing else: it would wait for ever`,
    });
  });
  return warnings;
}

function wrongFiles(files: readonly FirmwareRow[]): FieldError[] {
  const [first, second] = files as [FirmwareRow, FirmwareRow?];
  if (second === undefined) return [];
  if (first.id === second.id) {
    return [error('firmwareIds', 'same_file_twice', `file ${first.id} is given twice; give it once`)];
  }
  if (first.protocol !== second.protocol) {
    return [
      error(
        'firmwareIds',
        'files_of_different_protocols',
        `file ${first.id} is for ${first.protocol}, file ${second.id} for ${second.protocol}; make two tasks`,
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

function wrongTimes({ plan, options, dispatchAtMs, deadlineAtMs }: TimedPlan): FieldError[] {
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
  if (window === null) return errors;
  const longest = Math.max(...plan.files.map((file) => expectedDurationMs(file.sizeBytes)));
  const shortest = shortestWindowMs(window, plan.nowMs);
  if (longest > shortest) {
    errors.push(
      error(
        'options.window',
        'file_longer_than_window',
        `the largest file takes about ${minutes(longest)} minutes and the window is only ${minutes(shortest)} minutes long: it could never be started; make the window longer`,
      ),
    );
  } else if (deadlineAtMs > dispatchAtMs && earliestStart(window, dispatchAtMs, longest) >= deadlineAtMs) {
    errors.push(
      error(
        'options.deadlineHours',
        'deadline_before_window',
        'the deadline comes before the window opens for the first time; raise deadlineHours',
      ),
    );
  }
  return errors;
}

function wrongDevices(plan: UpgradePlan): FieldError[] {
  if (plan.tooMany) {
    return [
      error('deviceIds', 'too_many_devices', `a task has at most ${MAX_TASK_DEVICES} devices; make several tasks`),
    ];
  }
  if (plan.devices.some(({ outcome }) => outcome === 'goes' || outcome === 'waits')) return [];
  const reasons = [...new Set(plan.devices.map(({ reason }) => reason))].join(', ');
  const why =
    reasons === ''
      ? 'no device fits; check deviceIds or filter'
      : `none of the devices can take part (${reasons}); the plan says why for each`;
  return [error('deviceIds', 'no_devices', why)];
}

/** Devices one after the other on each of the parallel places, each file inside one night. */
function nightsNeeded(turns: number, durations: readonly number[], nightMs: number): number {
  const together = durations.reduce((sum, duration) => sum + duration, 0);
  if (together <= nightMs) return Math.ceil(turns / Math.floor(nightMs / together));
  return durations.reduce(
    (nights, duration) => nights + Math.ceil(turns / Math.max(1, Math.floor(nightMs / duration))),
    0,
  );
}

/** The closing of the n-th window from the dispatch on; null when it opens after the deadline. */
function endOfNight(window: Window, nights: number, dispatchAtMs: number, deadlineAtMs: number): number | null {
  let atMs = dispatchAtMs;
  for (let night = 0; night < nights; night++) {
    const position = windowAt(window, atMs);
    const opensAtMs = position.open ? atMs : position.opensAtMs;
    if (opensAtMs >= deadlineAtMs) return null;
    const opened = windowAt(window, opensAtMs);
    atMs = opened.open ? opened.closesAtMs : opensAtMs + 1;
  }
  return atMs;
}

function error(field: string, code: string, message: string): FieldError {
  return { path: `body.${field}`, code, message };
}

function minutes(ms: number): number {
  return Math.ceil(ms / 60_000);
}

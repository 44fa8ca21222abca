/**
 * "Why did this one not upgrade?" in one sentence, from how the device stands now. Words and nothing else: what is so
 * comes as an argument.
 */
import { reasonText } from './reasons.ts';
import type { Standing } from '../../db/devices/lineage.ts';
import { gate } from '../../workflows/rules/eligibility.ts';
import {
  assumedBytesPerSecond,
  earliestStart,
  expectedDurationMs,
  NEVER_MS,
  windowAt,
} from '../../workflows/rules/windows.ts';

/** The answer. */
export interface Why {
  /** For programs: `no_task`, a task's status, an upgrade's status, or what it waits for. */
  code: string;
  answer: string;
  /** The moment until which this is so, where it is known. */
  untilMs: number | null;
}

/** Says how a device stands that is in a task, was in one, or never was. */
export function whyOf(standing: Standing | null): Why {
  if (standing === null) return why('no_task', 'it is in no task; make one to upgrade it');
  if (standing.endedMs !== null) return whyEnded(standing, standing.endedMs);
  return standing.dispatched ? whyLive(standing) : whyPlanned(standing);
}

/** Chosen by a task that has not begun with it. */
function whyPlanned(standing: Standing): Why {
  const { taskStatus, taskId, dispatchMs, approvalMs, before, maxConcurrent, nowMs } = standing;
  const task = `task ${taskId}`;
  if (taskStatus === 'awaiting_approval')
    return why(
      'awaiting_approval',
      `waits: a second person must approve ${task}${at(' before ', approvalMs)}`,
      approvalMs,
    );
  if (taskStatus === 'paused') return why('paused', `waits: ${task} is paused; resume it to go on`);
  if (taskStatus === 'cancelling') return why('cancelling', `ends: ${task} is being cancelled`);
  if (dispatchMs > nowMs)
    return why('scheduled', `waits: ${task} begins at ${iso(dispatchMs)}, when its dispatch delay is over`, dispatchMs);
  if (standing.holderTaskId !== null) return busy(standing);
  const closed = outsideHours(standing);
  if (closed !== null) return closed;
  if (taskStatus === 'scheduled') return why('scheduled', `waits: ${task} is just beginning`);
  const others =
    before === 0 ? 'it is next' : before === 1 ? '1 device is before it' : `${before} devices are before it`;
  return why('turn', `waits for its turn in ${task}: ${others}, at most ${maxConcurrent} go at one time`);
}

/** Begun: a workflow drives it. */
function whyLive(standing: Standing): Why {
  const { status, reason, taskId, file, bytesSent, lastSeenMs, taskStatus } = standing;
  const target = `${file.component} ${file.targetVersion}`;
  const inTask = `(task ${taskId})`;
  if (status === 'scheduled') return why('starting', `is just being started ${inTask}`);
  if (status === 'offered' && reason === 'offline') {
    // Its offer stands until the window closes; who comes back too late in it is not told of it any more.
    const closed = outsideHours(standing);
    if (closed !== null) return closed;
    const seen = at(', last heard of at ', lastSeenMs);
    return why('offline', `waits: not connected${seen}; ${target} is offered at its next contact ${inTask}`);
  }
  if (status === 'offered') return why('offered', `is being offered ${target} now ${inTask}`);
  if (status === 'transferring') {
    return why('transferring', `is loading ${target}: ${Math.floor((bytesSent * 100) / file.sizeBytes)} % ${inTask}`);
  }
  if (status === 'confirming') {
    return reason === 'awaiting_operator'
      ? why('awaiting_operator', `reports ${target}; a person must confirm it ${inTask}`)
      : why('confirming', `has the whole file; its report of ${target} is awaited ${inTask}`);
  }
  if (reason === 'busy') return busy(standing);
  if (reason === 'window')
    return outsideHours(standing) ?? why('window', `is just going on, the permitted hours have begun ${inTask}`);
  if (reason === 'task_paused' || taskStatus === 'paused')
    return why('paused', `waits: task ${taskId} is paused; resume it to go on`);
  const verdict = gate(file, standing);
  if (verdict.kind === 'closed') return why(verdict.reason, `waits: ${verdict.explanation} ${inTask}`);
  return why(reason ?? 'waiting', `waits: ${reasonText(reason) ?? 'it goes on in a moment'} ${inTask}`);
}

function whyEnded(standing: Standing, endedMs: number): Why {
  const { status, reason, taskId, decision, decidedBy, file, running } = standing;
  const inTask = `(task ${taskId})`;
  if (status === 'succeeded') {
    const now = running === null || running === file.targetVersion ? '' : `; it reports ${running} now`;
    return why('succeeded', `it did: ${file.component} ${file.targetVersion} since ${iso(endedMs)}${now} ${inTask}`);
  }
  const words = reasonText(reason) ?? reason;
  const said = words === null ? status : `${status}: ${words}`;
  if (status === 'cancelled' || status === 'skipped')
    return why(status, `${said}; a new task takes it up again ${inTask}`);
  if (decision === 'give_up') return why(status, `${said}; ${decidedBy} gave it up ${inTask}`);
  return why(status, `${said}; needs a person ${inTask}`);
}

function busy({ holderTaskId, taskId }: Standing): Why {
  const other = holderTaskId === null ? 'another task' : `task ${holderTaskId}`;
  return why('busy', `waits: ${other} is upgrading this device; then task ${taskId} takes it up`);
}

/** Null within the permitted hours, when enough of them is left. */
function outsideHours({ window, nowMs, file, protocol, bytesPerSecond, taskId }: Standing): Why | null {
  if (window === null) return null;
  const durationMs = expectedDurationMs(file.sizeBytes, assumedBytesPerSecond(protocol, bytesPerSecond));
  const startMs = earliestStart(window, nowMs, durationMs);
  if (startMs <= nowMs) return null;
  const hours = `${window.from} to ${window.to} ${window.zone}`;
  if (startMs >= NEVER_MS) {
    const minutes = Math.ceil(durationMs / 60_000);
    return why(
      'window',
      `waits in vain: it needs ${minutes} minutes, the permitted hours ${hours} are shorter (task ${taskId})`,
    );
  }
  const words = windowAt(window, nowMs).open
    ? `too late to end before the permitted hours are over at ${window.to}, goes on at ${window.from} ${window.zone}`
    : `outside the permitted hours until ${window.from} ${window.zone}`;
  return why('window', `waits: ${words} (task ${taskId})`, startMs);
}

function why(code: string, answer: string, untilMs: number | null = null): Why {
  return { code, answer, untilMs };
}

const iso = (ms: number) => new Date(ms).toISOString();
const at = (words: string, ms: number | null) => (ms === null ? '' : `${words}${iso(ms)}`);

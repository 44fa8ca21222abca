/**
 * One device takes one or two firmware files, one after the other.
 *
 * For each file: ask the gate (the device must have reported a version the file may replace) and, if it is open, write
 * an offer. A gateway sends it and serves the bytes without this workflow. Then wait for the one thing that counts: a
 * version report newer than the offer that equals the target. Only then comes the next file, or success.
 *
 * What goes wrong is judged by class (rules/retry): bad luck is tried again, a device that went away is waited for,
 * what cannot get better ends here. Everything is bounded by the deadline of the task.
 *
 * The good path of one file is one signal, two local activities and one timer.
 */
import {
  CancellationScope,
  condition,
  log,
  proxyLocalActivities,
  setCurrentDetails,
  setHandler,
  upsertSearchAttributes,
  defineQuery,
  defineSignal,
} from '@temporalio/workflow';
import type { UpgradeActivities } from '../activities/upgrades.ts';
import {
  ACTIVE_STATUS,
  CONTROL_SIGNAL,
  EDGE_SIGNAL,
  SEARCH_ATTRIBUTES,
  UPGRADE_VIEW_QUERY,
  type DeviceEdge,
  type UpgradeControl,
  type UpgradeDeviceInput,
  type UpgradeFile,
  type UpgradeOutcome,
  type UpgradeView,
} from './contract.ts';
import { judgeOffer, type OfferVerdict } from './rules/offers.ts';
import { failureMeaning } from './rules/retry.ts';
import { isEnd, type UpgradeStatus } from './rules/statuses.ts';
import { needsOperatorConfirmation } from './rules/versions.ts';

const db = proxyLocalActivities<UpgradeActivities>({
  startToCloseTimeout: '30s',
  // A database that is away comes back; what cannot be cured by repeating fails at once (activities/failures.ts).
  retry: { initialInterval: '200ms', backoffCoefficient: 2, maximumInterval: '1m' },
});

/** After "not now" the device is asked again, each time a little later. */
const LATER_MS = [10, 20, 40, 60].map((minutes) => minutes * 60_000);

/** Everything this execution knows. */
interface Run {
  input: UpgradeDeviceInput;
  view: UpgradeView;
  /** What woke it and was not looked at yet. */
  edge: DeviceEdge | null;
  /** What a person decided. */
  control: UpgradeControl | null;
  proven: number;
}

/** How it ends: what the row, the log and the result say. */
interface Ending extends UpgradeOutcome {
  author: string;
  cause: string;
}

export async function upgradeDevice(input: UpgradeDeviceInput): Promise<UpgradeOutcome> {
  const run: Run = {
    input,
    view: { status: 'scheduled', reason: null, file: 1, attempt: input.firstAttempt, failures: 0, wakesAtMs: null },
    edge: null,
    control: null,
    proven: 0,
  };
  setHandler(defineQuery<UpgradeView>(UPGRADE_VIEW_QUERY), () => run.view);
  setHandler(defineSignal<[DeviceEdge]>(EDGE_SIGNAL), (edge) => void (run.edge = edge));
  setHandler(defineSignal<[UpgradeControl]>(CONTROL_SIGNAL), (control) => {
    if (control.upgradeId === input.upgradeId) run.control = control;
  });
  // A cancellation from the Web UI or the command line is an operator's cancel: it takes the same orderly way out.
  void CancellationScope.current().cancelRequested.catch(() => {
    run.control ??= {
      action: 'cancel',
      author: 'temporal',
      cause: 'cancelled in Temporal',
      upgradeId: input.upgradeId,
    };
  });
  return CancellationScope.nonCancellable(async () => {
    try {
      const outcome = await installFiles(run);
      const { deviceId, taskId, upgradeId } = input;
      log.info('a device upgrade has ended', { deviceId, taskId, upgradeId, ...outcome });
      return outcome;
    } catch (error) {
      const cause = `the program failed: ${describe(error)}`;
      await finish(run, { status: 'failed', reason: 'internal_error', author: 'system', cause });
      throw error;
    }
  });
}

async function installFiles(run: Run): Promise<UpgradeOutcome> {
  const { files } = run.input;
  const needsPerson = files.some((file) => needsOperatorConfirmation(file.component));
  for (const [fileIndex, file] of files.entries()) {
    show(run, { file: fileIndex + 1, failures: 0 });
    const last = fileIndex === files.length - 1 && !needsPerson;
    const ending = await installFile(run, fileIndex, file, last);
    if (ending !== null) return finish(run, ending);
    run.proven += 1;
  }
  if (needsPerson) return finish(run, await awaitConfirmation(run));
  return show(run, { status: 'succeeded', reason: null });
}

/** Offers one file until it is proven (null) or cannot be (how it ends). */
async function installFile(run: Run, fileIndex: number, file: UpgradeFile, last: boolean): Promise<Ending | null> {
  const { upgradeId } = run.input;
  for (;;) {
    const stop = stopped(run);
    if (stop !== null) return stop;
    const opened = await db.openOffer({ upgradeId, attempt: run.view.attempt, fileIndex });
    switch (opened.kind) {
      case 'already_current': {
        const { version } = opened;
        const { component } = file;
        const { attempt } = run.view;
        const current = await db.recordAlreadyCurrent({ upgradeId, attempt, fileIndex, component, version, last });
        if (current.stale) continue;
        return null;
      }
      case 'waiting':
        show(run, { status: 'waiting', reason: opened.reason });
        await woken(run, opened.waitMs, `waits: ${opened.reason}`);
        continue;
      case 'not_eligible':
        return system('skipped', opened.reason, 'not eligible, and the task skips those');
      case 'deadline':
        return system('expired', 'task_deadline', 'the deadline of the task has passed');
      case 'ended':
        return system(opened.status, opened.reason, 'ended elsewhere');
      case 'offered': {
        show(run, { status: 'offered', reason: opened.online ? null : 'offline' });
        const verdict = await awaitProof(run, fileIndex, last, opened);
        const ending = verdict === 'proven' ? null : await learnFrom(run, verdict);
        if (ending !== null) return ending;
        // The number names an offer, and whatever comes next is another one.
        show(run, { attempt: run.view.attempt + 1 });
        if (verdict === 'proven') return null;
      }
    }
  }
}

type Setback = Exclude<OfferVerdict, { kind: 'proven' | 'wait' }> | { kind: 'stopped'; ending: Ending };

/** Waits for the proof of the offered file, looking at what the gateways wrote whenever something happens or is due. */
async function awaitProof(
  run: Run,
  fileIndex: number,
  last: boolean,
  { online, leftMs }: { online: boolean; leftMs: number },
): Promise<'proven' | Setback> {
  const { upgradeId, limits } = run.input;
  const key = { upgradeId, attempt: run.view.attempt };
  let waitMs = Math.min(online ? limits.silenceMs : limits.waitOnlineMs, leftMs);
  for (;;) {
    const edge = await woken(run, waitMs, `file ${fileIndex + 1}, attempt ${key.attempt}: look whether it is moving`);
    if (edge === 'reported' && (await db.recordProof({ ...key, fileIndex, last })).proven) return 'proven';
    const facts = await db.readOffer(key);
    if (facts === null)
      return { kind: 'stopped', ending: system('failed', 'overtaken', 'another attempt has taken over') };
    const verdict = judgeOffer(facts, limits);
    if (verdict.kind === 'proven') {
      if ((await db.recordProof({ ...key, fileIndex, last })).proven) return 'proven';
      waitMs = 1_000;
      continue;
    }
    // A device that has every byte flashes whatever we wish: a stop waits for the truth.
    const stop = facts.finishedAtMs === null ? stopped(run) : null;
    if (stop !== null) return { kind: 'stopped', ending: stop };
    if (verdict.kind !== 'wait') return verdict;
    const parked = verdict.stage === 'offered' && facts.awaitsContact;
    show(run, { status: verdict.stage, reason: parked ? 'offline' : null });
    waitMs = verdict.ms;
  }
}

/** What follows from an attempt that came to nothing: another one (null) or the end. */
async function learnFrom(run: Run, setback: Setback): Promise<Ending | null> {
  if (setback.kind === 'stopped') return setback.ending;
  if (setback.kind === 'offline') return system('expired', 'device_offline', 'the device had no contact in time');
  if (setback.kind === 'unproven') {
    return system('unproven', 'no_report', 'everything was transferred, no version was reported in time');
  }
  const { code } = setback;
  const { retry, words, advice } = failureMeaning(code);
  const key = { upgradeId: run.input.upgradeId, attempt: run.view.attempt, code };
  if (retry === 'never') return system('failed', code, `${words}; ${advice}`);
  if (retry === 'reconnect') {
    await db.closeOffer({ ...key, reason: null, retry: 'offered again' });
    return null;
  }
  show(run, { failures: run.view.failures + 1 });
  const { failures } = run.view;
  if (retry === 'now') {
    if (failures >= run.input.attemptsPerFile) return system('failed', code, `${words}, ${failures} times; ${advice}`);
    await db.closeOffer({ ...key, reason: null, retry: `attempt ${failures + 1} of ${run.input.attemptsPerFile}` });
    return null;
  }
  const laterMs = LATER_MS[Math.min(failures, LATER_MS.length) - 1]!;
  await db.closeOffer({ ...key, reason: 'retry_later', retry: `tried again in ${laterMs / 60_000} minutes` });
  show(run, { status: 'waiting', reason: 'retry_later' });
  await woken(run, laterMs, `waits: the device said not now (${code})`);
  return null;
}

/** Baseband: the version is reported, a person has the last word. */
async function awaitConfirmation(run: Run): Promise<Ending> {
  const cause = 'the new baseband version is reported; an operator must confirm it';
  const { upgradeId, files, deadlineAtMs } = run.input;
  await db.recordWaiting({
    upgradeId,
    attempt: run.view.attempt,
    fileIndex: files.length - 1,
    status: 'confirming',
    reason: 'awaiting_operator',
    cause,
  });
  show(run, { status: 'confirming', reason: 'awaiting_operator' });
  if (run.control?.action !== 'confirm') run.control = null;
  await condition(() => run.control !== null, Math.max(1, deadlineAtMs - Date.now()), {
    summary: 'an operator must confirm',
  });
  const { control } = run;
  if (control === null) return system('unproven', 'baseband_not_confirmed', 'nobody confirmed it before the deadline');
  if (control.action === 'confirm') {
    return { status: 'succeeded', reason: null, author: control.author, cause: control.cause ?? 'confirmed by hand' };
  }
  return {
    status: 'unproven',
    reason: 'baseband_not_confirmed',
    author: control.author,
    cause: control.cause ?? control.action,
  };
}

/** Sleeps until something happens to the device, a person acts, or `ms` have passed. */
async function woken(run: Run, ms: number, summary: string): Promise<DeviceEdge | null> {
  show(run, { wakesAtMs: Date.now() + ms });
  const acted = run.control;
  await condition(() => run.edge !== null || run.control !== acted, Math.max(1, Math.ceil(ms)), { summary });
  const { edge } = run;
  run.edge = null;
  show(run, { wakesAtMs: null });
  return edge;
}

/** The ending a person asked for, if one did. */
function stopped(run: Run): Ending | null {
  const { control } = run;
  if (control === null || control.action === 'confirm') return null;
  const status = control.action === 'skip' ? 'skipped' : 'cancelled';
  return { status, reason: `${status}_by_operator`, author: control.author, cause: control.cause ?? '' };
}

function system(status: UpgradeStatus, reason: string | null, cause: string): Ending {
  return { status, reason, author: 'system', cause };
}

/** Writes the end. With one file proven and another not, the device is neither upgraded nor as it was: partial. */
async function finish(run: Run, ending: Ending): Promise<UpgradeOutcome> {
  const isPartial = run.proven > 0 && run.proven < run.input.files.length && ending.status !== 'partial';
  const status = isPartial ? 'partial' : ending.status;
  const entry = { author: ending.author, event: status, cause: ending.cause };
  const { upgradeId } = run.input;
  // What is written may differ: a device can take back what a person confirms in the same moment.
  const ended = await db.finishUpgrade({
    upgradeId,
    attempt: run.view.attempt,
    status,
    reason: ending.reason,
    entry,
  });
  return show(run, ended);
}

/**
 * Changes what a query, the list of executions and the page of this execution show. The list says `active` as long as
 * nothing is worth filtering for: each change of it is a write in Temporal's visibility store.
 */
function show(run: Run, change: Partial<UpgradeView>): UpgradeOutcome {
  const before = listed(run.view.status);
  Object.assign(run.view, change);
  const { status, reason, file, attempt } = run.view;
  if (listed(status) !== before) upsertSearchAttributes({ [SEARCH_ATTRIBUTES.status]: [listed(status)] });
  setCurrentDetails(
    `**${status}**${reason === null ? '' : ` (${reason})`}: file ${file} of ${run.input.files.length}, attempt ${attempt}\n\n` +
      run.input.files
        .map(({ fileName, component, targetVersion }) => `- ${component} → ${targetVersion}: ${fileName}`)
        .join('\n'),
  );
  return { status, reason };
}

function listed(status: UpgradeStatus): string {
  return status === 'waiting' || isEnd(status) ? status : ACTIVE_STATUS;
}

/** The error of the step itself, not the wrapper that says which activity it came from. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? error.cause.message : error.message;
}

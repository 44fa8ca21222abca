/**
 * Carries out what a person decides about upgrades that need one: one or many, each with what came of it. A retry is an
 * update of the task's workflow, one for all devices of a task; what a workflow waits for it is told; everything else is
 * a row. Each way is durable, with author, before it is answered.
 */
import { refusalOf } from './attention.ts';
import type { Caller } from '../auth.ts';
import { within } from '../http/deadlines.ts';
import { ControlRefused } from '../executions/executions.ts';
import type { Services } from '../route.ts';
import { findAttention, type AttentionRow } from '../../db/upgrades/attention.ts';
import * as decisions from '../../db/upgrades/decisions.ts';
import type { Decision } from '../../db/schema.ts';

/** An update waits for a worker; without one it would wait for ever. */
const UPDATE_MS = 15_000;
const SIGNAL_MS = 10_000;
/** Updates and signals under way at one time. */
const PARALLEL = 10;

/**
 * - `done`: it is so
 * - `told`: the workflow of the device was told, its status follows
 * - `refused`: `why` says what is so instead
 * - `missing`: no such upgrade
 * - `failed`: `error` says why; nothing was decided
 */
export type Outcome = { upgradeId: number } & (
  | { kind: 'done' | 'told'; deviceId: string }
  | { kind: 'refused'; deviceId: string; why: string }
  | { kind: 'missing' }
  | { kind: 'failed'; deviceId: string; error: unknown }
);

/** Decides about upgrades of the caller's department; answers one outcome for each id, in their order. */
export async function decide(
  services: Services,
  caller: Caller,
  upgradeIds: readonly number[],
  { decision, cause }: { decision: Decision; cause: string | undefined },
): Promise<Outcome[]> {
  const rows = await findAttention(services.db, caller.departmentId, upgradeIds);
  const outcomes = new Map<number, Outcome>();
  const open: AttentionRow[] = [];
  for (const row of rows) {
    const why = refusalOf(row, decision);
    if (why === null) open.push(row);
    else outcomes.set(row.id, refused(row, why));
  }
  const by = { author: caller.name, cause: cause ?? '' };
  const live = open.filter(({ ended }) => !ended);
  const ended = open.filter((row) => row.ended);
  const found = [
    decision === 'retry' ? await retry(services, caller, ended, cause) : [],
    decision === 'give_up' ? await giveUp(services, caller, ended, by) : [],
    decision === 'confirm' ? await inParallel(ended, (row) => confirm(services, row, by)) : [],
    decision === 'retry' ? [] : await inParallel(live, (row) => tell(services, row, decision, by)),
  ];
  for (const outcome of found.flat()) outcomes.set(outcome.upgradeId, outcome);
  return upgradeIds.map((upgradeId) => outcomes.get(upgradeId) ?? { upgradeId, kind: 'missing' });
}

/** One update for all devices of a task; which of them it took up is read afterwards. */
async function retry({ db, executions }: Services, caller: Caller, rows: AttentionRow[], cause: string | undefined) {
  const tasks = new Map<number, AttentionRow[]>();
  for (const row of rows) tasks.set(row.taskId, [...(tasks.get(row.taskId) ?? []), row]);
  const outcomes = await inParallel([...tasks], async ([taskId, its]): Promise<Outcome[]> => {
    const upgradeIds = its.map(({ id }) => id);
    const by = { author: caller.name, ...(cause === undefined ? {} : { cause }), upgradeIds };
    const labels = { department: caller.department, name: its[0]!.taskName };
    try {
      await within(UPDATE_MS, executions.retryFailed(taskId, labels, by));
    } catch (error) {
      if (error instanceof ControlRefused)
        return its.map((row) => refused(row, `task ${taskId} refuses: ${error.message}`));
      return its.map((row) => failed(row, error));
    }
    const now = new Map((await findAttention(db, caller.departmentId, upgradeIds)).map((row) => [row.id, row]));
    return its.map((row) => {
      const after = now.get(row.id) ?? row;
      // One that has failed again by now was taken up: its moment has changed.
      return after.ended && after.sinceUs === row.sinceUs
        ? refused(row, `task ${taskId} did not take it up again; look at the log of the task`)
        : done(row);
    });
  });
  return outcomes.flat();
}

async function giveUp(
  { db }: Services,
  caller: Caller,
  rows: AttentionRow[],
  by: decisions.Author,
): Promise<Outcome[]> {
  if (rows.length === 0) return [];
  const given = new Set(
    await decisions.giveUp(
      db,
      rows.map(({ id }) => id),
      by,
    ),
  );
  const missed = rows.filter(({ id }) => !given.has(id));
  const now =
    missed.length === 0
      ? []
      : await findAttention(
          db,
          caller.departmentId,
          missed.map(({ id }) => id),
        );
  return rows.map((row) => {
    if (given.has(row.id)) return done(row);
    const after = now.find(({ id }) => id === row.id) ?? row;
    return refused(row, refusalOf(after, 'give_up') ?? 'it changed in this moment; look at it again');
  });
}

const NOT_CONFIRMED = {
  not_unproven: 'it changed in this moment; look at it again',
  decided: 'somebody decided about it in this moment; look at it again',
  not_baseband: 'the file is not for the baseband (T3); only a version report proves it. Retry the device',
  not_last_file: 'another file would have followed. Retry the device',
  not_reported: 'the device has not reported the target version after the offer. Wait for its report, or retry it',
};

async function confirm({ db }: Services, row: AttentionRow, by: decisions.Author): Promise<Outcome> {
  const outcome = await decisions.confirmUnproven(db, row.id, by);
  return outcome === 'confirmed' ? done(row) : refused(row, NOT_CONFIRMED[outcome]);
}

/** The workflow waits for a person: it is told first, which is durable, then the row says who has decided. */
async function tell(
  { db, executions }: Services,
  row: AttentionRow,
  decision: 'confirm' | 'give_up',
  by: decisions.Author,
): Promise<Outcome> {
  const control = {
    upgradeId: row.id,
    action: decision === 'confirm' ? ('confirm' as const) : ('cancel' as const),
    ...by,
  };
  try {
    if (!(await within(SIGNAL_MS, executions.controlUpgrade(row.deviceId, control)))) {
      return refused(row, 'its workflow is just ending. Try again in some seconds');
    }
  } catch (error) {
    return failed(row, error);
  }
  await decisions.noteTold(db, row.id, decision, by);
  return { upgradeId: row.id, kind: 'told', deviceId: row.deviceId };
}

const done = ({ id, deviceId }: AttentionRow): Outcome => ({ upgradeId: id, kind: 'done', deviceId });
const refused = ({ id, deviceId }: AttentionRow, why: string): Outcome => ({
  upgradeId: id,
  kind: 'refused',
  deviceId,
  why,
});
const failed = ({ id, deviceId }: AttentionRow, error: unknown): Outcome => ({
  upgradeId: id,
  kind: 'failed',
  deviceId,
  error,
});

/** Works on all items, some at one time; results in their order. */
async function inParallel<Item, Result>(
  items: readonly Item[],
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  const queue = items.entries();
  const lanes = Array.from({ length: Math.min(PARALLEL, items.length) }, async () => {
    for (const [place, item] of queue) results[place] = await work(item);
  });
  await Promise.all(lanes);
  return results;
}

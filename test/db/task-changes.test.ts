import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  changePacing,
  loadTask,
  recordApproval,
  recordApprovalNeeded,
  recordTaskStatus,
  recordWaitingStopped,
} from '../../db/upgrades/task-changes.ts';
import { HOUR, Records, type TaskSeed } from './records.ts';
import { atMost } from '../../workflows/rules/pacing.ts';
import type { TaskStatus } from '../../workflows/rules/statuses.ts';

let records: Records;
beforeAll(async () => {
  records = await Records.start();
});
afterAll(() => records.stop());

const LI = { author: 'li', cause: 'complaints' };
const task = async (seed: TaskSeed = {}) => (await records.task([await records.device()], seed)).taskId;

async function events(taskId: number) {
  const rows = await records.sql`
    select e.kind, e.data, e.department_id = t.department_id as ours
    from events e join upgrade_tasks t on t.id = e.task_id where e.task_id = ${taskId} order by e.id`;
  return rows.map(({ kind, data, ours }) => ({ kind, data, ours }) as { kind: string; data: unknown; ours: boolean });
}

describe('a change of a task', () => {
  it.each<[TaskStatus, TaskStatus, string, string | null]>([
    ['scheduled', 'running', 'running', 'task.started'],
    ['running', 'paused', 'paused', 'task.paused'],
    ['running', 'paused', 'aborted', 'task.paused'],
    ['paused', 'running', 'resumed', null],
    ['running', 'finished', 'finished', 'task.finished'],
    ['cancelling', 'cancelled', 'cancelled', 'task.cancelled'],
    ['running', 'cancelling', 'cancelling', null],
  ])('from %s to %s (%s) is told to others as %s, once', async (from, to, event, kind) => {
    const taskId = await task({ status: from });
    const details = { succeeded: 3 };
    for (const _ of [1, 2]) expect(await recordTaskStatus(records.db, taskId, to, { ...LI, event, details })).toBe(to);
    const isEnd = to === 'finished' || to === 'cancelled';
    const data = { name: 'night batch', ...LI, ...(isEnd ? { counts: details } : {}) };
    expect(await events(taskId)).toEqual(kind === null ? [] : [{ kind, data, ours: true }]);
    expect(await records.taskLog(taskId)).toEqual([{ ...LI, event, details }]);
  });

  it('that expects another status changes and tells nothing', async () => {
    const taskId = await task({ status: 'cancelling' });
    const entry = { author: 'system', event: 'aborted' };
    expect(await recordTaskStatus(records.db, taskId, 'paused', entry, ['running'])).toBe('cancelling');
    expect(await records.taskLog(taskId)).toEqual([]);
    expect(await events(taskId)).toEqual([]);
  });
});

describe('a rule that ends what was not offered', () => {
  it('is said once, and nobody joins any more', async () => {
    const taskId = await task({ options: { joins: { model: 'GV2' } } });
    for (const _ of [1, 2]) await recordWaitingStopped(records.db, taskId, '5 of 10');
    expect(await records.taskLog(taskId)).toEqual([
      { author: 'system', event: 'aborted', cause: '5 of 10', details: { effect: 'cancel_waiting' } },
    ]);
    expect((await loadTask(records.db, taskId)).options.joins).toBeNull();
  });
});

describe('a change of the pacing', () => {
  const entry = { ...LI, event: 'pacing_changed' };

  it('changes what it names, with before and after in the log, and counts', async () => {
    const taskId = await task({ options: { pacing: atMost(5) } });
    const abort = [{ failures: 'any', percent: 5, afterFinished: 20, effect: 'pause' } as const];
    const growth = { basePerMinute: 10, factor: 2, everyDevices: 50, by: 'finished' } as const;
    const first = await changePacing(records.db, taskId, { fields: { maxConcurrent: 9, abort } }, entry);
    expect(first).toMatchObject({ kind: 'changed', revision: 2 });
    const second = await changePacing(records.db, taskId, { fields: { growth }, revision: 2 }, entry);
    expect(second).toMatchObject({ kind: 'changed', revision: 3 });
    expect(await loadTask(records.db, taskId)).toMatchObject({
      revision: 3,
      options: { pacing: { ...atMost(9), growth }, abort, attemptsPerFile: 3 },
    });
    expect(await records.taskLog(taskId)).toEqual([
      { ...entry, details: { before: { maxConcurrent: 5, abort: [] }, after: { maxConcurrent: 9, abort } } },
      { ...entry, details: { before: { growth: null }, after: { growth } } },
    ]);
  });

  it('is refused when somebody else was faster', async () => {
    const taskId = await task();
    const change = (maxConcurrent: number) =>
      changePacing(records.db, taskId, { fields: { maxConcurrent }, revision: 1 }, entry);
    const answers = await Promise.all([change(7), change(8), change(9)]);
    expect(answers.map(({ kind }) => kind).sort()).toEqual(['changed', 'conflict', 'conflict']);
    expect(await records.taskLog(taskId)).toHaveLength(1);
  });

  it('that is repeated, because its answer was lost, is the same change', async () => {
    const taskId = await task();
    const growth = { by: 'finished', everyDevices: 50, factor: 2, basePerMinute: 10 } as const;
    const change = () => changePacing(records.db, taskId, { fields: { growth }, revision: 1 }, entry);
    expect(await change()).toMatchObject({ kind: 'changed', revision: 2 });
    expect(await change()).toMatchObject({ kind: 'changed', revision: 2 });
    expect(await records.taskLog(taskId)).toHaveLength(1);
  });
});

describe('an approval', () => {
  async function awaiting(fourEyes: boolean, inMs = HOUR): Promise<number> {
    const approval = { withinMs: HOUR, onExpiry: 'cancel', fourEyes } as const;
    const taskId = await task({ status: 'awaiting_approval', options: { approval } });
    await records.sql`
      update upgrade_tasks set created_by = 'zhao', created_by_key = 7,
        approval_deadline_at = now() + make_interval(secs => ${inMs / 1_000}) where id = ${taskId}`;
    return taskId;
  }
  const by = (author: string, keyId: number | null) => ({ author, keyId, cause: 'looks good' });

  it('is asked for once, and others hear of it', async () => {
    const taskId = await awaiting(true);
    const entry = { author: 'system', event: 'approval_needed', cause: 'somebody else must approve it' };
    for (const _ of [1, 2]) await recordApprovalNeeded(records.db, taskId, entry);
    expect(await records.taskLog(taskId)).toEqual([{ ...entry, details: {} }]);
    const data = { name: 'night batch', author: 'system', cause: entry.cause };
    expect(await events(taskId)).toEqual([{ kind: 'task.approval_needed', data, ours: true }]);
  });

  it.each<[string, boolean, string, number | null, string | null]>([
    ['another person', true, 'wang', 8, null],
    ['the maker', true, 'zhao', 7, 'own_task'],
    ['the maker with another key of the same name', true, 'zhao', 8, 'own_task'],
    ['the same key under another name', true, 'wang', 7, 'own_task'],
    ['the maker, where one pair of eyes is enough', false, 'zhao', 7, null],
    ['nobody in time, where the order says to start', true, 'system', null, null],
  ])('by %s (four eyes: %s)', async (_, fourEyes, author, keyId, refusal) => {
    const taskId = await awaiting(fourEyes);
    expect(await recordApproval(records.db, taskId, by(author, keyId))).toBe(refusal);
    const [row] = await records.sql`
      select status, approved_by as "by", approved_at is not null as approved from upgrade_tasks where id = ${taskId}`;
    if (refusal === null) {
      expect(row).toEqual({ status: 'scheduled', by: author, approved: true });
      expect(await records.taskLog(taskId)).toEqual([{ author, event: 'approved', cause: 'looks good', details: {} }]);
    } else {
      expect(row).toEqual({ status: 'awaiting_approval', by: null, approved: false });
      expect(await records.taskLog(taskId)).toEqual([]);
    }
  });

  it('is taken once, whoever gives it at the same moment; repeating one’s own is harmless', async () => {
    const taskId = await awaiting(true);
    const answers = await Promise.all(
      ['wang', 'chen', 'liu'].map((name, n) => recordApproval(records.db, taskId, by(name, n))),
    );
    expect(answers.filter((answer) => answer === null)).toHaveLength(1);
    expect(answers.filter((answer) => answer === 'not_awaited')).toHaveLength(2);
    const winner = ['wang', 'chen', 'liu'][answers.indexOf(null)]!;
    expect(await recordApproval(records.db, taskId, by(winner, 1))).toBeNull();
    expect(await records.taskLog(taskId)).toHaveLength(1);
  });

  it('is not taken when its time is over, or where none is awaited', async () => {
    const late = await awaiting(true, -1_000);
    expect(await recordApproval(records.db, late, by('wang', 8))).toBe('too_late');
    expect(await recordApproval(records.db, await task(), by('wang', 8))).toBe('not_awaited');
  });
});

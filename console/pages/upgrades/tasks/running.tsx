/** What runs now: the tasks that have not ended, each with its bar, as on a board. */
import type { UpgradeTask } from '../../../api-types.ts';
import { useLiveRefresh } from '../../../api/live.ts';
import { usePages } from '../../../api/queries.ts';
import { may } from '../../../api/session.ts';
import { StatusBadge } from '../../../parts/badge.tsx';
import { Empty, Page } from '../../../parts/page.tsx';
import { ProblemNote } from '../../../parts/problem.tsx';
import { countText, Time } from '../../../parts/time.tsx';
import { Link } from '../../../shell/router.tsx';
import { t as shellTexts } from '../../../shell/texts.ts';
import { TaskProgress, useLiveCounts } from './progress.tsx';
import { LIVE_TASKS, t, taskName } from './texts.ts';

export function RunningPage() {
  const words = t();
  return (
    <Page
      title={words.upgradesTitle}
      lead={words.upgradesLead}
      actions={
        <>
          <Link class="button" to="/tasks">
            {words.upgradesAll}
          </Link>
          {may('upgrade:write') && (
            <Link class="button primary" to="/tasks/new">
              {words.make}
            </Link>
          )}
        </>
      }
    >
      <RunningTasks />
    </Page>
  );
}

/** Cards of all tasks that have not ended; also part of the overview. */
export function RunningTasks() {
  const list = usePages('listUpgradeTasks', { query: { status: LIVE_TASKS } }, 50);
  useLiveRefresh(list.refresh, ({ type }) => type === 'task');
  useLiveCounts();
  const words = t();
  if (list.error !== null) return <ProblemNote problem={list.error} retry={list.refresh} />;
  if (!list.loading && list.items.length === 0) {
    return (
      <Empty title={words.upgradesNone} detail={may('upgrade:write') ? words.upgradesNoneAdvice : undefined}>
        {may('upgrade:write') && <Link to="/tasks/new">{words.make}</Link>}
        <Link to="/tasks">{words.upgradesAll}</Link>
      </Empty>
    );
  }
  return (
    <>
      <ul class="task-cards">
        {list.items.map((task) => (
          <TaskCard key={task.id} task={task} />
        ))}
      </ul>
      {list.hasMore && (
        <button type="button" class="button" onClick={list.loadMore}>
          {shellTexts().common.more}
        </button>
      )}
    </>
  );
}

/** Their first device may have begun. */
const BEGUN: readonly string[] = ['running', 'paused', 'cancelling'];

function TaskCard({ task }: { task: UpgradeTask }) {
  const words = t();
  return (
    <li class="task-card">
      <p class="row">
        <Link to={`/tasks/${task.id}`}>{taskName(task)}</Link>
        <StatusBadge status={task.status} />
        <span class="grow" />
        <span class="muted">
          {words.column.devices} {countText(task.deviceCount)} · {words.one.by(task.createdBy)}
        </span>
      </p>
      <TaskProgress task={task} />
      <p class="muted small">
        {task.startedAt === null || !BEGUN.includes(task.status) ? words.one.dispatch : words.one.started}{' '}
        <Time at={BEGUN.includes(task.status) ? (task.startedAt ?? task.dispatchAt) : task.dispatchAt} relative /> ·{' '}
        {words.one.deadline} <Time at={task.deadlineAt} />
      </p>
    </li>
  );
}

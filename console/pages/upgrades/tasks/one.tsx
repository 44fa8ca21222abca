/** One task while it runs and afterwards: how far it is, its devices, and what may be done. */
import { useState } from 'preact/hooks';
import type { UpgradeTaskDetail } from '../../../api-types.ts';
import { useLive, useLiveRefresh } from '../../../api/live.ts';
import { useQuery } from '../../../api/queries.ts';
import { StatusBadge } from '../../../parts/badge.tsx';
import { ExecutionLink } from '../../../parts/links.tsx';
import { Facts, Page, Panel } from '../../../parts/page.tsx';
import { ProblemNote } from '../../../parts/problem.tsx';
import { Tabs } from '../../../parts/tabs.tsx';
import { countText, Time } from '../../../parts/time.tsx';
import { Link, useFilters, type PageProps } from '../../../shell/router.tsx';
import { protocolText } from '../firmware/texts.ts';
import { limitsText, rulesText } from '../task-rules.tsx';
import { TaskChart } from './chart.tsx';
import { TaskControls } from './controls.tsx';
import { StatusCounts } from './counts.tsx';
import { TaskDevices } from './devices.tsx';
import { TaskLog } from './log.tsx';
import { CountsBar } from './progress.tsx';
import { t, taskName, type Counts } from './texts.ts';

export function TaskPage({ params }: PageProps) {
  const taskId = Number(params['taskId']);
  return <TaskView key={taskId} taskId={taskId} />;
}

function TaskView({ taskId }: { taskId: number }) {
  const { data: task, error, refresh } = useQuery('getUpgradeTask', { params: { taskId } });
  const [live, setLive] = useState<Counts | null>(null);
  const [{ tab }, setFilters] = useFilters({ tab: 'devices' });
  useLive(
    (events) => {
      const last = events.findLast((event) => event.type === 'counts' && event.data.taskId === taskId);
      if (last?.type === 'counts') setLive(last.data.counts);
    },
    { taskId },
  );
  useLiveRefresh(refresh, ({ type }) => type === 'task', { taskId });
  useLiveRefresh(refresh, ({ type }) => type === 'counts', { taskId, everyMs: 10_000 });
  const words = t();
  if (task === null) {
    return (
      <Page title={words.one.unnamed(taskId)}>{error !== null && <ProblemNote problem={error} retry={refresh} />}</Page>
    );
  }
  const counts = live ?? task.counts;
  const open = tab === 'log' ? 'log' : 'devices';
  return (
    <Page
      title={
        <>
          {taskName(task)} <StatusBadge status={task.status} />
        </>
      }
      lead={
        <>
          <Link to="/tasks">{words.title}</Link> · {words.one.by(task.createdBy)} ·{' '}
          <Time at={task.createdAt} relative />
        </>
      }
      actions={<TaskControls task={task} counts={counts} whenDone={refresh} />}
    >
      {error !== null && <ProblemNote problem={error} retry={refresh} />}
      <div class="task-top">
        <Panel title={words.one.counts}>
          <CountsBar counts={counts} label={words.progressOf(taskName(task))} />
          <StatusCounts counts={counts} />
          <TaskChart task={task} counts={counts} />
        </Panel>
        <Panel title={words.one.facts} actions={<ExecutionLink url={task.links.execution} />}>
          <TaskFacts task={task} />
        </Panel>
      </div>
      <Tabs
        label={words.one.facts}
        tabs={[
          { id: 'devices', label: `${words.one.devices} ${countText(task.deviceCount)}` },
          { id: 'log', label: words.one.log },
        ]}
        open={open}
        onOpen={(next) => setFilters({ tab: next })}
      >
        {open === 'devices' ? <TaskDevices task={task} /> : <TaskLog taskId={taskId} />}
      </Tabs>
    </Page>
  );
}

function TaskFacts({ task }: { task: UpgradeTaskDetail }) {
  const words = t().one;
  const { options, pace, live, approval } = task;
  const { window, maxConcurrent = 0, ratePerMinute, keyLimits = [], abort = [] } = options;
  const pacing = [
    words.atOnce(maxConcurrent),
    ratePerMinute != null && words.perMinute(ratePerMinute),
    ...limitsText(keyLimits),
    pace.wave > 1 && words.wave(pace.wave),
    task.status === 'running' && words.startedInLastMinute(pace.startedInLastMinute),
  ];
  const items: [string, preact.ComponentChildren][] = [
    [
      words.files,
      <ol class="plain">
        {task.files.map((file) => (
          <li key={file.firmwareId}>
            <Link to={`/firmware/${file.firmwareId}`}>{file.fileName}</Link>{' '}
            <span class="muted">
              {protocolText(file.protocol)} {file.component} → {file.targetVersion}
            </span>
          </li>
        ))}
      </ol>,
    ],
    [words.pacing, pacing.filter(Boolean).join(' · ')],
    [
      words.stops,
      abort.length === 0 ? (
        words.stopsNot
      ) : (
        <ul class="plain">
          {rulesText(abort).map((rule) => (
            <li key={rule}>{rule}</li>
          ))}
        </ul>
      ),
    ],
    [words.window, window == null ? words.always : `${window.from}–${window.to} ${window.zone}`],
    task.startedAt === null
      ? [words.dispatch, <Time at={task.dispatchAt} />]
      : [words.started, <Time at={task.startedAt} />],
    task.finishedAt === null
      ? [words.deadline, <Time at={task.deadlineAt} />]
      : [words.finished, <Time at={task.finishedAt} />],
  ];
  if (approval !== null) {
    items.push([
      words.approval,
      approval.approvedBy === null ? (
        <>
          {words.approvalUntil} <Time at={approval.deadlineAt} />
        </>
      ) : (
        <>
          {words.approvedBy(approval.approvedBy)} <Time at={approval.approvedAt} />
        </>
      ),
    ]);
  }
  if (live !== null) {
    items.push([
      words.phase,
      <>
        {live.phase}
        {live.wakesAt !== null && (
          <>
            {' · '}
            {words.wakes} <Time at={live.wakesAt} relative />
          </>
        )}
      </>,
    ]);
  }
  return <Facts items={items} />;
}

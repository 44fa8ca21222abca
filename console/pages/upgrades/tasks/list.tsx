/** Tasks: all of them, the newest first, with how far each is. */
import type { UpgradeTask } from '../../../api-types.ts';
import { useLiveRefresh } from '../../../api/live.ts';
import { usePages } from '../../../api/queries.ts';
import { may } from '../../../api/session.ts';
import { StatusBadge } from '../../../parts/badge.tsx';
import { SelectField, TextField } from '../../../parts/fields.tsx';
import { Empty, Page } from '../../../parts/page.tsx';
import { DataTable, type Column } from '../../../parts/table.tsx';
import { countText, Time } from '../../../parts/time.tsx';
import { statusText } from '../../../parts/words.ts';
import { Link, useFilters } from '../../../shell/router.tsx';
import { TaskProgress, useLiveCounts } from './progress.tsx';
import { LIVE_TASKS, t, TASK_STATUSES, taskName } from './texts.ts';

export function TaskListPage() {
  const [filters, setFilters] = useFilters({ status: '', q: '', createdBy: '' });
  const query = {
    status: filters.status || undefined,
    q: filters.q || undefined,
    createdBy: filters.createdBy || undefined,
  };
  const list = usePages('listUpgradeTasks', { query });
  useLiveRefresh(list.refresh, ({ type }) => type === 'task');
  useLiveCounts();
  const words = t();
  const isFiltered = Object.values(filters).some((each) => each !== '');
  const columns: Column<UpgradeTask>[] = [
    {
      id: 'name',
      head: words.column.name,
      cell: (task) => <Link to={`/tasks/${task.id}`}>{taskName(task)}</Link>,
      width: '26%',
    },
    { id: 'status', head: words.column.status, cell: (task) => <StatusBadge status={task.status} />, width: '9rem' },
    { id: 'progress', head: words.column.progress, cell: (task) => <TaskProgress task={task} />, wide: true },
    {
      id: 'devices',
      head: words.column.devices,
      cell: (task) => countText(task.deviceCount),
      align: 'end',
      width: '6rem',
    },
    { id: 'by', head: words.column.by, cell: (task) => task.createdBy, wide: true, width: '9rem' },
    {
      id: 'made',
      head: words.column.made,
      cell: (task) => <Time at={task.createdAt} relative />,
      wide: true,
      width: '8rem',
    },
  ];
  return (
    <Page
      title={words.title}
      lead={words.lead}
      actions={
        may('upgrade:write') && (
          <Link class="button primary" to="/tasks/new">
            {words.make}
          </Link>
        )
      }
    >
      <div class="filters">
        <SelectField
          label={words.filter.status}
          any
          value={filters.status}
          options={[
            { value: LIVE_TASKS, label: words.liveOnly },
            ...TASK_STATUSES.map((value) => ({ value: value as string, label: statusText(value) })),
          ]}
          onInput={(status) => setFilters({ status })}
        />
        <TextField type="search" label={words.filter.name} value={filters.q} onInput={(q) => setFilters({ q })} />
        <TextField
          type="search"
          label={words.filter.by}
          value={filters.createdBy}
          onInput={(createdBy) => setFilters({ createdBy })}
        />
      </div>
      <DataTable
        label={words.title}
        list={list}
        columns={columns}
        rowKey={(task) => task.id}
        csv={{ operation: 'listUpgradeTasks', query }}
        empty={
          isFiltered ? (
            <Empty title={words.noneFitting} detail={words.noneFittingAdvice} />
          ) : (
            <Empty title={words.none} detail={may('upgrade:write') ? words.noneAdvice : words.noneViewer}>
              {may('upgrade:write') && <Link to="/tasks/new">{words.make}</Link>}
            </Empty>
          )
        }
      />
    </Page>
  );
}

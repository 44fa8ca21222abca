/**
 * The devices of a task, live. News come many a second; they are gathered and put into the rows together, so that a
 * thousand devices under way cost little more than one.
 */
import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import type { DeviceUpgrade, UpgradeTaskDetail } from '../../../api-types.ts';
import { useLive, type DeviceNews } from '../../../api/live.ts';
import { usePages } from '../../../api/queries.ts';
import { may } from '../../../api/session.ts';
import { StatusBadge } from '../../../parts/badge.tsx';
import { SelectField, TextField } from '../../../parts/fields.tsx';
import { Empty } from '../../../parts/page.tsx';
import { Progress } from '../../../parts/progress.tsx';
import { DataTable, useSelection, type Column } from '../../../parts/table.tsx';
import { Time } from '../../../parts/time.tsx';
import { reasonText, statusText } from '../../../parts/words.ts';
import { useFilters } from '../../../shell/router.tsx';
import { CauseDialog, type Deed } from '../cause-dialog.tsx';
import { UpgradeDrawer } from './drawer.tsx';
import { deedsFor } from './row-deeds.ts';
import { t, UPGRADE_STATUSES } from './texts.ts';

/** News are put into the rows this often. */
const APPLY_MS = 800;
/** A filtered list is read again this often while things move. */
const READ_AGAIN_MS = 4_000;

export function TaskDevices({ task }: { task: UpgradeTaskDetail }) {
  const params = { taskId: task.id };
  const [filters, setFilters] = useFilters({ status: '', reason: '', device: '', log: '' });
  const query = {
    status: filters.status || undefined,
    reason: filters.reason || undefined,
    deviceId: filters.device || undefined,
  };
  const list = usePages('listUpgradeTaskDevices', { params, query }, 200);
  useNews(task.id, list, filters.status !== '' || filters.reason !== '');
  const selection = useSelection<number>(JSON.stringify([task.id, query]));
  const [deed, setDeed] = useState<Deed | null>(null);
  const words = t();
  const fileCount = task.files.length;
  const columns: Column<DeviceUpgrade>[] = [
    {
      id: 'device',
      head: words.device.column.device,
      cell: (row) => (
        <button type="button" class="link" onClick={() => setFilters({ log: String(row.id) })}>
          {row.deviceId}
        </button>
      ),
      width: '15rem',
    },
    {
      id: 'status',
      head: words.device.column.status,
      cell: (row) => <StatusBadge status={row.status} />,
      width: '8rem',
    },
    {
      id: 'reason',
      head: words.device.column.reason,
      cell: (row) => row.reason !== null && <span title={row.reasonText ?? row.reason}>{reasonText(row.reason)}</span>,
      wide: true,
    },
    { id: 'progress', head: words.device.column.progress, cell: (row) => <RowProgress row={row} />, width: '13rem' },
    ...(fileCount > 1
      ? [
          {
            id: 'file',
            head: words.device.column.file,
            cell: (row: DeviceUpgrade) =>
              words.device.fileOf(Math.min(row.fileIndex + 1, row.firmwareIds.length), row.firmwareIds.length),
            wide: true,
            width: '5rem',
          },
        ]
      : []),
    {
      id: 'attempt',
      head: words.device.column.attempt,
      cell: (row) => row.attempt,
      align: 'end' as const,
      wide: true,
      width: '5rem',
    },
    {
      id: 'updated',
      head: words.device.column.updated,
      cell: (row) => <Time at={row.updatedAt} />,
      wide: true,
      width: '11rem',
    },
  ];
  const chosen = list.items.filter(({ id }) => selection.keys.has(id));
  const after = () => {
    selection.clear();
    list.refresh();
  };
  return (
    <>
      <div class="filters">
        <SelectField
          label={words.device.filterStatus}
          any
          value={filters.status}
          options={UPGRADE_STATUSES.map((value) => ({ value: value as string, label: statusText(value) }))}
          onInput={(status) => setFilters({ status })}
        />
        <TextField
          type="search"
          label={words.device.filterDevice}
          value={filters.device}
          onInput={(device) => setFilters({ device })}
        />
        <SelectField
          label={words.device.filterReason}
          any
          value={filters.reason}
          options={reasonsIn(list.items, filters.reason)}
          onInput={(reason) => setFilters({ reason })}
        />
      </div>
      <DataTable
        label={words.one.devices}
        list={list}
        columns={columns}
        rowKey={(row) => row.id}
        rowName={(row) => row.deviceId}
        {...(may('upgrade:write') && { selection })}
        selectionActions={deedsFor(task.id, chosen, after).map((each) => (
          <button key={each.action} type="button" class="button small" onClick={() => setDeed(each)}>
            {each.action}
          </button>
        ))}
        onOpen={(row) => setFilters({ log: String(row.id) })}
        openKey={filters.log === '' ? null : Number(filters.log)}
        csv={{ operation: 'listUpgradeTaskDevices', params, query }}
        empty={<Empty title={words.device.none} detail={words.device.noneAdvice} />}
      />
      {filters.log !== '' && (
        <UpgradeDrawer
          key={filters.log}
          upgradeId={Number(filters.log)}
          onClose={() => setFilters({ log: '' })}
          whenDone={list.refresh}
        />
      )}
      {deed !== null && <CauseDialog deed={deed} onClose={() => setDeed(null)} />}
    </>
  );
}

function RowProgress({ row }: { row: DeviceUpgrade }) {
  const { status, bytesSent, bytesTotal, deviceId } = row;
  if (status === 'succeeded') return <Progress value={1} max={1} label={t().device.progressOf(deviceId)} />;
  if (bytesTotal === 0 || (bytesSent === 0 && status !== 'transferring')) return <span class="muted">–</span>;
  return <Progress value={bytesSent} max={bytesTotal} label={t().device.progressOf(deviceId)} />;
}

function reasonsIn(rows: readonly DeviceUpgrade[], chosen: string) {
  const seen = new Set(rows.map(({ reason }) => reason).filter((each) => each !== null));
  if (chosen !== '') seen.add(chosen);
  return [...seen].sort().map((value) => ({ value, label: reasonText(value) }));
}

/** Puts what happens into the rows, in batches; a filtered list is read again, since rows come and go. */
function useNews(
  taskId: number,
  list: { patch: (change: (row: DeviceUpgrade) => DeviceUpgrade) => void; refresh: () => void },
  isFiltered: boolean,
): void {
  const news = useRef(new Map<number, DeviceNews>());
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const latest = useRef({ list, isFiltered, readMs: 0 });
  Object.assign(latest.current, { list, isFiltered });
  useEffect(() => () => clearTimeout(timer.current), []);
  const apply = useCallback(() => {
    timer.current = undefined;
    const gathered = news.current;
    news.current = new Map();
    const { current } = latest;
    if (current.isFiltered && Date.now() - current.readMs > READ_AGAIN_MS) {
      current.readMs = Date.now();
      current.list.refresh();
      return;
    }
    current.list.patch((row) => {
      const last = gathered.get(row.id);
      return last === undefined ? row : withNews(row, last);
    });
    if (current.isFiltered) timer.current = setTimeout(apply, current.readMs + READ_AGAIN_MS + 1 - Date.now());
  }, []);
  useLive(
    (events) => {
      for (const { type, data } of events) {
        if (type === 'device') news.current.set(data.upgradeId, data);
        if (type === 'reset') latest.current.list.refresh();
      }
      if (news.current.size > 0) timer.current ??= setTimeout(apply, APPLY_MS);
    },
    { taskId },
  );
}

function withNews(row: DeviceUpgrade, news: DeviceNews): DeviceUpgrade {
  return {
    ...row,
    status: (news.status ?? row.status) as DeviceUpgrade['status'],
    reason: news.reason,
    reasonText: news.reason === row.reason ? row.reasonText : null,
    bytesSent: news.bytesSent ?? row.bytesSent,
    bytesTotal: news.bytesTotal ?? row.bytesTotal,
    fileIndex: (news['fileIndex'] as number | null | undefined) ?? row.fileIndex,
    attempt: (news['attempt'] as number | null | undefined) ?? row.attempt,
    updatedAt: (news['at'] as string | undefined) ?? row.updatedAt,
  };
}

/** The upgrades a device was in, with their full logs, and the version reports it sent. */
import { useState } from 'preact/hooks';
import type { DeviceUpgrade, VersionUpload } from '../../../api-types.ts';
import { useLiveRefresh } from '../../../api/live.ts';
import { usePages } from '../../../api/queries.ts';
import { StatusBadge } from '../../../parts/badge.tsx';
import { Empty } from '../../../parts/page.tsx';
import { Progress } from '../../../parts/progress.tsx';
import { DataTable, type Column } from '../../../parts/table.tsx';
import { Time } from '../../../parts/time.tsx';
import { reasonText } from '../../../parts/words.ts';
import { Link } from '../../../shell/router.tsx';
import { UpgradeDrawer } from '../tasks/drawer.tsx';
import { t as taskTexts } from '../tasks/texts.ts';
import { t } from './texts.ts';

export function UpgradesTab({ deviceId }: { deviceId: string }) {
  const params = { deviceId };
  const list = usePages('listDeviceUpgrades', { params });
  useLiveRefresh(list.refresh, (event) => event.type === 'device' && event.data.deviceId === deviceId);
  const [open, setOpen] = useState<number | null>(null);
  const words = t().one;
  const { device, one } = taskTexts();
  const columns: Column<DeviceUpgrade>[] = [
    {
      id: 'task',
      head: words.task,
      cell: (row) => <Link to={`/tasks/${row.taskId}`}>{one.unnamed(row.taskId)}</Link>,
      width: '8rem',
    },
    { id: 'status', head: device.column.status, cell: (row) => <StatusBadge status={row.status} />, width: '8rem' },
    {
      id: 'reason',
      head: device.column.reason,
      cell: (row) => row.reason !== null && <span title={row.reasonText ?? ''}>{reasonText(row.reason)}</span>,
      wide: true,
    },
    {
      id: 'proofs',
      head: words.proofs,
      cell: (row) => row.proofs.map(({ fromVersion, version }) => `${fromVersion ?? '?'} → ${version}`).join(', '),
    },
    {
      id: 'progress',
      head: device.column.progress,
      cell: (row) =>
        row.bytesTotal > 0 && (
          <Progress value={row.bytesSent} max={row.bytesTotal} label={device.progressOf(row.deviceId)} />
        ),
      wide: true,
    },
    { id: 'updated', head: device.column.updated, cell: (row) => <Time at={row.updatedAt} />, wide: true },
  ];
  return (
    <>
      <DataTable
        label={words.tabs.upgrades}
        list={list}
        columns={columns}
        rowKey={(row) => row.id}
        rowActions={(row) => (
          <button type="button" class="button small" onClick={() => setOpen(row.id)}>
            {words.log}
          </button>
        )}
        onOpen={(row) => setOpen(row.id)}
        openKey={open}
        csv={{ operation: 'listDeviceUpgrades', params }}
        empty={<Empty title={words.upgradesNone} />}
      />
      {open !== null && (
        <UpgradeDrawer key={open} upgradeId={open} onClose={() => setOpen(null)} whenDone={list.refresh} />
      )}
    </>
  );
}

export function ReportsTab({ deviceId }: { deviceId: string }) {
  const params = { deviceId };
  const list = usePages('listVersionUploads', { params });
  const words = t().one;
  const columns: Column<VersionUpload>[] = [
    { id: 'at', head: t().one.reported, cell: ({ receivedAt }) => <Time at={receivedAt} />, width: '12rem' },
    {
      id: 'versions',
      head: words.versions,
      cell: ({ versions, error }) =>
        error ?? versions.map(({ component, version }) => `${component} ${version}`).join(' · '),
    },
    { id: 'source', head: words.reportSource, cell: ({ source }) => source, wide: true, width: '10rem' },
    {
      id: 'raw',
      head: words.reportRaw,
      cell: ({ raw }) => <code title={raw}>{raw.length > 80 ? `${raw.slice(0, 80)}…` : raw}</code>,
      wide: true,
    },
    { id: 'warnings', head: words.reportWarnings, cell: ({ warnings }) => warnings.join('; '), wide: true },
  ];
  return (
    <DataTable
      label={words.tabs.reports}
      list={list}
      columns={columns}
      rowKey={(row) => row.id}
      csv={{ operation: 'listVersionUploads', params }}
      empty={<Empty title={words.reportsNone} />}
    />
  );
}

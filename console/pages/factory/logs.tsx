/** What happened to a session, and the changes of status that the equipment reported. */
import { usePages } from '../../api/queries.ts';
import { Badge } from '../../parts/badge.tsx';
import { Empty, Panel } from '../../parts/page.tsx';
import { DataTable } from '../../parts/table.tsx';
import { Time } from '../../parts/time.tsx';
import { statusText } from '../../parts/words.ts';
import { useFresh } from './fresh.ts';
import { EquipmentStatusBadge, StateBadge } from './states.tsx';
import { t } from './texts.ts';

export function LogTab({ code }: { code: string }) {
  const words = t().log;
  const params = { code };
  const edges = usePages('listEquipmentSessionLog', { params }, 50);
  const changes = usePages('listEquipmentStatusChanges', { params }, 50);
  const refresh = () => {
    edges.refresh();
    changes.refresh();
  };
  useFresh(refresh, { equipmentCode: code });
  return (
    <>
      <Panel title={words.session} class="flush">
        <p class="panel-lead muted">{words.sessionLead}</p>
        <DataTable
          label={words.session}
          list={edges}
          rowKey={({ id }) => id}
          csv={{ operation: 'listEquipmentSessionLog', params }}
          empty={<Empty title={words.noSession} detail={words.noSessionAdvice} />}
          columns={[
            { id: 'at', head: words.at, cell: (row) => <Time at={row.at} /> },
            {
              id: 'event',
              head: words.event,
              cell: (row) =>
                row.event === 'back' ? <Badge tone="good">{words.back}</Badge> : <StateBadge state={row.event} />,
            },
            { id: 'from', head: words.from, cell: (row) => statusText(row.from) },
            { id: 'cause', head: words.cause, cell: (row) => <span title={row.cause}>{row.cause}</span> },
          ]}
        />
      </Panel>
      <Panel title={words.changes} class="flush">
        <p class="panel-lead muted">{words.changesLead}</p>
        <DataTable
          label={words.changes}
          list={changes}
          rowKey={({ id }) => id}
          csv={{ operation: 'listEquipmentStatusChanges', params }}
          empty={<Empty title={words.noChanges} detail={words.noChangesAdvice} />}
          columns={[
            { id: 'received', head: words.receivedAt, cell: (row) => <Time at={row.receivedAt} /> },
            {
              id: 'status',
              head: words.status,
              cell: (row) => (
                <span title={row.statusCode}>
                  <EquipmentStatusBadge status={row.status} /> {row.isLate && <Badge tone="warn">{words.late}</Badge>}
                </span>
              ),
            },
            { id: 'changed', head: words.changedAt, cell: (row) => <Time at={row.changedAt} /> },
            { id: 'reason', head: words.reason, cell: (row) => row.reasonCode, wide: true },
            { id: 'description', head: words.description, cell: (row) => row.description ?? '', wide: true },
          ]}
        />
      </Panel>
    </>
  );
}

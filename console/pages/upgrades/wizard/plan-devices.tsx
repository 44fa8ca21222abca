/** The devices of a plan, in the order in which they get their turn. */
import type { PlannedDevice } from '../../../api-types.ts';
import type { Pages } from '../../../api/queries.ts';
import { Badge, type Tone } from '../../../parts/badge.tsx';
import { Empty } from '../../../parts/page.tsx';
import { DataTable, type Column } from '../../../parts/table.tsx';
import { Time } from '../../../parts/time.tsx';
import { reasonText, statusText } from '../../../parts/words.ts';
import { t } from './texts.ts';

const TONES: Record<PlannedDevice['outcome'], Tone> = { goes: 'good', waits: 'info', skipped: 'idle', refused: 'bad' };

export function PlanDevices({ devices }: { devices: Pages<PlannedDevice> }) {
  const words = t().plan;
  const columns: Column<PlannedDevice>[] = [
    {
      id: 'position',
      head: words.column.position,
      cell: ({ position }) => (position === null ? '–' : position + 1),
      align: 'end',
      width: '5rem',
      wide: true,
    },
    { id: 'device', head: words.column.device, cell: ({ deviceId }) => deviceId, width: '16rem' },
    {
      id: 'outcome',
      head: words.column.outcome,
      cell: ({ outcome }) => <Badge tone={TONES[outcome]}>{statusText(outcome)}</Badge>,
      width: '7rem',
    },
    {
      id: 'why',
      head: words.column.why,
      cell: ({ reason, explanation }) =>
        reason === null ? (
          <span class="muted">{explanation}</span>
        ) : (
          <span title={explanation}>{reasonText(reason)}</span>
        ),
    },
    {
      id: 'night',
      head: words.column.night,
      cell: ({ night }) => night ?? '–',
      align: 'end',
      wide: true,
      width: '5rem',
    },
    {
      id: 'start',
      head: words.column.start,
      cell: ({ expectedStartAt }) => (expectedStartAt === null ? '–' : <Time at={expectedStartAt} />),
      wide: true,
      width: '11rem',
    },
  ];
  return (
    <DataTable
      label={words.devicesTitle}
      list={devices}
      columns={columns}
      rowKey={(row) => row.deviceId}
      empty={<Empty title={words.none} />}
    />
  );
}

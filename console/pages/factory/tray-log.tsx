/** What happened to a tray, or to a cell in trays. */
import type { TrayLogEntry } from '../../api-types.ts';
import type { Pages } from '../../api/queries.ts';
import { Empty, Panel } from '../../parts/page.tsx';
import { DataTable, type Column } from '../../parts/table.tsx';
import { Time } from '../../parts/time.tsx';
import { EquipmentLink } from './board.tsx';
import { TrayLink } from './trays.tsx';
import { t } from './tray-texts.ts';

export function TrayLog({
  list,
  title,
  none,
  withTray = false,
  csv,
}: {
  list: Pages<TrayLogEntry>;
  title: string;
  none: string;
  /** The log is that of a cell. */
  withTray?: boolean;
  csv: { operation: 'listTrayLog' | 'listCellLog'; params: object };
}) {
  const words = t().tray;
  const columns: Column<TrayLogEntry>[] = [
    { id: 'at', head: words.at, cell: (row) => <Time at={row.at} /> },
    { id: 'operation', head: words.operation, cell: (row) => words.operations[row.operation] },
    { id: 'tray', head: words.tray, cell: (row) => <TrayLink barcode={row.tray} /> },
    {
      id: 'equipment',
      head: words.equipment,
      cell: (row) =>
        row.equipment === null ? <span class="muted">{words.person}</span> : <EquipmentLink code={row.equipment} />,
    },
    { id: 'author', head: words.author, cell: (row) => row.author },
    {
      id: 'cells',
      head: t().trays.cells,
      cell: (row) => (
        <span title={row.cells.map(({ serialNo, positionNo }) => `${positionNo}: ${serialNo}`).join('\n')}>
          {withTray ? row.cells.map(({ positionNo }) => positionNo).join(', ') : row.cells.length}
        </span>
      ),
      align: 'end',
    },
    { id: 'cause', head: words.cause, cell: (row) => <span title={row.cause}>{row.cause}</span>, wide: true },
  ];
  return (
    <Panel title={title} class="flush after">
      <DataTable
        label={title}
        list={list}
        rowKey={({ id }) => id}
        columns={columns.filter(({ id }) => withTray || id !== 'tray')}
        csv={csv}
        empty={<Empty title={none} />}
      />
    </Panel>
  );
}

/** Rows of MES that could not be taken, each with its reason and what MES says. */
import { useState } from 'preact/hooks';
import type { MesRejected } from '../../api-types.ts';
import { usePages } from '../../api/queries.ts';
import { Badge } from '../../parts/badge.tsx';
import { Drawer } from '../../parts/dialog.tsx';
import { Empty, Facts, Page } from '../../parts/page.tsx';
import { DataTable } from '../../parts/table.tsx';
import { Time } from '../../parts/time.tsx';
import { ShippingSections } from './sections.tsx';
import './shipping.css';
import { t } from './texts.ts';
import { mesReason } from './words.ts';

export function RejectedPage() {
  const list = usePages('listMesRejected', { query: {} });
  const [open, setOpen] = useState<MesRejected | null>(null);
  const { mes } = t();
  return (
    <Page title={mes.rejectedTitle} lead={mes.rejectedLead}>
      <ShippingSections />
      <DataTable
        label={mes.rejectedTitle}
        list={list}
        rowKey={keyOf}
        onOpen={setOpen}
        openKey={open && keyOf(open)}
        rowActions={(row) => (
          <button type="button" class="button small" onClick={() => setOpen(row)}>
            {mes.showRow}
          </button>
        )}
        csv={{ operation: 'listMesRejected' }}
        empty={<Empty title={mes.noRejected} detail={mes.noRejectedDetail} />}
        columns={[
          { id: 'table', head: mes.table, cell: ({ table }) => mes.tables[table] },
          { id: 'key', head: mes.key, cell: ({ key }) => <code>{key}</code> },
          { id: 'reason', head: mes.code, cell: ({ reason }) => <Badge tone="bad">{mesReason(reason)}</Badge> },
          { id: 'words', head: mes.message, cell: ({ words }) => words, wide: true },
          { id: 'cycle', head: mes.cycle, align: 'end', cell: ({ lastCycle }) => lastCycle, wide: true },
          { id: 'last', head: mes.lastAt, cell: ({ lastAt }) => <Time at={lastAt} />, wide: true },
        ]}
      />
      {open !== null && (
        <Drawer title={`${mes.tables[open.table]} · ${open.key}`} onClose={() => setOpen(null)}>
          <p>
            <Badge tone="bad">{mesReason(open.reason)}</Badge> {open.words}
          </p>
          <Facts items={Object.entries(open.row).map(([column, value]) => [column, value ?? mes.nothing] as const)} />
        </Drawer>
      )}
    </Page>
  );
}

function keyOf({ table, key }: MesRejected): string {
  return `${table}-${key}`;
}

/** Who called the MOM without being let in; one that is not registered is registered from here. */
import { useState } from 'preact/hooks';
import { usePages } from '../../api/queries.ts';
import { may } from '../../api/session.ts';
import { Empty, Page } from '../../parts/page.tsx';
import { DataTable } from '../../parts/table.tsx';
import { countText, Time } from '../../parts/time.tsx';
import { navigate } from '../../shell/router.tsx';
import { failureWord } from './calls.tsx';
import { EquipmentForm } from './equipment-form.tsx';
import { EquipmentNav } from './equipment-nav.tsx';
import { useFresh } from './fresh.ts';
import { t } from './texts.ts';

export function StrangersPage() {
  const words = t().strangers;
  const list = usePages('listEquipmentStrangers', {});
  useFresh(list.refresh);
  const [code, setCode] = useState<string | null>(null);
  return (
    <Page title={words.title} lead={words.lead}>
      <EquipmentNav />
      <DataTable
        label={words.title}
        list={list}
        rowKey={(row) => `${row.address} ${row.code} ${row.failure}`}
        csv={{ operation: 'listEquipmentStrangers' }}
        empty={<Empty title={words.none} detail={words.noneAdvice} />}
        columns={[
          {
            id: 'code',
            head: words.code,
            cell: (row) => (row.code === '' ? <span class="muted">{words.unreadable}</span> : <code>{row.code}</code>),
          },
          { id: 'address', head: words.address, cell: (row) => row.address },
          { id: 'failure', head: words.failure, cell: (row) => failureWord(row.failure) },
          { id: 'calls', head: words.calls, cell: (row) => countText(row.calls), align: 'end' },
          { id: 'name', head: words.lastName, cell: (row) => row.lastName, wide: true },
          { id: 'first', head: words.firstAt, cell: (row) => <Time at={row.firstAt} relative />, wide: true },
          { id: 'last', head: words.lastAt, cell: (row) => <Time at={row.lastAt} relative /> },
        ]}
        rowActions={(row) =>
          may('mom:write') &&
          row.failure === 'equipment_unknown' &&
          row.code !== '' && (
            <button type="button" class="button small" onClick={() => setCode(row.code)}>
              {words.register}
            </button>
          )
        }
      />
      {code !== null && (
        <EquipmentForm
          equipment={null}
          code={code}
          onClose={() => setCode(null)}
          onDone={(made) => navigate(`/equipment/${encodeURIComponent(made.code)}`)}
        />
      )}
    </Page>
  );
}

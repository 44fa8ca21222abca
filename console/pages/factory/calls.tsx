/** What an equipment called, what was refused, and what had to be repaired. */
import { useState } from 'preact/hooks';
import type { EquipmentCall, ListEquipmentCallsQuery } from '../../api-types.ts';
import { usePages } from '../../api/queries.ts';
import { Badge } from '../../parts/badge.tsx';
import { Drawer } from '../../parts/dialog.tsx';
import { SelectField } from '../../parts/fields.tsx';
import { Empty, Facts } from '../../parts/page.tsx';
import { DataTable } from '../../parts/table.tsx';
import { Time } from '../../parts/time.tsx';
import { useFilters } from '../../shell/router.tsx';
import { useFresh } from './fresh.ts';
import { t } from './texts.ts';

type CallName = NonNullable<ListEquipmentCallsQuery['name']>;
const NAMES = [
  'EqptRun',
  'EqptAlive',
  'EqptStatus',
  'EqptAlert',
  'TrayBind',
  'TrayUnbind',
  'CellState',
  'TrayCellsStatus',
  'AgingInput',
  'MaterialUpLoad',
  'MaterialDownLoad',
  'WaterContent',
] as const;

export function CallsTab({ code }: { code: string }) {
  const words = t().calls;
  const [filters, setFilters] = useFilters({ call: '', odd: '' });
  const query = {
    name: (filters.call || undefined) as CallName | undefined,
    odd: filters.odd === '' ? undefined : true,
  };
  const list = usePages('listEquipmentCalls', { params: { code }, query });
  useFresh(list.refresh, { equipmentCode: code });
  const [open, setOpen] = useState<EquipmentCall | null>(null);
  return (
    <>
      <p class="muted">{words.lead}</p>
      <div class="filters">
        <SelectField
          label={words.name}
          any
          value={filters.call}
          options={NAMES.map((value) => ({ value: value as string, label: value }))}
          onInput={(call) => setFilters({ call })}
        />
        <SelectField
          label={words.odd}
          any
          value={filters.odd}
          options={[{ value: 'true', label: words.oddOnly }]}
          onInput={(odd) => setFilters({ odd })}
        />
      </div>
      <DataTable
        label={t().one.tabCalls}
        list={list}
        rowKey={({ id }) => id}
        csv={{ operation: 'listEquipmentCalls', params: { code }, query }}
        empty={<Empty title={words.none} detail={words.noneAdvice} />}
        onOpen={setOpen}
        openKey={open?.id ?? null}
        columns={[
          { id: 'at', head: words.at, cell: (row) => <Time at={row.receivedAt} /> },
          { id: 'name', head: words.name, cell: (row) => row.calledAs },
          { id: 'answer', head: words.answer, cell: (row) => <AnswerBadge row={row} /> },
          {
            id: 'repairs',
            head: words.repairs,
            cell: (row) => {
              const text = row.warnings.map(repairText).join(' · ');
              return (
                <span class="clipped" title={text}>
                  {text}
                </span>
              );
            },
          },
          {
            id: 'message',
            head: words.message,
            cell: (row) => (
              <span class="clipped" title={row.message}>
                {row.message}
              </span>
            ),
            wide: true,
          },
          { id: 'took', head: words.took, cell: (row) => `${row.tookMs} ms`, align: 'end', wide: true },
        ]}
        rowActions={(row) => (
          <button type="button" class="button small" onClick={() => setOpen(row)}>
            {words.details}
          </button>
        )}
      />
      {open !== null && <CallDrawer row={open} onClose={() => setOpen(null)} />}
    </>
  );
}

function AnswerBadge({ row }: { row: EquipmentCall }) {
  const words = t().calls;
  const text = row.success ? words.done : row.resultFlag ? words.refused : words.notReceived;
  return (
    <>
      <Badge tone={row.success ? 'good' : 'bad'}>{text}</Badge>{' '}
      {row.isRepeated && <Badge tone="idle">{words.repeated}</Badge>}
    </>
  );
}

function CallDrawer({ row, onClose }: { row: EquipmentCall; onClose: () => void }) {
  const words = t().calls;
  return (
    <Drawer title={row.calledAs} onClose={onClose}>
      <Facts
        items={[
          [words.answer, <AnswerBadge row={row} />],
          [words.at, <Time at={row.receivedAt} />],
          [words.took, `${row.tookMs} ms`],
          [words.address, row.address],
          [words.session, row.sessionId],
          [words.failure, row.failure === null ? null : failureWord(row.failure)],
          [words.message, row.message],
        ]}
      />
      {row.warnings.length > 0 && (
        <>
          <h3>{words.repairs}</h3>
          <ul>
            {row.warnings.map((warning) => (
              <li key={warning}>
                {repairText(warning)} <code>{warning}</code>
              </li>
            ))}
          </ul>
        </>
      )}
      <h3>{words.raw}</h3>
      {row.raw === null ? (
        <p class="muted">{words.rawNone}</p>
      ) : (
        <pre class="json" tabIndex={0}>
          {row.raw}
        </pre>
      )}
    </Drawer>
  );
}

/** `duplicate_key:StatusCode` in words; what is not known stays as it is. */
function repairText(warning: string): string {
  const [code = '', ...key] = warning.split(':');
  const texts: Record<string, string> = t().calls.repairWords;
  const text = Object.hasOwn(texts, code) ? texts[code]! : code;
  return key.length === 0 ? text : `${text} ${key.join(':')}`;
}

/** Why a caller was not let in. */
export function failureWord(failure: string): string {
  const texts: Record<string, string> = t().strangers.failures;
  return Object.hasOwn(texts, failure) ? texts[failure]! : failure;
}

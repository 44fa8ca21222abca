/** Alarms: of all equipment as a page, of one as a tab. They appear and clear while one looks; a person acknowledges them. */
import { useState } from 'preact/hooks';
import type { EquipmentAlarm } from '../../api-types.ts';
import { call } from '../../api/call.ts';
import { useAction, usePages } from '../../api/queries.ts';
import { may } from '../../api/session.ts';
import { Badge } from '../../parts/badge.tsx';
import { FormDialog } from '../../parts/form-dialog.tsx';
import { SelectField, TextField } from '../../parts/fields.tsx';
import { Empty, Page, Panel } from '../../parts/page.tsx';
import { DataTable, type Column } from '../../parts/table.tsx';
import { Time } from '../../parts/time.tsx';
import { say } from '../../parts/toasts.tsx';
import { useFilters } from '../../shell/router.tsx';
import { EquipmentLink } from './board.tsx';
import { useFresh } from './fresh.ts';
import { t } from './texts.ts';

const NO_FILTERS = { equipment: '', alert: '', open: '', acknowledged: '' };

export function AlarmsPage() {
  const words = t().alarms;
  const [filters, setFilters] = useFilters(NO_FILTERS);
  return (
    <Page title={words.title} lead={words.lead}>
      <div class="filters">
        <TextField
          label={words.equipment}
          value={filters.equipment}
          onInput={(equipment) => setFilters({ equipment })}
        />
        <AlarmFilters filters={filters} setFilters={setFilters} />
      </div>
      <AlarmTable filters={filters} code={filters.equipment.trim() || undefined} />
    </Page>
  );
}

/** The alarms of one equipment, and their journal. */
export function AlarmsOfEquipment({ code, onChanged }: { code: string; onChanged: () => void }) {
  const [filters, setFilters] = useFilters(NO_FILTERS);
  return (
    <>
      <div class="filters">
        <AlarmFilters filters={filters} setFilters={setFilters} />
      </div>
      <AlarmTable filters={filters} code={code} isOne onChanged={onChanged} />
      <Journal code={code} />
    </>
  );
}

type Filters = typeof NO_FILTERS;

function AlarmFilters({ filters, setFilters }: { filters: Filters; setFilters: (change: Partial<Filters>) => void }) {
  const words = t().alarms;
  return (
    <>
      <SelectField
        label={words.state}
        any
        value={filters.open}
        options={[
          { value: 'true', label: words.open },
          { value: 'false', label: words.cleared },
        ]}
        onInput={(open) => setFilters({ open })}
      />
      <SelectField
        label={words.acknowledged}
        any
        value={filters.acknowledged}
        options={[
          { value: 'false', label: words.notAcknowledged },
          { value: 'true', label: words.isAcknowledged },
        ]}
        onInput={(acknowledged) => setFilters({ acknowledged })}
      />
      <TextField label={words.code} value={filters.alert} onInput={(alert) => setFilters({ alert })} />
    </>
  );
}

function AlarmTable({
  filters,
  code,
  isOne = false,
  onChanged,
}: {
  filters: Filters;
  code: string | undefined;
  isOne?: boolean;
  onChanged?: () => void;
}) {
  const words = t().alarms;
  const query = {
    equipmentCode: code,
    alertCode: filters.alert.trim() || undefined,
    open: filters.open === '' ? undefined : filters.open === 'true',
    acknowledged: filters.acknowledged === '' ? undefined : filters.acknowledged === 'true',
  };
  const list = usePages('listEquipmentAlarms', { query });
  useFresh(list.refresh, { equipmentCode: isOne ? code : undefined });
  const [asked, setAsked] = useState<EquipmentAlarm | null>(null);
  const isFiltered = Object.values(query).some((value) => value !== undefined && value !== code);
  return (
    <>
      <DataTable
        label={words.title}
        list={list}
        columns={alarmColumns(isOne)}
        rowKey={({ id }) => id}
        rowActions={(alarm) =>
          may('mom:write') &&
          alarm.acknowledgedAt === null && (
            <button type="button" class="button small" onClick={() => setAsked(alarm)}>
              {words.acknowledge}
            </button>
          )
        }
        csv={{ operation: 'listEquipmentAlarms', query }}
        empty={isFiltered ? <Empty title={words.noneFits} /> : <Empty title={words.none} detail={words.noneAdvice} />}
      />
      {asked !== null && (
        <AcknowledgeDialog
          alarm={asked}
          onClose={() => setAsked(null)}
          onDone={() => {
            list.refresh();
            onChanged?.();
          }}
        />
      )}
    </>
  );
}

function alarmColumns(isOne: boolean): Column<EquipmentAlarm>[] {
  const words = t().alarms;
  const columns: Column<EquipmentAlarm>[] = [
    {
      id: 'state',
      head: words.state,
      cell: (row) =>
        row.clearedAt === null ? <Badge tone="bad">{words.open}</Badge> : <Badge tone="idle">{words.cleared}</Badge>,
    },
    { id: 'equipment', head: words.equipment, cell: (row) => <EquipmentLink code={row.equipmentCode} /> },
    { id: 'code', head: words.code, cell: (row) => row.alertCode },
    {
      id: 'description',
      head: words.description,
      cell: (row) => (
        <span class="clipped" title={row.description}>
          {row.description}
        </span>
      ),
    },
    { id: 'level', head: words.level, cell: (row) => row.level, wide: true },
    { id: 'part', head: words.part, cell: (row) => row.partCode, wide: true },
    {
      id: 'raised',
      head: words.raised,
      cell: (row) => (
        <>
          <Time at={row.raisedAt} relative />
          {row.raises > 1 && <span class="muted"> · {words.times(row.raises)}</span>}
        </>
      ),
    },
    {
      id: 'cleared',
      head: words.clearedAt,
      cell: (row) => (row.clearedAt === null ? '–' : <Time at={row.clearedAt} relative />),
      wide: true,
    },
    {
      id: 'acknowledged',
      head: words.acknowledged,
      cell: (row) =>
        row.acknowledgedAt === null ? (
          <span class="muted">{words.notAcknowledged}</span>
        ) : (
          <>
            {words.by(row.acknowledgedBy ?? '')} · <Time at={row.acknowledgedAt} relative />
          </>
        ),
      wide: true,
    },
  ];
  return isOne ? columns.filter(({ id }) => id !== 'equipment') : columns;
}

function AcknowledgeDialog({
  alarm,
  onClose,
  onDone,
}: {
  alarm: EquipmentAlarm;
  onClose: () => void;
  onDone: () => void;
}) {
  const words = t().alarms;
  const [cause, setCause] = useState('');
  const acknowledge = useAction(async () => {
    await call('acknowledgeEquipmentAlarm', {
      params: { alarmId: alarm.id },
      body: cause.trim() === '' ? {} : { cause: cause.trim() },
    });
    say(words.acknowledgedNow(alarm.alertCode));
    onDone();
    onClose();
  });
  return (
    <FormDialog
      title={words.acknowledgeTitle(alarm.alertCode, alarm.equipmentCode)}
      onClose={onClose}
      act={acknowledge}
      submit={words.acknowledge}
    >
      {alarm.description !== '' && <p>{alarm.description}</p>}
      <p class="muted">{words.acknowledgeDetail}</p>
      <TextField label={words.cause} value={cause} onInput={setCause} />
    </FormDialog>
  );
}

function Journal({ code }: { code: string }) {
  const words = t().alarms;
  const list = usePages('listEquipmentAlarmLog', { params: { code } }, 50);
  useFresh(list.refresh, { equipmentCode: code });
  const { events } = words;
  return (
    <Panel title={words.journal} class="flush after">
      <DataTable
        label={words.journal}
        list={list}
        rowKey={({ id }) => id}
        csv={{ operation: 'listEquipmentAlarmLog', params: { code } }}
        columns={[
          { id: 'at', head: words.at, cell: (row) => <Time at={row.at} /> },
          { id: 'event', head: words.event, cell: (row) => events[row.event] },
          { id: 'code', head: words.code, cell: (row) => row.alertCode },
          {
            id: 'author',
            head: words.author,
            cell: (row) => (row.author === 'equipment' ? events.equipment : row.author),
          },
          { id: 'cause', head: words.why, cell: (row) => <span title={row.cause}>{row.cause}</span>, wide: true },
        ]}
      />
    </Panel>
  );
}

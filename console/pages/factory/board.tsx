/** 设备会话: every equipment at a glance, as tiles or as a table, with what one can filter by. */
import { useState } from 'preact/hooks';
import type { Equipment } from '../../api-types.ts';
import { usePages, useQuery, type Pages } from '../../api/queries.ts';
import { may } from '../../api/session.ts';
import { Badge } from '../../parts/badge.tsx';
import { SelectField, TextField } from '../../parts/fields.tsx';
import { Empty, Page } from '../../parts/page.tsx';
import { ProblemNote } from '../../parts/problem.tsx';
import { DataTable, type Column } from '../../parts/table.tsx';
import { Time } from '../../parts/time.tsx';
import { kindText, statusText } from '../../parts/words.ts';
import { Link, navigate, useFilters } from '../../shell/router.tsx';
import { t as shared } from '../../shell/texts.ts';
import { BoardCounts } from './board-counts.tsx';
import { EquipmentForm } from './equipment-form.tsx';
import { EquipmentNav } from './equipment-nav.tsx';
import { useFresh } from './fresh.ts';
import { EquipmentImportDialog } from './import-equipment.tsx';
import {
  EQUIPMENT_STATUSES,
  EquipmentStatusBadge,
  isHere,
  SESSION_STATES,
  StateBadge,
  stateTone,
  type EquipmentStatus,
  type SessionState,
} from './states.tsx';
import { t } from './texts.ts';

export const NO_FILTERS = {
  search: '',
  state: '',
  status: '',
  model: '',
  location: '',
  alarms: '',
  use: 'active',
  view: 'tiles',
};

export function EquipmentPage() {
  const [filters, setFilters] = useFilters(NO_FILTERS);
  const query = {
    search: filters.search.trim() || undefined,
    state: (filters.state || undefined) as SessionState | undefined,
    status: (filters.status || undefined) as EquipmentStatus | undefined,
    model: filters.model || undefined,
    location: filters.location || undefined,
    alarms: filters.alarms === '' ? undefined : filters.alarms === 'open',
    active: filters.use === 'all' ? undefined : filters.use === 'active',
  };
  const list = usePages('listEquipment', { query });
  const board = useQuery('getEquipmentBoard', {});
  const refresh = () => {
    list.refresh();
    board.refresh();
  };
  useFresh(refresh);
  const [dialog, setDialog] = useState<'register' | 'import' | null>(null);
  const close = () => setDialog(null);
  const words = t().board;
  const isFiltered = (Object.keys(NO_FILTERS) as (keyof typeof NO_FILTERS)[]).some(
    (name) => name !== 'view' && filters[name] !== NO_FILTERS[name],
  );
  const empty = isFiltered ? (
    <Empty title={words.noneFits}>
      <button type="button" class="button" onClick={() => setFilters({ ...NO_FILTERS, view: filters.view })}>
        {words.clear}
      </button>
    </Empty>
  ) : (
    <Empty title={words.none} detail={words.noneAdvice}>
      {may('mom:write') && (
        <button type="button" class="button primary" onClick={() => setDialog('register')}>
          {words.register}
        </button>
      )}
    </Empty>
  );
  const actions = may('mom:write') && (
    <>
      <button type="button" class="button" onClick={() => setDialog('import')}>
        {words.import}
      </button>
      <button type="button" class="button primary" onClick={() => setDialog('register')}>
        {words.register}
      </button>
    </>
  );
  return (
    <Page title={words.title} lead={words.lead} actions={actions}>
      <EquipmentNav />
      {board.data !== null && <BoardCounts board={board.data} filters={filters} setFilters={setFilters} />}
      <div class="filters">
        <TextField
          label={words.search}
          type="search"
          value={filters.search}
          onInput={(search) => setFilters({ search })}
        />
        <SelectField
          label={words.state}
          any
          value={filters.state}
          options={SESSION_STATES.map((value) => ({ value: value as string, label: statusText(value) }))}
          onInput={(state) => setFilters({ state })}
        />
        <SelectField
          label={words.status}
          any
          value={filters.status}
          options={EQUIPMENT_STATUSES.map((value) => ({ value: value as string, label: statusText(value) }))}
          onInput={(status) => setFilters({ status })}
        />
        <TextField label={words.model} value={filters.model} onInput={(model) => setFilters({ model })} />
        <TextField label={words.location} value={filters.location} onInput={(location) => setFilters({ location })} />
        <SelectField
          label={words.alarms}
          any
          value={filters.alarms}
          options={[
            { value: 'open', label: words.alarmsOpen },
            { value: 'none', label: words.alarmsNone },
          ]}
          onInput={(alarms) => setFilters({ alarms })}
        />
        <SelectField
          label={words.use}
          value={filters.use}
          options={[
            { value: 'active', label: words.inUse },
            { value: 'retired', label: words.retired },
            { value: 'all', label: shared().common.all },
          ]}
          onInput={(use) => setFilters({ use })}
        />
        <SelectField
          label={words.view}
          value={filters.view}
          options={[
            { value: 'tiles', label: words.tiles },
            { value: 'table', label: words.table },
          ]}
          onInput={(view) => setFilters({ view })}
        />
      </div>
      {filters.view === 'table' ? (
        <DataTable
          label={words.title}
          list={list}
          columns={columns()}
          rowKey={({ code }) => code}
          csv={{ operation: 'listEquipment', query }}
          empty={empty}
        />
      ) : (
        <Tiles list={list} empty={empty} />
      )}
      {dialog === 'register' && (
        <EquipmentForm
          equipment={null}
          onClose={close}
          onDone={({ code }) => navigate(`/equipment/${encodeURIComponent(code)}`)}
        />
      )}
      {dialog === 'import' && <EquipmentImportDialog onClose={close} onDone={refresh} />}
    </Page>
  );
}

function columns(): Column<Equipment>[] {
  const words = t().board;
  return [
    { id: 'code', head: words.code, cell: (row) => <EquipmentLink code={row.code} /> },
    { id: 'name', head: words.name, cell: (row) => row.name },
    { id: 'state', head: words.state, cell: (row) => <StateBadge state={row.state} /> },
    {
      id: 'status',
      head: words.status,
      cell: (row) => (isHere(row) ? <EquipmentStatusBadge status={row.status} /> : '–'),
    },
    {
      id: 'alarms',
      head: words.alarms,
      cell: (row) => (row.openAlarms > 0 ? <Badge tone="bad">{words.openAlarms(row.openAlarms)}</Badge> : '–'),
    },
    { id: 'seen', head: words.lastSeen, cell: (row) => <Time at={row.lastSeenAt} relative />, wide: true },
    { id: 'model', head: words.model, cell: (row) => row.model, wide: true },
    { id: 'location', head: words.location, cell: (row) => row.location, wide: true },
  ];
}

export function EquipmentLink({ code }: { code: string }) {
  return <Link to={`/equipment/${encodeURIComponent(code)}`}>{code}</Link>;
}

function Tiles({ list, empty }: { list: Pages<Equipment>; empty: preact.ComponentChildren }) {
  if (list.error !== null) return <ProblemNote problem={list.error} retry={list.refresh} />;
  if (list.items.length === 0) return list.loading ? <p class="muted">{shared().common.loading}</p> : <>{empty}</>;
  return (
    <>
      <ul class="tiles" aria-label={t().board.title}>
        {list.items.map((equipment) => (
          <Tile key={equipment.code} equipment={equipment} />
        ))}
      </ul>
      {list.hasMore && (
        <p class="row">
          <button type="button" class="button" disabled={list.loadingMore} onClick={list.loadMore}>
            {shared().common.more}
          </button>
          <span class="muted">{shared().common.shown(list.items.length, true)}</span>
        </p>
      )}
    </>
  );
}

function Tile({ equipment }: { equipment: Equipment }) {
  const words = t().board;
  const { code, name, model, location, state, status, openAlarms, isSkewed, pendingFlags } = equipment;
  const [flag] = pendingFlags;
  return (
    <li class={`tile ${openAlarms > 0 ? 'bad' : stateTone(state)}`}>
      <p class="tile-head">
        <EquipmentLink code={code} />
        <StateBadge state={state} />
      </p>
      <p class="muted">{[name, model, location].filter((text) => text !== '').join(' · ') || ' '}</p>
      <p class="row">
        {isHere(equipment) && <EquipmentStatusBadge status={status} />}
        {openAlarms > 0 && <Badge tone="bad">{words.openAlarms(openAlarms)}</Badge>}
        {isSkewed && <Badge tone="warn">{words.skewed}</Badge>}
        {flag !== undefined && <Badge tone="info">{words.pending(kindText(flag))}</Badge>}
      </p>
      <p class="muted">
        {words.lastSeen} <Time at={equipment.lastSeenAt} relative />
      </p>
    </li>
  );
}

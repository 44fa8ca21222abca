/** Upgrades that need a person: what happened, what to do, and the decision, for one or for many. */
import { useState } from 'preact/hooks';
import type { AttentionItem } from '../../api-types.ts';
import { useLiveRefresh } from '../../api/live.ts';
import { usePages, useQuery } from '../../api/queries.ts';
import { may } from '../../api/session.ts';
import { Badge, type Tone } from '../../parts/badge.tsx';
import { SelectField, TextField } from '../../parts/fields.tsx';
import { Empty, Page } from '../../parts/page.tsx';
import { DataTable, useSelection, type Column } from '../../parts/table.tsx';
import { countText, Time } from '../../parts/time.tsx';
import { kindText, reasonText } from '../../parts/words.ts';
import { Link, useFilters } from '../../shell/router.tsx';
import { CauseDialog, type Deed } from '../upgrades/cause-dialog.tsx';
import { deviceAddress } from '../upgrades/devices/texts.ts';
import { UpgradeDrawer } from '../upgrades/tasks/drawer.tsx';
import { decisionDeeds, DECISIONS, type Outcome } from './decide.ts';
import { t } from './texts.ts';

export const KINDS = ['failed', 'reverted', 'unproven', 'partial', 'expired', 'awaiting_confirmation'] as const;
type Kind = (typeof KINDS)[number];

export const KIND_TONES: Record<Kind, Tone> = {
  failed: 'bad',
  reverted: 'bad',
  unproven: 'warn',
  partial: 'warn',
  expired: 'warn',
  awaiting_confirmation: 'info',
};

export function AttentionPage() {
  const [filters, setFilters] = useFilters({ kind: '', model: '', task: '', order: 'newest' });
  const taskId = /^\d+$/.test(filters.task) ? Number(filters.task) : undefined;
  const query = {
    kind: (filters.kind || undefined) as Kind | undefined,
    model: filters.model || undefined,
    taskId,
    order: filters.order === 'oldest' ? ('oldest' as const) : undefined,
  };
  const list = usePages('listAttention', { query });
  const counts = useQuery('listAttention', { query: { ...query, kind: undefined, limit: 1 } });
  const selection = useSelection<number>(JSON.stringify(filters));
  const [deed, setDeed] = useState<Deed | null>(null);
  const [open, setOpen] = useState<number | null>(null);
  const [outcome, setOutcome] = useState<Outcome | null>(null);
  const readAgain = () => {
    list.refresh();
    counts.refresh();
  };
  useLiveRefresh(readAgain, ({ type, data }) => type === 'event' && NEWS.test(String(data.kind)), { everyMs: 5_000 });
  const words = t().page;
  const after = (result: Outcome) => {
    setOutcome(result);
    selection.clear();
    readAgain();
  };
  const chosen = list.items.filter(({ upgradeId }) => selection.keys.has(upgradeId));
  const isFiltered = filters.kind !== '' || filters.model !== '' || filters.task !== '';
  const sum = Object.values(counts.data?.counts ?? {}).reduce((all, count) => all + count, 0);
  return (
    <Page title={words.title} lead={words.lead}>
      <div class="count-chips">
        {(['', ...KINDS] as const).map((kind) => (
          <button
            key={kind}
            type="button"
            class={`count-chip ${kind === '' ? 'idle' : KIND_TONES[kind]}`}
            aria-pressed={filters.kind === kind}
            onClick={() => setFilters({ kind })}
          >
            <b>{countText(kind === '' ? sum : (counts.data?.counts?.[kind] ?? 0))}</b>{' '}
            {kind === '' ? words.all : kindText(kind)}
          </button>
        ))}
      </div>
      <div class="filters">
        <TextField
          type="search"
          label={words.filter.model}
          value={filters.model}
          onInput={(model) => setFilters({ model })}
        />
        <TextField
          type="search"
          inputMode="numeric"
          label={words.filter.task}
          value={filters.task}
          onInput={(task) => setFilters({ task })}
        />
        <SelectField
          label={words.filter.order}
          value={filters.order}
          options={[
            { value: 'newest', label: words.newest },
            { value: 'oldest', label: words.oldest },
          ]}
          onInput={(order) => setFilters({ order })}
        />
      </div>
      {outcome !== null && <OutcomeNote outcome={outcome} />}
      <DataTable
        label={words.title}
        list={list}
        columns={columnsOf(setOpen)}
        rowKey={(row) => row.upgradeId}
        rowName={(row) => row.deviceId}
        {...(may('upgrade:write') && { selection })}
        selectionActions={decisionDeeds(chosen, after).map((each) => (
          <button key={each.action} type="button" class="button small" onClick={() => setDeed(each)}>
            {each.action}
          </button>
        ))}
        {...(may('upgrade:write') && {
          rowActions: (row: AttentionItem) =>
            decisionDeeds([row], after).map((each, index) => (
              <button
                key={DECISIONS[index]}
                type="button"
                class="button small"
                aria-label={`${each.action} ${row.deviceId}`}
                onClick={() => setDeed(each)}
              >
                {each.title}
              </button>
            )),
        })}
        onOpen={(row) => setOpen(row.upgradeId)}
        openKey={open}
        csv={{ operation: 'listAttention', query }}
        empty={
          isFiltered ? <Empty title={words.noneFitting} /> : <Empty title={words.none} detail={words.noneDetail} />
        }
      />
      {open !== null && (
        <UpgradeDrawer key={open} upgradeId={open} onClose={() => setOpen(null)} whenDone={readAgain} />
      )}
      {deed !== null && <CauseDialog deed={deed} onClose={() => setDeed(null)} />}
    </Page>
  );
}
const NEWS = /^(device|task)\./;

function columnsOf(open: (upgradeId: number) => void): Column<AttentionItem>[] {
  const { column, nowTarget } = t().page;
  return [
    {
      id: 'device',
      head: column.device,
      cell: (row) => <Link to={deviceAddress(row.deviceId)}>{row.deviceId}</Link>,
      width: '13rem',
    },
    {
      id: 'kind',
      head: column.kind,
      cell: (row) => (
        <button type="button" class="link plain" onClick={() => open(row.upgradeId)}>
          <Badge tone={KIND_TONES[row.kind]}>{kindText(row.kind)}</Badge>
        </button>
      ),
    },
    {
      id: 'reason',
      head: column.reason,
      cell: (row) => (
        <span class="ellipsis narrow" title={row.advice}>
          {row.reason === null || row.reason === row.kind ? row.advice : reasonText(row.reason)}
        </span>
      ),
      wide: true,
    },
    {
      id: 'version',
      head: column.version,
      cell: (row) => nowTarget(row.runningVersion ?? '?', row.targetVersion),
      wide: true,
    },
    {
      id: 'task',
      head: column.task,
      cell: (row) => (
        <Link class="ellipsis narrowest" to={`/tasks/${row.taskId}`}>
          {row.taskName || `#${row.taskId}`}
        </Link>
      ),
      wide: true,
    },
    { id: 'since', head: column.since, cell: (row) => <Time at={row.since} relative />, wide: true },
  ];
}

function OutcomeNote({ outcome }: { outcome: Outcome }) {
  const words = t().page;
  const { decided, refused } = outcome;
  return (
    <div class={`note ${refused.length > 0 ? 'warn' : ''}`} role="status">
      <p>{words.result(countText(decided), countText(refused.length))}</p>
      {refused.length > 0 && (
        <ul>
          {refused.slice(0, 20).map(({ upgradeId, deviceId, detail }) => (
            <li key={upgradeId}>
              {deviceId ?? upgradeId}: {detail}
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

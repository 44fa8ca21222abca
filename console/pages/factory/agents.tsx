/** Agents: equipment for which Slipway speaks with a MOM. */
import { useState } from 'preact/hooks';
import { usePages } from '../../api/queries.ts';
import { may } from '../../api/session.ts';
import { Badge } from '../../parts/badge.tsx';
import { SelectField, TextField } from '../../parts/fields.tsx';
import { Empty, Page } from '../../parts/page.tsx';
import { DataTable } from '../../parts/table.tsx';
import { countText, Time } from '../../parts/time.tsx';
import { statusText } from '../../parts/words.ts';
import { Link, navigate, useFilters } from '../../shell/router.tsx';
import { AgentForm } from './agent-form.tsx';
import { t } from './agent-texts.ts';
import { useFresh } from './fresh.ts';
import { SESSION_STATES, StateBadge, type SessionState } from './states.tsx';

export function AgentsPage() {
  const words = t();
  const [filters, setFilters] = useFilters({ search: '', state: '', active: '', quarantine: '' });
  const query = {
    search: filters.search.trim() || undefined,
    state: (filters.state || undefined) as SessionState | undefined,
    active: filters.active === '' ? undefined : filters.active === 'on',
    quarantined: filters.quarantine === '' ? undefined : filters.quarantine === 'with',
  };
  const list = usePages('listAgents', { query });
  useFresh(list.refresh, { prefix: 'agent.' });
  const [isMaking, setMaking] = useState(false);
  const create = may('mom:write') && (
    <button type="button" class="button primary" onClick={() => setMaking(true)}>
      {words.create}
    </button>
  );
  const isFiltered = Object.values(query).some((value) => value !== undefined);
  return (
    <Page title={words.title} lead={words.lead} actions={create}>
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
          label={words.active}
          any
          value={filters.active}
          options={[
            { value: 'on', label: words.on },
            { value: 'off', label: words.off },
          ]}
          onInput={(active) => setFilters({ active })}
        />
        <SelectField
          label={words.quarantine}
          any
          value={filters.quarantine}
          options={[
            { value: 'with', label: words.withQuarantine },
            { value: 'without', label: words.withoutQuarantine },
          ]}
          onInput={(quarantine) => setFilters({ quarantine })}
        />
      </div>
      <DataTable
        label={words.title}
        list={list}
        rowKey={({ code }) => code}
        csv={{ operation: 'listAgents', query }}
        empty={
          isFiltered ? (
            <Empty title={words.noneFits} />
          ) : (
            <Empty title={words.none} detail={words.noneAdvice}>
              {create}
            </Empty>
          )
        }
        columns={[
          {
            id: 'code',
            head: words.code,
            cell: ({ code }) => <Link to={`/agents/${encodeURIComponent(code)}`}>{code}</Link>,
          },
          { id: 'name', head: words.name, cell: ({ name }) => name, wide: true },
          {
            id: 'state',
            head: words.state,
            cell: (row) =>
              row.isActive ? <StateBadge state={row.session.state} /> : <Badge tone="idle">{words.off}</Badge>,
          },
          { id: 'queued', head: words.queued, cell: (row) => countText(row.queued), align: 'end' },
          {
            id: 'refused',
            head: words.refused,
            cell: (row) =>
              row.quarantined === 0 ? (
                '–'
              ) : (
                <Link to={`/agents/${encodeURIComponent(row.code)}?status=quarantined`}>
                  {countText(row.quarantined)}
                </Link>
              ),
            align: 'end',
          },
          {
            id: 'answer',
            head: words.lastAnswer,
            cell: (row) => <Time at={row.session.lastAnswerAt} relative />,
          },
          { id: 'url', head: words.url, cell: ({ url }) => url, wide: true },
          {
            id: 'trouble',
            head: words.trouble,
            cell: ({ session }) => (
              <span class="clipped" title={session.trouble}>
                {session.trouble}
              </span>
            ),
            wide: true,
          },
        ]}
      />
      {isMaking && (
        <AgentForm
          agent={null}
          onClose={() => setMaking(false)}
          onDone={({ code }) => navigate(`/agents/${encodeURIComponent(code)}`)}
        />
      )}
    </Page>
  );
}

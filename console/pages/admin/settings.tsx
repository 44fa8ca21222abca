/** The settings of the process, to be read. Secrets are only said to be set. */
import { useQuery } from '../../api/queries.ts';
import { Badge } from '../../parts/badge.tsx';
import { SelectField, TextField } from '../../parts/fields.tsx';
import { Empty, Page } from '../../parts/page.tsx';
import { DataTable } from '../../parts/table.tsx';
import { useFilters } from '../../shell/router.tsx';
import { t } from './texts.ts';

export function SettingsPage() {
  const words = t().settings;
  const { data, error, loading, refresh } = useQuery('listSettings', {});
  const [filters, setFilters] = useFilters({ search: '', which: '' });
  const search = filters.search.trim().toLowerCase();
  const items = (data?.items ?? []).filter(({ name, meaning, value }) => {
    const fits = search === '' || `${name} ${meaning}`.toLowerCase().includes(search);
    return fits && (filters.which === '' || (filters.which === 'given') === (value !== null));
  });
  const list = {
    items,
    error,
    loading,
    loadingMore: false,
    hasMore: false,
    loadMore: () => {},
    refresh,
    patch: () => {},
  };
  return (
    <Page title={words.title} lead={words.lead}>
      <div class="filters">
        <TextField
          label={words.search}
          type="search"
          value={filters.search}
          onInput={(value) => setFilters({ search: value })}
        />
        <SelectField
          label={words.which}
          any
          value={filters.which}
          options={[
            { value: 'given', label: words.given },
            { value: 'usual', label: words.usual },
          ]}
          onInput={(which) => setFilters({ which })}
        />
      </div>
      <DataTable
        label={words.title}
        list={list}
        rowKey={({ name }) => name}
        csv={{ operation: 'listSettings' }}
        empty={<Empty title={words.none} />}
        columns={[
          { id: 'name', head: words.name, cell: ({ name }) => <code>{name}</code> },
          {
            id: 'value',
            head: words.value,
            cell: ({ value, isSecret }) =>
              value === null ? (
                <span class="muted">{words.isDefault}</span>
              ) : isSecret ? (
                <Badge tone="idle">{words.secretSet}</Badge>
              ) : (
                <code class="clipped" title={value}>
                  {value}
                </code>
              ),
          },
          {
            id: 'default',
            head: words.usualValue,
            cell: (row) => (
              <span class="clipped" title={row.default}>
                {row.default}
              </span>
            ),
            wide: true,
          },
          {
            id: 'meaning',
            head: words.meaning,
            cell: ({ meaning, format }) => <span title={`${meaning}\n${words.format}: ${format}`}>{meaning}</span>,
          },
        ]}
      />
    </Page>
  );
}

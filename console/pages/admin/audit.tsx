/** The audit log: who changed what, when, from what to what. */
import { useState } from 'preact/hooks';
import type { AuditEntry } from '../../api-types.ts';
import { usePages } from '../../api/queries.ts';
import { Drawer } from '../../parts/dialog.tsx';
import { TextField } from '../../parts/fields.tsx';
import { Empty, Facts, Page } from '../../parts/page.tsx';
import { DataTable } from '../../parts/table.tsx';
import { Time } from '../../parts/time.tsx';
import { useFilters } from '../../shell/router.tsx';
import { t } from './texts.ts';

export function AuditPage() {
  const words = t().audit;
  const [filters, setFilters] = useFilters({ author: '', action: '', kind: '', target: '', from: '', to: '' });
  const query = {
    author: filters.author.trim() || undefined,
    action: filters.action.trim() || undefined,
    targetKind: filters.kind.trim() || undefined,
    targetId: filters.target.trim() || undefined,
    from: momentOf(filters.from),
    to: momentOf(filters.to),
  };
  const list = usePages('listAudit', { query });
  const [open, setOpen] = useState<AuditEntry | null>(null);
  const isFiltered = Object.values(query).some((value) => value !== undefined);
  return (
    <Page title={words.title} lead={words.lead}>
      <div class="filters">
        <TextField label={words.author} value={filters.author} onInput={(author) => setFilters({ author })} />
        <TextField label={words.action} value={filters.action} onInput={(action) => setFilters({ action })} />
        <TextField label={words.kind} value={filters.kind} onInput={(kind) => setFilters({ kind })} />
        <TextField label={words.targetId} value={filters.target} onInput={(target) => setFilters({ target })} />
        <TextField
          label={words.from}
          type="datetime-local"
          value={filters.from}
          onInput={(from) => setFilters({ from })}
        />
        <TextField label={words.to} type="datetime-local" value={filters.to} onInput={(to) => setFilters({ to })} />
      </div>
      <DataTable
        label={words.title}
        list={list}
        rowKey={({ id }) => id}
        openKey={open?.id ?? null}
        onOpen={setOpen}
        csv={{ operation: 'listAudit', query }}
        empty={<Empty title={isFiltered ? words.noneFits : words.none} />}
        columns={[
          { id: 'at', head: words.at, cell: (row) => <Time at={row.at} /> },
          { id: 'author', head: words.author, cell: (row) => row.author },
          { id: 'action', head: words.action, cell: (row) => <code>{row.action}</code> },
          {
            id: 'target',
            head: words.target,
            cell: (row) => (
              <>
                {row.targetKind} <b>{row.targetId}</b>
              </>
            ),
          },
          { id: 'what', head: words.field, cell: (row) => <span class="muted">{summaryOf(row)}</span>, wide: true },
        ]}
        rowActions={(row) => (
          <button type="button" class="button small" onClick={() => setOpen(row)}>
            {words.details}
          </button>
        )}
      />
      {open !== null && <EntryDrawer entry={open} onClose={() => setOpen(null)} />}
    </Page>
  );
}

function summaryOf({ before, after }: AuditEntry): string {
  const words = t().audit;
  if (before === null) return words.made;
  if (after === null) return words.deleted;
  return `${words.changed}: ${Object.keys(after).join(', ')}`;
}

function EntryDrawer({ entry, onClose }: { entry: AuditEntry; onClose: () => void }) {
  const words = t().audit;
  const { before, after } = entry;
  const names = [...new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})])];
  return (
    <Drawer title={`${entry.targetKind} ${entry.targetId}`} onClose={onClose}>
      <Facts
        items={[
          [words.at, <Time at={entry.at} />],
          [words.author, entry.author],
          [words.key, entry.keyId],
          [words.action, <code>{entry.action}</code>],
          [words.request, <code>{entry.requestId}</code>],
        ]}
      />
      {names.length === 0 ? (
        <p class="muted">{words.nothing}</p>
      ) : (
        <div class="before-after" role="region" aria-label={words.details} tabIndex={0}>
          <table class="table wrapping">
            <thead>
              <tr>
                <th scope="col">{words.field}</th>
                <th scope="col">{words.before}</th>
                <th scope="col">{words.after}</th>
              </tr>
            </thead>
            <tbody>
              {names.map((name) => (
                <tr key={name}>
                  <th scope="row">{name}</th>
                  <td>
                    <code>{valueText(before?.[name])}</code>
                  </td>
                  <td>
                    <code>{valueText(after?.[name])}</code>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Drawer>
  );
}

function valueText(value: unknown): string {
  if (value === undefined) return '–';
  return typeof value === 'string' ? value : JSON.stringify(value, null, 1);
}

/** What a field for day and time holds, as a moment; undefined: nothing that could be one. */
function momentOf(text: string): string | undefined {
  const at = text === '' ? Number.NaN : Date.parse(text);
  return Number.isNaN(at) ? undefined : new Date(at).toISOString();
}

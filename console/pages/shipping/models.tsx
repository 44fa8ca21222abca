/** What devices of a model speak, where it is not AMS. */
import { useState } from 'preact/hooks';
import type { ModelProtocol } from '../../api-types.ts';
import { call } from '../../api/call.ts';
import { useAction, usePages } from '../../api/queries.ts';
import { may } from '../../api/session.ts';
import { errorAt, SelectField, TextField } from '../../parts/fields.tsx';
import { Empty, Page, Panel } from '../../parts/page.tsx';
import { ProblemNote } from '../../parts/problem.tsx';
import { DataTable } from '../../parts/table.tsx';
import { Time } from '../../parts/time.tsx';
import { say } from '../../parts/toasts.tsx';
import { ClassificationSections } from './sections.tsx';
import './shipping.css';
import { t } from './texts.ts';

type Protocol = ModelProtocol['protocol'];
const PROTOCOLS: readonly { value: Protocol; label: string }[] = [
  { value: 'pcp', label: 'PCP' },
  { value: 'ams', label: 'AMS' },
];

export function ModelsPage() {
  const list = usePages('listModelProtocols', { query: {} });
  const [model, setModel] = useState('');
  const [protocol, setProtocol] = useState<Protocol>('pcp');
  const { models: words } = t().triggers;
  const set = useAction(async () => {
    const name = model.trim();
    await call('setModelProtocol', { params: { model: name }, body: { protocol } });
    say(words.done(name));
    setModel('');
    list.refresh();
  });
  const submit = (event: Event) => {
    event.preventDefault();
    void set.run();
  };
  return (
    <Page title={words.title} lead={words.lead}>
      <ClassificationSections />
      <div class="stack">
        {may('admin') && (
          <Panel>
            <form class="filters" onSubmit={submit}>
              <TextField
                label={words.model}
                required
                value={model}
                error={errorAt(set.error, 'params.model')}
                onInput={setModel}
              />
              <SelectField<Protocol>
                label={words.protocol}
                value={protocol}
                options={PROTOCOLS}
                onInput={(value) => setProtocol(value === '' ? 'pcp' : value)}
              />
              <div class="field-button">
                <button type="submit" class="button primary" disabled={set.busy || model.trim() === ''}>
                  {words.set}
                </button>
              </div>
            </form>
            {set.error !== null && <ProblemNote problem={set.error} />}
          </Panel>
        )}
        <DataTable
          label={words.title}
          list={list}
          rowKey={({ model: name }) => name}
          csv={{ operation: 'listModelProtocols' }}
          empty={<Empty title={words.none} detail={may('admin') ? words.noneDetail : undefined} />}
          columns={[
            { id: 'model', head: words.model, cell: ({ model: name }) => <code>{name}</code> },
            { id: 'protocol', head: words.protocol, cell: (row) => row.protocol.toUpperCase() },
            { id: 'changed', head: words.changed, cell: ({ changedAt }) => <Time at={changedAt} /> },
            { id: 'by', head: words.by, cell: ({ changedBy }) => changedBy },
          ]}
        />
      </div>
    </Page>
  );
}

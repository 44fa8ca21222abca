/** Departments: walls between what belongs to one and what to another. */
import { useState } from 'preact/hooks';
import { call, newIdempotencyKey } from '../../api/call.ts';
import { useAction, usePages } from '../../api/queries.ts';
import { FormDialog } from '../../parts/form-dialog.tsx';
import { errorAt, TextField } from '../../parts/fields.tsx';
import { Empty, Page } from '../../parts/page.tsx';
import { DataTable } from '../../parts/table.tsx';
import { Time } from '../../parts/time.tsx';
import { say } from '../../parts/toasts.tsx';
import { t as shared } from '../../shell/texts.ts';
import { PeopleNav } from './people-nav.tsx';
import { t } from './texts.ts';

export function DepartmentsPage() {
  const words = t().departments;
  const list = usePages('listDepartments', {});
  const [isMaking, setMaking] = useState(false);
  const create = (
    <button type="button" class="button primary" onClick={() => setMaking(true)}>
      {words.create}
    </button>
  );
  return (
    <Page title={words.title} lead={words.lead} actions={create}>
      <PeopleNav />
      <DataTable
        label={words.title}
        list={list}
        rowKey={({ id }) => id}
        csv={{ operation: 'listDepartments' }}
        empty={<Empty title={words.none}>{create}</Empty>}
        columns={[
          { id: 'id', head: t().keys.id, cell: ({ id }) => id, align: 'end', width: '8ch' },
          { id: 'name', head: words.name, cell: ({ name }) => name },
          { id: 'created', head: words.created, cell: ({ createdAt }) => <Time at={createdAt} /> },
        ]}
      />
      {isMaking && <DepartmentForm onClose={() => setMaking(false)} onDone={list.refresh} />}
    </Page>
  );
}

function DepartmentForm({ onClose, onDone }: { onClose: () => void; onDone: () => void }) {
  const words = t().departments;
  const [name, setName] = useState('');
  const [idempotencyKey] = useState(newIdempotencyKey);
  const save = useAction(async () => {
    const { name: made } = await call('createDepartment', { body: { name: name.trim() } }, { idempotencyKey });
    say(words.made(made));
    onDone();
    onClose();
  });
  return (
    <FormDialog title={words.create} onClose={onClose} act={save} submit={shared().common.save}>
      <TextField
        label={words.name}
        hint={words.detail}
        required
        value={name}
        onInput={setName}
        error={errorAt(save.error, 'body.name')}
      />
    </FormDialog>
  );
}

/** Employees who may operate equipment by hand. */
import { useState } from 'preact/hooks';
import type { Employee } from '../../api-types.ts';
import { call, newIdempotencyKey } from '../../api/call.ts';
import { useAction, usePages } from '../../api/queries.ts';
import { may } from '../../api/session.ts';
import { Badge } from '../../parts/badge.tsx';
import { FormDialog } from '../../parts/form-dialog.tsx';
import { CheckField, errorAt, TextField } from '../../parts/fields.tsx';
import { Empty, Page } from '../../parts/page.tsx';
import { DataTable } from '../../parts/table.tsx';
import { Time } from '../../parts/time.tsx';
import { say } from '../../parts/toasts.tsx';
import { t as shared } from '../../shell/texts.ts';
import { EquipmentNav } from './equipment-nav.tsx';
import { t } from './texts.ts';

export function EmployeesPage() {
  const words = t().employees;
  const list = usePages('listEquipmentEmployees', {});
  const [edited, setEdited] = useState<Employee | 'new' | null>(null);
  const add = may('mom:write') && (
    <button type="button" class="button primary" onClick={() => setEdited('new')}>
      {words.add}
    </button>
  );
  return (
    <Page title={words.title} lead={words.lead} actions={add}>
      <EquipmentNav />
      <DataTable
        label={words.title}
        list={list}
        rowKey={({ number }) => number}
        csv={{ operation: 'listEquipmentEmployees' }}
        empty={
          <Empty title={words.none} detail={words.noneAdvice}>
            {add}
          </Empty>
        }
        columns={[
          { id: 'number', head: words.number, cell: (row) => <code>{row.number}</code> },
          { id: 'name', head: words.name, cell: (row) => row.name },
          {
            id: 'state',
            head: words.state,
            cell: (row) =>
              row.isActive ? <Badge tone="good">{words.isActive}</Badge> : <Badge tone="idle">{words.inactive}</Badge>,
          },
          {
            id: 'password',
            head: words.password,
            cell: (row) => (row.hasPassword ? words.hasPassword : words.noPassword),
          },
          {
            id: 'created',
            head: words.created,
            cell: (row) => (
              <>
                <Time at={row.createdAt} relative /> · {row.createdBy}
              </>
            ),
            wide: true,
          },
        ]}
        rowActions={(row) =>
          may('mom:write') && (
            <button type="button" class="button small" onClick={() => setEdited(row)}>
              {words.change}
            </button>
          )
        }
      />
      {edited !== null && (
        <EmployeeForm
          employee={edited === 'new' ? null : edited}
          onClose={() => setEdited(null)}
          onDone={list.refresh}
        />
      )}
    </Page>
  );
}

function EmployeeForm({
  employee,
  onClose,
  onDone,
}: {
  employee: Employee | null;
  onClose: () => void;
  onDone: () => void;
}) {
  const words = t().employees;
  const [number, setNumber] = useState('');
  const [name, setName] = useState(employee?.name ?? '');
  const [password, setPassword] = useState('');
  const [removes, setRemoves] = useState(false);
  const [isActive, setActive] = useState(employee?.isActive ?? true);
  const [idempotencyKey] = useState(newIdempotencyKey);
  const save = useAction(async () => {
    const given = password === '' ? {} : { password };
    if (employee === null) {
      await call('createEquipmentEmployee', { body: { number: number.trim(), name, ...given } }, { idempotencyKey });
    } else {
      const body = { name, isActive, ...given, ...(removes && { password: null }) };
      await call('updateEquipmentEmployee', { params: { number: employee.number }, body });
    }
    say(employee === null ? words.added(number.trim()) : words.saved(employee.number));
    onDone();
    onClose();
  });
  return (
    <FormDialog
      title={employee === null ? words.add : words.edit(employee.number)}
      onClose={onClose}
      act={save}
      submit={shared().common.save}
    >
      {employee === null && (
        <TextField
          label={words.number}
          required
          value={number}
          onInput={setNumber}
          error={errorAt(save.error, 'body.number')}
        />
      )}
      <TextField label={words.name} value={name} onInput={setName} error={errorAt(save.error, 'body.name')} />
      <TextField
        type="password"
        autocomplete="new-password"
        label={words.password}
        hint={employee?.hasPassword === true ? words.passwordKeep : words.passwordHint}
        value={password}
        disabled={removes}
        onInput={setPassword}
        error={errorAt(save.error, 'body.password')}
      />
      {employee?.hasPassword === true && (
        <CheckField label={words.removePassword} checked={removes} onInput={setRemoves} />
      )}
      {employee !== null && (
        <CheckField label={words.active} hint={words.activeHint} checked={isActive} onInput={setActive} />
      )}
    </FormDialog>
  );
}

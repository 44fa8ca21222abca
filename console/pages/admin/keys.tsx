/** API keys: made, shown once, revoked. */
import { useState } from 'preact/hooks';
import type { ApiKey, NewApiKey } from '../../api-types.ts';
import { call, newIdempotencyKey } from '../../api/call.ts';
import { useAction, usePages } from '../../api/queries.ts';
import { me, type Permission } from '../../api/session.ts';
import { Badge } from '../../parts/badge.tsx';
import { confirm } from '../../parts/confirm.tsx';
import { FormDialog } from '../../parts/form-dialog.tsx';
import { CheckField, errorAt, SelectField, TextField } from '../../parts/fields.tsx';
import { Empty, Page } from '../../parts/page.tsx';
import { ProblemNote } from '../../parts/problem.tsx';
import { DataTable } from '../../parts/table.tsx';
import { Time } from '../../parts/time.tsx';
import { say } from '../../parts/toasts.tsx';
import { permissionText } from '../../parts/words.ts';
import { PeopleNav } from './people-nav.tsx';
import { SecretDialog } from './secret-dialog.tsx';
import { t } from './texts.ts';

const PERMISSIONS: readonly Permission[] = [
  'device:read',
  'device:write',
  'firmware:write',
  'firmware:override',
  'upgrade:write',
  'upgrade:batch',
  'shipment:write',
  'mom:write',
  'admin',
];

export function KeysPage() {
  const words = t().keys;
  const list = usePages('listApiKeys', {});
  const [isMaking, setMaking] = useState(false);
  const [made, setMade] = useState<NewApiKey | null>(null);
  const revoke = useAction(async (key: ApiKey) => {
    const isOwn = key.id === me.value?.keyId;
    const consequences = [words.revokeForEver, words.revokeLogs, ...(isOwn ? [words.isYours] : [])];
    const title = words.revokeTitle(key.name);
    if (!(await confirm({ title, consequences, action: words.revoke, danger: true }))) return;
    await call('revokeApiKey', { params: { keyId: key.id } });
    say(words.revokedNow(key.name));
    list.refresh();
  });
  const create = (
    <button type="button" class="button primary" onClick={() => setMaking(true)}>
      {words.create}
    </button>
  );
  return (
    <Page title={words.title} lead={words.lead} actions={create}>
      <PeopleNav />
      {revoke.error !== null && <ProblemNote problem={revoke.error} />}
      <DataTable
        label={words.title}
        list={list}
        rowKey={({ id }) => id}
        csv={{ operation: 'listApiKeys' }}
        empty={<Empty title={words.noneYet}>{create}</Empty>}
        columns={[
          { id: 'name', head: words.name, cell: (row) => row.name },
          { id: 'department', head: words.department, cell: (row) => row.department.name },
          {
            id: 'permissions',
            head: words.permissions,
            cell: (row) => (
              <span
                class="clipped"
                title={row.permissions.map((each) => `${each}: ${permissionText(each)}`).join('\n')}
              >
                {row.permissions.length === 0 ? words.noPermissions : row.permissions.join(', ')}
              </span>
            ),
          },
          {
            id: 'state',
            head: words.state,
            cell: (row) =>
              row.revokedAt === null ? (
                <Badge tone="good">{words.valid}</Badge>
              ) : (
                <>
                  <Badge tone="idle">{words.revoked}</Badge> <Time at={row.revokedAt} relative />
                </>
              ),
          },
          { id: 'used', head: words.lastUsed, cell: (row) => <Time at={row.lastUsedAt} relative />, wide: true },
          {
            id: 'created',
            head: words.created,
            cell: (row) => (
              <span title={row.createdBy}>
                <Time at={row.createdAt} relative />
              </span>
            ),
            wide: true,
          },
        ]}
        rowActions={(row) =>
          row.revokedAt === null && (
            <button
              type="button"
              class="button small danger"
              disabled={revoke.busy}
              onClick={() => void revoke.run(row)}
            >
              {words.revoke}
            </button>
          )
        }
      />
      {isMaking && (
        <KeyForm
          onClose={() => setMaking(false)}
          onDone={(key) => {
            setMaking(false);
            setMade(key);
            list.refresh();
          }}
        />
      )}
      {made !== null && (
        <SecretDialog
          title={words.madeTitle(made.name)}
          detail={words.madeOnce}
          name={words.key}
          secret={made.key}
          done={words.close}
          onClose={() => setMade(null)}
        />
      )}
    </Page>
  );
}

function KeyForm({ onClose, onDone }: { onClose: () => void; onDone: (key: NewApiKey) => void }) {
  const words = t().keys;
  const departments = usePages('listDepartments', {}, 500);
  const [name, setName] = useState('');
  const [departmentId, setDepartment] = useState(String(me.value?.department.id ?? ''));
  const [permissions, setPermissions] = useState<readonly Permission[]>(['device:read']);
  const [idempotencyKey, setKey] = useState(newIdempotencyKey);
  const save = useAction(async () => {
    const body = { name: name.trim(), departmentId: Number(departmentId), permissions: [...permissions] };
    try {
      onDone(await call('createApiKey', { body }, { idempotencyKey }));
    } catch (error) {
      setKey(newIdempotencyKey());
      throw error;
    }
  });
  const toggle = (permission: Permission, isOn: boolean) =>
    setPermissions((old) => PERMISSIONS.filter((each) => (each === permission ? isOn : old.includes(each))));
  return (
    <FormDialog title={words.create} onClose={onClose} act={save} submit={words.create} blocked={departmentId === ''}>
      <TextField
        label={words.name}
        hint={words.nameHint}
        required
        value={name}
        onInput={setName}
        error={errorAt(save.error, 'body.name')}
      />
      <SelectField
        label={words.department}
        required
        any={words.choose}
        value={departmentId}
        options={departments.items.map((each) => ({ value: String(each.id), label: each.name }))}
        onInput={setDepartment}
        error={errorAt(save.error, 'body.departmentId')}
      />
      <fieldset class="group">
        <legend>{words.permissions}</legend>
        <CheckField
          label={words.all}
          checked={permissions.length === PERMISSIONS.length}
          onInput={(isOn) => setPermissions(isOn ? PERMISSIONS : [])}
        />
        {PERMISSIONS.map((permission) => (
          <CheckField
            key={permission}
            label={permission}
            hint={permissionText(permission)}
            checked={permissions.includes(permission)}
            onInput={(isOn) => toggle(permission, isOn)}
          />
        ))}
      </fieldset>
    </FormDialog>
  );
}

/** What an equipment is asked to do with its next heartbeats, and what it sent when it did. */
import { useState } from 'preact/hooks';
import type { EquipmentFlag, EquipmentFollowUp } from '../../api-types.ts';
import { call, newIdempotencyKey } from '../../api/call.ts';
import { useAction, usePages } from '../../api/queries.ts';
import { may } from '../../api/session.ts';
import { StatusBadge } from '../../parts/badge.tsx';
import { confirm } from '../../parts/confirm.tsx';
import { Drawer } from '../../parts/dialog.tsx';
import { FormDialog } from '../../parts/form-dialog.tsx';
import { errorAt, SelectField, TextField } from '../../parts/fields.tsx';
import { Empty, Panel } from '../../parts/page.tsx';
import { ProblemNote } from '../../parts/problem.tsx';
import { DataTable } from '../../parts/table.tsx';
import { Time } from '../../parts/time.tsx';
import { say } from '../../parts/toasts.tsx';
import { kindText } from '../../parts/words.ts';
import { t as shared } from '../../shell/texts.ts';
import { useFresh } from './fresh.ts';
import { t } from './texts.ts';

type FlagAction = EquipmentFlag['action'];
const ACTIONS: readonly FlagAction[] = ['material_up', 'material_down', 'water_content', 'parameters'];

export function FlagsTab({ code, onChanged }: { code: string; onChanged: () => void }) {
  const words = t().flags;
  const params = { code };
  const flags = usePages('listEquipmentFlags', { params }, 50);
  const followUps = usePages('listEquipmentFollowUps', { params }, 50);
  const refresh = () => {
    flags.refresh();
    followUps.refresh();
  };
  useFresh(refresh, { equipmentCode: code });
  const changed = () => {
    flags.refresh();
    onChanged();
  };
  const [isAsking, setAsking] = useState(false);
  const [open, setOpen] = useState<EquipmentFollowUp | null>(null);
  const cancel = useAction(async ({ action }: EquipmentFlag) => {
    const name = kindText(action);
    const consequences = [words.cancelConsequence];
    if (!(await confirm({ title: words.cancelTitle(name), consequences, action: words.cancel }))) return;
    await call('cancelEquipmentFlag', { params: { code, action }, body: {} });
    say(words.cancelled);
    changed();
  });
  const raise = may('mom:write') && (
    <button type="button" class="button" onClick={() => setAsking(true)}>
      {words.raise}
    </button>
  );
  return (
    <>
      <Panel title={words.title} actions={raise} class="flush">
        <p class="panel-lead muted">{words.lead}</p>
        {cancel.error !== null && <ProblemNote problem={cancel.error} />}
        <DataTable
          label={words.title}
          list={flags}
          rowKey={({ id }) => id}
          csv={{ operation: 'listEquipmentFlags', params }}
          empty={<Empty title={words.none} detail={words.noneAdvice} />}
          columns={[
            { id: 'action', head: words.action, cell: (row) => kindText(row.action) },
            { id: 'status', head: words.status, cell: (row) => <StatusBadge status={row.status} /> },
            {
              id: 'raised',
              head: words.raisedAt,
              cell: (row) => (
                <>
                  <Time at={row.raisedAt} relative /> · {row.raisedBy}
                </>
              ),
            },
            { id: 'cause', head: words.cause, cell: (row) => <span title={row.cause}>{row.cause}</span>, wide: true },
            {
              id: 'serves',
              head: words.serves,
              cell: (row) => (
                <>
                  {words.servesCount(row.serves)}
                  {row.servedAt !== null && (
                    <>
                      {' · '}
                      <Time at={row.servedAt} relative />
                    </>
                  )}
                </>
              ),
            },
            {
              id: 'ended',
              head: words.ended,
              cell: (row) =>
                row.endedAt === null ? (
                  '–'
                ) : (
                  <>
                    <Time at={row.endedAt} relative /> · {row.endedBy === 'equipment' ? words.equipment : row.endedBy}
                  </>
                ),
              wide: true,
            },
          ]}
          rowActions={(row) =>
            may('mom:write') &&
            row.status === 'pending' && (
              <button type="button" class="button small" disabled={cancel.busy} onClick={() => void cancel.run(row)}>
                {words.cancel}
              </button>
            )
          }
        />
      </Panel>
      <Panel title={words.followUps} class="flush">
        <p class="panel-lead muted">{words.followUpsLead}</p>
        <DataTable
          label={words.followUps}
          list={followUps}
          rowKey={({ id }) => id}
          csv={{ operation: 'listEquipmentFollowUps', params }}
          empty={<Empty title={words.noFollowUps} detail={words.noFollowUpsAdvice} />}
          columns={[
            { id: 'at', head: words.receivedAt, cell: (row) => <Time at={row.receivedAt} /> },
            { id: 'name', head: words.name, cell: (row) => row.name },
            {
              id: 'asked',
              head: words.asked,
              cell: (row) => (row.flagId === null ? words.unasked : shared().common.yes),
            },
            {
              id: 'data',
              head: words.data,
              cell: (row) => <code>{JSON.stringify(row.data).slice(0, 80)}</code>,
              wide: true,
            },
          ]}
          rowActions={(row) => (
            <button type="button" class="button small" onClick={() => setOpen(row)}>
              {words.show}
            </button>
          )}
          onOpen={setOpen}
        />
      </Panel>
      {isAsking && <RaiseDialog code={code} onClose={() => setAsking(false)} onDone={changed} />}
      {open !== null && (
        <Drawer title={`${open.name} · ${code}`} onClose={() => setOpen(null)}>
          <p>
            <Time at={open.receivedAt} /> {open.employeeNo}
          </p>
          <pre class="json" tabIndex={0}>
            {JSON.stringify(open.data, null, 2)}
          </pre>
        </Drawer>
      )}
    </>
  );
}

function RaiseDialog({ code, onClose, onDone }: { code: string; onClose: () => void; onDone: () => void }) {
  const words = t().flags;
  const [action, setAction] = useState<FlagAction>('material_up');
  const [cause, setCause] = useState('');
  const [idempotencyKey] = useState(newIdempotencyKey);
  const raise = useAction(async () => {
    const body = { action, ...(cause.trim() !== '' && { cause: cause.trim() }) };
    const flag = await call('raiseEquipmentFlag', { params: { code }, body }, { idempotencyKey });
    say(flag.serves > 0 ? words.already(kindText(action)) : words.raised(kindText(action)));
    onDone();
    onClose();
  });
  return (
    <FormDialog title={words.raise} onClose={onClose} act={raise} submit={words.raise}>
      <SelectField
        label={words.action}
        hint={words.actionHint}
        value={action}
        options={ACTIONS.map((value) => ({ value, label: kindText(value) }))}
        onInput={(value) => value !== '' && setAction(value)}
        error={errorAt(raise.error, 'body.action')}
      />
      <TextField label={words.cause} value={cause} onInput={setCause} error={errorAt(raise.error, 'body.cause')} />
    </FormDialog>
  );
}

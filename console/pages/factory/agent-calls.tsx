/** The calls of an agent: what waits, what the MOM took, what it refused; a person sends again or writes off. */
import { useState } from 'preact/hooks';
import type { AgentCall } from '../../api-types.ts';
import { call, newIdempotencyKey } from '../../api/call.ts';
import { useAction, usePages } from '../../api/queries.ts';
import { may } from '../../api/session.ts';
import { StatusBadge } from '../../parts/badge.tsx';
import { Drawer } from '../../parts/dialog.tsx';
import { FormDialog } from '../../parts/form-dialog.tsx';
import { errorAt, SelectField, TextField } from '../../parts/fields.tsx';
import { Empty, Facts } from '../../parts/page.tsx';
import { DataTable } from '../../parts/table.tsx';
import { Time } from '../../parts/time.tsx';
import { say } from '../../parts/toasts.tsx';
import { reasonText, statusText } from '../../parts/words.ts';
import { useFilters } from '../../shell/router.tsx';
import { t } from './agent-texts.ts';
import { useFresh } from './fresh.ts';

const STATUSES = ['queued', 'delivered', 'quarantined', 'redriven', 'written_off', 'expired'] as const;
const NAMES = [
  'EqptStatus',
  'EqptAlert',
  'TrayBind',
  'TrayUnbind',
  'CellState',
  'TrayCellsStatus',
  'AgingInput',
  'MaterialUpLoad',
  'MaterialDownLoad',
  'WaterContent',
] as const;
type Decision = { what: 'redrive' | 'write-off'; call: AgentCall };

export function AgentCalls({ code, onChanged }: { code: string; onChanged: () => void }) {
  const words = t().calls;
  const [filters, setFilters] = useFilters({ status: '', call: '' });
  const query = {
    status: STATUSES.find((each) => each === filters.status),
    name: NAMES.find((each) => each === filters.call),
  };
  const list = usePages('listAgentCalls', { params: { code }, query });
  useFresh(list.refresh, { prefix: 'agent.' });
  const [open, setOpen] = useState<AgentCall | null>(null);
  const [decision, setDecision] = useState<Decision | null>(null);
  const none =
    filters.status === 'quarantined'
      ? words.noneQuarantined
      : filters.status === 'queued'
        ? words.noneQueued
        : words.none;
  return (
    <>
      <p class="muted">{words.lead}</p>
      <div class="filters">
        <SelectField
          label={words.status}
          any
          value={filters.status}
          options={STATUSES.map((value) => ({ value: value as string, label: statusText(value) }))}
          onInput={(status) => setFilters({ status })}
        />
        <SelectField
          label={words.name}
          any
          value={filters.call}
          options={NAMES.map((value) => ({ value: value as string, label: value }))}
          onInput={(name) => setFilters({ call: name })}
        />
      </div>
      <DataTable
        label={t().tabCalls}
        list={list}
        rowKey={({ id }) => id}
        openKey={open?.id ?? null}
        onOpen={setOpen}
        csv={{ operation: 'listAgentCalls', params: { code }, query }}
        empty={<Empty title={none} {...(filters.status === '' && { detail: words.noneAdvice })} />}
        columns={[
          { id: 'name', head: words.name, cell: (row) => row.name },
          { id: 'status', head: words.status, cell: (row) => <StatusBadge status={row.status} /> },
          {
            id: 'reason',
            head: words.reason,
            cell: (row) => (row.reason === null ? '–' : reasonText(row.reason)),
            wide: true,
          },
          {
            id: 'message',
            head: words.message,
            cell: (row) => (
              <span class="clipped" title={row.message}>
                {row.message}
              </span>
            ),
          },
          { id: 'created', head: words.created, cell: (row) => <Time at={row.createdAt} relative /> },
        ]}
        rowActions={(row) => (
          <span class="row end-actions">
            <Decisions row={row} onDecide={setDecision} />
            <button type="button" class="button small" onClick={() => setOpen(row)}>
              {words.details}
            </button>
          </span>
        )}
      />
      {open !== null && <CallDrawer row={open} onClose={() => setOpen(null)} />}
      {decision !== null && (
        <DecisionDialog
          code={code}
          decision={decision}
          onClose={() => setDecision(null)}
          onDone={() => {
            list.refresh();
            onChanged();
          }}
        />
      )}
    </>
  );
}

function Decisions({ row, onDecide }: { row: AgentCall; onDecide: (decision: Decision) => void }) {
  const words = t().calls;
  if (!may('mom:write') || !['quarantined', 'queued'].includes(row.status)) return null;
  return (
    <>
      {row.status === 'quarantined' && (
        <button type="button" class="button small" onClick={() => onDecide({ what: 'redrive', call: row })}>
          {words.redrive}
        </button>
      )}
      <button type="button" class="button small danger" onClick={() => onDecide({ what: 'write-off', call: row })}>
        {words.writeOff}
      </button>
    </>
  );
}

function DecisionDialog({
  code,
  decision: { what, call: row },
  onClose,
  onDone,
}: {
  code: string;
  decision: Decision;
  onClose: () => void;
  onDone: () => void;
}) {
  const words = t().calls;
  const [cause, setCause] = useState('');
  const [idempotencyKey] = useState(newIdempotencyKey);
  const isRedrive = what === 'redrive';
  const decide = useAction(async () => {
    const params = { code, callId: row.id };
    const body = cause.trim() === '' ? {} : { cause: cause.trim() };
    if (isRedrive) await call('redriveAgentCall', { params, body }, { idempotencyKey });
    else await call('writeOffAgentCall', { params, body });
    say(isRedrive ? words.redriven : words.writtenOff);
    onDone();
    onClose();
  });
  return (
    <FormDialog
      title={isRedrive ? words.redriveTitle(row.name) : words.writeOffTitle(row.name)}
      onClose={onClose}
      act={decide}
      submit={isRedrive ? words.redrive : words.writeOff}
      danger={!isRedrive}
    >
      {row.message !== '' && (
        <p>
          {words.message}: {row.message}
        </p>
      )}
      <p>{isRedrive ? words.redriveDetail : words.writeOffDetail}</p>
      <TextField label={words.cause} value={cause} onInput={setCause} error={errorAt(decide.error, 'body.cause')} />
    </FormDialog>
  );
}

function CallDrawer({ row, onClose }: { row: AgentCall; onClose: () => void }) {
  const words = t().calls;
  return (
    <Drawer title={`${row.name} · ${row.id}`} onClose={onClose}>
      <Facts
        items={[
          [words.status, <StatusBadge status={row.status} />],
          [words.reason, row.reason === null ? null : reasonText(row.reason)],
          [words.message, row.message || null],
          [
            words.created,
            <>
              <Time at={row.createdAt} /> · {row.createdBy}
            </>,
          ],
          [words.attempts, row.attempts],
          [words.tried, <Time at={row.triedAt} />],
          [words.trouble, row.trouble || null],
          [words.answered, <Time at={row.answeredAt} />],
          [words.session, row.sessionId],
          [words.redriveOf, row.redriveOf],
          [words.redrivenAs, row.redrivenAs],
          [words.decided, row.decidedBy === null ? null : `${row.decidedBy} ${row.cause}`],
        ]}
      />
      <h3>{words.request}</h3>
      <pre class="json" tabIndex={0}>
        {JSON.stringify(row.request, null, 2)}
      </pre>
      <h3>{words.answer}</h3>
      {row.answer === null ? (
        <p class="muted">{words.noAnswer}</p>
      ) : (
        <pre class="json" tabIndex={0}>
          {JSON.stringify(row.answer, null, 2)}
        </pre>
      )}
    </Drawer>
  );
}

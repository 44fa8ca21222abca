/** One webhook: its state, a test message, another key, and what became of each event. */
import { useState } from 'preact/hooks';
import type { ListWebhookDeliveriesQuery, Webhook, WebhookDelivery } from '../../api-types.ts';
import { call, newIdempotencyKey } from '../../api/call.ts';
import { useLiveRefresh } from '../../api/live.ts';
import { useAction, usePages, useQuery } from '../../api/queries.ts';
import { Badge } from '../../parts/badge.tsx';
import { confirm } from '../../parts/confirm.tsx';
import { Dialog } from '../../parts/dialog.tsx';
import { CheckField, SelectField } from '../../parts/fields.tsx';
import { ExecutionLink } from '../../parts/links.tsx';
import { Empty, Facts, Page, Panel } from '../../parts/page.tsx';
import { ProblemNote } from '../../parts/problem.tsx';
import { DataTable } from '../../parts/table.tsx';
import { Time } from '../../parts/time.tsx';
import { say } from '../../parts/toasts.tsx';
import { kindText } from '../../parts/words.ts';
import { Link, navigate, useFilters, type PageProps } from '../../shell/router.tsx';
import { t as shared } from '../../shell/texts.ts';
import { SecretDialog } from './secret-dialog.tsx';
import { t } from './texts.ts';
import { WebhookForm } from './webhook-form.tsx';
import { WebhookState } from './webhooks.tsx';

const STATUSES = ['pending', 'delivered', 'failed'] as const;
const TONES = { pending: 'info', delivered: 'good', failed: 'bad' } as const;

export function OneWebhookPage({ params }: PageProps) {
  const webhookId = Number(params['webhookId']);
  const words = t().webhooks;
  const { data, error, refresh } = useQuery('getWebhook', { params: { webhookId } });
  if (data === null) {
    return (
      <Page title={words.title}>
        {error === null ? (
          <p class="muted">{shared().common.loading}</p>
        ) : (
          <ProblemNote problem={error} retry={refresh} />
        )}
        <Link to="/admin/webhooks">{words.back}</Link>
      </Page>
    );
  }
  return (
    <Page
      title={data.url}
      lead={<Link to="/admin/webhooks">{words.back}</Link>}
      actions={<Actions webhook={data} onChanged={refresh} />}
    >
      {data.offReason !== null && (
        <p class="note">
          {words.offReason}: {data.offReason}
        </p>
      )}
      <Panel>
        <Facts
          items={[
            [words.state, <WebhookState webhook={data} />],
            [words.waiting, data.waiting],
            [words.failingSince, data.failingSince === null ? null : <Time at={data.failingSince} relative />],
            [words.kinds, data.kinds.length === 0 ? words.allKinds : data.kinds.map(kindText).join(', ')],
            [words.remark, data.remark || null],
            [
              words.created,
              <>
                <Time at={data.createdAt} /> · {data.createdBy}
              </>,
            ],
          ]}
        />
        <Ping webhookId={webhookId} />
      </Panel>
      <Deliveries webhookId={webhookId} onChanged={refresh} />
    </Page>
  );
}

type Asked = 'edit' | 'switchOn' | { secret: string };

function Actions({ webhook, onChanged }: { webhook: Webhook; onChanged: () => void }) {
  const words = t().webhooks;
  const { id: webhookId, revision, isActive, waiting, url } = webhook;
  const [asked, setAsked] = useState<Asked | null>(null);
  const params = { webhookId };
  const close = () => setAsked(null);
  const remove = useAction(async () => {
    const consequences = [words.deleteConsequence(waiting)];
    if (!(await confirm({ title: words.deleteTitle, consequences, action: words.delete, danger: true }))) return;
    await call('deleteWebhook', { params }, { ifMatch: revision });
    say(words.deleted);
    navigate('/admin/webhooks');
  });
  const rotate = useAction(async () => {
    const consequences = [words.rotateConsequence];
    if (!(await confirm({ title: words.rotateTitle, consequences, action: words.rotate }))) return;
    const idempotencyKey = newIdempotencyKey();
    const { secret } = await call('rotateWebhookSecret', { params }, { ifMatch: revision, idempotencyKey });
    setAsked({ secret });
    onChanged();
  });
  const switchOff = useAction(async () => {
    await call('updateWebhook', { params, body: { isActive: false } }, { ifMatch: revision });
    say(words.saved);
    onChanged();
  });
  const problem = remove.error ?? rotate.error ?? switchOff.error;
  return (
    <>
      <button type="button" class="button danger" disabled={remove.busy} onClick={() => void remove.run()}>
        {words.delete}
      </button>
      <button type="button" class="button" disabled={rotate.busy} onClick={() => void rotate.run()}>
        {words.rotate}
      </button>
      <button
        type="button"
        class="button"
        disabled={switchOff.busy}
        onClick={() => (isActive ? void switchOff.run() : setAsked('switchOn'))}
      >
        {isActive ? words.switchOff : words.switchOn}
      </button>
      <button type="button" class="button" onClick={() => setAsked('edit')}>
        {words.edit}
      </button>
      {problem !== null && <ProblemNote problem={problem} />}
      {asked === 'edit' && <WebhookForm webhook={webhook} onClose={close} onChanged={onChanged} />}
      {asked === 'switchOn' && <SwitchOnDialog webhook={webhook} onClose={close} onDone={onChanged} />}
      {asked !== null && typeof asked === 'object' && (
        <SecretDialog
          title={words.secretTitle}
          detail={words.secretOnce}
          name={url}
          secret={asked.secret}
          done={words.secretKept}
          onClose={close}
        />
      )}
    </>
  );
}

function SwitchOnDialog({ webhook, onClose, onDone }: { webhook: Webhook; onClose: () => void; onDone: () => void }) {
  const words = t().webhooks;
  const [skipMissed, setSkip] = useState(false);
  const save = useAction(async () => {
    const body = { isActive: true, ...(skipMissed && { skipMissed }) };
    await call('updateWebhook', { params: { webhookId: webhook.id }, body }, { ifMatch: webhook.revision });
    say(words.saved);
    onDone();
    onClose();
  });
  const actions = (
    <>
      <button type="button" class="button" onClick={onClose}>
        {shared().common.cancel}
      </button>
      <button type="button" class="button primary" disabled={save.busy} onClick={() => void save.run()}>
        {words.switchOn}
      </button>
    </>
  );
  return (
    <Dialog title={words.switchOnTitle} onClose={onClose} actions={actions}>
      <p>{words.switchOnDetail(webhook.waiting)}</p>
      <CheckField label={words.skip} checked={skipMissed} onInput={setSkip} />
      {save.error !== null && <ProblemNote problem={save.error} />}
    </Dialog>
  );
}

function Ping({ webhookId }: { webhookId: number }) {
  const words = t().webhooks;
  const [result, setResult] = useState<string | null>(null);
  const ping = useAction(async () => {
    setResult(null);
    const { status, error, tookMs } = await call('pingWebhook', { params: { webhookId } });
    const isTaken = error === null && status !== null;
    setResult(isTaken ? words.pingTaken(status, tookMs) : words.pingFailed(error ?? words.noAnswer, tookMs));
  });
  return (
    <div class="row after">
      <button type="button" class="button" disabled={ping.busy} onClick={() => void ping.run()}>
        {words.ping}
      </button>
      <span role="status">{ping.busy ? words.pinging : result}</span>
      {ping.error !== null && <ProblemNote problem={ping.error} />}
    </div>
  );
}

function Deliveries({ webhookId, onChanged }: { webhookId: number; onChanged: () => void }) {
  const words = t().webhooks;
  const [filters, setFilters] = useFilters({ status: '' });
  const query = { status: (filters.status || undefined) as ListWebhookDeliveriesQuery['status'] };
  const params = { webhookId };
  const list = usePages('listWebhookDeliveries', { params, query });
  useLiveRefresh(list.refresh, ({ type }) => type === 'event', { everyMs: 3_000 });
  const resend = useAction(async ({ id: deliveryId }: WebhookDelivery) => {
    await call('resendWebhookDelivery', { params: { webhookId, deliveryId } });
    say(words.resent);
    list.refresh();
    onChanged();
  });
  return (
    <Panel title={words.deliveries}>
      <div class="filters">
        <SelectField
          label={words.status}
          any
          value={filters.status}
          options={STATUSES.map((value) => ({ value: value as string, label: words.statuses[value] }))}
          onInput={(status) => setFilters({ status })}
        />
      </div>
      {resend.error !== null && <ProblemNote problem={resend.error} />}
      <DataTable
        label={words.deliveries}
        list={list}
        rowKey={({ id }) => id}
        csv={{ operation: 'listWebhookDeliveries', params, query }}
        empty={<Empty title={words.noDeliveries} detail={words.noDeliveriesAdvice} />}
        columns={[
          { id: 'kind', head: words.kind, cell: (row) => kindText(row.kind) },
          {
            id: 'status',
            head: words.status,
            cell: (row) => <Badge tone={TONES[row.status]}>{words.statuses[row.status]}</Badge>,
          },
          { id: 'at', head: words.happened, cell: (row) => <Time at={row.at} /> },
          { id: 'attempts', head: words.attempts, cell: (row) => row.attempts, align: 'end' },
          { id: 'answer', head: words.answer, cell: (row) => row.lastStatus ?? words.noAnswer, wide: true },
          {
            id: 'error',
            head: words.error,
            cell: (row) => (
              <span class="clipped" title={row.lastError ?? ''}>
                {row.lastError ?? '–'}
              </span>
            ),
            wide: true,
          },
          {
            id: 'execution',
            head: words.execution,
            cell: (row) => <ExecutionLink url={row.links.temporal}>{words.execution}</ExecutionLink>,
            wide: true,
          },
        ]}
        rowActions={(row) => (
          <button type="button" class="button small" disabled={resend.busy} onClick={() => void resend.run(row)}>
            {row.status === 'pending' ? words.resendNow : words.resend}
          </button>
        )}
      />
    </Panel>
  );
}

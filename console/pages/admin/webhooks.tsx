/** Webhooks: where events are sent. */
import { useState } from 'preact/hooks';
import type { Webhook, WebhookWithSecret } from '../../api-types.ts';
import { usePages } from '../../api/queries.ts';
import { Badge } from '../../parts/badge.tsx';
import { Empty, Page } from '../../parts/page.tsx';
import { DataTable } from '../../parts/table.tsx';
import { countText, Time } from '../../parts/time.tsx';
import { kindText } from '../../parts/words.ts';
import { Link, navigate } from '../../shell/router.tsx';
import { SecretDialog } from './secret-dialog.tsx';
import { t } from './texts.ts';
import { WebhookForm } from './webhook-form.tsx';

export function WebhooksPage() {
  const words = t().webhooks;
  const list = usePages('listWebhooks', {});
  const [isMaking, setMaking] = useState(false);
  const [made, setMade] = useState<WebhookWithSecret | null>(null);
  const create = (
    <button type="button" class="button primary" onClick={() => setMaking(true)}>
      {words.create}
    </button>
  );
  return (
    <Page title={words.title} lead={words.lead} actions={create}>
      <DataTable
        label={words.title}
        list={list}
        rowKey={({ id }) => id}
        csv={{ operation: 'listWebhooks' }}
        empty={
          <Empty title={words.none} detail={words.noneAdvice}>
            {create}
          </Empty>
        }
        columns={[
          { id: 'url', head: words.url, cell: (row) => <Link to={`/admin/webhooks/${row.id}`}>{row.url}</Link> },
          { id: 'state', head: words.state, cell: (row) => <WebhookState webhook={row} /> },
          {
            id: 'kinds',
            head: words.kinds,
            cell: ({ kinds }) =>
              kinds.length === 0 ? (
                words.allKinds
              ) : (
                <span title={kinds.map(kindText).join('\n')}>{words.kindCount(kinds.length)}</span>
              ),
          },
          { id: 'waiting', head: words.waiting, cell: (row) => countText(row.waiting), align: 'end' },
          { id: 'remark', head: words.remark, cell: (row) => row.remark, wide: true },
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
      />
      {isMaking && <WebhookForm webhook={null} onClose={() => setMaking(false)} onMade={setMade} />}
      {made !== null && (
        <SecretDialog
          title={words.secretTitle}
          detail={words.secretOnce}
          name={made.url}
          secret={made.secret}
          done={words.secretKept}
          onClose={() => navigate(`/admin/webhooks/${made.id}`)}
        />
      )}
    </Page>
  );
}

export function WebhookState({ webhook }: { webhook: Webhook }) {
  const words = t().webhooks;
  if (!webhook.isActive) return <Badge tone="idle">{words.off}</Badge>;
  return webhook.failingSince === null ? (
    <Badge tone="good">{words.on}</Badge>
  ) : (
    <Badge tone="bad">{words.failing}</Badge>
  );
}

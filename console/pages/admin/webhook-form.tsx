/** Makes a webhook, or changes one: where, and which events. */
import { useState } from 'preact/hooks';
import type { Webhook, WebhookWithSecret } from '../../api-types.ts';
import { call, newIdempotencyKey } from '../../api/call.ts';
import { useAction } from '../../api/queries.ts';
import { FormDialog } from '../../parts/form-dialog.tsx';
import { CheckField, errorAt, TextField } from '../../parts/fields.tsx';
import { say } from '../../parts/toasts.tsx';
import { kindText } from '../../parts/words.ts';
import { t as shared } from '../../shell/texts.ts';
import { t } from './texts.ts';

type Kind = Webhook['kinds'][number];
const KINDS: readonly Kind[] = [
  'task.started',
  'task.paused',
  'task.finished',
  'task.cancelled',
  'task.approval_needed',
  'device.failed',
  'device.reverted',
  'device.needs_person',
  'command.finished',
  'shipment.finished',
  'platform_shipment.finished',
  'equipment.offline',
  'equipment.back',
  'equipment.alarm',
  'equipment.alarm_cleared',
  'equipment.clock_skew',
  'agent.offline',
  'agent.back',
  'agent.quarantined',
  'agent.data_needed',
];

export function WebhookForm({
  webhook,
  onClose,
  onMade,
  onChanged,
}: {
  /** Null: a new one. */
  webhook: Webhook | null;
  onClose: () => void;
  onMade?: (made: WebhookWithSecret) => void;
  onChanged?: () => void;
}) {
  const words = t().webhooks;
  const [url, setUrl] = useState(webhook?.url ?? '');
  const [remark, setRemark] = useState(webhook?.remark ?? '');
  const [kinds, setKinds] = useState<readonly Kind[]>(webhook?.kinds ?? []);
  const [idempotencyKey, setKey] = useState(newIdempotencyKey);
  const save = useAction(async () => {
    const body = { url: url.trim(), kinds: [...kinds], remark };
    try {
      if (webhook === null) {
        onMade?.(await call('createWebhook', { body }, { idempotencyKey }));
      } else {
        await call('updateWebhook', { params: { webhookId: webhook.id }, body }, { ifMatch: webhook.revision });
        say(words.saved);
        onChanged?.();
      }
    } catch (error) {
      setKey(newIdempotencyKey());
      throw error;
    }
    onClose();
  });
  return (
    <FormDialog
      title={webhook === null ? words.create : words.edit}
      onClose={onClose}
      act={save}
      submit={shared().common.save}
    >
      <TextField
        label={words.url}
        hint={words.urlHint}
        type="url"
        required
        value={url}
        onInput={setUrl}
        error={errorAt(save.error, 'body.url')}
      />
      <TextField label={words.remark} value={remark} onInput={setRemark} error={errorAt(save.error, 'body.remark')} />
      <fieldset class="group">
        <legend>{words.kinds}</legend>
        <p class="hint">{words.kindsHint}</p>
        <div class="columns">
          {KINDS.map((kind) => (
            <CheckField
              key={kind}
              label={kindText(kind)}
              checked={kinds.includes(kind)}
              onInput={(isOn) => setKinds((old) => KINDS.filter((each) => (each === kind ? isOn : old.includes(each))))}
            />
          ))}
        </div>
      </fieldset>
    </FormDialog>
  );
}

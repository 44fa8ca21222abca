/**
 * One event on its way to one webhook.
 *
 * Tries, waits longer after each failure, and gives up after a day. Every attempt is written to the delivery's row by
 * the step that makes it; when that step is repeated, because a process died in between, the receiver gets the same
 * message, with the same `webhook-id`, once more. A person who resends a delivery that waits only wakes it.
 */
import {
  CancellationScope,
  condition,
  defineSignal,
  isCancellation,
  proxyActivities,
  setHandler,
} from '@temporalio/workflow';
import type { WebhookActivities } from '../activities/webhooks.ts';
import {
  RETRY_NOW_SIGNAL,
  type DeliverWebhookInput,
  type DeliveryOutcome,
  type PingOutcome,
  type PingWebhookInput,
} from './contract.ts';
import { DELIVERY_LIFE_MS, LONGEST_DELAY_MS, deliveryDelayMs } from './rules/deliveries.ts';

const retry = { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '1m' } as const;
// A post takes ten seconds at most; the rest is for the database.
const sender = proxyActivities<WebhookActivities>({ startToCloseTimeout: '30s', retry });
const once = proxyActivities<WebhookActivities>({
  startToCloseTimeout: '15s',
  scheduleToCloseTimeout: '20s',
  retry: { maximumAttempts: 1 },
});

export async function deliverWebhook({ deliveryId }: DeliverWebhookInput): Promise<DeliveryOutcome> {
  let isWoken = false;
  setHandler(defineSignal(RETRY_NOW_SIGNAL), () => {
    isWoken = true;
  });
  const startedAtMs = Date.now();
  try {
    for (let failures = 1; ; failures++) {
      const delayMs = deliveryDelayMs(failures, Math.random());
      const isLast = Date.now() - startedAtMs + delayMs > DELIVERY_LIFE_MS;
      isWoken = false;
      const attempt = await sender.attemptDelivery(deliveryId, { isLast });
      if (attempt.outcome !== 'again') return attempt.outcome;
      const waitMs = Math.max(delayMs, Math.min(attempt.askedMs ?? 0, LONGEST_DELAY_MS));
      await condition(() => isWoken, waitMs, {
        summary: `attempt ${failures + 1} follows; ${attempt.error}`.slice(0, 200),
      });
    }
  } catch (error) {
    if (!isCancellation(error)) throw error;
    await CancellationScope.nonCancellable(() => sender.abandonDelivery(deliveryId, 'cancelled in Temporal'));
    return 'failed';
  }
}

/** A test message from where the real ones are sent; not repeated, not kept. */
export async function pingWebhook({ webhookId }: PingWebhookInput): Promise<PingOutcome> {
  return once.pingWebhook(webhookId);
}

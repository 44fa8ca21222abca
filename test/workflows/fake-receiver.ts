/**
 * A stand-in for the database and the receiver behind `deliverWebhook`: answers as told, the last answer for ever, and
 * remembers when it was asked.
 */
import type { Attempt, WebhookActivities } from '../../activities/webhooks.ts';

type Answer = 'delivered' | 'failed' | 'held' | 'removed' | 'again' | { askedMs: number };

export class FakeReceiver {
  readonly attempts: { atMs: number; isLast: boolean }[] = [];
  /** Ids of the messages that arrived. */
  readonly posted: string[] = [];
  status: 'pending' | 'delivered' | 'failed' | 'held' | 'removed' = 'pending';
  why = '';
  readonly #answers: readonly Answer[];
  readonly #nowMs: () => Promise<number>;

  constructor(answers: readonly Answer[], nowMs: () => Promise<number>) {
    this.#answers = answers;
    this.#nowMs = nowMs;
  }

  readonly activities: WebhookActivities & { receiver: FakeReceiver } = {
    receiver: this,
    attemptDelivery: async (deliveryId, { isLast }): Promise<Attempt> => {
      this.post(deliveryId);
      const answer = this.#answers[Math.min(this.attempts.length, this.#answers.length - 1)]!;
      this.attempts.push({ atMs: await this.#nowMs(), isLast });
      if (answer !== 'again' && typeof answer === 'string') {
        this.status = answer;
        return { outcome: answer };
      }
      if (isLast) {
        this.status = 'failed';
        return { outcome: 'failed' };
      }
      return { outcome: 'again', error: 'HTTP 500', askedMs: answer === 'again' ? null : answer.askedMs };
    },
    abandonDelivery: async (_deliveryId, why) => {
      this.status = 'failed';
      this.why = why;
    },
    pingWebhook: async () => ({ status: 204, error: null, tookMs: 5 }),
  };

  post(deliveryId: number): void {
    this.posted.push(`msg_${deliveryId}`);
  }

  /** Between one attempt and the next. */
  gapsMs(): number[] {
    return this.attempts.slice(1).map(({ atMs }, index) => atMs - this.attempts[index]!.atMs);
  }
}

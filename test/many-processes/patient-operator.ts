/**
 * An operator whose calls go to any API that is there, and are repeated with the same `Idempotency-Key` until they are
 * answered. What was answered is remembered: it must be there at the end, once.
 */
import { setTimeout as delay } from 'node:timers/promises';

export class PatientOperator {
  /** Calls that were answered, and how often one had to be repeated. */
  answered = 0;
  repeated = 0;
  readonly #urls: () => string[];
  readonly #key: string;
  readonly #prefix: string;
  #calls = 0;

  /** @param prefix of the idempotency keys: one operator never uses those of another */
  constructor(urls: () => string[], key: string, prefix: string) {
    this.#urls = urls;
    this.#key = key;
    this.#prefix = prefix;
  }

  /** Posts until it is answered; throws for an answer that repeating does not change. */
  async post<Answer>(path: string, body: unknown): Promise<Answer> {
    this.#calls += 1;
    const number = this.#calls;
    for (let tries = 0; ; tries++) {
      const urls = this.#urls();
      const url = urls[(number + tries) % Math.max(1, urls.length)];
      if (tries > 0) this.repeated += 1;
      if (tries > 0) await delay(200);
      if (url === undefined) continue;
      const answer = await this.#try(`${url}/api/v1${path}`, `${this.#prefix}-${number}`, body);
      if (answer === null) continue;
      this.answered += 1;
      return answer as Answer;
    }
  }

  /** Null: nobody answered, or somebody who could not. */
  async #try(url: string, idempotencyKey: string, body: unknown): Promise<unknown> {
    let response: Response;
    let answer: unknown;
    try {
      response = await fetch(url, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${this.#key}`,
          'content-type': 'application/json',
          'idempotency-key': idempotencyKey,
        },
        body: JSON.stringify(body),
        signal: AbortSignal.timeout(30_000),
      });
      answer = await response.json();
    } catch {
      return null;
    }
    if (response.ok) return answer;
    const isInProgress = response.status === 409 && JSON.stringify(answer).includes('idempotency');
    if (response.status >= 500 || response.status === 429 || isInProgress) return null;
    throw new Error(`POST ${url}: ${response.status} ${JSON.stringify(answer)}`);
  }
}

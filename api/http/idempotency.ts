/**
 * Idempotency keys: the same request sent again, because an answer was lost, gets the answer of the first and changes
 * nothing. Effect and answer are one transaction; requests with one key wait for each other. Only answers that changed
 * something are kept: a refused request may be corrected and sent again with its key.
 */
import { createCipheriv, createDecipheriv, createHash, hkdfSync, randomBytes } from 'node:crypto';
import { Type } from 'typebox';
import { problem } from '../problems.ts';
import { Answer, type CheckedInput, type Route } from '../route.ts';
import { text } from '../schemas.ts';
import { findAnswer, lockKey, storeAnswer } from '../../db/idempotency.ts';
import type { Db } from '../../db/index.ts';

export { forgetAnswers } from '../../db/idempotency.ts';

/** The header, as routes that are `idempotent` take it. */
export const IDEMPOTENCY_HEADERS = Type.Object({
  'idempotency-key': Type.Optional(
    text(200, {
      minLength: 1,
      description:
        'makes repeating harmless: for a day, the same request with the same key gets the same answer and changes nothing',
    }),
  ),
});

/**
 * Does something once for a key.
 *
 * @throws Problem `idempotency_key_reused` when the key belongs to another request
 */
export async function once(
  each: Pick<Route, 'id' | 'idempotent' | 'reader'>,
  input: CheckedInput,
  key: string,
  db: Db,
  act: (tx: Db) => Promise<Answer<unknown>>,
): Promise<Answer<unknown>> {
  const { caller, params, query } = input;
  const name = { departmentId: caller.departmentId, action: each.id, key };
  const body = each.reader === undefined ? input.body : each.reader.fingerprint(input.body);
  // A sealed answer opens with one API key only: for any other it is another request.
  const seal = each.idempotent === 'sealed' ? sealOf(input) : null;
  const request = { params, query, body, ...(seal && { keyId: caller.keyId }) };
  const requestHash = createHash('sha256').update(canonical(request)).digest('hex');
  return db.transaction(async (tx) => {
    await lockKey(tx, name);
    const before = await findAnswer(tx, name);
    if (before !== null) {
      if (before.requestHash !== requestHash) throw keyReused(key);
      const kept = seal === null ? before.body : seal.open(before.body);
      const headers = { ...before.headers, 'Idempotent-Replayed': 'true' };
      return new Answer(JSON.parse(kept), { status: before.status, headers });
    }
    const answer = await act(tx);
    const written = JSON.stringify(answer.body ?? null);
    const { status = 200, headers = {} } = answer.options;
    const stored = seal === null ? written : seal.close(written);
    await storeAnswer(tx, name, { requestHash, status, headers: { ...headers }, body: stored });
    return answer;
  });
}

/** The same text for the same value, in whatever sequence its fields were sent. */
export function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}

function keyReused(key: string) {
  return problem(
    'idempotency_key_reused',
    `The Idempotency-Key "${key}" was used for another request before. Use a new key for a new request; to repeat the old one, send exactly what was sent.`,
  );
}

/** Locks a text with the API key of the request, of which only a hash is stored anywhere. */
function sealOf({ request }: CheckedInput) {
  const apiKey = (request.headers.authorization ?? '').replace(/^Bearer +/i, '').trim();
  const keyFor = (salt: Buffer) => Buffer.from(hkdfSync('sha256', apiKey, salt, 'slipway sealed answer', 32));
  return {
    close(written: string): string {
      const [salt, iv] = [randomBytes(16), randomBytes(12)];
      const cipher = createCipheriv('aes-256-gcm', keyFor(salt), iv);
      const content = Buffer.concat([cipher.update(written, 'utf8'), cipher.final()]);
      return Buffer.concat([salt, iv, cipher.getAuthTag(), content]).toString('base64');
    },
    open(stored: string): string {
      const bytes = Buffer.from(stored, 'base64');
      const [salt, iv, tag] = [bytes.subarray(0, 16), bytes.subarray(16, 28), bytes.subarray(28, 44)];
      const decipher = createDecipheriv('aes-256-gcm', keyFor(salt), iv);
      decipher.setAuthTag(tag);
      return Buffer.concat([decipher.update(bytes.subarray(44)), decipher.final()]).toString('utf8');
    },
  };
}

/**
 * The access token of a platform, shared by all processes through the database: one of them fetches it while the others
 * wait. It is kept sealed with the secret of the app, which the database does not know.
 */
import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import type { Db } from '../db/index.ts';
import { withConnectorToken } from '../db/shipments/platforms.ts';
import type { Connector } from '../db/schema.ts';
import { isUsable, type Token, type TokenStore } from '../gateways/tracksolid/tokens.ts';

const IV_BYTES = 12;
const TAG_BYTES = 16;

/** Keeps the token of a connection in the database. `secrets`: whoever has others gets nothing out of it. */
export function sharedTokens(db: Db, connector: Connector, secrets: readonly string[]): TokenStore {
  const key = createHash('sha256').update(JSON.stringify(secrets)).digest();
  return {
    use: (refused, fetch) =>
      withConnectorToken(db, connector, async (kept) => {
        const value = kept === null ? null : unseal(key, kept.token);
        const token: Token | null = value === null ? null : { value, goodUntilMs: kept!.goodUntilMs };
        if (isUsable(token, refused)) return { result: token, keep: null };
        const fresh = await fetch();
        return { result: fresh, keep: { token: seal(key, fresh.value), goodUntilMs: fresh.goodUntilMs } };
      }),
  };
}

function seal(key: Buffer, text: string): string {
  const iv = randomBytes(IV_BYTES);
  const cipher = createCipheriv('aes-256-gcm', key, iv);
  const body = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
  return Buffer.concat([iv, cipher.getAuthTag(), body]).toString('base64');
}

/** Null: it was sealed with another secret, or is damaged; a new token is fetched then. */
function unseal(key: Buffer, sealed: string): string | null {
  const bytes = Buffer.from(sealed, 'base64');
  try {
    const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, IV_BYTES));
    decipher.setAuthTag(bytes.subarray(IV_BYTES, IV_BYTES + TAG_BYTES));
    return Buffer.concat([decipher.update(bytes.subarray(IV_BYTES + TAG_BYTES)), decipher.final()]).toString('utf8');
  } catch {
    return null;
  }
}

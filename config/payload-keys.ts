/**
 * The keys that encrypt what Temporal stores: part of the one table (`config.ts`).
 */
import { createSecretKey } from 'node:crypto';
import { optional, type Format } from './formats.ts';
import type { PayloadKey, PayloadKeys } from '../payload-encryption.ts';

const payloadKeys: Format<PayloadKeys> = {
  text: 'name:key pairs with commas between; a key is 32 bytes in base64 (openssl rand -base64 32)',
  example: '2026-11:q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA=',
  parse: (text) => {
    const [first, ...others] = text.split(',').map((pair) => readKey(pair.trim()));
    if (first === undefined) throw new TypeError('has no key');
    const keys = [first, ...others] as const;
    if (new Set(keys.map(({ id }) => id)).size < keys.length) throw new TypeError('has two keys of one name');
    return keys;
  },
};

function readKey(pair: string): PayloadKey {
  const [, id, base64] = /^([\w.-]{1,64}):([A-Za-z0-9+/]{43}=)$/.exec(pair) ?? [];
  // never the text itself: it is a secret
  if (id === undefined || base64 === undefined) throw new TypeError('has a pair that is not name:key');
  return { id, key: createSecretKey(base64, 'base64') };
}

export const payloadKeyVariables = {
  TEMPORAL_PAYLOAD_KEYS: optional(
    'Keys that encrypt what Temporal stores of workflows: the first encrypts, each deciphers',
    payloadKeys,
    { secret: true, defaultText: 'not encrypted' },
  ),
};

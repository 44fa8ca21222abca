/** Encrypted payloads out of Temporal: bytes that nobody of ours wrote, and plain ones that somebody with the key did. */
import { createCipheriv, createSecretKey } from 'node:crypto';
import { PayloadEncryption, PayloadUnreadable } from '../../../payload-encryption.ts';
import { demand, repeated, type Parser } from '../fuzz/parser.ts';

const KEY = createSecretKey(Buffer.alloc(32, 7));
const encryption = new PayloadEncryption([{ id: 'k', key: KEY }]);
const WRITTEN = 1;

/** The first byte: 1 = the rest is encrypted with the key before it is read, else it is the ciphertext itself. */
export const payloads: Parser = {
  name: 'payloads',
  maxBytes: 600,
  tokens: [
    Buffer.of(0, 0, 0, 2),
    Buffer.from('ffffffff', 'hex'),
    '{}',
    '{"encoding":"anNvbi9wbGFpbg=="}',
    'null',
    '[]',
    '{"a":1}',
    '"',
    '{"__proto__":"eA=="}',
  ],
  seeds: () => {
    const head = Buffer.from('{"encoding":"anNvbi9wbGFpbg=="}');
    const length = Buffer.alloc(4);
    length.writeUInt32BE(head.length);
    return [
      Buffer.concat([Buffer.of(WRITTEN), length, head, Buffer.from('{"a":1}')]),
      Buffer.from('01000000026e756c6c', 'hex'),
      encrypted(Buffer.concat([length, head])),
      Buffer.alloc(28),
      Buffer.of(0, 1, 2),
    ];
  },
  async read(input) {
    const data = input[0] === WRITTEN ? encrypted(input.subarray(1)) : input;
    const metadata = { encoding: Buffer.from('binary/encrypted'), 'encryption-key-id': Buffer.from('k') };
    try {
      const [payload] = await encryption.decode([{ metadata, data }]);
      const again = await encryption.decode(await encryption.encode([payload!]));
      demand(
        Buffer.from(again[0]!.data ?? []).equals(Buffer.from(payload!.data ?? [])),
        'it changes when it is encrypted and deciphered',
      );
      return { data: Buffer.from(payload!.data ?? []), names: Object.keys(payload!.metadata ?? {}) };
    } catch (error) {
      if (error instanceof PayloadUnreadable) return error.message;
      throw error;
    }
  },
  long: { 'a long payload': (bytes) => repeated('x', bytes, '\u0001') },
};

/** The nonce follows from the length, so that the same input is always the same payload. */
function encrypted(plain: Buffer): Buffer {
  const nonce = Buffer.alloc(12, plain.length & 0xff);
  const cipher = createCipheriv('aes-256-gcm', KEY, nonce, { authTagLength: 16 }).setAAD(Buffer.from('k'));
  const text = Buffer.concat([cipher.update(plain), cipher.final()]);
  return Buffer.concat([nonce, cipher.getAuthTag(), text]);
}

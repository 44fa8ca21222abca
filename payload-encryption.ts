/**
 * Encrypts what Temporal stores of a workflow: inputs, results, signals, summaries. Temporal and whoever can read its
 * database then see ciphertext; the Web UI asks the API to decipher it (`api/payload-codec.ts`). Ids of workflows, search
 * attributes and the messages of errors stay readable: Temporal itself works with them.
 *
 * AES-256-GCM with a fresh nonce for each payload; the id of the key is authenticated with it. What was written before a
 * key was set stays readable, and so does what was written with a key that is no longer the first.
 */
import { createCipheriv, createDecipheriv, randomBytes, type KeyObject } from 'node:crypto';
import type { DataConverter, Payload, PayloadCodec } from '@temporalio/common';

/** A key of 32 bytes and the name under which payloads refer to it. */
export interface PayloadKey {
  id: string;
  key: KeyObject;
}
/** The first encrypts, each deciphers. */
export type PayloadKeys = readonly [PayloadKey, ...PayloadKey[]];

const ENCODING = 'binary/encrypted';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** A payload that cannot be deciphered: its key is not known here, or it was altered. */
export class PayloadUnreadable extends Error {
  override readonly name = 'PayloadUnreadable';
}

/** Encrypts with the first key, deciphers with each of them. */
export class PayloadEncryption implements PayloadCodec {
  readonly #first: PayloadKey;
  readonly #keys: ReadonlyMap<string, KeyObject>;

  constructor(keys: PayloadKeys) {
    this.#first = keys[0];
    this.#keys = new Map(keys.map(({ id, key }) => [id, key]));
  }

  async encode(payloads: Payload[]): Promise<Payload[]> {
    return payloads.map((payload) => this.#encrypt(payload));
  }

  async decode(payloads: Payload[]): Promise<Payload[]> {
    return payloads.map((payload) => (isEncrypted(payload) ? this.#decipher(payload) : payload));
  }

  #encrypt(payload: Payload): Payload {
    const { id, key } = this.#first;
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES }).setAAD(Buffer.from(id));
    const text = Buffer.concat([cipher.update(pack(payload)), cipher.final()]);
    return {
      metadata: { encoding: Buffer.from(ENCODING), 'encryption-key-id': Buffer.from(id) },
      data: Buffer.concat([nonce, cipher.getAuthTag(), text]),
    };
  }

  #decipher({ metadata, data }: Payload): Payload {
    const id = Buffer.from(metadata?.['encryption-key-id'] ?? []).toString();
    const key = this.#keys.get(id);
    if (key === undefined) {
      throw new PayloadUnreadable(
        `A payload is encrypted with the key "${id}", which is not among TEMPORAL_PAYLOAD_KEYS. Keep old keys there, behind the first.`,
      );
    }
    const bytes = Buffer.from(data ?? []);
    try {
      const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, NONCE_BYTES), {
        authTagLength: TAG_BYTES,
      })
        .setAAD(Buffer.from(id))
        .setAuthTag(bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES));
      return unpack(Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES + TAG_BYTES)), decipher.final()]));
    } catch (error) {
      throw new PayloadUnreadable(
        `A payload is not what the key "${id}" encrypted: another key of that name, or it was altered.`,
        {
          cause: error,
        },
      );
    }
  }
}

/** What a client and a worker need so that payloads are encrypted; nothing without keys. */
export function encryptionOptions(keys: PayloadKeys | undefined): { dataConverter?: DataConverter } {
  return keys === undefined ? {} : { dataConverter: { payloadCodecs: [new PayloadEncryption(keys)] } };
}

function isEncrypted({ metadata }: Payload): boolean {
  return Buffer.from(metadata?.['encoding'] ?? []).toString() === ENCODING;
}

/** Length of the metadata (4 bytes), metadata as JSON of base64, data as it is. */
function pack({ metadata, data }: Payload): Buffer {
  const entries = Object.entries(metadata ?? {}).map(([name, value]) => [name, Buffer.from(value).toString('base64')]);
  const head = Buffer.from(JSON.stringify(Object.fromEntries(entries)));
  const length = Buffer.alloc(4);
  length.writeUInt32BE(head.length);
  // Of nothing (a step without a result) the SDK hands over a plain array.
  return Buffer.concat([length, head, Buffer.from(data ?? [])]);
}

function unpack(bytes: Buffer): Payload {
  const end = 4 + bytes.readUInt32BE(0);
  const head = JSON.parse(bytes.subarray(4, end).toString()) as Record<string, string>;
  const metadata = Object.fromEntries(
    Object.entries(head).map(([name, value]) => [name, Buffer.from(value, 'base64')] as const),
  );
  return { metadata, data: bytes.subarray(end) };
}

import { createSecretKey, randomBytes, randomUUID } from 'node:crypto';
import { Client } from '@temporalio/client';
import type { Payload } from '@temporalio/common';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ConfigError, loadConfig } from '../config.ts';
import { encryptionOptions, PayloadEncryption, PayloadUnreadable, type PayloadKey } from '../payload-encryption.ts';
import { DELIVER_WEBHOOK } from '../workflows/contract.ts';
import { startTimeSkipping, withWorker } from './support/temporal.ts';
import { FakeReceiver } from './workflows/fake-receiver.ts';

const key = (id: string): PayloadKey => ({ id, key: createSecretKey(randomBytes(32)) });
const [first, second] = [key('2026-10'), key('2026-11')];
const payload = (text: string): Payload => ({
  metadata: { encoding: Buffer.from('json/plain') },
  data: Buffer.from(text),
});
const plain = ({ metadata, data }: Payload) => ({
  metadata: Object.fromEntries(
    Object.entries(metadata ?? {}).map(([name, value]) => [name, Buffer.from(value).toString('hex')]),
  ),
  data: Buffer.from(data ?? []).toString('hex'),
});

describe('an encrypted payload', () => {
  const codec = new PayloadEncryption([first]);

  it('comes back as it was, whatever it holds, and shows nothing of it', async () => {
    const names = fc.string({ minLength: 1 }).filter((name) => name !== '__proto__');
    const bytes = fc.uint8Array({ maxLength: 300 });
    const any = fc.record({ metadata: fc.dictionary(names, bytes, { noNullPrototype: true }), data: bytes });
    await fc.assert(
      fc.asyncProperty(fc.array(any, { maxLength: 4 }), async (payloads) => {
        const sent = await codec.encode(payloads);
        expect((await codec.decode(sent)).map(plain)).toEqual(payloads.map(plain));
      }),
    );
    const [sent] = await codec.encode([payload('"terminal-0000000001"')]);
    expect(Buffer.from(sent!.data!).toString('latin1')).not.toContain('terminal');
    expect(Object.keys(sent!.metadata!)).toEqual(['encoding', 'encryption-key-id']);
  });

  it('may hold nothing, in each of the forms that the SDK has for that', async () => {
    const metadata = { encoding: Buffer.from('binary/null') };
    const nothings = [{ metadata }, { metadata, data: null }, { metadata, data: [] as unknown as Uint8Array }];
    for (const each of nothings) {
      expect((await codec.decode(await codec.encode([each]))).map(plain)).toEqual([plain(each)]);
    }
  });

  it('is another one each time', async () => {
    const [one, two] = await codec.encode([payload('1'), payload('1')]);
    expect(plain(one!)).not.toEqual(plain(two!));
  });

  it('is still read when its key is no longer the first, and what was never encrypted is left as it is', async () => {
    const both = new PayloadEncryption([second, first]);
    const [old] = await codec.encode([payload('1')]);
    expect((await both.decode([old!, payload('2')])).map(plain)).toEqual([plain(payload('1')), plain(payload('2'))]);
    const [fresh] = await both.encode([payload('3')]);
    await expect(codec.decode([fresh!])).rejects.toThrow('encrypted with the key "2026-11"');
  });

  it('is refused when a single bit of it is another', async () => {
    const [sent] = await codec.encode([payload('1')]);
    for (let bit = 0; bit < sent!.data!.length * 8; bit++) {
      const data = Buffer.from(sent!.data!);
      data[bit >> 3]! ^= 1 << (bit & 7);
      await expect(codec.decode([{ ...sent!, data }]), `bit ${bit}`).rejects.toThrow(PayloadUnreadable);
    }
    for (const length of [0, 5, 12, 27, 28]) {
      const data = sent!.data!.subarray(0, length);
      await expect(codec.decode([{ ...sent!, data }]), `${length} bytes`).rejects.toThrow(PayloadUnreadable);
    }
  });
});

describe('the keys in the environment', () => {
  const text = `new:${Buffer.alloc(32, 1).toString('base64')}, old:${Buffer.alloc(32, 2).toString('base64')}`;

  it('are read in their order', () => {
    const { payloadKeys } = loadConfig({ TEMPORAL_PAYLOAD_KEYS: text }).temporal;
    expect(payloadKeys?.map(({ id, key }) => [id, key.export()[0]])).toEqual([
      ['new', 1],
      ['old', 2],
    ]);
    expect(loadConfig({}).temporal.payloadKeys).toBeUndefined();
  });

  it('are refused without being shown when they are none', () => {
    for (const wrong of ['secretsecret', 'a:c2hvcnQ=', `a:${'A'.repeat(44)}`, `${text},new:${'A'.repeat(43)}=`]) {
      let message = '';
      try {
        loadConfig({ TEMPORAL_PAYLOAD_KEYS: wrong });
      } catch (error) {
        expect(error).toBeInstanceOf(ConfigError);
        ({ message } = error as Error);
      }
      expect(message).toContain('TEMPORAL_PAYLOAD_KEYS the value');
      for (const part of wrong.split(/[,:]/)) if (part.length > 8) expect(message).not.toContain(part);
    }
  });
});

describe('an execution', () => {
  let env: TestWorkflowEnvironment;
  beforeAll(async () => {
    env = await startTimeSkipping();
  });
  afterAll(() => env.teardown());

  it('runs as ever with a key, and nothing of it can be read in its history', async () => {
    const options = encryptionOptions([first]);
    const client = new Client({ connection: env.connection, ...options });
    const receiver = new FakeReceiver(['again', 'delivered'], () => env.currentTimeMs());
    const workflowId = `webhook/${randomUUID()}`;
    const outcome = await withWorker(
      env.nativeConnection,
      receiver.activities,
      (taskQueue) =>
        client.workflow.execute(DELIVER_WEBHOOK, { workflowId, taskQueue, args: [{ deliveryId: 987_654_321 }] }),
      options,
    );
    expect(outcome).toBe('delivered');
    const { history } = await env.client.workflowService.getWorkflowExecutionHistory({
      namespace: env.namespace ?? 'default',
      execution: { workflowId },
    });
    const encodings: string[] = [];
    const texts: string[] = [];
    // bytes are base64 in the JSON of a history
    JSON.stringify(history, (name, value: unknown) => {
      if (typeof value === 'string' && name === 'encoding') encodings.push(Buffer.from(value, 'base64').toString());
      if (typeof value === 'string' && name === 'data') texts.push(Buffer.from(value, 'base64').toString('latin1'));
      return value;
    });
    expect(texts).toHaveLength(encodings.length);
    expect(encodings.length).toBeGreaterThan(3);
    expect(new Set(encodings)).toEqual(new Set(['binary/encrypted']));
    expect(texts.join()).not.toContain('987654321');
    expect(texts.join()).not.toContain('delivered');
  });
});

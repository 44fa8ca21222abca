/**
 * What strangers send breaks no parser: the kept inputs, some thousand new ones, and long ones that a careless reader
 * would need very long for. `npm run abuse -- fuzz` does the same for longer, with the coverage of the code as its guide.
 */
import { describe, expect, test } from 'vitest';
import { fault, growths, MOST_GROWTH } from './fuzz/check.ts';
import { readCorpus, readInput, writeInput } from './fuzz/corpus.ts';
import { mutate } from './fuzz/mutations.ts';
import { demand, type Parser } from './fuzz/parser.ts';
import { PARSERS } from './parsers/index.ts';
import { lcg } from '../support/random-bytes.ts';

const ROUNDS = 150;
/** An eighth of what the command tries: enough to tell a quadratic reader from a linear one. */
const SHORTER = 8;

const failed = (parser: Parser, input: Buffer, why: string) => `${parser.name}: ${why}\n  input: ${writeInput(input)}`;

describe.each(PARSERS)('the parser $name', (parser) => {
  test('holds what it promises for every kept input', async () => {
    const corpus = readCorpus(parser.name);
    expect(corpus.length, 'there is a corpus').toBeGreaterThan(0);
    for (const input of [...corpus, ...parser.seeds(), Buffer.alloc(0)]) {
      const why = await fault(parser, input);
      if (why !== null) expect.fail(failed(parser, input, why));
    }
  });

  test('holds it for inputs that nobody has tried', async () => {
    const random = lcg(20_261_122);
    const known = [...readCorpus(parser.name), ...parser.seeds()];
    for (let round = 0; round < ROUNDS; round += 1) {
      const input = mutate(parser, known, random);
      const why = await fault(parser, input);
      if (why !== null) expect.fail(failed(parser, input, why));
    }
  });

  test('takes time as the length of an input', async () => {
    for (const growth of await growths({ ...parser, longBytes: (parser.longBytes ?? 1_048_576) / SHORTER })) {
      expect(growth.factor ?? 0, `${growth.text}, ${growth.bytes} bytes in ${growth.ms} ms`).toBeLessThan(MOST_GROWTH);
    }
  });
});

describe('the fuzzer itself', () => {
  const careless: Parser = {
    name: 'careless',
    maxBytes: 100,
    tokens: ['ab'],
    seeds: () => [Buffer.from('a')],
    read: (input) => {
      demand(!input.includes('ab'), 'never reads ab');
      return input.length;
    },
    long: { quadratic: (bytes) => Buffer.alloc(bytes, 'a') },
  };

  test('names a promise that is broken', async () => {
    expect(await fault(careless, Buffer.from('xaby'))).toBe('Violation: never reads ab');
    expect(await fault(careless, Buffer.from('xay'))).toBeNull();
  });

  test('finds out who reads beyond an input, writes into it, or says something else the second time', async () => {
    const beyond = (input: Buffer) => new Uint8Array(input.buffer)[input.byteOffset + input.length];
    expect(await fault({ ...careless, read: beyond }, Buffer.from('x'))).toBe('the same bytes are read in two ways');
    const writes = (input: Buffer) => void input.fill(0);
    expect(await fault({ ...careless, read: writes }, Buffer.from('x'))).toBe('the reader changes its input');
    let calls = 0;
    expect(await fault({ ...careless, read: () => (calls += 1) }, Buffer.from('x'))).toBe(
      'the same bytes are read in two ways',
    );
  });

  test('finds out who needs quadratic time', async () => {
    const read = (input: Buffer) => {
      let sum = 0;
      for (let at = 0; at < input.length; at += 1) for (let to = at; to < input.length; to += 1) sum += input[to]!;
      return sum;
    };
    const [growth] = await growths({ ...careless, read, longBytes: 40_000 });
    expect(growth?.factor).toBeGreaterThan(MOST_GROWTH);
  });

  test('keeps every input as it is', () => {
    const random = lcg(7);
    const inputs: Buffer[] = [Buffer.from('a\r\n"\\中'), Buffer.of(0xff, 0), Buffer.alloc(0), Buffer.from('abcd')];
    for (let round = 0; round < 200; round += 1) inputs.push(mutate(careless, inputs, random));
    for (const input of inputs) expect(readInput(writeInput(input))).toEqual(input);
  });
});

import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readVersions, VERSION_KINDS, VERSIONS_ERRORS, VERSIONS_TEXT_LIMIT } from '../../gateways/ams/versions.ts';
import { lcg } from '../support/random-bytes.ts';

const vectors = JSON.parse(readFileSync(new URL('../vectors/ams-version.json', import.meta.url), 'utf8')) as {
  name: string;
  text: string;
  decoded: object;
}[];

const one = { t: '1', kind: 'OTA', v: 'X' };
const two = { t: '2', kind: 'OBD', v: 'Y' };
const good = (versions: readonly object[], ...warnings: string[]) => ({ ok: true, versions, warnings });

test.each(vectors)('vector $name', ({ text, decoded }) => {
  expect(readVersions(text)).toEqual(decoded);
});

test.each([
  // brackets and commas
  ['[ ]', good([], 'empty_list')],
  ["[{t:1,v:'X'},]", good([one], 'trailing_comma')],
  ["{t:1,v:'X',}", good([one], 'trailing_comma')],
  ["{t:1,v:'X'}，{t:2,v:'Y'}", good([one, two], 'full_width_punctuation')],
  ["{t:1,v:'X'}，", good([one], 'full_width_punctuation', 'trailing_comma')],
  ['\ufeff{t:1,v:"X"}\n', good([one])],
  // types
  ["{t:t1,v:'X'}", good([one], 'unquoted_value')],
  ["{t:'t1',v:'X'}", good([one])],
  ["{t:' 1 ',v:'X'}", good([one])],
  ["{t:'T9',v:'X'}", good([{ t: '9', kind: 'unknown', v: 'X' }], 'unknown_type:9')],
  ["{t:0,v:'X'}", good([{ t: '0', kind: 'unknown', v: 'X' }], 'unknown_type:0')],
  ["{t:-1,v:'X'}", good([{ t: '-1', kind: 'unknown', v: 'X' }], 'unknown_type:-1')],
  ["{t:'__proto__',v:'X'}", good([{ t: '__proto__', kind: 'unknown', v: 'X' }], 'unknown_type:__proto__')],
  // values
  ['{t:1,v:12}', good([{ ...one, v: '12' }], 'unquoted_value')],
  ['{t:1,v:A B }', good([{ ...one, v: 'A B' }], 'unquoted_value')],
  ["{t:1,v:'a  b'}", good([{ ...one, v: 'a  b' }])],
  ["{t:1,v:'null'}", good([{ ...one, v: 'null' }])],
  ['{t:1,v:"it\'s"}', good([{ ...one, v: "it's" }])],
  [String.raw`{t:1,v:'a\\b\n'}`, good([{ ...one, v: String.raw`a\bn` }])],
  ["{t:1,v:'a，b：c[d]'}", good([{ ...one, v: 'a，b：c[d]' }])],
  ["{t:1,v:'  '}", good([], 'empty_version:1')],
  ["{t:1,v:'X'},{t:1,v:''}", good([one], 'empty_version:1')],
  ["{t:1,v:'W'},{t:2,v:'Y'},{t:1,v:'X'}", good([two, one], 'duplicate_type:1')],
  ["{t:1,v:'V'},{t:1,v:'W'},{t:1,v:'X'}", good([one], 'duplicate_type:1')],
  ["{t:1,v:'X','D':\"e\",f:g}", good([one], 'extra_key:D', 'extra_key:f')],
  // errors
  [' \r\n\t', { ok: false, error: 'empty' }],
  ['{}', { ok: false, error: 'missing_type' }],
  ["{t:null,v:'X'}", { ok: false, error: 'missing_type' }],
  ["{t:'',v:'X'}", { ok: false, error: 'missing_type' }],
  ['{t:1,v:null}', { ok: false, error: 'missing_version' }],
  ["{t:1,v:'X'},{t:2}", { ok: false, error: 'missing_version' }],
  ["{t:2},{v:'X'}", { ok: false, error: 'missing_version' }],
  ["{t:2},{t:1,v:'X'", { ok: false, error: 'syntax' }],
  ...[
    ',',
    ']',
    '[',
    '{',
    '[,]',
    '[[]]',
    '[]]',
    "{t:1,v:'X'}{t:2,v:'Y'}",
    "{t:1,v:'X'},,{t:2,v:'Y'}",
    "{t:1,v:'X'},,",
    ",{t:1,v:'X'}",
    "[{t:1,v:'X'}],",
    "{t:1,v:'X'}]",
    "{t:1,v:'X'} x",
    "{t:1 v:'X'}",
    "{t:1，v:'X'}",
    "{t：1,v:'X'}",
    "{t:1,,v:'X'}",
    "{,t:1,v:'X'}",
    "{t:,v:'X'}",
    '{t:1,v:}',
    "{t,v:'X'}",
    "{:1,v:'X'}",
    "{a b:1,t:1,v:'X'}",
    "{t:1,v:'X}",
    "{t:1,v:'X\\'}",
    "{t:1,v:'X'Y}",
    '{t:1,v:[1]}',
    "{t:1,v:'X',d:{}}",
    '<xml/>',
    'null',
  ].map((text) => [text, { ok: false, error: 'syntax' }] as const),
] as const)('%j', (text, expected) => {
  expect(readVersions(text)).toEqual(expected);
});

test('an upload beyond the limit is refused unread', () => {
  const entry = (length: number) => `{t:1,v:'${'x'.repeat(length - 10)}'}`;
  expect(readVersions(entry(VERSIONS_TEXT_LIMIT))).toMatchObject({ ok: true });
  expect(readVersions(entry(VERSIONS_TEXT_LIMIT + 1))).toEqual({ ok: false, error: 'syntax' });
});

describe('laws', () => {
  const value = fc.string({ minLength: 1, maxLength: 30, unit: 'grapheme' }).filter((text) => text.trim() !== '');
  const blank = fc.constantFrom('', ' ', '\r\n', '\t ');
  const quote = fc.constantFrom("'", '"');
  const write = (text: string, mark: string) => mark + text.replace(/['"\\]/g, String.raw`\$&`) + mark;

  test('what is written in any spelling reads as itself, trimmed, in order', () => {
    const types = fc.shuffledSubarray(['1', '2', '3', '4', '5'], { minLength: 1 });
    fc.assert(
      fc.property(
        types,
        fc.array(value, { minLength: 5, maxLength: 5 }),
        quote,
        blank,
        fc.boolean(),
        fc.boolean(),
        (kinds, values, mark, gap, bracketed, reversed) => {
          const entries = kinds.map((t, index) => {
            const fields = [`${mark}t${mark}${gap}:${t}`, `V:${gap}${write(values[index] as string, mark)}`];
            return `{${gap}${(reversed ? fields.toReversed() : fields).join(`${gap},${gap}`)}${gap}}`;
          });
          const list = entries.join(`${gap},${gap}`);
          expect(readVersions(bracketed ? `[${gap}${list}]${gap}` : list)).toEqual(
            good(kinds.map((t, index) => ({ t, kind: VERSION_KINDS[t], v: (values[index] as string).trim() }))),
          );
        },
      ),
      { numRuns: 1000 },
    );
  });

  test('100 000 random and cut texts give a list or a named error, and never an empty version', () => {
    const pieces = [
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      "'",
      '"',
      '\\',
      't',
      'v',
      '1',
      'T3',
      ' ',
      '，',
      'null',
      "t:'1'",
      "v:'X'",
    ];
    const random = lcg(7);
    let accepted = 0;
    for (let round = 0; round < 100_000; round += 1) {
      let text = random(2) === 0 ? (vectors[random(vectors.length)]?.text as string) : '';
      for (let change = random(8); change > 0; change -= 1) {
        const at = random(text.length + 1);
        text = text.slice(0, at) + (pieces[random(pieces.length)] as string) + text.slice(at + random(2));
      }
      const read = readVersions(text);
      if (read.ok) accepted += 1;
      const isGood = read.ok
        ? read.versions.every(({ t, v }) => t !== '' && v !== '' && v === v.trim())
        : VERSIONS_ERRORS.includes(read.error);
      if (!isGood) expect.fail(`${JSON.stringify(read)} for ${JSON.stringify(text)}`);
    }
    expect(accepted).toBeGreaterThan(5_000);
  });
});

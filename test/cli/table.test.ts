/** Tables that fit, whatever stands in them. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { bar } from '../../cli/progress.ts';
import { Table } from '../../cli/table.ts';
import { cut, oneLine, pad, widthOf } from '../../cli/width.ts';

const text = fc.oneof(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'binary' }), fc.constant('设备注册 升级文件'));
const plain = (line: string) => line;

describe('the width of a text', () => {
  test.each([
    ['GV2', 3],
    ['康凯斯', 6],
    ['e\u0301', 1],
    ['📦', 2],
    ['ＡＢ', 4],
  ])('%s takes %i columns', (value, width) => expect(widthOf(value)).toBe(width));

  test('a cut text fits and says that something is missing', () => {
    expect(cut('康凯斯物流', 6)).toBe('康凯…');
    expect(cut('abc', 3)).toBe('abc');
    fc.assert(fc.property(text, fc.nat(30), (value, width) => widthOf(cut(oneLine(value), width)) <= width));
  });

  test('a padded text takes exactly its width, or what it needs', () => {
    fc.assert(
      fc.property(text, fc.nat(40), (value, width) => {
        const line = oneLine(value);
        expect(widthOf(pad(line, width))).toBe(Math.max(width, widthOf(line)));
      }),
    );
  });

  test('no text keeps anything that a terminal obeys', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (value) => {
        // oxlint-disable-next-line no-control-regex -- that there is none is what is tested
        expect(oneLine(value)).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u2028-\u202e]/);
      }),
    );
  });
});

describe('a table', () => {
  test('is never wider than the terminal, and has one line for each row and one above', () => {
    const rows = fc.array(fc.record({ a: text, b: text, c: fc.integer() }), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(rows, fc.integer({ min: 20, max: 120 }), (items, width) => {
        const table = new Table<(typeof items)[number]>(
          [
            { title: 'one', value: ({ a }) => a },
            { title: 'two', value: ({ b }) => b, gives: true },
            { title: 'three', value: ({ c }) => c, align: 'right' },
          ],
          { width, bold: plain },
        );
        const lines = table.lines(items);
        expect(lines).toHaveLength(items.length + 1);
        for (const line of lines) expect(widthOf(line)).toBeLessThanOrEqual(width);
      }),
    );
  });

  test('cuts nothing where nobody looks, and leaves empty columns out', () => {
    const table = new Table<{ a: string }>(
      [
        { title: 'name', value: ({ a }) => a },
        { title: 'nothing', value: () => null },
        { title: 'n', value: () => 7, align: 'right' },
      ],
      { width: null, bold: plain },
    );
    const long = '升级'.repeat(100);
    expect(table.lines([{ a: long }, { a: 'x' }])).toEqual([
      `NAME${' '.repeat(396)}  N`,
      `${long}  7`,
      `x${' '.repeat(399)}  7`,
    ]);
    expect(table.lines([{ a: 'next page' }])).toEqual([`next page${' '.repeat(391)}  7`]);
  });

  test('a bar takes its columns, whatever the share', () => {
    fc.assert(
      fc.property(fc.double(), fc.integer({ min: 1, max: 80 }), (share, width) => {
        expect(widthOf(bar(Number.isNaN(share) ? 0 : share, width))).toBe(width);
      }),
    );
  });
});

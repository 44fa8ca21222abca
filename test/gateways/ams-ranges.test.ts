import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readRange } from '../../gateways/ams/ranges.ts';
import { Coverage } from '../../gateways/coverage.ts';

describe('a Range header', () => {
  const part = (start: number, end: number, isSuffix = false) => ({ kind: 'part', start, end, isSuffix });
  const whole = { kind: 'whole' };
  const none = { kind: 'none' };
  it.each([
    [undefined, whole],
    ['bytes=0-', part(0, 100)],
    ['bytes=0-0', part(0, 1)],
    ['bytes=10-19', part(10, 20)],
    ['Bytes= 10-19 ', part(10, 20)],
    ['bytes=99-', part(99, 100)],
    ['bytes=90-1000', part(90, 100)],
    ['bytes=90-99999999999999999999999999', part(90, 100)],
    [`bytes=0-${'9'.repeat(400)}`, part(0, 100)],
    ['bytes=-1', part(99, 100, true)],
    ['bytes=-100', part(0, 100, true)],
    ['bytes=-99999999999999999999999', part(0, 100, true)],
    ['bytes=100-', none],
    ['bytes=100-200', none],
    ['bytes=-0', none],
    [`bytes=${'9'.repeat(400)}-`, none],
    [`bytes=${'9'.repeat(400)}-${'9'.repeat(401)}`, none],
    // What a server may ignore it ignores: several parts, other units, no ranges at all.
    ['bytes=0-1,5-6', whole],
    ['bytes=5-4', whole],
    ['bytes=-', whole],
    ['bytes=--5', whole],
    ['bytes=-5--3', whole],
    ['bytes=+1-5', whole],
    ['bytes=0x1-5', whole],
    ['bytes=1e1-20', whole],
    ['bytes=1.5-2', whole],
    ['bytes', whole],
    ['', whole],
    ['items=0-5', whole],
    ['bytes=0-1\u0000', whole],
  ] as const)('%j of 100 bytes', (header, expected) => {
    expect(readRange(header, 100)).toEqual(expected);
  });

  it('always asks for bytes that exist', () => {
    const header = fc.oneof(
      fc.string(),
      fc.tuple(fc.nat(), fc.nat()).map(([a, b]) => `bytes=${a}-${b}`),
      fc
        .tuple(fc.constantFrom('bytes=', 'bytes= '), fc.stringMatching(/^[0-9]{0,30}-[0-9]{0,30}$/))
        .map((all) => all.join('')),
    );
    fc.assert(
      fc.property(header, fc.integer({ min: 1, max: 10_000 }), (text, size) => {
        const asked = readRange(text, size);
        if (asked.kind !== 'part') return;
        expect(asked.start).toBeGreaterThanOrEqual(0);
        expect(asked.end).toBeGreaterThan(asked.start);
        expect(asked.end).toBeLessThanOrEqual(size);
      }),
    );
  });
});

describe('what a device has been given', () => {
  it('is counted once, however often and in whatever order it was given', () => {
    const given = fc.array(fc.tuple(fc.nat(200), fc.nat(60)), { maxLength: 40 });
    fc.assert(
      fc.property(given, (parts) => {
        const coverage = new Coverage();
        const bytes = new Set<number>();
        for (const [from, length] of parts) {
          coverage.add(from, from + length);
          for (let at = from; at < from + length; at += 1) bytes.add(at);
          expect(coverage.bytes).toBe(bytes.size);
        }
      }),
    );
  });

  it('takes no more memory for a client that asks for every other byte', () => {
    const coverage = new Coverage();
    for (let at = 0; at < 100_000; at += 2) coverage.add(at, at + 1);
    expect(coverage.bytes).toBe(256);
    coverage.add(0, 100_000);
    expect(coverage.bytes).toBe(100_000);
  });
});

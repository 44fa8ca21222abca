import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  checkCodeOf,
  DATA_BYTES_MAX,
  decodePcp,
  DEFAULT_FRAGMENT_SIZE,
  encodePcp,
  FRAGMENT_TOTAL_MAX,
  fragmentOf,
  fragmentTotal,
  hexOf,
  PCP_CODE_NAMES,
  PCP_DIRECTIONS,
  PCP_REASONS,
  pcpResult,
  PcpStream,
  readAtText,
  type PcpDirection,
  type PcpMessage,
} from '../../gateways/pcp/codec.ts';
import { cutAt, lcg, mutated, type Random } from '../support/random-bytes.ts';

interface Vector {
  name: string;
  direction: PcpDirection;
  mode: 'datagram' | 'stream';
  hex: string;
  decoded: { isPcp?: boolean; dataError?: string; frames?: string[]; discardedBytes?: number; remainderHex?: string };
}

const vectors = JSON.parse(readFileSync(new URL('../vectors/pcp.json', import.meta.url), 'utf8')) as Vector[];
const hex = (text: string) => Buffer.from(text, 'hex');
const upper = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex').toUpperCase();
const isFromDevice = (message: PcpMessage) =>
  ['versionAnswer', 'newVersionAnswer', 'fragmentRequest', 'downloadReport', 'executeAnswer', 'upgradeReport'].includes(
    message.type,
  );
const sender = (message: PcpMessage): PcpDirection => (isFromDevice(message) ? PCP_DIRECTIONS[0] : PCP_DIRECTIONS[1]);

/** A frame with a right check code, whatever is in it; `length` may lie. */
function frame(code: number, data: Buffer, { version = 1, length = data.length } = {}): Buffer {
  const bytes = Buffer.concat([hex(`FFFE${hexOf(version, 2)}${hexOf(code, 2)}0000${hexOf(length, 4)}`), data]);
  bytes.writeUInt16BE(slowCheckCode(bytes), 4);
  return bytes;
}

/** The check code bit by bit, from its description: no table, the field really set to zero. */
function slowCheckCode(payload: Uint8Array): number {
  const bytes = Uint8Array.from(payload);
  bytes.fill(0, 4, 6);
  let register = 0;
  for (const byte of bytes) {
    let entry = ((register ^ byte) & 0xff) << 8;
    for (let bit = 0; bit < 8; bit += 1) entry = ((entry << 1) ^ (entry & 0x8000 ? 0x1021 : 0)) & 0xffff;
    register = (register >>> 8) ^ entry;
  }
  return register;
}

const version = fc.stringMatching(/^[\x20-\x7e]{1,16}$/);
const resultCode = fc.nat({ max: 0xff });
const word = fc.nat({ max: 0xffff });
const message: fc.Arbitrary<PcpMessage> = fc.oneof(
  fc.constantFrom<PcpMessage>({ type: 'versionQuery' }, { type: 'executeUpgrade' }),
  fc.record({
    type: fc.constantFrom('versionAnswer' as const, 'upgradeReport' as const),
    resultCode,
    currentVersion: version,
  }),
  fc.record({
    type: fc.constantFrom(
      'newVersionAnswer' as const,
      'downloadReport' as const,
      'downloadReportAnswer' as const,
      'executeAnswer' as const,
      'upgradeReportAnswer' as const,
    ),
    resultCode,
  }),
  fc.record({
    type: fc.constant('newVersion' as const),
    targetVersion: version,
    fragmentSize: fc.integer({ min: 32, max: 500 }),
    fragmentTotal: fc.integer({ min: 1, max: 65_535 }),
    packageCheckCode: fc.constant(0),
  }),
  fc.record({ type: fc.constant('fragmentRequest' as const), targetVersion: version, fragmentIndex: word }),
  fc.record({
    type: fc.constant('fragmentAnswer' as const),
    resultCode: fc.constant(0),
    fragmentIndex: word,
    fragment: fc.uint8Array({ minLength: 1, maxLength: 500 }).map((bytes) => Buffer.from(bytes)),
  }),
  fc.record({
    type: fc.constant('fragmentAnswer' as const),
    resultCode: fc.integer({ min: 1, max: 0xff }),
    fragmentIndex: word,
    fragment: fc.constant(null),
  }),
);

describe('check code', () => {
  test.each([
    ['FFFE011300000000', '4C9A'],
    ['FFFE011700000000', 'CF90'],
    ['FFFE01180000000100', 'AFA1'],
  ])('%s has %s', (bytes, expected) => {
    expect(hexOf(checkCodeOf(hex(bytes)), 4)).toBe(expected);
  });

  test('is that of the description for any bytes, whatever its field holds and wherever the frame stands', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), fc.uint8Array({ maxLength: 9 }), (bytes, before) => {
        expect(checkCodeOf(bytes)).toBe(slowCheckCode(bytes));
        const inside = Buffer.concat([before, bytes, before]);
        expect(checkCodeOf(inside, before.length, before.length + bytes.length)).toBe(slowCheckCode(bytes));
      }),
    );
  });

  test('one changed bit in front of the check code or behind it is always seen', () => {
    const good = encodePcp({ type: 'fragmentRequest', targetVersion: 'V1.0', fragmentIndex: 258 });
    for (let bit = 0; bit < good.length * 8; bit += 1) {
      const bad = Buffer.from(good);
      bad[bit >> 3] = (bad[bit >> 3] as number) ^ (1 << (bit & 7));
      // the high half of the version byte is ignored as a version, but it is in the check code
      expect(decodePcp(bad, 'device->platform')).toMatchObject({ ok: false, isPcp: false });
    }
  });
});

describe('vectors', () => {
  const datagrams = vectors.filter(({ mode }) => mode === 'datagram');

  test.each(datagrams)('$name', ({ direction, hex: digits, decoded }) => {
    const got = decodePcp(hex(digits), direction);
    expect(got.isPcp).toBe(decoded.isPcp);
    expect(got.ok).toBe(decoded.isPcp === true && decoded.dataError === undefined);
  });

  test('every good frame is built again byte for byte, but for what is never built', () => {
    const different: string[] = [];
    for (const { name, direction, hex: digits } of datagrams) {
      const got = decodePcp(hex(digits), direction);
      if (!got.ok) continue;
      let built = '';
      try {
        built = upper(encodePcp(got.message));
      } catch (error) {
        expect(error).toMatchObject({ code: 'invalid_field' });
      }
      if (built !== digits) different.push(name);
    }
    expect(different).toEqual([
      'public-liteos-notify-4-fragments', // a package check code
      '0x14-notify-fragment-size-501-out-of-range',
      '0x15-response-zero-length-fragment',
      'version-high-nibble-set',
    ]);
  });
});

describe('recognition', () => {
  const good = frame(0x18, Buffer.alloc(17));
  const changed = (offset: number, value: number) => {
    const bytes = Buffer.from(good);
    bytes[offset] = value;
    return bytes;
  };

  test.each([
    ['magic', 0, Buffer.alloc(0)],
    ['magic', 0, hex('FF')],
    ['magic', 0, hex('FEFF0113000000004C9A')],
    ['magic', 0, changed(1, 0xff)],
    ['too_short', 2, hex('FFFE')],
    ['too_short', 3, hex('FFFE02')],
    ['too_short', 7, hex('FFFE01134C9A00')],
    ['version', 2, changed(2, 0x00)],
    ['version', 2, changed(2, 0x12)],
    ['code', 3, changed(3, 0x12)],
    ['code', 3, changed(3, 0x19)],
    ['code', 3, changed(3, 0xff)],
    ['crc', 4, changed(24, 1)],
    ['crc', 4, Buffer.concat([good, good])],
    ['crc', 4, Buffer.concat([good, Buffer.of(1)])],
    ['crc', 4, good.subarray(0, -1)],
    ['length', 6, frame(0x18, Buffer.alloc(17), { length: 18 })],
    ['length', 6, frame(0x18, Buffer.alloc(17), { length: 16 })],
    ['length', 6, frame(0x13, Buffer.alloc(0), { length: 0xffff })],
  ])('%s at byte %i', (error, offset, bytes) => {
    for (const direction of PCP_DIRECTIONS) {
      const got = decodePcp(bytes, direction);
      expect(got).toMatchObject({ ok: false, isPcp: false, error, offset });
      expect(got).toHaveProperty('hex', upper(bytes.subarray(offset, offset + 32)));
    }
  });

  test('the first failing check decides', () => {
    // each repairs what the one before is named after
    const steps = ['FFFD0212000000FF00', 'FFFE02', 'FFFE0212000000FF00', 'FFFE0112000000FF00', 'FFFE0113000000FF00'];
    const reasons = steps.map((step) => decodePcp(hex(step), 'device->platform'));
    const last = decodePcp(frame(0x13, Buffer.alloc(1), { length: 0xff }), 'device->platform');
    expect([...reasons, last].map((got) => (got.ok ? 'ok' : got.error))).toEqual([...PCP_REASONS]);
  });

  test('a wrong check code is told with the right one', () => {
    expect(decodePcp(hex('FFFE011300000000'), 'platform->device')).toMatchObject({ expectedCheckCode: 0x4c9a });
  });

  test('exactly the codes 13 to 18 with version 1 are PCP, whatever the reserved half of the version byte holds', () => {
    const accepted = new Set<number>();
    for (let code = 0; code < 256; code += 1) {
      if (decodePcp(frame(code, Buffer.alloc(1)), 'device->platform').isPcp) accepted.add(code);
    }
    expect([...accepted]).toEqual(Object.keys(PCP_CODE_NAMES).map(Number));
    for (let byte = 0; byte < 256; byte += 1) {
      const got = decodePcp(frame(0x16, Buffer.alloc(1), { version: byte }), 'device->platform');
      expect(got.ok).toBe((byte & 0x0f) === 1);
    }
  });
});

describe('data areas', () => {
  const sizes: Record<PcpDirection, Record<string, number>> = {
    'device->platform': { 0x13: 17, 0x14: 1, 0x15: 18, 0x16: 1, 0x17: 1, 0x18: 17 },
    'platform->device': { 0x13: 0, 0x14: 22, 0x16: 1, 0x17: 0, 0x18: 1 },
  };

  test.each(PCP_DIRECTIONS)('every other size is a data error: %s', (direction) => {
    for (const [code, size] of Object.entries(sizes[direction])) {
      for (let length = 0; length <= 40; length += 1) {
        const got = decodePcp(frame(Number(code), Buffer.alloc(length)), direction);
        expect(got.isPcp).toBe(true);
        expect(got.ok).toBe(length === size);
        if (!got.ok) expect(got).toMatchObject({ error: 'bad_data_layout', offset: 8, header: { dataLength: length } });
      }
    }
  });

  test('a fragment may have any size that is read, and none when the result is not 0', () => {
    const answer = (result: number, bytes: number) =>
      decodePcp(frame(0x15, Buffer.concat([Buffer.of(result, 1, 2), Buffer.alloc(bytes, 7)])), 'platform->device');
    for (const bytes of [0, 1, 31, 500, 501, DATA_BYTES_MAX - 3]) {
      expect(answer(0, bytes)).toMatchObject({
        ok: true,
        message: { fragmentIndex: 0x0102, fragment: Buffer.alloc(bytes, 7) },
      });
    }
    expect(answer(0, DATA_BYTES_MAX - 2)).toMatchObject({ isPcp: true, error: 'bad_data_layout' });
    expect(answer(0, 60_000)).toMatchObject({ isPcp: true, error: 'bad_data_layout' });
    expect(answer(0x80, 0)).toMatchObject({ ok: true, message: { resultCode: 0x80, fragment: null } });
    expect(answer(0x80, 1)).toMatchObject({ isPcp: true, error: 'bad_data_layout' });
    for (const length of [0, 1, 2]) {
      expect(decodePcp(frame(0x15, Buffer.alloc(length)), 'platform->device')).toMatchObject({
        ok: false,
        isPcp: true,
      });
    }
  });

  test.each([
    ['56312E30' + '00'.repeat(12), 'V1.0'],
    ['00'.repeat(16), ''],
    ['5600312E30' + '41'.repeat(11), 'V'],
    ['4E5433335F32305F4131445F44323358', 'NT33_20_A1D_D23X'],
    ['7631002E30' + '20'.repeat(11), 'v1'],
    ['FF80' + '00'.repeat(14), '\u00ff\u0080'],
  ])('version %s is %j', (bytes, expected) => {
    const got = decodePcp(frame(0x13, Buffer.concat([Buffer.of(0), hex(bytes)])), 'device->platform');
    expect(got).toMatchObject({ ok: true, message: { type: 'versionAnswer', currentVersion: expected } });
  });
});

describe('building', () => {
  test('what is built is read again as the same message, at any place of a larger buffer', () => {
    fc.assert(
      fc.property(message, fc.nat({ max: 20 }), (built, offset) => {
        const bytes = encodePcp(built);
        expect(bytes.readUInt16BE(4)).toBe(slowCheckCode(bytes));
        const inside = Buffer.concat([Buffer.alloc(offset, 0xff), bytes, Buffer.of(1)]);
        const got = decodePcp(inside.subarray(offset, offset + bytes.length), sender(built));
        expect(got).toMatchObject({ ok: true, header: { dataLength: bytes.length - 8 } });
        expect(got.ok && got.message).toEqual(built);
      }),
      { numRuns: 2000 },
    );
  });

  test('the package check code is never sent', () => {
    const fields = { type: 'newVersion', targetVersion: 'V1.0', fragmentSize: 500, fragmentTotal: 1 } as const;
    expect(upper(encodePcp({ ...fields, packageCheckCode: 0x1234 }))).toBe(upper(encodePcp(fields)));
    expect(upper(encodePcp(fields))).toBe('FFFE01143AE6001656312E3000000000000000000000000001F400010000');
  });

  test.each<[string, PcpMessage]>([
    ['an empty version', { type: 'fragmentRequest', targetVersion: '', fragmentIndex: 0 }],
    ['a version of 17', { type: 'fragmentRequest', targetVersion: 'V'.repeat(17), fragmentIndex: 0 }],
    ['a version beyond ASCII', { type: 'versionAnswer', resultCode: 0, currentVersion: 'V\u00e9' }],
    ['a version with 00', { type: 'upgradeReport', resultCode: 0, currentVersion: 'V\u00001' }],
    ['a version with a line end', { type: 'upgradeReport', resultCode: 0, currentVersion: 'V1\n' }],
    ['a fragment size of 31', { type: 'newVersion', targetVersion: 'V', fragmentSize: 31, fragmentTotal: 1 }],
    ['a fragment size of 501', { type: 'newVersion', targetVersion: 'V', fragmentSize: 501, fragmentTotal: 1 }],
    ['no fragments', { type: 'newVersion', targetVersion: 'V', fragmentSize: 500, fragmentTotal: 0 }],
    ['65 536 fragments', { type: 'newVersion', targetVersion: 'V', fragmentSize: 500, fragmentTotal: 65_536 }],
    ['a negative index', { type: 'fragmentRequest', targetVersion: 'V', fragmentIndex: -1 }],
    ['index 65 536', { type: 'fragmentAnswer', resultCode: 0x81, fragmentIndex: 65_536, fragment: null }],
    ['an empty fragment', { type: 'fragmentAnswer', resultCode: 0, fragmentIndex: 0, fragment: Buffer.alloc(0) }],
    ['no fragment with 00', { type: 'fragmentAnswer', resultCode: 0, fragmentIndex: 0, fragment: null }],
    ['a fragment of 501', { type: 'fragmentAnswer', resultCode: 0, fragmentIndex: 0, fragment: Buffer.alloc(501) }],
    ['a fragment with 80', { type: 'fragmentAnswer', resultCode: 0x80, fragmentIndex: 0, fragment: Buffer.alloc(1) }],
    ['result 256', { type: 'downloadReport', resultCode: 256 }],
    ['result 1.5', { type: 'executeAnswer', resultCode: 1.5 }],
  ])('%s is refused', (_name, wrong) => {
    expect(() => encodePcp(wrong)).toThrow(expect.objectContaining({ code: 'invalid_field' }));
  });
});

describe('fragments', () => {
  test.each([
    [1, 32, 1],
    [32, 32, 1],
    [33, 32, 2],
    [500, DEFAULT_FRAGMENT_SIZE, 1],
    [501, DEFAULT_FRAGMENT_SIZE, 2],
    [35_912, 500, 72],
    [500 * FRAGMENT_TOTAL_MAX, 500, 65_535],
    [32 * FRAGMENT_TOTAL_MAX, 32, 65_535],
  ])('a file of %i bytes has, by %i, %i fragments', (fileSize, fragmentSize, total) => {
    expect(fragmentTotal(fileSize, fragmentSize)).toBe(total);
  });

  test.each([
    [0, 500],
    [-1, 500],
    [1.5, 500],
    [500 * FRAGMENT_TOTAL_MAX + 1, 500],
    [32 * FRAGMENT_TOTAL_MAX + 1, 32],
    [1000, 31],
    [1000, 501],
    [1000, 0],
    [1000, Number.NaN],
  ])('a file of %d bytes by %d is refused', (fileSize, fragmentSize) => {
    expect(() => fragmentTotal(fileSize, fragmentSize)).toThrow(expect.objectContaining({ code: 'invalid_field' }));
  });

  test('together they are the file; all are full but the last, which is not padded; there are no others', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 3000 }), fc.integer({ min: 32, max: 500 }), (fileSize, fragmentSize) => {
        const file = Buffer.from(Uint8Array.from({ length: fileSize }, (_, index) => index * 7 + 3));
        const total = fragmentTotal(fileSize, fragmentSize);
        const parts = Array.from({ length: total }, (_, index) => fragmentOf(file, fragmentSize, index) as Buffer);
        expect(Buffer.concat(parts).equals(file)).toBe(true);
        expect(parts.slice(0, -1).every((part) => part.length === fragmentSize)).toBe(true);
        expect(parts.at(-1)?.length).toBe(fileSize - (total - 1) * fragmentSize);
        for (const none of [-1, 0.5, total, 65_535]) expect(fragmentOf(file, fragmentSize, none)).toBeNull();
      }),
    );
  });
});

describe('results', () => {
  const TYPES = {
    versionAnswer: { 0x00: 'none' },
    newVersionAnswer: {
      0x00: 'none',
      0x01: 'later',
      0x02: 'later',
      0x03: 'compare',
      0x04: 'later',
      0x05: 'person',
      0x09: 'person',
      0x7f: 'limited',
    },
    fragmentAnswer: { 0x00: 'none', 0x80: 'stop', 0x81: 'stop' },
    downloadReport: { 0x00: 'none', 0x05: 'person', 0x06: 'restart', 0x07: 'restart', 0x08: 'person' },
    downloadReportAnswer: { 0x00: 'none', 0x80: 'stop' },
    executeAnswer: {
      0x00: 'none',
      0x01: 'later',
      0x04: 'later',
      0x05: 'person',
      0x06: 'log',
      0x09: 'person',
      0x7f: 'limited',
    },
    upgradeReport: {
      0x00: 'none',
      0x01: 'later',
      0x04: 'later',
      0x05: 'person',
      0x09: 'person',
      0x0a: 'limited',
      0x7f: 'limited',
    },
    upgradeReportAnswer: { 0x00: 'none', 0x80: 'stop' },
  } as const;

  test.each(Object.keys(TYPES) as (keyof typeof TYPES)[])('of %s: the listed ones, and no others', (type) => {
    const classes: Record<number, string> = {};
    for (let code = 0; code < 256; code += 1) {
      const { isKnown, words, retry } = pcpResult(type, code);
      expect(words).toMatch(/^[a-z][a-zA-Z ]+$/);
      if (isKnown) classes[code] = retry;
      else expect(retry).toBe('person');
    }
    expect(classes).toEqual(TYPES[type]);
  });
});

describe('lines of a modem', () => {
  test('hold a payload as hex in either case, the number counts bytes', () => {
    const payload = hex('FFFE01134C9A0000');
    for (const text of [
      '+NNMI:8,FFFE01134c9a0000',
      '+nnmi:8,fffe01134c9a0000',
      '\r\n+NNMI:8,FFFE01134C9A0000\r\n',
      'AT+NMGS=8,FFFE01134C9A0000\r',
      '+NNMI:0008,FFFE01134c9a0000',
    ]) {
      expect(readAtText(text)).toEqual({ ok: true, payload });
    }
    expect(readAtText('+NNMI:0,')).toEqual({ ok: true, payload: Buffer.alloc(0) });
  });

  test.each([
    ['bad_length', '+NNMI:16,FFFE01134c9a0000'],
    ['bad_length', '+NNMI:7,FFFE01134c9a0000'],
    ['bad_hex', '+NNMI:8,FFFE01134c9a000'],
    ['bad_hex', '+NNMI:8,FFFE01134c9a00g0'],
    ['bad_hex', '+NNMI:8,FFFE 01134c9a0000'],
  ])('%s: %s', (error, text) => {
    expect(readAtText(text)).toMatchObject({ ok: false, error, message: expect.any(String) as string });
  });

  test.each(['', 'FFFE01134c9a0000', '+NNMI:8', '+NNMI:x,FF', '+NNMI:123456,FF', '+B1301,10,STOCK,00', 'x+NNMI:1,FF'])(
    'no such line: %j',
    (text) => {
      expect(readAtText(text)).toBeNull();
    },
  );

  test('a line without bounds is not looked at', () => {
    expect(readAtText(`+NNMI:9000,${'00'.repeat(9000)}`)).toBeNull();
    expect(readAtText(`+NNMI:1,00${' '.repeat(20_000)}`)).toBeNull();
  });
});

describe('streams', () => {
  const streams = vectors.filter(({ mode }) => mode === 'stream');

  test.each(streams)('$name: the same however it is cut', ({ hex: digits, decoded }) => {
    const bytes = hex(digits);
    const cuts = [[bytes], [...bytes].map((byte) => Buffer.of(byte))];
    for (let at = 0; at <= bytes.length; at += 1) cuts.push([bytes.subarray(0, at), bytes.subarray(at)]);
    for (const chunks of cuts) {
      const { mode: _mode, ...expected } = decoded as typeof decoded & { mode: string };
      expect(readAll(chunks)).toEqual(expected);
    }
  });

  test('every good payload of the vectors, joined and cut at every byte', () => {
    const frames = vectors
      .filter(({ mode, decoded }) => mode === 'datagram' && decoded.isPcp)
      .map(({ hex: digits }) => digits);
    const bytes = hex(frames.join(''));
    const whole = { frames, discardedBytes: 0, remainderHex: '' };
    expect(readAll([bytes])).toEqual(whole);
    for (let at = 0; at <= bytes.length; at += 1) {
      expect(readAll([bytes.subarray(0, at), bytes.subarray(at)])).toEqual(whole);
    }
    expect(readAll([...bytes].map((byte) => Buffer.of(byte)))).toEqual(whole);
  });

  test.each([
    ['a start mark that cannot be one', 'FFFD', '', 2],
    ['half a start mark', '0102FF', 'FF', 2],
    ['only half marks', 'FFFFFF', 'FF', 2],
    ['a mark in front of a mark', 'FFFFFE', 'FFFE', 1],
    ['a wrong version, seen early', 'FFFE02', '', 3],
    ['a wrong code, seen early', 'FFFE0112', '', 4],
    ['a header', 'FFFE011812340011', 'FFFE011812340011', 0],
    ['the largest length', 'FFFE0115123404000000', 'FFFE0115123404000000', 0],
    ['a larger one, seen early', 'FFFE011512340401', '', 8],
    ['a larger one', 'FFFE01151234FFFF0000', '', 10],
  ])('%s', (_name, digits, remainderHex, discardedBytes) => {
    expect(readAll([hex(digits)])).toEqual({ frames: [], discardedBytes, remainderHex });
  });

  test('frames with a data area that does not fit are frames of the stream', () => {
    const odd = frame(0x18, Buffer.alloc(2));
    const { frames } = readAll([Buffer.concat([odd, odd])]);
    expect(frames).toEqual([upper(odd), upper(odd)]);
  });

  test('an unfinished frame is given up when the caller says so, and hides nothing', () => {
    const good = encodePcp({ type: 'downloadReport', resultCode: 0 });
    const half = frame(0x15, Buffer.alloc(300)).subarray(0, 40);
    const stream = new PcpStream();
    expect(stream.push(Buffer.concat([half, good, half.subarray(0, 20)]))).toEqual([]);
    expect(stream.expire()).toEqual([good]);
    expect(stream.droppedBytes).toBe(40);
    expect(stream.errors).toEqual([{ error: 'too_short', offset: 0, hex: upper(half.subarray(0, 32)), bytes: 40 }]);
    expect(upper(stream.pending)).toBe(upper(half.subarray(0, 20)));
    expect(stream.expire()).toEqual([]);
    expect(stream.expire()).toEqual([]);
    expect(stream.droppedBytes).toBe(60);
    expect(stream.push(good)).toEqual([good]);
  });

  test('dropped bytes are named with their place', () => {
    const good = encodePcp({ type: 'downloadReport', resultCode: 0 });
    const stream = new PcpStream();
    for (const bad of ['00FF00', 'FFFE02', 'FFFE0112', 'FFFE011512340401', 'FFFE011600000000']) {
      stream.push(hex(bad));
      stream.push(good);
    }
    expect(stream.errors.map(({ error, offset, bytes }) => [error, offset, bytes])).toEqual([
      ['magic', 0, 3],
      ['version', 12, 3],
      ['code', 24, 4],
      ['length', 37, 8],
      ['crc', 54, 8],
    ]);
    for (let round = 0; round < 20; round += 1) {
      stream.push(hex('00'));
      stream.push(good);
    }
    expect(stream.errors).toHaveLength(8);
  });

  test('messages and rubbish in any order and any cut give every message, and every other byte is counted', () => {
    const rubbish = fc.uint8Array({ maxLength: 12 }).map((bytes) => Buffer.from(bytes.filter((byte) => byte !== 0xff)));
    const cuts = fc.array(fc.nat({ max: 900 }), { maxLength: 6 });
    fc.assert(
      fc.property(fc.array(fc.tuple(rubbish, message), { maxLength: 6 }), rubbish, cuts, (parts, tail, places) => {
        const frames = parts.map(([, each]) => encodePcp(each));
        const bytes = Buffer.concat([...parts.flatMap(([before], index) => [before, frames[index] as Buffer]), tail]);
        expect(readAll(cutAt(bytes, places))).toEqual({
          frames: frames.map(upper),
          discardedBytes: parts.reduce((sum, [before]) => sum + before.length, tail.length),
          remainderHex: '',
        });
      }),
      { numRuns: 1000 },
    );
  });
});

describe('100 000 random and mutated inputs', () => {
  const seeds = vectors.map(({ hex: digits }) => hex(digits)).filter((bytes) => bytes.length > 0);
  const names = new Set<string>([...PCP_REASONS, 'bad_data_layout']);
  const random = lcg(20_260_102);

  test('a message, a business message or a data error, each by its name', () => {
    const seen = new Map<string, number>();
    for (let round = 0; round < 100_000; round += 1) {
      const bytes = mutatedFrame(seeds, random);
      for (const direction of PCP_DIRECTIONS) {
        const got = decodePcp(bytes, direction);
        const name = got.ok ? 'ok' : got.error;
        seen.set(name, (seen.get(name) ?? 0) + 1);
        if (got.ok) continue;
        if (!(names.has(got.error) && got.offset <= bytes.length && /^(?:[0-9A-F]{2}){0,32}$/.test(got.hex))) {
          expect.fail(`${JSON.stringify(got)} for ${upper(bytes)}`);
        }
      }
    }
    // every name occurs often, so that the run means something
    expect(
      [...seen]
        .filter(([, count]) => count > 100)
        .map(([name]) => name)
        .toSorted(),
    ).toEqual(['ok', ...names].toSorted());
  });

  test('a stream stays bounded, accounts for every byte, gives only PCP and still reads good frames', () => {
    const stream = new PcpStream();
    let received = 0;
    let taken = 0;
    const count = (frames: readonly Buffer[]) => {
      for (const each of frames) {
        taken += each.length;
        if (!decodePcp(each, 'device->platform').isPcp) expect.fail(`not PCP: ${upper(each)}`);
      }
    };
    for (let round = 0; round < 100_000; round += 1) {
      const bytes = mutatedFrame(seeds, random);
      received += bytes.length;
      count(stream.push(bytes));
      if (round % 50 === 0) count(stream.expire());
      if (stream.pending.length >= DATA_BYTES_MAX + 8 || stream.errors.length > 8) expect.fail('not bounded');
      if (stream.droppedBytes + stream.pending.length + taken !== received) expect.fail(`lost bytes in round ${round}`);
    }
    expect(taken).toBeGreaterThan(received / 10);
    while (stream.pending.length > 0) count(stream.expire());
    expect(stream.droppedBytes + taken).toBe(received);
    expect(stream.push(seeds[0] as Buffer)).toHaveLength(1);
  });
});

function readAll(chunks: readonly Buffer[]) {
  const stream = new PcpStream();
  const frames = chunks.flatMap((chunk) => stream.push(chunk)).map(upper);
  return { frames, discardedBytes: stream.droppedBytes, remainderHex: upper(stream.pending) };
}

/** Mutated bytes, half of them with the right length or check code put in again. */
function mutatedFrame(seeds: readonly Buffer[], random: Random): Buffer {
  const bytes = mutated(seeds, random, [0xff, 0xfe, 0x00, 0x01, 0x13 + random(6)]);
  if (bytes.length >= 8 && random(2) === 0) {
    if (random(2) === 0) bytes.writeUInt16BE((bytes.length - 8) & 0xffff, 6);
    bytes.writeUInt16BE(checkCodeOf(bytes), 4);
  }
  return bytes;
}

import { readFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeInput } from '../../gateways/decode.ts';
import { GatewayError } from '../../gateways/errors.ts';
import {
  decodeFrame,
  encodeFrame,
  FRAME_BYTES_MAX,
  PILE_ERRORS,
  PileStream,
  type PileDroppedBytes,
  type PileFrame,
  type PileReceived,
} from '../../gateways/pile/codec.ts';
import { cutAt, lcg, mutated, type Random } from '../support/random-bytes.ts';

interface Vector {
  name: string;
  mode: string;
  hex: string;
  decoded: { frames: string[]; discardedBytes: number; remainderHex: string };
}

const vectors = JSON.parse(readFileSync(new URL('../vectors/pile.json', import.meta.url), 'utf8')) as Vector[];
const PILE = '55031412782305';
const hexOf = (bytes: Buffer | undefined) => bytes?.toString('hex').toUpperCase();
const bytesOf = (hex: string) => Buffer.from(hex, 'hex');

const heartbeat = (seq: number) =>
  encodeFrame({ name: 'heartbeat', seq, body: { pileCode: PILE, gunNo: '01', gunStatus: 0 } });
const rebootReply = encodeFrame({ name: 'rebootReply', seq: 7, body: { pileCode: PILE, setResult: 1 } });
const update = encodeFrame({
  name: 'update',
  seq: 38,
  body: {
    pileCode: PILE,
    pileModel: 1,
    power: 15,
    serverAddress: '114.55.114.174',
    serverPort: 21,
    username: 'sr',
    password: 'sr123',
    filePath: 'AC-7KW/20180131',
    executeControl: 2,
    downloadTimeoutMin: 60,
  },
});
const longest = encodeFrame({ name: 'opaque', seq: 1, type: 0x13, encrypted: false, bytes: Buffer.alloc(196, 0x68) });
const encrypted = encodeFrame({ name: 'opaque', seq: 2, type: 0x92, encrypted: true, bytes: bytesOf('68040000') });
const badBody = bytesOf('680B00110092320102000000017413');
const badCrc = bytesOf('680C001100923201020000000101D2E6');
const good = [heartbeat(1), rebootReply, update, longest, encrypted, badBody];

/** Everything a stream tells about bytes that came in these pieces. */
function readAll(chunks: readonly Buffer[]) {
  const stream = new PileStream({ keepRaw: true });
  const received = chunks.flatMap((chunk) => stream.push(chunk));
  const { droppedBytes, errors, counts } = stream;
  return { received, droppedBytes, errors: [...errors], counts: [...counts], pending: hexOf(stream.pending) };
}

describe('a stream', () => {
  test.each(vectors.filter(({ mode }) => mode === 'stream'))(
    'vector $name says the same split at every byte and byte by byte',
    ({ hex, decoded }) => {
      const bytes = bytesOf(hex);
      const whole = readAll([bytes]);
      expect(whole.received.map(({ raw }) => hexOf(raw))).toEqual(decoded.frames);
      expect([whole.droppedBytes, whole.pending]).toEqual([decoded.discardedBytes, decoded.remainderHex]);
      for (let at = 0; at <= bytes.length; at += 1) expect(readAll(cutAt(bytes, [at]))).toEqual(whole);
      expect(readAll([...bytes].map((byte) => Buffer.of(byte)))).toEqual(whole);
    },
  );

  test('gives joined frames of every kind, at every cut, and holds nothing afterwards', () => {
    const bytes = Buffer.concat(good);
    const whole = readAll([bytes]);
    expect(whole.received.map(({ raw }) => hexOf(raw))).toEqual(good.map(hexOf));
    expect(whole).toMatchObject({ droppedBytes: 0, errors: [], pending: '' });
    for (let at = 0; at <= bytes.length; at += 1) expect(readAll(cutAt(bytes, [at]))).toEqual(whole);
    const stream = new PileStream();
    expect(stream.push(bytes)).toEqual(whole.received.map(({ raw: _raw, ...reading }) => reading));
    expect(stream.pendingBytes).toBe(0);
    expect(stream.expire()).toEqual([]);
    expect(stream.end()).toEqual([]);
  });

  test('a body of the wrong size is told in its place and counted, and its bytes are not searched', () => {
    // inside the body of the bad one there is a whole good frame
    const inner = encodeFrame({ name: 'opaque', seq: 0, type: 5, encrypted: true, bytes: rebootReply });
    const bytes = Buffer.from(inner);
    bytes[4] = 0;
    bytes[5] = 0x92;
    const outer = withCheckCode(bytes);
    const stream = new PileStream();
    const received = stream.push(Buffer.concat([heartbeat(1), outer, heartbeat(2)]));
    expect(received).toMatchObject([
      { ok: true, frame: { name: 'heartbeat', seq: 1 } },
      { ok: false, error: 'bad_body_length', type: 0x92, length: 20 },
      { ok: true, frame: { name: 'heartbeat', seq: 2 } },
    ]);
    expect(stream.droppedBytes).toBe(0);
    expect([...stream.counts]).toEqual([['bad_body_length', 1]]);
  });

  test('names, counts and places what it drops, frames with a wrong check code apart from rubbish', () => {
    const bytes = Buffer.concat([bytesOf('0001'), badCrc, badCrc, heartbeat(3), bytesOf('6803'), rebootReply]);
    const { received, errors, counts, droppedBytes } = readAll([bytes, bytesOf('680C001102'), rebootReply]);
    expect(received).toMatchObject([
      { frame: { name: 'heartbeat' } },
      { frame: { name: 'rebootReply' } },
      { frame: { name: 'rebootReply' } },
    ]);
    const codes = { expectedCrc: 'D2E7', receivedCrc: 'D2E6' };
    expect(errors).toEqual([
      { error: 'bad_start', offset: 0, bytes: 2, hex: '0001' },
      { error: 'crc_mismatch', offset: 2, bytes: 16, hex: hexOf(badCrc), ...codes },
      { error: 'crc_mismatch', offset: 18, bytes: 16, hex: hexOf(badCrc), ...codes },
      { error: 'bad_length', offset: 51, bytes: 2, hex: '6803' },
      { error: 'bad_encryption_flag', offset: 69, bytes: 5, hex: '680C001102' },
    ]);
    expect(Object.fromEntries(counts)).toEqual({
      bad_start: 1,
      crc_mismatch: 2,
      bad_length: 1,
      bad_encryption_flag: 1,
    });
    expect(droppedBytes).toBe(41);
  });

  test('keeps the last eight errors only, and 32 bytes of each', () => {
    const stream = new PileStream();
    for (let round = 0; round < 20; round += 1) {
      stream.push(Buffer.concat([Buffer.alloc(100 + round, round), heartbeat(round)]));
    }
    expect(stream.errors.map(({ bytes }) => bytes)).toEqual([112, 113, 114, 115, 116, 117, 118, 119]);
    expect(stream.errors.every(({ hex }) => hex.length === 64)).toBe(true);
    expect(stream.counts.get('bad_start')).toBe(20);
  });

  test('a frame behind a cut one is found as soon as the bytes of the cut one would be there', () => {
    // the rest of a frame of 16 bytes can only be the frame behind it
    const stream = new PileStream();
    expect(stream.push(rebootReply.subarray(0, 9))).toEqual([]);
    expect(stream.push(heartbeat(1))).toMatchObject([{ frame: { name: 'heartbeat' } }]);
    expect([stream.droppedBytes, stream.pendingBytes]).toEqual([9, 0]);
    expect(stream.errors).toMatchObject([{ error: 'crc_mismatch', bytes: 9 }]);
  });

  test('or when it took too long', () => {
    const stream = new PileStream();
    expect(stream.push(Buffer.concat([update.subarray(0, 20), heartbeat(1)]))).toEqual([]);
    expect(stream.pendingBytes).toBe(37);
    expect(stream.expire()).toMatchObject([{ frame: { name: 'heartbeat' } }]);
    expect([stream.droppedBytes, stream.pendingBytes]).toEqual([20, 0]);
    expect(stream.errors).toEqual([{ error: 'truncated', offset: 0, bytes: 20, hex: hexOf(update.subarray(0, 20)) }]);
    expect(stream.push(rebootReply)).toHaveLength(1);
    stream.push(Buffer.of(0x68));
    stream.end();
    expect(stream.errors.at(-1)).toEqual({ error: 'truncated', offset: 53, bytes: 1, hex: '68' });
  });

  test('start marks right before a frame do not hide it, once they can be no frame themselves', () => {
    for (const [marks, frame] of [
      [1, heartbeat(0x0201)], // the flag of the false candidate would be 02
      [3, heartbeat(0x0505)],
      [1, longest], // the false candidate is whole, its check code wrong
    ] as const) {
      const stream = new PileStream({ keepRaw: true });
      const received = stream.push(Buffer.concat([Buffer.alloc(marks, 0x68), frame]));
      expect(received.map(({ raw }) => hexOf(raw))).toEqual([hexOf(frame)]);
      expect([stream.droppedBytes, stream.pendingBytes]).toEqual([marks, 0]);
    }
  });

  test('a frame that took too long is told apart from the rubbish before it', () => {
    const stream = new PileStream();
    stream.push(bytesOf('0001680C00'));
    stream.expire();
    expect(stream.errors).toEqual([
      { error: 'bad_start', offset: 0, bytes: 2, hex: '0001' },
      { error: 'truncated', offset: 2, bytes: 3, hex: '680C00' },
    ]);
  });

  test('waits for what can become a frame and for nothing else', () => {
    for (const [hex, pending] of [
      ['68', '68'],
      ['6868', '6868'],
      ['6804', '6804'],
      ['68C8', '68C8'],
      ['68C9', ''],
      ['6803', ''],
      ['680C000000', '680C000000'],
      ['680C000001', '680C000001'],
      ['680C000002', ''],
      ['FF680C', '680C'],
      ['680368', '68'],
    ] as const) {
      expect([hex, readAll([bytesOf(hex)]).pending]).toEqual([hex, pending]);
    }
  });

  test('what it gives and keeps does not change with the buffers it was given', () => {
    const stream = new PileStream({ keepRaw: true });
    const chunk = Buffer.concat([encrypted, update.subarray(0, 50)]);
    const received = stream.push(chunk);
    chunk.fill(0);
    expect(received.map(({ raw }) => hexOf(raw))).toEqual([hexOf(encrypted)]);
    expect(received).toMatchObject([{ frame: { bytes: bytesOf('68040000') } }]);
    expect(stream.push(update.subarray(50))).toMatchObject([{ frame: { name: 'update' } }]);
  });

  test('frames and rubbish in any order and any cut give every frame, and every other byte is counted', () => {
    const rubbish = fc.uint8Array({ maxLength: 12 }).map((bytes) => Buffer.from(bytes.filter((byte) => byte !== 0x68)));
    const parts = fc.array(fc.tuple(rubbish, fc.constantFrom(...good)), { maxLength: 6 });
    const cuts = fc.array(fc.nat({ max: 900 }), { maxLength: 6 });
    fc.assert(
      fc.property(parts, rubbish, cuts, (parts, tail, places) => {
        const read = readAll(cutAt(Buffer.concat([...parts.flat(), tail]), places));
        expect(read.received.map(({ raw }) => hexOf(raw))).toEqual(parts.map(([, frame]) => hexOf(frame)));
        expect(read.droppedBytes).toBe(parts.reduce((sum, [before]) => sum + before.length, tail.length));
        expect(read.pending).toBe('');
      }),
      { numRuns: 1000 },
    );
  });

  test('the decoder shows on request what the frames of a stream say and what was dropped', () => {
    const hex = `00${hexOf(badBody)}${hexOf(rebootReply)}68`;
    const short = decodeInput('pile', { mode: 'stream', hex });
    expect(short).toEqual({
      mode: 'stream',
      frames: [hexOf(badBody), hexOf(rebootReply)],
      discardedBytes: 1,
      remainderHex: '68',
    });
    expect(decodeInput('pile', { mode: 'stream', hex }, { details: true })).toEqual({
      ...short,
      decoded: [
        expect.objectContaining({ ok: false, error: 'bad_body_length', typeName: 'reboot', offset: 6 }),
        expect.objectContaining({ ok: true, typeName: 'rebootReply', body: { pileCode: PILE, setResult: 1 } }),
      ],
      dropped: [{ error: 'bad_start', offset: 0, bytes: 1, hex: '00' }],
    });
  });

  test('an input that cannot be used says why', () => {
    for (const input of [{}, { text: 'h' }, { hex: '6' }, { hex: '68', mode: 'text' }, { hex: '', direction: 'up' }]) {
      expect(decodeInput('pile', input)).toEqual({ ok: false, error: 'bad_input', message: expect.any(String) });
    }
  });
});

describe('100 000 random and mutated inputs', () => {
  const seeds = [...vectors.map(({ hex }) => bytesOf(hex)), ...good, Buffer.concat(good)];
  const names = new Set<string>(PILE_ERRORS);
  const random = lcg(20_260_102);

  test('the decoder gives a frame or a named error, and what may be built of what it reads is read back the same', () => {
    const seen = new Set<string>();
    let rebuiltFrames = 0;
    for (let round = 0; round < 60_000; round += 1) {
      const bytes = mutatedFrame(seeds, random);
      const decoded = decodeFrame(bytes);
      seen.add(decoded.ok ? decoded.frame.name : decoded.error);
      if (decoded.ok ? decoded.frame.length !== bytes.length - 4 : !isNamed(decoded, names, bytes.length)) {
        expect.fail(`${JSON.stringify(decoded)} for ${bytes.toString('hex')}`);
      }
      const again = decoded.ok ? rebuilt(decoded.frame) : undefined;
      if (again === undefined || !decoded.ok) continue;
      rebuiltFrames += 1;
      const { crc: _crc, ...fields } = decoded.frame;
      const readBack = decodeFrame(again);
      if (!readBack.ok || !isDeepStrictEqual({ ...readBack.frame, crc: undefined }, { ...fields, crc: undefined })) {
        expect.fail(`${JSON.stringify(readBack)} for ${bytes.toString('hex')}`);
      }
    }
    expect(rebuiltFrames).toBeGreaterThan(5000);
    // the inputs reach every branch
    expect([...names].filter((name) => !seen.has(name))).toEqual([]);
    expect(seen.size).toBe(names.size + 11);
  });

  test('a stream takes exactly what the decoder takes, as the same frame', () => {
    let taken = 0;
    for (let round = 0; round < 40_000; round += 1) {
      const bytes = mutatedFrame(seeds, random);
      const decoded = decodeFrame(bytes);
      const stream = new PileStream();
      const received = stream.push(bytes);
      if (decoded.ok || decoded.error === 'bad_body_length') {
        taken += 1;
        if (!isDeepStrictEqual(received, [decoded])) expect(received).toEqual([decoded]);
      } else if (received.length === 1 && stream.droppedBytes + stream.pendingBytes === 0) {
        expect.fail(`${JSON.stringify(received)} for ${bytes.toString('hex')}`);
      }
    }
    expect(taken).toBeGreaterThan(5000);
  });

  test('any cut of any bytes gives the same frames, errors and rest', () => {
    for (let round = 0; round < 5000; round += 1) {
      const bytes = Buffer.concat([
        mutatedFrame(seeds, random),
        mutatedFrame(seeds, random),
        mutatedFrame(seeds, random),
      ]);
      const places = Array.from({ length: random(6) }, () => random(bytes.length + 1));
      const [whole, pieces] = [readAll([bytes]), readAll(cutAt(bytes, places))];
      if (JSON.stringify(whole) !== JSON.stringify(pieces)) expect(pieces).toEqual(whole);
    }
  });

  test('a stream stays bounded, accounts for every byte and still reads good frames', () => {
    const stream = new PileStream({ keepRaw: true });
    let received = 0;
    let taken = 0;
    const count = (frames: readonly PileReceived[]) => {
      for (const { raw } of frames) taken += raw?.length ?? 0;
    };
    for (let round = 0; round < 40_000; round += 1) {
      const bytes = mutatedFrame(seeds, random);
      received += bytes.length;
      count(stream.push(bytes));
      if (round % 7 === 0) count(stream.expire());
      if (stream.pendingBytes >= FRAME_BYTES_MAX || stream.errors.length > 8) expect.fail('not bounded');
      if (stream.droppedBytes + stream.pendingBytes + taken !== received) expect.fail(`lost bytes in round ${round}`);
    }
    expect(stream.errors.every((error) => isNamed(error, names, received))).toBe(true);
    expect([...stream.counts.keys()].every((name) => names.has(name))).toBe(true);
    count(stream.end());
    expect(stream.pendingBytes).toBe(0);
    expect(stream.droppedBytes + taken).toBe(received);
    expect(stream.push(heartbeat(9))).toMatchObject([{ frame: { name: 'heartbeat', seq: 9 } }]);
  });

  test('a megabyte that looks like one frame after the other is dropped without a copy of it being kept', () => {
    const stream = new PileStream();
    const hostile = Buffer.alloc(1_000_000, bytesOf('68C8000000'));
    expect(stream.push(hostile)).toEqual([]);
    expect(stream.pendingBytes).toBeLessThan(FRAME_BYTES_MAX);
    expect(stream.droppedBytes + stream.pendingBytes).toBe(hostile.length);
    expect(stream.errors).toHaveLength(8);
  });
});

function isNamed(
  { error, offset, hex }: Pick<PileDroppedBytes, 'error' | 'offset' | 'hex'>,
  names: ReadonlySet<string>,
  length: number,
): boolean {
  return names.has(error) && offset <= length && hex.length <= 64;
}

/** The frame as the encoder writes it; undefined when it has a value that must not be sent. */
function rebuilt(frame: PileFrame): Buffer | undefined {
  try {
    return encodeFrame(frame);
  } catch (error) {
    if (error instanceof GatewayError) return undefined;
    throw error;
  }
}

/** The same frame with the check code that is right for its bytes, found by the decoder's own complaint. */
function withCheckCode(bytes: Buffer): Buffer {
  const decoded = decodeFrame(bytes);
  if (decoded.ok || decoded.error !== 'crc_mismatch') throw new Error('the check code is right already');
  return Buffer.concat([bytes.subarray(0, -2), bytesOf(decoded.expectedCrc as string)]);
}

/** Mutated bytes, often with the length and the check code mended: nearly everything would end there otherwise. */
function mutatedFrame(seeds: readonly Buffer[], random: Random): Buffer {
  const bytes = mutated(seeds, random, [0x68, 0x00, 0x01, 0x04, 0xc8, 0xff, 0x94]);
  if (random(2) === 0 && bytes.length >= 8 && bytes.length <= FRAME_BYTES_MAX && bytes[0] === 0x68) {
    bytes[1] = bytes.length - 4;
    const decoded = decodeFrame(bytes);
    if (!decoded.ok && decoded.error === 'crc_mismatch') return withCheckCode(bytes);
  }
  return bytes;
}

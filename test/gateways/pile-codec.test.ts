import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { crc16Modbus } from '../../gateways/checksums.ts';
import { decodeInput } from '../../gateways/decode.ts';
import { GatewayError } from '../../gateways/errors.ts';
import {
  decodeFrame,
  encodeFrame,
  frameName,
  LENGTH_MAX,
  LENGTH_MIN,
  nextSequence,
  PILE_FRAME_TYPES,
  wireHex,
  type PileBodies,
  type PileFrameFields,
  type PileFrameName,
} from '../../gateways/pile/codec.ts';

interface Vector {
  name: string;
  mode: string;
  hex: string;
  decoded: Record<string, unknown> & { ok?: boolean };
}

const vectors = JSON.parse(readFileSync(new URL('../vectors/pile.json', import.meta.url), 'utf8')) as Vector[];
const PILE = '55031412782305';
const UPDATE: PileBodies['update'] = {
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
};
const LOGIN: PileBodies['login'] = {
  pileCode: PILE,
  pileType: 0,
  gunCount: 2,
  protocolVersion: 1.6,
  programVersion: 'V4.1.51',
  networkType: 0,
  sim: '89860448041970111236',
  operator: 0,
};

/** A frame around any counted bytes (sequence, flag, type, body), with the right check code. */
function framed(counted: string): Buffer {
  const bytes = Buffer.from(counted, 'hex');
  const crc = Buffer.alloc(2);
  crc.writeUInt16LE(crc16Modbus(bytes));
  return Buffer.concat([Buffer.of(0x68, bytes.length), bytes, crc]);
}

function bodyOf(bytes: Buffer): unknown {
  const decoded = decodeFrame(bytes);
  if (!decoded.ok || decoded.frame.name === 'opaque') return decoded;
  return decoded.frame.body;
}

describe('vectors', () => {
  const good = vectors.filter(({ mode, decoded }) => mode === 'frame' && decoded.ok === true);

  test.each(good)('$name is built again byte for byte from what it says', ({ hex }) => {
    const decoded = decodeFrame(Buffer.from(hex, 'hex'));
    expect(decoded).toMatchObject({ ok: true });
    if (decoded.ok) expect(encodeFrame(decoded.frame).toString('hex').toUpperCase()).toBe(hex);
  });

  test('every frame type of the document is among them', () => {
    const types = new Set(good.map(({ decoded }) => decoded.typeName));
    expect(types).toEqual(new Set([...Object.keys(PILE_FRAME_TYPES), 'unknown']));
  });

  test('errors say where and show the bytes', () => {
    const wrong = vectors.filter(({ mode, decoded }) => mode === 'frame' && decoded.ok === false);
    expect(wrong.length).toBeGreaterThan(10);
    for (const { hex } of wrong) {
      const decoded = decodeFrame(Buffer.from(hex, 'hex'));
      if (decoded.ok) expect.fail(hex);
      expect(decoded.hex).not.toBe('');
      expect(hex.indexOf(decoded.hex, decoded.offset * 2)).toBe(decoded.offset * 2);
    }
  });
});

describe('check code', () => {
  test('is CRC-16/MODBUS', () => {
    // the check value of the catalogue of CRCs
    expect(crc16Modbus(Buffer.from('123456789'))).toBe(0x4b37);
    expect(crc16Modbus(Buffer.alloc(0))).toBe(0xffff);
    expect(crc16Modbus(Buffer.from('x123456789x'), 1, 10)).toBe(0x4b37);
  });

  test('agrees with the same sum made bit by bit', () => {
    const bitwise = (bytes: Uint8Array) => {
      let crc = 0xffff;
      for (const byte of bytes) {
        crc ^= byte;
        for (let bit = 0; bit < 8; bit += 1) crc = crc % 2 === 1 ? (crc >>> 1) ^ 0xa001 : crc >>> 1;
      }
      return crc;
    };
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => crc16Modbus(bytes) === bitwise(bytes)));
  });

  test('any single wrong bit behind the length is noticed', () => {
    const good = encodeFrame({ name: 'update', seq: 38, body: UPDATE });
    for (let bit = 16; bit < good.length * 8; bit += 1) {
      const bytes = Buffer.from(good);
      bytes[bit >> 3] = (bytes[bit >> 3] as number) ^ (1 << (bit & 7));
      expect(decodeFrame(bytes)).toMatchObject({ ok: false, error: 'crc_mismatch' });
    }
  });
});

describe('one frame', () => {
  const good = '680C001100923201020000000101D2E7';

  test.each<[name: string, hex: string, expected: object]>([
    ['nothing', '', { error: 'empty', offset: 0, hex: '' }],
    ['another start mark', `69${good.slice(2)}`, { error: 'bad_start', offset: 0 }],
    ['rubbish before it', `00${good}`, { error: 'bad_start', offset: 0 }],
    ['a length that cannot be, short', '6803001100D2E7', { error: 'bad_length', offset: 1, hex: '03001100D2E7' }],
    ['a length that cannot be, long', `68C9${'00'.repeat(203)}`, { error: 'bad_length', offset: 1 }],
    ['a length that cannot be, nothing behind it', '68FF', { error: 'bad_length', offset: 1, hex: 'FF' }],
    ['one byte too many', `${good}00`, { error: 'trailing_bytes', offset: 16, hex: '00' }],
    ['another frame behind it', good + good, { error: 'trailing_bytes', offset: 16, hex: good }],
    ['wrong check code', `${good.slice(0, -2)}E6`, { error: 'crc_mismatch', offset: 14, hex: 'D2E6' }],
    [
      'flag 02',
      framed('00110292320102000000010101').toString('hex'),
      { error: 'bad_encryption_flag', offset: 4, hex: expect.stringMatching(/^0292/) as string },
    ],
    [
      'flag 02 and a wrong check code',
      '680C001102923201020000000101D2E7',
      { error: 'crc_mismatch', receivedCrc: 'D2E7' },
    ],
    ['flag FF, cut', '680C0011FF92', { error: 'truncated', offset: 0, hex: '680C0011FF92' }],
    [
      'a body too long by one',
      framed(`00110092${PILE}0101`).toString('hex'),
      { error: 'bad_body_length', offset: 6, length: 13, seq: 4352, type: 0x92, hex: `${PILE}0101` },
    ],
    [
      'no body at all',
      framed('00000003').toString('hex'),
      { error: 'bad_body_length', offset: 6, length: 4, type: 3, hex: '' },
    ],
  ])('%s', (_name, hex, expected) => {
    expect(decodeFrame(Buffer.from(hex, 'hex'))).toMatchObject({ ok: false, ...expected });
  });

  test('every beginning of a frame is truncated', () => {
    const frame = encodeFrame({ name: 'update', seq: 1, body: UPDATE });
    for (let length = 1; length < frame.length; length += 1) {
      expect(decodeFrame(frame.subarray(0, length))).toMatchObject({ ok: false, error: 'truncated' });
    }
  });

  test('of a known type, every body size but the right one is refused', () => {
    for (const [name, type] of Object.entries(PILE_FRAME_TYPES)) {
      const sizes = Array.from({ length: LENGTH_MAX - LENGTH_MIN + 1 }, (_, size) => size).filter((size) => {
        const decoded = decodeFrame(framed(`000000${type.toString(16).padStart(2, '0')}${'00'.repeat(size)}`));
        if (!decoded.ok) expect(decoded).toMatchObject({ error: 'bad_body_length', type, length: size + 4 });
        return decoded.ok;
      });
      const printed = { 1: 0x22, 2: 0x0c, 3: 0x0d, 4: 0x0d, 0x55: 0x12, 0x56: 0x12, 0x94: 0x62 }[type as number];
      expect([name, ...sizes]).toEqual([name, (printed ?? 0x0c) - 4]);
    }
  });

  test('unknown types and encrypted bodies of any size are kept as they came', () => {
    for (const [counted, expected] of [
      ['00000005', { type: 5, encrypted: false, bytes: Buffer.alloc(0) }],
      ['FFFF00FEAA', { type: 0xfe, seq: 0xffff, encrypted: false, bytes: Buffer.of(0xaa) }],
      ['01000194', { type: 0x94, encrypted: true, bytes: Buffer.alloc(0) }],
      [`01000103${'68'.repeat(196)}`, { type: 3, encrypted: true, length: 200, bytes: Buffer.alloc(196, 0x68) }],
    ] as const) {
      const bytes = framed(counted);
      const decoded = decodeFrame(bytes);
      expect(decoded).toMatchObject({ ok: true, frame: { name: 'opaque', ...expected } });
      if (decoded.ok) expect(encodeFrame(decoded.frame)).toEqual(bytes);
    }
  });

  test('what was read does not change with the buffer it was read from', () => {
    const bytes = framed('00000005AABB');
    const decoded = decodeFrame(bytes);
    bytes.fill(0);
    expect(decoded).toMatchObject({ frame: { bytes: Buffer.of(0xaa, 0xbb) } });
  });
});

describe('fields', () => {
  const login = (programVersion: string) =>
    bodyOf(framed(`00000001${PILE}00020F${programVersion}00${'00'.repeat(10)}00`));

  test.each([
    ['56342E312E353030', 'V4.1.500'],
    ['56342E312E353000', 'V4.1.50'],
    ['0000000000000000', ''],
    ['5634003939390000', 'V4'],
    ['5634202020202020', 'V4      '],
    ['563400FFFFFFFFFF', 'V4'],
    ['E9B1FF0000000000', '\u00e9\u00b1\u00ff'],
  ])('text %s is %j', (hex, programVersion) => {
    expect(login(hex)).toMatchObject({ programVersion });
  });

  test('a pile number that is no decimal is kept, so that the answer can repeat it', () => {
    const bytes = framed('000000030AF00000000FFFAB07');
    expect(bodyOf(bytes)).toEqual({ pileCode: '0AF00000000FFF', gunNo: 'AB', gunStatus: 7 });
    expect(encodeFrame({ name: 'loginReply', seq: 0, body: { pileCode: '0af00000000fff', loginResult: 1 } })).toEqual(
      framed('000000020AF00000000FFF01'),
    );
  });

  test.each([
    ['98B70E11100314', '2020-03-16T17:14:47.000'],
    ['98B78EF1F0F394', '2020-03-16T17:14:47.000'], // all the flag bits and the day of the week
    ['0000000001011B', '2027-01-01T00:00:00.000'],
    ['5FEA3B171F0C7F', '2127-12-31T23:59:59.999'],
    ['010000001D0218', '2024-02-29T00:00:00.001'],
    ['000000001D0219', null], // 29 February of 2025
    ['60EA0000010119', null], // second 60
    ['00003C00010119', null], // minute 60
    ['00000018010119', null], // hour 24
    ['00000000000119', null], // day 0
    ['00000000010019', null], // month 0
    ['00000000010D19', null], // month 13
    ['FFFFFFFFFFFFFF', null],
    ['00000000000000', null],
  ])('time %s is %s', (hex, time) => {
    expect(bodyOf(framed(`00000055${PILE}${hex}`))).toEqual({ pileCode: PILE, time });
  });

  test('values that are in no table are kept', () => {
    expect(bodyOf(framed(`00000093${PILE}FF`))).toEqual({ pileCode: PILE, upgradeStatus: 255 });
    expect(bodyOf(framed(`00000092${PILE}00`))).toEqual({ pileCode: PILE, executeControl: 0 });
    expect(login('00')).toMatchObject({ error: 'bad_body_length' });
    expect(bodyOf(framed(`00000001${PILE}09FFFF${'00'.repeat(8)}08${'FF'.repeat(10)}07`))).toEqual({
      pileCode: PILE,
      pileType: 9,
      gunCount: 255,
      protocolVersion: 25.5,
      programVersion: '',
      networkType: 8,
      sim: 'FF'.repeat(10),
      operator: 7,
    });
  });

  test('sequence numbers are little-endian, shown as on the wire, and go from FFFF to 0', () => {
    expect([0, 1, 255, 256, 65_534, 65_535].map(nextSequence)).toEqual([1, 2, 256, 257, 65_535, 0]);
    expect([0, 1, 4352, 65_535].map(wireHex)).toEqual(['0000', '0100', '0011', 'FFFF']);
    expect([0x01, 0x94, 0x13, 0x00, 0xff].map(frameName)).toEqual(['login', 'update', undefined, undefined, undefined]);
  });
});

describe('building', () => {
  const update = (more: Partial<PileBodies['update']>): PileFrameFields => {
    return { name: 'update', seq: 1, body: { ...UPDATE, ...more } };
  };
  const logsIn = (more: Partial<PileBodies['login']>): PileFrameFields => {
    return { name: 'login', seq: 0, body: { ...LOGIN, ...more } };
  };
  const syncs = (time: string | null): PileFrameFields => ({
    name: 'timeSync',
    seq: 0,
    body: { pileCode: PILE, time },
  });
  const opaque = (more: object): PileFrameFields => {
    return { name: 'opaque', seq: 0, type: 5, encrypted: false, bytes: Buffer.alloc(1), ...more };
  };

  test.each<[field: string, fields: PileFrameFields]>([
    ['seq', { ...update({}), seq: 65_536 }],
    ['seq', { ...update({}), seq: -1 }],
    ['seq', { ...update({}), seq: 0.5 }],
    ['pileCode', update({ pileCode: '5503141278230' })],
    ['pileCode', update({ pileCode: '550314127823055' })],
    ['pileCode', update({ pileCode: '5503141278230x' })],
    ['pileCode', update({ pileCode: undefined as unknown as string })],
    ['pileModel', update({ pileModel: 0 })],
    ['pileModel', update({ pileModel: 3 })],
    ['power', update({ power: 0 })],
    ['power', update({ power: 65_536 })],
    ['power', update({ power: 7.5 })],
    ['serverAddress', update({ serverAddress: '' })],
    ['serverAddress', update({ serverAddress: 'firmware.example.' })],
    ['serverPort', update({ serverPort: 0 })],
    ['serverPort', update({ serverPort: 65_536 })],
    ['username', update({ username: 'u'.repeat(17) })],
    ['password', update({ password: 'p'.repeat(17) })],
    ['password', update({ password: 'pass\u0000' })],
    ['password', update({ password: 'p\u00e4ss' })],
    ['filePath', update({ filePath: '' })],
    ['filePath', update({ filePath: 'f'.repeat(33) })],
    ['filePath', update({ filePath: 'a\r\nDELE b' })],
    ['executeControl', update({ executeControl: 0 })],
    ['executeControl', update({ executeControl: 3 })],
    ['downloadTimeoutMin', update({ downloadTimeoutMin: 0 })],
    ['downloadTimeoutMin', update({ downloadTimeoutMin: 256 })],
    ['executeControl', { name: 'reboot', seq: 0, body: { pileCode: PILE, executeControl: 0 } }],
    ['loginResult', { name: 'loginReply', seq: 0, body: { pileCode: PILE, loginResult: 2 } }],
    ['heartbeatReply', { name: 'heartbeatReply', seq: 0, body: { pileCode: PILE, gunNo: '01', heartbeatReply: 1 } }],
    ['gunNo', { name: 'heartbeat', seq: 0, body: { pileCode: PILE, gunNo: '1', gunStatus: 0 } }],
    ['protocolVersion', logsIn({ protocolVersion: 25.6 })],
    ['protocolVersion', logsIn({ protocolVersion: -0.1 })],
    ['protocolVersion', logsIn({ protocolVersion: 1.55 })],
    ['protocolVersion', logsIn({ protocolVersion: Number.NaN })],
    ['programVersion', logsIn({ programVersion: 'V4.1.5001' })],
    ['sim', logsIn({ sim: '8986044804197011123' })],
    ['time', syncs(null)],
    ['time', syncs('2025-02-29T00:00:00.000')],
    ['time', syncs('2128-01-01T00:00:00.000')],
    ['time', syncs('1999-12-31T23:59:59.999')],
    ['time', syncs('2025-03-16T17:14:47')],
    ['time', syncs('2025-03-16T17:14:47.000Z')],
    ['type', opaque({ type: 256 })],
    ['type', opaque({ type: 0x94 })],
    ['body length', opaque({ bytes: Buffer.alloc(197) })],
  ])('%s is refused: %j', (field, fields) => {
    const build = () => encodeFrame(fields);
    expect(build).toThrow(GatewayError);
    expect(build).toThrow(expect.objectContaining({ code: 'invalid_field' }));
    expect(build).toThrow(expect.objectContaining({ details: expect.objectContaining({ field }) as object }));
  });

  test('fields may be full, the last byte included', () => {
    const body = {
      ...UPDATE,
      power: 0x1234,
      serverAddress: '192.168.100.2000',
      serverPort: 65_535,
      username: 'u'.repeat(16),
      password: 'p'.repeat(16),
      filePath: `${'f'.repeat(28)}.bin`,
      downloadTimeoutMin: 255,
    };
    const bytes = encodeFrame({ name: 'update', seq: 65_535, body });
    expect(bodyOf(bytes)).toEqual(body);
    expect(bytes.subarray(14, 16).toString('hex')).toBe('3412');
    expect(bytes.subarray(32, 34).toString('hex')).toBe('ffff');
  });

  test('every frame that can be built is read back as it was, and has the bytes of its type', () => {
    const bcd = (bytes: number) =>
      fc
        .uint8Array({ minLength: bytes, maxLength: bytes })
        .map((raw) => Buffer.from(raw).toString('hex').toUpperCase());
    const text = (min: number, max: number) =>
      fc.string({
        minLength: min,
        maxLength: max,
        unit: fc.integer({ min: 0x20, max: 0x7e }).map((code) => String.fromCharCode(code)),
      });
    const byte = fc.nat({ max: 255 });
    const pileCode = bcd(7);
    const control = fc.constantFrom(1, 2);
    const time = fc
      .date({ min: new Date('2000-01-01T00:00:00Z'), max: new Date('2127-12-31T23:59:59.999Z'), noInvalidDate: true })
      .map((date) => date.toISOString().slice(0, -1));
    const bodies: { [Name in PileFrameName]: fc.Arbitrary<PileBodies[Name]> } = {
      login: fc.record({
        pileCode,
        pileType: byte,
        gunCount: byte,
        protocolVersion: byte.map((tenths) => tenths / 10),
        programVersion: text(0, 8),
        networkType: byte,
        sim: bcd(10),
        operator: byte,
      }),
      loginReply: fc.record({ pileCode, loginResult: fc.constantFrom(0, 1) }),
      heartbeat: fc.record({ pileCode, gunNo: bcd(1), gunStatus: byte }),
      heartbeatReply: fc.record({ pileCode, gunNo: bcd(1), heartbeatReply: fc.constant(0) }),
      timeSync: fc.record({ pileCode, time }),
      timeSyncReply: fc.record({ pileCode, time }),
      reboot: fc.record({ pileCode, executeControl: control }),
      rebootReply: fc.record({ pileCode, setResult: byte }),
      update: fc.record({
        pileCode,
        pileModel: control,
        power: fc.integer({ min: 1, max: 65_535 }),
        serverAddress: text(1, 16),
        serverPort: fc.integer({ min: 1, max: 65_535 }),
        username: text(0, 16),
        password: text(0, 16),
        filePath: text(1, 32),
        executeControl: control,
        downloadTimeoutMin: fc.integer({ min: 1, max: 255 }),
      }),
      updateReply: fc.record({ pileCode, upgradeStatus: byte }),
    };
    for (const [name, body] of Object.entries(bodies) as [PileFrameName, fc.Arbitrary<PileBodies[PileFrameName]>][]) {
      fc.assert(
        fc.property(fc.nat({ max: 65_535 }), body, (seq, body) => {
          const bytes = encodeFrame({ name, seq, body } as PileFrameFields);
          const type = PILE_FRAME_TYPES[name];
          expect(decodeFrame(bytes)).toEqual({
            ok: true,
            frame: {
              name,
              seq,
              body,
              type,
              encrypted: false,
              length: bytes.length - 4,
              crc: bytes.subarray(-2).toString('hex').toUpperCase(),
            },
          });
        }),
      );
    }
  });
});

describe('the page for builders', () => {
  const page = readFileSync(new URL('../../docs/protocols/pile.md', import.meta.url), 'utf8');
  const examples = [...page.matchAll(/^(?:up|down)? *((?:68|13)[0-9A-F]{14,}) +(.*)$/gm)];

  test.each(examples.map(([, hex, says]) => [hex as string, says as string]))('%s is %s', (hex, says) => {
    const decoded = decodeInput('pile', { hex });
    if (says.startsWith('wrong')) expect(says).toContain(String(decoded.error));
    else expect(says).toContain(`${String(decoded.typeHex)} ${String(decoded.typeName)}`);
  });

  test('shows each type', () => {
    for (const [name, type] of Object.entries(PILE_FRAME_TYPES)) {
      const typeHex = type.toString(16).padStart(2, '0');
      expect(examples.map(([, , says]) => says)).toContainEqual(expect.stringContaining(`${typeHex} ${name}`));
    }
  });
});

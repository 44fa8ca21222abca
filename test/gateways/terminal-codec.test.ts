import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { GatewayError } from '../../gateways/errors.ts';
import {
  checkOtaCommand,
  DEFAULT_TERMINAL_PROFILE,
  decodeReport,
  decodeText,
  encodeCommand,
  encodeOtaCommand,
  encodeOtaError,
  encodeOtaOver,
  encodePacketRequest,
  encodeReport,
  encodeResponse,
  OTA_ERRORS,
  packetOf,
  pinfoVersion,
  TERMINAL_ERRORS,
  TerminalStream,
  terminalVersion,
  UPLINK_LINE_LIMIT,
  type TerminalFrame,
  type TerminalProfile,
  type TerminalText,
} from '../../gateways/terminal/codec.ts';
import { cutAt, lcg, mutated } from '../support/random-bytes.ts';

interface Vector {
  name: string;
  mode: string;
  hex?: string;
  text?: string;
  terminal?: { softwareVersion: string };
  decoded: Record<string, unknown> & { ok?: boolean };
}

const vectors = ['b1301', 'nbota'].flatMap(
  (name) => JSON.parse(readFileSync(new URL(`../vectors/${name}.json`, import.meta.url), 'utf8')) as Vector[],
);
const LISTED: TerminalProfile = { ...DEFAULT_TERMINAL_PROFILE, commandKeywords: ['B1301', 'BDG01'] };
const bytesOf = (vector: Vector) => Buffer.from(vector.hex ?? '', 'hex');
const text = (line: string) => Buffer.from(line, 'latin1');

/** Adds the right check code and line end. */
function line(body: string): Buffer {
  const xor = [...Buffer.from(body, 'latin1')].reduce((sum, byte) => sum ^ byte, 0);
  return text(`+${body},${xor.toString(16).toUpperCase().padStart(2, '0')}\r\n`);
}

function errorOf(bytes: Buffer, profile = LISTED): string | undefined {
  const decoded = decodeText(bytes, { profile });
  return decoded.ok ? undefined : decoded.error;
}

const report = (sn = '6134441313', sfwVal = 21) =>
  encodeReport({ sn, sfwVal, batLevel: 11, temperatureRaw: -148, acc: { x: 269, y: -355, z: 16659 } });
const request = (pcnt: number) => encodePacketRequest({ sn: '6134441313', ver: 10, pcnt, psize: 1024 });

describe('vectors', () => {
  test.each(vectors.filter((vector) => vector.mode === 'frame'))('report $name', (vector) => {
    const decoded = decodeReport(bytesOf(vector));
    if (!decoded.ok) {
      const { offset, hex, ...error } = decoded;
      expect(error).toEqual(vector.decoded);
      expect(offset).toBeLessThanOrEqual(bytesOf(vector).length);
      expect(hex).toMatch(/^[0-9A-F]*$/);
      return;
    }
    const { warnings, ...fields } = decoded.frame;
    expect({ ok: true, ...fields, ...(warnings.length > 0 && { warnings }) }).toEqual(vector.decoded);
    const profile = { ...DEFAULT_TERMINAL_PROFILE, endMark: decoded.frame.endMark };
    expect(encodeReport(decoded.frame, profile)).toEqual(bytesOf(vector));
  });

  test.each(vectors.filter((vector) => vector.mode === 'text'))('line $name', (vector) => {
    const softwareVersion = Number(vector.terminal?.softwareVersion ?? Number.NaN);
    const decoded = decodeText(text(vector.text as string), { profile: LISTED, terminal: { softwareVersion } });
    if (!decoded.ok) {
      const { offset: _offset, hex: _hex, ...error } = decoded;
      expect(error).toEqual(vector.decoded);
      return;
    }
    const { warnings, ...fields } = decoded.frame;
    expect({ ok: true, ...fields, ...(warnings.length > 0 && { warnings }) }).toEqual(vector.decoded);
    // Encoders write the first keyword, a colon, upper case: what came in that way comes out byte for byte.
    const again = reencode(decoded.frame);
    if (again && !/CPOTA|COTAP|NOTAB(?:OVER)?,|,4f/.test(vector.text as string)) {
      expect(again.toString('latin1')).toBe(vector.text);
    }
  });

  test('upgrade commands are rebuilt from their described file byte for byte', () => {
    const described = vectors.filter((vector) => vector.name.startsWith('cmd-') && 'firmware' in vector);
    for (const vector of described) {
      const { size, lastPacketBytes } = (vector as unknown as { firmware: { size: number; lastPacketBytes: number } })
        .firmware;
      const file = Buffer.from(Uint8Array.from({ length: size }, (_, i) => i * 7 + 3));
      const { pinfo, packetSize, packetCount } = vector.decoded as {
        pinfo: { raw: string };
        packetSize: number;
        packetCount: number;
      };
      expect(encodeOtaCommand({ pinfo: pinfo.raw, file, packetSize }).toString('latin1')).toBe(vector.text);
      expect(packetOf(file, packetSize, packetCount)).toHaveLength(lastPacketBytes);
    }
    expect(described).toHaveLength(4);
  });

  test.each(vectors.filter((vector) => vector.mode.endsWith('stream')))(
    'stream $name gives the same frames split at every byte and byte by byte',
    (vector) => {
      const bytes = bytesOf(vector);
      const whole = readAll([bytes]);
      expect(whole.dropped).toBe(vector.decoded.discardedBytes);
      for (let at = 0; at <= bytes.length; at += 1) {
        expect(readAll([bytes.subarray(0, at), bytes.subarray(at)])).toEqual(whole);
      }
      expect(readAll([...bytes].map((byte) => Buffer.of(byte)))).toEqual(whole);
    },
  );
});

describe('reports', () => {
  test('a wrong end is told from a wrong check and from a missing rest', () => {
    const good = report();
    const wrongEnd = Buffer.from(good);
    wrongEnd[20] = 0x7f;
    expect(decodeReport(wrongEnd)).toMatchObject({ error: 'bad_end', offset: 19 });
    expect(decodeReport(Buffer.concat([good, Buffer.of(0)]))).toMatchObject({ error: 'bad_end' });
    expect(decodeReport(Buffer.concat([good, good]))).toMatchObject({ error: 'bad_end' });
    for (let length = 1; length < good.length; length += 1) {
      expect(decodeReport(good.subarray(0, length))).toMatchObject({ error: 'truncated' });
    }
    const long = report('0860527055265319');
    for (let length = 1; length < long.length; length += 1) {
      expect(decodeReport(long.subarray(0, length))).toMatchObject({ error: 'truncated' });
    }
    expect(decodeReport(Buffer.alloc(0))).toMatchObject({ error: 'empty' });
    expect(decodeReport(Buffer.from('7E7E', 'hex'))).toMatchObject({ error: 'bad_start' });
  });

  test('a profile can carry the length of the main information', () => {
    const profile = { ...DEFAULT_TERMINAL_PROFILE, hasMainInfoLen: true };
    const bytes = encodeReport(
      { sn: '6134441313', sfwVal: 10, batLevel: 1, temperatureRaw: 2, acc: { x: 3, y: 4, z: 5 } },
      profile,
    );
    expect(bytes).toHaveLength(22);
    expect(decodeReport(bytes, profile)).toMatchObject({ ok: true, frame: { sn: '6134441313', batLevel: 1 } });
    const wrong = Buffer.from(bytes);
    wrong[9] = 8;
    wrong[19] = (wrong[19] as number) ^ 1;
    expect(decodeReport(wrong, profile)).toMatchObject({ error: 'bad_format' });
  });

  test('values that do not fit are refused when building', () => {
    const fields = { sn: '6134441313', sfwVal: 1, batLevel: 1, temperatureRaw: 1, acc: { x: 1, y: 1, z: 1 } };
    for (const wrong of [
      { sn: '613444131' },
      { sn: '61344413131313' },
      { sn: 'xx34441313' },
      { sfwVal: 256 },
      { batLevel: -1 },
      { temperatureRaw: 0x8000 },
      { acc: { x: 1.5, y: 0, z: 0 } },
      { protoRaw: '20' },
    ]) {
      expect(() => encodeReport({ ...fields, ...wrong })).toThrow(GatewayError);
    }
  });
});

describe('lines', () => {
  test.each([
    ['empty', ''],
    ['bad_start', '\r\n'],
    ['incomplete', '+'],
    ['incomplete', '+B1301,10,STOCK,00\r'],
    ['bad_terminator', '+B1301,10,STOCK,00\n'],
    ['bad_terminator', '+B1301,10,STOCK,00\r\r\n'],
    ['bad_terminator', '+B1301,10,STOCK,00\r\nx'],
    ['bad_format', '+\r\n'],
    ['bad_format', '+B1301\r\n'],
    ['bad_format', '+B1301,\r\n'],
    ['bad_format', '+B1301,10,STOCK,\r\n'],
    ['bad_format', '+B1301,10,STOCK,G0\r\n'],
    ['bad_format', '+B1301,10,STOCK,000\r\n'],
    ['bad_format', '+B1301;10;STOCK;00\r\n'],
    ['bad_format', '+NOTABOVER,62\r\n'],
    ['bad_format', '+B1301,10,ST\tCK,00\r\n'],
    ['bad_format', '+B1301,10,ST\u00e9CK,00\r\n'],
    ['unknown_keyword', '+HELLO,1,2,00\r\n'],
    ['unknown_keyword', '+b1301,10,STOCK,00\r\n'],
    ['unknown_keyword', '+B1301RSPX,10,STOCK,00\r\n'],
    ['unknown_keyword', '+B13010,10,STOCK,00\r\n'],
  ])('%s: %j', (error, input) => {
    expect(errorOf(Buffer.from(input, 'utf8'))).toBe(error);
  });

  test.each([
    ['bad_format', 'B1301,256,STOCK'],
    ['bad_format', 'B1301,-1,STOCK'],
    ['bad_format', 'B1301,1A,STOCK'],
    ['bad_format', 'B1301,,STOCK'],
    ['bad_format', 'B1301,10,'],
    ['bad_format', 'B1301RSP,,10,STOCK'],
    ['bad_format', 'B1301RSP,6134441313,10'],
    ['bad_format', 'B1301:10,STOCK'],
    ['para_out_of_range', 'B1301,10,SLPT'],
    ['para_out_of_range', 'B1301,10,SLPT,'],
    ['para_out_of_range', 'B1301,10,SLPT,44641'],
    ['para_out_of_range', 'B1301,10,SLPT,-60'],
    ['para_out_of_range', 'B1301,10,SLPT,60.5'],
    ['para_out_of_range', 'B1301,10,SLPT,600,1'],
    ['para_out_of_range', 'B1301,10,SLPT,99999999999999999999'],
    ['bad_format', 'ReqNOTAB:6134441313,11,1,1024,0,0'],
    ['bad_format', 'ReqNOTAB:6134441313,11,x,1024,0'],
    ['bad_format', 'ReqNOTAB:6134441313,11,-1,1024,0'],
    ['bad_format', 'ReqNOTAB:6134441313,11,1,0,0'],
    ['bad_format', 'ReqNOTAB:6134441313,11,1,65536,0'],
    ['bad_format', 'ReqNOTAB:6134441313,11,1,1024,4294967296'],
    ['bad_format', 'ReqNOTAB:6134441313,1.1,1,1024,0'],
    ['bad_format', 'ReqNOTAB:,11,1,1024,0'],
    ['bad_format', 'ReqNOTAB;6134441313,11,1,1024,0'],
    ['pcnt_out_of_range', 'ReqNOTAB:6134441313,11,65536,1024,0'],
    ['pcnt_out_of_range', 'ReqNOTAB:6134441313,11,000,1024,0'],
    ['pcnt_out_of_range', 'ReqNOTAB:6134441313,11,99999999999999,1024,0'],
    ['bad_format', 'NOTABERR:6134441313,OTHERERR,731'],
    ['bad_format', 'NOTABERR:6134441313,OTACMDERR'],
    ['bad_format', 'NOTABERR:6134441313,OTACMDERR,7A1'],
    ['bad_format', 'NOTABERR:6134441313,PATCHERR,-803'],
    ['bad_format', 'NOTABOVER:'],
    ['bad_format', 'NOTABOVER:6134441313,1'],
  ])('%s with a right check code: %s', (error, body) => {
    expect(errorOf(line(body))).toBe(error);
  });

  test('aliases, both separators, leading zeros and lower case are read', () => {
    for (const [body, expected] of [
      ['ReqCOTAP,AB12,010,0007,1024,6144', { keyword: 'ReqCOTAP', sn: 'AB12', ver: '010', pcnt: 7, warnings: [] }],
      ['COTAPERR:s,PATCHERR,805', { keyword: 'COTAPERR', known: true, meaning: 'packet receive timeout' }],
      ['COTAPERR,s,OTACMDERR,999', { known: false, errcode: 999 }],
      ['COTAPOVER:s', { keyword: 'COTAPOVER', sn: 's' }],
      ['B1301RSP,s,06,UPDLOC,1,,a b', { softwareVer: 6, cmd: 'UPDLOC', para: '1,,a b' }],
      ['B1301RSP,s,10,SLPT,59', { para: '59' }],
      ['B1301,10,CHKSLPT,', { para: '' }],
      ['B1301,10,SLPT,0600', { para: '0600' }],
    ] as const) {
      expect(decodeText(text(line(body).toString('latin1')), { profile: LISTED })).toMatchObject({
        ok: true,
        frame: expected,
      });
    }
    expect(errorOf(line('BDG01,10,STOCK'), DEFAULT_TERMINAL_PROFILE)).toBe('unknown_keyword');
    expect(errorOf(line('BDG01RSP,s,10,STOCK'), DEFAULT_TERMINAL_PROFILE)).toBe('unknown_keyword');
  });

  test('a wrong check code can be let through with a warning, for printed samples', () => {
    const printed = text('+B1301,10,SLPT,600,40\r\n');
    expect(decodeText(printed, { bccMode: 'warn' })).toMatchObject({
      ok: true,
      frame: { para: '600', bcc: '40', warnings: ['bcc_mismatch'] },
    });
    expect(decodeText(text('+ReqNOTAB:6134441313,11,45,1024,1,05\r\n'), { bccMode: 'warn' })).toMatchObject({
      frame: { warnings: ['bcc_mismatch', 'offset_mismatch'] },
    });
  });

  test('illegal lines are refused when building, with a reason', () => {
    expect(() => encodeCommand({ softwareVer: 10, cmd: 'SLPT', para: '59' })).toThrow(
      expect.objectContaining({ code: 'para_out_of_range' }),
    );
    expect(() => encodeCommand({ softwareVer: 10, cmd: 'SLPT' })).toThrow(GatewayError);
    for (const build of [
      () => encodeCommand({ softwareVer: 256, cmd: 'STOCK' }),
      () => encodeCommand({ softwareVer: 'x', cmd: 'STOCK' }),
      () => encodeCommand({ softwareVer: 10, cmd: 'A,B' }),
      () => encodeCommand({ softwareVer: 10, cmd: 'A', para: 'x\r\n+NBOTA' }),
      () => encodeResponse({ sn: '', softwareVer: 10, cmd: 'A' }),
      () => encodePacketRequest({ sn: 's', ver: 10, pcnt: 0, psize: 1024 }),
      () => encodePacketRequest({ sn: 's', ver: 10, pcnt: 1, psize: 0 }),
      () => encodeOtaError({ sn: 's', errorType: 'PATCHERR', errcode: -1 }),
      () => encodeOtaOver({ sn: '\n' }),
    ]) {
      expect(build).toThrow(expect.objectContaining({ code: 'invalid_field' }));
    }
  });

  test('versions are text of at least two digits', () => {
    expect([6, 10, 255].map(terminalVersion)).toEqual(['06', '10', '255']);
    expect(['1010d100', '0610D101', 'a010d100', '1010d1', '1010d1zz'].map(pinfoVersion)).toEqual([
      10,
      6,
      null,
      null,
      null,
    ]);
  });
});

describe('upgrade command', () => {
  const file = Buffer.alloc(11_000, 0x5a);
  const md5 = '4ED7A1CBD6AD61AEB4646EF9AB9DF670';
  const list = '00'.repeat(11);
  const body = (over: Partial<Record<'pinfo' | 'fsz' | 'pnumb' | 'psize' | 'list' | 'md5', string>> = {}) => {
    const fields = { pinfo: '1010d100', fsz: '11000', pnumb: '11', psize: '1024', list, md5, ...over };
    return `NBOTA,${fields.pinfo},${fields.fsz},${fields.pnumb},${fields.psize},${fields.list},${fields.md5}`;
  };

  test.each([
    ['a good one', body(), null],
    ['packet name of nine', body({ pinfo: '1010d1000' }), 739],
    ['packet name not hex', body({ pinfo: '10g0d100' }), 739],
    ['version not decimal', body({ pinfo: 'a010d100' }), 740],
    ['version not even hex', body({ pinfo: 'zz10d100' }), 740],
    ['size not a number', body({ fsz: '11k00' }), 745],
    ['size negative', body({ fsz: '-11000' }), 745],
    ['size beyond 32 bit', body({ fsz: '99999999999' }), 745],
    ['count not a number', body({ pnumb: 'x1' }), 749],
    ['count 0', body({ pnumb: '0' }), 749],
    ['packet size 0', body({ psize: '0' }), 749],
    ['packet size beyond 16 bit', body({ psize: '65536' }), 749],
    ['packet size not a number', body({ psize: '1k' }), 749],
    ['list too long', body({ list: `${list}00` }), 756],
    ['list not hex', body({ list: `${list.slice(2)}0x` }), 756],
    ['MD5 of 33', body({ md5: `${md5}0` }), 740],
    ['colon behind the keyword', body().replace('NBOTA,', 'NBOTA:'), 735],
    ['semicolons', body().replaceAll(',', ';'), 735],
    ['nine fields', `${body()},1`, 735],
    ['too short', 'NBOTA,1010d100', 731],
  ])('%s: the terminal answers as the order of checks says', (_name, content, expected) => {
    const bytes = line(content);
    expect(checkOtaCommand(bytes)).toBe(expected);
    expect(checkOtaCommand(bytes.toString('latin1').trimEnd())).toBe(expected);
    const decoded = decodeText(bytes);
    expect(decoded).toMatchObject(
      expected === null ? { ok: true } : { ok: false, error: 'ota_command_invalid', terminalResult: expected },
    );
  });

  test('the first failing check decides', () => {
    const softwareVersion = 10;
    const wrong = line(body({ fsz: '1', pnumb: '0', list: '', md5: md5.repeat(2) }));
    expect(checkOtaCommand(wrong, { softwareVersion })).toBe(740);
    expect(checkOtaCommand(wrong)).toBe(745);
    expect(checkOtaCommand(wrong.toString('latin1').replace(/..\r\n/, 'ZZ'))).toBe(738);
    expect(decodeText(line(body({ pnumb: 'x' })), { terminal: { softwareVersion } })).toMatchObject({
      error: 'ota_command_invalid',
      terminalResult: 740,
    });
  });

  test('lower case is read as upper case, except in the package name', () => {
    const decoded = decodeText(
      line(body({ pinfo: '1010D100', list: list.replace(/00/, 'ab'), md5: md5.toLowerCase() })),
    );
    expect(decoded).toMatchObject({
      ok: true,
      frame: { md5, pinfo: { raw: '1010D100', resourceModel: 'D1' }, terminalResult: null },
    });
    expect(decoded.ok && decoded.frame.type === 'otaCommand' && decoded.frame.packetBcc[0]).toBe('AB');
  });

  test('a server refuses to build what a terminal would refuse', () => {
    const cases: [Parameters<typeof encodeOtaCommand>[0], number][] = [
      [{ pinfo: '1010d100', file: Buffer.alloc(10_239) }, 745],
      [{ pinfo: '1010d100', file: Buffer.alloc(102_401) }, 745],
      [{ pinfo: '1010d10', file }, 739],
      [{ pinfo: 'a010d100', file }, 740],
      [{ pinfo: '1010d100', file, terminal: { softwareVersion: 10 } }, 740],
      [{ pinfo: '1010d100', file: Buffer.alloc(102_400), packetSize: 1 }, 749],
      [{ pinfo: '1010,100', file }, 735],
    ];
    for (const [offer, terminalResult] of cases) {
      expect(() => encodeOtaCommand(offer)).toThrow(
        expect.objectContaining({ code: 'ota_command_invalid', details: expect.objectContaining({ terminalResult }) }),
      );
    }
    expect(() => encodeOtaCommand({ pinfo: '1010d100', file, packetSize: 0 })).toThrow(GatewayError);
  });

  test('packets cover the file exactly', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5000 }), fc.integer({ min: 1, max: 1500 }), (size, packetSize) => {
        const content = Buffer.from(Uint8Array.from({ length: size }, (_, i) => i * 7 + 3));
        const parts: Buffer[] = [];
        for (let pcnt = 1; ; pcnt += 1) {
          const part = packetOf(content, packetSize, pcnt);
          if (part === null) break;
          parts.push(part);
        }
        expect(Buffer.concat(parts).equals(content)).toBe(true);
        expect(packetOf(content, packetSize, 0)).toBeNull();
      }),
      { numRuns: 200 },
    );
  });

  test('any legal offer is accepted by the terminal it is for and reads back', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 10_240, max: 102_400 }),
        fc.integer({ min: 2, max: 2048 }),
        fc.integer({ min: 0, max: 99 }),
        fc.integer({ min: 0, max: 255 }),
        (size, packetSize, version, seed) => {
          const pinfo = `${terminalVersion(version)}10d100`;
          const bytes = encodeOtaCommand({ pinfo, file: Buffer.alloc(size, seed), packetSize });
          expect(checkOtaCommand(bytes, { softwareVersion: version })).toBe(740);
          const decoded = decodeText(bytes, { terminal: { softwareVersion: 100 } });
          expect(decoded).toMatchObject({ ok: true, frame: { fileSize: size, packetSize, terminalResult: null } });
        },
      ),
      { numRuns: 100 },
    );
  });

  test('the error table has the codes of the document, each once', () => {
    expect(OTA_ERRORS.map(({ code }) => code)).toEqual([731, 735, 738, 739, 740, 745, 749, 756, 801, 803, 805]);
    expect(OTA_ERRORS.every(({ code, kind }) => (code < 800 ? 'OTACMDERR' : 'PATCHERR') === kind)).toBe(true);
  });
});

describe('stream', () => {
  test('holds nothing when nothing is unfinished', () => {
    const stream = new TerminalStream();
    expect(stream.push(request(1))).toHaveLength(1);
    expect(stream.push(Buffer.concat([report(), request(2), report()]))).toHaveLength(3);
    expect(stream.pendingBytes).toBe(0);
    expect(stream.expire()).toEqual([]);
    expect(stream.end()).toEqual([]);
    expect([stream.droppedBytes, stream.errors]).toEqual([0, []]);
  });

  test('a stray start mark does not hide the report behind it', () => {
    const stream = new TerminalStream();
    expect(stream.push(Buffer.of(0x13))).toEqual([]);
    expect(stream.push(report())).toMatchObject([{ type: 'report', sn: '6134441313' }]);
    expect(stream.droppedBytes).toBe(1);
    expect(stream.pendingBytes).toBe(0);
    expect(stream.errors).toMatchObject([{ offset: 0, bytes: 1, hex: '13' }]);
  });

  test('a stray start mark or plus does not hide a line behind it', () => {
    for (const stray of [Buffer.of(0x13), text('+'), text('+B1301RSP,613'), Buffer.from('1320010A6134', 'hex')]) {
      const stream = new TerminalStream();
      const frames = [...stream.push(stray), ...stream.push(encodeOtaOver({ sn: '6' })), ...stream.expire()];
      expect(frames).toMatchObject([{ type: 'otaOver', sn: '6' }]);
      expect(stream.droppedBytes).toBe(stray.length);
    }
  });

  test('an unfinished report expires byte by byte, so that what is inside it is found', () => {
    const stream = new TerminalStream();
    // A cut report whose SN holds start marks, then the beginning of a good one.
    const cut = report().subarray(0, 10);
    const good = report('1313131313');
    expect(stream.push(Buffer.concat([cut, good.subarray(0, 9)]))).toEqual([]);
    expect(stream.expire()).toEqual([]);
    expect(stream.pendingBytes).toBe(12); // up to the start mark inside the SN of the cut one
    expect(stream.push(good.subarray(9))).toMatchObject([{ sn: '1313131313' }]);
    expect(stream.droppedBytes).toBe(10);
    expect(stream.pendingBytes).toBe(0);
  });

  test('an unfinished line expires and leaves what follows', () => {
    const stream = new TerminalStream();
    stream.push(text('+NOTABOVER:61344'));
    expect(stream.pendingBytes).toBe(16);
    expect(stream.expire()).toEqual([]);
    expect([stream.pendingBytes, stream.droppedBytes]).toEqual([0, 16]);
    expect(stream.errors.map(({ error }) => error)).toEqual(['incomplete', 'bad_start']);
    expect(stream.push(request(3))).toHaveLength(1);
  });

  test('a report right behind an unfinished line is found at once', () => {
    const stream = new TerminalStream();
    stream.push(text('+NOTABOVER:61344'));
    expect(stream.push(report())).toMatchObject([{ type: 'report' }]);
    expect(stream.droppedBytes).toBe(16);
  });

  test('the length of the SN can be fixed', () => {
    const fixed = { ...DEFAULT_TERMINAL_PROFILE, snLengths: [6] };
    const stream = new TerminalStream({ profile: fixed });
    stream.push(report('6134441313'));
    stream.end();
    expect(stream.droppedBytes).toBe(21);
    expect(stream.push(report('863412345678'))).toHaveLength(1);
    stream.setProfile(DEFAULT_TERMINAL_PROFILE);
    expect(stream.push(report('0860527055265319'))).toHaveLength(1);
  });

  test('commands have no place in the up-link', () => {
    const stream = new TerminalStream();
    const command = encodeCommand({ softwareVer: 10, cmd: 'CHKSLPT' });
    expect(stream.push(command)).toEqual([]);
    expect(stream.droppedBytes).toBe(command.length);
    expect(stream.errors).toMatchObject([{ error: 'unknown_keyword' }]);
  });

  test('a line may have 1024 bytes and not one more', () => {
    const bodyOf = (length: number) => `B1301RSP,s,10,X,${'y'.repeat(length - '+B1301RSP,s,10,X,'.length - 5)}`;
    for (const [length, frames] of [
      [UPLINK_LINE_LIMIT, 1],
      [UPLINK_LINE_LIMIT + 1, 0],
    ] as const) {
      const bytes = line(bodyOf(length));
      expect(bytes).toHaveLength(length);
      for (const chunks of [[bytes], [...bytes].map((byte) => Buffer.of(byte))]) {
        const read = readAll(chunks);
        expect(read.frames).toHaveLength(frames);
        expect(read.dropped).toBe(frames === 1 ? 0 : length);
      }
    }
    const long = encodePacketRequest({ sn: '6'.repeat(1000), ver: 10, pcnt: 1, psize: 1024 });
    expect(new TerminalStream().push(long)).toHaveLength(long.length <= UPLINK_LINE_LIMIT ? 1 : 0);
  });

  test('a request of a transfer is the same frame whether it comes alone, split or with its bytes kept', () => {
    const lines = [
      request(1),
      request(2),
      line('ReqNOTAB:6134441313,10,5,1024,4000'),
      line('ReqCOTAP,s,06,3,512,1024'),
    ];
    const alone = new TerminalStream();
    for (const bytes of lines) {
      const [frame] = alone.push(bytes);
      expect(decodeText(bytes)).toEqual({ ok: true, frame });
      const split = new TerminalStream();
      expect([...split.push(bytes.subarray(0, 9)), ...split.push(bytes.subarray(9))]).toEqual([frame]);
      expect(new TerminalStream({ keepRaw: true }).push(bytes)).toEqual([{ ...frame, raw: bytes }]);
    }
  });

  test('frames and rubbish in any order and any cut give every frame, and every other byte is counted', () => {
    const good = fc.oneof(
      fc
        .record({ sn: fc.constantFrom('6134441313', '863412345678', '0860527055265319', '137E7E1313') })
        .map(({ sn }) => report(sn)),
      fc.integer({ min: 1, max: 65_535 }).map(request),
      fc.constant(encodeOtaOver({ sn: '6134441313' })),
      fc.constant(encodeOtaError({ sn: '6134441313', errorType: 'PATCHERR', errcode: 803 })),
      fc.constant(encodeResponse({ sn: '6134441313', softwareVer: 10, cmd: 'CHKSLPT', para: '600' })),
    );
    const rubbish = fc
      .uint8Array({ maxLength: 12 })
      .map((bytes) => Buffer.from(bytes.filter((byte) => byte !== 0x13 && byte !== 0x2b)));
    const cuts = fc.array(fc.nat({ max: 400 }), { maxLength: 6 });
    fc.assert(
      fc.property(fc.array(fc.tuple(rubbish, good), { maxLength: 6 }), rubbish, cuts, (parts, tail, places) => {
        const bytes = Buffer.concat([...parts.flat(), tail]);
        const read = readAll(cutAt(bytes, places), true);
        expect(read.frames.map(({ raw }) => raw?.toString('hex'))).toEqual(
          parts.map(([, frame]) => frame.toString('hex')),
        );
        expect(read.dropped).toBe(parts.reduce((sum, [before]) => sum + before.length, tail.length));
      }),
      { numRuns: 1000 },
    );
  });
});

describe('100 000 random and mutated inputs', () => {
  const seeds = [
    ...vectors.map((vector) => (vector.text === undefined ? bytesOf(vector) : text(vector.text))),
    Buffer.concat([report(), request(1), report('863412345678'), encodeOtaOver({ sn: '6134441313' })]),
  ].filter((seed) => seed.length > 0);
  const names = new Set<string>(TERMINAL_ERRORS);
  const random = lcg(20_260_101);
  const marks = [0x13, 0x2b, 0x2c, 0x0d, 0x0a, 0x7e, 0x30];

  test('decoders give a frame or a named error', () => {
    for (let round = 0; round < 60_000; round += 1) {
      const bytes = mutated(seeds, random, marks);
      for (const decoded of [decodeText(bytes, { profile: LISTED }), decodeReport(bytes)]) {
        if (!decoded.ok && !(names.has(decoded.error) && decoded.offset <= bytes.length && decoded.hex.length <= 64)) {
          expect.fail(`${JSON.stringify(decoded)} for ${bytes.toString('hex')}`);
        }
      }
    }
  });

  test('a stream takes exactly what a decoder takes, as the same frame', () => {
    const lines = Array.from({ length: 50 }, (_, index) => request(index * 97 + 1));
    for (let round = 0; round < 40_000; round += 1) {
      const bytes = mutated(round % 2 === 0 ? lines : seeds, random, marks);
      const decoded = bytes[0] === 0x13 ? decodeReport(bytes) : decodeText(bytes, { profile: LISTED });
      const stream = new TerminalStream({ profile: LISTED });
      const frames = stream.push(bytes);
      const isUplink = decoded.ok && decoded.frame.type !== 'command' && decoded.frame.type !== 'otaCommand';
      if (isUplink) expect(frames).toEqual([decoded.frame]);
      else if (frames.length > 0 && stream.droppedBytes === 0 && stream.pendingBytes === 0) {
        // more than one record: a single one would have been decoded
        expect(frames.length).toBeGreaterThan(1);
      }
    }
  });

  test('a stream stays bounded, accounts for every byte and still reads good frames', () => {
    const stream = new TerminalStream({ keepRaw: true });
    let received = 0;
    let taken = 0;
    const count = (frames: readonly TerminalFrame[]) => {
      for (const frame of frames) taken += frame.raw?.length ?? 0;
    };
    for (let round = 0; round < 40_000; round += 1) {
      const bytes = mutated(seeds, random, marks);
      received += bytes.length;
      count(stream.push(bytes));
      if (round % 7 === 0) count(stream.expire());
      if (stream.pendingBytes >= UPLINK_LINE_LIMIT || stream.errors.length > 8) expect.fail('not bounded');
      if (stream.droppedBytes + stream.pendingBytes + taken !== received) expect.fail(`lost bytes in round ${round}`);
    }
    expect(stream.errors.every(({ error, hex }) => names.has(error) && hex.length <= 64)).toBe(true);
    count(stream.end());
    expect(stream.pendingBytes).toBe(0);
    expect(stream.droppedBytes + taken).toBe(received);
    expect(stream.push(request(9))).toMatchObject([{ pcnt: 9 }]);
  });
});

function readAll(chunks: readonly Buffer[], keepRaw = false) {
  const stream = new TerminalStream({ keepRaw });
  const frames = chunks.flatMap((chunk) => stream.push(chunk));
  frames.push(...stream.end());
  return { frames, dropped: stream.droppedBytes };
}

function reencode(frame: TerminalText): Buffer | undefined {
  switch (frame.type) {
    case 'command':
      return encodeCommand(frame);
    case 'response':
      return encodeResponse({ ...frame, keyword: frame.keyword.slice(0, -3) });
    case 'packetRequest':
      return encodePacketRequest(frame);
    case 'otaError':
      return encodeOtaError(frame);
    case 'otaOver':
      return encodeOtaOver(frame);
    case 'otaCommand':
    default:
      return undefined; // needs the file: see the test of described files
  }
}

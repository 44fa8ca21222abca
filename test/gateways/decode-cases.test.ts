/** Cases that the protocol text decides and no vector shows, through the decoder as people use it. */
import { expect, test } from 'vitest';
import { decodeInput } from '../../gateways/decode.ts';

const hexByte = (value: number) => value.toString(16).toUpperCase().padStart(2, '0');
const xor = (bytes: Iterable<number>) => [...bytes].reduce((sum, byte) => sum ^ byte, 0);
/** A text line with its check code and line end. */
const line = (body: string, end = '\r\n') => `+${body},${hexByte(xor(Buffer.from(body, 'latin1')))}${end}`;
/** A report as hex with its check code and end mark. */
const frame = (body: string, end = '7E7E') => body + hexByte(xor(Buffer.from(body, 'hex'))) + end;
const hexOf = (text: string) => Buffer.from(text, 'latin1').toString('hex').toUpperCase();
const wrong = (error: string, more: object = {}) => ({ ok: false, error, ...more });

const SN5 = '6134441313';
const SN6 = '863412345678';
const SN8 = '0860527055265319';
/** Start, protocol 2.0.01, version 21; then battery 11, temperature -148, acceleration. */
const HEAD = '13200115';
const MAIN = '0BFF6C010DFE9D4113';
const report = (sn: string, end?: string) => frame(HEAD + sn + MAIN, end);
const fields = (sn: string, more: object = {}) => ({
  protoRaw: '2001',
  protoVersion: 'V2.0.01',
  sfwVal: 21,
  softwareVersion: '2.1',
  sn,
  batLevel: 11,
  temperatureRaw: -148,
  temperatureC: 24.421875,
  acc: { x: 269, y: -355, z: 16659 },
  bcc: expect.stringMatching(/^[0-9A-F]{2}$/) as string,
  endMark: '7E7E',
  ...more,
});
const read = (sn: string, more: object = {}) => ({ ok: true, type: 'report', ...fields(sn, more) });

test.each<[name: string, hex: string, expected: object, context?: object]>([
  ...[SN5, SN6, SN8].flatMap((sn) =>
    (['7E7E', '36703670', '0D0A'] as const).map((endMark): [string, string, object] => [
      `SN of ${sn.length / 2} bytes, end ${endMark}`,
      report(sn, endMark),
      read(sn, { endMark }),
    ]),
  ),
  ['lower-case hex', report(SN5).toLowerCase(), read(SN5)],
  ['protocol all ones', frame(`13FFFF15${SN5}${MAIN}`), read(SN5, { protoRaw: 'FFFF', protoVersion: 'V15.15.255' })],
  ['protocol zero', frame(`13000015${SN5}${MAIN}`), read(SN5, { protoRaw: '0000', protoVersion: 'V0.0.00' })],
  ['protocol 1.2.100', frame(`13126415${SN5}${MAIN}`), read(SN5, { protoRaw: '1264', protoVersion: 'V1.2.100' })],
  ['software 9', frame(`13200109${SN5}${MAIN}`), read(SN5, { sfwVal: 9, softwareVersion: '0.9' })],
  ['software 100', frame(`13200164${SN5}${MAIN}`), read(SN5, { sfwVal: 100, softwareVersion: '10.0' })],
  [
    'battery 255',
    frame(`${HEAD}${SN5}FFFF6C010DFE9D4113`),
    read(SN5, { batLevel: 255, warnings: ['batLevel_out_of_range'] }),
  ],
  [
    'hottest',
    frame(`${HEAD}${SN5}0B7FFF010DFE9D4113`),
    read(SN5, { temperatureRaw: 32_767, temperatureC: 152.99609375 }),
  ],
  [
    'coldest step below zero',
    frame(`${HEAD}${SN5}0BFFFF010DFE9D4113`),
    read(SN5, { temperatureRaw: -1, temperatureC: 24.99609375 }),
  ],
  ['acceleration -1', frame(`${HEAD}${SN5}0BFF6CFFFFFFFFFFFF`), read(SN5, { acc: { x: -1, y: -1, z: -1 } })],
  ...[SN5, SN6, SN8].flatMap((sn) => {
    const whole = report(sn);
    return [
      1,
      3,
      4,
      4 + sn.length / 2,
      5 + sn.length / 2,
      7 + sn.length / 2,
      13 + sn.length / 2,
      15 + sn.length / 2,
    ].map((bytes): [string, string, object] => [
      `cut after ${bytes} of ${whole.length / 2} bytes`,
      whole.slice(0, bytes * 2),
      wrong('truncated'),
    ]);
  }),
  ['nothing', '', wrong('empty')],
  ['a wrong end', report(SN5, '7E7D'), wrong('bad_end')],
  ['a wrong end, SN of 6', report(SN6, '0000'), wrong('bad_end')],
  ['a wrong end, SN of 8', report(SN8, '7E0A'), wrong('bad_end')],
  ['a byte too many', `${report(SN5)}00`, wrong('bad_end')],
  ['two reports as one', report(SN5) + report(SN6), wrong('bad_end')],
  ['a text line', hexOf(line('NOTABOVER:6')), wrong('bad_start')],
  ['only an end mark', '7E7E', wrong('bad_start')],
  [
    'a wrong check, SN of 6',
    `${HEAD}${SN6}${MAIN}007E7E`,
    wrong('bcc_mismatch', { expectedBcc: report(SN6).slice(-6, -4), receivedBcc: '00' }),
  ],
  [
    'a wrong check, SN of 8 and literal end',
    `${HEAD}${SN8}${MAIN}0036703670`,
    wrong('bcc_mismatch', { expectedBcc: report(SN8).slice(-6, -4), receivedBcc: '00' }),
  ],
  [
    'a wrong check with 0D0A',
    `${HEAD}${SN5}${MAIN}000D0A`,
    wrong('bcc_mismatch', { expectedBcc: '93', receivedBcc: '00' }),
  ],
  ['MainInfoLen', frame(`${HEAD}${SN5}09${MAIN}`), read(SN5), { profile: { hasMainInfoLen: true } }],
  [
    'MainInfoLen, SN of 8',
    frame(`${HEAD}${SN8}09${MAIN}`, '0D0A'),
    read(SN8, { endMark: '0D0A' }),
    { terminal: { hasMainInfoLen: true } },
  ],
  ['MainInfoLen at the top', frame(`${HEAD}${SN5}09${MAIN}`), read(SN5), { hasMainInfoLen: true }],
  [
    'MainInfoLen with another value',
    frame(`${HEAD}${SN5}08${MAIN}`),
    wrong('bad_format'),
    { profile: { hasMainInfoLen: true, snLength: 5 } },
  ],
  ['an SN of 7 bytes', report('61344413137788'), read('61344413137788'), { terminal: { sn: '61344413137788' } }],
  ['an SN of 7 bytes by length', report('61344413137788'), read('61344413137788'), { profile: { snLength: 7 } }],
  ['start mark 68', frame(`68200115${SN5}${MAIN}`), read(SN5), { profile: { startMark: '68' } }],
])('report: %s', (_name, hex, expected, context = {}) => {
  expect(decodeInput('terminal', { mode: 'frame', direction: 'device->server', hex, ...context })).toEqual(expected);
});

const command = (keyword: string, softwareVer: number, cmd: string, para: string | null) => ({
  ok: true,
  type: 'command',
  keyword,
  softwareVer,
  cmd,
  para,
  bcc: expect.any(String) as string,
});
const answer = (keyword: string, sn: string, softwareVer: number, cmd: string, para: string | null) => ({
  ...command(keyword, softwareVer, cmd, para),
  type: 'response',
  sn,
});

test.each<[text: string, expected: object, context?: object]>([
  // commands
  [line('B1301,255,STOCK'), command('B1301', 255, 'STOCK', null)],
  [line('B1301,007,STOCK'), command('B1301', 7, 'STOCK', null)],
  [line('B1301,0,STOCK'), command('B1301', 0, 'STOCK', null)],
  [line('B1301,256,STOCK'), wrong('bad_format')],
  [line('B1301,1.0,STOCK'), wrong('bad_format')],
  [line('B1301,,STOCK'), wrong('bad_format')],
  [line('B1301,-1,STOCK'), wrong('bad_format')],
  [line('B1301,10,'), wrong('bad_format')],
  [line('B1301'), wrong('bad_format')],
  [line('B1301,10,UPDLOC,1,2,,3'), command('B1301', 10, 'UPDLOC', '1,2,,3')],
  [line('B1301,10,STOCK,'), command('B1301', 10, 'STOCK', '')],
  [line('B1301,10,SLPT,0060'), command('B1301', 10, 'SLPT', '0060')],
  ...['44641', '0', '59', '', '-60', '60.5', '600,1', '99999999999999999999', '0x60', ' 60'].map(
    (para): [string, object] => [line(`B1301,10,SLPT,${para}`), wrong('para_out_of_range')],
  ),
  [line('B1301,10,SLPT'), wrong('para_out_of_range')],
  [line('BDG01,10,CHKSLPT'), command('BDG01', 10, 'CHKSLPT', null)],
  [line('BDG01,10,CHKSLPT'), wrong('unknown_keyword'), { profile: { keywords: ['B1301'] } }],
  // answers
  ...['02', '03', '05', '59', '44641', 'x,y'].map((para): [string, object] => [
    line(`B1301RSP,${SN5},10,SLPT,${para}`),
    answer('B1301RSP', SN5, 10, 'SLPT', para),
  ]),
  [line(`B1301RSP,${SN8},06,CHKSLPT,1440`), answer('B1301RSP', SN8, 6, 'CHKSLPT', '1440')],
  [line('B1301RSP,,10,STOCK'), wrong('bad_format')],
  [line(`B1301RSP,${SN5},10`), wrong('bad_format')],
  [line(`B1301RSP,${SN5},300,STOCK`), wrong('bad_format')],
  // keywords, check codes, ends
  [line('b1301,10,STOCK'), wrong('unknown_keyword')],
  [line('B1302,10,STOCK'), wrong('unknown_keyword')],
  [line('B1301RESP,6,10,STOCK'), wrong('unknown_keyword')],
  [line('reqNOTAB:6,10,1,1024,0'), wrong('unknown_keyword')],
  ['+B1302,10,STOCK,FF\r\n', wrong('unknown_keyword')],
  ['+B1301,10,STOCK,000\r\n', wrong('bad_format')],
  ['+B1301,10,STOCK,G0\r\n', wrong('bad_format')],
  ['+B1301,10,STOCK,\r\n', wrong('bad_format')],
  ['+B1301,10,STOCK,ff\r\n', wrong('bcc_mismatch', { expectedBcc: '00', receivedBcc: 'FF' })],
  ['+\r\n', wrong('bad_format')],
  ['', wrong('empty')],
  ['\r\n', wrong('bad_start')],
  [` ${line('B1301,10,STOCK')}`, wrong('bad_start')],
  ['+', wrong('incomplete')],
  [line('B1301,10,STOCK', '\r'), wrong('incomplete')],
  [line('B1301,10,STOCK', '\n'), wrong('bad_terminator')],
  [line('B1301,10,STOCK', '\n\r'), wrong('bad_terminator')],
  [line('B1301,10,STOCK', '\r\r\n'), wrong('bad_terminator')],
  [line('B1301,10,STOCK', '\r\n\r\n'), wrong('bad_terminator')],
  [line('B1301,10,STOCK') + line('B1301,10,STOCK'), wrong('bad_terminator')],
  [line('B1301,10,ST\u0007CK'), wrong('bad_format')],
  [
    '+B1301,10,SLPT,600,40\r\n',
    { ...command('B1301', 10, 'SLPT', '600'), bcc: '40', warnings: ['bcc_mismatch'] },
    { bccMode: 'warn' },
  ],
])('line %j is read as the text says', (text, expected, context = {}) => {
  expect(decodeInput('terminal', { mode: 'text', text, ...context })).toEqual(expected);
});

const request = (keyword: string, ver: string, pcnt: number, psize: number, offset: number, more: object = {}) => ({
  ok: true,
  type: 'packetRequest',
  keyword,
  sn: SN5,
  ver,
  pcnt,
  psize,
  offset,
  bcc: expect.any(String) as string,
  ...more,
});
const second = line(`ReqNOTAB:${SN5},10,2,1024,1024`);
const secondRead = request('ReqNOTAB', '10', 2, 1024, 1024);

test.each<[text: string, expected: object, context?: object]>([
  [line(`ReqCOTAP:${SN5},10,1,1024,0`), request('ReqCOTAP', '10', 1, 1024, 0)],
  [line(`ReqCOTAP,${SN5},10,1,1024,0`), request('ReqCOTAP', '10', 1, 1024, 0)],
  [line(`ReqNOTAB:${SN5},06,0002,512,0512`), request('ReqNOTAB', '06', 2, 512, 512)],
  [line(`ReqNOTAB:${SN5},10,65535,1,65534`), request('ReqNOTAB', '10', 65_535, 1, 65_534)],
  [
    line(`ReqNOTAB:${SN5},10,1,1024,4294967295`),
    request('ReqNOTAB', '10', 1, 1024, 4_294_967_295, { warnings: ['offset_mismatch'] }),
  ],
  ...['0', '00', '65536', '99999999999'].map((pcnt): [string, object] => [
    line(`ReqNOTAB:${SN5},10,${pcnt},1024,0`),
    wrong('pcnt_out_of_range'),
  ]),
  ...[
    `${SN5},10,x,1024,0`,
    `${SN5},10,-1,1024,0`,
    `${SN5},10,,1024,0`,
    `${SN5},10,1,0,0`,
    `${SN5},10,1,65536,0`,
    `${SN5},10,1,1024,4294967296`,
    `${SN5},10,1,1024,`,
    `${SN5},1.0,1,1024,0`,
    `${SN5},256,1,1024,0`,
    ',10,1,1024,0',
    `${SN5},10,1,1024`,
    `${SN5},10,1,1024,0,0`,
  ].map((body): [string, object] => [line(`ReqNOTAB:${body}`), wrong('bad_format')]),
  ['+ReqNOTAB:6134441313,10,1,1024,0\r\n', wrong('bad_format')],
  ['+ReqNOTAB 6134441313,10,1,1024,0,2D\r\n', wrong('bad_format')],
  [line(`ReqNOTAB:${SN5},10,2,1024,1024`, ''), wrong('incomplete')],
  // what the session knows, under any name
  ...[
    { session: { packetCount: 1 } },
    { session: { packet_count: 1 } },
    { session: { pnumb: '1' } },
    { session: { packets: 1, sn: SN5 } },
    { session: { totalPackets: 1 } },
    { session: { fsz: 1024, psize: 1024 } },
    { upgrade: { packetCount: 1 } },
    { firmware: { generator: 'i', size: 1024 }, packetSize: 1024 },
    { packetCount: 1 },
  ].map((context): [string, object, object] => [second, wrong('pcnt_out_of_range'), context]),
  [second, secondRead, { session: { packetCount: 2 } }],
  [second, secondRead, { session: {} }],
  [second, secondRead, { firmware: { generator: 'i', size: 1025 } }],
  [second, wrong('no_session'), { session: null }],
  [second, wrong('no_session'), { session: { sn: SN6, packetCount: 9 } }],
  // errors and over
  ...(
    [
      ['OTACMDERR', 731, 'command string too short'],
      ['OTACMDERR', 735, 'format: fields must be separated by commas'],
      ['OTACMDERR', 739, 'package name length wrong'],
      ['OTACMDERR', 749, 'file size and packet count do not fit'],
      ['PATCHERR', 805, 'packet receive timeout'],
    ] as const
  ).flatMap(([errorType, errcode, meaning]) =>
    ['NOTABERR', 'COTAPERR'].map((keyword): [string, object] => [
      line(`${keyword}:${SN5},${errorType},${errcode}`),
      {
        ok: true,
        type: 'otaError',
        keyword,
        sn: SN5,
        errorType,
        errcode,
        known: true,
        meaning,
        bcc: expect.any(String),
      },
    ]),
  ),
  [
    line(`COTAPERR,${SN5},PATCHERR,0`),
    {
      ok: true,
      type: 'otaError',
      keyword: 'COTAPERR',
      sn: SN5,
      errorType: 'PATCHERR',
      errcode: 0,
      known: false,
      bcc: expect.any(String),
    },
  ],
  [line(`NOTABERR:${SN5},OTHERERR,731`), wrong('bad_format')],
  [line(`NOTABERR:${SN5},OTACMDERR,x`), wrong('bad_format')],
  [line(`NOTABERR:${SN5},OTACMDERR`), wrong('bad_format')],
  [line(`NOTABERR:${SN5},731`), wrong('bad_format')],
  [line(`COTAPOVER,${SN8}`), { ok: true, type: 'otaOver', keyword: 'COTAPOVER', sn: SN8, bcc: '6F' }],
  [line(`COTAPOVER:${SN5}`), { ok: true, type: 'otaOver', keyword: 'COTAPOVER', sn: SN5, bcc: expect.any(String) }],
  [line('NOTABOVER:'), wrong('bad_format')],
  [line(`NOTABOVER:${SN5},1`), wrong('bad_format')],
  ['+NOTABOVER:6134441313\r\n', wrong('bad_format')],
])('upgrade line %j is read as the text says', (text, expected, context = {}) => {
  expect(decodeInput('terminal', { mode: 'text', direction: 'device->server', text, ...context })).toEqual(expected);
});

const MD5 = '4ED7A1CBD6AD61AEB4646EF9AB9DF670';
const offer = (over: Partial<Record<'key' | 'pinfo' | 'fsz' | 'pnumb' | 'psize' | 'list' | 'md5', string>> = {}) => {
  const { key = 'NBOTA', pinfo = '1010d100', fsz = '11000', pnumb = '11', psize = '1024' } = over;
  return line([key, pinfo, fsz, pnumb, psize, over.list ?? `${'00'.repeat(10)}20`, over.md5 ?? MD5].join(','));
};
const refused = (terminalResult: number) => wrong('ota_command_invalid', { terminalResult });
const readable = (terminalResult: number | null, more: object = {}) =>
  expect.objectContaining({ ok: true, type: 'otaCommand', terminalResult, ...more }) as object;
const running = { terminal: { softwareVersion: '10' } };

test.each<[name: string, text: string, expected: object, context?: object]>([
  ['good', offer(), readable(null)],
  ['the largest file', offer({ fsz: '102400', pnumb: '10', psize: '10240', list: '00'.repeat(10) }), readable(null)],
  ['the shortest command', offer({ fsz: '10240', pnumb: '1', psize: '10240', list: '00' }), readable(null)],
  ['packets as large as can be', offer({ pnumb: '1', psize: '65535', list: '00' }), readable(null)],
  [
    'leading zeros',
    offer({ fsz: '011000', pnumb: '011', psize: '01024' }),
    readable(null, { fileSize: 11_000, packetCount: 11, packetSize: 1024 }),
  ],
  ['lower-case lists', offer({ list: 'ab'.repeat(11), md5: MD5.toLowerCase() }), readable(null, { md5: MD5 })],
  [
    'the case of pinfo is kept',
    offer({ pinfo: '1010D1aB' }),
    readable(null, {
      pinfo: { raw: '1010D1aB', softwareVersion: '10', hardwareVersion: '10', resourceModel: 'D1', edition: 'aB' },
    }),
  ],
  ['another version than the running one', offer({ pinfo: '1110d100' }), readable(null), running],
  ['the running version', offer(), readable(740), running],
  ['the running version as a number', offer(), readable(740), { terminal: { sfwVal: 10 } }],
  ['the running version of a device', offer(), readable(740), { device: { softwareVersion: '1.0' } }],
  [
    'a leading zero in the running version',
    offer({ pinfo: '0910d100' }),
    readable(740),
    { terminal: { softwareVersion: '09' } },
  ],
  // one at a time
  ['731: nothing but the keyword', line('NBOTA'), refused(731)],
  ['731 before the check code', '+NBOTA,1010d100,35912,00\r\n', refused(731)],
  ['731 under the alias', line('CPOTA,1010d100'), refused(731)],
  ['735: nine fields', offer({ pinfo: '1010,d100' }), refused(735)],
  ['735: seven fields', offer({ md5: `${MD5}${MD5}` }).replace(',1024', ''), refused(735)],
  ['735 for other separators', offer().replaceAll(',', ';'), refused(735)],
  ['735 before the check code', offer({ pinfo: '1010,d100' }).replace(/..\r\n$/, '00\r\n'), refused(735)],
  [
    '738',
    offer().replace(/..\r\n$/, 'FF\r\n'),
    wrong('bcc_mismatch', { expectedBcc: '40', receivedBcc: 'FF', terminalResult: 738 }),
  ],
  [
    '738 before 739',
    offer({ pinfo: '1' }).replace(/..\r\n$/, 'FF\r\n'),
    expect.objectContaining({ error: 'bcc_mismatch', terminalResult: 738 }) as object,
  ],
  ['739: nine characters', offer({ pinfo: '1010d1000' }), refused(739)],
  ['739: none', offer({ pinfo: '', list: '00'.repeat(11) }), refused(739)],
  ['740: the version is no decimal', offer({ pinfo: 'a010d100' }), refused(740)],
  ['740: MD5 of 33 characters', offer({ md5: `${MD5}0` }), refused(740)],
  ['740: no MD5', offer({ md5: '', fsz: '102400', pnumb: '100', list: '00'.repeat(100) }), refused(740)],
  ['745: one byte too few', offer({ fsz: '10239', pnumb: '10', list: '00'.repeat(10) }), readable(745)],
  ['745: one byte too many', offer({ fsz: '102401', pnumb: '101', list: '00'.repeat(101) }), readable(745)],
  ['745: nothing', offer({ fsz: '0', pnumb: '0', list: '', md5: `${MD5}${MD5}` }), readable(745)],
  ['745: no number', offer({ fsz: '11k' }), refused(745)],
  ['745: more than 32 bits', offer({ fsz: '4294978296' }), refused(745)],
  ['749: one packet too many', offer({ pnumb: '12' }), refused(749)],
  ['749: no packets', offer({ pnumb: '0' }), refused(749)],
  ['749: packets of nothing', offer({ psize: '0' }), refused(749)],
  ['749: the number of packets is no number', offer({ pnumb: 'x1' }), refused(749)],
  ['749: more than 16 bits', offer({ pnumb: '65547' }), refused(749)],
  ['756: one entry too many', offer({ list: '00'.repeat(12) }), refused(756)],
  ['756: half an entry', offer({ list: `${'00'.repeat(10)}2` }), refused(756)],
  ['756: no hex', offer({ list: `${'00'.repeat(10)}2G` }), refused(756)],
  ['756: no list', offer({ list: '', md5: `${MD5}${MD5}` }), refused(756)],
  // the order of the checks
  ['739 before the version', offer({ pinfo: '1010d10', fsz: '1' }), refused(739), running],
  ['740 (version) before 745', offer({ fsz: '10239' }), readable(740), running],
  ['740 (version) before 749', offer({ pnumb: '12' }), readable(740), running],
  ['740 (no decimal) before 745', offer({ pinfo: 'xx10d100', fsz: '1' }), refused(740)],
  ['745 before 749', offer({ fsz: '10239', pnumb: '99' }), readable(745)],
  ['749 before 756', offer({ pnumb: '10', list: '00' }), refused(749)],
  ['756 before 740 (MD5)', offer({ list: '00'.repeat(10), md5: MD5.slice(1) }), refused(756)],
  ['no line end', offer().slice(0, -2), wrong('incomplete')],
  ['a wrong line end', offer().replace('\r\n', '\n'), wrong('bad_terminator')],
  ['no plus', offer().slice(1), wrong('bad_start')],
  ['a lower-case keyword', offer({ key: 'nbota' }), wrong('unknown_keyword')],
  [
    'the printed sample, let through',
    offer().replace(/..\r\n$/, '2B\r\n'),
    readable(738, { bcc: '2B', warnings: ['bcc_mismatch'] }),
    { bccMode: 'warn' },
  ],
])('upgrade command: %s', (_name, text, expected, context = {}) => {
  expect(decodeInput('terminal', { mode: 'text', direction: 'server->device', text, ...context })).toEqual(expected);
});

const over = line(`NOTABOVER:${SN5}`);
const rsp = line(`B1301RSP,${SN5},10,CHKSLPT,600`);

test.each<[mode: string, hex: string, expected: object, context?: object]>([
  [
    'stream',
    report(SN5) + report(SN6, '0D0A') + report(SN8, '36703670'),
    {
      frames: [fields(SN5), fields(SN6, { endMark: '0D0A' }), fields(SN8, { endMark: '36703670' })],
      discardedBytes: 0,
    },
  ],
  ['stream', `13${report(SN5)}`, { frames: [fields(SN5)], discardedBytes: 1 }],
  ['stream', `131313${report(SN8)}1313`, { frames: [fields(SN8)], discardedBytes: 5 }],
  ['stream', report(SN5).slice(0, 20) + report(SN5), { frames: [fields(SN5)], discardedBytes: 10 }],
  ['stream', report(SN5) + report(SN6).slice(0, 30), { frames: [fields(SN5)], discardedBytes: 15 }],
  ['stream', `${report(SN5)}7E7E${report(SN5)}`, { frames: [fields(SN5), fields(SN5)], discardedBytes: 2 }],
  ['stream', report(SN5, '7E7D') + report(SN6), { frames: [fields(SN6)], discardedBytes: 21 }],
  [
    'stream',
    frame(`${HEAD}${SN5}65FF6C010DFE9D4113`),
    { frames: [fields(SN5, { batLevel: 101, warnings: ['batLevel_out_of_range'] })], discardedBytes: 0 },
  ],
  ['stream', '', { frames: [], discardedBytes: 0 }],
  ['stream', 'FFFFFF', { frames: [], discardedBytes: 3 }],
  ['stream', report(SN6), { frames: [], discardedBytes: 22 }, { terminal: { sn: SN5 } }],
  [
    'stream',
    frame(`${HEAD}${SN5}09${MAIN}`) + frame(`${HEAD}${SN8}09${MAIN}`),
    { frames: [fields(SN5), fields(SN8)], discardedBytes: 0 },
    { profile: { hasMainInfoLen: true } },
  ],
  ['text-stream', hexOf(over + second + over), { lines: [over, second, over], discardedBytes: 0 }],
  ['text-stream', hexOf(`${over}+NOTABOVER:61`), { lines: [over], discardedBytes: 13 }],
  ['text-stream', hexOf(`+NOTABOVER:61${over}`), { lines: [over], discardedBytes: 13 }],
  ['text-stream', hexOf(`${line('XYZ:1')}${over}`), { lines: [over], discardedBytes: line('XYZ:1').length }],
  ['text-stream', hexOf(`\r\n${over}\r\n`), { lines: [over], discardedBytes: 4 }],
  ['text-stream', hexOf(`${over.replace('\r\n', '\n')}${over}`), { lines: [over], discardedBytes: 25 }],
  [
    'text-stream',
    hexOf(line('COTAPOVER,6') + line('COTAPERR:6,PATCHERR,803')),
    { lines: [line('COTAPOVER,6'), line('COTAPERR:6,PATCHERR,803')], discardedBytes: 0 },
  ],
  [
    'text-stream',
    hexOf(line('B1301,10,CHKSLPT') + offer() + line('BDG01,10,STOCK')),
    { lines: [line('B1301,10,CHKSLPT'), offer(), line('BDG01,10,STOCK')], discardedBytes: 0 },
    { direction: 'server->device' },
  ],
  [
    'text-stream',
    hexOf(`${offer()}\u0000\u00ff+raw${line('B1301,10,STOCK')}+B13`),
    { lines: [offer(), line('B1301,10,STOCK')], discardedBytes: 10 },
    { direction: 'server->device' },
  ],
  [
    'mixed-stream',
    report(SN5) + hexOf(rsp) + report(SN8, '0D0A') + hexOf(over),
    {
      items: [
        { kind: 'report', hex: report(SN5) },
        { kind: 'text', text: rsp },
        { kind: 'report', hex: report(SN8, '0D0A') },
        { kind: 'text', text: over },
      ],
      discardedBytes: 0,
    },
  ],
  [
    'mixed-stream',
    `00${hexOf('+B1301RSP,61')}${report(SN5)}2B13${hexOf(rsp)}`,
    {
      items: [
        { kind: 'report', hex: report(SN5) },
        { kind: 'text', text: rsp },
      ],
      discardedBytes: 15,
    },
  ],
])('%s %s', (mode, hex, expected, context = {}) => {
  expect(decodeInput('terminal', { mode, direction: 'device->server', hex, ...context })).toEqual({
    mode,
    ...expected,
  });
});

test.each<[size: number, packetSize: number | undefined, pcnt: number, expected: object]>([
  [10_240, 512, 20, { offset: 9728, bytes: 512 }],
  [10_240, undefined, 10, { offset: 9216, bytes: 1024 }],
  [35_912, 500, 72, { offset: 35_500, bytes: 412 }],
  [102_400, 65_535, 2, { offset: 65_535, bytes: 36_865 }],
  [11_000, 1, 11_000, { offset: 10_999, bytes: 1, first8Hex: 'C4', last8Hex: 'C4', bcc: 'C4' }],
  [10_243, 1024, 11, { offset: 10_240, bytes: 3, first8Hex: '030A11', last8Hex: '030A11', bcc: '18' }],
  [10_240, 1024, 11, { ok: false, error: 'pcnt_out_of_range' }],
  [10_240, 1024, 0, { ok: false, error: 'pcnt_out_of_range' }],
])('packet of %i bytes by %s: %i', (size, packetSize, pcnt, expected) => {
  const firmware = { generator: 'byte[i] = (i*7+3) mod 256', size };
  expect(decodeInput('terminal', { mode: 'packet', firmware, packetSize, pcnt })).toMatchObject(expected);
});

import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { decodeInput, decodeLine } from '../../gateways/decode.ts';
import { parseGenerator } from '../../gateways/described-file.ts';

type Vector = { name: string; decoded: unknown };
const read = (name: string) =>
  JSON.parse(readFileSync(new URL(`../vectors/${name}.json`, import.meta.url), 'utf8')) as Vector[];
const terminal = [...read('b1301'), ...read('nbota')];
const ams = read('ams-version');
const pile = read('pile');

test.each(terminal)('terminal vector $name', ({ decoded, ...input }) => {
  expect(decodeInput('terminal', input)).toEqual(decoded);
});

test.each(ams)('ams vector $name', ({ decoded, ...input }) => {
  expect(decodeInput('ams', input)).toEqual(decoded);
});

test.each(pile)('pile vector $name', ({ decoded, ...input }) => {
  const { errorAnyOf, ...expected } = decoded as { errorAnyOf?: string[] };
  const error = errorAnyOf && { error: expect.toBeOneOf(errorAnyOf) as string };
  expect(decodeInput('pile', input)).toEqual({ ...expected, ...error });
});

describe('context', () => {
  const request = { mode: 'text', text: '+ReqNOTAB:6134441313,11,45,1024,45056,1E\r\n' };

  test.each([
    [{ packetCount: 36 }, { ok: false, error: 'pcnt_out_of_range' }],
    [
      { pnumb: 44, sn: '6134441313' },
      { ok: false, error: 'pcnt_out_of_range' },
    ],
    [{ fileSize: 35_912 }, { ok: false, error: 'pcnt_out_of_range' }],
    [
      { fileSize: 35_912, packetSize: 512 },
      { ok: true, pcnt: 45 },
    ],
    [{ packetCount: 45 }, { ok: true, pcnt: 45 }],
    [
      { sn: '6134441314', packetCount: 100 },
      { ok: false, error: 'no_session' },
    ],
    [null, { ok: false, error: 'no_session' }],
  ])('with the session %j', (session, expected) => {
    expect(decodeInput('terminal', { ...request, session })).toMatchObject(expected);
  });

  test('the terminal decides about its own version and the length of its SN', () => {
    const command = terminal.find(({ name }) => name === 'cmd-software-version-equal-to-terminal') as object;
    const results = ['10', '1.0', 10, '1010d100', '11', null].map((softwareVersion) => {
      return decodeInput('terminal', { ...command, terminal: { softwareVersion } }).terminalResult;
    });
    expect(results).toEqual([740, 740, 740, 740, null, null]);
    const report = { hex: '132001158634123456780BFF6C010DFE9D4113387E7E' };
    expect(decodeInput('terminal', { ...report, terminal: { sn: '863412345678' } })).toMatchObject({ ok: true });
    expect(decodeInput('terminal', { ...report, terminal: { sn: '6134441313' } })).toMatchObject({ ok: false });
  });
});

test('streams of both directions and what does not belong in them', () => {
  const line = '+NOTABOVER:6134441313,62\r\n';
  const command = '+B1301,10,CHKSLPT,1B\r\n';
  const report = '1320011561344413130BFF6C010DFE9D4113937E7E';
  const hex = (text: string) => Buffer.from(text, 'latin1').toString('hex');
  expect(decodeInput('terminal', { mode: 'text-stream', hex: report + hex(line) + hex('+NOTA') })).toEqual({
    mode: 'text-stream',
    lines: [line],
    discardedBytes: 21 + 5,
  });
  expect(decodeInput('terminal', { mode: 'stream', hex: report + hex(line) })).toMatchObject({
    frames: [{ sn: '6134441313' }],
    discardedBytes: line.length,
  });
  expect(
    decodeInput('terminal', { mode: 'text-stream', direction: 'server->device', text: `xx${command}+B1301,1,00\r\n` }),
  ).toEqual({ mode: 'text-stream', lines: [command], discardedBytes: 15 });
  expect(decodeInput('terminal', { mode: 'mixed-stream', hex: '' })).toEqual({
    mode: 'mixed-stream',
    items: [],
    discardedBytes: 0,
  });
});

test('generators are read as formulas', () => {
  const bytes = (text: string) => [0, 1, 2, 100, 300].map(parseGenerator(text));
  expect(bytes('byte[i] = (i*7+3) mod 256')).toEqual([3, 10, 17, 191, 55]);
  expect(bytes('i')).toEqual([0, 1, 2, 100, 44]);
  expect(bytes('0xFF')).toEqual([255, 255, 255, 255, 255]);
  expect(bytes('byte[i] = (i xor (i >> 8)) & 0xff')).toEqual([0, 1, 2, 100, 45]);
  expect(bytes('255 - i % 10 / 3')).toEqual([255, 255, 255, 255, 255]);
  expect(bytes('(i * i) ^ 1')).toEqual([1, 0, 5, 17, 145]);
  expect(() => parseGenerator('i *')).toThrow('unexpected end');
  expect(() => parseGenerator('(i')).toThrow('not closed');
  expect(() => parseGenerator('sin(i)')).toThrow('unexpected sin');
  expect(() => parseGenerator('i i')).toThrow('unexpected i');
});

test('an input that cannot be used says why, whatever it is', () => {
  for (const line of [
    '',
    '{',
    '[]',
    'null',
    '{}',
    '{"hex":"1"}',
    '{"hex":"zz"}',
    '{"mode":"other","hex":"13"}',
    '{"direction":"up","hex":"13"}',
    '{"mode":"packet"}',
    '{"mode":"packet","firmware":{"size":1e9,"generator":"i"},"pcnt":1}',
    '{"mode":"packet","firmware":{"size":10,"generator":"?"},"pcnt":1}',
    '{"mode":"packet","firmware":{"size":10,"generator":"i"},"pcnt":-1}',
    '{"mode":"packet","firmware":{"size":10,"generator":"i"},"pcnt":1,"packetSize":0}',
    '{"text":"+ReqNOTAB:6134441313,11,45,1024,45056,1E\\r\\n","session":5}',
  ]) {
    expect(decodeLine('terminal', line)).toEqual({ ok: false, error: 'bad_input', message: expect.any(String) });
  }
  expect(decodeLine('ams', '{"text":5}')).toMatchObject({ error: 'bad_input' });
});

describe('command line', () => {
  const run = async (args: readonly string[], input = '') => {
    const program = fileURLToPath(new URL('../../gateways/decode.ts', import.meta.url));
    const child = spawn(process.execPath, ['--import', 'tsx', program, ...args]);
    let [out, err] = ['', ''];
    child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
    child.stdin.end(input);
    const status = await new Promise((resolve) => child.on('close', resolve));
    return { out, err, status };
  };

  test('one line in, one line out, bad ones included', async () => {
    const inputs = terminal.map(({ decoded: _decoded, ...input }) => JSON.stringify(input));
    const { out, status } = await run(['terminal'], [...inputs, '', 'x', '{"text":"\u2028"}'].join('\n'));
    const lines = out.trimEnd().split('\n');
    expect(lines.slice(0, -2).map((line) => JSON.parse(line) as unknown)).toEqual(
      terminal.map(({ decoded }) => decoded),
    );
    expect(lines.slice(-2).map((line) => (JSON.parse(line) as { error: string }).error)).toEqual([
      'bad_input',
      'bad_start',
    ]);
    expect(status).toBe(0);
  });

  test('frames of piles, one line in and one line out', async () => {
    const exact = pile.filter(({ decoded }) => !('errorAnyOf' in (decoded as object)));
    const inputs = exact.map(({ decoded: _decoded, ...input }) => JSON.stringify(input));
    const [{ out, status }, single] = await Promise.all([
      run(['pile'], inputs.join('\n')),
      run(['pile', '--hex', '680C0011 00923201 02000000 0101C1A9', '--direction', 'platform->pile', '--details']),
    ]);
    const lines = out.trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual(exact.map(({ decoded }) => decoded));
    expect(status).toBe(0);
    expect(JSON.parse(single.out)).toEqual({
      ok: false,
      error: 'crc_mismatch',
      expectedCrc: 'D2E7',
      receivedCrc: 'C1A9',
      offset: 14,
      hex: 'C1A9',
    });
  });

  test('a single frame on the command line, and help', async () => {
    const [text, hex, help, wrong] = await Promise.all([
      run(['terminal', '--text', String.raw`+B1301,10,CHKSLPT,1A\r\n`, '--details']),
      run(['terminal', '--hex', '13 02 01']),
      run(['--help']),
      run(['other']),
    ]);
    expect(JSON.parse(text.out)).toMatchObject({
      error: 'bcc_mismatch',
      expectedBcc: '1B',
      offset: 0,
      hex: expect.stringMatching(/^2B42/) as string,
    });
    expect(JSON.parse(hex.out)).toEqual({ ok: false, error: 'truncated' });
    expect(help.out).toContain('Examples:');
    expect(wrong).toMatchObject({ status: 1, err: expect.stringContaining('terminal or ams') as string });
  });
});

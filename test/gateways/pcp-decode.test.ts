/** The decoder for people, for PCP: the vectors in process and through the command line, and what no vector shows. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { decodeInput, decodeLine } from '../../gateways/decode.ts';

interface Vector {
  name: string;
  decoded: { reason?: string; reasonAnyOf?: string[] };
}
const vectors = JSON.parse(readFileSync(new URL('../vectors/pcp.json', import.meta.url), 'utf8')) as Vector[];

/** What a decoder must say, where a vector leaves the choice. */
function expectedOf({ decoded }: Vector): object {
  const { reasonAnyOf, ...expected } = decoded;
  return reasonAnyOf ? { ...expected, reason: expect.toBeOneOf(reasonAnyOf) as string } : expected;
}

test.each(vectors)('vector $name', ({ decoded, ...input }) => {
  expect(decodeInput('pcp', input)).toEqual(expectedOf({ decoded, ...input }));
});

describe('without a direction', () => {
  const kindOf = (hex: string) => {
    const { kind, data, dataError, warnings } = decodeInput('pcp', { hex });
    return { kind, ...(data === null && { dataError }), ...(warnings !== undefined && { warnings }) };
  };

  test('most messages fit one side only', () => {
    expect(kindOf('FFFE01134C9A0000')).toEqual({ kind: 'request' });
    expect(kindOf('FFFE01138DE300110056302E39000000000000000000000000')).toEqual({ kind: 'response' });
    expect(kindOf('FFFE01143AE6001656312E3000000000000000000000000001F400010000')).toEqual({ kind: 'request' });
    expect(kindOf('FFFE0114D768000100')).toEqual({ kind: 'response' });
    expect(kindOf('FFFE0115626B0003800000')).toEqual({ kind: 'response' });
    expect(kindOf('FFFE0118C7D200110056312E30000000000000000000000000')).toEqual({ kind: 'request' });
    expect(kindOf('FFFE0118AFA1000100')).toEqual({ kind: 'response' });
  });

  test('what fits both or none is read as that of the device, and says so', () => {
    const warnings = ['direction_assumed'];
    expect(kindOf('FFFE0116850E000100')).toEqual({ kind: 'request', warnings });
    expect(kindOf('FFFE01181A8200020000')).toEqual({ kind: 'request', dataError: 'bad_data_layout', warnings });
    expect(decodeInput('pcp', { hex: 'FFFE' })).toEqual({ isPcp: false, reason: 'too_short' });
  });

  test('the names of the other protocols for a direction are understood', () => {
    const hex = 'FFFE0116850E000100';
    const kinds = ['device->platform', 'device->server', 'platform->device', 'server->device', 'either'].map(
      (direction) => decodeInput('pcp', { hex, direction }).kind,
    );
    expect(kinds).toEqual(['request', 'request', 'response', 'response', 'request']);
  });
});

describe('text', () => {
  test('a line of a modem stands for its payload, in either case', () => {
    const expected = decodeInput('pcp', { hex: 'FFFE01134C9A0000' });
    expect(expected).toMatchObject({ isPcp: true, codeName: 'QUERY_VERSION' });
    for (const text of ['+NNMI:8,FFFE01134c9a0000', '+NNMI:8,fffe01134c9a0000\r\n', 'AT+NMGS=8,FFFE01134C9A0000']) {
      expect(decodeInput('pcp', { text })).toEqual(expected);
    }
    expect(decodeInput('pcp', { hex: 'fffe 0113 4c9a 0000' })).toEqual(expected);
  });

  test('any other text is the payload itself', () => {
    expect(decodeInput('pcp', { text: '+B1301RSP,6134441313,10,STOCK,01\r\n' })).toEqual({
      isPcp: false,
      reason: 'magic',
    });
  });

  test.each([
    '{"text":"+NNMI:7,FFFE01134c9a0000"}',
    '{"text":"+NNMI:8,FFFE01134c9a000"}',
    '{"hex":"FFF"}',
    '{"hex":"FFFE","mode":"frame"}',
    '{"hex":"FFFE","direction":"pile->platform"}',
    '{"text":5}',
    '{}',
    '[]',
    '',
  ])('an input that cannot be used says why: %s', (line) => {
    expect(decodeLine('pcp', line)).toEqual({ ok: false, error: 'bad_input', message: expect.any(String) as string });
  });
});

test('details: where, which bytes, what would be right, what a result means', () => {
  const details = (hex: string, more: object = {}) => decodeInput('pcp', { hex, ...more }, { details: true });
  expect(details('FFFE011300000000')).toEqual({
    isPcp: false,
    reason: 'crc',
    offset: 4,
    hex: '00000000',
    expectedCrc: '4C9A',
  });
  expect(details('FFFE02')).toEqual({ isPcp: false, reason: 'too_short', offset: 3, hex: '' });
  expect(details('FFFE01181A8200020000')).toMatchObject({ dataError: 'bad_data_layout', offset: 8, hex: '0000' });
  expect(details('FFFE011497EC000104')).toMatchObject({
    data: { resultCode: 4 },
    result: { isKnown: true, retry: 'later', words: 'the battery of the device is low' },
  });
  expect(details('FFFE01134C9A0000')).not.toHaveProperty('result');
  expect(details('0102FFFE011497EC000104FFFE', { mode: 'stream' })).toEqual({
    mode: 'stream',
    frames: ['FFFE011497EC000104'],
    discardedBytes: 2,
    remainderHex: 'FFFE',
    decoded: [details('FFFE011497EC000104')],
    dropped: [{ error: 'magic', offset: 0, hex: '0102', bytes: 2 }],
  });
});

test('every frame that the page for device builders shows is one, of the side it says', () => {
  const page = readFileSync(new URL('../../docs/protocols/pcp.md', import.meta.url), 'utf8');
  const shown = [...page.matchAll(/^(?:(up|down) +)?(FFFE[0-9A-F]+)$/gm)];
  expect(shown.length).toBeGreaterThan(20);
  for (const [, side, hex] of shown) {
    const direction = side && (side === 'up' ? 'device->platform' : 'platform->device');
    expect(decodeInput('pcp', { hex, direction }), hex).toMatchObject({
      isPcp: true,
      data: expect.any(Object) as object,
    });
  }
});

describe('command line', () => {
  const run = async (args: readonly string[], input = '') => {
    const program = fileURLToPath(new URL('../../gateways/decode.ts', import.meta.url));
    const child = spawn(process.execPath, ['--import', 'tsx', program, 'pcp', ...args]);
    let out = '';
    child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
    child.stdin.end(input);
    const status = await new Promise((resolve) => child.on('close', resolve));
    return {
      status,
      lines: out
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as unknown),
    };
  };

  test('every vector, one line in and one line out', async () => {
    const inputs = vectors.map(({ decoded: _decoded, ...input }) => JSON.stringify(input));
    const { lines, status } = await run([], `${inputs.join('\n')}\nx\n`);
    expect(lines).toEqual([...vectors.map(expectedOf), expect.objectContaining({ error: 'bad_input' })]);
    expect(status).toBe(0);
  });

  test('a single payload, with who sent it, and a line of a modem', async () => {
    const [hex, stream, text] = await Promise.all([
      run(['--hex', 'FFFE0116850E000100', '--direction', 'platform->device', '--mode', 'datagram']),
      run(['--hex', 'FFFE0116850E000100', '--mode', 'stream']),
      run(['--text', String.raw`+NNMI:8,FFFE01134c9a0000\r\n`]),
    ]);
    expect(hex.lines).toMatchObject([
      { codeName: 'REPORT_DOWNLOAD_RESULT', kind: 'response', data: { resultCode: 0 } },
    ]);
    expect(stream.lines).toMatchObject([{ frames: ['FFFE0116850E000100'] }]);
    expect(text.lines).toMatchObject([{ codeName: 'QUERY_VERSION', kind: 'request' }]);
  });
});

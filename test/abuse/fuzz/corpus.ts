/**
 * The kept inputs of each parser, one file each: a line is an input, as a JSON text when it is plain UTF-8, else as hex
 * digits. Small and readable, so that a change of them can be read.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Most bytes that are kept of one parser. */
const FILE_BYTES = 18_000;

function pathOf(parser: string): string {
  return fileURLToPath(new URL(`../corpus/${parser}.txt`, import.meta.url));
}

/** The kept inputs of a parser. */
export function readCorpus(parser: string): Buffer[] {
  const path = pathOf(parser);
  if (!existsSync(path)) return [];
  const lines = readFileSync(path, 'utf8').split('\n');
  return lines.filter((line) => line !== '' && !line.startsWith('#')).map(readInput);
}

/** Keeps inputs, the first ones first as long as there is room; returns how many. */
export function writeCorpus(parser: string, what: string, inputs: readonly Buffer[]): number {
  const lines: string[] = [];
  let bytes = 0;
  for (const input of inputs) {
    const line = writeInput(input);
    if (bytes + line.length > FILE_BYTES) continue;
    bytes += line.length + 1;
    lines.push(line);
  }
  lines.sort((a, b) => a.length - b.length || (a < b ? -1 : 1));
  writeFileSync(pathOf(parser), [`# ${what}`, ...lines, ''].join('\n'));
  return lines.length;
}

/** An input as a line. */
export function writeInput(input: Buffer): string {
  const text = input.toString('utf8');
  const isPlain =
    Buffer.from(text, 'utf8').equals(input) &&
    // oxlint-disable-next-line no-control-regex -- they are what is looked for
    !/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u2028\u2029]/.test(text);
  return isPlain ? JSON.stringify(text) : input.toString('hex');
}

/** The input in a line. */
export function readInput(line: string): Buffer {
  return line.startsWith('"') ? Buffer.from(JSON.parse(line) as string, 'utf8') : Buffer.from(line, 'hex');
}

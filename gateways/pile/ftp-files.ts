/**
 * The little tree a pile sees: one folder with one file. Pure.
 */
import type { FtpPath } from './ftp-credentials.ts';

/** What a path leads to. */
export type FtpNode = 'root' | 'folder' | 'file';

/**
 * The same for every file and in every process, so that a pile that compares it before it goes on is not put off; it
 * says nothing.
 */
export const MODIFIED = '20000101000000';
const LISTED_DATE = 'Jan 01  2000';
const DEPTHS: readonly FtpNode[] = ['root', 'folder', 'file'];

/** A path from a folder, as names from the root on; never leaves the root. */
export function resolvePath(from: readonly string[], path: string): string[] {
  const isAbsolute = /^[/\\]/.test(path);
  const names = isAbsolute ? [] : [...from];
  for (const name of path.split(/[/\\]/)) {
    if (name === '..') names.pop();
    else if (name !== '' && name !== '.') names.push(name);
  }
  return names;
}

/** What names from the root on lead to; null: nothing that can be seen. */
export function nodeAt({ folder, name }: FtpPath, names: readonly string[]): FtpNode | null {
  const there = [folder, name];
  return names.every((each, depth) => each === there[depth]) ? (DEPTHS[names.length] ?? null) : null;
}

/** The listing of a node: long, or names only as a client could ask for them. */
export function listing(path: FtpPath, node: FtpNode, sizeBytes: number, isLong: boolean): string {
  const name = node === 'root' ? path.folder : path.name;
  if (!isLong) return `${name}\r\n`;
  const size = String(node === 'root' ? 0 : sizeBytes).padStart(10);
  return `${node === 'root' ? 'd' : '-'}r--r--r--   1 slipway  slipway  ${size} ${LISTED_DATE} ${name}\r\n`;
}

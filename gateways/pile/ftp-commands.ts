/**
 * What each FTP command does (RFC 959, 2428, 3659), apart from logging in and transfers, which are in `ftp-session.ts`
 * and `ftp-transfers.ts`. A command answers with a code and a text.
 */
import { listing, MODIFIED, nodeAt, resolvePath, type FtpNode } from './ftp-files.ts';
import type { FtpPath } from './ftp-credentials.ts';
import type { OpenOffer } from '../devices.ts';

/** An answer: code and text; several lines in a list. */
export type FtpReply = readonly [code: number, text: string | readonly string[]];

/** What a client that is logged in is working on. */
export interface FtpDesk {
  offer: OpenOffer;
  path: FtpPath;
  /** Where it is, as names from the root on. */
  folder: readonly string[];
  /** Where the next file begins. */
  restAt: number;
}

export const NOT_FOUND: FtpReply = [550, 'There is no such file or folder.'];
export const SYNTAX: FtpReply = [501, 'The parameter is missing or wrong.'];
export const UNKNOWN: FtpReply = [500, 'This command is not known here.'];
const FEATURES = ['Features:', ' EPSV', ' MDTM', ' PASV', ' REST STREAM', ' SIZE', ' UTF8', 'End'];

/** Commands of which it does not matter who gives them. */
export const OPEN_COMMANDS: Readonly<Record<string, (argument: string) => FtpReply>> = {
  NOOP: () => [200, 'OK.'],
  SYST: () => [215, 'UNIX Type: L8'],
  FEAT: () => [211, FEATURES],
  HELP: () => [214, 'Log in, PASV or EPSV, then RETR with the path you were given. REST goes on anywhere in the file.'],
  OPTS: (argument) => (/^utf-?8(?:\s+on)?$/i.test(argument) ? [200, 'UTF8 is on.'] : [501, 'No such option.']),
  AUTH: () => [502, 'There is no encryption here.'],
  PBSZ: () => [502, 'There is no encryption here.'],
  PROT: () => [502, 'There is no encryption here.'],
};

const READ_ONLY: FtpReply = [550, 'Nothing can be written, changed or removed here.'];
const NOT_ACTIVE: FtpReply = [502, 'The server opens no connections to clients; use PASV or EPSV.'];
const writing = ['STOR', 'STOU', 'APPE', 'DELE', 'RMD', 'XRMD', 'MKD', 'XMKD', 'RNFR', 'RNTO', 'SITE', 'MFMT', 'SMNT'];

/** Commands of clients that are logged in. */
export const DESK_COMMANDS: Readonly<Record<string, (argument: string, desk: FtpDesk) => FtpReply>> = {
  ...Object.fromEntries(writing.map((verb) => [verb, () => READ_ONLY])),
  PORT: () => NOT_ACTIVE,
  EPRT: () => NOT_ACTIVE,
  LPRT: () => NOT_ACTIVE,
  ALLO: () => [202, 'Not needed here.'],
  ACCT: () => [202, 'Not needed here.'],
  TYPE: (argument) =>
    /^(?:[AI](?:\s*N)?|L\s*8)$/i.test(argument) ? [200, 'Files are sent byte by byte.'] : [504, 'Only types A and I.'],
  MODE: (argument) => (/^s$/i.test(argument) ? [200, 'Mode S.'] : [504, 'Only mode S.']),
  STRU: (argument) => (/^f$/i.test(argument) ? [200, 'Structure F.'] : [504, 'Only structure F.']),
  PWD: where,
  XPWD: where,
  CWD: changeFolder,
  XCWD: changeFolder,
  CDUP: (_, desk) => changeFolder('..', desk),
  XCUP: (_, desk) => changeFolder('..', desk),
  SIZE: (argument, desk) => (findNode(argument, desk) === 'file' ? [213, String(desk.offer.sizeBytes)] : NOT_FOUND),
  MDTM: (argument, desk) => (findNode(argument, desk) === 'file' ? [213, MODIFIED] : NOT_FOUND),
  STAT: () => [211, 'OK.'],
  REST: rest,
};

/** What a path that a client gave leads to. */
export function findNode(path: string, { path: there, folder }: FtpDesk): FtpNode | null {
  return nodeAt(there, resolvePath(folder, path));
}

/** The listing a client asks for; null: there is nothing of that name. Options as of `ls` are passed over. */
export function list(argument: string, desk: FtpDesk, isLong: boolean): string | null {
  const path = argument.replace(/^(?:-\S*\s*)+/, '');
  const node = findNode(path, desk);
  return node === null ? null : listing(desk.path, node, desk.offer.sizeBytes, isLong);
}

function where(_: string, { folder }: FtpDesk): FtpReply {
  return [257, `"/${folder.join('/')}" is where you are.`];
}

function changeFolder(argument: string, desk: FtpDesk): FtpReply {
  const node = findNode(argument, desk);
  if (node === null || node === 'file') return NOT_FOUND;
  desk.folder = resolvePath(desk.folder, argument);
  return [250, `This is /${desk.folder.join('/')}.`];
}

function rest(argument: string, desk: FtpDesk): FtpReply {
  if (!/^\d{1,15}$/.test(argument)) return SYNTAX;
  if (Number(argument) > desk.offer.sizeBytes) return [554, `The file has ${desk.offer.sizeBytes} bytes.`];
  desk.restAt = Number(argument);
  return [350, `The next file begins at byte ${desk.restAt}.`];
}

/**
 * May this file be uploaded? Every rule is asked and every refusal told at once, because each upload costs a person
 * time. Pure: the file is read and hashed already.
 */
import type { FieldError } from './problems.ts';
import type { UploadedFile } from './uploads.ts';
import type { Protocol } from '../db/schema.ts';
import { splitVersions, type Component } from '../workflows/rules/versions.ts';

/** A 2G terminal takes files of this size only (PROTOCOLS 3.4, code 745). */
const TERMINAL_MIN_BYTES = 10_240;
export const TERMINAL_MAX_BYTES = 102_400;
/** The packet size of the 2G protocol. */
const TERMINAL_PACKET_BYTES = 1_024;

const UPLOAD_FIELDS = [
  'protocol',
  'component',
  'targetVersion',
  'compatibleVersion',
  'currentVersions',
  'md5',
  'model',
  'pinfo',
  'remark',
  'overrideReason',
] as const;
type UploadField = (typeof UPLOAD_FIELDS)[number];

const MAX_LENGTHS: Record<UploadField, number> = {
  protocol: 20,
  component: 20,
  targetVersion: 100,
  compatibleVersion: 100,
  currentVersions: 10_000,
  md5: 100,
  model: 100,
  pinfo: 40,
  remark: 1_000,
  overrideReason: 500,
};

/** What is stored of an accepted file, beside its bytes. */
export interface AcceptedFirmware {
  protocol: Protocol;
  component: Component;
  targetVersion: string;
  compatibleVersion: string;
  currentVersions: string[];
  model: string | null;
  fileName: string;
  sizeBytes: number;
  md5: string;
  sha256: string;
  pinfo: string;
  packetSize: number;
  remark: string;
  overrideReason: string | null;
}

export interface UploadForm {
  fields: ReadonlyMap<string, string>;
  file: UploadedFile | null;
  extraFiles: number;
  /** The uploader may say that a file name without the version is right. */
  mayOverride: boolean;
}

/** Judges an upload for the protocol `terminal`. */
export function judgeUpload(form: UploadForm): { accepted: AcceptedFirmware } | { refusals: FieldError[] } {
  const refusals: FieldError[] = [];
  const refuse: Refuse = (field, code, message) => void refusals.push({ path: `body.${field}`, code, message });
  const fields = readFields(form.fields, refuse);
  const file = readFileField(form, refuse);

  const targetVersion = fields('targetVersion');
  if (targetVersion === '') refuse('targetVersion', 'missing', 'write the version the device runs after the upgrade');
  const compatibleVersion = fields('compatibleVersion');
  if (compatibleVersion === '')
    refuse('compatibleVersion', 'missing', 'write the version a device must have reported to take this file');
  const currentVersions = readCurrentVersions(fields('currentVersions'), targetVersion, refuse);
  checkMd5(fields('md5'), file, refuse);
  const overrideReason = checkFileName(file, targetVersion, fields('overrideReason'), form.mayOverride, refuse);
  checkTerminal(fields('component'), targetVersion, file, refuse);
  const pinfo = readPinfo(fields('pinfo'), file?.name ?? '', targetVersion, refuse);
  if (refusals.length > 0 || file === null || pinfo === null) return { refusals };
  return {
    accepted: {
      protocol: 'terminal',
      component: 'T1',
      targetVersion,
      compatibleVersion,
      currentVersions,
      model: fields('model') === '' ? null : fields('model'),
      fileName: file.name,
      sizeBytes: file.sizeBytes,
      md5: file.md5,
      sha256: file.sha256,
      pinfo,
      packetSize: TERMINAL_PACKET_BYTES,
      remark: fields('remark'),
      overrideReason,
    },
  };
}

type Refuse = (field: string, code: string, message: string) => void;

/** Fields by name, trimmed; absent ones are empty. */
function readFields(given: ReadonlyMap<string, string>, refuse: Refuse): (field: UploadField) => string {
  for (const [name, value] of given) {
    const most = Object.hasOwn(MAX_LENGTHS, name) ? MAX_LENGTHS[name as UploadField] : undefined;
    if (most === undefined)
      refuse(name.slice(0, 50), 'unknown_field', `there is no such field; known are file, ${UPLOAD_FIELDS.join(', ')}`);
    else if (value.length > most) refuse(name, 'too_long', `it is longer than ${most} characters; shorten it`);
    if (value.includes('\u0000')) refuse(name, 'control_character', 'it holds the character U+0000; remove it');
  }
  return (field) => (given.get(field) ?? '').trim();
}

function readFileField({ file, extraFiles }: UploadForm, refuse: Refuse): UploadedFile | null {
  if (file === null || file.name === '') {
    refuse('file', 'missing', 'choose the BIN file to upload');
    return null;
  }
  if (extraFiles > 0) refuse('file', 'one_file_only', 'upload one file at a time');
  if (!/\.bin$/i.test(file.name))
    refuse('file', 'not_bin', `"${file.name}" is not a .bin file; only BIN files can be installed`);
  // oxlint-disable-next-line no-control-regex -- exactly these are refused
  if (file.name.length > 255 || /[\u0000-\u001f]/.test(file.name)) {
    refuse(
      'file',
      'file_name_wrong',
      'the file name is longer than 255 characters or holds control characters; ask its maker for the right name',
    );
  }
  if (file.sizeBytes === 0) refuse('file', 'empty', 'the file is empty');
  return file;
}

function readCurrentVersions(value: string, targetVersion: string, refuse: Refuse): string[] {
  const versions = splitVersions(value);
  if (versions.length === 0)
    refuse('currentVersions', 'missing', 'write at least one version that this file may replace, one per line');
  if (targetVersion !== '' && versions.includes(targetVersion)) {
    refuse(
      'currentVersions',
      'holds_target',
      `${targetVersion} is the target version; a device that runs it needs no upgrade, so remove it from the list`,
    );
  }
  return versions;
}

function checkMd5(value: string, file: UploadedFile | null, refuse: Refuse): void {
  if (!/^[0-9a-fA-F]{32}$/.test(value)) {
    return refuse(
      'md5',
      value === '' ? 'missing' : 'md5_wrong',
      'write the MD5 that came with the file, 32 digits 0-9 and a-f',
    );
  }
  if (file !== null && value.toLowerCase() !== file.md5) {
    refuse(
      'md5',
      'md5_mismatch',
      `the content has MD5 ${file.md5}, not the one entered; this is another file, or it was damaged on the way: get it again`,
    );
  }
}

/** Returns the reason why the name is right although it does not hold the version; null when it holds it. */
function checkFileName(
  file: UploadedFile | null,
  targetVersion: string,
  overrideReason: string,
  mayOverride: boolean,
  refuse: Refuse,
): string | null {
  if (file === null || targetVersion === '' || file.name.includes(targetVersion)) return null;
  if (overrideReason !== '' && mayOverride) return overrideReason;
  const override =
    overrideReason === ''
      ? 'if it is right all the same, someone with the permission firmware:override can give an overrideReason'
      : 'overriding needs the permission firmware:override, which your key does not have';
  refuse(
    'targetVersion',
    'version_not_in_file_name',
    `the version ${targetVersion} does not occur in the file name "${file.name}"; ask whoever made the file (normally the factory) which is right; ${override}`,
  );
  return null;
}

function checkTerminal(component: string, targetVersion: string, file: UploadedFile | null, refuse: Refuse): void {
  if (component !== '' && component !== 'T1') {
    refuse('component', 'component_wrong', `"${component}" is impossible; a terminal has one component, T1`);
  }
  if (file !== null && (file.sizeBytes < TERMINAL_MIN_BYTES || file.sizeBytes > TERMINAL_MAX_BYTES)) {
    refuse(
      'file',
      'size_wrong',
      `the file has ${file.sizeBytes} bytes; a terminal takes ${TERMINAL_MIN_BYTES} to ${TERMINAL_MAX_BYTES} bytes: ask the maker of the file`,
    );
  }
  if (targetVersion !== '' && !/^[1-9]\d$/.test(targetVersion)) {
    refuse(
      'targetVersion',
      'target_version_wrong',
      `"${targetVersion}" cannot be expressed in a terminal's package name; write it as the terminal reports it, 10 to 99`,
    );
  }
}

/** The package name: given, or found in the file name, whose case it keeps (PROTOCOLS 3.2). */
function readPinfo(given: string, fileName: string, targetVersion: string, refuse: Refuse): string | null {
  const inName = packageNames(fileName);
  if (given === '') {
    const fitting = inName.filter((name) => name.startsWith(targetVersion));
    if (fitting.length === 1 && targetVersion !== '') return fitting[0]!;
    const found =
      inName.length === 0
        ? 'holds none'
        : `holds ${inName.join(', ')}, of which not exactly one begins with the target version`;
    refuse(
      'pinfo',
      'missing',
      `write the package name, 8 hex characters that begin with the target version; the file name ${found}`,
    );
    return null;
  }
  if (!/^[0-9a-fA-F]{8}$/.test(given)) {
    refuse('pinfo', 'pinfo_wrong', `"${given}" is not a package name; it has 8 hex characters, for example 1110d100`);
    return null;
  }
  if (targetVersion !== '' && !(/^\d\d/.test(given) && Number(given.slice(0, 2)) === Number(targetVersion))) {
    refuse(
      'pinfo',
      'pinfo_version_mismatch',
      `the package name ${given} stands for version ${given.slice(0, 2)}, the target version is ${targetVersion}; correct whichever is wrong`,
    );
    return null;
  }
  return inName.find((name) => name.toLowerCase() === given.toLowerCase()) ?? given;
}

/** Runs of exactly eight hex characters in a file name. */
function packageNames(fileName: string): string[] {
  return fileName.replace(/\.bin$/i, '').match(/(?<![0-9a-fA-F])[0-9a-fA-F]{8}(?![0-9a-fA-F])/g) ?? [];
}

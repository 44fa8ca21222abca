/**
 * May this file be uploaded? Every rule is asked and every refusal told at once, because each upload costs a person
 * time. Pure: the file is read and hashed already. What only one protocol asks is in `firmware-protocols.ts`.
 */
import {
  FIRMWARE_RULES,
  OWN_FIELD_IS,
  OWN_FIELDS,
  type Own,
  type ProtocolRules,
  type Refuse,
} from './firmware-protocols.ts';
import type { FieldError } from '../problems.ts';
import type { UploadedFile } from '../http/uploads.ts';
import type { Protocol } from '../../db/schema.ts';
import { splitVersions, type Component } from '../../workflows/rules/versions.ts';

export const UPLOAD_FIELDS = [
  'protocol',
  'component',
  'targetVersion',
  'compatibleVersion',
  'currentVersions',
  'md5',
  'model',
  'powerKw',
  'pinfo',
  'sliceSize',
  'remark',
  'overrideReason',
] as const;
export type UploadField = (typeof UPLOAD_FIELDS)[number];

const MAX_LENGTHS: Record<UploadField, number> = {
  protocol: 20,
  component: 20,
  targetVersion: 100,
  compatibleVersion: 100,
  currentVersions: 10_000,
  md5: 100,
  model: 100,
  powerKw: 10,
  pinfo: 40,
  sliceSize: 10,
  remark: 1_000,
  overrideReason: 500,
};

/** What is stored of an accepted file, beside its bytes. */
export interface AcceptedFirmware extends Own {
  protocol: Protocol;
  component: Component;
  targetVersion: string;
  compatibleVersion: string;
  currentVersions: string[];
  fileName: string;
  sizeBytes: number;
  md5: string;
  sha256: string;
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

/** Judges an upload for one protocol. */
export function judgeUpload(
  protocol: Protocol,
  form: UploadForm,
): { accepted: AcceptedFirmware } | { refusals: FieldError[] } {
  const rules = FIRMWARE_RULES[protocol];
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
  const component = readComponent(fields('component'), rules, refuse);
  checkSize(file, rules, refuse);
  refuseForeign(fields, rules, refuse);
  const own = rules.judge(
    {
      pinfo: fields('pinfo'),
      sliceSize: fields('sliceSize'),
      model: fields('model'),
      powerKw: fields('powerKw'),
      targetVersion,
      compatibleVersion,
      currentVersions,
      fileName: file?.name ?? '',
      sizeBytes: file?.sizeBytes ?? 0,
    },
    refuse,
  );
  if (refusals.length > 0 || file === null || component === null) return { refusals };
  return {
    accepted: {
      protocol,
      component,
      targetVersion,
      compatibleVersion,
      currentVersions,
      fileName: file.name,
      sizeBytes: file.sizeBytes,
      md5: file.md5,
      sha256: file.sha256,
      ...own,
      remark: fields('remark'),
      overrideReason,
    },
  };
}

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

/** A protocol with one component needs none named. */
function readComponent(given: string, rules: ProtocolRules, refuse: Refuse): Component | null {
  const { components, componentsAre } = rules;
  const [only, ...others] = components;
  if (given === '' && others.length === 0) return only;
  const component = components.find((known) => known === given);
  if (component !== undefined) return component;
  if (given === '') refuse('component', 'missing', `say which component the file is for; ${componentsAre}`);
  else refuse('component', 'component_wrong', `"${given}" is impossible; ${componentsAre}`);
  return null;
}

/** What would be ignored is refused: whoever wrote it meant something by it. */
function refuseForeign(fields: (field: UploadField) => string, { has, taker }: ProtocolRules, refuse: Refuse): void {
  for (const field of OWN_FIELDS) {
    if (has.includes(field) || fields(field) === '') continue;
    refuse(field, 'not_for_protocol', `${OWN_FIELD_IS[field]}; the file is for ${taker}, so leave it out`);
  }
}

function checkSize(file: UploadedFile | null, { minBytes, maxBytes, taker }: ProtocolRules, refuse: Refuse): void {
  if (file === null || (file.sizeBytes >= minBytes && file.sizeBytes <= maxBytes)) return;
  if (file.sizeBytes === 0) return; // said already
  refuse(
    'file',
    'size_wrong',
    `the file has ${file.sizeBytes} bytes; ${taker} takes ${minBytes} to ${maxBytes} bytes: ask the maker of the file`,
  );
}

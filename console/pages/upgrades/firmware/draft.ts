/**
 * What a person has typed of a file that is to be uploaded, what can be said about it before it is sent, and the form in
 * which it is sent. The API asks all of this again.
 */
import { may } from '../../../api/session.ts';
import type { Hashes } from './hashes.ts';
import { t, type Component, type Protocol } from './texts.ts';

export interface Draft {
  protocol: Protocol;
  component: Component;
  targetVersion: string;
  compatibleVersion: string;
  currentVersions: string;
  md5: string;
  model: string;
  powerKw: number | null;
  sliceSize: number | null;
  pinfo: string;
  remark: string;
  overrideReason: string;
}

/** A file begins with what the one before it had in common, and with what its name says. */
export function draftFor(file: File, before: Draft | null): Draft {
  const protocol = before?.protocol ?? 'terminal';
  return {
    protocol,
    component: componentIn(file.name) ?? before?.component ?? 'T1',
    targetVersion: versionIn(file.name, protocol),
    compatibleVersion: before?.compatibleVersion ?? '',
    currentVersions: before?.currentVersions ?? '',
    md5: '',
    model: before?.model ?? '',
    powerKw: before?.powerKw ?? null,
    sliceSize: null,
    pinfo: '',
    remark: '',
    overrideReason: '',
  };
}

/** The version that a file name most likely tells; empty: none can be seen. */
export function versionIn(fileName: string, protocol: Protocol): string {
  const name = fileName.replace(/\.bin$/i, '');
  if (protocol === 'terminal') return /(?<![0-9a-f])([1-9]\d)[0-9a-f]{6}(?![0-9a-f])/i.exec(name)?.[1] ?? '';
  if (protocol === 'ams') return name;
  return /[Vv]?\d+(?:\.\d+)+/.exec(name)?.[0] ?? '';
}

function componentIn(fileName: string): Component | null {
  return (/(?<![A-Za-z0-9])(T[1-5])(?![A-Za-z0-9])/.exec(fileName)?.[1] as Component | undefined) ?? null;
}

/** What is wrong with a draft, by field. */
export function wrongWith(
  draft: Draft,
  file: File,
  hashes: Hashes | null,
): Partial<Record<keyof Draft | 'file', string>> {
  const words = t().form;
  const wrong: Partial<Record<keyof Draft | 'file', string>> = {};
  if (!/\.bin$/i.test(file.name)) wrong.file = words.notBin;
  else if (file.size === 0) wrong.file = words.empty;
  for (const field of ['targetVersion', 'compatibleVersion', 'currentVersions', 'md5'] as const) {
    if (draft[field].trim() === '') wrong[field] = words.required;
  }
  if (draft.protocol === 'pile' && draft.model === '') wrong.model = words.required;
  if (draft.protocol === 'pile' && draft.powerKw === null) wrong.powerKw = words.required;
  const md5 = draft.md5.trim().toLowerCase();
  if (md5 !== '') {
    if (!/^[0-9a-f]{32}$/.test(md5)) wrong.md5 = words.md5Form;
    else if (hashes !== null && md5 !== hashes.md5) wrong.md5 = words.md5Other(hashes.md5);
  }
  const target = draft.targetVersion.trim();
  const isOverridden = may('firmware:override') && draft.overrideReason.trim() !== '';
  if (target !== '' && !isOverridden && !file.name.toLowerCase().includes(target.toLowerCase())) {
    wrong.targetVersion = words.versionNotInName(target);
  }
  return wrong;
}

/** As the API takes it: fields first, the bytes last. */
export function formOf(draft: Draft, file: File): FormData {
  const form = new FormData();
  const set = (name: string, value: string) => value.trim() !== '' && form.set(name, value.trim());
  set('protocol', draft.protocol);
  set('component', draft.protocol === 'ams' ? draft.component : '');
  set('targetVersion', draft.targetVersion);
  set('compatibleVersion', draft.compatibleVersion);
  set('currentVersions', draft.currentVersions);
  set('md5', draft.md5);
  set('model', draft.model);
  if (draft.protocol === 'pile') set('powerKw', String(draft.powerKw ?? ''));
  if (draft.protocol === 'pcp') set('sliceSize', String(draft.sliceSize ?? ''));
  if (draft.protocol === 'terminal') set('pinfo', draft.pinfo);
  set('remark', draft.remark);
  if (may('firmware:override')) set('overrideReason', draft.overrideReason);
  form.set('file', file, file.name);
  return form;
}

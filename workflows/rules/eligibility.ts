/**
 * May this device take this file now? The one gate: the plan shows its answer, the workflow obeys it.
 *
 * A closed gate is not a failure: the device waits, with the reason shown, until a report opens it.
 */
import type { Component } from './versions.ts';

/** What the gate needs to know of a firmware file. */
export interface GateFile {
  component: Component;
  targetVersion: string;
  compatibleVersion: string;
  currentVersions: readonly string[];
  /** Only devices of this model may take the file; null: any model. */
  model: string | null;
  /** Only charging piles of this power may; null: it is not for piles. */
  powerKw: number | null;
}

/** What the gate needs to know of a device: what it is and the last version it reported of each component. */
export interface GateDevice {
  model: string;
  /** Of a charging pile. */
  powerKw: number | null;
  versions: Readonly<Partial<Record<Component, string>>>;
}

/** Why the gate is closed. */
export type GateReason = 'model_mismatch' | 'no_version_uploaded' | 'version_mismatch' | 'compat_not_reported';

/** The gate's answer. */
export type GateVerdict =
  { kind: 'open' } | { kind: 'already_current' } | { kind: 'closed'; reason: GateReason; explanation: string };

/**
 * Decides whether `device` may take `file`.
 *
 * The order of the checks is the order in which an operator would want to hear about them: a wrong model can not be
 * waited out, a missing report comes before a wrong one.
 */
export function gate(file: GateFile, device: GateDevice): GateVerdict {
  if (file.powerKw !== null) {
    if (file.model !== device.model || file.powerKw !== device.powerKw) {
      return closed('model_mismatch', `the file is for ${pileName(file)}, the device is ${pileName(device)}`);
    }
  } else if (file.model !== null && file.model !== device.model) {
    return closed(
      'model_mismatch',
      `the file is for model ${file.model}, the device is a ${device.model || 'device without model'}`,
    );
  }
  const current = device.versions[file.component];
  if (current === undefined) {
    return closed('no_version_uploaded', `the device has not reported a version of ${file.component} yet`);
  }
  if (current === file.targetVersion) return { kind: 'already_current' };
  if (!file.currentVersions.includes(current)) {
    return closed(
      'version_mismatch',
      `the device runs ${current}, the file replaces only ${file.currentVersions.join(', ')}`,
    );
  }
  if (!Object.values(device.versions).includes(file.compatibleVersion)) {
    return closed(
      'compat_not_reported',
      `the device has not reported the compatible version ${file.compatibleVersion}`,
    );
  }
  return { kind: 'open' };
}

function pileName({ model, powerKw }: { model: string | null; powerKw: number | null }): string {
  return `${model === 'AC' ? 'an AC' : `a ${model || 'nameless'}`} pile of ${powerKw ?? 'unknown'} kW`;
}

function closed(reason: GateReason, explanation: string): GateVerdict {
  return { kind: 'closed', reason, explanation };
}

// ---------------------------------------------------------------- which files of a task are for a device

/** A task has at most so many files in all, and a device gets at most so many of them. */
export const MOST_TASK_FILES = 8;
export const MOST_DEVICE_FILES = 2;

/** What of a file or a device says whether they belong together. */
export interface Kind {
  protocol: string;
  model: string | null;
  powerKw: number | null;
}

/** The files of a task by the kind of device they are for: by protocol, of piles by model and power too. In their order. */
export function filesByKind<File extends Kind>(files: readonly File[]): File[][] {
  const kinds = new Map<string, File[]>();
  for (const file of files) {
    const { protocol, model, powerKw } = file;
    const kind = protocol === 'pile' ? `pile ${model} ${powerKw}` : protocol;
    kinds.set(kind, [...(kinds.get(kind) ?? []), file]);
  }
  return [...kinds.values()];
}

/**
 * The files that are for a device; empty: none is. A pile that none fits gets the first ones for piles, and its gate
 * says why they do not fit: what is registered of it may be wrong.
 */
export function filesFor<File extends Kind>(kinds: readonly File[][], device: Kind): File[] {
  const ofProtocol = kinds.filter(([file]) => file!.protocol === device.protocol);
  const own = ofProtocol.find(([file]) => file!.model === device.model && file!.powerKw === device.powerKw);
  return (device.protocol === 'pile' ? own : undefined) ?? ofProtocol[0] ?? [];
}

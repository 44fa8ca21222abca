/**
 * What can be seen to be wrong with a list of parameters before it is sent. The API decides; this only saves a way.
 */
import type { Parameter } from '../../api-types.ts';

/** A parameter while it is edited: everything is text. */
export interface Draft {
  /** Stays the same wherever the row moves. */
  id: number;
  parameterCode: string;
  parameterType: string;
  targetValue: string;
  uomCode: string;
  lowerControlLimit: string;
  upperControlLimit: string;
  lowerSpecificationsLimit: string;
  upperSpecificationsLimit: string;
  lowerLimit: string;
  upperLimit: string;
  description: string;
  isAvailable: boolean | null;
}

export type DraftField = Exclude<keyof Draft, 'id' | 'isAvailable'>;
export type FaultKind = 'needed' | 'notNumber' | 'lowerAbove' | 'outside';
/** Faults by field. */
export type Faults = Partial<Record<DraftField, FaultKind>>;

const NUMBER = /^[+-]?(\d{1,30}(\.\d{0,30})?|\.\d{1,30})$/;
const PAIRS = [
  ['lowerControlLimit', 'upperControlLimit'],
  ['lowerSpecificationsLimit', 'upperSpecificationsLimit'],
  ['lowerLimit', 'upperLimit'],
] as const;
let made = 0;

export function newDraft(parameter?: Parameter): Draft {
  made += 1;
  return {
    id: made,
    parameterCode: parameter?.parameterCode ?? '',
    parameterType: parameter?.parameterType ?? '',
    targetValue: parameter?.targetValue ?? '',
    uomCode: parameter?.uomCode ?? '',
    lowerControlLimit: parameter?.lowerControlLimit ?? '',
    upperControlLimit: parameter?.upperControlLimit ?? '',
    lowerSpecificationsLimit: parameter?.lowerSpecificationsLimit ?? '',
    upperSpecificationsLimit: parameter?.upperSpecificationsLimit ?? '',
    lowerLimit: parameter?.lowerLimit ?? '',
    upperLimit: parameter?.upperLimit ?? '',
    description: parameter?.description ?? '',
    isAvailable: parameter?.isAvailable ?? null,
  };
}

/** A draft as the API takes it: empty is none. */
export function parameterOf({ id: _id, ...draft }: Draft): Parameter {
  const none = (text: string) => (text.trim() === '' ? null : text.trim());
  return {
    ...draft,
    parameterCode: draft.parameterCode.trim(),
    targetValue: draft.targetValue.trim(),
    uomCode: none(draft.uomCode),
    lowerControlLimit: none(draft.lowerControlLimit),
    upperControlLimit: none(draft.upperControlLimit),
    lowerSpecificationsLimit: none(draft.lowerSpecificationsLimit),
    upperSpecificationsLimit: none(draft.upperSpecificationsLimit),
    lowerLimit: none(draft.lowerLimit),
    upperLimit: none(draft.upperLimit),
    description: none(draft.description),
  };
}

/** What is wrong with a row. */
export function faultsOf(draft: Draft): Faults {
  const faults: Faults = {};
  if (draft.parameterCode.trim() === '') faults.parameterCode = 'needed';
  const target = draft.targetValue.trim();
  for (const [lower, upper] of PAIRS) {
    for (const field of [lower, upper]) {
      const text = draft[field].trim();
      if (text !== '' && !NUMBER.test(text)) faults[field] = 'notNumber';
    }
    if (faults[lower] !== undefined || faults[upper] !== undefined) continue;
    const [low, high] = [bound(draft[lower], -Infinity), bound(draft[upper], Infinity)];
    if (low > high) faults[lower] = 'lowerAbove';
    else if (NUMBER.test(target) && (Number(target) < low || Number(target) > high)) faults.targetValue = 'outside';
  }
  return faults;
}

/** How a list differs from the one it came from, by place and contents. */
export function changesOf(
  before: readonly Parameter[],
  after: readonly Draft[],
  origin: ReadonlyMap<number, Parameter>,
) {
  const kept = after.filter(({ id }) => origin.has(id));
  const changed = kept.filter(
    (draft) => JSON.stringify(newComparable(draft)) !== JSON.stringify(newComparable(newDraft(origin.get(draft.id)))),
  );
  return { added: after.length - kept.length, changed: changed.length, removed: before.length - kept.length };
}

function newComparable(draft: Draft): unknown {
  const { id: _id, ...rest } = draft;
  return rest;
}

function bound(text: string, none: number): number {
  return text.trim() === '' ? none : Number(text);
}

/** A row that was just begun is not complained about. */
export function withoutNeeded(faults: Faults): Faults {
  return Object.fromEntries(Object.entries(faults).filter(([, kind]) => kind !== 'needed'));
}

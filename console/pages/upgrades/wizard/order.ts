/** What a person has chosen for a new task, and the order that is made of it. */
import type { Firmware, TaskOptions, UpgradeOrder } from '../../../api-types.ts';
import { abortRules, keyLimits, type AbortDraft, type KeyLimitDraft } from '../task-rules.tsx';
import type { Protocol } from '../firmware/texts.ts';

export interface Draft {
  files: Firmware[];
  how: 'filter' | 'list';
  filter: { protocol: Protocol | ''; model: string; powerKw: number | null; orderNo: string; q: string };
  pasted: string;
  /** What pasted identities without a kind in front of them are. */
  as: Protocol | '';
  name: string;
  hours: 'always' | 'night' | 'own';
  window: { from: string; to: string; zone: string };
  dispatchDelayMinutes: number | null;
  maxConcurrent: number | null;
  ratePerMinute: number | null;
  deadlineHours: number | null;
  notEligible: 'wait' | 'skip';
  approval: boolean;
  approvalHours: number | null;
  attemptsPerFile: number | null;
  growth: boolean;
  basePerMinute: number | null;
  factor: number | null;
  everyDevices: number | null;
  /** The first that is fulfilled stops the task. */
  abort: AbortDraft[];
  keyLimits: KeyLimitDraft[];
  joins: boolean;
  waitOnlineHours: number | null;
  transferMinutes: number | null;
  proofMinutes: number | null;
  pileAtOnce: boolean;
}

export const MAX_DEVICES = 100_000;
export const MAX_FILES = 8;

/** Defaults are those of the API. */
export function newDraft(): Draft {
  return {
    files: [],
    how: 'filter',
    filter: { protocol: '', model: '', powerKw: null, orderNo: '', q: '' },
    pasted: '',
    as: '',
    name: '',
    hours: 'always',
    window: { from: '00:00', to: '06:00', zone: 'Asia/Shanghai' },
    dispatchDelayMinutes: 10,
    maxConcurrent: 50,
    ratePerMinute: null,
    deadlineHours: 168,
    notEligible: 'wait',
    approval: false,
    approvalHours: 24,
    attemptsPerFile: 3,
    growth: false,
    basePerMinute: 5,
    factor: 2,
    everyDevices: 20,
    abort: [],
    keyLimits: [],
    joins: false,
    waitOnlineHours: 24,
    transferMinutes: 60,
    proofMinutes: 30,
    pileAtOnce: false,
  };
}

/** Kinds of devices that the files are for. */
export function protocolsOf(files: readonly Firmware[]): Protocol[] {
  return [...new Set(files.map(({ protocol }) => protocol))];
}

/** Ids of pasted devices, each once and in their order, and how many were named more than once. */
export function devicesIn(text: string, as: Protocol | ''): { ids: string[]; doubles: number } {
  const named = text
    .split(/[\s,;，；、"']+/)
    .map((each) => each.trim())
    .filter((each) => each !== '');
  const ids = named.map((each) => (/^(terminal|ams|pcp|pile)-/.test(each) || as === '' ? each : `${as}-${each}`));
  const unique = [...new Set(ids)];
  return { ids: unique, doubles: ids.length - unique.length };
}

const COLUMNS = ['deviceid', 'id', 'identity', 'imei', 'sn'];

/** The identities in a CSV file: the column that has them by its name, the first one otherwise. */
export function identitiesInCsv(text: string): string[] {
  const rows = text
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)
    .filter((line) => line.trim() !== '')
    .map((line) => line.split(/[,;\t]/).map((cell) => cell.trim().replace(/^"(.*)"$/, '$1')));
  const head = rows[0]?.map((cell) => cell.toLowerCase()) ?? [];
  const named = COLUMNS.map((name) => head.indexOf(name)).find((at) => at >= 0);
  const cells = (named === undefined ? rows : rows.slice(1)).map((row) => row[named ?? 0] ?? '');
  return cells.filter((cell) => cell !== '');
}

/** The filter without what is empty. */
export function filterOf({ filter }: Draft): NonNullable<UpgradeOrder['filter']> {
  const { protocol, model, powerKw, orderNo, q } = filter;
  return {
    ...(protocol !== '' && { protocol }),
    ...(model.trim() !== '' && { model: model.trim() }),
    ...(powerKw !== null && { powerKw }),
    ...(orderNo.trim() !== '' && { orderNo: orderNo.trim() }),
    ...(q.trim() !== '' && { q: q.trim() }),
  };
}

/** As the API takes it. */
export function orderOf(draft: Draft): UpgradeOrder {
  const name = draft.name.trim();
  return {
    ...(name !== '' && { name }),
    firmwareIds: draft.files.map(({ id }) => id),
    ...(draft.how === 'list' ? { deviceIds: devicesIn(draft.pasted, draft.as).ids } : { filter: filterOf(draft) }),
    options: optionsOf(draft),
  };
}

function optionsOf(draft: Draft): TaskOptions {
  const { growth, approval } = draft;
  const hasPiles = draft.files.some(({ protocol }) => protocol === 'pile');
  return {
    ...given('dispatchDelayMinutes', draft.dispatchDelayMinutes),
    ...(draft.hours === 'night' && { night: true }),
    ...(draft.hours === 'own' && { window: draft.window }),
    ...given('maxConcurrent', draft.maxConcurrent),
    ...given('ratePerMinute', growth ? null : draft.ratePerMinute),
    ...(growth && {
      growth: {
        basePerMinute: draft.basePerMinute ?? 5,
        factor: draft.factor ?? 2,
        everyDevices: draft.everyDevices ?? 20,
        by: 'succeeded' as const,
      },
    }),
    ...(draft.abort.length > 0 && { abort: abortRules(draft.abort) }),
    ...(draft.keyLimits.length > 0 && { keyLimits: keyLimits(draft.keyLimits) }),
    ...(approval && { approval: { required: true as const, withinHours: draft.approvalHours ?? 24 } }),
    ...(draft.joins && draft.how === 'filter' && { joins: true }),
    ...given('attemptsPerFile', draft.attemptsPerFile),
    notEligible: draft.notEligible,
    ...given('deadlineHours', draft.deadlineHours),
    limits: {
      ...given('waitOnlineHours', draft.waitOnlineHours),
      ...given('transferMinutes', draft.transferMinutes),
      ...given('proofMinutes', draft.proofMinutes),
    },
    ...(hasPiles && draft.pileAtOnce && { pile: { control: 'at_once' as const, confirm: true } }),
  };
}

/** A field that is left out when nothing was given: the API's default holds. */
function given<Name extends string>(name: Name, value: number | null): { [N in Name]?: number } {
  return (value === null ? {} : { [name]: value }) as { [N in Name]?: number };
}

/**
 * What a simulated device will do, drawn from a seed, and what may be said of it at the end: the oracle. It knows the
 * device and not the product, so it cannot make the product's mistakes.
 */
import { Draw } from '../night/draw.ts';
import type { Protocol } from '../../db/schema.ts';

export const ALL_PROTOCOLS = ['terminal', 'ams', 'pcp', 'pile'] as const satisfies readonly Protocol[];

/** What a radio does to a connection. */
export type IncidentKind = 'cut' | 'half-open' | 'stall';
export interface Incident {
  kind: IncidentKind;
  /** After so many bytes to the device, over all of its connections. */
  afterBytes: number;
  /** How long a stall lasts, or how long the server is not told that the device is gone. */
  ms: number;
}

/** The tasks of a run: devices that must end well get all the time they need, the others little. */
export const TASKS = ['steady', 'stale', 'false', 'half', 'gone'] as const;
export type TaskName = (typeof TASKS)[number];

/** A kind of device. */
export interface Kind {
  task: TaskName;
  protocols: readonly Protocol[];
  share: number;
  /** Ends it may have, as `status(reason)`, the beginning is enough. */
  ends: readonly string[];
  /** All of its ends in one word: which of them it is may be a matter of milliseconds. */
  word: string;
  /** Whether it installs what it is given: what a success must rest on. */
  installs: boolean;
}

const NEVER_SUCCEEDED = ['failed(', 'unproven(', 'expired('];

export const KINDS = {
  /** Does what it should. */
  honest: {
    task: 'steady',
    protocols: ALL_PROTOCOLS,
    share: 4,
    ends: ['succeeded'],
    word: 'succeeded',
    installs: true,
  },
  /** The same with a bad radio: cut, half open, stalled, slow; datagrams lost, doubled and out of order. */
  'bad radio': {
    task: 'steady',
    protocols: ALL_PROTOCOLS,
    share: 6,
    ends: ['succeeded'],
    word: 'succeeded',
    installs: true,
  },
  /** Takes a good file for a spoilt one, once, or loses its power in the middle. */
  clumsy: {
    task: 'steady',
    protocols: ALL_PROTOCOLS,
    share: 2,
    ends: ['succeeded'],
    word: 'succeeded',
    installs: true,
  },
  /** Is switched on when the task has long begun. */
  latecomer: {
    task: 'steady',
    protocols: ALL_PROTOCOLS,
    share: 1,
    ends: ['succeeded'],
    word: 'succeeded',
    installs: true,
  },
  /** Reports its old version for a while after it has everything, and then the new one. */
  'reports stale': {
    task: 'stale',
    protocols: ['terminal', 'ams', 'pile'],
    share: 3,
    ends: ['succeeded'],
    word: 'succeeded',
    installs: true,
  },
  /** Says that all went well and keeps its version. */
  liar: {
    task: 'false',
    protocols: ALL_PROTOCOLS,
    share: 4,
    ends: ['failed(version_unchanged)', 'unproven(no_report)'],
    word: 'not proven',
    installs: false,
  },
  /** Falls back some seconds after it has installed; on a busy machine that may be before anybody has believed it. */
  reverter: {
    task: 'false',
    protocols: ALL_PROTOCOLS,
    share: 3,
    ends: ['reverted', 'failed(version_unchanged)'],
    word: 'reverted',
    installs: true,
  },
  /** Refuses, for a reason that time does not change. */
  refuser: { task: 'false', protocols: ALL_PROTOCOLS, share: 2, ends: ['failed('], word: 'failed', installs: false },
  /** Installs the first file and lies about the second. */
  'half a liar': {
    task: 'half',
    protocols: ['terminal'],
    share: 1,
    ends: ['partial(version_unchanged)', 'partial(no_report)'],
    word: 'partial',
    installs: true,
  },
  /** Takes everything and is never heard of again. */
  vanisher: {
    task: 'gone',
    protocols: ALL_PROTOCOLS,
    share: 2,
    ends: NEVER_SUCCEEDED,
    word: 'not succeeded',
    installs: false,
  },
  /** Stops in the middle and says nothing about it. */
  'falls silent': {
    task: 'gone',
    protocols: ALL_PROTOCOLS,
    share: 2,
    ends: NEVER_SUCCEEDED,
    word: 'not succeeded',
    installs: false,
  },
  /** Is never switched on, but was heard of before. */
  absent: {
    task: 'gone',
    protocols: ALL_PROTOCOLS,
    share: 1,
    ends: ['expired(device_offline)', 'expired(task_deadline)'],
    word: 'expired',
    installs: false,
  },
} as const satisfies Record<string, Kind>;
export type KindName = keyof typeof KINDS;
export const KIND_NAMES = Object.keys(KINDS) as KindName[];

/** One device's whole life. */
export interface Script {
  place: number;
  kind: KindName;
  protocol: Protocol;
  incidents: Incident[];
  /** Each chunk to the device arrives so much later; 0: at once. */
  slowMs: number;
  /** Shares of datagrams. */
  datagrams: { lose: number; double: number; reorder: number };
  /** Somewhere in the file, 0 to 1. */
  where: number;
  /** How long it reports what is not so any more, or when it falls back, or comes at all. */
  laterMs: number;
  pcpMode: 'plain' | 'liteos' | 'lab';
}

/** The devices of a seed. Of each kind and protocol there is one first, as far as they go; the rest is chance. */
export function drawScripts(seed: number, devices: number): Script[] {
  const draw = new Draw(seed);
  const each = KIND_NAMES.flatMap((kind) => KINDS[kind].protocols.map((protocol) => ({ kind, protocol })));
  const weighted = KIND_NAMES.flatMap((kind) => Array.from({ length: KINDS[kind].share }, () => kind));
  return Array.from({ length: devices }, (_, place) => {
    const drawn = draw.oneOf(weighted);
    const { kind, protocol } = each[place] ?? { kind: drawn, protocol: draw.oneOf<Protocol>(KINDS[drawn].protocols) };
    const isBad = kind === 'bad radio';
    const incidents: Incident[] = Array.from({ length: isBad ? draw.whole(1, 3) : 0 }, () => ({
      kind: draw.oneOf<IncidentKind>(['cut', 'half-open', 'stall']),
      afterBytes: draw.whole(0, 12_000),
      ms: draw.whole(50, 1_500),
    }));
    const share = () => (isBad ? draw.share() * 0.12 : 0);
    return {
      place,
      kind,
      protocol,
      incidents: incidents.toSorted((one, other) => one.afterBytes - other.afterBytes),
      slowMs: isBad && draw.chance(0.3) ? draw.whole(5, 60) : 0,
      datagrams: { lose: share(), double: share(), reorder: share() },
      where: draw.share(),
      laterMs: draw.whole(300, 2_500),
      pcpMode: draw.oneOf(['plain', 'liteos', 'lab'] as const),
    };
  });
}

/** Whether a device of this kind may end so. */
export function isAllowedEnd(kind: KindName, status: string, reason: string | null): boolean {
  const end = `${status}(${reason ?? ''})`;
  return KINDS[kind].ends.some((allowed) => end.startsWith(allowed));
}

/**
 * The verdict on a run: what became of each device, by the oracle of its script and by the promises. The same seed gives
 * the same verdict: ends between which only milliseconds decide have one word.
 */
import { createHash } from 'node:crypto';
import type { ScriptedDevice } from './devices.ts';
import { isAllowedEnd, KIND_NAMES, KINDS, type KindName, type Script } from './scripts.ts';
import { wordsOf, type Broken } from '../promises/broken.ts';
import {
  brokenBetweenUpgrades,
  brokenByEndedUpgrade,
  brokenByTask,
  type TaskRecord,
  type UpgradeRecord,
} from '../promises/upgrades.ts';

/** What became of the devices of one kind. */
export interface KindLine {
  kind: KindName;
  devices: number;
  /** What all of them should be called. */
  word: string;
  right: number;
  /** The ends as they are in the database. */
  ends: Record<string, number>;
}

export interface Verdict {
  seed: number;
  devices: number;
  lines: KindLine[];
  /** How much the promises were checked on. */
  judged: { upgrades: number; offers: number; sendings: number; logLines: number; proofs: number };
  /** What went wrong, each with the device, its script and its log. */
  failures: string[];
  /** The same for the same seed. */
  digest: string;
}

/** Judges a run that has come to its end. */
export function judge(
  seed: number,
  devices: readonly ScriptedDevice[],
  records: readonly UpgradeRecord[],
  tasks: readonly TaskRecord[],
): Verdict {
  const byDevice = new Map(records.map((record) => [record.deviceId, record]));
  const lines = new Map<KindName, KindLine>();
  const failures: string[] = [];
  const hash = createHash('sha256');
  for (const device of devices) {
    const { kind, place } = device.script;
    const record = byDevice.get(device.deviceId);
    const wrong = record === undefined ? ['it has no upgrade'] : wrongWith(device, record);
    const line = lines.get(kind) ?? { kind, devices: 0, word: KINDS[kind].word, right: 0, ends: {} };
    lines.set(kind, line);
    line.devices += 1;
    line.right += wrong.length === 0 ? 1 : 0;
    const end = `${record?.status}${record?.reason == null ? '' : `(${record.reason})`}`;
    line.ends[end] = (line.ends[end] ?? 0) + 1;
    hash.update(`${place} ${kind} ${wrong.length === 0 ? line.word : 'wrong'}\n`);
    if (wrong.length > 0) failures.push(describeFailure(seed, device, record, wrong));
  }
  const common = [...tasks.flatMap(brokenByTask), ...brokenBetweenUpgrades(records)];
  if (common.length > 0) failures.push(`seed ${seed}: ${wordsOf(common)}`);
  hash.update(`${failures.length}`);
  return {
    seed,
    devices: devices.length,
    lines: KIND_NAMES.flatMap((kind) => lines.get(kind) ?? []),
    judged: {
      upgrades: records.length,
      offers: sum(records, ({ offers }) => offers.length),
      sendings: sum(records, ({ offers }) => sum(offers, ({ sends }) => sends)),
      logLines: sum(records, ({ log }) => log.length),
      proofs: sum(records, ({ proofs }) => proofs.length),
    },
    failures,
    digest: hash.digest('hex').slice(0, 12),
  };
}

function wrongWith(device: ScriptedDevice, record: UpgradeRecord): string[] {
  const { script, ran, reports } = device;
  const { status, reason, proofs } = record;
  const wrong: string[] = [];
  if (!isAllowedEnd(script.kind, status, reason))
    wrong.push(`a device that is "${script.kind}" has ended as ${status} (${reason})`);
  for (const { version } of proofs)
    if (!ran.has(version)) wrong.push(`${version} is proven, and the device has never run it`);
  if (status === 'reverted' && !record.log.some((line) => line.status === 'succeeded'))
    wrong.push('it has reverted and had never succeeded');
  const isSettled = status === 'succeeded';
  const word = {
    reports: reports.map((report) => ({ ...report, version: report.version })),
    ...(isSettled && { runs: { T1: device.version() } }),
  };
  return [...wrong, ...brokenByEndedUpgrade(record, word).map(inWords)];
}

function inWords({ promise, why }: Broken): string {
  return `${promise}: ${why}`;
}

/** Everything somebody needs who wants to know how that came about. */
function describeFailure(
  seed: number,
  { script, deviceId, story }: Pick<ScriptedDevice, 'deviceId' | 'story'> & { script: Script },
  record: UpgradeRecord | undefined,
  wrong: readonly string[],
): string {
  const log = record?.log.map(
    ({ atMs, author, event, status, fileIndex, attempt, cause }) =>
      `${new Date(atMs).toISOString().slice(11, 23)} ${author}: ${event}${status === null ? '' : ` → ${status}`}` +
      ` (file ${(fileIndex ?? 0) + 1}, attempt ${attempt ?? 0}) ${cause}`,
  );
  const part = (title: string, lines: readonly string[] = []) => [`  ${title}:`, ...lines.map((line) => `    ${line}`)];
  return [
    `seed ${seed}, ${deviceId}:`,
    ...wrong.map((line) => `  ${line}`),
    `  script: ${JSON.stringify(script)}`,
    ...part('what the device says', story),
    ...part('what the log says', log),
  ].join('\n');
}

function sum<Item>(items: readonly Item[], of: (item: Item) => number): number {
  return items.reduce((total, item) => total + of(item), 0);
}

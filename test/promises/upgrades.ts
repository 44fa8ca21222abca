/**
 * The promises about upgrades as predicates: over the rows and logs that are in the database, and over what the device
 * itself said and got. Pure functions; `records.ts` reads the rows. Whoever has no wire leaves it out.
 */
import { Findings, type Broken } from './broken.ts';
import { OFFER_SENDS } from '../../workflows/rules/offers.ts';
import { isEnd, mayFollow, type TaskStatus, type UpgradeStatus } from '../../workflows/rules/statuses.ts';

/** A line of the progress log. */
export interface UpgradeLogRow {
  id: number;
  atMs: number;
  author: string;
  event: string;
  status: UpgradeStatus | null;
  fileIndex: number | null;
  attempt: number | null;
  cause: string;
}

/** A message to the device: an offer of one attempt. */
export interface OfferRow {
  id: number;
  fileIndex: number;
  attempt: number;
  targetVersion: string;
  reactionMs: number | null;
  createdAtMs: number;
  sends: number;
  closedAtMs: number | null;
  offerSeq: number;
}

/** A device inside a task with everything that was written about it. */
export interface UpgradeRecord {
  id: number;
  taskId: number;
  deviceId: string;
  status: UpgradeStatus;
  reason: string | null;
  attempt: number;
  /** How many files are for this device. */
  files: number;
  proofs: { fileIndex: number; component: string; version: string; note?: string }[];
  dispatchedAtMs: number | null;
  finishedAtMs: number | null;
  log: UpgradeLogRow[];
  offers: OfferRow[];
}

/** A task with its devices counted. */
export interface TaskRecord {
  id: number;
  status: TaskStatus;
  deviceCount: number;
  finishedAtMs: number | null;
  /** Rows of devices. */
  devices: number;
  /** Of these: not ended. */
  openDevices: number;
  log: { atMs: number; author: string; event: string; cause: string }[];
}

/** What the device knows of its own upgrade, by the clock of the database's machine. */
export interface DeviceWord {
  /** What it reported and when, for every component that matters. */
  reports: readonly { component: string; version: string; atMs: number }[];
  /** Offers that reached it; their version as firmware names it. */
  offers?: readonly { version: string; atMs: number }[];
  /** What it really runs at the end; missing: it may have changed since by itself. */
  runs?: Readonly<Record<string, string>>;
}

/** Everything that is broken about one device's upgrade, ended or not. */
export function brokenByUpgrade(record: UpgradeRecord, word: DeviceWord | null = null): Broken[] {
  const findings = new Findings(`upgrade ${record.id} of ${record.deviceId}`);
  const check: Check = (...args) => findings.check(...args);
  checkProofs(record, word, check);
  checkTransitions(record, check);
  checkOffers(record, word, check);
  return findings.broken;
}

/** The same, and that it has ended. */
export function brokenByEndedUpgrade(record: UpgradeRecord, word: DeviceWord | null = null): Broken[] {
  const findings = new Findings(`upgrade ${record.id} of ${record.deviceId}`);
  const { status, reason, finishedAtMs, offers } = record;
  findings.check(finishedAtMs !== null, 'every task ends', `it is still ${status} (${reason})`);
  const open = offers.filter(({ closedAtMs }) => closedAtMs === null);
  findings.check(finishedAtMs === null || open.length === 0, 'every task ends', 'it has ended and its offer is open');
  return [...findings.broken, ...brokenByUpgrade(record, word)];
}

/** Everything that is broken about a task that should have ended. */
export function brokenByTask(task: TaskRecord): Broken[] {
  const findings = new Findings(`task ${task.id}`);
  const { status, finishedAtMs, devices, deviceCount, openDevices, log } = task;
  const isOver = ['finished', 'cancelled'].includes(status) && finishedAtMs !== null;
  findings.check(isOver, 'every task ends', `it is still ${status}, ${openDevices} devices are open`);
  findings.check(!isOver || openDevices === 0, 'every task ends', `it has ended and ${openDevices} devices have not`);
  findings.check(devices === deviceCount, 'nothing acknowledged is lost', `${deviceCount} devices, ${devices} rows`);
  for (const { author, event, atMs } of log) {
    findings.check(
      author !== '' && event !== '' && atMs > 0,
      'every transition is accounted for',
      `a line without author, time or event: ${JSON.stringify({ author, event, atMs })}`,
    );
  }
  const ends = log.filter(({ event }) => event === status);
  findings.check(
    !isOver || ends.length === 1,
    'every transition is accounted for',
    `its end is logged ${ends.length} times`,
  );
  return findings.broken;
}

/** What is broken between upgrades of the same devices: they must have come one after the other. */
export function brokenBetweenUpgrades(records: readonly UpgradeRecord[]): Broken[] {
  const broken: Broken[] = [];
  const byDevice = grouped(records, ({ deviceId }) => deviceId);
  for (const [deviceId, own] of byDevice) {
    const findings = new Findings(deviceId);
    // From the first offer on it is under way: until then its workflow may be on its way to being told "busy".
    const spans = own
      .flatMap(({ id, offers, finishedAtMs }) => {
        const startMs = Math.min(...offers.map(({ createdAtMs }) => createdAtMs));
        return offers.length === 0 ? [] : [{ id, startMs, endMs: finishedAtMs ?? Infinity }];
      })
      .toSorted((a, b) => a.startMs - b.startMs);
    for (const [index, span] of spans.entries()) {
      const next = spans[index + 1];
      if (next === undefined) break;
      findings.check(span.endMs <= next.startMs, 'one at a time', `upgrades ${span.id} and ${next.id} overlap`);
    }
    broken.push(...findings.broken);
  }
  return broken;
}

type Check = Findings['check'];

function checkProofs(record: UpgradeRecord, word: DeviceWord | null, check: Check): void {
  const { status, proofs, files, log, offers } = record;
  const indexes = proofs.map(({ fileIndex }) => fileIndex);
  check(new Set(indexes).size === indexes.length, 'no silent success', `a file is proven twice: ${indexes.join(', ')}`);
  if (status === 'succeeded') {
    check(
      proofs.length === files,
      'no silent success',
      `it has succeeded with ${proofs.length} of ${files} files proven`,
    );
  }
  for (const proof of proofs) {
    const { fileIndex, component, version } = proof;
    const what = `file ${fileIndex + 1} (${component} ${version})`;
    const said = word?.reports.filter((report) => report.component === component && report.version === version);
    if (proof.note === 'already_current') {
      check(
        said === undefined || said.length > 0,
        'no silent success',
        `${what} counts as there and was never reported`,
      );
      continue;
    }
    const line = log.find((each) => each.event === 'proven' && each.fileIndex === fileIndex);
    check(line?.author === 'device', 'no silent success', `${what} is proven without the device's word in the log`);
    const offer = offers.find((each) => each.fileIndex === fileIndex && each.attempt === line?.attempt);
    check(offer !== undefined, 'no silent success', `${what} is proven and was never offered`);
    if (offer === undefined) continue;
    check(
      offer.targetVersion === version,
      'no silent success',
      `${what} is proven by the offer of ${offer.targetVersion}`,
    );
    check(
      said === undefined || said.some(({ atMs }) => atMs >= offer.createdAtMs),
      'no silent success',
      `${what} is proven and the device has not reported it since it was offered`,
    );
  }
  if (status === 'succeeded' && word?.runs !== undefined) {
    const last = new Map(proofs.map(({ component, version }) => [component, version]));
    for (const [component, version] of last) {
      const runs = word.runs[component];
      check(
        runs === undefined || runs === version,
        'no silent success',
        `it runs ${component} ${runs}, not ${version}`,
      );
    }
  }
}

function checkTransitions(record: UpgradeRecord, check: Check): void {
  const { log, status } = record;
  const promise = 'every transition is accounted for';
  let last: UpgradeStatus | null = null;
  for (const line of log) {
    const { author, event, cause, atMs } = line;
    check(author !== '' && event !== '' && atMs > 0, promise, `line ${line.id} has no author, event or time`);
    if (line.status === null || line.status === last) continue;
    check(cause !== '' || !['system', 'device'].includes(author), promise, `${event} (${line.status}) has no cause`);
    if (last === null) check(line.status === 'scheduled', promise, `the log begins with ${line.status}`);
    else check(mayFollow(last, line.status), promise, `${line.status} follows ${last}`);
    last = line.status;
  }
  check(last === status, promise, `it is ${status} and the log ends with ${last}`);
  const ended = log.findIndex((line) => line.status !== null && isEnd(line.status));
  const later =
    ended < 0 ? [] : log.slice(ended + 1).filter((line) => line.event === 'offered' || line.event === 'offer_sent');
  const reopened = ended >= 0 && log.slice(ended + 1).some((line) => line.status === 'scheduled');
  check(later.length === 0 || reopened, 'one at a time', 'it was offered something after its end');
}

function checkOffers(record: UpgradeRecord, word: DeviceWord | null, check: Check): void {
  const { offers, log } = record;
  const attempts = offers.map(({ attempt }) => attempt);
  check(
    new Set(attempts).size === attempts.length,
    'one at a time',
    `an attempt was offered twice: ${attempts.join(', ')}`,
  );
  check(
    attempts.every((attempt, index) => index === 0 || attempt > attempts[index - 1]!),
    'one at a time',
    `attempts went back: ${attempts.join(', ')}`,
  );
  for (const offer of offers) {
    const { attempt, sends } = offer;
    const sent = log.filter((line) => line.event === 'offer_sent' && line.attempt === attempt);
    check(sends <= OFFER_SENDS, 'one at a time', `attempt ${attempt} was sent ${sends} times`);
    check(
      sent.length === sends,
      'every transition is accounted for',
      `attempt ${attempt}: ${sends} sendings, ${sent.length} lines`,
    );
    const newer = offers.find((each) => each.attempt > attempt);
    const stale = sent.filter(({ id }) =>
      log.some((line) => line.event === 'offered' && line.attempt === newer?.attempt && line.id < id),
    );
    check(
      stale.length === 0,
      'one at a time',
      `attempt ${attempt} was sent after attempt ${newer?.attempt} had been opened`,
    );
    const gaps = sent.slice(1).map(({ atMs }, index) => atMs - sent[index]!.atMs);
    // Milliseconds are lost where two clocks are compared.
    const tooSoon = gaps.filter((gapMs) => offer.reactionMs !== null && gapMs < offer.reactionMs * 0.9);
    check(tooSoon.length === 0, 'one at a time', `attempt ${attempt} was sent again after ${tooSoon.join(', ')} ms`);
  }
  for (const [version, arrived] of grouped(word?.offers ?? [], ({ version }) => version)) {
    const claimed = offers
      .filter(({ targetVersion }) => targetVersion === version)
      .reduce((sum, { sends }) => sum + sends, 0);
    check(
      arrived.length <= claimed,
      'one at a time',
      `${arrived.length} offers of ${version} arrived, ${claimed} were claimed`,
    );
  }
}

function grouped<Item>(items: readonly Item[], keyOf: (item: Item) => string): Map<string, Item[]> {
  const groups = new Map<string, Item[]>();
  for (const item of items) groups.set(keyOf(item), [...(groups.get(keyOf(item)) ?? []), item]);
  return groups;
}

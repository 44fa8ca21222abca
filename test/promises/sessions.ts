/** The promises about sessions of equipment: edges tell no lie, nothing said is lost or counted twice. Pure functions. */
import { Findings, type Broken } from './broken.ts';

/** A session as it was written, oldest first everywhere. */
export interface SessionRecord {
  code: string;
  state: string;
  edges: { edge: string; from: string; to: string; cause: string; atMs: number }[];
  statuses: string[];
  alarms: string[];
  flags: { action: string; status: string; raisedAtMs: number; servedAtMs: number | null; endedAtMs: number | null }[];
  /** Of each, the flag that it ended; null: none was pending, because an earlier one had ended it. */
  followUps: (number | null)[];
}

/** What the equipment itself knows. */
export interface EquipmentWord {
  /** It has called without a break, so it was never silent. */
  neverSilent: boolean;
  /** What it told and was answered, in order. */
  statuses: readonly string[];
  alarms: readonly string[];
  /** Calls with data that it made because of a flag, whatever became of them. */
  followUpCalls: number;
  /** Of these, the ones that were answered. */
  followed: number;
}

/** Everything that is broken about a session that has come to rest. */
export function brokenBySession(record: SessionRecord, word: EquipmentWord): Broken[] {
  const findings = new Findings(`equipment ${record.code}`);
  const { edges, statuses, alarms, flags, followUps, state } = record;
  let last = 'never';
  for (const { edge, from, to, cause, atMs } of edges) {
    findings.check(from === last, 'every transition is accounted for', `${edge} begins at ${from}, it was ${last}`);
    findings.check(cause !== '' && atMs > 0, 'every transition is accounted for', `${edge} has no cause or time`);
    const isLie = word.neverSilent && ['suspect', 'offline', 'back'].includes(edge);
    findings.check(!isLie, 'sessions tell the truth', `it was called ${edge} and has never been silent`);
    last = to;
  }
  findings.check(state === last, 'every transition is accounted for', `it is ${state}, its last edge says ${last}`);
  const same = (one: readonly string[], other: readonly string[]) => JSON.stringify(one) === JSON.stringify(other);
  findings.check(
    same(statuses, word.statuses),
    'nothing acknowledged is lost',
    `statuses ${statuses.join()}, told ${word.statuses.join()}`,
  );
  findings.check(
    same(alarms, word.alarms),
    'nothing acknowledged is lost',
    `alarms ${alarms.join()}, told ${word.alarms.join()}`,
  );
  let earlier: SessionRecord['flags'][number] | null = null;
  for (const flag of flags) {
    const { action, status, servedAtMs, endedAtMs } = flag;
    findings.check(
      status === 'followed' && endedAtMs !== null,
      'sessions tell the truth',
      `flag ${action} is ${status}`,
    );
    // How often it was served is counted once a second, and may be lost with the gateway.
    const isInOrder = earlier?.endedAtMs == null || servedAtMs === null || servedAtMs >= earlier.endedAtMs - 1_500;
    findings.check(isInOrder, 'sessions tell the truth', `flag ${action} was served before an older one had ended`);
    earlier = flag;
  }
  const asked = flags.filter(({ action }) => action !== 'parameters').length;
  // It is told until its call has arrived, and may call again meanwhile: that is kept, and ends nothing a second time.
  const ended = followUps.filter((flagId) => flagId !== null);
  const isOnce = ended.length === new Set(ended).size && ended.length <= asked;
  findings.check(isOnce, 'at most one effect', `follow-ups ended the flags ${ended.join()}, ${asked} were raised`);
  findings.check(
    followUps.length <= word.followUpCalls,
    'at most one effect',
    `${followUps.length} follow-ups are kept of ${word.followUpCalls} calls`,
  );
  findings.check(
    followUps.length >= word.followed,
    'nothing acknowledged is lost',
    `${followUps.length} follow-ups are kept, ${word.followed} were answered`,
  );
  return findings.broken;
}

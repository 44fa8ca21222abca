/**
 * What must be true at the end, whatever was killed: over the database, the progress logs, the wire and the devices
 * themselves.
 */
import type postgres from 'postgres';
import type { TerminalSimulator } from '../../gateways/terminal/simulator.ts';
import { wordsOf, type Broken } from '../promises/broken.ts';
import { readTasks, readUpgrades } from '../promises/records.ts';
import { brokenBetweenUpgrades, brokenByEndedUpgrade, brokenByTask } from '../promises/upgrades.ts';
import { readTransfers, type Wire } from '../system/wire.ts';

/** What is judged. */
interface Evidence {
  sql: postgres.Sql;
  wire: Wire;
  terminals: readonly { sn: string; simulator: TerminalSimulator }[];
  /** What the operator was told is ordered: tasks with their devices. */
  tasks: readonly { id: number; deviceIds: readonly string[] }[];
  /** Devices whose registration was answered. */
  registered: readonly string[];
  version: number;
  packets: number;
}

/** What came out. */
export interface Verdict {
  /** Sentences about what is not as promised; none: all is. */
  broken: string[];
  /** Packets that went over again, because a connection or a gateway ended before they arrived. */
  repeatedPackets: number;
  /** Offers that were sent again, because the gateway that had claimed them died. */
  repeatedOffers: number;
}

const LISTED = 20;

export async function judge(evidence: Evidence): Promise<Verdict> {
  const { sql, wire, terminals, tasks, registered, version, packets } = evidence;
  const findings: Broken[] = [];
  const broken: string[] = [];
  let [repeatedPackets, repeatedOffers] = [0, 0];

  const ids = tasks.map(({ id }) => id);
  const upgrades = await readUpgrades(sql, ids);
  const byDevice = new Map(upgrades.map((upgrade) => [upgrade.deviceId, upgrade]));
  for (const { sn, simulator } of terminals) {
    const upgrade = byDevice.get(`terminal-${sn}`);
    if (upgrade === undefined) {
      broken.push(`terminal ${sn}: its upgrade was ordered and is not there`);
      continue;
    }
    const events = wire.events(sn);
    const offers = events.flatMap((event) =>
      event.kind === 'offer' ? [{ version: String(event.version), atMs: event.atMs }] : [],
    );
    const reports = events.flatMap((event) =>
      event.kind === 'report' ? [{ component: 'T1', version: String(event.version), atMs: event.atMs }] : [],
    );
    const word = { offers, reports, runs: { T1: String(simulator.softwareVersion) } };
    findings.push(...brokenByEndedUpgrade(upgrade, word));
    if (upgrade.status !== 'succeeded' || upgrade.proofs[0]?.version !== String(version)) {
      broken.push(`terminal ${sn}: not proven, it is ${upgrade.status} (${upgrade.reason})`);
    }
    if (simulator.softwareVersion !== version) broken.push(`terminal ${sn} runs ${simulator.softwareVersion}`);
    try {
      const transfers = readTransfers(sn, events);
      const [transfer] = transfers;
      const sends = upgrade.offers.reduce((sum, offer) => sum + offer.sends, 0);
      if (transfers.length !== upgrade.offers.length || transfer === undefined) {
        broken.push(`terminal ${sn}: ${transfers.length} transfers for ${upgrade.offers.length} attempts`);
      }
      for (const each of transfers) {
        repeatedPackets += each.repeated;
        repeatedOffers += each.offers - 1;
      }
      if (offers.length > sends) broken.push(`terminal ${sn}: ${offers.length} offers arrived, ${sends} were claimed`);
      if (transfers.at(-1)?.packets !== packets) broken.push(`terminal ${sn}: ${transfers.at(-1)?.packets} packets`);
    } catch (error) {
      broken.push((error as Error).message);
    }
  }
  findings.push(...brokenBetweenUpgrades(upgrades));

  // What was answered is there, once, and nothing else.
  const stored = await readTasks(sql, ids);
  for (const task of stored) findings.push(...brokenByTask(task));
  for (const { id, deviceIds } of tasks) {
    const own = upgrades.filter(({ taskId }) => taskId === id).map(({ deviceId }) => deviceId);
    if (own.toSorted().join() !== deviceIds.toSorted().join()) broken.push(`task ${id} has other devices than ordered`);
  }
  const [counts] = await sql<{ tasks: number; registered: number }[]>`
    select (select count(*)::int from upgrade_tasks) as tasks,
      (select count(*)::int from devices where id = any(${registered as string[]})) as registered`;
  if (counts?.tasks !== tasks.length)
    broken.push(`${tasks.length} tasks were acknowledged, ${counts?.tasks} are there`);
  if (counts?.registered !== registered.length) {
    broken.push(`${registered.length} registrations were acknowledged, ${counts?.registered} are there`);
  }
  if (findings.length > 0) broken.push(...wordsOf(findings).split('\n'));
  return { broken: inShort(broken), repeatedPackets, repeatedOffers };
}

function inShort(broken: readonly string[]): string[] {
  if (broken.length <= LISTED) return [...broken];
  return [...broken.slice(0, LISTED), `and ${broken.length - LISTED} more`];
}

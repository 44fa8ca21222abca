/**
 * Many registered terminals in one go: how fast the API registers is not what is measured.
 */
import type postgres from 'postgres';
import { snAt } from '../gateways/terminal/fleet.ts';

/** Rows registered by one statement. */
const PAGE = 10_000;

/** Registers terminals that have reported version 10 and were heard of just now. */
export async function registerTerminals(sql: postgres.Sql, firstSn: string, devices: number): Promise<void> {
  for (let from = 0; from < devices; from += PAGE) {
    const sns = Array.from({ length: Math.min(PAGE, devices - from) }, (_, index) => snAt(firstSn, from + index));
    await sql`
      insert into devices (id, protocol, identity, department_id, model, created_by)
      select 'terminal-' || sn, 'terminal', sn, (select min(id) from departments), 'GV2', 'bench' from unnest(${sns}::text[]) sn`;
    await sql`
      insert into device_versions (device_id, component, version, reported_at, report_seq)
      select 'terminal-' || sn, 'T1', '10', now(), nextval('device_event_seq') from unnest(${sns}::text[]) sn`;
    // A day ahead: the devices stay connected for as long as this takes.
    await sql`
      insert into device_contacts (device_id, last_seen_at, address)
      select 'terminal-' || sn, now() + interval '1 day', '127.0.0.1' from unnest(${sns}::text[]) sn`;
  }
  await sql`analyze devices, device_versions, device_contacts`;
}

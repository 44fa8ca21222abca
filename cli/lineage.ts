/**
 * The life of a device on one screen, and the one sentence why it did not upgrade.
 */
import type { Command } from 'commander';
import { runs, type Context } from './context.ts';
import { time } from './output.ts';
import { oneLine } from './width.ts';

interface Why {
  code: string;
  answer: string;
  until: string | null;
}

interface Step {
  task: { id: number; name: string; createdBy: string };
  files: { targetVersion: string; component: string }[];
}

interface Lineage {
  why: Why;
  registration: { deviceId: string; model: string; imei: string | null; registeredAt: string; registeredBy: string };
  shipment: { orderNo: string; productionDate: string | null; shipDate: string | null };
  contact: { lastSeenAt: string; address: string } | null;
  versions: { component: string; version: string; firstReportedAt: string; lastReportedAt: string; current: boolean }[];
  planned: (Step & { earliestStartAt: string | null; deadlineAt: string })[];
  upgrades: (Step & {
    status: string;
    reasonText: string | null;
    startedAt: string | null;
    finishedAt: string | null;
  })[];
  decisions: { at: string; author: string; event: string; cause: string; taskId: number }[];
}

export function addLineageCommands(devices: Command): void {
  devices
    .command('lineage')
    .description('where a device came from, what it ran, what is planned for it')
    .argument('<device>', 'its id')
    .action(
      runs(async (context, id: string) => {
        const lineage = await context.api.get<Lineage>(`/devices/${encodeURIComponent(id)}/lineage`);
        if (context.out.isJson) return context.out.document(lineage);
        show(context, lineage);
      }),
    );

  devices
    .command('why')
    .description('why did this device not upgrade? One sentence')
    .argument('<device>', 'its id')
    .action(
      runs(async ({ out, api }, id: string) => {
        const why = await api.get<Why>(`/devices/${encodeURIComponent(id)}/why`);
        if (out.isJson) return out.document(why);
        out.say(oneLine(why.answer));
        out.essence(why.code);
      }),
    );
}

function show({ out }: Context, { why, registration, shipment, contact, ...lineage }: Lineage): void {
  const heading = (text: string) => out.say(`\n${out.paint('bold', text)}`);
  out.facts([
    ['device', registration.deviceId],
    ['IMEI', registration.imei],
    ['model', registration.model],
    ['order', shipment.orderNo],
    ['produced', shipment.productionDate],
    ['shipped', shipment.shipDate],
    ['registered', `${time(registration.registeredAt)} by ${registration.registeredBy}`],
    ['last seen', contact === null ? 'never' : `${time(contact.lastSeenAt)} from ${contact.address}`],
    ['in short', why.answer],
  ]);
  if (lineage.versions.length > 0) {
    heading('Ran');
    out.table<Lineage['versions'][number]>([
      { title: 'component', value: ({ component }) => component },
      { title: 'version', value: ({ version }) => version, gives: true },
      { title: 'from', value: ({ firstReportedAt }) => time(firstReportedAt) },
      { title: 'to', value: ({ lastReportedAt, current }) => (current ? 'now' : time(lastReportedAt)) },
    ])(lineage.versions);
  }
  if (lineage.planned.length > 0) {
    heading('Planned');
    out.table<Lineage['planned'][number]>([
      { title: 'task', value: ({ task }) => task.id, align: 'right' },
      { title: 'name', value: ({ task }) => task.name, gives: true },
      { title: 'to', value: targets },
      { title: 'not before', value: ({ earliestStartAt }) => time(earliestStartAt) },
      { title: 'deadline', value: ({ deadlineAt }) => time(deadlineAt) },
    ])(lineage.planned);
  }
  if (lineage.upgrades.length > 0) {
    heading('Upgrades');
    out.table<Lineage['upgrades'][number]>([
      { title: 'task', value: ({ task }) => task.id, align: 'right' },
      { title: 'to', value: targets },
      { title: 'status', value: ({ status }) => status, paint: (cell, { status }) => out.status(cell, status) },
      { title: 'began', value: ({ startedAt }) => time(startedAt) },
      { title: 'ended', value: ({ finishedAt }) => time(finishedAt) },
      { title: 'why', value: ({ reasonText }) => reasonText, gives: true },
    ])(lineage.upgrades);
  }
  if (lineage.decisions.length > 0) {
    heading('Decided');
    out.table<Lineage['decisions'][number]>([
      { title: 'when', value: ({ at }) => time(at) },
      { title: 'who', value: ({ author }) => author, gives: true },
      { title: 'task', value: ({ taskId }) => taskId, align: 'right' },
      { title: 'what', value: ({ event }) => event },
      { title: 'why', value: ({ cause }) => cause, gives: true },
    ])(lineage.decisions);
  }
  out.essence(why.code);
}

function targets({ files }: Step): string {
  return files.map(({ component, targetVersion }) => `${component} ${targetVersion}`).join(', ');
}

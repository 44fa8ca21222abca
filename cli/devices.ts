/**
 * Devices: listing, one of them, its history.
 */
import type { Command } from 'commander';
import { runs } from './context.ts';
import { addDeviceLogCommand } from './device-log.ts';
import { addImportCommand } from './device-import.ts';
import { addLineageCommands } from './lineage.ts';
import { asList, printList, type ListOptions } from './lists.ts';
import { time } from './output.ts';
import type { Device, DeviceDetail } from './shapes.ts';

interface DeviceFilter extends ListOptions {
  protocol?: string;
  model?: string;
  power?: string;
  order?: string;
  search?: string;
  runs?: string;
  upgrade?: string;
}

export function addDeviceCommands(program: Command): void {
  const devices = program.command('devices').alias('device').description('registered devices');

  asList(devices.command('list'))
    .description('list devices')
    .option('--protocol <name>', 'terminal, ams, pcp or pile')
    .option('--model <name>', 'of this model')
    .option('--power <kW>', 'charging piles of this power')
    .option('--order <number>', 'of this order')
    .option('--search <text>', 'what you remember: digits of the label, words of model, order or remark')
    .option('--runs <version>', 'that reported this version last')
    .option('--upgrade <status>', 'whose running upgrade has this status')
    .action(
      runs((context, { protocol, model, power, order, search, runs: version, upgrade, ...page }: DeviceFilter) =>
        printList<Device>(
          context,
          '/devices',
          { protocol, model, powerKw: power, orderNo: order, search, version, upgradeStatus: upgrade },
          page,
          {
            columns: [
              { title: 'device', value: ({ id }) => id },
              { title: 'model', value: modelText, gives: true },
              { title: 'order', value: ({ orderNo }) => orderNo, gives: true },
              { title: 'versions', value: ({ versions }) => versionsText(versions), gives: true },
              { title: 'last seen', value: ({ lastSeenAt }) => time(lastSeenAt) },
              { title: 'remark', value: ({ remark }) => remark, gives: true },
            ],
            id: ({ id }) => id,
            empty: 'No device fits.',
          },
        ),
      ),
    );

  devices
    .command('show')
    .description('one device: what it reported, when it was heard of, what runs for it')
    .argument('<device>', 'its id, for example terminal-6134441313')
    .action(
      runs(async ({ out, api }, id: string) => {
        const device = await api.get<DeviceDetail>(`/devices/${encodeURIComponent(id)}`);
        if (out.isJson) return out.document(device);
        const { contact, runningUpgrade: running } = device;
        out.facts([
          ['device', device.id],
          ['IMEI', device.imei],
          ['model', modelText(device)],
          ['order', device.orderNo],
          ['produced', device.productionDate],
          ['shipped', device.shipDate],
          ['remark', device.remark],
          ...device.versions.map(
            ({ component, version, reportedAt }) =>
              [`version ${component}`, `${version}  (reported ${time(reportedAt)})`] as const,
          ),
          ['last seen', contact === null ? 'never' : `${time(contact.lastSeenAt)} from ${contact.address}`],
          [
            'upgrade',
            running === null
              ? 'none runs'
              : `${running.status}${running.reasonText === null ? '' : `: ${running.reasonText}`} (task ${running.taskId})`,
          ],
          ['in Temporal', running === null ? null : device.links.execution],
        ]);
        out.essence(device.id);
      }),
    );

  addLineageCommands(devices);
  addImportCommand(devices);
  addDeviceLogCommand(devices);
}

function modelText({ model, powerKw }: Pick<Device, 'model' | 'powerKw'>): string {
  return powerKw === null ? model : `${model} ${powerKw} kW`;
}

function versionsText(versions: Record<string, string>): string {
  return Object.entries(versions)
    .map(([component, version]) => `${component} ${version}`)
    .join(', ');
}

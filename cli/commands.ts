/**
 * Commands to single devices: giving, listing, looking at and taking back.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Command } from 'commander';
import { isPassing } from './api.ts';
import { integer, positive, runs, type Context } from './context.ts';
import { EXIT } from './failures.ts';
import { asList, printList, type ListOptions } from './lists.ts';
import { time } from './output.ts';
import type { LogLine } from './shapes.ts';
import { oneLine, pad } from './width.ts';

interface DeviceCommand {
  id: number;
  deviceId: string;
  kind: string;
  params: { minutes?: number; control?: string };
  status: string;
  reasonText: string | null;
  waitsFor: string | null;
  sends: number;
  result: Record<string, string | number> | null;
  createdAt: string;
  createdBy: string;
  deadlineAt: string;
  finishedAt: string | null;
  links: { execution: string | null };
}

interface Given {
  minutes?: number;
  control?: string;
  confirm?: boolean;
  deadlineHours?: number;
  cause?: string;
  wait?: boolean;
}

interface Filter extends ListOptions {
  device?: string;
  status?: string;
  kind?: string;
}

const WAIT_MS = 1_000;
const LIVE = new Set(['waiting', 'sent', 'accepted']);

export function addCommandCommands(program: Command): void {
  const commands = program.command('command').alias('commands').description('commands to single devices');

  commands
    .command('send')
    .description('give a device a command; it waits for a device that is away')
    .argument('<device>', 'its id, for example terminal-6134441313')
    .argument('<kind>', 'set_sleep, read_sleep (terminals), restart (piles) or query_version (PCP devices)')
    .option('--minutes <n>', 'set_sleep: how long to sleep after each check-in', integer)
    .option('--control <when>', 'restart: at_once or when_idle')
    .option('--confirm', 'restart at_once: yes, interrupt charging')
    .option('--deadline-hours <n>', 'give up after this time (24)', positive)
    .option('--cause <text>', 'why; stands in the log beside your name')
    .option('--wait', 'wait for its end; exit code 2 if it did not succeed')
    .action(
      runs(async (context, deviceId: string, kind: string, { wait, ...given }: Given) => {
        const { out, api } = context;
        const path = `/devices/${encodeURIComponent(deviceId)}/commands`;
        const body = { kind: kind.replaceAll('-', '_'), ...given };
        const made = await api.create<DeviceCommand>(path, body, randomUUID());
        if (wait === true) return untilEnded(context, made);
        if (out.isJson) out.document(made);
        out.essence(made.id);
        if (!out.isJson)
          out.say(`Command ${made.id}: ${words(made)} to ${made.deviceId}, until ${time(made.deadlineAt)}.`);
        return EXIT.ok;
      }),
    );

  asList(commands.command('list'))
    .description('list commands, newest first')
    .option('--device <id>', 'of this device')
    .option('--status <name>', 'for example waiting or failed')
    .option('--kind <name>', 'for example set_sleep')
    .action(
      runs((context, { device, status, kind, ...page }: Filter) =>
        printList<DeviceCommand>(context, '/commands', { deviceId: device, status, kind }, page, {
          columns: [
            { title: 'command', value: ({ id }) => id, align: 'right' },
            { title: 'device', value: ({ deviceId }) => deviceId },
            { title: 'what', value: (each) => words(each) },
            {
              title: 'status',
              value: (each) => each.status,
              paint: (cell, each) => context.out.status(cell, each.status),
            },
            { title: 'given', value: ({ createdAt }) => time(createdAt) },
            { title: 'by', value: ({ createdBy }) => createdBy, gives: true },
            { title: 'what came of it', value: (each) => outcome(each), gives: true },
          ],
          id: ({ id }) => id,
          empty: 'No command fits.',
        }),
      ),
    );

  commands
    .command('show')
    .description('one command, with everything that happened to it')
    .argument('<command>', 'its number', integer)
    .action(
      runs(async ({ out, api }, id: number) => {
        const command = await api.get<DeviceCommand & { log: LogLine[] }>(`/commands/${id}`);
        if (out.isJson) return out.document(command);
        out.facts([
          ['device', command.deviceId],
          ['what', words(command)],
          ['status', command.status],
          ['what came of it', outcome(command)],
          ['sent', `${command.sends} times`],
          ['deadline', time(command.deadlineAt)],
          ['in Temporal', command.links.execution],
        ]);
        for (const { at, author, event, cause } of command.log) {
          out.say(
            `${out.paint('dim', time(at))}  ${pad(event, 17)}  ${oneLine(cause)}${out.paint('dim', `  ${oneLine(author)}`)}`,
          );
        }
        out.essence(command.id);
      }),
    );

  commands
    .command('cancel')
    .description('take a command back that waits')
    .argument('<command>', 'its number', integer)
    .option('--cause <text>', 'why; stands in the log beside your name')
    .action(
      runs(async ({ out, api }, id: number, body: { cause?: string }) => {
        const command = await api.send<DeviceCommand>('POST', `/commands/${id}/cancel`, body);
        if (out.isJson) return out.document(command);
        out.essence(command.id);
        out.say(`Command ${id} is ${command.status}.`);
      }),
    );
}

async function untilEnded(context: Context, made: DeviceCommand): Promise<number> {
  const { out, api } = context;
  if (!out.isJson) out.note(`Command ${made.id} waits for ${made.deviceId}. Ctrl-C leaves it alone.`);
  for (let command = made; ;) {
    if (!LIVE.has(command.status)) {
      if (out.isJson) out.document(command);
      out.essence(command.id);
      if (!out.isJson)
        out.say(`Command ${command.id}: ${command.status}${outcome(command) === '' ? '' : `, ${outcome(command)}`}.`);
      return command.status === 'succeeded' ? EXIT.ok : EXIT.endedBadly;
    }
    await delay(WAIT_MS);
    try {
      command = await api.get<DeviceCommand>(`/commands/${made.id}`);
    } catch (error) {
      if (!isPassing(error)) throw error;
      out.note(`${(error as Error).message} Trying again.`);
    }
  }
}

function words({ kind, params }: DeviceCommand): string {
  if (params.minutes !== undefined) return `${kind} ${params.minutes}`;
  return params.control === undefined ? kind : `${kind} ${params.control}`;
}

function outcome({ reasonText, result, waitsFor }: DeviceCommand): string {
  if (reasonText !== null) return reasonText;
  if (waitsFor !== null) return `waits for ${waitsFor}`;
  return Object.entries(result ?? {})
    .map(([name, value]) => `${name} ${value}`)
    .join(', ');
}

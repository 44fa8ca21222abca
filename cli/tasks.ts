/**
 * Tasks: listing, one of them, and what may be done to it.
 */
import type { Command } from 'commander';
import { integer, runs } from './context.ts';
import { asList, printList, type ListOptions } from './lists.ts';
import { filesText } from './order.ts';
import { amount, time } from './output.ts';
import { taskEnded, type LogLine, type Task, type TaskDetail, type Upgrade } from './shapes.ts';
import { addOrderCommands } from './task-orders.ts';
import { watchTask } from './watch.ts';
import { oneLine } from './width.ts';

/** Name on the command line, end of the address, what it does. */
const CONTROLS = [
  ['pause', 'pause', 'start and offer nothing more until it is resumed; what is being transferred goes on'],
  ['resume', 'resume', 'go on where it was paused'],
  ['cancel', 'cancel', 'end it; devices that have the whole file are still awaited'],
  ['approve', 'approve', 'agree to a task that waits for approval'],
  ['reject', 'reject', 'refuse a task that waits for approval'],
  ['start-now', 'start-now', 'do not wait for the rest of the dispatch delay; permitted hours still hold'],
  ['retry', 'retry-failed', 'put devices that did not succeed back into the task'],
] as const;

export function addTaskCommands(program: Command): void {
  const tasks = program.command('task').alias('tasks').description('upgrade tasks');
  addOrderCommands(tasks);

  asList(tasks.command('list'))
    .description('list tasks, newest first')
    .option('--status <name>', 'for example running')
    .action(
      runs((context, { status, ...page }: ListOptions & { status?: string }) =>
        printList<Task>(context, '/upgrade-tasks', { status }, page, {
          columns: [
            { title: 'id', value: ({ id }) => id, align: 'right' },
            { title: 'name', value: ({ name }) => name, gives: true },
            {
              title: 'status',
              value: (task) => task.status,
              paint: (cell, task) => context.out.status(cell, task.status),
            },
            { title: 'devices', value: ({ deviceCount }) => amount(deviceCount), align: 'right' },
            { title: 'made', value: ({ createdAt }) => time(createdAt) },
            { title: 'by', value: ({ createdBy }) => createdBy, gives: true },
            { title: 'ended', value: ({ finishedAt }) => time(finishedAt) },
          ],
          id: ({ id }) => id,
          empty: 'There is no such task.',
        }),
      ),
    );

  tasks
    .command('show')
    .description('one task: how many devices are how far, what it does now')
    .argument('<task>', 'its number', integer)
    .action(
      runs(async ({ out, api }, id: number) => {
        const task = await api.get<TaskDetail>(`/upgrade-tasks/${id}`);
        if (out.isJson) return out.document(task);
        const { live } = task;
        out.facts([
          ['task', `${task.id}  ${oneLine(task.name)}`],
          ['status', task.status],
          ['files', filesText(task.files)],
          ['made', `${time(task.createdAt)} by ${task.createdBy}`],
          ['first device', time(task.dispatchAt)],
          ['deadline', time(task.deadlineAt)],
          ['ended', time(task.finishedAt)],
          [
            'now',
            live === null ? null : `${live.phase}${live.wakesAt === null ? '' : `, until ${time(live.wakesAt)}`}`,
          ],
          ['at one time', live?.maxConcurrent],
          ['devices', amount(task.deviceCount)],
        ]);
        for (const [status, count] of Object.entries(task.counts)) {
          out.say(`  ${out.status(status.padEnd(14), status)}${amount(count).padStart(9)}`);
        }
        if (task.links.execution !== null) out.facts([['in Temporal', task.links.execution]]);
        if (!taskEnded(task.status)) out.note(`Watch it: slipway task watch ${task.id}`);
        out.essence(task.status);
      }),
    );

  asList(tasks.command('devices'))
    .description('devices of a task')
    .argument('<task>', 'its number', integer)
    .option('--status <name>', 'for example failed')
    .option('--reason <code>', 'that wait or failed for this reason')
    .action(
      runs((context, id: number, { status, reason, ...page }: ListOptions & { status?: string; reason?: string }) =>
        printList<Upgrade>(context, `/upgrade-tasks/${id}/devices`, { status, reason }, page, {
          columns: [
            { title: 'device', value: ({ deviceId }) => deviceId },
            {
              title: 'status',
              value: (row) => row.status,
              paint: (cell, row) => context.out.status(cell, row.status),
            },
            { title: 'file', value: ({ fileIndex }) => fileIndex + 1, align: 'right' },
            { title: 'try', value: ({ attempt }) => attempt, align: 'right' },
            {
              title: 'sent',
              value: ({ bytesSent, bytesTotal }) =>
                bytesTotal === 0 ? '' : `${Math.floor((bytesSent / bytesTotal) * 100)} %`,
              align: 'right',
            },
            { title: 'changed', value: ({ updatedAt }) => time(updatedAt) },
            { title: 'why', value: (row) => row.reasonText ?? row.reason, gives: true },
          ],
          id: ({ deviceId }) => deviceId,
          empty: 'No device fits.',
        }),
      ),
    );

  asList(tasks.command('log'))
    .description('what happened to a task, who did it and why')
    .argument('<task>', 'its number', integer)
    .action(
      runs((context, id: number, page: ListOptions) =>
        printList<LogLine>(context, `/upgrade-tasks/${id}/log`, {}, page, {
          columns: [
            { title: 'when', value: ({ at }) => time(at) },
            { title: 'who', value: ({ author }) => author, gives: true },
            { title: 'what', value: ({ event }) => event },
            { title: 'why', value: ({ cause }) => cause, gives: true },
          ],
          id: (line) => line.id,
          empty: 'Nothing has happened yet.',
        }),
      ),
    );

  tasks
    .command('watch')
    .description('show how a task goes until it has ended; exit code 0 when every device succeeded, else 2')
    .argument('<task>', 'its number', integer)
    .addHelpText('after', '\nCtrl-C only ends the watching. With --json one line of JSON per change.')
    .action(runs((context, id: number) => watchTask(context, id)));

  for (const [name, address, description] of CONTROLS) {
    tasks
      .command(name)
      .description(description)
      .argument('<task>', 'its number', integer)
      .option('--cause <text>', 'why; stands in its log beside your name')
      .action(
        runs(async ({ out, api }, id: number, { cause }: { cause?: string }) => {
          const body = cause === undefined ? {} : { cause };
          const answer = await api.send<Task | { task: Task; devices: number }>(
            'POST',
            `/upgrade-tasks/${id}/${address}`,
            body,
          );
          if (out.isJson) return out.document(answer);
          const task = 'task' in answer ? answer.task : answer;
          const again = 'task' in answer ? `, ${amount(answer.devices)} devices begin again` : '';
          out.say(`Task ${id} is ${out.status(task.status)}${again}.`);
          out.essence(task.status);
        }),
      );
  }
}

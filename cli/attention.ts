/**
 * Device upgrades that need a person, over all tasks: which, and what the person decides.
 */
import { InvalidArgumentError, type Command } from 'commander';
import { integer, runs } from './context.ts';
import { EXIT } from './failures.ts';
import { asList, printList, type ListOptions } from './lists.ts';
import { amount, time } from './output.ts';

interface Item {
  upgradeId: number;
  kind: string;
  since: string;
  taskId: number;
  deviceId: string;
  status: string;
  reasonText: string | null;
  advice: string;
  decisions: string[];
}

interface Decided {
  decided: number;
  refused: number;
  failed: number;
  results: { upgradeId: number; deviceId: string | null; result: string; detail: string | null }[];
}

interface Filter extends ListOptions {
  kind?: string;
  task?: number;
  model?: string;
  oldest?: boolean;
}

export function addAttentionCommands(program: Command): void {
  const attention = program.command('attention').description('device upgrades that need a person, over all tasks');

  asList(attention.command('list'))
    .description('list them, with what can be done')
    .option('--kind <name>', 'for example failed, reverted or confirm')
    .option('--task <task>', 'of this task', integer)
    .option('--model <name>', 'of this model')
    .option('--oldest', 'longest waiting first')
    .action(
      runs((context, { kind, task, model, oldest, ...page }: Filter) =>
        printList<Item>(
          context,
          '/attention',
          { kind, taskId: task, model, order: oldest === true ? 'oldest' : undefined },
          page,
          {
            columns: [
              { title: 'upgrade', value: ({ upgradeId }) => upgradeId, align: 'right' },
              { title: 'device', value: ({ deviceId }) => deviceId },
              { title: 'task', value: ({ taskId }) => taskId, align: 'right' },
              {
                title: 'status',
                value: (item) => item.status,
                paint: (cell, item) => context.out.status(cell, item.status),
              },
              { title: 'since', value: ({ since }) => time(since) },
              { title: 'why', value: ({ reasonText }) => reasonText, gives: true },
              { title: 'what to do', value: ({ advice }) => advice, gives: true },
              { title: 'decide', value: ({ decisions }) => decisions.join(', ') },
            ],
            id: ({ upgradeId }) => upgradeId,
            empty: 'Nothing needs a person.',
          },
        ),
      ),
    );

  attention
    .command('decide')
    .description('decide about device upgrades; exit code 1 if one was refused')
    .argument('<decision>', 'retry, give_up or confirm')
    .argument('<upgrades...>', 'numbers from the list', upgradeIds)
    .option('--cause <text>', 'why; stands in the log beside your name')
    .action(
      runs(async ({ out, api }, decision: string, ids: number[], { cause }: { cause?: string }) => {
        const body = {
          upgradeIds: ids,
          decision: decision.replace('-', '_'),
          ...(cause === undefined ? {} : { cause }),
        };
        const answer = await api.send<Decided>('POST', '/attention/decide', body);
        if (out.isJson) out.document(answer);
        out.table<Decided['results'][number]>([
          { title: 'upgrade', value: ({ upgradeId }) => upgradeId, align: 'right' },
          { title: 'device', value: ({ deviceId }) => deviceId },
          { title: 'result', value: ({ result }) => result, paint: (cell, { result }) => out.status(cell, result) },
          { title: 'why not', value: ({ detail }) => detail, gives: true },
        ])(answer.results);
        out.essence(answer.decided);
        const refused = answer.refused + answer.failed;
        out.say(`${amount(answer.decided)} decided, ${amount(refused)} not.`);
        return refused > 0 ? EXIT.failed : EXIT.ok;
      }),
    );
}

function upgradeIds(text: string, before: number[] = []): number[] {
  const ids = text.split(',').filter((each) => each.trim() !== '');
  if (ids.some((id) => !/^\s*\d+\s*$/.test(id))) throw new InvalidArgumentError('They must be numbers of upgrades.');
  return [...before, ...ids.map(Number)];
}

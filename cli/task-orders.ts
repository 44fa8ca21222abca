/**
 * Planning and making tasks. A person sees the plan and says yes before anything is made.
 */
import { randomUUID } from 'node:crypto';
import type { Command } from 'commander';
import { integer, runs, type Context } from './context.ts';
import { EXIT, Failure } from './failures.ts';
import { addOrderOptions, filesText, orderOf, type OrderOptions } from './order.ts';
import { amount, time } from './output.ts';
import type { Plan, Task } from './shapes.ts';
import { canAsk, confirm } from './terminal.ts';
import { watchTask } from './watch.ts';
import { oneLine } from './width.ts';

type PlannedDevice = Plan['devices'][number];

const LISTED = 20;

export function addOrderCommands(tasks: Command): void {
  addOrderOptions(tasks.command('plan'))
    .description('say which devices would go, which not and why, and how long it takes; changes nothing')
    .option('--outcome <what>', 'list only devices that are: goes, waits, skipped or refused')
    .option('--limit <n>', 'devices to list', integer)
    .option('--all', 'list all devices')
    .action(
      runs(async (context, options: OrderOptions & { outcome?: string; limit?: number; all?: boolean }) => {
        const plan = await readPlan(context, orderOf(options), options);
        if (context.out.isJson) return context.out.document(plan);
        showPlan(context, plan);
        context.out.essence(plan.counts.goes);
      }),
    );

  addOrderOptions(tasks.command('create'))
    .description('make a task: shows the plan and asks first')
    .option('-y, --yes', 'do not ask')
    .option('--idempotency-key <key>', 'the same key never makes a second task; a new one unless given')
    .option('-w, --watch', 'go on to watch it')
    .action(
      runs(async (context, options: OrderOptions & { yes?: boolean; idempotencyKey?: string; watch?: boolean }) => {
        const { out, api } = context;
        const order = orderOf(options);
        if (options.yes !== true) {
          if (!canAsk()) {
            throw new Failure('Nobody can be asked here. Add --yes; "slipway task plan" shows what would happen.');
          }
          if (!out.isJson) showPlan(context, await readPlan(context, order, { limit: LISTED }));
          if (!(await confirm('Make this task?'))) {
            out.note('Nothing was made.');
            return EXIT.failed;
          }
        }
        const made = await api.create<Task & Pick<Plan, 'counts' | 'warnings' | 'latestEndAt'>>(
          '/upgrade-tasks',
          order,
          options.idempotencyKey ?? randomUUID(),
        );
        if (out.isJson && options.watch !== true) out.document(made);
        out.say(
          `Task ${made.id} "${oneLine(made.name)}": ${amount(made.deviceCount)} devices, ${
            made.status === 'awaiting_approval'
              ? `waits for approval: slipway task approve ${made.id}`
              : `starts ${time(made.dispatchAt)}`
          }.`,
        );
        if (options.yes === true) made.warnings.forEach(({ message }) => out.note(`warning: ${oneLine(message)}`));
        out.essence(made.id);
        if (options.watch === true) return watchTask(context, made.id);
        if (!out.isJson) out.note(`Watch it: slipway task watch ${made.id}`);
        return EXIT.ok;
      }),
    );
}

/** The plan with as many devices as are wanted. */
async function readPlan(
  { api }: Context,
  order: Record<string, unknown>,
  { outcome, limit = LISTED, all }: { outcome?: string; limit?: number; all?: boolean },
): Promise<Plan> {
  const devices: PlannedDevice[] = [];
  const wanted = all === true ? Infinity : limit;
  for (let after: number | null = null; ;) {
    const page = Math.min(1_000, wanted - devices.length);
    const query = new URLSearchParams({
      limit: String(page),
      ...(outcome === undefined ? {} : { outcome }),
      ...(after === null ? {} : { after: String(after) }),
    });
    const plan: Plan = await api.send('POST', `/upgrade-tasks/plan?${query.toString()}`, order);
    devices.push(...plan.devices);
    if (plan.next === null || devices.length >= wanted) return { ...plan, devices };
    after = plan.next;
  }
}

function showPlan({ out }: Context, plan: Plan): void {
  const { counts } = plan;
  out.facts([
    ['files', filesText(plan.files)],
    [
      'devices',
      `${amount(counts.goes)} go, ${amount(counts.waits)} wait, ${amount(counts.skipped)} skipped, ${amount(counts.refused)} refused`,
    ],
    ['first device', time(plan.dispatchAt)],
    ['nights', plan.nights],
    ['expected end', plan.expectedEndAt === null ? 'not before the deadline' : time(plan.expectedEndAt)],
    ['deadline', time(plan.deadlineAt)],
    ['ends at latest', time(plan.latestEndAt)],
  ]);
  for (const { message } of plan.warnings) out.say(`${out.paint('yellow', 'warning:')} ${oneLine(message)}`);
  if (plan.reasons.length > 0) {
    out.say();
    out.table<Plan['reasons'][number]>([
      { title: 'devices', value: ({ devices }) => amount(devices), align: 'right' },
      { title: 'are', value: ({ outcome }) => outcome, paint: (cell, { outcome }) => out.status(cell, outcome) },
      { title: 'because', value: ({ reason }) => reason },
      { title: 'which means', value: ({ reasonText }) => reasonText, gives: true },
    ])(plan.reasons);
  }
  if (plan.devices.length === 0) return;
  out.say();
  out.table<PlannedDevice>([
    { title: '#', value: ({ position }) => position + 1, align: 'right' },
    { title: 'device', value: ({ deviceId }) => deviceId },
    { title: 'outcome', value: ({ outcome }) => outcome, paint: (cell, { outcome }) => out.status(cell, outcome) },
    { title: 'wave', value: ({ wave }) => wave, align: 'right' },
    { title: 'not before', value: ({ earliestStartAt }) => time(earliestStartAt) },
    { title: 'at latest', value: ({ latestEndAt }) => time(latestEndAt) },
    { title: 'why', value: ({ explanation }) => explanation, gives: true },
  ])(plan.devices);
  const shown = plan.devices.length;
  if (shown < counts.asked && plan.next !== null) out.say(out.paint('dim', `… ${amount(counts.asked - shown)} more`));
}

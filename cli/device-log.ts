/**
 * The progress log of a device's latest upgrade, as it is or as it grows.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Command } from 'commander';
import { isPassing } from './api.ts';
import { runs, type Context } from './context.ts';
import { Failure } from './failures.ts';
import { time } from './output.ts';
import { isEnd, type LogLine, type Page, type Upgrade } from './shapes.ts';
import { oneLine, pad } from './width.ts';

const FOLLOW_MS = 2_000;

export function addDeviceLogCommand(devices: Command): void {
  devices
    .command('log')
    .description('what happened in the latest upgrade of a device: when, who, what, why')
    .argument('<device>', 'its id')
    .option('-f, --follow', 'go on until the upgrade has ended; with --json one line of JSON per entry')
    .action(
      runs(async (context, id: string, { follow }: { follow?: boolean }) => {
        const { out } = context;
        const upgrade = await latest(context, id);
        const path = `/device-upgrades/${upgrade.id}`;
        out.note(out.isJson ? '' : `${id} in task ${upgrade.taskId}: ${upgrade.status}${reason(upgrade)}`);
        if (follow !== true) {
          const lines = await readFrom(context, path, 0);
          if (out.isJson) return out.document(lines);
          lines.forEach((line) => show(context, line));
          return;
        }
        return followLog(context, path);
      }),
    );
}

async function latest({ api }: Context, deviceId: string): Promise<Upgrade> {
  const page = await api.get<Page<Upgrade>>(`/devices/${encodeURIComponent(deviceId)}/upgrades`, { limit: 1 });
  const [upgrade] = page.items;
  if (upgrade === undefined) throw new Failure(`${deviceId} was never in a task.`);
  return upgrade;
}

async function followLog(context: Context, path: string): Promise<void> {
  let after = 0;
  for (;;) {
    try {
      // The status first: what was written until then is read behind it.
      const { status } = await context.api.get<Upgrade>(path);
      const lines = await readFrom(context, path, after);
      for (const line of lines) {
        if (context.out.isJson) context.out.record(line);
        else show(context, line);
      }
      after = lines.at(-1)?.id ?? after;
      if (isEnd(status)) return;
    } catch (error) {
      if (!isPassing(error)) throw error;
      context.out.note(`${(error as Error).message} Trying again.`);
    }
    await delay(FOLLOW_MS);
  }
}

async function readFrom({ api }: Context, path: string, after: number): Promise<LogLine[]> {
  const lines: LogLine[] = [];
  for await (const page of api.pages<LogLine>(`${path}/log`, { limit: 500, after })) lines.push(...page.items);
  return lines;
}

function show({ out }: Context, { at, author, event, status, fileIndex, attempt, cause }: LogLine): void {
  const where = [
    fileIndex === null || fileIndex === undefined ? '' : `file ${fileIndex + 1}`,
    attempt === null || attempt === undefined || attempt === 0 ? '' : `attempt ${attempt}`,
  ].filter((each) => each !== '');
  const what = pad(event, 17);
  out.say(
    `${out.paint('dim', time(at))}  ${status ? out.status(what, status) : what}  ${oneLine(cause)}` +
      out.paint('dim', `  ${[oneLine(author), ...where].join(', ')}`),
  );
}

function reason({ reason: code, reasonText }: Upgrade): string {
  return code === null ? '' : ` (${code}${reasonText === null ? '' : `: ${reasonText}`})`;
}

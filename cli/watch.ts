/**
 * Watches a task: bars by status that move where somebody looks, lines where nobody does, JSON for programs. What it
 * shows is always read from the task itself; events only say when to look. It puts up with an API that goes and comes.
 */
import { isPassing } from './api.ts';
import type { Context } from './context.ts';
import { EXIT } from './failures.ts';
import { News } from './news.ts';
import { amount, time, type Output } from './output.ts';
import { bar, LiveBlock } from './progress.ts';
import { isEnd, taskEnded, UPGRADE_STATUSES, type TaskDetail } from './shapes.ts';
import { cut, oneLine, pad } from './width.ts';

/** Shows a task until it has ended; the exit code. */
export async function watchTask(context: Context, id: number): Promise<number> {
  const { out, api } = context;
  const view = out.isLive ? new BarsView(out) : new LinesView(out);
  // The first look decides whether there is such a task and whether we may see it.
  let task = await api.get<TaskDetail>(`/upgrade-tasks/${id}`);
  const news = new News(api, `/upgrade-tasks/${id}/events`);
  const onInterrupt = () => {
    if (!out.isJson) out.note(`\nStopped watching. The task goes on: slipway task watch ${id}`);
    process.exit(EXIT.interrupted);
  };
  process.once('SIGINT', onInterrupt);
  try {
    for (;;) {
      view.show(task);
      if (taskEnded(task.status)) return exitCodeOf(context, task);
      await news.next();
      try {
        task = await api.get<TaskDetail>(`/upgrade-tasks/${id}`);
      } catch (error) {
        if (!isPassing(error)) throw error;
        view.trouble((error as Error).message);
      }
    }
  } finally {
    process.off('SIGINT', onInterrupt);
    await news.stop();
  }
}

function exitCodeOf({ out }: Context, task: TaskDetail): number {
  const others = Object.entries(task.counts).filter(([status, count]) => status !== 'succeeded' && count > 0);
  out.essence(task.status);
  if (others.length === 0) {
    out.say(
      out.paint('green', `Task ${task.id} is ${task.status}: all ${amount(task.deviceCount)} devices succeeded.`),
    );
    return EXIT.ok;
  }
  const list = others.map(([status, count]) => `${amount(count)} ${status}`).join(', ');
  out.say(out.paint('red', `Task ${task.id} is ${task.status}, and not every device succeeded: ${list}.`));
  out.note(`See which: slipway task devices ${task.id} --status ${others[0]![0]}`);
  return EXIT.endedBadly;
}

interface View {
  show(task: TaskDetail): void;
  /** The API cannot be asked now. */
  trouble(message: string): void;
}

/** For a terminal: drawn over itself. */
class BarsView implements View {
  readonly #out: Output;
  readonly #block = new LiveBlock();
  #last: TaskDetail | null = null;

  constructor(out: Output) {
    this.#out = out;
  }

  show(task: TaskDetail): void {
    this.#last = task;
    this.#draw(task, null);
  }

  trouble(message: string): void {
    if (this.#last !== null) this.#draw(this.#last, `${message} Trying again.`);
  }

  #draw(task: TaskDetail, trouble: string | null): void {
    const width = this.#out.width ?? 80;
    const total = Math.max(1, task.deviceCount);
    const ended = endedOf(task);
    const room = Math.max(5, Math.min(50, width - 32));
    const heading = `Task ${task.id}  ${oneLine(task.name)}`;
    const summary = `${task.status}${phaseOf(task)}, ${amount(ended)} of ${amount(task.deviceCount)} ended (${percent(ended, total)})`;
    const rows = statusesOf(task).map(([status, count]) => {
      const line = `${pad(cut(status, 14), 14)} ${bar(count / total, room)} ${amount(count).padStart(9)} ${percent(count, total).padStart(5)}`;
      return this.#out.status(cut(line, width), status);
    });
    const foot = trouble === null ? [] : [this.#out.paint('yellow', cut(oneLine(trouble), width))];
    this.#block.draw([this.#out.paint('bold', cut(heading, width)), cut(summary, width), ...rows, ...foot]);
  }
}

/** For files, other programs and JSON: one line when something has changed. */
class LinesView implements View {
  readonly #out: Output;
  #last = '';
  #isTroubled = false;

  constructor(out: Output) {
    this.#out = out;
  }

  show(task: TaskDetail): void {
    this.#isTroubled = false;
    const { id, status, counts, deviceCount } = task;
    const state = JSON.stringify([status, counts, task.live?.phase]);
    if (state === this.#last) return;
    this.#last = state;
    const at = new Date().toISOString();
    if (this.#out.isJson) {
      this.#out.record({ at, taskId: id, status, phase: task.live?.phase ?? null, deviceCount, counts });
      return;
    }
    const list = statusesOf(task)
      .map(([name, count]) => `${amount(count)} ${name}`)
      .join(', ');
    this.#out.say(`${time(at)}  ${status}${phaseOf(task)}: ${list}`);
  }

  trouble(message: string): void {
    if (this.#isTroubled) return;
    this.#isTroubled = true;
    this.#out.note(`${message} Trying again.`);
  }
}

/** What is worth a line, ordered as people read it; statuses this program does not know come last. */
function statusesOf({ counts }: TaskDetail): [string, number][] {
  const order = (status: string) => {
    const at = (UPGRADE_STATUSES as readonly string[]).indexOf(status);
    return at < 0 ? UPGRADE_STATUSES.length : at;
  };
  return Object.entries(counts)
    .filter(([, count]) => count > 0)
    .sort(([a], [b]) => order(a) - order(b));
}

function endedOf({ counts }: TaskDetail): number {
  return Object.entries(counts).reduce((sum, [status, count]) => sum + (isEnd(status) ? count : 0), 0);
}

function phaseOf({ id, status, live }: TaskDetail): string {
  if (status === 'awaiting_approval') return ` (slipway task approve ${id})`;
  if (live === null || live.phase === status) return '';
  return ` (${live.phase}${live.wakesAt === null || live.phase === 'running' ? '' : ` until ${time(live.wakesAt)}`})`;
}

/** Never 100 % before it is all, never 0 % when it is something. */
function percent(part: number, whole: number): string {
  if (part === 0) return '0 %';
  return `${Math.max(1, part === whole ? 100 : Math.min(99, Math.round((part / whole) * 100)))} %`;
}

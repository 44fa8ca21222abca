/**
 * What people and scripts see: tables and sentences, or JSON, or nothing. Results go to stdout, everything about them
 * to stderr, so that a pipe carries results only.
 */
import { styleText } from 'node:util';
import { EXIT, Failure } from './failures.ts';
import { wantsColours } from './settings.ts';
import { Table, type Column } from './table.ts';
import { cut, oneLine, pad } from './width.ts';

type Colour = 'green' | 'red' | 'yellow' | 'cyan' | 'dim' | 'bold';

const STATUS_COLOURS: Record<string, Colour> = {
  succeeded: 'green',
  finished: 'green',
  created: 'green',
  updated: 'green',
  goes: 'green',
  transferring: 'cyan',
  confirming: 'cyan',
  offered: 'cyan',
  running: 'cyan',
  failed: 'red',
  unproven: 'red',
  expired: 'red',
  partial: 'red',
  reverted: 'red',
  refused: 'red',
  waiting: 'yellow',
  waits: 'yellow',
  paused: 'yellow',
  awaiting_approval: 'yellow',
  cancelling: 'yellow',
  cancelled: 'dim',
  skipped: 'dim',
};

export class Output {
  readonly isJson: boolean;
  readonly #isQuiet: boolean;

  constructor(options: { json?: boolean; quiet?: boolean }) {
    this.isJson = options.json === true;
    this.#isQuiet = options.quiet === true;
  }

  /** Somebody looks at stdout and can be shown what moves. */
  get isLive(): boolean {
    return process.stdout.isTTY && !this.isJson && !this.#isQuiet;
  }

  /** Columns of the terminal; null where nobody looks. */
  get width(): number | null {
    return process.stdout.isTTY ? Math.max(20, process.stdout.columns || 80) : null;
  }

  /** One JSON document, indented for people who look at it. */
  document(value: unknown): void {
    this.#write(`${JSON.stringify(value, null, process.stdout.isTTY ? 2 : 0)}\n`);
  }

  /** One line of a stream of JSON documents. */
  record(value: unknown): void {
    this.#write(`${JSON.stringify(value)}\n`);
  }

  /** A line for people; not with `--json` or `--quiet`. */
  say(line = ''): void {
    if (!this.isJson && !this.#isQuiet) this.#write(`${line}\n`);
  }

  /** The one thing a script wants of a command, shown by `--quiet`: an id for example. */
  essence(value: string | number): void {
    if (this.#isQuiet && !this.isJson) this.#write(`${value}\n`);
  }

  /** Something about the result, for people; on stderr. */
  note(line: string): void {
    if (!this.#isQuiet) process.stderr.write(`${line}\n`);
  }

  /** Rows for people. The same table takes further pages. */
  table<Row>(columns: readonly Column<Row>[]): (rows: readonly Row[]) => void {
    const table = new Table(columns, { width: this.width, bold: (text) => this.paint('bold', text) });
    return (rows) => {
      for (const line of rows.length === 0 ? [] : table.lines(rows)) this.say(line);
    };
  }

  /** Names and values, one below the other; values that are missing are left out. */
  facts(facts: readonly (readonly [name: string, value: string | number | null | undefined])[]): void {
    const known = facts.filter(([, value]) => value !== null && value !== undefined && value !== '');
    const width = Math.max(...known.map(([name]) => name.length));
    for (const [name, value] of known) {
      const text = oneLine(String(value));
      const room = this.width === null ? null : this.width - width - 2;
      this.say(
        `${this.paint('dim', pad(name, width))}  ${room === null || room < 10 ? text : wrapped(text, room, width + 2)}`,
      );
    }
  }

  paint(colour: Colour, text: string): string {
    return process.stdout.isTTY && wantsColours() ? styleText(colour, text) : text;
  }

  /** A status in its colour. */
  status(text: string, status: string = text): string {
    const colour = STATUS_COLOURS[status];
    return colour === undefined ? text : this.paint(colour, text);
  }

  /** Says what went wrong, on stderr, and which exit code that is. */
  failure(error: unknown): number {
    const failure = error instanceof Failure ? error : new Failure((error as Error).message ?? String(error));
    const { message, code, details, requestId, exitCode } = failure;
    if (this.isJson) {
      process.stderr.write(`${JSON.stringify({ error: { code, message, details, requestId, exitCode } })}\n`);
      return exitCode;
    }
    const red = (text: string) => (process.stderr.isTTY && wantsColours() ? styleText('red', text) : text);
    process.stderr.write(`${red('error:')} ${oneLine(message)}\n`);
    if (details.length > 1) {
      for (const detail of details) process.stderr.write(`  - ${oneLine(`${detail.path}: ${detail.message}`)}\n`);
    }
    if (requestId !== null && exitCode === EXIT.unreachable) process.stderr.write(`  request ${requestId}\n`);
    return exitCode;
  }

  #write(text: string): void {
    process.stdout.write(text);
  }
}

/** Text over several lines, each behind so many blanks; words longer than a line are cut. */
function wrapped(text: string, width: number, indent: number): string {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    const longer = line === '' ? word : `${line} ${word}`;
    if (line !== '' && cut(longer, width) !== longer) {
      lines.push(line);
      line = word;
    } else line = longer;
  }
  return [...lines, line].join(`\n${' '.repeat(indent)}`);
}

/** A moment in the time of whoever reads it. */
export function time(moment: string | null | undefined): string {
  if (moment === null || moment === undefined) return '';
  const at = new Date(moment);
  const two = (value: number) => String(value).padStart(2, '0');
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}

/** A number as people read it: 12 345. */
export function amount(value: number): string {
  return String(value).replaceAll(/\B(?=(\d{3})+$)/g, ' ');
}

/** Bytes as people read them. */
export function bytes(count: number): string {
  if (count < 1024) return `${count} B`;
  const units = ['KiB', 'MiB', 'GiB'];
  const power = Math.min(units.length, Math.floor(Math.log2(count) / 10));
  return `${(count / 1024 ** power).toFixed(1)} ${units[power - 1]}`;
}
